"""Shapes of communes from facts alone: a power diagram of the centroids whose cells have the published areas.

Flat metres around a fixed point stand for degrees: true to 0.3 % over the territory, and the same everywhere.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.inventory.outlines import Polygons
from engine.model import Commune

Array = NDArray[np.float64]
# Written out: a cosine may differ in its last digit from one machine to the next.
M_PER_DEGREE_LON, M_PER_DEGREE_LAT = 75_386.0, 111_180.0  # at 47.47° N on the GRS 80 ellipsoid
_RING = ((1.0, 0.0), (0.8, 0.6), (0.6, 0.8), (0.0, 1.0))
_WEIGHT_STEP_M2 = 1_000.0
_MOST_STEPS = 100
Cell = list[tuple[float, float, int]]  # x, y in metres, and the site beyond the edge to the next corner (-1: none)


def commune_cells(communes: Sequence[Commune]) -> dict[str, Polygons]:
    """Convex outline of each commune. They fill a convex hull without overlap, with areas true to 0.1 %.

    Weights are found by damped Newton steps (Kitagawa, Mérigot and Thibert, JEMS 21, 2019).
    """
    places = [(commune.lon * M_PER_DEGREE_LON, commune.lat * M_PER_DEGREE_LAT) for commune in communes]
    areas_m2 = [commune.area_km2 * 1e6 for commune in communes]
    hull, sites = _hull(places, areas_m2)
    weights = _weights(sites, areas_m2, hull)
    cells = _diagram(sites, weights, hull)
    scale = np.array([M_PER_DEGREE_LON, M_PER_DEGREE_LAT])
    return {
        commune.insee: Polygons((np.array([(x, y) for x, y, _ in cell]) / scale,))
        for commune, cell in zip(communes, cells, strict=True)
    }


def _weights(sites: Sequence[tuple[float, float]], areas_m2: Sequence[float], hull: Cell) -> list[float]:
    weights, wanted = np.zeros(len(sites)), np.array(areas_m2)
    cells = _diagram(sites, weights, hull)
    alive = min(_areas(cells).min(), wanted.min()) / 2
    for _ in range(_MOST_STEPS):
        gap = wanted - _areas(cells)
        if np.abs(gap).max() < 1e-4 * wanted.min():
            break
        step = np.linalg.lstsq(_jacobian(sites, cells), gap, rcond=None)[0]
        for damp in (0.5**k for k in range(20)):
            cells = _diagram(sites, weights + damp * step, hull)
            areas = _areas(cells)
            if areas.min() >= alive and _norm(wanted - areas) <= (1 - damp / 2) * _norm(gap):
                break
        weights = weights + damp * step
    # Rounded, so that the last digits of the linear algebra of a machine never show.
    return [float(value) for value in np.rint(weights / _WEIGHT_STEP_M2) * _WEIGHT_STEP_M2]


def _norm(gap: Array) -> float:
    return float(np.sqrt(np.sum(gap**2)))


def _areas(cells: Sequence[Cell]) -> Array:
    return np.array([_area(cell) for cell in cells])


def _jacobian(sites: Sequence[tuple[float, float]], cells: Sequence[Cell]) -> Array:
    """How each area grows with each weight: the length of the common edge over twice the distance of the sites."""
    jacobian = np.zeros((len(sites), len(sites)))
    for i, cell in enumerate(cells):
        for (x1, y1, j), (x2, y2, _) in pairwise([*cell, *cell[:1]]):
            if j >= 0:
                distance = np.hypot(sites[i][0] - sites[j][0], sites[i][1] - sites[j][1])
                slope = np.hypot(x2 - x1, y2 - y1) / (2 * distance)
                jacobian[i, j] -= slope
                jacobian[i, i] += slope
    return jacobian


def _diagram(sites: Sequence[tuple[float, float]], weights: Sequence[float] | Array, hull: Cell) -> list[Cell]:
    """The power cell of each site: where |x - site|² - weight is smallest."""
    return [_cell(i, sites, [float(weight) for weight in weights], hull) for i in range(len(sites))]


def _cell(i: int, sites: Sequence[tuple[float, float]], weights: Sequence[float], hull: Cell) -> Cell:
    x, y = sites[i]
    near = sorted(range(len(sites)), key=lambda j: (sites[j][0] - x) ** 2 + (sites[j][1] - y) ** 2)
    cell = hull
    for j in near[1:]:
        a, b = 2 * (sites[j][0] - x), 2 * (sites[j][1] - y)
        c = sites[j][0] ** 2 + sites[j][1] ** 2 - x**2 - y**2 - weights[j] + weights[i]
        cell = list(_clip(cell, a, b, c, j))
    return cell


def _clip(cell: Cell, a: float, b: float, c: float, label: int) -> Iterator[tuple[float, float, int]]:
    """The part of a convex cell where a·x + b·y <= c (Sutherland and Hodgman); the new edge gets `label`."""
    for (x1, y1, edge), (x2, y2, _) in pairwise([*cell, *cell[:1]]):
        out1, out2 = a * x1 + b * y1 - c, a * x2 + b * y2 - c
        if out1 <= 0:
            yield x1, y1, edge
        if (out1 <= 0) != (out2 <= 0):
            t = out1 / (out1 - out2)
            yield x1 + t * (x2 - x1), y1 + t * (y2 - y1), label if out1 <= 0 else edge


def _hull(places: Sequence[tuple[float, float]], areas_m2: Sequence[float]) -> tuple[Cell, list[tuple[float, float]]]:
    """Convex hull of a disc of its area around each place, shrunk to the area of all together; the places with it.

    Shrunk too, every place stays inside, and no cell begins empty.
    """
    points = [
        (x + s * u * r, y + s * v * r)
        for (x, y), r in zip(places, (np.sqrt(area / np.pi) for area in areas_m2), strict=True)
        for u, v in (*_RING, *((-q, p) for p, q in _RING))
        for s in (1, -1)
    ]
    corners = _lower(sorted(points)) + _lower(sorted(points, reverse=True))
    shrink = float(np.sqrt(sum(areas_m2) / _area([(x, y, -1) for x, y in corners])))
    cx, cy = (sum(corner[k] for corner in corners) / len(corners) for k in (0, 1))

    def shrunk(x: float, y: float) -> tuple[float, float]:
        return cx + shrink * (x - cx), cy + shrink * (y - cy)

    return [(*shrunk(x, y), -1) for x, y in corners], [shrunk(x, y) for x, y in places]


def _lower(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The chain of a convex hull from the first point to before the last (Andrew)."""
    chain: list[tuple[float, float]] = []
    for x, y in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], (x, y)) <= 0:
            chain.pop()
        chain.append((x, y))
    return chain[:-1]


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _area(cell: Cell) -> float:
    """Shoelace, from the first corner so that no digits are lost."""
    if not cell:
        return 0.0
    x0, y0, _ = cell[0]
    return sum(_turn((x0, y0), (x1, y1), (x2, y2)) for (x1, y1, _), (x2, y2, _) in pairwise(cell)) / 2
