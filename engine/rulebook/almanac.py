"""Conditions of calendar and sun: when they hold, and when that changes, as pure functions of time and place.

Days and hours are local, Europe/Paris; instants are microseconds since 1970 UTC, from 1970 to 2100. Every atom is laid
out as the pieces of one local day, and both its truth and its changes are read from those: they agree by construction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from itertools import chain
from math import acos, cos, degrees, floor, radians, sin
from typing import Literal

from astral import refraction_at_zenith
from astral.julian import julianday, julianday_to_juliancentury
from astral.sun import SUN_APPARENT_RADIUS, eq_of_time, sun_declination

from engine.calendar import SchoolCalendar, public_holidays, school_holiday
from engine.instants import PARIS, to_us

_SECOND_US = 1_000_000
_DAY_S = 86_400
_OFFSET_MAX_S = 6 * 3600
_SEARCH_DAYS = 400
_CACHED = 65_536
_HORIZON_ZENITH = 90 + SUN_APPARENT_RADIUS
# Elevation of the sun's centre, without refraction, as its upper limb touches a flat horizon: -0.83°.
_HORIZON = -SUN_APPARENT_RADIUS - refraction_at_zenith(_HORIZON_ZENITH)

Truth = bool | None
Edge = tuple[int, bool]  # from this instant, µs, on
Piece = tuple[int, Truth]


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule's subject is, for the sun: degrees, WGS 84. Raises ValueError outside ±180 and ±90."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        _require(-180 <= self.lon <= 180, f"longitude {self.lon} is not within -180 and 180 degrees")
        _require(-90 <= self.lat <= 90, f"latitude {self.lat} is not within -90 and 90 degrees")


@dataclass(frozen=True, slots=True)
class Hours:
    """[start, end) as a wall clock in Paris shows it, in seconds of the day; wraps midnight where end <= start.

    Start 0…86399, end 0…86400. In the hour that autumn repeats it holds twice, in the one that spring skips never.
    Raises ValueError outside these.
    """

    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        _require(0 <= self.start_s < _DAY_S, f"{self.start_s} s is no start within a day, 0 to 86399 s")
        _require(0 <= self.end_s <= _DAY_S, f"{self.end_s} s is no end within a day, 0 to 86400 s")

    def holds(self, wall_s: int) -> bool:
        """Whether it holds at a reading of the wall clock, in seconds of the day."""
        if self.start_s < self.end_s:
            return self.start_s <= wall_s < self.end_s
        return wall_s >= self.start_s or wall_s < self.end_s


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Local days of the week, Monday 0 to Sunday 6. Raises ValueError for another number, or for none."""

    days: frozenset[int]

    def __post_init__(self) -> None:
        wrong = sorted(self.days - set(range(7)))
        _require(not wrong, f"{wrong} are no days of the week, 0 for Monday to 6 for Sunday")
        _require(bool(self.days), "no day of the week is named; it would never hold")


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """The local day is one of the eleven of `engine.calendar.public_holidays`."""


@dataclass(frozen=True, slots=True)
class SchoolHoliday:
    """The local day lies within a school holiday of zone B; cannot be told outside the days the calendar covers."""


@dataclass(frozen=True, slots=True)
class Dates:
    """Local days from first to last, both inclusive, as (year, month, day); year None is every year.

    Without years it wraps the new year where last comes before first. Raises ValueError for a day that is in no
    calendar, for a year on one side only, and for years in the wrong order.
    """

    first: tuple[int | None, int, int]
    last: tuple[int | None, int, int]

    def __post_init__(self) -> None:
        start, end = _known_day(self.first), _known_day(self.last)
        every_year = {self.first[0] is None, self.last[0] is None}
        _require(len(every_year) == 1, f"{self.first} to {self.last} has one year; write both, or neither")
        _require(every_year == {True} or start <= end, f"{start} to {end} runs backwards; exchange them")

    def hold(self, day: date) -> bool:
        """Whether a local day is one of them."""
        if self.first[0] is not None:
            return self.first <= (day.year, day.month, day.day) <= self.last
        start, end, today = self.first[1:], self.last[1:], (day.month, day.day)
        return start <= today <= end if start <= end else today >= start or today <= end


@dataclass(frozen=True, slots=True)
class SunInstant:
    """Sunrise or sunset on a flat horizon (upper limb, mean refraction), moved by an offset of at most 6 h either way.

    Raises ValueError for a larger one.
    """

    event: Literal["sunrise", "sunset"]
    offset_s: int = 0

    def __post_init__(self) -> None:
        _require(self.event in {"sunrise", "sunset"}, f"{self.event!r} is neither sunrise nor sunset")
        _require(abs(self.offset_s) <= _OFFSET_MAX_S, f"an offset of {self.offset_s} s is larger than 6 h")


@dataclass(frozen=True, slots=True)
class SunBetween:
    """From each start to the next end after it, which may be on the next day; from sunset to sunset is always.

    Where the sun neither rises nor sets for days, the last instant that was goes on deciding.
    """

    start: SunInstant
    end: SunInstant


@dataclass(frozen=True, slots=True)
class SunElevation:
    """The sun's centre stands below, or above, an elevation over the horizon in degrees; switches on whole seconds.

    Geometric elevation, without refraction, as twilights are defined: civil -6, nautical -12, astronomical -18.
    Raises ValueError outside ±90.
    """

    below: bool
    degrees: float

    def __post_init__(self) -> None:
        _require(-90 <= self.degrees <= 90, f"an elevation of {self.degrees} is not within -90 and 90 degrees")


Atom = Hours | Weekdays | PublicHoliday | SchoolHoliday | Dates | SunBetween | SunElevation
_SUN = (SunBetween, SunElevation)
_ANYWHERE = Place(0.0, 0.0)


class Almanac:
    """Tells atoms of calendar and sun. Keeps the local days it has laid out, the last 65,536 of them."""

    def __init__(self, school_holidays: SchoolCalendar) -> None:
        self._school_holidays = school_holidays
        self._laid_out = lru_cache(maxsize=_CACHED)(self._lay_out)

    def truth(self, atom: Atom, place: Place, at_us: int) -> bool | None:
        """Whether an atom holds at an instant; None where that cannot be told. Constant from change to change."""
        truth: Truth = None
        for start_us, piece in self._day(atom, place, _local_day(at_us)):
            if start_us > at_us:
                break
            truth = piece
        return truth

    def next_change(self, atom: Atom, place: Place, after_us: int) -> int | None:
        """The first instant after another at which the truth is not what it was just before; on a whole second.

        None when there is none within 400 days.
        """
        return next(self._changes(atom, place, after_us, after_us + _SEARCH_DAYS * _DAY_S * _SECOND_US), None)

    def changes(self, atom: Atom, place: Place, start_us: int, end_us: int) -> list[int]:
        """Every instant in (start, end] at which the truth is not what it was just before, in order."""
        return list(self._changes(atom, place, start_us, end_us))

    def _changes(self, atom: Atom, place: Place, after_us: int, until_us: int) -> Iterator[int]:
        truth = self.truth(atom, place, after_us)
        for day in range(_local_day(after_us), _local_day(until_us) + 1):
            for start_us, piece in self._day(atom, place, day):
                if start_us > until_us:
                    return
                if start_us > after_us and piece is not truth:
                    truth = piece
                    yield start_us

    def _day(self, atom: Atom, place: Place, day: int) -> tuple[Piece, ...]:
        return self._laid_out(atom, place if isinstance(atom, _SUN) else _ANYWHERE, day)

    def _lay_out(self, atom: Atom, place: Place, day: int) -> tuple[Piece, ...]:
        """The pieces of a local day, the first from its midnight on."""
        midnight_us = _midnight_us(day)
        match atom:
            case Hours():
                return tuple(_hours(atom, midnight_us, _midnight_us(day + 1)))
            case SunBetween():
                return tuple(_cut(_between(atom, place, day), midnight_us, _midnight_us(day + 1)))
            case SunElevation():
                return tuple(_cut(_elevation(atom, place, day), midnight_us, _midnight_us(day + 1)))
            case _:
                return ((midnight_us, self._holds(atom, date.fromordinal(day))),)

    def _holds(self, atom: Weekdays | PublicHoliday | SchoolHoliday | Dates, day: date) -> Truth:
        match atom:
            case Weekdays():
                return day.weekday() in atom.days
            case PublicHoliday():
                return day in public_holidays(day.year)
            case SchoolHoliday():
                return school_holiday(day, self._school_holidays)
            case Dates():
                return atom.hold(day)


def _hours(atom: Hours, midnight_us: int, end_us: int) -> Iterator[Piece]:
    """Pieces of a local day, cut where the wall clock shows a start or an end, and where it is put forward or back."""
    for start_us, wall_s, wall_end_s in _steady(midnight_us, end_us):
        for cut_s in sorted({wall_s, atom.start_s, atom.end_s}):
            if wall_s <= cut_s < wall_end_s:
                yield start_us + (cut_s - wall_s) * _SECOND_US, atom.holds(cut_s)


def _steady(midnight_us: int, end_us: int) -> Iterator[tuple[int, int, int]]:
    """Parts of a local day in which the clock runs evenly: start in µs, and its first and last + 1 readings in s.

    Clocks of the Union change at 01:00 UTC. Directive 2000/84/EC, art. 2 and 3.
    """
    length_s = (end_us - midnight_us) // _SECOND_US
    if length_s == _DAY_S:
        yield midnight_us, 0, _DAY_S
        return
    change_us = midnight_us - midnight_us % (_DAY_S * _SECOND_US) + (_DAY_S + 3600) * _SECOND_US
    before_s = (change_us - midnight_us) // _SECOND_US
    yield midnight_us, 0, before_s
    yield change_us, before_s + _DAY_S - length_s, _DAY_S


def _cut(edges: Iterable[Edge], midnight_us: int, end_us: int) -> Iterator[Piece]:
    """Pieces of a local day from edges in order, some of them before its midnight."""
    truth = False
    later: list[Edge] = []
    for edge in edges:
        if edge[0] <= midnight_us:
            truth = edge[1]
        elif edge[0] < end_us:
            later.append(edge)
    yield midnight_us, truth
    yield from dict(later).items()


def _elevation(atom: SunElevation, place: Place, day: int) -> Iterator[Edge]:
    """Edges of the solar days that may touch a local day."""
    solar_days = chain.from_iterable(_sun(place, solar, atom.degrees) for solar in range(day - 1, day + 2))
    return ((at_us, above is not atom.below) for at_us, above in solar_days)


def _between(atom: SunBetween, place: Place, day: int) -> list[Edge]:
    """Edges of the solar days that may touch a local day; a start wins over an end at the same instant.

    Goes further back where the sun has long neither risen nor set, and one day past what it finds: offsets may swap
    the instants of two days.
    """
    edges = [edge for solar in range(day - 2, day + 3) for edge in _switches(atom, place, solar)]
    midnight_us = _midnight_us(day)
    solar = day - 3
    while solar > day - _SEARCH_DAYS and not any(at_us <= midnight_us for at_us, _ in edges):
        edges += _switches(atom, place, solar)
        solar -= 1
    return sorted([*edges, *_switches(atom, place, solar)])


def _switches(atom: SunBetween, place: Place, solar: int) -> Iterator[Edge]:
    for at_us, above in _sun(place, solar, _HORIZON)[1:]:
        event = "sunrise" if above else "sunset"
        for instant, truth in ((atom.end, False), (atom.start, True)):
            if instant.event == event:
                yield at_us + instant.offset_s * _SECOND_US, truth


@lru_cache(maxsize=_CACHED)
def _sun(place: Place, solar: int, elevation: float) -> tuple[Edge, ...]:
    """Whether the sun's centre stands above an elevation in degrees: from solar midnight, then from each crossing on.

    `solar` numbers the days (proleptic, 1 is 0001-01-01) from solar midnight to solar midnight. Before noon the sun
    only rises, after it only sinks: it crosses once where the two ends of a half differ, else not at all.
    """
    midnight, noon, end = (_turn(place, solar, half, elevation) for half in (0, 1, 2))
    edges = [midnight]
    for before, after, side in ((midnight, noon, -1), (noon, end, 1)):
        if before[1] != after[1]:
            at_us = _crossing_us(place, solar, elevation, side)
            edges.append((min(max(at_us, before[0]), after[0]), after[1]))
    return tuple(edges)


def _turn(place: Place, solar: int, half: int, elevation: float) -> Edge:
    """Solar midnight (half 0 or 2) or noon (1), and whether the sun then stands above an elevation in degrees.

    h = 90 - |φ - δ| at noon, |φ + δ| - 90 at midnight: Meeus, Astronomical Algorithms, eq. 13.6 with H = 0 and 180°.
    """
    century = julianday_to_juliancentury(julianday(date.fromordinal(solar)) + half / 2)
    declination = sun_declination(century)
    highest = 90 - abs(place.lat - declination) if half == 1 else abs(place.lat + declination) - 90
    return _instant_us(solar, 720.0 * half - 4 * place.lon - eq_of_time(century)), highest > elevation


def _crossing_us(place: Place, solar: int, elevation: float, side: int) -> int:
    """When the sun stands at an elevation in degrees, before (side -1) or after (1) the solar noon of a day.

    astral's two steps of cos H = (sin h - sin φ sin δ) / (cos φ cos δ), Meeus, Astronomical Algorithms, eq. 15.1; its
    own function moves a crossing before 00:00 UTC to the next day, which would lose one at places further east.
    """
    latitude = radians(min(max(place.lat, -89.8), 89.8))
    midnight = julianday(date.fromordinal(solar))
    minutes = 0.0
    for _ in range(2):
        century = julianday_to_juliancentury(midnight + minutes / 1440)
        declination = radians(sun_declination(century))
        ratio = (cos(radians(90 - elevation)) - sin(latitude) * sin(declination)) / (cos(latitude) * cos(declination))
        hour_angle = side * degrees(acos(min(max(ratio, -1.0), 1.0)))
        minutes = 720 + (-place.lon + hour_angle) * 4 - eq_of_time(century)
    return _instant_us(solar, minutes)


def _instant_us(day: int, minutes: float) -> int:
    """The whole second that holds the instant so many minutes after 00:00 UTC of a day."""
    return to_us(datetime.combine(date.fromordinal(day), time(0), UTC)) + floor(minutes * 60) * _SECOND_US


def _local_day(at_us: int) -> int:
    """The local day in Paris that holds an instant, as its proleptic number."""
    return datetime.fromtimestamp(at_us // _SECOND_US, PARIS).toordinal()


def _midnight_us(day: int) -> int:
    """Where a local day in Paris begins."""
    return to_us(datetime.combine(date.fromordinal(day), time(0), PARIS))


def _known_day(day: tuple[int | None, int, int]) -> date:
    """The day, in a leap year where it names none. Raises ValueError for one that is in no calendar."""
    year, month, number = day
    try:
        return date(2000 if year is None else year, month, number)
    except ValueError as error:
        raise ValueError(f"{day} is no day of the calendar: {error}") from None
