"""Tours that break what the search did not know of, mended: see `mended`."""

from collections.abc import Iterable, Sequence
from math import inf
from time import monotonic

from optimizers.arrays import Bools
from optimizers.routing.caps import Broken
from optimizers.routing.inserting import cheapest
from optimizers.routing.problem import RoutingProblem
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tour, Tours, companions, place_of, served, stops_of

_CHOICES = 20  # stops whose leaving is tried
_PATIENT = 8  # stops that leave one by one, before more of them leave at once


def mended(
    problem: RoutingProblem, clock: Clock, may: Bools, tours: Tours, stops: Iterable[int], until_s: float = inf
) -> Tours:
    """Tours that keep everything on the real clock.

    Where a tour breaks something, stops are taken out one by one, until it does not; then those of `stops` that no
    tour serves, the required and the dear ones first, are put where they add least, if anywhere and if less than
    their prize.
    Stops that belong together and are not with one vehicle go to the one that takes them all, or are left out. From
    `until_s` of the monotonic clock on none is put anywhere.
    """
    kept = [_left(clock, v, tour, [s for s in stops_of(tour) if not may[v, s]]) for v, tour in enumerate(tours)]
    for v, tour in enumerate(kept):
        kept[v] = _lightened(problem, clock, v, tour)
    return put_in(problem, clock, may, tuple(_reunited(problem, clock, may, kept)), stops, until_s)


def put_in(
    problem: RoutingProblem,
    clock: Clock,
    may: Bools,
    tours: Tours,
    stops: Iterable[int],
    until_s: float = inf,
    *,
    everywhere: bool = False,
) -> Tours:
    """Tours with as many of the stops that they do not serve yet as fit; an optional one only where it costs less than
    its prize. Then no such stop fits any more, unless the time was up: see `mended`. Places by which the detour alone
    costs more than the prize are tried only `everywhere`: a stop may let a crew leave later, or take a break in time.
    """
    all_, kept, put = problem.stops, list(tours), True
    left = sorted(set(stops) - served(tours), key=lambda s: (not all_[s].required, -all_[s].prize, s))
    bound = {s for members in companions(problem).values() for s in members}
    left = [s for s in left if s not in bound]
    while put:
        put = False
        for s in left.copy():
            if monotonic() > until_s:
                return tuple(kept)
            worth = inf if all_[s].required else all_[s].prize
            # A longer round may make others look shorter beside their mean: no detour alone says what it costs then.
            below = inf if everywhere or problem.weights.balance_per_s else worth
            found = cheapest(problem, clock, may, tuple(kept), s, below)
            if found is not None and found.added < worth:
                kept[found.vehicle], put = found.tour, True
                left.remove(s)
    return tuple(kept)


def without(tour: Tour, gone: Iterable[int], *, laden: bool = False) -> Tour:
    """A tour without some stops, and without unloadings that have nothing left to unload; `laden` from the start."""
    out, answer, full = set(gone), list[int](), laden
    for code in tour:
        if code not in out and (code >= 0 or full):
            answer.append(code)
            full = code >= 0
    return tuple(answer)


def _left(clock: Clock, v: int, tour: Tour, gone: Iterable[int]) -> Tour:
    """What is left of a vehicle's tour, unloaded before its end."""
    return clock.closed(v, without(tour, gone, laden=any(clock.problem.vehicles[v].aboard)))


def _lightened(problem: RoutingProblem, clock: Clock, v: int, tour: Tour) -> Tour:
    """The tour without a few stops, so that it breaks nothing.

    Of the stops that it is most relieved of, optional ones first, that one goes with which it breaks nothing and costs
    least; where one is not enough, the first goes, and of long tours more and more at once.
    """
    steps = 0
    while tour and isinstance(broken := clock.timed(v, tour), Broken):
        eased = _eased(problem, v, tour, broken)
        if not eased:
            return ()
        choices = [(s, _left(clock, v, tour, [s])) for s in eased[:_CHOICES]]
        mends = [(problem.stops[s].required, problem.stops[s].prize + clock.cost(v, after)) for s, after in choices]
        best = min(range(len(choices)), key=lambda k: (mends[k][1] == inf, *mends[k]))
        if mends[best][1] < inf:
            return choices[best][1]
        steps += 1
        tour = _left(clock, v, tour, eased[: 1 + steps // _PATIENT])
    return tour


def _eased(problem: RoutingProblem, v: int, tour: Tour, broken: Broken) -> list[int]:
    """The stops of a tour, those first that it is most relieved without, optional before required."""
    by_load = broken.constraint in {"daily", "capacity"}
    seconds = problem.matrices.duration_s[problem.vehicles[v].profile]
    relief: dict[int, float] = {}
    before = problem.vehicles[v].start
    for code in tour:
        place = place_of(problem, code)
        if code >= 0:
            stop = problem.stops[code]
            relief[code] = sum(stop.load) if by_load else stop.service_s + seconds.item(before, place)
        before = place
    return sorted(relief, key=lambda s: (problem.stops[s].required, -relief[s]))


def _reunited(problem: RoutingProblem, clock: Clock, may: Bools, tours: list[Tour]) -> list[Tour]:
    for members in companions(problem).values():
        owner = {s: v for v, tour in enumerate(tours) for s in tour if s in members}
        if (len(set(owner.values())) == 1 and len(owner) == len(members)) or not owner:
            continue
        tours = [_lightened(problem, clock, v, _left(clock, v, tour, members)) for v, tour in enumerate(tours)]
        candidates = sorted(set(owner.values()), key=lambda v: -sum(one == v for one in owner.values()))
        tours = _together(problem, clock, may, tours, members, [*candidates, *range(len(tours))])
    return tours


def _together(
    problem: RoutingProblem, clock: Clock, may: Bools, tours: list[Tour], members: Sequence[int], who: Iterable[int]
) -> list[Tour]:
    """With all members in the tour of the first vehicle that takes them; without any where none does."""
    for v in dict.fromkeys(who):
        only = may.copy()
        only[[u for u in range(len(tours)) if u != v], :] = False
        trial, added = tuple(tours), 0.0
        for s in members:
            found = cheapest(problem, clock, only, trial, s)
            if found is None:
                break
            trial = (*trial[:v], found.tour, *trial[v + 1 :])
            added += found.added
        else:
            if added < sum(problem.stops[s].prize if not problem.stops[s].required else inf for s in members):
                return list(trial)
    return tours
