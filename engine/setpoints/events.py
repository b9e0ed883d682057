"""Evenings on which streets are to be brighter than traffic alone would have them: `rules/events.yaml`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from engine.catalogue import Text
from engine.documents import Document, read_document
from engine.errors import InputError, Problem
from engine.model import Asset
from engine.setpoints.dated import EVERY_DAY, Dated, DatedEntry, Entry, Hours, Place


@dataclass(frozen=True, slots=True)
class Event(Dated):
    """`classes`: how many lighting classes above the normal one it asks for, 0 for the normal class itself; None for
    full light. `lifts`: the orders that do not bind while it lasts. `text`, `text_fr`: what it is."""

    id: str
    text: str
    text_fr: str
    classes: int | None = 0
    lifts: frozenset[str] = frozenset()
    start: date = date.min
    until: date = date.max
    hours: Hours | None = None
    days: frozenset[int] = EVERY_DAY


class EventEntry(DatedEntry):
    """One event as it is written: what it is, where and when, how bright, and the orders it lifts."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    text: Text
    place: Place = Place()
    classes: int | None = Field(None, ge=0, le=6)
    full: bool = False
    lifts: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _bright(self) -> Self:
        if (self.classes is None) != self.full:
            raise ValueError("an event wants one of: classes (above the normal one; 0 for it), full: true")
        return self

    @cached_property
    def event(self) -> Event:
        return Event(
            self.id, self.text.en, self.text.fr, self.classes, self.lifts,
            self.start, self.until, self.hours, self.weekdays,
        )  # fmt: skip


class EventFile(Entry):
    """Every event to come."""

    events: tuple[EventEntry, ...] = ()


def load_events(path: Path, orders: Collection[str] | None) -> tuple[EventEntry, ...]:
    """Read and check the events; none where there is no file. `orders`: the ids they may lift,
    None where that is not known.

    Raises InputError with every problem and its place.
    """
    if not path.exists():
        return ()
    document = read_document(path)
    entries = document.validate(EventFile).events
    problems = [problem for n in range(len(entries)) for problem in _wrong(document, entries, n, orders)]
    if problems:
        raise InputError(problems)
    return entries


def _wrong(
    document: Document, entries: Sequence[EventEntry], n: int, orders: Collection[str] | None
) -> Iterator[Problem]:
    entry = entries[n]
    if any(other.id == entry.id for other in entries[:n]):
        yield document.problem(("events", n, "id"), f"{entry.id!r} is another event's id", "give each its own")
    for lost in sorted(entry.lifts.difference(orders)) if orders is not None else ():
        known = f"one of: {', '.join(sorted(orders))}" if orders else "orders.yaml has none"
        yield document.problem(("events", n, "lifts"), f"{lost!r} is no order", known)


def events_of(entries: Collection[EventEntry], asset: Asset, communes: Mapping[str, str]) -> tuple[Event, ...]:
    """The events that are held where an asset stands. `communes`: zone → INSEE code."""
    commune = communes.get(asset.zone, "")
    return tuple(entry.event for entry in entries if entry.place.holds(asset, commune))
