"""The plan and the bound of small problems beside every plan there is."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product
from math import inf

import pytest

from optimizers.result import Limits
from optimizers.routing import RoutingProblem, Weights, bound, check, solve
from optimizers.routing.bound import lower_bound
from optimizers.routing.reckoning import asides
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tour, companions, holders
from tests.routing.making import made


def tours_of(problem: RoutingProblem, stops: tuple[int, ...]) -> Iterator[Tour]:
    """Every order of some stops, with an unloading at any site, or none, after each."""
    codes = [(), *((~k,) for k in range(len(problem.sites)))]
    for order in permutations(stops):
        for between in product(codes, repeat=len(order)):
            yield tuple(code for s, after in zip(order, between, strict=True) for code in (s, *after))


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
                cost = min(clock.cost(v, way) + asides(problem, v, way) for way in ways)
                known[key] = cost if key[1] or cost < inf else 0.0  # one that cannot come home has no round
            total += known[key]
        if total < inf:
            best = min(best, (sum(problem.stops[s].required for s in out), total))
    return best


def few(seed: int) -> RoutingProblem:
    """Without balance, which no tour has by itself, and with vehicles that bring nothing: they might be left out."""
    problem = made(seed, stops=4, vehicles=2)
    weights = Weights(moved=problem.weights.moved, border=problem.weights.border)
    return replace(problem, weights=weights, vehicles=tuple(replace(one, aboard=()) for one in problem.vehicles))


def test_nothing_is_better() -> None:
    found = 0
    for seed in range(40):
        problem = few(seed)
        missing, cost = least(problem)
        plan = solve(problem, Limits(work=1000))
        assert {one.constraint for one in check(problem, plan)} <= {"required"}
        assert len(plan.violations) >= missing
        if len(plan.violations) == missing:
            assert plan.objective >= cost - 1e-6
            found += plan.objective <= cost + 1e-6
        if not missing:
            assert lower_bound(problem, ()) <= cost + 1e-6
    assert found >= 33  # a local search may end beside what is best, where rests and breaks are in its way most


def test_the_bound_of_many_stops_is_no_higher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The halves that stand in for the assignment where it would take too long are a bound as well."""
    for seed in range(12):
        problem = few(seed)
        missing, cost = least(problem)
        monkeypatch.setattr(bound, "_ASSIGNED", 1500)
        assigned = lower_bound(problem, ())
        monkeypatch.setattr(bound, "_ASSIGNED", 0)
        halves = lower_bound(problem, ())
        if not missing:
            assert 0 <= halves <= cost + 1e-6
            assert assigned <= cost + 1e-6
