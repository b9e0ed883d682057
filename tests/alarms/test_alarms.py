"""The alarm state machine: its whole table, its refusals, and what holds along every path."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.alarms import (
    LONGEST_SHELVING,
    Acknowledge,
    Clear,
    Elapse,
    Event,
    Raise,
    Reset,
    ReturnToService,
    Shelve,
    Step,
    Subject,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Unsuppress,
    transition,
)
from engine.model import Alarm, AlarmState, Priority

AT = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LAMP = Subject("lamp-failure", "L-1", "z", Priority.MEDIUM)
RAISE, CLEAR, ACK = Raise(LAMP, {"why": "dark"}), Clear(), Acknowledge("ana")
LATCH, RESET = Raise(LAMP, {"why": "burst", "latched": True}), Reset("ana")
SHELVE, UNSHELVE, ELAPSE = Shelve(AT + 60 * MINUTE, "known", "ana"), Unshelve("ana"), Elapse()
SUPPRESS, UNSUPPRESS = Suppress("cabinet-silent C-1"), Unsuppress()
OUT, BACK = TakeOutOfService(LAMP, "works", "ben"), ReturnToService("ben")
N, U, A = AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED
R, S, D, X = (
    AlarmState.RTN_UNACKNOWLEDGED, AlarmState.SHELVED, AlarmState.SUPPRESSED_BY_DESIGN, AlarmState.OUT_OF_SERVICE,
)  # fmt: skip


def after(*events: Event, start: Alarm | None = None) -> Alarm | None:
    """The alarm after events a minute apart, none of which may be refused."""
    alarm = start
    for number, event in enumerate(events):
        done = transition(alarm, event, AT + number * MINUTE)
        assert not done.refusal, (event, done)
        alarm = done.alarm
    return alarm


def state(alarm: Alarm | None) -> AlarmState:
    return N if alarm is None else alarm.state


# How each state is reached, with the condition standing beneath where the state itself does not say.
PATHS: dict[AlarmState, tuple[Event, ...]] = {
    N: (),
    U: (RAISE,),
    A: (RAISE, ACK),
    R: (RAISE, CLEAR),
    S: (RAISE, SHELVE),
    D: (RAISE, SUPPRESS),
    X: (RAISE, OUT),
}
# Rows: the event; columns: N U A R S D X. None is a refusal.
TABLE: list[tuple[Event, tuple[AlarmState | None, ...]]] = [
    (RAISE, (U, U, A, U, S, D, X)),
    (CLEAR, (N, R, N, R, S, N, X)),
    (ACK, (None, A, None, N, None, None, None)),
    (RESET, (None, None, None, None, None, None, None)),
    (SHELVE, (None, S, S, S, S, S, None)),
    (UNSHELVE, (None, None, None, None, U, None, None)),
    (ELAPSE, (N, U, A, R, S, D, X)),
    (SUPPRESS, (N, D, D, R, S, D, X)),
    (UNSUPPRESS, (N, U, A, R, S, U, X)),
    (OUT, (X, X, X, X, X, X, None)),
    (BACK, (None, None, None, None, None, None, U)),
]


@pytest.mark.parametrize(("event", "row"), TABLE, ids=[type(event).__name__ for event, _ in TABLE])
@pytest.mark.parametrize("before", PATHS, ids=lambda state: state.value)
def test_the_whole_table(before: AlarmState, event: Event, row: tuple[AlarmState | None, ...]) -> None:
    alarm = after(*PATHS[before])
    assert state(alarm) is before
    done = transition(alarm, event, AT + 10 * MINUTE)
    expected = row[list(PATHS).index(before)]
    if expected is None:
        assert done.refusal
        assert done.alarm == alarm
    else:
        assert not done.refusal
        assert state(done.alarm) is expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((RAISE, SHELVE, CLEAR, UNSHELVE), N),
        ((RAISE, SHELVE, CLEAR, RAISE, UNSHELVE), U),
        ((RAISE, ACK, SHELVE, UNSHELVE), A),
        ((RAISE, ACK, SHELVE, CLEAR, RAISE, UNSHELVE), U),
        ((RAISE, SHELVE, SUPPRESS, UNSHELVE), D),
        ((RAISE, SUPPRESS, SHELVE, UNSUPPRESS, UNSHELVE), U),
        ((RAISE, SUPPRESS, SHELVE, CLEAR, UNSHELVE), N),
        ((RAISE, ACK, SUPPRESS, UNSUPPRESS), A),
        ((RAISE, CLEAR, SUPPRESS, RAISE), U),
        ((RAISE, CLEAR, SHELVE, UNSHELVE), N),
        ((RAISE, OUT, CLEAR, BACK), N),
        ((RAISE, SHELVE, OUT, BACK), U),
        ((RAISE, SUPPRESS, OUT, BACK), D),
        ((RAISE, ACK, OUT, BACK), A),
        ((OUT, BACK), N),
        ((OUT, RAISE, BACK), U),
        ((OUT, RAISE, CLEAR, BACK), N),
        ((OUT, RAISE, SUPPRESS, BACK), D),
        ((RAISE, ACK, CLEAR, RAISE), U),
        ((RAISE, CLEAR, RAISE, ACK), A),
        ((LATCH, CLEAR), R),
        ((LATCH, CLEAR, ACK), A),
        ((LATCH, ACK, CLEAR), A),
        ((LATCH, CLEAR, ACK, RESET), N),
        ((LATCH, ACK, CLEAR, RESET), N),
        ((LATCH, CLEAR, RESET), R),
        ((LATCH, CLEAR, RESET, ACK), N),
        ((LATCH, ACK, CLEAR, LATCH), U),
        ((LATCH, CLEAR, RESET, LATCH, ACK, CLEAR), A),
        ((LATCH, SHELVE, CLEAR, UNSHELVE), R),
        ((LATCH, ACK, SHELVE, CLEAR, UNSHELVE), A),
        ((LATCH, SUPPRESS, CLEAR), D),
        ((LATCH, SUPPRESS, CLEAR, UNSUPPRESS), R),
        ((LATCH, OUT, CLEAR, BACK), R),
    ],
)
def test_what_lies_beneath_comes_back(events: tuple[Event, ...], expected: AlarmState) -> None:
    assert state(after(*events)) is expected


@pytest.mark.parametrize(
    ("before", "event", "words"),
    [
        ((), ACK, "not active cannot be acknowledged"),
        ((RAISE, ACK), ACK, "acknowledged cannot be acknowledged"),
        ((RAISE,), UNSHELVE, "unacknowledged cannot be unshelved"),
        ((RAISE, OUT), SHELVE, "out of service cannot be shelved"),
        ((RAISE, OUT), OUT, "out of service cannot be taken out of service"),
        ((RAISE,), BACK, "unacknowledged cannot be returned to service"),
        ((RAISE, CLEAR), RESET, "not latched"),
        ((LATCH,), RESET, "still stands"),
        ((LATCH, ACK), RESET, "still stands"),
        ((), RESET, "not active cannot be reset"),
        ((LATCH, CLEAR, SHELVE), RESET, "shelved cannot be reset"),
        ((RAISE,), Shelve(AT + 60 * MINUTE, " ", "ana"), "a reason is wanted"),
        ((RAISE,), replace(OUT, reason=""), "a reason is wanted"),
        ((RAISE,), Raise(replace(LAMP, asset="L-2")), "lamp-failure on L-1, not of lamp-failure on L-2"),
        ((RAISE,), replace(OUT, subject=replace(LAMP, rule="x")), "lamp-failure on L-1, not of x on L-1"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(before: tuple[Event, ...], event: Event, words: str) -> None:
    alarm = after(*before)
    done = transition(alarm, event, AT + 10 * MINUTE)
    assert words in done.refusal
    assert done.alarm is alarm


@pytest.mark.parametrize(
    ("length", "refused"),
    [
        (timedelta(0), True),
        (-MINUTE, True),
        (timedelta(microseconds=1), False),
        (LONGEST_SHELVING, False),
        (LONGEST_SHELVING + timedelta(microseconds=1), True),
    ],
)
def test_a_shelving_has_an_end_and_it_is_near(length: timedelta, refused: bool) -> None:
    done = transition(after(RAISE), Shelve(AT + MINUTE + length, "known", "ana"), AT + MINUTE)
    assert bool(done.refusal) is refused


@pytest.mark.parametrize(
    ("minute", "event", "expected"),
    [(59, ELAPSE, S), (60, ELAPSE, U), (61, ELAPSE, U), (60, CLEAR, R), (60, ACK, A), (59, CLEAR, S), (60, RAISE, U)],
)
def test_a_shelving_ends_at_its_instant_whatever_comes_then(minute: int, event: Event, expected: AlarmState) -> None:
    done = transition(after(RAISE, SHELVE), event, AT + minute * MINUTE)
    assert not done.refusal
    assert state(done.alarm) is expected


def test_a_shelving_that_ended_is_over_even_for_a_refused_event() -> None:
    done = transition(after(RAISE, SHELVE), UNSHELVE, AT + 61 * MINUTE)
    assert done.refusal
    assert done.alarm is not None
    assert (done.alarm.state, done.alarm.changed_at) == (U, AT + 60 * MINUTE)


def test_what_an_occurrence_remembers() -> None:
    alarm = after(RAISE, ACK, CLEAR)
    assert alarm is not None
    assert (alarm.rule, alarm.asset, alarm.zone, alarm.priority) == ("lamp-failure", "L-1", "z", Priority.MEDIUM)
    assert (alarm.raised_at, alarm.changed_at, alarm.cleared_at) == (AT, AT + 2 * MINUTE, AT + 2 * MINUTE)
    assert alarm.detail == {"why": "dark", "acknowledged": {"by": "ana", "at": "2026-11-22T18:01:00Z"}}


def test_what_is_raised_after_normal_is_a_new_occurrence() -> None:
    over = replace(after(RAISE, ACK, CLEAR) or pytest.fail("no alarm"), id=7)
    again = transition(over, RAISE, AT + 60 * MINUTE).alarm
    assert again is not None
    assert (again.id, again.raised_at, again.cleared_at, again.detail) == (
        None,
        AT + 60 * MINUTE,
        None,
        {"why": "dark"},
    )


def test_what_is_raised_before_normal_is_the_same_occurrence_with_its_new_reasons() -> None:
    seen = replace(after(RAISE, CLEAR) or pytest.fail("no alarm"), id=7)
    again = transition(seen, Raise(replace(LAMP, priority=Priority.HIGH), {"why": "cold"}), AT + 9 * MINUTE).alarm
    assert again is not None
    assert (again.id, again.raised_at, again.cleared_at, again.priority) == (7, AT, None, Priority.HIGH)
    assert again.detail == {"why": "cold"}


@pytest.mark.parametrize("event", [RAISE, SUPPRESS, ELAPSE])
def test_a_machine_s_event_told_twice_changes_nothing(event: Event) -> None:
    alarm = after(RAISE, SUPPRESS)
    assert transition(alarm, event, AT + 9 * MINUTE) == Step(alarm)


def test_an_event_of_an_earlier_instant_does_not_turn_time_back() -> None:
    alarm = transition(after(RAISE, ACK), CLEAR, AT - MINUTE).alarm
    assert alarm is not None
    assert (alarm.state, alarm.cleared_at, alarm.changed_at) == (N, AT - MINUTE, AT + MINUTE)


EVENTS = st.sampled_from([*(event for event, _ in TABLE), LATCH])


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=12))
def test_from_anywhere_there_is_a_way_back_to_normal(events: list[Event]) -> None:
    alarm: Alarm | None = None
    for number, event in enumerate(events):
        alarm = transition(alarm, event, AT + number * MINUTE).alarm
    now = AT + 100 * MINUTE
    for event in (BACK, UNSHELVE, CLEAR, UNSUPPRESS, ACK, RESET):
        alarm = transition(alarm, event, now).alarm
    assert state(alarm) is N


class Panel(RuleBasedStateMachine):
    """Two subjects, one board: what an operator's panel must be able to count on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.board: dict[str, list[Alarm]] = {"L-1": [], "L-2": []}
        self.condition = dict.fromkeys(self.board, False)
        self.latches = dict.fromkeys(self.board, False)
        self.shelved_until: dict[str, datetime] = {}

    @initialize()
    def begin(self) -> None:
        assert all(not told for told in self.board.values())

    def apply(self, asset: str, event: Event) -> Step:
        told = self.board[asset]
        current = told[-1] if told else None
        done = transition(current, event, self.now)
        if done.alarm is not None:
            fresh = current is None or (current.state is N and done.alarm.raised_at > current.raised_at)
            if fresh and done.alarm is not current:
                told.append(done.alarm)
            else:
                told[-1] = done.alarm
        return done

    @rule(asset=st.sampled_from(["L-1", "L-2"]), stands=st.booleans(), latched=st.booleans())
    def condition_turns(self, asset: str, stands: bool, latched: bool) -> None:
        self.now += MINUTE
        self.latches[asset] |= stands and latched and not self.condition[asset]
        self.condition[asset] = stands
        raised = Raise(replace(LAMP, asset=asset), {"latched": True} if latched else {})
        assert not self.apply(asset, raised if stands else CLEAR).refusal

    @rule(asset=st.sampled_from(["L-1", "L-2"]))
    def somebody_resets(self, asset: str) -> None:
        self.now += MINUTE
        told = self.board[asset]
        may = bool(told) and self.latches[asset] and not self.condition[asset] and told[-1].state in {A, R}
        assert (not self.apply(asset, RESET).refusal) is may
        self.latches[asset] &= not may

    @rule(asset=st.sampled_from(["L-1", "L-2"]), event=st.sampled_from([ACK, UNSHELVE, SUPPRESS, UNSUPPRESS, BACK]))
    def something_happens(self, asset: str, event: Event) -> None:
        self.now += MINUTE
        self.apply(asset, event)

    @rule(asset=st.sampled_from(["L-1", "L-2"]))
    def works_begin(self, asset: str) -> None:
        self.now += MINUTE
        self.apply(asset, replace(OUT, subject=replace(LAMP, asset=asset)))

    @rule(asset=st.sampled_from(["L-1", "L-2"]), minutes=st.integers(-5, 200))
    def shelve(self, asset: str, minutes: int) -> None:
        self.now += MINUTE
        until = self.now + minutes * MINUTE
        if not self.apply(asset, Shelve(until, "known", "ana")).refusal:
            self.shelved_until[asset] = until

    @precondition(lambda self: any(told for told in self.board.values()))
    @rule(minutes=st.integers(1, 300))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE
        for asset in self.board:
            assert not self.apply(asset, ELAPSE).refusal

    @invariant()
    def at_most_one_is_active(self) -> None:
        for told in self.board.values():
            assert sum(alarm.state is not N for alarm in told) <= 1
            assert all(alarm.state is N for alarm in told[:-1])

    @invariant()
    def a_latched_one_goes_only_when_it_is_reset(self) -> None:
        for asset, told in self.board.items():
            if self.latches[asset]:
                assert told[-1].state is not N

    @invariant()
    def the_condition_is_known_beneath_every_state(self) -> None:
        for asset, told in self.board.items():
            if told and told[-1].state is not N:
                assert (told[-1].cleared_at is None) is self.condition[asset]

    @invariant()
    def a_shelving_carries_an_end_that_is_not_past(self) -> None:
        for asset, told in self.board.items():
            if told and told[-1].state is S:
                after_event = transition(told[-1], ELAPSE, self.now).alarm
                assert after_event is not None
                assert (after_event.state is S) is (self.now < self.shelved_until[asset])

    @invariant()
    def nothing_that_stands_is_out_of_sight_without_a_reason(self) -> None:
        for asset, told in self.board.items():
            if self.condition[asset] and told:
                assert told[-1].state in {U, A, S, D, X}
                reasons = {S: "shelved", D: "suppressed", X: "out_of_service", A: "acknowledged"}
                assert reasons.get(told[-1].state, "") in {"", *told[-1].detail}


Panel.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestPanel = Panel.TestCase
