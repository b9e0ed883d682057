"""The condition language as a typed tree: what `expressions` reads, and every evaluator gives a meaning to.

Truth is Kleene's: FALSE, UNKNOWN, TRUE. A quantity is a number or UNKNOWN; it is UNKNOWN when a part of it is.
`t` is the instant of evaluation. Widths, ages and distances are µs. Scaled numbers are integers: value × scale of the
property (`scale_of`), rounded half to even; nothing else about a reading decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any

from engine.catalogue import Property
from engine.rulebook.almanac import Atom
from engine.units import Conversion

# A comparison of computed quantities rounds their difference to this part of the unit, so that 10.3 − 8.3 is 2.
RESOLUTION = 1_000_000


class WindowFunction(StrEnum):
    """What is made of a property's samples with t − width < observed_at ≤ t. Fewer than `at_least`: UNKNOWN.

    Samples are those that have arrived; a corrected one counts once. SUM, MIN, MAX and AVG as usual; P95 is the
    sample of rank ceil(0.95 n); COUNT is never UNKNOWN. DELTA is the last minus the first, of a counter the sum of its
    growth (a fall is a reset: the new value is the growth). RATE is DELTA over the time between the first and the last,
    per hour. DELTA and RATE want two samples at least.
    """

    AVG = "avg"
    MIN = "min"
    MAX = "max"
    P95 = "p95"
    COUNT = "count"
    SUM = "sum"
    RATE = "rate"
    DELTA = "delta"


# Quantities


@dataclass(frozen=True, slots=True)
class Literal:
    """A number in the unit its context wants."""

    value: float


@dataclass(frozen=True, slots=True)
class Value:
    """The property's newest sample, known on [observed_at, observed_at + stale_after).

    As a quantity: scaled / scale. `planned(point)` is what is planned for a point.
    """

    property: str


@dataclass(frozen=True, slots=True)
class Window:
    """A function of the samples of the last `width`. As a quantity: in the property's unit (RATE: per hour)."""

    function: WindowFunction
    property: str
    width: int
    at_least: int = 1


@dataclass(frozen=True, slots=True)
class Age:
    """t − observed_at of the newest sample, stale or not; UNKNOWN before the first. Only compared with a constant."""

    property: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """A number among the asset's attributes; UNKNOWN where there is none, or no finite number."""

    name: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """left operator right, in double precision; UNKNOWN for a division by zero, and a result that is not finite."""

    operator: str
    left: "Quantity"
    right: "Quantity"


@dataclass(frozen=True, slots=True)
class Converted:
    """A quantity in another unit: part × numerator / denominator + offset."""

    part: "Quantity"
    conversion: Conversion


Quantity = Literal | Value | Window | Age | Attribute | Arithmetic | Converted


# Truths


@dataclass(frozen=True, slots=True)
class Constant:
    """Always so."""

    value: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """A property, a window of it or its age against a constant, exactly: UNKNOWN where the left side is.

    `constant` is scaled for a value (a choice's index, 0 or 1 for a switch, both of scale 1) and for AVG, MIN, MAX,
    P95, SUM and DELTA (AVG compares the sum with constant × n); µs for an age; a plain number for COUNT. RATE is
    never here: it is a Relation.
    """

    left: Value | Window | Age
    operator: str
    constant: int


@dataclass(frozen=True, slots=True)
class Relation:
    """Two computed quantities, in one unit: the sign of round((left − right) × RESOLUTION) decides."""

    left: Quantity
    operator: str
    right: Quantity


@dataclass(frozen=True, slots=True)
class TextIs:
    """An attribute of the asset is this text (or truth: "true", "false"), operator == or !=; UNKNOWN where missing."""

    attribute: str
    operator: str
    text: str


@dataclass(frozen=True, slots=True)
class Absent:
    """TRUE from `after` past the property's newest observed_at on; never UNKNOWN.

    Before the first sample, from `after` past the rule's birth for this asset.
    """

    property: str
    after: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Whether the newest sample took a value other than the one before it.

    Without `within`: as long as that sample is known; UNKNOWN when it is not; FALSE for the first.
    With it: TRUE on [t₀, t₀ + within), t₀ the observed_at of the last sample that changed the value; never UNKNOWN.
    Only samples that became the newest count.
    """

    property: str
    within: int | None


@dataclass(frozen=True, slots=True)
class Was:
    """The property's value `ago` earlier, against a constant: the newest sample that has arrived with
    observed_at ≤ t − ago, UNKNOWN if there is none or t − ago ≥ its observed_at + stale_after."""

    property: str
    operator: str
    constant: int
    ago: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """`first then second within`: second rose at most `within` after the last rise of first, and is TRUE since.

    A rise is a step into TRUE from FALSE or UNKNOWN. Both are looked at once a transaction; a rise of first in the
    same transaction as second's is none before it. UNKNOWN while second is UNKNOWN; FALSE while it is FALSE or when it
    rose without first before it. At birth both count as FALSE before.
    """

    first: "Truth"
    second: "Truth"
    within: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """Whether an atom of the almanac holds at the subject's place."""

    atom: Atom


class Scope(StrEnum):
    """Which subjects of the other rule are looked at, seen from this rule's subject.

    An asset sees itself, its parent, its children, those with its parent (itself among them), or its zone's assets;
    a zone, a commune or the territory sees what lies in it.
    """

    SELF = "self"
    PARENT = "parent"
    CHILDREN = "children"
    SIBLINGS = "siblings"
    ZONE = "zone"
    COMMUNE = "commune"
    TERRITORY = "territory"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many subjects in scope some of the rules `rules` stand raised on: at least (or, reversed, below) `count`.

    A subject counts once. Never UNKNOWN. `any` is at least 1, `none` is not that.
    """

    rules: tuple[str, ...]
    scope: Scope
    count: int


@dataclass(frozen=True, slots=True)
class Together:
    """Some rule of `first` and some of `second` stand raised in scope, with at most `within` between their rises.

    They are different (rule, subject) pairs. Rises by their `at`. Never under `not`. Never UNKNOWN.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    scope: Scope
    within: int


@dataclass(frozen=True, slots=True)
class Not:
    part: "Truth"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Truth", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Truth", ...]


Truth = (
    Constant | Threshold | Relation | TextIs | Absent | Changed | Was | Sequence | Calendar | Tally | Together
    | Not | And | Or
)  # fmt: skip
Node = Quantity | Truth


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    match node:
        case And(parts) | Or(parts):
            return parts
        case Not(part) | Converted(part):
            return (part,)
        case Sequence(first, second):
            return (first, second)
        case Arithmetic(_, left, right) | Relation(left, _, right):
            return (left, right)
        case Threshold(left):
            return (left,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, each before what is below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def properties_of(node: Node) -> tuple[str, ...]:
    """The properties a tree reads, in the order they are written."""
    named = (child.property for child in walk(node) if isinstance(child, Value | Window | Age | Absent | Changed | Was))
    return tuple(dict.fromkeys(named))


def rules_of(node: Node) -> tuple[str, ...]:
    """The other rules a tree looks at."""
    found: dict[str, None] = {}
    for child in walk(node):
        if isinstance(child, Tally):
            found.update(dict.fromkeys(child.rules))
        elif isinstance(child, Together):
            found.update(dict.fromkeys(child.first + child.second))
    return tuple(found)


def shape(node: Node) -> tuple[Any, ...]:
    """The tree as plain data, for digests."""
    kind: Any = type(node)
    return (kind.__name__, *[_plain(getattr(node, name)) for name in _names(kind)])


@lru_cache(maxsize=64)
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return shape(value) if hasattr(value, "__dataclass_fields__") else value


def scale_of(found: Property) -> int:
    """How many integer steps make one unit: the largest power of ten up to 10⁶ that keeps its range below 2⁴²."""
    if found.kind in {"choice", "switch"}:
        return 1
    largest = max(1.0, *(abs(bound) for bound in found.range))
    scale = RESOLUTION
    while scale > 1 and largest * scale > 2**42:
        scale //= 10
    return scale
