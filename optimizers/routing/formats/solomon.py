"""Instances of Solomon (1987) and of Gehring and Homberger (1999): vehicle routing with time windows.

Read in the convention of the 12th DIMACS implementation challenge (2022), in which best known values are compared
today: distances and times are whole tenths, distances truncated; the objective is the distance alone, of no more
vehicles than the file names. A unit of distance takes a unit of time. So a metre of the problem is a tenth of the
file's unit, and so is a second.
"""

import numpy as np

from optimizers.arrays import Floats
from optimizers.routing.formats.texts import Reader, decoded, lines_of
from optimizers.routing.problem import Coordinates, Matrices, Place, RoutingProblem, Stop, Vehicle

TENTHS = 10.0
WHOLE_UNIT, TENTH_UNIT = "1", "0.1"
ABSTRACT = {WHOLE_UNIT, TENTH_UNIT}
"""Units of objectives of instances that know no metres and seconds."""

_COLUMNS = ("CUST NO.", "XCOORD.", "YCOORD.", "DEMAND", "READY TIME", "DUE DATE", "SERVICE TIME")
_HEAD = ("VEHICLE", "NUMBER", "CUSTOMER", "CUST")


def looks_like(text: str) -> bool:
    """Whether a text is one: its head says VEHICLE, and NUMBER and CAPACITY under it."""
    upper = [line.upper().split() for _, line in lines_of(text)][:4]
    return ["VEHICLE"] in upper and any(words[:2] == ["NUMBER", "CAPACITY"] for words in upper)


def read(text: str | bytes, vehicles: int | None = None) -> RoutingProblem:
    """The problem of a text; of as many vehicles as it names, or as asked for. Raises WrongText."""
    reader = Reader()
    fleet, rows = _rows(decoded(text), reader)
    number, capacity = fleet
    values = np.array([numbers for _, _, numbers in rows], np.float64).reshape(len(rows), 6)
    _contradictions(rows, reader)
    reader.done()
    return _problem([name for _, name, _ in rows], values, vehicles or number, float(capacity))


def truncated(x: Floats, y: Floats) -> Floats:
    """(L, L) straight lines in tenths, truncated: the convention of DIMACS."""
    whole: Floats = np.floor(TENTHS * np.hypot(x[:, None] - x, y[:, None] - y))
    return whole


Row = tuple[int, str, list[float]]
"""Line, id, and x, y, demand, ready, due, service."""


def _rows(text: str, reader: Reader) -> tuple[tuple[int, int], list[Row]]:
    """Number and capacity of vehicles, then depot and customers."""
    fleet: tuple[int, int] | None = None
    rows: list[Row] = []
    for line, content in list(lines_of(text))[1:]:  # the first is the name
        words = content.split()
        if words[0].upper() in _HEAD:
            continue
        if fleet is None:
            fleet = _fleet(line, words, reader)
        elif len(words) != len(_COLUMNS):
            reader.wrong.append((line, f"has {len(words)} values, wants {len(_COLUMNS)}: {', '.join(_COLUMNS)}"))
        else:
            rows.append((line, words[0], _numbers(line, words, reader)))
    if fleet is None:
        reader.wrong.append((0, "names no vehicles, wants NUMBER and CAPACITY"))
    if not rows:
        reader.wrong.append((0, "names no depot, wants a row for it and one for each customer"))
    reader.twice("customer", [(line, name) for line, name, _ in rows])
    return fleet or (1, 0), rows


def _fleet(line: int, words: list[str], reader: Reader) -> tuple[int, int]:
    if len(words) != 2:
        reader.wrong.append((line, f"has {len(words)} values, wants 2: NUMBER and CAPACITY of vehicles"))
        return 1, 0
    return reader.whole(line, words[0], "NUMBER", 1), reader.whole(line, words[1], "CAPACITY")


def _numbers(line: int, words: list[str], reader: Reader) -> list[float]:
    anything = float("-inf")
    leasts = (anything, anything, 0.0, 0.0, 0.0, 0.0)
    return [
        reader.number(line, word, what, least)
        for word, what, least in zip(words[1:], _COLUMNS[1:], leasts, strict=True)
    ]


def _contradictions(rows: list[Row], reader: Reader) -> None:
    for line, name, (_, _, _, ready, due, _) in rows:
        if ready > due:
            reader.wrong.append((line, f"customer {name!r}: DUE DATE {due:g} is before READY TIME {ready:g}"))


def _problem(names: list[str], values: Floats, vehicles: int, capacity: float) -> RoutingProblem:
    x, y = values[:, 0], values[:, 1]
    tenths = np.floor(TENTHS * values[:, 3:])
    distance = truncated(x, y)
    early, late, _ = tenths[0].tolist()
    return RoutingProblem(
        places=tuple(Place(name, a, b) for name, a, b in zip(names, x.tolist(), y.tolist(), strict=True)),
        matrices=Matrices(distance_m=distance, duration_s=distance),
        stops=tuple(
            Stop(id=names[k], place=k, load=(float(values[k, 2]),), service_s=service, windows=((ready, due),))
            for k, (ready, due, service) in enumerate(tenths.tolist())
            if k
        ),
        vehicles=tuple(
            Vehicle(id=f"{k + 1}", start=0, end=0, shift=(early, late), capacity=(capacity,), per_m=1.0)
            for k in range(vehicles)
        ),
        dimensions=("demand",),
        coordinates=Coordinates.PLANE_M,
        unit=TENTH_UNIT,
    )
