"""`consigne irrigation`: hydrozones as they are believed to be, and what nights of watering came to."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from engine.errors import ConsigneError, InputError
from engine.instants import isoformat, noon
from engine.model import PlanOrigin
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.cli import irrigation as command
from jobs.domains import DOMAINS
from jobs.irrigation.body import open_body
from jobs.irrigation.reporting import water_report
from jobs.nights import LONGEST
from jobs.planning import run_plan

from .conftest import readings, tell
from .test_irrigation_planning import body_of, evening, weather_until

NIGHT = date(2026, 7, 6)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def consigne(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    for name, value in (("DATABASE_URL", settings.database_url), ("DATASETS_DIR", settings.datasets_dir)):
        monkeypatch.setenv(f"CONSIGNE_{name}", str(value))
    monkeypatch.setattr("jobs.cli.common._out", Console(width=300))

    def run(*words: str, lang: str = "en") -> Result:
        monkeypatch.setenv("CONSIGNE_LANG", lang)
        return CliRunner().invoke(command.app, list(words))

    yield run


@pytest.fixture
def planned_m3(store: Store, territory: Territory, settings: Settings) -> dict[str, float]:
    """A dry evening's plan, done by every valve as it was asked, and metered by them and by their network."""
    weather_until(store, territory, evening(NIGHT))
    result = run_plan(store, territory, DOMAINS["irrigation"], evening(NIGHT), settings)
    assert result.record.origin is PlanOrigin.SOLVED
    found = open_body(body_of(store, result))
    rows: list[tuple[str, str, object, datetime]] = []
    flow = dict(zip(found.valves, found.problem.hydrozones.flow_m3_h.tolist(), strict=True))
    for valve, start, end in found.openings:
        for k in range((end - start) // MINUTE + 1):
            at = start + k * MINUTE
            rows += [(valve, "opening", float(at < end), at), (valve, "flow", flow[valve] * (at < end), at)]
    total = sum(found.planned_m3.values())
    (network,) = found.problem.networks.names
    rows += [
        (network, "waterConsumed", 1000.0, noon(NIGHT)),
        (network, "waterConsumed", 1000.0 + 1.1 * total, noon(NIGHT + DAY)),
    ]
    tell(store, territory, readings(*rows), noon(NIGHT + DAY))
    return found.planned_m3


def test_each_hydrozone_with_its_soil_its_probe_and_tonights_water(
    consigne: Callable[..., Result], planned_m3: dict[str, float]
) -> None:
    said = consigne("zones", "--at", isoformat(evening(NIGHT) + MINUTE), "--json")
    assert said.exit_code == 0, said.output
    rows = {row["valve"]: row for row in json.loads(said.output)}

    assert rows.keys() == planned_m3.keys()
    for valve, row in rows.items():
        assert 0 <= row["depletion_mm"] <= row["taw_mm"]
        assert 0 < row["raw_mm"] < row["taw_mm"]
        assert row["sd_mm"] > 0
        assert (row["known_by"], bool(row["verdict"])) == ("probe", True)
        assert row["m3"] == pytest.approx(planned_m3[valve])
        assert row["lacks"] == (row["depletion_mm"] > row["raw_mm"])
        assert row["watered_at"] is None


def test_a_valve_that_was_seen_open_says_when(consigne: Callable[..., Result], planned_m3: dict[str, float]) -> None:
    rows = json.loads(consigne("zones", "--at", isoformat(noon(NIGHT + DAY)), "--json").output)

    seen = {row["valve"] for row in rows if row["watered_at"] is not None}
    assert seen == {valve for valve, volume in planned_m3.items() if volume > 0}
    assert all(row["cycles"] is None for row in rows), "of the night to come there is no plan yet"


def test_of_a_demo_the_end_of_its_night_is_shown_and_not_today(
    consigne: Callable[..., Result], planned_m3: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen_in = command.chosen_in
    monkeypatch.setattr(command, "chosen_in", lambda lang, _demo: chosen_in(lang))
    monkeypatch.setattr("jobs.cli.nights.demo_night", lambda _folder: NIGHT)
    rows = json.loads(consigne("zones", "--demo", "--json").output)

    assert {row["valve"]: row["m3"] for row in rows} == pytest.approx(planned_m3)


@pytest.mark.parametrize(("lang", "head"), [("en", "4 hydrozones; "), ("fr", "4 hydrozones ; ")])
def test_people_read_a_table_in_their_language(
    lang: str, head: str, consigne: Callable[..., Result], planned_m3: dict[str, float],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    said = consigne("zones", "--at", isoformat(evening(NIGHT) + MINUTE), lang=lang)

    assert said.exit_code == 0, said.output
    assert said.output.startswith(head)
    assert all(valve in said.output for valve in planned_m3)


def test_a_night_is_reported_by_network_and_garden_beside_the_timer(
    consigne: Callable[..., Result], planned_m3: dict[str, float], territory: Territory
) -> None:
    found = json.loads(consigne("report", "--night", "2026-07-06", "--json").output)
    total = sum(planned_m3.values())

    assert found["planned"] == ["2026-07-06"]
    assert found["territory"]["planned_m3"] == pytest.approx(total)
    assert found["territory"]["measured_m3"] == pytest.approx(1.1 * total), "by the network's meter"
    (network,) = found["networks"].values()
    assert network["measured_m3"] == pytest.approx(1.1 * total)
    assert set(found["gardens"]) == {garden.id for garden in territory.of_type("Garden")}
    assert sum(one["planned_m3"] for one in found["gardens"].values()) == pytest.approx(total)
    assert sum(one["measured_m3"] for one in found["gardens"].values()) == pytest.approx(total, rel=0.02)
    assert found["territory"]["timer_m3"] > 0
    assert 0 <= found["territory"]["stress_days"] <= len(planned_m3)


def test_nights_without_a_plan_are_named_and_counted_nowhere(
    consigne: Callable[..., Result], planned_m3: dict[str, float]
) -> None:
    said = consigne("report", "--from", "2026-07-05", "--to", "2026-07-07")

    assert said.exit_code == 0, said.output
    assert "2 nights without a plan in force, the first 2026-07-05: not counted." in said.output


def test_no_night_with_a_plan_and_too_many_nights_are_told(
    store: Store, territory: Territory, settings: Settings
) -> None:
    with pytest.raises(ConsigneError, match="no plan was in force from 2026-07-06 to 2026-07-06"):
        water_report(store, territory, settings, NIGHT, NIGHT)
    with pytest.raises(InputError, match=f"name 1 to {LONGEST}"):
        water_report(store, territory, settings, NIGHT, NIGHT + LONGEST * DAY)
