"""Local times as cron says them, exact on the nights the clocks change: APScheduler's fields over the wall clock.

An instant is due when the clocks of the zone then show a time that matches: an hour that comes twice is due twice, one
that is skipped is not. Entries that name such an hour are refused (see `clock_changes`).
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_NUMBERS = r"\*(/\d+)?|\d+(-\d+)?(/\d+)?"
_DAYS = "mon|tue|wed|thu|fri|sat|sun"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_SPELLED = {
    "minute": _NUMBERS,
    "hour": _NUMBERS,
    "day": rf"{_NUMBERS}|last|(1st|2nd|3rd|4th|5th|last) ({_DAYS})",
    "month": rf"{_NUMBERS}|({_MONTHS})(-({_MONTHS}))?",
    "day_of_week": rf"\*|({_DAYS})(-({_DAYS}))?",
}
"""What APScheduler reads and what it silently cuts off after differ: this is all that is allowed."""
_WANTED = {
    "minute": "a number from 0 to 59, a range, */N, or a list of these, as 0,30",
    "hour": "a number from 0 to 23, a range, */N, or a list of these, as 6-20",
    "day": "a number from 1 to 31, last, 1st mon … last sun, or a list of these",
    "month": "a number from 1 to 12, a name as jan, a range, or a list of these",
    "day_of_week": "names of days, as mon-fri or sat,sun: numbers count from Monday here and from Sunday in cron",
}
_FROM, _UNTIL = 2020, 2037  # the years that clock changes are looked for in


def _shape(schema: dict[str, Any]) -> None:
    """What an editor may take: a text, a number (days of the week have none), or a list of these."""
    names_only = schema["description"] == _WANTED["day_of_week"]
    one = [{"type": "string"}, *([] if names_only else [{"type": "integer", "minimum": 0}])]
    schema["anyOf"] = [*one, {"type": "array", "items": {"anyOf": one}}, {"type": "null"}]


def _part(name: str) -> Any:
    return Field(None, description=_WANTED[name], json_schema_extra=_shape)


class Cron(BaseModel):
    """Local times of a zone; all fields that are given hold (cron would take either day). Below the last field given
    the first value stands, above it any: `hour: 12` is 12:00 every day, `minute: 5` five past every hour."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minute: str | None = _part("minute")
    hour: str | None = _part("hour")
    day: str | None = _part("day")
    month: str | None = _part("month")
    day_of_week: str | None = _part("day_of_week")

    @field_validator("*", mode="before")
    @classmethod
    def _spelled(cls, value: object, info: ValidationInfo) -> object:
        name = str(info.field_name)
        items = value if isinstance(value, list) else [value]
        if value is None or not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
            raise ValueError(f"wants {_WANTED[name]}")
        parts = [part.strip() for item in items for part in str(item).lower().split(",")]
        if not parts or not all(re.fullmatch(_SPELLED[name], part) for part in parts):
            raise ValueError(f"wants {_WANTED[name]}")
        try:
            CronTrigger.FIELDS_MAP[name](name, ",".join(parts))
        except ValueError as error:
            raise ValueError(f"{error}: wants {_WANTED[name]}") from None
        return ",".join(parts)

    @model_validator(mode="after")
    def _some(self) -> "Cron":
        if not self.fields:
            raise ValueError("wants a field at least, as {hour: 12, minute: 0}")
        return self

    @property
    def fields(self) -> dict[str, str]:
        return {name: text for name, text in self if text is not None}

    def names_hour(self, hour: int) -> bool:
        """Whether it is due at that hour for it names it, rather than at any hour."""
        if self.every_hour:
            return False
        field = CronTrigger.FIELDS_MAP["hour"]("hour", self.hour or "0")
        found: int | None = field.get_next_value(datetime(2000, 1, 1, hour, tzinfo=UTC))
        return found == hour

    @property
    def every_hour(self) -> bool:
        """Whether no hour is named: minutes of all hours."""
        return self.hour == "*" or (self.hour is None and self.minute is not None)

    def instants(self, zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
        """The due instants of [since, until), in UTC and in order."""
        walls = self._walls(since.astimezone(zone).date(), until.astimezone(zone).date())
        for _, of_day in groupby(walls, datetime.date):
            due = {at for wall in of_day for at in _shown_at(wall, zone) if since <= at < until}
            yield from sorted(due)

    def _walls(self, first: date, last: date) -> Iterator[datetime]:
        """The matching local times, without a zone, of the days first … last."""
        end = datetime.combine(last + _DAY, time(0), UTC) - _SECOND
        trigger = CronTrigger(timezone=UTC, end_date=end, **self.fields)  # to a clock that never changes
        at = trigger.get_next_fire_time(None, datetime.combine(first, time(0), UTC))
        while at is not None:
            yield at.replace(tzinfo=None)
            at = trigger.get_next_fire_time(None, at + _SECOND)


def _shown_at(wall: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants at which the clocks of a zone show a time: none, one or two."""
    for fold in (0, 1):
        at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if at.astimezone(zone).replace(tzinfo=None) == wall:
            yield at


@lru_cache(64)
def clock_changes(zone: ZoneInfo) -> frozenset[int]:
    """The local hours that a change of the clocks skips or repeats in part: 2 in Paris."""
    found: set[int] = set()
    for day in range(366 * (_UNTIL - _FROM)):
        at = datetime(_FROM, 1, 1, tzinfo=UTC) + day * _DAY
        if at.astimezone(zone).utcoffset() != (at + _DAY).astimezone(zone).utcoffset():
            found.update(_changed(at, zone))
    return frozenset(found)


def _changed(day: datetime, zone: ZoneInfo) -> Iterator[int]:
    """The hours with a quarter that the 24 h from an instant on skip or repeat."""
    quarter = timedelta(minutes=15)
    midnight = day.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0)
    for wall in (midnight + k * quarter for k in range(2 * 96)):
        if len(set(_shown_at(wall, zone))) != 1:
            yield wall.hour
