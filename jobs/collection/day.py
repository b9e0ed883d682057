"""The collection day: from the evening before, when it is planned, to the next; its hours in seconds from its start."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from engine.calendar import public_holidays
from engine.instants import PARIS
from engine.setpoints.dated import Hours, Span, stretches, without
from jobs.collection.tables import Service
from optimizers.routing import Window

BEGINS = time(20)
"""Local. What is collected at night and in the morning belongs to the day that a person would name."""

_DAY = timedelta(days=1)


def collection_day(at: datetime) -> tuple[datetime, datetime]:
    """From the local eight in the evening at or before an instant to the next: 23 or 25 hours where clocks change."""
    today = at.astimezone(PARIS).date()
    start = _evening(today) if _evening(today) <= at else _evening(today - _DAY)
    return start, _evening(start.astimezone(PARIS).date() + _DAY)


def _evening(day: date) -> datetime:
    return datetime.combine(day, BEGINS, PARIS).astimezone(UTC)


def named(start: datetime) -> date:
    """The date of a collection day: that of its morning."""
    return start.astimezone(PARIS).date() + _DAY


def serves(day: date, service: Service) -> bool:
    """Whether trucks go out on a collection day of this date."""
    return day.weekday() in service.weekdays and (service.holidays or not is_holiday(day))


def is_holiday(day: date) -> bool:
    return day in public_holidays(day.year)


def next_served(day: date, service: Service, count: int) -> list[date]:
    """The first so many dates after another on which trucks go out: a week has one at least."""
    found: list[date] = []
    while len(found) < count:
        day += _DAY
        found += [day] if serves(day, service) else []
    return found


def spans_in(start: datetime, until: datetime, hours: Hours) -> Iterator[Span]:
    """The stretches between two times of the clock that lie within a day, as far as they do."""
    for begins, ends in stretches(start - _DAY, until, hours):
        if max(begins, start) < min(ends, until):
            yield max(begins, start), min(ends, until)


def windows(day: Span, spans: Iterable[Span]) -> tuple[Window, ...]:
    """In seconds since the day began."""
    return tuple(((begins - day[0]).total_seconds(), (ends - day[0]).total_seconds()) for begins, ends in spans)


def open_but(day: Span, closed: Iterable[Span]) -> tuple[Window, ...]:
    """What some spans leave of a day; () where they leave all of it. A window of no length where they leave nothing."""
    taken = [span for span in closed if span[0] < day[1] and span[1] > day[0]]
    if not taken:
        return ()
    left = windows(day, without(day, taken))
    return left or ((0.0, 0.0),)
