"""Heights of groups, numbered as they are met: what profiles pay at each is found once, whatever they are worth."""

from typing import Any

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.programs.prices import Prices

_ROOM = 2**10  # heights for which there is room at first


class Heights:
    """Heights that groups of n profiles have had; number 0 is that of nobody.

    paid (H, n)      what each profile pays at least in a group so high
    raises (H, n)    whether it needs more than that somewhere
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        n, count = prices.need.shape
        self._number: dict[bytes, int] = {}
        self._rows = np.zeros((_ROOM, count), np.int64)
        self._joined = np.full((_ROOM, n), -1, np.int32)
        self.paid: Floats = np.zeros((_ROOM, n))
        self.raises: Bools = np.zeros((_ROOM, n), np.bool_)
        self._numbered(np.zeros((1, count), np.int64))

    def __len__(self) -> int:
        return len(self._number)

    def joined(self, heights: Ints, members: Ints) -> Ints:
        """(m,) the heights of groups at `heights` (m,), with one more of `members` (m,) in each."""
        found = self._joined[heights, members]
        if (new := np.flatnonzero(found < 0)).size:
            n = self.paid.shape[1]
            height, member = np.divmod(np.unique(heights[new] * n + members[new]), n)
            numbers = self._numbered(np.maximum(self._rows[height], self._prices.need[member]))
            self._joined[height, member] = numbers
            found = self._joined[heights, members]
        return found.astype(np.int64)

    def _numbered(self, rows: Ints) -> Ints:
        met = len(self._number)
        numbers = np.array([self._number.setdefault(row.tobytes(), len(self._number)) for row in rows], np.int64)
        first = np.unique(numbers, return_index=True)[1]
        fresh = rows[first[numbers[first] >= met]]
        while len(self._number) > len(self._rows):
            self._rows, self._joined = _doubled(self._rows, 0), _doubled(self._joined, -1)
            self.paid, self.raises = _doubled(self.paid, 0), _doubled(self.raises, 0)
        if not fresh.size:
            return numbers
        here = slice(met, len(self._number))
        self._rows[here] = fresh
        self.paid[here] = self._prices.paid(fresh)
        self.raises[here] = (self._prices.need[None] > fresh[:, None, :]).any(axis=2)
        return numbers


def _doubled(rows: Any, empty: int) -> Any:
    return np.concatenate([rows, np.full_like(rows, empty)])
