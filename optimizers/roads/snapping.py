"""Points onto roads: the nearest piece that leads everywhere, and how far along it."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.result import InvalidProblem
from optimizers.roads.crow import off_earth
from optimizers.roads.network import Network

REACH_M = 200.0
"""Whoever is farther from every road is not on this map."""

_SAMPLE_M = 40.0
_AT_ONCE = 2_000
_MIDDLE_M = 0.5  # this near to the line, both sides are the same


@dataclass(frozen=True, eq=False)
class Snapped:
    """Points on a network's largest part; where that is empty `piece` is -1 and `off_m` inf.

    piece (P,)       the nearest piece; of a two-way street the one in whose direction the point is on the right
    share (P,)       0 to 1, how far along it
    off_m (P,)       from the point to there, in metres
    other (P,)       the piece the other way where it may serve too, else -1
    wrong_side (P,)  asked for the right-hand side, and the street can only be driven with the point on the left
    """

    piece: Ints
    share: Floats
    off_m: Floats
    other: Ints
    wrong_side: Bools

    def __len__(self) -> int:
        return len(self.piece)

    def take(self, which: Ints) -> "Snapped":
        return Snapped(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def snap(roads: Network, lon_deg: Floats, lat_deg: Floats, kerb: Bools | None = None) -> Snapped:
    """Points (P,) onto the roads of a network. `kerb` (P,): whether the vehicle is to stop with the point on its right.

    Raises InvalidProblem for coordinates that are none on earth.
    """
    lon, lat = np.array(lon_deg, np.float64), np.array(lat_deg, np.float64)
    if problems := off_earth(lon, lat):
        raise InvalidProblem(problems)
    held = np.zeros(len(lon), bool) if kerb is None else np.asarray(kerb, bool)
    pieces = np.flatnonzero(roads.main_pieces)
    if not len(pieces):
        nowhere = np.full(len(lon), -1)
        return Snapped(nowhere, np.zeros(len(lon)), np.full(len(lon), np.inf), nowhere, np.zeros(len(lon), bool))
    piece, share, off_m, right = _nearest(roads, pieces, roads.plane.metres(lon, lat))
    back = roads.graph.back[piece]
    back = np.where((back >= 0) & roads.main_pieces[back], back, -1)
    turn = (right < -_MIDDLE_M) & (back >= 0)  # the other way the point is on the right
    piece, back = np.where(turn, back, piece), np.where(turn, piece, back)
    share = np.where(turn, 1 - share, share)
    middle = np.abs(right) <= _MIDDLE_M
    other = np.where(held & ~middle, -1, back)
    return Snapped(piece, share, off_m, other, held & ~middle & ~turn & (right < 0))


def _nearest(roads: Network, pieces: Ints, points: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    """Piece, share along it, distance, and how far to the right of it each point is; all (P,)."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 - it takes long to import

    at = roads.plane.metres(roads.graph.lon_deg, roads.graph.lat_deg)
    start, along = at[roads.graph.tail[pieces]], at[roads.graph.head[pieces]] - at[roads.graph.tail[pieces]]
    of, spots = _sampled(start, along)
    tree = cKDTree(spots)
    parts = [np.zeros((4, 0))]
    for first in range(0, len(points), _AT_ONCE):
        some = points[first : first + _AT_ONCE]
        near, _ = tree.query(some)
        around = tree.query_ball_point(some, near + _SAMPLE_M / 2 + 1e-6)
        count = np.array([len(one) for one in around])
        which = np.repeat(np.arange(len(some)), count)
        candidate = of[np.concatenate(around).astype(np.int64)]
        parts.append(_best(some, which, candidate, start, along))
    found = np.concatenate(parts, axis=1)
    return pieces[found[0].astype(np.int64)], found[1], found[2], found[3]


def _sampled(start: Floats, along: Floats) -> tuple[Ints, Floats]:
    """Spots on every piece, none of whose points is farther than half of _SAMPLE_M from one; and whose they are."""
    count = np.maximum(np.ceil(np.hypot(along[:, 0], along[:, 1]) / _SAMPLE_M), 1).astype(np.int64)
    of = np.repeat(np.arange(len(start)), count)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    return of, start[of] + along[of] * ((nth + 0.5) / count[of])[:, None]


def _best(points: Floats, which: Ints, candidate: Ints, start: Floats, along: Floats) -> Floats:
    """(4, P): of each point the nearest of its candidates, the first of equals."""
    way, to = along[candidate], points[which] - start[candidate]
    squared = np.maximum((way**2).sum(axis=1), 1e-12)
    share = np.clip((way * to).sum(axis=1) / squared, 0.0, 1.0)
    off = to - share[:, None] * way
    off_m = np.hypot(off[:, 0], off[:, 1])
    order = np.lexsort((candidate, np.round(off_m, 6), which))
    best = order[np.searchsorted(which[order], np.arange(len(points)))]
    right = (way[:, 1] * to[:, 0] - way[:, 0] * to[:, 1]) / np.sqrt(squared)
    return np.stack([candidate[best].astype(np.float64), share[best], off_m[best], right[best]])
