"""What a plan says that a kWh is worth, against plans of a kWh more or less."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyProblem, Loads, solve
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


def test_where_a_firm_limit_is_passed_a_kwh_more_counts_at_its_price() -> None:
    """What it adds to the shortfall is no euros: no plan can undo it, and 0.2 EUR is what it costs."""
    sites = site([[1_000.0, 5_000.0]], [[0.1, 0.2]], import_limit_w=np.array(3_000.0), firm=np.array(True))
    plan = solve(EnergyProblem(horizon=hours(2), sites=sites))
    assert plan.status == Status.BEST_EFFORT
    assert plan.value_eur_kwh == pytest.approx(np.array([[0.1, 0.2]]))


def test_with_loads_on_or_off_values_are_those_of_the_hours_that_were_chosen() -> None:
    """The kiln runs in the cheap hour whatever a kWh more would be; the battery gives in the dear one what it can."""
    kiln = Loads(
        names=("kiln",), site=np.array([0]), power_w=np.array([2_000.0]), first=np.array([0]), last=np.array([2]),
        slots=np.array([1]),
    )  # fmt: skip
    problem = EnergyProblem(
        horizon=hours(2), sites=site(6_000.0, [[0.1, 0.3]]), batteries=battery(charge_efficiency=0.8), loads=kiln
    )
    plan = solve(problem)
    assert plan.on.tolist() == [[True, False]]
    assert plan.value_eur_kwh == pytest.approx(np.array([[0.1, 0.3]]))
    assert plan.stored_eur_kwh[0, 0] == pytest.approx(0.3)
