"""Where one more stop fits into tours, and what it adds: see `cheapest`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import nsmallest
from math import inf, isfinite

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.routing.problem import RoutingProblem, Vehicle
from optimizers.routing.reckoning import asides
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tour, Tours, place_of

_TRIED = 40  # places in tours, those of the smallest detours first
_COMPARED = 3  # of those that keep everything


@dataclass(frozen=True, slots=True)
class Insertion:
    """A tour with one more stop, and what that adds in the problem's unit."""

    vehicle: int
    tour: Tour
    added: float


def cheapest(
    problem: RoutingProblem, clock: Clock, may: Bools, tours: Tours, s: int, below: float = inf
) -> Insertion | None:
    """The cheapest place for a stop among those that keep everything; None where the nearest places keep none.

    The places are tried in the order of their detours, as far as these alone cost less than `below`; the first that
    keeps everything and two more are compared. A vehicle that has no room left aboard may unload just before or just
    after. Every vehicle that stands ready is tried as well.
    """
    found: list[Insertion] = []
    detours = [one for one in _detours(problem, may, tours, s) if one[3] < below]
    for _, v, at, _ in nsmallest(_TRIED, (one for one in detours if tours[one[1]])):
        if len(found) == _COMPARED:
            break
        if (one := _inserted(problem, clock, v, tours[v], at, s)) is not None:
            found.append(one)
    ready = (_inserted(problem, clock, v, (), 0, s) for _, v, _, _ in detours if not tours[v])
    return min([*found, *(one for one in ready if one is not None)], key=lambda one: one.added, default=None)


def _detours(problem: RoutingProblem, may: Bools, tours: Tours, s: int) -> Iterator[tuple[float, int, int, float]]:
    """(units, vehicle, place in its tour, units that no wait makes up for): what driving by the stop costs more."""
    place, ready = problem.stops[s].place, set[Vehicle]()
    for v, tour in enumerate(tours):
        if not may[v, s]:
            continue
        vehicle = problem.vehicles[v]
        if not tour:  # one of several that stand ready alike will do
            kind = replace(vehicle, id="")
            if kind in ready:
                continue
            ready.add(kind)
        metres, seconds = (one[vehicle.profile] for one in (problem.matrices.distance_m, problem.matrices.duration_s))
        before = [vehicle.start, *(place_of(problem, code) for code in tour)]
        after = [*before[1:], place if vehicle.end is None else vehicle.end]
        longer_m, longer_s = (_longer(one, before, place, after) for one in (metres, seconds))
        fixed = vehicle.fixed if not tour and not vehicle.out else 0.0
        cost = vehicle.per_m * longer_m + fixed
        units = cost + (vehicle.per_s + 1e-9) * longer_s
        least = cost + vehicle.per_s * np.minimum(longer_s, 0.0)  # ways round may be shorter in a matrix that is given
        for at, unit in enumerate(units.tolist()):
            if isfinite(unit):
                yield unit, v, at, least.item(at)


def _longer(matrix: Floats, before: list[int], place: int, after: list[int]) -> Floats:
    """By how much the way from each place before by the place to that after is longer, inf where there is none."""
    into, on, straight = (matrix[way].astype(np.float64) for way in ((before, place), (place, after), (before, after)))
    through = into + on
    ways = np.isfinite(through)
    longer: Floats = np.where(ways, through - np.minimum(straight, np.where(ways, through, 0.0)), inf)
    return longer


def _inserted(problem: RoutingProblem, clock: Clock, v: int, tour: Tour, at: int, s: int) -> Insertion | None:
    before = clock.cost(v, tour) + asides(problem, v, tour)
    best: Insertion | None = None
    for middle in ((s,), *(((s, ~k), (~k, s))[order] for k in clock.sites[v] for order in (0, 1))):
        after = clock.closed(v, (*tour[:at], *middle, *tour[at:]))
        added = clock.cost(v, after) + asides(problem, v, after) - before
        if added < (best.added if best else inf):
            best = Insertion(v, after, added)
        if len(middle) == 1 and (best or not clock.full(v, after)):
            return best  # unloading once more is for want of room
    return best
