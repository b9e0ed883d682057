"""The condition language: what parses, into what, and where each flaw is found."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.rulebook.almanac import (
    Dates,
    Hours,
    PublicHoliday,
    SchoolHoliday,
    SunBetween,
    SunElevation,
    SunInstant,
    Weekdays,
)
from engine.rulebook.expressions import (
    MAX_DEPTH,
    MAX_LENGTH,
    Context,
    ExpressionError,
    Flaw,
    exact_number,
    parse_expression,
    parse_quantity,
)
from engine.rulebook.language import (
    Absent,
    Age,
    And,
    Arithmetic,
    Attribute,
    Calendar,
    Changed,
    Constant,
    Converted,
    Literal,
    Not,
    Or,
    Relation,
    Scope,
    Sequence,
    Tally,
    TextIs,
    Threshold,
    Together,
    Value,
    Was,
    Window,
    WindowFunction,
    children,
    properties_of,
    rules_of,
    shape,
    walk,
)
from engine.units import Conversion

MIN = 60_000_000
HOUR = 60 * MIN
TEXT = {"fr": "mots", "en": "words"}
PLANT = Catalogue.model_validate(
    {
        "types": {
            "Plant": {
                "about": TEXT,
                "source": "tests",
                "properties": {
                    "power": {"unit": "W", "range": [0, 100], "stale_after": "7min"},
                    "mode": {"kind": "choice", "choices": ["off", "on", "low"], "stale_after": "11min"},
                    "door": {"kind": "switch", "stale_after": "30min"},
                    "level": {"unit": "m", "range": [0, 30], "stale_after": "1h"},
                    "flow": {"unit": "m3/h", "range": [0, 100], "stale_after": "1h"},
                    "energy": {"kind": "counter", "unit": "kW.h", "range": [0, 1e9], "stale_after": "1h"},
                    "inlet": {"unit": "Cel", "range": [-20, 130], "stale_after": "1h"},
                    "outlet": {"unit": "Cel", "range": [-20, 130], "stale_after": "1h"},
                    "filling": {"unit": "1", "range": [0, 1], "stale_after": "1h"},
                    "wind": {"unit": "m/s", "range": [0, 75], "stale_after": "1h"},
                    "rain": {"unit": "mm", "range": [0, 200], "stale_after": "1h"},
                    "cars": {"unit": "/h", "range": [0, 9000], "stale_after": "1h"},
                },
                "points": {
                    "setpoint": {
                        "unit": "Cel",
                        "minimum": 8,
                        "maximum": 24,
                        "safe": 19,
                        "domain": "water",
                        "time_to_live": "1h",
                        "verify": {"property": "inlet", "tolerance": 1, "within": "5min"},
                    },
                    "stuck": {
                        "minimum": 1,
                        "maximum": 1,
                        "safe": 1,
                        "domain": "water",
                        "time_to_live": "1h",
                        "verify": {"property": "filling", "tolerance": 0, "within": "5min"},
                    },
                },
            }
        }
    }
)
RULES = {
    "leak": ("leak",),
    "lamp-failure": ("lamp-failure",),
    "zone-2-dark": ("zone-2-dark",),
    "table": ("table.1", "table.2"),
    "table.2": ("table.2",),
    "rain_seen": ("rain", "hail"),
}
QUANTITIES = {
    "lift": "outlet - inlet",
    "half": "power / 2",
    "alias": "power",
    "twice_half": "half * 2",
    "again": "again + 1",
    "ping": "pong",
    "pong": "ping",
    "broken": "powr + 1",
    "short": "avg(power, 2)",
}
ASSET = Context.of(PLANT.types["Plant"], rules=RULES, quantities=QUANTITIES)
POWER = Threshold(Value("power"), "<", 2_000_000)
DOOR = Threshold(Value("door"), "==", 1)
FULL = Value("filling")


def window(function: str, prop: str, width: int, at_least: int = 1) -> Window:
    return Window(WindowFunction(function), prop, width, at_least)


def place(subject: str) -> Context:
    return Context({}, rules=RULES, subject=subject)


def flaws_of(text: str, context: Context = ASSET) -> tuple[Flaw, ...]:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, context)
    return caught.value.flaws


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        # thresholds: exact, scaled, whatever the unit and the side
        ("power < 2 W", POWER),
        ("power<2W", POWER),
        ("power < 0.002 kW", POWER),
        ("power < 2e0 W", POWER),
        ("  power\n  < 2 W ", POWER),
        ("power < 2\n W", POWER),
        ("(((power < 2 W)))", POWER),
        ("2 W > power", POWER),
        ("power < 1 W + 0.001 kW", POWER),
        ("power < 10 W / 5", POWER),
        ("power < -(-2 W)", POWER),
        ("alias < 2 W", POWER),
        ("power >= 0.1 W", Threshold(Value("power"), ">=", 100_000)),
        ("-5 Cel < inlet", Threshold(Value("inlet"), ">", -5_000_000)),
        ("inlet > 300 K", Threshold(Value("inlet"), ">", 26_850_000)),
        ("filling > 80 %", Threshold(FULL, ">", 800_000)),
        ("filling > 0.8", Threshold(FULL, ">", 800_000)),
        ("cars > 500 /h", Threshold(Value("cars"), ">", 500_000_000)),
        ("cars > 10 veh/h", Threshold(Value("cars"), ">", 10_000_000)),
        # an endless number decides as the exact one would
        ("wind > 50 km/h", Threshold(Value("wind"), ">", 13_888_888)),
        ("wind <= 50 km/h", Threshold(Value("wind"), "<=", 13_888_888)),
        ("wind < 50 km/h", Threshold(Value("wind"), "<", 13_888_889)),
        ("wind >= 50 km/h", Threshold(Value("wind"), ">=", 13_888_889)),
        ("50 km/h < wind", Threshold(Value("wind"), ">", 13_888_888)),
        # choices, switches
        ("mode == on", Threshold(Value("mode"), "==", 1)),
        ('mode == "on"', Threshold(Value("mode"), "==", 1)),
        ("mode != 'low'", Threshold(Value("mode"), "!=", 2)),
        ("on == mode", Threshold(Value("mode"), "==", 1)),
        ("door", DOOR),
        ("door == false", Threshold(Value("door"), "==", 0)),
        ("door != true", Threshold(Value("door"), "!=", 1)),
        # and, or, not
        ("not door", Not(DOOR)),
        ("not not door", Not(Not(DOOR))),
        ("door or true", Or((DOOR, Constant(True)))),
        ("door and power < 2 W or false", Or((And((DOOR, POWER)), Constant(False)))),
        ("door and (power < 2 W or false)", And((DOOR, Or((POWER, Constant(False)))))),
        ("not door and power < 2 W", And((Not(DOOR), POWER))),
        ("door or door or door", Or((DOOR,) * 3)),
        # time
        ("absent(power, 45min)", Absent("power", 45 * MIN)),
        ("absent ( power , 1.5h )", Absent("power", 90 * MIN)),
        ("age(power) > 2h", Threshold(Age("power"), ">", 2 * HOUR)),
        ("90 s <= age(power)", Threshold(Age("power"), ">=", 90_000_000)),
        ("changed(mode)", Changed("mode", None)),
        ("changed(mode, 10 min)", Changed("mode", 10 * MIN)),
        ("mode was on 10min before", Was("mode", "==", 1, 10 * MIN)),
        ("power was > 5 W 1 h before", Was("power", ">", 5_000_000, HOUR)),
        ("door was false 30s before", Was("door", "==", 0, 30_000_000)),
        ("door then power < 2 W within 5min", Sequence(DOOR, POWER, 5 * MIN)),
        ("not (door then mode == on within 5min)", Not(Sequence(DOOR, Threshold(Value("mode"), "==", 1), 5 * MIN))),
        (
            "door or door then door and power < 2 W within 1 d",
            Sequence(Or((DOOR, DOOR)), And((DOOR, POWER)), 24 * HOUR),
        ),
        # windows
        ("avg(flow, 15min) > 2 m3/h", Threshold(window("avg", "flow", 15 * MIN), ">", 2_000_000)),
        ("min(flow, 1h) > 1 L/s", Threshold(window("min", "flow", HOUR), ">", 3_600_000)),
        ("max(flow, 1h, at least 3) < 5 m3/h", Threshold(window("max", "flow", HOUR, 3), "<", 5_000_000)),
        ("p95(power, 1 d) >= 90 W", Threshold(window("p95", "power", 24 * HOUR), ">=", 90_000_000)),
        ("count(mode, 1h) >= 3", Threshold(window("count", "mode", HOUR), ">=", 3)),
        ("sum(door, 1h) > 2", Threshold(window("sum", "door", HOUR), ">", 2)),
        ("sum(rain, 1 d) > 5 cm", Threshold(window("sum", "rain", 24 * HOUR), ">", 50_000_000)),
        ("delta(energy, 1h) > 1 MJ", Threshold(window("delta", "energy", HOUR, 2), ">", 277)),
        ("delta(level, 1h, at least 5) < -0.5 m", Threshold(window("delta", "level", HOUR, 5), "<", -500_000)),
        ("rate(level, 30min) > 0.5 m/h", Relation(window("rate", "level", 30 * MIN, 2), ">", Literal(0.5))),
        ("rate(energy, 1h) > 500 W", Relation(window("rate", "energy", HOUR, 2), ">", Literal(0.5))),
        ("rate(filling, 1h) > 5 %/h", Relation(window("rate", "filling", HOUR, 2), ">", Literal(0.05))),
        ("rate(rain, 1h) > 0.01 m/h", Relation(window("rate", "rain", HOUR, 2), ">", Literal(10.0))),
        ("rate(flow, 1h) > 1 m3/h/min", Relation(window("rate", "flow", HOUR, 2), ">", Literal(60.0))),
        ("rate(inlet, 1h) > 2 K/h", Relation(window("rate", "inlet", HOUR, 2), ">", Literal(2.0))),
        # temperatures: a difference is no temperature
        ("delta(inlet, 1h) > 5 K", Threshold(window("delta", "inlet", HOUR, 2), ">", 5_000_000)),
        ("delta(inlet, 1h) > 5 °C", Threshold(window("delta", "inlet", HOUR, 2), ">", 5_000_000)),
        ("delta(inlet, 1h) > 9 °F", Threshold(window("delta", "inlet", HOUR, 2), ">", 5_000_000)),
        ("outlet - inlet < 5 K", Relation(Arithmetic("-", Value("outlet"), Value("inlet")), "<", Literal(5.0))),
        ("lift < 9 °F", Relation(Arithmetic("-", Value("outlet"), Value("inlet")), "<", Literal(5.0))),
        ("outlet > inlet + 2 K", Relation(Value("outlet"), ">", Arithmetic("+", Value("inlet"), Literal(2.0)))),
        ("2 K + inlet < outlet", Relation(Arithmetic("+", Literal(2.0), Value("inlet")), "<", Value("outlet"))),
        ("20 Cel - inlet > 3 K", Relation(Arithmetic("-", Literal(20.0), Value("inlet")), ">", Literal(3.0))),
        (
            "(inlet + outlet) / 2 > 313.15 K",
            Relation(
                Arithmetic("/", Arithmetic("+", Value("inlet"), Value("outlet")), Literal(2.0)), ">", Literal(40.0)
            ),
        ),
        # arithmetic
        ("1 - filling > 20 %", Relation(Arithmetic("-", Literal(1.0), FULL), ">", Literal(0.2))),
        ("half > 3 W", Relation(Arithmetic("/", Value("power"), Literal(2.0)), ">", Literal(3.0))),
        (
            "twice_half > 3 W",
            Relation(Arithmetic("*", Arithmetic("/", Value("power"), Literal(2.0)), Literal(2.0)), ">", Literal(3.0)),
        ),
        ("power * 50 % > 3 W", Relation(Arithmetic("*", Value("power"), Literal(0.5)), ">", Literal(3.0))),
        ("-power > -3 W", Relation(Arithmetic("-", Literal(0.0), Value("power")), ">", Literal(-3.0))),
        (
            "power + 1 kW > 2 kW",
            Relation(Arithmetic("+", Value("power"), Literal(1000.0)), ">", Literal(2000.0)),
        ),
        (
            "flow * 2h > 3 m3",
            Relation(
                Arithmetic("*", Converted(Value("flow"), Conversion(1.0, 3600.0, 0.0)), Literal(7200.0)),
                ">",
                Literal(3.0),
            ),
        ),
        # attributes
        ("attribute(led)", TextIs("led", "==", "true")),
        ("attribute(kind) == school", TextIs("kind", "==", "school")),
        ("attribute(kind) != 'old school'", TextIs("kind", "!=", "old school")),
        ("school == attribute(kind)", TextIs("kind", "==", "school")),
        ("attribute('rated power', W) > power", Relation(Attribute("rated power"), ">", Value("power"))),
        ("flow > attribute(max_flow, m3/h)", Relation(Value("flow"), ">", Attribute("max_flow"))),
        ("attribute(share, %) < 30 %", Relation(Attribute("share"), "<", Literal(30.0))),
        ("attribute(floors) >= 3", Relation(Attribute("floors"), ">=", Literal(3.0))),
        ("planned(setpoint) > 20 °C", Threshold(Value("planned(setpoint)"), ">", 20_000_000)),
        ("inlet < planned(setpoint) - 2 K", None),
        # calendars and the sun
        ("public_holiday", Calendar(PublicHoliday())),
        ("not school_holiday", Not(Calendar(SchoolHoliday()))),
        ("hours(22:00-06:00)", Calendar(Hours(79_200, 21_600))),
        ("hours( 7:30 - 24:00 )", Calendar(Hours(27_000, 86_400))),
        ("weekdays(mon, fri)", Calendar(Weekdays(frozenset({0, 4})))),
        ("dates(05-15/09-15)", Calendar(Dates((None, 5, 15), (None, 9, 15)))),
        ("dates(12-20/01-05)", Calendar(Dates((None, 12, 20), (None, 1, 5)))),
        ("dates(2026-07-01/2026-07-31)", Calendar(Dates((2026, 7, 1), (2026, 7, 31)))),
        (
            "between(sunset - 30min, sunrise)",
            Calendar(SunBetween(SunInstant("sunset", -1800), SunInstant("sunrise"))),
        ),
        ("sun_elevation < -6 deg", Calendar(SunElevation(True, -6.0))),
        ("-6 ° < sun_elevation", Calendar(SunElevation(False, -6.0))),
        # other rules
        ("any(leak in zone)", Tally(("leak",), Scope.ZONE, 1)),
        ("any(lamp-failure in children)", Tally(("lamp-failure",), Scope.CHILDREN, 1)),
        ("any(zone-2-dark in self)", Tally(("zone-2-dark",), Scope.SELF, 1)),
        ("any(table in parent)", Tally(("table.1", "table.2"), Scope.PARENT, 1)),
        ("any(table.2 in parent)", Tally(("table.2",), Scope.PARENT, 1)),
        ("none(rain_seen in siblings)", Not(Tally(("rain", "hail"), Scope.SIBLINGS, 1))),
        ("count(leak in zone) >= 3", Tally(("leak",), Scope.ZONE, 3)),
        ("count(leak in zone) > 3", Tally(("leak",), Scope.ZONE, 4)),
        ("count(leak in zone) < 3", Not(Tally(("leak",), Scope.ZONE, 3))),
        ("count(leak in zone) <= 3", Not(Tally(("leak",), Scope.ZONE, 4))),
        ("3 <= count(leak in zone)", Tally(("leak",), Scope.ZONE, 3)),
        ("count(leak in zone) > 0", Tally(("leak",), Scope.ZONE, 1)),
        ("count(leak in zone) == 0", Not(Tally(("leak",), Scope.ZONE, 1))),
        ("count(leak in zone) != 0", Not(Not(Tally(("leak",), Scope.ZONE, 1)))),
        (
            "count(leak in zone) == 2",
            And((Tally(("leak",), Scope.ZONE, 2), Not(Tally(("leak",), Scope.ZONE, 3)))),
        ),
        ("together(leak, rain_seen in zone, 10min)", Together(("leak",), ("rain", "hail"), Scope.ZONE, 10 * MIN)),
        ("together(leak in zone, leak in zone, 10min)", Together(("leak",), ("leak",), Scope.ZONE, 10 * MIN)),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, tree: object) -> None:
    found = parse_expression(text, ASSET)
    if tree is not None:
        assert found == tree


@pytest.mark.parametrize("subject", ["zone", "commune", "territory"])
def test_a_place_looks_at_what_lies_in_it(subject: str) -> None:
    context = place(subject)
    tally = Tally(("leak",), Scope(subject), 1)
    assert parse_expression("any(leak)", context) == tally
    assert parse_expression(f"any(leak in {subject})", context) == tally
    assert parse_expression("together(leak, leak, 1h)", context) == Together(("leak",), ("leak",), Scope(subject), HOUR)
    assert parse_expression("weekdays(sun) and any(leak)", context) == And((Calendar(Weekdays(frozenset({6}))), tally))
    for text, what in (
        ("power > 2 W", f"a {subject} has no property 'power'"),
        ("attribute(x) == y", f"a {subject} has no attributes"),
        ("any(leak in children)", "'children' is no place to look"),
    ):
        assert flaws_of(text, context)[0].what == what


@pytest.mark.parametrize(
    ("text", "offset", "what", "hint", "code"),
    [
        # units
        ("power < 2", 8, "2 has no unit", "write 2 W", "unit"),
        ("power < 2 A", 8, "2 A is not in a unit of W", "write it in W, mW, kW, MW", "unit"),
        ("filling < 2 W", 10, "2 W is not in a unit of a plain number", "write it in 1, %", "unit"),
        ("power < level", 8, "level is in m, which is not a unit of W", "write it in W, mW, kW, MW", "unit"),
        ("power + level > 2 W", 8, "level is in m, which is not a unit of W", "write it in W, mW", "unit"),
        ("power * level > 2 W", 6, "W * m is no unit this language knows", "multiply or divide by a plain", "unit"),
        ("1 / power > 2", 2, "a plain number / W is no unit this language knows", "multiply or divide", "unit"),
        ("rate(level, 1h) > 2 m", 18, "2 m is not in a unit of m/h", "write it in m/h, m/s", "unit"),
        ("rate(energy, 1h) > 2 kWh", 19, "2 kWh is not in a unit of kW.h/h", "write it in kW.h/h, W", "unit"),
        ("flow > attribute(x, furlong)", 20, "'furlong' is not a unit", "as attribute(rated_power, W)", "unit"),
        ("flow > attribute(x)", 7, "attribute is in a plain number, which is", "write it in m3/h, m3/s", "unit"),
        ("sun_elevation < -6", 16, "-6 has no unit", "write -6 deg", "unit"),
        ("3 K - inlet > 2 K", 4, "a temperature is taken away from a difference", "write the temperature", "unit"),
        ("inlet + 3 °F > 2 Cel", 6, "two temperatures are added", "write a difference in K", "unit"),
        ("outlet - inlet > inlet", 17, "a temperature is compared with a difference", "compare two of a kind", "unit"),
        # values out of reach, or finer than what is kept
        ("power < 200 W", 8, "200 W can never be reached", "its range is 0 to 100 W", "range"),
        ("power > -1 W", 8, "-1 W can never be reached", "its range is 0 to 100 W", "range"),
        ("avg(power, 1h) > 101 W", 17, "101 W can never be reached", "its range is 0 to 100 W", "range"),
        ("filling > 101 %", 10, "101 % can never be reached", "its range is 0 to 1", "range"),
        ("inlet > 2 K", 8, "2 K can never be reached", "its range is -20 to 130 Cel", "range"),
        ("power was > 200 W 1h before", 12, "200 W can never be reached", "its range is 0 to 100 W", "range"),
        ("power < 2.0000001 W", 8, "2.0000001 W is finer than power is kept", "its steps are 0.000001 W", "range"),
        ("power < 0.0000000001 kW", 8, "0.0000000001 kW is finer than power is kept", "its steps are", "range"),
        ("energy > 0.0001 kW.h", 9, "0.0001 kW.h is finer than energy is kept", "its steps are 0.001 kW.h", "range"),
        ("count(power, 1h) > 2.5", 19, "2.5 is finer than power is kept", "its steps are 1", "range"),
        ("wind == 50 km/h", 8, "50 km/h is no value that wind can have", "compare it with < or >", "range"),
        ("sum(power, 1h) > 1e30 W", 17, "1e30 W can never be reached", "write a smaller number", "range"),
        ("power < 1e999 W", 8, "1e999 is no number to compute with", "write it in plain decimals", "range"),
        ("power < " + "9" * 40 + " W", 8, "9" * 40 + " is no number to compute with", "write it in", "range"),
        ("power / 0 > 2 W", 8, "is a division by zero", "divide by something else", "range"),
        ("power > 1 W / (2 - 2)", 15, "is a division by zero", "divide by something else", "range"),
        ("power > 9e98 W * 9e98", 8, "is too large a number to compute with", "at most 1e+99", "range"),
        ("planned(stuck) > 0", 8, "stuck has one value only", "nothing can be planned for it", "range"),
        ("sun_elevation > 90 deg", 16, "90 deg can never be reached", "its range is -90 to 90 deg", "range"),
        ("count(leak in zone) >= 0", 23, "a count is always >= 0", "as count(…) >= 1", "range"),
        ("count(leak in zone) < 0", 22, "a count is never < 0", "as count(…) < 1", "range"),
        # kinds
        ("power", 0, "power is neither true nor false by itself", "write power > 0 W", "type"),
        ("filling", 0, "filling is neither true nor false by itself", "write filling > 0", "type"),
        ("mode", 0, "mode is neither true nor false by itself", "write mode == off", "type"),
        ("half", 0, "half is neither true nor false by itself", "as half > 2", "type"),
        ("power + 2 W", 0, "is a number where a condition is wanted", "compare it with something", "type"),
        ("2 W", 0, "is a number where a condition is wanted", "compare it with something", "type"),
        ("avg(power, 1h)", 0, "avg(…) is a number where a condition is wanted", "as avg(…) > 2", "type"),
        ("(door) + 2 > 3", 1, "door is not a number", "write door == true", "type"),
        ("(door or door) > 3", 1, "is a condition where a number is wanted", "take it out of the sum", "type"),
        ("absent(power, 2h) > 3", 0, "absent(…) is a condition where a number is wanted", "it stands by", "type"),
        ("mode < on", 5, "mode has no order", "compare it with == or !=", "type"),
        ("mode + 1 > 2", 0, "mode is not a number", "write mode == off", "type"),
        ("avg(mode, 1h) > 2", 0, "mode is not a number", "avg(…) is of numbers; count(…) is of anything", "type"),
        ("attribute(kind) > school", 16, "a text has no order", "compare it with == or !=", "type"),
        ("2 W < 3 W", 0, "two constants are compared", "name a property", "type"),
        ("2 * 3 > 1 + 1", 0, "two constants are compared", "name a property", "type"),
        ("age(power) > power", 13, "an age is compared with a duration", "as age(power) > 2h", "type"),
        ("age(power) + 1h > 2h", 0, "an age is only compared with a duration", "as age(powerConsumption)", "type"),
        ("half was > 3 W 1h before", 5, "only a property and a constant are looked at before", "as power", "type"),
        ("avg(power, 1h) was > 3 W 1h before", 15, "only a property and a constant", "as powerState was", "type"),
        ("sun_elevation <= 6 deg", 14, "sun_elevation is compared with < or >", "as sun_elevation < -6", "type"),
        ("sun_elevation < inlet", 16, "sun_elevation is compared with a constant", "as sun_elevation", "type"),
        ("door then any(leak in self) within 1h", 5, "a sequence cannot look at other rules", "use together", "type"),
        ("not together(leak, leak in zone, 1h)", 4, "together(…) cannot stand under not", "use none(…)", "type"),
        ("not (door or together(leak, leak in zone, 1h))", 5, "together(…) cannot stand under", "use none", "type"),
        ("count(leak in zone) > 2.5", 22, "a count of rules is compared with a whole number", "as count", "type"),
        ("count(leak in zone) > power", 22, "a count of rules is compared with a whole", "as count(a-rule", "type"),
        # names
        ("powr < 2 W", 0, "'powr' is not a property of this asset type", "did you mean power?", "name"),
        ("power == on", 9, "'on' is not a property of this asset type", "one of: power, mode", "name"),
        ("xyz == 2 W", 0, "'xyz' is not a property of this asset type", "one of: power, mode, door", "name"),
        ("mode == onn", 8, "'onn' is not a value of mode", "did you mean on?", "name"),
        ("mode == 1", 8, "'1' is not a value of mode", "one of: off, on, low", "name"),
        ("door == open", 8, "'open' is not a value of door", "one of: false, true", "name"),
        ("absent(xyz, 2h)", 7, "'xyz' is not a property of this asset type", "one of: power", "name"),
        ("absent(half, 2h)", 7, "'half' is derived, where a property is wanted", "one of: power", "name"),
        ("absnt(power, 2h)", 0, "absnt(…) is not a function of this language", "did you mean absent?", "name"),
        ("exec(power) > 2", 0, "exec(…) is not a function of this language", "one of: avg, min", "name"),
        ("planned(setpont) > 2 Cel", 8, "'setpont' is not a point of this type", "did you mean setpoint?", "name"),
        ("any(lek in zone)", 4, "'lek' is neither a rule nor a fact", "did you mean leak?", "reference"),
        ("any(leak)", 4, "it is not said where to look", "add in self or in parent or in children", "reference"),
        ("any(leak in commune)", 4, "'commune' is no place to look", "add in self or in parent", "reference"),
        # derived quantities
        ("again > 2", 0, "again is derived from itself", "mend it under derive", "cycle"),
        ("ping > 2", 0, "ping is derived from itself", "mend it under derive", "cycle"),
        ("broken > 2", 0, "broken has a flaw of its own: 'powr' is not a property", "mend it under derive", "type"),
        ("short > 2 W", 0, "short has a flaw of its own: '2' is not a duration above 0", "mend it", "type"),
        # arguments
        ("absent(power, 2)", 14, "'2' is not a duration above 0", "a number and s, min, h or d, as 45min", "argument"),
        ("absent(power, 0 s)", 14, "'0s' is not a duration above 0", "a number and s", "argument"),
        ("absent(power, 401 d)", 14, "'401d' is not a duration above 0", "a number and s, min, h or d", "argument"),
        ("absent(power, 2 weeks)", 14, "'2weeks' is not a duration above 0", "a number and s", "argument"),
        ("absent(power, 1h 30min)", 17, "'30' is one word too many", "part arguments with commas", "argument"),
        ("absent(power 2h)", 0, "absent(…) wants 2 arguments, found 1", "part them with commas", "argument"),
        ("absent(power, )", 0, "absent(…) wants 2 arguments, found 2", "part them with commas", "argument"),
        ("absent()", 0, "absent(…) wants 2 arguments, found 0", "part them with commas", "argument"),
        ("changed(mode, 1h, 2h)", 0, "changed(…) wants 1 or 2 arguments, found 3", "part them", "argument"),
        ("avg(power door, 1h) > 2 W", 10, "'door' is one word too many", "part arguments with commas", "argument"),
        ("avg(power, 1h, 3) > 2 W", 15, "is not a number of samples", "as at least 3", "argument"),
        ("avg(power, 1h, at least ²) > 2 W", 15, "is not a number of samples", "as at least 3", "argument"),
        ("avg(power, 1h, at least 3 s) > 2 W", 15, "is not a number of samples", "as at least 3", "argument"),
        ("avg(power, 1h, at least 0) > 2 W", 24, "0 is not a number of samples", "from 1 to 1000000", "argument"),
        ("avg(power, 1h, at least 9e9) > 2 W", 24, "9e9 is not a number of samples", "from 1", "argument"),
        ("attribute(rated-power) > 2", 15, "'-' is one word too many", "part arguments with commas", "argument"),
        ("attribute(%) > 2", 10, "'%' stands where a name is wanted", "names of other letters go", "argument"),
        ("any(leak or in zone)", 9, "'or' is one word too many", "as any(lamp-failure in children)", "argument"),
        ("together(leak in self, leak in zone, 1h)", 9, "the two rules are looked for in two", "say in", "argument"),
        ("hours(25:00-06:00)", 0, "hours(25:00-06:00): '25:00' is not a time of day", "as hours(22:00", "argument"),
        ("hours(22:60-06:00)", 0, "hours(22:60-06:00): '22:60' is not a time of day", "as hours(22", "argument"),
        ("hours(22:00)", 0, "hours(22:00): '' is not a time of day, as 22:00", "as hours(22:00-06:00)", "argument"),
        ("hours(08:00-12:00, 14:00-18:00)", 0, "hours(08:00-12:00, 14:00-18:00): wants 1", "as hours", "argument"),
        ("weekdays(monday)", 0, "weekdays(monday): 'monday' is not a weekday", "as weekdays(mon, fri)", "argument"),
        ("dates(02-30/03-01)", 0, "dates(02-30/03-01): '02-30' is no day of the", "as dates(", "argument"),
        ("dates(1-2-3-4/5-6)", 0, "dates(1-2-3-4/5-6): '1-2-3-4' is not a day", "as dates(05-15", "argument"),
        ("dates(2026-07-01/07-31)", 0, "dates(2026-07-01/07-31): (2026, 7, 1)", "as dates(05-15", "argument"),
        ("between(sunset)", 0, "between(sunset): wants 2 of them, found 1", "as between(sunset - 30min", "argument"),
        ("between(noon, sunrise)", 0, "between(noon, sunrise): is sunrise or sunset", "as between(", "argument"),
        ("between(sunset + 7h, sunrise)", 0, "between(sunset+7h, sunrise): is sunrise", "as between(", "argument"),
        # syntax
        ("absent(power, 2h", 16, "'the end' stands where ')' is wanted", "add )", "syntax"),
        ("avg(max(power, 1h), 1h) > 2 W", 7, "'(' stands where ')' is wanted", "name what is in brackets", "syntax"),
        ("power < ", 8, "'the end' stands where a value or a name is wanted", "as powerConsumption < 2 W", "syntax"),
        ("power < and", 8, "'and' stands where a value or a name is wanted", "as powerConsumption", "syntax"),
        ("power < 2 W < 3 W", 12, "comparisons cannot be chained", "join two comparisons with and", "syntax"),
        ("power = 2 W", 6, "'=' has no meaning here", "write == to compare", "syntax"),
        ("door && door", 5, "'&' has no meaning here", "write and", "syntax"),
        ("door || door", 5, "'|' has no meaning here", "write or", "syntax"),
        ("!door", 0, "'!' has no meaning here", "write not", "syntax"),
        ("door and", 8, "'the end' stands where a value or a name is wanted", "as powerConsumption", "syntax"),
        ("door door", 5, "'door' is one word too many", "join conditions with and, or", "syntax"),
        ("(door", 5, "'the end' stands where ')' is wanted", "add )", "syntax"),
        ("door)", 4, "')' is one word too many", "check the brackets", "syntax"),
        ("", 0, "'the end' stands where a value or a name is wanted", "as powerConsumption", "syntax"),
        ("9**9**9 < power", 2, "'*' stands where a value or a name is wanted", "as powerConsumption", "syntax"),
        ("power.__class__", 5, "'.' has no meaning here", "a condition holds names, numbers", "syntax"),
        ("power < '2 W", 8, '"\'" has no meaning here', "a condition holds names", "syntax"),
        ("door then door", 14, "'the end' stands where 'within' is wanted", "add within", "syntax"),
        ("door then door within door", 22, "'door' stands where a duration is wanted", "as 15min", "syntax"),
        ("mode was on before", 12, "'before' stands where a duration is wanted", "as 15min", "syntax"),
        ("mode was on 10min", 17, "'the end' stands where 'before' is wanted", "add before", "syntax"),
        ("power > 22:00", 8, "'22:00' stands where a value or a name is wanted", "as power", "syntax"),
    ],
)  # fmt: skip
def test_a_flaw_is_found_at_its_place(text: str, offset: int, what: str, hint: str, code: str) -> None:
    flaw = flaws_of(text)[0]
    assert (flaw.offset, flaw.code) == (offset, code)
    assert flaw.what.startswith(what)
    assert flaw.hint.startswith(hint)


def test_every_flaw_of_meaning_is_found_at_once() -> None:
    text = "powr < 2 W or mode == offf and power < 3 or absent(lvl, 2) or xx + 1 > yy or not (any(lek in zone))"
    words = ["powr", "offf", "3", "lvl", "xx", "yy", "lek"]
    found = flaws_of(text)
    assert [text[flaw.offset :].startswith(word) for flaw, word in zip(found, words, strict=True)] == [True] * 7
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, ASSET)
    assert str(caught.value).count(";") == 6


@pytest.mark.parametrize(
    ("text", "unit", "tree"),
    [
        ("50 %", "1", Literal(0.5)),
        ("19 °C", "Cel", Literal(19.0)),
        ("70 % + 10 %", "1", Literal(0.8)),
        ("2 kW * 3h", "kW.h", Literal(6.0)),
        ("inlet", "Cel", Value("inlet")),
        ("inlet + 2 K", "Cel", Arithmetic("+", Value("inlet"), Literal(2.0))),
        ("power", "kW", Converted(Value("power"), Conversion(1.0, 1000.0, 0.0))),
        ("inlet", "K", Converted(Value("inlet"), Conversion(1.0, 1.0, 273.15))),
        ("outlet - inlet", "K", Converted(Arithmetic("-", Value("outlet"), Value("inlet")), Conversion(1.0, 1.0, 0.0))),
        ("0.8 * attribute(full, W)", "W", Arithmetic("*", Literal(0.8), Attribute("full"))),
        ("planned(setpoint)", "Cel", Value("planned(setpoint)")),
        ("power", None, Value("power")),
        ("lift", None, Arithmetic("-", Value("outlet"), Value("inlet"))),
    ],
)
def test_a_quantity_comes_in_the_unit_wanted(text: str, unit: str | None, tree: object) -> None:
    assert parse_quantity(text, ASSET, unit) == tree


@pytest.mark.parametrize(
    ("text", "unit", "what"),
    [
        ("door", "1", "door is not a number"),
        ("avg(power, 2)", "W", "'2' is not a duration above 0"),
        ("power < 2 W", "W", "is a condition where a number is wanted"),
        ("power", "m", "power is in W, which is not a unit of m"),
        ("5", "W", "5 has no unit"),
        ("not door", "1", "is a condition where a number is wanted"),
        ("powr + lvl", "W", "'powr' is not a property of this asset type"),
    ],
)
def test_a_flawed_quantity_is_refused(text: str, unit: str, what: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_quantity(text, ASSET, unit)
    assert caught.value.flaws[0].what == what


def test_the_deepest_and_the_longest_that_are_allowed() -> None:
    assert parse_expression("(" * MAX_DEPTH + "door" + ")" * MAX_DEPTH, ASSET) == DOOR
    text = "door" + " or door" * ((MAX_LENGTH - 4) // 8)
    assert len(list(walk(parse_expression(text, ASSET)))) == 2 * ((MAX_LENGTH - 4) // 8 + 1) + 1
    assert parse_expression("power" + " + power" * 60 + " > 2 W", ASSET)


ALPHABET = "()<>=!,.\"' andorntpwer128WkhminCelabs_\n%²°/*+-:[]$é\t"
WORDS = [
    "power", "door", "mode", "level", "inlet", "lift", "leak", "and", "or", "not", "then", "within", "was", "before",
    "in", "zone", "any", "count", "together", "avg", "rate", "absent", "age", "changed", "attribute", "planned",
    "hours", "dates", "between", "sun_elevation", "at", "least", "(", ")", ",", "<", ">=", "==", "+", "-", "*", "/",
    "2", "3 W", "5min", "22:00", "on", "true", "'x'", "%", "9e99", "0",
]  # fmt: skip


@given(text=st.text(alphabet=ALPHABET, max_size=60) | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_any_text_is_a_tree_or_a_list_of_flaws_inside_it(text: str) -> None:
    for context in (ASSET, place("zone")):
        try:
            tree = parse_expression(text, context)
        except ExpressionError as error:
            assert error.flaws
            assert list(error.flaws) == sorted(error.flaws)
            for flaw in error.flaws:
                assert isinstance(flaw, Flaw)
                assert 0 <= flaw.offset <= len(text)
                assert flaw.what
                assert flaw.hint
                assert flaw.code
        else:
            assert shape(tree)


@given(text=st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_any_text_is_a_quantity_or_a_list_of_flaws_inside_it(text: str) -> None:
    try:
        parse_quantity(text, ASSET, "W")
    except ExpressionError as error:
        assert all(0 <= flaw.offset <= len(text) for flaw in error.flaws)


@given(
    number=st.integers(0, 10**8),
    unit=st.sampled_from(["W", "mW", "kW", "MW"]),
    operator=st.sampled_from(["<", "<=", ">", ">="]),
)
def test_a_threshold_decides_as_the_number_written(number: int, unit: str, operator: str) -> None:
    """For every value a property can have: whether or not the number is one of these."""
    watts = Fraction(number, 3) * {"W": Fraction(1), "mW": Fraction(1, 1000), "kW": 1000, "MW": 10**6}[unit]
    if not 0 <= watts <= 100:
        return
    tree = parse_expression(f"power {operator} {number} {unit} / 3", ASSET)
    assert isinstance(tree, Threshold)
    compare: dict[str, Any] = {
        "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    }  # fmt: skip
    nearest = int(watts * 10**6)
    for sample in range(nearest - 2, nearest + 3):
        assert compare[operator](sample, tree.constant) == compare[operator](Fraction(sample, 10**6), watts)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", Fraction(2)), ("0.1", Fraction(1, 10)), ("2e3", Fraction(2000)), ("1E-2", Fraction(1, 100)),
     ("9" * 31, None), ("1e100", None), ("1e1000", None)],
)  # fmt: skip
def test_a_decimal_is_read_as_written(text: str, value: Fraction | None) -> None:
    assert exact_number(text) == value


def test_a_tree_can_be_walked() -> None:
    tree = parse_expression(
        "any(leak in zone) and (avg(power, 1h) > 2 W or flow - 1 m3/h > 2 m3/h) or "
        "together(leak, rain_seen in zone, 1h) and not absent(level, 1h)",
        ASSET,
    )
    assert properties_of(tree) == ("power", "flow", "level")
    assert rules_of(tree) == ("leak", "rain", "hail")
    assert next(walk(tree)) is tree
    assert sum(not children(node) for node in walk(tree)) == 7
