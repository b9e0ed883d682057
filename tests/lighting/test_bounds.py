"""Bounds of a budget beside all there is: single lamps, ties, shared programs, and whole plans on a grid."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from optimizers.lighting import Budget, Holders, LightingProblem, PowerCurve, Yesterday, check, full_example, solve
from optimizers.lighting.budgeting import Cells
from optimizers.lighting.least import Least
from optimizers.lighting.nodes import Nodes
from optimizers.lighting.pooling import sharing_wh
from optimizers.lighting.problem import WH_GIVEN_UP
from optimizers.lighting.spending import Spending
from optimizers.lighting.ties import Ties
from optimizers.result import Limits

CURVES = (PowerCurve("led", (0.0, 0.1, 0.5, 1.0), (0.02, 0.12, 0.49, 1.0)), PowerCurve("line", (0.0, 1.0), (0.0, 1.0)))
FINE = np.linspace(0, 1, 2001)


def random_nodes(rng: np.random.Generator, count: int) -> Nodes:
    floor = rng.choice([0.0, 0.2, 0.35, 0.5, 0.75, 1.0], count)
    low, dims = np.round(floor * rng.choice([0.0, 0.6, 1.0], count), 3), rng.random(count) < 0.8
    return Nodes(
        floor=floor,
        low=np.where(dims, low, low > 0),
        weight=rng.choice([0.5, 1.0, 3.0], count),
        boost=rng.choice([0.0, 0.4, 0.9], count),
        seen=rng.choice([0.0, 0.15, 0.6], count),
        curve=rng.integers(0, 2, count),
        dims=dims,
        curves=CURVES,
    )


def cost_on_grid(nodes: Nodes, paid: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """(N, levels) what each node comes to at each level; inf where it may not be."""
    costs = []
    for level in FINE.tolist():
        flux = np.full(paid.size, level)
        cost = nodes.lost(flux) + paid * nodes.share(flux) + pull * flux
        may = (level >= nodes.low - 1e-12) & (nodes.dims | (level in {0.0, 1.0}))
        costs.append(np.where(may, cost, np.inf))
    return np.stack(costs, axis=1)


@given(st.integers(0, 10**6))
@settings(max_examples=40)
def test_no_level_is_better_than_the_best_of_a_lamp_and_slot(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = random_nodes(rng, 30)
    paid, pull = rng.uniform(0, 1.5, 30), np.where(nodes.dims, rng.uniform(-1, 1, 30), 0.0)
    flux, value = nodes.best(paid, pull)
    least = cost_on_grid(nodes, paid, pull).min(axis=1)
    assert (value <= least + 1e-12).all()
    np.testing.assert_allclose(value, least, atol=1e-3)
    np.testing.assert_allclose(value, nodes.lost(flux) + paid * nodes.share(flux) + pull * flux)
    assert (flux >= nodes.low - 1e-12).all()


def partitions(items: list[int], most: int) -> list[list[list[int]]]:
    if not items:
        return [[]]
    first, found = items[0], []
    for rest in partitions(items[1:], most):
        found += [[*rest[:k], [first, *group], *rest[k + 1 :]] for k, group in enumerate(rest)]
        found += [[[first], *rest]] if len(rest) < most else []
    return found


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 5))
@settings(max_examples=30)
def test_what_sharing_adds_beside_all_partitions(seed: int, most: int, rows: int) -> None:
    """With groups of three at most it is exact; with larger ones it is a bound."""
    rng = np.random.default_rng(seed)
    slots = 3
    nodes = random_nodes(rng, rows * slots)
    full_wh = np.repeat(rng.choice([10.0, 40.0], rows), slots)
    paid, pull = rng.uniform(0, 1.0, rows * slots), rng.uniform(-0.2, 0.2, rows * slots) * full_wh
    nodes = replace(nodes, low=np.minimum(nodes.low, nodes.floor), dims=np.ones(rows * slots, bool))
    cost = full_wh[:, None] * cost_on_grid(nodes, paid, pull / full_wh)
    cost = cost.reshape(rows, slots, -1)

    def together(group: list[int]) -> float:
        return float(cost[group].sum(axis=0).min(axis=1).sum())

    own = sum(together([row]) for row in range(rows))
    best = min(sum(map(together, groups)) for groups in partitions(list(range(rows)), most)) - own
    (added,) = sharing_wh(nodes, paid, pull, full_wh[::slots], [np.arange(rows)], np.array([most]))
    assert added <= best + 0.02
    if rows - most <= 2:
        assert added == pytest.approx(best, abs=0.02)


def tied_problem(seed: int) -> LightingProblem:
    """Two lamps that see each other through three slots, with a budget that is too small."""
    rng = np.random.default_rng(seed)
    plain = LightingProblem(
        lamps=("A", "B"),
        floor=rng.choice([0.5, 0.6, 0.7, 0.8], (2, 3)),
        burning=np.ones(3, bool),
        power_full_w=rng.choice([40.0, 100.0], 2),
        ramp_per_slot=np.array(0.08),
        neighbours=np.array([[0, 1]]),
        neighbour_step=np.array([0.1]),
        slot_s=3600.0,
    )
    relaxed = plain.floor / 2
    lowest = Least(plain).above(relaxed, Spending(Limits()))[0]
    least, most = ((flux * plain.power_full_w[:, None]).sum() for flux in (lowest, solve(plain).flux))
    energy = float(least + rng.uniform(0.3, 0.9) * (most - least))
    return LightingProblem(**{**vars(plain), "budget": Budget(relaxed=relaxed, energy_wh=energy)})


def lost_wh(problem: LightingProblem, flux: np.ndarray) -> Any:
    lacks = np.clip(problem.floor - flux, 0, None) ** 2 / problem.floor
    return (lacks * problem.power_full_w[:, None]).sum(axis=(-1, -2))


def least_given_up(problem: LightingProblem) -> float:
    """By a solver of smooth programs: with straight curves the least is the only one."""
    assert problem.budget is not None
    budget, full, unit = problem.budget, problem.power_full_w[:, None], np.eye(6)
    ramps = np.array([way * (unit[t + 1] - unit[t]) for t in (0, 1, 3, 4) for way in (1, -1)])
    steps = np.array([way * (unit[t] - unit[t + 3]) for t in range(3) for way in (1, -1)])
    found = minimize(
        lambda x: lost_wh(problem, x.reshape(2, 3)),
        solve(LightingProblem(**{**vars(problem), "budget": None})).flux.ravel(),
        bounds=[(low, 1.0) for low in budget.relaxed.ravel()],
        constraints=[
            {"type": "ineq", "fun": lambda x: 0.08 - ramps @ x},
            {"type": "ineq", "fun": lambda x: 0.1 - steps @ x},
            {"type": "ineq", "fun": lambda x: (budget.energy_wh - (x.reshape(2, 3) * full).sum()) / 100},
        ],
        options={"maxiter": 500, "ftol": 1e-10},
    )
    assert found.success
    return float(found.fun)


def test_ramps_and_steps_are_in_the_bound() -> None:
    """The bound is never above the optimum, near it for most, and without ties far from it."""
    near, apart = [], []
    for seed in range(10):
        problem = tied_problem(seed)
        assert problem.budget is not None
        best, plan = least_given_up(problem), solve(problem)
        assert check(problem, plan) == []
        assert plan.bound <= best * (1 + 1e-6) + 1e-9
        lowest = Least(problem).above(problem.budget.relaxed, Spending(Limits()))[0]
        cells, alike = Cells(problem, lowest), np.ones(3)
        near.append(plan.bound / best)
        apart.append(cells.bound(*cells.prices(problem.budget.energy_wh, problem.budget.peak_w, alike)) / best)
    assert min(near) > 0.9
    assert np.median(near) > 0.99
    assert np.median(apart) < 0.9


LEVELS = np.linspace(0, 1, 11)
EVERY = np.array(list(product(LEVELS, repeat=4))).reshape(-1, 2, 2)


@given(
    st.lists(st.lists(st.sampled_from([0.4, 0.6, 1.0]), min_size=2, max_size=2), min_size=2, max_size=2),
    st.sampled_from([0.1, 0.3, 1.0]),
    st.sampled_from([0.2, 1.0]),
    st.sampled_from([1, 2]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from([0.65, 0.8, 0.9]),
)
@settings(max_examples=60)
def test_no_plan_of_a_grid_gives_up_less_than_the_bound(
    floor: list[list[float]], ramp: float, step: float, programs: int, changes: int, share: float
) -> None:
    """Of all that keep ramps, steps, the number of programs and of changes, energy and peak."""
    plain = LightingProblem(
        lamps=("A", "B"),
        floor=np.array(floor),
        burning=np.ones(2, bool),
        power_full_w=np.array([100.0, 50.0]),
        ramp_per_slot=np.array(ramp),
        neighbours=np.array([[0, 1]]),
        neighbour_step=np.array([step]),
        slot_s=3600.0,
        holders=Holders(names=("K",), of=np.zeros(2, int), programs=np.array(programs)),
        yesterday=Yesterday(flux=np.array([[0.6, 0.6], [0.4, 0.6]]), changes=changes),
    )
    need = solve(plain)
    peak = 0.95 * float((plain.power_full_w[:, None] * need.flux).sum(axis=0).max())
    budget = Budget(relaxed=plain.floor / 4, energy_wh=share * need.energy_wh, peak_w=np.array(peak))
    problem = LightingProblem(**{**vars(plain), "budget": budget})
    power = (problem.power_full_w[:, None] * EVERY).sum(axis=1)
    keeps = (budget.relaxed - 1e-9 <= EVERY).all(axis=(1, 2)) & (power.sum(axis=1) <= budget.energy_wh + 1e-9)
    keeps &= (power <= peak + 1e-9).all(axis=1) & (np.abs(EVERY[:, 0] - EVERY[:, 1]) <= step + 1e-9).all(axis=1)
    keeps &= (np.abs(EVERY[:, :, 0] - EVERY[:, :, 1]) <= ramp + 1e-9).all(axis=1)
    if programs == 1:
        keeps &= (EVERY[:, 0] == EVERY[:, 1]).all(axis=1)
    assert problem.yesterday is not None
    told = (np.abs(EVERY - problem.yesterday.flux) > 1e-9).any(axis=2).sum(axis=1)
    keeps &= told <= changes
    assume(keeps.any())
    plan = solve(problem)
    if plan.unit == WH_GIVEN_UP:
        assert plan.bound <= lost_wh(problem, EVERY[keeps]).min() + 1e-9


def test_lamps_that_may_not_be_told_are_in_the_bound() -> None:
    """Half of the lamps keep a brighter program: the others give up what those do not."""
    n = 8
    plain = LightingProblem(
        lamps=tuple(f"L{i}" for i in range(n)),
        floor=np.ones((n, 2)),
        burning=np.ones(2, bool),
        power_full_w=np.full(n, 100.0),
        slot_s=3600.0,
        budget=Budget(relaxed=np.full((n, 2), 0.4), energy_wh=1440.0),
        yesterday=Yesterday(flux=np.ones((n, 2)), changes=n // 2),
    )
    plan = solve(plain)
    # All told at 0.9 would give up 16 Wh; half of them at 0.8 give up 32 Wh.
    assert plan.bound == pytest.approx(32.0, rel=1e-3)
    assert plan.bound <= 32.0 + 1e-9 <= plan.given_up + 1e-6


def test_the_bound_of_the_whole_example_counts_what_binds_lamps_to_each_other() -> None:
    problem = full_example(0)
    without = LightingProblem(**{**vars(problem), "yesterday": None})
    plan = solve(without)
    assert without.budget is not None
    lowest = Least(without).above(without.budget.relaxed, Spending(Limits()))[0]
    cells = Cells(without, lowest)
    apart = np.ones(without.burning.size)
    bare = cells.bound(*cells.prices(without.budget.energy_wh, without.budget.peak_w, apart))
    assert bare * 1.01 < plan.bound <= plan.given_up


def test_prices_of_ties_prove_more_and_always_the_same() -> None:
    problem = full_example(2)
    assert problem.budget is not None
    least = Least(problem)
    lowest = least.above(problem.budget.relaxed, Spending(Limits()))[0]
    cells = Cells(problem, lowest)
    price, _ = cells.prices(problem.budget.energy_wh, problem.budget.peak_w, np.ones(problem.burning.size))
    ties = Ties(problem, least, cells, cells.spread(cells.answer(price).flux))
    proved = [float(ties.adds_wh(price).sum()) - ties.worth_wh]
    for _ in range(3):
        ties.raise_prices(price)
        proved.append(float(ties.adds_wh(price).sum()) - ties.worth_wh)
    assert proved[0] == 0.0 < proved[1]
    np.testing.assert_allclose(proved[1:], proved[1], rtol=1e-12)
