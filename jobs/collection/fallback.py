"""Rounds where no plan could be made: those of the last plan, or what is full, nearest first. No solver is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.errors import ConsigneError
from jobs.collection.body import open_body
from jobs.collection.task import CollectionTask
from optimizers.result import Limits
from optimizers.routing import Act, RoutingPlan, RoutingProblem
from optimizers.routing.plans import planned
from optimizers.routing.timing import Clock, Timed
from optimizers.routing.tours import Tour, holders, sites_of

_LIMITS = Limits()
_PATIENCE = 25
"""Containers in a row that a truck has no room or time for, after which it takes no more."""


def shift(task: CollectionTask, block: bytes) -> RoutingPlan:
    """The rounds of an earlier plan with the containers of today: those that want emptying and no round had come after,
    where there is room. Raises ConsigneError for a plan without rounds, where today wants some.
    """
    last, problem = open_body(block), task.problem
    index = {stop.id: s for s, stop in enumerate(problem.stops)}
    orders = {
        truck: [one.visit.of for one in visits if one.visit.act is Act.STOP] for truck, visits in last.days.items()
    }
    if problem.stops and not any(orders.values()):
        raise ConsigneError(f"the plan of {last.start:%Y-%m-%d} has no round, today wants one")
    wanted = [[index[name] for name in orders.get(v.id, ()) if name in index] for v in problem.vehicles]
    return in_order(problem, wanted, "the rounds of the last plan")


def nearest(task: CollectionTask) -> RoutingPlan:
    """Each truck in turn drives to the nearest container that it may serve, until it has no room or time left."""
    return in_order(task.problem, [[] for _ in task.problem.vehicles], "what is full, nearest first")


def in_order(problem: RoutingProblem, orders: Sequence[Sequence[int]], solver: str) -> RoutingPlan:
    """Each vehicle serves its stops in this order as far as it can, then the nearest that are left, required first."""
    clock, may = Clock(problem), holders(problem)
    left = set(range(len(problem.stops)))
    tours: list[Tour] = []
    for v, order in enumerate(orders):
        tour, refused = _home(problem, clock, v), 0
        for s in _candidates(problem, v, order, left, may[v].tolist()):
            longer = _with(problem, clock, v, tour, s)
            refused = refused + 1 if longer is None else 0
            if longer is not None:
                tour = longer
                left.discard(s)
            if refused == _PATIENCE:
                break
        tours.append(tour)
    plan = planned(problem, clock, tuple(tours), _LIMITS, 0.0, {}, solver=solver)
    return replace(plan, version="1")


def _home(problem: RoutingProblem, clock: Clock, v: int) -> Tour:
    """Of a truck that is out with something aboard, where that goes."""
    vehicle = problem.vehicles[v]
    if not (vehicle.empties and any(vehicle.aboard)):
        return ()
    return min(((~k,) for k in sites_of(problem, vehicle)), key=lambda one: clock.cost(v, one), default=())


def _candidates(
    problem: RoutingProblem, v: int, order: Sequence[int], left: set[int], may: Sequence[bool]
) -> Iterator[int]:  # fmt: skip
    """Those of the order first, then the nearest to the one before; those that must be served before those that may."""
    distance, at = problem.matrices.distance_m[problem.vehicles[v].profile], problem.vehicles[v].start
    for s in order:
        if s in left and may[s]:
            at = problem.stops[s].place
            yield s
    for required in (True, False):
        rest = {s for s in left if may[s] and problem.stops[s].required is required}
        while rest:
            s = min(rest, key=lambda one: (float(distance[at, problem.stops[one].place]), one))
            rest.discard(s)
            yield s
            if s not in left:  # it was taken
                at = problem.stops[s].place


def _with(problem: RoutingProblem, clock: Clock, v: int, tour: Tour, s: int) -> Tour | None:
    """The tour with one stop more at its end, unloading before it where there is no room; None where that cannot be."""
    vehicle = problem.vehicles[v]
    open_end = tour[:-1] if tour and tour[-1] < 0 and vehicle.empties else tour
    options = [(*open_end, s), *((*open_end, ~k, s) for k in sites_of(problem, vehicle) if open_end)]
    closed = [clock.closed(v, option) for option in options]
    fits = [option for option in closed if isinstance(clock.timed(v, option), Timed)]
    return min(fits, key=lambda option: clock.cost(v, option), default=None)
