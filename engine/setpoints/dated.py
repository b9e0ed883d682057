"""What is so on some days, between some hours of the clock in Paris, and somewhere: of orders and of events.

On the nights the clock changes, an hour that comes twice counts twice, and one that is skipped does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import cos, hypot, radians
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.instants import PARIS
from engine.model import Asset

_DAY = timedelta(days=1)
_DAYS: tuple["Weekday", ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CHANGED_AT = time(1)  # of UTC, in all of the European Union
_M_PER_DEGREE = 111_195.0
EVERY_DAY = frozenset(range(7))

Hours = tuple[time, time]
Span = tuple[datetime, datetime]


class Dated:
    """`hours`: local times from–until, over midnight where until is the earlier; None for all day. `days`: of the week
    (0 is Monday) on which a stretch begins; so are `start` and `until`, both included."""

    __slots__ = ()
    start: date
    until: date
    hours: Hours | None
    days: frozenset[int]

    def spans(self, now: datetime, until: datetime) -> Iterator[Span]:
        """The stretches of [now, until), in order."""
        day = max(now.astimezone(PARIS).date() - _DAY, self.start)
        last = min(until.astimezone(PARIS).date(), self.until)
        while day <= last:
            if day.weekday() in self.days:
                begins, ends = self._stretch(day)
                if max(begins, now) < min(ends, until):
                    yield max(begins, now), min(ends, until)
            day += _DAY

    def spans_between(self, now: datetime, until: datetime) -> Iterator[Span]:
        """What the stretches leave of [now, until), in order, between the first instant of `start` and the last one of
        `until`. Of an hour that comes twice, and in which a stretch begins or ends, both times are left.
        """
        first = max(now.astimezone(PARIS).date() - _DAY, self.start)
        last = min(until.astimezone(PARIS).date(), self.until)
        if first > last:
            return
        begins, ends = max(now, _instant(first, time(0), fold=0)), min(until, _instant(last + _DAY, time(0), fold=0))
        if begins < ends:
            yield from without((begins, ends), stretches(begins, ends, self.hours, self.days))

    def _stretch(self, day: date) -> Span:
        """The stretch that begins on a local day."""
        return _local(day, self.hours, folds=(0, 1))


def stretches(now: datetime, until: datetime, hours: Hours | None, days: frozenset[int] = EVERY_DAY) -> Iterator[Span]:
    """The stretches between two times of the clock that begin on such days and may reach into [now, until): of an hour
    that comes twice only the part that no reading of the clock disputes.
    """
    day, last = now.astimezone(PARIS).date() - _DAY, until.astimezone(PARIS).date()
    while day <= last:
        begins, ends = _local(day, hours, folds=(1, 0))
        if day.weekday() in days and begins < ends:
            yield begins, ends
        day += _DAY


def _local(day: date, hours: Hours | None, folds: tuple[int, int]) -> Span:
    begins, ends = hours or (time(0), time(0))
    after = day + _DAY if ends <= begins else day
    return _instant(day, begins, folds[0]), _instant(after, ends, folds[1])


def _instant(day: date, at: time, fold: int) -> datetime:
    """A time that clocks skip is the instant at which they do."""
    first, second = (datetime.combine(day, at.replace(fold=n), PARIS).astimezone(UTC) for n in (0, 1))
    if first > second:
        return datetime.combine(day, _CHANGED_AT, UTC)
    return second if fold else first


def without(span: Span, taken: Iterable[Span]) -> Iterator[Span]:
    """What other spans leave of one."""
    at, until = span
    for begins, ends in sorted(taken):
        if at < min(begins, until):
            yield at, min(begins, until)
        at = max(at, ends)
    if at < until:
        yield at, until


def parse_hours(text: Any) -> Hours:
    """Two local times as they are written. Raises ValueError for anything else."""
    begins, dash, ends = str(text).partition("-")
    if not dash:
        raise ValueError("hours are two local times, as 23:30-05:30")
    return time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip())


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InForce(Entry):
    """From which day until which, both included, as it is written."""

    start: date = Field(alias="from")
    until: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.start:
            raise ValueError(f"until {self.until} is before from {self.start}")
        return self


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class DatedEntry(InForce):
    """When, as it is written."""

    hours: Annotated[Hours, BeforeValidator(parse_hours)] | None = None
    days: frozenset[Weekday] = frozenset(_DAYS)

    @property
    def weekdays(self) -> frozenset[int]:
        return weekdays(self.days)


def weekdays(names: Iterable[Weekday]) -> frozenset[int]:
    """Days of the week as numbers: 0 is Monday."""
    return frozenset(map(_DAYS.index, names))


class Circle(Entry):
    """Degrees WGS 84, and metres."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    radius_m: float = Field(gt=0, le=100_000)

    def holds(self, asset: Asset) -> bool:
        north = (asset.lat - self.lat) * _M_PER_DEGREE
        east = (asset.lon - self.lon) * _M_PER_DEGREE * cos(radians(self.lat))
        return hypot(north, east) <= self.radius_m


class Place(Entry):
    """Everywhere, or in any of these communes (INSEE), zones, assets and circle; of that, whose attributes are so."""

    communes: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    around: Circle | None = None
    where: Mapping[str, bool | float | str] = {}

    def holds(self, asset: Asset, commune: str) -> bool:
        if any(asset.attributes.get(name) != value for name, value in self.where.items()):
            return False
        if not (self.communes or self.zones or self.assets or self.around):
            return True
        named = commune in self.communes or asset.zone in self.zones or asset.id in self.assets
        return named or (self.around is not None and self.around.holds(asset))
