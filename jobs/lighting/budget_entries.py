"""Budgets of energy and power as experts write them in `lighting.yaml`: who decided what, where, when, how far."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from engine.catalogue import Text
from engine.documents import Document
from engine.errors import Problem
from engine.model import Asset
from engine.setpoints.dated import EVERY_DAY, Dated, DatedEntry, Entry, Hours, Place, parse_hours

_LARGEST = 1e6  # kWh of a night, kW: more is a slip of units


class BudgetPlace(Place):
    """A `Place` of lamps, also by the cabinets that feed them."""

    cabinets: frozenset[str] = frozenset()

    def feeds(self, lamp: Asset, commune: str, cabinet: str) -> bool:
        """Whether a lamp is in it; `commune` is its INSEE code."""
        if cabinet in self.cabinets:
            return Place(where=self.where).holds(lamp, commune)
        named = self.communes or self.zones or self.assets or self.around
        return self.holds(lamp, commune) if named or not self.cabinets else False


@dataclass(frozen=True, slots=True)
class Peak(Dated):
    """kW in some hours of every night."""

    kw: float
    hours: Hours | None
    start: date = date.min
    until: date = date.max
    days: frozenset[int] = EVERY_DAY


class PeakEntry(Entry):
    """Power to stay within, between two local times, or all night."""

    kw: float = Field(gt=0, le=_LARGEST)
    hours: Annotated[Hours, BeforeValidator(parse_hours)] | None = None

    @cached_property
    def peak(self) -> Peak:
        return Peak(self.kw, self.hours)


class WeightEntry(Entry):
    """What light is worth there beside that of other lamps."""

    place: BudgetPlace
    weight: float = Field(gt=0, le=1000)


class BudgetEntry(DatedEntry):
    """What the lamps of a place may take of energy in a night, from noon to noon, and of power; who decided that light
    gives way for it, by which decision, and by how many classes below the one called for at most.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    authority: Text
    number: str = Field(min_length=1)
    dated: date
    text: Text
    place: BudgetPlace = BudgetPlace()
    energy_kwh: float | None = Field(None, gt=0, le=_LARGEST)
    peaks: tuple[PeakEntry, ...] = ()
    gives_way: int = Field(ge=1, le=5)
    weights: tuple[WeightEntry, ...] = ()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.energy_kwh is None and not self.peaks:
            raise ValueError("a budget bounds something: energy_kwh, peaks or both")
        if self.hours is not None:
            raise ValueError("energy_kwh is of the whole night; hours are for peaks")
        if self.dated > self.until:
            raise ValueError(
                f"was decided on {self.dated}, after its end on {self.until}: wants dated at or before until"
            )
        return self

    def on(self, night: date) -> bool:
        """Whether it holds in the night that begins on a day."""
        return self.start <= night <= self.until and night.weekday() in self.weekdays

    @property
    def english(self) -> str:
        return f"{self.text.en} ({self.authority.en}, decision {self.number} of {self.dated}, until {self.until})"

    @property
    def french(self) -> str:
        return f"{self.text.fr} ({self.authority.fr}, décision {self.number} du {self.dated}, jusqu'au {self.until})"


def wrong_budgets(document: Document, budgets: Sequence[BudgetEntry]) -> Iterator[Problem]:
    """What no entry shows by itself: ids that stand twice."""
    for n, entry in enumerate(budgets):
        if any(other.id == entry.id for other in budgets[:n]):
            yield document.problem(("budgets", n, "id"), f"{entry.id!r} is another budget's id", "give each its own")
