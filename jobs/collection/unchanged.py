"""Whether a day under way needs to be planned again at all: what of it is other than its plan in force knew."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from engine.store import Unit
from jobs.collection.body import Body, open_body
from jobs.collection.task import CollectionTask, Underway
from optimizers.routing import Act, Matrices, Route, RoutingProblem, Stop


def unchanged(unit: Unit, task: CollectionTask) -> str:
    """Why the plan in force need not be made again: no round is under way, or nothing that it was made of is other than
    it was. Empty where it is to be.

    The same are: who drives, what is wanted of whom and by when, where trucks are, sites, and the ways that are left to
    drive; and no other way has become shorter.
    """
    underway = task.underway
    if underway is None:
        return "no rounds are planned of this day"
    found = unit.plans.get(underway.of)
    if found is None:
        return ""
    body = open_body(found[1])
    if not _left_to_do(body, underway, task) and not _trucks(body, underway, task.problem):
        return f"no round of {underway.of} is left to drive"
    if any(_news(body, underway, task.problem)):
        return ""
    return f"nothing is other than {underway.of} knew"


def _left_to_do(body: Body, underway: Underway, task: CollectionTask) -> bool:
    """Whether a truck is still out or to go out, by its plan and by what it tells."""
    ends = (visits[-1].visit.end_s for visits in body.days.values())
    return bool(underway.routes) or max(ends, default=0.0) > (task.fills.at - body.start).total_seconds()


def _news(body: Body, underway: Underway, now: RoutingProblem) -> Iterator[bool]:
    yield _trucks(body, underway, now)
    yield now.sites != body.problem.sites
    yield _stops(body, underway, now)
    yield _late(body, underway)
    yield _ways(body, underway, now)


def _trucks(body: Body, underway: Underway, now: RoutingProblem) -> bool:
    """One that has a round does not drive, or one that did not drives. What another takes today decides its round."""
    there = {vehicle.id: vehicle.skills for vehicle in now.vehicles}
    known = {vehicle.id for vehicle in body.problem.vehicles}
    gone = [route.vehicle for route in _planned(body) if route.vehicle not in there and _unfinished(route, underway)]
    return bool(gone) or not there.keys() <= known


def _planned(body: Body) -> list[Route]:
    return [route for route in body.routes if route.stops]


def _unfinished(route: Route, underway: Underway) -> bool:
    over = {visit.of for visit in underway.done.get(route.vehicle, ()) if visit.act is Act.STOP}
    return not set(route.stops) <= over


def _stops(body: Body, underway: Underway, now: RoutingProblem) -> bool:
    """What is wanted: where, how much, how much it is worth, and when one may stop there."""
    came = _came(body, underway)
    if came & underway.missed:
        return True
    before = {stop.id: stop for stop in body.problem.stops if stop.id not in came}
    wanted = {stop.id: stop for stop in now.stops}
    if before.keys() != wanted.keys():
        return True
    return any(not _same(before[name], stop, again=name in underway.missed) for name, stop in wanted.items())


def _came(body: Body, underway: Underway) -> set[str]:
    """Where trucks have been, or are about to be, since the plan was made."""
    return {
        visit.of
        for truck, visits in underway.done.items()
        for visit in visits[len(body.done.get(truck, ())) :]
        if visit.act is Act.STOP
    }


def _same(before: Stop, stop: Stop, *, again: bool) -> bool:
    """`again`: a crew could not empty it, which the plan knew: how full it is from hour to hour is no news."""
    now = replace(stop, former=before.former)
    if again:
        now = replace(now, load=before.load, prize=before.prize)
    return now == before


def _late(body: Body, underway: Underway) -> bool:
    """A truck is not where and when its plan has it."""
    planned = {(route.vehicle, visit) for route in body.routes for visit in route.visits}
    return any((route.vehicle, visit) not in planned for route in underway.routes for visit in route.visits[1:])


def _ways(body: Body, underway: Underway, now: RoutingProblem) -> bool:
    """A way that is to be driven takes another time or distance, or a way between two places has become shorter."""
    before, after = body.problem.matrices, now.matrices
    for route in underway.routes:
        legs = pairwise(visit.place for visit in route.visits)
        profile = body.head["profile"][route.vehicle]
        if any(_leg(before, profile, *leg) != _leg(after, profile, *leg) for leg in legs):
            return True
    n = len(body.problem.places)
    return bool(np.any(after.duration_s[:, :n, :n] < before.duration_s) or _nearer(before, after, n))


def _nearer(before: Matrices, after: Matrices, n: int) -> bool:
    return bool(np.any(after.distance_m[:, :n, :n] < before.distance_m))


def _leg(matrices: Matrices, profile: int, a: int, b: int) -> tuple[float, float]:
    return float(matrices.distance_m[profile, a, b]), float(matrices.duration_s[profile, a, b])
