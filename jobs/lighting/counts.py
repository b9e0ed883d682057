"""Counts before they are believed: what cannot have been counted is left out, and said once for each counter."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import polars as pl

from engine.instants import in_us, to_us
from jobs.lighting.fleet import some
from jobs.lighting.night import group_of
from jobs.lighting.tables import CountTables

_DAY_US, _HOUR_US = 86_400_000_000, 3_600_000_000
_WEEK, _MONTH = timedelta(days=7), timedelta(days=28)
_CLIMB = 50.0
"""A sum that never reaches so much is no sum: a handful of vehicles an hour rises and falls to nothing by chance."""
_READ = {"asset": pl.String, "observed_at": pl.Int64, "intensity": pl.Float64}


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
    own = history.filter(pl.col("asset").is_in(list(most_veh_h))).cast(_READ)  # type: ignore[arg-type]
    own = own.unique(["asset", "observed_at"], keep="last").sort("asset", "observed_at")
    if own.is_empty():
        return Counts(own, {})
    judged = _stretches(_singly(own, most_veh_h), tables)
    doubts = _doubts(judged, to_us(at), tables)
    disbelieved = [counter for counter, found in doubts.items() if DISBELIEVED & set(found)]
    fit = judged.filter(pl.col("fault").is_null() & ~pl.col("asset").is_in(disbelieved))
    return Counts(fit.select(*_READ), doubts, frozenset(own["asset"]))


def _singly(own: pl.DataFrame, most_veh_h: Mapping[str, float]) -> pl.DataFrame:
    """With `fault`, what is wrong with a count whatever the others are; null for nothing."""
    value = pl.col("intensity")
    most = pl.col("asset").replace_strict(dict(most_veh_h), return_dtype=pl.Float64)
    fault = (
        pl.when(value.is_null() | ~value.is_finite() | (value < 0))
        .then(pl.lit(Doubt.NO_COUNT.value))
        .when(value > most)
        .then(pl.lit(Doubt.IMPOSSIBLE.value))
    )
    return own.with_columns(fault=fault)


def _stretches(judged: pl.DataFrame, tables: CountTables) -> pl.DataFrame:
    """With the faults that only neighbours show: one value for a day, and days that count up."""
    fit = judged.filter(pl.col("fault").is_null())
    value, at = pl.col("intensity"), pl.col("observed_at")
    day = ((at.max() - at) // _DAY_US).over("asset").alias("day")
    run = (value != value.shift()).fill_null(value=True).cum_sum().over("asset").alias("run")
    fit = fit.with_columns(day, run)
    span = (at.max() - at.min()).over("asset", "run")
    stuck = (pl.len().over("asset", "run") >= tables.stuck_after_readings) & (span >= _DAY_US)
    before = value.shift().over("asset", "day")
    falls, rises = (value < before).sum().over("asset", "day"), (value > before).sum().over("asset", "day")
    deep = ((value < before) & (value <= before * 0.1)).sum().over("asset", "day")
    climbs = (
        (pl.len().over("asset", "day") >= tables.stuck_after_readings)
        & (value.max().over("asset", "day") >= _CLIMB)
        & (falls == deep)
        & (rises * 3 >= (pl.len().over("asset", "day") - 1) * 2)
    )
    faults = fit.select(
        "asset",
        "observed_at",
        "day",
        stretch=pl.when(stuck).then(pl.lit(Doubt.WAS_STUCK.value)).when(climbs).then(pl.lit(Doubt.COUNTED_UP.value)),
    )
    joined = judged.join(faults, on=["asset", "observed_at"], how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("fault", "stretch").alias("fault")).drop("stretch")


def _doubts(judged: pl.DataFrame, at_us: int, tables: CountTables) -> dict[str, tuple[Doubt, ...]]:
    fault, observed, newest = pl.col("fault"), pl.col("observed_at"), pl.col("day") == 0
    week, month = observed > at_us - in_us(_WEEK), observed > at_us - in_us(_MONTH)
    hours = (observed // _HOUR_US).filter(month & fault.is_null()).n_unique()
    heard = pl.min_horizontal(pl.lit(in_us(_MONTH)), at_us - observed.min()) // _HOUR_US

    def any_of(doubt: Doubt) -> pl.Expr:
        return (fault == doubt.value).fill_null(value=False)

    found = judged.group_by("asset", maintain_order=True).agg(
        (month & any_of(doubt)).any().alias(doubt.value)
        for doubt in (Doubt.IMPOSSIBLE, Doubt.NO_COUNT, Doubt.WAS_STUCK, Doubt.COUNTED_UP)
    )
    also = judged.group_by("asset").agg(
        (observed.filter(~any_of(Doubt.NO_COUNT)).max().fill_null(0) < at_us - in_us(tables.stale_after)).alias(
            "stale"
        ),
        (newest & any_of(Doubt.WAS_STUCK)).any().alias("stuck"),
        (newest & any_of(Doubt.COUNTED_UP)).any().alias("counts_up"),
        ((week & any_of(Doubt.IMPOSSIBLE)).sum() > tables.impossible_share * week.sum()).alias("often_impossible"),
        (hours * 2 < heard).alias("gaps"),
    )
    table = found.join(also, on="asset", maintain_order="left")
    table = table.with_columns(pl.col("asset").is_in(_elsewhere(judged, at_us, tables)).alias("level"))
    rows = {row["asset"]: _told_once({doubt for doubt in Doubt if row[doubt]}) for row in table.iter_rows(named=True)}
    return {counter: doubts for counter, doubts in rows.items() if doubts}


def _told_once(found: set[Doubt]) -> tuple[Doubt, ...]:
    """In their order, and what says more in the place of what says less."""
    for more, less in ((Doubt.STUCK, Doubt.WAS_STUCK), (Doubt.COUNTS_UP, Doubt.COUNTED_UP)):
        if more in found:
            found = found - {less}
    if Doubt.OFTEN_IMPOSSIBLE in found:
        found = found - {Doubt.IMPOSSIBLE}
    return tuple(doubt for doubt in Doubt if doubt in found)


def _elsewhere(judged: pl.DataFrame, at_us: int, tables: CountTables) -> list[str]:
    """Counters whose last week is at another level than the eight before, in the same hours of like days."""
    near = judged.filter(pl.col("fault").is_null() & (pl.col("observed_at") > at_us - 9 * in_us(_WEEK)))
    timed = near.select(
        "asset",
        "intensity",
        recent=pl.col("observed_at") > at_us - in_us(_WEEK),
        group=pl.Series(group_of(near["observed_at"])),
    )
    mean = timed.group_by("asset", "group").agg(
        new=pl.col("intensity").filter(pl.col("recent")).mean(),
        old=pl.col("intensity").filter(~pl.col("recent")).mean(),
    )
    level = (
        mean.drop_nulls()
        .sort("asset", "group")
        .group_by("asset", maintain_order=True)
        .agg(pl.len().alias("groups"), pl.col("new").sum(), pl.col("old").sum())
    )
    apart = pl.max_horizontal("new", "old") > tables.level_factor * pl.min_horizontal("new", "old")
    told = level.filter((pl.col("groups") >= 24) & (pl.max_horizontal("new", "old") >= _CLIMB) & apart)
    return told["asset"].to_list()
