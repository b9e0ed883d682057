"""Trees over columns: conditions of one shape are worked out together, whatever their constants.

A tree is taken apart into its *shape* (what has to be done) and its *parameters* (properties, constants, widths).
Rules of one shape share one `Form`; each adds a row of parameters. Truths are 0, 1, 2, so that Kleene's `and`, `or`,
`not` are minimum, maximum and 2 − x.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np

from engine.rulebook.conditions.arrays import ALWAYS, FALSE, NEVER, TRUE, UNKNOWN, AnyArray, Bools, Floats, Ints, Truths
from engine.rulebook.conditions.samples import rate
from engine.rulebook.language import (
    RESOLUTION,
    Absent,
    Age,
    And,
    Arithmetic,
    Attribute,
    Calendar,
    Changed,
    Constant,
    Converted,
    Literal,
    Node,
    Not,
    Or,
    Relation,
    Sequence,
    TextIs,
    Threshold,
    Value,
    Was,
    Window,
    WindowFunction,
    children,
    walk,
)

OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
# Truth by operator and by the sign of (left − right) + 1.
_HOLDS = np.array(
    [[0, 2, 0], [2, 0, 2], [2, 0, 0], [2, 2, 0], [0, 0, 2], [0, 2, 2]], np.int8
)  # fmt: skip


class Moment(Protocol):
    """Instances at their instants, and what is known there. `t` (n,) µs; a property is named by its place (n,)."""

    t: Ints

    def newest(self, place: Ints) -> tuple[Ints, Ints, Bools]:
        """observed_at (NEVER: none), scaled value, and whether it is known, of each instance's property."""
        ...

    def scale(self, place: Ints) -> Floats: ...

    def stale(self, place: Ints) -> Ints: ...

    def born(self) -> Ints: ...

    def window(self, function: WindowFunction, place: Ints, width: Ints) -> tuple[Ints, Ints, Ints]: ...

    def departs(self, place: Ints, width: Ints) -> Ints: ...

    def before(self, place: Ints, instant: Ints) -> tuple[Ints, Ints]: ...

    def changed(self, place: Ints) -> tuple[Ints, Bools]:
        """When the newest value last became another (NEVER: it never did), and whether the newest sample did so."""
        ...

    def calendar(self, atom: Ints) -> tuple[Truths, Ints]:
        """Truth of the atom, and the next instant at which it changes."""
        ...

    def text(self, test: Ints) -> Truths: ...

    def attribute(self, number: Ints) -> tuple[Floats, Bools]: ...

    def succession(self, number: Ints, first: Truths, second: Truths, within: Ints) -> Truths: ...


class Names(Protocol):
    """Numbers for what parameters name."""

    def place(self, prop: str) -> int: ...

    def number(self, thing: Any) -> int: ...


Column = Callable[[int], AnyArray]
TruthAt = Callable[[Moment, Column], Truths]
NumberAt = Callable[[Moment, Column], tuple[Floats, Bools]]
NextAt = Callable[[Moment, Column], Ints]


@dataclass(frozen=True, slots=True)
class Form:
    """What the trees of one shape have in common: how to work them out, and when their truth may next change.

    `truth` and `next` take a moment and the parameters, column by column, of the instances' rows.
    """

    truth: TruthAt
    next: NextAt | None


def shape_of(node: Node) -> tuple[Any, ...]:
    """What a tree has in common with others of its form."""
    name = type(node).__name__
    match node:
        case Arithmetic(operator):
            static: tuple[Any, ...] = (operator,)
        case Window(function):
            static = (str(function),)
        case Changed():
            static = (_fades(node),)
        case Constant(value):
            static = (value,)
        case _:
            static = ()
    return (name, *static, *map(shape_of, children(node)))


def parameters(node: Node, names: Names) -> Iterator[int | float]:
    """A tree's row of parameters, in the order in which `form_of` reads them: what is below a node first."""
    for child in children(node):
        yield from parameters(child, names)
    own = _OWN.get(type(node))
    if own is not None:
        yield from own(node, names)


# What each kind of node has of its own. A comparison's is its operator by number.
_OWN: dict[type, Callable[[Any, Names], tuple[int | float, ...]]] = {
    Threshold: lambda node, _: (OPERATORS.index(node.operator), node.constant),
    Relation: lambda node, _: (OPERATORS.index(node.operator),),
    Value: lambda node, names: (names.place(node.property),),
    Age: lambda node, names: (names.place(node.property),),
    Window: lambda node, names: (names.place(node.property), node.width, node.at_least),
    Absent: lambda node, names: (names.place(node.property), node.after),
    Changed: lambda node, names: (names.place(node.property), node.within or 0),
    Was: lambda node, names: (names.place(node.property), OPERATORS.index(node.operator), node.constant, node.ago),
    Literal: lambda node, _: (node.value,),
    Attribute: lambda node, names: (names.number(node),),
    TextIs: lambda node, names: (names.number(node),),
    Calendar: lambda node, names: (names.number(node.atom),),
    Converted: lambda node, _: tuple(node.conversion),
    Sequence: lambda node, names: (names.number(node), node.within),
}


def timed(node: Node) -> bool:
    """Whether time alone may change its truth in a way that only the instance itself can foretell.

    Ages and plain windows are looked after by `signals`; an absence before the first reading is not.
    """
    computed = (part for relation in walk(node) if isinstance(relation, Relation) for part in walk(relation))
    return any(isinstance(part, Absent | Was | Calendar) or _fades(part) for part in walk(node)) or any(
        isinstance(part, Window) for part in computed
    )


def _fades(node: Node) -> bool:
    return isinstance(node, Changed) and node.within is not None


def form_of(node: Node) -> Form:
    """The form of a tree's shape."""
    builder = _Builder()
    truth = builder.truth(node)
    nexts = tuple(builder.nexts)
    return Form(truth, (lambda m, c: reduce(np.minimum, [at(m, c) for at in nexts])) if nexts else None)


def number_form(node: Node) -> NumberAt:
    """How to work out a quantity of the node's shape."""
    return _Builder().number(node)


def compare(sign: AnyArray, operator: AnyArray, known: Bools) -> Truths:
    truth: Truths = np.where(known, _HOLDS[operator, np.sign(sign).astype(np.int64) + 1], UNKNOWN).astype(np.int8)
    return truth


class _Builder:
    """Walks a tree in the order of `parameters`, handing each node its columns."""

    def __init__(self) -> None:
        self._column = 0
        self.nexts: list[NextAt] = []

    def _take(self, count: int) -> int:
        self._column += count
        return self._column - count

    def truth(self, node: Node) -> TruthAt:
        build: dict[type, Callable[[Any], TruthAt]] = {
            And: lambda n: _folded([self.truth(part) for part in n.parts], np.minimum),
            Or: lambda n: _folded([self.truth(part) for part in n.parts], np.maximum),
            Not: lambda n: _denied(self.truth(n.part)),
            Constant: lambda n: _constant(TRUE if n.value else FALSE),
            Threshold: lambda n: self._threshold(n.left),
            Relation: lambda n: self._relation(self.number(n.left), self.number(n.right)),
            Sequence: lambda n: self._sequence(self.truth(n.first), self.truth(n.second)),
            Absent: lambda _: self._absent(),
            Was: lambda _: self._was(),
            TextIs: lambda _: self._text(),
            Calendar: lambda _: self._calendar(),
            Changed: lambda n: self._changed_lately() if _fades(n) else self._changed(),
        }
        return build[type(node)](node)

    def _threshold(self, left: Value | Window | Age) -> TruthAt:
        if isinstance(left, Window):
            return self._window_threshold(left.function)
        k = self._take(3)
        if isinstance(left, Age):

            def age(m: Moment, c: Column) -> Truths:
                at, _, _ = m.newest(c(k))
                return compare(m.t - at - c(k + 2), c(k + 1), at != NEVER)

            return age

        def value(m: Moment, c: Column) -> Truths:
            _, held, known = m.newest(c(k))
            return compare(held - c(k + 2), c(k + 1), known)

        return value

    def _window_threshold(self, function: WindowFunction) -> TruthAt:
        k = self._take(5)

        def truth(m: Moment, c: Column) -> Truths:
            made, count, _ = m.window(function, c(k), c(k + 1))
            wanted = c(k + 4) * count if function is WindowFunction.AVG else c(k + 4)
            enough = count >= c(k + 2) if function is not WindowFunction.COUNT else np.ones(len(count), np.bool_)
            return compare(made - wanted, c(k + 3), enough)

        return truth

    def _relation(self, left: NumberAt, right: NumberAt) -> TruthAt:
        k = self._take(1)

        def truth(m: Moment, c: Column) -> Truths:
            (one, known), (two, also) = left(m, c), right(m, c)
            both = known & also
            with np.errstate(invalid="ignore", over="ignore"):
                sign = np.rint((one - two) * RESOLUTION)
            both &= np.isfinite(sign)
            return compare(np.where(both, sign, 0.0), c(k), both)

        return truth

    def _sequence(self, first: TruthAt, second: TruthAt) -> TruthAt:
        k = self._take(2)
        return lambda m, c: m.succession(c(k), first(m, c), second(m, c), c(k + 1))

    def _absent(self) -> TruthAt:
        k = self._take(2)

        def unread(m: Moment, c: Column) -> Ints:
            at, _, _ = m.newest(c(k))
            return _after(m, np.where(at == NEVER, m.born() + c(k + 1), ALWAYS))

        def truth(m: Moment, c: Column) -> Truths:
            at, _, _ = m.newest(c(k))
            return ((np.where(at == NEVER, m.born(), at) + c(k + 1) <= m.t) * np.int8(TRUE)).astype(np.int8)

        self.nexts.append(unread)
        return truth

    def _changed(self) -> TruthAt:
        k = self._take(2)

        def truth(m: Moment, c: Column) -> Truths:
            _, _, known = m.newest(c(k))
            _, differs = m.changed(c(k))
            return np.where(known, differs * TRUE, UNKNOWN).astype(np.int8)

        return truth

    def _changed_lately(self) -> TruthAt:
        k = self._take(2)
        self.nexts.append(lambda m, c: _after(m, m.changed(c(k))[0] + c(k + 1)))
        return lambda m, c: ((m.changed(c(k))[0] + c(k + 1) > m.t) * np.int8(TRUE)).astype(np.int8)

    def _was(self) -> TruthAt:
        k = self._take(4)

        def nexts(m: Moment, c: Column) -> Ints:
            return np.minimum(m.departs(c(k), c(k + 3)), m.departs(c(k), c(k + 3) + m.stale(c(k))))

        self.nexts.append(nexts)

        def truth(m: Moment, c: Column) -> Truths:
            then = m.t - c(k + 3)
            at, value = m.before(c(k), then)
            return compare(value - c(k + 2), c(k + 1), (at != NEVER) & (then < at + m.stale(c(k))))

        return truth

    def _text(self) -> TruthAt:
        k = self._take(1)
        return lambda m, c: m.text(c(k))

    def _calendar(self) -> TruthAt:
        k = self._take(1)
        self.nexts.append(lambda m, c: m.calendar(c(k))[1])
        return lambda m, c: m.calendar(c(k))[0]

    def number(self, node: Node) -> NumberAt:
        """A quantity: doubles, and where they are known."""
        match node:
            case Literal():
                k = self._take(1)
                return lambda m, c: (c(k).astype(np.float64), np.ones(len(m.t), np.bool_))
            case Attribute():
                k = self._take(1)
                return lambda m, c: m.attribute(c(k))
            case Value():
                return self._value()
            case Window(function):
                return self._window(function)
            case Converted(part):
                return self._converted(self.number(part))
            case Arithmetic(operator, left, right):
                return _arithmetic(operator, self.number(left), self.number(right))
            case _:
                raise TypeError(f"{node!r} is no quantity")

    def _value(self) -> NumberAt:
        k = self._take(1)

        def number(m: Moment, c: Column) -> tuple[Floats, Bools]:
            _, held, known = m.newest(c(k))
            return held / m.scale(c(k)), known

        return number

    def _window(self, function: WindowFunction) -> NumberAt:
        k = self._take(3)
        self.nexts.append(lambda m, c: m.departs(c(k), c(k + 1)))

        def number(m: Moment, c: Column) -> tuple[Floats, Bools]:
            made, count, span = m.window(function, c(k), c(k + 1))
            enough = count >= c(k + 2)
            if function is WindowFunction.COUNT:
                return made.astype(np.float64), np.ones(len(made), np.bool_)
            if function is WindowFunction.RATE:
                found = rate(made / m.scale(c(k)), span)
                return found, enough & ~np.isnan(found)
            if function is WindowFunction.AVG:
                return made / np.maximum(count, 1) / m.scale(c(k)), enough
            return made / m.scale(c(k)), enough

        return number

    def _converted(self, part: NumberAt) -> NumberAt:
        k = self._take(3)

        def number(m: Moment, c: Column) -> tuple[Floats, Bools]:
            value, known = part(m, c)
            return value * c(k) / c(k + 1) + c(k + 2), known

        return number


def _folded(parts: list[TruthAt], how: Any) -> TruthAt:
    return lambda m, c: reduce(how, [part(m, c) for part in parts])


def _denied(part: TruthAt) -> TruthAt:
    return lambda m, c: (TRUE - part(m, c)).astype(np.int8)


def _constant(truth: int) -> TruthAt:
    return lambda m, _: np.full(len(m.t), truth, np.int8)


def _arithmetic(operator: str, left: NumberAt, right: NumberAt) -> NumberAt:
    how = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[operator]

    def number(m: Moment, c: Column) -> tuple[Floats, Bools]:
        (one, known), (two, also) = left(m, c), right(m, c)
        with np.errstate(all="ignore"):
            made = how(one, two)
        return made, known & also & np.isfinite(made)

    return number


def _after(m: Moment, instant: Ints) -> Ints:
    """The instant where it is still to come."""
    return np.where(instant > m.t, instant, ALWAYS)
