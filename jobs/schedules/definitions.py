"""The language of `rules/schedules.yaml`: what an entry may say."""

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from engine.catalogue import parse_duration
from engine.instants import PARIS
from engine.rulebook.fields import Delay, Identifier, Positive, Said, Weekdays
from jobs.schedules.cron import Cron

TRIGGERS = ("cron", "every", "sun", "after", "event")
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=7)
_FARTHEST = timedelta(hours=12)  # from the sun's event
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
_BYTES = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_BYTES)})")


class CatchUp(StrEnum):
    """What becomes of occurrences that nobody did in time: none of them, the latest, or all in order of due."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


def _interval(value: timedelta) -> timedelta:
    if not _SHORTEST <= value <= _LONGEST:
        raise ValueError("wants to be from 1 min to 7 d")
    return value


def _signed(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    found = parse_duration(text.lstrip("+-").lstrip())
    if found > _FARTHEST:
        raise ValueError("wants to be at most 12 h either way")
    return -found if text.startswith("-") else found


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone of the IANA database, as Europe/Paris") from None


def _size(value: object) -> int:
    found = _SIZE.fullmatch(str(value).strip())
    if found is None or not float(found[1]):
        raise ValueError(f"a size is a number and {', '.join(_BYTES)}, as 2 GB")
    return int(float(found[1]) * _BYTES[found[2]])


def _moment(value: object) -> date | datetime:
    if isinstance(value, date):
        return value
    text = str(value).strip()
    try:
        found = datetime.fromisoformat(text) if len(text) > len("2026-12-24") else date.fromisoformat(text)
    except ValueError:
        raise ValueError("a day or a local time, as 2026-12-24 or 2026-12-24T18:00") from None
    if isinstance(found, datetime) and found.tzinfo is not None:
        raise ValueError("a local time, without an offset")
    return found


def _hours(value: object) -> tuple[time, time]:
    if isinstance(value, tuple):
        return value
    begins, dash, ends = str(value).partition("-")
    try:
        found = time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip())
    except ValueError:
        dash = ""
    if not dash or found[0].tzinfo or found[1].tzinfo:
        raise ValueError('hours are two local times, as "22:00-06:00"')
    return found


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Interval = Annotated[Positive, AfterValidator(_interval)]
Signed = Annotated[
    timedelta, BeforeValidator(_signed), _text(r"^[+-]? *[0-9]+(\.[0-9]+)? *(s|min|h|d)$", "-30 min", "1 h")
]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone), _text("^[A-Za-z]", "Europe/Paris")]
Size = Annotated[int, BeforeValidator(_size), _text(rf"^[0-9]+(\.[0-9]+)? ?({'|'.join(_BYTES)})$", "2 GB")]
Moment = Annotated[date | datetime, BeforeValidator(_moment), _text("^[0-9]{4}-", "2026-12-24", "2026-12-24T18:00")]
Hours = Annotated[tuple[time, time], BeforeValidator(_hours), _text("^[0-9:]+ *- *[0-9:]+$", "22:00-06:00")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Sun(_Entry):
    """An event of the sun in the middle of the territory, once a local day; civil dawn and dusk (6° below)."""

    event: Literal["dawn", "sunrise", "noon", "sunset", "dusk"]
    offset: Signed = timedelta(0)


class Blackout(_Entry):
    """When nothing is begun, as the entry's clocks show it: every key that is given holds.

    `from`, `until`: days, the last one counted in, or local times. `hours` may pass midnight: the night is then that
    of the day it begins on, also for `days`.
    """

    start: Moment | None = Field(None, alias="from")
    until: Moment | None = None
    hours: Hours | None = None
    days: Weekdays = ()
    reason: str = Field("", max_length=200)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.start is None and self.until is None and self.hours is None and not self.days:
            raise ValueError("wants from and until, hours or days")
        if self.start is not None and self._ends is not None and self._ends <= _first(self.start):
            raise ValueError(f"until {self.until} is before from {self.start}")
        return self

    @property
    def _ends(self) -> datetime | None:
        """The first local time after it."""
        if self.until is None or isinstance(self.until, datetime):
            return self.until
        return _first(self.until) + _DAY

    def covers(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant is in it."""
        wall = at.astimezone(zone).replace(tzinfo=None)
        ends_at = self._ends
        if (self.start is not None and wall < _first(self.start)) or (ends_at is not None and wall >= ends_at):
            return False
        begins, ends = self.hours or (time.min, time.min)
        over_midnight = ends <= begins
        day = wall.date()
        if over_midnight and wall.time() < ends:
            day -= _DAY  # the night of the day before
        elif not (begins <= wall.time() and (over_midnight or wall.time() < ends)):
            return False
        return not self.days or _DAYS[day.weekday()] in self.days


def _first(moment: date | datetime) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.min)


class Entry(_Entry):
    """One entry of the schedule: a job, exactly one trigger, and what bounds its runs.

    An occurrence that begins more than `misfire_grace` late was missed; `catch_up` says what becomes of it.
    """

    description: Said | None = None
    job: Identifier | None = Field(None, description="what is run; by default the job of the entry's name")
    cron: Cron | None = None
    every: Interval | None = Field(None, description="on a grid of UTC, the same on every machine")
    offset: Delay | None = Field(None, description="of the grid of `every`, from 1970-01-01T00:00Z")
    sun: Sun | None = None
    after: Identifier | None = Field(None, description="another entry: once its occurrence is done")
    event: Literal["replan"] | None = Field(None, description="when a rule asks that the job's domain be planned anew")
    at_most_every: Interval | None = Field(
        None,
        description="of an entry on an event: how long after a run of its job the next may be; urgent ones do not wait",
    )
    time_zone: Zone = PARIS
    blackout: tuple[Blackout, ...] = ()
    catch_up: CatchUp = CatchUp.LATEST
    misfire_grace: Delay = timedelta(hours=1)
    time_limit: Positive = timedelta(minutes=10)
    memory_limit: Size | None = None
    zones: tuple[str, ...] = Field((), description="ids; all zones without any")
    arguments: dict[str, Any] = Field({}, description="what the job itself wants to be told")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        found = [name for name in TRIGGERS if getattr(self, name) is not None]
        if len(found) != 1:
            said = f"has {' and '.join(found)}" if found else "says not when it runs"
            raise ValueError(f"{said}: exactly one of {', '.join(TRIGGERS)}")
        if self.offset is not None and (self.every is None or self.offset >= self.every):
            raise ValueError("offset belongs to every, and is less than it")
        if self.at_most_every is not None and self.event is None:
            raise ValueError("at_most_every belongs to event")
        return self

    @property
    def trigger(self) -> str:
        """The key of its trigger."""
        return next(name for name in TRIGGERS if getattr(self, name) is not None)

    def blacked_out(self, at: datetime) -> str | None:
        """The reason why nothing is begun at an instant; None where something is."""
        for window in self.blackout:
            if window.covers(at, self.time_zone):
                return window.reason or "blackout"
        return None


class ScheduleFile(_Entry):
    """What runs when."""

    schedules: dict[str, Entry] = Field({}, description="entries by their names")
