"""The condition language: text → typed tree. Nothing in it is executable, loops or allocates beyond its own length.

condition   = conjunction { "or" conjunction }
conjunction = negation { "and" negation }
negation    = "not" negation | "(" condition ")" | "true" | "false" | absence | comparison
absence     = "absent" "(" property "," duration ")"
comparison  = switch | property operator ( number [ unit ] | choice | "true" | "false" )
operator    = "==" | "!=" | "<" | "<=" | ">" | ">="
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from fractions import Fraction
from typing import NamedTuple

from engine.catalogue import Property, parse_duration
from engine.units import alternatives, convert

MAX_LENGTH = 2_000
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Compare:
    """A property against a constant in the property's own unit (a choice's index; 0 or 1 for a switch)."""

    property: str
    operator: str
    value: float


@dataclass(frozen=True, slots=True)
class Absent:
    """True from `after` past the property's last event time on. Never UNKNOWN."""

    property: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    part: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Expression", ...]


Expression = Compare | Absent | Constant | Not | And | Or


class Flaw(NamedTuple):
    """One thing wrong with an expression; `offset` counts characters from its start."""

    offset: int
    what: str
    hint: str


class ExpressionError(ValueError):
    """An expression that says nothing a rule can mean: every flaw found, in order."""

    def __init__(self, flaws: list[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(flaw.what for flaw in flaws))


def parse_expression(text: str, properties: Mapping[str, Property]) -> Expression:
    """The typed tree of a condition over one asset type's properties. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError([Flaw(0, f"is longer than {MAX_LENGTH} characters", "split the rule")])
    parser = _Parser(text, properties)
    try:
        tree = parser.condition(0)
        parser.expect_end()
    except _SyntaxFlaw as error:
        parser.flaws.append(error.flaw)
    if parser.flaws:
        raise ExpressionError(sorted(parser.flaws))
    return tree


def leaves(expression: Expression) -> Iterator[Compare | Absent | Constant]:
    """The comparisons, absences and constants of a tree, in the order they are written."""
    match expression:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield expression


_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<operator>==|!=|<=|>=|<|>)
      | (?P<mark>[(),])""",
    re.VERBOSE,
)
_UNIT = re.compile(r"\s*(?!(?:and|or|not)\b)([^\W\d_]|[°%/])[\w°%/.]*")
_KEYWORDS = frozenset({"and", "or", "not", "true", "false", "absent"})
_ORDER = frozenset({"<", "<=", ">", ">="})


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int
    unit: str = ""


class _SyntaxFlaw(Exception):
    def __init__(self, token: _Token, what: str, hint: str) -> None:
        self.flaw = Flaw(token.offset, what, hint)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            hint = "write == to compare" if text[at] == "=" else "a condition holds names, numbers, and, or, not"
            raise _SyntaxFlaw(_Token("", "", at), f"{text[at]!r} has no meaning here", hint)
        kind, end = str(match.lastgroup), match.end()
        unit = _UNIT.match(text, end) if kind == "number" else None
        if kind != "space":
            found.append(_Token(kind, match.group(), at, unit.group().strip() if unit else ""))
        at = unit.end() if unit else end
    return [*found, _Token("end", "the end", len(text))]


class _Parser:
    """Recursive descent. A flaw of syntax stops it; flaws of meaning gather in `flaws`."""

    def __init__(self, text: str, properties: Mapping[str, Property]) -> None:
        self.flaws: list[Flaw] = []
        self._properties = properties
        self._text = text
        self._list: list[_Token] | None = None
        self._next = 0

    def condition(self, depth: int) -> Expression:
        parts = [self._conjunction(depth)]
        while self._take("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def expect_end(self) -> None:
        token = self._peek()
        if token.kind != "end":
            hint = "join comparisons with and, or" if token.kind != "mark" else "check the brackets"
            raise _SyntaxFlaw(token, f"{token.text!r} is one word too many", hint)

    def _conjunction(self, depth: int) -> Expression:
        parts = [self._negation(depth)]
        while self._take("and"):
            parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self, depth: int) -> Expression:
        token = self._peek()
        if depth > MAX_DEPTH:
            raise _SyntaxFlaw(token, f"is nested deeper than {MAX_DEPTH}", "split the rule")
        if self._take("not"):
            return Not(self._negation(depth + 1))
        if self._take("("):
            inside = self.condition(depth + 1)
            self._want(")")
            return inside
        if self._take("true") or self._take("false"):
            return Constant(token.text == "true")
        return self._absence() if self._take("absent") else self._comparison()

    def _absence(self) -> Expression:
        self._want("(")
        name = self._name()
        self._property(name)
        self._want(",")
        token = self._pop()
        try:
            after = parse_duration(token.text + token.unit) if token.kind == "number" else timedelta(0)
        except (ValueError, OverflowError):
            after = timedelta(0)
        if not timedelta(0) < after <= timedelta(days=3_650):
            hint = "a number and s, min, h or d, as 45min"
            self.flaws.append(Flaw(token.offset, f"{(token.text + token.unit)!r} is not a duration above 0", hint))
        self._want(")")
        return Absent(name.text, after)

    def _comparison(self) -> Expression:
        name = self._name()
        found = self._property(name)
        if self._peek().kind != "operator":
            return self._switch(name, found)
        operator = self._pop()
        literal = self._pop()
        if literal.kind not in {"number", "name", "text"} or literal.text in _KEYWORDS - {"true", "false"}:
            hint = "put the value after the operator"
            raise _SyntaxFlaw(literal, f"{literal.text!r} stands where {name.text} wants a value", hint)
        if self._peek().kind == "operator":
            hint = f"write {name.text} {operator.text} … and {name.text} …"
            raise _SyntaxFlaw(self._peek(), "comparisons cannot be chained", hint)
        value = None if found is None else self._value(name, found, operator, literal)
        return Constant(False) if value is None else Compare(name.text, operator.text, value)

    def _switch(self, name: _Token, found: Property | None) -> Expression:
        if found is not None and found.kind != "switch":
            hint = f"write {_example(name.text, found)}"
            self.flaws.append(Flaw(name.offset, f"{name.text} is neither true nor false by itself", hint))
        return Compare(name.text, "==", 1.0)

    def _value(self, name: _Token, found: Property, operator: _Token, literal: _Token) -> float | None:
        if found.kind in {"choice", "switch"}:
            names = found.choices or ("false", "true")
            if operator.text in _ORDER:
                self._flaw(operator, f"{name.text} has no order", "compare it with == or !=")
            word = literal.text.strip("\"'")
            if literal.kind == "number" or word not in names:
                close = get_close_matches(word, names, 1)
                hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(names)}"
                self._flaw(literal, f"{word!r} is not a value of {name.text}", hint)
                return None
            return float(names.index(word))
        if literal.kind != "number":
            hint = f"write {_example(name.text, found)}"
            self._flaw(literal, f"{literal.text!r} is not a number, as {name.text} wants", hint)
            return None
        return self._quantity(found, literal)

    def _quantity(self, found: Property, literal: _Token) -> float | None:
        if not literal.unit and found.unit != "1":
            self._flaw(literal, f"{literal.text} has no unit", f"write {literal.text} {found.unit}")
            return None
        exact = exact_number(literal.text)
        value = None if exact is None else convert(exact, literal.unit or "1", found.unit)
        if value is None:
            hint = f"write it in {', '.join(alternatives(found.unit))}"
            self._flaw(literal, f"{literal.text} {literal.unit} is not in a unit of {found.unit}", hint)
            return None
        low, high = found.bounds
        if not low <= value <= high:
            hint = f"its range is {low:g} to {high:g} {found.unit}"
            self._flaw(literal, f"{literal.text} {literal.unit} can never be reached".replace("  ", " "), hint)
            return None
        return value

    def _property(self, name: _Token) -> Property | None:
        found = self._properties.get(name.text)
        if found is None:
            close = get_close_matches(name.text, self._properties, 1)
            hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(self._properties) or 'none'}"
            self._flaw(name, f"{name.text!r} is not a property of this asset type", hint)
        return found

    def _flaw(self, token: _Token, what: str, hint: str) -> None:
        self.flaws.append(Flaw(token.offset, what, hint))

    def _name(self) -> _Token:
        token = self._pop()
        if token.kind != "name" or token.text in _KEYWORDS:
            hint = "begin with the property, as powerConsumption < 2 W"
            raise _SyntaxFlaw(token, f"{token.text!r} stands where a property is wanted", hint)
        return token

    def _want(self, mark: str) -> None:
        if not self._take(mark):
            token = self._peek()
            raise _SyntaxFlaw(token, f"{token.text!r} stands where {mark!r} is wanted", f"add {mark}")

    def _take(self, text: str) -> bool:
        token = self._peek()
        taken = token.text == text and token.kind in {"name", "mark"}
        self._next += taken
        return taken

    def _pop(self) -> _Token:
        token = self._peek()
        self._next += token.kind != "end"
        return token

    def _peek(self) -> _Token:
        if self._list is None:
            self._list = _tokens(self._text)
        return self._list[self._next]


def exact_number(text: str) -> Fraction | None:
    """A decimal as written, exactly; None for one so long or so large that only an attack would hold it."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > 30 or len(exponent) > 3 or abs(int(exponent or 0)) > 99:
        return None
    return Fraction(text)


def _example(name: str, found: Property) -> str:
    if found.kind == "choice":
        return f"{name} == {found.choices[0]}"
    if found.kind == "switch":
        return f"{name} == true"
    return f"{name} > {found.range[0]:g}" + ("" if found.unit == "1" else f" {found.unit}")
