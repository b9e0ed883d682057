"""Routers for the year: our solve, and PyVRP itself on the same model for the many small problems of a year.

The small one states what `twin.collection.asking` asks for and no more: one depot, trucks alike, capacity, disposal
before the depot, prizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyvrp import (
    Client,
    Depot,
    IteratedLocalSearchParams,
    Location,
    ProblemData,
    Solution,
    SolveParams,
    VehicleType,
    solve,
)
from pyvrp.search import PerturbationParams
from pyvrp.stop import MaxIterations

from optimizers import routing
from optimizers.result import Limits
from optimizers.routing.problem import Act, RoutingProblem

_FAR = 10_000_000
_TRIED = 0.2
"""Share of the iterations that each number of trucks is tried for."""
_MEMORY, _SHAKEN = 0.1, 50
"""Share of the iterations that late acceptance remembers: PyVRP's own 300 accepts anything in so short a search. And at
how many places a tour is shaken at most, PyVRP's 25: with prizes it is hard to leave a bad choice of stops."""


@dataclass(frozen=True)
class Quick:
    """One truck, then one more, each for some iterations; the best of these is improved with those that are left: so
    short a search does not find by itself that a truck may stay at home.
    """

    iterations: int = 200
    seed: int = 1

    def __call__(self, problem: RoutingProblem) -> Sequence[Sequence[str]]:
        found = self.best(model(problem))
        routes = []
        for route in found.routes():
            stops = [problem.stops[one.idx].id if one.is_client() else f"site {self.site(problem, one.idx)}"
                     for one in list(route)[1:-1]]  # fmt: skip
            routes.append(stops)
        return routes

    def best(self, data: ProblemData) -> Solution:
        each, trucks = round(_TRIED * self.iterations), range(1, data.vehicle_type(0).num_available + 1)
        tried = [(self._improved(of, each), of) for of in (_with(data, count) for count in trucks)]
        first, of = min(tried, key=lambda one: cost(one[0]))
        return self._improved(of, max(self.iterations - each * len(trucks), each), first)

    def _improved(self, data: ProblemData, iterations: int, initial: Solution | None = None) -> Solution:
        params = SolveParams(
            ils=IteratedLocalSearchParams(history_length=max(round(_MEMORY * iterations), 5)),
            perturbation=PerturbationParams(1, _SHAKEN),
        )
        return solve(
            data, MaxIterations(iterations), self.seed, collect_stats=False, params=params, initial_solution=initial
        ).best

    @staticmethod
    def site(problem: RoutingProblem, depot: int) -> int:
        return int(problem.sites[depot - 2].id.split()[1])


def cost(found: Solution) -> float:
    """Metres and prizes that were left; what breaks a limit costs more than anything."""
    return found.distance_cost() + found.uncollected_prizes() if found.is_feasible() else float("inf")


def _with(data: ProblemData, trucks: int) -> ProblemData:
    return data.replace(vehicle_types=[data.vehicle_type(0).replace(num_available=trucks)])


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
