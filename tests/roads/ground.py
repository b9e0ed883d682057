"""Small road networks drawn by hand, in metres about a corner of Nancy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from optimizers.arrays import Floats
from optimizers.roads import CLASSES, Access, Profile, RoadGraph, Turns, great_circle_m
from optimizers.roads.crow import EARTH_M

LON, LAT = 6.18, 48.69
FREE = Turns(left_s=0, right_s=0, back_s=0, give_way_s=0)
EVEN = Profile(name="even", speeds_m_s=dict.fromkeys(CLASSES, 10.0), turns=FREE)
"""Ten metres a second wherever it may drive, and no time lost at junctions."""


@dataclass(frozen=True)
class Road:
    """From one node to another; `way` 0: a number of its own."""

    start: str
    end: str
    one_way: bool = False
    name: str = "residential"
    limit_m_s: float = inf
    max_height_m: float = inf
    max_width_m: float = inf
    max_weight_kg: float = inf
    access: Access = Access.OPEN
    heavy_access: Access = Access.OPEN
    way: int = 0


def degrees(x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    east = np.degrees(np.asarray(x_m, float) / EARTH_M / np.cos(np.radians(LAT)))
    return LON + east, LAT + np.degrees(np.asarray(y_m, float) / EARTH_M)


def drawn(
    nodes: Mapping[str, tuple[float, float]],
    roads: Sequence[Road],
    banned: Sequence[tuple[tuple[str, str], tuple[str, str]]] = (),
) -> RoadGraph:
    """Nodes in metres east and north; turns that are banned, as pairs of directed roads."""
    number = {name: k for k, name in enumerate(nodes)}
    lon, lat = degrees(*(np.array([place[axis] for place in nodes.values()]) for axis in (0, 1)))
    ends, of, back = [], [], []
    for k, road in enumerate(roads):
        ends.append((number[road.start], number[road.end]))
        of.append(k)
        back.append(-1 if road.one_way else len(ends))
        if not road.one_way:
            ends.append((number[road.end], number[road.start]))
            of.append(k)
            back.append(len(ends) - 2)
    tail, head = np.array(ends).reshape(-1, 2).T
    piece = {end: k for k, end in reversed(list(enumerate(ends)))}
    pairs = [[piece[number[a], number[b]] for a, b in pair] for pair in banned]
    told = {
        name: np.array([getattr(roads[k], name) for k in of])
        for name in ("limit_m_s", "max_height_m", "max_width_m", "max_weight_kg", "access", "heavy_access")
    }
    return RoadGraph(
        lon_deg=lon, lat_deg=lat, tail=tail, head=head, back=np.array(back),
        length_m=great_circle_m(lon[tail], lat[tail], lon[head], lat[head]),
        road_class=np.array([CLASSES.index(roads[k].name) for k in of]), banned=np.array(pairs).reshape(-1, 2),
        way=np.array([roads[k].way or k + 1 for k in of]), **told,
    )  # fmt: skip
