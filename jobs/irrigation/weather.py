"""The weather of past days as the territory's stations told it, cleaned, with the ET0 that can be had of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import cos, radians

import numpy as np
import polars as pl

from engine.instants import from_us
from engine.model import Asset
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.irrigation.findings import told_of
from jobs.irrigation.history import HOURS, Days, read_history
from jobs.irrigation.tables import IrrigationTables
from jobs.words import some
from optimizers.arrays import Bools, Floats, known_median
from optimizers.soil import Et0, Et0Source, Site, Weather, et0_daily
from optimizers.soil.cleaning import Finding, cleaned, cleaned_rain
from optimizers.soil.climate import REFERENCE_HEIGHT_M, wind_2m_m_s

STATION = "WeatherObserved"
_PROPERTIES = ("temperature", "relativeHumidity", "windSpeed", "solarRadiation", "precipitation")
_MJ_PER_W_DAY = 0.0864  # FAO-56, table 3
_WIND_M_S, _RH_MIN_PCT = (
    2.0,
    45.0,
)  # where not measured: those for which crop coefficients of tables hold (FAO-56 eq. 70)
_RUNGS = {
    Et0Source.PENMAN_ESTIMATED: "ET0 by Penman-Monteith with estimates for what was not measured",
    Et0Source.HARGREAVES: "ET0 by temperature alone (Hargreaves)",
    Et0Source.CLIMATOLOGY: "ET0 of an average month, as no temperature was told",
}


@dataclass(frozen=True, eq=False)
class Observed:
    """K days of weather, oldest first.

    weather, et0          of the territory: of several stations the middle one, quantity by quantity
    gauges                G stations that told of rain; rain_mm (K, G) what each caught, NaN on days it was hardly heard
    wind_m_s, rh_min_pct  (K,) at 2 m; those of the tables' coefficients where not measured
    heard_at              when any station was last heard, None for never within these days
    """

    days: Days
    weather: Weather
    et0: Et0
    gauges: tuple[Asset, ...]
    rain_mm: Floats
    wind_m_s: Floats
    rh_min_pct: Floats
    heard_at: datetime | None
    reasons: tuple[str, ...]

    @property
    def rain_known(self) -> Bools:
        """(K,) whether any gauge was heard."""
        return np.asarray(np.isfinite(self.rain_mm).any(axis=1))

    @property
    def territory_rain_mm(self) -> Floats:
        """(K,) of the middle gauge; NaN where none was heard."""
        return known_median(self.rain_mm, axis=1) if self.gauges else np.full(self.days.count, np.nan)

    def rain_at(self, lat: Floats, lon: Floats) -> Floats:
        """(K, n) at places, each day by the nearest gauge that was heard; 0 where none was."""
        if not self.gauges:
            return np.zeros((self.days.count, lat.size))
        east = cos(radians(float(np.mean(lat)) if lat.size else 0.0))
        away = np.array([np.hypot((g.lon - lon) * east, g.lat - lat) for g in self.gauges])
        far = np.where(np.isfinite(self.rain_mm)[:, :, None], away[None], np.inf)
        nearest = np.take_along_axis(self.rain_mm, far.argmin(axis=1), axis=1)
        return np.nan_to_num(nearest, nan=0.0)


def observed_weather(
    unit: Unit, territory: Territory, at: datetime, days: int, tables: IrrigationTables
) -> Observed:  # fmt: skip
    """What was known at an instant of so many days before it. What is missing or wrong is in `reasons`, never an error:
    a station without radiation costs its days one rung of the ladder of ET0, and no other day anything.
    """
    span, stations = Days(at, days), territory.of_type(STATION)
    rows = read_history(unit, territory, [station.id for station in stations], _PROPERTIES, span)
    site = Site(tables.site.lat, tables.site.elevation_m)
    told = [_station(rows.filter(pl.col("asset") == station.id), station, span, site, tables) for station in stations]
    names = [str(day) for day in span.dates]
    findings = [f"{s.id}: {told_of(of, names)['en']}" for s, one in zip(stations, told, strict=True)
                for of in one.findings]  # fmt: skip
    weather = _middle([of.weather for of in told], span)
    et0 = et0_daily(weather, site, np.array(tables.climate.et0_mm_day, np.float64))
    gauges = [g for g, of in enumerate(told) if np.isfinite(of.rain_mm).any()]
    rain = np.array([told[g].rain_mm for g in gauges], np.float64).reshape(len(gauges), days).T
    newest: int | None = rows["observed_at"].max()  # type: ignore[assignment] # a column of integers
    return Observed(
        days=span, weather=weather, et0=et0, gauges=tuple(stations[g] for g in gauges), rain_mm=rain,
        wind_m_s=_or(weather.wind_m_s, _WIND_M_S), rh_min_pct=_or(weather.rh_min_pct, _RH_MIN_PCT),
        heard_at=None if newest is None else from_us(newest),
        reasons=(*findings, *_reasons(stations, rows, et0, rain, span)),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Station:
    weather: Weather
    rain_mm: Floats
    findings: Sequence[Finding]


def _station(rows: pl.DataFrame, station: Asset, days: Days, site: Site, tables: IrrigationTables) -> _Station:
    """The days of one station, wind brought to 2 m."""
    enough = tables.weather.heard * HOURS
    of = {name: _daily(rows.filter(pl.col("property") == name), days, enough) for name in _PROPERTIES}
    stated = station.attributes.get("wind_height_m", tables.weather.wind_height_m)
    fits = isinstance(stated, int | float) and 0.5 <= stated <= 200
    height_m = float(stated) if fits else tables.weather.wind_height_m
    weather = Weather(
        day_of_year=days.day_of_year,
        tmin_c=of["temperature"].least,
        tmax_c=of["temperature"].most,
        rh_min_pct=100.0 * of["relativeHumidity"].least,
        rh_max_pct=100.0 * of["relativeHumidity"].most,
        rh_mean_pct=100.0 * of["relativeHumidity"].mean,
        wind_m_s=wind_2m_m_s(of["windSpeed"].mean, height_m)
        if height_m != REFERENCE_HEIGHT_M
        else of["windSpeed"].mean,
        solar_mj_m2=_MJ_PER_W_DAY * of["solarRadiation"].mean,
    )
    weather, findings = cleaned(weather, site)
    rain, wrong = _rain(rows.filter(pl.col("property") == "precipitation"), days)
    return _Station(weather, np.where(of["precipitation"].known, rain, np.nan), [*findings, *wrong])


@dataclass(frozen=True, eq=False)
class _Daily:
    """(K,) of one quantity; NaN where it was told in too few hours of a day."""

    least: Floats
    most: Floats
    mean: Floats

    @property
    def known(self) -> Bools:
        return np.isfinite(self.mean)


def _daily(rows: pl.DataFrame, days: Days, enough_h: float) -> _Daily:
    """Extremes of the readings; the mean is that of hours, as stations do not tell at even intervals."""
    value = pl.col("value")
    hours = rows.group_by("hour").agg(value.min().alias("least"), value.max().alias("most"), value.mean().alias("mean"))
    by_day = hours.group_by(pl.col("hour") // HOURS).agg(
        pl.len().alias("heard"), pl.col("least").min(), pl.col("most").max(), pl.col("mean").mean()
    )
    found = np.full((3, days.count), np.nan)
    for day, heard, least, most, mean in by_day.iter_rows():
        if heard >= enough_h:
            found[:, day] = least, most, mean
    return _Daily(*found)


def _rain(rows: pl.DataFrame, days: Days) -> tuple[Floats, list[Finding]]:
    """(K,) what a gauge caught, message by message: counters are recognised and differenced."""
    caught, findings = cleaned_rain(rows["value"].to_numpy())
    day = rows["hour"].to_numpy() // HOURS
    total = np.bincount(day, np.nan_to_num(caught, nan=0.0), days.count).astype(np.float64)
    return total, [replace(of, days=tuple(np.unique(day[list(of.days)]).tolist())) for of in findings]


def _middle(stations: Sequence[Weather], days: Days) -> Weather:
    if not stations:
        return Weather(day_of_year=days.day_of_year)
    middle = {name: known_median(np.array([getattr(of, name) for of in stations])) for name in Weather.arrays}
    return Weather(day_of_year=days.day_of_year, **middle)


def _or(values: Floats, otherwise: float) -> Floats:
    return np.where(np.isfinite(values), values, otherwise)


def _reasons(
    stations: Sequence[Asset], rows: pl.DataFrame, et0: Et0, rain: Floats, days: Days
) -> Iterator[str]:  # fmt: skip
    heard = set(rows["asset"].unique().to_list())
    if silent := [station.id for station in stations if station.id not in heard]:
        yield f"not heard in {days.count} days: {some(silent)} weather stations"
    if not stations:
        yield "no weather station: the weather of past days is that of an average year, without rain"
    for rung, times in sorted(Counter(et0.source.tolist()).items()):
        if rung in _RUNGS:
            yield f"{_RUNGS[Et0Source(rung)]}: {times} of {days.count} days"
    unknown = int((~np.isfinite(rain).any(axis=1)).sum()) if rain.size else days.count
    if stations and unknown:
        yield f"no rain gauge heard on {unknown} of {days.count} days: taken for dry"
