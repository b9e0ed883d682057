"""What a point was made to do, and how far a program moves it from that and from its usual day."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import PARIS, noon
from engine.model import Program
from engine.setpoints.courses import ABOUT, DAY, Course, Deed, moved, never_below

from .fakes import MINUTE, at

H = 60.0
SAFE = 1.0
CHANGES = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)]
"""Whose noon begins a day in which clocks change, or one after such a day."""


def program(*steps: tuple[float, float], until: float) -> Program:
    """Steps and end in hours after noon."""
    return Program(tuple((at(hour * H), value) for hour, value in steps), at(until * H))


def on(each: Program, by: timedelta) -> Program:
    """The same program by so much later."""
    return Program(tuple((start + by, value) for start, value in each.steps), each.until + by)


def night(day: int = 0, low: float = 0.5, shift_min: float = 0.0) -> Program:
    """Noon to noon: off, full at dusk, dimmed from 23:00 to 05:00, off at dawn."""
    noon, shift = 24.0 * day, shift_min / 60
    steps = (noon, 0.0), (noon + 5 + shift, 1.0), (noon + 11, low), (noon + 17, 1.0), (noon + 19 - shift, 0.0)
    return program(*steps, until=noon + 24)


def course(*programs: Program, keeps: bool = False) -> Course:
    return Course([Deed(each.start, each) for each in programs], keeps=keeps)


def test_a_later_deed_replaces_what_was_to_come() -> None:
    found = course(program((0, 0.2), (4, 0.4), until=24), program((2, 0.9), until=3))
    assert [found.at(at(h * H)) for h in (-1, 0, 1.9, 2, 2.9, 3, 5)] == [None, 0.2, 0.2, 0.9, 0.9, None, None]


def test_equipment_without_programs_keeps_its_last_value() -> None:
    assert course(program((0, 0.2), until=1), keeps=True).at(at(50 * H)) == 0.2


def test_nothing_is_known_of_a_point_that_was_never_commanded() -> None:
    assert not course()
    assert moved(night(), course(), at(0), SAFE) == 1.0


def test_the_same_night_again_moves_nothing_also_when_dusk_has_moved_or_the_plan_is_a_little_late() -> None:
    usual = course(night(0))
    for shift in (-9, 0, 9):
        assert moved(night(1, shift_min=shift), usual, at(24 * H), SAFE) == 0
    late = Program(((at(24 * H + 5), 0.0), *night(1).steps[1:]), night(1).until)
    assert moved(late, usual, at(24 * H + 5), SAFE) == 0


def test_only_what_a_plan_does_differently_counts() -> None:
    assert moved(night(1, low=0.3), course(night(0)), at(24 * H), SAFE) == pytest.approx(0.2)
    blackout = program((24, 0.0), until=48)
    assert moved(blackout, course(night(0)), at(24 * H), SAFE) == 1.0


def test_after_days_of_silence_the_last_day_that_is_known_is_the_usual_one() -> None:
    assert moved(night(4), course(night(0)), at(4 * 24 * H), SAFE) == 0


def test_of_several_days_the_nearest_counts_as_a_whole() -> None:
    rainy = program((24, 0.0), (29, 1.0), (43, 0.0), until=48)
    usual = course(night(0), rainy)
    assert moved(night(2), usual, at(48 * H), SAFE) == pytest.approx(0.5)
    assert moved(night(2), usual, at(48 * H), SAFE, days=2) == 0
    assert moved(night(2, low=0.2), usual, at(48 * H), SAFE, days=7) == pytest.approx(0.3)


def test_a_boost_last_night_does_not_hide_what_the_plan_said() -> None:
    rest = Program(((at(10 * H), 1.0), *night(0).steps[2:]), night(0).until)
    assert moved(night(1), course(night(0), rest), at(24 * H), SAFE) == 0


def test_a_short_move_counts_whole() -> None:
    running = course(program((-24, 1.0), until=48))
    assert moved(program((0, 0.0), (0.05, 1.0), until=24), running, at(0), SAFE) == 1.0


def test_an_override_that_is_renewed_goes_on() -> None:
    plan = program((0, 1.0), until=24)
    override = Program(((at(0), 0.2), (at(H), 1.0)), at(24 * H))
    renewal = Program(((at(0.4 * H), 0.2), (at(1.4 * H), 1.0)), at(24 * H))
    once, held = Deed(at(0), override), Deed(at(0), override, renewed_by=at(H))
    assert moved(renewal, Course([Deed(plan.start, plan), once]), at(0.4 * H), SAFE) == pytest.approx(0.8)
    assert moved(renewal, Course([Deed(plan.start, plan), held]), at(0.4 * H), SAFE) == 0
    deeper = Program(((at(0.4 * H), 0.0), (at(1.4 * H), 1.0)), at(24 * H))
    assert moved(deeper, Course([Deed(plan.start, plan), held]), at(0.4 * H), SAFE) == pytest.approx(0.2)


values = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


@st.composite
def programs(draw: st.DrawFn, start: float | None = None) -> Program:
    """Up to six steps on a grid of five minutes within two days."""
    begin = draw(st.integers(-300, 300)) if start is None else int(start)
    marks = sorted(draw(st.sets(st.integers(1, 500), min_size=1, max_size=6)))
    steps = [(at(5 * begin), draw(values)), *((at(5 * (begin + mark)), draw(values)) for mark in marks[:-1])]
    return Program(tuple(steps), at(5 * (begin + marks[-1])))


def at_the_same_time(instant: datetime, shift: timedelta) -> set[datetime]:
    """Of an earlier day: by the sun, and by the clock on the wall."""
    then = (instant - shift).astimezone(PARIS)
    wall = (instant.astimezone(PARIS).replace(tzinfo=None) - shift).replace(tzinfo=UTC)
    return {instant - shift, wall - (then.utcoffset() or timedelta(0))}


def by_the_minute(wanted: Program, known: Course, now: datetime) -> float:
    """`moved` as its docstring says it, tried at every minute."""
    shift, largest = known.days_back(now) * DAY, 0.0
    instant = max(now, wanted.start)
    while instant < min(wanted.until, now + DAY):
        value, otherwise = wanted.at(instant), known.at(instant)
        assert value is not None
        distance = abs(value - (SAFE if otherwise is None else otherwise))
        for then in at_the_same_time(instant, shift):
            around = [known.at(then + k * MINUTE) for k in range(-15, 16)]
            usual = [each for each in around if each is not None]
            if usual:
                distance = min(distance, max(min(usual) - value, value - max(usual), 0.0))
        largest, instant = max(largest, distance), instant + MINUTE
    return largest


@given(
    programs(start=0), st.lists(programs(), max_size=3), st.booleans(), st.sampled_from([*CHANGES, date(2026, 11, 22)])
)
def test_the_largest_move_is_the_one_of_every_minute(
    wanted: Program, before: list[Program], keeps: bool, day: date
) -> None:
    by = noon(day) - at(0)
    deeds = [Deed(each.start, each) for each in (on(each, by) for each in before if each.start <= at(0))]
    known = Course(deeds, keeps=keeps)
    assert moved(on(wanted, by), known, at(0) + by, SAFE) == by_the_minute(on(wanted, by), known, at(0) + by)


@pytest.mark.parametrize("day", CHANGES)
def test_the_night_after_the_clocks_changed_is_like_the_one_before(day: date) -> None:
    """Dusk and dawn by the sun, classes by the clock on the wall."""

    def lit(of: date) -> Program:
        steps = [(noon(of), 0.0), (datetime.combine(of, time(18), UTC), 1.0)]
        steps += [(datetime.combine(of, time(22), PARIS).astimezone(UTC), 0.5)]
        steps += [(datetime.combine(of + DAY, time(5), PARIS).astimezone(UTC), 1.0)]
        steps += [(datetime.combine(of + DAY, time(6), UTC), 0.0)]
        return Program(tuple(steps), noon(of + DAY))

    first, second = lit(day - DAY), lit(day)
    assert moved(second, course(first), first.until, SAFE) == 0


@given(programs(start=0), programs(start=-50), st.sampled_from([-1, 0, 1]), st.sampled_from([0.0, 1.0]))
def test_never_below_is_what_it_says_at_every_minute(
    wanted: Program, before: Program, direction: int, safe: float
) -> None:
    known, instant, harmless = course(before), at(0), True
    while instant < wanted.until:
        value, otherwise = wanted.at(instant), known.at(instant)
        assert value is not None
        along = direction * (value - (safe if otherwise is None else otherwise))
        harmless &= value == safe or (direction != 0 and along >= 0)
        instant += timedelta(minutes=5)
    assert never_below(wanted, Deed(before.start, before), at(0), safe, direction) is harmless


def test_about_is_a_quarter_of_an_hour() -> None:
    # The tests above walk fifteen minutes to each side.
    assert timedelta(minutes=15) == ABOUT
