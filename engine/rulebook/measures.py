"""What an expression may name, and what a part of it measures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from engine.catalogue import AssetType, PointType, Property
from engine.rulebook.language import Quantity, Value, Window
from engine.rulebook.syntax import Flaw, Token


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression may name: the properties and points of the subject's type, quantities, other rules.

    `subject` is asset, zone, commune or territory. `rules` maps a rule id or a fact to the ids behind it. `known` keeps
    the quantities that have been read.
    """

    properties: Mapping[str, Property]
    points: Mapping[str, PointType] = field(default_factory=dict)
    quantities: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subject: str = "asset"
    known: "dict[str, Derived | Flaw]" = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, found: AssetType, **other: Mapping[str, object]) -> "Context":
        """What an expression over assets of a type may name."""
        return cls(found.properties, found.points, **other)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Measure:
    """A typed quantity, its unit ("" for a number without one) and the token it begins with.

    `number` is the exact value of a constant; `found` the property that bounds and scales the quantity. A `step` is a
    difference on a scale of temperature, 5 K between two Cel: it converts without the scale's zero.
    """

    node: Quantity
    unit: str
    place: Token
    number: Fraction | None = None
    found: Property | None = None
    step: bool = False

    @property
    def name(self) -> str:
        """As messages call it."""
        if self.number is None and isinstance(self.node, Value | Window):
            return self.node.property
        return f"{self.place.text} {self.place.unit}".strip()


def exact_number(text: str) -> Fraction | None:
    """A decimal as written, exactly; None for one so long or so large that only an attack would hold it.

    Raises ValueError for what is no decimal.
    """
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > 30 or len(exponent) > 3 or abs(int(exponent or 0)) > 99:
        return None
    return Fraction(text)


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived quantity written out: how many parts it has, how deep they go, and through how many others."""

    measure: Measure
    parts: int
    depth: int
    through: int


def example(name: str, found: Property) -> str:
    """A comparison of a property, for a hint."""
    if found.kind == "choice":
        return f"{name} == {found.choices[0]}"
    if found.kind == "switch":
        return f"{name} == true"
    return f"{name} > {found.range[0]:g}" + ("" if found.unit == "1" else f" {found.unit}")
