"""A road network: nodes, and the pieces of road between them, each way by itself."""

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import cached_property
from hashlib import sha256

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, Shapes, freeze
from optimizers.result import InvalidProblem
from optimizers.roads.crow import off_earth

CLASSES = (
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
    "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "service", "track", "pedestrian",
)  # fmt: skip
"""Of roads, by OpenStreetMap's key highway, the largest first: those that a motor vehicle may be let onto."""

_LINK = len("_link")
IMPORTANCE = np.array([-CLASSES.index(name[:-_LINK] if name.endswith("_link") else name) for name in CLASSES])
"""Of each class: who comes from a smaller road gives way. A link counts as the road that it leads to."""


class Access(IntEnum):
    """How closed a road is; a profile enters up to one of these."""

    OPEN = 0
    DESTINATION = 1  # whoever has to do there: residents, deliveries, customers
    PRIVATE = 2  # by permission: private ways, tracks of farms and forests, pedestrian streets
    CLOSED = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class RoadGraph:
    """Straight pieces of road, each in a direction that may be driven: a two-way street has both.

    lon_deg, lat_deg (N,)                of nodes, WGS 84
    tail, head (E,)                      nodes that a piece leads from and to
    back (E,)                            the same piece the other way, -1 where that may not be driven
    length_m (E,)
    road_class (E,)                      index into CLASSES
    limit_m_s (E,)                       the speed that signs allow; inf where none is known
    max_height_m, max_width_m, max_weight_kg (E,)    of vehicles, inf for no limit
    access, heavy_access (E,)            `Access` of motor vehicles, and of those over 3.5 t
    way (E,)                             id in the source
    banned (B, 2)                        pieces that meet, of which the second may not follow the first
    origin, licence                      where it comes from, and what its owner asks to be said
    approximate                          made, by no map

    Raises InvalidProblem with everything that is wrong.
    """

    lon_deg: Floats
    lat_deg: Floats
    tail: Ints
    head: Ints
    back: Ints
    length_m: Floats
    road_class: Ints
    limit_m_s: Floats
    max_height_m: Floats
    max_width_m: Floats
    max_weight_kg: Floats
    access: Ints
    heavy_access: Ints
    way: Ints
    banned: Ints
    origin: str = ""
    licence: str = ""
    approximate: bool = False

    def __post_init__(self) -> None:
        n, e, b = (len(getattr(self, name)) for name in ("lon_deg", "tail", "banned"))
        shapes: Shapes = {"lon_deg": (np.float64, (n,)), "lat_deg": (np.float64, (n,)), "banned": (np.int64, (b, 2))}
        shapes |= dict.fromkeys(
            ("tail", "head", "back", "road_class", "access", "heavy_access", "way"), (np.int64, (e,))
        )
        shapes |= dict.fromkeys(
            ("length_m", "limit_m_s", "max_height_m", "max_width_m", "max_weight_kg"), (np.float64, (e,))
        )
        if problems := freeze(self, shapes) or self._wrong():
            raise InvalidProblem(problems)

    def _wrong(self) -> list[str]:
        nodes, pieces = len(self.lon_deg), len(self.tail)
        within = {
            "tail": (0, nodes), "head": (0, nodes), "back": (-1, pieces), "road_class": (0, len(CLASSES)),
            "access": (0, len(Access)), "heavy_access": (0, len(Access)), "banned": (0, pieces),
        }  # fmt: skip
        problems = off_earth(self.lon_deg, self.lat_deg)
        for name, (low, beyond) in within.items():
            array: Ints = getattr(self, name)
            if bad := int(((array < low) | (array >= beyond)).sum()):
                problems.append(f"{name}: {bad} outside {low} to {beyond - 1}")
        if bad := int((~((self.length_m >= 0) & (self.length_m < np.inf))).sum()):
            problems.append(f"length_m: {bad} of no length; wants metres from 0")
        for name in ("limit_m_s", "max_height_m", "max_width_m", "max_weight_kg"):
            if bad := int((~(getattr(self, name) > 0)).sum()):
                problems.append(f"{name}: {bad} not above 0; wants inf where there is no limit")
        return problems

    @property
    def pieces(self) -> int:
        return len(self.tail)

    @cached_property
    def digest(self) -> str:
        """Of all that it holds, save where it comes from: equal for equal networks."""
        total = sha256()
        for one in fields(self):
            if isinstance(value := getattr(self, one.name), np.ndarray):
                total.update(f"{one.name}{value.shape}".encode())
                total.update(np.ascontiguousarray(value).tobytes())
        return total.hexdigest()

    def without(self, shut: Bools) -> "RoadGraph":
        """The same network without some pieces (E,): roads that are closed."""
        left = np.flatnonzero(~shut)
        number = np.full(self.pieces + 1, -1)  # the last is what -1 becomes
        number[left] = np.arange(len(left))
        taken = {
            one.name: getattr(self, one.name)[left]
            for one in fields(self)
            if one.name not in {"lon_deg", "lat_deg", "banned", "origin", "licence", "approximate"}
        }
        taken["back"] = number[taken["back"]]
        banned = number[self.banned].reshape(-1, 2)
        taken["banned"] = banned[(banned >= 0).all(axis=1)]
        return replace(self, **taken)
