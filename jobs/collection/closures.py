"""Where trucks may not be, and when: schools, markets, works, a closed road (`rules/closures.yaml`)."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from engine.catalogue import Text
from engine.documents import Document, parse_document, read_document
from engine.errors import InputError
from engine.model import Asset
from engine.setpoints.dated import EVERY_DAY, Dated, DatedEntry, Entry, Place, Span
from engine.settings import Settings

CLOSURES = "closures.yaml"


class Closure(DatedEntry):
    """A place that no truck is to be at on such days, between such hours of the clock in Paris.

    `through`: nobody drives through its circle either, as where a road is closed; it is for places `around`.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    text: Text
    place: Place
    through: bool = False

    @model_validator(mode="after")
    def _circle(self) -> Self:
        if self.through and self.place.around is None:
            raise ValueError("through: true is for a place around: {lat, lon, radius_m}")
        return self

    def spans(self, start: datetime, until: datetime) -> list[Span]:
        """When it holds, within two instants."""
        return list(_When(self).spans(start, until))


class _When(Dated):
    def __init__(self, entry: Closure) -> None:
        self.start, self.until, self.hours = entry.start, entry.until, entry.hours
        self.days = entry.weekdays or EVERY_DAY


class _File(Entry):
    closures: tuple[Closure, ...] = ()


def load_closures(path: Path) -> tuple[Closure, ...]:
    """Read and check the closures; none where there is no file. Raises InputError with every problem and its place."""
    return _checked(read_document(path)) if path.exists() else ()


def parse_closures(text: str) -> tuple[Closure, ...]:
    """The same of the text of such a file, empty where there is none."""
    return _checked(parse_document(text, CLOSURES)) if text.strip() else ()


def _checked(document: Document) -> tuple[Closure, ...]:
    entries = document.validate(_File).closures
    twice = [
        document.problem(("closures", n, "id"), f"{entry.id!r} is another closure's id", "give each its own")
        for n, entry in enumerate(entries)
        if any(other.id == entry.id for other in entries[:n])
    ]
    if twice:
        raise InputError(twice)
    return entries


def closures_of(settings: Settings) -> tuple[Closure, ...]:
    """Those of the rules that the settings name."""
    return load_closures(settings.rules_dir / CLOSURES)


def closing(closures: Collection[Closure], asset: Asset, commune: str) -> Iterator[Closure]:
    """The closures of the place where an asset stands."""
    return (closure for closure in closures if closure.place.holds(asset, commune))


def closed_at(
    closures: Sequence[Closure], asset: Asset, commune: str, start: datetime, until: datetime
) -> list[Span]:  # fmt: skip
    """When no truck may be where an asset stands, within two instants."""
    return [span for closure in closing(closures, asset, commune) for span in closure.spans(start, until)]
