"""How far and how long it is between containers, depots and sites. Without a map, by great circles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.collection.closures import Closure
from jobs.collection.tables import CollectionTables
from optimizers.roads import crow
from optimizers.routing import Matrices, Place


@dataclass(frozen=True)
class Ways:
    """Matrices between places; `closed` are the roads that were left out; `reasons` what people should know of them."""

    matrices: Matrices
    reasons: tuple[str, ...] = ()


def ways(places: Sequence[Place], closed: Sequence[Closure], tables: CollectionTables) -> Ways:
    """From every place to every other, for one class of truck."""
    lon, lat = (np.array(values, np.float64) for values in zip(*((p.x, p.y) for p in places), strict=True))
    distance_m, duration_s = crow(lon, lat, tables.roads.speed_km_h / 3.6, tables.roads.detour)
    matrices = Matrices(distance_m=distance_m[None], duration_s=duration_s[None], approximate=True)
    ids = ", ".join(closure.id for closure in closed)
    reasons = (f"without a map of the roads nobody is led around what is closed to all traffic: {ids}",) if ids else ()
    return Ways(matrices, reasons)
