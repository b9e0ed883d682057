"""The samples of windows: for each asset of one type, the readings of one property that some window may still want."""

import numpy as np

from engine.rulebook.conditions.arrays import ALWAYS, NEVER, Bools, Floats, Ints
from engine.rulebook.language import WindowFunction

_HOUR_US = 3_600_000_000


class Samples:
    """Rings of (observed_at, value), one a row, in no order. At most one sample an instant: the last to arrive.

    `retain` is how far back (µs) any window looks: what is older may be overwritten.
    """

    def __init__(self, rows: int, retain: int, *, counter: bool) -> None:
        self.retain = retain
        self._counter = counter
        self.at = np.full((rows, 4), NEVER)
        self.value = np.zeros((rows, 4), np.int64)

    def add(self, rows: Ints, at: Ints, value: Ints, now: Ints) -> None:
        """One sample for each of some different rows."""
        fresh = at > now - self.retain
        rows, at, value, now = rows[fresh], at[fresh], value[fresh], now[fresh]
        held = self.at[rows]
        same = held == at[:, None]
        known = same.any(axis=1)
        place = np.where(known, same.argmax(axis=1), held.argmin(axis=1))
        full = ~known & (held[np.arange(len(rows)), place] > now - self.retain)
        if full.any():
            place[full] = self.at.shape[1]
            self._grow()
        self.at[rows, place] = at
        self.value[rows, place] = value

    def window(self, function: WindowFunction, rows: Ints, now: Ints, width: Ints) -> tuple[Ints, Ints, Ints]:
        """What `function` makes of each row's samples in (now − width, now]: scaled integer, count, span (µs).

        AVG gives the sum, RATE the growth: the caller divides. Without samples the integer means nothing.
        """
        at, value = self.at[rows], self.value[rows]
        inside = (at > (now - width)[:, None]) & (at <= now[:, None])
        count = inside.sum(axis=1)
        first = np.where(inside, at, ALWAYS).min(axis=1)
        last = np.where(inside, at, NEVER).max(axis=1)
        return _FUNCTIONS[function](self, at, value, inside), count, np.where(count > 0, last - first, 0)

    def extent(self, rows: Ints, now: Ints, width: Ints, rank: Ints) -> tuple[Ints, Ints, Ints]:
        """The least and the greatest value of each row's window, and when its `rank`-th newest sample leaves it.

        Of a window with fewer samples none of it means anything.
        """
        at, value = self.at[rows], self.value[rows]
        inside = (at > (now - width)[:, None]) & (at <= now[:, None])
        low = np.where(inside, value, ALWAYS).min(axis=1)
        high = np.where(inside, value, NEVER).max(axis=1)
        ordered = np.sort(np.where(inside, at, NEVER), axis=1)
        place = np.maximum(ordered.shape[1] - rank, 0)
        return low, high, ordered[np.arange(len(rows)), place] + width

    def departs(self, rows: Ints, now: Ints, width: Ints) -> Ints:
        """The next instant after `now` at which a sample leaves the window."""
        leaves = self.at[rows] + width[:, None]
        following: Ints = np.where(leaves > now[:, None], leaves, ALWAYS).min(axis=1)
        return following

    def before(self, rows: Ints, instant: Ints) -> tuple[Ints, Ints]:
        """observed_at (NEVER: none) and value of the newest sample with observed_at ≤ instant."""
        at = np.where(self.at[rows] <= instant[:, None], self.at[rows], NEVER)
        place = at.argmax(axis=1)
        each = np.arange(len(rows))
        return at[each, place], self.value[rows][each, place]

    def held(self) -> tuple[Ints, Ints, Ints]:
        """Row, observed_at and value of every sample held."""
        rows, places = np.nonzero(self.at != NEVER)
        return rows, self.at[rows, places], self.value[rows, places]

    def fill(self, rows: Ints, at: Ints, value: Ints) -> None:
        """Put back what `held` gave."""
        order = np.argsort(rows, kind="stable")
        rows, at, value = rows[order], at[order], value[order]
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        while len(place) and place.max() >= self.at.shape[1]:
            self._grow()
        self.at[rows, place] = at
        self.value[rows, place] = value

    def _grow(self) -> None:
        rows, width = self.at.shape
        self.at = np.hstack([self.at, np.full((rows, width), NEVER)])
        self.value = np.hstack([self.value, np.zeros((rows, width), np.int64)])

    def growth(self, at: Ints, value: Ints, inside: Bools) -> Ints:
        """Last minus first; of a counter, the sum of its steps, a fall counting as a step from nothing."""
        order = np.where(inside, at, ALWAYS).argsort(axis=1, kind="stable")
        ordered = np.take_along_axis(value, order, axis=1)
        count = inside.sum(axis=1)
        each = np.arange(len(count))
        if not self._counter:
            growth: Ints = ordered[each, np.maximum(count - 1, 0)] - ordered[:, 0]
            return growth
        steps = np.diff(ordered, axis=1)
        steps = np.where(steps >= 0, steps, ordered[:, 1:])
        counted = np.arange(1, ordered.shape[1]) < count[:, None]
        total: Ints = np.where(counted, steps, 0).sum(axis=1)
        return total


def rate(growth: Floats, span_us: Ints) -> Floats:
    """Growth per hour; NaN where first and last are one instant."""
    hours = span_us / _HOUR_US
    found: Floats = np.divide(growth, hours, out=np.full(len(growth), np.nan), where=hours > 0)
    return found


def _sum(_: Samples, __: Ints, value: Ints, inside: Bools) -> Ints:
    total: Ints = np.where(inside, value, 0).sum(axis=1)
    return total


def _least(_: Samples, __: Ints, value: Ints, inside: Bools) -> Ints:
    least: Ints = np.where(inside, value, ALWAYS).min(axis=1)
    return least


def _most(_: Samples, __: Ints, value: Ints, inside: Bools) -> Ints:
    most: Ints = np.where(inside, value, NEVER).max(axis=1)
    return most


def _p95(_: Samples, __: Ints, value: Ints, inside: Bools) -> Ints:
    """The sample of rank ceil(0.95 n), in whole numbers."""
    ordered = np.sort(np.where(inside, value, ALWAYS), axis=1)
    rank = np.maximum((95 * inside.sum(axis=1) + 99) // 100 - 1, 0)
    found: Ints = ordered[np.arange(len(rank)), rank]
    return found


def _count(_: Samples, __: Ints, ___: Ints, inside: Bools) -> Ints:
    count: Ints = inside.sum(axis=1)
    return count


_FUNCTIONS = {
    WindowFunction.AVG: _sum,
    WindowFunction.SUM: _sum,
    WindowFunction.MIN: _least,
    WindowFunction.MAX: _most,
    WindowFunction.P95: _p95,
    WindowFunction.COUNT: _count,
    WindowFunction.DELTA: Samples.growth,
    WindowFunction.RATE: Samples.growth,
}
