"""When people are in buildings and how warm they want them: uses, holidays, and days of 23 and 25 hours."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from engine.calendar import load_school_calendar
from engine.errors import InputError
from engine.instants import PARIS
from jobs.energy.occupancy import Occupancy, occupancy, occupied
from jobs.energy.sites import Span
from jobs.energy.tables import load_tables

ROOT = Path(__file__).resolve().parents[2]
TABLES = load_tables(ROOT / "datasets/reference/energy.yaml")
CALENDAR = load_school_calendar(ROOT / "datasets/reference/school_holidays.yaml")
QUARTER = timedelta(minutes=15)


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=PARIS).astimezone(UTC)


def day_of(use: str, day: date, days: int = 1) -> tuple[Span, Occupancy]:
    start = local(day.year, day.month, day.day)
    end = day + timedelta(days=days)
    span = Span.between(start, local(end.year, end.month, end.day), QUARTER)
    return span, occupancy(use, span, TABLES, CALENDAR)


@pytest.mark.parametrize(
    ("use", "day", "comes"),
    [
        ("school", date(2026, 11, 24), True),
        ("school", date(2026, 11, 25), False),  # Wednesday
        ("school", date(2026, 11, 28), False),  # Saturday
        ("school", date(2026, 10, 20), False),  # holidays of All Saints
        ("nursery", date(2026, 10, 20), True),
        ("office", date(2026, 11, 11), False),  # Armistice
        ("sports", date(2026, 11, 29), True),  # Sunday
        ("culture", date(2026, 11, 23), False),  # Monday
        ("school", date(2050, 10, 20), True),  # no calendar is known: warm is the safe side
    ],
)
def test_who_comes_when(use: str, day: date, comes: bool) -> None:
    assert occupied(TABLES.of_use(use), CALENDAR, day) is comes


@pytest.mark.parametrize(("day", "quarters"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_a_day_of_which_the_clock_changes_has_its_hours_and_people_theirs(day: date, quarters: int) -> None:
    span, found = day_of("sports", day)
    assert len(span) == quarters
    assert found.present.sum() * 0.25 == 14
    hours = [start.astimezone(PARIS).hour for t, start in enumerate(span.starts) if found.present[t]]
    assert (min(hours), max(hours)) == (8, 21)


def test_it_is_warm_when_they_come_in_and_not_before() -> None:
    span, found = day_of("school", date(2026, 11, 24))
    warm = [start.astimezone(PARIS).strftime("%H:%M") for t, start in enumerate(span.starts) if found.low_c[t] == 19]
    assert (warm[0], warm[-1]) == ("07:15", "17:45"), "temperatures are wanted after each slot"
    assert set(found.low_c) == {19.0, 12.0}
    assert set(found.high_c) == {22.0}


def test_what_nobody_enters_for_two_days_is_let_cool_to_its_end() -> None:
    span, found = day_of("office", date(2026, 11, 27), days=4)  # from Friday to Monday
    weekend = [
        float(found.low_c[t]) for t, start in enumerate(span.starts) if start.astimezone(PARIS).weekday() in (5, 6)
    ]
    assert set(weekend) == {8.0}
    night = [
        float(found.low_c[t])
        for t, start in enumerate(span.starts)
        if start.astimezone(PARIS).date() == date(2026, 11, 27) and start.astimezone(PARIS).hour < 7
    ]
    assert set(night) == {12.0}, "from Thursday evening to Friday morning is no absence"


def test_a_quarter_that_is_half_used_counts_half() -> None:
    span = Span.between(local(2026, 11, 24, 7, 0), local(2026, 11, 24, 9, 0), timedelta(hours=1))
    assert occupancy("school", span, TABLES, CALENDAR).present.tolist() == [0.5, 1.0]


def test_a_use_nobody_knows_is_an_office() -> None:
    span, found = day_of("library", date(2026, 11, 24))
    assert np.array_equal(found.low_c, day_of("office", date(2026, 11, 24))[1].low_c)
    assert len(span) == 96


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("slot: 15min", "slot: 7min", "wants to go into an hour"),
        ("{present: 16, absent: 12,", "{present: 11, absent: 12,", "closed ≤ absent ≤ present < high"),
        ("default_use: office", "default_use: palace", "wants comfort.palace"),
        ("frost_c: 6", "frost_c: 9", "frost_c 9 wants to be below comfort.school.closed"),
        ("cop: [1.8, 2.2, 2.8, 3.3, 3.9, 4.6]", "cop: [1.8, 2.2]", "one cop for each of at_c"),
        ("feeders: {}", "feeders: {north: {import_limit_w: 1000}}", "else it binds nobody"),
        ("{hot: 60", "{hot: 70", "cold_c < least ≤ present ≤ hot < most"),
        ("frost_c: 6", "frost_c: 6\ncolour: red", "unknown key 'colour'"),
    ],
)  # fmt: skip
def test_wrong_tables_say_where_and_what(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (ROOT / "datasets/reference/energy.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "energy.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_tables(path)
    assert any(said in str(problem) and problem.line for problem in caught.value.problems), caught.value.problems


def test_a_heat_pump_gives_more_the_warmer_it_is_outside_and_a_boiler_does_not_care() -> None:
    outside = np.array([-30.0, -7.0, 4.5, 40.0])
    assert TABLES.heat["heatPump"].cop_at(outside).tolist() == pytest.approx([1.8, 2.2, 3.05, 4.6])
    assert TABLES.heat["boiler"].cop_at(outside).tolist() == [0.92] * 4
