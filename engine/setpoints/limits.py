"""How much of a domain may move at once: `rules/blast.yaml`. Legal bounds of single points are another thing."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.catalogue import Catalogue, Duration, PointType
from engine.documents import Document, read_document
from engine.errors import InputError, Problem
from engine.units import convert

_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
_LOAD = re.compile(r"(\d+(?:\.\d+)?) ?(\S+)")
_UNITS = {"W": "_w", "m3/h": "_m3_h"}
"""The units of load, and how the attributes end that are in them."""


class Load(NamedTuple):
    """A power in W or a flow in m3/h."""

    amount: float
    unit: str

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


def _parse_share(text: Any) -> float:
    if isinstance(text, float):
        return text
    found = _SHARE.fullmatch(str(text).strip())
    if found is None or not 0 <= float(found[1]) <= 100:
        raise ValueError("a share is from 0 % to 100 %, as 10 %")
    return float(Fraction(found[1]) / 100)


def _parse_load(text: Any) -> Load:
    if isinstance(text, Load):
        return text
    found = _LOAD.fullmatch(str(text).strip())
    for unit in _UNITS:
        amount = convert(Fraction(found[1]), found[2], unit) if found else None
        if amount is not None:
            return Load(amount, unit)
    raise ValueError("a load is a power or a flow, as 50 kW or 20 m3/h")


Share = Annotated[float, BeforeValidator(_parse_share)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Entry):
    """A share (0…1) of the domain's points, and a load; what is above either is above the limit."""

    share: Share
    load: Annotated[Load, BeforeValidator(_parse_load)] | None = None


class Bounds(_Entry):
    """How one domain's batches are judged, let out and watched.

    A point counts as moved from `counts_from` (0…1) of its range on; shares mean nothing below `few` moved points.
    `canary` is the share of a batch that goes first; it has `within` to be verified, and a batch stops when more than
    `stop_above` of it fails. A second person has `approve_within`.
    """

    counts_from: Share
    few: int = Field(ge=1)
    canary_above: Limit
    approval_above: Limit
    canary: Share = Field(gt=0)
    stop_above: Share
    within: Duration = Field(gt=timedelta(0))
    approve_within: Duration = Field(gt=timedelta(0))

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        low, high = self.canary_above, self.approval_above
        if high.share < low.share:
            raise ValueError("approval_above.share is below canary_above.share")
        if low.load and high.load and (low.load.unit != high.load.unit or high.load.amount < low.load.amount):
            raise ValueError(f"approval_above.load {high.load} wants to be at least canary_above.load {low.load}")
        return self


class Blast(_Entry):
    """The bounds of every domain: those of its own, or `otherwise`."""

    otherwise: Bounds
    domains: Mapping[str, Bounds] = {}

    def of(self, domain: str) -> Bounds:
        return self.domains.get(domain, self.otherwise)


def load_blast(path: Path, catalogue: Catalogue) -> Blast | None:
    """Read and check the bounds; None, nothing being held, without a file.

    Raises InputError with every problem and its place.
    """
    if not path.exists():
        return None
    document = read_document(path)
    blast = document.validate(Blast)
    problems = list(_wrong(document, blast, catalogue))
    if problems:
        raise InputError(problems)
    return blast


def _wrong(document: Document, blast: Blast, catalogue: Catalogue) -> Iterator[Problem]:
    loads = _loads(catalogue)
    for domain, bounds in blast.domains.items():
        if domain not in loads:
            yield document.problem(("domains", domain), f"{domain!r} is no domain", f"one of: {', '.join(loads)}")
            continue
        for name in ("canary_above", "approval_above"):
            load = getattr(bounds, name).load
            foreign = [attribute for attribute in loads[domain] if load and not attribute.endswith(_UNITS[load.unit])]
            if foreign:
                what = f"the load of {domain} is {foreign[0]}, which is not in {load.unit}"
                yield document.problem(("domains", domain, name, "load"), what, "give it in the unit of the attribute")


def _loads(catalogue: Catalogue) -> dict[str, set[str]]:
    """Domain → the attributes that say how much its points draw or pass."""
    found: dict[str, set[str]] = {}
    for point in (point for kind in catalogue.types.values() for point in kind.points.values()):
        for domain in _domains(point):
            found.setdefault(domain, set()).update({point.load} if point.load else ())
    return dict(sorted(found.items()))


def _domains(point: PointType) -> list[str]:
    return [point.domain] if isinstance(point.domain, str) else list(point.domain.domains.values())
