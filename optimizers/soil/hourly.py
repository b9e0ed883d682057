"""Reference evapotranspiration hour by hour (FAO-56 eq. 53; ASCE-EWRI 2005), where a station reports by the hour."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optimizers.arrays import Bools, Floats, Ints, Shapes, freeze
from optimizers.result import InvalidProblem
from optimizers.soil import climate, radiation
from optimizers.soil.conventions import ASCE, Convention
from optimizers.soil.et0 import Site, forget_infinite, not_days, penman_monteith_mm

_LOW_SUN_RAD = 0.3  # below, Rs/Rso tells little of clouds (ASCE-EWRI 2005)


@dataclass(frozen=True, kw_only=True, eq=False)
class HourlyWeather:
    """H hours in order of time, each (H,), NaN where nothing was measured; what is infinite becomes NaN.

    day_of_year     1…366, of UTC
    utc_h           begin of the hour, 0…24 of UTC
    temperature_c   mean of the hour, as the others
    rh_pct          relative humidity; used where dewpoint_c is NaN
    dewpoint_c, wind_m_s
    solar_mj_m2     global radiation of the hour, MJ/m²

    Raises InvalidProblem.
    """

    arrays: ClassVar[tuple[str, ...]] = ("utc_h", "temperature_c", "rh_pct", "dewpoint_c", "wind_m_s", "solar_mj_m2")

    day_of_year: Ints
    utc_h: Floats
    temperature_c: Floats
    wind_m_s: Floats
    solar_mj_m2: Floats
    rh_pct: Floats = field(default_factory=lambda: np.array(np.nan))
    dewpoint_c: Floats = field(default_factory=lambda: np.array(np.nan))

    def __post_init__(self) -> None:
        hours = (np.size(self.day_of_year),)
        shapes: Shapes = {"day_of_year": (np.int64, hours), **dict.fromkeys(self.arrays, (np.float64, hours))}
        if problems := freeze(self, shapes) or not_days(self.day_of_year):
            raise InvalidProblem(problems)
        forget_infinite(self, self.arrays)


def et0_hourly(weather: HourlyWeather, site: Site, by: Convention = ASCE) -> Floats:
    """ET0 (H,) in mm an hour; below 0 where dew forms, NaN where an input is.

    With FAO_56 it is eq. 53; with ASCE the standardized equation, whose wind factor is 0.24 by day and 0.96 by night.
    Clouds of hours with a low sun, and of the night, are those of the last hour with a higher one, or of the first.
    Raises InvalidProblem where the site's longitude is unknown.
    """
    if np.isnan(site.longitude_deg):
        raise InvalidProblem(["longitude_deg is NaN, wants -180 to 180: hours go by the sun"])
    temperature = weather.temperature_c
    vapour = _vapour_kpa(weather)
    pressure = climate.pressure_kpa(site.elevation_m, by)
    longwave = radiation.net_longwave_hourly_mj_m2(temperature, vapour, _clearness(weather, site, vapour, by), by)
    net = radiation.net_shortwave_mj_m2(weather.solar_mj_m2) - longwave
    day = net > 0
    return penman_monteith_mm(
        net,
        radiation.soil_heat_hourly_mj_m2(net, day),
        temperature,
        climate.wind_2m_m_s(weather.wind_m_s, site.wind_height_m),
        np.maximum(climate.saturation_kpa(temperature) - vapour, 0.0),
        climate.psychrometric_kpa_c(pressure),
        climate.slope_kpa_c(temperature, by),
        numerator=37.0,
        denominator=np.where(day, by.day, by.night),
    )


def _vapour_kpa(weather: HourlyWeather) -> Floats:
    by_dewpoint = climate.saturation_kpa(weather.dewpoint_c)
    by_humidity = climate.saturation_kpa(weather.temperature_c) * weather.rh_pct / 100.0  # eq. 54
    return np.where(np.isfinite(by_dewpoint), by_dewpoint, by_humidity)


def _clearness(weather: HourlyWeather, site: Site, vapour: Floats, by: Convention) -> Floats:
    place = site.latitude_deg, site.longitude_deg, weather.day_of_year, weather.utc_h + 0.5
    extraterrestrial = radiation.extraterrestrial_hourly_mj_m2(*place, by=by)
    height = radiation.elevation_rad(*place, by=by)
    if by.clear_sky_by_vapour:
        pressure = climate.pressure_kpa(site.elevation_m, by)
        clear_sky = radiation.clear_sky_by_vapour_mj_m2(extraterrestrial, np.sin(height), vapour, pressure)
    else:
        clear_sky = radiation.clear_sky_mj_m2(extraterrestrial, site.elevation_m)
    return _carried(radiation.clearness(weather.solar_mj_m2, clear_sky), height >= _LOW_SUN_RAD)


def _carried(clear: Floats, high_sun: Bools) -> Floats:
    """Each hour's value, where it tells, else the last one that did, else the first."""
    tells = np.flatnonzero(high_sun & np.isfinite(clear))
    if not tells.size:
        return np.full_like(clear, np.nan)
    last = np.searchsorted(tells, np.arange(clear.size), side="right") - 1
    carried: Floats = clear[tells[np.maximum(last, 0)]]
    return carried
