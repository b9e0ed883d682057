"""How well forecasts of traffic have held: past nights, foreseen from what was known at the noon before each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.lighting.counts import Doubt
from jobs.lighting.domain import HISTORY, lighting_day, school_of, traffic_counts
from jobs.lighting.fleet import read_fleet
from jobs.lighting.lending import places_of
from jobs.lighting.night import night_of
from jobs.lighting.outlook import HeldOut
from jobs.lighting.tables import tables_of
from jobs.lighting.traffic import past_forecasts
from optimizers.arrays import Bools, Floats, Ints
from optimizers.forecast import Calibration

NIGHTS = 28
PARTS = {"evening": (12, 22), "small_hours": (22, 5), "morning": (5, 12)}
"""Of the night, by the hour of the local clock: from, and up to."""


@dataclass(frozen=True)
class Held:
    """A counter's forecasts beside what it counted; shares 0…1, None where nothing was judged.

    lamps    that live by it
    hours    dark hours that were judged
    covered  by part of the night, share of counts that the quantile was not below
    asked    the level that is asked for instead, so that the quantile holds what it promises
    kept     share of the later half of hours that the level, found from the earlier half, covered
    """

    counter: str
    lamps: int
    hours: int
    covered: dict[str, float | None]
    all: float | None
    asked: float | None
    kept: float | None
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True)
class Coverage:
    """`own`, `borrowed`, `without`: how many lamps live by their own counter, by others, and by none."""

    quantile: float
    counters: Sequence[Held]
    own: int
    borrowed: int
    without: int
    all: float | None
    kept: float | None


def coverage(unit: Unit, territory: Territory, at: datetime, settings: Settings) -> Coverage:
    """Of every counter, over at most four weeks before the lighting day that holds an instant. Raises InputError."""
    start, tables, quantile = lighting_day(at)[0], tables_of(settings), settings.plan_quantile
    night, asked_at = night_of(start, tables), min(start, at)
    lamps, counters = territory.of_type("Streetlight"), territory.of_type("TrafficFlowObserved")
    fleet = read_fleet(lamps, counters, tables, night.local[0].date())
    history = traffic_counts(unit, territory, start - HISTORY, asked_at)
    counts, past = past_forecasts(fleet, night, history, tables, asked_at, NIGHTS, school_of(settings))
    works = np.asarray((past.calibration.samples > 0).astype(np.bool_))
    row = places_of(fleet, works, tables.counts.lenders).row
    level, kept = past.calibration.level(quantile), _kept(past, quantile)
    held = [
        Held(
            counter=counter,
            lamps=int((row == c).sum()),
            hours=int(past.calibration.samples[c]),
            covered={part: _share(past.ranks[c, _within(past.hour, *ends)], quantile) for part, ends in PARTS.items()},
            all=_share(past.ranks[c], quantile),
            asked=float(level[c]) if works[c] else None,
            kept=_share(kept[c], 0.5),
            doubts=counts.doubts.get(counter, ()),
        )
        for c, counter in enumerate(fleet.counters)
    ]
    own, borrowed = int(((row >= 0) & (row < len(held))).sum()), int((row >= len(held)).sum())
    return Coverage(
        quantile, held, own, borrowed, int((row < 0).sum()), _share(past.ranks, quantile), _share(kept, 0.5)
    )


def _kept(past: HeldOut, quantile: float) -> Floats:
    """(C, N/2) of the later half of hours, 0 where the level of the earlier half covered the count, else 1."""
    half = past.ranks.shape[1] // 2
    level = Calibration(past.ranks[:, :half]).level(quantile)[:, None]
    later = past.ranks[:, half:]
    return np.where(np.isnan(later), np.nan, np.where(later <= level, 0.0, 1.0))


def _within(hour: Ints, first: int, end: int) -> Bools:
    return (first <= hour) & (hour < end) if first < end else (first <= hour) | (hour < end)


def _share(ranks: Floats, level: float) -> float | None:
    known = ranks[np.isfinite(ranks)]
    return float((known <= level).mean()) if known.size else None
