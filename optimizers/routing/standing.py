"""Rounds in force: whether each still holds, which are near it, and what they look like as bytes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.routing.problem import (
    TOLERANCE,
    Act,
    Loads,
    Route,
    RoutingProblem,
    Site,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Why,
    Window,
)
from optimizers.routing.tours import may_serve

_CLOCK_S = 1e-3
"""By which an instant may miss: drives are told to the second at best."""


def pack_standing(routes: Sequence[Route], unserved: Sequence[Unserved] = ()) -> bytes:
    """Rounds in force, or what is left of them (see `underway`). The same ones give the same bytes."""
    head = {
        "routes": [[route.vehicle, _plain(route.visits), route.distance_m, route.drive_s] for route in routes],
        "unserved": [[one.stop, one.why, one.detail, one.cheapest] for one in unserved],
    }
    return json.dumps(head, allow_nan=False).encode()


def unpack_standing(standing: bytes) -> tuple[tuple[Route, ...], tuple[Unserved, ...]]:
    head = json.loads(standing)
    routes = tuple(Route(vehicle, _visits(rows), *sums) for vehicle, rows, *sums in head["routes"])
    return routes, tuple(Unserved(stop, Why(why), *rest) for stop, why, *rest in head["unserved"])


def _plain(visits: Sequence[Visit]) -> list[list[object]]:
    return [[one.act, one.of, one.place, one.arrive_s, one.begin_s, one.end_s, one.aboard] for one in visits]


def _visits(rows: Sequence[Sequence[Any]]) -> tuple[Visit, ...]:
    return tuple(Visit(Act(act), of, place, a, b, c, tuple(load)) for act, of, place, a, b, c, load in rows)


def laden(problem: RoutingProblem, route: Route) -> Route:
    """A round with the loads that its stops have now; as it stands where its vehicle is gone."""
    vehicle = next((one for one in problem.vehicles if one.id == route.vehicle), None)
    if vehicle is None:
        return route
    loads = {stop.id: stop.load for stop in problem.stops}
    none = (0.0,) * len(problem.dimensions)
    aboard, visits = vehicle.aboard or none, []
    for visit in route.visits:
        if visit.act is Act.UNLOAD:
            aboard = none
        elif visit.act is Act.STOP:
            aboard = tuple(a + b for a, b in zip(aboard, loads.get(visit.of, none), strict=True))
        visits.append(replace(visit, aboard=aboard))
    return replace(route, visits=tuple(visits))


def holds(problem: RoutingProblem, route: Route) -> bool:
    """Whether a vehicle can still drive a round exactly as it stands. Rests and work rules do not change in a day."""
    vehicle = next((one for one in problem.vehicles if one.id == route.vehicle), None)
    if vehicle is None:
        return False
    start, end = route.visits[0], route.visits[-1]
    legs = [(vehicle.profile, one.place, other.place) for one, other in pairwise(route.visits)]
    drives = [
        one.end_s + float(problem.matrices.duration_s[leg]) <= other.arrive_s + _CLOCK_S
        for leg, (one, other) in zip(legs, pairwise(route.visits), strict=True)
    ]
    metres = vehicle.spent.distance_m + sum(float(problem.matrices.distance_m[leg]) for leg in legs)
    return (
        start.place == vehicle.start
        and vehicle.shift[0] <= start.begin_s + _CLOCK_S
        and end.end_s <= vehicle.shift[1] + _CLOCK_S
        and metres <= vehicle.most_m + TOLERANCE
        and all(drives)
        and all(_visits_hold(problem, vehicle, route))
    )


def _visits_hold(problem: RoutingProblem, vehicle: Vehicle, route: Route) -> Iterator[bool]:
    """Each visit but start and end: what it is of is there, open, takes no longer, and there is room for its load."""
    stops, sites = {stop.id: stop for stop in problem.stops}, {site.id: site for site in problem.sites}
    aboard = np.array(vehicle.aboard or (0.0,) * len(problem.dimensions), np.float64)
    daily = np.array(vehicle.spent.loads or (0.0,) * len(problem.dimensions), np.float64)
    for visit in route.visits[1:-1]:
        if visit.act is Act.STOP:
            stop = stops.get(visit.of)
            if stop is None or not may_serve(vehicle, stop):
                yield False
                return
            aboard, daily = aboard + stop.load, daily + stop.load
            yield _open(stop, visit, stop.service_s) and _within(aboard, vehicle.capacity)
            yield _within(daily, vehicle.daily)
        elif visit.act is Act.UNLOAD:
            site = sites.get(visit.of)
            aboard = np.zeros_like(aboard)
            yield site is not None and _open(site, visit, site.unload_s)


def _open(of: Stop | Site, visit: Visit, lasts_s: float) -> bool:
    windows: tuple[Window, ...] = of.windows or ((-np.inf, np.inf),)
    inside = any(first - _CLOCK_S <= visit.begin_s <= last + _CLOCK_S for first, last in windows)
    return inside and visit.place == of.place and lasts_s <= visit.end_s - visit.begin_s + _CLOCK_S


def _within(amount: Floats, most: Loads) -> bool:
    return not most or bool((amount <= np.array(most) + TOLERANCE).all())


def apart_s(problem: RoutingProblem, stops: Sequence[int], routes: Sequence[Sequence[int]]) -> Floats:
    """(n, R) how far each stop is from each round: the shortest drive to one of its stops, one way or the other; inf
    to a round without stops. Stops and those of rounds are indices.
    """
    place = np.array([stop.place for stop in problem.stops], np.int64)
    duration_s, here = problem.matrices.duration_s[0], place[list(stops)]
    apart = np.full((len(stops), len(routes)), np.inf)
    for r, members in enumerate(routes):
        if members:
            there = place[list(members)]
            both = np.minimum(duration_s[here[:, None], there], duration_s[there[:, None], here].T)
            apart[:, r] = both.min(axis=1)
    return apart
