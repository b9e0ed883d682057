"""How far a road network serves: by class of vehicle, with the shares from which it is said or refused."""

from dataclasses import dataclass
from math import isnan

from optimizers.roads import Profile, RoadGraph, coverage, network

LITTLE = 0.05
"""Share of pairs of places without a way above which a network serves in a degraded way."""

ALL = 0.5
"""Share from which an extract is refused: it was cut too close."""


@dataclass(frozen=True, slots=True)
class Found:
    """Of one profile: pieces it may use, parts that do not hold together, share of nodes in the largest, share of pairs
    of places without a way, median of road over straight distance (None: too small to tell).
    """

    profile: str
    pieces: int
    parts: int
    main_share: float
    cut_share: float
    detour: float | None


def examined(graph: RoadGraph, profile: Profile) -> Found:
    found = coverage(network(graph, profile))
    detour = None if isnan(found.detour) else found.detour
    return Found(profile.name, found.pieces, found.parts, found.main_share, found.cut_share, detour)
