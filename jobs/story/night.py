"""What happens in the night of a story: people pass, lamps and cabinets fail, lie and go silent."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from engine.instants import from_us
from engine.model import Asset
from engine.telemetry.raw import complete
from jobs.lighting.night import Night
from jobs.lighting.tables import LightingTables
from jobs.story.buildings import Buildings
from jobs.story.greens import Greens
from jobs.story.traffic import HISTORY_DAYS, Traffic
from jobs.story.waste import Waste
from twin.faults import OF_MESSAGES, Fault, FaultKind
from twin.field.story import Count, Presence, Story

DEFAULT_NIGHT = date(2026, 9, 28)
"""A Monday: twelve hours of darkness, and ground that is dry after summer."""

_DAY = timedelta(days=1)
_PASSERS_A_NIGHT = 3.0
_HOLD = timedelta(seconds=120)
_CANARY_TOLD = timedelta(milliseconds=100)  # the field takes 10 for a message


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


def make_story(
    assets: Sequence[Asset], traffic: Traffic, greens: Greens, waste: Waste, buildings: Buildings, night: Night,
    tables: LightingTables, seed: int,
) -> Story:  # fmt: skip
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
        faults=(*_faults(assets, night, rng), *greens.faults, *waste.faults, *buildings.faults),
        weather=greens.weather,
        sky=greens.sky,
        plots=greens.plots,
        meters=greens.meters,
        bins=waste.bins,
        dumped=waste.dumped,
        pace=waste.pace,
        premises=buildings.premises,
        outside=buildings.outside,
    )


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
        # Over before the traffic of the morning has the night planned again: what is told ahead may be told there.
        Fault(silent, FaultKind.SILENT, sunset + timedelta(hours=9), sunset + timedelta(hours=9, minutes=55)),
        Fault(local, FaultKind.LOCAL, sunset + timedelta(hours=3), sunset + timedelta(hours=5)),
    )
