"""What the readers of a scenario share: its assets, its instants, and what is wrong with it so far."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import TypeVar

from engine.catalogue import AssetType, Catalogue, PointType
from engine.documents import Document, Loc
from engine.errors import Problem
from engine.model import Asset
from engine.rulebook.naming import nearest
from engine.rulebook.scenarios.notation import parse_at
from engine.units import ALIASES, alternatives, convert, spelled

T = TypeVar("T")


@dataclass
class Complaints:
    """The problems of one scenario, each at its place."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def add(self, loc: Loc, what: str, hint: str, code: str) -> None:
        self.problems.append(self.document.problem(loc, what, hint, code))

    def read(self, loc: Loc, reader: Callable[..., T], *given: object) -> T | None:
        """What the reader makes of a text; None, and a problem, where it raises ValueError("what → hint")."""
        try:
            return reader(*given)
        except (ValueError, OverflowError) as error:
            what, _, hint = str(error).partition(" → ")
            self.add(loc, what, hint, "argument")
            return None


@dataclass(frozen=True)
class Told:
    """A scenario's frame: when it begins and ends, and the assets it is about."""

    start: datetime
    until: datetime
    assets: Mapping[str, Asset]
    catalogue: Catalogue
    complaints: Complaints

    def at(self, loc: Loc, text: str) -> datetime | None:
        """An instant of the story. One outside it is a problem."""
        found = self.complaints.read(loc, parse_at, text, self.start)
        if found is not None and not self.start <= found <= self.until:
            self.complaints.add(loc, f"{text} is outside the scenario", "mend it, or until", "argument")
            return None
        return found

    def type_of(self, loc: Loc, name: str) -> AssetType | None:
        """The type of an asset; None, and a problem, for one that is not here."""
        if name in self.assets:
            return self.catalogue.types.get(self.assets[name].type)
        self.complaints.add(loc, f"{name!r} is not an asset of the scenario", nearest(name, self.assets), "reference")
        return None

    def point(self, loc: Loc, name: str) -> PointType | None:
        """A point as `asset/name`."""
        asset, _, point = name.partition("/")
        found = self.type_of(loc, asset)
        if found is not None and point not in found.points:
            what = f"{point!r} is not a point of {self.assets[asset].type}"
            self.complaints.add(loc, what, nearest(point, found.points), "name")
        return found.points.get(point) if found else None

    def in_unit(self, loc: Loc, value: Fraction, unit: str, wanted: str) -> float | None:
        """A value in another unit, which must be given where one is wanted."""
        found = convert(value, ALIASES.get(unit, unit) or "1", wanted) if unit or wanted == "1" else None
        if found is None:
            what = f"{unit or 'no unit'} is not a unit of {spelled(wanted)}"
            self.complaints.add(loc, what, f"one of: {', '.join(alternatives(wanted))}", "unit")
        return found
