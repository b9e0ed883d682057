"""Programs are step functions; command states know which of them are ends."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import CommandState, Program

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)


def minute(n: int) -> datetime:
    return T0 + timedelta(minutes=n)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    starts = sorted(draw(st.sets(st.integers(0, 200), min_size=1, max_size=8)))
    values = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(starts), max_size=len(starts)))
    until = starts[-1] + draw(st.integers(1, 50))
    return Program(tuple((minute(s), v) for s, v in zip(starts, values, strict=True)), minute(until))


@pytest.mark.parametrize(
    "steps",
    [(), ((minute(5), 1.0),), ((minute(3), 1.0), (minute(3), 0.5)), ((minute(4), 1.0), (minute(2), 0.5))],
    ids=["empty", "ends as it begins", "two at once", "backwards"],
)
def test_programs_that_are_none(steps: tuple[tuple[datetime, float], ...]) -> None:
    with pytest.raises(ValueError, match="a program wants"):
        Program(steps, minute(5))


def test_a_program_holds_on_half_open_steps() -> None:
    program = Program(((minute(0), 0.5), (minute(10), 1.0)), minute(20))
    assert [program.at(minute(m)) for m in (-1, 0, 9, 10, 19, 20)] == [None, 0.5, 0.5, 1.0, 1.0, None]


@given(programs(), st.integers(-10, 260), st.integers(-10, 260))
def test_clipping_keeps_every_value_inside_and_nothing_outside(program: Program, start: int, until: int) -> None:
    part = program.clip(minute(start), minute(until))
    for m in range(-10, 260):
        inside = start <= m < until
        expected = program.at(minute(m)) if inside else None
        assert (part.at(minute(m)) if part else None) == expected


@given(programs())
def test_clipping_merges_equal_neighbours(program: Program) -> None:
    part = program.clip(program.start, program.until)
    assert part is not None
    values = [value for _, value in part.steps]
    assert all(a != b for a, b in pairwise(values))


def test_a_constant_is_a_program_of_one_step() -> None:
    assert Program.constant(0.3, minute(1), minute(2)).at(minute(1)) == 0.3


def test_terminal_states() -> None:
    moving = {s for s in CommandState if not s.terminal}
    assert moving == {
        CommandState.QUEUED,
        CommandState.SENDING,
        CommandState.SENT,
        CommandState.ACKED,
        CommandState.UNKNOWN,
    }
