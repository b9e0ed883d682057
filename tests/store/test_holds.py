"""Holds: what stands, what ends soon, what has run out."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.model import Hold, Scope
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


def put(store: Store, subject: str, hours: float = 2, scope: Scope = Scope.ZONE, at: datetime = NOW) -> Hold:
    with store.begin() as unit:
        return unit.holds.put(Hold(scope, subject, at, at + hours * HOUR, "works", "person:ann"))


def active(store: Store, at: datetime) -> list[str]:
    with store.read() as unit:
        found = unit.holds.active(at)
    assert all(hold.active(at) for hold in found)
    return [hold.subject for hold in found]


def test_a_hold_stands_from_its_start_until_its_end(bare: Store) -> None:
    hold = put(bare, "A-1")
    moments = [NOW - timedelta(microseconds=1), NOW, NOW + 2 * HOUR - timedelta(microseconds=1), NOW + 2 * HOUR]
    assert [active(bare, at) for at in moments] == [[], ["A-1"], ["A-1"], []]
    with bare.read() as unit:
        assert unit.holds.list() == unit.holds.active(NOW) == [hold]
    assert hold.id == 1


def test_one_that_is_ended_stands_no_more(bare: Store) -> None:
    hold = put(bare, "A-1")
    put(bare, "A-2")
    with bare.begin() as unit:
        assert unit.holds.end(Scope.ZONE, "A-1", NOW + HOUR, "person:bob") == [hold]
    assert active(bare, NOW + HOUR - timedelta(microseconds=1)) == ["A-1", "A-2"]
    assert active(bare, NOW + HOUR) == ["A-2"]
    with bare.begin() as unit:
        assert unit.holds.end(Scope.ZONE, "A-1", NOW + HOUR, "person:bob") == []
        assert unit.holds.end(Scope.DOMAIN, "A-2", NOW + HOUR, "person:bob") == []


def test_a_new_hold_of_the_same_thing_replaces_the_old(bare: Store) -> None:
    put(bare, "A-1", 5)
    put(bare, "A-1", 1, scope=Scope.POINT)
    put(bare, "A-1", 1, at=NOW + HOUR)
    assert active(bare, NOW + HOUR) == ["A-1"]
    assert active(bare, NOW + 2 * HOUR) == []
    with bare.read() as unit:
        assert [hold.ended_at for hold in unit.holds.list()] == [None, None, NOW + HOUR]


@pytest.mark.parametrize(("hours", "minutes_before"), [(2, 15), (0.75, 15), (0.5, 10), (0.01, 0.2)])
def test_a_warning_is_due_a_quarter_of_an_hour_before_or_a_third_of_a_short_one(
    bare: Store, hours: float, minutes_before: float
) -> None:
    hold = put(bare, "A-1", hours)
    due = hold.until_at - timedelta(minutes=minutes_before)
    with bare.begin() as unit:
        assert unit.holds.soon(due - timedelta(microseconds=1), QUARTER) == []
        assert unit.holds.soon(due, QUARTER) == [hold]
        unit.holds.warned(hold, due)
        assert unit.holds.soon(due, QUARTER) == []


def test_what_ran_out_is_told_until_it_is_seen_to(bare: Store) -> None:
    hold, other = put(bare, "A-1", 1), put(bare, "A-2", 1)
    with bare.begin() as unit:
        unit.holds.end(Scope.ZONE, "A-2", NOW + HOUR / 2, "person:ann")
        assert unit.holds.run_out(hold.until_at - timedelta(microseconds=1)) == []
        assert unit.holds.run_out(hold.until_at + 9 * HOUR) == [hold]
        unit.holds.close(hold)
        assert unit.holds.run_out(hold.until_at + 9 * HOUR) == []
        assert {h.ended_at for h in unit.holds.list()} == {hold.until_at, other.from_at + HOUR / 2}
