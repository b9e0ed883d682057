"""The rule engine beyond its semantics: causes, shipped rules, faults, snapshots, reloads."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.alarms import transition
from engine.calendar import load_school_calendar
from engine.catalogue import Catalogue
from engine.instants import to_us
from engine.model import Alarm, AlarmState, Asset, Level, Priority, Truth
from engine.rulebook import (
    READINGS,
    Almanac,
    Decisions,
    Inference,
    ReferenceInference,
    Rulebook,
    RuleEngine,
    load_rules,
)
from engine.rulebook.conditions.state import Moment
from engine.rulebook.scenarios import around

from .conftest import ALARM

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALMANAC = Almanac(load_school_calendar(ROOT / "datasets" / "reference" / "school_holidays.yaml"))
LAMPS = tuple(Asset(f"L{n}", "Lamp", "z", 0, 0, parent="C", attributes={"led": n < 2}) for n in range(3))
CABINET = Asset("C", "Cabinet", "z", 0, 0)
SMALL = (*LAMPS, CABINET)
STREET = (
    Asset("C-1", "StreetlightControlCabinet", "z", 0, 0),
    Asset("L-1", "Streetlight", "z", 0, 0, parent="C-1"),
    Asset("L-2", "Streetlight", "z", 0, 0, parent="C-1"),
    Asset("P-1", "PresenceDetector", "z", 0, 0, attributes={"lamps": ["L-1", "L-2"]}),
)
Row = tuple[str, str, float, float]


def minutes(at: datetime) -> float:
    return (at - START) / MINUTE


def readings(*rows: Row) -> pl.DataFrame:
    """Rows (asset, property, minute, value)."""
    data = [(asset, name, to_us(START + minute * MINUTE), value) for asset, name, minute, value in rows]
    return pl.DataFrame(data, schema=READINGS, orient="row")


def engine_of(
    rulebook: Rulebook, catalogue: Catalogue, assets: Sequence[Asset] = SMALL, inference: Inference | None = None
) -> RuleEngine:
    return RuleEngine(rulebook, catalogue, assets, inference or ReferenceInference(), almanac=ALMANAC)


def step(engine: RuleEngine, minute: float, *rows: Row) -> Decisions:
    return engine.step(readings(*rows), START + minute * MINUTE)


@pytest.fixture(scope="module")
def shipped(catalogue: Catalogue) -> Rulebook:
    return load_rules(ROOT / "rules", catalogue)


@pytest.fixture
def street(shipped: Rulebook, catalogue: Catalogue) -> RuleEngine:
    engine = engine_of(shipped, catalogue, STREET)
    step(engine, 0)
    return engine


def burning(lamp: str, minute: float, power_w: float) -> list[Row]:
    return [(lamp, "powerState", minute, 1.0), (lamp, "powerConsumption", minute, power_w)]


def test_a_lamp_on_without_power_is_an_alarm_after_twenty_minutes(street: RuleEngine) -> None:
    assert step(street, 24, *burning("L-1", 5, 0.0), *burning("L-2", 5, 2.0)).edges == ()
    (edge,) = step(street, 26).edges
    assert (edge.rule, edge.asset, edge.truth, minutes(edge.at)) == ("lamp-failure", "L-1", Truth.TRUE, 25)
    assert edge.cause == {
        "since": "2026-11-22T18:05:00Z",
        "readings": [
            {"property": "status", "value": None, "observed_at": None},
            {"property": "powerState", "value": "on", "observed_at": "2026-11-22T18:05:00Z"},
            {"property": "powerConsumption", "value": 0.0, "observed_at": "2026-11-22T18:05:00Z", "unit": "W"},
        ],
    }


def test_a_lamp_that_reports_a_defect_clears_once_it_is_seen_burning(street: RuleEngine) -> None:
    broken, well = [("L-1", "status", 1.0, 1.0)], [("L-1", "status", 40.0, 0.0), *burning("L-1", 40, 30.0)]
    raised = step(street, 30, ("C-1", "powerConsumption", 1, 10.0), *broken)
    assert [(a.raised, a.suppressed, minutes(a.at)) for a in raised.alarms] == [(True, False, 21)]
    off = step(street, 39, ("L-1", "powerState", 31, 0.0), ("C-1", "powerConsumption", 38, 10.0))
    assert off.alarms == ()  # switched off by day is not repaired
    cleared = step(street, 60, *well)
    assert [(a.raised, minutes(a.at)) for a in cleared.alarms] == [(False, 50)]
    assert cleared.alarms[0].priority is Priority.MEDIUM


def test_a_silent_cabinet_is_one_alarm_and_silences_its_lamps(street: RuleEngine) -> None:
    said = step(street, 30, ("C-1", "powerConsumption", 0, 10.0), *burning("L-1", 2, 0.0), *burning("L-2", 27, 0.0))
    assert [(a.rule, a.asset, a.raised, a.suppressed, minutes(a.at)) for a in said.alarms] == [
        ("lamp-failure", "L-1", True, False, 22)
    ]
    silent = step(street, 50)
    assert [(a.rule, a.asset, a.raised, a.suppressed, minutes(a.at)) for a in silent.alarms] == [
        ("cabinet-silent", "C-1", True, False, 45),
        ("lamp-failure", "L-1", True, True, 45),
        ("lamp-failure", "L-2", True, True, 47),
    ]
    assert all(a.detail["suppressed_by"] == {"rule": "cabinet-silent", "asset": "C-1"} for a in silent.alarms[1:])
    back = step(street, 52, ("C-1", "powerConsumption", 51, 10.0))
    assert sorted((a.asset, a.raised, a.suppressed) for a in back.alarms) == [
        ("C-1", False, False),
        ("L-1", True, False),
        ("L-2", True, False),
    ]


def test_alarm_changes_drive_the_alarm_machine(street: RuleEngine) -> None:
    alarm: Alarm | None = None
    states = []
    story = [
        step(street, 30, ("C-1", "powerConsumption", 0, 10.0), *burning("L-1", 2, 0.0)),
        step(street, 46),
        step(street, 47, ("C-1", "powerConsumption", 47, 10.0), *burning("L-1", 47, 50.0)),
        step(street, 60),
    ]
    for change in (c for said in story for c in said.alarms if c.asset == "L-1"):
        for event in change.events:
            done = transition(alarm, event, change.at)
            assert not done.refusal
            alarm = done.alarm
        assert alarm is not None
        states.append(alarm.state)
    assert states == [
        AlarmState.UNACKNOWLEDGED,
        AlarmState.SUPPRESSED_BY_DESIGN,
        AlarmState.UNACKNOWLEDGED,
        AlarmState.RTN_UNACKNOWLEDGED,
    ]


def test_presence_wants_full_light_and_again_while_it_lasts(street: RuleEngine, shipped: Rulebook) -> None:
    said = step(street, 25, ("P-1", "presence", 3, 1.0))
    assert [(w.point, minutes(w.start_at), minutes(w.until_at)) for w in said.wants] == [
        (f"{lamp}/illuminanceLevel", at, at + 15) for at in (3, 13, 23) for lamp in ("L-1", "L-2")
    ]
    want = said.wants[0]
    assert (want.rule, want.version) == ("presence-boost", shipped.rule("presence-boost").version)
    assert (want.source_asset, want.level, want.value, want.shadow) == ("P-1", Level.RULE, 1.0, False)
    assert want.reason.en.startswith("Somebody is detected")
    assert step(street, 60, ("P-1", "presence", 26, 0.0)).wants == ()


@pytest.mark.parametrize(("falls_at", "expected"), [(8.9, [3, 6]), (9, [3, 6, 9]), (9.1, [3, 6, 9])])
def test_a_renewal_precedes_the_reading_that_ends_it(
    falls_at: float, expected: list[int], rule: Any, book: Any, small: Catalogue
) -> None:
    want = {"want": {"point": "level", "value": 1, "ttl": "5min", "every": "3min"}}
    engine = engine_of(book(rule("boost", "door", then=want)), small)
    step(engine, 0)
    said = step(engine, 30, ("L0", "door", 3, 1.0), ("L0", "door", falls_at, 0.0))
    assert [minutes(want.start_at) for want in said.wants] == expected


def test_a_delayed_fall_at_the_instant_of_a_renewal_ends_it(rule: Any, book: Any, small: Catalogue) -> None:
    want = {"want": {"point": "level", "value": 1, "ttl": "5min", "every": "3min"}}
    engine = engine_of(book(rule("boost", "door", then=want, clear_after="2min")), small)
    step(engine, 0)
    said = step(engine, 30, ("L0", "door", 3, 1.0), ("L0", "door", 7, 0.0))
    assert [minutes(want.start_at) for want in said.wants] == [3, 6]
    assert [minutes(edge.at) for edge in said.edges] == [3, 9]


def test_a_shadow_rule_says_its_edges_and_wants_and_raises_nothing(rule: Any, book: Any, small: Catalogue) -> None:
    want = {"want": {"point": "level", "value": 1, "ttl": "5min"}}
    rulebook = book(
        rule("dark", "power < 2 W", mode="shadow"),
        rule("lit", "power > 1 W", silenced_by={"rule": "quiet", "via": "parent"}),
        rule("quiet", "absent(power, 4min)", mode="shadow", for_each={"type": "Cabinet"}),
        rule("boost", "door", then=want, mode="shadow"),
    )
    engine = engine_of(rulebook, small)
    step(engine, 0)
    said = step(engine, 10, ("L0", "power", 1, 0.0), ("L1", "power", 1, 9.0), ("L0", "door", 2, 1.0))
    assert {edge.rule for edge in said.edges} == {"dark", "lit", "quiet", "boost"}
    assert [(a.rule, a.asset, a.suppressed) for a in said.alarms] == [("lit", "L1", False)]
    assert [(w.rule, w.shadow) for w in said.wants] == [("boost", True)]


def test_one_message_is_evaluated_once_and_two_are_two(rule: Any, book: Any, small: Catalogue) -> None:
    engine = engine_of(book(rule("dark", "power < 20 W and door")), small)
    step(engine, 0)
    whole = step(engine, 2, ("L0", "door", 1, 1.0), ("L0", "power", 1, 90.0))
    assert whole.edges == ()
    split = step(engine, 4, ("L0", "power", 3, 10.0), ("L0", "power", 3, 90.0), ("L0", "door", 3, 1.0))
    assert [(e.truth, minutes(e.at)) for e in split.edges] == [(Truth.TRUE, 3), (Truth.FALSE, 3)]


def test_what_cannot_be_used_is_passed_over(rule: Any, book: Any, small: Catalogue) -> None:
    engine = engine_of(book(rule("lit", "power > 1 W")), small)
    step(engine, 0)
    bad = [
        ("L0", "power", 1, float("nan")),
        ("L1", "power", 1, float("inf")),
        ("XX", "power", 1, 9.0),
        ("L2", "odd", 1, 9.0),
    ]
    assert step(engine, 5, *bad) == Decisions()
    assert len(step(engine, 5, *bad, ("L0", "power", 5, 9.0)).edges) == 1


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Rules that raise as long as they are in the set."""
    broken: set[str] = set()
    newest = Moment.newest

    def breaks(self: Moment, place: Any) -> Any:
        layout = self._state.layout
        items = {layout.items[n].rule.id for n in layout.instance_item[self._instances].tolist()}
        if items & broken:
            raise ZeroDivisionError("by a test")
        return newest(self, place)

    monkeypatch.setattr(Moment, "newest", breaks)
    return broken


def test_a_rule_that_raises_is_quarantined_alone(rule: Any, book: Any, small: Catalogue, breaking: set[str]) -> None:
    engine = engine_of(book(rule("bad", "power > 1 W"), rule("good", "power > 1 W")), small)
    step(engine, 0)
    breaking.add("bad")
    said = step(engine, 2, ("L0", "power", 1, 9.0))
    assert [edge.rule for edge in said.edges] == ["good"]
    (fault,) = said.faults
    assert (fault.rule, fault.error, fault.quarantined) == ("bad", "ZeroDivisionError: by a test", True)
    assert engine.quarantined == {"bad": "ZeroDivisionError: by a test"}
    assert step(engine, 3, ("L1", "power", 2, 9.0)).faults == ()
    breaking.clear()
    assert {edge.rule for edge in step(engine, 4, ("L2", "power", 3, 9.0)).edges} == {"good"}
    engine.restore(engine.snapshot())
    assert engine.quarantined == {}
    said = step(engine, 5)
    assert [(e.rule, e.asset, minutes(e.at)) for e in said.edges] == [("bad", f"L{n}", 4) for n in range(3)]


def test_a_quarantined_rule_keeps_its_alarm_until_it_is_put_in_service_again(
    rule: Any, book: Any, small: Catalogue, breaking: set[str]
) -> None:
    engine = engine_of(book(rule("bad", "power > 1 W", **{"for": "3min"})), small)
    step(engine, 0)
    assert [(a.asset, a.raised) for a in step(engine, 4, ("L0", "power", 1, 9.0)).alarms] == [("L0", True)]
    breaking.add("bad")
    assert step(engine, 5, ("L0", "power", 5, 0.0)).alarms == ()
    assert step(engine, 6, ("L0", "power", 6, 0.0)) == Decisions()
    breaking.clear()
    engine.restore(engine.snapshot())
    assert [(a.asset, a.raised, minutes(a.at)) for a in step(engine, 7).alarms] == [("L0", False, 6)]


def test_a_quarantined_rule_makes_its_want_no_more(
    rule: Any, book: Any, small: Catalogue, breaking: set[str]
) -> None:  # fmt: skip
    want = {"want": {"point": "level", "value": 1, "ttl": "5min", "every": "3min"}}
    engine = engine_of(book(rule("bad", "door", then=want), rule("good", "absent(power, 6min)")), small)
    step(engine, 0)
    assert len(step(engine, 4, ("L0", "door", 1, 1.0)).wants) == 2
    breaking.add("bad")
    assert [fault.rule for fault in step(engine, 5, ("L0", "door", 5, 0.0)).faults] == ["bad"]
    said = step(engine, 20, ("L1", "door", 6, 1.0))
    assert said.wants == ()
    assert {edge.rule for edge in said.edges} == {"good"}


def test_a_rule_that_fails_while_others_look_at_it_ends_none_of_them(
    rule: Any, book: Any, small: Catalogue, breaking: set[str]
) -> None:
    other = rule("many", "count(lit in zone) >= 2 and power > 5 W")
    engine = engine_of(book(rule("lit", "power > 1 W"), other), small)
    step(engine, 0)
    breaking.add("many")
    said = step(engine, 2, ("L0", "power", 1, 9.0), ("L1", "power", 1, 9.0))
    assert sorted({(fault.rule, fault.quarantined) for fault in said.faults}) == [("many", True)]
    assert sorted((edge.rule, edge.asset) for edge in said.edges) == [("lit", "L0"), ("lit", "L1")]
    breaking.clear()
    engine.restore(engine.snapshot())
    assert sorted((edge.rule, edge.asset) for edge in step(engine, 3).edges) == [("many", "L0"), ("many", "L1")]


def test_those_that_name_the_subject_are_its_targets(rule: Any, book: Any, small: Catalogue) -> None:
    want = {"want": {"point": "level", "value": 1, "ttl": "5min", "targets": {"type": "Lamp", "named_by": "near"}}}
    named = {"L0": "L2", "L1": "L0", "L2": ["L0"], "L3": "L0"}
    lamps = [Asset(name, "Lamp", "z", 0, 0, attributes={"near": near}) for name, near in named.items()]
    engine = engine_of(book(rule("boost", "door", then=want)), small, (*lamps, CABINET))
    step(engine, 0)
    said = step(engine, 2, ("L0", "door", 1, 1.0))
    assert ([w.point for w in said.wants], said.faults) == (["L1/level", "L3/level"], ())


def test_targets_that_cannot_be_reached_are_told_once(rule: Any, book: Any, small: Catalogue) -> None:
    want = {"want": {"point": "level", "value": 1, "ttl": "5min", "targets": "near"}}
    lamps = (
        Asset("L0", "Lamp", "z", 0, 0, attributes={"near": ["L0", "C", "nobody"]}),
        Asset("L1", "Lamp", "z", 0, 0),
        Asset("L2", "Lamp", "z", 0, 0, attributes={"near": "L1"}),
        CABINET,
    )
    engine = engine_of(book(rule("boost", "door", then=want)), small, lamps)
    (fault,) = step(engine, 0).faults
    assert (fault.rule, fault.asset, fault.quarantined) == ("boost", "L0", False)
    assert fault.error.endswith("C, nobody")
    said = step(engine, 2, *((f"L{n}", "door", 1, 1.0) for n in range(3)))
    assert [w.point for w in said.wants] == ["L0/level", "L1/level"]
    assert said.faults == ()


def test_a_step_that_fails_half_way_is_done_again_from_the_snapshot_before(
    rule: Any, book: Any, small: Catalogue
) -> None:
    class Broken(ReferenceInference):
        whole = False

        def decide(self, transactions: Any) -> Any:
            if not self.whole:
                raise RuntimeError("by a test")
            return super().decide(transactions)

    inference = Broken()
    engine = engine_of(book(rule("lit", "power > 1 W")), small, inference=inference)
    step(engine, 0)
    before = engine.snapshot()
    with pytest.raises(RuntimeError, match="by a test"):
        step(engine, 2, ("L0", "power", 1, 9.0))
    with pytest.raises(RuntimeError, match="restore the snapshot before it"):
        engine.snapshot()
    engine.restore(before)
    assert engine.snapshot() == before
    inference.whole = True
    assert [minutes(edge.at) for edge in step(engine, 2, ("L0", "power", 1, 9.0)).edges] == [1]


def test_the_inference_s_faults_are_told(rule: Any, book: Any, small: Catalogue) -> None:
    class Limping(ReferenceInference):
        def take_faults(self) -> tuple[str, ...]:
            return ("it limps",)

    engine = engine_of(book(rule("lit", "power > 1 W")), small, inference=Limping())
    (fault,) = step(engine, 0).faults
    assert (fault.rule, fault.error, fault.quarantined) == ("", "it limps", False)


def test_birth_is_the_earliest_instant_of_the_first_step(rule: Any, book: Any, small: Catalogue) -> None:
    rulebook = book(rule("quiet", "absent(power, 9min)"))
    said = step(engine_of(rulebook, small), 30, ("L0", "door", 2, 1.0))
    assert {minutes(edge.at) for edge in said.edges} == {11}
    assert {minutes(edge.at) for edge in step(engine_of(rulebook, small), 30).edges} == set()


def test_a_rule_is_evaluated_at_the_instant_it_is_put_in_service(rule: Any, book: Any, small: Catalogue) -> None:
    first = engine_of(book(rule("lit", "power > 1 W")), small)
    step(first, 0)
    step(first, 3, ("L0", "power", 2, 50.0))
    second = engine_of(book(rule("lit", "power > 1 W"), rule("bright", "power > 40 W")), small)
    second.restore(first.snapshot())
    said = step(second, 4)
    assert [(e.rule, e.asset, minutes(e.at)) for e in said.edges] == [("bright", "L0", 3)]


def test_a_delay_goes_on_over_a_reload_of_an_unchanged_rule_only(rule: Any, book: Any, small: Catalogue) -> None:
    delayed = {"for": "10min"}
    first = engine_of(book(rule("same", "mode == on", **delayed), rule("changed", "mode == on", **delayed)), small)
    step(first, 0)
    step(first, 4, ("L0", "mode", 1, 1.0))
    second = engine_of(book(rule("same", "mode == on", **delayed), rule("changed", "mode != off", **delayed)), small)
    second.restore(first.snapshot())
    assert [(e.rule, minutes(e.at)) for e in step(second, 11.9).edges] == [("same", 11)]
    assert step(second, 20).edges == ()  # the changed one began anew at minute 4, and the reading was stale at 12


@pytest.fixture
def raised(rule: Any, book: Any, small: Catalogue) -> bytes:
    """The state in which `lit` stands raised on L0 and L2."""
    engine = engine_of(book(rule("lit", "power > 1 W")), small)
    step(engine, 0)
    assert len(step(engine, 3, ("L0", "power", 2, 9.0), ("L2", "power", 2, 9.0)).alarms) == 2
    return engine.snapshot()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([("lit", "power > 1 W", {})], []),
        ([("lit", "power > 2 W", {})], []),
        ([("lit", "power > 20 W", {})], ["L0", "L2"]),
        ([("lit", "power > 20 W", {"clear_after": "10min"})], []),
        ([("lit", "power > 1 W", {"mode": "shadow"})], ["L0", "L2"]),
        ([("other", "power > 90 W", {})], ["L0", "L2"]),
        ([("lit", "power > 1 W", {"for_each": {"type": "Lamp", "where": {"led": True}}})], ["L2"]),
        ([("lit", "power > 1 W", {"for_each": {"type": "Cabinet"}})], ["L0", "L2"]),
    ],
    ids=["same", "still true", "no more true", "not yet", "shadow now", "withdrawn", "narrowed", "another type"],
)
def test_a_reload_leaves_no_alarm_behind(
    raised: bytes,
    now: list[tuple[str, str, dict[str, Any]]],
    expected: list[str],
    rule: Any,
    book: Any,
    small: Catalogue,
) -> None:
    engine = engine_of(book(*(rule(name, when, **fields) for name, when, fields in now)), small)
    engine.restore(raised)
    said = step(engine, 3)
    assert sorted((a.asset, a.raised, minutes(a.at)) for a in said.alarms) == [(name, False, 3) for name in expected]
    assert all(a.zone == "z" and a.priority is Priority.LOW for a in said.alarms)
    assert step(engine, 3).alarms == ()


def test_a_shadow_rule_made_active_raises_what_stands(rule: Any, book: Any, small: Catalogue) -> None:
    shadow = engine_of(book(rule("lit", "power > 1 W", mode="shadow")), small)
    step(shadow, 0)
    assert step(shadow, 3, ("L0", "power", 2, 9.0)).alarms == ()
    active = engine_of(book(rule("lit", "power > 1 W")), small)
    active.restore(shadow.snapshot())
    assert [(a.asset, a.raised, minutes(a.at)) for a in step(active, 4).alarms] == [("L0", True, 3)]


def test_a_snapshot_follows_assets_by_their_ids(raised: bytes, rule: Any, book: Any, small: Catalogue) -> None:
    newcomer = Asset("L9", "Lamp", "z", 0, 0)
    moved = engine_of(book(rule("lit", "power > 1 W")), small, (newcomer, LAMPS[2], CABINET))
    moved.restore(raised)
    said = step(moved, 5, ("L2", "power", 4, 0.0), ("L9", "power", 4, 9.0))
    assert sorted((a.asset, a.raised) for a in said.alarms) == [("L2", False), ("L9", True)]


@pytest.mark.parametrize("state", [b"", b"short", b"\0" * 64, b"\0\0\0\0\0\0\0\x0e" + b'{"format": 99}'])
def test_bytes_that_are_no_snapshot_are_refused(state: bytes, rule: Any, book: Any, small: Catalogue) -> None:
    with pytest.raises(ValueError, match="not a rule engine state"):
        engine_of(book(rule("lit", "power > 1 W")), small).restore(state)


def test_what_waits_for_the_next_tick_is_in_the_snapshot(rule: Any, book: Any, small: Catalogue) -> None:
    """A place decides what happens at the tick itself at the next one: others may still tell it of that instant."""
    busy = rule("busy", "any(lit in territory)", for_each={"each": "territory"}, schedule={"hours": "18:00-19:10"})
    engine = engine_of(book(rule("lit", "power > 1 W"), busy), small)
    step(engine, 0, ("L0", "power", 0, 9.0))
    assert [(e.rule, e.truth) for e in step(engine, 5, ("L0", "power", 5, 9.0)).edges] == [("busy", Truth.TRUE)]
    assert step(engine, 10, ("L0", "power", 10, 9.0)).edges == ()
    engine.restore(engine.snapshot())
    assert [(e.rule, e.truth, minutes(e.at)) for e in step(engine, 11).edges] == [("busy", Truth.FALSE, 10)]


def test_an_alarm_that_rises_and_falls_in_one_transaction_is_none(rule: Any, book: Any, small: Catalogue) -> None:
    both = {**ALARM, "want": {"point": "level", "value": 1, "ttl": "5min"}}
    minute = {"for": "1min"}
    rules = rule("some", "any(lit in zone)", **minute), rule("nobody", "none(some in zone)", then=both, **minute)
    engine = engine_of(book(rule("lit", "power > 1 W"), *rules), small, LAMPS[:1])
    step(engine, 0, ("L0", "power", 0, 9.0))
    said = step(engine, 2)
    assert [(e.rule, e.truth, minutes(e.at)) for e in said.edges if e.rule == "nobody"] == [
        ("nobody", Truth.TRUE, 1),
        ("nobody", Truth.FALSE, 1),
    ]
    assert {alarm.rule for alarm in said.alarms} == {"some"}


def test_restoring_nothing_begins_again(raised: bytes, rule: Any, book: Any, small: Catalogue) -> None:
    engine = engine_of(book(rule("lit", "power > 1 W")), small)
    engine.restore(raised)
    engine.restore(None)
    assert len(step(engine, 3, ("L0", "power", 2, 9.0)).alarms) == 1


def test_a_naive_now_is_refused(rule: Any, book: Any, small: Catalogue) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        engine_of(book(rule("lit", "power > 1 W")), small).step(readings(), START.replace(tzinfo=None))


def test_an_engine_of_no_assets_is_quiet(shipped: Rulebook, catalogue: Catalogue) -> None:
    engine = engine_of(shipped, catalogue, ())
    assert step(engine, 0, ("L-1", "powerState", 0, 1.0)) == Decisions()
    engine.restore(engine.snapshot())
    assert step(engine, 9) == Decisions()


def test_readings_that_cross_nothing_are_not_looked_at(
    shipped: Rulebook, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    lamps = [Asset(f"L{n}", "Streetlight", f"z{n % 50}", 0, 0) for n in range(30_000)]
    lit = around(shipped, ["lamp-failure"])
    engine = engine_of(lit, catalogue, lamps)
    step(engine, 0)
    step(engine, 1, *(row for lamp in lamps for row in burning(lamp.id, 1, 40.0)))
    looked: list[int] = []
    begin = Moment.__init__
    monkeypatch.setattr(Moment, "__init__", lambda self, *given: looked.append(len(given[2])) or begin(self, *given))
    rows = [row for n in range(0, 30_000, 3) for row in burning(f"L{n}", 2, 41.0)]
    assert step(engine, 3, *rows, *burning("L1", 2, 0.0)) == Decisions()
    assert sum(looked) == 1
