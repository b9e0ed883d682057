"""Yesterday's programs among the few that a holder keeps: beside all there are, and for whom they are kept."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.lighting import Holders, LightingPlan, LightingProblem, Yesterday, check, solve

LEVELS = np.round(np.arange(0.2, 1.01, 0.2), 1)


def cabinet(floor: list[float], before: list[float], *, programs: int, cost_wh: float, **more: Any) -> LightingProblem:
    """Lamps of 100 W of one cabinet in one hour."""
    n = len(floor)
    whole = {
        "lamps": tuple("ABCDEFGH"[:n]),
        "floor": np.array(floor)[:, None],
        "burning": np.ones(1, bool),
        "power_full_w": np.full(n, 100.0),
        "holders": Holders(names=("K",), of=np.zeros(n, int), programs=np.array(programs)),
        "yesterday": Yesterday(flux=np.array(before)[:, None], change_cost_wh=cost_wh),
        "slot_s": 3600.0,
    }
    return LightingProblem(**(whole | more))


def changed(problem: LightingProblem, **changes: Any) -> LightingProblem:
    return LightingProblem(**{**vars(problem), "ceiling": 1.0, **changes})


def least_cost(problem: LightingProblem) -> float:
    """Of all levels of all lamps, as many different ones as the cabinet holds."""
    assert problem.holders is not None and problem.yesterday is not None
    flux = np.array(list(product(LEVELS, repeat=len(problem.lamps))))
    count = np.array([len(set(row)) for row in flux.tolist()])
    keeps = (flux >= problem.floor[:, 0] - 1e-9).all(axis=1) & (count <= problem.holders.programs[0])
    told = ~(np.abs(flux - problem.yesterday.flux[:, 0]) <= 1e-9)
    cost = (flux * problem.power_full_w).sum(axis=1) + problem.yesterday.change_cost_wh * told.sum(axis=1)
    return float(cost[keeps].min())


LEVEL = st.sampled_from(LEVELS.tolist())


@given(
    st.lists(LEVEL, min_size=4, max_size=4),
    st.lists(st.one_of(LEVEL, st.just(np.nan)), min_size=4, max_size=4),
    st.integers(1, 4),
    st.sampled_from([0.0, 10.0, 30.0, 100.0]),
)
@settings(max_examples=80)
def test_beside_every_way_to_keep_or_change(
    floor: list[float], before: list[float], programs: int, cost_wh: float
) -> None:
    problem = cabinet(floor, before, programs=programs, cost_wh=cost_wh)
    plan: LightingPlan = solve(problem)
    assert check(problem, plan) == []
    best = least_cost(problem)
    assert plan.bound <= best + 1e-9
    assert plan.objective >= best - 1e-9
    if programs == len(floor):
        assert plan.objective == pytest.approx(best)


def test_all_keep_where_nothing_pays() -> None:
    problem = cabinet([0.4, 0.6, 0.8], [0.6, 0.8, 0.8], programs=2, cost_wh=25.0)
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux[:, 0], [0.6, 0.8, 0.8])
    assert plan.changes == 0


def test_a_lamp_whose_program_is_too_dark_joins_what_is_kept() -> None:
    problem = cabinet([0.8, 0.6, 0.8], [0.4, 0.6, 0.8], programs=2, cost_wh=5.0)
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux[:, 0], [0.8, 0.6, 0.8])
    assert plan.changes == 1


def test_nothing_of_yesterday_is_kept_over_a_ceiling() -> None:
    problem = cabinet([0.4, 0.4], [0.8, 0.4], programs=2, cost_wh=1e3, ceiling=0.6)
    np.testing.assert_allclose(solve(problem).flux[:, 0], [0.4, 0.4])


def test_nothing_of_yesterday_is_kept_that_changes_too_often() -> None:
    often = np.array([[0.6, 0.8, 0.6, 0.8]])
    one = cabinet([0.6], [0.6], programs=1, cost_wh=1e3)
    problem = changed(
        one,
        floor=np.full((1, 4), 0.6),
        burning=np.ones(4, bool),
        holders=Holders(names=("K",), of=np.zeros(1, int), switch_points=np.array([4])),
        yesterday=Yesterday(flux=often, change_cost_wh=1e3),
    )
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux, np.full((1, 4), 0.6))
    assert plan.changes == 1


def test_nothing_of_yesterday_is_kept_that_is_steeper_than_the_ramp() -> None:
    steep = np.array([[0.4, 0.8]])
    problem = changed(
        cabinet([0.4], [0.4], programs=1, cost_wh=1e3),
        floor=np.full((1, 2), 0.4),
        burning=np.ones(2, bool),
        ramp_per_slot=np.array(0.3),
        yesterday=Yesterday(flux=steep, change_cost_wh=1e3),
    )
    np.testing.assert_allclose(solve(problem).flux, np.full((1, 2), 0.4))


def test_programs_that_the_fleet_shares_are_kept_together() -> None:
    """Two cabinets, two programs for both: yesterday's pair serves, and new ones would save less than telling costs."""
    shared = Holders(names=("K", "L"), of=np.array([0, 0, 1, 1]), fleet_programs=2)
    problem = cabinet([0.4, 0.8, 0.4, 0.8], [0.6, 0.8, 0.6, 0.8], programs=2, cost_wh=25.0, holders=shared)
    plan = solve(problem)
    np.testing.assert_allclose(plan.flux[:, 0], [0.6, 0.8, 0.6, 0.8])
    cheap = cabinet([0.4, 0.8, 0.4, 0.8], [0.6, 0.8, 0.6, 0.8], programs=2, cost_wh=15.0, holders=shared)
    np.testing.assert_allclose(solve(cheap).flux[:, 0], [0.4, 0.8, 0.4, 0.8])
