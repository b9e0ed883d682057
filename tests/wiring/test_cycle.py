"""A rule cycle: from stored readings to alarms, slots and commands, all committed together or not at all."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from engine.model import Alarm, AlarmState, CommandState, Level, Priority
from engine.rulebook import RuleEngine
from engine.settings import Settings
from engine.store import Store
from engine.store.alarms import Alarms
from jobs import cycle
from jobs.bootstrap import Territory, read_territory
from jobs.cycle import RulesAtWork, run_cycle
from jobs.settling import settle_points
from tests.conftest import BOTH

from .conftest import NOON, at_work, readings, tell

MINUTE = timedelta(minutes=1)
DARK = (("powerState", "on"), ("powerConsumption", 0.0))
POINT = "illuminanceLevel"


def detector_with_lamps(territory: Territory) -> tuple[str, list[str]]:
    detector = territory.of_type("PresenceDetector")[0]
    return detector.id, list(detector.attributes["lamps"])


def test_what_was_stored_before_the_first_cycle_is_history(
    store: Store, territory: Territory, rules: RulesAtWork, history: int
) -> None:
    assert history > 1_000
    result = run_cycle(store, territory, rules, NOON)
    assert (result.readings, result.alarms_raised, result.commands) == (0, 0, 0)
    with store.read() as unit:
        assert unit.alarms.active() == []
        assert unit.cursors.get(cycle.CURSOR) == {z: n for z, n in unit.readings.heads().items() if n}


def test_somebody_passing_lights_the_lamps_around_and_then_it_ends(
    store: Store, territory: Territory, rules: RulesAtWork
) -> None:
    detector, lamps = detector_with_lamps(territory)
    run_cycle(store, territory, rules, NOON)
    tell(store, territory, readings((detector, "presence", True, NOON + MINUTE)), NOON + MINUTE)
    result = run_cycle(store, territory, rules, NOON + MINUTE)
    assert result.readings == 1
    with store.read() as unit:
        arrays = unit.slots.arrays([f"{lamp}/{POINT}" for lamp in lamps], NOON + MINUTE)
        for lamp in lamps:
            (slot,) = arrays[f"{lamp}/{POINT}"]
            assert slot.level is Level.RULE
            assert slot.source == f"rule:presence-boost:{detector}"
            assert slot.program.at(NOON + 2 * MINUTE) == 1.0
            assert slot.program.until == NOON + 16 * MINUTE


def test_a_cycle_done_twice_decides_once(store: Store, territory: Territory, rules: RulesAtWork) -> None:
    detector, _ = detector_with_lamps(territory)
    run_cycle(store, territory, rules, NOON)
    tell(store, territory, readings((detector, "presence", True, NOON + MINUTE)), NOON + MINUTE)
    first = run_cycle(store, territory, rules, NOON + MINUTE)
    again = run_cycle(store, territory, rules, NOON + MINUTE)
    assert first.edges == 1 + len(territory.of_type("IrrigationValve")), (
        "a presence; and valves without a plan are beside it"
    )
    assert (again.readings, again.edges, again.commands) == (0, 0, 0)


def test_a_lamp_that_draws_nothing_raises_one_alarm_and_recovers(
    store: Store, territory: Territory, rules: RulesAtWork
) -> None:
    lamp = territory.of_type("Streetlight")[0]
    run_cycle(store, territory, rules, NOON)
    for step in range(1, 5):
        at = NOON + 15 * step * MINUTE
        dark = readings(
            (lamp.id, "powerState", "on", at),
            (lamp.id, "powerConsumption", 0.0, at),
            (lamp.parent or "", "powerConsumption", 900.0, at),
        )
        tell(store, territory, dark, at)
        run_cycle(store, territory, rules, at)
    with store.read() as unit:
        (alarm,) = unit.alarms.active([lamp.id])
    assert (alarm.rule, alarm.state) == ("lamp-failure", AlarmState.UNACKNOWLEDGED)
    assert alarm.raised_at == NOON + 35 * MINUTE
    for step in range(5, 8):
        at = NOON + 15 * step * MINUTE
        lit = readings(
            (lamp.id, "powerState", "on", at),
            (lamp.id, "powerConsumption", 40.0, at),
            (lamp.parent or "", "powerConsumption", 900.0, at),
        )
        tell(store, territory, lit, at)
        run_cycle(store, territory, rules, at)
    with store.read() as unit:
        (alarm,) = unit.alarms.active([lamp.id])
    assert alarm.state is AlarmState.RTN_UNACKNOWLEDGED


def test_a_silent_cabinet_is_one_alarm_and_silences_its_lamps(
    store: Store, territory: Territory, rules: RulesAtWork
) -> None:
    lamp = territory.of_type("Streetlight")[0]
    cabinet = lamp.parent or ""
    run_cycle(store, territory, rules, NOON)
    tell(store, territory, readings((cabinet, "powerConsumption", 900.0, NOON + MINUTE)), NOON + MINUTE)
    run_cycle(store, territory, rules, NOON + MINUTE)
    dead = NOON + 40 * MINUTE
    tell(store, territory, readings((lamp.id, "status", "defectiveLamp", dead)), dead)
    run_cycle(store, territory, rules, dead)
    result = run_cycle(store, territory, rules, NOON + 90 * MINUTE)
    assert not result.faults
    with store.read() as unit:
        found = {alarm.rule: alarm.state for alarm in unit.alarms.active([lamp.id, cabinet])}
    assert found == {
        "cabinet-silent": AlarmState.UNACKNOWLEDGED,
        "lamp-failure": AlarmState.SUPPRESSED_BY_DESIGN,
    }


@pytest.mark.parametrize("broken", ["apply_alarms", "apply_wants", "settle_points", "record"])
def test_a_cycle_that_breaks_anywhere_leaves_nothing_and_is_done_again(
    store: Store, territory: Territory, rules: RulesAtWork, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    detector, lamps = detector_with_lamps(territory)
    run_cycle(store, territory, rules, NOON)
    tell(store, territory, readings((detector, "presence", True, NOON + MINUTE)), NOON + MINUTE)
    with monkeypatch.context() as patched:
        patched.setattr(cycle, broken, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_cycle(store, territory, rules, NOON + MINUTE)
    point = f"{lamps[0]}/{POINT}"
    with store.read() as unit:
        assert unit.slots.arrays([point], NOON + MINUTE).get(point, []) == []
        assert unit.commands.in_states(list(CommandState)) == []
    assert run_cycle(store, territory, rules, NOON + MINUTE).edges == 1 + len(territory.of_type("IrrigationValve"))


def test_memory_is_read_where_it_is_not_the_one_the_engine_made(
    store: Store, territory: Territory, rules: RulesAtWork, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored: list[tuple[bytes, ...]] = []
    restore = RuleEngine.restore
    monkeypatch.setattr(RuleEngine, "restore", lambda self, *states: restored.append(states) or restore(self, *states))
    for minute in range(3):
        run_cycle(store, territory, rules, NOON + minute * MINUTE)
    assert restored == [()]
    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError):
        patched.setattr(cycle, "record", lambda *_: 1 / 0)
        run_cycle(store, territory, rules, NOON + 3 * MINUTE)
    run_cycle(store, territory, rules, NOON + 3 * MINUTE)
    assert len(restored) == 2
    run_cycle(store, territory, at_work(settings, territory), NOON + 4 * MINUTE)
    run_cycle(store, territory, rules, NOON + 5 * MINUTE)
    assert len(restored) == 4  # once by each of the two: the other had been at work between


@BOTH
def test_cycles_with_restarts_between_decide_what_one_process_decides(
    store: Store, territory: Territory, settings: Settings
) -> None:
    lamps = [lamp.id for lamp in territory.of_type("Streetlight")[:2]]
    run_cycle(store, territory, at_work(settings, territory), NOON)
    for minute in range(5, 60, 5):
        at = NOON + minute * MINUTE
        rows = [(lamp, name, value, at) for lamp in lamps for name, value in DARK]
        tell(store, territory, readings(*rows), at)
        run_cycle(store, territory, at_work(settings, territory), at)
    with store.read() as unit:
        assert {(a.asset, a.raised_at) for a in unit.alarms.active(lamps)} == {
            (lamp, NOON + 25 * MINUTE) for lamp in lamps
        }


def test_readings_of_assets_that_came_later_are_passed_over(
    store: Store, territory: Territory, rules: RulesAtWork
) -> None:
    run_cycle(store, territory, rules, NOON)
    newcomer = replace(territory.of_type("Streetlight")[0], id="L-new")
    with store.begin() as unit:
        unit.inventory.save([], [], [newcomer], territory.catalogue)
    wider = read_territory(store, territory.catalogue)
    tell(store, wider, readings(("L-new", "status", "defectiveLamp", NOON + MINUTE)), NOON + MINUTE)
    assert run_cycle(store, territory, rules, NOON + 30 * MINUTE).readings == 1
    with store.read() as unit:
        assert unit.alarms.active(["L-new"]) == []


def test_what_waits_behind_a_full_batch_is_decided_as_if_it_had_been_taken_at_once(
    store: Store, territory: Territory, rules: RulesAtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock's `now` comes after all that is stored: an engine that catches up is not to see it before."""
    lamp = territory.of_type("Streetlight")[0].id
    run_cycle(store, territory, rules, NOON)
    rows = [(lamp, "powerState", "on", NOON + n * MINUTE) for n in range(1, 30, 4)]
    rows += [(lamp, "powerConsumption", 0.0 if n < 26 else 40.0, NOON + n * MINUTE) for n in range(1, 30, 4)]
    tell(store, territory, readings(*sorted(rows, key=lambda row: row[3])), NOON + 30 * MINUTE)
    monkeypatch.setattr(cycle, "BATCH", 3)
    more = True
    while more:
        more = run_cycle(store, territory, rules, NOON + 5 * 60 * MINUTE).more
    with store.read() as unit:
        (alarm,) = unit.alarms.active([lamp])
    assert (alarm.rule, alarm.raised_at) == ("lamp-failure", NOON + 21 * MINUTE)
    assert alarm.cleared_at == NOON + 39 * MINUTE


def test_points_nobody_can_reach_are_passed_over(store: Store, territory: Territory) -> None:
    with store.begin() as unit:
        assert settle_points(unit, territory, ["L-nobody/illuminanceLevel"], NOON) == 0


def test_a_message_is_never_split_over_two_cycles(
    store: Store, territory: Territory, rules: RulesAtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`on` and `0 W` of one instant, read apart, would be a lamp that is on with its old power for a moment."""
    lamp = territory.of_type("Streetlight")[0].id
    run_cycle(store, territory, rules, NOON)
    monkeypatch.setattr(cycle, "BATCH", 3)
    both = [readings((lamp, "powerState", "on", at), (lamp, "powerConsumption", 40.0, at)) for at in instants(4)]
    tell(store, territory, pl.concat(both), NOON + 10 * MINUTE)
    taken = []
    while not taken or taken[-1]:
        taken.append(run_cycle(store, territory, rules, NOON + 10 * MINUTE).readings)
    assert taken == [2, 2, 2, 2, 0]


def test_readings_that_come_back_to_an_earlier_instant_are_all_taken(
    store: Store, territory: Territory, rules: RulesAtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a full batch may be of an instant that stood earlier in it, too: that one is not passed over."""
    first, second = (lamp.id for lamp in territory.of_type("Streetlight")[:2])
    run_cycle(store, territory, rules, NOON)
    monkeypatch.setattr(cycle, "BATCH", 3)
    early, late = instants(2)
    rows = [(first, early), (first, late), (second, early), (second, late)]
    told = [readings((lamp, "powerConsumption", 40.0, at)) for lamp, at in rows]
    tell(store, territory, pl.concat(told), NOON + 10 * MINUTE)
    taken = [run_cycle(store, territory, rules, NOON + 10 * MINUTE).readings for _ in range(3)]
    assert taken == [2, 2, 0]


def instants(count: int) -> list[datetime]:
    return [NOON + (k + 1) * MINUTE for k in range(count)]


@BOTH
def test_an_alarm_somebody_else_raised_meanwhile_is_taken_as_it_is(
    store: Store, territory: Territory, rules: RulesAtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another evaluator commits the alarm after this cycle has looked which ones are active."""
    cabinet = territory.of_type("StreetlightControlCabinet")[0].id
    run_cycle(store, territory, rules, NOON)
    tell(store, territory, readings((cabinet, "powerConsumption", 900.0, NOON + MINUTE)), NOON + MINUTE)
    run_cycle(store, territory, rules, NOON + MINUTE)
    raised = Alarm(
        "cabinet-silent", cabinet, "", AlarmState.UNACKNOWLEDGED, Priority.HIGH, NOON + MINUTE, NOON + MINUTE
    )
    read, looks = Alarms.active, []

    def active(self: Alarms, assets: Any = None) -> list[Alarm]:
        looks.append(read(self, assets))
        if len(looks) == 1:
            self.save(raised)  # in this transaction: on SQLite nobody else can write during it
        return looks[-1]

    monkeypatch.setattr(Alarms, "active", active)
    result = run_cycle(store, territory, rules, NOON + 90 * MINUTE)
    monkeypatch.undo()
    assert result.alarms_raised == result.edges - 1
    with store.read() as unit:
        (alarm,) = unit.alarms.active([cabinet])
        assert (alarm.rule, alarm.raised_at, alarm.state) == ("cabinet-silent", NOON + MINUTE, raised.state)
