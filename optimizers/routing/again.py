"""A plan under way again: only what changed and what is near it is planned anew, the rest stands as it is."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Floats
from optimizers.result import Limits
from optimizers.routing.charges import drives_between_stops, objective_of
from optimizers.routing.mending import put_in
from optimizers.routing.parting import part_of, whole_plan
from optimizers.routing.plans import stranded
from optimizers.routing.problem import Act, Route, RoutingPlan, RoutingProblem, Unserved, Why
from optimizers.routing.reasons import hopeless, reasons
from optimizers.routing.reckoning import routes_of
from optimizers.routing.standing import apart_s, holds, laden, unpack_standing
from optimizers.routing.timing import Clock, Timed
from optimizers.routing.tours import Tours, holders, may_serve

SOLVER = "touched rounds only, PyVRP"
_NEAR = 2
"""Rounds that are opened beside each one that no longer holds, or each stop that has none: those nearest to it."""

_FEW = 20  # stops for which the cheapest place is looked for beforehand

_BY_ITSELF = {Why.UNREACHABLE, Why.SKILL, Why.CAPACITY, Why.WINDOW}
"""Why a stop is left out whatever the rounds are."""

_TRIES = 4
"""Searches one after the other, each with a seed of its own: what one is stuck at, another is not. The last goes on
from the best. While a required stop finds no room, each has twice as many rounds opened beside as the one before.
"""

_LAST = 0.8  # of the time; the rest is for stops left out and their reasons
_SEEDS = 97  # apart, for each search counts on from its own
_AFRESH = 200  # stops up to which all searches but the last begin from rounds in force; beyond, from the best so far
_SPARE = 50  # stops left out, dearest first, that are for vehicles without a round wherever they are


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """Indices of the problem's vehicles and stops that are planned anew; `routes` and `unserved` stand.

    tours    of these vehicles, in indices among `stops`: what they did so far
    """

    vehicles: tuple[int, ...]
    stops: tuple[int, ...]
    tours: Tours
    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]


@dataclass(frozen=True, slots=True)
class Stability:
    """What a new plan keeps of rounds in force, of stops that both serve.

    moved    stops that another vehicle serves
    kept     of drives from one of these stops to the next, the share that is still driven, 0 to 1
    """

    stops: int
    moved: int
    kept: float


def solve_again(problem: RoutingProblem, standing: bytes, limits: Limits | None = None) -> RoutingPlan:
    """See `replan`. `standing` is what `pack_standing` made."""
    return replan(problem, *unpack_standing(standing), limits)


def replan(
    problem: RoutingProblem, routes: Sequence[Route], unserved: Sequence[Unserved] = (), limits: Limits | None = None
) -> RoutingPlan:
    """The plan of a problem near rounds in force, which stand as far as nothing touches them.

    Planned anew are rounds that no longer hold (their vehicle is gone, a stop of theirs is gone or wants another time
    or load, a street is closed), stops that have no round, and the rounds nearest to these, with vehicles that have
    none and the dearest stops left out. Where a required stop finds no room there, more rounds are opened while time
    lasts. All others keep every visit to the second, with the loads that stops have now. Of a stop left out it is told
    why it is now.
    """
    limits = limits or Limits()
    started_s, clock = time.monotonic(), Clock(problem)
    routes = [laden(problem, route) for route in routes]
    unserved = _left_now(clock, routes, unserved)
    again, near = touched(problem, routes, unserved), _NEAR
    best = _found(clock, again, _share(limits, started_s, 0))
    for k in range(1, _TRIES if again.stops else 1):
        if limits.seconds * _LAST < time.monotonic() - started_s:
            break
        if _wanting(clock, best):
            near *= 2
            again = touched(problem, routes, unserved, near)
        begun = best.routes if k == _TRIES - 1 or len(again.stops) > _AFRESH else ()
        best = min(best, _found(clock, again, _share(limits, started_s, k), begun), key=_worth)
    in_time = limits.work is not None and time.monotonic() - started_s < limits.seconds * _LAST
    return _planned(clock, best, limits, started_s, reproducible=in_time or not again.stops)


def _share(limits: Limits, started_s: float, k: int) -> Limits:
    """Of time and work for a try, with a seed of its own."""
    left_s = limits.seconds * _LAST - (time.monotonic() - started_s)
    work = limits.work and max(1, limits.work // _TRIES)
    share_s = left_s if work else left_s / (_TRIES - k)  # work ends a search; time only where it is over
    return replace(limits, seconds=max(1e-3, share_s), work=work, seed=limits.seed + _SEEDS * k)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one try comes to: all routes, stops that it leaves out, by name, and what they cost beside required ones."""

    again: Touched
    routes: list[Route]
    left: list[str]
    required: int
    cost: float


def _worth(found: _Found) -> tuple[int, float]:
    return found.required, found.cost


def _found(clock: Clock, again: Touched, limits: Limits, begun: Sequence[Route] = ()) -> _Found:
    """What is found for what is planned anew; the search begins from some routes, or from what they did so far."""
    from optimizers.routing.solving import searched  # noqa: PLC0415 - PyVRP: a second that every command would pay

    problem = clock.problem
    routes, names = list(again.routes), [problem.stops[s].id for s in again.stops]
    if again.vehicles:
        part = part_of(problem, again.vehicles, again.stops)
        tours = searched(part.problem, limits, tours_of(part.problem, begun) if begun else again.tours)
        routes += [part.route_of(route) for route in routes_of(Clock(part.problem), tours)]
    required = {stop.id for stop in problem.stops if stop.required}
    routes = _put_in(clock, routes, [name for name in _without(routes, names) if name in required])
    left = _without(routes, names)
    return _Found(again, routes, left, sum(name in required for name in left), objective_of(problem, routes))


def _without(routes: Iterable[Route], names: Iterable[str]) -> list[str]:
    """The stops that none of the routes serves."""
    taken = {stop for route in routes for stop in route.stops}
    return [name for name in names if name not in taken]


def _wanting(clock: Clock, found: _Found) -> bool:
    """Whether a required stop is left out for which more rounds might have room."""
    if not found.required:
        return False
    problem, left = clock.problem, set(found.left)
    missing = [s for s, stop in enumerate(problem.stops) if stop.required and stop.id in left]
    return len(hopeless(problem, clock, holders(problem), missing)) < len(missing)


def _planned(clock: Clock, found: _Found, limits: Limits, started_s: float, *, reproducible: bool) -> RoutingPlan:
    """The plan of what was found, with why each stop is left out."""
    problem, again = clock.problem, found.again
    prize = {stop.id: stop.prize for stop in problem.stops}
    routes = _put_in(clock, found.routes, found.left)
    told = _reasons(clock, routes, _without(routes, found.left))
    if worth := [one.stop for one in told if one.pays(prize[one.stop])]:
        routes = _put_in(clock, routes, worth, everywhere=True)
        told = _reasons(clock, routes, _without(routes, found.left))
    unserved = [*again.unserved, *told]
    anew = f"{len(again.vehicles)} vehicles and {len(again.stops)} stops planned anew"
    return whole_plan(
        problem, routes, unserved, solver=SOLVER, limits=limits, started_s=started_s,
        reproducible=reproducible,
        reasons=(f"{anew}, {len(again.routes)} rounds stand", *stranded(problem, clock, routes)),
    )  # fmt: skip


def _put_in(clock: Clock, routes: list[Route], left_out: Sequence[str], *, everywhere: bool = False) -> list[Route]:
    """Stops that no opened round takes go to one that stands where that costs less than their prize: it alone is timed
    anew. `everywhere`: see `mending.put_in`.
    """
    if not left_out:
        return routes
    problem, index = clock.problem, {stop.id: s for s, stop in enumerate(clock.problem.stops)}
    before = tours_of(problem, routes)
    missing = [index[name] for name in left_out]
    after = put_in(problem, clock, holders(problem), before, missing, everywhere=everywhere)
    changed = {v for v, tour in enumerate(after) if tour != before[v]}
    timed = (clock.timed(v, after[v]) for v in sorted(changed))
    names = {problem.vehicles[v].id for v in changed}
    stand = [route for route in routes if route.vehicle not in names]
    return [*stand, *(one.route for one in timed if isinstance(one, Timed))]


def _reasons(clock: Clock, routes: Sequence[Route], left_out: Sequence[str]) -> tuple[Unserved, ...]:
    """Why stops are left out beside all rounds, not only those that were planned anew."""
    if not left_out:
        return ()
    problem, index = clock.problem, {stop.id: s for s, stop in enumerate(clock.problem.stops)}
    missing = sorted(index[name] for name in left_out)
    tours = tours_of(problem, routes)
    return reasons(problem, clock, tours, missing, hopeless(problem, clock, holders(problem), missing))


def _left_now(clock: Clock, routes: Sequence[Route], unserved: Sequence[Unserved]) -> list[Unserved]:
    """The stops left out, each with what is true of it now, and those without a round for which none can be opened.
    Not among them are stops that were by themselves in the way and no longer are, as where a road is open again.
    """
    problem, housed = clock.problem, {stop for route in routes for stop in route.stops}
    left = {one.stop: one for one in unserved}
    missing = [
        s
        for s, stop in enumerate(problem.stops)
        if stop.id in left or not (stop.id in housed or stop.together)  # who belongs to it may have a round
    ]
    lost = hopeless(problem, clock, holders(problem), missing) if missing else {}
    names = {problem.stops[s].id for s in missing} - {one.stop for one in lost.values()}
    return [*lost.values(), *(one for name, one in left.items() if name in names and one.why not in _BY_ITSELF)]


def tours_of(problem: RoutingProblem, routes: Iterable[Route]) -> Tours:
    """What vehicles do in routes, as far as the problem still has the stops and sites; rests are timed anew."""
    stops = {stop.id: s for s, stop in enumerate(problem.stops)}
    sites = {site.id: ~k for k, site in enumerate(problem.sites)}
    of = {Act.STOP: stops, Act.UNLOAD: sites}
    by_vehicle = {
        route.vehicle: tuple(of[visit.act][visit.of] for visit in route.visits if visit.of in of.get(visit.act, ()))
        for route in routes
    }
    return tuple(by_vehicle.get(vehicle.id, ()) for vehicle in problem.vehicles)


def touched(
    problem: RoutingProblem, routes: Sequence[Route], unserved: Sequence[Unserved] = (), near: int = _NEAR
) -> Touched:
    """What has to be planned anew: see `replan`. `near` rounds are opened beside each that no longer holds."""
    index = {stop.id: s for s, stop in enumerate(problem.stops)}
    members = [[index[stop] for stop in route.stops if stop in index] for route in routes]
    fails = [not holds(problem, route) for route in routes]
    homeless = _homeless(problem, members, unserved)
    opened = {r for r, fail in enumerate(fails) if fail}
    opened |= set(_together(problem, members, homeless)) | set(_beside(problem, members, opened, near))
    lost = _of_gone(problem, homeless)
    opened |= {r for group in lost for r in _near_to(problem, group, members, opened, near)}
    single = homeless - {s for group in lost for s in group}
    opened |= set(_nearest(problem, routes, members, single, near))
    roomy = _taking(problem, [route for r, route in enumerate(routes) if not fails[r]], single)
    opened |= {r for r, route in enumerate(routes) if route.vehicle in roomy}
    if opened or homeless:
        opened |= {r for r, stops in enumerate(members) if not stops}  # who is only to drive home is free
    stands = [route for r, route in enumerate(routes) if r not in opened]
    left = [one for one in unserved if one.stop in index and index[one.stop] not in homeless]
    out = _for_taking(problem, members, [index[one.stop] for one in left], opened) if opened else set()
    busy = {route.vehicle for route in stands}
    stops = sorted({*homeless, *out, *(s for r in opened for s in members[r])})
    free = tuple(v for v, vehicle in enumerate(problem.vehicles) if vehicle.id not in busy)
    within, did = {s: i for i, s in enumerate(stops)}, tours_of(problem, routes)
    return Touched(
        free,
        tuple(stops),
        tuple(tuple(within.get(code, code) for code in did[v]) for v in free),
        tuple(stands),
        tuple(one for one in left if index[one.stop] not in out),
    )


def _homeless(problem: RoutingProblem, members: Sequence[Sequence[int]], unserved: Sequence[Unserved]) -> set[int]:
    """Stops that no round serves and that were not left out, or would no longer be: they are worth more now."""
    housed = {s for round_ in members for s in round_}
    out = {one.stop: one for one in unserved}
    return {
        s
        for s, stop in enumerate(problem.stops)
        if s not in housed and (stop.id not in out or _worth_more(stop.required, stop.prize, out[stop.id]))
    }


def _worth_more(required: bool, prize: float, left_out: Unserved) -> bool:
    if required:
        return left_out.why is Why.PRIZE
    return left_out.pays(prize)


def _together(problem: RoutingProblem, members: Sequence[Sequence[int]], stops: Iterable[int]) -> Iterator[int]:
    """Rounds of stops that must be served with one of these."""
    names = {problem.stops[s].together for s in stops} - {""}
    for r, round_ in enumerate(members):
        if names & {problem.stops[s].together for s in round_}:
            yield r


def _beside(problem: RoutingProblem, members: Sequence[Sequence[int]], of: set[int], near: int) -> Iterator[int]:
    """The rounds nearest to each of these."""
    for r in sorted(of):
        yield from _near_to(problem, members[r], members, of, near)


def _near_to(
    problem: RoutingProblem, stops: Sequence[int], members: Sequence[Sequence[int]], without: set[int], near: int
) -> list[int]:
    """The rounds nearest to a round of stops: by the mean of how far these are."""
    return _first(apart_s(problem, stops, members).mean(axis=0), without, near) if stops else []


def _of_gone(problem: RoutingProblem, homeless: set[int]) -> list[list[int]]:
    """Stops without a round that one vehicle had which is gone: they were a round, and are near to what that was."""
    there = {vehicle.id for vehicle in problem.vehicles} | {""}
    groups: dict[str, list[int]] = {}
    for s in sorted(homeless):
        if (former := problem.stops[s].former) not in there:
            groups.setdefault(former, []).append(s)
    return list(groups.values())


def _nearest(
    problem: RoutingProblem, routes: Sequence[Route], members: Sequence[Sequence[int]], stops: set[int], near: int
) -> Iterator[int]:
    """The rounds nearest to each stop whose vehicle may serve it."""
    vehicle = {one.id: one for one in problem.vehicles}
    drives = [vehicle.get(route.vehicle) for route in routes]
    ordered = sorted(stops)
    for s, apart in zip(ordered, apart_s(problem, ordered, members), strict=True):
        may = [one is not None and may_serve(one, problem.stops[s]) for one in drives]
        yield from _first(np.where(may, apart, np.inf), set(), near)


def _taking(problem: RoutingProblem, routes: Sequence[Route], stops: set[int]) -> set[str]:
    """Vehicles whose rounds have room for these stops at the least detour: near is not always where there is room."""
    if not 0 < len(stops) <= _FEW:
        return set()
    before = tours_of(problem, routes)
    after = put_in(problem, Clock(problem), holders(problem), before, sorted(stops))
    return {vehicle.id for vehicle, one, other in zip(problem.vehicles, before, after, strict=True) if one != other}


def _first(apart: Floats, without: set[int], near: int) -> list[int]:
    order = [r for r in np.argsort(apart, kind="stable").tolist() if r not in without and np.isfinite(apart[r])]
    return order[:near]


def _for_taking(
    problem: RoutingProblem, members: Sequence[Sequence[int]], stops: Sequence[int], opened: set[int]
) -> set[int]:
    """Of stops left out those whose nearest round is opened, and the dearest: who has no round comes anywhere."""
    near = {s for s, apart in zip(stops, apart_s(problem, stops, members), strict=True) if apart.argmin() in opened}
    return near | set(sorted(stops, key=lambda s: (-problem.stops[s].prize, s))[:_SPARE])


def stability(before: Sequence[Route], after: Sequence[Route]) -> Stability:
    """How much of rounds in force a new plan keeps."""
    was = {stop: route.vehicle for route in before for stop in route.stops}
    now = {stop: route.vehicle for route in after for stop in route.stops}
    both = was.keys() & now.keys()
    driven = {edge for route in after for edge in drives_between_stops(route)}
    edges = [edge for route in before for edge in drives_between_stops(route) if both.issuperset(edge)]
    kept = sum(edge in driven for edge in edges) / len(edges) if edges else 1.0
    return Stability(len(both), sum(was[stop] != now[stop] for stop in both), kept)
