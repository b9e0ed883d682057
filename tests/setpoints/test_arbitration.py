import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import to_us
from engine.model import Level, Program, Slot
from engine.setpoints.arbitration import resolve
from tests.setpoints.fakes import NOON, a_slot, at

HORIZON = 40
SAFE = 9.0


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    starts = sorted(draw(st.sets(st.integers(-10, HORIZON + 10), min_size=2, max_size=5)))
    values = draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=len(starts) - 1, max_size=len(starts) - 1))
    program = Program(tuple((at(start), value) for start, value in zip(starts, values, strict=False)), at(starts[-1]))
    level = Level(draw(st.integers(1, 16)))
    source = draw(st.sampled_from(["a", "b", "c"]))
    return Slot("P", level, source, program, at(draw(st.integers(-9, 0))), draw(st.sampled_from("vw")), "why")


arrays = st.lists(slots(), max_size=7)


def oracle(array: list[Slot], instant: datetime) -> Slot | None:
    """The definition, read aloud."""
    valid = [slot for slot in array if slot.program.at(instant) is not None]
    return min(
        valid,
        key=lambda s: (s.level, s.source, -to_us(s.written_at), s.version, s.program.until, s.program.steps),
        default=None,
    )


@given(arrays)
def test_at_every_instant_the_lowest_valid_level_wins(array: list[Slot]) -> None:
    resolution = resolve(array, NOON, at(HORIZON), SAFE)
    for half_minute in range(2 * HORIZON):
        instant = at(half_minute / 2)
        expected = oracle(array, instant)
        piece = resolution.at(instant)
        assert piece.winner == expected
        assert piece.value == (SAFE if expected is None else expected.program.at(instant))
        assert resolution.program.at(instant) == piece.value
        assert len(piece.losers) == max(0, sum(s.program.at(instant) is not None for s in array) - 1)


@given(arrays, st.randoms(use_true_random=False))
def test_the_order_of_writing_does_not_matter(array: list[Slot], shuffler: random.Random) -> None:
    shuffled = list(array)
    shuffler.shuffle(shuffled)
    assert resolve(array, NOON, at(HORIZON), SAFE) == resolve(shuffled, NOON, at(HORIZON), SAFE)


@given(arrays)
def test_pieces_cover_the_span_without_gap_and_neighbours_differ(array: list[Slot]) -> None:
    pieces = resolve(array, NOON, at(HORIZON), SAFE).pieces
    assert (pieces[0].start_at, pieces[-1].until_at) == (NOON, at(HORIZON))
    for a, b in pairwise(pieces):
        assert a.until_at == b.start_at
        assert (a.value, a.winner, a.losers) != (b.value, b.winner, b.losers)


@given(arrays)
def test_losers_stand_best_first(array: list[Slot]) -> None:
    for piece in resolve(array, NOON, at(HORIZON), SAFE).pieces:
        contenders = [slot for slot in (piece.winner, *piece.losers) if slot is not None]
        assert [(s.level, s.source) for s in contenders] == sorted((s.level, s.source) for s in contenders)
        assert (piece.winner is None) == (not contenders)


@given(arrays)
def test_an_expired_slot_never_wins(array: list[Slot]) -> None:
    for piece in resolve(array, NOON, at(HORIZON), SAFE).pieces:
        if piece.winner is not None:
            assert piece.winner.program.start <= piece.start_at
            assert piece.until_at <= piece.winner.program.until


@given(arrays)
def test_adding_a_slot_of_a_lower_level_beats_all(array: list[Slot]) -> None:
    others = [slot for slot in array if slot.level > Level.LIFE_SAFETY_MANUAL]
    top = a_slot(0.125, level=Level.LIFE_SAFETY_MANUAL, start=5, until=15)
    resolution = resolve([*others, top], NOON, at(HORIZON), SAFE)
    assert all(resolution.at(at(minute)).winner is top for minute in range(5, 15))
    assert resolution.at(at(15)).winner is not top


@given(st.lists(slots(), max_size=4), st.integers(1, HORIZON - 1))
def test_resolving_later_gives_the_tail(array: list[Slot], minute: int) -> None:
    whole, tail = (resolve(array, at(start), at(HORIZON), SAFE) for start in (0, minute))
    assert tail.program == whole.program.clip(at(minute), at(HORIZON))


def test_an_empty_array_gives_the_safe_default() -> None:
    resolution = resolve([], NOON, at(30), SAFE)
    assert resolution.program == Program.constant(SAFE, NOON, at(30))
    assert resolution.at(NOON).winner is None


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (a_slot(0.1, level=Level.OPERATOR), a_slot(0.2, level=Level.RULE)),
        (a_slot(0.1, level=Level.RULE), a_slot(0.2, level=Level.OPTIMISER)),
        (a_slot(0.1, level=Level.CALENDAR), a_slot(0.2, level=Level.SAFE_DEFAULT)),
        (a_slot(0.1, source="rule:a"), a_slot(0.2, source="rule:b")),
        (a_slot(0.1, written=-1), a_slot(0.2, written=-2)),
    ],
)
def test_precedence(better: Slot, worse: Slot) -> None:
    for array in ([better, worse], [worse, better]):
        piece = resolve(array, NOON, at(30), SAFE).at(NOON)
        assert (piece.winner, piece.losers, piece.value) == (better, (worse,), 0.1)


def test_a_presence_boost_over_a_plan() -> None:
    """The everyday case: 15 minutes of full light in a dimmed night, then the plan again."""
    plan = a_slot(0.5, level=Level.DAY_AHEAD_PLAN, source="plan", until=600)
    boost = a_slot(1.0, level=Level.RULE, start=10, until=25)
    resolution = resolve([plan, boost], NOON, at(600), SAFE)
    assert resolution.program == Program(((NOON, 0.5), (at(10), 1.0), (at(25), 0.5)), at(600))
    assert resolution.at(at(10)).losers == (plan,)


def test_a_value_that_does_not_change_is_one_step_and_two_pieces() -> None:
    plan = a_slot(1.0, level=Level.DAY_AHEAD_PLAN, source="plan", until=60)
    boost = a_slot(1.0, level=Level.RULE, start=10, until=25)
    resolution = resolve([plan, boost], NOON, at(60), SAFE)
    assert resolution.program == Program.constant(1.0, NOON, at(60))
    assert [piece.winner for piece in resolution.pieces] == [plan, boost, plan]


def test_a_loser_that_changes_its_mind_cuts_no_piece() -> None:
    plan = Slot("P", Level.DAY_AHEAD_PLAN, "plan", Program(((NOON, 0.2), (at(9), 0.3)), at(60)), NOON, "v", "")
    boost = a_slot(1.0, until=60)
    assert len(resolve([plan, boost], NOON, at(60), SAFE).pieces) == 1


@pytest.mark.parametrize("until", [NOON, at(-1)])
def test_an_empty_span_is_refused(until: datetime) -> None:
    with pytest.raises(ValueError, match="now < until"):
        resolve([], NOON, until, SAFE)


@pytest.mark.parametrize("instant", [at(-1), at(30)])
def test_asking_outside_the_span_is_refused(instant: datetime) -> None:
    with pytest.raises(ValueError, match="outside"):
        resolve([], NOON, at(30), SAFE).at(instant)


def test_the_last_microsecond_belongs_to_the_span() -> None:
    assert resolve([], NOON, at(30), SAFE).at(at(30) - timedelta(microseconds=1)).value == SAFE


def test_work_grows_as_k_log_k() -> None:
    """Ten times the boundaries of disjoint slots: ten times the pieces, each touched once, none rescanned."""

    class Counted(float):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return float(self) == other

        __hash__ = float.__hash__

    work = []
    for k in (100, 1_000):
        Counted.compared = 0
        array = [a_slot(Counted(i), source=f"{i:04}", start=i, until=i + 1) for i in range(k)]
        assert len(resolve(array, NOON, at(k), SAFE).pieces) == k
        work.append(Counted.compared)
    assert work[1] <= 15 * work[0]
