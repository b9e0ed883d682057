"""Messages as rows: one a key, claimed by one, each to one end; nothing is lost with a process that dies."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from engine.model import Alarm, AlarmState, Priority
from engine.notify.messages import Channel, Kind, MessageState, Notification
from engine.store import Store
from engine.store.notifications import Notifications

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = 5 * MINUTE
HELD, DIGESTED, QUEUED, SENT = MessageState.HELD, MessageState.DIGESTED, MessageState.QUEUED, MessageState.SENT
FAILED, EXPIRED, CANCELLED = MessageState.FAILED, MessageState.EXPIRED, MessageState.CANCELLED

Open = Callable[[], Store]


def message(key: str, **fields: Any) -> Notification:
    alarm, recipient, channel = key.split("/")
    made = Notification(
        key, int(alarm), recipient, Channel(channel), Kind.ALARM, 0, Priority.HIGH, "Ville éteinte", "Tout est noir.\n",
        NOW, NOW, NOW + 60 * MINUTE, QUEUED, 0, NOW,
    )  # fmt: skip
    return replace(made, **fields)


def do(store: Store, act: Callable[[Notifications], Any]) -> Any:
    with store.begin() as unit:
        return act(unit.notifications)


def put(store: Store, *messages: Notification) -> set[str]:
    found: set[str] = do(store, lambda log: log.add(messages))
    return found


def states(store: Store) -> dict[str, MessageState]:
    with store.read() as unit:
        return {one.key: one.state for one in unit.notifications.list()}


def claim(store: Store, at: datetime = NOW, limit: int = 9) -> list[Notification]:
    found: list[Notification] = do(store, lambda log: log.claim(limit, at, LEASE))
    return found


def test_a_message_comes_back_as_it_went_in_and_is_written_once(bare: Store) -> None:
    one = message("7/desk/email", detail="é", step=3, kind=Kind.ESCALATION)
    assert put(bare, one) == {"7/desk/email"}
    assert put(bare, replace(one, subject="other"), message("7/duty/email")) == {"7/duty/email"}
    with bare.read() as unit:
        (found, _) = unit.notifications.list()
        assert found == replace(one, id=found.id)
        assert [each.key for each in unit.notifications.of([7, 8])[7]] == ["7/desk/email", "7/duty/email"]
        assert unit.notifications.of([]) == {}


@pytest.mark.parametrize("state", MessageState)
def test_what_was_not_sent_may_be_written_anew_and_is_the_same_message(bare: Store, state: MessageState) -> None:
    put(bare, message("7/desk/email", state=state))
    later = NOW + MINUTE
    anew = put(bare, message("7/desk/email", created_at=later, not_before=later, changed_at=later, attempts=0))
    assert bool(anew) is (state in {CANCELLED, EXPIRED})
    with bare.read() as unit:
        (found,) = unit.notifications.list()
    assert found.message_id == message("7/desk/email").message_id
    assert (found.state, found.not_before) == ((QUEUED, later) if anew else (state, NOW))


def test_what_is_recent_is_what_was_just_written_and_what_is_held(bare: Store) -> None:
    put(bare, message("1/a/email"), message("2/a/email", not_before=NOW + MINUTE), message("3/a/email", state=HELD))
    with bare.read() as unit:
        assert [one.key for one in unit.notifications.recent(NOW)] == ["2/a/email", "3/a/email"]


def test_the_most_urgent_is_sent_first_and_nothing_before_its_time(bare: Store) -> None:
    put(
        bare,
        message("1/a/email", priority=Priority.LOW),
        message("2/a/email", priority=Priority.CRITICAL),
        message("3/a/email", not_before=NOW + MINUTE),
        message("4/a/email", state=HELD),
        message("5/a/email", expires_at=NOW),
        message("6/a/email"),
    )
    assert [one.key for one in claim(bare, limit=2)] == ["2/a/email", "6/a/email"]
    assert [one.key for one in claim(bare)] == ["1/a/email"]
    assert [one.key for one in claim(bare, NOW + MINUTE)] == ["3/a/email"]
    assert claim(bare, NOW + MINUTE) == []


def test_a_dead_sender_s_message_is_claimed_again_and_is_the_same(bare: Store) -> None:
    put(bare, message("1/a/email"))
    (first,) = claim(bare)
    assert claim(bare, NOW + LEASE - timedelta(seconds=1)) == []
    (second,) = claim(bare, NOW + LEASE)
    assert (first.attempts, second.attempts) == (1, 2)
    assert first.message_id == second.message_id
    assert not do(bare, lambda log: log.settle(first, SENT, NOW + LEASE, "late"))
    assert not do(bare, lambda log: log.postpone(first, NOW, NOW + LEASE, "late"))
    assert do(bare, lambda log: log.settle(second, SENT, NOW + LEASE, "SMTP 250"))
    assert states(bare) == {"1/a/email": SENT}


def test_message_ids_differ_from_message_to_message() -> None:
    one = message("1/a/email")
    others = [message("1/b/email"), message("2/a/email"), replace(one, created_at=NOW + MINUTE)]
    assert len({each.message_id for each in (one, *others)}) == 4
    assert replace(one, attempts=3, state=SENT, id=9, detail="x").message_id == one.message_id


def test_one_given_back_waits_and_is_open_until_its_end(bare: Store) -> None:
    put(bare, message("1/a/email"))
    (one,) = claim(bare)
    assert do(bare, lambda log: log.postpone(one, NOW + 2 * MINUTE, NOW, "SMTP 421"))
    assert claim(bare, NOW + MINUTE) == []
    assert do(bare, lambda log: log.open())
    (again,) = claim(bare, NOW + 2 * MINUTE)
    assert (again.attempts, again.detail) == (2, "SMTP 421")
    do(bare, lambda log: log.settle(again, FAILED, NOW, "SMTP 550"))
    assert not do(bare, lambda log: log.open())


def test_nothing_stays_open_past_its_expiry(bare: Store) -> None:
    put(bare, *(message(f"{n}/a/email", state=state) for n, state in enumerate((QUEUED, HELD, QUEUED, SENT))))
    claim(bare, limit=1)
    late = NOW + 60 * MINUTE
    assert do(bare, lambda log: log.expire(late - timedelta(microseconds=1))) == 0
    assert do(bare, lambda log: log.expire(late)) == 3
    with bare.read() as unit:
        assert [(one.state, one.detail) for one in unit.notifications.list()] == [
            (EXPIRED, "may have been sent"), (EXPIRED, "unsent"), (EXPIRED, "unsent"), (SENT, ""),
        ]  # fmt: skip


def test_the_database_check_names_what_nobody_ends(bare: Store) -> None:
    put(bare, message("1/a/email"), message("2/a/email", state=SENT))
    late = NOW + 120 * MINUTE

    def told(at: datetime) -> list[str]:
        return [one.what for one in bare.check(at) if "messages" in one.what]

    assert told(late - timedelta(microseconds=1)) == []
    assert told(late) == ["1 messages to people are not over an hour after their expiry, at 2026-11-22T14:00:00Z"]
    do(bare, lambda log: log.expire(late))
    assert told(late) == []


def test_one_that_is_being_sent_at_its_expiry_may_still_say_so(bare: Store) -> None:
    put(bare, message("1/a/email", expires_at=NOW + MINUTE))
    (one,) = claim(bare)
    assert do(bare, lambda log: log.expire(NOW + 2 * MINUTE)) == 0
    assert do(bare, lambda log: log.settle(one, SENT, NOW + 2 * MINUTE, "SMTP 250"))


@pytest.mark.parametrize("end", [FAILED, EXPIRED, SENT])
def test_what_a_digest_told_is_lost_with_it(bare: Store, end: MessageState) -> None:
    put(bare, *(message(f"{n}/a/email", state=HELD) for n in (1, 2, 3)))
    digest = replace(message("1/a/email"), key="digest/1/a/email", alarm=None, kind=Kind.DIGEST)
    put(bare, digest)
    assert do(bare, lambda log: log.fold(["1/a/email", "2/a/email"], digest.key, NOW)) == 2
    if end is EXPIRED:
        do(bare, lambda log: log.expire(NOW + 60 * MINUTE))
    else:
        (one,) = claim(bare)
        do(bare, lambda log: log.settle(one, end, NOW, "so"))
    told = DIGESTED if end is SENT else end
    third = EXPIRED if end is EXPIRED else HELD
    assert states(bare) == {"1/a/email": told, "2/a/email": told, "3/a/email": third, digest.key: end}


@pytest.mark.parametrize(("state", "cancelled"), [(one, one is not AlarmState.UNACKNOWLEDGED) for one in AlarmState])
def test_escalations_that_have_not_left_go_with_what_they_are_for(
    bare: Store, state: AlarmState, cancelled: bool
) -> None:
    with bare.begin() as unit:
        saved = unit.alarms.save(Alarm("r", "A-1", "z", state, Priority.HIGH, NOW, NOW))
    first, later = message(f"{saved.id}/a/email"), message(f"{saved.id}/b/email", kind=Kind.ESCALATION)
    put(bare, first, later)
    assert do(bare, lambda log: log.withdraw(NOW)) == cancelled
    assert states(bare) == {first.key: QUEUED, later.key: CANCELLED if cancelled else QUEUED}


def test_several_senders_share_what_is_due(bare: Store, another: Open) -> None:
    put(bare, *(message(f"{n}/a/email") for n in range(40)))
    stores, start = [bare, another(), another()], Barrier(3)

    def work(store: Store) -> list[str]:
        start.wait(30)
        found = []
        while taken := claim(store, limit=1):
            found += [one.key for one in taken]
        return found

    with ThreadPoolExecutor(3) as pool:
        shares = list(pool.map(work, stores))
    assert sorted(key for share in shares for key in share) == sorted(f"{n}/a/email" for n in range(40))


def test_two_planners_write_one_message(bare: Store, another: Open) -> None:
    stores, start = [bare, another()], Barrier(2)

    def work(store: Store) -> set[str]:
        start.wait(30)
        return put(store, message("1/a/email"), message("2/a/email"))

    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(work, stores))
    assert sorted(map(len, written)) == [0, 2]
