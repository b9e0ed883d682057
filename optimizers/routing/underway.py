"""The rest of a day whose plan is under way: what is done stays done, vehicles go on from where they are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from optimizers.routing.problem import (
    TOLERANCE,
    Act,
    Rest,
    Route,
    RoutingPlan,
    RoutingProblem,
    Spent,
    Unserved,
    Vehicle,
    Visit,
    WorkRules,
)


@dataclass(frozen=True, slots=True, eq=False)
class Underway:
    """A day at an instant.

    problem      the rest of it: stops that are not done, vehicles where they are, each stop with its `former` vehicle
    routes       what is left of the rounds in force, each from where its vehicle is when it has done what it is at,
                 those of vehicles that are gone among them
    unserved     stops that the plan in force leaves out
    done         by vehicle, the visits that are over, under way or driven to
    """

    problem: RoutingProblem
    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]
    done: dict[str, tuple[Visit, ...]]


def at_instant(problem: RoutingProblem, plan: RoutingPlan, at_s: float, gone: Iterable[str] = ()) -> RoutingProblem:
    """The rest of the day as a problem: see `underway`."""
    return underway(problem, plan, at_s, gone).problem


def underway(problem: RoutingProblem, plan: RoutingPlan, at_s: float, gone: Iterable[str] = ()) -> Underway:
    """What is left of a day at an instant, in the same seconds.

    A vehicle first ends what it has begun, and serves the stop that it has left for. One that has not gone out yet
    does not before the instant; nor does one that is back go out again before, and it stands still until then. `gone`
    are ids of vehicles that drive no more: what they had not begun is for others.
    Raises InvalidProblem where no vehicle is left.
    """
    lost, routes = set(gone), {route.vehicle: route for route in plan.routes}
    done: dict[str, tuple[Visit, ...]] = {}
    vehicles, left = [], []
    for vehicle in problem.vehicles:
        route = routes.get(vehicle.id)
        over = _begun(route, at_s, vehicle.id in lost) if route is not None else ()
        if over:
            done[vehicle.id] = over
        if vehicle.id not in lost:
            vehicles.append(_going_on(problem, vehicle, over, at_s) if over else _not_yet(vehicle, at_s))
        if route is not None and (rest := route.visits[len(over) :]):
            left.append(_rest_of(problem, vehicle, over, rest) if over else route)
    served = {visit.of for visits in done.values() for visit in visits if visit.act is Act.STOP}
    former = {stop: route.vehicle for route in plan.routes for stop in route.stops}
    stops = tuple(replace(stop, former=former.get(stop.id, "")) for stop in problem.stops if stop.id not in served)
    there = [vehicle for vehicle in vehicles if vehicle.shift[0] <= vehicle.shift[1]]
    rest_of_day = replace(problem, stops=stops, vehicles=tuple(there))
    return Underway(rest_of_day, tuple(left), plan.unserved, done)


def _begun(route: Route, at_s: float, gone: bool) -> tuple[Visit, ...]:
    """Visits that are over, under way or driven to; of a vehicle that is gone only those it has ended."""
    if gone:
        return tuple(visit for visit in route.visits if visit.end_s <= at_s)
    if route.visits[0].begin_s > at_s:
        return ()
    over = 1
    while over < len(route.visits) and route.visits[over - 1].end_s <= at_s:
        over += 1
    return route.visits[:over]


def _not_yet(vehicle: Vehicle, at_s: float) -> Vehicle:
    """It may still be sent out, but no more in the past."""
    return replace(vehicle, shift=(max(vehicle.shift[0], at_s), vehicle.shift[1]))


def _until(over: tuple[Visit, ...], at_s: float) -> tuple[Visit, ...]:
    """What a vehicle did up to an instant: one that is back stands there since, and goes out no more in the past."""
    last = over[-1]
    if last.end_s >= at_s:
        return over
    return (*over, Visit(Act.REST, "", last.place, last.end_s, last.end_s, at_s, last.aboard))


def _going_on(problem: RoutingProblem, vehicle: Vehicle, over: tuple[Visit, ...], at_s: float) -> Vehicle:
    """The vehicle from the end of what it is at. What it carries came from its own visits."""
    over = _until(over, min(at_s, vehicle.shift[1]))
    last = over[-1]
    return replace(
        vehicle,
        start=last.place,
        shift=(last.end_s, vehicle.shift[1]),
        aboard=last.aboard,
        fixed=0.0,
        spent=_spent(problem, vehicle, over),
        rests=tuple(replace(rest, earliest_s=max(rest.earliest_s, last.end_s)) for rest in _due(vehicle, over)),
    )


def _due(vehicle: Vehicle, over: tuple[Visit, ...]) -> Iterator[Rest]:
    """Rests still to come. One whose window had begun when the vehicle went out is not due, and a break is no rest
    unless it lies in the window and is long enough.
    """
    pauses = [visit for visit in over if visit.act is Act.REST]
    for rest in vehicle.rests:
        lies = [
            visit
            for visit in pauses
            if rest.earliest_s - TOLERANCE <= visit.begin_s <= rest.latest_s + TOLERANCE
            and visit.end_s - visit.begin_s >= rest.duration_s - TOLERANCE
        ]
        if lies:
            pauses.remove(lies[0])
        elif over[0].begin_s <= rest.earliest_s + TOLERANCE and rest.latest_s >= over[-1].end_s:
            yield rest


def _spent(problem: RoutingProblem, vehicle: Vehicle, over: tuple[Visit, ...]) -> Spent:
    load = {stop.id: stop.load for stop in problem.stops}
    served = [load[visit.of] for visit in over if visit.act is Act.STOP]
    none = (0.0,) * len(problem.dimensions)
    before, worked = vehicle.spent, _worked(problem, vehicle, over)
    loads = tuple(map(sum, zip(before.loads or none, *served, strict=True)))
    return replace(
        worked,
        loads=loads,
        stops=before.stops + len(served),
        trips=before.trips + _trips(over),
        duration_s=before.duration_s + over[-1].end_s - over[0].begin_s,
    )


def _trips(over: tuple[Visit, ...]) -> int:
    """Those that are over: each ended with unloading, at a site, or at the end where a stop came after the last one."""
    acts = [visit.act for visit in over if visit.act in {Act.STOP, Act.UNLOAD, Act.END}]
    home = acts[-2:] == [Act.STOP, Act.END]
    return acts.count(Act.UNLOAD) + home


def _worked(problem: RoutingProblem, vehicle: Vehicle, over: tuple[Visit, ...]) -> Spent:
    """Driving and work as they added up."""
    rules = next((rules for rules in problem.rules if rules.id == vehicle.rules), WorkRules(id=""))
    now, idle_s, waited_s = vehicle.spent, 0.0, 0.0
    for one, other in pairwise(over):
        leg = (vehicle.profile, one.place, other.place)
        drive_s = float(problem.matrices.duration_s[leg])
        now = replace(now, distance_m=now.distance_m + float(problem.matrices.distance_m[leg]))
        if drive_s > 0:
            now, idle_s, waited_s = _paused(now, rules, idle_s, waited_s), 0.0, 0.0
        now = _more(now, drive_s=drive_s, work_s=drive_s)
        wait_s, lasts_s = max(0.0, other.begin_s - one.end_s - drive_s), other.end_s - other.begin_s
        idle_s, waited_s = idle_s + wait_s, waited_s + wait_s
        if other.act is Act.REST:
            idle_s += lasts_s
        elif lasts_s > 0:
            now, idle_s, waited_s = _paused(now, rules, idle_s, waited_s), 0.0, 0.0
            now = _more(now, drive_s=0.0, work_s=lasts_s)
    return _paused(now, rules, idle_s, waited_s)


def _paused(now: Spent, rules: WorkRules, idle_s: float, waited_s: float) -> Spent:
    """After waits and rests that follow each other: a break where they are long enough, else waits are work."""
    if not idle_s:
        return now
    if not 0 < rules.work_break_s <= idle_s + TOLERANCE:
        now = _more(now, drive_s=0.0, work_s=waited_s)
    else:
        now = replace(now, work_since_s=0.0)
    taken = now.split_taken
    if taken < len(rules.split_s) and idle_s >= rules.split_s[taken] - TOLERANCE:
        taken += 1
    if idle_s >= rules.drive_break_s - TOLERANCE or 0 < len(rules.split_s) == taken:
        return replace(now, drive_since_s=0.0, split_taken=0)
    return replace(now, split_taken=taken)


def _more(now: Spent, *, drive_s: float, work_s: float) -> Spent:
    return replace(
        now,
        drive_s=now.drive_s + drive_s,
        drive_since_s=now.drive_since_s + drive_s,
        work_s=now.work_s + work_s,
        work_since_s=now.work_since_s + work_s,
    )


def _rest_of(problem: RoutingProblem, vehicle: Vehicle, over: tuple[Visit, ...], rest: tuple[Visit, ...]) -> Route:
    """The round from where it stands: nothing of what follows changes."""
    last = over[-1]
    start = Visit(Act.START, "", last.place, last.end_s, last.end_s, last.end_s, last.aboard)
    visits = (start, *rest)
    legs = [(vehicle.profile, one.place, other.place) for one, other in pairwise(visits)]
    return Route(
        vehicle.id,
        visits,
        sum(float(problem.matrices.distance_m[leg]) for leg in legs),
        sum(float(problem.matrices.duration_s[leg]) for leg in legs),
    )
