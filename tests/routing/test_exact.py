"""Answers held against a second solver, constraint programming, which proves that none is better."""

from dataclasses import replace

import pytest

from optimizers.result import Limits, Status
from optimizers.routing import RoutingProblem, generated, solve
from optimizers.routing.exact import proof
from optimizers.routing.reckoning import objective
from optimizers.routing.timing import Clock
from tests.routing.making import made
from tests.routing.towns import homberger, uchoa

_LIMITS = Limits(seconds=120, work=400)


def _few(problem: RoutingProblem, vehicles: int) -> RoutingProblem:
    return replace(problem, vehicles=problem.vehicles[:vehicles])


_PLAIN = {
    "capacity": _few(uchoa(6, 2, 4), 2),
    "capacity, three to a round": _few(uchoa(5, 0, 3), 2),
    "one lorry": _few(uchoa(8, 1, 8), 1),
    "windows": _few(homberger(14, 0), 2),
}


def _prized(problem: RoutingProblem) -> RoutingProblem:
    """Of the first five stops every second one for its prize only."""
    stops = [
        replace(one, required=k % 2 == 0, prize=300.0 * (k % 3), windows=()) for k, one in enumerate(problem.stops[:5])
    ]
    return replace(problem, stops=tuple(stops))


@pytest.mark.parametrize("name", ["capacity", "capacity, three to a round", "one lorry"])
def test_no_plan_is_better_by_proof(name: str) -> None:
    problem = _PLAIN[name]
    proved, plan = proof(problem, effort=20.0), solve(problem, _LIMITS)
    assert proved is not None
    assert plan.objective == pytest.approx(proved.bound, abs=1e-3)


def test_prizes_and_windows_are_chosen_as_a_proof_chooses_them() -> None:
    problem = _prized(_PLAIN["windows"])
    proved, plan = proof(problem, effort=20.0), solve(problem, _LIMITS)
    assert proved is not None
    assert plan.objective == pytest.approx(proved.bound, abs=1e-3)


@pytest.mark.parametrize("seed", range(10))
def test_no_bound_is_above_a_plan(seed: int) -> None:
    """With everything that can be asked, of which the proof leaves out some."""
    problem = made(seed, 6, 2)
    plan = solve(problem, _LIMITS)
    index = {stop.id: s for s, stop in enumerate(problem.stops)}
    lost = [index[one.stop] for one in plan.unserved if problem.stops[index[one.stop]].required]
    if (proved := proof(problem, lost, effort=2.0)) is not None:
        assert proved.bound <= plan.objective * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize("seed", [0, 1])
def test_unloading_on_the_way_is_bounded_and_found(seed: int) -> None:
    plain = generated(4, 1, 1, seed)
    lorry = replace(plain.vehicles[0], rests=(), capacity=(9_000.0, 4.0))
    problem = replace(plain, vehicles=(lorry,), stops=tuple(replace(one, required=True) for one in plain.stops))
    proved, plan = proof(problem, effort=20.0), solve(problem, _LIMITS)
    assert plan.status in {Status.FEASIBLE, Status.OPTIMAL}
    assert proved is not None
    assert proved.tours is not None
    timed = objective(problem, Clock(problem), proved.tours)
    assert proved.bound <= plan.objective + 1e-3
    assert plan.objective <= timed + 1e-3


def test_what_cannot_be_served_has_no_proof() -> None:
    problem = _PLAIN["capacity"]
    heavy = replace(problem, stops=(replace(problem.stops[0], load=(1e6,)), *problem.stops[1:]))
    assert proof(heavy) is None
    assert proof(heavy, lost=[0]) is not None
    assert proof(uchoa(40)) is None
