"""Programs as TALQ says them, read again by another reading of the standard."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.equipment.talq_programs import (
    Calendar,
    DayProgram,
    Limits,
    Unsayable,
    calendar_of,
    day_program,
    limits_of,
    percent,
)
from engine.instants import PARIS
from engine.model import Program

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
OFFSETS = [timedelta(0), timedelta(hours=12)]
CLOCK_CHANGES = [datetime(2026, 3, 28, 11, tzinfo=UTC), datetime(2026, 10, 24, 10, tzinfo=UTC)]


def in_action(calendar: Calendar, at: datetime, offset: timedelta) -> int | None:
    """What a gateway does, minute by minute through its local day; None where no program is active."""
    local = at.astimezone(PARIS).replace(tzinfo=None)
    program = dict(calendar.days).get((local - offset).date())
    if program is None:
        return None
    since = lambda moment: (datetime.combine(date(2000, 1, 2), moment) - offset).time()
    now, begins, ends = since(local.time()), since(program.begins), since(program.ends)
    if program.begins != program.ends and not begins <= now < (ends if ends > begins else time.max):
        return None
    passed = [(since(moment), value) for moment, value in program.controls if since(moment) <= now]
    return max(passed)[1] if passed else max((since(moment), value) for moment, value in program.controls)[1]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    start = draw(st.sampled_from([NOON, *CLOCK_CHANGES])) + timedelta(minutes=draw(st.integers(-600, 600)))
    waits = draw(st.lists(st.integers(1, 900), min_size=1, max_size=8))
    values = draw(st.lists(st.integers(0, 100), min_size=len(waits), max_size=len(waits)))
    at, steps = start, []
    for wait, value in zip(waits, values, strict=True):
        steps.append((at, value / 100))
        at += timedelta(minutes=wait)
    return Program(tuple(steps), at)


@given(programs(), st.sampled_from(OFFSETS), st.integers(0, 1))
def test_a_gateway_does_what_the_program_says(program: Program, offset: timedelta, ahead: int) -> None:
    now = program.start - timedelta(minutes=ahead)
    try:
        calendar = calendar_of(program, Limits(offset=offset), now)
    except Unsayable as error:
        assert any(word in str(error) for word in ("twice", "time of day"))
        return
    at = program.start
    while at < program.until:
        value = program.at(at)
        assert value is not None
        assert in_action(calendar, at, offset) == percent(value), at
        at += timedelta(minutes=1)
    assert in_action(calendar, program.until, offset) is None
    if ahead:
        assert in_action(calendar, now, offset) is None


@given(programs(), st.sampled_from(OFFSETS))
def test_it_is_refused_only_for_the_hour_that_comes_twice(program: Program, offset: timedelta) -> None:
    changing = datetime(2026, 10, 25, tzinfo=UTC)
    assume(all(abs(at - changing) > timedelta(hours=3) for at in (*(at for at, _ in program.steps), program.until)))
    calendar_of(program, Limits(offset=offset), program.start)


def test_what_lamps_and_days_share_is_said_once() -> None:
    limits = Limits(offset=timedelta(hours=12))
    night = [(NOON, 0.0), (NOON + timedelta(hours=5), 1.0), (NOON + timedelta(hours=11), 0.4)]
    today = Program(tuple(night), NOON + timedelta(days=1))
    tomorrow = Program(tuple((at + timedelta(days=1), value) for at, value in night), NOON + timedelta(days=2))
    late = today.clip(NOON + timedelta(minutes=7, seconds=3), today.until)
    assert late is not None
    one, two = calendar_of(today, limits, NOON), calendar_of(tomorrow, limits, NOON + timedelta(days=1))
    assert one.programs == two.programs
    assert one.id != two.id
    assert calendar_of(late, limits, NOON + timedelta(minutes=8)) == one
    (program,) = one.programs.values()
    assert program == DayProgram(time(12), time(12), ((time(12), 0), (time(17), 100), (time(23), 40)))
    assert one.days == ((date(2026, 11, 22), program),)


def test_the_standards_own_example_of_a_day() -> None:
    """20:00 to 6:00: at midnight days one program becomes two, at noon days it stays one."""
    evening, morning = NOON + timedelta(hours=8), NOON + timedelta(hours=18)
    program = Program.constant(1.0, evening, morning)
    assert [(day.isoformat(), part.begins, part.ends) for day, part in calendar_of(program, Limits(), NOON).days] == [
        ("2026-11-22", time(20), time(0)),
        ("2026-11-23", time(0), time(6)),
    ]
    by_noon = calendar_of(program, Limits(offset=timedelta(hours=12)), NOON)
    assert [(day.isoformat(), part.begins, part.ends) for day, part in by_noon.days] == [
        ("2026-11-22", time(20), time(6))
    ]


def test_what_does_not_fit_says_so() -> None:
    steps = tuple((NOON + timedelta(hours=n), n % 2 / 1) for n in range(10))
    program = Program(steps, NOON + timedelta(hours=40))
    with pytest.raises(Unsayable, match="has 10 switching points, the gateway takes 9"):
        calendar_of(program, Limits(switch_points=9, offset=timedelta(hours=12)), NOON)
    with pytest.raises(Unsayable, match="a calendar takes 1 programs"):
        calendar_of(program, Limits(programs_a_calendar=1), NOON)
    calendar_of(program, Limits(switch_points=10, programs_a_calendar=2, offset=timedelta(hours=12)), NOON)
    with pytest.raises(Unsayable, match=r"found 1\.5"):
        calendar_of(Program.constant(1.5, NOON, NOON + timedelta(hours=1)), Limits(), NOON)


def test_equal_levels_are_no_switching_points() -> None:
    program = Program(((NOON, 0.401), (NOON + timedelta(hours=1), 0.399)), NOON + timedelta(hours=2))
    ((_, day),) = calendar_of(program, Limits(), NOON).days
    assert [value for _, value in day.controls] == [40]


def test_limits_are_read_as_announced() -> None:
    told = {"name": "ControlService", "maximumPrograms": 32, "dayOffset": 12, "programSecondsSupported": False}
    assert limits_of(told) == Limits(programs=32, offset=timedelta(hours=12), seconds=False)
    for wrong in ({}, [], {"name": "OtherService"}, {**told, "dayOffset": 6}, {**told, "maximumPrograms": "many"}):
        with pytest.raises((ValueError, TypeError)):
            limits_of(wrong)


def test_of_two_days_told_before_noon_the_first_needs_no_program_of_its_own() -> None:
    """So that a gateway of one program a calendar can be told a night before it begins."""
    limits = Limits(offset=timedelta(hours=12), programs_a_calendar=1)
    night = ((NOON, 0.0), (NOON + timedelta(hours=5), 1.0), (NOON + timedelta(hours=20), 0.0))
    early = NOON - timedelta(hours=1)
    told = calendar_of(Program(((early, 0.0), *night[1:]), NOON + timedelta(days=1)), limits, early)
    assert told.programs == calendar_of(Program(night, NOON + timedelta(days=1)), limits, NOON).programs
    assert [day.isoformat() for day, _ in told.days] == ["2026-11-21", "2026-11-22"]
    with pytest.raises(Unsayable, match="a calendar takes 1 programs"):
        calendar_of(Program(((early, 0.4), *night), NOON + timedelta(days=1)), limits, early)


def test_what_gateways_show_is_read_as_it_was_told() -> None:
    program = DayProgram(time(12), time(12), ((time(6, 30), 40), (time(12), 0), (time(17, 5, 30), 100)))
    assert day_program({"id": "x", "ownerCMS": "y", **program.content}) == program
    for wrong in ({}, {**program.content, "activePeriods": []}, {**program.content, "fixedTimeControls": [{}]}):
        with pytest.raises((KeyError, ValueError)):
            day_program(wrong)


@pytest.mark.parametrize("offset", OFFSETS)
def test_what_follows_an_instant_is_compared_by_the_gateways_day(offset: timedelta) -> None:
    limits = Limits(offset=offset)
    whole = time((offset // timedelta(hours=1)) % 24)
    one = DayProgram(whole, whole, ((time(2), 30), (time(13), 0), (time(20), 100)))
    other = DayProgram(whole, whole, ((time(2), 30), (time(14), 0), (time(20), 100)))
    at = lambda hour: datetime(2026, 11, 22, hour, tzinfo=PARIS).astimezone(UTC)
    assert one.rest(at(21), limits) == other.rest(at(21), limits)
    assert one.rest(at(13), limits) != other.rest(at(13), limits)
    assert (one.rest(at(3), limits) == other.rest(at(3), limits)) == (offset == timedelta(hours=12))
    short = DayProgram(time(22), time(23), ((time(22), 50),))
    assert short.rest(at(21), limits) is None
    assert short.rest(at(22), limits) is not None
    assert short.rest(at(23), limits) is None
