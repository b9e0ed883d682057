"""Tours: what each vehicle does in which order, before anything is timed; and who may do what."""

from collections.abc import Iterable, Sequence

import numpy as np

from optimizers.arrays import Bools
from optimizers.routing.problem import RoutingProblem, Stop, Vehicle

_NEAR = 4  # sites, of which one is the last before the end

Tour = tuple[int, ...]
"""Of one vehicle: a stop by its index, an unloading at site k by ~k, that is -1 - k."""

Tours = tuple[Tour, ...]
"""One of every vehicle, in the problem's order; () of one that is not used."""


def stops_of(tour: Tour) -> Tour:
    return tuple(code for code in tour if code >= 0)


def served(tours: Iterable[Tour]) -> set[int]:
    return {code for tour in tours for code in tour if code >= 0}


def place_of(problem: RoutingProblem, code: int) -> int:
    """Where a stop or a site of a tour is."""
    return problem.stops[code].place if code >= 0 else problem.sites[~code].place


def companions(problem: RoutingProblem) -> dict[str, tuple[int, ...]]:
    """Indices of stops that belong together, by their common name; one by itself belongs to none."""
    groups: dict[str, tuple[int, ...]] = {}
    for s, stop in enumerate(problem.stops):
        if stop.together:
            groups[stop.together] = (*groups.get(stop.together, ()), s)
    return {name: members for name, members in groups.items() if len(members) > 1}


def may_serve(vehicle: Vehicle, stop: Stop) -> bool:
    """As far as skills, zones and who is asked for say; not whether it has room and time."""
    asked = (stop.only is None or vehicle.id in stop.only) and vehicle.id not in stop.never
    inside = vehicle.zones is None or not stop.zone or stop.zone in vehicle.zones
    return asked and inside and all(skill in vehicle.skills for skill in stop.skills)


def holders(problem: RoutingProblem) -> Bools:
    """(vehicles, stops): whether a vehicle may serve a stop, see `may_serve`."""
    kinds: dict[object, int] = {}
    kind = [kinds.setdefault((one.skills, one.zone, one.only, one.never), len(kinds)) for one in problem.stops]
    firsts = dict(zip(kind, problem.stops, strict=True))  # one of each kind
    may = [[may_serve(vehicle, firsts[k]) for k in range(len(kinds))] for vehicle in problem.vehicles]
    return np.array(may, np.bool_).reshape(len(problem.vehicles), len(kinds))[:, kind]


def sites_of(problem: RoutingProblem, vehicle: Vehicle) -> tuple[int, ...]:
    """Indices of the sites where a vehicle may unload."""
    return tuple(
        k
        for k, site in enumerate(problem.sites)
        if (vehicle.sites is None or site.id in vehicle.sites)
        and (not site.accepts or set(site.accepts) & set(vehicle.skills))
    )


def near_sites(problem: RoutingProblem, vehicle: Vehicle, sites: Sequence[int], last: int) -> list[int]:
    """Of some sites the few by which the way from a place to the vehicle's end costs least, and of those with other
    hours, queues or times of unloading the one by which it does: where the nearest are closed, another may be open.
    """
    if len(sites) <= _NEAR:
        return list(sites)
    matrices, p = problem.matrices, vehicle.profile
    metres, seconds = matrices.distance_m[p], matrices.duration_s[p]

    def detour(k: int) -> float:
        place = problem.sites[k].place
        end = place if vehicle.end is None else vehicle.end
        way_m: float = metres.item(last, place) + metres.item(place, end)
        way_s: float = seconds.item(last, place) + seconds.item(place, end)
        return vehicle.per_m * way_m + (vehicle.per_s + 1e-9) * way_s

    ordered = sorted(sites, key=detour)
    first: dict[object, int] = {}
    for k in ordered:
        site = problem.sites[k]
        first.setdefault((site.windows, site.queue, site.unload_s), k)
    return list(dict.fromkeys((*ordered[:_NEAR], *first.values())))
