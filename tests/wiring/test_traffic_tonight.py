"""A night that is busier than it was planned for: lit within a cycle, planned again, its past left as it was."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from engine.instants import to_us
from engine.model import PlanOrigin, PlanState
from engine.settings import Settings
from engine.store import Store
from jobs.asking import REPLAN
from jobs.bootstrap import Territory
from jobs.cycle import RulesAtWork, run_cycle
from jobs.domains import DOMAINS
from jobs.lighting.body import Body, open_body
from jobs.lighting.domain import HISTORY, task_of, traffic_counts
from jobs.planning import StaleInputs, run_plan
from jobs.provisions import Provisions

from .conftest import NOON, readings, tell

LIGHTING = DOMAINS["lighting"]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
QUIET = NOON + 14 * HOUR  # two in the morning in Paris


def planned(store: Store) -> list[Body]:
    """The plans in force, the newest first."""
    with store.read() as unit:
        records = [one for one in unit.plans.list("lighting", 9) if one.state is PlanState.IN_FORCE]
        return [open_body(unit.plans.get(one.id)[1]) for one in records]  # type: ignore[index]


def busiest(territory: Territory) -> tuple[str, list[int]]:
    """A counter by which dimmable streets live, and their rows among the lamps."""
    lamps = territory.of_type("Streetlight")
    free = [one for one in lamps if one.attributes["dimmable"] and not one.attributes["crossing"]]
    own = [one.attributes["counter"] for one in free]
    counter = max(sorted(set(own)), key=own.count)
    rows = [i for i, one in enumerate(lamps) if one in free and one.attributes["counter"] == counter]
    return counter, rows


def test_a_surge_is_lit_within_a_cycle_and_then_planned_for(
    store: Store, territory: Territory, settings: Settings, rules: RulesAtWork, history: int
) -> None:
    run_plan(store, territory, LIGHTING, NOON, settings)
    counter, rows = busiest(territory)
    capacity = float(territory.by_id[counter].attributes["capacity_veh_h"])
    run_cycle(store, territory, rules, QUIET - MINUTE)
    before = planned(store)[0].flux
    slot = (QUIET - NOON) // (15 * MINUTE)
    dimmed = [i for i in rows if before[i, slot] < before[i].max()]
    assert dimmed

    tell(store, territory, readings((counter, "intensity", 0.6 * capacity, QUIET)), QUIET + MINUTE)
    result = run_cycle(store, territory, rules, QUIET + MINUTE)
    assert result.faults == ()
    zone = territory.by_id[counter].zone
    lit = {territory.of_type("Streetlight")[i].id for i in rows if territory.of_type("Streetlight")[i].zone == zone}
    with store.read() as unit:
        assert unit.state.get(REPLAN + "lighting") is not None
        arrays = unit.slots.arrays([f"{lamp}/illuminanceLevel" for lamp in lit], QUIET + MINUTE)
    wanted = {
        point.partition("/")[0]
        for point, slots in arrays.items()
        for one in slots
        if one.source == f"rule:traffic-above-plan:{counter}" and one.program.at(QUIET + 2 * MINUTE) == 1.0
    }
    assert lit and wanted == lit

    at = QUIET + 5 * MINUTE
    record = run_plan(store, territory, LIGHTING, at, settings).record
    assert record.origin is PlanOrigin.SOLVED
    again = planned(store)[0]
    floor = again.problem.floor
    np.testing.assert_array_equal(floor[:, :slot], before[:, :slot])
    assert (again.flux[dimmed, slot] > before[dimmed, slot]).all()
    assert (floor[:, slot] <= before[:, slot - 1] + 0.25 + 1e-9).all()

    run_cycle(store, territory, rules, at + MINUTE)
    with store.read() as unit:
        standing = Provisions(rules.engine).news(unit, at + MINUTE)
    assert standing[1].max() > 0.6 * capacity


def test_what_a_plan_provides_for_is_told_every_quarter_of_an_hour_and_of_a_new_plan_at_once(
    store: Store, territory: Territory, settings: Settings, rules: RulesAtWork
) -> None:
    told = Provisions(rules.engine)
    with store.read() as unit:
        assert len(told.news(unit, NOON)[0]) == 0
    run_plan(store, territory, LIGHTING, NOON, settings)
    counters = len(territory.of_type("TrafficFlowObserved"))

    def told_at(at: datetime) -> int:
        with store.read() as unit:
            return len(told.news(unit, at)[0])

    minutes = [told_at(NOON + k * MINUTE) for k in range(1, 31)]
    assert [k + 1 for k, heard in enumerate(minutes) if heard] == [1, 15, 30]
    assert set(minutes) == {0, counters}
    run_plan(store, territory, LIGHTING, NOON + 31 * MINUTE, settings)
    assert told_at(NOON + 32 * MINUTE) == counters
    assert told_at(NOON + 30 * HOUR) == 0, "no plan covers it"


def test_counts_that_are_all_too_old_leave_the_rules_alone_and_say_so(
    store: Store, territory: Territory, settings: Settings, history: int
) -> None:
    late = NOON + timedelta(days=4)
    with store.read() as unit, pytest.raises(StaleInputs, match="no counter has counted for 3 days"):
        LIGHTING.build(unit, territory, late, settings, timedelta(0))
    record = run_plan(store, territory, LIGHTING, late, settings).record
    assert record.origin is PlanOrigin.RULES_ONLY
    assert "no counter has counted for 3 days" in record.detail["why"][0][1]
    with store.read() as unit:
        task = task_of(unit, territory, late, settings)
    assert (task.need.number == task.fleet.number[:, None]).all()


def test_a_plan_of_the_past_knows_nothing_of_what_came_after(
    store: Store, territory: Territory, settings: Settings, history: int
) -> None:
    with store.read() as unit:
        before = task_of(unit, territory, QUIET, settings)
    counter, _ = busiest(territory)
    tell(store, territory, readings((counter, "intensity", 999.0, QUIET + HOUR)), QUIET + HOUR)
    with store.read() as unit:
        again = task_of(unit, territory, QUIET, settings)
        counts = traffic_counts(unit, territory, NOON - HISTORY, QUIET + 2 * HOUR)
    assert to_us(QUIET + HOUR) in counts["observed_at"].to_list()
    np.testing.assert_array_equal(before.traffic.veh_h, again.traffic.veh_h)
    np.testing.assert_array_equal(before.problem.floor, again.problem.floor)
