"""The counts of a story: made ones, or real ones of files, cut where the night begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from engine.errors import InputError, Problem
from engine.instants import PARIS, from_us, noon, to_us
from engine.model import Asset
from engine.telemetry.batch import normalise
from engine.telemetry.counts import read_counts
from engine.telemetry.raw import complete
from jobs.bootstrap import Territory
from twin.traffic import made_counts

HISTORY_DAYS = 28
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Traffic:
    """Hourly counts, cut where the night begins. `history`: a RAW frame. `day`: [asset, observed_at, intensity]."""

    night: date
    history: pl.DataFrame
    day: pl.DataFrame


def made_traffic(counters: Sequence[Asset], night: date, seed: int) -> Traffic:
    """Four weeks of made counts before the night, and the night's own."""
    start = noon(night)
    counts = made_counts(counters, start - HISTORY_DAYS * _DAY, HISTORY_DAYS + 2, seed)
    before = counts.filter(pl.col("observed_at") < to_us(start))
    return Traffic(night, _raw(before), _within(counts, night))


def real_traffic(files: Sequence[Path], territory: Territory, night: date | None) -> Traffic:
    """Real counts: the busiest arc goes to the counter of greatest capacity, and so on round. Gaps stay gaps.

    Without `night`, the last whole one of the files. Raises InputError when the files hold no such night.
    """
    arcs = _arcs(files)
    counters = territory.of_type("TrafficFlowObserved")
    ranked = sorted(counters, key=lambda c: (-float(c.attributes["capacity_veh_h"]), c.id))
    pairs = [(counter, arcs[k % len(arcs)]) for k, counter in enumerate(ranked)]
    raw = pl.concat([read_counts(path, {arc: counter.id}) for counter, (path, arc) in pairs])
    timed = raw.with_columns(at=_hour(pl.col("observed_at"))).sort("at", maintain_order=True)
    last = from_us(timed["at"].to_list()[-1])
    night = night or (last - timedelta(hours=35)).astimezone(PARIS).date()
    history = timed.filter(pl.col("at") < to_us(noon(night))).drop("at")
    normalised = normalise(raw, territory.registry, received_at=last + _DAY, skew=_DAY).accepted
    day = _within(_intensities(normalised, territory), night)
    if history.is_empty() or day.is_empty():
        found = f"no counts before and during the night of {night}; the files end {last:%Y-%m-%d}"
        raise InputError([Problem(str(files[0]), 0, 0, found, "name a night inside the files with --night")])
    return Traffic(night, history, day)


def _hour(text: pl.Expr) -> pl.Expr:
    """Microseconds since 1970 of the hour that `2022-11-01T03…Z` begins; null for anything else."""
    return (text.str.slice(0, 13) + ":00").str.to_datetime("%Y-%m-%dT%H:%M", strict=False).dt.epoch("us")


def _arcs(files: Sequence[Path]) -> list[tuple[Path, str]]:
    """Every (file, arc), the busiest first."""
    means: list[tuple[float, Path, str]] = []
    for path in files:
        try:
            table = pl.read_csv(path, schema_overrides={"arc": pl.String})
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error}", "a CSV file of counts")]) from None
        if not {"arc", "time", "flow_veh_h"} <= set(table.columns):
            wanted = "the columns arc, time, flow_veh_h, occupancy_pct"
            raise InputError([Problem(str(path), 1, 1, f"has the columns {', '.join(table.columns)}", wanted)])
        for arc, mean in table.group_by("arc").agg(pl.col("flow_veh_h").mean()).iter_rows():
            means.append((-(mean or 0.0), path, arc))
    return [(path, arc) for _, path, arc in sorted(means)]


def _raw(counts: pl.DataFrame) -> pl.DataFrame:
    """Made counts as readings, the way a file brings them."""
    long = counts.unpivot(["intensity", "occupancy"], index=["asset", "observed_at"], variable_name="property")
    return complete(
        long.select(
            "asset",
            "property",
            number="value",
            unit=pl.when(pl.col("property") == "intensity").then(pl.lit("/h")).otherwise(pl.lit("1")),
            observed_at=pl.from_epoch("observed_at", time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
    )


def _within(counts: pl.DataFrame, night: date) -> pl.DataFrame:
    start, until = to_us(noon(night)), to_us(noon(night + _DAY))
    return counts.filter((pl.col("observed_at") >= start) & (pl.col("observed_at") < until)).sort(
        "observed_at", "asset"
    )


def _intensities(accepted: pl.DataFrame, territory: Territory) -> pl.DataFrame:
    names = territory.series_names
    named = accepted.with_columns(
        asset=pl.col("series").replace_strict({n: asset for n, (asset, _) in names.items()}, return_dtype=pl.String),
        property=pl.col("series").replace_strict({n: name for n, (_, name) in names.items()}, return_dtype=pl.String),
    )
    wide = named.pivot("property", index=["asset", "observed_at"], values="value", aggregate_function="last")
    return wide.select("asset", "observed_at", "intensity", pl.col("occupancy").fill_null(0.0))
