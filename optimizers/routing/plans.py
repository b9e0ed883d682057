"""Plans of tours that keep everything: see `planned`."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from time import monotonic

from optimizers.result import Limits, Status, Violation, our_version
from optimizers.routing.bound import lower_bound
from optimizers.routing.caps import Broken
from optimizers.routing.charges import objective_of
from optimizers.routing.mending import put_in
from optimizers.routing.problem import Route, RoutingPlan, RoutingProblem, Unserved
from optimizers.routing.reasons import reasons, unasked
from optimizers.routing.reckoning import routes_of
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, holders, served

_ASKED = 3


def planned(
    problem: RoutingProblem,
    clock: Clock,
    tours: Tours,
    limits: Limits,
    seconds: float,
    lost: Mapping[int, Unserved],
    bound: float | None = None,
    solver: str = "PyVRP",
    until_s: float = inf,
) -> RoutingPlan:
    """The plan of tours that keep everything, with the reason of every stop left out.

    `lost`: the reasons that are known already; `bound`: the proved one, reckoned here where it is not given;
    `until_s`: of the monotonic clock, when there is no more time for the reasons of optional stops.
    """
    wanted = {stop.id for stop in problem.stops if stop.required}
    tours, unserved = _explained(problem, clock, tours, lost, until_s)
    required = [one for one in unserved if one.stop in wanted]
    routes = routes_of(clock, tours)
    cost = objective_of(problem, routes)
    bound = min(cost, lower_bound(problem, lost) if bound is None else bound)
    proved = not required and cost - bound <= 1e-9 * max(1.0, abs(cost))
    return RoutingPlan(
        status=Status.BEST_EFFORT if required else Status.OPTIMAL if proved else Status.FEASIBLE,
        objective=cost,
        bound=bound,
        seconds=seconds,
        seed=limits.seed,
        solver=solver,
        version=our_version(),
        violations=tuple(Violation("required", one.stop, 1.0, "1", f"{one.why}: {one.detail}") for one in required),
        reasons=(*stranded(problem, clock, routes), *(f"{one.stop}: {one.why}: {one.detail}" for one in unserved)),
        reproducible=limits.work is not None and seconds < limits.seconds,
        routes=routes,
        unserved=unserved,
        unit=problem.unit,
        approximate=problem.matrices.approximate,
    )


def _explained(
    problem: RoutingProblem, clock: Clock, tours: Tours, lost: Mapping[int, Unserved], until_s: float
) -> tuple[Tours, tuple[Unserved, ...]]:
    """Tours and why they leave out what they do. A stop of which that says that it adds less than its prize is put
    where it does, and all is asked again, while there is time.
    """
    unserved = _left_out(problem, clock, tours, lost, until_s)
    for _ in range(_ASKED):
        worth = _worth(problem, unserved)
        if not worth or monotonic() > until_s:
            break
        tours = put_in(problem, clock, holders(problem), tours, worth, until_s, everywhere=True)
        if monotonic() > until_s:
            inside = served(tours)
            unserved = {s: one for s, one in unserved.items() if s not in inside}
            break
        unserved = _left_out(problem, clock, tours, lost, until_s)
    if monotonic() > until_s:
        unserved |= {s: unasked(problem.stops[s]) for s in _worth(problem, unserved)}
    return tours, tuple(unserved.values())


def _worth(problem: RoutingProblem, unserved: Mapping[int, Unserved]) -> list[int]:
    """Stops left out that add less than their prize, as is said of them."""
    return [s for s, one in unserved.items() if one.pays(problem.stops[s].prize)]


def _left_out(
    problem: RoutingProblem, clock: Clock, tours: Tours, lost: Mapping[int, Unserved], until_s: float
) -> dict[int, Unserved]:
    missing = sorted(set(range(len(problem.stops))) - served(tours))
    return dict(zip(missing, reasons(problem, clock, tours, missing, lost, until_s), strict=True))


def stranded(problem: RoutingProblem, clock: Clock, routes: Sequence[Route]) -> Iterator[str]:
    """Vehicles that are out with a load and have no round, for they cannot unload and be back; each with why."""
    driving = {route.vehicle for route in routes}
    for v, vehicle in enumerate(problem.vehicles):
        if vehicle.out and vehicle.empties and any(vehicle.aboard) and vehicle.id not in driving:
            home = clock.timed(v, clock.closed(v, ()))
            why = f": {home.constraint}: {home.detail}" if isinstance(home, Broken) else ""
            yield f"{vehicle.id}: is out with a load, and cannot unload and be back{why}"
