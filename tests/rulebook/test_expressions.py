"""The condition language: what parses, into what, and where each flaw is found."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.rulebook.expressions import (
    MAX_DEPTH,
    MAX_LENGTH,
    Absent,
    And,
    Compare,
    Constant,
    ExpressionError,
    Flaw,
    Not,
    Or,
    exact_number,
    leaves,
    parse_expression,
)
from engine.units import alternatives, convert

POWER = Compare("power", "<", 2.0)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("power < 2 W", POWER),
        ("power<2W", POWER),
        ("power < 0.002 kW", POWER),
        ("power < 2e0 W", POWER),
        ("  power\n  < 2 W ", POWER),
        ("(((power < 2 W)))", POWER),
        ("mode == on", Compare("mode", "==", 1.0)),
        ('mode == "on"', Compare("mode", "==", 1.0)),
        ("mode != 'low'", Compare("mode", "!=", 2.0)),
        ("door", Compare("door", "==", 1.0)),
        ("door == false", Compare("door", "==", 0.0)),
        ("not door", Not(Compare("door", "==", 1.0))),
        ("not not door", Not(Not(Compare("door", "==", 1.0)))),
        ("absent(power, 45min)", Absent("power", timedelta(minutes=45))),
        ("absent ( power , 1.5h )", Absent("power", timedelta(minutes=90))),
        ("door or true", Or((Compare("door", "==", 1.0), Constant(True)))),
        ("door and power < 2 W or false", Or((And((Compare("door", "==", 1.0), POWER)), Constant(False)))),
        ("door and (power < 2 W or false)", And((Compare("door", "==", 1.0), Or((POWER, Constant(False)))))),
        ("not door and power < 2 W", And((Not(Compare("door", "==", 1.0)), POWER))),
        ("door or door or door", Or((Compare("door", "==", 1.0),) * 3)),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, tree: object, small: Catalogue) -> None:
    assert parse_expression(text, small.types["Lamp"].properties) == tree


@pytest.mark.parametrize(
    ("text", "offset", "what", "hint"),
    [
        ("power < 2", 8, "2 has no unit", "write 2 W"),
        ("power < 2 A", 8, "2 A is not in a unit of W", "write it in W, mW, kW, MW"),
        ("power < 200 W", 8, "200 W can never be reached", "its range is 0 to 100 W"),
        ("power > -1 W", 8, "-1 W can never be reached", "its range is 0 to 100 W"),
        ("power == on", 9, "'on' is not a number, as power wants", "write power > 0 W"),
        ("power", 0, "power is neither true nor false by itself", "write power > 0 W"),
        ("mode", 0, "mode is neither true nor false by itself", "write mode == off"),
        ("mode == onn", 8, "'onn' is not a value of mode", "did you mean on?"),
        ("mode == 1", 8, "'1' is not a value of mode", "one of: off, on, low"),
        ("mode < on", 5, "mode has no order", "compare it with == or !="),
        ("door == open", 8, "'open' is not a value of door", "one of: false, true"),
        ("powr < 2 W", 0, "'powr' is not a property of this asset type", "did you mean power?"),
        ("xyz == 2 W", 0, "'xyz' is not a property of this asset type", "one of: power, mode, door"),
        ("absent(xyz, 2h)", 7, "'xyz' is not a property of this asset type", "one of: power, mode, door"),
        ("absent(power, 2)", 14, "'2' is not a duration above 0", "a number and s, min, h or d, as 45min"),
        ("absent(power, 0 s)", 14, "'0s' is not a duration above 0", "a number and s, min, h or d, as 45min"),
        ("absent(power, 2 weeks)", 14, "'2weeks' is not a duration above 0", "a number and s, min, h or d, as 45min"),
        ("absent(power 2h)", 13, "'2' stands where ',' is wanted", "add ,"),
        ("absent(power, 2h", 16, "'the end' stands where ')' is wanted", "add )"),
        ("0 < power", 0, "'0' stands where a property is wanted", "begin with the property, as powerConsumption < 2 W"),
        ("power < ", 8, "'the end' stands where power wants a value", "put the value after the operator"),
        ("power < and", 8, "'and' stands where power wants a value", "put the value after the operator"),
        ("power < 2 W < 3 W", 12, "comparisons cannot be chained", "write power < … and power …"),
        ("power = 2 W", 6, "'=' has no meaning here", "write == to compare"),
        (
            "door and",
            8,
            "'the end' stands where a property is wanted",
            "begin with the property, as powerConsumption < 2 W",
        ),
        ("door door", 5, "'door' is one word too many", "join comparisons with and, or"),
        ("(door", 5, "'the end' stands where ')' is wanted", "add )"),
        ("door)", 4, "')' is one word too many", "check the brackets"),
        ("", 0, "'the end' stands where a property is wanted", "begin with the property, as powerConsumption < 2 W"),
        ("9**9**9 < power", 1, "'*' has no meaning here", "a condition holds names, numbers, and, or, not"),
        ("power.__class__", 5, "'.' has no meaning here", "a condition holds names, numbers, and, or, not"),
        ("power < 1e999 W", 8, "1e999 W is not in a unit of W", "write it in W, mW, kW, MW"),
    ],
)
def test_a_flaw_is_found_at_its_place(text: str, offset: int, what: str, hint: str, small: Catalogue) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, small.types["Lamp"].properties)
    flaw = caught.value.flaws[0]
    assert flaw.offset == offset
    assert flaw.what == what
    assert flaw.hint == hint


def test_every_flaw_of_meaning_is_found_at_once(small: Catalogue) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("powr < 2 W or mode == offf and power < 3", small.types["Lamp"].properties)
    assert [flaw.offset for flaw in caught.value.flaws] == [0, 22, 39]
    assert str(caught.value).count(";") == 2


@pytest.mark.parametrize(
    "hostile",
    ["(" * 5_000 + "door" + ")" * 5_000, "not " * 450 + "door", "(" * (MAX_DEPTH + 2) + "door", "door or " * 10_000],
    ids=["deep brackets", "many nots", "just too deep", "long"],
)
def test_hostile_text_is_refused(hostile: str, small: Catalogue) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(hostile, small.types["Lamp"].properties)


def test_the_deepest_and_the_longest_that_are_allowed(small: Catalogue) -> None:
    properties = small.types["Lamp"].properties
    assert parse_expression("(" * MAX_DEPTH + "door" + ")" * MAX_DEPTH, properties) == Compare("door", "==", 1.0)
    text = "door" + " or door" * ((MAX_LENGTH - 4) // 8)
    assert len(list(leaves(parse_expression(text, properties)))) == (MAX_LENGTH - 4) // 8 + 1


@given(text=st.text(alphabet="()<>=!,.\"' andorntpwer128WkhminCelabs_\n", max_size=60))
def test_any_text_is_a_tree_or_a_list_of_flaws_inside_it(text: str, small: Catalogue) -> None:
    try:
        parse_expression(text, small.types["Lamp"].properties)
    except ExpressionError as error:
        assert error.flaws
        for flaw in error.flaws:
            assert isinstance(flaw, Flaw)
            assert 0 <= flaw.offset <= len(text)
            assert flaw.what
            assert flaw.hint


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
    ],
)
def test_units_convert_within_their_quantity(value: str, unit: str, wanted: str, expected: float | None) -> None:
    exact = exact_number(value)
    assert exact is not None
    assert convert(exact, unit, wanted) == expected


@given(st.integers(-(10**6), 10**6), st.sampled_from([("W", "kW"), ("s", "h"), ("m/s", "km/h"), ("1", "%")]))
def test_a_conversion_there_and_back_is_exact_to_one_rounding(number: int, units: tuple[str, str]) -> None:
    there = convert(Fraction(number), units[0], units[1])
    assert there is not None
    assert convert(Fraction(there), units[1], units[0]) == pytest.approx(number, rel=1e-15)


def test_the_wanted_unit_is_offered_first() -> None:
    assert alternatives("kW")[0] == "kW"
    assert "W" in alternatives("kW")
    assert alternatives("furlong") == ("furlong",)
