"""Stored readings of the days before an instant, as arrays: days are 24 hours long and the last one ends there.

So none is cut in the middle of an afternoon, none has 23 or 25 hours, and every reading that was known counts once.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from engine.instants import PARIS, in_us, to_us
from engine.store import Unit
from jobs.bootstrap import Territory
from optimizers.arrays import Floats, Ints

HOURS = 24
_DAY, _HALF = timedelta(days=1), timedelta(hours=12)
_AT_ONCE = 3000  # days of assets in memory at once: with a reading every ten minutes some 0.2 GB
_HOUR_US = in_us(timedelta(hours=1))


@dataclass(frozen=True)
class Days:
    """So many days of 24 hours before an instant; a reading belongs to the hour that ends with it or after it."""

    until: datetime
    count: int

    @property
    def start(self) -> datetime:
        return self.until - self.count * _DAY

    @property
    def dates(self) -> tuple[date, ...]:
        """The day of Paris in which the middle of each lies: one after the other, also where the clock changes."""
        last = (self.until - _HALF).astimezone(PARIS).date()
        return tuple(last - (self.count - 1 - k) * _DAY for k in range(self.count))

    @property
    def day_of_year(self) -> Ints:
        return np.array([day.timetuple().tm_yday for day in self.dates], np.int64)


def read_history(
    unit: Unit, territory: Territory, assets: Collection[str], names: Collection[str], days: Days
) -> pl.DataFrame:  # fmt: skip
    """What assets told: asset, property, observed_at (µs), hour (since the start), value; in order of instants.

    Only numbers: a NaN that got into the store is nothing told. Of several values at one instant the last to arrive.
    """
    wanted = set(assets), set(names)
    known = [(n, *of) for n, of in territory.series_names.items() if of[0] in wanted[0] and of[1] in wanted[1]]
    told_by = pl.DataFrame(known, {"series": pl.Int32, "asset": pl.String, "property": pl.String}, orient="row")
    rows = unit.readings.history(told_by["series"].to_list(), to_us(days.start) + 1, to_us(days.until) + 1)
    rows = rows.cast({"series": pl.Int32, "observed_at": pl.Int64, "value": pl.Float64})  # no rows have no types
    hour = (pl.col("observed_at") - to_us(days.start) - 1) // _HOUR_US
    columns = ("asset", "property", "observed_at", "hour", "value")
    return (
        rows.filter(pl.col("value").is_finite())
        .with_columns(hour=hour)
        .join(told_by, on="series")
        .select(columns)
        .sort("observed_at", maintain_order=True)
    )


def portions(assets: int, days: Days) -> Iterator[slice]:
    """So many assets a few at a time, that a winter of a town's readings need not be in memory at once."""
    step = max(_AT_ONCE // max(days.count, 1), 1)
    return (slice(first, first + step) for first in range(0, assets, step))


def hourly(rows: pl.DataFrame, assets: Sequence[str], days: Days) -> Floats:
    """(24 K, A) mean of what each asset told in each hour; NaN where it told nothing. Rows of one property."""
    grid = np.full((HOURS * days.count, len(assets)), np.nan)
    means = rows.group_by("asset", "hour").agg(pl.col("value").mean())
    grid[means["hour"].to_numpy(), _place(means, assets)] = means["value"].to_numpy()
    return grid


def held(rows: pl.DataFrame, assets: Sequence[str], days: Days, holds: timedelta) -> Floats:
    """(K, A) integral over each day, in value-hours, of what each asset told last: until it tells again, at most
    `holds` (no longer than a day) and until the end. Rows of one property. 0 where nothing was told.
    """
    place, at, value = (
        _place(rows, assets),
        rows["observed_at"].to_numpy() - to_us(days.start),
        rows["value"].to_numpy(),
    )
    order = np.lexsort((at, place))
    place, at, value = place[order], at[order], value[order]
    until = np.minimum(at + in_us(holds), days.count * in_us(_DAY))
    again = place[1:] == place[:-1]
    until[:-1][again] = np.minimum(until[:-1][again], at[1:][again])
    day, total = at // in_us(_DAY), np.zeros((days.count, len(assets)))
    cut = np.minimum(until, (day + 1) * in_us(_DAY))
    for of, begins, ends in ((day, at, cut), (day + 1, cut, until)):
        spent = (of < days.count) & (ends > begins)
        np.add.at(total, (of[spent], place[spent]), (value * (ends - begins) / _HOUR_US)[spent])
    return total


def _place(rows: pl.DataFrame, assets: Sequence[str]) -> Ints:
    """Of each row, the index of its asset."""
    index = pl.DataFrame({"asset": assets, "place": range(len(assets))}, {"asset": pl.String, "place": pl.Int64})
    return rows.join(index, on="asset", how="left", maintain_order="left")["place"].to_numpy()
