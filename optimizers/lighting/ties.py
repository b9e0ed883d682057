"""What ramps and steps add to the light that a budget takes: prices on them, and the bound of every plan they prove.

A ramp ties a lamp's flux in one slot to that in the next, a step ties it to its neighbour's. Whoever pays a price for
how far two of them are apart, less the same price for how far they may be, is never the worse for keeping the limit:
so at any prices the best of each lamp and slot by itself, less all that the limits are worth, bounds every plan
(Lagrange). Prices are raised one tie at a time, each to where the two just keep it, in rounds.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.budgeting import Cells
from optimizers.lighting.least import Least
from optimizers.lighting.problem import TOLERANCE, LightingProblem

_SWEEPS = 12  # over all ties
_HALVINGS = 16  # toward the price of a tie
_GAINS = 1e-5  # of the bound: a sweep that gains less is the last


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Ties of nodes `u` and `v` (E,) that may be `apart` (E,); no node in two of them."""

    u: Ints
    v: Ints
    apart: Floats


class Ties:
    """Rows of lamps that are alike and of one holder, or that stand by themselves beside a step that they would pass.

    of (n,)         row of each lamp; first (k,) the first of each row
    full_wh (k,)    what a row takes in a slot at full
    tied (q,)       the rows that some tie may bind
    nodes           tied rows in burning slots, one after the other
    pull (q · T',)  price of the flux of each of these nodes, Wh
    """

    def __init__(self, problem: LightingProblem, least: Least, cells: Cells, flux: Floats) -> None:
        """`flux` (n, T): what each lamp and slot is best at by itself, at prices near those that will be asked."""
        self.on = least.on
        pairs = _tight(problem, flux)
        self.of, self.first = _rows(problem, cells, problem.neighbours[pairs])
        hours = problem.slot_s / 3600
        self.full_wh = np.bincount(self.of, problem.power_full_w, self.first.size).astype(np.float64) * hours
        row_flux = flux[self.first][:, self.on]
        ramp = np.full(row_flux.shape, np.inf)
        for t, ramps in least.ramps:
            ramp[:, t] = ramps[self.first]
        stiff: Bools = np.any(np.abs(np.diff(row_flux, axis=1)) > ramp[:, 1:] + TOLERANCE, axis=1)
        stiff[self.of[problem.neighbours[pairs].ravel()]] = True
        self.tied = np.flatnonzero(stiff)
        self.nodes = cells.nodes_of(self.first[self.tied])
        self.node_wh = np.repeat(self.full_wh[self.tied], self.on.size)
        self.pull = np.zeros(self.node_wh.size)
        place = np.cumsum(stiff) - 1
        self._edges = _in_time(ramp[self.tied], self.on.size)
        self._edges += _beside(problem, place[self.of], pairs, self.on.size)
        self._flow = [np.zeros(edges.u.size) for edges in self._edges]

    def rows(self, of_nodes: Floats) -> Floats:
        """(q, T') of tied rows, from (q · T',) of their nodes."""
        rows: Floats = of_nodes.reshape(self.tied.size, self.on.size)
        return rows

    def adds_wh(self, price: Floats) -> Floats:
        """(q,) by how much ties, their limits not yet paid, raise what tied rows come to at prices of power (T,)."""
        paid = self.paid(price, self.tied.size)
        more = self.nodes.best(paid, self.pull / self.node_wh)[1] - self.nodes.best(paid)[1]
        adds: Floats = self.rows(more * self.node_wh).sum(axis=1)
        return adds

    @property
    def worth_wh(self) -> float:
        """What the ties' limits are worth at their prices."""
        return float(
            sum((np.abs(flow) * edges.apart).sum() for flow, edges in zip(self._flow, self._edges, strict=True))
        )

    def pulls(self) -> Floats:
        """(k · T',) price of the flux of all rows in burning slots, Wh."""
        pull = np.zeros((self.first.size, self.on.size))
        pull[self.tied] = self.rows(self.pull)
        return pull.ravel()

    def raise_prices(self, price: Floats) -> None:
        """Prices of ties that prove much where power costs `price` (T,). None could be bettered alone; several together
        perhaps, where lamps burn above their floors.
        """
        if not self._edges:
            return
        # From nothing: prices that were right elsewhere hold others back.
        self.pull[:] = 0.0
        for flow in self._flow:
            flow[:] = 0.0
        paid = self.paid(price, self.tied.size)
        flux, bound = self._value(paid)
        for _ in range(_SWEEPS):
            for edges, flow in zip(self._edges, self._flow, strict=True):
                apart = np.abs(flux[edges.u] - flux[edges.v])
                open_ones = np.flatnonzero((flow != 0) | (apart > edges.apart + TOLERANCE))
                if open_ones.size:
                    self._balance(edges, flow, open_ones, paid, flux)
            before, (flux, bound) = bound, self._value(paid)
            if bound - before <= _GAINS * abs(before):
                break

    def _value(self, paid: Floats) -> tuple[Floats, float]:
        flux, value = self.nodes.best(paid, self.pull / self.node_wh)
        return flux, float((value * self.node_wh).sum()) - self.worth_wh

    def _balance(self, edges: _Edges, flow: Floats, open_ones: Ints, paid: Floats, flux: Floats) -> None:
        """The price of each of some ties to where the two keep it, all else as it is; `flow` and `flux` are changed."""
        ends, apart = (edges.u[open_ones], edges.v[open_ones]), edges.apart[open_ones]
        nodes, full_wh = [self.nodes.take(end) for end in ends], [self.node_wh[end] for end in ends]
        bare = self.pull[ends[0]] - flow[open_ones], self.pull[ends[1]] + flow[open_ones]

        def at(price: Floats) -> tuple[Floats, Floats]:
            return (
                nodes[0].best(paid[ends[0]], (bare[0] + price) / full_wh[0])[0],
                nodes[1].best(paid[ends[1]], (bare[1] - price) / full_wh[1])[0],
            )

        one, other = at(np.zeros(apart.size))
        way = np.where(one >= other, 1.0, -1.0)
        over = np.abs(one - other) - apart
        steep = [4 * node.weight + 4 * paid[end] for node, end in zip(nodes, ends, strict=True)]
        high = np.maximum(steep[0] * full_wh[0], steep[1] * full_wh[1]) + np.abs(bare[0]) + np.abs(bare[1])
        low, above, below = np.zeros(apart.size), over, np.full(apart.size, -1.0)
        for step in range(_HALVINGS):
            share = np.clip(above / np.maximum(above - below, 1e-12), 0.02, 0.98)
            middle = low + (high - low) * (0.5 if step % 2 else share)
            one, other = at(way * middle)
            found = way * (one - other) - apart
            good = found <= 0
            high, below = np.where(good, middle, high), np.where(good, found, below)
            low, above = np.where(good, low, middle), np.where(good, above, found)
        price = np.where(over > 0, way * low, 0.0)
        flow[open_ones] = price
        self.pull[ends[0]], self.pull[ends[1]] = bare[0] + price, bare[1] - price
        flux[ends[0]], flux[ends[1]] = at(price)

    def paid(self, price: Floats, rows: int) -> Floats:
        """Price of power of the nodes of so many rows."""
        return np.tile(price[self.on], rows)


def _tight(problem: LightingProblem, flux: Floats) -> Ints:
    """Pairs of neighbours that pass their step at flux (n, T), and pairs beside them; of lamps that dim."""
    a, b = problem.neighbours.T
    passed = np.zeros(a.size, np.bool_)
    for slot in flux.T[problem.burning]:
        passed |= np.abs(slot[a] - slot[b]) > problem.neighbour_step + TOLERANCE
    near = np.zeros(len(flux), np.bool_)
    near[problem.neighbours[passed].ravel()] = True
    bound = problem.dimmable[a] & problem.dimmable[b] & np.isfinite(problem.neighbour_step)
    return np.flatnonzero((near[a] | near[b]) & bound)


def _rows(problem: LightingProblem, cells: Cells, pairs: Ints) -> tuple[Ints, Ints]:
    """Row of each lamp and first lamp of each row; lamps of `pairs` (p, 2) are rows by themselves."""
    n = len(problem.lamps)
    holder = problem.holders.of if problem.holders is not None else np.zeros(n, np.int64)
    alone = np.zeros(n, np.int64)
    alone[np.unique(pairs)] = 1 + np.unique(pairs)
    code = (holder * (int(cells.kind.max()) + 1) + cells.kind) * (n + 1) + alone
    _, first, of = np.unique(code, return_index=True, return_inverse=True)
    return of, first


def _in_time(ramp: Floats, size: int) -> list[_Edges]:
    """Ramps (q, T') of rows: those into even slots, then those into odd ones."""
    found, rows = [], np.arange(len(ramp))
    for start in (1, 2):
        columns = np.arange(start, size, 2)
        row, into = np.repeat(rows, columns.size), np.tile(columns, rows.size)
        bound = np.isfinite(ramp[row, into])
        node = (row * size + into)[bound]
        if node.size:
            found.append(_Edges(node - 1, node, ramp[row, into][bound]))
    return found


def _beside(problem: LightingProblem, of: Ints, pairs: Ints, size: int) -> list[_Edges]:
    """Steps between neighbours that are rows by themselves, in as many parts as keep each row in one pair at most."""
    taken: list[set[int]] = []
    parts: list[list[int]] = []
    for pair in pairs.tolist():
        ends = set(of[problem.neighbours[pair]].tolist())
        k = next((k for k, rows in enumerate(taken) if not rows & ends), len(taken))
        if k == len(taken):
            taken.append(set())
            parts.append([])
        taken[k] |= ends
        parts[k].append(pair)
    slot, found = np.arange(size), []
    for part in parts:
        a, b = of[problem.neighbours[part]].T
        u, v = ((end[:, None] * size + slot).ravel() for end in (a, b))
        found.append(_Edges(u, v, np.repeat(problem.neighbour_step[part], size)))
    return found
