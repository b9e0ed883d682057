"""Waste collection instances of Kim, Kim and Sahoo, Computers & Operations Research 33 (2006) 3624-3642.

Manhattan distances in feet at the speed the file names; a vehicle leaves the depot and is back within its window,
begins an hour's lunch between 11:00 and 12:00, unloads at a landfill before it returns, and keeps to a load a trip, a
load a day and a number of stops a day. The late time of a stop is the latest at which service begins. The objective is
miles. Seconds count from midnight.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.routing.formats.texts import Reader, decoded, lines_of
from optimizers.routing.problem import Coordinates, Matrices, Place, Rest, RoutingProblem, Site, Stop, Vehicle

MILE_M = 1_609.344
FOOT_M = 0.3048
PAPER = {
    102: (3, 205.1),
    277: (3, 527.3),
    335: (6, 205.0),
    444: (11, 87.0),
    804: (5, 769.5),
    1_051: (18, 2_370.4),
}
"""Vehicles and miles of the paper by the number in an instance's name: its stops, depot and landfills among them. Those
of 277, 444 and 804 are as notes of ours give them, UNVERIFIED.
"""

_HOUR_S = 3_600.0
_HEAD = (
    "vehicle capacity (yards)",
    "yardage allowed for a vehicle per day",
    "stops allowed for a vehicle per day",
    "lunch time in seconds",
    "speed in miles an hour",
)
_COLUMNS = ("Stop_ID", "X", "Y", "Early_St_Time", "Late_St_Time", "Svice_Time", "Load", "Stop_Type")
_DEPOT, _STOP, _LANDFILL = 0, 1, 2


def looks_like(text: str) -> bool:
    """Whether a text is one: its table's head is Kim's."""
    return any(line.startswith("Stop_ID") for _, line in list(lines_of(text))[:8])


@dataclass(frozen=True)
class _Row:
    line: int
    id: str
    x: float
    y: float
    early_s: float
    late_s: float
    service_s: float
    load: float
    kind: int


def read(text: str | bytes, vehicles: int | None = None) -> RoutingProblem:
    """The problem of a text; of as many vehicles as asked for, else as the paper's plan has, else as could be needed.

    Raises WrongText.
    """
    reader = Reader()
    numbered = list(lines_of(decoded(text)))
    head = [_first(line, content, what, reader) for (line, content), what in zip(numbered, _HEAD, strict=False)]
    if len(head) < len(_HEAD):
        reader.wrong.append((0, f"has {len(head)} lines, wants {len(_HEAD)}, a title and a row for each stop"))
    rows = [row for line, content in numbered[len(_HEAD) + 1 :] if (row := _row(line, content, reader)) is not None]
    _contradictions(rows, reader)
    reader.done()
    return _problem(head, rows, vehicles or _fleet(rows, head))


def _first(line: int, content: str, what: str, reader: Reader) -> float:
    """The number before the comment."""
    return reader.number(line, content.partition("//")[0].strip(), what, 1.0 if what == _HEAD[-1] else 0.0)


def _row(line: int, content: str, reader: Reader) -> _Row | None:
    words = content.split()
    if len(words) != len(_COLUMNS):
        reader.wrong.append((line, f"has {len(words)} values, wants {len(_COLUMNS)}: {', '.join(_COLUMNS)}"))
        return None
    anything = float("-inf")
    x, y = (reader.number(line, word, what, anything) for word, what in zip(words[1:3], "XY", strict=True))
    early, late = (_clock_s(line, word, what, reader) for word, what in zip(words[3:5], _COLUMNS[3:5], strict=True))
    service, load = (reader.number(line, word, what) for word, what in zip(words[5:7], _COLUMNS[5:7], strict=True))
    kind = reader.whole(line, words[7], "Stop_Type")
    if kind not in {_DEPOT, _STOP, _LANDFILL}:
        reader.wrong.append((line, f"Stop_Type is {kind}, wants 0 (depot), 1 (stop) or 2 (landfill)"))
    return _Row(line, words[0], x, y, early, late, service, load, kind)


def _clock_s(line: int, word: str, what: str, reader: Reader) -> float:
    """Seconds since midnight of HHMM, 2400 included."""
    hours, minutes = divmod(reader.whole(line, word, what), 100)
    if minutes > 59 or 100 * hours + minutes > 2400:
        reader.wrong.append((line, f"{what} is {word!r}, wants a time of day HHMM"))
    return hours * _HOUR_S + minutes * 60.0


def _contradictions(rows: list[_Row], reader: Reader) -> None:
    kinds = [row.kind for row in rows]
    if kinds.count(_DEPOT) != 1:
        reader.wrong.append((0, f"has {kinds.count(_DEPOT)} depots, wants one"))
    if _LANDFILL not in kinds:
        reader.wrong.append((0, "has no landfill, wants one at least: vehicles return empty"))
    reader.twice("stop", [(row.line, row.id) for row in rows])
    for row in rows:
        if row.early_s > row.late_s:
            reader.wrong.append((row.line, f"stop {row.id!r}: Late_St_Time is before Early_St_Time"))


def _fleet(rows: list[_Row], head: list[float]) -> int:
    """The paper's, where it names the instance; else twice what the loads, stops and hours of a day come to."""
    if (paper := PAPER.get(len(rows))) is not None:
        return paper[0]
    stops = [row for row in rows if row.kind == _STOP]
    depot = next(row for row in rows if row.kind == _DEPOT)
    load = sum(row.load for row in stops)
    shares = (
        load / max(head[1], 1.0),
        len(stops) / max(head[2], 1.0),
        _work_s(rows, load / max(head[0], 1.0), head[4]) / max(depot.late_s - depot.early_s - head[3], 1.0),
    )
    return 1 + int(2 * max(shares))


def _work_s(rows: list[_Row], trips: float, speed_mph: float) -> float:
    """Service, a drive from each stop to the nearest other place, and for each trip there and back from a landfill."""
    x, y = np.array([row.x for row in rows]), np.array([row.y for row in rows])
    drive_s = _drives_s(FOOT_M * (np.abs(x[:, None] - x) + np.abs(y[:, None] - y)), speed_mph)
    stops, landfills = ([k for k, row in enumerate(rows) if row.kind == kind] for kind in (_STOP, _LANDFILL))
    if not stops:
        return 0.0
    np.fill_diagonal(drive_s, np.inf)
    away_s = float(drive_s[np.ix_(stops, landfills)].min(axis=1).mean())
    unload_s = max(rows[k].service_s for k in landfills)
    service_s = sum(rows[k].service_s for k in stops)
    return service_s + float(drive_s[stops].min(axis=1).sum()) + (1 + trips) * (2 * away_s + unload_s)


def _drives_s(distance_m: Floats, speed_mph: float) -> Floats:
    return distance_m / (speed_mph * MILE_M / _HOUR_S)


def _problem(head: list[float], rows: list[_Row], vehicles: int) -> RoutingProblem:
    capacity, daily, most_stops, lunch_s, speed_mph = head
    x, y = np.array([row.x for row in rows]), np.array([row.y for row in rows])
    distance_m = FOOT_M * (np.abs(x[:, None] - x) + np.abs(y[:, None] - y))
    depot = next(k for k, row in enumerate(rows) if row.kind == _DEPOT)
    lunch = Rest(earliest_s=11 * _HOUR_S, latest_s=12 * _HOUR_S, duration_s=lunch_s)
    return RoutingProblem(
        places=tuple(Place(row.id, FOOT_M * row.x, FOOT_M * row.y) for row in rows),
        matrices=Matrices(distance_m=distance_m, duration_s=_drives_s(distance_m, speed_mph)),
        stops=tuple(
            Stop(id=row.id, place=k, load=(row.load,), service_s=row.service_s, windows=((row.early_s, row.late_s),))
            for k, row in enumerate(rows)
            if row.kind == _STOP
        ),
        sites=tuple(
            Site(id=row.id, place=k, unload_s=row.service_s, windows=((row.early_s, row.late_s),))
            for k, row in enumerate(rows)
            if row.kind == _LANDFILL
        ),
        vehicles=tuple(
            Vehicle(
                id=f"{k + 1}", start=depot, end=depot, shift=(rows[depot].early_s, rows[depot].late_s),
                capacity=(capacity,), daily=(daily,), most_stops=int(most_stops), empties=True, rests=(lunch,),
                per_m=1 / MILE_M,
            )
            for k in range(vehicles)
        ),
        dimensions=("volume_yd3",),
        coordinates=Coordinates.PLANE_M,
        unit="mile",
    )  # fmt: skip
