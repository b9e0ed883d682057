"""What people do to alarms and work orders: moved, written down in the same transaction, or refused as a whole."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from engine.alarms import Acknowledge, Clear, Event, Raise, Reset, ReturnToService, Shelve, Subject, current, move
from engine.errors import InputError
from engine.model import Alarm, AlarmState, Priority
from engine.store import Store
from engine.store.audit import Audit
from engine.store.workorders import WorkOrder
from jobs import alarms
from jobs.bootstrap import Territory
from jobs.cycle import RulesAtWork
from tests.conftest import BOTH

from .conftest import NOON

MINUTE = timedelta(minutes=1)
ACK = Acknowledge("ana")


def raised(store: Store, asset: str, *events: Event, rule: str = "flood", **detail: Any) -> Alarm:
    subject = Subject(rule, asset, "z", Priority.HIGH)
    with store.begin() as unit:
        known = current(unit.alarms, rule, asset)
        after = move(unit.alarms, rule, asset, [Raise(subject, detail), *events], NOON, known).after
    assert after is not None
    return after


def ids(found: Sequence[Alarm]) -> list[int]:
    return [alarm.id or 0 for alarm in found]


def acts(store: Store, by: str, action: str) -> list[dict[str, Any]]:
    with store.read() as unit:
        return list(unit.audit.bodies(f"person:{by}", action, NOON - MINUTE, NOON + timedelta(days=9)))


@BOTH
def test_an_act_moves_each_once_and_leaves_its_line(store: Store) -> None:
    one, two = raised(store, "P-1"), raised(store, "P-2")
    done = alarms.act(store, [*ids([one, two]), one.id or 0], ACK, "ana", NOON + MINUTE)
    assert [(a.asset, a.state) for a in done] == [
        ("P-1", AlarmState.ACKNOWLEDGED), ("P-2", AlarmState.ACKNOWLEDGED)
    ]  # fmt: skip
    assert acts(store, "ana", "acknowledge") == [
        {"rule": "flood", "asset": name, "state": "acknowledged"} for name in ("P-1", "P-2")
    ]


@BOTH
def test_one_that_refuses_stops_all_and_every_refusal_is_named(store: Store) -> None:
    fresh, seen = raised(store, "P-1"), raised(store, "P-2", ACK)
    with pytest.raises(InputError) as caught:
        alarms.act(store, [*ids([fresh, seen]), 999], ACK, "ana", NOON)
    told = [f"{problem.source} {problem.what}" for problem in caught.value.problems]
    assert told == [
        f"alarm {seen.id} (flood P-2) an alarm that is acknowledged cannot be acknowledged", "alarm 999 is not known"
    ]  # fmt: skip
    with store.read() as unit:
        assert unit.alarms.get(fresh.id or 0) == fresh
    assert acts(store, "ana", "acknowledge") == []


def test_an_act_without_its_line_does_not_happen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = raised(store, "P-1")

    def full(*_: object) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(Audit, "append", full)
    with pytest.raises(OSError, match="disk full"):
        alarms.act(store, ids([fresh]), ACK, "ana", NOON)
    with store.read() as unit:
        assert unit.alarms.get(fresh.id or 0) == fresh


def test_a_new_occurrence_is_not_acknowledged_with_the_id_of_the_old(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alarm the person has seen ends, and another begins, between the reading and the writing."""
    old = raised(store, "P-1", Clear())
    alarms.act(store, ids([old]), ACK, "ben", NOON)
    new = raised(store, "P-1")
    monkeypatch.setattr("engine.store.alarms.Alarms.get", lambda *_: old)
    with pytest.raises(InputError, match="is over"):
        alarms.act(store, ids([old]), ACK, "ana", NOON)
    with store.read() as unit:
        assert unit.alarms.active() == [new]


def test_a_rule_s_alarms_are_acknowledged_together(store: Store) -> None:
    raised(store, "P-1"), raised(store, "P-2", ACK), raised(store, "P-3", Clear()), raised(store, "P-4", rule="dry")
    done = alarms.act_on_rule(store, "flood", ACK, "ana", NOON)
    assert [(a.asset, a.state.value) for a in done] == [("P-1", "acknowledged"), ("P-3", "normal")]
    assert alarms.act_on_rule(store, "flood", ACK, "ana", NOON) == []


def test_a_shelving_ends_at_its_instant_by_itself(store: Store) -> None:
    shelved = raised(store, "P-1", Shelve(NOON + 60 * MINUTE, "known", "ana"))
    for minute, ended, state in ((59, 0, "shelved"), (60, 1, "unacknowledged"), (61, 0, "unacknowledged")):
        with store.begin() as unit:
            assert alarms.end_shelvings(unit, NOON + minute * MINUTE) == ended
            now = unit.alarms.get(shelved.id or 0)
            assert now is not None and now.state.value == state


def test_maintenance_hides_what_stands_and_what_never_stood(
    store: Store, territory: Territory, rules: RulesAtWork
) -> None:
    lamps = [lamp.id for lamp in territory.of_type("Streetlight")[:2]]
    raised(store, lamps[0], rule="lamp-failure")
    for lamp in lamps:
        out = alarms.take_out_of_service(
            store, rules.rulebook, territory, "lamp-failure", lamp, "pole gone", "ben", NOON
        )  # fmt: skip
        assert (out.state, out.zone != "") == (AlarmState.OUT_OF_SERVICE, True)
    back = [
        alarms.act_on_subject(store, "lamp-failure", lamp, ReturnToService("ben"), "ben", NOON + MINUTE)
        for lamp in lamps
    ]
    assert [alarm.state.value for alarm in back] == ["unacknowledged", "normal"]
    assert len(acts(store, "ben", "takeoutofservice")) == len(acts(store, "ben", "returntoservice")) == 2
    for rule, asset, words in (
        ("lamp-failur", lamps[0], "did you mean lamp-failure"),
        ("lamp-failure", "C-nowhere", "is not a subject of lamp-failure"),
        ("presence-boost", lamps[0], "no rule that raises an alarm"),
    ):
        with pytest.raises(InputError, match=words):
            alarms.take_out_of_service(store, rules.rulebook, territory, rule, asset, "x", "ben", NOON)
    with pytest.raises(InputError, match="cannot be returned to service"):
        alarms.act_on_subject(store, "lamp-failure", lamps[1], ReturnToService("ben"), "ben", NOON)


def test_a_latched_alarm_waits_for_a_person(store: Store) -> None:
    burst = raised(store, "P-1", ACK, Clear(), latched=True)
    assert burst.state is AlarmState.ACKNOWLEDGED
    (over,) = alarms.act(store, ids([burst]), Reset("ana"), "ana", NOON)
    assert over.state is AlarmState.NORMAL
    assert acts(store, "ana", "reset") == [{"rule": "flood", "asset": "P-1", "state": "normal"}]


def test_urgency_and_time_to_answer(store: Store) -> None:
    first = raised(store, "P-1", respond_within_s=600.0)
    seen = raised(store, "P-2", ACK, respond_within_s=600.0)
    assert alarms.by_urgency([seen, first]) == [first, seen]
    assert alarms.respond_by(first) == NOON + 10 * MINUTE
    assert alarms.respond_by(seen) is None
    assert alarms.respond_by(raised(store, "P-3")) is None


def test_a_work_order_is_closed_once(store: Store) -> None:
    with store.begin() as unit:
        unit.workorders.open([WorkOrder("flood", "P-1", "z", NOON, {"fr": "Pomper", "en": "Pump"}, 3600.0)])
        (order,) = unit.workorders.list()
    assert alarms.close_order(store, order.id or 0, "pumped", "ana", NOON).asset == "P-1"
    assert acts(store, "ana", "close") == [{"rule": "flood", "asset": "P-1"}]
    for number, words in ((order.id or 0, "was closed before"), (99, "is no work order")):
        with pytest.raises(InputError, match=words):
            alarms.close_order(store, number, "again", "ana", NOON)
