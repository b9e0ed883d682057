"""Sun, clouds and the ground: radiation of chapter 3 of FAO-56, equation by equation. MJ/m² a day, or an hour.

Every function takes arrays or floats and broadcasts them. Angles are radians, but for latitude and longitude.
"""

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.soil.climate import Values
from optimizers.soil.conventions import FAO_56, Convention

_KELVIN = 273.16
_ALBEDO = 0.23
_LEAST_SINE = 0.01
_LEAST_CLEARNESS = 0.3  # ASCE-EWRI 2005: under a closed sky eq. 39 would have the sky warm the ground


def inverse_distance(day_of_year: Values) -> Floats:
    """Inverse relative distance of earth and sun, squared (eq. 23)."""
    distance: Floats = 1 + 0.033 * np.cos(2 * np.pi / 365 * np.asarray(day_of_year))
    return distance


def declination_rad(day_of_year: Values, by: Convention = FAO_56) -> Floats:
    """Of the sun (eq. 24)."""
    year = 2 * np.pi / 365 * np.asarray(day_of_year)
    declination: Floats = by.declination_rad * np.sin(year + by.phase_rad)
    return declination


def sunset_rad(latitude_deg: Values, day_of_year: Values, by: Convention = FAO_56) -> Floats:
    """Hour angle of sunset (eq. 25): 0 where the sun does not rise, π where it does not set."""
    tangents = -np.tan(np.radians(latitude_deg)) * np.tan(declination_rad(day_of_year, by))
    angle: Floats = np.arccos(np.clip(tangents, -1.0, 1.0))
    return angle


def daylight_h(latitude_deg: Values, day_of_year: Values) -> Floats:
    """From sunrise to sunset (eq. 34)."""
    hours: Floats = 24 / np.pi * sunset_rad(latitude_deg, day_of_year)
    return hours


def extraterrestrial_mj_m2(latitude_deg: Values, day_of_year: Values, by: Convention = FAO_56) -> Floats:
    """Ra of a day (eq. 21)."""
    sunset = sunset_rad(latitude_deg, day_of_year, by)
    return _between(latitude_deg, day_of_year, -sunset, sunset, by)


def extraterrestrial_hourly_mj_m2(
    latitude_deg: Values, longitude_deg: Values, day_of_year: Values, middle_utc_h: Values, length_h: float = 1.0,
    by: Convention = FAO_56,
) -> Floats:  # fmt: skip
    """Ra of an hour, or of less (eq. 28–30), around an instant in decimal hours of UTC; east is positive."""
    middle = hour_angle_rad(longitude_deg, day_of_year, middle_utc_h)
    sunset, half = sunset_rad(latitude_deg, day_of_year, by), np.pi * length_h / 24
    start, end = np.clip(middle - half, -sunset, sunset), np.clip(middle + half, -sunset, sunset)
    return _between(latitude_deg, day_of_year, start, end, by)


def _between(latitude_deg: Values, day_of_year: Values, start: Values, end: Values, by: Convention) -> Floats:
    latitude, declination = np.radians(latitude_deg), declination_rad(day_of_year, by)
    high = (np.asarray(end) - start) * np.sin(latitude) * np.sin(declination)
    low = np.cos(latitude) * np.cos(declination) * (np.sin(end) - np.sin(start))
    energy: Floats = 12 / np.pi * by.solar_constant * inverse_distance(day_of_year) * (high + low)
    return np.maximum(energy, 0.0)


def hour_angle_rad(longitude_deg: Values, day_of_year: Values, utc_h: Values) -> Floats:
    """Of the sun, -π…π, 0 at solar noon (eq. 31–33)."""
    b = 2 * np.pi * (np.asarray(day_of_year) - 81) / 364
    equation_h = 0.1645 * np.sin(2 * b) - 0.1255 * np.cos(b) - 0.025 * np.sin(b)
    solar_h = np.asarray(utc_h) + np.asarray(longitude_deg) / 15 + equation_h
    angle: Floats = (np.pi / 12 * (solar_h - 12) + np.pi) % (2 * np.pi) - np.pi
    return angle


def elevation_rad(
    latitude_deg: Values, longitude_deg: Values, day_of_year: Values, utc_h: Values, by: Convention = FAO_56
) -> Floats:
    """Of the sun above the horizon, below it negative (ASCE-EWRI 2005, eq. 62)."""
    latitude, declination = np.radians(latitude_deg), declination_rad(day_of_year, by)
    angle = hour_angle_rad(longitude_deg, day_of_year, utc_h)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    elevation: Floats = np.arcsin(np.clip(sine, -1.0, 1.0))
    return elevation


def solar_from_sunshine_mj_m2(
    sunshine_h: Values, daylight: Values, extraterrestrial: Values, a: float = 0.25, b: float = 0.50
) -> Floats:
    """Rs by the hours of sunshine of those of daylight: Ångström (eq. 35). 0 where the sun does not rise."""
    daylight = np.asarray(daylight, np.float64)
    share = np.divide(sunshine_h, daylight, out=np.zeros(np.broadcast(sunshine_h, daylight).shape), where=daylight > 0)
    solar: Floats = (a + b * share) * np.asarray(extraterrestrial)
    return solar


def solar_from_temperature_mj_m2(
    extraterrestrial: Values, tmin_c: Values, tmax_c: Values, coastal: bool = False
) -> Floats:
    """Rs by the day's range of temperature: Hargreaves (eq. 50), 0.16 inland, 0.19 by the coast."""
    coefficient = 0.19 if coastal else 0.16
    range_c = np.maximum(np.asarray(tmax_c) - tmin_c, 0.0)
    solar: Floats = coefficient * np.sqrt(range_c) * np.asarray(extraterrestrial)
    return solar


def clear_sky_mj_m2(extraterrestrial: Values, elevation_m: Values) -> Floats:
    """Rso (eq. 37)."""
    clear: Floats = (0.75 + 2e-5 * np.asarray(elevation_m)) * np.asarray(extraterrestrial)
    return clear


def clear_sky_by_vapour_mj_m2(
    extraterrestrial: Values, sine: Values, vapour_kpa: Values, pressure_kpa: Values
) -> Floats:
    """Rso by pressure and water vapour of clean air, at a sine of the sun's elevation (ASCE-EWRI 2005, D.1–D.4)."""
    height = np.maximum(sine, _LEAST_SINE)
    water_mm = 0.14 * np.asarray(vapour_kpa) * pressure_kpa + 2.1
    beam = 0.98 * np.exp(-0.00146 * np.asarray(pressure_kpa) / height - 0.075 * (water_mm / height) ** 0.4)
    diffuse = np.minimum(0.35 - 0.36 * beam, 0.18 + 0.82 * beam)
    clear: Floats = (beam + diffuse) * np.asarray(extraterrestrial)
    return clear


def mean_sine(latitude_deg: Values, day_of_year: Values) -> Floats:
    """Of the sun's elevation over a day, weighted by its radiation (ASCE-EWRI 2005, eq. D.5)."""
    latitude, year = np.radians(latitude_deg), 2 * np.pi / 365 * np.asarray(day_of_year)
    sine: Floats = np.sin(0.85 + 0.3 * latitude * np.sin(year - 1.39) - 0.42 * latitude**2)
    return np.maximum(sine, 0.1)


def net_shortwave_mj_m2(solar: Values) -> Floats:
    """Rns of the grass reference, of which the albedo is 0.23 (eq. 38)."""
    net: Floats = (1 - _ALBEDO) * np.asarray(solar)
    return net


def clearness(solar: Values, clear_sky: Values) -> Floats:
    """Rs/Rso, held to 0.3…1 as ASCE-EWRI 2005 does; FAO-56 names the upper limit. NaN where Rso is 0."""
    clear_sky = np.asarray(clear_sky, np.float64)
    share: Floats = np.divide(
        solar, clear_sky, out=np.full(np.broadcast(solar, clear_sky).shape, np.nan), where=clear_sky > 0
    )
    return np.clip(share, _LEAST_CLEARNESS, 1.0)


def net_longwave_mj_m2(
    tmin_c: Values, tmax_c: Values, vapour_kpa: Values, clear: Values, by: Convention = FAO_56
) -> Floats:
    """Rnl of a day (eq. 39), `clear` as `clearness` has it."""
    fourth = ((np.asarray(tmax_c) + _KELVIN) ** 4 + (np.asarray(tmin_c) + _KELVIN) ** 4) / 2
    return by.stefan_boltzmann * fourth * _sky(vapour_kpa, clear)


def net_longwave_hourly_mj_m2(
    temperature_c: Values, vapour_kpa: Values, clear: Values, by: Convention = FAO_56
) -> Floats:
    """Rnl of an hour (eq. 39, 1/24 of the constant)."""
    return by.stefan_boltzmann_hourly * (np.asarray(temperature_c) + _KELVIN) ** 4 * _sky(vapour_kpa, clear)


def _sky(vapour_kpa: Values, clear: Values) -> Floats:
    sky: Floats = (0.34 - 0.14 * np.sqrt(np.maximum(vapour_kpa, 0.0))) * (1.35 * np.asarray(clear) - 0.35)
    return sky


def soil_heat_monthly_mj_m2(before_c: Values, after_c: Values) -> Floats:
    """G a day of a month, by the mean temperatures of the months before and after (eq. 43). Of a day it is 0 (42)."""
    heat: Floats = 0.07 * (np.asarray(after_c) - before_c)
    return heat


def soil_heat_ended_month_mj_m2(before_c: Values, month_c: Values) -> Floats:
    """G a day of a month, where the month after is not known yet (eq. 44)."""
    heat: Floats = 0.14 * (np.asarray(month_c) - before_c)
    return heat


def soil_heat_hourly_mj_m2(net_radiation: Values, day: Bools | bool) -> Floats:
    """G of an hour: 0.1 Rn by day (eq. 45), 0.5 Rn by night (eq. 46)."""
    heat: Floats = np.where(day, 0.1, 0.5) * np.asarray(net_radiation)
    return heat
