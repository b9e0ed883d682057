"""VROOM's JSON: solutions out, and back in for `check`.

Two things are ours: a step `unload` at a site, and the `reason` of a job left out. `cost` is what the problem's
objective comes to, its prizes left out; `service` includes setups; of priorities nothing is told. What is whole is
written as a whole number, as VROOM does. A break that VROOM itself puts into the middle of a drive is nothing that our
plans can hold: check names it.
"""

from itertools import pairwise
from typing import Any

import orjson
from pydantic import ConfigDict, Field

from optimizers.documents import Document
from optimizers.documents import read as read_document
from optimizers.result import InvalidProblem
from optimizers.routing.charges import objective_of
from optimizers.routing.formats.laid import plan_of
from optimizers.routing.formats.vroom import DELIVERY
from optimizers.routing.problem import Act, Coordinates, Route, RoutingPlan, RoutingProblem, Stop, Visit

_TYPES = {Act.START: "start", Act.STOP: "job", Act.REST: "break", Act.UNLOAD: "unload", Act.END: "end"}
_ACTS = {name: act for act, name in _TYPES.items()}


def write(problem: RoutingProblem, plan: RoutingPlan) -> str:
    """VROOM's solution of a plan."""
    routes = [_route(problem, route) for route in plan.routes]
    stops = {stop.id: stop for stop in problem.stops}
    summary = _summed(routes) | {
        "routes": len(routes),
        "unassigned": len(plan.unserved),
        "computing_times": {"loading": 0, "solving": round(1e3 * plan.seconds), "routing": 0},
    }
    left = [
        {
            "id": _number(one.stop),
            "type": "job",
            "reason": one.why,
            "detail": one.detail,
            **_at(problem, stops[one.stop]),
        }
        for one in plan.unserved
    ]
    return orjson.dumps(
        {"code": 0, "summary": summary, "unassigned": left, "routes": routes}, option=orjson.OPT_INDENT_2
    ).decode()


def _route(problem: RoutingProblem, route: Route) -> dict[str, Any]:
    vehicle = next(one for one in problem.vehicles if one.id == route.vehicle)
    stops = {stop.id: stop for stop in problem.stops}
    steps, driven_s, driven_m = [], 0.0, 0.0
    metres, seconds = problem.matrices.distance_m[vehicle.profile], problem.matrices.duration_s[vehicle.profile]
    for before, visit in pairwise((route.visits[0], *route.visits)):
        driven_s += seconds.item(before.place, visit.place)
        driven_m += metres.item(before.place, visit.place)
        steps.append(_step(problem, visit, driven_s, driven_m))
    carried = [_plain(sum(amounts)) for amounts in zip(*(stops[one].load for one in route.stops), strict=True)]
    none = [0] * len(carried)
    if brings := _delivers(problem):
        for step in steps:
            step["load"] = [_plain(all_ - given) for all_, given in zip(carried, step["load"], strict=True)]
    cost = objective_of(problem, [route]) - objective_of(problem, []) + _prizes(problem, route)
    return {
        "vehicle": _number(route.vehicle),
        "cost": _plain(cost),
        "setup": 0,
        "service": _plain(sum(visit.end_s - visit.begin_s for visit in route.visits)),
        "duration": _plain(driven_s),
        "waiting_time": _plain(sum(visit.begin_s - visit.arrive_s for visit in route.visits)),
        "distance": _plain(driven_m),
        "delivery": carried if brings else none,
        "pickup": none if brings else carried,
        "steps": steps,
        "violations": [],
    }


def _delivers(problem: RoutingProblem) -> bool:
    """Whether what is aboard grows less from stop to stop: ours counts what was taken on, to the capacity the same."""
    return any(name.startswith(DELIVERY) for name in problem.dimensions)


def _prizes(problem: RoutingProblem, route: Route) -> float:
    """Those that a route saves."""
    served = {*route.stops}
    return sum(stop.prize for stop in problem.stops if not stop.required and stop.id in served)


def _step(problem: RoutingProblem, visit: Visit, driven_s: float, driven_m: float) -> dict[str, Any]:
    step: dict[str, Any] = {"type": _TYPES[visit.act]}
    if visit.of:
        step |= {"id": _number(visit.of), "job": _number(visit.of)} if visit.act is Act.STOP else {"id": visit.of}
    return step | {
        **_located(problem, visit.place),
        "setup": 0,
        "service": _plain(visit.end_s - visit.begin_s),
        "waiting_time": _plain(visit.begin_s - visit.arrive_s),
        "load": [_plain(amount) for amount in visit.aboard],
        "arrival": _plain(visit.arrive_s),
        "duration": _plain(driven_s),
        "distance": _plain(driven_m),
        "violations": [],
    }


def _at(problem: RoutingProblem, stop: Stop) -> dict[str, Any]:
    return _located(problem, stop.place)


def _located(problem: RoutingProblem, place: int) -> dict[str, Any]:
    told: dict[str, Any] = {"location_index": place}
    if problem.coordinates is Coordinates.WGS84:
        told["location"] = [problem.places[place].x, problem.places[place].y]
    return told


def _summed(routes: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("cost", "setup", "service", "duration", "waiting_time", "distance")
    loads = {
        name: [sum(amounts) for amounts in zip(*(route[name] for route in routes), strict=True)]
        for name in ("delivery", "pickup")
    }
    return {name: _plain(sum(route[name] for route in routes)) for name in names} | loads | {"violations": []}


def _plain(value: float) -> float | int:
    """Whole where it is whole."""
    near = round(value)
    return near if abs(value - near) < 1e-6 else value


def _number(name: str) -> int | str:
    """VROOM's ids are numbers; one that is none stands as it is."""
    return int(name) if name.isdecimal() else name


class _Lenient(Document):
    """Other solvers say more than is read here."""

    model_config = ConfigDict(extra="ignore")


class _Step(_Lenient):
    type: str
    id: int | str | None = None
    job: int | str | None = None
    location_index: int | None = None
    arrival: float
    setup: float = 0.0
    service: float = 0.0
    waiting_time: float = 0.0
    load: list[float] = Field([])


class _Route(_Lenient):
    vehicle: int | str
    steps: list[_Step]


class _Solution(_Lenient):
    routes: list[_Route]


def looks_like(text: str) -> bool:
    """Whether a text is one: its routes have steps, or it says that there is none."""
    try:
        data = orjson.loads(text)
    except ValueError:
        return False
    return isinstance(data, dict) and "routes" in data and "summary" in data


def read(problem: RoutingProblem, text: str | bytes) -> RoutingPlan:
    """The plan of a solution, with what it costs as its objective. Raises InvalidProblem."""
    document = read_document(_Solution, text)
    vehicles = {vehicle.id for vehicle in problem.vehicles}
    stops = {stop.id: stop.place for stop in problem.stops}
    wrong = []
    for r, route in enumerate(document.routes):
        if f"{route.vehicle}" not in vehicles:
            wrong.append(f"routes.{r}: no vehicle {route.vehicle!r}")
        if not route.steps:
            wrong.append(f"routes.{r}: has no steps")
        for s, step in enumerate(route.steps):
            if step.type not in _ACTS:
                wrong.append(f"routes.{r}.steps.{s}: type is {step.type!r}, wants one of: {', '.join(_ACTS)}")
            elif step.type == "job" and _name(step) not in stops:
                wrong.append(f"routes.{r}.steps.{s}: no job {_name(step)!r}")
    if wrong:
        raise InvalidProblem(wrong)
    return plan_of(problem, [_read(problem, route, stops) for route in document.routes], None, "VROOM's form")


def _name(step: _Step) -> str:
    return f"{step.id if step.id is not None else step.job}"


def _read(problem: RoutingProblem, route: _Route, stops: dict[str, int]) -> Route:
    vehicle = next(one for one in problem.vehicles if one.id == f"{route.vehicle}")
    sites = {site.id: site.place for site in problem.sites}
    place, visits, brings = vehicle.start, [], _delivers(problem)
    for step in route.steps:
        act = _ACTS[step.type]
        of = _name(step) if act in (Act.STOP, Act.UNLOAD) else ""
        if act is Act.END:
            place = place if vehicle.end is None else vehicle.end
        elif act is not Act.REST:
            place = stops.get(of, sites.get(of, place))
        load = tuple(step.load)
        if brings:
            load = tuple(first - left for first, left in zip(route.steps[0].load, step.load, strict=False))
        begin_s = step.arrival + step.waiting_time
        visits.append(Visit(act, of, place, step.arrival, begin_s, begin_s + step.setup + step.service, load))
    metres, seconds = problem.matrices.distance_m[vehicle.profile], problem.matrices.duration_s[vehicle.profile]
    pairs = [(a.place, b.place) for a, b in pairwise(visits)]
    return Route(
        vehicle.id, tuple(visits), sum(metres.item(*pair) for pair in pairs), sum(seconds.item(*pair) for pair in pairs)
    )
