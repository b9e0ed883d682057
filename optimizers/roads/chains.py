"""Pieces of road in a row become one chain: between junctions there is nothing to choose."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.roads.graph import RoadGraph


@dataclass(frozen=True, eq=False)
class Chains:
    """Rows of pieces that follow one another without a choice.

    of (E,)                  the chain of a piece; -1 of one that is not used
    before_s, before_m (E,)  from the beginning of its chain to that of the piece
    first, last (C,)         pieces at both ends
    total_s, total_m (C,)
    """

    of: Ints
    before_s: Floats
    before_m: Floats
    first: Ints
    last: Ints
    total_s: Floats
    total_m: Floats

    def __len__(self) -> int:
        return len(self.first)


def chained(graph: RoadGraph, used: Bools, seconds: Floats) -> Chains:
    """The chains of the pieces that are used (E,), each in its direction; a ring without junction begins anywhere."""
    before = _followed(graph, used)
    before_s, before_m = np.where(before >= 0, seconds[before], 0.0), np.where(before >= 0, graph.length_m[before], 0.0)
    start, at = np.where(before >= 0, before, np.arange(graph.pieces)), before.copy()
    while (going := np.flatnonzero(at >= 0)).size:  # each round doubles how far back a piece has looked
        to = at[going]
        before_s[going] += before_s[to]
        before_m[going] += before_m[to]
        start[going], at[going] = start[to], at[to]
    first, of = np.unique(start[used], return_inverse=True)
    chain = np.full(graph.pieces, -1)
    chain[used] = of
    follower = np.zeros(graph.pieces, bool)
    follower[before[before >= 0]] = True
    ends = np.flatnonzero(used & ~follower)
    last = np.empty(len(first), np.int64)
    last[chain[ends]] = ends
    return Chains(
        chain, before_s, before_m, first, last, before_s[last] + seconds[last], before_m[last] + graph.length_m[last]
    )


def _followed(graph: RoadGraph, used: Bools) -> Ints:
    """(E,) the piece before each piece, where a vehicle on that one can only go on to this one; else -1."""
    pieces = np.flatnonzero(used)
    passable = _passable(graph, used)
    out = pieces[np.argsort(graph.tail[pieces], kind="stable")]
    begin = np.searchsorted(graph.tail[out], np.arange(len(graph.lon_deg) + 1))
    before = np.full(graph.pieces, -1)
    into = pieces[passable[graph.head[pieces]]]
    for nth in (0, 1):  # a passable node has one or two ways out
        at = begin[graph.head[into]] + nth
        there = at < begin[graph.head[into] + 1]
        one, follow = into[there], out[at[there]]
        ahead = follow != graph.back[one]
        before[follow[ahead]] = one[ahead]
    return _opened(before, pieces)


def _passable(graph: RoadGraph, used: Bools) -> Bools:
    """(N,) nodes at which whoever comes has one way on that does not lead back, and nobody else takes it: on a one-way
    street, or between two pieces of a two-way one.
    """
    nodes = len(graph.lon_deg)
    back = np.where(used[graph.back], graph.back, -1)  # that of -1 is of no account: it stays -1
    paired = used & (back >= 0)
    into, out = (np.bincount(ends[used], minlength=nodes) for ends in (graph.head, graph.tail))
    returning = np.bincount(graph.head[paired], minlength=nodes)
    single = (into == 1) & (out == 1) & (returning == 0)
    passable: Bools = single | ((into == 2) & (out == 2) & (returning == 2))
    passable[graph.head[graph.banned[:, 0]]] = False
    return passable


def _opened(before: Ints, pieces: Ints) -> Ints:
    """Cut rings, which begin nowhere, before their piece of the lowest number."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - half a second to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    linked = np.flatnonzero(before >= 0)
    links = coo_array((np.ones(len(linked)), (linked, before[linked])), shape=(len(before), len(before)))
    count, label = connected_components(links, directed=False)
    begins = np.zeros(count, bool)
    begins[label[before < 0]] = True
    lowest = np.full(count, len(before))
    np.minimum.at(lowest, label[pieces], pieces)
    before[lowest[~begins]] = -1
    return before
