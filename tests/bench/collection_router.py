"""Routers for the year: our solve, and PyVRP itself on the same model for the many small problems of a year.

The small one states what `twin.collection.asking` asks for and no more: one depot, trucks alike, capacity, disposal
before the depot, prizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyvrp import Client, Depot, Location, ProblemData, VehicleType, solve
from pyvrp.stop import MaxIterations

from optimizers import routing
from optimizers.result import Limits
from optimizers.routing.problem import Act, RoutingProblem

_FAR = 10_000_000


@dataclass(frozen=True)
class Quick:
    iterations: int = 200
    seed: int = 1

    def __call__(self, problem: RoutingProblem) -> Sequence[Sequence[str]]:
        data = model(problem)
        found = solve(data, MaxIterations(self.iterations), seed=self.seed, display=False).best
        routes = []
        for route in found.routes():
            stops = [problem.stops[one.idx].id if one.is_client() else f"site {self.site(problem, one.idx)}"
                     for one in list(route)[1:-1]]  # fmt: skip
            routes.append(stops)
        return routes

    @staticmethod
    def site(problem: RoutingProblem, depot: int) -> int:
        return int(problem.sites[depot - 2].id.split()[1])


def model(problem: RoutingProblem) -> ProblemData:
    """Places, then one more: the depot as where a truck ends, by way of the site that lies best."""
    distance, duration = problem.matrices.distance_m[0], problem.matrices.duration_s[0]
    sites = [site.place for site in problem.sites]
    by_way = np.stack([distance[:, at] + distance[at, 0] for at in sites])
    best = by_way.argmin(axis=0)
    back = np.stack(
        [duration[:, at] + site.unload_s + duration[at, 0] for at, site in zip(sites, problem.sites, strict=True)]
    )
    rows = np.arange(len(distance))
    metres, seconds = grown(distance, by_way[best, rows]), grown(duration, back[best, rows])
    metres[0, -1] = seconds[0, -1] = 0
    vehicle = problem.vehicles[0]
    return ProblemData(
        locations=[Location(place.x, place.y) for place in problem.places] + [Location(0, 0)],
        clients=[
            Client(stop.place, pickup=[round(stop.load[0])], service_duration=round(stop.service_s),
                   prize=round(stop.prize), required=False)
            for stop in problem.stops
        ],
        depots=[
            Depot(0), Depot(len(distance)),
            *(Depot(site.place, service_duration=round(site.unload_s)) for site in problem.sites),
        ],
        vehicle_types=[
            VehicleType(
                len(problem.vehicles), capacity=[round(vehicle.capacity[0])], start_depot=0, end_depot=1,
                shift_duration=round(vehicle.longest_s), tw_late=round(vehicle.shift[1]),
                reload_depots=[2 + k for k in range(len(sites))], max_reloads=3,
            )
        ],
        distance_matrices=[metres],
        duration_matrices=[seconds],
    )  # fmt: skip


def grown(matrix: np.ndarray, end: np.ndarray) -> np.ndarray:
    whole = np.full((len(matrix) + 1, len(matrix) + 1), _FAR)
    whole[:-1, :-1] = np.rint(matrix)
    whole[:-1, -1] = np.rint(end)
    whole[-1, -1] = 0
    return whole.astype(np.int64)


@dataclass(frozen=True)
class Solved:
    """`optimizers.routing.solve`, as deployed."""

    iterations: int = 200
    seed: int = 1

    def __call__(self, problem: RoutingProblem) -> Sequence[Sequence[str]]:
        plan = routing.solve(problem, Limits(seconds=60.0, work=self.iterations, seed=self.seed))
        wanted = {Act.STOP, Act.UNLOAD}
        return [[visit.of for visit in route.visits if visit.act in wanted] for route in plan.routes]
