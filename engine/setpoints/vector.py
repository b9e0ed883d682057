"""Who decides at an instant, for all points of a territory at once: `arbitration.resolve` over columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.instants import to_us
from engine.model import Slot
from engine.setpoints.arbitration import rank

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Arrays:
    """The arrays of n points as rows, one a step of a slot: by point, and within a point the best slot first.

    `point` (rows,) in 0…n−1; `slot` (rows,) the slot's place in what the arrays were made of; `start`, `until` (rows,)
    in µs, half-open; `value` (rows,).
    """

    n: int
    point: Ints
    slot: Ints
    start: Ints
    until: Ints
    value: Floats

    @classmethod
    def of(cls, arrays: Sequence[Sequence[Slot]]) -> "Arrays":
        """From one array a point. A slot's place counts over all of them, in the order given."""
        rows: list[tuple[Any, ...]] = []
        before = 0
        for number, array in enumerate(arrays):
            ranked = sorted(range(len(array)), key=lambda place: rank(array[place]))
            rows.extend((number, before + place, *step) for place in ranked for step in _steps(array[place]))
            before += len(array)
        columns = list(zip(*rows, strict=True)) or [()] * 5
        point, slot, start, until = (np.array(column, np.int64) for column in columns[:4])
        return cls(len(arrays), point, slot, start, until, np.array(columns[4], np.float64))


def _steps(slot: Slot) -> list[tuple[int, int, float]]:
    starts = [to_us(at) for at, _ in slot.program.steps]
    ends = [*starts[1:], to_us(slot.program.until)]
    return [(start, end, value) for start, end, (_, value) in zip(starts, ends, slot.program.steps, strict=True)]


def resolve_all(arrays: Arrays, at: datetime, safe: Floats) -> tuple[Floats, Ints]:
    """The value of every point at an instant, and the slot behind it; NOBODY where it is the point's `safe` value (n,).

    O(rows), without sorting. Equal to `arbitration.resolve(...).at(at)` of each point.
    """
    now = to_us(at)
    valid = np.flatnonzero((arrays.start <= now) & (now < arrays.until))
    point = arrays.point[valid]
    first = valid[np.flatnonzero(np.diff(point, prepend=-1))]
    value, slot = safe.astype(np.float64), np.full(arrays.n, NOBODY)
    value[arrays.point[first]] = arrays.value[first]
    slot[arrays.point[first]] = arrays.slot[first]
    return value, slot
