"""Whether the road is wet: what is forecast, what gauges have caught, and how long it takes to dry."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from engine.errors import InputError
from engine.instants import from_us, to_us
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.forecasts import Freshness, known, sources_in
from jobs.lighting.night import SLOT, Night
from jobs.lighting.tables import LightingTables, Rain
from optimizers.arrays import Bools

GAUGE = ("WeatherObserved", "precipitation")


@dataclass(frozen=True, eq=False)
class Wet:
    """`slots` (T,): rain, or a road that has not dried, as far as is known. `reasons`: what is not."""

    slots: Bools
    reasons: tuple[str, ...] = ()


def wet_road(
    unit: Unit, territory: Territory, night: Night, at: datetime, settings: Settings, tables: LightingTables
) -> Wet:
    """What was known at an instant of the rain of a night.

    Where nothing is known, nothing is wet: conflict areas, which are never under their normal class, need no telling,
    and the rules of rain plan anew when a gauge catches some.
    """
    rain = tables.rain
    soaked, reasons = _forecast(unit, night, at, settings, rain)
    caught, over = _caught(unit, territory, at, rain)
    if caught is not None:
        soaked = [*soaked, (caught, caught if over else night.until)]
    wet = _wet(night, soaked, rain.dries_after)
    return Wet(wet & (np.array(night.slots) + SLOT > at), reasons)


def rained(unit: Unit, territory: Territory, night: Night, tables: LightingTables) -> Bools | None:
    """(T,) slots of a night that is over in which the road was wet, as gauges caught it; None without a gauge."""
    rain, series = tables.rain, _gauges(territory)
    if not series:
        return None
    read = unit.readings.history(series, to_us(night.start - rain.dries_after), to_us(night.until))
    caught = read.filter(pl.col("value") >= rain.wet_from_mm)["observed_at"].unique(maintain_order=True).to_list()
    return _wet(night, [(from_us(us), from_us(us)) for us in caught], rain.dries_after)


def _gauges(territory: Territory) -> list[int]:
    gauges = {asset.id for asset in territory.of_type(GAUGE[0])}
    names = territory.series_names.items()
    return sorted(n for n, (asset, name) in names if name == GAUGE[1] and asset in gauges)


def _wet(night: Night, soaked: Iterable[tuple[datetime, datetime]], dries_after: timedelta) -> Bools:
    """(T,) slots that share some time with rain or with the drying after it."""
    spans = [(begins, ends + dries_after) for begins, ends in soaked]
    return np.array([any(a < at + SLOT and at < b for a, b in spans) for at in night.slots], np.bool_)


def _forecast(
    unit: Unit, night: Night, at: datetime, settings: Settings, rain: Rain
) -> tuple[list[tuple[datetime, datetime]], tuple[str, ...]]:
    """Spans for which rain is forecast with the probability of `rain.chance` at least."""
    try:
        source = sources_in(settings).get(rain.source)
    except InputError as error:  # no reason to leave streets without a plan
        return [], (f"rain is not forecast: {error.problems[0]}",)
    if source is None or rain.variable not in source.variables:
        return [], (f"rain is not forecast: no {rain.variable} of {rain.source} in forecasts.yaml",)
    since = night.start - rain.dries_after - source.step
    found = known(unit, rain.source, source, at, since, night.until, variables=[rain.variable])
    if found.freshness is not Freshness.FRESH:
        return [], (f"rain is not forecast: {rain.source} is {found.freshness.value}",)
    likely = _likely(found.values, rain.chance).filter(pl.col("value") >= rain.wet_from_mm)
    begins = sorted(set(likely["valid_at"].to_list()))
    return [(from_us(us), from_us(us) + source.step) for us in begins], ()


def _likely(values: pl.DataFrame, chance: float) -> pl.DataFrame:
    """For each slot and place the value that is passed with that chance: of the quantiles known the least that is not
    under 1 − chance, else the highest; where there are none, the value itself."""
    quantile = pl.col("quantile").fill_null(1.0)
    far = pl.when(quantile >= 1 - chance - 1e-9).then(quantile).otherwise(2 + (1 - quantile))
    return values.sort(far).unique(["place", "valid_at"], keep="first", maintain_order=True)


def _caught(unit: Unit, territory: Territory, at: datetime, rain: Rain) -> tuple[datetime | None, bool]:
    """When a gauge last caught rain, within the time it takes to dry, and whether it has caught none since.

    While it rains nobody knows for how long: that is for the plan that is made when it has dried.
    """
    series = _gauges(territory)
    if not series:
        return None, True
    read = unit.readings.history(series, to_us(at - rain.dries_after), to_us(at) + 1)
    wet = read.filter(pl.col("value") >= rain.wet_from_mm)
    if wet.is_empty():
        return None, True
    newest = read.unique("series", keep="last", maintain_order=True)
    over = newest.filter(pl.col("value") >= rain.wet_from_mm).is_empty()
    last: int = wet["observed_at"].max()  # type: ignore[assignment]
    return from_us(last), over
