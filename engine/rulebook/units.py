"""Units as rules write them: UCUM codes and exact conversion between those of one quantity."""

from collections.abc import Mapping
from fractions import Fraction

# Size of each code in its quantity's base unit.
_RATIOS: Mapping[str, Mapping[str, int | str]] = {
    "fraction": {"1": 1, "%": "1/100"},
    "power": {"W": 1, "kW": 1000, "MW": 1_000_000},
    "energy": {"W.h": 1, "kW.h": 1000, "MW.h": 1_000_000},
    "current": {"A": 1, "mA": "1/1000"},
    "voltage": {"V": 1, "kV": 1000},
    "rate": {"/s": 1, "/min": "1/60", "/h": "1/3600", "/d": "1/86400"},
    "speed": {"m/s": 1, "km/h": "5/18"},
    "flow": {"m3/s": 1, "m3/h": "1/3600", "L/s": "1/1000"},
    "volume": {"m3": 1, "L": "1/1000"},
    "length": {"m": 1, "cm": "1/100", "mm": "1/1000", "km": 1000},
    "pressure": {"Pa": 1, "kPa": 1000, "bar": 100_000},
    "illuminance": {"lx": 1},
    "duration": {"s": 1, "min": 60, "h": 3600, "d": 86_400},
    "temperature": {"Cel": 1},
    "level": {"dB": 1},
}
_UNITS = {code: (quantity, Fraction(ratio)) for quantity, ratios in _RATIOS.items() for code, ratio in ratios.items()}


def convert(value: Fraction, unit: str, wanted: str) -> float | None:
    """A value in `unit` expressed in `wanted`, rounded once; None when the two are not of one quantity."""
    if unit == wanted:
        return float(value)
    quantity, ratio = _UNITS.get(unit, ("", Fraction(0)))
    other, wanted_ratio = _UNITS.get(wanted, ("?", Fraction(1)))
    return float(value * ratio / wanted_ratio) if quantity == other else None


def alternatives(unit: str) -> tuple[str, ...]:
    """Every unit a value may be written in where `unit` is wanted, that one first."""
    quantity, _ = _UNITS.get(unit, ("", 0))
    return (unit, *(code for code, (other, _) in _UNITS.items() if other == quantity and code != unit))
