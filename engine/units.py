"""Units: UCUM codes, the other spellings payloads use for them, and exact conversion between those of one quantity.

Fraction `1`, percent `%` and byte `255ths` (0–255) are three different units; nothing guesses which one a number is in.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple


class Conversion(NamedTuple):
    """value × numerator / denominator + offset. Exact ratios kept apart, so that 35 % is 0.35 to the last bit."""

    numerator: float
    denominator: float
    offset: float

    def __call__(self, value: float) -> float:
        return value * self.numerator / self.denominator + self.offset


# Size of each UCUM code in its quantity's base unit, as an exact fraction.
_RATIOS: Mapping[str, Mapping[str, int | str]] = {
    "fraction": {"1": 1, "%": "1/100", "255ths": "1/255", "[ppth]": "1/1000", "[ppm]": "1/1000000", "m3/m3": 1},
    "power": {"W": 1, "mW": "1/1000", "kW": 1000, "MW": 1_000_000},
    "energy": {"J": 1, "kJ": 1000, "MJ": 1_000_000, "W.h": 3600, "kW.h": 3_600_000, "MW.h": 3_600_000_000},
    "speed": {"m/s": 1, "km/h": "5/18", "[mi_i]/h": "0.44704", "[kn_i]": "463/900"},
    "flow": {"m3/s": 1, "m3/h": "1/3600", "L/s": "1/1000", "L/min": "1/60000", "L/h": "1/3600000", "m3/d": "1/86400"},
    "volume": {"m3": 1, "L": "1/1000", "mL": "1/1000000"},
    "length": {"m": 1, "km": 1000, "cm": "1/100", "mm": "1/1000", "L/m2": "1/1000", "[mi_i]": "1609.344"},
    "area": {"m2": 1, "km2": 1_000_000, "har": 10_000, "cm2": "1/10000"},
    "pressure": {"Pa": 1, "hPa": 100, "kPa": 1000, "MPa": 1_000_000, "bar": 100_000, "mbar": 100},
    "rate": {"/s": 1, "/min": "1/60", "/h": "1/3600", "/d": "1/86400"},
    "rain rate": {"mm/h": 1, "mm/min": 60, "mm/d": "1/24", "L/m2/h": 1},
    "duration": {"s": 1, "ms": "1/1000", "min": 60, "h": 3600, "d": 86_400},
    "illuminance": {"lx": 1, "klx": 1000},
    "luminous flux": {"lm": 1, "klm": 1000},
    "luminance": {"cd/m2": 1},
    "current": {"A": 1, "mA": "1/1000", "kA": 1000},
    "voltage": {"V": 1, "mV": "1/1000", "kV": 1000},
    "frequency": {"Hz": 1, "kHz": 1000, "MHz": 1_000_000},
    "mass": {"kg": 1, "g": "1/1000", "mg": "1/1000000", "t": 1000},
    "angle": {"deg": 1},
    "irradiance": {"W/m2": 1, "kW/m2": 1000},
    "concentration": {"ug/m3": 1, "mg/m3": 1000, "g/m3": 1_000_000},
    "conductivity": {"S/m": 1, "dS/m": "1/10", "mS/cm": "1/10", "uS/cm": "1/10000"},
    "level": {"dB": 1},
    "signal": {"dB[mW]": 1},
    "temperature": {"K": 1, "Cel": 1, "[degF]": "5/9"},
}
# Where a scale's zero lies in its base unit. ITS-90; NIST SP 811 B.8.
_ZEROS = {"Cel": Fraction("273.15"), "[degF]": Fraction("459.67") * Fraction(5, 9)}

_UNITS = {
    code: (quantity, Fraction(ratio), _ZEROS.get(code, Fraction(0)))
    for quantity, ratios in _RATIOS.items()
    for code, ratio in ratios.items()
}

# Everyday spellings that can mean one thing only.
_SPELLINGS = {
    "Wh": "W.h", "kWh": "kW.h", "MWh": "MW.h", "degC": "Cel", "°C": "Cel", "degF": "[degF]", "°F": "[degF]",
    "kmh": "km/h", "mph": "[mi_i]/h", "kn": "[kn_i]", "l": "L", "ml": "mL", "l/s": "L/s", "l/min": "L/min",
    "l/h": "L/h", "m³": "m3", "m³/h": "m3/h", "m³/s": "m3/s", "m²": "m2", "ha": "har", "ppm": "[ppm]", "byte": "255ths",
    "1/h": "/h", "1/min": "/min", "1/s": "/s", "1/d": "/d", "veh/h": "/h", "{veh}/h": "/h", "°": "deg", "dBm": "dB[mW]",
    "µg/m3": "ug/m3", "µg/m³": "ug/m3", "µS/cm": "uS/cm",
}  # fmt: skip

# UN/CEFACT Recommendation 20 common codes, as NGSI-LD `unitCode` carries them.
_CEFACT = {
    "C62": "1", "P1": "%", "59": "[ppm]", "WTT": "W", "KWT": "kW", "MAW": "MW", "JOU": "J", "KJO": "kJ", "3B": "MJ",
    "WHR": "W.h", "KWH": "kW.h", "MWH": "MW.h", "CEL": "Cel", "FAH": "[degF]", "KEL": "K", "KMH": "km/h", "MTS": "m/s",
    "HM": "[mi_i]/h", "KNT": "[kn_i]", "MTQ": "m3", "LTR": "L", "MLT": "mL", "MQH": "m3/h", "MQS": "m3/s",
    "L2": "L/min", "G51": "L/s", "E32": "L/h", "MTR": "m", "KMT": "km", "KTM": "km", "CMT": "cm", "MMT": "mm",
    "SMI": "[mi_i]", "MTK": "m2", "KMK": "km2", "HAR": "har", "CMK": "cm2", "PAL": "Pa", "A97": "hPa",
    "KPA": "kPa", "MPA": "MPa", "BAR": "bar", "MBR": "mbar", "H10": "/h", "C94": "/min",
    "C97": "/s", "E91": "/d", "SEC": "s", "C26": "ms",
    "MIN": "min", "HUR": "h", "DAY": "d", "LUX": "lx", "LUM": "lm", "A24": "cd/m2", "AMP": "A", "4K": "mA", "VLT": "V",
    "2Z": "mV", "KVT": "kV", "HTZ": "Hz", "KHZ": "kHz", "MHZ": "MHz", "KGM": "kg", "GRM": "g", "MGM": "mg", "TNE": "t",
    "DD": "deg", "D54": "W/m2",
    "H60": "m3/m3", "H61": "mS/cm", "H67": "mm/h", "H81": "mm/min", "GQ": "ug/m3", "GP": "mg/m3", "2N": "dB",
}  # fmt: skip

ALIASES: Mapping[str, str] = {**_SPELLINGS, **_CEFACT}


def conversion(unit: str, wanted: str) -> Conversion | None:
    """How to turn a value in `unit` into `wanted`, each a UCUM code; None when they are not of one quantity."""
    if unit == wanted:
        return Conversion(1.0, 1.0, 0.0)
    if unit not in _UNITS or wanted not in _UNITS:
        return None
    (quantity, ratio, zero), (other, wanted_ratio, wanted_zero) = _UNITS[unit], _UNITS[wanted]
    if quantity != other:
        return None
    factor = ratio / wanted_ratio
    return Conversion(float(factor.numerator), float(factor.denominator), float((zero - wanted_zero) / wanted_ratio))


def convertible(wanted: str) -> dict[str, Conversion]:
    """Every spelling of every unit that can be turned into `wanted`, with its conversion."""
    codes = {code: conversion(code, wanted) for code in (*_UNITS, wanted)}
    spelled = codes | {alias: codes[code] for alias, code in ALIASES.items()}
    return {spelling: how for spelling, how in spelled.items() if how is not None}


def convert(value: Fraction, unit: str, wanted: str) -> float | None:
    """A value in `unit` expressed in `wanted`, each a UCUM code, rounded once; None when not of one quantity."""
    if unit == wanted:
        return float(value)
    quantity, ratio, zero = _UNITS.get(unit, ("", Fraction(0), Fraction(0)))
    other, wanted_ratio, wanted_zero = _UNITS.get(wanted, ("?", Fraction(1), Fraction(0)))
    return float((value * ratio + zero - wanted_zero) / wanted_ratio) if quantity == other else None


def alternatives(unit: str) -> tuple[str, ...]:
    """Every UCUM code a value may be written in where `unit` is wanted, that one first."""
    quantity = _UNITS[unit][0] if unit in _UNITS else None
    return (unit, *(code for code, (other, *_) in _UNITS.items() if other == quantity and code != unit))
