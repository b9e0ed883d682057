"""Traffic: from what counters counted to what each street may expect of a night."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from engine.calendar import SchoolCalendar
from engine.instants import to_us
from jobs.lighting.counts import Counts, Doubt, believed
from jobs.lighting.fleet import Fleet
from jobs.lighting.lending import Places, places_of
from jobs.lighting.night import Night
from jobs.lighting.outlook import HOUR_US, HeldOut, Hours, held_out, hours_of, night_hours
from jobs.lighting.tables import CountTables, LightingTables
from jobs.words import some
from optimizers.arrays import Bools, Floats, Ints


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
    fleet: Fleet, night: Night, history: pl.DataFrame, tables: LightingTables, quantile: float, at: datetime,
    school: SchoolCalendar | None = None,
) -> Traffic:  # fmt: skip
    """The traffic to light for at each place and slot, by what counters that are believed had counted at an instant:
    the count that is not exceeded with probability `quantile`. Of hours that have ended it is what was counted.
    """
    known = history.filter(pl.col("observed_at") <= to_us(at))
    counts = believed(known, _most_veh_h(fleet, tables.counts), at, tables.counts)
    hours, _ = _hours(fleet, night, counts, school)
    value, samples = night_hours(hours, night, at, quantile, tables.minimum_samples)
    slot = [hours.number(t) for t in night.slots]
    works: Bools = np.asarray(np.isfinite(value[:, slot][:, night.burning]).any(axis=1))
    places = places_of(fleet, works, tables.counts.lenders)
    reasons = (*counts.reasons, *_reasons(fleet, places, works), *_live(fleet, hours, night, at))
    return _told(fleet, places, value[:, slot], samples[:, slot], counts, quantile, reasons)


def past_forecasts(
    fleet: Fleet, night: Night, history: pl.DataFrame, tables: LightingTables, at: datetime, days: int,
    school: SchoolCalendar | None = None,
) -> tuple[Counts, HeldOut]:  # fmt: skip
    """What is believed of the counters at an instant, and forecasts of so many nights before it, held to counts."""
    known = history.filter(pl.col("observed_at") <= to_us(at))
    counts = believed(known, _most_veh_h(fleet, tables.counts), at, tables.counts)
    hours, _ = _hours(fleet, night, counts, school)
    noon = min(hours.number(at), hours.number(night.start))
    return counts, held_out(hours, noon, hours.dark(night), tables.minimum_samples, days)


def counted_traffic(fleet: Fleet, night: Night, counts: pl.DataFrame, tables: LightingTables) -> Traffic:
    """Mean of what was counted in the hour that holds each slot; NaN where nothing was that is to be believed.

    Streets whose counter counted nothing all night borrow from those that did.
    """
    own = counts.filter(pl.col("observed_at") >= to_us(night.start) // HOUR_US * HOUR_US)
    found = believed(own, _most_veh_h(fleet, tables.counts), night.until, tables.counts)
    hours, samples = _hours(fleet, night, found)
    slot = [hours.number(t) for t in night.slots]
    places = places_of(fleet, np.asarray((samples > 0).any(axis=1)), tables.counts.lenders)
    return _told(fleet, places, hours.counts.value[:, slot], samples[:, slot], found, float("nan"))


def _hours(
    fleet: Fleet, night: Night, counts: Counts, school: SchoolCalendar | None = None
) -> tuple[Hours, Ints]:  # fmt: skip
    frame = counts.frame
    series = frame["asset"].cast(pl.Enum(fleet.counters)).to_physical().to_numpy().astype(np.int64)
    return hours_of(
        series, frame["observed_at"].to_numpy(), frame["intensity"].to_numpy(), len(fleet.counters), night, school
    )


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


def _live(fleet: Fleet, hours: Hours, night: Night, at: datetime) -> list[str]:
    """Says so where the night has begun and is planned by its own counts."""
    if at <= night.start:
        return []
    tonight = hours.counts.known[:, hours.number(night.start) : hours.number(at) + 1]
    heard = [counter for counter, known in zip(fleet.counters, tonight, strict=True) if known.any()]
    return [f"the rest of the night follows its own counts: {some(heard)} counters"] if heard else []


def _reasons(fleet: Fleet, places: Places, works: Bools) -> list[str]:
    blind = [c for c, fit in zip(fleet.counters, works, strict=True) if not fit]
    borrowing = [fleet.lamps[i] for i in np.flatnonzero(places.row >= len(fleet.counters))]
    without = [fleet.lamps[i] for i in np.flatnonzero(places.row < 0)]
    reasons = [f"no forecast: {some(blind)} counters"] if blind else []
    reasons += [f"traffic borrowed from like streets: {some(borrowing)} lamps"] if borrowing else []
    if without and fleet.counters:
        reasons.append(f"no traffic to go by, normal class all night: {some(without)} lamps")
    return reasons
