"""What valves do where no plan could be made: always within hours, pipes, soaks and budgets, and no solver is asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import noon
from jobs.irrigation.body import body
from jobs.irrigation.fallback import shift, threshold, timed
from jobs.irrigation.task import Behind, IrrigationTask
from optimizers.irrigation import Budgets, IrrigationProblem, Windows, check, generated, solve
from tests.irrigation.ground import DAY, DAYS, TABLES, task_of, valve, zones_of

YESTERDAY = DAY - timedelta(days=1)


def last(task: IrrigationTask) -> bytes:
    return body(task, solve(task.problem))


def evening_of(day: Any) -> Any:
    return noon(day) + timedelta(hours=6)


def bounded(problem: IrrigationProblem, **parts: Any) -> IrrigationProblem:
    return replace(problem, **parts)


@given(st.integers(0, 40), st.integers(0, 8))
def test_whatever_is_asked_the_plan_breaks_nothing_and_says_what_had_no_room(seed: int, most: int) -> None:
    problem = generated(12, 3, 4, 2, seed)
    asked = np.random.default_rng(seed).integers(0, most + 1, 12)
    plan = timed(problem, asked, "a test")

    assert check(problem, plan) == []
    assert (plan.cycles <= asked).all()
    assert bool(plan.reasons) == bool((plan.cycles < np.minimum(asked, problem.windows.most_cycles[:, 0])).any())


def test_the_driest_goes_first_and_each_has_one_cycle_before_any_has_two() -> None:
    zones = zones_of(valve("a"), valve("b"), capacity_m3_h=3.0)
    task = task_of(zones, [0.5, 0.8])
    plan = timed(task.problem, np.array([2, 2]), "a test")

    assert plan.opened.tolist() == [1, 0, 1, 0]
    assert (plan.start_s[1:] >= plan.end_s[:-1]).all(), "one pipe, one valve"


def test_valves_that_the_pipe_can_feed_together_are_open_together() -> None:
    task = task_of(zones_of(valve("a"), valve("b"), capacity_m3_h=6.0), 0.6)
    plan = timed(task.problem, np.array([1, 1]), "a test")

    assert plan.start_s[0] == plan.start_s[1]


def test_budgets_bind_it_and_who_lacks_least_gives_way() -> None:
    task = task_of(zones_of(valve("a"), valve("b")), [0.4, 0.8])
    budgets = Budgets(
        names=("share",), limit_m3=np.array([3.0]), member=np.ones((1, 2), np.bool_),
        nights=np.ones((1, DAYS), np.bool_),
    )  # fmt: skip
    problem = bounded(task.problem, budgets=budgets)
    plan = timed(problem, np.array([2, 2]), "a test")

    assert plan.cycles.tolist() == [0, 2]
    assert check(problem, plan) == []


def test_a_night_without_hours_waters_nothing_and_says_so() -> None:
    task = task_of(zones_of(valve("a")), 0.8)
    nothing = Windows(night=np.zeros(0, np.int64), start_s=np.zeros(0), end_s=np.zeros(0), allowed=np.zeros((1, 0)))
    plan = timed(bounded(task.problem, windows=nothing), np.array([3]), "a test")

    assert (plan.cycles.tolist(), plan.opened.size) == ([0], 0)
    assert plan.reasons == ("the night has no room for all their cycles: 1 (a) valves",)


def test_a_shifted_plan_waters_as_often_as_it_did_in_tonights_hours() -> None:
    zones = zones_of(valve("a"), valve("b"))
    before = task_of(zones, [0.7, 0.0], day=YESTERDAY, at=evening_of(YESTERDAY))
    tonight = task_of(zones, 0.8)
    plan = shift(tonight, last(before))

    assert plan.cycles.tolist() == solve(before.problem).cycles.tolist()
    assert check(tonight.problem, plan) == []
    assert plan.solver == "the last plan, shifted"


def test_a_shifted_plan_gives_no_more_than_the_soil_lacks() -> None:
    zones = zones_of(valve("a"))
    before = task_of(zones, 0.9, day=YESTERDAY, at=evening_of(YESTERDAY))

    assert solve(before.problem).cycles[0] >= 3
    assert shift(task_of(zones, 0.0), last(before)).cycles.tolist() == [0]
    lacks = 1.5 * zones.cycle_mm[0] / zones.root_zone.taw_mm[0]
    assert shift(task_of(zones, lacks), last(before)).cycles.tolist() == [2], "the second is lacking in part"


def test_valves_that_the_last_plan_does_not_know_stay_closed_and_are_named() -> None:
    before = task_of(zones_of(valve("a")), 0.7, day=YESTERDAY, at=evening_of(YESTERDAY))
    plan = shift(task_of(zones_of(valve("a"), valve("new")), 0.7), last(before))

    assert plan.cycles[1] == 0
    assert plan.reasons == ("the last plan does not know them, they stay closed: 1 (new) valves",)


def test_of_this_same_nights_plan_only_what_it_had_still_to_do_is_done() -> None:
    zones = zones_of(valve("a"))
    first = task_of(zones, 0.9)
    made = solve(first.problem)
    amid = noon(DAY) + timedelta(seconds=float(made.start_s[0]) + 60)
    again = task_of(zones, 0.9, at=amid, behind=Behind(noon(DAY), noon(DAY + timedelta(days=1)), amid))

    assert shift(again, last(first)).cycles[0] == made.cycles[0] - 1


@pytest.mark.parametrize(("share", "dry"), [(0.2, False), (0.8, True)])
def test_without_a_plan_what_is_dry_is_refilled_and_nothing_else(share: float, dry: bool) -> None:
    zones = zones_of(valve("a"))
    task = task_of(zones, share)
    plan = threshold(task)
    refill = int(task.problem.hydrozones.depletion_mm[0] // zones.cycle_mm[0])

    assert plan.cycles.tolist() == [refill if dry else 0]
    assert check(task.problem, plan) == []


def nights(shares: Sequence[float], count: int) -> list[int]:
    zones, found = zones_of(valve("a")), []
    for k in range(count):
        day = DAY + timedelta(days=k)
        task = task_of(zones, shares, day=day, at=evening_of(day), sd_mm=13.0)
        found.append(int(threshold(task).cycles[0]))
    return found


def test_of_soil_that_is_not_known_the_monthly_timer_gives_a_share_over_many_nights_exactly() -> None:
    zones = zones_of(valve("a"))
    a_night = zones.usual_m3_day(TABLES, 7)[0] * TABLES.usual.without_belief / zones.cycle_m3[0]
    given_ = nights([0.9], 20)

    assert abs(sum(given_) - 20 * a_night) <= 1
    assert max(given_) - min(given_) <= 1


def test_what_is_not_known_is_said() -> None:
    plan = threshold(task_of(zones_of(valve("a")), 0.9, sd_mm=13.0))

    assert plan.reasons[0] == "their soil is not known, 70% of the monthly timer: 1 (a) valves"


def test_no_bound_is_claimed_but_that_nothing_costs_less_than_nothing() -> None:
    task = task_of(zones_of(valve("a")), 0.8)
    plan = threshold(task)

    assert plan.bound == 0.0
    assert plan.objective >= solve(task.problem).bound
