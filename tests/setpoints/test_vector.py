"""All points at once decide as each by itself."""

from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Level, Program, Slot
from engine.setpoints.arbitration import resolve
from engine.setpoints.vector import NOBODY, Arrays, resolve_all
from tests.setpoints.fakes import a_slot, at


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    starts = sorted(draw(st.sets(st.integers(-20, 60), min_size=1, max_size=4)))
    steps = tuple((at(start), float(draw(st.integers(0, 4)))) for start in starts)
    program = Program(steps, at(starts[-1] + draw(st.integers(1, 40))))
    level, written = draw(st.sampled_from(list(Level))), draw(st.integers(0, 3))
    plain = a_slot(0, level=level, source=draw(st.sampled_from("abc")), written=written)
    return Slot(plain.point, level, plain.source, program, plain.written_at, plain.version, plain.reason)


@given(st.lists(st.lists(slots(), max_size=6), max_size=6), st.integers(-30, 110))
def test_all_at_once_is_each_by_itself(arrays: list[list[Slot]], minute: int) -> None:
    safe = np.arange(len(arrays)) + 0.5
    values, winners = resolve_all(Arrays.of(arrays), at(minute), safe)
    every = list(chain.from_iterable(arrays))
    for number, array in enumerate(arrays):
        piece = resolve(array, at(minute), at(minute + 1), safe[number]).at(at(minute))
        assert values[number] == piece.value
        assert (None if winners[number] == NOBODY else every[winners[number]]) == piece.winner


def test_nobody_wants_anything_of_nothing() -> None:
    values, winners = resolve_all(Arrays.of([]), at(0), np.empty(0))
    assert len(values) == len(winners) == 0
    values, winners = resolve_all(Arrays.of([[], []]), at(0), np.array([1.0, 0.0]))
    assert values.tolist() == [1.0, 0.0]
    assert winners.tolist() == [NOBODY, NOBODY]
