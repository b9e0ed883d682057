"""Budgets of some lamps each: who gives way for which, and what is proved of it."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.lighting import (
    Budget,
    Holders,
    LightingPlan,
    LightingProblem,
    Shares,
    check,
    full_example,
    lamp_energy_wh,
    pack,
    problem_from_json,
    problem_to_json,
    resolve,
    solve,
    unpack,
)
from optimizers.lighting.problem import WH, WH_GIVEN_UP
from optimizers.result import InvalidProblem, Limits, Status
from tests.lighting.test_whole_solve import every_plan, given_up, lamps, whole_problems


def shared(plain: LightingProblem, relaxed: Any, overall: float = np.inf, **shares: Any) -> LightingProblem:
    parts = {"budget": Budget(relaxed=relaxed, energy_wh=overall), "shares": Shares(**shares)}
    return LightingProblem(**{**vars(plain), **parts})


@st.composite
def shared_problems(draw: st.DrawFn) -> LightingProblem:
    """Small problems of every shape with budgets of some of their lamps."""
    plain = draw(whole_problems())
    n, slots = plain.shape
    names = "XYZ"[: draw(st.integers(1, 3))]
    of = np.array(draw(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=3, max_size=3)))[: len(names)]
    of[:, 0] = True
    full = (of * plain.power_full_w).sum(axis=1)
    shares = Shares(
        names=tuple(names),
        lamps=of,
        energy_wh=draw(st.sampled_from([np.inf, 0.3, 0.6])) * full * slots * plain.slot_s / 3600,
        peak_w=np.where(np.arange(slots) % 2, np.inf, draw(st.sampled_from([0.5, 0.9])) * full[:, None]),
    )
    budget = plain.budget or Budget(relaxed=plain.floor * 0.5)
    return LightingProblem(**{**vars(plain), "budget": budget, "shares": shares})


@given(shared_problems())
@settings(max_examples=60)
def test_the_judge_finds_what_the_plan_says_and_nothing_else(problem: LightingProblem) -> None:
    plan = solve(problem)
    said = {(v.constraint, v.object) for v in plan.violations}
    found = {(v.constraint, v.object) for v in check(problem, plan)}
    assert found == said, (found, said)
    assert {constraint for constraint, _ in found} <= {"energy budget", "peak", "changes", "ceiling"}
    assert (plan.status == Status.BEST_EFFORT) == bool(said)
    assert plan.bound <= plan.objective * (1 + 1e-9) + 1e-9
    assert pack(unpack(pack(problem))) == pack(problem)


@given(shared_problems())
@settings(max_examples=10)
def test_the_same_problem_gives_the_same_plan(problem: LightingProblem) -> None:
    first, second = solve(problem, Limits(threads=1)), solve(problem, Limits(threads=2))
    assert first.flux.tobytes() == second.flux.tobytes()
    assert (first.objective, first.bound, first.reasons) == (second.objective, second.bound, second.reasons)


def test_each_budget_is_kept_by_its_own_lamps() -> None:
    """What each takes alone is what it takes beside others that it shares nothing with."""
    plain = lamps([1, 0.5], [0.8, 0.8], [1, 0.9])
    relaxed = plain.floor / 2
    of = np.array([[True, True, False], [False, False, True]])
    plan = solve(shared(plain, relaxed, names=("X", "Y"), lamps=of, energy_wh=[290.0, 171.0]))
    np.testing.assert_allclose(plan.flux[:2], plain.floor[:2] * 290 / 310, atol=1e-6)
    np.testing.assert_allclose(plan.flux[2], plain.floor[2] * 0.9, atol=1e-6)
    assert plan.unit == WH_GIVEN_UP
    assert plan.gap < 1e-3
    assert [reason.split(":")[0] for reason in plan.reasons] == ["budget Y", "budget X"]


def test_budgets_that_are_enough_change_nothing() -> None:
    plain = lamps([1, 0.5], [0.8, 0.8])
    plan = solve(shared(plain, plain.floor / 2, names=("X",), lamps=[[True, False]], energy_wh=[150.0]))
    np.testing.assert_array_equal(plan.flux, plain.floor)
    assert (plan.unit, plan.status, plan.given_up, plan.reasons) == (WH, Status.OPTIMAL, 0.0, ())


@given(
    st.lists(st.lists(st.sampled_from([0.4, 0.6, 1.0]), min_size=2, max_size=2), min_size=2, max_size=2),
    st.sampled_from([0.6, 0.9]),
    st.sampled_from([0.6, 0.9, np.inf]),
    st.sampled_from([0.3, np.inf]),
)
@settings(max_examples=20)
def test_no_plan_of_a_grid_gives_up_less_than_the_bound(
    floor: list[list[float]], mine: float, overall: float, step: float
) -> None:
    plain = lamps(*floor, neighbours=np.array([[0, 1]]), neighbour_step=[step], power_full_w=[100.0, 50.0])
    need = solve(plain)
    energy = lamp_energy_wh(plain, need.flux)
    whole, own = overall * float(energy.sum()), mine * float(energy[0])
    problem = shared(plain, plain.floor / 4, whole, names=("X",), lamps=[[True, False]], energy_wh=[own])
    plan = solve(problem)
    flux = every_plan(problem)
    taken = (problem.power_full_w[:, None] * flux).sum(axis=2)
    keeps = (flux >= plain.floor / 4 - 1e-9).all(axis=(1, 2)) & (np.abs(flux[:, 0] - flux[:, 1]) <= step + 1e-9).all(
        axis=1
    )
    keeps &= (taken.sum(axis=1) <= whole + 1e-9) & (taken[:, 0] <= own + 1e-9)
    # B gives way for the budget of both, not for that of A, which is held up beside it.
    assert plan.violations == () or step < np.inf
    assert plan.bound <= given_up(problem, flux[keeps]).min() + 1e-9


def test_a_larger_budget_takes_of_what_a_smaller_one_has_left() -> None:
    plain = lamps([1.0, 1.0], [1.0, 1.0], [1.0, 1.0])
    of = np.array([[True, True, True], [True, False, False]])
    plan = solve(shared(plain, plain.floor / 2, names=("all", "one"), lamps=of, energy_wh=[540.0, 160.0]))
    assert plan.violations == ()
    assert plan.energy_wh == pytest.approx(540.0, rel=1e-5)
    assert (plan.flux[0] < 0.8).all()
    np.testing.assert_allclose(plan.flux, plan.flux[:, :1] @ np.ones((1, 2)), atol=1e-6)
    given = 1 - plan.flux[:, 0] / [0.8, 1.0, 1.0]
    np.testing.assert_allclose(given, given[0], atol=1e-5)


def test_who_shares_a_keeper_keeps_its_light() -> None:
    """B is in no budget; its keeper holds one program for both, and A's light is all that may give way."""
    plain = lamps([1.0, 1.0], [0.6, 0.6], [1.0, 1.0])
    holders = Holders(names=("K", "L"), of=np.array([0, 0, 1]), programs=np.array([2, 1]))
    plain = LightingProblem(**{**vars(plain), "holders": holders})
    plan = solve(shared(plain, plain.floor / 2, names=("X",), lamps=[[True, False, False]], energy_wh=[160.0]))
    np.testing.assert_allclose(plan.flux, [[0.8, 0.8], [0.6, 0.6], [1.0, 1.0]], atol=1e-4)


def test_neighbours_beyond_a_border_fall_with_those_that_lifted_them() -> None:
    """B needs nothing of its own but stands beside A."""
    plain = lamps([1.0], [0.0], neighbours=np.array([[0, 1]]), neighbour_step=[0.25])
    plan = solve(shared(plain, plain.floor / 2, names=("X",), lamps=[[True, False]], energy_wh=[80.0]))
    assert 0.7 < plan.flux[0, 0] <= 0.8
    np.testing.assert_allclose(plan.flux[0] - plan.flux[1], 0.25, atol=1e-6)
    held = LightingProblem(**{**vars(plain), "holders": Holders(names=("K", "L"), of=np.array([0, 1]))})
    plan = solve(shared(held, plain.floor / 2, names=("X",), lamps=[[True, False]], energy_wh=[80.0]))
    assert 0.7 < plan.flux[0, 0] <= 0.8
    np.testing.assert_allclose(plan.flux[0] - plan.flux[1], 0.25, atol=1e-6)


def test_neighbours_beyond_a_border_hold_up_those_they_lift() -> None:
    """B keeps its light, and A is within the step of it: the budget is passed, and by how much is said."""
    plain = lamps([1.0], [1.0], neighbours=np.array([[0, 1]]), neighbour_step=[0.25])
    problem = shared(plain, plain.floor / 2, names=("X",), lamps=[[True, False]], energy_wh=[60.0])
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux, [[0.75], [1.0]], atol=1e-8)
    (found,) = plan.violations
    assert (found.constraint, found.object, found.unit) == ("energy budget", "X", "Wh")
    assert found.amount == pytest.approx(15.0)


def test_a_peak_of_some_lamps_that_cannot_be_kept_is_named() -> None:
    plain = lamps([1.0, 1.0], [1.0, 1.0])
    problem = shared(plain, plain.floor * 0.9, names=("X",), lamps=[[True, False]], peak_w=[[np.inf, 80.0]])
    plan = solve(problem)
    assert [(v.constraint, v.object, v.detail) for v in plan.violations] == [("peak", "X", "slot 1")]
    np.testing.assert_allclose(plan.flux, [[1.0, 0.9], [1.0, 1.0]], atol=1e-6)


def test_cabinets_planned_again_stay_within_what_others_leave() -> None:
    problem, cut = of_cabinets(0.95)
    plan = solve(problem)
    assert plan.violations == ()
    more = np.array(problem.floor)
    more[:4] = np.minimum(1.0, more[:4] * 1.1)
    now = LightingProblem(**{**vars(problem), "floor": more})
    again = resolve(now, plan, ["K-001"])
    assert [v for v in check(now, again) if v.constraint in {"energy budget", "peak"}] == []
    other = now.holders is not None and now.holders.of == 3
    np.testing.assert_array_equal(again.flux[other], plan.flux[other])
    assert cut > again.energy_wh * 0.9


def of_cabinets(share: float) -> tuple[LightingProblem, float]:
    """Four cabinets of the example; the first has a budget, and so have the first two together."""
    whole = full_example(0, cabinets=4)
    plain = LightingProblem(**{**vars(whole), "budget": None, "yesterday": None})
    assert whole.holders is not None
    assert whole.budget is not None
    energy = lamp_energy_wh(plain, solve(plain).flux)
    of = np.array([whole.holders.of == 0, whole.holders.of <= 1])
    limits = share * (of * energy).sum(axis=1)
    return shared(plain, whole.budget.relaxed, names=("one", "two"), lamps=of, energy_wh=limits), float(energy.sum())


def test_budgets_of_cabinets_with_programs_are_kept() -> None:
    problem, _ = of_cabinets(0.94)
    plan = solve(problem)
    assert (plan.status, plan.unit) == (Status.FEASIBLE, WH_GIVEN_UP)
    assert check(problem, plan) == []
    beyond = problem.holders is not None and problem.holders.of == 3
    np.testing.assert_array_less(problem.floor[beyond] - 1e-9, plan.flux[beyond])
    assert 0 < plan.bound <= plan.given_up


def test_what_the_clock_cuts_short_says_so() -> None:
    problem, _ = of_cabinets(0.94)
    plan: LightingPlan = solve(problem, Limits(seconds=1e-9))
    assert plan.status is Status.TIME_LIMIT
    assert not plan.reproducible


def test_budgets_of_some_lamps_come_back_from_json_as_they_were() -> None:
    problem, _ = of_cabinets(0.94)
    told = problem_to_json(problem)
    assert set(json.loads(told)["shares"]) == {"one", "two"}
    before, after = problem.shares, problem_from_json(told).shares
    assert before is not None
    assert after is not None
    assert after.names == before.names
    for name in Shares.arrays:
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_everything_wrong_with_budgets_of_some_lamps_is_said_at_once() -> None:
    told = json.loads(problem_to_json(of_cabinets(0.94)[0]))
    told["lamps"][0]["shares"] = ["tow"]
    told["shares"]["two"]["peak_w"] = [1.0, None]
    with pytest.raises(InvalidProblem) as error:
        problem_from_json(json.dumps(told))
    said = "\n".join(error.value.problems)
    for what in ("no share 'tow', there is one, two", "shares.two: peak_w has 2 values, wants 96"):
        assert what in said
    plain = lamps([1.0], [1.0])
    with pytest.raises(InvalidProblem) as error:
        shared(plain, plain.floor, names=("X", "X"), lamps=[[False, False], [True, True]], energy_wh=[1.0, -1.0])
    said = "\n".join(error.value.problems)
    for what in ("'X' stands 2 times", "'X' is of no lamp", "energy_wh is -1.0"):
        assert what in said


def test_smaller_budgets_want_to_know_how_far_light_gives_way() -> None:
    plain = lamps([1.0])
    with pytest.raises(InvalidProblem, match="there is no budget, which says how far"):
        LightingProblem(**{**vars(plain), "shares": Shares(names=("X",), lamps=[[True]])})
