"""Counts before they are believed: what cannot have been counted is left out, and said once for each counter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
import polars as pl

from engine.instants import in_us, to_us
from jobs.lighting.night import KINDS, group_of
from jobs.lighting.tables import CountTables
from jobs.words import some
from optimizers.arrays import Bools, Floats, Ints

_DAY_US, _HOUR_US = 86_400_000_000, 3_600_000_000
_WEEK, _MONTH = timedelta(days=7), timedelta(days=28)
_GROUPS = len(KINDS) * 24
_CLIMB = 50.0
"""A sum that never reaches so much is no sum: a handful of vehicles an hour rises and falls to nothing by chance."""


class Doubt(StrEnum):
    """What is wrong with a counter, in the order in which it is told."""

    STALE = "stale"
    STUCK = "stuck"
    COUNTS_UP = "counts_up"
    OFTEN_IMPOSSIBLE = "often_impossible"
    IMPOSSIBLE = "impossible"
    NO_COUNT = "no_count"
    WAS_STUCK = "was_stuck"
    COUNTED_UP = "counted_up"
    LEVEL = "level"
    GAPS = "gaps"


_FAULTS = (None, Doubt.NO_COUNT, Doubt.IMPOSSIBLE, Doubt.WAS_STUCK, Doubt.COUNTED_UP)
_FIT = 0

DISBELIEVED = frozenset({Doubt.STALE, Doubt.STUCK, Doubt.COUNTS_UP, Doubt.OFTEN_IMPOSSIBLE})
"""Of these counters nothing is believed; of all others what is left after cleaning."""

_TOLD = {
    Doubt.STALE: "silent for too long to plan by",
    Doubt.STUCK: "stuck on one value for a day",
    Doubt.COUNTS_UP: "counting up without end, a sum and no flow",
    Doubt.OFTEN_IMPOSSIBLE: "too often above what the road can carry",
    Doubt.IMPOSSIBLE: "some counts above what the road can carry, left out",
    Doubt.NO_COUNT: "some counts negative or no number, left out",
    Doubt.WAS_STUCK: "some days stuck on one value, left out",
    Doubt.COUNTED_UP: "some days counting up without end, left out",
    Doubt.LEVEL: "level changed at once (moved, renamed, exchanged?), believed as it is",
    Doubt.GAPS: "less than half of the hours of four weeks counted",
}


@dataclass(frozen=True, eq=False)
class Counts:
    """What is believed of what was counted.

    frame   asset, observed_at (µs since 1970), intensity (veh/h): of believed counters, each instant once, in order
    doubts  by counter; counters without any are not in it
    heard   counters that have counted anything at all
    """

    frame: pl.DataFrame
    doubts: Mapping[str, tuple[Doubt, ...]]
    heard: frozenset[str] = frozenset()

    @property
    def stale(self) -> bool:
        """Counters have counted, and not one of them lately."""
        return bool(self.heard) and all(Doubt.STALE in self.doubts.get(counter, ()) for counter in self.heard)

    @property
    def reasons(self) -> tuple[str, ...]:
        """One for each kind of doubt, naming its counters."""
        of = {doubt: [counter for counter, all_ in self.doubts.items() if doubt in all_] for doubt in Doubt}
        return tuple(f"{_TOLD[doubt]}: {some(counters)} counters" for doubt, counters in of.items() if counters)


def believed(
    history: pl.DataFrame, most_veh_h: Mapping[str, float], at: datetime, tables: CountTables
) -> Counts:  # fmt: skip
    """What of a history (asset, observed_at, intensity) is to be believed at an instant.

    `most_veh_h` gives for each counter what its road can carry at the very most; others are left out. Of several counts
    of one counter at one instant the last one holds. What is found of a counter depends on its own counts alone.
    """
    names, most = list(most_veh_h), np.array(list(most_veh_h.values()), np.float64)
    rows = _rows(history, names)
    fault = _of_stretches(rows, _of_itself(rows, most), tables)
    found = _doubts(rows, fault, len(names), to_us(at), tables)
    doubts = {name: told for name, told in zip(names, found, strict=True) if told}
    disbelieved = np.array([bool(DISBELIEVED & set(told)) for told in found], np.bool_)
    fit = rows.of((fault == _FIT) & ~disbelieved[rows.counter]) if names else rows
    asset = pl.Series(names, dtype=pl.String).gather(fit.counter)
    frame = pl.DataFrame({"asset": asset, "observed_at": fit.at, "intensity": fit.value})
    return Counts(frame, doubts, frozenset(names[c] for c in np.unique(rows.counter)))


@dataclass(frozen=True, eq=False)
class _Rows:
    """Counts as columns of one length, in the order of their counters and instants, no instant twice."""

    counter: Ints
    at: Ints
    value: Floats

    def of(self, chosen: Bools) -> "_Rows":
        return _Rows(self.counter[chosen], self.at[chosen], self.value[chosen])


def _rows(history: pl.DataFrame, names: Sequence[str]) -> _Rows:
    own = history.filter(pl.col("asset").is_in(list(names)))
    code = own["asset"].cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
    at = own["observed_at"].cast(pl.Int64).to_numpy()
    value = own["intensity"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    order = np.lexsort((at, code))
    rows = _Rows(code[order], at[order], value[order])
    last = np.ones(len(order), np.bool_)
    last[:-1] = (rows.counter[1:] != rows.counter[:-1]) | (rows.at[1:] != rows.at[:-1])
    return rows.of(last)


def _of_itself(rows: _Rows, most_veh_h: Floats) -> Ints:
    """What is wrong with each count whatever the others are."""
    wrong = ~np.isfinite(rows.value) | (rows.value < 0)
    much = rows.value > most_veh_h[rows.counter]
    return np.where(wrong, _FAULTS.index(Doubt.NO_COUNT), np.where(much, _FAULTS.index(Doubt.IMPOSSIBLE), _FIT))


def _of_stretches(rows: _Rows, fault: Ints, tables: CountTables) -> Ints:
    """And what only its neighbours show: one value for a day, and days that count up."""
    fit = rows.of(fault == _FIT)
    if not fit.at.size:
        return fault
    run = _stretch(fit.counter, fit.value)
    ends = np.append(np.flatnonzero(np.diff(run)), len(run) - 1)
    starts = np.append(0, ends[:-1] + 1)
    stuck = (ends - starts + 1 >= tables.stuck_after_readings) & (fit.at[ends] - fit.at[starts] >= _DAY_US)
    day = _stretch(fit.counter, _days_ago(fit))
    climbs = _climbs(fit.value, day, tables.stuck_after_readings)
    found = fault.copy()
    found[fault == _FIT] = np.where(
        stuck[run], _FAULTS.index(Doubt.WAS_STUCK), np.where(climbs[day], _FAULTS.index(Doubt.COUNTED_UP), _FIT)
    )
    return found


def _climbs(value: Floats, day: Ints, readings: int) -> Bools:
    """Of each stretch: whether it rises nearly always, and falls to next to nothing where it does not."""
    step = np.flatnonzero(day[1:] == day[:-1]) + 1
    before, after, of, days = value[step - 1], value[step], day[step], int(day[-1]) + 1
    falls = np.bincount(of[after < before], minlength=days)
    deep = np.bincount(of[(after < before) & (after <= before * 0.1)], minlength=days)
    rises, size = np.bincount(of[after > before], minlength=days), np.bincount(day)
    most = np.maximum.reduceat(value, np.append(0, np.flatnonzero(np.diff(day)) + 1))
    found: Bools = (size >= readings) & (most >= _CLIMB) & (falls == deep) & (rises * 3 >= (size - 1) * 2)
    return found


def _stretch(counter: Ints, same: Ints | Floats) -> Ints:
    """Number of the stretch of one counter and one value that each row is in."""
    return np.cumsum(np.append(0, (np.diff(counter) != 0) | (np.diff(same) != 0)))


def _days_ago(rows: _Rows) -> Ints:
    """Whole days before the newest count of the same counter."""
    newest = np.zeros(int(rows.counter.max(initial=0)) + 1, np.int64)
    newest[rows.counter] = rows.at  # the last one holds
    return (newest[rows.counter] - rows.at) // _DAY_US


def _doubts(rows: _Rows, fault: Ints, counters: int, at_us: int, tables: CountTables) -> list[tuple[Doubt, ...]]:
    """Of each counter."""
    week, month = rows.at > at_us - in_us(_WEEK), rows.at > at_us - in_us(_MONTH)
    wrong = {doubt: fault == place for place, doubt in enumerate(_FAULTS) if doubt}
    countable = ~wrong[Doubt.NO_COUNT] & ~wrong[Doubt.IMPOSSIBLE]
    newest = np.zeros(len(fault), np.bool_)
    newest[countable] = _days_ago(rows.of(countable)) == 0

    def many(chosen: Bools) -> Ints:
        return np.bincount(rows.counter[chosen], minlength=counters)

    first_at, last_at = np.zeros(counters, np.int64), np.zeros(counters, np.int64)
    told = rows.of(~wrong[Doubt.NO_COUNT])
    first_at[rows.counter[::-1]], last_at[told.counter] = rows.at[::-1], told.at  # the last one holds
    any_at_all = many(np.ones(len(fault), np.bool_)) > 0
    possible = np.minimum(in_us(_MONTH), at_us - first_at) // _HOUR_US
    found = {
        Doubt.STALE: any_at_all & (last_at < at_us - in_us(tables.stale_after)),
        Doubt.STUCK: many(newest & wrong[Doubt.WAS_STUCK]) > 0,
        Doubt.COUNTS_UP: many(newest & wrong[Doubt.COUNTED_UP]) > 0,
        Doubt.OFTEN_IMPOSSIBLE: many(week & wrong[Doubt.IMPOSSIBLE]) > tables.impossible_share * many(week),
        **{doubt: many(month & chosen) > 0 for doubt, chosen in wrong.items()},
        Doubt.LEVEL: _elsewhere(rows.of(fault == _FIT), counters, at_us, tables),
        Doubt.GAPS: any_at_all & (_hours_counted(rows.of(month & (fault == _FIT)), counters) * 2 < possible),
    }
    return [_told_once({doubt for doubt, flags in found.items() if flags[c]}) for c in range(counters)]


def _hours_counted(rows: _Rows, counters: int) -> Ints:
    """Of each counter, hours with a count or more."""
    another = np.diff(_stretch(rows.counter, rows.at // _HOUR_US), prepend=-1) > 0
    return np.bincount(rows.counter[another[: rows.counter.size]], minlength=counters)


def _told_once(found: set[Doubt]) -> tuple[Doubt, ...]:
    """In their order, and what says more in the place of what says less."""
    less = {
        Doubt.STUCK: Doubt.WAS_STUCK,
        Doubt.COUNTS_UP: Doubt.COUNTED_UP,
        Doubt.OFTEN_IMPOSSIBLE: Doubt.IMPOSSIBLE,
    }
    return tuple(doubt for doubt in Doubt if doubt in found - {less[more] for more in found if more in less})


def _elsewhere(rows: _Rows, counters: int, at_us: int, tables: CountTables) -> Bools:
    """Counters whose last week is at another level than the eight before, in the same hours of like days."""
    near = rows.of(rows.at > at_us - 9 * in_us(_WEEK))
    recent = near.at > at_us - in_us(_WEEK)
    cell = near.counter * _GROUPS + group_of(pl.Series(near.at, dtype=pl.Int64))
    means = []
    for chosen in (recent, ~recent):
        samples = np.bincount(cell[chosen], minlength=counters * _GROUPS)
        total = np.bincount(cell[chosen], near.value[chosen], counters * _GROUPS)
        means.append(np.divide(total, samples, out=np.full(total.shape, np.nan), where=samples > 0))
    new, old = (mean.reshape(counters, _GROUPS) for mean in means)
    both = np.isfinite(new) & np.isfinite(old)
    now, then = np.where(both, new, 0.0).sum(axis=1), np.where(both, old, 0.0).sum(axis=1)
    high, low = np.maximum(now, then), np.minimum(now, then)
    found: Bools = (both.sum(axis=1) >= 24) & (high >= _CLIMB) & (high > tables.level_factor * low)
    return found
