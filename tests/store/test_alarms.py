"""Alarm occurrences: one active for a rule and an asset, and a line for every change."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from engine.errors import Conflict
from engine.model import Alarm, AlarmState, Priority
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POSTGRES = pytest.mark.parametrize("url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED = AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED
ACTIVE = [state for state in AlarmState if state != NORMAL]

Open = Callable[[], Store]


def minute(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def alarm(rule: str = "flood", asset: str = "P-1", at: float = 0, **fields: Any) -> Alarm:
    raised = Alarm(rule, asset, "A-1", UNACKNOWLEDGED, Priority.HIGH, minute(at), minute(at), {"level_m": 2.5})
    return replace(raised, **fields)


def save(store: Store, given: Alarm) -> Alarm:
    with store.begin() as unit:
        return unit.alarms.save(given)


def active(store: Store, assets: list[str] | None = None) -> list[Alarm]:
    with store.read() as unit:
        return unit.alarms.active(assets)


def history(store: Store, saved: Alarm) -> list[Alarm]:
    assert saved.id is not None
    with store.read() as unit:
        return unit.alarms.history(saved.id)


def test_an_alarm_comes_back_as_it_went_in(bare: Store) -> None:
    given = alarm(detail={"cause": {"P-1/level": [2.5, "2026-11-22T12:00:00Z"]}, "é": None}, cleared_at=minute(3))
    saved = save(bare, given)
    assert saved.id is not None
    assert saved == replace(given, id=saved.id)
    assert active(bare) == [saved]
    assert history(bare, saved) == [saved]


def test_nothing_is_active_at_first(bare: Store) -> None:
    assert active(bare) == []
    assert active(bare, []) == []
    with bare.read() as unit:
        assert unit.alarms.history(0) == []
        assert unit.alarms.between(minute(-10_000), minute(10_000)) == []


@pytest.mark.parametrize("state", list(AlarmState))
def test_active_is_everything_but_normal(bare: Store, state: AlarmState) -> None:
    saved = save(bare, alarm(state=state))
    assert active(bare) == ([] if state == NORMAL else [saved])


def test_active_of_some_assets_oldest_first(bare: Store) -> None:
    three, one, two = (save(bare, alarm(asset=f"P-{number}", at=number)) for number in (3, 1, 2))
    assert active(bare) == [one, two, three]
    assert active(bare, ["P-3", "P-1", "P-1", "P-9"]) == [one, three]
    assert active(bare, []) == []


@pytest.mark.parametrize("standing", ACTIVE)
@pytest.mark.parametrize("second", [UNACKNOWLEDGED, AlarmState.SHELVED])
def test_a_second_active_alarm_is_a_conflict(bare: Store, standing: AlarmState, second: AlarmState) -> None:
    first = save(bare, alarm(state=standing))
    with pytest.raises(Conflict) as caught:
        save(bare, alarm(state=second, at=5))
    assert str(caught.value) == (
        "rule 'flood' has an active alarm for asset 'P-1' already; this one was not written"
        " → move the active one on, or clear it first"
    )
    assert active(bare) == [first]


@pytest.mark.parametrize("other", [alarm(rule="drought"), alarm(asset="P-2"), alarm(state=NORMAL)])
def test_what_is_not_a_second_one(bare: Store, other: Alarm) -> None:
    first = save(bare, alarm())
    second = save(bare, other)
    assert first.id != second.id
    assert active(bare) == [saved for saved in (first, second) if saved.state != NORMAL]


def test_there_may_be_many_that_are_over(bare: Store) -> None:
    for number in range(3):
        raised = save(bare, alarm(at=number))
        save(bare, replace(raised, state=NORMAL, changed_at=minute(number + 0.5), cleared_at=minute(number + 0.5)))
    assert active(bare) == []
    with bare.read() as unit:
        assert [over.state for over in unit.alarms.between(NOW, minute(9))] == [NORMAL] * 3


def test_one_that_is_over_cannot_rise_again_beside_another(bare: Store) -> None:
    over = save(bare, alarm(state=NORMAL))
    standing = save(bare, alarm(at=5))
    with pytest.raises(Conflict, match="has an active alarm"):
        save(bare, replace(over, state=UNACKNOWLEDGED, changed_at=minute(6)))
    assert active(bare) == [standing]
    assert history(bare, over) == [over]


def test_after_a_conflict_the_transaction_goes_on(bare: Store) -> None:
    with bare.begin() as unit:
        first = unit.alarms.save(alarm())
        with pytest.raises(Conflict):
            unit.alarms.save(alarm(at=5))
        other = unit.alarms.save(alarm(asset="P-2", at=6))
    assert active(bare) == [first, other]
    assert history(bare, first) == [first]


def test_save_updates_and_keeps_every_step(bare: Store) -> None:
    raised = save(bare, alarm())
    seen = save(bare, replace(raised, state=ACKNOWLEDGED, changed_at=minute(2), detail={"by": "anne"}))
    urgent = save(bare, replace(seen, priority=Priority.CRITICAL, changed_at=minute(3)))
    over = save(bare, replace(urgent, state=NORMAL, changed_at=minute(9), cleared_at=minute(8), detail={}))
    assert raised.id == seen.id == urgent.id == over.id
    assert history(bare, over) == [raised, seen, urgent, over]
    with bare.read() as unit:
        assert unit.alarms.between(NOW, minute(1)) == [over]
        assert unit.alarms.active() == []


def test_histories_do_not_mix(bare: Store) -> None:
    one, two = save(bare, alarm()), save(bare, alarm(asset="P-2"))
    later = save(bare, replace(one, state=ACKNOWLEDGED, changed_at=minute(1)))
    assert history(bare, one) == [one, later]
    assert history(bare, two) == [two]


def test_an_unknown_id_is_a_conflict(bare: Store) -> None:
    saved = save(bare, alarm())
    assert saved.id is not None
    with pytest.raises(Conflict, match=f"there is no alarm {saved.id + 1}; nothing was written"):
        save(bare, replace(saved, id=saved.id + 1, asset="P-2"))
    assert active(bare) == [saved]


def test_a_rollback_takes_the_history_with_it(bare: Store) -> None:
    saved = save(bare, alarm())
    with pytest.raises(ZeroDivisionError), bare.begin() as unit:
        unit.alarms.save(replace(saved, state=NORMAL, changed_at=minute(1)))
        unit.alarms.save(alarm(at=2))
        raise ZeroDivisionError
    assert active(bare) == [saved]
    assert history(bare, saved) == [saved]


@pytest.mark.parametrize(
    ("start", "until", "expected"),
    [(0, 10, [0, 5]), (0, 10.001, [0, 5, 10]), (0.001, 10, [5]), (5, 5, []), (5, 5.001, [5]), (11, 99, []), (9, 0, [])],
)
def test_between_is_half_open_by_when_raised(bare: Store, start: float, until: float, expected: list[float]) -> None:
    for at in (10, 0, 5):
        save(bare, alarm(asset=f"P-{at}", at=at, changed_at=minute(50)))
    with bare.read() as unit:
        assert [found.raised_at for found in unit.alarms.between(minute(start), minute(until))] == [
            minute(at) for at in expected
        ]


def contend(stores: list[Store], within: bool) -> list[Alarm | Conflict]:
    """Every store raises the same alarm; `within` lets none of them write before all transactions are open."""
    together = Barrier(len(stores))

    def work(store: Store) -> Alarm | Conflict:
        if not within:
            together.wait(30)
        try:
            with store.begin() as unit:
                if within:
                    together.wait(30)
                return unit.alarms.save(alarm())
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(len(stores)) as pool:
        return list(pool.map(work, stores))


def judge(store: Store, outcomes: list[Alarm | Conflict]) -> None:
    saved = [outcome for outcome in outcomes if isinstance(outcome, Alarm)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert len(saved) == 1
    assert all("has an active alarm for asset 'P-1'" in str(conflict) for conflict in refused)
    assert active(store) == saved
    assert history(store, saved[0]) == saved


def test_of_concurrent_raisers_one_succeeds(bare: Store, another: Open) -> None:
    judge(bare, contend([bare, another(), another()], within=False))


@POSTGRES
def test_of_two_open_transactions_one_succeeds(bare: Store, another: Open) -> None:
    judge(bare, contend([bare, another()], within=True))
