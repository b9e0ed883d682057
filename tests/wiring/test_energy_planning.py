"""A day and a half of buildings in a territory: planned, checked, guarded, sent; fall-backs, replays, clock changes."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from engine.errors import ConsigneError
from engine.instants import PARIS
from engine.model import CommandState, Level, PlanOrigin, Program
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import StoryClock, Territory
from jobs.domains import DOMAINS
from jobs.energy.body import Body, open_body, with_plan
from jobs.energy.domain import energy_span
from jobs.energy.reporting import energy_report, site_states
from jobs.planning import PlanRequest, PlanResult, make_plan, replay, run_plan
from jobs.planning.committing import commit_plan, report_of
from jobs.schedules.loading import built_in
from jobs.schedules.running import run_entry
from jobs.table import JobContext
from jobs.why import explain, to_lines
from jobs.words import LANGUAGES
from optimizers.result import PLAIN_RULES

from .conftest import Fake, readings, tell

HOUR = timedelta(hours=1)
ENERGY = DOMAINS["energy"]
MORNING = datetime(2026, 11, 24, 5, 20, tzinfo=UTC)  # a Tuesday of school, 06:20 in Paris
BATTERY, CHARGER, HEATER, SPORTS = "BT-49329-0001", "EV-49329-0001", "WH-49329-0001", "B-49329-0002"
SCHOOL, ROOF = "B-49329-0001", "PV-49329-0001"


def equipment(store: Store, territory: Territory, at: datetime, **told: float) -> None:
    """What devices tell at an instant: half charged, cool rooms, one vehicle that wants 20 kWh by 15:00."""
    values = {"soc": 0.5, "room_c": 15.0, "tank_c": 55.0, "wanted_wh": 20_000.0, "departs_s": 9 * 3600.0} | told
    rows: list[tuple[str, str, object, datetime]] = []
    rows += [(a.id, "stateOfCharge", values["soc"], at) for a in territory.of_type("StorageBatteryDevice")]
    rows += [(a.id, "temperature", values["room_c"], at) for a in territory.of_type("IndoorEnvironmentObserved")]
    rows += [(a.id, "temperature", values["tank_c"], at) for a in territory.of_type("WaterHeater")]
    rows += [(CHARGER, "vehicleConnected", True, at), (CHARGER, "energyWanted", values["wanted_wh"], at)]
    rows += [(CHARGER, "departureIn", values["departs_s"], at)]
    tell(store, territory, readings(*rows), at)


@pytest.fixture
def morning(store: Store, territory: Territory) -> datetime:
    equipment(store, territory, MORNING - timedelta(minutes=5))
    return MORNING


FAILS = "def solve(problem, limits): raise RuntimeError('no tea')"
CLOCKS = {"spring": datetime(2026, 3, 28, 5, 0, tzinfo=UTC), "autumn": datetime(2026, 10, 24, 5, 0, tzinfo=UTC)}


def body_of(store: Store, result: PlanResult) -> bytes:
    with store.read() as unit:
        found = unit.plans.get(result.record.id)
        assert found is not None
        return found[1]


def opened(store: Store, result: PlanResult) -> Body:
    return open_body(body_of(store, result))


def programs(store: Store, result: PlanResult) -> dict[str, Program]:
    return {slot.point: slot.program for slot in ENERGY.to_setpoints(body_of(store, result), "", MORNING)}


def test_a_plan_asks_every_device_for_all_of_its_span(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    result = run_plan(store, territory, ENERGY, morning, settings)
    assert result.record.origin is PlanOrigin.SOLVED, result.record.detail.get("why")
    slots = ENERGY.to_setpoints(body_of(store, result), result.record.id, morning)
    asked = {slot.point for slot in slots}
    assert asked == {p for p, info in territory.points.items() if info.domain == "energy" and "fanSpeed" not in p}
    assert {slot.level for slot in slots} == {Level.OPTIMISER}
    assert {(slot.program.start, slot.program.until) for slot in slots} == {energy_span(morning)}
    with store.read() as unit:
        commands = unit.commands.newest([slot.point for slot in slots])
    assert commands and all(command.state is CommandState.QUEUED for command in commands.values())


def test_nothing_is_asked_beyond_what_equipment_can_do(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    found = programs(store, run_plan(store, territory, ENERGY, morning, settings))
    for point, program in found.items():
        envelope = territory.points[point].envelope
        assert all(envelope.minimum <= value <= envelope.maximum for _, value in program.steps), point
    least, most = found[f"{BATTERY}/importLeast"], found[f"{BATTERY}/importMost"]
    assert all(least.at(at) <= most.at(at) for at, _ in (*least.steps, *most.steps))


def test_a_vehicle_is_charged_by_its_departure_and_nobody_before_it_is_told(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    result = run_plan(store, territory, ENERGY, morning, settings)
    plan, limit = opened(store, result), programs(store, result)[f"{CHARGER}/powerLimit"]
    departs_at = morning - timedelta(minutes=5) + 9 * HOUR
    charged = [limit.at(at) for at in plan.slots.starts if at + plan.slots.slot <= departs_at]
    assert sum(charged) / 4 == pytest.approx(20_000, rel=0.25)
    assert sum(charged) / 4 >= 19_999
    assert {0.0} < set(charged) and min(value for value in charged if value) >= 4_140, "less than 6 A is a pause"
    assert limit.at(departs_at + HOUR) == max(4_140.0, 3_700.0), "for whoever comes then"


def test_a_station_is_not_told_to_pause_for_what_a_solver_rounds(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    block = body_of(store, run_plan(store, territory, ENERGY, morning, settings))
    found = open_body(block)
    charges = found.plan.vehicle_charge_w > 0
    charged = np.where(charges, 4_140.0 - 1e-4, 0.0)  # HiGHS misses a row by 1e-7 kW
    slots = ENERGY.to_setpoints(with_plan(block, replace(found.plan, vehicle_charge_w=charged)), "", MORNING)
    (limit,) = [slot.program for slot in slots if slot.point == f"{CHARGER}/powerLimit"]
    asked = np.array([limit.at(start) for start in found.slots.starts])
    assert charges.any() and set(asked[charges[0]]) == {4_140.0}


def test_rooms_are_warm_when_people_come_and_let_cool_when_they_leave(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    result = run_plan(store, territory, ENERGY, morning - 12 * HOUR, settings)
    plan, asked = opened(store, result), programs(store, result)[f"{SCHOOL}/heatingSetpoint"]
    room_c = plan.columns["room_c"][plan.plan.rooms.index(SCHOOL)]
    at = {start.astimezone(PARIS): float(room_c[t]) for t, start in enumerate(plan.slots.starts)}
    tuesday = date(2026, 11, 24)
    school = [c for start, c in at.items() if start.date() == tuesday and 8 <= start.hour < 17]
    assert min(school) >= 19 - 1e-3
    night = datetime(2026, 11, 24, 21, 0, tzinfo=PARIS)
    assert asked.at(night) <= 16.2
    assert all(value >= 8 for _, value in asked.steps)


def test_a_band_comes_with_every_battery_and_self_consumption_without_a_solver(
    store: Store, territory: Territory, settings: Settings, morning: datetime, fake: Fake
) -> None:
    result = run_plan(store, territory, fake(FAILS, "energy"), morning, settings)
    assert result.record.origin is PlanOrigin.RULES_ONLY
    assert [step for step, _ in result.record.detail["why"]] == ["solve", "shift"]
    found = programs(store, result)
    for name in ("importLeast", "importMost"):
        assert {value for _, value in found[f"{BATTERY}/{name}"].steps} == {0.0}
    limit = found[f"{CHARGER}/powerLimit"]
    assert limit.at(morning) == 11_040, "at once"
    with store.read() as unit:
        assert [alarm.asset for alarm in unit.alarms.of_rule("plan-fallback")] == ["energy"]


def test_where_the_solver_fails_the_last_plan_goes_on(
    store: Store, territory: Territory, settings: Settings, morning: datetime, fake: Fake
) -> None:
    first = run_plan(store, territory, ENERGY, morning, settings)
    equipment(store, territory, morning + HOUR - timedelta(minutes=5), room_c=17.0)
    result = run_plan(store, territory, fake(FAILS, "energy"), morning + HOUR, settings)
    assert result.record.origin is PlanOrigin.SHIFTED, result.record.detail["why"]
    assert result.record.detail["of"] == first.record.id
    before, after = opened(store, first), opened(store, result)
    b, ahead = before.plan.batteries.index(BATTERY), 4
    was, now = before.power_w[b, ahead:], after.power_w[b, : len(after.slots) - ahead]
    assert (np.sign(was) == np.sign(now)).mean() > 0.9


@pytest.mark.parametrize("room_c", [19.5, 12.0], ids=["whole", "short"])
def test_what_a_solver_without_time_has_devices_do_is_told_as_a_fall_back(
    room_c: float, service: JobContext, fake: Fake
) -> None:
    """Whatever its status says: of cold rooms it is a best effort, which by itself is a plan like another."""
    hurried = "def solve(problem, limits): return energy.solve(problem, replace(limits, seconds=1e-6))"
    equipment(service.store, service.territory, MORNING - timedelta(minutes=5), room_c=room_c)
    made = make_plan(service, fake(hurried, "energy"), PlanRequest(MORNING))
    assert made.solve is not None and made.solve.value is not None
    assert made.solve.value.solver == PLAIN_RULES
    with service.store.begin() as unit:
        result = commit_plan(unit, service.territory, ENERGY, made, MORNING)
    assert result is not None and result.record.origin is PlanOrigin.RULES_ONLY
    assert result.record.detail["why"][0] == ["solve", "out of time without a plan of its own (plain rules)"]
    assert report_of(made, result).state is RunState.DEGRADED
    with service.store.read() as unit:
        assert [alarm.asset for alarm in unit.alarms.of_rule("plan-fallback")] == ["energy"]


def test_a_plan_that_hides_what_it_breaks_is_refused(
    store: Store, territory: Territory, settings: Settings, morning: datetime, fake: Fake
) -> None:
    hides = (
        "def solve(problem, limits):\n    plan = energy.solve(problem, limits)\n"
        "    return replace(plan, charge_w=plan.charge_w + 1000.0)"
    )
    result = run_plan(store, territory, fake(hides, "energy"), morning, settings)
    assert result.record.origin is PlanOrigin.RULES_ONLY
    assert "the plan breaks what it does not own up to" in result.record.detail["why"][0][1]


def test_it_is_solved_again_to_the_byte(service: JobContext, morning: datetime) -> None:
    made = run_plan(service.store, service.territory, ENERGY, morning, service.settings)
    again = replay(service, ENERGY, made.record.id)
    assert (again.equal, again.reproducible) == (True, True)


def test_the_same_world_gives_the_same_body(service: JobContext, morning: datetime) -> None:
    one, other = (make_plan(service, ENERGY, PlanRequest(morning)) for _ in range(2))
    assert one.candidate is not None and other.candidate is not None
    assert one.candidate.body == other.candidate.body
    assert ENERGY.with_plan(one.candidate.body, one.candidate.plan) == one.candidate.body


def test_the_scheduled_job_plans_every_hour_and_within_the_hour_when_asked(
    service: JobContext, morning: datetime
) -> None:
    service = replace(service, clock=StoryClock(morning))
    outcome = run_entry(service, built_in(), "plan-energy", morning)
    assert outcome.run.state in {RunState.DONE, RunState.DEGRADED}, outcome.run.report
    later = morning + timedelta(minutes=30)
    equipment(service.store, service.territory, later, wanted_wh=5_000.0)
    service = replace(service, clock=StoryClock(later))
    again = run_entry(service, built_in(), "replan-energy", later)
    assert again.run.state in {RunState.DONE, RunState.DEGRADED}, again.run.report
    with service.store.read() as unit:
        first, second = sorted(unit.plans.list("energy", 10), key=lambda one: one.made_at)
        found = unit.plans.get(second.id)
    assert (first.start, first.until) == (second.start, second.until)
    assert found is not None and open_body(found[1]).slots.start == later - timedelta(minutes=5)


@pytest.mark.parametrize("change", CLOCKS)
def test_clocks_that_change_leave_a_plan_its_hours_and_people_theirs(
    change: str, store: Store, territory: Territory, settings: Settings
) -> None:
    at = CLOCKS[change]
    equipment(store, territory, at)
    result = run_plan(store, territory, ENERGY, at, settings)
    plan = opened(store, result)
    assert result.record.origin is PlanOrigin.SOLVED, result.record.detail.get("why")
    assert len(plan.slots) == 144
    present = plan.columns["present"][plan.plan.sites.index(SPORTS)]
    hours = {start.astimezone(PARIS).hour for t, start in enumerate(plan.slots.starts) if present[t] > 0}
    assert hours == set(range(8, 22)), "a sports hall is open from 8 to 22 on both days, whatever the clock"


def test_what_is_not_heard_is_taken_cautiously_and_said(store: Store, territory: Territory, settings: Settings) -> None:
    equipment(store, territory, MORNING - timedelta(hours=5))
    result = run_plan(store, territory, ENERGY, MORNING, settings)
    plan = opened(store, result)
    cells = plan.problem.batteries
    assert cells is not None and np.allclose(cells.initial_wh, cells.floor_wh)
    assert plan.problem.vehicles is None, "who was there five hours ago may have left"
    told = " ".join(note["en"] for note in result.record.detail["notes"])
    assert "batteries not heard lately" in told and "room sensor" in told and "water heaters not heard" in told


def test_a_vehicle_that_tells_nothing_of_itself_is_charged_as_usual(
    store: Store, territory: Territory, settings: Settings
) -> None:
    tell(store, territory, readings((CHARGER, "vehicleConnected", True, MORNING)), MORNING)
    cars = opened(store, run_plan(store, territory, ENERGY, MORNING, settings)).problem.vehicles
    assert cars is not None
    assert (cars.target_wh[0], int(cars.depart[0])) == (9_000.0, 16)


def test_why_is_told_in_sentences(store: Store, territory: Territory, settings: Settings, morning: datetime) -> None:
    run_plan(store, territory, ENERGY, morning, settings)
    for point in (f"{BATTERY}/power", f"{CHARGER}/powerLimit", f"{HEATER}/temperatureSetpoint", f"{ROOF}/powerLimit",
                  f"{SCHOOL}/heatingSetpoint", "EV-49329-0002/powerLimit"):  # fmt: skip
        found = explain(store, territory, point, morning + HOUR)
        assert found.piece is not None and found.piece.winner is not None
        assert found.piece.winner.level is Level.OPTIMISER
        assert found.behind["reason"]["fr"] != found.behind["reason"]["en"]
        for lang in LANGUAGES:
            raw = [line for line in to_lines(found, lang) if re.search(r"[a-z]_[a-z]|\bTrue\b|\bNone\b|\[", line)]
            assert raw == [], (point, lang)


def test_points_and_instants_that_a_plan_does_not_speak_of_have_no_reason(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    block = body_of(store, run_plan(store, territory, ENERGY, morning, settings))
    assert ENERGY.explain(block, "BT-nobody/power", morning) == {}
    assert ENERGY.explain(block, f"{BATTERY}/power", morning + 37 * HOUR) == {}


def test_buildings_are_told_as_they_are(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    run_plan(store, territory, ENERGY, morning, settings)
    with store.read() as unit:
        found = {one.site: one for one in site_states(unit, territory, settings, morning)}
    sports = found[SPORTS]
    assert (sports.contract, sports.heat, sports.vehicles, sports.chargers) == ("c4", "heatPump", 1, 1)
    assert (sports.room_c, sports.stored_wh, sports.capacity_wh) == (15.0, 30_000.0, 60_000.0)
    assert sports.limit_kw == pytest.approx(138 * 0.93)
    assert sports.meter_w is not None
    assert sports.meter_w >= 0  # its battery may cover all of it


def test_a_report_adds_up_what_was_planned_and_metered(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    """A day at 10 kW, quarter hour by quarter hour: 240 kWh, at the prices of the two classes of a winter's day."""
    run_plan(store, territory, ENERGY, morning, settings)
    start = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    meters = [asset.id for asset in territory.of_type("ACMeasurement")]
    rows: list[tuple[str, str, object, datetime]] = [
        (meter, "totalActivePower", 10_000.0, start + k * timedelta(minutes=15)) for meter in meters for k in range(96)
    ]
    rows += [
        (probe.id, "temperature", 18.0, start + k * timedelta(minutes=15))
        for probe in territory.of_type("IndoorEnvironmentObserved") for k in range(96)
    ]  # fmt: skip
    tell(store, territory, readings(*rows), start + timedelta(days=1))
    found = energy_report(store, territory, settings, date(2026, 11, 24), date(2026, 11, 25))
    school = found.sites[SCHOOL]
    assert found.planned == (date(2026, 11, 24), date(2026, 11, 25))
    assert found.territory.measured_kwh is None, "nobody metered the second day"
    one = energy_report(store, territory, settings, date(2026, 11, 24), date(2026, 11, 24))
    school = one.sites[SCHOOL]
    assert school.measured_kwh == pytest.approx(240)
    high, low = (0.1450 + 0.0226) * 1.2, (0.1060 + 0.0226) * 1.2
    assert school.measured_eur == pytest.approx(160 * high + 80 * low)
    assert school.peak_share == pytest.approx(10 / (54 * 0.93))
    assert school.over_h == 0
    assert school.cold_kh == pytest.approx(10.5, abs=0.01), "1 K for the hours of school, 7:30 to 18:00"
    assert school.carbon_kg == pytest.approx(240 * 30 / 1000)
    assert one.territory.measured_kwh == pytest.approx(480)
    assert one.contracts["c4"] == one.territory
    assert one.territory.planned_kwh > 0


def test_a_report_of_days_without_a_plan_says_so(store: Store, territory: Territory, settings: Settings) -> None:
    with pytest.raises(ConsigneError, match="no plan was in force from 2026-11-01 to 2026-11-02"):
        energy_report(store, territory, settings, date(2026, 11, 1), date(2026, 11, 2))


def test_the_watch_looks_at_batteries_and_at_orders(service: JobContext, morning: datetime) -> None:
    outcome = run_entry(replace(service, clock=StoryClock(morning)), built_in(), "watch-energy", morning)
    assert outcome.run.state is RunState.DONE, outcome.run.report
    assert {"watched", "dropped", "orders_not_kept"} <= set(outcome.run.report.counts)
