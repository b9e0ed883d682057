import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.units import (
    _UNITS,
    ALIASES,
    Combined,
    alternatives,
    combined,
    conversion,
    convert,
    convert_exact,
    convertible,
    is_unit,
    on_a_scale,
    spelled,
)

PAIRS = sorted((a, b) for a in _UNITS for b in _UNITS if _UNITS[a][0] == _UNITS[b][0])


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        (35, "%", "1", 0.35),
        (128, "255ths", "1", 128 / 255),
        (255, "255ths", "1", 1.0),
        (0.5, "1", "%", 50.0),
        (2.5, "kW", "W", 2500.0),
        (3.6, "MJ", "kW.h", 1.0),
        (1, "kW.h", "J", 3.6e6),  # NIST SP 811 B.8
        (100, "Cel", "[degF]", 212.0),
        (-40, "[degF]", "Cel", -40.0),
        (0, "K", "Cel", -273.15),
        (50, "[degF]", "Cel", 10.0),
        (10, "m/s", "km/h", 36.0),
        (1, "[kn_i]", "km/h", 1.852),  # a knot is a nautical mile of 1852 m an hour
        (60, "[mi_i]/h", "km/h", 96.56064),
        (6, "m3/h", "L/min", 100.0),
        (1, "L/s", "m3/h", 3.6),
        (5, "L/m2", "mm", 5.0),
        (1013.25, "hPa", "kPa", 101.325),
        (1, "bar", "Pa", 100_000.0),
        (12, "/min", "/h", 720.0),
        (1.5, "h", "min", 90.0),
    ],
)
def test_published_conversions(value: float, unit: str, wanted: str, expected: float) -> None:
    how = conversion(unit, wanted)
    assert how is not None
    assert how(value) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("percent", range(101))
def test_a_percentage_is_its_hundredth_to_the_last_bit(percent: int) -> None:
    how = conversion("%", "1")
    assert how is not None
    assert how(percent) == float(f"{percent / 100:.2f}")


@given(st.sampled_from(PAIRS), st.floats(-1e9, 1e9))
def test_there_and_back(pair: tuple[str, str], value: float) -> None:
    there, back = conversion(*pair), conversion(*reversed(pair))
    assert there is not None
    assert back is not None
    moved = there(value)
    room = 1e-12 * max(abs(value), abs(back.offset), abs(moved) * back.numerator / back.denominator)
    assert math.isclose(back(moved), value, rel_tol=1e-12, abs_tol=room + 1e-300)


@given(st.sampled_from(PAIRS), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_conversion_keeps_order(pair: tuple[str, str], value: float, more: float) -> None:
    how = conversion(*pair)
    assert how is not None
    assert how(value) < how(value + more)


def test_a_unit_is_itself_exactly() -> None:
    for unit in [*_UNITS, "something/else"]:
        how = conversion(unit, unit)
        assert how is not None
        assert how(21.5) == 21.5


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [("W", "kW.h"), ("Cel", "%"), ("lx", "lm"), ("/h", "Hz"), ("1", "255"), ("W", "w"), ("", "1"), ("furlong", "m")],
)
def test_different_quantities_do_not_convert(unit: str, wanted: str) -> None:
    assert conversion(unit, wanted) is None


def test_every_alias_names_a_unit_and_hides_none() -> None:
    assert not [alias for alias, code in ALIASES.items() if code not in _UNITS]
    assert not set(ALIASES) & set(_UNITS)


@pytest.mark.parametrize(
    ("code", "unit"),  # UN/CEFACT Recommendation 20
    [("P1", "%"), ("C62", "1"), ("WTT", "W"), ("KWT", "kW"), ("KWH", "kW.h"), ("CEL", "Cel"), ("FAH", "[degF]"),
     ("KMH", "km/h"), ("MTS", "m/s"), ("MTQ", "m3"), ("MQH", "m3/h"), ("LUX", "lx"), ("H10", "/h"), ("HUR", "h")],
)  # fmt: skip
def test_cefact_codes(code: str, unit: str) -> None:
    assert convertible(unit)[code] == conversion(unit, unit)


def test_fraction_percent_and_byte_are_three_things() -> None:
    half = {unit: convertible("1")[unit](50) for unit in ("1", "%", "255ths")}
    assert half == {"1": 50.0, "%": 0.5, "255ths": pytest.approx(50 / 255)}


def test_every_unit_of_the_shipped_catalogue_converts_from_something(catalogue: Catalogue) -> None:
    entries = [entry for model in catalogue.types.values() for entry in model.properties.values()]
    assert [entry for entry in entries if entry.unit not in _UNITS] == []
    assert [entry for entry in entries if entry.unit_in and conversion(entry.unit_in, entry.unit) is None] == []


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        ("2", "kW", "W", 2000.0),
        ("35", "%", "1", 0.35),
        ("0.35", "1", "1", 0.35),
        ("36", "km/h", "m/s", 10.0),
        ("1", "W", "A", None),
        ("1", "1", "W", None),
        ("1", "furlong", "W", None),
        ("1", "W", "furlong", None),
        ("3", "furlong", "furlong", 3.0),
        ("3.6", "m/h", "mm/s", 1.0),  # units over a time, as those of rate(…)
        ("1", "kW.h/h", "kW", 1.0),
        ("10", "mm/h", "m/s", 1 / 360_000),
        ("1", "L/m2/h", "mm/h", 1.0),
        ("1", "%/h", "/d", 0.24),
        ("1", "m3/h/min", "m3/h/h", 60.0),
        ("2", "Cel/min", "K/h", 120.0),
        ("1", "m3/h/h", "m3/h", None),
        ("1", "m/furlong", "m/h", None),
        ("20", "°C", "[degF]", 68.0),
    ],
)
def test_units_convert_within_their_quantity(value: str, unit: str, wanted: str, expected: float | None) -> None:
    assert convert(Fraction(value), unit, wanted) == expected


def test_a_difference_of_temperatures_converts_by_ratio_alone() -> None:
    assert convert_exact(Fraction(9), "°F", "Cel", difference=True) == 5
    assert convert_exact(Fraction(5), "K", "Cel", difference=True) == 5
    assert convert_exact(Fraction(5), "K", "Cel") == Fraction("-268.15")
    assert on_a_scale("Cel") and on_a_scale("[degF]") and on_a_scale("K")
    assert not on_a_scale("Cel/h") and not on_a_scale("W") and not on_a_scale("furlong")


@given(st.integers(-(10**6), 10**6), st.sampled_from(PAIRS), st.booleans())
def test_an_exact_conversion_there_and_back_is_the_number(
    number: int, units: tuple[str, str], difference: bool
) -> None:
    there = convert_exact(Fraction(number), *units, difference=difference)
    assert there is not None
    assert convert_exact(there, units[1], units[0], difference=difference) == number


@pytest.mark.parametrize(
    ("operator", "left", "right", "expected"),
    [
        ("*", "kW", "h", Combined("W", "s", "J")),
        ("*", "h", "kW", Combined("s", "W", "J")),
        ("/", "kW.h", "min", Combined("J", "s", "W")),
        ("/", "m3", "m3/h", Combined("m3", "m3/s", "s")),
        ("*", "mm", "m2", Combined("m", "m2", "m3")),
        ("*", "m/s", "m2", Combined("m/s", "m2", "m3/s")),
        ("*", "mm/h", "h", Combined("m/s", "s", "m")),
        ("/", "W", "V", Combined("W", "V", "A")),
        ("/", "kW", "W", Combined("kW", "kW", "1")),
        ("/", "Cel", "[degF]", Combined("Cel", "Cel", "1")),
        ("*", "W", "%", Combined("W", "1", "W")),
        ("*", "%", "W", Combined("1", "W", "W")),
        ("*", "1", "1", Combined("1", "1", "1")),
        ("/", "W", "1", Combined("W", "1", "W")),
        ("/", "m3/h/h", "m3/h/h", Combined("m3/h/h", "m3/h/h", "1")),
        ("/", "1", "h", Combined("1", "s", "/s")),
        ("*", "/h", "h", Combined("/s", "s", "1")),
        ("/", "1", "W", None),
        ("*", "W", "W", None),
        ("/", "W", "m", None),
        ("*", "furlong", "1", None),
        ("/", "W", "furlong", None),
    ],
)
def test_what_comes_of_two_units(operator: str, left: str, right: str, expected: Combined | None) -> None:
    assert combined(operator, left, right) == expected


@given(st.sampled_from(sorted(_UNITS)), st.sampled_from(sorted(_UNITS)), st.sampled_from("*/"))
def test_the_factors_convert_into_what_they_are_wanted_in(left: str, right: str, operator: str) -> None:
    found = combined(operator, left, right)
    if found is not None:
        assert conversion(left, found.left) is not None
        assert conversion(right, found.right) is not None
        assert is_unit(found.result)


def test_the_wanted_unit_is_offered_first() -> None:
    assert alternatives("kW")[0] == "kW"
    assert "W" in alternatives("kW")
    assert alternatives("furlong") == ("furlong",)
    assert alternatives("m/h")[:2] == ("m/h", "m/s")
    assert alternatives("m3/h/h") == ("m3/h/h",)


def test_a_plain_number_is_called_one() -> None:
    assert spelled("1") == "a plain number"
    assert spelled("W") == "W"
