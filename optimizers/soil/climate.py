"""Air, humidity and wind: chapter 3 of FAO-56, equation by equation.

Every function takes arrays or floats, broadcasts them, and gives NaN where it is given NaN. What is measured is judged
by `optimizers.soil.cleaning`, not here.
"""

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.soil.conventions import FAO_56, Convention

Values = Floats | Ints | float

_VENTILATED = 0.000662
REFERENCE_HEIGHT_M = 2.0
"""Above the ground, where wind is wanted."""


def pressure_kpa(elevation_m: Values, by: Convention = FAO_56) -> Floats:
    """Of the air at an elevation above sea level (eq. 7)."""
    pressure: Floats = 101.3 * ((293.0 - 0.0065 * np.asarray(elevation_m)) / 293.0) ** by.pressure_exponent
    return pressure


def psychrometric_kpa_c(pressure: Values) -> Floats:
    """Psychrometric constant in kPa/°C at a pressure in kPa (eq. 8)."""
    constant: Floats = 0.665e-3 * np.asarray(pressure)
    return constant


def saturation_kpa(temperature_c: Values) -> Floats:
    """Vapour pressure of saturated air (eq. 11). Of the dew point it is the actual one (eq. 14)."""
    temperature = np.asarray(temperature_c)
    saturation: Floats = 0.6108 * np.exp(17.27 * temperature / (temperature + 237.3))
    return saturation


def mean_saturation_kpa(tmin_c: Values, tmax_c: Values) -> Floats:
    """Of a day (eq. 12): the mean of two saturations, as that of the mean temperature would be too low."""
    mean: Floats = (saturation_kpa(tmin_c) + saturation_kpa(tmax_c)) / 2
    return mean


def slope_kpa_c(temperature_c: Values, by: Convention = FAO_56) -> Floats:
    """By how much saturation rises with temperature, kPa/°C (eq. 13)."""
    temperature = np.asarray(temperature_c)
    slope: Floats = (
        by.slope_numerator * np.exp(17.27 * temperature / (temperature + 237.3)) / (temperature + 237.3) ** 2
    )
    return slope


def vapour_from_wet_bulb_kpa(
    dry_c: Values, wet_c: Values, pressure: Values, coefficient: float = _VENTILATED
) -> Floats:
    """Actual vapour pressure by a psychrometer (eq. 15, 16).

    `coefficient`, 1/°C: 0.000662 ventilated at some 5 m/s, 0.000800 naturally at 1 m/s, 0.001200 indoors.
    """
    vapour: Floats = saturation_kpa(wet_c) - coefficient * np.asarray(pressure) * (np.asarray(dry_c) - wet_c)
    return vapour


def vapour_from_rh_kpa(tmin_c: Values, tmax_c: Values, rh_min_pct: Values, rh_max_pct: Values) -> Floats:
    """Actual vapour pressure by the extremes of relative humidity (eq. 17)."""
    dawn = saturation_kpa(tmin_c) * np.asarray(rh_max_pct) / 100.0
    afternoon = saturation_kpa(tmax_c) * np.asarray(rh_min_pct) / 100.0
    vapour: Floats = (dawn + afternoon) / 2
    return vapour


def vapour_from_rh_max_kpa(tmin_c: Values, rh_max_pct: Values) -> Floats:
    """Actual vapour pressure by the greatest relative humidity alone (eq. 18), where the least is not trusted."""
    vapour: Floats = saturation_kpa(tmin_c) * np.asarray(rh_max_pct) / 100.0
    return vapour


def vapour_from_rh_mean_kpa(tmin_c: Values, tmax_c: Values, rh_mean_pct: Values) -> Floats:
    """Actual vapour pressure by the mean relative humidity (eq. 19): less sure than by its extremes."""
    vapour: Floats = mean_saturation_kpa(tmin_c, tmax_c) * np.asarray(rh_mean_pct) / 100.0
    return vapour


def vapour_from_tmin_kpa(tmin_c: Values) -> Floats:
    """Actual vapour pressure where humidity is unknown: at dawn air is all but saturated (eq. 48).

    True over well-watered ground. In dry places Tmin stays some 2 °C above the dew point.
    """
    return saturation_kpa(tmin_c)


def wind_2m_m_s(wind_m_s: Values, height_m: float) -> Floats:
    """Wind at 2 m by that at another height above short grass (eq. 47). At 2 m it is left as it is.

    The logarithm wants 0.1 m at least.
    """
    if height_m == REFERENCE_HEIGHT_M:
        return np.asarray(wind_m_s, np.float64)
    wind: Floats = np.asarray(wind_m_s) * (4.87 / np.log(67.8 * height_m - 5.42))
    return wind
