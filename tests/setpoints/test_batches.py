"""A batch on its way: every one comes to an end, and none goes on over too many failures."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Conflict
from engine.model import BatchState, CommandState
from engine.setpoints.batches import Act, Batch, Step, Tally, advance, approve, refuse

from .fakes import at

S = CommandState
ANA, BOB = "person:ana", "person:bob"
QUARTER = timedelta(minutes=15)


def a_batch(state: BatchState = BatchState.CANARY, made_by: str = ANA) -> Batch:
    return Batch("lighting-1", "lighting", at(0), made_by, state, at(15), 0.05, QUARTER, at(90))


def tally(**states: int) -> Tally:
    return Tally(Counter({CommandState(name): count for name, count in states.items()}))


def canary(minute: float, **states: int) -> Step:
    return advance(a_batch(), tally(**states), tally(queued=97, **states), at(minute))


def test_a_canary_is_waited_for_and_then_the_rest_follows() -> None:
    assert canary(14, verified=2, acked=1) == Step(a_batch())
    step = canary(14, verified=3)
    assert (step.batch.state, step.act) == (BatchState.RELEASED, Act.SEND_REST)


@pytest.mark.parametrize("end", ["failed", "rejected", "expired"])
def test_a_canary_stops_at_once_when_too_many_have_failed(end: str) -> None:
    step = canary(1, sent=1, **{end: 2})
    assert (step.batch.state, step.act) == (BatchState.STOPPED, Act.CANCEL)
    assert "2 of 3 failed in the canary" in step.why
    assert canary(1, verified=19, **{end: 1}).batch.state is BatchState.RELEASED  # 5 % is not above 5 %
    assert canary(1, verified=38, **{end: 3}).batch.state is BatchState.STOPPED


def test_one_broken_lamp_in_a_small_canary_stops_nothing_unless_it_is_all_there_is() -> None:
    assert canary(1, verified=1, sent=1, failed=1) == Step(a_batch())
    assert canary(1, verified=2, failed=1).batch.state is BatchState.RELEASED
    assert canary(1, failed=1).batch.state is BatchState.STOPPED
    assert canary(1, failed=1, unverifiable=2).batch.state is BatchState.STOPPED


def test_what_cannot_be_verified_or_was_replaced_tells_nothing() -> None:
    assert canary(1, unverifiable=3).batch.state is BatchState.RELEASED
    assert canary(1, superseded=2, cancelled=1).batch.state is BatchState.RELEASED
    assert canary(1, unverifiable=90, verified=8, failed=2).batch.state is BatchState.STOPPED


def test_a_canary_not_confirmed_in_time_has_failed() -> None:
    step = canary(15, verified=1, acked=2)
    assert step.batch.state is BatchState.STOPPED
    assert "2 of them not confirmed within 0:15:00" in step.why
    assert canary(15, verified=99, acked=1).batch.state is BatchState.RELEASED


def test_the_rest_is_watched_and_one_failure_alone_does_not_stop_it() -> None:
    running = a_batch(BatchState.RELEASED)
    for going_on in (tally(verified=2, failed=1, queued=97), tally(verified=19, failed=1, queued=80)):
        assert advance(running, tally(verified=3), going_on, at(20)) == Step(running)
    for too_many in (tally(verified=2, failed=2, queued=96), tally(verified=37, failed=2, rejected=1, queued=60)):
        assert advance(running, tally(verified=3), too_many, at(20)).act is Act.CANCEL
    over = advance(running, tally(verified=3), tally(verified=99, failed=1), at(20))
    assert (over.batch.state, over.batch.ended_at) == (BatchState.RELEASED, at(20))


def test_a_second_person_decides() -> None:
    waiting = a_batch(BatchState.PENDING)
    let_go = approve(waiting, BOB, at(10))
    assert (let_go.batch.state, let_go.act, let_go.batch.until_at) == (BatchState.CANARY, Act.SEND_CANARY, at(25))
    no = refuse(waiting, BOB, "a market", at(10))
    assert (no.batch.state, no.act, no.batch.ended_at) == (BatchState.REFUSED, Act.REJECT, at(10))
    assert no.why == "refused by person:bob: a market"


def test_the_same_person_and_the_wrong_moment_are_refused() -> None:
    waiting = a_batch(BatchState.PENDING)
    for act in (approve, lambda batch, by, now: refuse(batch, by, "no", now)):
        with pytest.raises(Conflict, match="was made by person:ana → somebody else"):
            act(waiting, ANA, at(10))
        with pytest.raises(Conflict, match="could be decided until 2026"):
            act(waiting, BOB, at(15))
        with pytest.raises(Conflict, match="is canary; only one that is pending"):
            act(a_batch(), BOB, at(10))
    assert approve(a_batch(BatchState.PENDING, made_by="plan:lighting"), ANA, at(10)).act is Act.SEND_CANARY


def test_nobody_approves() -> None:
    waiting, open_ones = a_batch(BatchState.PENDING), tally(queued=100)
    assert advance(waiting, tally(queued=1), open_ones, at(14)) == Step(waiting)
    late = advance(waiting, tally(queued=1), open_ones, at(15))
    assert (late.batch.state, late.act, late.batch.ended_at) == (BatchState.EXPIRED, Act.EXPIRE, at(15))
    replaced = advance(waiting, tally(superseded=1), tally(superseded=100), at(1))
    assert (replaced.batch.state, replaced.why) == (BatchState.EXPIRED, "newer commands replaced all of it")


NEXT = {
    S.QUEUED: [S.SENDING, S.EXPIRED, S.SUPERSEDED],
    S.SENDING: [S.SENT, S.UNKNOWN],
    S.SENT: [S.ACKED, S.UNKNOWN, S.REJECTED],
    S.UNKNOWN: [S.QUEUED, S.VERIFIED, S.EXPIRED],
    S.ACKED: [S.VERIFIED, S.UNVERIFIABLE, S.FAILED],
}
FROM = {Act.CANCEL: S.CANCELLED, Act.EXPIRE: S.EXPIRED, Act.REJECT: S.REJECTED}


@given(st.booleans(), st.integers(1, 12), st.integers(1, 40), st.integers(0, 9), st.data())
def test_every_batch_comes_to_an_end(pending: bool, first: int, rest: int, person: int, data: st.DataObject) -> None:
    """Commands fare at random, and are over at their expiry at the latest; a person may or may not answer."""
    batch = a_batch(BatchState.PENDING if pending else BatchState.CANARY)
    states = [S.QUEUED] * (first + rest)
    waits = [pending or n >= first for n in range(first + rest)]
    path = [batch.state]
    for minute in range(0, 125, 5):
        step = Step(batch)
        if batch.state is BatchState.PENDING and minute == 5 * person and person < 3:
            step = approve(batch, BOB, at(minute)) if person < 2 else refuse(batch, BOB, "no", at(minute))
        else:
            step = advance(batch, Tally(Counter(states[:first])), Tally(Counter(states)), at(minute))
        batch = step.batch
        if batch.state is not path[-1]:
            path.append(batch.state)
        for n, state in enumerate(states):
            if step.act in FROM and state is S.QUEUED:
                states[n] = FROM[step.act]
            elif step.act is Act.SEND_REST or (step.act is Act.SEND_CANARY and n < first):
                waits[n] = False
            elif minute >= 90 and not state.terminal:
                states[n] = S.EXPIRED
            elif not waits[n] and state in NEXT:
                states[n] = data.draw(st.sampled_from(NEXT[state]))
    assert batch.ended_at is not None
    assert all(state.terminal for state in states)
    assert advance(batch, Tally(Counter()), Tally(Counter(states)), at(999)) == Step(batch)
    legal = "pending>canary>released>stopped", "pending>canary>stopped", "pending>refused", "pending>expired"
    assert any(">".join(path) in way for way in legal)
    never_released = BatchState.RELEASED not in path
    sent = {S.VERIFIED, S.UNVERIFIABLE, S.FAILED}
    assert not never_released or not any(state in sent for state in states[first:])
