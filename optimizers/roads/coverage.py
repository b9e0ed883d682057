"""How far a road network holds together: an extract cut too close leaves places that no way leads to."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.roads.between import between
from optimizers.roads.crow import great_circle_m
from optimizers.roads.network import Network
from optimizers.roads.snapping import Snapped

_SAMPLE = 300
_FAR_M = 500.0  # below this a detour says little


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one profile.

    nodes, pieces          that it may drive
    parts                  that do not hold together, the largest included
    main_share             of those nodes in the largest part, 0 to 1
    cut_share              of pairs of places without a way from the one to the other, of a sample; 0 to 1
    detour                 median of road over great circle, of the sample; NaN where no pair of it tells
    """

    nodes: int
    pieces: int
    parts: int
    main_share: float
    cut_share: float
    detour: float


def coverage(roads: Network, seed: int = 0) -> Coverage:
    """What of a network can be reached from everywhere; pairs are those of up to 300 pieces drawn by the seed."""
    used = np.flatnonzero(roads.used)
    ends = np.union1d(roads.graph.tail[used], roads.graph.head[used])
    main = np.flatnonzero(roads.main_pieces)
    held = np.union1d(roads.graph.tail[main], roads.graph.head[main])
    random = np.random.default_rng(seed)
    drawn = np.sort(random.choice(used, min(_SAMPLE, len(used)), replace=False))
    back = roads.graph.back[drawn]
    other = np.where((back >= 0) & roads.used[back], back, -1)
    middle = np.full(len(drawn), 0.5)
    spots = Snapped(drawn, middle, np.zeros(len(drawn)), other, np.zeros(len(drawn), bool))
    distance_m = between(roads, spots, spots)[0][~np.eye(len(drawn), dtype=bool)]
    return Coverage(
        nodes=len(ends),
        pieces=len(used),
        parts=len(np.unique(roads.component[roads.chains.of[used]])),
        main_share=len(held) / max(len(ends), 1),
        cut_share=float(np.isinf(distance_m).mean()) if len(distance_m) else 0.0,
        detour=_detour(roads, spots, distance_m),
    )


def _detour(roads: Network, spots: Snapped, distance_m: Floats) -> float:
    graph = roads.graph
    ends = graph.tail[spots.piece], graph.head[spots.piece]
    lon, lat = ((axis[ends[0]] + axis[ends[1]]) / 2 for axis in (graph.lon_deg, graph.lat_deg))
    straight_m = great_circle_m(lon[:, None], lat[:, None], lon, lat)[~np.eye(len(spots), dtype=bool)]
    told = np.isfinite(distance_m) & (straight_m > _FAR_M)
    return float(np.median(distance_m[told] / straight_m[told])) if told.any() else float("nan")
