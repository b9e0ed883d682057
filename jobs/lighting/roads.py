"""Where lamps and counters stand, and on what road."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.lamps import LampAttributes
from engine.model import Asset
from optimizers.arrays import Floats, Ints

Names = np.ndarray[Any, np.dtype[np.str_]]


@dataclass(frozen=True, eq=False)
class Roads:
    """n lamps, C counters.

    street (n,)              number of the segment
    road_class (n,), counter_class (C,)   empty for a counter that does not say
    place (n, 2), counter_place (C, 2)    degrees of latitude, east and north, over a territory small enough to be flat
    lanes (C,)               that are counted together; NaN where a counter does not say
    """

    street: Ints
    road_class: Names
    place: Floats
    counter_class: Names
    counter_place: Floats
    lanes: Floats


def roads_of(lamps: Sequence[Asset], rows: Sequence[LampAttributes], counters: Sequence[Asset]) -> Roads:
    """Of lamps, with what was read of each, and counters."""
    number = {segment: k for k, segment in enumerate(dict.fromkeys(row.segment for row in rows))}
    return Roads(
        street=np.array([number[row.segment] for row in rows]),
        road_class=np.array([row.road_class for row in rows]),
        place=_flat(lamps),
        counter_class=np.array([str(counter.attributes.get("road_class", "")) for counter in counters], np.str_),
        counter_place=_flat(counters),
        lanes=np.array([counter.attributes.get("lanes", np.nan) for counter in counters], np.float64),
    )


def _flat(assets: Sequence[Asset]) -> npt.NDArray[np.float64]:
    degrees = np.array([(asset.lon, asset.lat) for asset in assets], np.float64).reshape(-1, 2)
    degrees[:, 0] *= np.cos(np.radians(degrees[:, 1]))
    return degrees
