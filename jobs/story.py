"""The demo's story: a day of traffic, people passing, a shower, equipment that fails, lies and goes silent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from engine.errors import InputError, Problem
from engine.instants import PARIS, from_us, noon, to_us
from engine.model import Asset
from engine.telemetry.batch import normalise
from engine.telemetry.counts import read_counts
from engine.telemetry.raw import complete
from jobs.bootstrap import Territory
from jobs.lighting.night import Night
from jobs.lighting.tables import LightingTables
from twin.faults import OF_MESSAGES, Fault, FaultKind
from twin.field.story import Count, Measured, Presence, Story
from twin.traffic import made_counts

HISTORY_DAYS = 28
DEFAULT_NIGHT = date(2026, 11, 16)
_HOUR_US = 3_600_000_000
_DAY = timedelta(days=1)
_PASSERS_A_NIGHT = 3.0
_HOLD = timedelta(seconds=120)
_CANARY_TOLD = timedelta(milliseconds=100)  # the field takes 10 for a message
_SHOWER_MM = 1.4  # an hour, enough to wet a road


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


def seen_before(assets: Sequence[Asset], night: Night, seed: int) -> pl.DataFrame:
    """What the detectors at which lamps brighten told in the four weeks before: a RAW frame."""
    named = {asset.attributes["detector"] for asset in assets if asset.attributes.get("detector")}
    lanes = [asset for asset in assets if asset.id in named]
    rng = np.random.default_rng(seed)
    seen = [
        (passer.detector, float(on), passer.at - k * _DAY + (0 if on else 1) * _HOLD)
        for k in range(1, HISTORY_DAYS + 1)
        for passer in _passers(lanes, night.on_at, night.off_at, rng)
        for on in (True, False)
    ]
    at = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(seen, schema={"asset": pl.String, "number": pl.Float64, "at": at}, orient="row")
    told = pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return complete(frame.select("asset", "number", property=pl.lit("presence"), observed_at=told))


def make_story(assets: Sequence[Asset], traffic: Traffic, night: Night, tables: LightingTables, seed: int) -> Story:
    """What happens that night. The same seed makes the same story."""
    sunset, sunrise = night.on_at, night.off_at
    rng = np.random.default_rng(seed)
    return Story(
        start_at=night.start,
        slots=len(night.slots),
        nights=((sunset, sunrise),),
        flux_curves={name: tuple(points) for name, points in tables.flux_curves.items()},
        seed=seed,
        counts=tuple(
            Count(row["asset"], from_us(row["observed_at"]), row["intensity"], row["occupancy"])
            for row in traffic.day.iter_rows(named=True)
        ),
        presence=_passers(assets, sunset, sunrise, rng),
        faults=_faults(assets, night, rng),
        weather=tuple(_rain(assets, night)),
    )


def _rain(assets: Sequence[Asset], night: Night) -> Iterator[Measured]:
    """Every gauge tells once an hour; in the fifth and sixth hour after dusk it has caught a shower.

    The road has dried before the cabinet falls silent: what goes ahead of the plan of a dry road may be told there.
    """
    shower = [night.on_at + timedelta(hours=k) for k in (4, 6)]
    hours = [at for at in night.slots if at.minute == 0]
    for gauge in (asset.id for asset in assets if asset.type == "WeatherObserved"):
        for at in hours:
            yield Measured(gauge, "precipitation", at, _SHOWER_MM if shower[0] <= at < shower[1] else 0.0)


def _passers(
    assets: Sequence[Asset], sunset: datetime, sunrise: datetime, rng: np.random.Generator
) -> tuple[Presence, ...]:
    """People passing detectors while it is dark: a Poisson number each, at random instants."""
    seconds = (sunrise - sunset).total_seconds()
    return tuple(
        Presence(asset.id, sunset + timedelta(seconds=int(offset)))
        for asset in assets
        if asset.type == "PresenceDetector"
        for offset in sorted(rng.uniform(0, seconds, rng.poisson(_PASSERS_A_NIGHT)))
    )


def _faults(assets: Sequence[Asset], night: Night, rng: np.random.Generator) -> tuple[Fault, ...]:
    """One of each: a lamp that dies, one that lies, messages lost, doubled, late, refused, a cabinet gone silent; and a
    crew that works on another cabinet for two hours.

    Those of messages begin once the few are told that go ahead of a large move: were one of them to fail, as a seed may
    have it, nobody else would be told of the night.
    """
    sunset, sunrise = night.on_at, night.off_at
    lamps = [asset.id for asset in assets if asset.type == "Streetlight" and asset.attributes["dimmable"]]
    cabinets = [asset.id for asset in assets if asset.type == "StreetlightControlCabinet"]
    kinds = [kind for kind in FaultKind if kind in OF_MESSAGES or kind is FaultKind.FAILURE]
    chosen = rng.choice(len(lamps), len(kinds), replace=False)
    begins = {FaultKind.FAILURE: sunset + timedelta(hours=4)}
    faults = [
        Fault(lamps[index], kind, begins.get(kind, night.start + _CANARY_TOLD), sunrise)
        for index, kind in zip(chosen, kinds, strict=True)
    ]
    number = int(rng.integers(len(cabinets)))
    silent, local = cabinets[number], cabinets[number - 1]
    return (
        *faults,
        Fault(silent, FaultKind.SILENT, sunset + timedelta(hours=9), sunset + timedelta(hours=11)),
        Fault(local, FaultKind.LOCAL, sunset + timedelta(hours=3), sunset + timedelta(hours=5)),
    )
