"""A search for room ends with its time: what it did not look at is left out, nothing is broken."""

from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from optimizers.result import Limits, Status
from optimizers.routing import (
    RoutingProblem,
    Why,
    check,
    generated,
    inserting,
    mending,
    plans,
    reasons,
    solve,
    solving,
    zones,
)
from optimizers.routing.mending import put_in
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, holders, served


def test_nothing_is_put_anywhere_once_the_time_is_up() -> None:
    problem = generated(20, 2, 1, 4)
    empty = ((),) * len(problem.vehicles)
    clock, may, stops = Clock(problem), holders(problem), range(len(problem.stops))
    assert put_in(problem, clock, may, empty, stops, monotonic() - 1.0) == empty
    assert served(put_in(problem, clock, may, empty, stops))


def test_a_plan_that_had_no_time_breaks_nothing_but_what_it_says() -> None:
    problem = generated(150, 6, 2, 4)
    plan = solve(problem, Limits(seconds=1e-3))
    assert not plan.reproducible
    found = check(problem, plan)
    assert {one.constraint for one in found} <= {"required"}
    assert {one.object for one in found} == {one.object for one in plan.violations}
    assert (plan.status is Status.BEST_EFFORT) == bool(found)


class _Told:
    """A clock that each look for a place puts on by a second, and how often one was looked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        for module in (plans, reasons, mending):
            monkeypatch.setattr(module, "monotonic", lambda: float(self.looks))
        for module in (reasons, mending):
            monkeypatch.setattr(module, "cheapest", self._looked)

    def _looked(self, *given: Any) -> Any:
        self.looks += 1
        return inserting.cheapest(*given)


def _too_many(prize: float) -> RoutingProblem:
    """Two lorries for 120 bins, all of them optional."""
    plain = generated(120, 2, 1, 4)
    return replace(plain, stops=tuple(replace(one, required=False, prize=prize) for one in plain.stops))


@pytest.mark.parametrize("prize", [1e-3, 1e3])
@pytest.mark.parametrize("until_s", [-1.0, 10.0, 70.0])
def test_reasons_end_with_their_time_and_every_stop_has_one(
    until_s: float, prize: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = _too_many(prize)
    clock, may, told = Clock(problem), holders(problem), _Told(monkeypatch)
    lost = reasons.hopeless(problem, clock, may)
    empty = ((),) * len(problem.vehicles)
    plan = plans.planned(problem, clock, empty, Limits(seconds=1.0), 1.0, lost, until_s=until_s)
    assert told.looks <= max(0.0, until_s) + 1
    assert {one.stop for one in plan.unserved} | {one for route in plan.routes for one in route.stops} == {
        stop.id for stop in problem.stops
    }
    assert not any(one.cheapest is not None and one.cheapest < prize for one in plan.unserved)
    assert [one for one in plan.unserved if "time was up" in one.detail]
    assert check(problem, plan) == []


def test_reasons_that_have_time_are_told_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = _too_many(1e-3)
    clock, told = Clock(problem), _Told(monkeypatch)
    empty = ((),) * len(problem.vehicles)
    plan = plans.planned(problem, clock, empty, Limits(seconds=1.0), 1.0, {}, until_s=1e6)
    assert told.looks == len(plan.unserved) == 120
    assert all(one.why is Why.PRIZE and one.cheapest is not None for one in plan.unserved)


def test_a_large_problem_s_bound_is_reckoned_within_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the search, which has what is left: the search is asked for less as the bound takes longer."""
    monkeypatch.setattr(zones, "FROM_ALONE", 20)
    problem, asked = generated(40, 3, 1, 4), list[float]()

    def searched(problem: RoutingProblem, limits: Limits, *_: Any) -> Tours:
        asked.append(limits.seconds)
        return ((),) * len(problem.vehicles)

    for takes_s in (0.0, 30.0):
        now = [0.0]

        def bound(*_: Any, now: list[float] = now, takes_s: float = takes_s) -> float:
            now[0] += takes_s
            return 0.0

        monkeypatch.setattr(solving, "monotonic", lambda now=now: now[0])
        monkeypatch.setattr(solving, "lower_bound", bound)
        monkeypatch.setattr(solving, "by_zones", searched)
        monkeypatch.setattr(solving, "mended", lambda *given: given[3])
        solving.solve(problem, Limits(seconds=60.0))
    assert asked == [57.0, 27.0]


@pytest.mark.parametrize(("takes_s", "asked"), [(70.0, 1), (1.0, 4)])
def test_once_the_time_is_up_nothing_more_is_asked(takes_s: float, asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, passed_s, begun = generated(20, 2, 1, 4), 0.0, 0

    def improved(problem: RoutingProblem, *_: Any) -> Tours:
        nonlocal passed_s, begun
        passed_s, begun = passed_s + takes_s, begun + 1
        return ((),) * len(problem.vehicles)

    monkeypatch.setattr(solving, "monotonic", lambda: passed_s)
    monkeypatch.setattr(solving, "improve", improved)
    solving.searched(problem, Limits(seconds=60.0), None)
    assert begun == asked
