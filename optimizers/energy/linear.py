"""A linear program as arrays, some of its columns whole, and how one is put together a block at a time.

Power is in kW, energy in kWh, temperature in °C, money in EUR: numbers of one size, as solvers want them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizers.arrays import Bools, Floats, Ints

Indices = npt.NDArray[np.int32]
Value = Floats | float


@dataclass(frozen=True, slots=True)
class Block:
    """Columns or rows of one kind: of each of some objects, one for each of some slots, one after the other."""

    kind: str
    names: tuple[str, ...]
    slots: int
    first: int

    @property
    def size(self) -> int:
        return len(self.names) * self.slots


def named(blocks: Sequence[Block], index: int) -> str:
    """What a column or row is, as an auditor reads it: `charge cellar 12`."""
    for block in blocks:
        if block.first <= index < block.first + block.size:
            of, slot = divmod(index - block.first, block.slots)
            return f"{block.kind} {block.names[of]} {slot}" if block.slots > 1 else f"{block.kind} {block.names[of]}"
    raise IndexError(index)


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear:
    """Minimise offset + cost · x with lower <= x <= upper, row_lower <= A x <= row_upper, and whole x where it says.

    cost, lower, upper, whole (c,)     of columns
    start (r + 1,), index, value       A by rows (CSR): no entry twice, none 0
    row_lower, row_upper (r,)          infinite for none
    columns, rows                      what they are, in their order
    """

    cost: Floats
    lower: Floats
    upper: Floats
    whole: Bools
    start: Indices
    index: Indices
    value: Floats
    row_lower: Floats
    row_upper: Floats
    offset: float
    columns: tuple[Block, ...]
    rows: tuple[Block, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.row_lower.size, self.cost.size

    @property
    def row(self) -> Ints:
        """Row of each entry."""
        return np.repeat(np.arange(self.row_lower.size), np.diff(self.start))

    @property
    def lowest(self) -> float:
        """No solution is less: each column at its better bound."""
        priced = self.cost != 0
        best = np.where(self.cost[priced] > 0, self.lower[priced], self.upper[priced])
        return self.offset + float(self.cost[priced] @ best)

    def times(self, x: Floats) -> Floats:
        """A x."""
        sums: Floats = np.bincount(self.row, self.value * x[self.index], self.row_lower.size).astype(np.float64)
        return sums

    def times_back(self, dual: Floats) -> Floats:
        """Of rows' prices, what they make of columns': A' y."""
        sums: Floats = np.bincount(self.index, self.value * dual[self.row], self.cost.size).astype(np.float64)
        return sums


class Builder:
    """A linear program that grows by blocks. Indices of columns and rows that are NONE stand for what is not there."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._columns: list[Block] = []
        self._rows: list[Block] = []
        self._of_columns: list[tuple[Floats, ...]] = []
        self._whole: list[Bools] = []
        self._of_rows: list[tuple[Floats, ...]] = []
        self._entries: list[tuple[Ints, Ints, Floats]] = []
        self._paid: list[tuple[Ints, Floats]] = []
        self._moved: list[tuple[Ints, Floats]] = []

    def columns(
        self, kind: str, names: tuple[str, ...], slots: int, *,
        lower: Value = 0.0, upper: Value = np.inf, cost: Value = 0.0, whole: Bools | bool = False,
    ) -> Ints:  # fmt: skip
        """Indices (names, slots) of new columns; values are broadcast to that shape."""
        block = _next(self._columns, kind, names, slots)
        shape = len(names), slots
        self._of_columns.append(tuple(_flat(value, shape) for value in (lower, upper, cost)))
        self._whole.append(np.broadcast_to(np.asarray(whole, np.bool_), shape).ravel())
        return _indices(block)

    def rows(
        self, kind: str, names: tuple[str, ...], slots: int, *, lower: Value = -np.inf, upper: Value = np.inf
    ) -> Ints:
        """Indices (names, slots) of new rows, empty as yet."""
        block = _next(self._rows, kind, names, slots)
        shape = len(names), slots
        self._of_rows.append((_flat(lower, shape), _flat(upper, shape)))
        return _indices(block)

    def put(self, rows: Ints, columns: Ints, value: Value = 1.0) -> None:
        """Add so much of columns to rows, each of a shape that goes with the others'; what meets twice is summed."""
        row, column, amount = np.broadcast_arrays(rows, columns, np.asarray(value, np.float64))
        kept = (row >= 0) & (column >= 0) & (amount != 0)
        self._entries.append((row[kept], column[kept], amount[kept]))

    def pay(self, columns: Ints, cost: Value) -> None:
        """Add so much to what a unit of columns costs."""
        column, amount = np.broadcast_arrays(columns, np.asarray(cost, np.float64))
        kept = column >= 0
        self._paid.append((column[kept], amount[kept]))

    def move(self, rows: Ints, amount: Value) -> None:
        """Add so much to both bounds of rows."""
        row, more = np.broadcast_arrays(rows, np.asarray(amount, np.float64))
        kept = row >= 0
        self._moved.append((row[kept], more[kept]))

    def linear(self) -> Linear:
        """What stands so far."""
        lower, upper, cost = (_joined([of[k] for of in self._of_columns]) for k in range(3))
        row_lower, row_upper = (_joined([of[k] for of in self._of_rows]) for k in range(2))
        for column, amount in self._paid:
            np.add.at(cost, column, amount)
        for row, amount in self._moved:
            np.add.at(row_lower, row, amount)
            np.add.at(row_upper, row, amount)
        start, index, value = self._matrix(row_lower.size, cost.size)
        whole = np.concatenate(self._whole)
        return Linear(
            cost=cost, lower=lower, upper=upper, whole=whole, start=start, index=index, value=value,
            row_lower=row_lower, row_upper=row_upper, offset=self.offset,
            columns=tuple(self._columns), rows=tuple(self._rows),
        )  # fmt: skip

    def _matrix(self, rows: int, columns: int) -> tuple[Indices, Indices, Floats]:
        key = np.concatenate([row * columns + column for row, column, _ in self._entries])
        amount = _joined([amount for *_, amount in self._entries])
        unique, place = np.unique(key, return_inverse=True)
        value = np.bincount(place, amount, unique.size)
        row, column = np.divmod(unique[value != 0], columns)
        start = np.searchsorted(row, np.arange(rows + 1))
        return start.astype(np.int32), column.astype(np.int32), value[value != 0]


def _next(blocks: list[Block], kind: str, names: tuple[str, ...], slots: int) -> Block:
    first = blocks[-1].first + blocks[-1].size if blocks else 0
    blocks.append(Block(kind, names, slots, first))
    return blocks[-1]


def _indices(block: Block) -> Ints:
    indices: Ints = np.arange(block.first, block.first + block.size).reshape(len(block.names), block.slots)
    return indices


def _flat(value: Value, shape: tuple[int, int]) -> Floats:
    return np.broadcast_to(np.asarray(value, np.float64), shape).ravel()


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)
