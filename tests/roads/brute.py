"""The same answers in the plainest way: pieces one by one, turns by their rules, and Floyd–Warshall."""

from math import atan2, cos, degrees, inf, radians

import numpy as np

from optimizers.arrays import Floats
from optimizers.roads import CLASSES, Profile, RoadGraph, Snapped

_RANK = {name.removesuffix("_link"): -k for k, name in enumerate(CLASSES) if not name.endswith("_link")}


def seconds(graph: RoadGraph, profile: Profile, piece: int) -> float:
    """Over a piece; inf where it may not be driven."""
    speed = min(profile.speeds_m_s.get(CLASSES[graph.road_class[piece]], 0.0), graph.limit_m_s[piece], profile.top_m_s)
    level = graph.heavy_access[piece] if profile.weight_kg > 3500 else graph.access[piece]
    too_big = (
        profile.height_m > graph.max_height_m[piece]
        or profile.width_m > graph.max_width_m[piece]
        or profile.weight_kg > graph.max_weight_kg[piece]
    )
    if too_big or speed <= 0 or level > profile.enters or graph.tail[piece] == graph.head[piece]:
        return inf
    return float(profile.pace * graph.length_m[piece] / speed)


def turns(graph: RoadGraph, profile: Profile) -> dict[tuple[int, int], float]:
    """Every turn that is allowed, with its seconds."""
    used = [k for k in range(graph.pieces) if seconds(graph, profile, k) < inf]
    bans = {(int(a), int(b)) for a, b in graph.banned}
    found = {}
    for one in used:
        on = [two for two in used if graph.tail[two] == graph.head[one] and (one, two) not in bans]
        ahead = [two for two in on if two != graph.back[one]]
        for two in ahead or on:
            found[one, two] = 0.0 if len(ahead) == 1 else _turn(graph, profile, one, two)
    return found


def _turn(graph: RoadGraph, profile: Profile, one: int, two: int) -> float:
    rules = profile.turns
    node = graph.head[one]
    largest = max(rank(graph, k) for k in range(graph.pieces) if node in {graph.tail[k], graph.head[k]})
    wait = rules.give_way_s if rank(graph, one) < largest else 0.0
    if graph.back[one] == two:
        return rules.back_s + wait
    angle = (bearing(graph, two) - bearing(graph, one) + 180) % 360 - 180
    if abs(angle) <= rules.straight_deg:
        return wait
    return wait + (rules.left_s if angle > 0 or angle < -179.9 else rules.right_s)


def rank(graph: RoadGraph, piece: int) -> int:
    return _RANK[CLASSES[graph.road_class[piece]].removesuffix("_link")]


def bearing(graph: RoadGraph, piece: int) -> float:
    """Degrees from east, counter-clockwise."""
    a, b = graph.tail[piece], graph.head[piece]
    east = (graph.lon_deg[b] - graph.lon_deg[a]) * cos(radians(float(graph.lat_deg.mean())))
    return degrees(atan2(graph.lat_deg[b] - graph.lat_deg[a], east))


def closure(graph: RoadGraph, profile: Profile) -> tuple[Floats, Floats]:
    """Seconds, and metres on the way, from the end of every piece to the end of every other."""
    size = graph.pieces
    cost = np.full((size, size, 2), inf)
    for (one, two), turn in turns(graph, profile).items():
        cost[one, two] = turn + seconds(graph, profile, two), graph.length_m[two]
    for k in range(size):
        cost[k, k] = 0.0
    for k in range(size):
        via = cost[:, k : k + 1] + cost[k : k + 1]
        near = via[..., 0] <= cost[..., 0] + 1e-9
        better = near & ((via[..., 0] < cost[..., 0] - 1e-9) | (via[..., 1] < cost[..., 1]))
        cost[better] = via[better]
    return cost[..., 0], cost[..., 1]


def largest(graph: RoadGraph, profile: Profile) -> list[set[int]]:
    """The largest sets of pieces of which each can be reached from every other."""
    reached = np.isfinite(closure(graph, profile)[0])
    used = [k for k in range(graph.pieces) if seconds(graph, profile, k) < inf]
    parts = {frozenset(b for b in used if reached[a, b] and reached[b, a]) for a in used}
    most = max(map(len, parts), default=0)
    return [set(part) for part in parts if len(part) == most > 1]


def ways(graph: RoadGraph, profile: Profile, points: Snapped) -> tuple[Floats, Floats]:
    """(metres, seconds) between points on pieces."""
    time, length = closure(graph, profile)
    allowed = turns(graph, profile)
    spots = [
        [(int(p), float(s))] + ([(int(o), 1 - float(s))] if o >= 0 else [])
        for p, s, o in zip(points.piece, points.share, points.other, strict=True)
    ]
    best = np.full((2, len(spots), len(spots)), inf)
    for i, starts in enumerate(spots):
        for j, ends in enumerate(spots):
            options = [(inf, inf)]
            for one, out in starts:
                for two, into in ends:
                    options += _from_to(graph, profile, time, length, allowed, (one, out), (two, into))
            best[1, i, j], best[0, i, j] = min(options)
    return best[0], best[1]


def _from_to(graph, profile, time, length, allowed, start, end):  # type: ignore[no-untyped-def]
    (one, out), (two, into) = start, end
    if one == two and into >= out:
        yield (into - out) * seconds(graph, profile, one), (into - out) * graph.length_m[one]
    for before, last in allowed:
        if last != two or not np.isfinite(time[one, before]):
            continue
        yield (
            (1 - out) * seconds(graph, profile, one)
            + time[one, before]
            + allowed[before, last]
            + into * seconds(graph, profile, two),
            (1 - out) * graph.length_m[one] + length[one, before] + into * graph.length_m[two],
        )
