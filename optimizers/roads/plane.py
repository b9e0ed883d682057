"""A territory as a plane: metres east and north of its middle."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.roads.crow import EARTH_M


@dataclass(frozen=True, slots=True)
class Plane:
    """Equirectangular about a point: within 1 % over 100 km at 50° of latitude, exact enough for what is near."""

    lon_deg: float
    lat_deg: float

    @classmethod
    def of(cls, lon_deg: Floats, lat_deg: Floats) -> "Plane":
        """About the middle of some points; of none, about 0, 0."""
        return cls(*(float((axis.min() + axis.max()) / 2) if len(axis) else 0.0 for axis in (lon_deg, lat_deg)))

    def metres(self, lon_deg: Floats, lat_deg: Floats) -> Floats:
        """(points, 2): east and north."""
        east = np.radians(lon_deg - self.lon_deg) * np.cos(np.radians(self.lat_deg))
        return EARTH_M * np.stack([east, np.radians(lat_deg - self.lat_deg)], axis=-1)
