"""What law and season allow, as data: drought orders, mayors' night switch-offs, quiet hours (`rules/orders.yaml`).

An order bounds levels 8 to 16 of the points it names; life safety and protection do not obey it. Hours are those of the
clock in Paris: on the nights it changes, a bound hour that comes twice is bound twice, and one that is skipped is not.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from engine.catalogue import Catalogue, Text
from engine.documents import Document, read_document
from engine.errors import InputError, Problem
from engine.model import Asset
from engine.setpoints.dated import EVERY_DAY, Dated, DatedEntry, Entry, Hours, Place, Span, without
from engine.setpoints.events import Event

LAMP = ("Streetlight", "illuminanceLevel")


@dataclass(frozen=True, slots=True)
class Order(Dated):
    """Bounds in the point's unit, see `Dated` for when.

    `crossings` and `streets` say what it means for lamps that need more than `at_most` (see `OrderEntry`); `keeps` is
    the level that it leaves its point for that. `lifted`: the events during which it does not bind. `outside`: it binds
    at all times but its hours. `share`: of usual water that it leaves; plans keep to it, and nothing at the point does.
    """

    id: str
    text: str
    at_least: float = -inf
    at_most: float = inf
    start: date = date.min
    until: date = date.max
    hours: Hours | None = None
    days: frozenset[int] = EVERY_DAY
    crossings: Literal["lit", "dark"] | None = None
    streets: Literal["lit", "dim"] | None = None
    keeps: float = -inf
    lifted: tuple[Event, ...] = ()
    text_fr: str = ""
    outside: bool = False
    share: float = 1.0

    @property
    def ceiling(self) -> float:
        """The most that it lets be asked of its point."""
        return max(self.at_most, self.keeps)

    def spans(self, now: datetime, until: datetime) -> Iterator[Span]:
        """The stretches of [now, until) that are bound, in order."""
        every = self.spans_between(now, until) if self.outside else Dated.spans(self, now, until)
        for span in every:
            yield from without(span, (taken for event in self.lifted for taken in event.spans(*span)))


class Points(Place):
    """Which points an order speaks of: those of a type and name, in a place."""

    type: str
    point: str

    def cover(self, asset: Asset, point: str, commune: str) -> bool:
        return (asset.type, point) == (self.type, self.point) and self.holds(asset, commune)


class OrderEntry(DatedEntry):
    """One order as it is written: who made it, its number and date, what it bounds, where and when.

    Of street lights, `at_most` may be less than what people on a crossing or in a street need. Whether these keep their
    class is for the authority to say: `crossings` of crossings and other conflict areas; `streets` of all others, where
    `at_most` is not 0, which says it. Until it is said the light stays on, and every plan reports it.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    authority: Text
    number: str
    dated: date
    text: Text
    points: Points
    at_least: float | None = None
    at_most: float | None = None
    crossings: Literal["lit", "dark"] | None = None
    streets: Literal["lit", "dim"] | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("an order bounds something: at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least:g} is above at_most {self.at_most:g}")
        if (self.crossings or self.streets) and not self.dims_lamps:
            raise ValueError("crossings and streets are for an at_most of street lights")
        if self.streets and self.at_most == 0:
            raise ValueError("at_most 0 says itself that streets are dark: leave streets out")
        return self

    @property
    def dims_lamps(self) -> bool:
        return (self.points.type, self.points.point) == LAMP and self.at_most is not None

    @cached_property
    def order(self) -> Order:
        low = -inf if self.at_least is None else self.at_least
        high = inf if self.at_most is None else self.at_most
        english = f"{self.text.en} ({self.authority.en}, order {self.number} of {self.dated})"
        french = f"{self.text.fr} ({self.authority.fr}, arrêté {self.number} du {self.dated})"
        return Order(
            self.id, english, low, high, self.start, self.until, self.hours, self.weekdays,
            self.crossings, self.streets, text_fr=french,
        )  # fmt: skip


class OrderFile(Entry):
    """Every order in force or to come."""

    orders: tuple[OrderEntry, ...] = ()


def load_orders(path: Path, catalogue: Catalogue) -> tuple[OrderEntry, ...]:
    """Read and check the orders; none where there is no file. Raises InputError with every problem and its place."""
    if not path.exists():
        return ()
    document = read_document(path)
    entries = document.validate(OrderFile).orders
    problems = [
        problem for n, entry in enumerate(entries) for problem in _wrong(document, catalogue, entries, n, entry)
    ]
    if problems:
        raise InputError(problems)
    return entries


def _wrong(
    document: Document, catalogue: Catalogue, entries: Sequence[OrderEntry], n: int, entry: OrderEntry
) -> Iterator[Problem]:
    if any(other.id == entry.id for other in entries[:n]):
        yield document.problem(("orders", n, "id"), f"{entry.id!r} is another order's id", "give each its own")
    points = {name: tuple(kind.points) for name, kind in catalogue.types.items() if kind.points}
    if entry.points.type not in points:
        what = f"{entry.points.type!r} is no type with points"
        yield document.problem(("orders", n, "points", "type"), what, f"one of: {', '.join(points)}")
    elif entry.points.point not in points[entry.points.type]:
        what, hint = f"{entry.points.type} has no point {entry.points.point!r}", ", ".join(points[entry.points.type])
        yield document.problem(("orders", n, "points", "point"), what, f"one of: {hint}")
    else:
        kind = catalogue.types[entry.points.type].points[entry.points.point].envelope
        for name in ("at_least", "at_most"):
            bound = getattr(entry, name)
            if bound is not None and not kind.minimum <= bound <= kind.maximum:
                wanted = f"{kind.minimum:g} to {kind.maximum:g}"
                yield document.problem(("orders", n, name), f"{bound:g} is none of its values", wanted)


def orders_of(
    entries: Collection[OrderEntry],
    asset: Asset,
    point: str,
    communes: Mapping[str, str],
    events: Collection[Event] = (),
) -> tuple[Order, ...]:
    """The orders that bound one point. `communes`: zone → INSEE code; `events`: those held where it is."""
    commune = communes.get(asset.zone, "")
    found = [entry.order for entry in entries if entry.points.cover(asset, point, commune)]
    if not events:
        return tuple(found)
    return tuple(replace(order, lifted=tuple(one for one in events if order.id in one.lifts)) for order in found)
