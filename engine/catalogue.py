"""The catalogue: what each asset type measures and accepts, read from `datasets/reference/catalogue.yaml`."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.documents import Document, read_document
from engine.errors import InputError, Problem
from engine.model import Envelope, Verification

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


def parse_duration(text: Any) -> timedelta:
    """`90 s`, `15min`, `6h`, `2 d`. Raises ValueError for anything else."""
    if isinstance(text, timedelta):
        return text
    words = str(text).strip()
    unit = words.lstrip("0123456789. ")
    number = words[: len(words) - len(unit)].strip()
    if unit not in _SECONDS or not number:
        raise ValueError("a duration is a number and s, min, h or d, as 15min")
    return timedelta(seconds=float(number) * _SECONDS[unit])


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Entry):
    """The same text in the two languages operators read."""

    fr: str
    en: str


class Property(_Entry):
    """A measured quantity: canonical unit (UCUM; `1` is a plain fraction), physical range, age at which it is UNKNOWN.

    A choice is stored as its index in `choices`; a switch as 0 or 1. A counter only grows, but for its resets.
    `unit_in` is the unit a payload without one is in, where the published data model differs from ours. What is told
    below the range down to `trace` stands for its lower bound: SYNOP says -0.1 mm of rain too light to measure.
    """

    kind: Literal["number", "choice", "switch", "counter"] = "number"
    unit: str = "1"
    unit_in: str | None = None
    range: tuple[float, float] = (0.0, 1.0)
    trace: float | None = None
    choices: tuple[str, ...] = ()
    stale_after: Duration
    aliases: tuple[str, ...] = Field((), description="names foreign payloads use for it")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("choices belong to kind: choice, and to no other")
        if self.range[0] >= self.range[1]:
            raise ValueError(f"range {list(self.range)} wants the lower bound first")
        if self.trace is not None and self.trace >= self.bounds[0]:
            raise ValueError(f"trace {self.trace:g} wants a value below the range, which begins at {self.bounds[0]:g}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value that may be stored."""
        return (0.0, len(self.choices) - 1.0) if self.kind == "choice" else self.range


Whose = Literal["self", "parent"]


class Consequence(_Entry):
    """What a meter must show, in the property's unit, while the point is on (not 0) and while it is off."""

    on: tuple[float, float]
    off: tuple[float, float]


class Verify(_Entry):
    """How a command is confirmed: the property read back, how close it must be, and how soon.

    With `consequence` the property is a meter's (`of` the asset or its parent); `by: none` where nothing can tell.
    `rises_with` names an attribute: assets that have it may rise above what they are asked by themselves.
    """

    by: Verification = Verification.READ_BACK
    property: str | None = None
    of: Whose = "self"
    tolerance: float = Field(0, ge=0)
    consequence: Consequence | None = None
    rises_with: str | None = None
    within: Duration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.property is None) != (self.by is Verification.NONE):
            raise ValueError("a property to verify by belongs to every way of verifying but by: none")
        if (self.consequence is None) != (self.by is not Verification.CONSEQUENCE):
            raise ValueError("consequence: {on: [..], off: [..]} belongs to by: consequence, and to no other")
        return self


class Lockout(_Entry):
    """The reading by which equipment says that somebody works on it: no remote command may reach the point then."""

    property: str
    of: Whose = "self"
    value: str | float = Field(alias="is", description="the choice, or the number, that means locked out")


class Interlock(_Entry):
    """What must hold for the point to be asked anything else than `otherwise` (its safe value where not given).

    The reading must lie in [at_least, at_most]. One that is unknown or stale counts as not holding. `where`: only for
    assets with these attributes.
    """

    id: str
    property: str
    of: Whose = "self"
    at_least: float = -math.inf
    at_most: float = math.inf
    otherwise: float | None = None
    where: Mapping[str, str] = {}
    text: Text


class DomainBy(_Entry):
    """The domain by an attribute of the asset: a pumping station is of the water service or of the sewers."""

    attribute: str
    domains: Mapping[str, str] = Field(min_length=1)


class PointType(_Entry):
    """A variable equipment accepts, and its envelope."""

    unit: str = "1"
    minimum: float
    maximum: float
    largest_step: float | None = Field(None, gt=0)
    shortest_on: Duration = timedelta(0)
    shortest_off: Duration = timedelta(0)
    longest_on: Duration | None = None
    safe: float
    time_to_live: Duration
    verify: Verify
    domain: str | DomainBy = Field(description="the service's folder under rules/; what consigne hold stops as one")
    changes_per_hour: int | None = Field(None, ge=1)
    safe_direction: Literal["up", "down"] | None = None
    held_for: Duration = timedelta(hours=1)
    critical: bool = False
    load: str | None = Field(None, description="attribute of the asset: its power or flow at the maximum")
    minimum_of: str | None = Field(None, description="attribute of the asset: it goes no further below 0 than that")
    maximum_of: str | None = Field(None, description="attribute of the asset: it goes no higher than that")
    safe_from: str | None = Field(None, description="attribute of the asset: below that its safe value would be none")
    requires: str | None = Field(None, description="attribute without which an asset has no such point: a motor, say")
    lockout: Lockout | None = None
    interlocks: tuple[Interlock, ...] = ()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if not self.minimum <= self.safe <= self.maximum:
            raise ValueError(f"safe value {self.safe} wants to lie in [{self.minimum}, {self.maximum}]")
        self._ends()
        for lock in self.interlocks:
            # Clamped it would be another value, which may not be sent.
            if lock.otherwise is not None and not self.minimum <= lock.otherwise <= self.maximum:
                raise ValueError(f"interlock {lock.id}: otherwise wants to lie in [{self.minimum}, {self.maximum}]")
        return self

    @model_validator(mode="after")
    def _around_nothing(self) -> Self:
        """An asset's own bounds are as far from 0 as it reaches: a type's that do not hold 0 could cross them."""
        if (self.minimum_of or self.maximum_of) and not self.minimum <= 0 <= self.maximum:
            raise ValueError(f"minimum_of and maximum_of want 0 in [{self.minimum:g}, {self.maximum:g}]")
        return self

    def _ends(self) -> None:
        if self.longest_on is None:
            return
        if self.safe != 0:
            raise ValueError(f"longest_on is for points whose safe value is off, found safe {self.safe:g}")
        if self.longest_on < max(self.shortest_on, self.shortest_off) or not self.longest_on:
            raise ValueError("longest_on wants to be at least shortest_on and shortest_off, and more than nothing")

    def domain_of(self, attributes: Mapping[str, Any]) -> str:
        """Raises KeyError for an asset whose attribute names none."""
        if isinstance(self.domain, str):
            return self.domain
        return self.domain.domains[str(attributes.get(self.domain.attribute))]

    def stands_at(self, attributes: Mapping[str, Any]) -> bool:
        """Whether an asset with these attributes has the point."""
        return self.requires is None or bool(attributes.get(self.requires))

    @property
    def envelope(self) -> Envelope:
        return Envelope(
            minimum=self.minimum,
            maximum=self.maximum,
            largest_step=self.largest_step,
            shortest_on=self.shortest_on,
            shortest_off=self.shortest_off,
            longest_on=self.longest_on,
            safe=self.safe,
            time_to_live=self.time_to_live,
            verify_tolerance=self.verify.tolerance,
            verify_within=self.verify.within,
            changes_per_hour=self.changes_per_hour,
            safe_direction={"up": 1, "down": -1}.get(self.safe_direction or "", 0),
            held_for=self.held_for,
            critical=self.critical,
            verification=self.verify.by,
        )

    def envelope_of(self, attributes: Mapping[str, Any]) -> Envelope:
        """That of an asset with these attributes: no wider than its own equipment, nor than the type's.

        An attribute that is missing, or no number of 0 or more, leaves the type's bound. What is safe lies within, and
        no lower than what the asset's equipment takes for anything at all.
        """
        named = (self.minimum_of, self.maximum_of, self.safe_from)
        least, most, begins = (_amount(attributes.get(name or "")) for name in named)
        if least is None and most is None and begins is None:
            return self.envelope
        minimum = self.minimum if least is None else max(self.minimum, -least)
        maximum = self.maximum if most is None else min(self.maximum, most)
        safe = max(self.safe, minimum, minimum if begins is None else begins)
        return replace(self.envelope, minimum=minimum, maximum=maximum, safe=min(safe, maximum))


def _amount(found: Any) -> float | None:
    """A number of 0 or more; None for anything else."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < math.inf:
        return None
    return float(found)


class AssetType(_Entry):
    """One asset type under its Smart Data Models name (or ours, where there is none)."""

    about: Text
    source: str = Field(description="the data model it is taken from")
    properties: Mapping[str, Property] = {}
    points: Mapping[str, PointType] = {}


class Catalogue(_Entry):
    """Every asset type the territory may hold."""

    types: Mapping[str, AssetType]

    def point(self, asset_type: str, name: str) -> PointType:
        """Raises KeyError for a type or point the catalogue does not know."""
        return self.types[asset_type].points[name]


def load_catalogue(path: Path) -> Catalogue:
    """Read and check the catalogue. Raises InputError with every problem and its place."""
    document = read_document(path)
    catalogue = document.validate(Catalogue)
    problems = [
        problem
        for type_name, entry in catalogue.types.items()
        for name, point in entry.points.items()
        for problem in _unknown_properties(document, catalogue, type_name, name, point)
    ]
    if problems:
        raise InputError(problems)
    return catalogue


def _unknown_properties(
    document: Document, catalogue: Catalogue, type_name: str, name: str, point: PointType
) -> Iterator[Problem]:
    """Properties that a point names and neither its type nor, where it says parent, any type has."""
    every = {known for entry in catalogue.types.values() for known in entry.properties}
    own = catalogue.types[type_name].properties
    named: list[tuple[tuple[str | int, ...], str | None, Whose]] = [
        (("verify", "property"), point.verify.property, point.verify.of)
    ]
    if point.lockout is not None:
        named.append((("lockout", "property"), point.lockout.property, point.lockout.of))
    named += [(("interlocks", n, "property"), lock.property, lock.of) for n, lock in enumerate(point.interlocks)]
    for place, wanted, whose in named:
        known = own if whose == "self" else every
        if wanted is not None and wanted not in known:
            yield document.problem(
                ("types", type_name, "points", name, *place),
                f"{type_name} has no property {wanted!r} to go by at {name}",
                f"one of: {', '.join(own) or 'none'}",
            )
