"""What law and season allow, as data: drought orders, mayors' night switch-offs, quiet hours (`rules/orders.yaml`).

An order bounds levels 8 to 16 of the points it names; life safety and protection do not obey it. Hours are those of the
clock in Paris: on the nights it changes, a bound hour that comes twice is bound twice, and one that is skipped is not.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.catalogue import Catalogue, Text
from engine.documents import Document, read_document
from engine.errors import InputError, Problem
from engine.instants import PARIS
from engine.model import Asset

_DAY = timedelta(days=1)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Order:
    """Bounds in the point's unit. `hours`: local times from–until, over midnight where until is the earlier; None for
    all day. `days`: of the week (0 is Monday) on which a bound stretch begins."""

    id: str
    text: str
    at_least: float = -inf
    at_most: float = inf
    start: date = date.min
    until: date = date.max
    hours: tuple[time, time] | None = None
    days: frozenset[int] = frozenset(range(7))

    def spans(self, now: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of [now, until) that are bound, in order."""
        day = max(now.astimezone(PARIS).date() - _DAY, self.start)
        last = min(until.astimezone(PARIS).date(), self.until)
        while day <= last:
            if day.weekday() in self.days:
                begins, ends = self._stretch(day)
                if max(begins, now) < min(ends, until):
                    yield max(begins, now), min(ends, until)
            day += _DAY

    def _stretch(self, day: date) -> tuple[datetime, datetime]:
        """The bound stretch that begins on a local day."""
        begins, ends = self.hours or (time(0), time(0))
        after = day + _DAY if ends <= begins else day
        return _instant(day, begins, fold=0), _instant(after, ends, fold=1)


def _instant(day: date, at: time, fold: int) -> datetime:
    return datetime.combine(day, at.replace(fold=fold), PARIS).astimezone(UTC)


def _parse_hours(text: Any) -> tuple[time, time]:
    begins, dash, ends = str(text).partition("-")
    if not dash:
        raise ValueError("hours are two local times, as 23:30-05:30")
    return time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip())


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Points(_Entry):
    """Which points an order speaks of: all of a type and name, or those in these communes (INSEE), zones or assets."""

    type: str
    point: str
    communes: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()

    def cover(self, asset: Asset, point: str, commune: str) -> bool:
        if (asset.type, point) != (self.type, self.point):
            return False
        anywhere = not (self.communes or self.zones or self.assets)
        return anywhere or commune in self.communes or asset.zone in self.zones or asset.id in self.assets


class OrderEntry(_Entry):
    """One order as it is written: who made it, its number and date, what it bounds, where and when."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    authority: Text
    number: str
    dated: date
    text: Text
    points: Points
    start: date = Field(alias="from")
    until: date
    hours: Annotated[tuple[time, time], BeforeValidator(_parse_hours)] | None = None
    days: frozenset[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = frozenset(
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    )
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("an order bounds something: at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least:g} is above at_most {self.at_most:g}")
        if self.until < self.start:
            raise ValueError(f"until {self.until} is before from {self.start}")
        return self

    @property
    def order(self) -> Order:
        text = f"{self.text.en} ({self.authority.en}, order {self.number} of {self.dated})"
        low = -inf if self.at_least is None else self.at_least
        high = inf if self.at_most is None else self.at_most
        days = frozenset(map(_DAYS.index, self.days))
        return Order(self.id, text, low, high, self.start, self.until, self.hours, days)


class OrderFile(_Entry):
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


def orders_of(
    entries: Collection[OrderEntry], asset: Asset, point: str, communes: Mapping[str, str]
) -> tuple[Order, ...]:
    """The orders that bound one point. `communes`: zone → INSEE code."""
    commune = communes.get(asset.zone, "")
    return tuple(entry.order for entry in entries if entry.points.cover(asset, point, commune))
