"""The plan and the bound of small problems beside every plan there is."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product
from math import inf

import pytest

from optimizers.result import Limits
from optimizers.routing import RoutingProblem, Weights, check, solve
from optimizers.routing.bound import lower_bound
from optimizers.routing.reckoning import asides
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tour, companions, holders
from tests.routing.making import made


def tours_of(problem: RoutingProblem, stops: tuple[int, ...]) -> Iterator[Tour]:
    """Every order of some stops, with an unloading at any site, or none, after each but the last."""
    codes = [(), *((~k,) for k in range(len(problem.sites)))]
    for order in permutations(stops):
        for between in product(codes, repeat=max(0, len(order) - 1)):
            yield tuple(code for s, after in zip(order, (*between, ()), strict=False) for code in (s, *after))


def least(problem: RoutingProblem) -> tuple[int, float]:
    """The fewest required stops left out, and the least cost then, of all plans."""
    clock, may, best = Clock(problem), holders(problem), (len(problem.stops) + 1, inf)
    owners = [[*(v for v in range(len(problem.vehicles)) if may[v, s]), -1] for s in range(len(problem.stops))]
    known: dict[tuple[int, tuple[int, ...]], float] = {}
    for owned in product(*owners):
        if any(len({owned[s] for s in members}) > 1 for members in companions(problem).values()):
            continue
        out = [s for s, v in enumerate(owned) if v < 0]
        total = sum(problem.stops[s].prize for s in out if not problem.stops[s].required)
        for v in range(len(problem.vehicles)):
            key = v, tuple(s for s, owner in enumerate(owned) if owner == v)
            if key not in known:
                ways = (clock.closed(v, tour) for tour in tours_of(problem, key[1]))
                known[key] = min(clock.cost(v, way) + asides(problem, v, way) for way in ways)
            total += known[key]
        if total < inf:
            best = min(best, (sum(problem.stops[s].required for s in out), total))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_better(seed: int) -> None:
    problem = made(seed, stops=4, vehicles=2)
    problem = replace(problem, weights=Weights(moved=problem.weights.moved, border=problem.weights.border))
    missing, cost = least(problem)
    plan = solve(problem, Limits(work=300))
    assert {one.constraint for one in check(problem, plan)} <= {"required"}
    assert len(plan.violations) == missing
    assert plan.objective == pytest.approx(cost, abs=1e-6)
    if not missing:
        assert lower_bound(problem, ()) <= cost + 1e-6
