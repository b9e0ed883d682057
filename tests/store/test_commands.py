"""The outbox: who gets a command, which one is overtaken, and what its history says."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from engine.errors import Conflict
from engine.model import Command, CommandState, Level, Program, Transition
from engine.ports import Change
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
POSTGRES = pytest.mark.parametrize("url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
QUEUED, SENDING, SENT = CommandState.QUEUED, CommandState.SENDING, CommandState.SENT
ACKED, SUPERSEDED = CommandState.ACKED, CommandState.SUPERSEDED
NUMBERS = count()

Open = Callable[[], Store]


def order(point: str = "L-1/powerState", seq: int = 1, minute: float = 0, **fields: Any) -> Command:
    issued_at = NOW + timedelta(minutes=minute)
    steps = ((issued_at, 1.0), (issued_at + timedelta(hours=1), 0.25))
    values: dict[str, Any] = {
        "id": f"{point}#{seq}",
        "point": point,
        "gateway": "gw-1",
        "seq": seq,
        "program": Program(steps, issued_at + timedelta(hours=2)),
        "issued_at": issued_at,
        "expires_at": issued_at + timedelta(minutes=15),
        "not_before": NOW - timedelta(days=1),
        "due_at": issued_at + timedelta(minutes=15),
        "explanation": {"level": 12, "text": "dusk", "lux": 8.5},
    }
    return Command(**(values | fields))


def enqueue(store: Store, *commands: Command) -> int:
    with store.begin() as unit:
        return unit.commands.enqueue(commands)


def claim(store: Store, limit: int = 100, owner: str = "sender", at: datetime = NOW) -> list[str]:
    with store.begin() as unit:
        return [command.id for command in unit.commands.claim(limit, owner, at, LEASE)]


def move(store: Store, command: str, to: CommandState, *expect: CommandState, detail: str = "") -> bool:
    with store.begin() as unit:
        return unit.commands.move(command, to, NOW + SECOND, detail, expect)


def states(store: Store, command: str) -> list[CommandState]:
    with store.read() as unit:
        return [step.state for step in unit.commands.history(command)]


def test_a_command_comes_back_as_it_went_in(bare: Store) -> None:
    sent = order(explanation={"rule": "dusk", "nested": {"values": [1, 2.5, None, True]}, "é": "è"})
    assert enqueue(bare, sent) == 1
    with bare.read() as unit:
        found = unit.commands.get(sent.id)
        assert unit.commands.history(sent.id) == [Transition(sent.id, QUEUED, NOW, "in the outbox")]
    assert found == order(explanation=sent.explanation, changed_at=NOW)
    assert found is not None
    assert found.program.at(NOW + timedelta(minutes=61)) == 0.25


def test_enqueued_is_always_queued(bare: Store) -> None:
    enqueue(bare, order(state=CommandState.VERIFIED, attempts=9, changed_at=NOW - LEASE))
    with bare.read() as unit:
        assert unit.commands.get("L-1/powerState#1") == order(changed_at=NOW)


def test_nothing_is_no_command(bare: Store) -> None:
    assert enqueue(bare) == 0
    assert claim(bare) == []
    with bare.read() as unit:
        assert unit.commands.get("nobody") is None
        assert unit.commands.history("nobody") == []
        assert unit.commands.of_point("nobody/x") == []
        assert unit.commands.newest([]) == {}
        assert unit.commands.newest(["nobody/x"]) == {}
        assert unit.commands.in_states([]) == []
        assert unit.commands.counts() == {}


def test_a_known_id_is_left_alone(bare: Store) -> None:
    assert enqueue(bare, order()) == 1
    assert claim(bare) == ["L-1/powerState#1"]
    assert enqueue(bare, order(gateway="gw-9", minute=5), order("L-2/powerState")) == 1
    with bare.read() as unit:
        found = unit.commands.get("L-1/powerState#1")
    assert found is not None
    assert (found.gateway, found.state, found.issued_at) == ("gw-1", SENDING, NOW)
    assert states(bare, "L-1/powerState#1") == [QUEUED, SENDING]


def test_an_id_twice_in_one_batch_is_one_command(bare: Store) -> None:
    assert enqueue(bare, order(), order()) == 1
    assert states(bare, "L-1/powerState#1") == [QUEUED]


def test_two_ids_of_one_sequence_are_a_conflict_and_nothing_is_written(bare: Store) -> None:
    enqueue(bare, order(seq=3))
    with pytest.raises(Conflict, match="nothing was written"):
        enqueue(bare, order("L-2/powerState"), order(seq=3, id="impostor"))
    with bare.read() as unit:
        assert unit.commands.counts() == {QUEUED: 1}


def test_after_a_conflict_the_transaction_goes_on(bare: Store) -> None:
    with bare.begin() as unit:
        unit.commands.enqueue([order(seq=3)])
        with pytest.raises(Conflict):
            unit.commands.enqueue([order("L-2/powerState"), order(seq=3, id="impostor")])
    with bare.read() as unit:
        assert unit.commands.counts() == {QUEUED: 1}


def test_a_large_batch_enters_whole(bare: Store) -> None:
    batch = [order(f"L-{number}/powerState", minute=number / 100) for number in range(2_500)]
    assert enqueue(bare, *batch) == 2_500
    assert enqueue(bare, *batch, order("L-new/powerState", minute=99)) == 1
    assert claim(bare, 2_000) == [command.id for command in batch[:2_000]]
    with bare.read() as unit:
        assert unit.commands.counts() == {QUEUED: 501, SENDING: 2_000}


def test_older_queued_commands_are_superseded_and_logged(bare: Store) -> None:
    enqueue(bare, order(seq=1), order("L-2/powerState", seq=1))
    enqueue(bare, order(seq=2, minute=5))
    with bare.read() as unit:
        old = unit.commands.get("L-1/powerState#1")
        assert unit.commands.history("L-1/powerState#1") == [
            Transition("L-1/powerState#1", QUEUED, NOW, "in the outbox"),
            Transition("L-1/powerState#1", SUPERSEDED, NOW + timedelta(minutes=5), "by sequence 2"),
        ]
        assert unit.commands.counts() == {QUEUED: 2, SUPERSEDED: 1}
    assert old is not None
    assert (old.state, old.changed_at) == (SUPERSEDED, NOW + timedelta(minutes=5))


@pytest.mark.parametrize("sequences", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_of_one_batch_only_the_newest_sequence_stays(bare: Store, sequences: tuple[int, ...]) -> None:
    assert enqueue(bare, *(order(seq=seq) for seq in sequences)) == 3
    with bare.read() as unit:
        found = [command.state for command in unit.commands.of_point("L-1/powerState")]
    assert found == [SUPERSEDED, SUPERSEDED, QUEUED]
    assert states(bare, "L-1/powerState#2") == [QUEUED, SUPERSEDED]
    assert claim(bare) == ["L-1/powerState#3"]


def test_one_that_comes_too_late_is_superseded_at_once(bare: Store) -> None:
    enqueue(bare, order(seq=5))
    claim(bare)
    assert enqueue(bare, order(seq=4)) == 1
    assert states(bare, "L-1/powerState#4") == [QUEUED, SUPERSEDED]
    assert states(bare, "L-1/powerState#5") == [QUEUED, SENDING]


@pytest.mark.parametrize("state", [SENT, ACKED, CommandState.UNKNOWN, CommandState.VERIFIED])
def test_only_what_is_queued_is_superseded(bare: Store, state: CommandState) -> None:
    enqueue(bare, order())
    assert move(bare, "L-1/powerState#1", state, QUEUED)
    enqueue(bare, order(seq=2))
    assert states(bare, "L-1/powerState#1") == [QUEUED, state]


def test_the_oldest_are_claimed_first_up_to_the_limit(bare: Store) -> None:
    enqueue(bare, *(order(f"L-{number}/x", minute=minute) for number, minute in enumerate([3, 1, 2, 1])))
    assert claim(bare, 0) == []
    assert claim(bare, 3) == ["L-1/x#1", "L-3/x#1", "L-2/x#1"]
    assert claim(bare, 3) == ["L-0/x#1"]
    assert claim(bare, 3) == []


def test_a_claim_is_logged_and_counts_an_attempt(bare: Store) -> None:
    enqueue(bare, order())
    with bare.begin() as unit:
        (claimed,) = unit.commands.claim(1, "sender-a", NOW + SECOND, LEASE)
    taken = order(state=SENDING, attempts=1, changed_at=NOW + SECOND, due_at=NOW + SECOND + LEASE)
    assert claimed == replace(taken, explanation={})
    with bare.read() as unit:
        assert unit.commands.get(claimed.id) == taken
        assert unit.commands.history(claimed.id)[1:] == [
            Transition(claimed.id, SENDING, NOW + SECOND, "attempt 1, sender-a")
        ]


@pytest.mark.parametrize(("after", "over"), [(LEASE - timedelta(microseconds=1), False), (LEASE, True)])
def test_when_its_lease_is_over_a_command_is_due_and_not_claimed_again(
    bare: Store, after: timedelta, over: bool
) -> None:
    enqueue(bare, order())
    assert claim(bare, owner="a") == ["L-1/powerState#1"]
    assert claim(bare, owner="b", at=NOW + after) == []
    with bare.begin() as unit:
        assert [command.attempts for command in unit.commands.due(NOW + after, 10)] == [1] * over


def test_urgent_ones_are_claimed_first(bare: Store) -> None:
    enqueue(bare, order("L-1/x"), order("L-2/x", minute=2, urgent=True), order("L-3/x", minute=1, urgent=True))
    assert claim(bare, 2) == ["L-3/x#1", "L-2/x#1"]
    assert claim(bare) == ["L-1/x#1"]


def test_nothing_is_claimed_before_its_time(bare: Store) -> None:
    enqueue(bare, order(not_before=NOW + SECOND))
    assert claim(bare, at=NOW + SECOND - timedelta(microseconds=1)) == []
    assert claim(bare, at=NOW + SECOND) == ["L-1/powerState#1"]


def test_what_is_of_a_batch_waits_for_it(bare: Store) -> None:
    enqueue(bare, order("L-1/x", batch="b-1"), order("L-2/x", batch="b-1", urgent=True), order("L-3/x"))
    assert claim(bare, at=NOW + LEASE) == ["L-3/x#1"]


def test_gateways_and_levels_that_are_left_out(bare: Store) -> None:
    enqueue(
        bare,
        order("L-1/x", gateway="busy"),
        order("L-2/x", gateway="busy", urgent=True),
        order("L-3/x", level=Level.RULE),
        order("L-4/x", level=Level.RULE, urgent=True),
        order("L-5/x", level=Level.PROTECTION, minute=-1),
    )
    with bare.begin() as unit:
        found = unit.commands.claim(9, "a", NOW, LEASE, without={"busy"}, hold_back=range(8, 16))
    assert [command.id for command in found] == ["L-4/x#1", "L-5/x#1"]


def test_only_what_is_admitted_is_taken_as_it_is_admitted(bare: Store) -> None:
    enqueue(bare, *(order(f"L-{number}/x", minute=number) for number in range(3)))

    def admit(found: Sequence[Command]) -> list[Command]:
        assert [command.id for command in found] == ["L-0/x#1", "L-1/x#1"], "no more than the limit is shown"
        return [replace(found[1], repeats=4)]

    with bare.begin() as unit:
        (taken,) = unit.commands.claim(2, "a", NOW, LEASE, admit)
    with bare.read() as unit:
        assert [(c.id, c.repeats) for c in unit.commands.in_states([SENDING])] == [("L-1/x#1", 4)]
        assert unit.commands.counts() == {QUEUED: 2, SENDING: 1}
    assert taken.attempts == 1


def test_recording_writes_only_what_is_as_it_was_read(bare: Store) -> None:
    enqueue(bare, order("L-1/x"), order("L-2/x"))
    with bare.begin() as unit:
        one, two = unit.commands.claim(2, "a", NOW, LEASE)
    after = {"due_at": None, "asked_at": NOW, "not_before": NOW + LEASE, "changed_at": NOW + SECOND, "repeats": 2}
    changes = [
        Change(one, replace(one, state=SENT, **after)),  # type: ignore[arg-type]
        Change(replace(two, attempts=7), replace(two, state=SENT)),
        Change(replace(two, state=ACKED), replace(two, state=SENT)),
    ]
    lines = [Transition(command.id, SENT, NOW + SECOND, "gone") for command in (one, two)]
    with bare.begin() as unit:
        assert unit.commands.record(changes, lines) == {"L-1/x#1"}
    with bare.read() as unit:
        assert unit.commands.get("L-1/x#1") == replace(changes[0].after, explanation=order().explanation)
        assert unit.commands.history("L-1/x#1")[-1] == lines[0]
        assert unit.commands.in_states([SENDING]) == [replace(two, explanation=order().explanation)]
    assert states(bare, "L-2/x#1") == [QUEUED, SENDING]


@pytest.mark.parametrize("late", [False, True])
def test_what_is_open_past_its_expiry_is_overdue(bare: Store, late: bool) -> None:
    enqueue(bare, order("L-1/x"), order("L-2/x", minute=-1), order("L-3/x", minute=-2), order("L-4/x", batch="b"))
    assert move(bare, "L-3/x#1", CommandState.CANCELLED, QUEUED)
    with bare.read() as unit:
        now = NOW + timedelta(minutes=15) + LEASE + (timedelta(microseconds=1) if late else timedelta(0))
        found = unit.commands.overdue(now, LEASE)
    assert found == {f"{name}#1": name for name in ("L-2/x", *(["L-1/x", "L-4/x"] if late else []))}
    assert next(iter(found)) == "L-2/x#1", "the oldest first"


def test_heads_and_locks_and_whether_anything_is_open(bare: Store) -> None:
    with bare.read() as unit:
        assert not unit.commands.pending()
    enqueue(bare, order("L-1/x", seq=1), order("L-2/x", seq=7))
    enqueue(bare, order("L-1/x", seq=2))
    with bare.begin() as unit:
        assert unit.commands.heads(["L-1/x", "L-2/x", "nobody/x"]) == {"L-1/x": ("L-1/x#2", 2), "L-2/x": ("L-2/x#7", 7)}
        found = unit.commands.lock({"L-2/x#7", "L-1/x#1", "nobody"})
        assert {name: command.state for name, command in found.items()} == {"L-1/x#1": SUPERSEDED, "L-2/x#7": QUEUED}
        assert unit.commands.pending()
    for name in ("L-1/x#2", "L-2/x#7"):
        assert move(bare, name, CommandState.EXPIRED, QUEUED)
    with bare.begin() as unit:
        assert not unit.commands.pending()
        assert unit.commands.due(NOW + timedelta(days=9), 9) == []


@POSTGRES
def test_sweepers_pass_by_what_another_transaction_holds(bare: Store, another: Open) -> None:
    enqueue(bare, *(order(f"L-{number}/x", minute=number) for number in range(4)))
    late = NOW + timedelta(hours=1)
    with bare.begin() as one, another().begin() as two:
        first = one.commands.due(late, 3)
        second = two.commands.due(late, 3)
    assert [command.id for command in first] == ["L-0/x#1", "L-1/x#1", "L-2/x#1"]
    assert [command.id for command in second] == ["L-3/x#1"]


@pytest.mark.parametrize("state", [state for state in CommandState if state is not QUEUED])
def test_nothing_else_is_claimed(bare: Store, state: CommandState) -> None:
    enqueue(bare, order())
    assert move(bare, "L-1/powerState#1", state, QUEUED)
    assert claim(bare, at=NOW + timedelta(days=1)) == []


def test_a_claim_rolled_back_leaves_the_command_to_others(bare: Store) -> None:
    enqueue(bare, order())
    with pytest.raises(ZeroDivisionError), bare.begin() as unit:
        assert len(unit.commands.claim(1, "a", NOW, LEASE)) == 1
        raise ZeroDivisionError
    assert states(bare, "L-1/powerState#1") == [QUEUED]
    assert claim(bare) == ["L-1/powerState#1"]


def test_concurrent_claimers_never_get_the_same_command(bare: Store, another: Open) -> None:
    enqueue(bare, *(order(f"L-{number}/x", minute=number) for number in range(120)))
    claimers = {"a": bare, "b": another(), "c": another()}
    together = Barrier(len(claimers))

    def work(owner: str) -> list[str]:
        together.wait(30)
        got: list[str] = []
        # A pass that finds all rows held by others comes back empty: only an empty outbox ends the work.
        while True:
            got += claim(claimers[owner], 7, owner)
            with claimers[owner].read() as unit:
                if QUEUED not in unit.commands.counts():
                    return got

    with ThreadPoolExecutor(len(claimers)) as pool:
        shares = list(pool.map(work, claimers))
    assert Counter(name for share in shares for name in share) == Counter(f"L-{number}/x#1" for number in range(120))
    with bare.read() as unit:
        assert {command.attempts for command in unit.commands.in_states([SENDING])} == {1}
        for owner, share in zip(claimers, shares, strict=True):
            assert {unit.commands.history(name)[-1].detail for name in share} <= {f"attempt 1, {owner}"}


@POSTGRES
def test_claimers_pass_by_what_another_transaction_holds(bare: Store, another: Open) -> None:
    enqueue(bare, *(order(f"L-{number}/x", minute=number) for number in range(4)))
    with bare.begin() as one, another().begin() as two:
        first = one.commands.claim(3, "a", NOW, LEASE)
        second = two.commands.claim(3, "b", NOW, LEASE)
    assert [command.id for command in first] == ["L-0/x#1", "L-1/x#1", "L-2/x#1"]
    assert [command.id for command in second] == ["L-3/x#1"]


@POSTGRES
def test_a_command_being_claimed_is_not_superseded(bare: Store, another: Open, url: str) -> None:
    enqueue(bare, order())
    with ThreadPoolExecutor(1) as pool:
        with bare.begin() as unit:
            assert len(unit.commands.claim(1, "a", NOW, LEASE)) == 1
            newer = pool.submit(enqueue, another(), order(seq=2, minute=1))
            wait_for_a_lock(url)
        assert newer.result(30) == 1
    assert states(bare, "L-1/powerState#1") == [QUEUED, SENDING]
    assert claim(bare, at=NOW + timedelta(hours=1)) == ["L-1/powerState#2"]


def wait_for_a_lock(url: str) -> None:
    """Returns once a session of the database waits for another's transaction to end."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT")
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    waiting = text(f"{ours} AND wait_event_type = 'Lock'")
    with engine.connect() as connection:
        for _ in range(3_000):
            if connection.execute(waiting).scalar_one():
                break
            time.sleep(0.01)
        else:
            pytest.fail("nobody waits for a lock")
    engine.dispose()


def test_the_same_batch_from_two_sides_enters_once(bare: Store, another: Open) -> None:
    batch = [order(f"L-{number}/x") for number in range(30)]
    together = Barrier(2)

    def work(store: Store) -> int:
        together.wait(30)
        return enqueue(store, *batch)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, [bare, another()])) == 30
    assert states(bare, "L-7/x#1") == [QUEUED]


@pytest.mark.parametrize("state", list(CommandState))
def test_move_wants_an_expected_state(bare: Store, state: CommandState) -> None:
    enqueue(bare, order())
    if state != QUEUED:
        assert move(bare, "L-1/powerState#1", state, QUEUED)
    before = states(bare, "L-1/powerState#1")
    others = [other for other in CommandState if other != state]
    assert not move(bare, "L-1/powerState#1", CommandState.FAILED, *others)
    assert not move(bare, "L-1/powerState#1", CommandState.FAILED)
    assert states(bare, "L-1/powerState#1") == before
    assert move(bare, "L-1/powerState#1", CommandState.FAILED, state, detail="because")
    with bare.read() as unit:
        found = unit.commands.get("L-1/powerState#1")
        last = unit.commands.history("L-1/powerState#1")[-1]
    assert last == Transition("L-1/powerState#1", CommandState.FAILED, NOW + SECOND, "because")
    assert found is not None
    assert (found.state, found.changed_at, found.due_at) == (CommandState.FAILED, NOW + SECOND, None)


def test_moving_one_moves_no_other(bare: Store) -> None:
    enqueue(bare, order(), order("L-2/x"))
    assert not move(bare, "nobody", SENT, QUEUED)
    assert move(bare, "L-2/x#1", SENT, QUEUED, SENDING)
    assert states(bare, "L-1/powerState#1") == [QUEUED]


def test_only_one_of_two_moves_from_a_state_succeeds(bare: Store, another: Open) -> None:
    enqueue(bare, order())
    together = Barrier(2)

    def work(store: Store) -> bool:
        together.wait(30)
        return move(store, "L-1/powerState#1", SENT, QUEUED)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, [bare, another()])) == [False, True]
    assert states(bare, "L-1/powerState#1") == [QUEUED, SENT]


def test_reading_the_log(bare: Store) -> None:
    enqueue(bare, order(seq=1, minute=4))
    move(bare, "L-1/powerState#1", SENT, QUEUED)
    enqueue(bare, order(seq=10, minute=5), order("L-2/x", seq=7, minute=1), order("L-3/x", minute=2))
    move(bare, "L-3/x#1", ACKED, QUEUED)
    with bare.read() as unit:
        log = unit.commands
        assert [command.id for command in log.of_point("L-1/powerState")] == ["L-1/powerState#1", "L-1/powerState#10"]
        assert log.counts() == {SENT: 1, QUEUED: 2, ACKED: 1}
        found = [command.id for command in log.in_states([QUEUED, SENT])]
        assert found == ["L-2/x#7", "L-1/powerState#1", "L-1/powerState#10"]
        assert [command.id for command in log.in_states({ACKED})] == ["L-3/x#1"]
        newest = log.newest(["L-1/powerState", "L-3/x", "L-1/powerState", "L-9/x"])
        assert newest == {"L-1/powerState": log.get("L-1/powerState#10"), "L-3/x": log.get("L-3/x#1")}


STEPS = st.one_of(
    st.tuples(st.just("enqueue"), st.integers(0, 2), st.integers(1, 6)),
    st.tuples(st.just("claim"), st.integers(0, 3), st.integers(0, 90)),
    st.tuples(st.just("move"), st.integers(0, 2), st.integers(1, 6)),
)


@given(steps=st.lists(STEPS, max_size=14))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_the_newest_is_what_is_sent(bare: Store, steps: list[tuple[str, int, int]]) -> None:
    with bare.begin() as unit:
        for command in unit.commands.in_states([QUEUED, SENDING]):
            unit.commands.move(command.id, CommandState.CANCELLED, NOW, "", [QUEUED, SENDING])
    run = next(NUMBERS)
    points = [f"R-{run}/{number}" for number in range(3)]
    for step, first, second in steps:
        with bare.begin() as unit:
            log = unit.commands
            if step == "enqueue":
                log.enqueue([order(points[first], second)])
            elif step == "move":
                log.move(f"{points[first]}#{second}", SENT, NOW, "", [SENDING])
            else:
                newest = log.newest(points)
                for command in log.claim(first, "a", NOW + second * SECOND, LEASE):
                    assert newest[command.point].seq == command.seq
    with bare.read() as unit:
        for point in points:
            commands = unit.commands.of_point(point)
            assert [command.state for command in commands[:-1]].count(QUEUED) == 0
            for command in commands:
                history = unit.commands.history(command.id)
                assert (history[0].state, history[-1].state) == (QUEUED, command.state)
                assert [line.state for line in history].count(SENDING) == command.attempts
