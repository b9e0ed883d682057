import math
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Envelope, Program
from engine.setpoints.envelope import DWELL, Outcome, Running, Verdict, admit
from tests.setpoints.fakes import MINUTE, an_envelope, at

END = 60


def program(*steps: tuple[float, float], until: float = END) -> Program:
    return Program(tuple((at(minute), value) for minute, value in steps), at(until))


def fit(asked: Program, envelope: Envelope, in_action: float | None = None, **running: Any) -> Verdict:
    return admit(asked, envelope, Running(in_action, **running))


def admitted(asked: Program, envelope: Envelope, **running: Any) -> Program:
    verdict = fit(asked, envelope, **running)
    assert verdict.program is not None
    return verdict.program


@st.composite
def programs(draw: st.DrawFn) -> Program:
    starts = [0, *sorted(draw(st.sets(st.integers(1, END - 1), max_size=8)))]
    values = [draw(st.sampled_from([-0.5, 0.0, 0.0, 0.2, 0.6, 1.0, 1.5])) for _ in starts]
    return program(*zip(starts, values, strict=True))


envelopes = st.builds(
    lambda step, on, off: an_envelope(largest_step=step, shortest_on=on * MINUTE, shortest_off=off * MINUTE),
    st.sampled_from([None, 0.2, 0.3]),
    st.integers(0, 9),
    st.integers(0, 9),
)


@given(programs())
def test_what_fits_is_accepted_as_it_is(asked: Program) -> None:
    inside = Program(tuple((start, min(max(value, 0), 1)) for start, value in asked.steps), asked.until)
    verdict = fit(inside, an_envelope(), in_action=1.0)
    assert (verdict.outcome, verdict.program, verdict.reasons) == (
        Outcome.ACCEPTED,
        inside.clip(inside.start, inside.until),
        (),
    )


@given(programs(), envelopes, st.sampled_from([None, 0.0, 0.5, 1.0]))
def test_nothing_that_is_admitted_leaves_the_envelope(
    asked: Program, envelope: Envelope, in_action: float | None
) -> None:
    fitted = admitted(asked, envelope, in_action=in_action)
    values = [value for _, value in fitted.steps]
    assert all(envelope.minimum <= value <= envelope.maximum for value in values)
    assert (fitted.start, fitted.until) == (asked.start, asked.until)
    path = values if in_action is None else [in_action, *values]
    if envelope.largest_step is not None:
        assert all(abs(b - a) <= envelope.largest_step + 1e-9 for a, b in pairwise(path))
        assert all(b - a >= DWELL for (a, _), (b, _) in pairwise(fitted.steps))


@given(programs(), envelopes)
def test_on_and_off_last_as_long_as_they_must(asked: Program, envelope: Envelope) -> None:
    fitted = admitted(asked, envelope)
    switches = [fitted.start]
    states = [bool(fitted.steps[0][1])]
    for start, value in fitted.steps[1:]:
        if bool(value) != states[-1]:
            switches.append(start)
            states.append(bool(value))
    for state, (began, ended) in zip(states, pairwise(switches), strict=False):
        assert ended - began >= (envelope.shortest_on if state else envelope.shortest_off)


@given(programs(), envelopes, st.integers(1, END - 1))
def test_asking_again_later_changes_nothing(asked: Program, envelope: Envelope, minute: int) -> None:
    """What is admitted from a later instant on is the tail of what was admitted before."""
    whole = admitted(asked, envelope)
    now = at(minute)
    tail = asked.clip(now, asked.until)
    assert tail is not None
    again = admitted(tail, envelope, **state_at(whole, now))
    assert again == whole.clip(now, whole.until)


def state_at(run: Program, now: datetime) -> dict[str, Any]:
    past = [(start, value) for start, value in run.steps if start <= now]
    switched_at = past[0][0]
    for (_, before), (start, after) in pairwise(past):
        if bool(before) != bool(after):
            switched_at = start
    return {"in_action": past[-1][1], "changed_at": past[-1][0], "switched_at": switched_at}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_refuses_the_whole(value: float) -> None:
    verdict = fit(program((0, 0.5), (10, value), (20, value)), an_envelope(), in_action=1.0)
    assert (verdict.outcome, verdict.program) == (Outcome.REFUSED, None)
    assert verdict.reasons == (
        f"{value} at 2026-11-22T11:10:00Z is not a finite number",
        f"{value} at 2026-11-22T11:20:00Z is not a finite number",
    )


@pytest.mark.parametrize(
    ("asked", "given", "words"),
    [
        (0.0, 0.0, None),
        (1.0, 1.0, None),
        (-1e-9, 0.0, "below the minimum 0"),
        (1.0000001, 1.0, "above the maximum 1"),
        (400.0, 1.0, "400 at 2026-11-22T11:00:00Z is above the maximum 1"),
    ],
)
def test_bounds(asked: float, given: float, words: str | None) -> None:
    verdict = fit(program((0, asked)), an_envelope(), in_action=None)
    assert verdict.program == program((0, given))
    assert verdict.outcome is (Outcome.CLAMPED if words else Outcome.ACCEPTED)
    assert words is None or words in verdict.reasons[0]


def test_values_that_clamp_to_the_same_are_one_step() -> None:
    assert admitted(program((0, 2), (10, 3)), an_envelope()) == program((0, 1))


@pytest.mark.parametrize(
    ("step", "steps"),
    [
        (None, [(0, 1.0)]),
        (1.0, [(0, 1.0)]),
        (0.5, [(0, 0.5), (1, 1.0)]),
        (0.4, [(0, 0.4), (1, 0.8), (2, 1.0)]),
    ],
)
def test_a_large_jump_is_a_staircase(step: float | None, steps: list[tuple[float, float]]) -> None:
    verdict = fit(program((0, 1)), an_envelope(largest_step=step), in_action=0.0)
    assert verdict.program == program(*steps)
    assert bool(verdict.reasons) == (len(steps) > 1)


def test_five_steps_of_a_fifth_reach_one() -> None:
    fitted = admitted(program((0, 1)), an_envelope(largest_step=0.2), in_action=0.0)
    assert len(fitted.steps) == 5
    assert fitted.steps[-1] == (at(4), 1.0)


def test_a_staircase_turns_round_when_the_want_does() -> None:
    fitted = admitted(program((0, 1), (2, 0)), an_envelope(largest_step=0.25), in_action=0.0)
    assert fitted == program((0, 0.25), (1, 0.5), (2, 0.25), (3, 0.0))


def test_the_first_step_waits_for_the_last_one_before() -> None:
    verdict = fit(program((0, 0.5)), an_envelope(largest_step=0.5), in_action=0.0, changed_at=at(-0.5))
    assert verdict.program == program((0, 0.0), (0.5, 0.5))
    assert "less than 0:01:00 after the last step" in verdict.reasons[0]


def test_without_knowing_what_is_in_action_anything_may_follow() -> None:
    assert admitted(program((0, 1)), an_envelope(largest_step=0.1), in_action=None) == program((0, 1))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ([(0, 1), (4, 0)], [(0, 1), (5, 0)]),  # on too briefly: extended
        ([(0, 1), (5, 0)], [(0, 1), (5, 0)]),
        ([(0, 0), (2, 1)], [(0, 0), (3, 1)]),  # off too briefly: extended
        ([(0, 0), (3, 1)], [(0, 0), (3, 1)]),
        ([(0, 1), (1, 0), (2, 1)], [(0, 1)]),  # the want came back while waiting
        ([(0, 0), (1, 1), (2, 0.5)], [(0, 0), (3, 0.5)]),  # honoured from there on
        ([(0, 0.4), (1, 0.9), (6, 0)], [(0, 0.4), (1, 0.9), (6, 0)]),  # dimming is no switching
        ([(0, 1), (58, 0), (59, 1)], [(0, 1), (58, 0)]),  # the wait outlasts the program
    ],
)
def test_shortest_on_and_off(asked: list[tuple[float, float]], given: list[tuple[float, float]]) -> None:
    envelope = an_envelope(shortest_on=5 * MINUTE, shortest_off=3 * MINUTE)
    verdict = fit(program(*asked), envelope, in_action=None)
    assert verdict.program == program(*given)
    assert bool(verdict.reasons) == (asked != given)


@pytest.mark.parametrize(("since", "off_at"), [(None, 0), (-6, 0), (-5, 0), (-4.5, 0.5), (-1, 4)])
def test_a_running_state_counts(since: float | None, off_at: float) -> None:
    switched_at = None if since is None else at(since)
    fitted = admitted(program((0, 0)), an_envelope(shortest_on=5 * MINUTE), in_action=0.7, switched_at=switched_at)
    assert fitted == (program((0, 0)) if off_at == 0 else program((0, 0.7), (off_at, 0)))


def test_a_wait_says_what_limits_it() -> None:
    verdict = fit(program((0, 1), (4, 0)), an_envelope(shortest_on=5 * MINUTE), in_action=None)
    (reason,) = verdict.reasons
    assert reason.startswith("1 to 0 at 2026-11-22T11:04:00Z comes 0:04:00 after it went on")
    assert reason.endswith("which lasts 0:05:00 at least (level 6): waits until 2026-11-22T11:05:00Z")


def test_a_staircase_switches_off_only_when_allowed() -> None:
    """Both limits at once: down by a half each minute, the last step waiting for the shortest on."""
    envelope = an_envelope(largest_step=0.5, shortest_on=4 * MINUTE)
    assert admitted(program((0, 1), (1, 0)), envelope) == program((0, 1), (1, 0.5), (4, 0))


def test_a_building_that_may_not_be_switched_off() -> None:
    """A range that leaves zero out: nothing is ever off, bounds and steps still hold."""
    envelope = an_envelope(minimum=8, maximum=24, largest_step=3.0, shortest_on=timedelta(hours=9))
    assert admitted(program((0, 30)), envelope, in_action=19.0) == program((0, 22), (1, 24))
    assert admitted(program((0, 0)), envelope, in_action=10.0) == program((0, 8))
