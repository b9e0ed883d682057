"""`rules/contracts.yaml` as it is written: what energy costs when, what may be drawn, what is paid for drawing less."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.catalogue import Text
from engine.documents import Document, Key
from engine.errors import Problem
from engine.rulebook.naming import nearest
from engine.setpoints.dated import EVERY_DAY, Hours, Weekday, parse_hours, weekdays
from optimizers.arrays import Ints

MINUTES = 1440
NOBODY = -1
"""In a timetable: a minute of which no line speaks."""
_DAY = timedelta(days=1)
_MONTHS = frozenset(range(1, 13))
_LARGEST_EUR_KWH = 5.0
"""Above the exchange's own bound of 4 EUR/kWh: more is EUR/MWh or cents."""


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("wants an offset, as 2026-12-03T17:00+01:00")
    return at


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
EurKwh = Annotated[float, Field(ge=-1.0, le=_LARGEST_EUR_KWH)]
Gram = Annotated[float, Field(ge=0, le=2000)]
Instant = Annotated[datetime, AfterValidator(_aware)]


class SpotPrice(Entry):
    """What the exchange's price comes to in a contract: so many times it, plus so much."""

    times: float = Field(1.0, ge=0, le=2)
    plus: EurKwh = 0.0


Price = EurKwh | SpotPrice


class SourceEntry(Entry):
    """Which variable, of which place, of a source of forecasts.yaml."""

    source: str
    variable: str
    place: str | None = None


class SpotEntry(SourceEntry):
    """`usual_eur_kwh`: taken where nothing at all is known."""

    usual_eur_kwh: EurKwh


class CarbonEntry(Entry):
    """Of energy bought: one number, or one for each hour of the day in Paris; a source goes before."""

    g_kwh: Gram | Annotated[tuple[Gram, ...], Field(min_length=24, max_length=24)]
    forecast: SourceEntry | None = None


class ColourSource(SourceEntry):
    """`kinds`: which kind of day its numbers are."""

    kinds: Mapping[str, Name] = Field(min_length=1)


class DaysEntry(Entry):
    """Kinds of day that a supplier tells from one day to the next: Tempo's colours, peak days.

    kinds: all there are. otherwise: what a day is of which nothing is known. dates: those known, by kind; forecast:
    where others are. A day that both name is what `dates` say.
    """

    kinds: tuple[Name, ...] = Field(min_length=2, max_length=8)
    otherwise: Name
    dates: Mapping[Name, frozenset[date]] = {}
    forecast: ColourSource | None = None

    @cached_property
    def by_date(self) -> dict[date, str]:
        return {day: kind for kind, days in self.dates.items() for day in days}


def _hours(value: Any) -> tuple[Hours, ...]:
    return tuple(parse_hours(one) for one in ([value] if isinstance(value, str) else value))


class Line(Entry):
    """When a class is in force. What is left out is any; hours are of the clock in Paris, over midnight where the
    second is the earlier.
    """

    name: Name = Field(alias="class")
    months: frozenset[Annotated[int, Field(ge=1, le=12)]] = _MONTHS
    days: frozenset[Weekday] | None = None
    kinds: frozenset[Name] | None = None
    hours: Annotated[tuple[Hours, ...], BeforeValidator(_hours)] = ((time(0), time(0)),)

    @cached_property
    def weekdays(self) -> frozenset[int]:
        return EVERY_DAY if self.days is None else weekdays(self.days)

    @cached_property
    def minutes(self) -> Ints:
        """Those of the clock in which it holds."""
        spans = [np.arange(_minute(a), _minute(b) + (MINUTES if b <= a else 0)) for a, b in self.hours]
        return np.unique(np.concatenate(spans) % MINUTES)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


class ClassEntry(Entry):
    """What holds in a class of hours.

    import_eur_kwh       before the taxes and VAT of the edition
    export_eur_kwh       paid for what is fed in; none where left out
    subscribed_kva       contracted power in this class; the site's own, times `subscribed_share`, where left out
    """

    text: Text | None = None
    import_eur_kwh: Price
    export_eur_kwh: Price = 0.0
    subscribed_kva: Positive | None = None
    subscribed_share: float = Field(1.0, gt=0, le=10)


class Tax(Entry):
    text: Text
    eur_kwh: EurKwh


class Overrun(Entry):
    """What passing the contracted power costs: for each kWh beyond; or for each hour in which it is passed, which is
    spread over a tenth of the contracted power, by which such fees are set; or `trips`: the supply goes off.
    """

    eur_kwh: Annotated[float, Field(ge=0, le=1000)] | None = None
    eur_h: Annotated[float, Field(ge=0, le=10_000)] | None = None
    trips: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.eur_kwh is not None) + (self.eur_h is not None) + self.trips != 1:
            raise ValueError("an overrun says one of: eur_kwh; eur_h; trips: true")
        return self


class Edition(Entry):
    """The prices of a contract for some time, both days included."""

    start: date = Field(alias="from")
    until: date
    reference: Text  # where the figures are written
    classes: Mapping[Name, ClassEntry] = Field(min_length=1, max_length=100)
    when: tuple[Line, ...] = ()
    otherwise: Name | None = None
    taxes: tuple[Tax, ...] = ()
    vat: float = Field(0.0, ge=0, lt=1)
    overrun: Overrun | None = None
    peak_eur_kw: NotNegative = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.start:
            raise ValueError(f"until {self.until} is before from {self.start}")
        return self

    def timetable(self, kinds: Sequence[str]) -> Ints:
        """(kinds, 12 months, 7 days, 1440 minutes) index of the class in force; NOBODY where no line speaks."""
        names = list(self.classes)
        otherwise = names.index(self.otherwise) if self.otherwise else NOBODY
        table = np.full((len(kinds), 12, 7, MINUTES), otherwise)
        for line in self.when:
            table[line_slice(line, kinds)] = names.index(line.name)
        return table


def line_slice(line: Line, kinds: Sequence[str]) -> tuple[Ints, ...]:
    """Of a timetable what a line speaks of."""
    of = [n for n, kind in enumerate(kinds) if line.kinds is None or kind in line.kinds]
    months, days = sorted(m - 1 for m in line.months), sorted(line.weekdays)
    found: tuple[Ints, ...] = np.ix_(np.array(of, np.int64), np.array(months), np.array(days), line.minutes)
    return found


class ContractEntry(Entry):
    """A contract. Months, days and kinds of its lines are those of the day that begins at `day_begins`, by the clock in
    Paris.

    days                kinds of day that it knows
    holidays_as         the day of the week that public holidays count as
    power_factor        W of active power for a VA, where it is not the file's
    export_limit_kva    most that may be fed in
    """

    text: Text
    day_begins: time = time(0)
    days: Name | None = None
    holidays_as: Weekday | None = None
    power_factor: float | None = Field(None, gt=0, le=1)
    export_limit_kva: NotNegative | None = None
    carbon_eur_kg: Annotated[float, Field(ge=0, le=10)] = 0.0
    editions: tuple[Edition, ...] = Field(min_length=1)

    def edition(self, day: date) -> Edition:
        """That of a day; of days that none speaks of the nearest."""
        return min(self.editions, key=lambda one: max(one.start - day, day - one.until, timedelta(0)))


class SiteEntry(Entry):
    """What one meter has subscribed: its contract, and its power, of every class or of each."""

    contract: Name | None = None
    subscribed_kva: Positive | Mapping[Name, Positive] | None = None


class OrderEntry(Entry):
    """An order to draw less than usual for a while (NEBEF), by what like days drew.

    sites            meters that it counts together
    ordered_w        by how much less
    paid_eur_kwh     for each kWh less; short_eur_kwh for each kWh of what is ordered that is not delivered
    like_days        of how many like days before the usual draw is the mean
    """

    id: Name
    text: Text
    sites: frozenset[str] = Field(min_length=1)
    start: Instant = Field(alias="from")
    until: Instant
    ordered_w: Positive
    paid_eur_kwh: Annotated[float, Field(ge=0, le=_LARGEST_EUR_KWH)]
    short_eur_kwh: Annotated[float, Field(ge=0, le=_LARGEST_EUR_KWH)] = 0.0
    like_days: int = Field(10, ge=1, le=40)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta(0) < self.until - self.start <= _DAY:
            raise ValueError(f"from {self.start} until {self.until} wants to be a day at most, in order")
        return self


class ContractsFile(Entry):
    """The file. `power_factor`: W of active power that a VA of contracted power stands for."""

    power_factor: float = Field(0.93, gt=0, le=1)
    spot: SpotEntry | None = None
    carbon: CarbonEntry = CarbonEntry(g_kwh=0.0)
    days: Mapping[Name, DaysEntry] = {}
    contracts: Mapping[Name, ContractEntry] = {}
    sites: Mapping[str, SiteEntry] = {}
    orders: tuple[OrderEntry, ...] = ()

    def kinds(self, contract: ContractEntry) -> tuple[str, ...]:
        """The kinds of day that a contract knows; one without a name where it knows none."""
        return self.days[contract.days].kinds if contract.days is not None else ("",)


# what is wrong with a file


def problems_of(document: Document, file: ContractsFile) -> Iterator[Problem]:
    """What its parts say against each other, each at its place."""
    for name, days in file.days.items():
        yield from _days(document, ("days", name), days)
    for name, contract in file.contracts.items():
        yield from _contract(document, ("contracts", name), contract, file)
    for asset, site in file.sites.items():
        yield from _site(document, ("sites", asset), site, file)
    for n, order in enumerate(file.orders):
        if any(order.id == other.id for other in file.orders[:n]):
            what = f"{order.id!r} is another order's id"
            yield document.problem(("orders", n, "id"), what, "give each its own")


def _days(document: Document, at: tuple[Key, ...], days: DaysEntry) -> Iterator[Problem]:
    named: list[tuple[tuple[Key, ...], str]] = [(("otherwise",), days.otherwise)]
    named += [(("dates", kind), kind) for kind in days.dates]
    if days.forecast is not None:
        named += [(("forecast", "kinds", code), kind) for code, kind in days.forecast.kinds.items()]
    for where, kind in named:
        if kind not in days.kinds:
            hint = nearest(kind, days.kinds)
            yield document.problem((*at, *where), f"{kind!r} is no kind of these days: {', '.join(days.kinds)}", hint)
    seen: dict[date, str] = {}
    for kind, dates in days.dates.items():
        for day in sorted(dates):
            if seen.setdefault(day, kind) != kind:
                what = f"{day} is {seen[day]} and {kind}"
                yield document.problem((*at, "dates", kind), what, "write each day once")


def _contract(
    document: Document, at: tuple[Key, ...], contract: ContractEntry, file: ContractsFile
) -> Iterator[Problem]:  # fmt: skip
    if contract.days is not None and contract.days not in file.days:
        hint = nearest(contract.days, file.days)
        yield document.problem((*at, "days"), f"{contract.days!r} is no kind of days named above", hint)
        return
    for n, (one, other) in enumerate(pairwise(contract.editions), start=1):
        if other.start != one.until + _DAY:
            said = "begins before the one above ends" if other.start <= one.until else "leaves days without a price"
            what = f"from {other.start} {said}, on {one.until}"
            yield document.problem((*at, "editions", n, "from"), what, f"from: {one.until + _DAY}, in order")
    for n, edition in enumerate(contract.editions):
        yield from _edition(document, (*at, "editions", n), edition, file, file.kinds(contract))


def _edition(
    document: Document, at: tuple[Key, ...], edition: Edition, file: ContractsFile, kinds: Sequence[str]
) -> Iterator[Problem]:  # fmt: skip
    found = list(_names(document, at, edition, kinds))
    if file.spot is None:
        for name, entry in edition.classes.items():
            for key in ("import_eur_kwh", "export_eur_kwh"):
                if isinstance(getattr(entry, key), SpotPrice):
                    what = "goes by the exchange's price, and this file names no source of it"
                    found.append(document.problem((*at, "classes", name, key), what, "add spot: {source, variable}"))
    yield from found
    if not found:
        yield from _twice(document, at, edition, kinds)
        yield from _lacking(document, at, edition, kinds)


def _names(document: Document, at: tuple[Key, ...], edition: Edition, kinds: Sequence[str]) -> Iterator[Problem]:
    """Classes and kinds that are none, and classes that are never in force."""
    used = {edition.otherwise} | {line.name for line in edition.when}
    named: list[tuple[tuple[Key, ...], str]] = []
    named += [(("when", n, "class"), line.name) for n, line in enumerate(edition.when)]
    named += [(("otherwise",), edition.otherwise)] if edition.otherwise is not None else []
    for where, name in named:
        if name not in edition.classes:
            yield document.problem((*at, *where), f"{name!r} is no class of it", nearest(name, edition.classes))
    for name in edition.classes:
        if name not in used:
            what = f"the class {name!r} is never in force"
            yield document.problem((*at, "classes", name), what, "say when, or take it away")
    for n, line in enumerate(edition.when):
        for kind in sorted((line.kinds or frozenset()) - set(kinds)):
            known = ", ".join(kinds) if kinds != ("",) else "the contract has no `days`"
            yield document.problem((*at, "when", n, "kinds"), f"{kind!r} is no kind of day here: {known}")


def _twice(document: Document, at: tuple[Key, ...], edition: Edition, kinds: Sequence[str]) -> Iterator[Problem]:
    """Lines that speak of a minute that a line above speaks of, too."""
    spoken = np.full((len(kinds), 12, 7, MINUTES), NOBODY)
    for n, line in enumerate(edition.when):
        part = line_slice(line, kinds)
        before = spoken[part]
        if (taken := before[before != NOBODY]).size:
            first, _ = document.places[(*at, "when", int(taken[0]))]
            where = np.argwhere(before != NOBODY)[0]
            minute = int(line.minutes[where[3]])
            what = f"speaks of {minute // 60:02}:{minute % 60:02}, of which line {first} speaks, too"
            yield document.problem((*at, "when", n), what, "narrow one of the two")
        spoken[part] = n


def _lacking(document: Document, at: tuple[Key, ...], edition: Edition, kinds: Sequence[str]) -> Iterator[Problem]:
    missing = np.argwhere(edition.timetable(kinds) == NOBODY)
    if missing.size:
        kind, month, day, minute = (int(n) for n in missing[0])
        named = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day]
        of = f" of {kinds[kind]} days" if kinds[kind] else ""
        what = f"no class is in force at {minute // 60:02}:{minute % 60:02} on {named} of month {month + 1}{of}"
        yield document.problem((*at, "when"), what, "add a line, or otherwise: CLASS")


def _site(document: Document, at: tuple[Key, ...], site: SiteEntry, file: ContractsFile) -> Iterator[Problem]:
    if site.contract is not None and site.contract not in file.contracts:
        hint = nearest(site.contract, file.contracts)
        yield document.problem((*at, "contract"), f"{site.contract!r} is no contract of this file", hint)
        return
    if not isinstance(site.subscribed_kva, Mapping):
        return
    if site.contract is None:
        what = "names the power of each class, and no contract whose classes they are"
        yield document.problem((*at, "subscribed_kva"), what, "add contract: NAME")
        return
    known = {name for edition in file.contracts[site.contract].editions for name in edition.classes}
    for name in site.subscribed_kva:
        if name not in known:
            hint = nearest(name, known)
            yield document.problem((*at, "subscribed_kva", name), f"{name!r} is no class of {site.contract}", hint)
    if lost := sorted(known - site.subscribed_kva.keys()):
        what = f"says nothing of {', '.join(lost)}"
        yield document.problem((*at, "subscribed_kva"), what, "give the power of every class")
