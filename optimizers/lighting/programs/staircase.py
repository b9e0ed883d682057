"""The cheapest program above a row of flux that changes its level a few times only: exact, many rows at once.

A layered dynamic program over (slot, level, changes so far). Three things keep it finite and small:

Levels. In the least staircase for given instants of change every piece is as high as the highest flux needed in it, or
as high as a ramp from another piece leaves it: a value of the row less so many ramps. No other level can be cheaper.

Slots. Where need, ramp and prices are the same from slot p to before q, the cost is linear in the instants of change
between, so that some cheapest staircase has each of them next to p or next to q: with levels falling next to p and
rising next to q, as a peak inside could be cut off. Without ramps they all collapse onto p. So only the slots near
a turn are told apart, and what lies between is one piece.

Changes. A row that changes no more often than allowed, and keeps its ramps, is its own cheapest program.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.programs.draws import Draws

_NEAR = 1e-10  # levels this near are one level; ten times below the tolerance of a plan
_BEYOND = 9.0  # a level that no lamp has, to fill rows up
_CELLS = 2**15  # (row, level, changes) told apart at a time: what stays in a processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """What B programs over T slots must keep.

    least (B, T)     flux they may not go below; 0 in slots that do not burn
    ramp (B, T)      largest change of flux from the slot before; inf where none binds
    whole (B,)       whether only 0 and 1 are levels, for a lamp that cannot dim
    changes (B,)     most changes of level, from dark before the first slot to dark after the last
    burning (T,)     whether it is dark; programs are at 0 in other slots
    """

    least: Floats
    ramp: Floats
    whole: Bools
    changes: Ints
    burning: Bools

    def take(self, rows: Ints) -> "Needs":
        return Needs(self.least[rows], self.ramp[rows], self.whole[rows], self.changes[rows], self.burning)

    def above(self, least: Floats) -> "Needs":
        return Needs(least, self.ramp, self.whole, self.changes, self.burning)


def changes_of(flux: Floats) -> Ints:
    """(B,) changes of level of programs (B, T), from dark before the first slot to dark after the last."""
    count: Ints = (flux[:, 1:] != flux[:, :-1]).sum(axis=1) + (flux[:, 0] != 0) + (flux[:, -1] != 0)
    return count


def parts_lit(least: Floats, burning: Bools) -> Ints:
    """(B,) parts of the night in which rows of flux (B, T) are lit. With two changes for each a program that keeps any
    ramp can be had: on at dusk, at one level, off at dawn.
    """
    begins = np.flatnonzero(burning & ~np.concatenate([[False], burning[:-1]]))
    ends = np.flatnonzero(burning & ~np.concatenate([burning[1:], [False]])) + 1
    parts = np.zeros(len(least), np.int64)
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        parts += (least[:, begin:end] > _NEAR).any(axis=1)
    return parts


def staircases(needs: Needs, draws: Draws) -> tuple[Floats, Floats]:
    """The cheapest program of each row, (B, T), and its cost, (B,); inf and a row of NaN where there is none."""
    flux, cost, open_rows = _as_they_are(needs, draws)
    for rows, chunk in _chunks(needs, draws, open_rows):
        layers = list(chunk.layers())
        cost[rows] = chunk.close(layers[-1])
        flux[rows] = chunk.trace(layers)
    return flux, cost


def costs(needs: Needs, draws: Draws) -> Floats:
    """Only the cost of each row's cheapest program, (B,)."""
    _, cost, open_rows = _as_they_are(needs, draws)
    for rows, chunk in _chunks(needs, draws, open_rows):
        (last,) = deque(chunk.layers(), maxlen=1)
        cost[rows] = chunk.close(last)
    return cost


def _as_they_are(needs: Needs, draws: Draws) -> tuple[Floats, Floats, Ints]:
    """Programs and costs of the rows that are staircases already, and which rows are not."""
    flux = np.where(needs.whole[:, None], needs.least > _NEAR, needs.least).astype(np.float64)
    fits = changes_of(flux) <= needs.changes
    fits &= (np.abs(np.diff(flux, axis=1)) <= needs.ramp[:, 1:] + _NEAR).all(axis=1)
    cost = draws.of(flux)
    open_rows = np.flatnonzero(~fits)
    cost[open_rows], flux[open_rows] = np.inf, np.nan
    return flux, cost, open_rows


def _chunks(needs: Needs, draws: Draws, rows: Ints) -> Iterator[tuple[Ints, "_Chunk"]]:
    if not rows.size:
        return
    needs = needs.take(rows)
    levels = _levels(needs)
    first = _pieces(needs, draws.take(rows).turns())
    size = (levels < _BEYOND).sum(axis=1)
    pieces = (first >= 0).sum(axis=1)
    layers = needs.changes + 1
    order = np.lexsort((pieces, size, layers))
    start = 0
    while start < order.size:
        # Rows come with layers and levels rising: so many of the largest of a block stay within the cells.
        stop = start + 1
        while stop < order.size and (stop + 1 - start) * size[order[stop]] * layers[order[stop]] <= _CELLS:
            stop += 1
        block = order[start:stop]
        chunk = _Chunk(needs.take(block), draws.take(rows[block]), levels[block, : size[block].max()], first[block])
        yield rows[block], chunk
        start = stop


def _levels(needs: Needs) -> Floats:
    """(B, L) levels that a cheapest staircase of each row can have, ascending from 0, filled up with `_BEYOND`."""
    least = needs.least[:, needs.burning]
    levels = _distinct(np.where(needs.whole[:, None], np.where(least > _NEAR, 1.0, 0.0), least))
    lowest = least.min(axis=1, keepdims=True, initial=1.0)
    finite = np.where(np.isfinite(needs.ramp) & ~needs.whole[:, None], needs.ramp, _BEYOND)
    ramps = _distinct(finite)  # one, but where lamps of several share a program
    most = int(needs.changes.max(initial=0))
    for _ in range(most):
        lowered = levels[:, :, None] - np.where((ramps > 0) & (ramps < _BEYOND), ramps, np.inf)[:, None, :]
        lowered = np.where((levels[:, :, None] < _BEYOND) & (lowered >= lowest[:, :, None] - _NEAR), lowered, _BEYOND)
        more = _distinct(np.concatenate([levels, lowered.reshape(len(levels), -1)], axis=1))
        if more.shape == levels.shape and np.array_equal(more, levels):
            break
        levels = more
    return np.concatenate([np.zeros((len(levels), 1)), levels], axis=1)


def _distinct(values: Floats) -> Floats:
    """Each row's distinct values above 0, ascending, filled up with `_BEYOND`; of near ones the highest serves all."""
    values = np.sort(np.where(values > _NEAR, values, _BEYOND), axis=1)
    last = np.ones(values.shape, np.bool_)
    last[:, :-1] = np.diff(values, axis=1) > _NEAR
    values = np.sort(np.where(last & (values < _BEYOND), values, _BEYOND), axis=1)
    width = max(1, int((values < _BEYOND).sum(axis=1).max(initial=0)))
    return np.ascontiguousarray(values[:, :width])


def _pieces(needs: Needs, turns: Bools) -> Ints:
    """(B, P) first slots of the pieces within which no cheapest staircase changes, filled up with -1."""
    turns = turns.copy()
    turns[:, 0] = True
    for row in (needs.least, needs.ramp, np.broadcast_to(needs.burning, turns.shape)):
        turns[:, 1:] |= row[:, 1:] != row[:, :-1]
    steepest = needs.ramp.min(axis=1)
    reach = np.where(np.isfinite(steepest), np.minimum(needs.changes - 1, _falls(steepest)), 0)
    cuts = turns.copy()
    ends = np.concatenate([turns, np.ones((len(turns), 1), np.bool_)], axis=1)
    for away in range(1, min(int(reach.max(initial=0)) + 1, turns.shape[1])):
        near = (reach >= away)[:, None] & needs.burning
        cuts[:, away:] |= turns[:, :-away] & near[:, away:]
        cuts[:, : ends.shape[1] - away] |= ends[:, away:] & near[:, : ends.shape[1] - away]
    width = int(cuts.sum(axis=1).max())
    order = np.argsort(~cuts, axis=1, kind="stable")[:, :width]
    first: Ints = np.where(np.take_along_axis(cuts, order, axis=1), order, -1)
    return first


def _falls(ramp: Floats) -> Ints:
    """Most falls in a row that no fall over two of them could replace."""
    with np.errstate(divide="ignore"):
        falls = 2 * np.ceil(1 / ramp) + 1
    whole: Ints = np.minimum(falls, 2**30).astype(np.int64)
    return whole


class _Chunk:
    """The dynamic program of a few rows. A layer is (B, L, S + 1): least cost up to a slot, by level and changes.

    Costs fall with the changes allowed: each is of that many at most.
    """

    def __init__(self, needs: Needs, draws: Draws, levels: Floats, first: Ints) -> None:
        first = first[:, : int((first >= 0).sum(axis=1).max())]
        slots = needs.least.shape[1]
        filled = np.where(first >= 0, first, slots)
        self._first = np.minimum(filled, slots - 1)
        length = np.diff(np.concatenate([filled, np.full((len(first), 1), slots)], axis=1), axis=1)
        self._needs, self._levels, self._filled = needs, levels, filled
        need = np.take_along_axis(needs.least, self._first, axis=1)
        table = draws.table(levels, self._first, length.astype(np.float64))
        fits = levels[:, None, :] >= need[:, :, None] - _NEAR
        fits &= needs.burning[self._first][:, :, None] | (levels == 0)[:, None, :]
        fits &= (levels < _BEYOND)[:, None, :]
        # Pieces that fill a row up cost nothing at any level.
        table[~fits & (length > 0)[:, :, None]] = np.inf
        self._table = table
        self._ramp = np.where(length > 0, np.take_along_axis(needs.ramp, self._first, axis=1), np.inf)
        self._windows = _Windows(levels, self._ramp)

    def layers(self) -> Iterator[Floats]:
        """The layer after each piece, beginning with the dark before the first."""
        rows, size = self._levels.shape
        layer = np.full((rows, size, int(self._needs.changes.max()) + 1), np.inf)
        layer[:, 0] = 0.0
        yield layer
        for piece in range(self._first.shape[1]):
            reached = self._windows.least(layer, self._ramp[:, piece])
            layer = layer.copy()
            np.minimum(layer[:, :, 1:], reached[:, :, :-1], out=layer[:, :, 1:])
            layer += self._table[:, piece, :, None]
            yield layer

    def close(self, last: Floats) -> Floats:
        """(B,) the cost of the cheapest program that is dark again after the last piece."""
        rows = np.arange(len(last))
        changes = self._needs.changes
        off: Floats = last[rows, :, changes - 1].min(axis=1)
        cost: Floats = np.minimum(last[rows, 0, changes], off)
        return cost

    def trace(self, layers: list[Floats]) -> Floats:
        """(B, T) the cheapest program, from all layers; what stays is preferred, then what is lower."""
        rows = np.arange(len(self._levels))
        level, changes = np.zeros(rows.size, np.int64), self._needs.changes.copy()
        ramp = np.full(rows.size, np.inf)
        pieces = np.empty(self._first.shape)
        for piece in range(pieces.shape[1], 0, -1):
            layer = layers[piece]
            stay = layer[rows, level, changes]
            moved = layer[rows, :, changes - 1]
            apart = np.abs(self._levels - self._levels[rows, level, None])
            moved = np.where(apart <= ramp[:, None] + _NEAR, moved, np.inf)
            other = moved.argmin(axis=1)
            moves = (moved[rows, other] < stay) & (changes > 0)
            level = np.where(moves, other, level)
            changes = changes - moves
            pieces[:, piece - 1] = self._levels[rows, level]
            ramp = self._ramp[:, piece - 1]
        unreached = ~np.isfinite(self.close(layers[-1]))
        slots = np.arange(self._needs.least.shape[1])
        of = (self._filled[:, :, None] <= slots).sum(axis=1) - 1
        flux: Floats = np.take_along_axis(pieces, of, axis=1)
        flux[unreached] = np.nan
        return flux


class _Windows:
    """Least values over the levels that a ramp reaches, by the doubling of ranges."""

    def __init__(self, levels: Floats, ramp: Floats) -> None:
        self._levels = levels
        self._kept: dict[bytes, tuple[Ints, Ints]] = {}
        self._depth = 1
        finite = np.where(np.isfinite(ramp), ramp, -1.0).max(axis=1, initial=-1.0)
        if (finite >= 0).any():
            low, high = self._range(np.maximum(finite, 0.0))
            self._depth = int(np.log2((high - low + 1).max())) + 1

    def least(self, layer: Floats, ramp: Floats) -> Floats:
        """(B, L or 1, S + 1) the least of the levels within `ramp` (B,) of each."""
        free = np.isinf(ramp)
        if free.all():
            least: Floats = layer.min(axis=1, keepdims=True)
            return least
        left, right = self._places(ramp)
        rows, size, width = layer.shape
        doubled = np.empty((self._depth, rows, size, width))
        doubled[0] = layer
        for depth in range(1, self._depth):
            half = 1 << (depth - 1)
            doubled[depth] = doubled[depth - 1]
            np.minimum(doubled[depth - 1][:, :-half], doubled[depth - 1][:, half:], out=doubled[depth][:, :-half])
        flat = doubled.reshape(-1, width)
        least = flat.take(left, axis=0, mode="clip")
        np.minimum(least, flat.take(right, axis=0, mode="clip"), out=least)
        if free.any():
            least[free] = layer[free].min(axis=1, keepdims=True)
        return least

    def _places(self, ramp: Floats) -> tuple[Ints, Ints]:
        """Where the two ranges begin that together cover each level's window, in all doubled layers laid flat."""
        key = ramp.tobytes()
        if key not in self._kept:
            low, high = self._range(np.where(np.isfinite(ramp), ramp, 0.0))
            depth = np.log2(high - low + 1).astype(np.int64)
            rows, size = self._levels.shape
            base = (depth * rows + np.arange(rows)[:, None]) * size
            self._kept[key] = (base + low, base + high + 1 - (1 << depth))
        return self._kept[key]

    def _range(self, ramp: Floats) -> tuple[Ints, Ints]:
        apart = self._levels[:, None, :] - self._levels[:, :, None]
        reach = ramp[:, None, None] + _NEAR
        low = (apart < -reach).sum(axis=2)
        high = (apart <= reach).sum(axis=2) - 1
        return low, high
