"""Some vehicles and stops of a problem as a problem of its own, and plans of such parts as one plan."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Ints
from optimizers.result import Limits, Status, Violation, our_version
from optimizers.routing.charges import objective_of
from optimizers.routing.problem import Matrices, Route, RoutingPlan, RoutingProblem, Unserved, Vehicle


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """`places` (k,): which of the whole problem's each of the part's places is."""

    problem: RoutingProblem
    places: Ints

    def route_of(self, route: Route) -> Route:
        """A route of the part as one of the whole problem."""
        there = tuple(replace(visit, place=int(self.places[visit.place])) for visit in route.visits)
        return replace(route, visits=there)


def part_of(problem: RoutingProblem, vehicles: Sequence[int], stops: Sequence[int]) -> Part:
    """The part of vehicles and stops, by their indices in order, with all sites and no more matrix than it needs.

    Vehicles outside can no longer be asked for: `only` and `never` name those inside.
    """
    own = tuple(problem.vehicles[v] for v in vehicles)
    chosen = tuple(problem.stops[s] for s in stops)
    used = {vehicle.start for vehicle in own} | {vehicle.end for vehicle in own if vehicle.end is not None}
    used |= {stop.place for stop in chosen} | {site.place for site in problem.sites}
    places = np.array(sorted(used), np.int64)
    at = {place: i for i, place in enumerate(places.tolist())}
    names = {vehicle.id for vehicle in own}
    matrices = problem.matrices
    return Part(
        replace(
            problem,
            places=tuple(problem.places[place] for place in places.tolist()),
            matrices=Matrices(
                profiles=matrices.profiles,
                distance_m=matrices.distance_m[:, places[:, None], places],
                duration_s=matrices.duration_s[:, places[:, None], places],
                approximate=matrices.approximate,
            ),
            stops=tuple(
                replace(
                    stop,
                    place=at[stop.place],
                    only=None if stop.only is None else tuple(name for name in stop.only if name in names),
                    never=tuple(name for name in stop.never if name in names),
                )
                for stop in chosen
            ),
            vehicles=tuple(_moved(vehicle, at) for vehicle in own),
            sites=tuple(replace(site, place=at[site.place]) for site in problem.sites),
        ),
        places,
    )


def _moved(vehicle: Vehicle, at: dict[int, int]) -> Vehicle:
    return replace(vehicle, start=at[vehicle.start], end=None if vehicle.end is None else at[vehicle.end])


def whole_plan(
    problem: RoutingProblem,
    routes: Iterable[Route],
    unserved: Iterable[Unserved],
    *,
    solver: str,
    limits: Limits,
    started_s: float,
    reproducible: bool,
    reasons: tuple[str, ...] = (),
) -> RoutingPlan:
    """A plan of the whole problem, of routes and stops left out that were found by parts."""
    order = {vehicle.id: v for v, vehicle in enumerate(problem.vehicles)}
    index = {stop.id: s for s, stop in enumerate(problem.stops)}
    kept = tuple(sorted(routes, key=lambda route: order[route.vehicle]))
    out = tuple(sorted(unserved, key=lambda one: index[one.stop]))
    missing = [one for one in out if problem.stops[index[one.stop]].required]
    objective = objective_of(problem, kept)
    return RoutingPlan(
        status=Status.BEST_EFFORT if missing else Status.FEASIBLE,
        objective=objective,
        bound=min(objective, 0.0),
        seconds=time.monotonic() - started_s,
        seed=limits.seed,
        solver=solver,
        version=our_version(),
        violations=tuple(Violation("required", one.stop, 1.0, "1", one.detail or str(one.why)) for one in missing),
        reasons=reasons,
        reproducible=reproducible,
        routes=kept,
        unserved=out,
        unit=problem.unit,
        approximate=problem.matrices.approximate,
    )
