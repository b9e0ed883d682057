"""What tours cost, in the problem's unit."""

from itertools import pairwise

from optimizers.routing.charges import objective_of
from optimizers.routing.problem import Route, RoutingProblem
from optimizers.routing.timing import Clock, Timed
from optimizers.routing.tours import Tour, Tours


def routes_of(clock: Clock, tours: Tours) -> tuple[Route, ...]:
    """Of tours that keep everything, those that do something, and the ways home of vehicles that are out."""
    timed = (clock.timed(v, tour) for v, tour in enumerate(tours) if tour or clock.away(v))
    return tuple(one.route for one in timed if isinstance(one, Timed))


def objective(problem: RoutingProblem, clock: Clock, tours: Tours) -> float:
    """Of tours that keep everything."""
    return objective_of(problem, routes_of(clock, tours))


def asides(problem: RoutingProblem, v: int, tour: Tour) -> float:
    """What a tour costs beside the vehicle: stops taken from another vehicle, drives into another zone."""
    weights, stops, name = problem.weights, problem.stops, problem.vehicles[v].id
    cost = 0.0
    if weights.moved:
        cost += weights.moved * sum(code >= 0 and stops[code].former not in {"", name} for code in tour)
    if weights.border:
        zones = [stops[code].zone if code >= 0 else "" for code in tour]
        cost += weights.border * sum(bool(a) and bool(b) and a != b for a, b in pairwise(zones))
    return cost
