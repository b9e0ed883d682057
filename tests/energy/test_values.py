"""What a plan says that a kWh is worth, against plans of a kWh more or less."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyProblem, solve
from optimizers.result import Status
from tests.energy.made import battery, hours, random_problem, site

_STEP_WH = 1.0


def with_base(problem: EnergyProblem, i: int, t: int, more_wh: float) -> EnergyProblem:
    base = problem.sites.base_w.copy()
    base[i, t] += more_wh / problem.horizon.hours[t]
    return replace(problem, sites=replace(problem.sites, base_w=base))


def with_stored(problem: EnergyProblem, b: int, more_wh: float) -> EnergyProblem:
    assert problem.batteries is not None
    initial = problem.batteries.initial_wh.copy()
    initial[b] += more_wh
    return replace(problem, batteries=replace(problem.batteries, initial_wh=initial))


def test_a_kwh_more_drawn_costs_what_the_battery_would_have_saved_with_it() -> None:
    """The battery gives all it can in the dear hour, out of what was bought cheap: more there is bought there."""
    problem = EnergyProblem(horizon=hours(2), sites=site(6_000.0, [[0.1, 0.3]]), batteries=battery())
    plan = solve(problem)
    assert plan.value_eur_kwh == pytest.approx(np.array([[0.1, 0.3]]))
    free = EnergyProblem(horizon=hours(2), sites=site(4_000.0, [[0.1, 0.3]]), batteries=battery())
    assert solve(free).value_eur_kwh == pytest.approx(np.array([[0.1, 0.1]]))
    assert solve(free).stored_eur_kwh[0, 0] == pytest.approx(0.1)


@given(st.integers(0, 3_000).map(lambda seed: 2 * seed + 1), st.integers(0, 11))
@settings(max_examples=12)
def test_values_are_the_slopes_of_the_cost(seed: int, t: int) -> None:
    """Cost is convex in what is drawn: its slope to the left is no more than the value, that to the right no less."""
    problem = replace(random_problem(seed), orders=None, tanks=None)  # whole choices make steps
    plan = solve(problem)
    if plan.status != Status.OPTIMAL:
        return
    slopes = [
        (solve(with_base(problem, 0, t, step)).objective - plan.objective) / (step / 1000)
        for step in (-_STEP_WH, _STEP_WH)
    ]
    assert slopes[0] - 1e-3 <= plan.value_eur_kwh[0, t] <= slopes[1] + 1e-3


@given(st.integers(0, 3_000).map(lambda seed: 2 * seed + 1), st.integers(0, 1))
@settings(max_examples=12)
def test_what_is_stored_is_worth_what_less_of_it_costs(seed: int, b: int) -> None:
    """A Wh more at the start is kept, but for what a slot loses, after the first slot; there it has its value."""
    problem = replace(random_problem(seed), orders=None, tanks=None)
    plan = solve(problem)
    if plan.status != Status.OPTIMAL:
        return
    assert problem.batteries is not None
    kept = (1 - problem.batteries.loss_h[b]) ** problem.horizon.hours[0]
    gains = [
        -(solve(with_stored(problem, b, step)).objective - plan.objective) / (step * kept / 1000)
        for step in (-_STEP_WH, _STEP_WH)
    ]
    assert gains[1] - 1e-3 <= plan.stored_eur_kwh[b, 0] <= gains[0] + 1e-3
