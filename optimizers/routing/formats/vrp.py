"""VRPLIB: instances (`.vrp`) of Uchoa et al. (2017) and older ones, and solutions (`.sol`).

Straight distances (EUC_2D) are rounded to whole numbers as CVRPLIB does; where there are time windows they are read in
the convention of DIMACS, as Solomon's are (see `solomon`). A metre of the problem is a unit of the file's distance, and
so is a second. Beside capacities, sections of time windows, service times, prizes and several depots are read as PyVRP
writes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.routing.formats.solomon import TENTH_UNIT, TENTHS, WHOLE_UNIT, truncated
from optimizers.routing.formats.texts import Found, Reader, WrongText, decoded, lines_of
from optimizers.routing.problem import Coordinates, Matrices, Place, RoutingProblem, Stop, Vehicle, Window

_WIDTHS = {"NODE_COORD": 3, "DEMAND": 2, "TIME_WINDOW": 3, "SERVICE_TIME": 2, "PRIZE": 2}
"""Values on each line of a section, the number of its node first."""
_KNOWN = {*_WIDTHS, "EDGE_WEIGHT", "DEPOT"}
_PLAIN = {
    "NAME", "COMMENT", "TYPE", "DIMENSION", "EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_FORMAT", "NODE_COORD_TYPE",
    "DISPLAY_DATA_TYPE", "CAPACITY", "VEHICLES", "DISTANCE", "SERVICE_TIME",
}  # fmt: skip
_ROUNDED = ("FLOOR_2D", "CEIL_2D", "EXACT_2D")


def looks_like(text: str) -> bool:
    """Whether a text is one: it tells its dimension, and has a section."""
    lines = [line for _, line in lines_of(text)]
    return any(line.startswith("DIMENSION") for line in lines) and any("_SECTION" in line for line in lines)


def read(text: str | bytes, vehicles: int | None = None) -> RoutingProblem:
    """The problem of a text; of as many vehicles as it names or as asked for, else of as many as could be needed.

    Raises WrongText.
    """
    plain = decoded(text)
    wrong = list(_scanned(plain))
    if wrong:
        raise WrongText(wrong)
    return _problem(_parsed(plain), vehicles)


@dataclass(frozen=True)
class _Section:
    name: str
    line: int
    rows: list[tuple[int, list[str]]]


def _scanned(text: str) -> Iterator[Found]:
    """What is wrong line by line: the library that reads the text says of none where it stands."""
    reader = Reader()
    specs, sections = _parts(text, reader)
    dimension = 0
    if "DIMENSION" in specs:
        dimension = reader.whole(*specs["DIMENSION"], "DIMENSION", 1)
    else:
        reader.wrong.append((0, "tells no DIMENSION"))
    for name in ("CAPACITY", "VEHICLES", "DISTANCE", "SERVICE_TIME"):
        if name in specs:
            reader.number(*specs[name], name, 1 if name == "VEHICLES" else 0)
    for section in sections:
        _section(section, dimension, reader)
    yield from reader.wrong
    way = specs["EDGE_WEIGHT_TYPE"][1] if "EDGE_WEIGHT_TYPE" in specs else ""
    yield from _missing(way, {*specs}, {section.name for section in sections})


def _parts(text: str, reader: Reader) -> tuple[dict[str, tuple[int, str]], list[_Section]]:
    """Specifications with their line, and sections."""
    specs: dict[str, tuple[int, str]] = {}
    sections: list[_Section] = []
    for line, content in lines_of(text):
        if content.startswith("EOF"):
            break
        if "_SECTION" in content:
            sections.append(_Section(content.strip(" :").removesuffix("_SECTION").upper(), line, []))
        elif sections:
            sections[-1].rows.append((line, content.split()))
        elif ":" in content:
            key, _, value = content.partition(":")
            specs[key.strip().upper()] = (line, value.strip())
        else:
            reader.wrong.append((line, f"{content!r} is neither 'KEY : value' nor in a section"))
    for key, (line, _) in specs.items():
        if key not in _PLAIN:
            reader.wrong.append((line, f"{key} is not known here, known are {', '.join(sorted(_PLAIN))}"))
    return specs, sections


def _section(section: _Section, dimension: int, reader: Reader) -> None:
    if section.name not in _KNOWN:
        known = ", ".join(sorted(_KNOWN))
        reader.wrong.append((section.line, f"{section.name}_SECTION is not known here, known are {known}"))
        return
    width = _WIDTHS.get(section.name)
    for line, words in section.rows:
        if width is not None and len(words) != width:
            reader.wrong.append((line, f"has {len(words)} values, wants {width} in {section.name}_SECTION"))
        anything = section.name in {"NODE_COORD", "DEPOT"}
        for word in words:
            reader.number(line, word, section.name, float("-inf") if anything else 0.0)
    if width is None:
        return
    if dimension and len(section.rows) != dimension:
        found = f"{section.name}_SECTION has {len(section.rows)} lines, wants {dimension}, the DIMENSION"
        reader.wrong.append((section.line, found))
    reader.twice("node", [(line, words[0]) for line, words in section.rows])
    if section.name == "TIME_WINDOW":
        _windows_close(section, reader)


def _windows_close(section: _Section, reader: Reader) -> None:
    for line, words in section.rows:
        if len(words) == 3 and reader.number(line, words[1], "TIME_WINDOW") > reader.number(line, words[2], "its end"):
            reader.wrong.append((line, f"the time window of node {words[0]!r} closes before it opens"))


def _missing(way: str, specs: set[str], sections: set[str]) -> Iterator[Found]:
    """What a problem cannot do without; `way`: how distances are told."""
    if "CAPACITY" not in specs:
        yield 0, "tells no CAPACITY"
    if "DEMAND" not in sections:
        yield 0, "has no DEMAND_SECTION"
    if way not in {"EXPLICIT", "EUC_2D", *_ROUNDED}:
        yield 0, f"EDGE_WEIGHT_TYPE is {way!r}, wants EUC_2D, {', '.join(_ROUNDED)} or EXPLICIT"
    elif (wanted := "EDGE_WEIGHT" if way == "EXPLICIT" else "NODE_COORD") not in sections:
        yield 0, f"EDGE_WEIGHT_TYPE is {way}, wants an {wanted}_SECTION"


def _parsed(text: str) -> dict[str, Any]:
    from vrplib.parse import parse_vrplib  # noqa: PLC0415 - no command but this one needs it

    # Its way to find the end of a section looks for EOF in any line, so that a comment may not say it.
    try:
        instance: dict[str, Any] = parse_vrplib(text)
    except (ValueError, RuntimeError, TypeError, KeyError, IndexError) as error:
        raise WrongText([(0, f"is no VRPLIB instance: {error}")]) from None
    weights = np.asarray(instance["edge_weight"])
    size = int(instance["dimension"])
    if weights.shape != (size, size):
        shape = " x ".join(map(str, weights.shape))
        raise WrongText([(0, f"EDGE_WEIGHT_SECTION gives {shape} distances, wants {size} x {size}")])
    return instance


def _problem(instance: dict[str, Any], vehicles: int | None) -> RoutingProblem:
    size, timed = int(instance["dimension"]), "time_window" in instance
    scale = TENTHS if timed and instance["edge_weight_type"] == "EUC_2D" else 1.0
    distance = _distances(instance, timed)
    stops = list(_stops(instance, scale))
    capacity = float(instance["capacity"])
    told = min(int(instance.get("vehicles", 0)), max(1, len(stops)))  # 999 stand for any number
    count = vehicles or told or _enough(stops, capacity, timed)
    longest_s = float(distance.max(axis=1).sum()) + sum(stop.service_s for stop in stops)
    coords = np.asarray(instance["node_coord"], np.float64).tolist() if "node_coord" in instance else None
    return RoutingProblem(
        places=tuple(Place(f"{k + 1}", *(coords[k] if coords else (0.0, 0.0))) for k in range(size)),
        matrices=Matrices(distance_m=distance, duration_s=distance),
        stops=tuple(stops),
        vehicles=tuple(
            Vehicle(
                id=f"{n * count + k + 1}", start=depot, end=depot, capacity=(capacity,), per_m=1.0,
                shift=_window(instance, depot, scale) or (0.0, longest_s),
                longest_s=scale * float(instance.get("distance", inf)),
            )
            for n, depot in enumerate(_depots(instance))
            for k in range(count)
        ),
        dimensions=("demand",),
        coordinates=Coordinates.PLANE_M if coords else Coordinates.NONE,
        unit=TENTH_UNIT if scale == TENTHS else WHOLE_UNIT,
    )  # fmt: skip


def _stops(instance: dict[str, Any], scale: float) -> Iterator[Stop]:
    """Every node that is no depot, by its number. A prize makes it optional."""
    size, depots = int(instance["dimension"]), set(_depots(instance))
    demand = _column(instance["demand"], size)
    service = np.floor(scale * _column(instance.get("service_time", 0.0), size))
    prize = np.floor(scale * _column(instance.get("prize", 0.0), size))
    for k in range(size):
        window = _window(instance, k, scale)
        if k not in depots:
            yield Stop(
                id=f"{k + 1}",
                place=k,
                load=(demand[k].item(),),
                service_s=service[k].item(),
                windows=(window,) if window else (),
                required=not prize[k],
                prize=prize[k].item(),
            )


def _column(told: Any, size: int) -> Floats:
    """One value for each node, or one for all of them."""
    column: Floats = np.broadcast_to(np.asarray(told, np.float64).ravel(), size)
    return column


def _window(instance: dict[str, Any], k: int, scale: float) -> Window | None:
    if "time_window" not in instance:
        return None
    early, late = np.floor(scale * np.asarray(instance["time_window"], np.float64)[k]).tolist()
    return early, late


def _distances(instance: dict[str, Any], timed: bool) -> Floats:
    weights = np.asarray(instance["edge_weight"], np.float64)
    if instance["edge_weight_type"] != "EUC_2D":
        return weights
    x, y = np.asarray(instance["node_coord"], np.float64).T
    if timed:
        return truncated(x, y)
    nearest: Floats = np.floor(np.hypot(x[:, None] - x, y[:, None] - y) + 0.5)
    return nearest


def _depots(instance: dict[str, Any]) -> list[int]:
    """Indices of the depots; the first node where none is named."""
    told = np.atleast_1d(np.asarray(instance.get("depot", [0]), np.int64)).tolist()
    if wrong := [d for d in told if not 0 <= d < int(instance["dimension"])]:
        raise WrongText([(0, f"DEPOT_SECTION names node {wrong[0] + 1}, of which there is none")])
    return told or [0]


def _enough(stops: list[Stop], capacity: float, timed: bool) -> int:
    """Vehicles beyond which no more can help: two that fill less than one between them would drive less as one.

    With windows they might not be one, so that each stop may need its own.
    """
    if timed or not capacity > 0:
        return max(1, len(stops))
    total = sum(stop.load[0] for stop in stops)
    return min(max(1, len(stops)), 1 + int(2 * total / capacity))
