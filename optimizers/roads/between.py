"""How far and how long between points on roads: Dijkstra's algorithm over time, turns included."""

from typing import Any

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.roads.joining import join
from optimizers.roads.network import Network
from optimizers.roads.snapping import Snapped

# One float64 holds a way's milliseconds above its decimetres, both whole, and adds them exactly: one search finds the
# fastest way, of equally fast ones the shortest, and its length with it. 2^28 ms are 74 hours, 2^25 dm are 3,355 km.
_DM = float(1 << 25)
_CHUNK = 1 << 22  # distances held at once: 32 MB


def between(roads: Network, sources: Snapped, targets: Snapped) -> tuple[Floats, Floats]:
    """(distance_m, duration_s) of the fastest way from every source to every target, (S, T); inf where there is none.

    Exact to half a millisecond and half a decimetre for each chain of the way. A vehicle that turns round at its stop
    takes no time for it, unless the point is held to a kerb.
    """
    if not len(sources) or not len(targets):
        return np.zeros((len(sources), len(targets))), np.zeros((len(sources), len(targets)))
    chains = len(roads.chains)
    begin, finish = chains + np.arange(len(sources)), chains + len(sources) + np.arange(len(targets))
    graph = _arcs(roads, sources, targets, begin, finish)
    turned = len(sources) > len(targets)  # fewer searches lead from the targets back
    found = _search(graph.T.tocsr(), finish, begin).T if turned else _search(graph, begin, finish)
    return _unpacked(np.minimum(found, _direct(roads, sources, targets)))


def _packed(seconds: Floats, metres: Floats) -> Floats:
    packed: Floats = np.round(seconds * 1_000) * _DM + np.round(metres * 10)
    return packed


def _unpacked(cost: Floats) -> tuple[Floats, Floats]:
    whole = np.floor(cost / _DM)
    with np.errstate(invalid="ignore"):  # inf - inf
        metres = np.where(np.isinf(cost), np.inf, (cost - whole * _DM) / 10)
    return metres, whole / 1_000


def _options(points: Snapped) -> tuple[Ints, Ints, Floats]:
    """Each point with each piece it may stop on: its number, the piece, the share along it."""
    there = np.flatnonzero(points.piece >= 0)
    both = np.flatnonzero(points.other >= 0)
    piece = np.concatenate([points.piece[there], points.other[both]])
    return np.concatenate([there, both]), piece, np.concatenate([points.share[there], 1 - points.share[both]])


def _along(roads: Network, piece: Ints, share: Floats) -> tuple[Ints, Floats, Floats]:
    """The chain of each spot on a piece, with its seconds and metres from the chain's beginning."""
    chains = roads.chains
    return (
        chains.of[piece],
        chains.before_s[piece] + share * roads.seconds[piece],
        chains.before_m[piece] + share * roads.graph.length_m[piece],
    )


def _arcs(roads: Network, sources: Snapped, targets: Snapped, begin: Ints, finish: Ints) -> Any:
    """The graph: chains' ends, sources that lead to the end of their chain, targets reached from the ends before."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - half a second to import

    chains, steps = roads.chains, roads.steps
    costs = [_packed(steps.turn_s + chains.total_s[steps.onto], chains.total_m[steps.onto])]
    tails, heads = [steps.chain], [steps.onto]

    point, piece, share = _options(sources)
    chain, at_s, at_m = _along(roads, piece, share)
    costs.append(_packed(chains.total_s[chain] - at_s, chains.total_m[chain] - at_m))
    tails.append(begin[point])
    heads.append(chain)

    point, piece, share = _options(targets)
    chain, at_s, at_m = _along(roads, piece, share)
    spot, step = join(chain, steps.onto)
    costs.append(_packed(steps.turn_s[step] + at_s[spot], at_m[spot]))
    tails.append(steps.chain[step])
    heads.append(finish[point[spot]])

    tail, head, cost = np.concatenate(tails), np.concatenate(heads), np.concatenate(costs)
    order = np.lexsort((cost, head, tail))  # of two arcs between the same ends the cheaper: a matrix would add them
    tail, head, cost = tail[order], head[order], cost[order]
    first = np.ones(len(tail), bool)
    first[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    size = len(chains) + len(sources) + len(targets)
    return csr_array((cost[first], (tail[first], head[first])), shape=(size, size))


def _search(graph: Any, begin: Ints, finish: Ints) -> Floats:
    """Cost from each begin to each finish; a few begins at a time, for each search holds all of the graph."""
    from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415 - half a second to import

    found = np.empty((len(begin), len(finish)))
    rows = max(_CHUNK // graph.shape[0], 1)
    for first in range(0, len(begin), rows):
        found[first : first + rows] = dijkstra(graph, indices=begin[first : first + rows])[:, finish]
    return found


def _direct(roads: Network, sources: Snapped, targets: Snapped) -> Floats:
    """Cost of going on along the chain where both are on it, the target ahead; else inf."""
    best = np.full((len(sources), len(targets)), np.inf)
    s_point, s_piece, s_share = _options(sources)
    t_point, t_piece, t_share = _options(targets)
    s_chain, s_s, s_m = _along(roads, s_piece, s_share)
    t_chain, t_s, t_m = _along(roads, t_piece, t_share)
    one, two = join(s_chain, t_chain)
    ahead = t_m[two] >= s_m[one] - 1e-6
    one, two = one[ahead], two[ahead]
    cost = _packed(np.maximum(t_s[two] - s_s[one], 0.0), np.maximum(t_m[two] - s_m[one], 0.0))
    np.minimum.at(best, (s_point[one], t_point[two]), cost)
    return best
