"""An evening's rounds in a territory: made, checked, guarded, sent; replanned in the day; fall-backs and replays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engine.instants import PARIS
from engine.model import Hold, Level, PlanOrigin, Scope
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import StoryClock, Territory
from jobs.collection.body import Body, open_body
from jobs.collection.day import BEGINS, collection_day
from jobs.collection.handing import rounds_of
from jobs.domains import DOMAINS
from jobs.planning import PlanRequest, PlanResult, replay, run_plan
from jobs.schedules.loading import built_in
from jobs.schedules.running import run_entry
from jobs.table import JobContext
from jobs.why import explain
from optimizers.result import Limits
from optimizers.routing import Act
from tests.conftest import BOTH

from .conftest import Fake, readings, tell

COLLECTION = DOMAINS["collection"]
TUESDAY = date(2026, 9, 8)
FAILS = "def solve(problem, limits): raise RuntimeError('no tea')"
LIMITS = Limits(seconds=20, work=150)


def evening(day: date) -> datetime:
    """Before the morning of a day."""
    return datetime.combine(day - timedelta(days=1), BEGINS, PARIS)


AT = evening(TUESDAY)


def fills_until(
    store: Store, territory: Territory, at: datetime, level: Callable[[int, float], float] | None = None, days: int = 10
) -> None:
    """Every six hours the level of each container before an instant: of container n, so many days before."""

    def rising(n: int, before: float) -> float:
        return 0.98 - 0.022 * n - 0.05 * before

    level = level or rising
    rows: list[tuple[str, str, object, datetime]] = [
        (asset.id, "fillingLevel", float(np.clip(level(n, k / 4), 0.02, 1.0)), at - k * timedelta(hours=6))
        for n, asset in enumerate(territory.of_type("WasteContainer"))
        for k in range(days * 4, -1, -1)
    ]
    tell(store, territory, readings(*rows), at)


@pytest.fixture
def filled(store: Store, territory: Territory) -> datetime:
    fills_until(store, territory, AT)
    return AT


def plan(store: Store, territory: Territory, settings: Settings, at: datetime = AT, **wanted: Any) -> PlanResult:
    return run_plan(store, territory, COLLECTION, at, settings, PlanRequest(at, LIMITS, **wanted))


def body_of(store: Store, result: PlanResult) -> Body:
    return open_body(block_of(store, result))


def block_of(store: Store, result: PlanResult) -> bytes:
    with store.read() as unit:
        found = unit.plans.get(result.record.id)
        assert found is not None
        return found[1]


@BOTH
def test_full_containers_are_emptied_in_the_morning_by_trucks_of_their_kind(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    result = plan(store, territory, settings)
    found = body_of(store, result)

    assert result.record.origin is PlanOrigin.SOLVED, result.record.detail
    assert found.served
    kinds = dict(zip(found.containers, found.head["fractions"], strict=True))
    for name, (truck, one) in found.served.items():
        assert territory.by_id[truck].attributes["fractions"] == [kinds[name]]
        assert 5 <= found.instant(one.visit.begin_s).astimezone(PARIS).hour <= 12


def truck_at(found: Body, count: int = 2) -> tuple[str, datetime]:
    """A truck, and an instant at which it has served so many stops and has others left."""
    for truck, visits in found.days.items():
        stops = [one for one in visits if one.number]
        if len(stops) > count + 1:
            return truck, found.instant(stops[count - 1].visit.end_s) + timedelta(seconds=30)
    raise AssertionError("no truck has stops enough")


def test_every_truck_and_lid_has_a_program_over_the_day_and_trucks_count_their_stops(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    result = plan(store, territory, settings)
    found = body_of(store, result)
    slots = {slot.point: slot for slot in COLLECTION.to_setpoints(block_of(store, result), "v", AT)}

    trucks = {f"{asset.id}/stopNumber" for asset in territory.of_type("Vehicle")}
    lids = {f"{a.id}/lidLocked" for a in territory.of_type("WasteContainer") if a.attributes.get("motor_lid")}
    assert set(slots) == trucks | lids
    assert {(slot.program.start, slot.program.until) for slot in slots.values()} == {collection_day(AT)}
    for truck, visits in found.days.items():
        program = slots[f"{truck}/stopNumber"].program
        for one in visits:
            if one.number:
                assert program.at(found.instant(one.visit.begin_s)) == one.number
                assert program.at(found.instant(one.visit.end_s) - timedelta(seconds=1)) == one.number
        assert program.steps[-1][1] == 0.0, "on the way home"


def test_rounds_are_handed_out_as_they_are_driven(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    result = plan(store, territory, settings)
    found = body_of(store, result)
    rounds = {one.vehicle: one for one in rounds_of(block_of(store, result), result.record.id)}

    assert set(rounds) == {asset.id for asset in territory.of_type("Vehicle")}
    assert {one.day for one in rounds.values()} == {TUESDAY}
    assert {line.asset for one in rounds.values() for line in one.stops} == set(found.served)
    assert sum(one.distance_m for one in rounds.values()) == pytest.approx(sum(r.distance_m for r in found.routes))
    assert all(0 < (line.fill or 0) <= 1.5 and (line.mass_kg or 0) > 0 for one in rounds.values() for line in one.stops)


@BOTH
def test_a_truck_that_breaks_down_leaves_its_stops_to_another_and_nobody_else_changes_trucks(
    store: Store, territory: Territory, settings: Settings
) -> None:
    fills_until(store, territory, AT, lambda n, before: 0.95 - 0.005 * n - 0.05 * before)
    before = body_of(store, plan(store, territory, settings))
    truck, at = truck_at(before)
    tell(store, territory, readings((truck, "serviceStatus", "broken", at)), at)
    result = plan(store, territory, settings, at, only_changed=True)
    after = body_of(store, result)

    assert result.record.origin is PlanOrigin.SOLVED, result.record.detail
    assert result.record.detail["part"]["named"] == [truck]
    done = {name for name, (who, one) in after.served.items() if one.done}
    assert {name for name, (who, _) in after.served.items() if who == truck} <= done
    assert {name for name, (who, one) in before.served.items() if before.instant(one.visit.end_s) <= at} <= done
    kept = {name for name, (who, _) in before.served.items() if who != truck and name in after.served}
    assert kept, "others drive on"
    assert all(after.served[name][0] == before.served[name][0] for name in kept)
    told = " ".join(note["en"] for note in result.record.detail["notes"])
    assert truck in told
    assert "Planned again as things stood at" in told


def test_a_truck_that_is_late_is_where_it_says_it_is(store: Store, territory: Territory, settings: Settings) -> None:
    fills_until(store, territory, AT, lambda n, before: 0.95 - 0.005 * n - 0.05 * before)
    before = body_of(store, plan(store, territory, settings))
    truck, at = truck_at(before, 3)
    tell(store, territory, readings((truck, "stopNumber", 1.0, at - timedelta(minutes=1))), at)
    after = body_of(store, plan(store, territory, settings, at, only_changed=True))

    assert [one.number for one in after.days[truck] if one.number and one.done] == [1, 2], "it has left for the second"


def test_a_day_without_collection_has_no_round_and_says_so(
    store: Store, territory: Territory, settings: Settings
) -> None:
    sunday = evening(date(2026, 9, 13))
    fills_until(store, territory, sunday)
    result = plan(store, territory, settings, sunday)
    found = body_of(store, result)

    assert result.record.origin is PlanOrigin.SOLVED, result.record.detail
    assert found.days == {}
    told = [note["en"] for note in result.record.detail["notes"]]
    assert told == ["No round: 2026-09-13 is a day without collection."]
    slots = COLLECTION.to_setpoints(block_of(store, result), "v", sunday)
    assert {value for slot in slots if "stopNumber" in slot.point for _, value in slot.program.steps} == {0.0}


def test_without_a_truck_in_service_nobody_drives_and_people_are_told(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    out = [(asset.id, "serviceStatus", "outOfService", AT) for asset in territory.of_type("Vehicle")]
    tell(store, territory, readings(*out), AT)
    result = plan(store, territory, settings)

    assert result.record.detail["notes"][0]["fr"] == "Pas de tournée : aucune benne n'est en service."


def test_without_a_solver_what_is_full_is_emptied(
    store: Store, territory: Territory, settings: Settings, filled: datetime, fake: Fake
) -> None:
    result = run_plan(store, territory, fake(FAILS, "collection"), AT, settings, PlanRequest(AT, LIMITS))
    found = body_of(store, result)

    assert result.record.origin is PlanOrigin.RULES_ONLY, result.record.detail
    full = {name for name, level in zip(found.containers, found.levels.tolist(), strict=True) if level >= 0.75}
    assert full and full <= set(found.served)


def test_without_a_solver_the_rounds_of_the_last_plan_are_driven_again(
    store: Store, territory: Territory, settings: Settings, filled: datetime, fake: Fake
) -> None:
    before = body_of(store, plan(store, territory, settings))
    at = evening(TUESDAY + timedelta(days=1))
    fills_until(store, territory, at)
    result = run_plan(store, territory, fake(FAILS, "collection"), at, settings, PlanRequest(at, LIMITS))
    found = body_of(store, result)

    assert result.record.origin is PlanOrigin.SHIFTED, result.record.detail
    assert set(before.served) & set(found.served)


def test_it_is_solved_again_to_the_byte(service: JobContext, filled: datetime) -> None:
    made = plan(service.store, service.territory, service.settings)
    again = replay(service, COLLECTION, made.record.id)

    assert (again.equal, again.reproducible) == (True, True)


def test_the_scheduled_job_plans_and_says_so(service: JobContext, filled: datetime) -> None:
    at = filled + timedelta(minutes=10)
    outcome = run_entry(replace(service, clock=StoryClock(at)), built_in(), "plan-collection", at)

    assert outcome.run.state is RunState.DONE, outcome.run.report
    later = filled + timedelta(minutes=90)
    again = run_entry(replace(service, clock=StoryClock(later)), built_in(), "plan-collection-again", later)
    assert again.run.report.counts["there"] == 1


def test_why_a_truck_serves_a_stop_now_and_why_a_container_is_in_the_round_or_not(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    result = plan(store, territory, settings)
    found = body_of(store, result)
    name, (truck, one) = next(iter(found.served.items()))
    at = found.instant(one.visit.begin_s)
    told = explain(store, territory, f"{truck}/stopNumber", at)

    assert told.piece is not None and told.piece.winner is not None
    assert (told.piece.value, told.piece.winner.level) == (one.number, Level.DAY_AHEAD_PLAN)
    assert told.behind["last_stop"] == [one.number, name]
    block = block_of(store, result)
    inside = COLLECTION.explain(block, f"{name}/fillingLevel", at)
    assert inside["reason"]["fr"].startswith("vidé à ")
    left = next(one for one in found.containers if one not in found.served)
    outside = COLLECTION.explain(block, left, at)
    assert outside["reason"]["en"].startswith("not in the round: ")
    assert 0 <= outside["overflow_by_next_round"] <= outside["overflow_by_the_one_after"] <= 1


@pytest.mark.parametrize("hours", [23, 25])
def test_on_the_days_the_clock_changes_rounds_keep_local_time(
    hours: int, store: Store, territory: Territory, settings: Settings
) -> None:
    # A Sunday: the tables are of a town that collects then.
    day = date(2026, 3, 29) if hours == 23 else date(2026, 10, 25)
    at = evening(day)
    start, until = collection_day(at)
    assert (until - start) == timedelta(hours=hours)
    assert (start.astimezone(PARIS).hour, until.astimezone(PARIS).hour) == (20, 20)
    assert collection_day(start) == (start, until) == collection_day(until - timedelta(seconds=1))
    assert collection_day(until)[0] == until


@BOTH
def test_a_container_that_the_crew_could_not_reach_is_in_the_round_again(
    store: Store, territory: Territory, settings: Settings
) -> None:
    fills_until(store, territory, AT, lambda n, before: 0.95 - 0.005 * n - 0.05 * before)
    before = body_of(store, plan(store, territory, settings))
    truck, at = truck_at(before)
    first = next(one for one in before.days[truck] if one.number == 1)
    tell(store, territory, readings((first.visit.of, "exception", "blocked", at)), at)
    after = body_of(store, plan(store, territory, settings, at, only_changed=True))

    _, again = after.served[first.visit.of]
    assert not again.done
    assert again.number > 1


def test_where_nobody_told_anything_every_container_is_visited_without_a_forecast(
    store: Store, territory: Territory, settings: Settings
) -> None:
    result = plan(store, territory, settings)
    found = body_of(store, result)

    assert result.record.origin is PlanOrigin.RULES_ONLY
    assert "no container told anything" in str(result.record.detail["why"])
    assert found.served
    assert set(found.served) | set(found.unserved) == set(found.containers)


def test_a_truck_that_people_hold_is_theirs(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    truck = next(iter(body_of(store, plan(store, territory, settings)).days))
    with store.begin() as unit:
        unit.holds.put(Hold(Scope.POINT, f"{truck}/stopNumber", AT, AT + timedelta(days=2), "repair", "chef"))
    result = plan(store, territory, settings, AT + timedelta(minutes=5))
    found = body_of(store, result)

    assert truck not in found.days
    assert found.days, "another one drives"
    assert found.head["left_out"][truck]["en"] == "chef holds it: repair"


def test_a_disposal_site_that_says_it_is_closed_is_not_driven_to(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    before = body_of(store, plan(store, territory, settings))
    used = {one.visit.of for visits in before.days.values() for one in visits if one.visit.act is Act.UNLOAD}
    at = AT + timedelta(minutes=5)
    tell(store, territory, readings(*((site, "serviceStatus", "closed", at) for site in used)), at)
    after = body_of(store, plan(store, territory, settings, at))

    now = {one.visit.of for visits in after.days.values() for one in visits if one.visit.act is Act.UNLOAD}
    assert now
    assert not now & used
