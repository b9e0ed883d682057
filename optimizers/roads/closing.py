"""Roads that are closed: by their number, where a line is drawn across them, or within an outline."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.result import InvalidProblem
from optimizers.roads.crow import off_earth
from optimizers.roads.graph import RoadGraph
from optimizers.roads.plane import Plane

Line = Sequence[tuple[float, float]]
"""Points (longitude, latitude) in degrees, in order."""


@dataclass(frozen=True, slots=True)
class Closure:
    """What is closed, in both directions.

    ways      ids of whole ways in the source
    lines     each closes every piece that it crosses or touches
    outlines  each, its last point joined to its first, closes every piece that it crosses or holds
    """

    ways: Collection[int] = ()
    lines: Sequence[Line] = ()
    outlines: Sequence[Line] = ()


def closed(graph: RoadGraph, what: Closure) -> Bools:
    """(E,) the pieces that are closed, for `RoadGraph.without`.

    Raises InvalidProblem for a way that is not in the network, a line of less than two points, an outline of less than
    three, and coordinates that are none on earth: a closure that closes nothing would go unnoticed.
    """
    if problems := _wrong(graph, what):
        raise InvalidProblem(problems)
    shut = np.isin(graph.way, np.array(sorted(what.ways), np.int64))
    plane = Plane.of(graph.lon_deg, graph.lat_deg)
    at = plane.metres(graph.lon_deg, graph.lat_deg)
    start, end = at[graph.tail], at[graph.head]
    for line in what.lines:
        shut |= _crossed(start, end, plane.metres(*np.array(line).T))
    for outline in what.outlines:
        corners = plane.metres(*np.array(outline).T)
        shut |= _crossed(start, end, np.concatenate([corners, corners[:1]])) | _inside(start, corners)
    return shut


def _wrong(graph: RoadGraph, what: Closure) -> list[str]:
    known = set(graph.way.tolist())
    problems = [f"way {way} is not in the network; give the id of one that is" for way in what.ways if way not in known]
    for kind, least, shapes in (("line", 2, what.lines), ("outline", 3, what.outlines)):
        for k, points in enumerate(shapes):
            if len(points) < least:
                problems.append(f"{kind} {k} has {len(points)} points, wants at least {least}")
            else:
                problems += [f"{kind} {k}: {text}" for text in off_earth(*np.array(points, np.float64).T)]
    return problems


def _crossed(start: Floats, end: Floats, line: Floats) -> Bools:
    """Segments that a line crosses or touches."""
    shut = np.zeros(len(start), bool)
    for a, b in pairwise(line):
        along = _side(a, b, start) * _side(a, b, end) <= 0
        across = _side(start, end, a) * _side(start, end, b) <= 0
        near = (np.minimum(start, end) <= np.maximum(a, b)).all(axis=1)
        near &= (np.maximum(start, end) >= np.minimum(a, b)).all(axis=1)
        shut |= along & across & near
    return shut


def _side(a: Floats, b: Floats, point: Floats) -> Floats:
    """Above 0 where a point is to the left of the line from a to b."""
    way, to = b - a, point - a
    side: Floats = way[..., 0] * to[..., 1] - way[..., 1] * to[..., 0]
    return side


def _inside(points: Floats, corners: Floats) -> Bools:
    """Points inside an outline, by how often a ray to the east crosses it."""
    inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            spans = (points[:, 1] < y0) != (points[:, 1] < y1)
            inside ^= spans & (points[:, 0] < x0 + (points[:, 1] - y0) * (x1 - x0) / (y1 - y0))
    return inside
