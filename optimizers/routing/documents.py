"""Problem and plan as JSON, with a published schema: ids as the user wrote them, units in the field names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.documents import head_of, read, told_by
from optimizers.result import InvalidProblem
from optimizers.routing.forms import (
    PlaceDocument,
    PlanDocument,
    ProblemDocument,
    ProfileDocument,
    QueueDocument,
    RestDocument,
    RouteDocument,
    Rows,
    RulesDocument,
    SiteDocument,
    SpentDocument,
    StopDocument,
    UnservedDocument,
    VehicleDocument,
    VisitDocument,
    WeightsDocument,
)
from optimizers.routing.problem import (
    Coordinates,
    Loads,
    Place,
    Route,
    RoutingPlan,
    RoutingProblem,
    Site,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Window,
    WorkRules,
)
from optimizers.routing.reading import Pair, problem_of


def problem_schema() -> dict[str, Any]:
    """JSON Schema of a problem."""
    return ProblemDocument.model_json_schema()


def plan_schema() -> dict[str, Any]:
    """JSON Schema of a plan."""
    return PlanDocument.model_json_schema()


def problem_from_json(text: str | bytes) -> RoutingProblem:
    """Raises InvalidProblem with everything that is wrong with the text."""
    return problem_of(read(ProblemDocument, text))


def problem_to_json(problem: RoutingProblem) -> str:
    """With its matrices as they are, and what is as by default left out."""
    document = ProblemDocument(
        unit=problem.unit,
        dimensions=list(problem.dimensions),
        places=[_place(place, problem.coordinates) for place in problem.places],
        profiles=list(_profiles(problem)),
        approximate=problem.matrices.approximate,
        stops=[_stop(stop, problem) for stop in problem.stops],
        vehicles=[_vehicle(vehicle, problem) for vehicle in problem.vehicles],
        sites=[_site(site, problem) for site in problem.sites],
        rules=list(map(_rules, problem.rules)),
        weights=WeightsDocument(**asdict(problem.weights)),
    )
    return document.model_dump_json(exclude_defaults=True)


def plan_to_json(plan: RoutingPlan) -> str:
    return PlanDocument(
        **head_of(plan),
        unit=plan.unit,
        reproducible=plan.reproducible,
        approximate=plan.approximate,
        routes=[
            RouteDocument(
                vehicle=route.vehicle,
                distance_m=route.distance_m,
                drive_s=route.drive_s,
                visits=[VisitDocument(**asdict(visit) | {"aboard": list(visit.aboard)}) for visit in route.visits],
            )
            for route in plan.routes
        ],
        unserved=[UnservedDocument(**asdict(one)) for one in plan.unserved],
    ).model_dump_json()


def plan_from_json(text: str | bytes) -> RoutingPlan:
    """Raises InvalidProblem with everything that is wrong with the text."""
    document = read(PlanDocument, text)
    if problems := list(_wrong_plan(document)):
        raise InvalidProblem(problems)
    return RoutingPlan(
        **told_by(document),
        reproducible=document.reproducible,
        approximate=document.approximate,
        routes=tuple(
            Route(route.vehicle, tuple(_visits(route)), route.distance_m, route.drive_s) for route in document.routes
        ),
        unserved=tuple(Unserved(**one.model_dump()) for one in document.unserved),
    )


def _visits(route: RouteDocument) -> Iterator[Visit]:
    for visit in route.visits:
        yield Visit(**visit.model_dump() | {"aboard": tuple(visit.aboard)})


def _wrong_plan(document: PlanDocument) -> Iterator[str]:
    for r, route in enumerate(document.routes):
        if not route.visits:
            yield f"routes.{r} {route.vehicle!r}: has no visits, wants a start and an end at least"


def _place(place: Place, way: Coordinates) -> PlaceDocument:
    if way is Coordinates.WGS84:
        return PlaceDocument(id=place.id, lon=place.x, lat=place.y)
    if way is Coordinates.PLANE_M:
        return PlaceDocument(id=place.id, x_m=place.x, y_m=place.y)
    return PlaceDocument(id=place.id)


def _profiles(problem: RoutingProblem) -> Iterator[ProfileDocument]:
    matrices = problem.matrices
    for p, name in enumerate(matrices.profiles):
        rows = {key: _rows(getattr(matrices, key)[p]) for key in ("distance_m", "duration_s")}
        yield ProfileDocument(name=name, **rows)


def _rows(values: Floats) -> Rows:
    """JSON knows no infinity: null stands for it."""
    told = values.astype(object)
    told[~np.isfinite(values)] = None
    rows: Rows = told.tolist()
    return rows


def _stop(stop: Stop, problem: RoutingProblem) -> StopDocument:
    names = ("id", "service_s", "required", "prize", "zone", "together", "former")
    return StopDocument(
        place=problem.places[stop.place].id,
        load=_load(stop.load, problem),
        windows=_windows(stop.windows),
        only=_some(stop.only),
        skills=list(stop.skills),
        never=list(stop.never),
        **_plain(stop, names),
    )


def _site(site: Site, problem: RoutingProblem) -> SiteDocument:
    return SiteDocument(
        id=site.id,
        place=problem.places[site.place].id,
        unload_s=site.unload_s,
        windows=_windows(site.windows),
        queue=[QueueDocument(window=_window(window), wait_s=wait_s) for window, wait_s in site.queue],
        accepts=list(site.accepts),
    )


def _vehicle(vehicle: Vehicle, problem: RoutingProblem) -> VehicleDocument:
    names = ("id", "most_stops", "most_trips", "overtime_s", "overtime_per_s", "empties", "fixed", "per_m", "per_s")
    spent = asdict(vehicle.spent) | {"loads": _load(vehicle.spent.loads, problem)}
    return VehicleDocument(
        start=problem.places[vehicle.start].id,
        end=None if vehicle.end is None else problem.places[vehicle.end].id,
        shift=_window(vehicle.shift),
        profile=problem.matrices.profiles[vehicle.profile] if vehicle.profile else None,
        **{name: _load(getattr(vehicle, name), problem) for name in ("capacity", "daily", "aboard")},
        **{name: _most(getattr(vehicle, name)) for name in ("most_m", "longest_s")},
        skills=list(vehicle.skills),
        zones=_some(vehicle.zones),
        sites=_some(vehicle.sites),
        rests=[RestDocument(**asdict(rest)) for rest in vehicle.rests],
        rules=vehicle.rules,
        spent=SpentDocument(**spent),
        **_plain(vehicle, names),
    )


def _rules(rules: WorkRules) -> RulesDocument:
    limits = ("longest_drive_s", "most_drive_s", "longest_work_s", "most_work_s")
    return RulesDocument(
        split_s=list(rules.split_s),
        **{name: _most(getattr(rules, name)) for name in limits},
        **_plain(rules, ("id", "drive_break_s", "work_break_s")),
    )


def _plain(one: object, names: Iterable[str]) -> Mapping[str, Any]:
    return {name: getattr(one, name) for name in names}


def _some(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _most(value: float) -> float | None:
    return value if isfinite(value) else None


def _load(load: Loads, problem: RoutingProblem) -> dict[str, float]:
    return dict(zip(problem.dimensions, load, strict=True)) if load else {}


def _windows(windows: Iterable[Window]) -> list[Pair]:
    return list(map(_window, windows))


def _window(window: Window) -> Pair:
    return _most(window[0]), _most(window[1])
