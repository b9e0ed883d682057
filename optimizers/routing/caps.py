"""What a tour must keep whatever the time: loads, caps over the day, trips, unloading."""

from dataclasses import dataclass

from optimizers.routing.problem import TOLERANCE, Loads, RoutingProblem, Vehicle
from optimizers.routing.tours import Tour

_NEAR = 0.8  # of a cap


@dataclass(frozen=True, slots=True)
class Broken:
    """The first constraint that a tour breaks, and its figures."""

    constraint: str
    detail: str = ""


def capped(problem: RoutingProblem, v: int, tour: Tour, sites: tuple[int, ...]) -> Broken | None:
    """What a tour of a vehicle breaks of loads, daily caps, trips and unloading; None where it keeps them.

    Whether the vehicle has the skills for its stops is not asked here.
    """
    vehicle = problem.vehicles[v]
    return _counts(vehicle, tour) or _unloads(tour, sites) or _loads(problem, vehicle, tour)


def near_cap(problem: RoutingProblem, vehicle: Vehicle, tour: Tour) -> bool:
    """Whether a tour comes so near to a cap over the vehicle's trips that more stops may well break it."""
    chosen = [problem.stops[code] for code in tour if code >= 0]
    if vehicle.most_stops is not None and len(chosen) + vehicle.spent.stops > _NEAR * vehicle.most_stops:
        return True
    spent = vehicle.spent.loads or (0.0,) * len(vehicle.daily)
    return any(spent[d] + sum(stop.load[d] for stop in chosen) > _NEAR * most for d, most in enumerate(vehicle.daily))


def trips_of(tour: Tour) -> int:
    """How many trips a tour makes: each ends with unloading, at a site or at the end."""
    return sum(code < 0 for code in tour) + (bool(tour) and tour[-1] >= 0)


def _counts(vehicle: Vehicle, tour: Tour) -> Broken | None:
    stops = sum(code >= 0 for code in tour) + vehicle.spent.stops
    if vehicle.most_stops is not None and stops > vehicle.most_stops:
        return Broken("stops", f"{stops} stops of {vehicle.most_stops}")
    trips = trips_of(tour) + vehicle.spent.trips
    if vehicle.most_trips is not None and trips > vehicle.most_trips:
        return Broken("trips", f"{trips} trips of {vehicle.most_trips}")
    return None


def _unloads(tour: Tour, sites: tuple[int, ...]) -> Broken | None:
    if any(code < 0 and ~code not in sites for code in tour):
        return Broken("site", "unloads where it must not")
    return None


def _loads(problem: RoutingProblem, vehicle: Vehicle, tour: Tour) -> Broken | None:
    none: Loads = (0.0,) * len(problem.dimensions)
    aboard, over_day = vehicle.aboard or none, vehicle.spent.loads or none
    for code in tour:
        if code < 0:
            aboard = none
            continue
        load = problem.stops[code].load
        aboard = tuple(a + b for a, b in zip(aboard, load, strict=True))
        over_day = tuple(a + b for a, b in zip(over_day, load, strict=True))
        if found := _beyond(problem, aboard, vehicle.capacity):
            return Broken("capacity", found)
    if found := _beyond(problem, over_day, vehicle.daily):
        return Broken("daily", found)
    if vehicle.empties and tour and any(load > TOLERANCE for load in aboard):
        return Broken("unloading", "ends without unloading")
    return None


def _beyond(problem: RoutingProblem, loads: Loads, most: Loads) -> str:
    for name, load, limit in zip(problem.dimensions, loads, most, strict=False):
        if load > limit + TOLERANCE:
            return f"{load:g} {name} of {limit:g}"
    return ""
