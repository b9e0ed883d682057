"""Public and school holidays in Angers, and the kind of day that traffic and programs follow."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.catalogue import Text
from engine.documents import Document, Key, read_document
from engine.errors import InputError, Problem

DayKind = Literal["workday", "saturday", "sunday"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SchoolBreak(_Entry):
    """A time without school: the first day without it, and the last before it resumes."""

    name: Text
    first: date
    last: date


class SchoolCalendar(_Entry):
    """Every school holiday of zone B (académie de Nantes) between two days, in order; outside them nothing is known.

    All days are local and inclusive.
    """

    source: str = Field(min_length=1, description="the text that sets the days")
    covered_from: date
    covered_until: date
    holidays: tuple[SchoolBreak, ...]


def load_school_calendar(path: Path) -> SchoolCalendar:
    """Read and check `school_holidays.yaml`. Raises InputError with every problem and its place."""
    document = read_document(path)
    calendar = document.validate(SchoolCalendar)
    problems = list(_disorder(document, calendar))
    if problems:
        raise InputError(problems)
    return calendar


def _disorder(document: Document, calendar: SchoolCalendar) -> Iterator[Problem]:
    """Days that run backwards, holidays outside the covered days, and holidays that are not in order."""
    start, end, holidays = calendar.covered_from, calendar.covered_until, calendar.holidays
    if start > end:
        yield document.problem(("covered_until",), f"{end} comes before covered_from, {start}", "exchange them")
    for place, holiday in enumerate(holidays):
        at: tuple[Key, ...] = ("holidays", place)
        if holiday.first > holiday.last:
            what = f"{holiday.last} comes before first, {holiday.first}"
            yield document.problem((*at, "last"), what, "exchange them")
        if holiday.first < start or holiday.last > end:
            what = f"{holiday.first} to {holiday.last} is not within the covered days, {start} to {end}"
            yield document.problem(at, what, "correct it, or widen them")
    for place, (before, after) in enumerate(pairwise(holidays), start=1):
        if after.first <= before.last:
            what = f"starts on {after.first}, but the one above it lasts until {before.last}"
            yield document.problem(("holidays", place, "first"), what, "write holidays in order, and each day once")


def school_holiday(day: date, calendar: SchoolCalendar) -> bool | None:
    """Whether a local day lies within a school holiday of zone B; None outside the days the calendar covers."""
    if not calendar.covered_from <= day <= calendar.covered_until:
        return None
    return any(holiday.first <= day <= holiday.last for holiday in calendar.holidays)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, 1583 onwards. Anonymous algorithm (Nature, 1876; Meeus, ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def public_holidays(year: int) -> dict[date, str]:
    """The eleven public holidays of a year with their French names, in order. Code du travail, art. L3133-1."""
    sunday = easter(year)
    days = {
        date(year, 1, 1): "Jour de l'an",
        sunday + timedelta(days=1): "Lundi de Pâques",
        date(year, 5, 1): "Fête du Travail",
        date(year, 5, 8): "Victoire 1945",
        sunday + timedelta(days=39): "Ascension",
        sunday + timedelta(days=50): "Lundi de Pentecôte",
        date(year, 7, 14): "Fête nationale",
        date(year, 8, 15): "Assomption",
        date(year, 11, 1): "Toussaint",
        date(year, 11, 11): "Armistice 1918",
        date(year, 12, 25): "Noël",
    }
    return dict(sorted(days.items()))


def kind_of_day(day: date) -> DayKind:
    """`workday`, `saturday` or `sunday`; a public holiday counts as a Sunday."""
    if day.weekday() == 6 or day in public_holidays(day.year):
        return "sunday"
    return "saturday" if day.weekday() == 5 else "workday"
