"""What it adds to the light that a budget takes that a holder's lamps share a few programs: a bound, at given prices.

Rows of lamps that share a program have one flux in each slot. What that costs them beyond what each is best at by
itself is known of all pairs and threes; of more it is at least what any of those within cost that have no row in
common. Which rows should share is then a partition into as many groups as programs are held, of all groups by these
costs: no programs cost less. Changes of level are not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.nodes import Nodes
from optimizers.lighting.programs.envelopes import pieces
from optimizers.lighting.programs.subsets import best_partitions

MOST_ROWS = 11  # of one holder that are weighed in all groups; of more, those that are least like any other
_LEAST = 1e-9  # Wh: what sharing adds less is rounding


@dataclass(frozen=True, slots=True, eq=False)
class _Parabolas:
    """Cost of n rows in P pieces of the night as c0 + c1·u + c2·u² (n, P, J), u from the start of each
    of J steps of flux, from `start` to `stop` (J,); and the lowest flux (n, P) of each.
    """

    c0: Floats
    c1: Floats
    c2: Floats
    start: Floats
    stop: Floats
    low: Floats

    @classmethod
    def of(cls, nodes: Nodes, paid: Floats, pull: Floats, full_wh: Floats, slots: int) -> "_Parabolas":
        """Of nodes that are rows in `slots` slots, one row after the other; `pull`, `full_wh` by node."""
        traits = (nodes.floor, nodes.low, nodes.seen, paid, pull)
        rows = np.concatenate([trait.reshape(-1, slots) for trait in traits])
        first, length = pieces(rows, np.zeros((1, slots), np.bool_))
        one = (np.arange(0, nodes.floor.size, slots)[:, None] + first).ravel()
        nodes, paid, pull, full_wh = nodes.take(one), paid[one], pull[one], full_wh[one]
        knots = [np.array(nodes.curves[index].flux) for index in np.unique(nodes.curve).tolist()]
        edges = np.unique(np.concatenate([nodes.floor, nodes.boost, *knots, [0.0, 1.0]]))
        start, stop = edges[:-1], edges[1:]
        share = np.stack([nodes.share(np.full(one.size, edge)) for edge in edges.tolist()], axis=1)
        lacks = np.maximum(nodes.floor[:, None] - start, 0.0)
        bend = np.where(lacks > 0, (nodes.weight / np.where(nodes.floor > 0, nodes.floor, 1.0))[:, None], 0.0)
        steep = paid[:, None] * np.diff(share, axis=1) / (stop - start) - 2 * bend * lacks
        level = bend * lacks * lacks + paid[:, None] * share[:, :-1]
        shape, times = (-1, first.size, start.size), np.tile(length, one.size // first.size)[:, None]
        wh = full_wh[:, None]
        c0 = times * (wh * level + pull[:, None] * start)
        c1 = times * (wh * steep + pull[:, None])
        return cls(
            c0.reshape(shape),
            c1.reshape(shape),
            (times * wh * bend).reshape(shape),
            start,
            stop,
            nodes.low.reshape(-1, first.size),
        )

    def together(self, groups: Ints) -> Floats:
        """(g,) the least cost of each of `groups` (g, s) of rows at one flux in each piece."""
        c0, c1, c2 = (column[groups].sum(axis=1) for column in (self.c0, self.c1, self.c2))
        low = self.low[groups].max(axis=1)[:, :, None]
        width = self.stop - self.start
        bare = np.where(c1 < 0, width, 0.0)
        u = np.divide(-c1, 2 * c2, out=bare, where=c2 > 0)
        u = np.clip(u, np.maximum(low - self.start, 0.0), width)
        cost = np.where(self.stop >= low, c0 + u * (c1 + u * c2), np.inf)
        least: Floats = cost.min(axis=2).sum(axis=1)
        return least


def sharing_wh(nodes: Nodes, paid: Floats, pull: Floats, full_wh: Floats, rows: Sequence[Ints], most: Ints) -> Floats:
    """(h,) what holders lose at least by sharing: of each the indices of its `rows`, and the programs that it holds.

    `nodes`, `paid` and `pull` (k · T',) are rows in slots, one row after the other, `full_wh` (k,) by row. Rows that do
    not dim are not counted: a holder holds no more programs for the others.
    """
    slots = nodes.floor.size // full_wh.size
    excess: dict[int, Floats] = {}
    for h, all_rows in enumerate(rows):
        mine = all_rows[nodes.dims[all_rows * slots]]
        if mine.size > most[h]:
            at = (mine[:, None] * slots + np.arange(slots)).ravel()
            wh = np.repeat(full_wh[mine], slots)
            excess[h] = _excess(_Parabolas.of(nodes.take(at), paid[at], pull[at], wh, slots), int(most[h]))
    lost = np.zeros(len(rows))
    for size, groups in sorted({(costs.size, int(most[h])) for h, costs in excess.items()}):
        these = [h for h, costs in excess.items() if (costs.size, int(most[h])) == (size, groups)]
        costs = np.stack([excess[h] for h in these])
        for h, cost, parts in zip(these, costs, best_partitions(costs, groups), strict=True):
            lost[h] = cost[parts].sum()
    return lost


def _excess(parabolas: _Parabolas, most: int) -> Floats:
    """(2^n,) what sharing adds at least for each subset of rows, of the `MOST_ROWS` that are least like any other."""
    n = len(parabolas.low)
    own = parabolas.together(np.arange(n)[:, None])
    pairs = np.array(list(combinations(range(n), 2)))
    pair = np.zeros((n, n))
    pair[tuple(pairs.T)] = parabolas.together(pairs) - own[pairs].sum(axis=1)
    pair += pair.T
    nearest = np.where(np.eye(n, dtype=np.bool_), np.inf, pair).min(axis=1)
    kept = np.sort(np.argsort(-nearest, kind="stable")[:MOST_ROWS])
    found = {tuple(two): float(pair[tuple(kept[list(two)])]) for two in combinations(range(kept.size), 2)}
    if kept.size - most >= 2:
        threes = np.array(list(combinations(range(kept.size), 3)))
        added = parabolas.together(kept[threes]) - own[kept[threes]].sum(axis=1)
        found |= {tuple(three): cost for three, cost in zip(threes.tolist(), added.tolist(), strict=True)}
    return _subsets(found, kept.size)


def _subsets(found: dict[tuple[int, ...], float], n: int) -> Floats:
    """(2^n,) the most that groups of `found` within each subset cost that have no member in common."""
    cost = np.zeros(1 << n)
    by_last: list[list[tuple[tuple[int, ...], float]]] = [[] for _ in range(n)]
    for group, added in found.items():
        if added > _LEAST:
            by_last[group[-1]].append((group[:-1], added))
    for last, ending in enumerate(by_last):
        rest = np.arange(1 << last)
        best = cost[: 1 << last].copy()
        for others, added in ending:
            bits = sum(1 << other for other in others)
            having = np.flatnonzero(rest & bits == bits)
            best[having] = np.maximum(best[having], cost[having ^ bits] + added)
        cost[1 << last : 2 << last] = best
    return cost
