"""Synthetic streets: a lattice of blocks that grows from the centre of a commune, with lamps along its sides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError, Problem
from engine.inventory.lamps import RoadClass
from engine.inventory.outlines import Polygons
from engine.model import Commune
from twin.territory.cells import M_PER_DEGREE_LAT, M_PER_DEGREE_LON
from twin.territory.inventory import Roads, Variant

Array = NDArray[np.float64]
ROAD_CLASSES: tuple[RoadClass, ...] = get_args(RoadClass)
SPACING_M = 30.0  # between lamps; every length of block below gives 25 to 35
KERB_M = 4.0
_BLOCK_M = (75.0, 120.0)  # short side of a block; the long side is twice that
_ROOM = 1.35  # blocks at a border are lost: make the lattice that much denser than needed
_AT_ONCE = 1_000
# Directions with exact sines: (cos, sin) of Pythagorean triples.
_TURNS = ((1.0, 0.0), (0.8, 0.6), (0.6, 0.8), (12 / 13, 5 / 13), (5 / 13, 12 / 13), (15 / 17, 8 / 17))


@dataclass(frozen=True, eq=False)
class Street:
    """One side of one block: its lamps in order, in degrees rounded to 0.1 m, all inside the commune."""

    commune: str
    number: int
    road_class: RoadClass
    variant: Variant
    lon: Array
    lat: Array

    @property
    def id(self) -> str:
        return f"SEG-{self.commune}-{self.number:04d}"

    @property
    def lamps(self) -> int:
        return len(self.lon)


@dataclass(frozen=True, eq=False)
class _Edges:
    """Sides of blocks: one end, direction (unit), number of lamps, spacing, and the line they lie on."""

    x: Array
    y: Array
    dx: Array
    dy: Array
    count: NDArray[np.int64]
    gap: Array
    across: NDArray[np.bool_]
    line: NDArray[np.int64]

    def take(self, which: NDArray[np.int64]) -> "_Edges":
        return _Edges(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def round_degrees(metres_east: Array, metres_north: Array) -> tuple[Array, Array]:
    """Longitude and latitude rounded to six decimals, 0.1 m."""
    return np.round(metres_east / M_PER_DEGREE_LON, 6), np.round(metres_north / M_PER_DEGREE_LAT, 6)


def lay_streets(
    commune: Commune, outline: Polygons, lamps: int, roads: Roads, random: np.random.Generator
) -> list[Street]:
    """Streets that hold exactly that many lamps, the nearest to the centroid first.

    Raises InputError where the commune is too small for them.
    """
    block_m = min(max(commune.area_km2 * 1e6 / (20 * _ROOM * lamps), _BLOCK_M[0]), _BLOCK_M[1])
    edges = _lattice(commune, outline, block_m, _TURNS[int(random.random() * len(_TURNS))])
    classes, variants = _kinds(edges, roads, random)
    streets: list[Street] = []
    left = lamps
    for side in (1.0, -1.0):
        for k, lon, lat in _inside(edges, outline, side):
            road_class, variant = ROAD_CLASSES[classes[k]], roads.roads[ROAD_CLASSES[classes[k]]].variants[variants[k]]
            street = Street(commune.insee, len(streets) + 1, road_class, variant, lon[:left], lat[:left])
            streets.append(street)
            left -= street.lamps
            if left == 0:
                return streets
    what = f"{commune.name}: {lamps} lamps do not fit on {commune.area_km2:g} km², {left} are left over"
    raise InputError([Problem("territory", 0, 0, what, "lower the scale, or give the outline of a larger commune")])


def _lattice(commune: Commune, outline: Polygons, block_m: float, turn: tuple[float, float]) -> _Edges:
    """Both kinds of block sides over the bounds of the outline, nearest to the centroid first."""
    west, south, east, north = outline.bounds
    x0, y0 = commune.lon * M_PER_DEGREE_LON, commune.lat * M_PER_DEGREE_LAT
    width = max(abs(edge - commune.lon) for edge in (west, east)) * M_PER_DEGREE_LON
    height = max(abs(edge - commune.lat) for edge in (south, north)) * M_PER_DEGREE_LAT
    reach = sqrt(width**2 + height**2)
    along = np.arange(-ceil(reach / (2 * block_m)), ceil(reach / (2 * block_m)) + 1)
    rows = np.arange(-ceil(reach / block_m), ceil(reach / block_m) + 1)
    i, j, across = (grid.ravel() for grid in np.meshgrid(along, rows, np.array([False, True]), indexing="ij"))
    u, v = i * (2 * block_m), j * block_m
    length = np.where(across, block_m, 2 * block_m)
    count = np.floor(length / SPACING_M + 0.5).astype(np.int64)
    cos, sin = turn
    dx, dy = np.where(across, -sin, cos), np.where(across, cos, sin)
    x, y = u * cos - v * sin, u * sin + v * cos
    far = (x + dx * length / 2) ** 2 + (y + dy * length / 2) ** 2
    order = np.argsort(far, kind="stable")
    line = np.where(across, i, j)
    return _Edges(x0 + x, y0 + y, dx, dy, count, length / count, across, line).take(order)


def _kinds(edges: _Edges, roads: Roads, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index of road class and of variant of each edge: every fifth line is main, a street keeps its kind throughout."""
    main, collector, residential, path = range(4)
    lines, of = np.unique(np.stack([edges.across, edges.line]), axis=1, return_inverse=True)
    across, line = lines[0].astype(bool), lines[1]
    kind = np.full(len(line), residential)
    kind[random.random(len(line)) < 0.15] = path
    kind[~across & (line % 5 == 0)] = main
    kind[(~across & (line % 5 == 2)) | (across & (line % 4 == 0))] = collector
    variant = np.zeros(len(line), dtype=np.int64)
    draw = random.random(len(line))
    for k, road_class in enumerate(ROAD_CLASSES):
        shares = np.cumsum([variant.share for variant in roads.roads[road_class].variants])
        here = kind == k
        variant[here] = np.searchsorted(shares / shares[-1], draw[here], side="right")
    return kind[of.ravel()].astype(np.int64), variant[of.ravel()]


def _inside(edges: _Edges, outline: Polygons, side: float) -> Iterator[tuple[int, Array, Array]]:
    """Index and lamps of each edge whose lamps all lie inside, in order."""
    for start in range(0, len(edges.x), _AT_ONCE):
        some = edges.take(np.arange(start, min(start + _AT_ONCE, len(edges.x))))
        steps = np.arange(some.count.max())
        along = (steps + 0.5) * some.gap[:, None]
        east = some.x[:, None] + along * some.dx[:, None] - side * KERB_M * some.dy[:, None]
        north = some.y[:, None] + along * some.dy[:, None] + side * KERB_M * some.dx[:, None]
        lon, lat = round_degrees(east, north)
        good = outline.contains(lon, lat) | (steps >= some.count[:, None])
        for k in np.flatnonzero(good.all(axis=1)):
            n = int(some.count[k])
            yield start + int(k), lon[k, :n], lat[k, :n]


def bisect(streets: Sequence[Street], parts: int) -> list[list[Street]]:
    """Compact groups with about as many lamps each, by cutting again and again across the longer side.

    Raises ValueError for more parts than streets.
    """
    if not 1 <= parts <= len(streets):
        raise ValueError(f"{len(streets)} streets cannot make {parts} groups")
    if parts == 1:
        return [list(streets)]
    x = np.array([street.lon[0] * M_PER_DEGREE_LON for street in streets])
    y = np.array([street.lat[0] * M_PER_DEGREE_LAT for street in streets])
    order = np.argsort(x if np.ptp(x) >= np.ptp(y) else y, kind="stable")
    ranked = [streets[k] for k in order]
    low = parts // 2
    reached = np.cumsum([street.lamps for street in ranked])
    cut = int(np.searchsorted(reached * parts, reached[-1] * low)) + 1
    cut = min(max(cut, low), len(ranked) - (parts - low))
    return bisect(ranked[:cut], low) + bisect(ranked[cut:], parts - low)
