"""Plans of formats that tell only which stops follow one another, or no objective: the rest reckoned, so that `check`
can judge them. What cannot be kept is not kept: check names it.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import inf

from optimizers.result import Status, Violation
from optimizers.routing.charges import objective_of
from optimizers.routing.problem import (
    Act,
    Loads,
    Route,
    RoutingPlan,
    RoutingProblem,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Why,
)
from optimizers.routing.reasons import hopeless
from optimizers.routing.timing import Clock
from optimizers.routing.tours import holders


def plan_of(problem: RoutingProblem, routes: Sequence[Route], objective: float | None, solver: str) -> RoutingPlan:
    """A plan of routes in any order, with the objective told of it or else what it costs, and 0 as its bound.

    The format tells of no reason: a stop that could not be served alone has that one; else an optional one is taken to
    be left out for its prize, a required one for lack of room.
    """
    place = {vehicle.id: v for v, vehicle in enumerate(problem.vehicles)}
    served = {stop for route in routes for stop in route.stops}
    left = [stop for stop in problem.stops if stop.id not in served]
    missing = [stop.id for stop in left if stop.required]
    return RoutingPlan(
        status=Status.BEST_EFFORT if missing else Status.FEASIBLE,
        objective=objective_of(problem, routes) if objective is None else objective,
        bound=0.0,
        seconds=0.0,
        seed=0,
        solver=solver,
        version="",
        violations=tuple(Violation("required", stop, 1.0, "1", "left out") for stop in missing),
        routes=tuple(sorted(routes, key=lambda route: place[route.vehicle])),
        unserved=tuple(_reasons(problem, left)),
        unit=problem.unit,
        approximate=problem.matrices.approximate,
    )


def _reasons(problem: RoutingProblem, left: Sequence[Stop]) -> Iterator[Unserved]:
    if not left:
        return
    known = {one.stop: one for one in hopeless(problem, Clock(problem), holders(problem)).values()}
    for stop in left:
        yield known.get(stop.id) or Unserved(stop.id, Why.FULL if stop.required else Why.PRIZE)


def laid_out(problem: RoutingProblem, vehicle: Vehicle, stops: Sequence[Stop]) -> Route:
    """A vehicle's tour without unloadings and rests: it leaves as late as lets it end as early, waits for windows, and
    is late where it cannot be in time.
    """
    begins = _begins(problem, vehicle, stops, vehicle.shift[0])
    leave_s = vehicle.shift[0] + (0.0 if vehicle.out else _spare_s(problem, vehicle, stops, begins))
    return _route(vehicle, stops, _begins(problem, vehicle, stops, leave_s), leave_s, problem)


def _drives(problem: RoutingProblem, vehicle: Vehicle, stops: Sequence[Stop]) -> list[tuple[int, float, float]]:
    """Place, metres and seconds of every drive, the one to the end included."""
    metres, seconds = problem.matrices.distance_m[vehicle.profile], problem.matrices.duration_s[vehicle.profile]
    at, drives = vehicle.start, []
    last = [] if vehicle.end is None else [vehicle.end]
    for place in [*(stop.place for stop in stops), *last]:
        drives.append((place, metres.item(at, place), seconds.item(at, place)))
        at = place
    return drives if last else [*drives, (at, 0.0, 0.0)]


def _begins(problem: RoutingProblem, vehicle: Vehicle, stops: Sequence[Stop], leave_s: float) -> list[float]:
    """When service begins at each stop."""
    at_s, begins = leave_s, []
    for stop, (_, _, drive_s) in zip(stops, _drives(problem, vehicle, stops), strict=False):
        at_s += drive_s
        begins.append(min((max(start, at_s) for start, end in stop.windows if end >= at_s), default=at_s))
        at_s = begins[-1] + stop.service_s
    return begins


def _spare_s(problem: RoutingProblem, vehicle: Vehicle, stops: Sequence[Stop], begins: Sequence[float]) -> float:
    """How much later it may leave and end no later: what it waits before a stop and those before it, unless one of
    them would miss its window.
    """
    at_s, waited_s, spare_s = vehicle.shift[0], 0.0, inf
    for stop, begin_s, (_, _, drive_s) in zip(stops, begins, _drives(problem, vehicle, stops), strict=False):
        waited_s += begin_s - at_s - drive_s
        closes_s = min((end for start, end in stop.windows if start <= begin_s <= end), default=begin_s + waited_s)
        spare_s = min(spare_s, waited_s + closes_s - begin_s)
        at_s = begin_s + stop.service_s
    return max(0.0, min(spare_s, waited_s))


def _route(
    vehicle: Vehicle,
    stops: Sequence[Stop],
    begins: Iterable[float],
    leave_s: float,
    problem: RoutingProblem,
) -> Route:
    drives = _drives(problem, vehicle, stops)
    aboard: Loads = vehicle.aboard or (0.0,) * len(problem.dimensions)
    visits = [Visit(Act.START, "", vehicle.start, leave_s, leave_s, leave_s, aboard)]
    for stop, begin_s, (place, _, drive_s) in zip(stops, begins, drives, strict=False):
        aboard = tuple(a + b for a, b in zip(aboard, stop.load, strict=True))
        arrive_s = visits[-1].end_s + drive_s
        visits.append(Visit(Act.STOP, stop.id, place, arrive_s, begin_s, begin_s + stop.service_s, aboard))
    place, _, drive_s = drives[-1]
    home_s = visits[-1].end_s + drive_s
    visits.append(Visit(Act.END, "", place, home_s, home_s, home_s, aboard))
    return Route(vehicle.id, tuple(visits), sum(d for _, d, _ in drives), sum(s for *_, s in drives))
