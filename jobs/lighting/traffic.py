"""Traffic: from what counters counted to what each street may expect of a night."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from engine.instants import to_us
from jobs.lighting.counts import Counts, Doubt, believed
from jobs.lighting.fleet import Fleet, some
from jobs.lighting.lending import Places, places_of
from jobs.lighting.night import Night, group_of
from jobs.lighting.tables import CountTables, LightingTables
from optimizers.forecast import Forecast, History, forecast
from optimizers.lighting.problem import Bools, Floats, Ints

_HOUR_US = 3_600_000_000


@dataclass(frozen=True, eq=False)
class Traffic:
    """What R places may expect of each slot: the C counters first, then those that borrow.

    veh_h (R, T)         NaN where there is no telling
    samples (R, T)       how many stand behind each figure
    capacity_veh_h (R,)  of the road at that place
    quantile             NaN for what was counted
    stale                counters have counted, and not one of them lately
    """

    veh_h: Floats
    samples: Ints
    capacity_veh_h: Floats
    places: Places
    quantile: float
    doubts: Mapping[str, tuple[Doubt, ...]]
    stale: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def row(self) -> Ints:
        """(n,) the place whose traffic each lamp is lit for, -1 for none."""
        return self.places.row

    @property
    def share(self) -> Floats:
        """(R, T), of capacity."""
        return self.veh_h / self.capacity_veh_h[:, None]


def forecast_traffic(
    fleet: Fleet, night: Night, history: pl.DataFrame, tables: LightingTables, quantile: float, at: datetime
) -> Traffic:
    """The quantile of the same hour and kind of day at each place and slot, by counters believed at an instant."""
    counts = believed(history, _most_veh_h(fleet, tables.counts), at, tables.counts)
    likely = _likely(fleet, night, counts, tables, quantile)
    works: Bools = np.asarray(np.isfinite(likely.value[:, night.burning]).any(axis=1))
    places = places_of(fleet, works, tables.counts.lenders)
    reasons = (*counts.reasons, *_reasons(fleet, places, works))
    return _told(fleet, places, likely.value, likely.samples, counts, quantile, reasons)


def counted_traffic(fleet: Fleet, night: Night, counts: pl.DataFrame, tables: LightingTables) -> Traffic:
    """Mean of what was counted in the hour that holds each slot; NaN where nothing was that is to be believed.

    Streets whose counter counted nothing all night borrow from those that did.
    """
    found = believed(counts, _most_veh_h(fleet, tables.counts), night.until, tables.counts)
    first, last = to_us(night.start) // _HOUR_US, (to_us(night.until) - 1) // _HOUR_US
    hours = last + 1 - first
    hour = found.frame["observed_at"].to_numpy() // _HOUR_US - first
    within = (hour >= 0) & (hour < hours)
    cell = (_series(fleet, found.frame) * hours + hour)[within]
    size = len(fleet.counters) * hours
    samples = np.bincount(cell, minlength=size).reshape(-1, hours)
    total = np.bincount(cell, weights=found.frame["intensity"].to_numpy()[within], minlength=size).reshape(-1, hours)
    mean = np.divide(total, samples, out=np.full(total.shape, np.nan), where=samples > 0)
    slot_hour = np.array([to_us(at) // _HOUR_US - first for at in night.slots])
    places = places_of(fleet, np.asarray((samples > 0).any(axis=1)), tables.counts.lenders)
    return _told(fleet, places, mean[:, slot_hour], samples[:, slot_hour], found, float("nan"))


def _told(
    fleet: Fleet, places: Places, veh_h: Floats, samples: Ints, counts: Counts, quantile: float,
    reasons: tuple[str, ...] = (),
) -> Traffic:  # fmt: skip
    """What C counters tell, at all places: a share of capacity is what streets lend each other."""
    capacity = places.least(fleet.capacity_veh_h)
    spread = places.spread(veh_h / fleet.capacity_veh_h[:, None]) * capacity[:, None]
    return Traffic(spread, places.least(samples), capacity, places, quantile, counts.doubts, counts.stale, reasons)


def _most_veh_h(fleet: Fleet, tables: CountTables) -> dict[str, float]:
    """What each counted road can carry at the very most."""
    most = np.fmin(tables.impossible_above * fleet.capacity_veh_h, tables.most_veh_h_lane * fleet.roads.lanes)
    return dict(zip(fleet.counters, most.tolist(), strict=True))


def _likely(fleet: Fleet, night: Night, counts: Counts, tables: LightingTables, quantile: float) -> Forecast:
    frame = counts.frame
    samples = History(_series(fleet, frame), group_of(frame["observed_at"]), frame["intensity"].to_numpy())
    return forecast(
        samples, night.group, len(fleet.counters), quantile=quantile, minimum_samples=tables.minimum_samples
    )


def _reasons(fleet: Fleet, places: Places, works: Bools) -> list[str]:
    blind = [c for c, fit in zip(fleet.counters, works, strict=True) if not fit]
    borrowing = [fleet.lamps[i] for i in np.flatnonzero(places.row >= len(fleet.counters))]
    without = [fleet.lamps[i] for i in np.flatnonzero(places.row < 0)]
    reasons = [f"no forecast: {some(blind)} counters"] if blind else []
    reasons += [f"traffic borrowed from like streets: {some(borrowing)} lamps"] if borrowing else []
    if without and fleet.counters:
        reasons.append(f"no traffic to go by, normal class all night: {some(without)} lamps")
    return reasons


def _series(fleet: Fleet, frame: pl.DataFrame) -> Ints:
    index = {counter: i for i, counter in enumerate(fleet.counters)}
    return frame["asset"].replace_strict(index, return_dtype=pl.Int64).to_numpy()
