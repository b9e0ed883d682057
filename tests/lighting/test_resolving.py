"""Some holders planned again after an event: the others keep their light, and what is wrong is told."""

from dataclasses import replace

import numpy as np
import pytest

from optimizers.lighting import (
    Budget,
    Holders,
    LightingPlan,
    LightingProblem,
    Yesterday,
    check,
    full_example,
    resolve,
    solve,
)
from optimizers.result import InvalidProblem, Limits, Status


def three_cabinets(*floor: float, step: float = 0.2, **parts: object) -> LightingProblem:
    """Six lamps in a row, two a cabinet, in one slot."""
    whole = {
        "lamps": tuple("ABCDEF"),
        "floor": np.array(floor)[:, None],
        "burning": np.ones(1, bool),
        "power_full_w": np.full(6, 100.0),
        "neighbours": np.array([(i, i + 1) for i in range(5)]),
        "neighbour_step": np.full(5, step),
        "holders": Holders(names=("N", "M", "S"), of=np.arange(6) // 2),
        "slot_s": 3600.0,
    }
    return LightingProblem(**(whole | parts))


def after(problem: LightingProblem, lamp: int, flux: float) -> LightingProblem:
    floor = problem.floor.copy()
    floor[lamp] = flux
    return LightingProblem(**{**vars(problem), "floor": floor})


def test_only_the_cabinet_of_the_event_changes() -> None:
    before = three_cabinets(0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    plan = solve(before)
    now = after(before, 0, 0.7)
    again = resolve(now, plan, ["N"])
    np.testing.assert_allclose(again.flux[:, 0], [0.7, 0.5, 0.5, 0.5, 0.5, 0.5])
    assert check(now, again) == []
    assert again.status is Status.OPTIMAL
    assert again.holder_objective_wh.tolist() == pytest.approx([120, 100, 100])


def test_a_cabinet_beside_rises_where_it_must_and_is_named() -> None:
    before = three_cabinets(0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    plan = solve(before)
    now = after(before, 1, 1.0)
    again = resolve(now, plan, ["N"])
    np.testing.assert_allclose(again.flux[:, 0], [0.8, 1, 0.8, 0.6, 0.5, 0.5])
    assert any("planned again too, beside brighter lamps: M" in reason for reason in again.reasons)
    assert check(now, again) == []


def test_lamps_planned_again_stay_within_the_step_of_those_that_are_not() -> None:
    """M was bright for an event that is over; S keeps what it has, so M comes down to within the step of it only."""
    before = three_cabinets(0.1, 0.1, 0.1, 1.0, 0.1, 0.1)
    plan = solve(before)
    now = after(before, 3, 0.1)
    again = resolve(now, plan, ["M"])
    np.testing.assert_allclose(again.flux[[0, 1, 4, 5]], plan.flux[[0, 1, 4, 5]])
    np.testing.assert_allclose(again.flux[[2, 3], 0], [0.4, 0.6])
    assert check(now, again) == []


def test_all_cabinets_again_is_the_whole_solve() -> None:
    problem = full_example(1)
    assert problem.holders is not None
    plan = solve(problem)
    again = resolve(problem, plan, problem.holders.names)
    np.testing.assert_array_equal(again.flux, plan.flux)
    assert (again.objective, again.unit, again.changes) == (plan.objective, plan.unit, plan.changes)
    assert again.bound == pytest.approx(plan.bound)


def test_what_the_others_leave_of_a_budget_is_kept() -> None:
    whole = three_cabinets(1, 1, 1, 1, 1, 1)
    relaxed = np.full((6, 1), 0.5)
    problem = LightingProblem(**{**vars(whole), "budget": Budget(relaxed=relaxed, energy_wh=570.0)})
    plan = solve(problem)
    assert plan.energy_wh == pytest.approx(570.0, rel=2e-5)
    less = LightingProblem(**{**vars(whole), "budget": Budget(relaxed=relaxed, energy_wh=560.0)})
    again = resolve(less, plan, ["M"])
    np.testing.assert_allclose(again.flux[[0, 1, 4, 5]], plan.flux[[0, 1, 4, 5]])
    assert again.energy_wh == pytest.approx(560.0, rel=2e-5)
    assert check(less, again) == []


def test_what_the_others_leave_of_changes_is_kept() -> None:
    plain = three_cabinets(0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    before = np.full((6, 1), 0.6)
    problem = LightingProblem(**{**vars(plain), "yesterday": Yesterday(flux=before, changes=3)})
    plan = solve(problem)
    assert plan.changes <= 3
    assert check(problem, plan) == []
    again = resolve(problem, plan, ["S"])
    assert check(problem, again) == []


def test_ceilings_passed_anywhere_are_told_of_the_whole() -> None:
    before = three_cabinets(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, ceiling=np.array([[0.4], [1], [1], [1], [1], [1]]))
    plan = solve(before)
    again = resolve(after(before, 5, 0.6), plan, ["S"])
    assert again.status is Status.BEST_EFFORT
    assert [violation.object for violation in again.violations] == ["A"]


def test_programs_of_the_whole_example_hold_after_an_event() -> None:
    problem = full_example(2, cabinets=3)
    plan = solve(problem)
    floor = problem.floor.copy()
    floor[:6] = np.where(problem.burning, np.maximum(floor[:6], 0.9), 0.0)
    now = LightingProblem(**{**vars(problem), "floor": floor, "budget": None})
    again = resolve(now, plan, ["K-001"], Limits())
    found = check(now, again)
    kept = np.arange(len(problem.lamps)) >= 36
    # What others gave up for a budget that no longer is stays given up: their lamps are below the floor, and said so.
    assert {violation.constraint for violation in found} <= {"floor", "neighbour step", "changes"}
    assert all(np.flatnonzero(kept)[0] <= problem.lamps.index(v.object) for v in found if v.constraint == "floor")


@pytest.mark.parametrize("names", [["X"], []])
def test_a_holder_that_is_not_there(names: list[str]) -> None:
    problem = three_cabinets(0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    with pytest.raises(InvalidProblem, match="no holder"):
        resolve(problem, solve(problem), names)


def test_another_problems_plan() -> None:
    problem = three_cabinets(0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    plan: LightingPlan = solve(problem)
    with pytest.raises(InvalidProblem, match="wants the problem's"):
        resolve(problem, replace(plan, lamps=plan.lamps[::-1]), ["N"])


def test_programs_of_the_fleet_that_the_others_leave() -> None:
    plain = three_cabinets(0.1, 0.1, 0.5, 0.5, 0.9, 0.9, step=1.0)
    fleet = Holders(names=("N", "M", "S"), of=np.arange(6) // 2, fleet_programs=3)
    problem = LightingProblem(**{**vars(plain), "holders": fleet})
    again = resolve(after(problem, 1, 0.3), solve(plain), ["N"])
    np.testing.assert_allclose(again.flux[:2, 0], [0.3, 0.3])
