"""A day under way: what is done of the plan in force, where trucks are, and what of their rounds is left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from engine.model import PlanState
from engine.store import Unit
from jobs.collection.body import Body, open_body
from jobs.collection.state import State
from jobs.collection.task import Underway
from optimizers.result import InvalidProblem
from optimizers.routing import Act, Route, Visit
from optimizers.routing.underway import underway

_PLANS = 100  # of which the one of this day is one
_ON_TIME = timedelta(minutes=5)


def underway_of(unit: Unit, start: datetime, at: datetime, state: State) -> Underway | None:
    """Of the day that began then, by its last plan in force with rounds and by the stops that trucks say they are at;
    None without one.

    A truck that says an earlier stop than it should be at, or none yet, is late by so much, all day long; one that says
    nothing is taken to keep to its plan.
    """
    for record in unit.plans.list("collection", _PLANS):
        found = unit.plans.get(record.id) if record.start == start and record.state is PlanState.IN_FORCE else None
        body = open_body(found[1]) if found is not None else None
        if body is not None and not body.head["closed"]:
            return _underway(body, record.id, at, state)
    return None


def _underway(body: Body, of: str, at: datetime, state: State) -> Underway:
    plan = replace(body.plan, routes=tuple(_late(body, route, state) for route in body.routes))
    gone = [vehicle.id for vehicle in body.problem.vehicles if vehicle.id in state.out]
    at_s = (at - body.start).total_seconds()
    try:
        left = underway(body.problem, plan, at_s, gone)
    except InvalidProblem:  # no truck is left
        done = {route.vehicle: tuple(v for v in route.visits if v.end_s <= at_s) for route in plan.routes}
        fills = _fills(body, done)
        return Underway(_joined(body.done, done), body.problem.places, (), (), (), _former(body), fills, of)
    done = _joined(body.done, left.done)
    return Underway(
        done=done,
        places=body.problem.places,
        vehicles=left.problem.vehicles,
        routes=left.routes,
        unserved=left.unserved,
        former=_former(body),
        fills=_fills(body, left.done),
        of=of,
        missed=_missed(body, done, state),
        stops={stop.id: stop for stop in body.problem.stops},
        levels={name: body.column("level", name) for name in body.containers},
    )


def _missed(body: Body, done: Mapping[str, tuple[Visit, ...]], state: State) -> frozenset[str]:
    """Containers that a crew came to on this day, and said after that it could not empty."""
    came = {v.of: v.begin_s for visits in done.values() for v in visits if v.act is Act.STOP}
    return frozenset(
        name
        for name, told_at in state.missed.items()
        if name in came and (told_at - body.start).total_seconds() >= came[name]
    )


def _former(body: Body) -> dict[str, str]:
    return {stop: route.vehicle for route in body.routes for stop in route.stops}


def _fills(body: Body, done: Mapping[str, tuple[Visit, ...]]) -> dict[str, tuple[float, float]]:
    now = {visit.of for visits in done.values() for visit in visits if visit.act is Act.STOP}
    return {**body.head["done_fills"], **{stop: body.expected(stop) for stop in sorted(now)}}


def _joined(
    before: Mapping[str, tuple[Visit, ...]], now: Mapping[str, tuple[Visit, ...]]
) -> dict[str, tuple[Visit, ...]]:  # fmt: skip
    """The START of what was planned again is where a truck stood: what it had done says so already."""
    joined = dict(before)
    for truck, visits in now.items():
        joined[truck] = (*before[truck], *visits[1:]) if truck in before else visits
    return {truck: visits for truck, visits in joined.items() if visits}


def _late(body: Body, route: Route, state: State) -> Route:
    """The round as its truck drives it."""
    number, told_at = state.stops.get(route.vehicle, (0, body.start))
    if told_at <= body.start:  # none, or of another day's round
        number, told_at = 0, state.heard.get(route.vehicle, body.start)
    late_s = _late_s(body, route.vehicle, number, told_at) if told_at >= body.at else 0.0
    if abs(late_s) < _ON_TIME.total_seconds():
        return route
    visits = tuple(
        replace(v, arrive_s=v.arrive_s + late_s, begin_s=v.begin_s + late_s, end_s=v.end_s + late_s)
        for v in route.visits
    )
    return replace(route, visits=visits)


def _late_s(body: Body, truck: str, number: int, told_at: datetime) -> float:
    """By how much a truck that says a stop number is behind its plan; less than 0 where it is ahead."""
    visits, told_s = body.days.get(truck, ()), (told_at - body.start).total_seconds()
    if not number:
        leaves_s = visits[0].visit.end_s if visits else told_s
        return max(told_s - leaves_s, 0.0)
    place = next((k for k, one in enumerate(visits) if one.number == number), None)
    if place is None:
        return 0.0
    leaves_s, ends_s = visits[place - 1].visit.end_s, visits[place].visit.end_s
    return told_s - ends_s if told_s > ends_s else min(told_s - leaves_s, 0.0)
