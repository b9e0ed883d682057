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
    kept = [
        clock.closed(v, without(tour, [s for s in stops_of(tour) if not may[v, s]])) for v, tour in enumerate(tours)
    ]
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


def without(tour: Tour, gone: Iterable[int]) -> Tour:
    """A tour without some stops, and without unloadings that have nothing left to unload."""
    out, answer = set(gone), list[int]()
    for code in tour:
        if code not in out and not (code < 0 and (not answer or answer[-1] < 0)):
            answer.append(code)
    return tuple(answer)


def _lightened(problem: RoutingProblem, clock: Clock, v: int, tour: Tour) -> Tour:
    """The tour without the fewest stops that break it, found greedily."""
    while tour and isinstance(broken := clock.timed(v, tour), Broken):
        choices = [(s, clock.closed(v, without(tour, [s]))) for s in stops_of(tour)]
        if not choices:
            return ()
        worth = [_worth(problem, clock, v, tour, s, after, broken) for s, after in choices]
        tour = choices[min(range(len(choices)), key=lambda k: worth[k])][1]
    return tour


def _worth(
    problem: RoutingProblem, clock: Clock, v: int, tour: Tour, s: int, after: Tour, broken: Broken
) -> tuple[bool, bool, float]:
    """Least for the stop that is best taken out: mends it at once, is optional, is cheap to lose."""
    stop = problem.stops[s]
    cost = clock.cost(v, after)
    if cost < inf:
        return False, stop.required, stop.prize + cost
    if broken.constraint in {"daily", "capacity"}:
        return True, stop.required, -sum(stop.load)
    position = tour.index(s)
    seconds = problem.matrices.duration_s[problem.vehicles[v].profile]
    near = [problem.vehicles[v].start, *(place_of(problem, code) for code in tour)]
    saved = stop.service_s + seconds.item(near[position], stop.place)
    return True, stop.required, -saved


def _reunited(problem: RoutingProblem, clock: Clock, may: Bools, tours: list[Tour]) -> list[Tour]:
    for members in companions(problem).values():
        owner = {s: v for v, tour in enumerate(tours) for s in tour if s in members}
        if (len(set(owner.values())) == 1 and len(owner) == len(members)) or not owner:
            continue
        tours = [_lightened(problem, clock, v, clock.closed(v, without(tour, members))) for v, tour in enumerate(tours)]
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
