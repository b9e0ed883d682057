"""Drought orders as data (`rules/drought.yaml`): what each level of severity leaves of watering, and which level is in
force where. They become orders of valves: closed outside the hours that are left (`engine.setpoints.orders`).

Of all lines of the table that speak of a valve the one that says most decides; where none does, watering is forbidden.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import combinations, groupby, pairwise
from math import inf
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BeforeValidator, Field, model_validator

from engine.catalogue import Text
from engine.documents import Document, read_document
from engine.errors import InputError, Problem
from engine.model import Asset
from engine.setpoints.dated import Entry, Hours, InForce, Place, Weekday, parse_hours, weekdays
from engine.setpoints.limits import Share
from engine.setpoints.orders import Order

VALVE = ("IrrigationValve", "opening")


class Severity(StrEnum):
    """The levels of art. R211-66 of the environment code, the mildest first. Vigilance asks, and restricts nothing."""

    VIGILANCE = "vigilance"
    ALERTE = "alerte"
    ALERTE_RENFORCEE = "alerte_renforcee"
    CRISE = "crise"


NAMES = {
    Severity.VIGILANCE: Text(fr="vigilance sécheresse", en="drought vigilance"),
    Severity.ALERTE: Text(fr="alerte sécheresse", en="drought alert"),
    Severity.ALERTE_RENFORCEE: Text(fr="alerte sécheresse renforcée", en="heightened drought alert"),
    Severity.CRISE: Text(fr="crise sécheresse", en="drought crisis"),
}
METHODS = {
    "sprinkler": Text(fr="par aspersion", en="by sprinkler"),
    "drip": Text(fr="au goutte-à-goutte", en="by drip"),
}
SOURCES = {
    "drinking": Text(fr="eau potable", en="drinking water"),
    "river": Text(fr="eau de rivière", en="river water"),
    "groundwater": Text(fr="eau de nappe", en="groundwater"),
    "reused": Text(fr="eau réutilisée", en="reused water"),
}
_UNREAD = Text(fr="vanne illisible, arrosage interdit", en="the valve cannot be read, no watering")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_JOURS = ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim.")
_DAY = timedelta(days=1)
_LAST_YEAR = 9998
_ALL_DAYS = frozenset[Weekday](("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
Restricting = Literal[Severity.ALERTE, Severity.ALERTE_RENFORCEE, Severity.CRISE]
WaterSource = Literal["drinking", "river", "groundwater", "reused"]
Method = Literal["sprinkler", "drip"]


Scope = tuple[frozenset[Any] | None, ...]
"""Of a line the uses, sources, methods and ages; None for any."""


class Watering(Protocol):
    """What orders ask of a valve: what it waters, with which water, how, and since when that has been growing."""

    @property
    def use(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def planted(self) -> date | None: ...


class Age(Entry):
    """Years since planting, from and with one number to below another. An age that is not known is in none."""

    start: int = Field(0, alias="from", ge=0)
    below: int = Field(200, ge=1, le=200)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.below:
            raise ValueError(f"from {self.start} years wants to be less than below {self.below}")
        return self


class Measure(Entry):
    """One line of the table: at these levels, for these uses, sources and methods and plants of this age (what is left
    out is any), watering is left in `hours` that begin on `days`, with a `share` of usual water; or it is `banned`, or
    `free`. `reference`: where that is written.
    """

    levels: frozenset[Restricting] = Field(min_length=1)
    uses: frozenset[str] | None = Field(None, min_length=1)
    sources: frozenset[WaterSource] | None = Field(None, min_length=1)
    methods: frozenset[Method] | None = Field(None, min_length=1)
    age: Age | None = None
    hours: Annotated[Hours, BeforeValidator(parse_hours)] | None = None
    days: frozenset[Weekday] = Field(_ALL_DAYS, min_length=1)
    share: Share | None = None
    banned: bool = False
    free: bool = False
    reference: str

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        some = self.hours is not None or self.days != _ALL_DAYS or self.share is not None
        if self.banned + self.free + some != 1:
            raise ValueError("a measure says one of: banned: true; free: true; hours, days or share that are left")
        return self

    def speaks_of(self, level: Severity, watering: Watering, years: int | None) -> bool:
        """`years`: whole ones since planting; None where that is not known."""
        return (
            level in self.levels
            and (self.uses is None or watering.use in self.uses)
            and (self.sources is None or watering.source in self.sources)
            and (self.methods is None or watering.method in self.methods)
            and (self.age is None or (years is not None and self.age.start <= years < self.age.below))
        )

    @cached_property
    def scope(self) -> Scope:
        age = None if self.age is None else frozenset[str | int](range(self.age.start, self.age.below))
        return self.uses, self.sources, self.methods, age


def _within(inner: Scope, outer: Scope) -> bool:
    """Whether a line speaks of nothing that another does not speak of, too, at one level."""
    return all(b is None or (a is not None and a <= b) for a, b in zip(inner, outer, strict=True))


def _common(one: Scope, other: Scope) -> Scope | None:
    """What two lines both speak of; None for nothing."""
    both = tuple(b if a is None else a if b is None else a & b for a, b in zip(one, other, strict=True))
    return None if any(part is not None and not part for part in both) else both


class LevelEntry(InForce):
    """A level in force, as its order says: where, for which sources of water (all where left out), and how long."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    authority: Text
    number: str
    dated: date
    level: Severity
    place: Place = Place()
    sources: frozenset[WaterSource] | None = Field(None, min_length=1)

    def covers(self, valve: Asset, commune: str, watering: Watering | None) -> bool:
        """A valve of whose water nothing is known is covered."""
        drawn = self.sources is None or watering is None or watering.source in self.sources
        return drawn and self.place.holds(valve, commune)


class Drought(Entry):
    """The file: the words for uses, the table of measures, the levels in force or to come."""

    uses: Mapping[str, Text] = {}
    measures: tuple[Measure, ...] = ()
    levels: tuple[LevelEntry, ...] = ()

    def measure(self, level: Severity, watering: Watering, years: int | None) -> Measure | None:
        """The line that decides; None where none speaks of it."""
        found = [line for line in self.measures if line.speaks_of(level, watering, years)]
        return next((line for line in found if all(_within(line.scope, other.scope) for other in found)), None)


def load_drought(path: Path, taken: Collection[str] = ()) -> Drought:
    """Read and check the file; nothing is restricted where there is none. `taken`: ids of other orders.

    Raises InputError with every problem and its place.
    """
    if not path.exists():
        return Drought()
    document = read_document(path)
    drought = document.validate(Drought)
    problems = [*_unknown_uses(document, drought), *_ambiguous(document, drought), *_twice(document, drought, taken)]
    if problems:
        raise InputError(problems)
    return drought


def drought_orders(drought: Drought, valve: Asset, commune: str, watering: Watering | None) -> tuple[Order, ...]:
    """The orders that bind the opening of a valve; without `watering`, of a valve that cannot be read, all forbid it.

    A level whose dates hold a birthday of the plants that matters is one order before it and one from it on.
    """
    found: list[Order] = []
    for entry in drought.levels:
        if entry.level is not Severity.VIGILANCE and entry.covers(valve, commune, watering):
            found += _orders(drought, entry, watering)
    return tuple(found)


def _orders(drought: Drought, entry: LevelEntry, watering: Watering | None) -> Iterator[Order]:
    if watering is None:
        yield _order(entry, None, _UNREAD, entry.start, entry.until)
        return
    ages = list(_ages(drought, entry, watering.planted))
    lines = [drought.measure(entry.level, watering, years_since(watering.planted, start)) for start, _ in ages]
    for line, group in groupby(zip(lines, ages, strict=True), key=itemgetter(0)):
        if line is None or not line.free:
            spans = [span for _, span in group]
            yield _order(entry, line, _left(drought, watering, line), spans[0][0], spans[-1][1])


def years_since(planted: date | None, day: date) -> int | None:
    """Whole years on a day; None where the day of planting is not known, and 0 where it is still to come."""
    if planted is None:
        return None
    return max(0, day.year - planted.year - ((day.month, day.day) < (planted.month, planted.day)))


def _ages(drought: Drought, entry: LevelEntry, planted: date | None) -> Iterator[tuple[date, date]]:
    """The dates of a level, cut where plants come of an age that some line speaks of."""
    bounds = {years for line in drought.measures if line.age for years in (line.age.start, line.age.below)}
    birthdays = {_birthday(planted, years) for years in bounds} if planted else set()
    starts = sorted({entry.start, *(day for day in birthdays if entry.start < day <= entry.until)})
    for start, following in pairwise([*starts, entry.until + _DAY]):
        yield start, following - _DAY


def _birthday(planted: date, years: int) -> date:
    """Of plants of a 29 February it is the 1 March where there is none."""
    try:
        return planted.replace(year=min(planted.year + years, _LAST_YEAR))
    except ValueError:
        return date(planted.year + years, 3, 1)


def _order(entry: LevelEntry, line: Measure | None, what: Text, start: date, until: date) -> Order:
    name, by = NAMES[entry.level], f"; {line.reference}" if line else ""
    bound = line is None or line.banned or line.hours is not None or line.days != _ALL_DAYS
    days = weekdays(line.days) if line is not None and not line.banned else frozenset[int]()
    return Order(
        id=entry.id,
        text=f"{name.en}: {what.en} ({entry.authority.en}, order {entry.number} of {entry.dated}{by})",
        at_most=0.0 if bound else inf,
        start=start,
        until=until,
        hours=line.hours if line else None,
        days=days,
        text_fr=f"{name.fr} : {what.fr} ({entry.authority.fr}, arrêté {entry.number} du {entry.dated}{by})",
        outside=True,
        share=1.0 if line is None or line.share is None else line.share,
    )


def _left(drought: Drought, watering: Watering, line: Measure | None) -> Text:
    """Of what a line speaks and what it leaves, in words."""
    use = drought.uses.get(watering.use, Text(fr=watering.use, en=watering.use))
    method, source = METHODS.get(watering.method, use), SOURCES.get(watering.source, use)
    left = left_by(line)
    return Text(
        fr=f"{use.fr}, {method.fr}, {source.fr} : {left.fr}", en=f"{use.en}, {method.en}, {source.en}: {left.en}"
    )


def left_by(line: Measure | None) -> Text:
    """What a line leaves of watering, in words; without one nothing."""
    if line is None:
        return Text(fr="aucune mesure n'en parle, arrosage interdit", en="no measure speaks of it, no watering")
    if line.banned:
        return Text(fr="arrosage interdit", en="no watering")
    hours = f" {line.hours[0]:%H:%M}–{line.hours[1]:%H:%M}" if line.hours else ""
    days = sorted(weekdays(line.days)) if line.days != _ALL_DAYS else []
    share = f", {line.share:.0%}" if line.share is not None else ""
    french, english = (" ".join(names[day] for day in days) for names in (_JOURS, _DAYS))
    return Text(
        fr=f"arrosage seulement{hours}{' ' + french if days else ''}{share and share + ' du volume habituel'}",
        en=f"watering only{hours}{' ' + english if days else ''}{share and share + ' of usual water'}",
    )


# what is wrong with a file


def _unknown_uses(document: Document, drought: Drought) -> Iterator[Problem]:
    for n, line in enumerate(drought.measures):
        for use in sorted((line.uses or frozenset()) - drought.uses.keys()):
            known = ", ".join(drought.uses) or "none are named yet"
            yield document.problem(("measures", n, "uses"), f"{use!r} is no use named above", f"one of: {known}")


def _ambiguous(document: Document, drought: Drought) -> Iterator[Problem]:
    """Pairs of lines that speak of the same valve, neither saying more than the other, and no third one decides."""
    for (m, one), (n, other) in combinations(enumerate(drought.measures), 2):
        levels = sorted(level for level in one.levels & other.levels if not _decided(drought, level, one, other))
        if levels:
            first, _ = document.places[("measures", m)]
            what = f"speaks of what the line {first} speaks of, too, at {', '.join(levels)}: neither says more"
            yield document.problem(("measures", n), what, "add a line for what both speak of, or narrow one")


def _decided(drought: Drought, level: Severity, one: Measure, other: Measure) -> bool:
    common = _common(one.scope, other.scope)
    if common is None or _within(one.scope, other.scope) != _within(other.scope, one.scope):
        return True
    thirds = (line.scope for line in drought.measures if line not in (one, other) and level in line.levels)
    return any(_within(third, one.scope) and _within(third, other.scope) and _within(common, third) for third in thirds)


def _twice(document: Document, drought: Drought, taken: Collection[str]) -> Iterator[Problem]:
    seen = set(taken)
    for n, entry in enumerate(drought.levels):
        if entry.id in seen:
            yield document.problem(("levels", n, "id"), f"{entry.id!r} is another order's id", "give each its own")
        seen.add(entry.id)
