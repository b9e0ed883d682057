"""When an entry is due: pure, the same on every machine and after every restart."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from astral import Observer
from astral.sun import dawn, dusk, noon, sunrise, sunset

from engine.instants import isoformat
from jobs.schedules.definitions import Entry, Sun

_SUN: dict[str, Callable[..., datetime]] = {
    "dawn": dawn,
    "sunrise": sunrise,
    "noon": noon,
    "sunset": sunset,
    "dusk": dusk,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY, _MOMENT = timedelta(days=1), timedelta(microseconds=1)
_LOOKED_BACK = (timedelta(hours=2), *(n * _DAY for n in (1, 8, 64, 512, 29 * 366)))
"""Between 29 Februaries that are Mondays lie 28 years."""


@dataclass(frozen=True, slots=True)
class Due:
    """One occurrence of an entry. `key` names it in the ledger, for ever. `blackout`: why it is not done, if so.
    `asked`: of an entry on an event, who asked, as a rule and its subject.
    """

    entry: str
    key: str
    due_at: datetime
    blackout: str | None = None
    asked: str = ""


@dataclass(frozen=True)
class Schedule:
    """Every entry by name, and where the sun is looked up (degrees). Checked: what is asked of it has an answer."""

    entries: Mapping[str, Entry]
    site: tuple[float, float] = (47.47, -0.55)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))

    def root(self, name: str) -> str:
        """The entry whose trigger makes an entry due: itself, or the first of the chain it comes after."""
        while (before := self.entries[name].after) is not None:
            name = before
        return name

    def followers(self, name: str) -> list[str]:
        """The entries that come after one."""
        return [other for other, entry in self.entries.items() if entry.after == name]

    def job_of(self, name: str) -> str:
        return self.entries[name].job or name

    def occurrences(self, name: str, since: datetime, until: datetime) -> Iterator[Due]:
        """The occurrences due in [since, until), in order. An entry on an event has none: nobody knows them before."""
        entry = self.entries[name]
        for key, due_at in _instants(self.entries[self.root(name)], self.site, since, until):
            yield Due(name, key, due_at, entry.blacked_out(due_at))

    def occurrence_at(self, name: str, at: datetime) -> Due | None:
        """The last occurrence due at or before an instant."""
        for width in _LOOKED_BACK:
            found = None
            for found in self.occurrences(name, at - width, at + _MOMENT):  # noqa: B007 - the last one is wanted
                pass
            if found is not None:
                return found
        return None

    def next_after(self, name: str, at: datetime) -> Due | None:
        """The first occurrence due after an instant."""
        return next(self.occurrences(name, at + _MOMENT, at + _LOOKED_BACK[-1]), None)


def _instants(
    entry: Entry, site: tuple[float, float], since: datetime, until: datetime
) -> Iterator[tuple[str, datetime]]:
    """Keys and instants of an entry's own trigger."""
    if entry.cron is not None:
        yield from ((isoformat(at), at) for at in entry.cron.instants(entry.time_zone, since, until))
    elif entry.every is not None:
        yield from ((isoformat(at), at) for at in _grid(entry.every, entry.offset or timedelta(0), since, until))
    elif entry.sun is not None:
        yield from _sun_days(entry, entry.sun, Observer(*site), since, until)


def _grid(every: timedelta, offset: timedelta, since: datetime, until: datetime) -> Iterator[datetime]:
    at = _EPOCH + offset - ((_EPOCH + offset - since) // every) * every
    while at < until:
        yield at
        at += every


def _sun_days(
    entry: Entry, wanted: Sun, observer: Observer, since: datetime, until: datetime
) -> Iterator[tuple[str, datetime]]:
    """One occurrence a local day, but for days on which the sun does not do it."""
    day = (since - wanted.offset).astimezone(entry.time_zone).date() - _DAY
    last = (until - wanted.offset).astimezone(entry.time_zone).date() + _DAY
    while day <= last:
        with suppress(ValueError):
            event = _SUN[wanted.event](observer, day, tzinfo=entry.time_zone)
            at = event.astimezone(UTC).replace(microsecond=0) + wanted.offset
            if since <= at < until:
                yield day.isoformat(), at
        day += _DAY
