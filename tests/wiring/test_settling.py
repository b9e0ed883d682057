"""Points settled when a want, the field, people or the time change, over the store as the service has it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from engine.errors import Conflict
from engine.model import Command, CommandState, Hold, Level, Program, Scope, Slot
from engine.setpoints.desk import BLOCKED, Desk
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.setpoints.fallback import safe_command
from engine.setpoints.orders import Order
from engine.setpoints.points import Interlock, Watch
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.settling import Watched, conditions_of, settle_points
from tests.conftest import BOTH
from tests.setpoints.fakes import Equipment, Line, ManualClock
from tests.wiring.conftest import NOON, readings, tell

MINUTE = timedelta(minutes=1)
NOTHING = pl.DataFrame({"series": []}, schema={"series": pl.Int32})


def slot(point: str, value: float, level: Level = Level.DAY_AHEAD_PLAN, minutes: float = 600) -> Slot:
    program = Program.constant(value, NOON, NOON + minutes * MINUTE)
    return Slot(point, level, f"test:{level.name.lower()}", program, NOON, "v1", "a test")


@pytest.fixture
def lamp(territory: Territory) -> str:
    return next(
        name for name, point in sorted(territory.points.items()) if point.lockout and point.domain == "lighting"
    )


def cabinet(territory: Territory, lamp: str) -> str:
    lockout = territory.points[lamp].lockout
    assert lockout is not None
    return lockout.watch.asset


def say(store: Store, territory: Territory, lamp: str, mode: str, at: datetime) -> None:
    tell(store, territory, readings((cabinet(territory, lamp), "workingMode", mode, at)), at)


def settled(store: Store, territory: Territory, point: str, at: datetime, *slots: Slot) -> Command | None:
    """Put the slots and settle; the newest command of the point afterwards, if it is a new one."""
    with store.begin() as unit:
        before = unit.commands.newest([point]).get(point)
        unit.slots.put(slots)
        settle_points(unit, territory, [point], at)
        after = unit.commands.newest([point]).get(point)
    return after if before is None or after is None or after.seq != before.seq else None


@BOTH
def test_nothing_is_sent_to_a_locked_out_lamp_and_releasing_restores(
    store: Store, territory: Territory, lamp: str
) -> None:
    watched = Watched(territory.points.values(), territory.series_names)
    with store.begin() as unit:
        assert watched.changed(unit, NOTHING, NOON) == set(), "a cabinet that never spoke locks nothing out"
    say(store, territory, lamp, "manual", NOON)
    series = next(n for n, name in territory.series_names.items() if name == (cabinet(territory, lamp), "workingMode"))
    fresh = pl.DataFrame({"series": [series]}, schema={"series": pl.Int32})
    with store.begin() as unit:
        touched = watched.changed(unit, fresh, NOON)
        assert watched.changed(unit, fresh, NOON) == set()
    assert lamp in touched
    assert {cabinet(territory, point) for point in touched} == {cabinet(territory, lamp)}
    for level in (Level.DAY_AHEAD_PLAN, Level.OPERATOR, Level.LIFE_SAFETY_MANUAL):
        assert settled(store, territory, lamp, NOON, slot(lamp, 0.5, level)) is None
    say(store, territory, lamp, "automatic", NOON + 5 * MINUTE)
    with store.begin() as unit:
        assert Watched(territory.points.values(), territory.series_names).changed(unit, NOTHING, NOON) == touched
    command = settled(store, territory, lamp, NOON + 5 * MINUTE)
    assert command is not None
    assert (command.level, command.urgent) == (Level.LIFE_SAFETY_MANUAL, True)


def test_a_blocked_life_safety_want_is_an_alarm_that_names_point_and_agent(
    store: Store, territory: Territory, lamp: str
) -> None:
    say(store, territory, lamp, "manual", NOON)
    settled(store, territory, lamp, NOON, slot(lamp, 0.5, Level.OPERATOR))
    with store.read() as unit:
        assert unit.alarms.of_rule(BLOCKED) == []
    settled(store, territory, lamp, NOON, slot(lamp, 0.5, Level.LIFE_SAFETY_AUTOMATIC))
    settled(store, territory, lamp, NOON)
    with store.read() as unit:
        (alarm,) = unit.alarms.of_rule(BLOCKED)
    assert alarm.asset == territory.points[lamp].asset
    assert alarm.detail["point"] == lamp
    assert alarm.detail["agent"] == "test:life_safety_automatic"
    say(store, territory, lamp, "semiautomatic", NOON + MINUTE)
    settled(store, territory, lamp, NOON + MINUTE)
    with store.read() as unit:
        (alarm,) = unit.alarms.of_rule(BLOCKED)
    assert alarm.cleared_at == NOON + MINUTE


def test_of_two_blocked_points_of_one_asset_the_alarm_stands_while_either_is(
    store: Store, territory: Territory, lamp: str
) -> None:
    other = replace(territory.points[lamp], id=f"{lamp}2")
    territory.points[other.id] = other
    say(store, territory, lamp, "manual", NOON)
    safety = Level.LIFE_SAFETY_AUTOMATIC
    with store.begin() as unit:
        unit.slots.put([slot(lamp, 0.5, safety), slot(other.id, 0.5, safety, minutes=30)])
        settle_points(unit, territory, [lamp, other.id], NOON)
        unit.slots.release(lamp, safety, "test:life_safety_automatic", NOON + MINUTE)
        settle_points(unit, territory, [lamp, other.id], NOON + MINUTE)
        (alarm,) = unit.alarms.of_rule(BLOCKED)
        assert (alarm.detail["point"], alarm.cleared_at) == (other.id, None)
        settle_points(unit, territory, [lamp], NOON + 2 * MINUTE)
        assert [alarm.cleared_at for alarm in unit.alarms.of_rule(BLOCKED)] == [None]
        settle_points(unit, territory, [lamp, other.id], NOON + 30 * MINUTE)
        (alarm,) = unit.alarms.of_rule(BLOCKED)
    assert alarm.cleared_at == NOON + 30 * MINUTE


def test_what_was_sent_before_a_lock_out_says_nothing_of_what_is_blocked_since(
    store: Store, territory: Territory, lamp: str
) -> None:
    plan = settled(store, territory, lamp, NOON, slot(lamp, 0.5))
    assert plan is not None
    say(store, territory, lamp, "manual", NOON + MINUTE)
    settled(store, territory, lamp, NOON + MINUTE, slot(lamp, 1.0, Level.LIFE_SAFETY_AUTOMATIC))
    with store.begin() as unit:
        desk = Desk(unit, territory.points, NOON + 2 * MINUTE, DispatchPolicy("test"))
        assert desk.confirm(plan, "a read-back")
        desk.flush()
        (alarm,) = unit.alarms.of_rule(BLOCKED)
    assert alarm.cleared_at is None


def test_a_hold_stops_plans_and_not_people(store: Store, territory: Territory, lamp: str) -> None:
    hold = Hold(Scope.DOMAIN, "lighting", NOON, NOON + 60 * MINUTE, "market", "person:ana")
    with store.begin() as unit:
        unit.holds.put(hold)
    assert settled(store, territory, lamp, NOON, slot(lamp, 0.5)) is None
    operator = settled(store, territory, lamp, NOON, slot(lamp, 0.7, Level.OPERATOR, 30))
    assert operator is not None
    assert operator.program == Program.constant(0.7, NOON, NOON + 30 * MINUTE)
    after = settled(store, territory, lamp, NOON + 60 * MINUTE)
    assert after is not None
    assert after.level is Level.DAY_AHEAD_PLAN


@BOTH
def test_an_override_is_renewed_while_we_live(store: Store, territory: Territory, lamp: str) -> None:
    held_for = territory.points[lamp].envelope.held_for
    first = settled(store, territory, lamp, NOON, slot(lamp, 0.5), slot(lamp, 0.9, Level.OPERATOR, 120))
    assert first is not None
    assert first.renew_at == NOON + held_for / 3
    assert first.program.at(NOON + held_for) == 0.5, "the equipment is back on its plan without us"
    with store.read() as unit:
        assert unit.renewals.due(first.renew_at - MINUTE) == []
        assert unit.renewals.due(first.renew_at) == [lamp]
    second = settled(store, territory, lamp, first.renew_at)
    assert second is not None
    assert second.program.at(NOON + held_for) == 0.9
    with store.read() as unit:
        assert unit.renewals.due(first.renew_at) == [], "the one before waits for nothing any more"
    with store.begin() as unit:
        unit.slots.release(lamp, Level.OPERATOR, "test:operator", first.renew_at + MINUTE)
    released = settled(store, territory, lamp, first.renew_at + MINUTE)
    assert released is not None
    assert {value for _, value in released.program.steps} == {0.5}
    assert released.renew_at is None
    with store.read() as unit:
        assert unit.renewals.due(NOON + 600 * MINUTE) == []


def test_sequences_begin_in_the_epoch_of_the_database(store: Store, territory: Territory, lamp: str) -> None:
    first = settled(store, territory, lamp, NOON, slot(lamp, 0.5))
    second = settled(store, territory, lamp, NOON + MINUTE, slot(lamp, 0.4, Level.OPERATOR))
    assert first is not None and second is not None
    assert (second.seq, second.supersedes) == (first.seq + 1, first.id)
    with store.begin() as unit:
        assert unit.commands.get(first.id).state is CommandState.SUPERSEDED  # type: ignore[union-attr]
        unit.epochs.advance(NOON + 2 * MINUTE)
    third = settled(store, territory, lamp, NOON + 3 * MINUTE, slot(lamp, 0.3, Level.LIFE_SAFETY_MANUAL))
    assert third is not None
    assert third.seq > second.seq + 1_000_000


def test_an_interlock_breaks_when_its_reading_grows_old(store: Store, territory: Territory) -> None:
    pump, info = next(
        (name, point) for name, point in sorted(territory.points.items()) if name.endswith("/pumpEnabled")
    )
    station = info.asset
    watch = Watch(station, "suctionLevel", timedelta(minutes=30))
    pumped = replace(info, interlocks=(Interlock("suction", watch, 0.0, "the pump needs water", at_least=0.3),))
    territory = replace(territory)
    territory.points[pump] = pumped
    watched = Watched(territory.points.values(), territory.series_names)
    tell(store, territory, readings((station, "suctionLevel", 2.0, NOON)), NOON)
    with store.begin() as unit:
        assert watched.changed(unit, NOTHING, NOON) == {pump}
    stale = NOON + timedelta(hours=2)
    with store.begin() as unit:
        assert watched.changed(unit, NOTHING, stale) == {pump}
    forced = settled(store, territory, pump, stale, slot(pump, 1.0, Level.OPERATOR))
    assert forced is not None
    assert forced.program.at(stale) == 0.0


@BOTH
def test_many_lamps_of_one_cabinet_are_not_switched_at_the_same_instant(store: Store, territory: Territory) -> None:
    """Against inrush; the instants stay whatever process settles."""
    lamps = [name for name, point in territory.points.items() if point.domain == "lighting"]
    jitter = timedelta(seconds=10)
    with store.begin() as unit:
        unit.slots.put([slot(lamp, 0.3, Level.RULE) for lamp in lamps])
        settle_points(unit, replace(territory, jitter=jitter), lamps, NOON)
        found = unit.commands.newest(lamps).values()
    waits = {(command.not_before or NOON) - NOON for command in found}
    assert len(waits) > len(lamps) / 2
    assert all(timedelta(0) <= wait <= jitter for wait in waits)


# Clocks that differ, and others at work


@BOTH
def test_what_began_earlier_and_commits_later_undoes_nothing(store: Store, territory: Territory, lamp: str) -> None:
    settled(store, territory, lamp, NOON, slot(lamp, 0.5))
    program = Program.constant(0.7, NOON + MINUTE, NOON + 31 * MINUTE)
    asked = Slot(lamp, Level.OPERATOR, "person:ana", program, NOON + MINUTE, "v1", "a test")
    assert settled(store, territory, lamp, NOON + MINUTE, asked) is not None
    assert settled(store, territory, lamp, NOON + 5 * MINUTE, slot(lamp, 0.5)) is None
    assert settled(store, territory, lamp, NOON) is None, "the plan was made before anybody asked"
    with store.begin() as unit:
        unit.slots.release(lamp, Level.OPERATOR, "person:ana", NOON + 2 * MINUTE)
        settle_points(unit, territory, [lamp], NOON + 2 * MINUTE)
    assert settled(store, territory, lamp, NOON + MINUTE) is None, "what was given back stays so"
    ahead = replace(asked, written_at=NOON + 600 * MINUTE, program=Program.constant(0.7, NOON, NOON + 700 * MINUTE))
    now = settled(store, territory, lamp, NOON + 3 * MINUTE, ahead)
    assert now is not None
    assert now.not_before == NOON + 3 * MINUTE, "a clock that is wrong puts nothing off"


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_a_want_that_comes_while_a_point_is_settled_is_not_overlooked(
    store: Store, territory: Territory, lamp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(store, territory, lamp, NOON, slot(lamp, 0.5))
    with store.begin() as unit:
        arrays = unit.slots.arrays

        def late(*given: Any) -> Any:
            found = arrays(*given)
            settled(store, territory, lamp, NOON + MINUTE, slot(lamp, 0.7, Level.OPERATOR))
            return found

        monkeypatch.setattr(unit.slots, "arrays", late)
        unit.slots.put([slot(lamp, 0.6)])
        with pytest.raises(Conflict):
            settle_points(unit, territory, [lamp], NOON + MINUTE)


# Nothing is forgotten


def test_equipment_that_keeps_a_value_is_told_when_nobody_wants_it_any_more(
    store: Store, territory: Territory, lamp: str
) -> None:
    single = replace(territory)
    single.points[lamp] = replace(territory.points[lamp], programs=False)
    first = settled(store, single, lamp, NOON, slot(lamp, 0.5, Level.OPERATOR, 15))
    assert first is not None
    over = NOON + 15 * MINUTE
    with store.read() as unit:
        assert unit.renewals.due(over) == [lamp]
    last = settled(store, single, lamp, over)
    assert last is not None
    assert last.program.steps == ((over, 1.0),)
    assert settled(store, single, lamp, over + 600 * MINUTE) is None
    with store.read() as unit:
        assert unit.renewals.due(over + 600 * MINUTE) == []


def test_a_lock_out_that_nobody_saw_begin_or_end_is_got_over(store: Store, territory: Territory, lamp: str) -> None:
    settled(store, territory, lamp, NOON, slot(lamp, 0.5))
    say(store, territory, lamp, "manual", NOON + MINUTE)
    assert settled(store, territory, lamp, NOON + MINUTE, slot(lamp, 0.2)) is None
    say(store, territory, lamp, "automatic", NOON + MINUTE + timedelta(seconds=20))
    again = NOON + MINUTE + timedelta(seconds=30)
    with store.read() as unit:
        assert unit.renewals.due(again) == [lamp]
    assert settled(store, territory, lamp, again) is not None
    with store.read() as unit:
        assert unit.renewals.due(NOON + 600 * MINUTE) == []


def dispatcher(store: Store, territory: Territory, clock: ManualClock) -> Dispatcher:
    line, policy = Line(Equipment(clock.now)), DispatchPolicy("test")
    return Dispatcher(store.begin, line, clock, policy, territory.points, conditions=conditions_of)  # type: ignore[arg-type]


@BOTH
def test_what_could_not_be_sent_is_asked_again_when_it_can(store: Store, territory: Territory, lamp: str) -> None:
    clock = ManualClock(NOON)
    sender = dispatcher(store, territory, clock)
    first = settled(store, territory, lamp, NOON, slot(lamp, 0.5))
    assert first is not None
    say(store, territory, lamp, "manual", NOON)
    assert sender.step(0.0).cancelled == 1
    say(store, territory, lamp, "automatic", NOON + timedelta(seconds=1))
    with store.read() as unit:
        assert unit.renewals.due(NOON) == [], "what others cancel again and again is not asked at every look"
        assert unit.renewals.due(NOON + MINUTE) == [lamp], "though no cycle has seen the lock-out begin or end"
    second = settled(store, territory, lamp, NOON + MINUTE)
    assert second is not None
    clock.instant = second.expires_at
    assert sender.step(0.0).expired == 1
    with store.read() as unit:
        assert unit.renewals.due(second.expires_at) == [lamp]
    third = settled(store, territory, lamp, second.expires_at)
    assert third is not None
    assert sum(sender.step(0.0).verified for _ in range(3)) == 1
    with store.read() as unit:
        assert unit.renewals.due(NOON + 600 * MINUTE) == []


def test_a_safe_value_after_a_failure_is_not_undone_by_a_renewal(store: Store, territory: Territory, lamp: str) -> None:
    first = settled(store, territory, lamp, NOON, slot(lamp, 0.5, Level.OPERATOR, 300))
    assert first is not None and first.renew_at is not None
    with store.begin() as unit:
        unit.commands.move(first.id, CommandState.FAILED, NOON + MINUTE, "a test", {CommandState.QUEUED})
        safe = safe_command(first, territory.points[lamp], NOON + MINUTE)
        assert safe is not None
        unit.commands.enqueue([safe])
        assert unit.renewals.due(first.renew_at) == []


@BOTH
def test_other_orders_bind_at_once_and_a_restored_database_tells_all_anew(
    store: Store, territory: Territory, lamp: str
) -> None:
    def look(at: datetime) -> set[str]:
        with store.begin() as unit:
            return Watched(territory.points.values(), territory.series_names).changed(unit, NOTHING, at)

    assert look(NOON) == set()
    first = settled(store, territory, lamp, NOON, slot(lamp, 0.5))
    assert first is not None
    assert look(NOON) == set()
    order = Order("cut", "the night switch-off", at_most=0.2)
    territory.points[lamp] = replace(territory.points[lamp], orders=(order,))
    assert lamp in look(NOON + MINUTE)
    assert look(NOON + MINUTE) == set()
    second = settled(store, territory, lamp, NOON + MINUTE)
    assert second is not None
    assert second.program.at(NOON + MINUTE) == 0.2
    with store.begin() as unit:
        unit.epochs.advance(NOON + 2 * MINUTE)
    assert lamp in look(NOON + 2 * MINUTE)
    third = settled(store, territory, lamp, NOON + 2 * MINUTE)
    assert third is not None
    assert third.seq > second.seq + 1
    assert settled(store, territory, lamp, NOON + 2 * MINUTE) is None
