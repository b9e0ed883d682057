"""A day's plan written by hand, and the same plan with one word broken, for each word that a plan can break.

Metres on a grid of streets at 10 m/s; seconds since midnight, so that 21600 is six o'clock.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf, nan
from typing import Any

import numpy as np

from optimizers.result import Status, Violation
from optimizers.routing import (
    Act,
    Coordinates,
    Matrices,
    Place,
    Rest,
    Route,
    RoutingPlan,
    RoutingProblem,
    Site,
    Spent,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Weights,
    Why,
    WorkRules,
)

_XY = {
    "depot": (0, 0), "tip": (6000, 0), "A": (3000, 0), "B": (4000, 1000), "C": (3000, 3000), "E": (1000, 2000),
    "F": (0, 4000), "G": (9000, 0), "H": (-2000, 4000), "K": (5000, 1500), "L": (5000, 1000), "road": (5000, 0),
}  # fmt: skip
PLACES = tuple(Place(name, float(x), float(y)) for name, (x, y) in _XY.items())
AT = {name: i for i, name in enumerate(_XY)}


def _metres() -> np.ndarray:
    at = np.array(list(_XY.values()), np.float64)
    distance = np.abs(at[:, None] - at[None]).sum(axis=-1)
    distance[AT["G"]] = distance[:, AT["G"]] = inf  # an island
    distance[AT["G"], AT["G"]] = 0.0
    return distance


_LUNCH = Rest(earliest_s=27000, latest_s=29000, duration_s=1800)
_HOURS = (21600.0, 36000.0)

STOPS = (
    Stop(id="A", place=AT["A"], load=(400, 4), service_s=120, skills=("residual",), zone="west", former="T2"),
    Stop(
        id="B", place=AT["B"], load=(500, 5), service_s=180, skills=("residual", "crane"), zone="east",
        windows=((25200, 27000), (32400, 36000)),
    ),
    Stop(id="C", place=AT["C"], load=(300, 3), service_s=120, zone="east", together="court"),
    Stop(id="E", place=AT["E"], load=(200, 2), service_s=120, together="court"),
    Stop(id="F", place=AT["F"], load=(300, 3), service_s=300, skills=("narrow",), windows=((21600, 23000),)),
    Stop(id="G", place=AT["G"], load=(10, 1), required=False, prize=15),
    Stop(id="H", place=AT["H"], load=(100, 1), service_s=120, required=False, prize=20, never=("T1",)),
    Stop(id="K", place=AT["K"], load=(150, 1), service_s=60, required=False, prize=3),
    Stop(id="L", place=AT["L"], load=(200, 2), service_s=60, only=("T3",)),
)  # fmt: skip

_LORRY = Vehicle(
    id="T1", start=AT["depot"], end=AT["depot"], shift=_HOURS, capacity=(1000, 16), empties=True,
    skills=("residual", "crane"), zones=("west", "east"), fixed=50, per_m=0.002, per_s=0.01, rests=(_LUNCH,),
    rules="short",
)  # fmt: skip
_NARROW = Vehicle(
    id="T2", start=AT["depot"], end=None, shift=_HOURS, skills=("narrow", "residual"), fixed=20, per_m=0.001
)
_OUT = replace(
    _LORRY, id="T3", start=AT["road"], shift=(25000, 36000), aboard=(300, 3), daily=(1000, 16), most_stops=4,
    most_trips=2, most_m=20000, longest_s=5000, overtime_s=600, overtime_per_s=0.01, rests=(), sites=("tip",),
    spent=Spent(
        loads=(700, 7), stops=2, trips=1, distance_m=9000, duration_s=3400, drive_s=1500, work_s=3000,
        drive_since_s=500, work_since_s=1000,
    ),
)  # fmt: skip

PROBLEM = RoutingProblem(
    places=PLACES,
    matrices=Matrices(distance_m=_metres(), duration_s=_metres() / 10),
    stops=STOPS,
    vehicles=(_LORRY, _NARROW, _OUT, replace(_LORRY, id="T4")),
    sites=(
        Site(
            id="tip", place=AT["tip"], unload_s=300, windows=((21600, 32000),), queue=(((25000, 30000), 600),),
            accepts=("residual",),
        ),
    ),
    dimensions=("mass_kg", "volume_m3"),
    rules=(
        WorkRules(
            id="short", longest_drive_s=2400, drive_break_s=1800, split_s=(600, 1200), most_drive_s=3600,
            longest_work_s=6000, work_break_s=1800, most_work_s=7200,
        ),
    ),
    weights=Weights(moved=5, border=2, balance_per_s=0.001),
    coordinates=Coordinates.PLANE_M,
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A thing to do, by the id of its stop or site, '' for a rest; what is told otherwise than it would be."""

    of: str
    begin_s: float | None = None
    lasts_s: float | None = None
    arrive_s: float | None = None
    place: int | None = None


def walk(vehicle: Vehicle, leaves_s: float, *steps: Step | str) -> Route:
    """The route of a vehicle by some steps, each as early as can be."""
    visits = [Visit(Act.START, "", vehicle.start, leaves_s, leaves_s, leaves_s, vehicle.aboard or (0.0, 0.0))]
    metres = 0.0
    for step in (Step(one) if isinstance(one, str) else one for one in steps):
        visits.append(_done(step, visits[-1]))
        metres += _between(visits[-2].place, visits[-1].place)
    end = visits[-1].place if vehicle.end is None else vehicle.end
    metres += _between(visits[-1].place, end)
    back_s = visits[-1].end_s + _between(visits[-1].place, end) / 10
    visits.append(Visit(Act.END, "", end, back_s, back_s, back_s, visits[-1].aboard))
    return Route(vehicle.id, tuple(visits), metres, metres / 10)


def _between(a: int, b: int) -> float:
    return float(PROBLEM.matrices.distance_m[0, a, b])


def _done(step: Step, before: Visit) -> Visit:
    stop = next((stop for stop in STOPS if stop.id == step.of), None)
    act = Act.STOP if stop else Act.UNLOAD if step.of == "tip" else Act.REST
    at = before.place if act is Act.REST else AT[step.of]
    place = at if step.place is None else step.place
    arrive = before.end_s + _between(before.place, place) / 10 if step.arrive_s is None else step.arrive_s
    lasts = {Act.STOP: stop.service_s if stop else 0.0, Act.UNLOAD: 300.0, Act.REST: 1800.0}[act]
    waits = 600.0 if act is Act.UNLOAD and 25000 <= arrive <= 30000 else 0.0
    opens = min((start for start, end in stop.windows if end >= arrive), default=0.0) if stop else 0.0
    begin = max(arrive + waits, opens) if step.begin_s is None else step.begin_s
    aboard = (0.0, 0.0) if act is Act.UNLOAD else before.aboard
    if stop:
        aboard = (aboard[0] + stop.load[0], aboard[1] + stop.load[1])
    return Visit(act, step.of, place, arrive, begin, begin + (lasts if step.lasts_s is None else step.lasts_s), aboard)


def honest(plan: RoutingPlan, problem: RoutingProblem = PROBLEM) -> RoutingPlan:
    """The plan with the objective that its rounds have, number by number as its definition reads."""
    stops = {stop.id: stop for stop in problem.stops}
    vehicles = {vehicle.id: vehicle for vehicle in problem.vehicles}
    total = sum(stops[left.stop].prize for left in plan.unserved if not stops[left.stop].required)
    mean = sum(route.duration_s for route in plan.routes) / max(len(plan.routes), 1)
    for route in plan.routes:
        vehicle, lasts = vehicles[route.vehicle], route.duration_s
        total += vehicle.fixed * (vehicle.id != "T3") + vehicle.per_m * route.distance_m + vehicle.per_s * lasts
        total += vehicle.overtime_per_s * max(0.0, vehicle.spent.duration_s + lasts - vehicle.longest_s)
        total += problem.weights.balance_per_s * max(0.0, lasts - mean)
        total += problem.weights.moved * sum(stops[name].former not in ("", vehicle.id) for name in route.stops)
        acts = [visit.of for visit in route.visits if visit.act is not Act.REST]
        zones = [stops[name].zone if name in stops else "" for name in acts]
        total += problem.weights.border * sum(a != "" and b not in ("", a) for a, b in pairwise(zones))
    return replace(plan, objective=total)


FIRST = walk(_LORRY, 24000, "A", "B", "tip", "C", "E", "", "tip")
SECOND = walk(_NARROW, 21600, "F", "H")
THIRD = walk(_OUT, 25000, "L", "tip")
_LEFT = (Unserved("G", Why.UNREACHABLE), Unserved("K", Why.PRIZE, cheapest=12.0))


def _plan(*routes: Route, unserved: tuple[Unserved, ...] = _LEFT, **told: Any) -> RoutingPlan:
    head: dict[str, Any] = {
        "status": Status.FEASIBLE, "objective": 0.0, "bound": 0.0, "seconds": 0.0, "seed": 0, "solver": "by hand",
        "version": "1", **told,
    }  # fmt: skip
    return honest(RoutingPlan(**head, routes=routes, unserved=unserved))


PLAN = _plan(FIRST, SECOND, THIRD)


@dataclass(frozen=True)
class Planted:
    """What is broken, in which constraint, whose, and by how much at the worst; what cannot but be broken with it."""

    what: str
    constraint: str
    object: str
    amount: float
    plan: RoutingPlan
    problem: RoutingProblem = PROBLEM
    beside: tuple[tuple[str, str], ...] = field(default=())


def _first(*steps: Step | str, leaves_s: float = 24000) -> RoutingPlan:
    return _plan(walk(_LORRY, leaves_s, *steps), SECOND, THIRD)


def _second(*steps: Step | str, leaves_s: float = 21600, unserved: tuple[Unserved, ...] = _LEFT) -> RoutingPlan:
    return _plan(FIRST, walk(_NARROW, leaves_s, *steps), THIRD, unserved=unserved)


def _third(*steps: Step | str, leaves_s: float = 25000, unserved: tuple[Unserved, ...] = _LEFT) -> RoutingPlan:
    return _plan(FIRST, SECOND, walk(_OUT, leaves_s, *steps), unserved=unserved)


def _because(why: Why, stop: str = "K", cheapest: float | None = None) -> RoutingPlan:
    others = tuple(left for left in _LEFT if left.stop != stop)
    return replace(PLAN, unserved=(*others, Unserved(stop, why, cheapest=cheapest)))


def _vehicle(name: str, **changed: Any) -> RoutingProblem:
    """The problem with a vehicle that may less: the plan does not keep to it."""
    found = (replace(one, **changed) if one.id == name else one for one in PROBLEM.vehicles)
    return replace(PROBLEM, vehicles=tuple(found))


def _stop(name: str, **changed: Any) -> RoutingProblem:
    found = (replace(one, **changed) if one.id == name else one for one in PROBLEM.stops)
    return replace(PROBLEM, stops=tuple(found))


def _rules(**changed: Any) -> RoutingProblem:
    return replace(PROBLEM, rules=(replace(PROBLEM.rules[0], **changed),))


def _told(route: Route, i: int, **told: Any) -> RoutingPlan:
    """The plan with one visit of a route told otherwise."""
    visits = list(route.visits)
    visits[i] = replace(visits[i], **told)
    return _with(replace(route, visits=tuple(visits)))


def _with(*told: Route) -> RoutingPlan:
    """The plan with some routes in place of those of the same vehicles; its objective as it was."""
    by = {route.vehicle: route for route in told}
    return replace(PLAN, routes=tuple(by.get(route.vehicle, route) for route in PLAN.routes))


_G_WANTED = _stop("G", required=True)
_G_LEFT = honest(replace(PLAN, status=Status.BEST_EFFORT, violations=(Violation("required", "G", 1, "1"),)), _G_WANTED)
_A_LEFT = _plan(
    walk(_LORRY, 24000, "B", "tip", "C", "E", "", "tip"), SECOND, THIRD,
    unserved=(*_LEFT, Unserved("A", Why.FULL)), status=Status.BEST_EFFORT,
    violations=(Violation("required", "A", 1, "1"),),
)  # fmt: skip
_AFLOAT = walk(_NARROW, 21600, "F", "H", Step("G", arrive_s=23000, begin_s=23000))
_OVER_WATER = replace(_with(replace(_AFLOAT, distance_m=6000.0, drive_s=600.0)), unserved=_LEFT[1:])

PLANTED: tuple[Planted, ...] = (
    Planted("an objective that is no number", "finite", "plan", 1, replace(PLAN, objective=nan)),
    Planted("a bound that is none", "finite", "plan", 1, replace(PLAN, bound=-inf)),
    Planted("metres without end", "finite", "T1", 1, _with(replace(FIRST, distance_m=inf))),
    Planted("a service without end", "finite", "F", 1, _told(SECOND, 1, end_s=inf)),
    Planted("a vehicle that is not there", "stranger", "T9", 1, replace(PLAN, routes=(replace(FIRST, vehicle="T9"),))),
    Planted("a stop that is not there", "stranger", "Z", 1, _told(SECOND, 1, of="Z")),
    Planted("a site that is not there", "stranger", "Z", 1, _told(THIRD, 2, of="Z")),
    Planted("a place that is not there", "stranger", "F", 1, _told(SECOND, 1, place=99)),
    Planted(
        "left out, and never asked for", "stranger", "Z", 1, replace(PLAN, unserved=(*_LEFT, Unserved("Z", Why.FULL)))
    ),
    Planted(
        "a route without an end", "form", "T2", 1, replace(PLAN, routes=(replace(SECOND, visits=SECOND.visits[:-1]),))
    ),
    Planted("a vehicle on two routes", "form", "T1", 1, replace(PLAN, routes=(FIRST, FIRST, SECOND, THIRD))),
    Planted("a load without its volume", "form", "F", 1, _told(SECOND, 1, aboard=(300.0,))),
    Planted("served where it is not", "place", "H", 1, _second("F", Step("H", place=AT["C"]))),
    Planted(
        "a rest somewhere else", "place", "T1", 1, _first("A", "B", "tip", "C", "E", Step("", place=AT["C"]), "tip")
    ),
    Planted(
        "a drive a minute too short",
        "drive",
        "B",
        60,
        _first("A", Step("B", arrive_s=24560), "tip", "C", "E", "", "tip"),
    ),
    Planted("over water", "no way", "G", 1, _OVER_WATER),
    Planted("begun before it is there", "arrival", "F", 10, _second(Step("F", begin_s=21990), "H")),
    Planted("a service a minute too short", "service", "F", 60, _second(Step("F", lasts_s=240), "H")),
    Planted("a site left too soon", "service", "T3", 100, _third("L", Step("tip", lasts_s=200))),
    Planted("after its window", "window", "F", 1400, _second("F", "H", leaves_s=24000)),
    Planted("between its windows", "window", "B", 200, PLAN, _stop("B", windows=((21600, 25000), (25500, 26000)))),
    Planted(
        "when the site is closed",
        "site hours",
        "T1",
        700,
        _first("A", "B", "tip", "C", "E", Step("", lasts_s=4280), "tip"),
    ),
    Planted("past the queue", "queue", "T3", 600, _third("L", Step("tip", begin_s=25360))),
    Planted("out before its shift", "shift", "T2", 600, _second("F", "H", leaves_s=21000)),
    Planted("back after its shift", "shift", "T2", 20, PLAN, _vehicle("T2", shift=(21600, 22600))),
    Planted("out already, and leaves later", "shift", "T3", 100, _third("L", "tip", leaves_s=25100)),
    Planted("longer than overtime allows", "longest", "T3", 160, _third("L", Step("tip", begin_s=26460))),
    Planted("a load that is not there", "aboard", "F", 50, _told(SECOND, 1, aboard=(250.0, 3.0))),
    Planted("two trips in one", "capacity", "T1", 400, _first("A", "B", "C", "E", Step("", begin_s=27000), "tip")),
    Planted("more in a day than it may", "daily", "T3", 50, _third("L", "K", "tip", unserved=_LEFT[:1])),
    Planted("a stop too many", "most stops", "T2", 1, PLAN, _vehicle("T2", most_stops=1)),
    Planted("a trip too many", "most trips", "T1", 1, PLAN, _vehicle("T1", most_trips=1)),
    Planted("further than its battery", "range", "T3", 1000, PLAN, _vehicle("T3", most_m=17000)),
    Planted("home with its load", "empties", "T1", 500, _first("A", "B", "tip", "C", "E", "")),
    Planted("lunch cut short", "rest", "T1", 600, _first("A", "B", "tip", "C", "E", Step("", lasts_s=1200), "tip")),
    Planted("lunch before noon", "rest", "T1", 1800, _first("A", "B", "tip", "", "C", "E", "tip")),
    Planted("two rests in one pause", "rest", "T1", 1800, PLAN, _vehicle("T1", rests=(_LUNCH, _LUNCH))),
    Planted("driving too long", "longest drive", "T1", 100, PLAN, _rules(longest_drive_s=1600)),
    Planted(
        "breaks in the wrong order", "longest drive", "T1", 600, PLAN, _rules(drive_break_s=2400, split_s=(900, 1200))
    ),
    Planted("driving too long in a day", "most drive", "T1", 100, PLAN, _rules(most_drive_s=2900)),
    Planted("working too long", "longest work", "T1", 120, PLAN, _rules(longest_work_s=3600)),
    Planted("working too long in a day", "most work", "T1", 320, PLAN, _rules(most_work_s=5000)),
    Planted("without what it takes", "skills", "A", 1, PLAN, _stop("A", skills=("quiet",))),
    Planted("in another zone", "zone", "A", 1, PLAN, _stop("A", zone="north")),
    Planted("by another than the only one", "only", "A", 1, PLAN, _stop("A", only=("T2", "T4"))),
    Planted("by one that must not", "never", "A", 1, PLAN, _stop("A", never=("T1",))),
    Planted("unloaded where it may not", "site", "T3", 1, PLAN, _vehicle("T3", sites=())),
    Planted("unloaded what is not accepted", "site", "T3", 1, PLAN, _vehicle("T3", skills=("crane",))),
    Planted("metres told too low", "distance", "T1", 100, _with(replace(FIRST, distance_m=FIRST.distance_m - 100))),
    Planted("driving told too low", "drive sum", "T1", 10, _with(replace(FIRST, drive_s=FIRST.drive_s - 10))),
    Planted("served twice", "once", "A", 1, _second("F", "H", "A")),
    Planted("served and left out", "once", "H", 1, honest(replace(PLAN, unserved=(*_LEFT, Unserved("H", Why.PRIZE))))),
    Planted("left out twice", "once", "G", 1, replace(PLAN, unserved=(*_LEFT, _LEFT[0]))),
    Planted("nobody's", "forgotten", "K", 1, _plan(FIRST, SECOND, THIRD, unserved=_LEFT[:1])),
    Planted("required and left out", "required", "G", 1, _G_LEFT, _G_WANTED),
    Planted(
        "feasible said of a best effort",
        "status",
        "plan",
        1,
        replace(_G_LEFT, status=Status.FEASIBLE),
        _G_WANTED,
        (("required", "G"),),
    ),
    Planted("left out and not told", "told", "G", 1, replace(_G_LEFT, violations=()), _G_WANTED, (("required", "G"),)),
    Planted("routes in another order", "order", "T2", 1, replace(PLAN, routes=(FIRST, THIRD, SECOND))),
    Planted(
        "one of two that belong together",
        "together",
        "court",
        1,
        _plan(walk(_LORRY, 24000, "A", "B", "tip", "C", "", "tip"), walk(_NARROW, 21600, "F", "H", "E"), THIRD),
    ),
    Planted("unreachable, and it is not", "reason", "K", 1, _because(Why.UNREACHABLE)),
    Planted("nobody has the skill, and many have", "reason", "K", 1, _because(Why.SKILL)),
    Planted("too much for all, and it is not", "reason", "K", 1, _because(Why.CAPACITY)),
    Planted("never in time, and it would be", "reason", "K", 1, _because(Why.WINDOW)),
    Planted("left with another that there is not", "reason", "K", 1, _because(Why.TOGETHER)),
    Planted("too dear, and below its prize", "reason", "K", 1, _because(Why.PRIZE, cheapest=2.5)),
    Planted("too dear, and nobody gets there", "reason", "G", 1, _because(Why.PRIZE, "G")),
    Planted("no room beside a lorry at home", "reason", "A", 1, _A_LEFT, PROBLEM, (("required", "A"),)),
    Planted("costs told in dollars", "unit", "plan", 1, replace(PLAN, unit="USD")),
    Planted("costs told too low", "objective", "plan", 0.25, replace(PLAN, objective=PLAN.objective - 0.25)),
    Planted("a bound above the objective", "bound", "plan", 2, replace(PLAN, bound=PLAN.objective + 2)),
    Planted("optimal said with a gap", "bound", "plan", PLAN.objective, replace(PLAN, status=Status.OPTIMAL)),
    Planted(
        "reckoned without a map, and not said",
        "approximate",
        "plan",
        1,
        PLAN,
        replace(PROBLEM, matrices=replace(PROBLEM.matrices, approximate=True)),
    ),
)
