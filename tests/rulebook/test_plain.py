"""The plain evaluator: each construct by an example worked out by hand, then the two properties every cut must keep."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar import SchoolCalendar
from engine.catalogue import Catalogue
from engine.instants import to_us
from engine.model import Asset, Truth
from engine.rulebook.almanac import Almanac
from engine.rulebook.decisions import Asking, Decisions
from engine.rulebook.definitions import Rulebook
from engine.rulebook.loading import load_rules
from engine.rulebook.plain import PlainEngine
from engine.rulebook.plain.group import Group

# A Sunday, 19:00 in Paris.
BIRTH = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEP = 1 / 60_000_000  # a microsecond, in minutes
READINGS = {"asset": pl.String, "property": pl.String, "observed_at": pl.Int64, "value": pl.Float64}
TEXT = {"fr": "mots", "en": "words"}
ALARM = {"alarm": {"priority": "low", "consequence": TEXT, "action": TEXT, "respond_within": "1 d"}}
FACT = {"fact": "noted"}
POINT = {
    "minimum": 0, "maximum": 1, "safe": 1, "domain": "lighting", "time_to_live": "30min",
    "verify": {"property": "power", "tolerance": 0.1, "within": "5min"},
}  # fmt: skip
LAMP = {
    "power": {"unit": "W", "range": [0, 100], "stale_after": "7min"},
    "energy": {"kind": "counter", "unit": "kW.h", "range": [0, 1000], "stale_after": "1h"},
    "mode": {"kind": "choice", "choices": ["off", "on", "low"], "stale_after": "11min"},
    "door": {"kind": "switch", "stale_after": "30min"},
}
CATALOGUE = Catalogue.model_validate(
    {
        "types": {
            "Lamp": {"about": TEXT, "source": "tests", "properties": LAMP, "points": {"level": POINT}},
            "Cabinet": {"about": TEXT, "source": "tests", "properties": {"power": LAMP["power"]}},
        }
    }
)
ASSETS = (
    Asset("C1", "Cabinet", "east", 0, 47),
    Asset("C2", "Cabinet", "west", 0, 47),
    Asset(
        "L1", "Lamp", "east", 0, 47, parent="C1",
        attributes={
            "near": ["L1", "L2", "C1", "gone"], "limit": 50, "kilo": 0.05, "none": 0, "make": "acme", "led": True,
        },
    ),
    Asset("L2", "Lamp", "east", 0, 47, parent="C1", attributes={"near": []}),
    Asset("L3", "Lamp", "west", 0, 47, parent="C2", attributes={"near": ["L3"]}),
)  # fmt: skip
COMMUNES = {"east": "49007", "west": "49015"}
ALMANAC = Almanac(
    SchoolCalendar(source="tests", covered_from=date(2026, 1, 1), covered_until=date(2027, 12, 31), holidays=())
)
Reading = tuple[str, float, str, float]  # asset, minutes after BIRTH, property, value


def rule(name: str, when: str, **fields: Any) -> dict[str, Any]:
    """A rule of lamps that only notes, with whatever else is said."""
    plain = {"about": TEXT, "owner": "tests", "for_each": {"type": "Lamp"}, "then": FACT}
    return {"id": name, "when": when, **plain, **fields}


def book(*rules: dict[str, Any]) -> Rulebook:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "owners.yaml").write_text(json.dumps({"owners": {"tests": {"name": TEXT, "levels": []}}}))
        (folder / "some").mkdir()
        (folder / "some" / "rules.yaml").write_text(json.dumps({"rules": rules}))
        return load_rules(folder, CATALOGUE)


def after(minutes: float) -> datetime:
    return BIRTH + timedelta(microseconds=round(minutes * 60_000_000))


def minutes(at: datetime) -> float:
    return (at - BIRTH) / MINUTE


def frame(readings: Iterable[Reading]) -> pl.DataFrame:
    rows = [(asset, name, to_us(after(at)), float(value)) for asset, at, name, value in readings]
    return pl.DataFrame(rows, READINGS, orient="row")


def engine_of(*rules: dict[str, Any]) -> PlainEngine:
    """Born at BIRTH."""
    engine = PlainEngine(book(*rules), CATALOGUE, ASSETS, ALMANAC, COMMUNES)
    engine.step(frame([]), BIRTH)
    return engine


def told(rules: list[dict[str, Any]], readings: Iterable[Reading], until: float = 60) -> Decisions:
    """All that is decided from BIRTH on."""
    engine = PlainEngine(book(*rules), CATALOGUE, ASSETS, ALMANAC, COMMUNES)
    first = engine.step(frame([]), BIRTH)
    return together(first, engine.step(frame(readings), after(until)))


def together(*said: Decisions) -> Decisions:
    return Decisions(*(tuple(x for part in said for x in getattr(part, name)) for name in Decisions.__slots__))


def turns(decisions: Decisions, name: str = "it", asset: str = "L1") -> list[tuple[str, float]]:
    """The rises and falls of a rule for a subject."""
    return [
        ("rise" if edge.truth is Truth.TRUE else "fall", minutes(edge.at))
        for edge in decisions.edges
        if (edge.rule, edge.asset) == (name, asset)
    ]


def lit(*values: tuple[float, float], name: str = "power", asset: str = "L1") -> list[Reading]:
    """Readings of one property: (minutes after BIRTH, value)."""
    return [(asset, at, name, value) for at, value in values]


def rise(at: float) -> tuple[str, float]:
    return "rise", at


def fall(at: float) -> tuple[str, float]:
    return "fall", at


ONE = lit((1, 10))
CONSTRUCTS: dict[str, tuple[str, list[Reading], list[tuple[str, float]]]] = {
    "a threshold": ("power < 20 W", lit((1, 10), (2, 20)), [rise(1), fall(2)]),
    "a threshold in another unit": ("power <= 0.01 kW", lit((1, 10), (2, 10.000001)), [rise(1), fall(2)]),
    "a value is rounded half to even": ("power == 10 W", lit((1, 10.0000005), (2, 10.0000015)), [rise(1), fall(2)]),
    "a value that grows stale is held": ("power < 20 W", ONE, [rise(1)]),
    "a choice": ("mode == low", lit((1, 2), (2, 1), name="mode"), [rise(1), fall(2)]),
    "a switch": ("door", lit((1, 1), (2, 0), name="door"), [rise(1), fall(2)]),
    "absent since birth": ("absent(power, 4min)", [], [rise(4)]),
    "absent": ("absent(power, 4min)", lit((1, 5), (10, 5)), [rise(5), fall(10), rise(14)]),
    "an age above": ("age(power) > 5min", lit((1, 5), (9, 5)), [rise(6 + STEP), fall(9), rise(14 + STEP)]),
    "an age reached": ("age(power) >= 5min", ONE, [rise(6)]),
    "an age up to": ("age(power) <= 5min", ONE, [rise(1), fall(6 + STEP)]),
    "an age exactly": ("age(power) == 5min", ONE, [rise(6), fall(6 + STEP)]),
    "changed": ("changed(power)", lit((1, 1), (2, 1), (3, 2), (4, 2)), [rise(3), fall(4)]),
    "changed, not by an older reading": ("changed(power)", lit((3, 1), (2, 2)), []),
    "changed, and corrected at its own instant": ("changed(power)", lit((1, 1), (2, 1), (2, 3)), [rise(2)]),
    "changed within": ("changed(power, 2min)", lit((1, 1), (3, 2), (4, 2)), [rise(3), fall(5)]),
    "was": ("power was < 20 W 3min before", lit((1, 10), (2, 90)), [rise(4), fall(5)]),
    "was, of a reading that came late": ("power was < 20 W 3min before", lit((5, 90), (3, 10)), [rise(6), fall(8)]),
    "was, as a choice": ("mode was on 3min before", lit((1, 1), (2, 0), name="mode"), [rise(4), fall(5)]),
    "the average is exact": ("avg(power, 3min) < 20 W", lit((1, 10), (2, 29.999999)), [rise(1), fall(4)]),
    "the average reached is not below": ("avg(power, 3min) < 20 W", lit((1, 10), (2, 30)), [rise(1), fall(2)]),
    "an empty window is unknown": ("max(power, 3min) < 20 W", lit((1, 10)), [rise(1)]),
    "min": ("min(power, 3min) < 20 W", lit((1, 10), (2, 50)), [rise(1), fall(4)]),
    "max": ("max(power, 3min) > 20 W", lit((1, 50), (2, 10)), [rise(1), fall(4)]),
    "sum": ("sum(power, 3min) >= 60 W", lit((1, 50), (2, 10)), [rise(2), fall(4)]),
    "a corrected sample counts once": ("sum(power, 3min) >= 60 W", lit((1, 50), (2, 5), (2, 10)), [rise(2), fall(4)]),
    "a late sample enters the window": ("sum(power, 3min) >= 60 W", lit((2, 10), (1, 50)), [rise(2), fall(4)]),
    "count": ("count(power, 3min) >= 2", lit((1, 1), (2, 1)), [rise(2), fall(4)]),
    "count of nothing is known": ("count(power, 3min) < 1", lit((1, 1)), [rise(0), fall(1), rise(4)]),
    "at least": ("max(power, 5min, at least 2) > 5 W", lit((1, 9), (3, 9)), [rise(3)]),
    "p95 is the nineteenth of twenty": (
        "p95(power, 10min) >= 19 W", lit(*((1 + n / 10, n + 1.0) for n in range(20))), [rise(2.8)],
    ),
    "delta": ("delta(power, 5min) > 5 W", lit((1, 10), (2, 20), (3, 11)), [rise(2), fall(3)]),
    "delta of a counter, over a reset": (
        "delta(energy, 10min) > 3 kWh", lit((1, 8), (2, 10), (3, 1), (4, 2), name="energy"), [rise(4), fall(11)],
    ),
    "rate": ("rate(energy, 10min) >= 60 kW", lit((1, 8), (2, 8.9), (3, 10), name="energy"), [rise(3)]),
    "a computed difference": ("power - 8.3 W > 2 W", lit((1, 10.3), (2, 10.300001)), [rise(2)]),
    "a computed equality": ("power - 8.3 W == 2 W", lit((1, 10.3), (2, 10.300001)), [rise(1), fall(2)]),
    "a value beside its average": ("power > avg(power, 5min) + 4 W", lit((1, 10), (2, 19)), [rise(2), fall(6)]),
    "an attribute": ("power > attribute(limit, W)", lit((1, 50), (2, 51)), [rise(2)]),
    "an attribute in another unit": ("power > attribute(kilo, kW)", lit((1, 50), (2, 51)), [rise(2)]),
    "an attribute that is missing": ("power > attribute(nothing, W)", lit((1, 50)), []),
    "a division by zero": ("power / attribute(none) > 0 W or power / attribute(none) <= 0 W", ONE, []),
    "a text": ("attribute(make) == acme and power > 0 W", ONE, [rise(1)]),
    "another text": ("attribute(make) != acme and power > 0 W", ONE, []),
    "a text that is missing": ("attribute(nothing) != acme and power > 0 W", ONE, []),
    "a true attribute": ("attribute(led) and power > 0 W", ONE, [rise(1)]),
    "hours": ("hours(19:10-19:20)", [], [rise(10), fall(20)]),
    "weekdays": ("weekdays(mon)", [], []),
    "not": ("not power < 20 W", lit((1, 10), (2, 20)), [rise(2)]),
    "and with unknown": ("power < 20 W and door", ONE, []),
    "and with false, which unknown cannot save": ("not (power < 20 W and door)", lit((1, 50)), [rise(1)]),
    "or with unknown": ("power < 20 W or door", ONE, [rise(1)]),
}  # fmt: skip


@pytest.mark.parametrize(("when", "readings", "expected"), CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_construct(when: str, readings: list[Reading], expected: list[tuple[str, float]]) -> None:
    found = turns(told([rule("it", when)], readings))
    assert [(what, round(at, 9)) for what, at in found] == [(what, round(at, 9)) for what, at in expected]


DOOR = lit((1, 1), name="door")
OPEN_THEN_DARK = "door then power < 20 W within 3min"


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([*DOOR, *lit((4, 10), (5, 50))], [rise(4), fall(5)]),
        ([*DOOR, *lit((4.1, 10))], []),
        ([*DOOR, *lit((1, 10))], []),
        ([*lit((0.5, 10)), *DOOR], []),
        ([*DOOR, *lit((2, 10), (3, 50), (4, 10))], [rise(2), fall(3), rise(4)]),
        ([*DOOR, *lit((2, 0), (3, 1), name="door"), *lit((5, 10))], [rise(5)]),
    ],
    ids=["within", "too late", "in one message", "in the wrong order", "rises again", "counts from the last rise"],
)
def test_one_then_the_other(readings: list[Reading], expected: list[tuple[str, float]]) -> None:
    assert turns(told([rule("it", OPEN_THEN_DARK)], readings)) == expected


def test_both_parts_of_a_sequence_count_as_false_before_birth() -> None:
    first = "hours(18:00-20:00) then power < 20 W within 3min"
    assert turns(told([rule("it", first)], lit((3, 10)))) == [rise(3)]
    assert turns(told([rule("it", first)], lit((3.1, 10)))) == []


@pytest.mark.parametrize(
    ("fields", "readings", "expected"),
    [
        ({"on_unknown": "clear"}, ONE, [rise(1), fall(8)]),
        ({"on_unknown": "hold"}, ONE, [rise(1)]),
        ({"on_unknown": "raise"}, lit((1, 50)), [rise(0), fall(1), rise(8)]),
        ({"for": "3min"}, lit((1, 10), (4, 50)), [rise(4), fall(4)]),
        ({"for": "3min"}, lit((1, 10), (3.9, 50)), []),
        ({"for": "9min"}, ONE, []),
        ({"clear_after": "2min"}, lit((1, 10), (2, 50), (3, 10), (4, 50)), [rise(1), fall(6)]),
        ({"clear_when": "power > 60 W"}, lit((1, 10), (2, 50), (3, 70)), [rise(1), fall(3)]),
        ({"clear_when": "power < 50 W"}, lit((1, 10), (2, 30)), [rise(1), fall(2)]),
        ({"schedule": {"hours": "19:05-19:06"}}, lit((1, 10)), [rise(5), fall(6)]),
    ],
    ids=["unknown clears", "holds", "raises", "for ends before the reading", "is broken", "is broken by unknown",
         "clear_after", "clear_when", "set wins over clear_when", "schedule"],
)  # fmt: skip
def test_latch(fields: dict[str, Any], readings: list[Reading], expected: list[tuple[str, float]]) -> None:
    assert turns(told([rule("it", "power < 20 W", **fields)], readings)) == expected


# Messages


def test_neighbouring_rows_of_one_asset_and_instant_are_one_message_until_a_property_comes_again() -> None:
    rules = [rule("it", "power < 20 W and door")]
    assert turns(told(rules, [*lit((1, 1), name="door"), *lit((1, 10))])) == [rise(1)]
    twice = [*lit((1, 10)), *DOOR, *lit((1, 50)), *lit((1, 0), name="door")]
    assert turns(told(rules, twice)) == [rise(1), fall(1)]
    assert turns(told([rule("it", "power < 20 W")], lit((1, 10), (1, 50)))) == [rise(1), fall(1)]


def test_an_older_reading_decides_nothing_and_one_behind_the_clock_acts_at_the_clock() -> None:
    assert turns(told([rule("it", "power < 20 W")], lit((3, 50), (2, 10)))) == []
    other = [("L2", 5.0, "power", 50.0)]
    assert turns(told([rule("it", "power < 20 W")], [*other, *lit((2, 10))])) == [rise(5)]
    assert turns(told([rule("it", "power < 20 W")], [*lit((2, 10)), ("C1", 12.0, "power", 1.0), *lit((1, 10))])) == [
        rise(2)
    ]


@pytest.mark.parametrize(
    "row", [("nobody", "power", 9.0), ("L1", "weight", 9.0), ("L1", "power", float("nan")), ("L1", "planned(x)", 9.0)]
)
def test_rows_passed_over_move_no_clock(row: tuple[str, str, float]) -> None:
    asset, name, value = row
    assert turns(told([rule("it", "power < 20 W")], [(asset, 5, name, value), *lit((1, 10))])) == [rise(1)]


def test_rules_are_born_at_the_earliest_instant_of_the_first_step_in_each_zone() -> None:
    engine = PlainEngine(book(rule("it", "absent(power, 4min)")), CATALOGUE, ASSETS, ALMANAC)
    said = engine.step(frame([("C1", 3, "power", 1), ("C1", 2, "power", 1)]), after(10))
    assert turns(said) == [rise(6)]
    assert turns(said, asset="L3") == []


def test_what_is_planned_never_grows_stale() -> None:
    rules = [rule("it", "planned(level) > 0.5", on_unknown="clear")]
    assert turns(told(rules, lit((1, 0.75), name="planned(level)"), until=100_000)) == [rise(1)]


# Lateness


def test_a_patient_rule_takes_readings_in_their_order_and_decides_later() -> None:
    patient = rule("it", "power < 20 W", lateness="5min", then=ALARM)
    hasty = rule("hasty", "power < 20 W")
    said = told([patient, hasty], lit((3, 50), (2, 10)))
    assert turns(said) == [rise(2), fall(3)]
    assert [minutes(change.at) for change in said.alarms] == [7, 8]
    assert turns(said, "hasty") == []


def test_a_patient_rule_acts_at_once_on_what_is_later_still() -> None:
    assert turns(told([rule("it", "power < 20 W", lateness="5min")], [("L2", 20, "power", 1), *lit((10, 10))])) == [
        rise(15)
    ]


def test_a_patient_rule_is_absent_in_its_own_time() -> None:
    assert turns(told([rule("it", "absent(power, 4min)", lateness="5min")], lit((3, 1)))) == [rise(7)]


def test_a_patient_rules_delays_and_staleness_run_in_its_own_time() -> None:
    fields = {"lateness": "5min", "for": "2min", "on_unknown": "clear"}
    said = told([rule("it", "power < 20 W", then=ALARM, **fields)], ONE)
    assert turns(said) == [rise(3), fall(8)]
    assert [minutes(change.at) for change in said.alarms] == [8, 13]


# Other rules

DARK = rule("dark", "power < 20 W")
EAST_DARK = [*lit((1, 10)), *lit((2, 10), asset="L2"), *lit((3, 50)), *lit((4, 50), asset="L2")]


def zonal(when: str, **fields: Any) -> dict[str, Any]:
    return rule("it", when, for_each={"each": "zone"}, **fields)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("any(dark)", [rise(1), fall(4)]),
        ("none(dark)", [rise(0), fall(1), rise(4)]),
        ("count(dark) >= 2", [rise(2), fall(3)]),
        ("count(dark) == 1", [rise(1), fall(2), rise(3), fall(4)]),
        ("count(dark) < 2", [rise(0), fall(2), rise(3)]),
        ("together(dark, dark, 1min)", [rise(2), fall(3)]),
        ("together(dark, dark, 59 s)", []),
    ],
)
def test_a_zone_looks_at_what_lies_in_it(when: str, expected: list[tuple[str, float]]) -> None:
    assert turns(told([DARK, zonal(when)], EAST_DARK), asset="east") == expected


@pytest.mark.parametrize(
    ("kind", "scope", "seen"),
    [
        ("Lamp", "self", {"L1"}), ("Lamp", "siblings", {"L1", "L2"}), ("Cabinet", "children", {"C1"}),
        ("Lamp", "parent", set()), ("Lamp", "zone", {"L1", "L2"}), ("Cabinet", "zone", {"C1"}),
    ],
)  # fmt: skip
def test_an_asset_looks_around_it(kind: str, scope: str, seen: set[str]) -> None:
    said = told([DARK, rule("it", f"any(dark in {scope})", for_each={"type": kind})], ONE)
    assert {edge.asset for edge in said.edges if edge.rule == "it"} == seen


def test_a_shadow_rule_is_counted() -> None:
    assert turns(told([DARK | {"mode": "shadow"}, zonal("any(dark)")], ONE), asset="east") == [rise(1)]


def test_a_subject_counts_once_however_many_of_the_rules_stand() -> None:
    rules = [rule(name, "power < 20 W", then={"fact": "gloomy"}) for name in ("dark", "dim")]
    assert turns(told([*rules, zonal("count(gloomy) >= 2")], ONE), asset="east") == []
    assert turns(told([*rules, zonal("together(dark, dim, 1min)")], ONE), asset="east") == [rise(1)]


def test_a_zone_delay_ends_before_the_delays_and_readings_of_its_instant() -> None:
    rules = [DARK, zonal("any(dark)", **{"for": "3min"})]
    assert turns(told(rules, lit((1, 10), (4, 50))), asset="east") == [rise(4), fall(4)]
    lingering = [DARK | {"clear_after": "1min"}, rules[1]]
    assert turns(told(lingering, lit((1, 10), (3, 50))), asset="east") == [rise(4), fall(4)]


def test_what_expires_is_not_yet_seen_when_delays_end() -> None:
    """At 8 power grows stale, and the 7 minutes of dark are over."""
    dark = rule("dark", "power < 20 W", **{"for": "7min"})
    it = rule("it", "any(dark in self) and power < 20 W", on_unknown="clear")
    assert turns(told([dark, it], ONE)) == [rise(8), fall(8)]


def test_strata_see_the_turns_of_those_before_in_the_same_transaction() -> None:
    rules = [DARK, zonal("any(dark)"), rule("over", "any(it in zone)"), rule("top", "none(over in self)")]
    said = told(rules, ONE)
    assert turns(said, "over") == [rise(1)]
    assert turns(said, "top") == [rise(0), fall(1)]


# Communes and the territory


def test_a_commune_and_the_territory_see_turns_in_order_and_up_to_the_tick() -> None:
    town = rule("town", "any(dark)", for_each={"each": "commune"})
    whole = rule("whole", "any(town)", for_each={"each": "territory"})
    engine = engine_of(DARK, town, whole)
    said = engine.step(frame(lit((1, 10), (6, 50))), after(5))
    assert turns(said, "dark") == [rise(1), fall(6)]
    assert (turns(said, "town", "49007"), turns(said, "whole", "territory")) == ([rise(1)], [rise(1)])
    later = engine.step(frame([]), after(7))
    assert (turns(later, "town", "49007"), turns(later, "whole", "territory")) == ([fall(6)], [fall(6)])
    assert not turns(said, "town", "49015")


def test_the_territory_takes_zones_in_order_of_instants() -> None:
    whole = rule("whole", "any(dark)", for_each={"each": "territory"})
    readings = [*lit((1, 10), (3, 50)), *lit((3, 10), (4, 50), asset="L3")]
    assert turns(told([DARK, whole], readings), "whole", "territory") == [rise(1), fall(3), rise(3), fall(4)]


def test_timers_above_come_before_the_turns_of_their_instant() -> None:
    whole = rule("whole", "any(dark)", for_each={"each": "territory"}, **{"for": "2min"})
    assert turns(told([DARK, whole], lit((1, 10), (3, 50))), "whole", "territory") == [rise(3), fall(3)]


# Alarms

SILENT = rule("silent", "power < 5 W", for_each={"type": "Cabinet"}, then=ALARM)
FAILURE = rule("failure", "power < 20 W", then=ALARM, silenced_by={"rule": "silent", "via": "parent"})


def shown(decisions: Decisions, name: str) -> list[tuple[str, bool, bool, float]]:
    return [(c.asset, c.raised, c.suppressed, minutes(c.at)) for c in decisions.alarms if c.rule == name]


def test_an_alarm_comes_under_suppression_and_out_of_it() -> None:
    readings = [*lit((1, 10)), *lit((2, 1), (3, 50), asset="C1"), *lit((4, 50))]
    said = told([SILENT, FAILURE], readings)
    expected = [("L1", True, False, 1), ("L1", True, True, 2), ("L1", True, False, 3), ("L1", False, False, 4)]
    assert shown(said, "failure") == expected
    suppressed = next(change for change in said.alarms if change.suppressed)
    assert suppressed.detail["suppressed_by"] == {"rule": "silent", "asset": "C1"}


def test_a_shadow_rule_raises_and_silences_nothing() -> None:
    readings = [*lit((1, 1), asset="C1"), *lit((2, 10))]
    said = told([SILENT | {"mode": "shadow"}, FAILURE], readings)
    assert shown(said, "failure") == [("L1", True, False, 2)]
    assert shown(said, "silent") == []
    assert turns(said, "silent", "C1") == [rise(1)]


def test_a_zone_rule_silences_in_its_own_transaction() -> None:
    many = rule("many", "count(failure) >= 2", for_each={"each": "zone"}, then=ALARM)
    failure = FAILURE | {"silenced_by": {"rule": "many", "via": "zone"}}
    said = told([many, failure], [*lit((1, 10)), *lit((2, 10), asset="L2")])
    assert shown(said, "failure") == [("L1", True, False, 1), ("L1", True, True, 2), ("L2", True, True, 2)]


# Wants and requests


def wanting(**want: Any) -> dict[str, Any]:
    return {"want": {"point": "level", "value": 1, "ttl": "6min", **want}}


def wanted(decisions: Decisions) -> list[tuple[str, float, float]]:
    return [(want.point, want.value, minutes(want.start_at)) for want in decisions.wants]


def test_a_want_is_made_at_each_rise_and_runs_out() -> None:
    said = told([rule("it", "power < 20 W", then=wanting())], lit((1, 10), (2, 50), (3, 10)))
    assert wanted(said) == [("L1/level", 1, 1), ("L1/level", 1, 3)]
    assert minutes(said.wants[0].until_at) == 7


def test_a_want_is_renewed_while_its_rule_stands_and_a_clear_at_that_instant_wins() -> None:
    it = rule("it", "power < 20 W", then=wanting(every="3min"), clear_after="1min")
    assert [at for *_, at in wanted(told([it], lit((1, 10), (7, 10), (9, 50))))] == [1, 4, 7]
    crossing = rule("it", "any(dark in self)", then=wanting(every="3min"))
    assert [at for *_, at in wanted(told([DARK, crossing], lit((1, 10), (7, 50))))] == [1, 4, 7]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("self", ["L1"]), ("parent", []), ("children", []), ("near", ["L1", "L2"]), ("nothing", []),
        ({"type": "Lamp"}, ["L1", "L2"]), ({"type": "Lamp", "via": "children"}, []),
        ({"type": "Lamp", "named_by": "near"}, []),
    ],
    ids=str,
)  # fmt: skip
def test_targets(targets: Any, expected: list[str]) -> None:
    said = told([rule("it", "power < 20 W", then=wanting(targets=targets))], ONE)
    assert [want.point for want in said.wants] == [f"{name}/level" for name in expected]


def test_those_that_name_the_subject_as_targets() -> None:
    follower = Asset("L9", "Lamp", ASSETS[0].zone, -0.55, 47.47, attributes={"leader": "L1"})
    want = wanting(targets={"type": "Lamp", "named_by": "leader"})
    engine = PlainEngine(book(rule("it", "power < 20 W", then=want)), CATALOGUE, (*ASSETS, follower), ALMANAC, COMMUNES)
    engine.step(frame([]), BIRTH)
    assert [want.point for want in engine.step(frame(ONE), after(60)).wants] == ["L9/level"]


def test_children_and_places_as_targets() -> None:
    dark = rule("it", "power < 20 W", for_each={"type": "Cabinet"}, then=wanting(targets="children"))
    assert [want.point for want in told([dark], lit((1, 10), asset="C1")).wants] == ["L1/level", "L2/level"]
    lamps = {"type": "Lamp"}
    for each, count in (("zone", 2), ("commune", 2), ("territory", 3)):
        placed = rule("it", "any(dark)", for_each={"each": each}, then=wanting(targets=lamps))
        assert len(told([DARK, placed], ONE).wants) == count


def test_a_wanted_value_is_worked_out_at_the_instant() -> None:
    it = rule("it", "power < 20 W", then=wanting(value="power / attribute(limit, W)", every="4min"))
    assert wanted(told([it], lit((1, 10), (4, 15)))) == [
        ("L1/level", 0.2, 1),
        ("L1/level", 0.3, 5),
        ("L1/level", 0.3, 9),
    ]
    it = rule("it", "power < 20 W", then=wanting(value="power / attribute(none, W)"))
    assert wanted(told([it], ONE)) == []


def test_a_want_is_blocked_by_what_stands_after_its_transaction() -> None:
    silent = rule("silent", "power < 5 W", for_each={"type": "Cabinet"})
    it = rule("it", "power < 20 W", then=wanting(every="2min"), blocked_by={"rule": "silent", "via": "parent"})
    readings = [*lit((1, 1), asset="C1"), *lit((2, 10)), *lit((5, 50), asset="C1"), *lit((7, 50))]
    assert [at for *_, at in wanted(told([silent, it], readings))] == [6]
    assert [at for *_, at in wanted(told([silent | {"mode": "shadow"}, it], readings))] == [2, 4, 6]


def test_plans_and_work_orders_are_asked_at_a_rise() -> None:
    then = {"replan": {"domain": "lighting"}, "workorder": {"title": TEXT, "within": "2 d"}}
    said = told([rule("it", "power < 20 W", then=then, mode="shadow")], lit((1, 10), (2, 50)))
    expected = [(Asking.REPLAN, {"domain": "lighting"}, 1, True), (Asking.WORK_ORDER, TEXT, 1, True)]
    assert [(r.asking, r.what, minutes(r.at), r.shadow) for r in said.requests] == expected
    then = {"replan": {"domain": "lighting", "urgent": True}}
    (urgent,) = told([rule("it", "power < 20 W", then=then)], ONE).requests
    assert urgent.what == {"domain": "lighting", "urgent": "yes"}


# Why


def test_a_tree_says_what_each_part_is() -> None:
    engine = engine_of(rule("it", "power < 20 W and not door"))
    engine.step(frame(lit((1, 10))), after(3))
    found = engine.tree("it", "L1")
    assert (found.raised, found.run) == (False, "idle")
    power, closed = found.sets.parts
    assert (found.sets.label, found.sets.truth) == ("and", Truth.UNKNOWN)
    assert (power.label, power.truth, power.value, power.age_us) == ("power < 20 W", Truth.TRUE, 10.0, 120_000_000)
    assert (closed.label, closed.parts[0].label, closed.truth) == ("not", "door == true", Truth.UNKNOWN)
    with pytest.raises(KeyError):
        engine.tree("it", "C1")


@pytest.mark.parametrize("when", [when for when, _, _ in CONSTRUCTS.values()])
def test_every_construct_can_be_shown(when: str) -> None:
    engine = engine_of(rule("it", when))
    parts = [engine.tree("it", "L1").sets]
    for part in parts:
        assert part.label
        parts.extend(part.parts)


# Cuts and ticks

LEAVES = st.sampled_from(
    ["power < 20 W", "mode != low", "door", "absent(power, 4min)", "age(power) > 3min", "changed(power)",
     "changed(mode, 2min)", "power was < 20 W 3min before", "avg(power, 4min) < 30 W", "count(power, 5min) >= 2",
     "delta(power, 5min) > 5 W", "power > avg(power, 6min)", "(door then power < 20 W within 3min)",
     "hours(19:05-19:12)"]
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=3,
)
DELAYS = st.sampled_from(["0 s", "1min", "3min"])
CROSSING = st.sampled_from(
    ["any(dark in siblings)", "count(dark in zone) >= 2", "none(patient in self) and power < 20 W",
     "together(dark, patient in zone, 2min)", "any(dark in zone) or absent(power, 3min)"]
)  # fmt: skip


@st.composite
def rulebooks(draw: st.DrawFn) -> list[dict[str, Any]]:
    def fields(**more: Any) -> dict[str, Any]:
        unknown = draw(st.sampled_from(["hold", "clear", "raise"]))
        return {"for": draw(DELAYS), "clear_after": draw(DELAYS), "on_unknown": unknown, **more}

    patient, zonal_want = wanting(every="3min"), wanting(every="2min", targets={"type": "Lamp"})
    lateness = draw(st.sampled_from(["2min", "5min"]))
    return [
        rule("dark", draw(CONDITIONS), **fields(then=ALARM, silenced_by={"rule": "over", "via": "self"})),
        rule("patient", draw(CONDITIONS), **fields(then=patient, lateness=lateness)),
        rule("over", draw(CROSSING), **fields(then=ALARM)),
        rule("zonal", "any(over)", for_each={"each": "zone"}, **fields(then=zonal_want)),
    ]


Message = tuple[str, float, tuple[tuple[str, float], ...]]
Item = Message | float  # a float is a tick


@st.composite
def sequences(draw: st.DrawFn) -> list[Item]:
    """Messages and ticks on a grid of minutes, so that much falls on one instant; some late. No two make one."""
    values = {"power": (10.0, 15.0, 50.0), "mode": (0.0, 2.0), "door": (0.0, 1.0)}
    items: list[Item] = []
    now, last = 0.0, dict.fromkeys(COMMUNES, ("", 0.0))
    for _ in range(draw(st.integers(1, 14))):
        now += draw(st.sampled_from([0, 0, 1, 1, 2, 4]))
        if draw(st.integers(0, 4)) == 0:
            items.append(now)
            continue
        asset = draw(st.sampled_from(ASSETS[2:]))
        names = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, unique=True))
        at = max(0.0, now - draw(st.sampled_from([0, 0, 0, 1, 3])))
        if last[asset.zone] != (asset.id, at):
            items.append((asset.id, at, tuple((name, draw(st.sampled_from(values[name]))) for name in names)))
            last[asset.zone] = (asset.id, at)
    return [*items, now + draw(st.integers(0, 20))]


def run(rules: list[dict[str, Any]], items: list[Item], cuts: set[int]) -> dict[str, list[Any]]:
    """All that is decided, zone by zone; batches end at ticks and at cuts."""
    engine = PlainEngine(book(*rules), CATALOGUE, ASSETS, ALMANAC, COMMUNES)
    said = [engine.step(frame([]), BIRTH)]
    waiting: list[Reading] = []
    for index, item in enumerate(items):
        if isinstance(item, tuple):
            waiting += [(item[0], item[1], name, value) for name, value in item[2]]
        if not isinstance(item, tuple) or index in cuts:
            said.append(engine.step(frame(waiting), BIRTH if isinstance(item, tuple) else after(item)))
            waiting = []
    return by_zone(together(*said))


def by_zone(said: Decisions) -> dict[str, list[Any]]:
    zone = {asset.id: asset.zone for asset in ASSETS} | {name: name for name in COMMUNES}
    found: dict[str, list[Any]] = {}
    for edge in said.edges:
        found.setdefault(f"edges {edge.zone}", []).append((edge.rule, edge.asset, edge.truth, edge.at, edge.cause))
    for change in said.alarms:
        found.setdefault(f"alarms {change.zone}", []).append(change)
    for want in said.wants:
        found.setdefault(f"wants {zone[want.source_asset]}", []).append(want)
    return found


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rules=rulebooks(), items=sequences())
def test_any_cut_decides_the_same(data: st.DataObject, rules: list[dict[str, Any]], items: list[Item]) -> None:
    cuts = data.draw(st.sets(st.integers(0, len(items))))
    assert run(rules, items, cuts) == run(rules, items, set())


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rules=rulebooks(), items=sequences())
def test_more_ticks_none_later_than_the_next_item_change_nothing(
    data: st.DataObject, rules: list[dict[str, Any]], items: list[Item]
) -> None:
    refined: list[Item] = []
    clock = 0.0
    for index, item in enumerate(items):
        ahead = min(x[1] if isinstance(x, tuple) else x for x in items[index:])
        room = range(int(clock * 3), int(ahead * 3) + 1)
        refined += [tick / 3 for tick in sorted(data.draw(st.lists(st.sampled_from(room), max_size=2)))] if room else []
        refined.append(item)
        clock = max(clock, item[1] if isinstance(item, tuple) else item)
    assert run(rules, refined, set()) == run(rules, items, set())


@settings(max_examples=40, deadline=None)
@given(rules=rulebooks(), items=sequences())
def test_nothing_changes_but_at_the_instants_that_are_awaited(rules: list[dict[str, Any]], items: list[Item]) -> None:
    awaited = Group._instants

    def every_half_minute(group: Group) -> Iterator[int]:
        yield from awaited(group)
        yield (group.now // 30_000_000 + 1) * 30_000_000

    plain = run(rules, items, set())
    with patch.object(Group, "_instants", every_half_minute):
        assert run(rules, items, set()) == plain
