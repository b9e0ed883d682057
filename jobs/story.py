"""The demo's story: a day of traffic, people passing, and equipment that fails, lies and goes silent. Made from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from engine.errors import InputError, Problem
from engine.instants import PARIS, from_us, noon, to_us
from engine.model import Asset
from engine.telemetry.batch import Registry, normalise
from engine.telemetry.counts import read_counts
from jobs.lighting import sun_of
from twin.field import Fault, Story
from twin.traffic import made_counts

HISTORY_DAYS = 28
DEFAULT_NIGHT = date(2026, 11, 16)
_HOUR_US = 3_600_000_000
_DAY = timedelta(days=1)
_SLOT = timedelta(minutes=15)
_PASSERS_A_NIGHT = 3.0


@dataclass(frozen=True)
class Traffic:
    """Hourly counts, cut where the night begins. `history`: a RAW frame. `day`: [asset, observed_at, intensity]."""

    night: date
    history: pl.DataFrame
    day: pl.DataFrame
    origin: str


def made_traffic(counters: Sequence[Asset], night: date, seed: int) -> Traffic:
    """Four weeks of made counts before the night, and the night's own."""
    start = noon(night)
    counts = made_counts(counters, start - HISTORY_DAYS * _DAY, HISTORY_DAYS + 2, seed)
    before = counts.filter(pl.col("observed_at") < to_us(start))
    return Traffic(night, _raw(before), _within(counts, night), f"made, seed {seed}")


def real_traffic(files: Sequence[Path], counters: Sequence[Asset], registry: Registry, night: date | None) -> Traffic:
    """Real counts: the busiest arc goes to the counter of greatest capacity, and so on round. Gaps stay gaps.

    Without `night`, the last whole one of the files. Raises InputError when the files hold no such night.
    """
    arcs = _arcs(files)
    ranked = sorted(counters, key=lambda c: (-float(c.attributes["capacity_veh_h"]), c.id))
    pairs = [(counter, arcs[k % len(arcs)]) for k, counter in enumerate(ranked)]
    raw = pl.concat([read_counts(path, {arc: counter.id}) for counter, (path, arc) in pairs])
    timed = raw.with_columns(at=pl.col("observed_at").str.slice(0, 13).str.to_datetime("%Y-%m-%dT%H").dt.epoch("us"))
    last = from_us(int(timed["at"].max() or 0))  # type: ignore[call-overload]
    night = night or (last - timedelta(hours=35)).astimezone(PARIS).date()
    history = timed.filter(pl.col("at") < to_us(noon(night))).drop("at")
    normalised = normalise(raw, registry, received_at=last + _DAY, skew=_DAY).accepted
    day = _within(_intensities(normalised, registry), night)
    if history.is_empty() or day.is_empty():
        found = f"no counts before and during the night of {night}; the files end {last:%Y-%m-%d}"
        raise InputError([Problem(str(files[0]), 0, 0, found, "name a night inside the files with --night")])
    return Traffic(night, history, day, ", ".join(path.name for path in files))


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
    return long.select(
        pl.col("asset"),
        pl.col("property"),
        number=pl.col("value"),
        text=pl.lit(None, pl.String),
        unit=pl.when(pl.col("property") == "intensity").then(pl.lit("/h")).otherwise(pl.lit("1")),
        observed_at=pl.from_epoch("observed_at", time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        gateway=pl.lit(None, pl.String),
        raw=pl.lit(None, pl.String),
        line=pl.lit(None, pl.Int64),
    )


def _within(counts: pl.DataFrame, night: date) -> pl.DataFrame:
    start, until = to_us(noon(night)), to_us(noon(night + _DAY))
    return counts.filter((pl.col("observed_at") >= start) & (pl.col("observed_at") < until)).sort(
        "observed_at", "asset"
    )


def _intensities(accepted: pl.DataFrame, registry: Registry) -> pl.DataFrame:
    named = accepted.join(registry.series.select("series", "asset", "property"), on="series")
    wide = named.pivot("property", index=["asset", "observed_at"], values="value", aggregate_function="last")
    return wide.select("asset", "observed_at", "intensity", pl.col("occupancy").fill_null(0.0))


def make_story(assets: Sequence[Asset], traffic: Traffic, seed: int) -> Story:
    """What happens that night. The same seed makes the same story."""
    start, until = noon(traffic.night), noon(traffic.night + _DAY)
    sunset, sunrise = sun_of(start)
    rng = np.random.default_rng(seed)
    return Story(
        start_at=start,
        slots=(until - start) // _SLOT,
        seed=seed,
        counts=tuple(
            (row["asset"], from_us(row["observed_at"]), row["intensity"], row["occupancy"])
            for row in traffic.day.iter_rows(named=True)
        ),
        presence=_passers(assets, sunset, sunrise, rng),
        faults=_faults(assets, sunset, sunrise, rng),
        sunset_at=sunset,
        sunrise_at=sunrise,
    )


def _passers(
    assets: Sequence[Asset], sunset: datetime, sunrise: datetime, rng: np.random.Generator
) -> tuple[tuple[str, datetime], ...]:
    """People passing detectors while it is dark: a Poisson number each, at random instants."""
    seconds = (sunrise - sunset).total_seconds()
    return tuple(
        (asset.id, sunset + timedelta(seconds=int(offset)))
        for asset in assets
        if asset.type == "PresenceDetector"
        for offset in sorted(rng.uniform(0, seconds, rng.poisson(_PASSERS_A_NIGHT)))
    )


def _faults(
    assets: Sequence[Asset], sunset: datetime, sunrise: datetime, rng: np.random.Generator
) -> tuple[Fault, ...]:
    """One of each: a lamp that fails, one that lies, lost and doubled messages, a cabinet that falls silent."""
    lamps = [asset.id for asset in assets if asset.type == "Streetlight" and asset.attributes["dimmable"]]
    cabinets = [asset.id for asset in assets if asset.type == "StreetlightControlCabinet"]
    kinds = ("lamp_failure", "lie", "drop_command", "drop_ack", "double", "reject")
    chosen = rng.choice(len(lamps), len(kinds), replace=False)
    day_before = sunset - timedelta(hours=12)
    faults = [
        Fault(lamps[index], kind, sunset + timedelta(hours=4) if kind == "lamp_failure" else day_before, sunrise)
        for index, kind in zip(chosen, kinds, strict=True)
    ]
    silent = cabinets[int(rng.integers(len(cabinets)))]
    return (*faults, Fault(silent, "cabinet_silent", sunset + timedelta(hours=6), sunset + timedelta(hours=8)))
