"""A territory of stops cut into zones of about the same work, along lines that few short drives cross."""

from collections.abc import Iterator, Sequence

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.routing.problem import Coordinates, RoutingProblem

_NEIGHBOURS = 8  # of each point: drives between them are those that a cut had better not cross
_LINES = 8  # directions of straight cuts, and of the first ray of sectors
_LANDMARKS = 40  # places from which all others are measured where there are no coordinates


def positions(problem: RoutingProblem) -> Floats:
    """(L, 2) where places are, in some unit of length: from their coordinates, else from how long drives take."""
    xy = np.array([(place.x, place.y) for place in problem.places], np.float64)
    if problem.coordinates is Coordinates.NONE or not np.ptp(xy, axis=0).any():
        return _from_drives(problem)
    if problem.coordinates is Coordinates.WGS84:
        xy[:, 0] *= np.cos(np.radians(xy[:, 1].mean()))
    return xy


def _from_drives(problem: RoutingProblem) -> Floats:
    """Classical scaling from landmarks, each the one farthest from those before (de Silva and Tenenbaum 2004)."""
    duration_s = problem.matrices.duration_s[0]
    n = len(duration_s)
    nearest, marks = np.full(n, np.inf), [0]
    for _ in range(min(_LANDMARKS, n) - 1):
        nearest = np.minimum(nearest, _both_ways(duration_s, marks[-1]))
        marks.append(int(np.where(np.isfinite(nearest), nearest, -1.0).argmax()))
    square = np.stack([_both_ways(duration_s, mark) for mark in marks]) ** 2
    square = np.where(np.isfinite(square), square, np.max(square[np.isfinite(square)]))
    between = square[:, marks]
    mean = between.mean(axis=0)
    values, vectors = np.linalg.eigh(-0.5 * (between - mean - mean[:, None] + mean.mean()))
    axes = vectors[:, -2:] / np.sqrt(np.maximum(values[-2:], 1e-9))
    flat: Floats = (-0.5 * (square - mean[:, None])).T @ axes
    return flat


def _both_ways(duration_s: Floats, place: int) -> Floats:
    both: Floats = (duration_s[place] + duration_s[:, place].astype(np.float64)) / 2
    return both


def cut(at: Floats, weight: Floats, parts: int, centre: Floats, turn: float = 0.0) -> list[Ints]:
    """Points (n, 2) of a weight (n,) in `parts` groups of indices, of about the same weight each.

    Halves are halved again. Each time that line is taken, straight or as two rays from `centre`, which parts the
    fewest neighbours. `turn`, 0 to 1, turns all lines that are tried: another one gives other borders.
    """
    links = _links(at)
    return list(_halved(np.arange(len(at)), at, weight, parts, centre, links, turn))


def _links(at: Floats) -> Ints:
    """(k, 2) each point with its nearest ones."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 - SciPy, which no small problem needs

    n = len(at)
    _, near = cKDTree(at).query(at, min(_NEIGHBOURS + 1, n))
    near = np.asarray(near, np.int64).reshape(n, -1)
    return np.stack([np.repeat(np.arange(n), near.shape[1]), near.ravel()], axis=1)


def _halved(
    members: Ints, at: Floats, weight: Floats, parts: int, centre: Floats, links: Ints, turn: float
) -> Iterator[Ints]:
    if parts < 2 or len(members) < 2:
        yield members
        return
    first = parts // 2
    inside = np.full(len(at), -1)
    inside[members] = np.arange(len(members))
    own = links[(inside[links] >= 0).all(axis=1)]
    best = min(
        (_first_half(key, weight[members], first / parts) for key in _keys(at[members], centre, turn)),
        key=lambda half: int((half[inside[own[:, 0]]] != half[inside[own[:, 1]]]).sum()),
    )
    for half, count in ((members[best], first), (members[~best], parts - first)):
        yield from _halved(half, at, weight, count, centre, links, turn)


def _keys(at: Floats, centre: Floats, turn: float) -> Iterator[Floats]:
    """What points may be ordered by: how far they lie in a direction, or at which angle around the centre."""
    angle = np.arctan2(at[:, 1] - centre[1], at[:, 0] - centre[0])
    for k in range(_LINES):
        theta = np.pi * (k + turn) / _LINES
        yield at @ np.array([np.cos(theta), np.sin(theta)])
        yield (angle - 2 * theta) % (2 * np.pi)


def _first_half(key: Floats, weight: Floats, share: float) -> Bools:
    order = np.argsort(key, kind="stable")
    upto = np.searchsorted(np.cumsum(weight[order]), share * weight.sum())
    half = np.zeros(len(key), np.bool_)
    half[order[: min(max(1, int(upto) + 1), len(key) - 1)]] = True
    return half


def work_of(problem: RoutingProblem) -> Floats:
    """(n,) how much each stop asks of a fleet, 1 on average: its service, its load, and that it is a stop at all."""
    n = len(problem.stops)
    service = np.array([stop.service_s for stop in problem.stops])
    loads = np.array([stop.load for stop in problem.stops], np.float64).reshape(n, -1)
    asked = [np.full(n, 1.0), service, *loads.T]
    work: Floats = np.mean([one * n / one.sum() for one in asked if one.sum() > 0], axis=0)
    return work


def dealt(
    problem: RoutingProblem, vehicles: Sequence[int], zones: Sequence[Sequence[int]], may: Bools
) -> list[list[int]]:
    """Vehicles, by index, shared out among zones of stops; `may` (vehicles, stops) says who may serve whom.

    Each stop asks its work of all vehicles that may serve it alike. They are dealt one by one, those that may serve
    the least first, to the zone that has asked for most and was given least so far; of several depots the nearer.
    """
    chosen, given = list(vehicles), [list[int]() for _ in zones]
    zone = np.full(len(problem.stops), -1)
    for z, stops in enumerate(zones):
        zone[list(stops)] = z
    work = np.where(zone >= 0, work_of(problem), 0.0) / np.maximum(1, may[chosen].sum(axis=0))
    farther = _farther(problem, chosen, zones)
    credit = np.zeros(len(zones))
    for i in np.argsort(may[chosen].sum(axis=1), kind="stable").tolist():
        asks = np.bincount(zone[zone >= 0], (work * may[chosen[i]])[zone >= 0], len(zones))
        asks = asks / asks.sum() if asks.any() else np.full(len(zones), 1 / len(zones))
        credit += asks
        z = int(np.where(asks > 0, credit - farther[i], -np.inf).argmax())
        credit[z] -= 1
        given[z].append(chosen[i])
    return [sorted(one) for one in given]


def _farther(problem: RoutingProblem, vehicles: Sequence[int], zones: Sequence[Sequence[int]]) -> Floats:
    """(vehicles, zones) how much farther a zone is from where a vehicle starts than from the nearest such place, as a
    share of how far these are on average.
    """
    starts = [problem.vehicles[v].start for v in vehicles]
    duration_s = problem.matrices.duration_s[0]
    places = [[problem.stops[s].place for s in stops] for stops in zones]
    far = np.array(
        [[float(np.median(duration_s[start, there])) if there else 0.0 for there in places] for start in starts]
    )
    far = np.where(np.isfinite(far), far, 1e9)
    more: Floats = (far - far.min(axis=0)) / max(float(far.mean()), 1e-9)
    return more
