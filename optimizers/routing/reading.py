"""From a problem's document to the problem: names become indices, everything that leads nowhere is told at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.result import InvalidProblem
from optimizers.roads.crow import DETOUR, crow
from optimizers.routing.forms import (
    PlacedDocument,
    PlaceDocument,
    ProblemDocument,
    ProfileDocument,
    Rows,
    SiteDocument,
    StopDocument,
    VehicleDocument,
)
from optimizers.routing.problem import (
    NARROW,
    Coordinates,
    Loads,
    Matrices,
    Place,
    Rest,
    RoutingProblem,
    Site,
    Spent,
    Stop,
    Vehicle,
    Weights,
    Window,
    WorkRules,
)

SPEED_KMH = 30.0
KMH_PER_M_S = 3.6
_TOLD = 20  # of matrices that do not fit, rows named

Pair = tuple[float | None, float | None]


@dataclass(frozen=True)
class _Located:
    """All places, those of stops and sites with coordinates of their own behind; and by id where each is."""

    places: tuple[Place, ...]
    index: Mapping[str, int]
    coordinates: Coordinates


def problem_of(document: ProblemDocument) -> RoutingProblem:
    """Raises InvalidProblem with everything that is wrong."""
    points: list[PlaceDocument] = [*document.places, *(one for one in placed(document) if one.place is None)]
    misfits = list(_wrong_matrices(document, len(points), _kind(points)))
    problems = [*_unplaced(points, document), *_strangers(document), *_loads_named(document), *misfits]
    if not points:
        raise InvalidProblem(problems or ["there are no places, wants one at least"])
    located = _located(points)
    matrices = _no_drives(document, len(points)) if misfits else _matrices(document, located)
    try:
        problem = _problem(document, located, matrices)
    except InvalidProblem as error:  # told beside: names that lead nowhere stand for the first place or profile there
        raise InvalidProblem([*problems, *error.problems]) from None
    if problems:
        raise InvalidProblem(problems)
    return problem


def _problem(document: ProblemDocument, located: _Located, matrices: Matrices) -> RoutingProblem:
    profiles = list(matrices.profiles)
    return RoutingProblem(
        places=located.places,
        matrices=matrices,
        stops=tuple(_stops(document, located)),
        vehicles=tuple(chain.from_iterable(_vehicles(one, document, located, profiles) for one in document.vehicles)),
        sites=tuple(_sites(document, located)),
        dimensions=tuple(document.dimensions),
        rules=tuple(_rules(document)),
        weights=Weights(**document.weights.model_dump()),
        coordinates=located.coordinates,
        unit=document.unit,
    )


def _no_drives(document: ProblemDocument, size: int) -> Matrices:
    """Instead of matrices that do not fit, so that what else is wrong can be told."""
    names = tuple(profile.name for profile in document.profiles) or ("",)
    cube = (len(names), size, size)
    return Matrices(profiles=names, distance_m=np.zeros(cube), duration_s=np.zeros(cube))


def placed(document: ProblemDocument) -> Iterator[PlacedDocument]:
    """Stops, then sites."""
    yield from document.stops
    yield from document.sites


def _kind(points: Iterable[PlaceDocument]) -> Coordinates:
    return next((kind for point in points if (kind := _way(point)) is not Coordinates.NONE), Coordinates.NONE)


def _way(point: PlaceDocument) -> Coordinates:
    if point.lon is not None or point.lat is not None:
        return Coordinates.WGS84
    return Coordinates.NONE if point.x_m is None and point.y_m is None else Coordinates.PLANE_M


def _unplaced(points: Sequence[PlaceDocument], document: ProblemDocument) -> Iterator[str]:
    """Places whose coordinates are half told, told in another way than the others', or told twice."""
    way = _kind(points)
    for point in points:
        told = [name for name in ("lon", "lat", "x_m", "y_m") if getattr(point, name) is not None]
        wanted = {Coordinates.NONE: [], Coordinates.WGS84: ["lon", "lat"], Coordinates.PLANE_M: ["x_m", "y_m"]}[way]
        if told != wanted:
            yield f"{_said(point)}: has {' and '.join(told) or 'no coordinates'}, wants {_and(wanted)}, as others have"
    for one in placed(document):
        if one.place is None and way is Coordinates.NONE:
            yield f"{_said(one)}: is nowhere, wants a place, or lon and lat"
        if one.place is not None and _way(one) is not Coordinates.NONE:
            yield f"{_said(one)}: has both a place, {one.place!r}, and coordinates, wants one of them"


def _said(one: PlaceDocument) -> str:
    kind = "stop" if isinstance(one, StopDocument) else "site" if isinstance(one, SiteDocument) else "place"
    return f"{kind} {one.id!r}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(names) or "none"


def _strangers(document: ProblemDocument) -> Iterator[str]:
    places = {place.id for place in document.places} | {one.id for one in placed(document) if one.place is None}
    for one in placed(document):
        if one.place is not None and one.place not in places:
            yield f"{_said(one)}: no place {one.place!r}"
    profiles = {profile.name for profile in document.profiles}
    for vehicle in document.vehicles:
        where = f"vehicle {vehicle.id!r}"
        for key, place in (("start", vehicle.start), ("end", vehicle.end)):
            if place is not None and place not in places:
                yield f"{where}: {key}: no place {place!r}"
        if vehicle.profile is not None and vehicle.profile not in profiles:
            yield f"{where}: no profile {vehicle.profile!r}, there is {', '.join(map(repr, profiles)) or 'none'}"


def _names(vehicle: VehicleDocument) -> list[str]:
    if vehicle.count == 1:
        return [vehicle.id]
    return [f"{vehicle.id}-{k}" for k in range(1, vehicle.count + 1)]


def _loads_named(document: ProblemDocument) -> Iterator[str]:
    """Loads in dimensions that there are not, and limits that leave one out."""
    known = dict.fromkeys(document.dimensions)
    for stop in document.stops:
        yield from _unknown(f"stop {stop.id!r}: load", stop.load, known)
    for vehicle in document.vehicles:
        yield from _unknown(f"vehicle {vehicle.id!r}: spent", vehicle.spent.loads, known)
        for name in ("capacity", "daily", "aboard"):
            load: dict[str, float] = getattr(vehicle, name)
            where = f"vehicle {vehicle.id!r}: {name}"
            yield from _unknown(where, load, known)
            if load and (missing := [one for one in known if one not in load]):
                yield f"{where}: lacks {', '.join(missing)}, wants every dimension, or none"


def _unknown(where: str, load: Mapping[str, float], known: Mapping[str, object]) -> Iterator[str]:
    there = ", ".join(known) or "none"
    yield from (f"{where}: no dimension {name!r}, there is {there}" for name in load if name not in known)


def _wrong_matrices(document: ProblemDocument, places: int, way: Coordinates) -> Iterator[str]:
    names = [profile.name for profile in document.profiles]
    if not names:
        yield "there are no profiles, wants one at least"
    for profile in document.profiles:
        where = f"profile {profile.name!r}"
        yield from _wrong_profile(where, profile, way)
        for key in ("distance_m", "duration_s"):
            rows: Rows | None = getattr(profile, key)
            if rows is not None:
                yield from _wrong_rows(f"{where}: {key}", rows, places)


def _wrong_profile(where: str, profile: ProfileDocument, way: Coordinates) -> Iterator[str]:
    if (profile.distance_m is None) != (profile.duration_s is None):
        yield f"{where}: has one of distance_m and duration_s, wants both or none"
    if profile.distance_m is not None and profile.speed_kmh is not None:
        yield f"{where}: has both matrices and a speed_kmh, wants one of them"
    if profile.distance_m is None and way is Coordinates.NONE:
        yield f"{where}: has no matrices, and places have no coordinates to reckon them from"


def _wrong_rows(where: str, rows: Rows, places: int) -> Iterator[str]:
    if len(rows) != places:
        yield f"{where} has {len(rows)} rows, wants {places}, one for each place"
    short = [(k, len(row)) for k, row in enumerate(rows) if len(row) != places]
    yield from (f"{where}: row {k} has {n} values, wants {places}" for k, n in short[:_TOLD])


def _located(points: Sequence[PlaceDocument]) -> _Located:
    way = _kind(points)
    if way is Coordinates.WGS84:
        places = tuple(Place(one.id, one.lon or 0.0, one.lat or 0.0) for one in points)
    else:
        places = tuple(Place(one.id, one.x_m or 0.0, one.y_m or 0.0) for one in points)
    return _Located(places, {place.id: k for k, place in enumerate(places)}, way)


def _matrices(document: ProblemDocument, located: _Located) -> Matrices:
    size, given = len(located.places), [profile.distance_m is not None for profile in document.profiles]
    kind = np.float32 if size > NARROW and not any(given) else np.float64  # what is approximate needs no more
    cube = (len(given), size, size)
    both: tuple[Floats, Floats] = np.empty(cube, kind), np.empty(cube, kind)
    for p, profile in enumerate(document.profiles):
        if profile.distance_m is not None and profile.duration_s is not None:
            both[0][p], both[1][p] = _filled(profile.distance_m), _filled(profile.duration_s)
        else:
            _mapless(located, (profile.speed_kmh or SPEED_KMH) / KMH_PER_M_S, (both[0][p], both[1][p]))
    for one in both:
        one.flags.writeable = False  # so that the problem takes them as they are
    return Matrices(
        profiles=tuple(profile.name for profile in document.profiles),
        distance_m=both[0],
        duration_s=both[1],
        approximate=document.approximate or not all(given),
    )


def _mapless(located: _Located, speed_m_s: float, into: tuple[Floats, Floats]) -> None:
    """(L, L) metres and seconds without a map: straight lines, times what streets add."""
    x, y = (np.array([getattr(place, name) for place in located.places], np.float64) for name in "xy")
    if located.coordinates is Coordinates.WGS84:
        crow(x, y, speed_m_s, into=into)
        return
    for k in range(len(x)):
        metres = DETOUR * np.hypot(x[k] - x, y[k] - y)
        into[0][k], into[1][k] = metres, metres / speed_m_s


def _filled(rows: Rows) -> Floats:
    """JSON knows no infinity: null stands for it."""
    values = np.array(rows, np.float64)  # null becomes NaN, and nothing else can be
    return np.where(np.isnan(values), inf, values)


def _stops(document: ProblemDocument, located: _Located) -> Iterator[Stop]:
    for stop in document.stops:
        yield Stop(
            place=located.index.get(stop.place or stop.id, 0),
            load=_load(stop.load, document),
            windows=_windows(stop.windows),
            only=_some(stop.only),
            skills=tuple(stop.skills),
            never=tuple(stop.never),
            **_plain(stop, "id", "service_s", "required", "prize", "zone", "together", "former"),
        )


def _sites(document: ProblemDocument, located: _Located) -> Iterator[Site]:
    for site in document.sites:
        yield Site(
            id=site.id,
            place=located.index.get(site.place or site.id, 0),
            unload_s=site.unload_s,
            windows=_windows(site.windows),
            queue=tuple((_window(one.window), one.wait_s) for one in site.queue),
            accepts=tuple(site.accepts),
        )


def _vehicles(
    one: VehicleDocument, document: ProblemDocument, located: _Located, profiles: list[str]
) -> Iterator[Vehicle]:
    alike: dict[str, Any] = {
        "start": located.index.get(one.start, 0),
        "end": None if one.end is None else located.index.get(one.end, 0),
        "shift": _window(one.shift),
        "profile": profiles.index(one.profile) if one.profile in profiles else 0,
        **{name: _limit(getattr(one, name), document) for name in ("capacity", "daily", "aboard")},
        "most_m": _most(one.most_m),
        "longest_s": _most(one.longest_s),
        "skills": tuple(one.skills),
        "zones": _some(one.zones),
        "sites": _some(one.sites),
        "rests": tuple(Rest(**rest.model_dump()) for rest in one.rests),
        "spent": _spent(one, document),
        **_plain(one, "most_stops", "most_trips", "overtime_s", "overtime_per_s", "empties", "fixed", "per_m", "per_s"),
        "rules": one.rules,
    }
    yield from (Vehicle(id=name, **alike) for name in _names(one))


def _spent(one: VehicleDocument, document: ProblemDocument) -> Spent:
    """Spent as it is by default where nothing is told of it."""
    told = one.spent.model_dump()
    loads = told.pop("loads")
    return Spent(**told, loads=_load(loads, document) if loads else ())


def _rules(document: ProblemDocument) -> Iterator[WorkRules]:
    for rules in document.rules:
        limits = ("longest_drive_s", "most_drive_s", "longest_work_s", "most_work_s")
        allowed: dict[str, Any] = {name: _most(getattr(rules, name)) for name in limits}
        plain = _plain(rules, "id", "drive_break_s", "work_break_s")
        yield WorkRules(split_s=tuple(rules.split_s), **allowed, **plain)


def _plain(one: object, *names: str) -> dict[str, Any]:
    return {name: getattr(one, name) for name in names}


def _some(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _most(value: float | None) -> float:
    return inf if value is None else value


def _load(load: Mapping[str, float], document: ProblemDocument) -> Loads:
    return tuple(load.get(name, 0.0) for name in document.dimensions)


def _limit(load: Mapping[str, float], document: ProblemDocument) -> Loads:
    return _load(load, document) if load else ()


def _windows(pairs: Iterable[Pair]) -> tuple[Window, ...]:
    return tuple(map(_window, pairs))


def _window(pair: Pair) -> Window:
    start, end = pair
    return -inf if start is None else start, inf if end is None else end
