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
    "energy price": {"EUR/kW.h": 1, "EUR/MW.h": "1/1000"},  # a currency is no UCUM unit: it is written like one
    "energy": {"J": 1, "kJ": 1000, "MJ": 1_000_000, "W.h": 3600, "kW.h": 3_600_000, "MW.h": 3_600_000_000},
    "speed": {
        "m/s": 1, "km/h": "5/18", "[mi_i]/h": "0.44704", "[kn_i]": "463/900",
        "mm/h": "1/3600000", "mm/min": "1/60000", "mm/d": "1/86400000", "L/m2/h": "1/3600000",
    },
    "flow": {"m3/s": 1, "m3/h": "1/3600", "L/s": "1/1000", "L/min": "1/60000", "L/h": "1/3600000", "m3/d": "1/86400"},
    "volume": {"m3": 1, "L": "1/1000", "mL": "1/1000000"},
    "length": {"m": 1, "km": 1000, "cm": "1/100", "mm": "1/1000", "L/m2": "1/1000", "[mi_i]": "1609.344"},
    "area": {"m2": 1, "km2": 1_000_000, "har": 10_000, "cm2": "1/10000"},
    "pressure": {"Pa": 1, "hPa": 100, "kPa": 1000, "MPa": 1_000_000, "bar": 100_000, "mbar": 100},
    "rate": {"/s": 1, "/min": "1/60", "/h": "1/3600", "/d": "1/86400"},
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
}  # fmt: skip
# Where a scale's zero lies in its base unit. ITS-90; NIST SP 811 B.8.
_ZEROS = {"Cel": Fraction("273.15"), "[degF]": Fraction("459.67") * Fraction(5, 9)}

_UNITS = {
    code: (quantity, Fraction(ratio), _ZEROS.get(code, Fraction(0)))
    for quantity, ratios in _RATIOS.items()
    for code, ratio in ratios.items()
}

# Everyday spellings that can mean one thing only.
_SPELLINGS = {
    "EUR/kWh": "EUR/kW.h", "€/kWh": "EUR/kW.h", "EUR/MWh": "EUR/MW.h", "€/MWh": "EUR/MW.h",
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
    found, target = _known(unit), _known(wanted)
    if found is None or target is None:
        return None
    (quantity, ratio, zero), (other, wanted_ratio, wanted_zero) = found, target
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
    exact = convert_exact(value, unit, wanted)
    return None if exact is None else float(exact)


def convert_exact(value: Fraction, unit: str, wanted: str, *, difference: bool = False) -> Fraction | None:
    """As `convert`, without rounding; any spelling of a unit will do, and the rates of `rate`, as W/s.

    A difference of two values converts by ratio alone: 5 Cel are then 5 K.
    """
    if unit == wanted:
        return value
    quantity, ratio, zero = _known(ALIASES.get(unit, unit)) or ("", Fraction(0), Fraction(0))
    other, wanted_ratio, wanted_zero = _known(ALIASES.get(wanted, wanted)) or ("?", Fraction(1), Fraction(0))
    shift = Fraction(0) if difference else zero - wanted_zero
    return (value * ratio + shift) / wanted_ratio if quantity == other else None


class Combined(NamedTuple):
    """The units two factors are wanted in, and the one of the outcome."""

    left: str
    right: str
    result: str


def combined(operator: str, left: str, right: str) -> Combined | None:
    """What comes of `left operator right`, operator * or /, each a UCUM code; None where no unit of ours does."""
    one, two = _quantity(left), _quantity(right)
    if one is None or two is None:
        return None
    if operator == "/" and one == two:
        return Combined(left, left, "1")
    if two == "fraction":
        return Combined(left, "1", left)
    if operator == "*" and one == "fraction":
        return Combined("1", right, right)
    made = _COMBINED.get((one, operator, two)) or (_COMBINED.get((two, operator, one)) if operator == "*" else None)
    return None if made is None else Combined(_base(one), _base(two), _base(made))


def on_a_scale(unit: str) -> bool:
    """Whether zero is where a scale puts it, as with Cel: a difference is then another thing than a value."""
    return _quantity(unit) == "temperature"


def is_unit(unit: str) -> bool:
    """Whether a UCUM code, or a unit over a time, is known here."""
    return _known(unit) is not None


def spelled(unit: str) -> str:
    """A unit as a message shows it: a plain fraction by its name."""
    return "a plain number" if unit == "1" else unit


def _known(unit: str) -> tuple[str, Fraction, Fraction] | None:
    """Quantity, size and zero of a unit, or of a unit over a time: a power or a flow, where it is one."""
    if unit in _UNITS:
        return _UNITS[unit]
    over, _, per = unit.rpartition("/")
    over = ALIASES.get(over, over)
    if over not in _UNITS or per not in _RATIOS["duration"]:
        return None
    quantity, ratio, _ = _UNITS[over]
    return _COMBINED.get((quantity, "/", "duration"), f"{quantity}/s"), ratio / _UNITS[per][1], Fraction(0)


# Products are the same the other way round.
_COMBINED = {
    ("fraction", "/", "duration"): "rate", ("rate", "*", "duration"): "fraction",
    ("power", "*", "duration"): "energy", ("energy", "/", "duration"): "power", ("energy", "/", "power"): "duration",
    ("flow", "*", "duration"): "volume", ("volume", "/", "duration"): "flow", ("volume", "/", "flow"): "duration",
    ("speed", "*", "duration"): "length", ("length", "/", "duration"): "speed", ("length", "/", "speed"): "duration",
    ("voltage", "*", "current"): "power", ("power", "/", "voltage"): "current", ("power", "/", "current"): "voltage",
    ("length", "*", "length"): "area", ("area", "/", "length"): "length",
    ("area", "*", "length"): "volume", ("volume", "/", "area"): "length", ("volume", "/", "length"): "area",
    ("irradiance", "*", "area"): "power", ("power", "/", "area"): "irradiance",
    ("area", "*", "speed"): "flow", ("flow", "/", "area"): "speed", ("flow", "/", "speed"): "area",
}  # fmt: skip


def _quantity(unit: str) -> str | None:
    known = _known(unit)
    return None if known is None else known[0]


def _base(quantity: str) -> str:
    return next(iter(_RATIOS[quantity]))


def alternatives(unit: str) -> tuple[str, ...]:
    """Every UCUM code a value may be written in where `unit` is wanted, that one first."""
    quantity = _quantity(unit)
    return (unit, *(code for code, (other, *_) in _UNITS.items() if other == quantity and code != unit))
