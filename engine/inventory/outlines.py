"""Outlines of communes: GeoJSON in, point-in-polygon out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from engine.errors import InputError, Problem

Array = NDArray[np.float64]
_EDGES_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Polygons:
    """A surface: rings of (n, 2) longitude and latitude in degrees, each closed on itself without repeating a point.

    Holes and islands need no mark: a point is inside when a ray from it crosses the rings an odd number of times.
    """

    rings: tuple[Array, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        points = np.concatenate(self.rings)
        (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
        return float(west), float(south), float(east), float(north)

    def contains(self, lon: Array, lat: Array) -> NDArray[np.bool_]:
        """Whether each point is inside. Of two surfaces that share a border, a point on it is in one only."""
        inside = np.zeros(lon.shape, dtype=bool)
        west, south, east, north = self.bounds
        near = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
        x, y = lon.ravel()[near, None], lat.ravel()[near, None]
        odd = np.zeros(near.size, dtype=bool)
        for ring in self.rings:
            a, b = ring, np.roll(ring, -1, axis=0)
            for k in range(0, len(ring), _EDGES_AT_ONCE):
                odd ^= _crossings(x, y, a[k : k + _EDGES_AT_ONCE], b[k : k + _EDGES_AT_ONCE])
        inside.ravel()[near] = odd
        return inside


def _crossings(x: Array, y: Array, a: Array, b: Array) -> NDArray[np.bool_]:
    """Whether the ray from each point to the east crosses an odd number of the edges a → b."""
    # The lower end first: an edge that two surfaces share then gives both the very same sum.
    up = a[:, 1] <= b[:, 1]
    low, high = np.where(up[:, None], a, b), np.where(up[:, None], b, a)
    spans = (low[:, 1] <= y) & (y < high[:, 1])
    run, rise = high[:, 0] - low[:, 0], high[:, 1] - low[:, 1]
    east = (x - low[:, 0]) * rise < (y - low[:, 1]) * run
    odd: NDArray[np.bool_] = (np.count_nonzero(spans & east, axis=1) & 1).astype(bool)
    return odd


def load_outlines(path: Path) -> dict[str, Polygons]:
    """Outline of each commune by INSEE code, from a GeoJSON FeatureCollection of Polygon and MultiPolygon in WGS 84.

    The code is the property `insee`. Raises InputError with every feature that is wrong.
    """
    try:
        data = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "check the path")]) from None
    except orjson.JSONDecodeError as error:
        raise InputError([Problem(str(path), error.lineno, error.colno, f"is not JSON: {error.msg}")]) from None
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list):
        raise InputError([Problem(str(path), 1, 1, "has no features", "give a GeoJSON FeatureCollection")])
    outlines: dict[str, Polygons] = {}
    problems: list[Problem] = []
    for number, feature in enumerate(features):
        try:
            insee, outline = _outline(feature)
            if insee in outlines:
                raise ValueError(f"the commune {insee} stands twice → keep one of the two")
            outlines[insee] = outline
        except ValueError as error:
            what, _, hint = str(error).partition(" → ")
            problems.append(Problem(str(path), 0, 0, f"features[{number}]: {what}", hint))
    if problems:
        raise InputError(problems)
    return outlines


def _outline(feature: Any) -> tuple[str, Polygons]:
    """INSEE code and outline of one feature. Raises ValueError "what → hint"."""
    insee = _get(_get(feature, "properties"), "insee")
    if not isinstance(insee, str) or not insee:
        raise ValueError("has no INSEE code → add the property insee, as text")
    geometry = _get(feature, "geometry")
    kind, coordinates = _get(geometry, "type"), _get(geometry, "coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"{insee} is a {kind} → only Polygon and MultiPolygon bound a surface")
    try:
        rings = [ring for polygon in ([coordinates] if kind == "Polygon" else coordinates) for ring in polygon]
        return insee, Polygons(tuple(_ring(insee, ring) for ring in rings))
    except TypeError:
        raise ValueError(f"{insee}: its coordinates are not lists of rings → see RFC 7946 §3.1.6") from None


def _ring(insee: str, points: Any) -> Array:
    try:
        ring = np.array([point[:2] for point in points], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{insee}: a ring holds something else than [longitude, latitude]") from None
    if ring.ndim != 2 or len(ring) < 4:
        raise ValueError(f"{insee}: a ring has {len(ring)} points → at least 4, the last one equal to the first")
    if (ring[0] != ring[-1]).any():
        raise ValueError(f"{insee}: a ring is not closed → repeat its first point at its end")
    if not (np.isfinite(ring).all() and (np.abs(ring[:, 0]) <= 180).all() and (np.abs(ring[:, 1]) <= 90).all()):
        raise ValueError(f"{insee}: a ring leaves WGS 84 → longitude and latitude in degrees")
    return ring[:-1]


def _get(holder: Any, key: str) -> Any:
    return holder.get(key) if isinstance(holder, Mapping) else None
