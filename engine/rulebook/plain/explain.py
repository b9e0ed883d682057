"""Why a rule stands as it does: its conditions part by part, as they are at one instant."""

from dataclasses import dataclass
from datetime import datetime

from engine.instants import from_us
from engine.model import Truth
from engine.rulebook import language as lang
from engine.rulebook.definitions import Rule
from engine.rulebook.language import WindowFunction
from engine.rulebook.plain.group import Latch
from engine.rulebook.plain.truths import Kleene, Moment


@dataclass(frozen=True, slots=True)
class Part:
    """A node of a condition: `truth` of a condition, `value` of a quantity (or of what a condition compares).

    The value is in the property's unit, UNKNOWN as None. `age_us` is that of the property's newest sample.
    """

    label: str
    truth: Truth | None
    value: float | None
    age_us: int | None
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """A rule and a subject: the set and the reset condition, and where the latch stands.

    `run` (set, reset or idle) has held since `since`, in time of the rule's lane.
    """

    sets: Part
    resets: Part
    raised: bool
    since: datetime
    run: str


def explain(rule: Rule, latch: Latch, moment: Moment) -> Explained:
    sets, resets = part(moment, rule.sets), part(moment, rule.resets)
    return Explained(sets, resets, latch.rise is not None, from_us(latch.since), latch.run.value)


def part(moment: Moment, node: lang.Node) -> Part:
    """A node and, but for a threshold's left side, what is below it."""
    below = () if isinstance(node, lang.Threshold) else tuple(part(moment, child) for child in lang.children(node))
    truth = moment.truth(node) if isinstance(node, lang.Truth) else None
    shown = _TRUTH[truth] if isinstance(node, lang.Truth) else None
    return Part(label(moment, node), shown, _value(moment, node), _age(moment, node), below)


_TRUTH: dict[Kleene, Truth] = {False: Truth.FALSE, None: Truth.UNKNOWN, True: Truth.TRUE}


def _value(moment: Moment, node: lang.Node) -> float | None:
    match node:
        case lang.Threshold(lang.Age()):
            return None
        case lang.Threshold(left):
            return moment.number(left)
        case lang.Tally(rules, scope):
            return float(len({subject for _, subject in moment.standing(rules, scope)}))
        case lang.Literal() | lang.Value() | lang.Window() | lang.Attribute() | lang.Arithmetic() | lang.Converted():
            return moment.number(node)
        case _:
            return None


def _age(moment: Moment, node: lang.Node) -> int | None:
    names = () if lang.children(node) and not isinstance(node, lang.Threshold) else lang.properties_of(node)
    newest = moment.series(names[0]).newest_at if names else None
    return None if newest is None else moment.at - newest


def label(moment: Moment, node: lang.Node) -> str:
    """A node as the language writes it, without what is below it where that is shown by itself."""
    match node:
        case lang.Threshold(left, sign, constant):
            return f"{_quantity(left)} {sign} {_constant(moment, left, constant)}"
        case lang.Was(name, sign, constant, ago):
            return f"{name} was {sign} {_constant(moment, lang.Value(name), constant)} {_duration(ago)} before"
        case lang.Not():
            return "not"
        case lang.And() | lang.Or() | lang.Sequence() | lang.Relation() | lang.Arithmetic() | lang.Converted():
            return _joint(node)
        case lang.Literal() | lang.Value() | lang.Window() | lang.Age() | lang.Attribute():
            return _quantity(node)
        case _:
            return _leaf(node)


def _joint(node: lang.Node) -> str:
    match node:
        case lang.Sequence(within=within):
            return f"then within {_duration(within)}"
        case lang.Relation(_, sign) | lang.Arithmetic(sign):
            return sign
        case lang.Converted():
            return "in another unit"
        case _:
            return "and" if isinstance(node, lang.And) else "or"


def _quantity(node: lang.Node) -> str:
    match node:
        case lang.Literal(value):
            return f"{value:g}"
        case lang.Window(function, name, width, at_least):
            few = 2 if function in {WindowFunction.RATE, WindowFunction.DELTA} else 1
            return f"{function}({name}, {_duration(width)}{f', at least {at_least}' if at_least > few else ''})"
        case lang.Age(name):
            return f"age({name})"
        case lang.Attribute(name):
            return f"attribute({name})"
        case _:
            return str(getattr(node, "property", ""))


def _leaf(node: lang.Node) -> str:
    match node:
        case lang.Constant(value):
            return str(value).lower()
        case lang.TextIs(name, sign, text):
            return f"attribute({name}) {sign} {text}"
        case lang.Absent(name, after):
            return f"absent({name}, {_duration(after)})"
        case lang.Changed(name, within):
            return f"changed({name})" if within is None else f"changed({name}, {_duration(within)})"
        case _:
            return _crossing(node)


def _crossing(node: lang.Node) -> str:
    match node:
        case lang.Tally(rules, scope, count):
            return f"count({', '.join(rules)} in {scope}) >= {count}"
        case lang.Together(first, second, scope, within):
            return f"together({', '.join(first)}; {', '.join(second)} in {scope}, {_duration(within)})"
        case _:
            return str(getattr(node, "atom", node))


def _constant(moment: Moment, left: lang.Node, constant: int) -> str:
    """A scaled constant in words: a choice by its name, a number with its unit, an age as a duration."""
    if isinstance(left, lang.Age):
        return _duration(constant)
    kind = moment.kinds[getattr(left, "property", "")]
    if isinstance(left, lang.Window) and left.function is WindowFunction.COUNT:
        return str(constant)
    if kind.found.kind == "choice":
        return kind.found.choices[constant]
    if kind.found.kind == "switch":
        return str(bool(constant)).lower()
    unit = "" if kind.found.unit == "1" else f" {kind.found.unit}"
    return f"{constant / kind.scale:g}{unit}"


def _duration(us: int) -> str:
    for size, unit in ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "min")):
        if us % size == 0:
            return f"{us // size}{unit}"
    return f"{us / 1_000_000:g}s"
