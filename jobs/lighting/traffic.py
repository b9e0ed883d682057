"""Traffic: from what counters counted to what each may expect of a night."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.instants import to_us
from jobs.lighting.fleet import Fleet, some
from jobs.lighting.night import Night, group_of
from jobs.lighting.tables import LightingTables
from optimizers.forecast import Forecast, History, forecast
from optimizers.lighting.problem import Floats, Ints


@dataclass(frozen=True, eq=False)
class Traffic:
    """What R places, the C counters first, may expect of each slot.

    veh_h (R, T)         NaN where there is no telling
    samples (R, T)       how many stand behind each figure
    capacity_veh_h (R,)  of the road at that place
    row (n,)             the place whose traffic each lamp is lit for, -1 for none
    quantile             NaN for what was counted
    """

    veh_h: Floats
    samples: Ints
    capacity_veh_h: Floats
    row: Ints
    quantile: float
    reasons: tuple[str, ...] = ()

    @property
    def share(self) -> Floats:
        """(R, T), of capacity."""
        return self.veh_h / self.capacity_veh_h[:, None]


def forecast_traffic(
    fleet: Fleet, night: Night, history: pl.DataFrame, tables: LightingTables, quantile: float
) -> Traffic:
    """The quantile of the same hour and kind of day, for each counter and slot. A stuck counter forecasts nothing."""
    known = history.filter(pl.col("asset").is_in(list(fleet.counters)))
    stuck = _stuck(known, tables.stuck_after_readings)
    fit = known.filter(~pl.col("asset").is_in(stuck))
    samples = History(_series(fleet, fit), group_of(fit["observed_at"]), _intensity(fit))
    likely: Forecast = forecast(
        samples,
        night.group,
        len(fleet.counters),
        quantile=quantile,
        minimum_samples=tables.minimum_samples,
    )
    blind = [c for c, row in zip(fleet.counters, likely.value, strict=True) if np.isnan(row[night.burning]).all()]
    reasons = [f"stuck on one value for a day: {some(stuck)} counters"] if stuck else []
    reasons += [f"no forecast, normal class all night: {some(blind)} counters"] if blind else []
    return Traffic(likely.value, likely.samples, fleet.capacity_veh_h, fleet.counter, quantile, tuple(reasons))


def counted_traffic(fleet: Fleet, night: Night, counts: pl.DataFrame) -> Traffic:
    """Mean of what each counter counted in the hour that holds each slot; NaN where it counted nothing fit."""
    hour_us = 3_600_000_000
    first = to_us(night.start) // hour_us
    known = counts.filter(pl.col("asset").is_in(list(fleet.counters)))
    series, value = _series(fleet, known), _intensity(known)
    hour = known["observed_at"].to_numpy() // hour_us - first
    hours = int((to_us(night.until) - 1) // hour_us - first) + 1
    fit = (hour >= 0) & (hour < hours) & np.isfinite(value) & (value >= 0)
    cell = (series * hours + hour)[fit]
    size = len(fleet.counters) * hours
    samples = np.bincount(cell, minlength=size).reshape(-1, hours)
    total = np.bincount(cell, weights=value[fit], minlength=size).reshape(-1, hours)
    mean = np.divide(total, samples, out=np.full(total.shape, np.nan), where=samples > 0)
    slot_hour = np.array([to_us(at) // hour_us - first for at in night.slots])
    return Traffic(mean[:, slot_hour], samples[:, slot_hour], fleet.capacity_veh_h, fleet.counter, float("nan"))


def _stuck(history: pl.DataFrame, readings: int) -> list[str]:
    """Counters whose newest day of readings, at least that many, show one value only."""
    day_us = 86_400_000_000
    newest = history.filter(pl.col("observed_at") > pl.col("observed_at").max().over("asset") - day_us)
    summary = newest.group_by("asset").agg(pl.len().alias("n"), pl.col("intensity").n_unique().alias("values"))
    found = summary.filter((pl.col("n") >= readings) & (pl.col("values") == 1))
    return sorted(found["asset"].to_list())


def _series(fleet: Fleet, frame: pl.DataFrame) -> Ints:
    index = {counter: i for i, counter in enumerate(fleet.counters)}
    assets = frame["asset"].unique().to_list()
    table = pl.DataFrame(
        {"asset": assets, "series": [index[asset] for asset in assets]}, {"asset": pl.String, "series": pl.Int64}
    )
    return frame.select("asset").join(table, on="asset", how="left", maintain_order="left")["series"].to_numpy()


def _intensity(frame: pl.DataFrame) -> Floats:
    return frame["intensity"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
