"""The catalogue: what each asset type measures and accepts, read from `datasets/reference/catalogue.yaml`."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.documents import read_document
from engine.errors import InputError
from engine.model import Envelope

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
    `unit_in` is the unit a payload without one is in, where the published data model differs from ours.
    """

    kind: Literal["number", "choice", "switch", "counter"] = "number"
    unit: str = "1"
    unit_in: str | None = None
    range: tuple[float, float] = (0.0, 1.0)
    choices: tuple[str, ...] = ()
    stale_after: Duration
    aliases: tuple[str, ...] = Field((), description="names foreign payloads use for it")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("choices belong to kind: choice, and to no other")
        if self.range[0] >= self.range[1]:
            raise ValueError(f"range {list(self.range)} wants the lower bound first")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value that may be stored."""
        return (0.0, len(self.choices) - 1.0) if self.kind == "choice" else self.range


class Verify(_Entry):
    """How a command is confirmed: the property read back, how close it must be, and how soon."""

    property: str
    tolerance: float = Field(ge=0)
    within: Duration


class PointType(_Entry):
    """A variable equipment accepts, and its envelope."""

    unit: str = "1"
    minimum: float
    maximum: float
    largest_step: float | None = Field(None, gt=0)
    shortest_on: Duration = timedelta(0)
    shortest_off: Duration = timedelta(0)
    safe: float
    time_to_live: Duration
    verify: Verify

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if not self.minimum <= self.safe <= self.maximum:
            raise ValueError(f"safe value {self.safe} wants to lie in [{self.minimum}, {self.maximum}]")
        return self

    @property
    def envelope(self) -> Envelope:
        return Envelope(
            minimum=self.minimum,
            maximum=self.maximum,
            largest_step=self.largest_step,
            shortest_on=self.shortest_on,
            shortest_off=self.shortest_off,
            safe=self.safe,
            time_to_live=self.time_to_live,
            verify_tolerance=self.verify.tolerance,
            verify_within=self.verify.within,
        )


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
        document.problem(
            ("types", type_name, "points", name, "verify", "property"),
            f"{type_name} has no property {point.verify.property!r} to verify {name} by",
            f"one of: {', '.join(entry.properties) or 'none'}",
        )
        for type_name, entry in catalogue.types.items()
        for name, point in entry.points.items()
        if point.verify.property not in entry.properties
    ]
    if problems:
        raise InputError(problems)
    return catalogue
