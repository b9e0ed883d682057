"""Orders, events and rain through the store: planned, settled, told, decided, and planned again."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from engine.alarms import current
from engine.errors import InputError
from engine.instants import PARIS, to_us
from engine.model import AlarmState, Level, Program, Slot
from engine.setpoints.events import EventEntry
from engine.setpoints.orders import OrderEntry
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import Territory, lighting_in
from jobs.cli.alarms import _told as alarm_told
from jobs.cli.app import app
from jobs.cli.plans import _told as plan_told
from jobs.domains import DOMAINS
from jobs.lighting.body import open_body
from jobs.lighting.domain import build, task_of
from jobs.lighting.night import SLOT
from jobs.planning import PlanResult, run_plan
from jobs.planning.committing import CONFLICT, commit_plan, report_of
from jobs.planning.domain import PlanRequest
from jobs.planning.making import make_plan
from jobs.settling import settle_points
from jobs.table import JobContext
from jobs.why import explain, to_json, to_lines
from tests.conftest import BOTH
from tests.wiring.conftest import NOON, readings, tell

HOUR = timedelta(hours=1)
LIGHTING = DOMAINS["lighting"]
TWO = NOON + 14 * HOUR
"""Two in the morning, in the middle of the switch-off."""
GAUGE = "W-49329-0001"
WORDS = {"fr": "coupure de nuit", "en": "night switch-off"}
COMMUNE = "49329"


def cut(**changes: Any) -> OrderEntry:
    written = {
        "id": "cut", "authority": {"fr": "maire", "en": "mayor"}, "number": "1", "dated": date(2026, 1, 1),
        "text": WORDS, "points": {"type": "Streetlight", "point": "illuminanceLevel", "communes": [COMMUNE]},
        "from": date(2026, 1, 1), "until": date(2027, 1, 1), "hours": "23:30-05:30", "at_most": 0.0,
    }  # fmt: skip
    return OrderEntry.model_validate(written | changes)


def event(**changes: Any) -> EventEntry:
    written = {
        "id": "fair", "text": {"fr": "foire", "en": "fair"}, "place": {"communes": [COMMUNE]},
        "from": NOON.date(), "until": NOON.date(), "hours": "21:00-02:30", "full": True, "lifts": ["cut"],
    }  # fmt: skip
    return EventEntry.model_validate(written | changes)


@pytest.fixture
def under(territory: Territory, settings: Settings) -> Callable[..., Territory]:
    def made(*orders: OrderEntry, events: tuple[EventEntry, ...] = ()) -> Territory:
        return replace(territory, orders=orders, events=events, tables=lighting_in(settings))

    return made


def crossings(territory: Territory) -> list[str]:
    return [lamp.id for lamp in territory.of_type("Streetlight") if lamp.attributes["crossing"]]


def told(store: Store, at: datetime) -> dict[str, float]:
    """What the newest command of each lamp has it do at an instant."""
    with store.read() as unit:
        newest = unit.commands.newest([f"{a}/illuminanceLevel" for a in lamps_of(unit)])
        return {point.split("/")[0]: command.program.at(at) or 0.0 for point, command in newest.items()}


def planned(store: Store, result: PlanResult, at: datetime) -> dict[str, float]:
    """What the plan asks of each lamp at an instant."""
    with store.read() as unit:
        found = unit.plans.get(result.record.id)
    assert found is not None
    body = open_body(found[1])
    return dict(zip(body.lamps, body.flux[:, (at - body.start) // SLOT].tolist(), strict=True))


def lamps_of(unit: Any) -> list[str]:
    return [asset.id for asset in unit.inventory.assets() if asset.type == "Streetlight"]


def plan(store: Store, territory: Territory, settings: Settings, at: datetime = NOON) -> PlanResult:
    return run_plan(store, territory, LIGHTING, at, settings)


@BOTH
def test_a_crossing_stays_lit_from_plan_to_command_until_somebody_decides(
    store: Store, under: Callable[..., Territory], settings: Settings
) -> None:
    territory = under(cut())
    names = crossings(territory)
    result = plan(store, territory, settings)
    assert result.record.status == "best_effort"
    assert {one.object for one in result.violations} >= set(names)
    lit, asked = told(store, TWO), planned(store, result, TWO)
    assert {name: lit[name] for name in names} == {name: asked[name] for name in names}  # settling takes none of it
    full = {lamp.id: lamp.attributes for lamp in territory.of_type("Streetlight")}
    assert all(lit[name] >= 0.2 for name in names)
    dark = [name for name, level in lit.items() if level == 0]
    assert len(dark) > 100
    assert all(full[name]["counter"] for name in dark)
    with store.read() as unit:
        alarm = current(unit.alarms, CONFLICT, "cut")
    assert alarm is not None
    assert (alarm.state, alarm.detail["crossings"]) == (AlarmState.UNACKNOWLEDGED, names)
    assert "coupure de nuit" in alarm.detail["about"]["fr"]
    assert names[0] in alarm.detail["about"]["en"]
    because = next(line for line in alarm_told(alarm, [alarm], NOON, "en") if line.startswith("Because: "))
    assert because.startswith(f"Because: order cut at 0 for {alarm.detail['crossings'][0]} ← floor ")
    shown = [line for line in plan_told(result.record, 0, "en") if line.startswith("  ceiling of ")]
    assert 0 < len(shown) == min(len(result.violations), 20)

    decided = under(cut(crossings="lit"))
    again = plan(store, decided, settings, NOON + HOUR)
    assert (again.record.status, again.violations) == ("optimal", ())
    assert {name: told(store, TWO)[name] for name in names} == {name: lit[name] for name in names}
    with store.read() as unit:
        alarm = current(unit.alarms, CONFLICT, "cut")
    assert alarm is None or alarm.cleared_at is not None

    dimmed = plan(store, under(cut(crossings="dark")), settings, NOON + 2 * HOUR)
    assert dimmed.record.status == "optimal"
    assert all(told(store, TWO)[name] == 0 for name in names)


def test_a_run_with_a_conflict_is_degraded(
    store: Store, under: Callable[..., Territory], settings: Settings, service: JobContext
) -> None:
    context = replace(service, territory=under(cut()))
    made = make_plan(context, LIGHTING, PlanRequest(NOON))
    with store.begin() as unit:
        report = report_of(made, commit_plan(unit, context.territory, LIGHTING, made, NOON))
    assert report.state is RunState.DEGRADED
    assert report.counts["violations"] >= len(crossings(context.territory))


def test_the_alarm_stands_once_however_often_it_is_planned(
    store: Store, under: Callable[..., Territory], settings: Settings
) -> None:
    territory = under(cut())
    plan(store, territory, settings)
    with store.read() as unit:
        first = current(unit.alarms, CONFLICT, "cut")
    plan(store, territory, settings, NOON + HOUR)
    with store.read() as unit:
        assert current(unit.alarms, CONFLICT, "cut") == first


def test_without_any_plan_a_switch_off_leaves_the_crossing_its_class(
    store: Store, under: Callable[..., Territory]
) -> None:
    """What is wanted at levels 8 to 16 is bound, but for what people need."""
    territory = under(cut())
    crossing, street = crossings(territory)[0], territory.of_type("Streetlight")[-1].id
    assert street not in crossings(territory)
    span = Program.constant(1.0, NOON, NOON + 24 * HOUR)
    points = [f"{crossing}/illuminanceLevel", f"{street}/illuminanceLevel"]
    with store.begin() as unit:
        unit.slots.put([Slot(point, Level.DAY_AHEAD_PLAN, "test:plan", span, NOON, "v", "full") for point in points])
        settle_points(unit, territory, points, NOON)
        asked = {point: command.program for point, command in unit.commands.newest(points).items()}
    assert [program.at(NOON + HOUR) for program in asked.values()] == [1.0, 1.0]
    low, high = sorted((asked[point].at(TWO) or 0.0) for point in points)
    assert (low, high) == (0.0, asked[points[0]].at(TWO))
    assert 0.2 < high < 1


def test_why_tells_of_order_and_conflict_in_the_readers_language(
    store: Store, under: Callable[..., Territory], settings: Settings
) -> None:
    territory = under(cut())
    plan(store, territory, settings)
    point = f"{crossings(territory)[0]}/illuminanceLevel"
    found = explain(store, territory, point, TWO)
    assert to_json(found)["behind"]["order"].keys() == {"en", "fr"}
    french, english = ("\n".join(to_lines(found, lang)) for lang in ("fr", "en"))
    assert "arrêté : non respecté, jusqu'à décision : cut : coupure de nuit (maire, arrêté 1 du 2026-01-01)" in french
    assert "order: not kept, until somebody decides: cut: night switch-off (mayor, order 1 of 2026-01-01)" in english


def test_an_event_lights_the_street_through_the_switch_off_it_lifts(
    store: Store, under: Callable[..., Territory], settings: Settings
) -> None:
    territory = under(cut(crossings="lit"), events=(event(),))
    result = plan(store, territory, settings)
    assert result.violations == ()
    at_one, at_three = told(store, NOON + 13 * HOUR), told(store, NOON + 15 * HOUR)
    here = [lamp.id for lamp in territory.of_type("Streetlight") if territory.communes[lamp.zone] == COMMUNE]
    assert all(at_one[name] == 1 for name in here)
    assert sum(at_three[name] == 0 for name in here) > 100
    assert not result.record.detail["orders"]
    found = explain(store, territory, f"{here[0]}/illuminanceLevel", NOON + 13 * HOUR)
    assert found.behind["raised_by"] == {"en": "event: fair", "fr": "événement : foire"}


class TestRain:
    def wet(self, store: Store, territory: Territory, settings: Settings, at: datetime) -> list[str]:
        """Local times at which wet stretches begin and end."""
        with store.read() as unit:
            task = build(unit, territory, at, settings)
        wet = task.around.wet
        assert wet is not None
        turns = [t for t in range(1, len(wet)) if wet[t] != wet[t - 1]]
        return [task.night.slots[t].astimezone(PARIS).strftime("%H:%M") for t in turns]

    def forecast(self, store: Store, rows: list[tuple[float, float | None, float]], issued: datetime = NOON) -> None:
        """Rows of hours after noon, quantile, mm."""
        values = pl.DataFrame(
            {
                "variable": ["rain"] * len(rows),
                "place": ["angers"] * len(rows),
                "valid_at": [to_us(NOON + h * HOUR) for h, _, _ in rows],
                "quantile": [q for _, q, _ in rows],
                "value": [mm for _, _, mm in rows],
            },
            schema_overrides={"quantile": pl.Float64},
        )
        with store.begin() as unit:
            unit.forecasts.save(
                "weather", values, issued_at=issued, received_at=issued, step=HOUR, detail={"from": "test"}
            )

    def test_forecast_rain_and_two_hours_to_dry(self, store: Store, territory: Territory, settings: Settings) -> None:
        self.forecast(store, [(h, q, mm) for h in range(24) for q, mm in ((0.5, 0.0), (0.9, 0.5 if h == 11 else 0.1))])
        assert self.wet(store, territory, settings, NOON) == ["23:00", "02:00"]

    def test_of_the_quantiles_known_the_next_above_the_chance_is_looked_at(
        self, store: Store, territory: Territory, settings: Settings
    ) -> None:
        rows = [(11, 0.5, 1.0), (11, 0.9, 1.0), (12, 0.5, 1.0), (13, 0.99, 3.0), (13, 0.9, 0.0), (14, None, 0.3)]
        self.forecast(store, [(h, q, mm) for h, q, mm in rows])
        assert self.wet(store, territory, settings, NOON) == ["23:00", "05:00"]

    def test_what_was_not_known_then_counts_for_nothing_and_the_plan_says_so(
        self, store: Store, territory: Territory, settings: Settings
    ) -> None:
        self.forecast(store, [(11, 0.9, 5.0)], issued=NOON + HOUR)
        with store.read() as unit:
            early, late = (build(unit, territory, NOON + h * HOUR, settings) for h in (0, 2))
        assert early.around.wet is not None
        assert late.around.wet is not None
        assert not early.around.wet.any()
        assert late.around.wet.any()
        assert "rain is not forecast: weather is missing" in early.reasons
        assert not any("rain" in reason for reason in late.reasons)

    @pytest.mark.parametrize(
        ("written", "told"),
        [("sources: {weather: {format: xml}}\n", "forecasts.yaml:1"), ("sources: {}\n", "no rain of weather")],
    )
    def test_a_file_of_sources_that_is_wrong_or_has_none_leaves_no_street_without_a_plan(
        self, store: Store, territory: Territory, settings: Settings, tmp_path: Path, written: str, told: str
    ) -> None:
        (tmp_path / "forecasts.yaml").write_text(written)
        with store.read() as unit:
            task = task_of(unit, territory, NOON, settings.model_copy(update={"rules_dir": tmp_path}))
        (reason,) = (one for one in task.reasons if "rain is not forecast" in one)
        assert told in reason

    def test_while_a_gauge_catches_rain_the_rest_of_the_night_is_wet(
        self, store: Store, territory: Territory, settings: Settings
    ) -> None:
        at = NOON + 9 * HOUR
        tell(store, territory, readings((GAUGE, "precipitation", 0.2, at - HOUR / 4)), at)
        assert self.wet(store, territory, settings, at) == ["21:00"]
        assert self.wet(store, territory, settings, at - HOUR / 2) == []

    def test_once_it_is_over_the_road_dries_two_hours_after_the_last_tip(
        self, store: Store, territory: Territory, settings: Settings
    ) -> None:
        at = NOON + 9 * HOUR
        fell = [(GAUGE, "precipitation", mm, at - k * HOUR / 4) for k, mm in ((3, 0.6), (2, 0.2), (1, 0.1), (0, 0.0))]
        tell(store, territory, readings(*fell), at)
        assert self.wet(store, territory, settings, at) == ["21:00", "22:30"]

    @pytest.mark.usefixtures("history")
    def test_a_wet_night_is_planned_at_the_normal_class_and_told_by_why(
        self, store: Store, territory: Territory, settings: Settings
    ) -> None:
        plan(store, territory, settings)
        dry = told(store, TWO)
        self.forecast(store, [(h, 0.9, 1.0) for h in range(24)], issued=NOON + HOUR / 2)
        plan(store, territory, settings, NOON + HOUR)
        wet = told(store, TWO)
        assert all(wet[name] >= level for name, level in dry.items())
        assert sum(wet[name] > level for name, level in dry.items()) > 50
        brighter = next(name for name, level in dry.items() if wet[name] > level)
        found = explain(store, territory, f"{brighter}/illuminanceLevel", TWO)
        assert "chaussée mouillée : au moins la classe normale" in "\n".join(to_lines(found, "fr"))


def test_an_order_with_hours_bounds_to_the_second(
    store: Store, under: Callable[..., Territory], settings: Settings
) -> None:
    """The plan leaves a slot that is covered in part alone; what is sent goes dark when the order begins."""
    territory = under(cut(hours="23:40-05:20", crossings="dark"))
    plan(store, territory, settings)
    begins = datetime.combine(NOON.date(), time(23, 40), PARIS)
    before, after = told(store, begins - timedelta(seconds=1)), told(store, begins)
    here = [lamp.id for lamp in territory.of_type("Streetlight") if territory.communes[lamp.zone] == COMMUNE]
    assert all(before[name] > 0 and after[name] == 0 for name in here)


def test_rules_check_reads_orders_and_events_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """A lifted order is looked for among those of the same folder; where these cannot be read that is told alone."""
    folder = tmp_path / "rules"
    shutil.copytree(settings.rules_dir, folder)
    (folder / "events.yaml").write_text(
        "events:\n  - id: fair\n    text: {fr: foire, en: fair}\n    from: 2026-06-01\n    until: 2026-06-02\n"
        "    full: true\n    lifts: [cut]\n"
    )
    monkeypatch.setattr("jobs.cli.common.settings", lambda: settings.model_copy(update={"rules_dir": folder}))
    found = CliRunner().invoke(app, ["rules", "check", str(folder)]).exception
    assert "events.yaml:7:12 'cut' is no order → orders.yaml has none" in str(found)
    (folder / "orders.yaml").write_text("orders: [{id: cut}]\n")
    found = CliRunner().invoke(app, ["rules", "check", str(folder)]).exception
    assert isinstance(found, InputError)
    assert "orders.yaml:1" in str(found)
    assert "events.yaml" not in str(found)
