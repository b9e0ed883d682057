"""A day planned again is judged from its first minute: what was done and what follows keep every word together."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizers.result import Limits
from optimizers.routing import RoutingPlan, RoutingProblem, Spent, check, replan, solve, underway
from optimizers.routing.problem import Act, Route, Vehicle, Visit
from optimizers.routing.underway import Underway
from tests.routing.making import made

_FEW = Limits(work=40, seconds=60)
_OF_THE_REST = {"required", "objective", "bound", "reason", "together"}
"""What is judged of the rest of the day alone: stops left out and costs, and stops of which a vehicle has done one."""


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_what_was_done_and_what_follows_keep_every_word_together(seed: int, share: float) -> None:
    problem = _all_at_home(made(seed, 8, 3))
    plan = solve(problem, _FEW)
    assume(plan.routes)
    first = min(route.visits[0].begin_s for route in plan.routes)
    last = max(route.visits[-1].end_s for route in plan.routes)
    now = underway(problem, plan, first + share * (last - first))
    again = replan(now.problem, now.routes, now.unserved, _FEW)
    # A way that was closed from where a vehicle was may be open from where it is: the made streets are no network.
    assert {one.constraint for one in check(now.problem, again)} <= {"required", "reason"}
    whole = _whole(problem, plan, now, again)
    assert {one.constraint for one in check(problem, whole)} <= _OF_THE_REST


def _all_at_home(problem: RoutingProblem) -> RoutingProblem:
    """Nobody out before the day."""
    return replace(problem, vehicles=tuple(replace(one, spent=Spent(), aboard=()) for one in problem.vehicles))


def _whole(problem: RoutingProblem, plan: RoutingPlan, now: Underway, again: RoutingPlan) -> RoutingPlan:
    """The plan of the day as it came to be driven."""
    follows = {route.vehicle: route.visits for route in again.routes}
    routes = []
    for vehicle in problem.vehicles:
        done, rest = now.done.get(vehicle.id, ()), follows.get(vehicle.id, ())
        if visits := (*done, *rest[1:]) if done else rest:
            assert visits[-1].act is Act.END, f"{vehicle.id} does not come home"
            routes.append(_route(problem, vehicle, visits))
    served = {stop for route in routes for stop in route.stops}
    left = tuple(one for one in again.unserved if one.stop not in served)
    return replace(plan, routes=tuple(routes), unserved=left, status=again.status, violations=again.violations)


def _route(problem: RoutingProblem, vehicle: Vehicle, visits: tuple[Visit, ...]) -> Route:
    legs = [(vehicle.profile, one.place, other.place) for one, other in pairwise(visits)]
    metres, seconds = (
        sum(float(one[leg]) for leg in legs) for one in (problem.matrices.distance_m, problem.matrices.duration_s)
    )
    return Route(vehicle.id, visits, metres, seconds)
