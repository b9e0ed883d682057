"""Programs, budgets, yesterday and lanes together: whatever is asked, the judge finds what the plan itself says."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.lighting import (
    UNLIMITED,
    Budget,
    Holders,
    Lanes,
    LightingProblem,
    Yesterday,
    check,
    energy_wh,
    full_example,
    solve,
)
from optimizers.lighting.problem import WH, WH_GIVEN_UP
from optimizers.result import Limits, Status
from tests.lighting.test_solve import GRID, problems, row, street


@st.composite
def whole_problems(draw: st.DrawFn) -> LightingProblem:
    """Small problems of every shape, with any of the parts."""
    plain = draw(problems(dimmable=False))
    (n, slots), of = plain.shape, st.integers(0, 2)
    runs = int((np.diff(plain.burning.astype(int), prepend=0) == 1).sum())
    parts: dict[str, Any] = {}
    if draw(st.booleans()):
        parts["holders"] = Holders(
            names=("P", "Q", "R"),
            of=np.array(draw(st.lists(of, min_size=n, max_size=n))),
            programs=np.array(draw(st.lists(st.integers(1, 3), min_size=3, max_size=3))),
            switch_points=np.array(draw(st.integers(max(2, 2 * runs), 2 * runs + 4))),
            fleet_programs=draw(st.sampled_from([UNLIMITED, 1, 3])),
        )
    if draw(st.booleans()):
        full = float(plain.power_full_w.sum())
        parts["budget"] = Budget(
            relaxed=plain.floor * draw(GRID),
            energy_wh=draw(st.sampled_from([np.inf, 0.2, 0.5, 0.8])) * full * slots / 4,
            peak_w=np.array(draw(st.lists(st.sampled_from([np.inf, 0.4, 0.8]), min_size=slots, max_size=slots))) * full,
        )
    if draw(st.booleans()):
        before = np.where(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))[:, None], plain.floor, np.nan)
        parts["yesterday"] = Yesterday(flux=before, changes=draw(st.integers(0, n)), change_cost_wh=draw(of) * 5.0)
    if draw(st.booleans()):
        parts["lanes"] = Lanes(boost=np.full(n, draw(GRID)), detection=np.full((n, slots), draw(GRID)))
    return LightingProblem(**{**vars(plain), **parts})


@given(whole_problems())
@settings(max_examples=60)
def test_the_judge_finds_what_the_plan_says_and_nothing_else(problem: LightingProblem) -> None:
    plan = solve(problem)
    said = {(v.constraint, v.object) for v in plan.violations}
    found = {(v.constraint, v.object) for v in check(problem, plan)}
    soft = {"energy budget", "peak", "changes", "ceiling"}
    assert found == said, (found, said)
    assert {constraint for constraint, _ in found} <= soft
    assert (plan.status == Status.BEST_EFFORT) == bool(said)
    assert plan.bound <= plan.objective * (1 + 1e-9) + 1e-9


@given(whole_problems())
@settings(max_examples=12)
def test_the_same_problem_gives_the_same_plan(problem: LightingProblem) -> None:
    first, second = solve(problem, Limits(threads=1)), solve(problem, Limits(threads=2))
    assert first.flux.tobytes() == second.flux.tobytes()
    assert (first.objective, first.bound, first.reasons) == (second.objective, second.bound, second.reasons)


def lamps(*floor: list[float], **changes: Any) -> LightingProblem:
    """Lamps of 100 W that no step and no ramp binds, over slots of an hour."""
    whole = {
        "lamps": tuple("ABCDEFGH"[: len(floor)]),
        "floor": np.array(floor),
        "burning": np.ones(len(floor[0]), bool),
        "power_full_w": np.full(len(floor), 100.0),
        "slot_s": 3600.0,
    }
    return LightingProblem(**(whole | changes))


LEVELS = np.linspace(0, 1, 11)


def every_plan(problem: LightingProblem) -> np.ndarray:
    """All flux on a grid of eleven levels: (plans, n, T)."""
    n, slots = problem.shape
    return np.array(list(product(LEVELS, repeat=n * slots))).reshape(-1, n, slots)


def given_up(problem: LightingProblem, flux: np.ndarray) -> np.ndarray:
    assert problem.budget is not None
    lacks = np.clip(problem.floor - flux, 0, None) ** 2 / np.where(problem.floor > 0, problem.floor, 1)
    return (lacks * (problem.budget.weight * problem.power_full_w)[:, None]).sum(axis=(-1, -2)) * problem.slot_s / 3600


@given(
    st.lists(st.lists(st.sampled_from([0.4, 0.6, 1.0]), min_size=2, max_size=2), min_size=2, max_size=2),
    st.sampled_from([0.6, 0.75, 0.9]),
    st.sampled_from([[np.inf, np.inf], [0.85, 0.85], [np.inf, 0.7]]),
    st.sampled_from([1.0, 3.0]),
    st.sampled_from([0.3, np.inf]),
)
@settings(max_examples=20)
def test_a_budget_beside_all_plans_of_a_grid(
    floor: list[list[float]], energy: float, peak: list[float], weight: float, step: float
) -> None:
    """None that keeps everything gives up less than the bound; without steps none gives up less than the plan."""
    plain = lamps(*floor, neighbours=np.array([[0, 1]]), neighbour_step=[step], power_full_w=[100.0, 50.0])
    need = solve(plain)
    peak_w = np.array(peak) * float((plain.power_full_w[:, None] * need.flux).sum(axis=0).max())
    budget = Budget(relaxed=plain.floor / 4, energy_wh=energy * need.energy_wh, peak_w=peak_w, weight=[1.0, weight])
    problem = LightingProblem(**{**vars(plain), "budget": budget})
    plan = solve(problem)
    assert plan.status in {Status.FEASIBLE, Status.OPTIMAL}
    assert check(problem, plan) == []
    flux = every_plan(problem)
    power = (problem.power_full_w[:, None] * flux).sum(axis=1)
    keeps = (flux >= budget.relaxed - 1e-9).all(axis=(1, 2)) & (power.sum(axis=1) <= budget.energy_wh + 1e-9)
    keeps &= (power <= budget.peak_w + 1e-9).all(axis=1) & (np.abs(flux[:, 0] - flux[:, 1]) <= step + 1e-9).all(axis=1)
    best = given_up(problem, flux[keeps]).min()
    assert plan.bound <= best + 1e-9
    if step == np.inf:
        assert plan.given_up <= best + 1e-4
        assert plan.gap <= 1e-4


def test_a_budget_dims_lamps_of_one_worth_by_one_share() -> None:
    """A hundredth of 500 Wh is saved at one price: every lamp gives up the same part of its floor."""
    plain = lamps([1, 0.5], [0.8, 0.8], [1, 0.9])
    problem = LightingProblem(**{**vars(plain), "budget": Budget(relaxed=plain.floor / 2, energy_wh=495.0)})
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux, 0.99 * problem.floor, atol=1e-6)
    assert plan.unit == WH_GIVEN_UP
    assert plan.objective == pytest.approx(500 * 0.01**2, rel=1e-4)


def test_a_budget_that_is_enough_changes_nothing() -> None:
    plain = lamps([1, 0.5], [0.8, 0.8])
    problem = LightingProblem(**{**vars(plain), "budget": Budget(relaxed=plain.floor / 2, energy_wh=310.0)})
    plan = solve(problem)
    np.testing.assert_array_equal(plan.flux, plain.floor)
    assert (plan.unit, plan.status, plan.given_up) == (WH, Status.OPTIMAL, 0.0)


def test_a_budget_below_the_relaxed_floors_is_named_with_what_is_short() -> None:
    plain = lamps([1, 0.5], [0.8, 0.8])
    relaxed = plain.floor / 2
    problem = LightingProblem(**{**vars(plain), "budget": Budget(relaxed=relaxed, energy_wh=100.0)})
    plan = solve(problem)
    assert plan.status is Status.BEST_EFFORT
    np.testing.assert_allclose(plan.flux, relaxed, atol=1e-8)
    (found,) = plan.violations
    assert (found.constraint, found.unit) == ("energy budget", "Wh")
    assert found.amount == pytest.approx(55.0)


def test_only_the_slot_of_the_peak_gives_way_to_a_peak() -> None:
    plain = lamps([1, 0.5], [1, 0.5])
    problem = LightingProblem(**{**vars(plain), "budget": Budget(relaxed=plain.floor * 0.5, peak_w=180.0)})
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux, [[0.9, 0.5], [0.9, 0.5]], atol=1e-6)


def test_a_peak_binds_the_slots_that_it_is_of() -> None:
    plain = lamps([1, 1, 1], [1, 1, 1])
    budget = Budget(relaxed=plain.floor * 0.5, peak_w=[np.inf, 180.0, 150.0])
    plan = solve(LightingProblem(**{**vars(plain), "budget": budget}))
    np.testing.assert_allclose(plan.flux, [[1, 0.9, 0.75], [1, 0.9, 0.75]], atol=1e-6)
    short = Budget(relaxed=plain.floor * 0.9, peak_w=[np.inf, 180.0, 150.0])
    (found,) = solve(LightingProblem(**{**vars(plain), "budget": short})).violations
    assert (found.constraint, found.detail) == ("peak", "slot 2")
    assert found.amount == pytest.approx(30.0)


def test_a_budget_is_kept_by_telling_what_would_not_pay_for_itself() -> None:
    """Yesterday's program of A would pass the budget, and less than the cost of telling is saved by the new one."""
    plain = lamps([0.0], [0.25], power_full_w=[10.0, 10.0])
    budget, before = Budget(relaxed=np.zeros((2, 1)), energy_wh=3.0), np.array([[0.5], [1.0]])
    yesterday = Yesterday(flux=before, change_cost_wh=6.0)
    plan = solve(LightingProblem(**{**vars(plain), "budget": budget, "yesterday": yesterday}))
    np.testing.assert_array_equal(plan.flux, plain.floor)
    assert (plan.violations, plan.given_up, plan.changes) == ((), 0.0, 2)


def test_no_light_is_given_up_for_what_telling_saves() -> None:
    plain = lamps([0.5], [1.0])
    budget = Budget(relaxed=np.array([[0.5], [0.0]]), energy_wh=160.0)
    yesterday = Yesterday(flux=np.array([[1.0], [np.nan]]), change_cost_wh=60.0)
    plan = solve(LightingProblem(**{**vars(plain), "budget": budget, "yesterday": yesterday}))
    np.testing.assert_array_equal(plan.flux, plain.floor)
    assert (plan.violations, plan.given_up, plan.changes) == ((), 0.0, 2)


def test_a_peak_that_cannot_be_kept_is_named() -> None:
    plain = lamps([1, 0.5], [1, 0.5])
    problem = LightingProblem(**{**vars(plain), "budget": Budget(relaxed=plain.floor * 0.8, peak_w=120.0)})
    plan = solve(problem)
    assert [(v.constraint, v.unit) for v in plan.violations] == [("peak", "W")]
    assert plan.violations[0].amount == pytest.approx(40.0)
    np.testing.assert_allclose(plan.flux, [[0.8, 0.5], [0.8, 0.5]], atol=1e-6)


def test_a_lamp_that_cannot_dim_is_switched_off_for_a_budget_only_where_it_may_be() -> None:
    plain = lamps([0.5, 0.5], [0.5, 0.5], dimmable=[False, True])
    budget = Budget(relaxed=np.array([[0.0, 0.5], [0.5, 0.5]]), energy_wh=210.0)
    plan = solve(LightingProblem(**{**vars(plain), "budget": budget}))
    np.testing.assert_array_equal(plan.flux, [[0, 1], [0.5, 0.5]])


def test_floors_never_give_way_without_a_budget() -> None:
    plan = solve(row(0.5, 0.9, ramp_per_slot=[0.1]))
    np.testing.assert_allclose(plan.flux, [[0.8, 0.9]])


@given(st.data())
@settings(max_examples=60)
def test_each_lamp_alone_keeps_its_program_where_that_pays(data: st.DataObject) -> None:
    """Without holders and neighbours a lamp keeps yesterday's program if it serves and a new one saves too little."""
    rows = st.lists(st.lists(GRID, min_size=3, max_size=3), min_size=4, max_size=4)
    plain, before = lamps(*data.draw(rows)), np.array(data.draw(rows))
    cost = data.draw(st.sampled_from([0.0, 15.0, 60.0]))
    plan = solve(LightingProblem(**{**vars(plain), "yesterday": Yesterday(flux=before, change_cost_wh=cost)}))
    new, old = plain.floor.sum(axis=1) * 100, before.sum(axis=1) * 100
    serves = (before >= plain.floor - 1e-9).all(axis=1)
    assert plan.objective == pytest.approx(np.where(serves, np.minimum(old, new + cost), new + cost).sum())
    assert plan.status is Status.OPTIMAL


def test_as_many_change_as_may_and_those_that_save_most() -> None:
    plain = lamps([0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    before = np.array([[0.6, 0.6], [1.0, 1.0], [0.7, 0.7]])
    for most, kept in ((3, []), (2, [0]), (1, [0, 2]), (0, [0, 1, 2])):
        plan = solve(LightingProblem(**{**vars(plain), "yesterday": Yesterday(flux=before, changes=most)}))
        expected = np.where(np.isin(np.arange(3), kept)[:, None], before, plain.floor)
        np.testing.assert_array_equal(plan.flux, expected)
        assert (plan.changes, plan.violations) == (most, ())


def test_more_changes_than_may_be_are_named_where_they_must_be() -> None:
    plain = lamps([0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    before = np.array([[0.4, 0.6], [np.nan, np.nan], [0.7, 0.7]])
    plan = solve(LightingProblem(**{**vars(plain), "yesterday": Yesterday(flux=before, changes=1)}))
    assert plan.status is Status.BEST_EFFORT
    assert [(v.constraint, v.amount, v.unit) for v in plan.violations] == [("changes", 1.0, "lamps")]
    np.testing.assert_array_equal(plan.flux[2], before[2])


def test_neighbours_of_a_brighter_program_follow_within_their_step() -> None:
    """One program for A and B takes B to 1; C, of another holder, must stay within 0.2 of it."""
    problem = street(
        1.0, 0.1, 0.1, step=0.9, holders=Holders(names=("N", "S"), of=np.array([0, 0, 1]), programs=np.array([1, 1]))
    )
    problem = LightingProblem(**{**vars(problem), "neighbour_step": np.array([0.9, 0.2])})
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux[:, 0], [1, 1, 0.8])
    assert check(problem, plan) == []
    assert any("neighbours: 1 lamps" in reason for reason in plan.reasons)
    assert plan.holders == ("N", "S")
    assert plan.holder_bound_wh[1] < plan.holder_objective_wh[1]


def test_switch_points_alone_are_proved() -> None:
    problem = replace_part(full_example(3), budget=None, yesterday=None, neighbours=np.empty((0, 2), int))
    problem = LightingProblem(
        **{
            **vars(problem),
            "neighbour_step": np.empty(0),
            "holders": replace_holders(problem, programs=UNLIMITED, switch_points=4),
        }
    )
    plan = solve(problem)
    assert plan.status is Status.OPTIMAL
    assert plan.gap <= 1e-9
    assert check(problem, plan) == []


def replace_part(problem: LightingProblem, **changes: Any) -> LightingProblem:
    if "neighbours" in changes:
        changes["neighbour_step"] = np.empty(0)
    return LightingProblem(**{**vars(problem), **changes})


def replace_holders(problem: LightingProblem, **limits: Any) -> Holders:
    assert problem.holders is not None
    return Holders(names=problem.holders.names, of=problem.holders.of, **limits)


def test_the_whole_example_is_kept_to() -> None:
    problem = full_example(0)
    plan = solve(problem)
    assert check(problem, plan) == []
    assert plan.status is Status.FEASIBLE
    assert plan.unit == WH_GIVEN_UP
    assert 0 < plan.bound <= plan.given_up_bound <= plan.given_up
    assert plan.energy_wh <= problem.budget.energy_wh
    assert problem.yesterday is not None
    assert plan.changes <= problem.yesterday.changes


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_few_changes_beside_a_budget_are_kept_where_they_can_be(seed: int) -> None:
    problem = full_example(seed)
    plan = solve(problem)
    assert plan.violations == ()
    assert check(problem, plan) == []
    assert plan.given_up <= 1.3 * plan.given_up_bound


def test_of_plans_that_give_up_nothing_the_one_that_costs_least_with_its_telling() -> None:
    plain = lamps([0.25], [0.25], power_full_w=[100.0, 10.0])
    yesterday = Yesterday(flux=np.array([[0.75], [1.0]]), change_cost_wh=40.0)
    budget = Budget(relaxed=np.zeros((2, 1)), energy_wh=55.0)
    plan = solve(LightingProblem(**{**vars(plain), "budget": budget, "yesterday": yesterday}))
    np.testing.assert_array_equal(plan.flux, [[0.25], [1.0]])
    assert plan.objective == pytest.approx(75.0)


def test_out_of_time_the_lamps_burn_and_what_is_passed_is_said() -> None:
    problem = full_example(0)
    plan = solve(problem, Limits(work=1))
    assert plan.status is Status.TIME_LIMIT
    assert plan.reproducible
    assert (plan.flux == problem.burning).all()
    assert {v.constraint for v in check(problem, plan)} == {v.constraint for v in plan.violations}


@pytest.mark.parametrize("work", [8, 12, 20, 40])
def test_out_of_work_there_is_a_plan_that_says_what_it_passes(work: int) -> None:
    problem = full_example(0)
    plan, again = (solve(problem, Limits(work=work)) for _ in range(2))
    assert plan.flux.tobytes() == again.flux.tobytes()
    assert plan.reproducible
    assert {v.constraint for v in check(problem, plan)} == {v.constraint for v in plan.violations}


def test_expected_energy_of_lanes_is_what_is_minimised_and_told() -> None:
    """Detected half the time at full, a lamp at 0.5 takes three quarters."""
    plain = lamps([0.5, 0.5], lanes=Lanes(boost=np.array([1.0]), detection=np.full((1, 2), 0.5)))
    plan = solve(plain)
    assert plan.energy_wh == pytest.approx(150.0)
    assert plan.energy_wh == energy_wh(plain, plan.flux)
    silent = replace(plan, energy_wh=100.0)
    assert {v.constraint for v in check(plain, silent)} == {"energy"}
