"""A program as TALQ says it (Smart City Protocol 2.7): control programs of one day each, and a calendar of days.

TALQ speaks local time and repeats a day's program wherever a calendar names it. So each day becomes a control program
named after its content: lamps that do the same share it, and what the gateway has from yesterday is not sent again.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Any

import orjson

from engine.equipment.connections import Room
from engine.instants import PARIS
from engine.model import Program

_DAY = timedelta(days=1)
_MARK = "consigne-"
_ON_AND_OFF = 2  # the fewest changes that a night with light has


class Unsayable(ValueError):
    """A program that this gateway cannot be told; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gateway announces of its control service; None: no limit told. `offset`: when its day begins."""

    programs: int | None = None
    calendars: int | None = None
    programs_a_calendar: int | None = None
    switch_points: int | None = None
    offset: timedelta = timedelta(0)
    seconds: bool = True


def limits_of(service: Any) -> Limits:
    """A ControlService as the gateway answers. Raises ValueError for anything else."""
    if not isinstance(service, Mapping) or service.get("name") != "ControlService":
        raise ValueError(f"not a ControlService: {service!r}"[:200])
    names = ("maximumPrograms", "maximumCalendars", "maxProgramsPerCalendar", "maxSwitchPointsPerProgram")
    programs, calendars, in_one, points = (None if service.get(name) is None else int(service[name]) for name in names)
    offset = int(service.get("dayOffset", 0))
    if offset not in {0, 12}:
        raise ValueError(f"dayOffset wants 0 or 12, found {offset}")
    seconds = bool(service.get("programSecondsSupported", True))
    return Limits(programs, calendars, in_one, points, timedelta(hours=offset), seconds)


def room_of(limits: Limits, other_programs: int = 0, other_calendars: int = 0) -> Room:
    """What of one night a gateway takes for certain, besides what others than we keep there.

    While a night is told, that of the day before is still followed: half of the room is for each. Where days begin at
    midnight one night is two programs, its evening and its morning; where they begin at noon it is one, and one more
    is kept for lamps that are not dark until noon. The level that a day begins with is a switching point.
    """
    room = []
    if limits.programs is not None:
        ours = limits.programs - other_programs
        room.append((ours - 1) // 2 if limits.offset else ours // 4)
    if limits.calendars is not None:
        room.append((limits.calendars - other_calendars) // 2)
    points = None if limits.switch_points is None else max(limits.switch_points - 1, _ON_AND_OFF)
    programs = max(min(room), 1) if room else None
    return Room(programs, points, shared=True, said=_announcement(limits, other_programs, other_calendars))


def _announcement(limits: Limits, other_programs: int, other_calendars: int) -> str:
    told = {
        "maximumPrograms": limits.programs,
        "maximumCalendars": limits.calendars,
        "maxProgramsPerCalendar": limits.programs_a_calendar,
        "maxSwitchPointsPerProgram": limits.switch_points,
        "programs of others": other_programs or None,
        "calendars of others": other_calendars or None,
        "dayOffset": limits.offset // timedelta(hours=1),
    }
    return ", ".join(f"{name} {number}" for name, number in told.items() if number is not None)


@dataclass(frozen=True)
class DayProgram:
    """What happens on one TALQ day between two local times: from each control's time on its level, in percent.

    `begins` = `ends` is the whole day. Controls are in the order of their times.
    """

    begins: time
    ends: time
    controls: tuple[tuple[time, int], ...]

    @cached_property
    def id(self) -> str:
        return _named("p", self.content)

    def rest(self, at: datetime, limits: Limits) -> tuple[Any, ...] | None:
        """What follows an instant of its day: until when, the level then, the controls to come. Equal for two programs
        that do the same from then on; None where it is not active then.
        """
        now = at.astimezone(PARIS).replace(tzinfo=None) - limits.offset - datetime.combine(talq_day(at, limits), time())
        ends = _into_day(self.ends, limits) or _DAY
        begins = timedelta(0) if self.begins == self.ends else _into_day(self.begins, limits)
        controls = sorted((_into_day(moment, limits), value) for moment, value in self.controls)
        passed = [value for moment, value in controls if moment <= now]
        if not begins <= now < ends or not passed:
            return None
        return ends, passed[-1], *(control for control in controls if control[0] > now)

    @cached_property
    def content(self) -> dict[str, Any]:
        period = {
            "name": "AbsoluteActivePeriod",
            "startTime": self.begins.isoformat(),
            "endTime": self.ends.isoformat(),
        }
        controls = [{"startTime": at.isoformat(), "command": {"state": level(value)}} for at, value in self.controls]
        return {"type": "ControlProgramOne", "activePeriods": [period], "fixedTimeControls": controls}


@dataclass(frozen=True)
class Calendar:
    """Which program each day has; on no other day anything happens."""

    days: tuple[tuple[date, DayProgram], ...]

    @cached_property
    def id(self) -> str:
        return _named("c", self.content)

    @cached_property
    def content(self) -> dict[str, Any]:
        days = [(day.isoformat(), program.id) for day, program in self.days]
        return {"rules": [{"startDate": day, "endDate": day, "program": program} for day, program in days]}

    @property
    def programs(self) -> dict[str, DayProgram]:
        return {program.id: program for _, program in self.days}


def day_program(content: Any) -> DayProgram:
    """A control program as a gateway shows one of ours. Raises KeyError, TypeError or ValueError for anything else."""
    (period,) = content["activePeriods"]
    controls = [
        (time.fromisoformat(control["startTime"]), int(control["command"]["state"]["value"]))
        for control in content["fixedTimeControls"]
    ]
    begins, ends = (time.fromisoformat(period[key]) for key in ("startTime", "endTime"))
    return DayProgram(begins, ends, tuple(controls))


def ours(identifier: str) -> bool:
    """Whether a control program or calendar is of our making."""
    return identifier.startswith(_MARK)


def level(percent: int) -> dict[str, Any]:
    return {"name": "LevelState", "value": percent}


def percent(value: float) -> int:
    """A share of full light as TALQ counts it. Raises Unsayable outside 0 to 1."""
    if not 0 <= value <= 1:
        raise Unsayable(f"a level lies in 0 to 1, found {value:g}")
    return round(100 * value)


@lru_cache(maxsize=4_096)  # many lamps have one plan
def calendar_of(program: Program, limits: Limits, now: datetime) -> Calendar:
    """The days of a program. What has begun by `now` is said from the beginning of its day on, so that one day's
    program looks like the next day's; it is the next day's where that does the same from now on: of two days told
    before noon the first needs no program of its own. Raises Unsayable.
    """
    days = tuple(_days(program, limits, now))
    if len(days) > 1 and days[0][0] == talq_day(now, limits):
        (today, begun), (_, following) = days[:2]
        rest = begun.rest(now, limits)
        days = ((today, following), *days[1:]) if rest is not None and following.rest(now, limits) == rest else days
    calendar = Calendar(days)
    for _, day in days:
        if limits.switch_points is not None and len(day.controls) > limits.switch_points:
            found = f"a day of the program has {len(day.controls)} switching points"
            raise Unsayable(f"{found}, the gateway takes {limits.switch_points}")
    if limits.programs_a_calendar is not None and len(calendar.programs) > limits.programs_a_calendar:
        raise Unsayable(f"{len(calendar.programs)} days differ, a calendar takes {limits.programs_a_calendar} programs")
    return calendar


def _into_day(moment: time, limits: Limits) -> timedelta:
    """How long after the beginning of the gateway's day a time of day comes, by its clocks."""
    return (timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second) - limits.offset) % _DAY


def talq_day(at: datetime, limits: Limits) -> date:
    """The day of the gateway's calendars that an instant belongs to."""
    return (at.astimezone(PARIS).replace(tzinfo=None) - limits.offset).date()


def _days(program: Program, limits: Limits, now: datetime) -> Iterator[tuple[date, DayProgram]]:
    day = talq_day(program.start, limits)
    while (begins_at := _midnight(day, limits)) < program.until:
        ends_at = _midnight(day + _DAY, limits)
        part = program.clip(begins_at, ends_at)
        if part is not None:
            begun = part.start <= now
            yield day, _day_program(part, begins_at if begun else part.start, ends_at, limits)
        day += _DAY


def _midnight(day: date, limits: Limits) -> datetime:
    return (datetime.combine(day, time()) + limits.offset).replace(tzinfo=PARIS).astimezone(UTC)


def _day_program(part: Program, begins_at: datetime, ends_at: datetime, limits: Limits) -> DayProgram:
    steps: list[tuple[datetime, int]] = []
    for at, value in [(begins_at, part.steps[0][1]), *part.steps[1:]]:
        if not steps or steps[-1][1] != percent(value):
            steps.append((at, percent(value)))
    whole = begins_at == _midnight(talq_day(begins_at, limits), limits) and part.until == ends_at
    begins = _local(begins_at, limits)
    ends = begins if whole else _local(part.until, limits)
    if begins == ends and not whole:
        raise Unsayable(f"it would end at {ends}, the time of day at which it begins")
    controls: dict[time, int] = {}
    for at, value in steps:
        if (local := _local(at, limits)) in controls and limits.seconds:
            raise Unsayable("two steps fall on one local time of day")
        controls[local] = value  # a gateway that counts no seconds goes straight to the last of a minute's steps
    return DayProgram(begins, ends, tuple(sorted(controls.items())))


def _local(at: datetime, limits: Limits) -> time:
    """The time of day, cut to what the gateway tells apart. Raises Unsayable where the clock shows it twice."""
    local = at.astimezone(PARIS)
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        raise Unsayable(f"{local:%H:%M} comes twice on {local:%Y-%m-%d}")
    return local.time().replace(microsecond=0, second=local.second if limits.seconds else 0)


def _named(kind: str, content: Mapping[str, Any]) -> str:
    return f"{_MARK}{kind}-{hashlib.sha256(orjson.dumps(content)).hexdigest()[:16]}"
