"""Reference evapotranspiration ET0 of short grass: Penman–Monteith, and a ladder for days on which inputs are missing.

FAO-56 (Allen et al. 1998), chapters 2–4; by the hour also the standardized form of ASCE-EWRI (2005).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

import numpy as np

from optimizers.arrays import Floats, Ints, Shapes, freeze
from optimizers.result import InvalidProblem
from optimizers.soil import climate, radiation
from optimizers.soil.conventions import FAO_56, Convention

_ESTIMATED_WIND_M_S = 2.0  # FAO-56, chapter 3: the mean of 2,000 stations
_MONTHS_END = np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
_MOST_MM = 20.0


def _unknown() -> Floats:
    return np.array(np.nan)


@dataclass(frozen=True)
class Site:
    """Where weather is measured.

    latitude_deg     -90…90, north is positive
    elevation_m      above sea level; NaN where unknown, and then there is no Penman–Monteith
    coastal          whether a large water sets the air's temperature (eq. 50)
    wind_height_m    of the anemometer above short grass
    longitude_deg    east is positive; wanted by the hour only

    Raises InvalidProblem.
    """

    latitude_deg: float
    elevation_m: float
    coastal: bool = False
    wind_height_m: float = 2.0
    longitude_deg: float = float("nan")

    def __post_init__(self) -> None:
        problems = []
        if not abs(self.latitude_deg) <= 90:
            problems.append(f"latitude_deg is {self.latitude_deg:g}, wants -90 to 90")
        if not (np.isnan(self.elevation_m) or -450 <= self.elevation_m <= 6_000):
            problems.append(f"elevation_m is {self.elevation_m:g}, wants -450 to 6000 m above sea level, or NaN")
        if not 0.5 <= self.wind_height_m <= 200:
            problems.append(f"wind_height_m is {self.wind_height_m:g}, wants 0.5 to 200 m above ground")
        if abs(self.longitude_deg) > 180:
            problems.append(f"longitude_deg is {self.longitude_deg:g}, wants -180 to 180")
        if problems:
            raise InvalidProblem(problems)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weather:
    """D days as a station told of them, each (D,), NaN where nothing was measured; what is infinite becomes NaN.

    day_of_year              1…366
    tmin_c, tmax_c           least and greatest temperature of the air
    rh_min_pct, rh_max_pct, rh_mean_pct   relative humidity
    dewpoint_c               mean of the day
    wind_m_s                 mean of the day, at the height of the site's anemometer
    solar_mj_m2              global radiation on the level, of the day
    sunshine_h               hours of bright sunshine; used where solar_mj_m2 is NaN

    Raises InvalidProblem.
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "tmin_c", "tmax_c", "rh_min_pct", "rh_max_pct", "rh_mean_pct", "dewpoint_c", "wind_m_s", "solar_mj_m2",
        "sunshine_h",
    )  # fmt: skip

    day_of_year: Ints
    tmin_c: Floats = field(default_factory=_unknown)
    tmax_c: Floats = field(default_factory=_unknown)
    rh_min_pct: Floats = field(default_factory=_unknown)
    rh_max_pct: Floats = field(default_factory=_unknown)
    rh_mean_pct: Floats = field(default_factory=_unknown)
    dewpoint_c: Floats = field(default_factory=_unknown)
    wind_m_s: Floats = field(default_factory=_unknown)
    solar_mj_m2: Floats = field(default_factory=_unknown)
    sunshine_h: Floats = field(default_factory=_unknown)

    def __post_init__(self) -> None:
        days = (np.size(self.day_of_year),)
        shapes: Shapes = {"day_of_year": (np.int64, days), **dict.fromkeys(self.arrays, (np.float64, days))}
        if problems := freeze(self, shapes) or not_days(self.day_of_year):
            raise InvalidProblem(problems)
        forget_infinite(self, self.arrays)


class Et0Source(IntEnum):
    """Where a day's ET0 is from, the surest first."""

    PENMAN_MONTEITH = 0  # eq. 6, of measured temperature, humidity, wind and radiation or sunshine
    PENMAN_ESTIMATED = 1  # eq. 6, what was not measured estimated: ea by eq. 48, u2 = 2 m/s, Rs by eq. 50
    HARGREAVES = 2  # eq. 52: elevation unknown, or no sun to estimate clouds by
    CLIMATOLOGY = 3  # of the month: no temperatures


@dataclass(frozen=True, eq=False)
class Et0:
    """et0_mm (D,) a day, 0 or more; source (D,) an Et0Source of each."""

    et0_mm: Floats
    source: Ints


def et0_daily(weather: Weather, site: Site, climatology_mm: Floats, by: Convention = FAO_56) -> Et0:
    """ET0 of each day, by the first rung of Et0Source that its inputs reach; no day changes another.

    climatology_mm (12,): mm a day of an average January … December. Raises InvalidProblem where it is not that.
    """
    normal = _climatology_mm(weather, climatology_mm)
    extraterrestrial = radiation.extraterrestrial_mj_m2(site.latitude_deg, weather.day_of_year, by)
    vapour, solar = vapour_kpa(weather), _solar_mj_m2(weather, site, extraterrestrial)
    wind = climate.wind_2m_m_s(weather.wind_m_s, site.wind_height_m)
    estimated = (
        _or(vapour, climate.vapour_from_tmin_kpa(weather.tmin_c)),
        _or(wind, np.full_like(wind, _ESTIMATED_WIND_M_S)),
        _or(
            solar,
            radiation.solar_from_temperature_mj_m2(extraterrestrial, weather.tmin_c, weather.tmax_c, site.coastal),
        ),
    )
    rungs = np.stack(
        [
            _penman(weather, site, by, extraterrestrial, vapour, wind, solar),
            _penman(weather, site, by, extraterrestrial, *estimated),
            hargreaves_mm(extraterrestrial, weather.tmin_c, weather.tmax_c),
            normal,
        ]
    )
    source = np.isfinite(rungs).argmax(axis=0)
    et0: Floats = np.take_along_axis(rungs, source[None], axis=0)[0]
    return Et0(np.maximum(et0, 0.0), source)


def penman_monteith_mm(
    net_radiation: climate.Values,
    soil_heat: climate.Values,
    temperature_c: climate.Values,
    wind_2m_m_s: climate.Values,
    deficit_kpa: climate.Values,
    psychrometric_kpa_c: climate.Values,
    slope_kpa_c: climate.Values,
    *,
    numerator: float = 900.0,
    denominator: climate.Values = 0.34,
) -> Floats:
    """ET0 in mm a day (eq. 6) of Rn and G in MJ/m² a day; with numerator 37 and energy an hour, of an hour (eq. 53)."""
    slope, psychrometric, wind = np.asarray(slope_kpa_c), np.asarray(psychrometric_kpa_c), np.asarray(wind_2m_m_s)
    aerodynamic = psychrometric * numerator / (np.asarray(temperature_c) + 273.0) * wind * deficit_kpa
    energy = 0.408 * slope * (np.asarray(net_radiation) - soil_heat)
    et0: Floats = (energy + aerodynamic) / (slope + psychrometric * (1 + denominator * wind))
    return et0


def hargreaves_mm(extraterrestrial: climate.Values, tmin_c: climate.Values, tmax_c: climate.Values) -> Floats:
    """ET0 in mm a day by temperature alone (eq. 52), of Ra in MJ/m² a day."""
    low, high = np.asarray(tmin_c), np.asarray(tmax_c)
    range_c = np.maximum(high - low, 0.0)
    et0: Floats = 0.0023 * ((low + high) / 2 + 17.8) * np.sqrt(range_c) * 0.408 * np.asarray(extraterrestrial)
    return et0


def _penman(
    weather: Weather, site: Site, by: Convention, extraterrestrial: Floats, vapour: Floats, wind: Floats, solar: Floats
) -> Floats:
    pressure = climate.pressure_kpa(site.elevation_m, by)
    if by.clear_sky_by_vapour:
        sine = radiation.mean_sine(site.latitude_deg, weather.day_of_year)
        clear_sky = radiation.clear_sky_by_vapour_mj_m2(extraterrestrial, sine, vapour, pressure)
    else:
        clear_sky = radiation.clear_sky_mj_m2(extraterrestrial, site.elevation_m)
    clear = radiation.clearness(solar, clear_sky)
    longwave = radiation.net_longwave_mj_m2(weather.tmin_c, weather.tmax_c, vapour, clear, by)
    temperature = (weather.tmin_c + weather.tmax_c) / 2
    return penman_monteith_mm(
        radiation.net_shortwave_mj_m2(solar) - longwave,
        0.0,
        temperature,
        wind,
        np.maximum(climate.mean_saturation_kpa(weather.tmin_c, weather.tmax_c) - vapour, 0.0),
        climate.psychrometric_kpa_c(pressure),
        climate.slope_kpa_c(temperature, by),
    )


def vapour_kpa(weather: Weather) -> Floats:
    """(D,) ea by what was measured, in the order of trust of FAO-56, chapter 3; NaN where nothing was."""
    ways = (
        climate.saturation_kpa(weather.dewpoint_c),
        climate.vapour_from_rh_kpa(weather.tmin_c, weather.tmax_c, weather.rh_min_pct, weather.rh_max_pct),
        climate.vapour_from_rh_max_kpa(weather.tmin_c, weather.rh_max_pct),
        climate.vapour_from_rh_mean_kpa(weather.tmin_c, weather.tmax_c, weather.rh_mean_pct),
    )
    vapour = ways[0]
    for way in ways[1:]:
        vapour = _or(vapour, way)
    return vapour


def _solar_mj_m2(weather: Weather, site: Site, extraterrestrial: Floats) -> Floats:
    daylight = radiation.daylight_h(site.latitude_deg, weather.day_of_year)
    by_sunshine = radiation.solar_from_sunshine_mj_m2(weather.sunshine_h, daylight, extraterrestrial)
    return _or(weather.solar_mj_m2, by_sunshine)


def _or(first: Floats, second: Floats) -> Floats:
    return np.where(np.isfinite(first), first, second)


def _climatology_mm(weather: Weather, climatology_mm: Floats) -> Floats:
    months = np.asarray(climatology_mm, np.float64)
    if months.shape != (12,) or not ((months >= 0) & (months <= _MOST_MM)).all():
        found = f"climatology_mm is {months.tolist()}"
        raise InvalidProblem([f"{found}, wants 12 values, January first, of 0 to {_MOST_MM:g} mm a day"])
    normal: Floats = months[np.searchsorted(_MONTHS_END, weather.day_of_year)]
    return normal


def forget_infinite(owner: object, names: Sequence[str]) -> None:
    """Make NaN of what is infinite in fields of a frozen dataclass."""
    for name in names:
        values = getattr(owner, name)
        known = np.where(np.isfinite(values), values, np.nan)
        known.flags.writeable = False
        object.__setattr__(owner, name, known)


def not_days(day_of_year: Ints) -> list[str]:
    """What is wrong with days of the year."""
    wrong = np.flatnonzero((day_of_year < 1) | (day_of_year > 366)).tolist()
    return [f"day {d}: day_of_year is {day_of_year[d]}, wants 1 to 366" for d in wrong]
