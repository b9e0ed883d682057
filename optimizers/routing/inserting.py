"""Where one more stop fits into tours, and what it adds: see `insertions`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import nsmallest
from math import inf

from optimizers.arrays import Bools
from optimizers.routing.problem import RoutingProblem
from optimizers.routing.reckoning import asides
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tour, Tours

TRIED = 40  # places in tours, those of the smallest detours first


@dataclass(frozen=True, slots=True)
class Insertion:
    """A tour with one more stop, and what that adds in the problem's unit."""

    vehicle: int
    tour: Tour
    added: float


def cheapest(problem: RoutingProblem, clock: Clock, may: Bools, tours: Tours, s: int) -> Insertion | None:
    """The cheapest place for a stop among those that keep everything; None where the nearest places keep none.

    The places are tried in the order of their detours; the first that keeps everything and two more are compared.
    A vehicle that has no room left aboard may unload just before or just after. Every vehicle that stands ready is
    tried as well.
    """
    found: list[Insertion] = []
    detours = list(_detours(problem, may, tours, s))
    for _, v, at in nsmallest(TRIED, (one for one in detours if tours[one[1]])):
        if (one := _inserted(problem, clock, v, tours[v], at, s)) is not None:
            found.append(one)
            if len(found) == 3:
                break
    ready = (_inserted(problem, clock, v, (), 0, s) for _, v, _ in detours if not tours[v])
    return min([*found, *(one for one in ready if one is not None)], key=lambda one: one.added, default=None)


def _detours(problem: RoutingProblem, may: Bools, tours: Tours, s: int) -> Iterator[tuple[float, int, int]]:
    """(units, vehicle, place in its tour): by how much driving from and to the neighbours costs more."""
    place, empty = problem.stops[s].place, set[object]()
    for v, tour in enumerate(tours):
        if not may[v, s]:
            continue
        vehicle = problem.vehicles[v]
        if not tour:  # one of several that stand ready alike will do
            alike = replace(vehicle, id="")
            if alike in empty:
                continue
            empty.add(alike)
        metres, seconds = (one[vehicle.profile] for one in (problem.matrices.distance_m, problem.matrices.duration_s))
        places = [vehicle.start, *(_place(problem, code) for code in tour)]
        ends = [*places[1:], places[-1] if vehicle.end is None else vehicle.end]
        for at, (a, b) in enumerate(zip(places, ends, strict=True)):
            further_m = metres.item(a, place) + metres.item(place, b)
            further_s = seconds.item(a, place) + seconds.item(place, b)
            if further_m + further_s < inf:
                longer_s = further_s - min(seconds.item(a, b), further_s)
                longer_m = further_m - min(metres.item(a, b), further_m)
                yield vehicle.per_m * longer_m + (vehicle.per_s + 1e-9) * longer_s + vehicle.fixed * (not tour), v, at


def _inserted(problem: RoutingProblem, clock: Clock, v: int, tour: Tour, at: int, s: int) -> Insertion | None:
    before = clock.cost(v, tour) + asides(problem, v, tour)
    best: Insertion | None = None
    for middle in ((s,), *(((s, ~k), (~k, s))[order] for k in clock.sites[v] for order in (0, 1))):
        after = clock.closed(v, (*tour[:at], *middle, *tour[at:]))
        added = clock.cost(v, after) + asides(problem, v, after) - before
        if added < (best.added if best else inf):
            best = Insertion(v, after, added)
        if best and len(middle) == 1:
            return best  # unloading once more is for want of room
    return best


def _place(problem: RoutingProblem, code: int) -> int:
    return problem.stops[code].place if code >= 0 else problem.sites[~code].place
