"""Blast radius: what is never held, how a batch is weighed, which commands go first."""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.model import Command, Level, Program
from engine.setpoints.blast import Move, Verdict, choose_canary, is_small, is_urgent, move_of, weigh
from engine.setpoints.courses import Course, Deed
from engine.setpoints.limits import Bounds, load_blast
from tests.conftest import ROOT

from .fakes import a_command, a_point, at

LAMP = replace(a_point(safe_direction=1), load=100.0)
VALVE = a_point(safe=0.0, safe_direction=-1)


def bounds(**changes: Any) -> Bounds:
    plain: dict[str, Any] = {
        "counts_from": "10 %",
        "few": 5,
        "canary_above": {"share": "10 %", "load": "5 kW"},
        "approval_above": {"share": "60 %", "load": "50 kW"},
        "canary": "1 %",
        "stop_above": "5 %",
        "within": "15min",
        "approve_within": "1h",
    }
    return Bounds.model_validate(plain | changes)


def flat(value: float, number: int = 0, level: Level = Level.RULE) -> Command:
    """A command of one value from noon for ten hours."""
    program = Program.constant(value, at(0), at(600))
    return replace(a_command(point=f"L-{number}/illuminanceLevel"), program=program, level=level, id=f"{number:064x}")


def running(value: float) -> Deed:
    return Deed(at(-60), Program.constant(value, at(-60), at(600)))


def moves(count: int, share: float = 1.0, load: float = 0.0, *, known: bool = True) -> list[Move]:
    return [Move(flat(0.5, n), share, load, known) for n in range(count)]


@pytest.mark.parametrize(
    ("point", "value", "before", "urgent"),
    [
        (LAMP, 1.0, 0.4, True),  # the safe value
        (LAMP, 0.6, 0.4, True),  # more light
        (LAMP, 0.3, 0.4, False),
        (VALVE, 0.0, 0.4, True),
        (VALVE, 0.2, 0.4, True),  # closing
        (VALVE, 0.6, 0.4, False),
        (a_point(safe=0.5), 0.5, 0.9, True),  # no safe direction: the safe value alone
        (a_point(safe=0.5), 0.6, 0.4, False),
    ],
)
def test_moves_to_safe_or_towards_it_are_urgent(point: Any, value: float, before: float, urgent: bool) -> None:
    assert is_urgent(flat(value), point, running(before), at(0)) is urgent


def test_what_is_not_known_to_be_in_action_is_taken_for_the_worst() -> None:
    assert is_urgent(flat(1.0), LAMP, None, at(0), sure=False)
    assert not is_urgent(flat(0.9), LAMP, None, at(0), sure=False)


@given(st.sampled_from(list(Level)), st.floats(0, 1), st.floats(0, 1))
def test_levels_1_to_5_are_urgent_whatever_they_move(level: Level, value: float, before: float) -> None:
    if level <= Level.PROTECTION:
        assert is_urgent(flat(value, level=level), LAMP, running(before), at(0))
    later = {"wants": [{"level": 12}, {"level": int(level)}], "pieces": [["", "", 1, 0, []], ["", "", 0, 1, []]]}
    beaten = {"wants": [{"level": 12}, {"level": int(level)}], "pieces": [["", "", 1, 0, [1]]]}
    dim = flat(0.0)
    assert is_urgent(replace(dim, explanation=later), LAMP, running(1.0), at(0)) is (level <= Level.PROTECTION)
    assert not is_urgent(replace(dim, explanation=beaten), LAMP, running(1.0), at(0))


def test_a_move_is_a_share_of_the_range_and_of_the_load() -> None:
    assert move_of(flat(0.2), LAMP, Course([running(0.6)]), at(0)) == Move(
        flat(0.2), pytest.approx(0.4), pytest.approx(40.0)
    )
    heating = replace(a_point(minimum=8, maximum=24, safe=19), load=0.0)
    assert move_of(flat(20), heating, Course([running(16)]), at(0)).share == pytest.approx(0.25)
    assert not move_of(flat(0.2), LAMP, Course([]), at(0)).known


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (moves(10), Verdict.FREE),  # 10 % is not above 10 %
        (moves(11), Verdict.CANARY),
        (moves(11, share=0.09), Verdict.FREE),  # trimming
        (moves(60), Verdict.CANARY),
        (moves(61), Verdict.APPROVAL),
        (moves(61, known=False), Verdict.CANARY),  # put in service
        (moves(4, load=1_300), Verdict.CANARY),  # few, and heavy
        (moves(1, load=6_000), Verdict.FREE),  # its own canary
        (moves(1, load=51_000), Verdict.APPROVAL),
        ([], Verdict.FREE),
    ],
)
def test_a_batch_is_judged_by_share_and_load(found: list[Move], verdict: Verdict) -> None:
    weight = weigh(found, bounds(), 100)
    assert weight.verdict is verdict
    assert bool(weight.over) is (verdict is not Verdict.FREE or len(found) == 1)


def test_shares_mean_nothing_in_a_domain_of_four() -> None:
    assert weigh(moves(4), bounds(), 4).verdict is Verdict.FREE


ORDER = list(Verdict)
some_moves = st.lists(
    st.builds(Move, st.just(flat(0.5)), st.floats(0, 1), st.floats(0, 20_000), st.booleans()), max_size=30
)


@given(some_moves, some_moves, st.integers(1, 300))
def test_more_moves_are_never_judged_milder(some: list[Move], more: list[Move], of: int) -> None:
    small, large = weigh(some, bounds(), of), weigh([*some, *more], bounds(), of)
    assert ORDER.index(small.verdict) <= ORDER.index(large.verdict)
    assert (small.points, small.share) <= (large.points, large.share)
    assert small.load <= large.load + 1e-6


@given(some_moves, st.integers(1, 300))
def test_what_is_small_is_free_however_far_it_moves(some: list[Move], of: int) -> None:
    if is_small(len(some), sum(move.load for move in some), bounds(), of):
        assert weigh(some, bounds(), of).verdict is Verdict.FREE


@given(some_moves, st.integers(1, 300))
def test_looser_bounds_never_judge_harder(some: list[Move], of: int) -> None:
    loose = bounds(canary_above={"share": "30 %", "load": "9 kW"}, approval_above={"share": "90 %", "load": "90 kW"})
    assert ORDER.index(weigh(some, loose, of).verdict) <= ORDER.index(weigh(some, bounds(), of).verdict)


@given(
    st.permutations(range(60)), st.integers(2, 60), st.floats(0.01, 0.5), st.integers(1, 9), st.sets(st.integers(0, 59))
)
def test_a_canary_is_a_small_part_spread_over_gateways_and_always_the_same(
    order: list[int], count: int, share: float, gateways: int, broken: set[int]
) -> None:
    def gateway(point: str) -> str:
        return f"G-{int(point[2:].split('/', maxsplit=1)[0]) % gateways}"

    def sound(point: str) -> bool:
        return int(point[2:].split("/", maxsplit=1)[0]) not in broken

    commands = [flat(0.5, n) for n in order if n < count]
    canary = choose_canary(commands, share, gateway, sound)
    assert canary == choose_canary(sorted(commands, key=lambda c: c.point), share, gateway, sound)
    assert canary < {command.id for command in commands}
    assert len(canary) == max(1, math.ceil(share * count - 1e-9))
    chosen = [command.point for command in commands if command.id in canary]
    whole = [command.point for command in commands if sound(command.point)]
    assert sum(map(sound, chosen)) == min(len(chosen), len(whole))
    room = Counter(map(gateway, whole))
    taken = Counter(gateway(point) for point in chosen if sound(point))
    # No gateway gives two more than another that had some left to give.
    assert all(taken[a] <= taken[b] + 1 for a in room for b in room if taken[b] < room[b])


def test_a_night_in_which_every_valve_is_opened_waits_for_nobody(catalogue: Catalogue) -> None:
    """The first dry evening after a week of rain: as shipped, a few valves go first, and no second person is asked."""
    blast = load_blast(ROOT / "rules" / "blast.yaml", catalogue)
    assert blast is not None
    assert weigh(moves(400), blast.of("irrigation"), 440).verdict is Verdict.CANARY
    assert weigh(moves(440), blast.of("irrigation"), 440).verdict is Verdict.CANARY
