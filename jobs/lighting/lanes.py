"""Lamps that brighten by themselves: how much of the time, as their detectors tell."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from engine.instants import to_us
from jobs.lighting.fleet import Fleet
from jobs.lighting.night import Night, group_of
from jobs.lighting.tables import LightingTables
from jobs.words import some
from optimizers.arrays import Floats, Ints
from optimizers.lighting import Lanes

NOBODY_SEEN = pl.DataFrame(schema={"asset": pl.String, "observed_at": pl.Int64, "value": pl.Float64})
_HOUR_US = 3_600_000_000
_GROUPS = 72  # kind of day times hour, see `group_of`


def awake(fleet: Fleet, night: Night, presence: pl.DataFrame, tables: LightingTables) -> Fleet:
    """The fleet without the detectors that have long said nothing: nobody may be left in the dark by a dead one. Their
    lamps are lit for traffic as others are, whatever they may still do by themselves.
    """
    since_us = to_us(night.start) - int(tables.lanes.silent_after.total_seconds()) * 1_000_000
    lately = presence.filter(pl.col("observed_at") >= since_us)["asset"].unique().to_list()
    silent = np.flatnonzero(~np.isin(np.array(fleet.detectors, np.str_), lately))
    asleep = np.isin(fleet.detector, silent)
    if not asleep.any():
        return fleet
    lamps = [fleet.lamps[i] for i in np.flatnonzero(asleep)]
    reason = f"lit for traffic, their detectors say nothing: {some(lamps)} lamps"
    return replace(
        fleet,
        detector=np.where(asleep, -1, fleet.detector),
        boost=np.where(asleep, 0.0, fleet.boost),
        reasons=(*fleet.reasons, reason),
    )


def lanes_of(fleet: Fleet, night: Night, presence: pl.DataFrame, tables: LightingTables) -> Lanes | None:
    """Boost, and the probability of it in each slot; None where no lamp has a detector.

    `presence` holds asset, observed_at (µs since 1970) and value (1 somebody is there, 0 nobody any more) of the days
    before. Probability is the share of time that a lamp was kept bright, in the same hour of the same kind of day.
    """
    if not fleet.lane.any():
        return None
    kept = np.zeros(len(fleet.detectors))
    np.maximum.at(kept, fleet.detector[fleet.lane], fleet.hold_s[fleet.lane])
    share = seen_share(presence, fleet.detectors, kept, to_us(night.start), tables)
    detection = np.where(fleet.lane[:, None], share[fleet.detector][:, night.group], 0.0)
    return Lanes(boost=fleet.boost, detection=detection)


def seen_share(
    presence: pl.DataFrame, detectors: Sequence[str], hold_s: Floats, until_us: int, tables: LightingTables
) -> Floats:
    """(D, 72) share of time, 0…1, that lamps of each detector were bright, by hour and kind of day.

    A lamp is bright from when somebody is seen until nobody is, and for `hold_s` (D,) at least. Hours count from a
    detector's first word to a day after its last; where fewer than `minimum_samples` of a kind do, the tables' figure.
    """
    first_us = until_us - int(tables.lanes.history.total_seconds()) * 1_000_000
    hours = (until_us - first_us) // _HOUR_US
    hour_group = group_of(pl.Series([first_us + k * _HOUR_US for k in range(hours)], dtype=pl.Int64))
    told = _told(presence, detectors, hold_s, first_us, until_us)
    heard = _heard(told, len(detectors), hour_group)
    bright = _bright(told.filter(pl.col("value") > 0), len(detectors), hour_group)
    share = np.divide(bright, heard, out=np.zeros(bright.shape), where=heard > 0)
    return np.where(heard >= tables.minimum_samples, np.minimum(share, 1.0), tables.lanes.detection)


def _told(
    presence: pl.DataFrame, detectors: Sequence[str], hold_s: Floats, first_us: int, until_us: int
) -> pl.DataFrame:
    """Each word of the history: detector, at, value, and until when it keeps lamps bright; µs of the history."""
    names = pl.DataFrame(
        {"asset": detectors, "detector": range(len(detectors)), "hold": (hold_s * 1e6).astype(np.int64)},
        schema={"asset": pl.String, "detector": pl.Int64, "hold": pl.Int64},
    )
    known = presence.join(names, on="asset").filter(
        (pl.col("observed_at") >= first_us) & (pl.col("observed_at") < until_us)
    )
    ordered = known.sort("detector", "observed_at").with_columns(at=pl.col("observed_at") - first_us)
    following = pl.col("at").shift(-1).over("detector").fill_null(0)
    end = pl.max_horizontal(pl.col("at") + pl.col("hold"), following).clip(upper_bound=until_us - first_us)
    return ordered.select("detector", "at", "value", end=end)


def _heard(told: pl.DataFrame, detectors: int, hour_group: Ints) -> Floats:
    """(D, 72) hours of each kind from a detector's first word to a day after its last."""
    heard = np.zeros((detectors, _GROUPS))
    spans = told.group_by("detector").agg(first=pl.col("at").min(), last=pl.col("at").max())
    for detector, first, last in spans.select("detector", "first", "last").iter_rows():
        hours = hour_group[first // _HOUR_US : last // _HOUR_US + 25]
        heard[detector] = np.bincount(hours, minlength=_GROUPS)
    return heard


def _bright(lit: pl.DataFrame, detectors: int, hour_group: Ints) -> Floats:
    """(D, 72) hours of light; of times that overlap each counts what it adds."""
    reached = pl.col("end").cum_max().shift(1).over("detector").fill_null(0)
    new = lit.with_columns(at=pl.max_horizontal(pl.col("at"), reached)).filter(pl.col("end") > pl.col("at"))
    detector, start, end = (new[name].to_numpy() for name in ("detector", "at", "end"))
    first, last = start // _HOUR_US, (end - 1) // _HOUR_US
    count = last - first + 1
    pieces = np.repeat(np.arange(len(start)), count)
    hour = first[pieces] + np.arange(len(pieces)) - (np.cumsum(count) - count)[pieces]
    inside = np.minimum(end[pieces], (hour + 1) * _HOUR_US) - np.maximum(start[pieces], hour * _HOUR_US)
    cell = detector[pieces] * _GROUPS + hour_group[hour]
    hours = np.zeros(detectors * _GROUPS)
    np.add.at(hours, cell, inside / _HOUR_US)
    return hours.reshape(detectors, _GROUPS)
