"""The judge catches each kind of mutation, names who and how much, and lets a good plan pass."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optimizers.arrays import Floats
from optimizers.lighting import LightingPlan, LightingProblem, check, example, solve
from optimizers.result import Status, Violation

PROBLEM = example(4)
PLAN = solve(PROBLEM)
DUSK, DAWN = np.flatnonzero(PROBLEM.burning)[[0, -1]]
SODIUM = len(PROBLEM.lamps) - 1


def mutated(change: Callable[[Floats], None], problem: LightingProblem = PROBLEM) -> list[Violation]:
    """What the judge says of the plan with a changed flux whose energy is told honestly."""
    flux = PLAN.flux.copy()
    change(flux)
    plan = replace(PLAN, flux=flux, status=Status.FEASIBLE, bound=0.0)
    found = check(problem, plan)
    energy = next(
        (float(v.detail.split(", ")[1].split(" ")[0]) for v in found if v.constraint == "objective"), plan.objective
    )
    return check(problem, replace(plan, objective=energy, energy_wh=energy))


def put(lamp: int, slot: int, value: float) -> Callable[[Floats], None]:
    def change(flux: Floats) -> None:
        flux[lamp, slot] = value

    return change


def named(violations: list[Violation]) -> set[tuple[str, str]]:
    return {(violation.constraint, violation.object) for violation in violations}


def test_a_good_plan_passes() -> None:
    assert check(PROBLEM, PLAN) == []


def test_light_below_its_floor() -> None:
    found = mutated(put(0, 50, PROBLEM.floor[0, 50] - 0.05))
    assert ("floor", PROBLEM.lamps[0]) in named(found)
    assert next(v for v in found if v.constraint == "floor").amount == pytest.approx(0.05)


def test_light_by_day() -> None:
    assert named(mutated(put(2, DUSK - 1, 0.3))) >= {("dark by day", PROBLEM.lamps[2])}


def test_more_than_full() -> None:
    crossing = 4
    assert named(mutated(put(crossing, 60, 1.04))) >= {
        ("fraction", PROBLEM.lamps[crossing]),
        ("ceiling", PROBLEM.lamps[crossing]),
    }


def test_less_than_nothing() -> None:
    assert ("fraction", PROBLEM.lamps[0]) in named(mutated(put(0, 0, -0.2)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number(value: float) -> None:
    assert named(mutated(put(3, 40, value))) == {("finite", PROBLEM.lamps[3])}


def test_a_step_between_neighbours() -> None:
    def change(flux: Floats) -> None:
        flux[8] = np.where(PROBLEM.burning, 1.0, 0.0)

    calm = LightingProblem(**{**vars(PROBLEM), "ramp_per_slot": np.inf})
    found = named(mutated(change, calm))
    assert found == {("neighbour step", f"{PROBLEM.lamps[8]} | {PROBLEM.lamps[9]}")}


def test_a_jump_from_slot_to_slot() -> None:
    alone = LightingProblem(**{**vars(PROBLEM), "neighbours": np.empty((0, 2), int), "neighbour_step": np.empty(0)})
    lamp = next(i for i in range(SODIUM) if PLAN.flux[i, 60] < 0.7)
    found = mutated(put(lamp, 60, 1.0), alone)
    assert named(found) == {("ramp", PROBLEM.lamps[lamp])}
    assert found[0].detail == "slot 60 and 1 more"


def test_a_lamp_that_cannot_dim_dimmed() -> None:
    assert ("switched", PROBLEM.lamps[SODIUM]) in named(mutated(put(SODIUM, 60, 0.9)))


def test_a_lamp_that_cannot_dim_off_where_it_is_needed() -> None:
    assert named(mutated(put(SODIUM, 60, 0.0))) >= {
        ("switched", PROBLEM.lamps[SODIUM]),
        ("floor", PROBLEM.lamps[SODIUM]),
    }


def test_a_ceiling() -> None:
    low = LightingProblem(**{**vars(PROBLEM), "ceiling": np.where(PROBLEM.burning, 0.9, 1.0)})
    crossings = {("ceiling", PROBLEM.lamps[i]) for i in (4, 12, 20)}
    assert named(check(low, PLAN)) >= crossings


def test_energy_wrongly_told() -> None:
    for factor in (0.999, 1.001, np.nan):
        wrong = replace(PLAN, objective=PLAN.objective * factor, bound=0.0, status=Status.FEASIBLE)
        assert named(check(PROBLEM, wrong)) >= {("objective", "plan")}


def test_a_bound_above_the_objective() -> None:
    assert named(check(PROBLEM, replace(PLAN, bound=PLAN.bound * 1.01, status=Status.FEASIBLE))) == {("bound", "plan")}


def test_optimal_is_not_said_with_a_gap() -> None:
    loose = replace(PLAN, bound=PLAN.bound * 0.99)
    assert named(check(PROBLEM, loose)) == {("bound", "plan")}
    assert check(PROBLEM, replace(loose, status=Status.FEASIBLE)) == []


@pytest.mark.parametrize(
    "other", [replace(PLAN, flux=PLAN.flux[:, :-1]), replace(PLAN, lamps=PLAN.lamps[::-1])], ids=["slots", "lamps"]
)
def test_another_problems_plan(other: LightingPlan) -> None:
    assert named(check(PROBLEM, other)) == {("shape", "plan")}


def test_every_single_dimming_is_caught() -> None:
    """The plan is the least point: whatever is lowered by itself breaks something."""
    rng = np.random.default_rng(0)
    lit = np.argwhere(PLAN.flux > 1e-9)
    for i, t in rng.choice(lit, size=40, replace=False):
        assert mutated(put(int(i), int(t), PLAN.flux[i, t] - 1e-6)), (i, t)


def test_a_violation_reads_as_a_sentence() -> None:
    assert str(Violation("floor", "L-1", 0.25, "1", "slot 3")) == "floor of L-1 by 0.25: slot 3"
    assert str(Violation("objective", "plan", 12.0, "Wh")) == "objective of plan by 12 Wh"
