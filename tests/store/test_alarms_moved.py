"""Alarms that several processes move at once: one occurrence is active, and nobody's act is lost."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from engine.alarms import Acknowledge, Clear, Event, Moved, Raise, Subject, Suppress, Unsuppress, current, move
from engine.errors import Conflict
from engine.model import Alarm, AlarmState, Priority
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FLOOD = Subject("flood", "P-1", "A-1", Priority.HIGH)
RAISE, CLEAR, ACK = Raise(FLOOD, {"level_m": 2.5}), Clear(), Acknowledge("ana")
Open = Callable[[], Store]


def moved(store: Store, *events: Event, known: Alarm | str | None = "read", wait: Any = lambda: None) -> Moved:
    """Read, wait for the others, move."""
    with store.begin() as unit:
        before = current(unit.alarms, "flood", "P-1") if isinstance(known, str) else known
        wait()
        return move(unit.alarms, "flood", "P-1", events, NOW, before)


def occurrences(store: Store) -> list[Alarm]:
    with store.read() as unit:
        return unit.alarms.between(NOW - timedelta(days=1), NOW + timedelta(days=1))


def together(acts: Sequence[tuple[Store, Event]], wait: Callable[[], object]) -> list[Moved]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(lambda act: moved(act[0], act[1], wait=wait), acts))


def test_two_evaluators_raise_one_alarm_and_both_move_on(bare: Store, another: Open, url: str) -> None:
    stores = [bare, another(), another()]
    # On SQLite a writer waits for the one before; on PostgreSQL all have read, and found nothing, before one writes.
    meet = Barrier(3 if url.startswith("postgresql") else 1)
    said = together([(store, RAISE) for store in stores], lambda: meet.wait(30))
    (alarm,) = occurrences(bare)
    assert [one.after for one in said] == [alarm] * 3
    assert sorted(one.before is None for one in said) == [False, False, True]


def test_an_acknowledgement_and_a_return_to_normal_at_once_both_count(bare: Store, another: Open, url: str) -> None:
    moved(bare, RAISE)
    meet = Barrier(2 if url.startswith("postgresql") else 1)
    said = together([(bare, ACK), (another(), CLEAR)], lambda: meet.wait(30))
    (alarm,) = occurrences(bare)
    assert alarm.state is AlarmState.NORMAL
    assert (alarm.cleared_at, alarm.detail["acknowledged"]["by"]) == (NOW, "ana")
    assert [one.refusal for one in said] == ["", ""]
    with bare.read() as unit:
        assert len(unit.alarms.history(alarm.id or 0)) == 3


def test_what_was_read_too_long_ago_is_read_again(bare: Store) -> None:
    returned = moved(bare, RAISE, CLEAR).after
    over = moved(bare, ACK).after
    assert over is not None and over.state is AlarmState.NORMAL
    again = moved(bare, RAISE, known=returned)
    assert again.before is None and again.after is not None
    assert (again.after.state, again.after.id == over.id) == (AlarmState.UNACKNOWLEDGED, False)


def test_a_refused_or_idle_event_leaves_no_line(bare: Store) -> None:
    alarm = moved(bare, RAISE).after
    assert moved(bare, RAISE) == Moved(alarm, alarm)
    assert moved(bare, ACK, ACK).refusal == "an alarm that is acknowledged cannot be acknowledged"
    assert occurrences(bare) == [alarm]
    with bare.read() as unit:
        assert alarm is not None and unit.alarms.history(alarm.id or 0) == [alarm]


def test_one_that_others_keep_changing_is_given_up(bare: Store) -> None:
    alarm = moved(bare, RAISE).after

    class Busy:
        """Another process is always faster."""

        def active(self, _assets: object) -> list[Alarm]:
            return [alarm] if alarm else []

        def save(self, _alarm: Alarm, _before: Alarm | None = None) -> Alarm:
            raise Conflict("changed")

    with pytest.raises(Conflict):
        move(Busy(), "flood", "P-1", [ACK], NOW, alarm)  # type: ignore[arg-type]


def test_a_change_of_anything_is_seen(bare: Store) -> None:
    alarm = moved(bare, RAISE).after
    assert alarm is not None
    for wrong in (
        {"detail": {}}, {"priority": Priority.LOW}, {"cleared_at": NOW}, {"changed_at": NOW - timedelta(seconds=1)},
        {"state": AlarmState.SHELVED},
    ):  # fmt: skip
        with pytest.raises(Conflict, match="somebody else has changed alarm"), bare.begin() as unit:
            unit.alarms.save(replace(alarm, state=AlarmState.ACKNOWLEDGED), replace(alarm, **wrong))
    assert occurrences(bare) == [alarm]


def test_activations_are_what_came_before_an_operator(bare: Store) -> None:
    """Raised; returned and raised again; not: told twice, suppressed from the first, acknowledged, of another time."""
    minute = timedelta(minutes=1)
    silenced = Suppress("power-cut Z-1")
    for number, (asset, events) in enumerate(
        [
            ("P-1", [RAISE]), ("P-1", [RAISE]), ("P-1", [CLEAR]), ("P-1", [RAISE]), ("P-1", [ACK]),
            ("P-2", [RAISE, silenced]), ("P-2", [Unsuppress()]), ("P-2", [CLEAR, ACK]), ("P-2", [RAISE]),
        ]
    ):  # fmt: skip
        with bare.begin() as unit:
            subject = replace(FLOOD, asset=asset)
            told = [Raise(subject, one.detail) if isinstance(one, Raise) else one for one in events]
            known = current(unit.alarms, "flood", asset)
            move(unit.alarms, "flood", asset, told, NOW + number * minute, known)
    with bare.read() as unit:
        found = [(one.asset, (one.at - NOW) / minute) for one in unit.alarms.activations(NOW, NOW + 9 * minute)]
        assert found == [("P-1", 0), ("P-1", 3), ("P-2", 6), ("P-2", 8)]
        assert len(unit.alarms.activations(NOW + minute, NOW + 8 * minute)) == 2
