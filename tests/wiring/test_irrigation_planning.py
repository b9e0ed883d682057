"""An evening's watering plan in a territory: made, checked, guarded, sent; fall-backs, replays, both clock changes."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from engine.instants import PARIS, noon
from engine.model import CommandState, Level, PlanOrigin
from engine.setpoints.orders import Order
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import StoryClock, Territory
from jobs.domains import DOMAINS
from jobs.irrigation.body import Opening, open_body
from jobs.irrigation.domain import irrigation_day, zones_of
from jobs.irrigation.tables import tables_of
from jobs.planning import PlanRequest, PlanResult, replay, run_plan
from jobs.runs import RunOutcome
from jobs.schedules.loading import built_in
from jobs.schedules.running import run_entry
from jobs.table import JobContext
from jobs.why import explain, to_lines
from jobs.words import LANGUAGES

from .conftest import Fake, readings, tell

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
IRRIGATION = DOMAINS["irrigation"]
SUMMER = date(2026, 7, 6)
CLOCKS = {"spring": (date(2026, 3, 28), 23), "autumn": (date(2026, 10, 24), 25)}
FAILS = "def solve(problem, limits): raise RuntimeError('no tea')"


def evening(day: date) -> datetime:
    return noon(day) + 6 * HOUR


def weather_until(store: Store, territory: Territory, at: datetime, days: int = 32, rain_mm: float = 0.0) -> None:
    """Hourly weather of a dry, warm month before an instant, and probes that dry out with it."""
    (station,) = (asset.id for asset in territory.of_type("WeatherObserved"))
    probes = [asset.id for asset in territory.of_type("GreenspaceRecord")]
    rows: list[tuple[str, str, object, datetime]] = []
    for k in range(days * 24, 0, -1):
        when = at - k * HOUR
        warm = float(np.sin((when.astimezone(PARIS).hour - 9) / 24 * 2 * np.pi))
        told = {
            "temperature": 20 + 7 * warm, "relativeHumidity": 0.6 - 0.25 * warm, "windSpeed": 2.5,
            "solarRadiation": max(0.0, 800 * warm), "precipitation": rain_mm,
        }  # fmt: skip
        rows += [(station, name, value, when) for name, value in told.items()]
        rows += [(probe, "soilMoistureVwc", 0.14 + 0.06 * k / (days * 24), when) for probe in probes]
    tell(store, territory, readings(*rows), at)


@pytest.fixture
def dry(store: Store, territory: Territory) -> datetime:
    """A summer evening after a month without rain."""
    weather_until(store, territory, evening(SUMMER))
    return evening(SUMMER)


def body_of(store: Store, result: PlanResult) -> bytes:
    with store.read() as unit:
        found = unit.plans.get(result.record.id)
        assert found is not None
        return found[1]


def hours_of(openings: Sequence[Opening]) -> set[int]:
    return {at.astimezone(PARIS).hour for _, start, end in openings for at in (start, end - timedelta(seconds=1))}


def test_a_plan_opens_dry_valves_by_night_and_closes_them(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    result = run_plan(store, territory, IRRIGATION, dry, settings)
    valves = {valve.id for valve in territory.of_type("IrrigationValve")}
    openings = open_body(body_of(store, result)).openings

    assert result.record.origin is PlanOrigin.SOLVED
    assert result.record.status == "optimal"
    assert result.points == len(valves)
    assert openings
    assert hours_of(openings) <= {20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7}
    with store.read() as unit:
        queued = {command.point: command for command in unit.commands.in_states([CommandState.QUEUED])}
    assert set(queued) == {f"{valve}/opening" for valve, _, _ in openings}, "who is to stay closed is closed already"
    for valve, start, end in openings:
        program = queued[f"{valve}/opening"].program
        assert (program.at(start), program.at(end - timedelta(seconds=1))) == (1.0, 1.0)
        assert program.steps[-1][1] == 0.0


def test_no_network_is_asked_for_more_than_it_carries(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    found = open_body(body_of(store, run_plan(store, territory, IRRIGATION, dry, settings)))
    zones, networks = found.problem.hydrozones, found.problem.networks
    flow = dict(zip(zones.names, zones.flow_m3_h.tolist(), strict=True))
    supply = dict(zip(zones.names, zones.network.tolist(), strict=True))

    for _, at, _ in found.openings:
        drawn = np.zeros(len(networks.names))
        for valve, start, end in found.openings:
            if start <= at < end:
                drawn[supply[valve]] += flow[valve]
        assert (drawn <= networks.capacity_m3_h + 1e-6).all()


def test_the_scheduled_job_plans_and_says_so(service: JobContext, dry: datetime) -> None:
    service = replace(service, clock=StoryClock(dry))
    outcome: RunOutcome = run_entry(service, built_in(), "plan-irrigation", dry)

    assert outcome.run.state is RunState.DONE
    assert outcome.run.occurrence == "2026-07-06T16:00:00Z"
    again = run_entry(service, built_in(), "plan-irrigation-again", dry + 2 * HOUR)
    assert again.run.report.counts["there"] == 1, "there is a plan already"


def test_the_evening_s_plan_asked_for_after_noon_says_that_it_is_over(service: JobContext, dry: datetime) -> None:
    service = replace(service, clock=StoryClock(dry + 20 * HOUR))
    outcome = run_entry(service, built_in(), "plan-irrigation", dry + 20 * HOUR)

    assert outcome.run.state is RunState.SKIPPED
    assert outcome.run.report.error == (
        "seen at 2026-07-06T16:00:00Z it is of 2026-07-06T10:00:00Z to 2026-07-07T10:00:00Z, which is over → "
        "consigne run replan-irrigation plans what is under way"
    )
    again = run_entry(service, built_in(), "replan-irrigation", dry + 20 * HOUR)
    assert again.run.state is RunState.DONE, again.run.report


def under(territory: Territory, order: Order) -> Territory:
    """The territory with an order on every point."""
    bound = replace(territory, assets=territory.assets)
    bound.__dict__["points"] = {name: replace(point, orders=(order,)) for name, point in territory.points.items()}
    return bound


def test_water_given_before_a_night_is_planned_again_counts_in_its_share(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    half = Order("drought-7", "half of usual water", start=SUMMER, until=SUMMER + DAY, share=0.5)
    bound = under(territory, half)
    first = open_body(body_of(store, run_plan(store, bound, IRRIGATION, dry, settings)))
    _, _, end = first.openings[0]
    again = open_body(body_of(store, run_plan(store, bound, IRRIGATION, end, settings)))
    flow = dict(zip(first.valves, first.problem.hydrozones.flow_m3_h.tolist(), strict=True))
    given = sum(flow[valve] * (min(b, end) - a) / HOUR for valve, a, b in first.openings if a < end)

    assert first.problem.budgets is not None and again.problem.budgets is not None
    assert given > 0
    assert again.problem.budgets.limit_m3[0] == pytest.approx(first.problem.budgets.limit_m3[0] - given)
    assert sum(again.planned_m3.values()) <= first.problem.budgets.limit_m3[0] + 1e-6


def test_no_order_withholds_water_where_there_is_none(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    found = open_body(body_of(store, run_plan(store, territory, IRRIGATION, dry, settings)))

    assert found.head["ordered"] == [False] * len(found.valves)


def test_an_order_that_takes_hours_of_the_night_gives_way_as_was_decided(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    closed = Order("drought-7", "no watering at night", at_most=0.0, start=SUMMER, until=SUMMER + DAY,
                   hours=(time(19), time(9)), text_fr="arrosage interdit la nuit")  # fmt: skip
    result = run_plan(store, under(territory, closed), IRRIGATION, dry, settings)
    found = open_body(body_of(store, result))

    assert found.openings == []
    assert found.head["ordered"] == [True] * len(found.valves)
    assert result.record.detail["gives_way"] is True
    told = [note["en"] for note in result.record.detail["notes"]]
    assert any("no hour is allowed tonight" in line and "no watering at night" in line for line in told), told


def test_it_is_solved_again_to_the_byte(service: JobContext, dry: datetime) -> None:
    made = run_plan(service.store, service.territory, IRRIGATION, dry, service.settings)
    again = replay(service, IRRIGATION, made.record.id)

    assert (again.equal, again.reproducible) == (True, True)


def test_why_a_valve_is_open_is_told_with_its_soil_and_weather(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    result = run_plan(store, territory, IRRIGATION, dry, settings)
    valve, start, _ = open_body(body_of(store, result)).openings[0]
    found = explain(store, territory, f"{valve}/opening", start)

    assert found.piece is not None and found.piece.winner is not None
    assert (found.piece.value, found.piece.winner.level) == (1.0, Level.DAY_AHEAD_PLAN)
    assert found.behind["plan"] == result.record.id
    assert found.behind["open"] is True
    assert found.behind["depletion_mm"] > 0
    assert found.behind["reason"]["fr"] != found.behind["reason"]["en"]
    for lang in LANGUAGES:
        lines = to_lines(found, lang)
        raw = [line for line in lines if re.search(r"[a-z]_[a-z]|\bTrue\b|\bNone\b|\[", line)]
        assert raw == [], lang
        assert sum("ET0" in line for line in lines) == 1
    assert found.command is not None


@pytest.mark.parametrize("change", CLOCKS)
def test_on_the_nights_the_clock_changes_the_day_has_its_hours_and_valves_their_own(
    change: str, store: Store, territory: Territory, settings: Settings
) -> None:
    day, hours = CLOCKS[change]
    at = evening(day)
    weather_until(store, territory, at)
    result = run_plan(store, territory, IRRIGATION, at, settings)
    openings = open_body(body_of(store, result)).openings

    assert result.record.origin is PlanOrigin.SOLVED
    assert (result.record.start, result.record.until - result.record.start) == (noon(day), hours * HOUR)
    assert openings
    assert hours_of(openings) <= {20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7}


@pytest.mark.parametrize("change", CLOCKS)
def test_a_lighting_day_and_a_watering_day_are_one(change: str) -> None:
    day, _ = CLOCKS[change]
    for at in (noon(day), noon(day) + 12 * HOUR, noon(day + DAY) - timedelta(microseconds=1)):
        assert irrigation_day(at) == DOMAINS["lighting"].span(at) == (noon(day), noon(day + DAY))


def test_without_weather_for_days_what_is_dry_is_refilled_and_people_are_told(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    late = dry + 4 * DAY
    result = run_plan(store, territory, IRRIGATION, late, settings)

    assert result.record.origin is PlanOrigin.RULES_ONLY
    assert result.record.detail["why"][0][1].startswith("no weather station told anything for 3 days before ")
    assert hours_of(open_body(body_of(store, result)).openings) <= {20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7}
    with store.read() as unit:
        alarms = [alarm.rule for alarm in unit.alarms.of_rule("plan-fallback") if alarm.asset == "irrigation"]
    assert alarms == ["plan-fallback"]


def test_a_territory_that_never_told_any_weather_goes_by_its_timer(
    store: Store, territory: Territory, settings: Settings
) -> None:
    result = run_plan(store, territory, IRRIGATION, evening(SUMMER), settings)

    assert result.record.origin is PlanOrigin.RULES_ONLY
    assert any("of the monthly timer" in reason for reason in result.record.detail["reasons"])


def test_where_the_solver_fails_last_nights_cycles_are_done_again(
    store: Store, territory: Territory, settings: Settings, dry: datetime, fake: Fake
) -> None:
    first = run_plan(store, territory, IRRIGATION, dry, settings)
    weather_until(store, territory, dry + DAY, days=1)
    result = run_plan(store, territory, fake(FAILS, "irrigation"), dry + DAY, settings)
    before, after = (open_body(body_of(store, one)) for one in (first, result))

    assert result.record.origin is PlanOrigin.SHIFTED
    assert result.record.detail["of"] == first.record.id
    assert (after.cycles <= before.cycles).all()
    assert all(start >= noon(SUMMER + DAY) for _, start, _ in after.openings)


def test_where_the_solver_fails_and_there_was_no_plan_the_rules_go_on(
    store: Store, territory: Territory, settings: Settings, dry: datetime, fake: Fake
) -> None:
    result = run_plan(store, territory, fake(FAILS, "irrigation"), dry, settings)

    assert result.record.origin is PlanOrigin.RULES_ONLY
    assert [step for step, _ in result.record.detail["why"]] == ["solve", "shift"]


def test_a_plan_that_hides_what_it_breaks_is_refused(
    store: Store, territory: Territory, settings: Settings, dry: datetime, fake: Fake
) -> None:
    hides = (
        "def solve(problem, limits):\n    plan = irrigation.solve(problem, limits)\n"
        "    return replace(plan, start_s=plan.start_s - 36000, end_s=plan.end_s - 36000)"
    )
    result = run_plan(store, territory, fake(hides, "irrigation"), dry, settings)

    assert result.record.origin is PlanOrigin.RULES_ONLY
    assert "the plan breaks what it does not own up to" in result.record.detail["why"][0][1]


def test_planned_again_in_the_night_what_is_over_stays_and_what_is_open_closes(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    first = open_body(body_of(store, run_plan(store, territory, IRRIGATION, dry, settings)))
    valve, start, end = first.openings[0]
    amid = start + (end - start) / 2
    result = run_plan(store, territory, IRRIGATION, amid, settings)
    again = open_body(body_of(store, result))

    assert (valve, start, amid) in again.openings
    assert all(at < amid or at >= amid + timedelta(minutes=5) for _, at, _ in again.openings)
    assert all(until <= amid for _, at, until in again.openings if at < amid)
    with store.read() as unit:
        (newest,) = (slot for slot in unit.slots.arrays([f"{valve}/opening"], amid)[f"{valve}/opening"]
                     if slot.version == result.record.id)  # fmt: skip
    assert newest.program.at(amid) == 0.0
    assert newest.program.at(start) == 1.0


def test_planned_again_in_the_night_no_valve_opens_before_its_last_cycle_has_soaked_in(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    first = open_body(body_of(store, run_plan(store, territory, IRRIGATION, dry, settings)))
    zones = first.problem.hydrozones
    soak = dict(zip(first.valves, zones.soak_s.tolist(), strict=True))
    valve, start, end = next(one for one in first.openings if soak[one[0]] > 600)
    again = open_body(body_of(store, run_plan(store, territory, IRRIGATION, end, settings)))
    ready = end + timedelta(seconds=soak[valve])

    assert (valve, start, end) in again.openings
    assert all(at >= ready for name, at, _ in again.openings if name == valve and at >= end)
    mine = again.problem.windows.allowed[again.valves.index(valve)] & (again.problem.windows.night == 0)
    assert again.problem.windows.start_s[mine].min() == (ready - again.start).total_seconds()


def test_a_hydrozone_that_cannot_be_read_stays_closed_and_stops_no_other(
    store: Store, territory: Territory, settings: Settings, dry: datetime
) -> None:
    wrong, *_ = (valve.id for valve in territory.of_type("IrrigationValve"))
    assets = tuple(
        replace(one, attributes={**one.attributes, "flow_m3_h": -1}) if one.id == wrong else one
        for one in territory.assets
    )
    result = run_plan(store, replace(territory, assets=assets), IRRIGATION, dry, settings)
    found = open_body(body_of(store, result))

    assert result.record.origin is PlanOrigin.SOLVED
    assert list(found.head["left_out"]) == [wrong]
    assert wrong not in {valve for valve, _, _ in found.openings}
    assert any(wrong in note["fr"] for note in result.record.detail["notes"])


def test_a_proposed_plan_asks_nothing(store: Store, territory: Territory, settings: Settings, dry: datetime) -> None:
    result = run_plan(store, territory, IRRIGATION, dry, settings, PlanRequest(dry, propose=True))

    assert result.commands == 0


def test_each_valve_of_the_sample_is_a_hydrozone(territory: Territory, settings: Settings) -> None:
    zones = zones_of(territory, tables_of(settings), evening(SUMMER))

    assert len(zones) == len(territory.of_type("IrrigationValve"))
    assert zones.left_out == {}
