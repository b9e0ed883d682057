"""Syntax → the typed tree of `language`, with units checked: every flaw of meaning at once, each at its place."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from typing import Any, TypeVar

from engine.catalogue import Property
from engine.rulebook import syntax as syn
from engine.rulebook.almanac import SunElevation
from engine.rulebook.calls import (
    CALENDAR_CALLS,
    CALENDAR_WORDS,
    Argument,
    Misread,
    calendar_atom,
    duration_us,
    one,
    rule_and_scope,
)
from engine.rulebook.language import (
    Absent,
    Age,
    And,
    Calendar,
    Changed,
    Constant,
    Not,
    Or,
    Quantity,
    Relation,
    Scope,
    Sequence,
    Tally,
    TextIs,
    Threshold,
    Together,
    Truth,
    Value,
    Was,
    Window,
    WindowFunction,
    scale_of,
    walk,
)  # fmt: skip
from engine.rulebook.measures import Context, Measure, exact_number, example
from engine.rulebook.naming import nearest
from engine.rulebook.quantities import WINDOWS, Quantities, arity, unknown_function
from engine.rulebook.syntax import MAX_DEPTH, MAX_LENGTH, ExpressionError, Flaw, Syntax, Token, parse_syntax
from engine.units import on_a_scale

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "Context",
    "ExpressionError",
    "Flaw",
    "exact_number",
    "parse_expression",
    "parse_quantity",
]

T = TypeVar("T")

_ORDER = frozenset({"<", "<=", ">", ">="})
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_BOUNDED = frozenset({WindowFunction.AVG, WindowFunction.MIN, WindowFunction.MAX, WindowFunction.P95})
# No sum of a window is larger: it is counted in 64 bits.
_LARGEST_SCALED = 2**60
_SCOPES = {
    "asset": (Scope.SELF, Scope.PARENT, Scope.CHILDREN, Scope.SIBLINGS, Scope.ZONE),
    "zone": (Scope.ZONE,),
    "commune": (Scope.COMMUNE,),
    "territory": (Scope.TERRITORY,),
}
_NOTHING = Constant(False)


def parse_expression(text: str, context: Context) -> Truth:
    """The typed tree of a condition. Raises ExpressionError."""
    return _whole(_Conditions(context), text, _Conditions.truth)


def parse_quantity(text: str, context: Context, unit: str | None) -> Quantity:
    """The typed tree of a quantity in `unit`, or in its own. Raises ExpressionError."""

    def read(quantities: Quantities, found: Syntax) -> Quantity:
        side = quantities.measure(found)
        return side.node if unit is None else quantities.in_unit(side, unit)

    return _whole(Quantities(context), text, read)


Q = TypeVar("Q", bound=Quantities)


def _whole(reader: Q, text: str, read: Callable[[Q, Syntax], T]) -> T:
    found = parse_syntax(text)
    try:
        tree = read(reader, found)
    except Misread as error:
        raise ExpressionError([*reader.flaws, error.flaw]) from None
    if reader.flaws:
        raise ExpressionError(reader.flaws)
    return tree


class _Conditions(Quantities):
    """Types the parts that are true or false. One that has a flaw counts as FALSE, so that all others are looked at."""

    def truth(self, found: Syntax) -> Truth:
        """A part that is true or false."""
        try:
            return _TRUTHS.get(type(found), _Conditions._no_truth)(self, found)
        except Misread as error:
            self.flaws.append(error.flaw)
            return _NOTHING

    def _no_truth(self, found: Syntax) -> Truth:
        what = "is a number where a condition is wanted"
        raise Misread(syn.place_of(found), what, "compare it with something, as … > 2", "type")

    def _junction(self, found: syn.Junction) -> Truth:
        parts = tuple(map(self.truth, found.parts))
        return And(parts) if found.word == "and" else Or(parts)

    def _not(self, found: syn.Negation) -> Truth:
        part = self.truth(found.part)
        if any(isinstance(node, Together) for node in walk(part)):
            hint = "use none(…) of a rule that says it"
            raise Misread(syn.place_of(found), "together(…) cannot stand under not", hint, "type")
        return Not(part)

    def _sequence(self, found: syn.Succession) -> Truth:
        first, second = self.truth(found.first), self.truth(found.second)
        if any(isinstance(node, Tally | Together) for part in (first, second) for node in walk(part)):
            hint = "use together(…) for rules; a sequence is of this subject's own readings"
            raise Misread(found.word, "a sequence cannot look at other rules", hint, "type")
        return Sequence(first, second, duration_us(found.within))

    def _was(self, found: syn.Earlier) -> Truth:
        operator = found.word._replace(text=found.operator)
        now = self._comparison(syn.Infix(operator, found.left, found.right))
        if not (isinstance(now, Threshold) and isinstance(now.left, Value)):
            hint = "as powerState was on 10min before"
            raise Misread(found.word, "only a property and a constant are looked at before", hint, "type")
        return Was(now.left.property, now.operator, now.constant, duration_us(found.ago))

    def _word(self, found: syn.Word) -> Truth:
        token = found.token
        if token.text in {"true", "false"}:
            return Constant(token.text == "true")
        if token.text in CALENDAR_WORDS:
            return Calendar(CALENDAR_WORDS[token.text])
        prop = self.context.properties.get(token.text)
        if prop is not None and prop.kind == "switch":
            return Threshold(Value(token.text), "==", 1)
        if prop is None and token.text not in self.context.quantities:
            raise self.unknown_name(token)
        hint = f"write {example(token.text, prop)}" if prop else f"as {token.text} > 2"
        raise Misread(token, f"{token.text} is neither true nor false by itself", hint, "type")

    def _call(self, found: syn.Call) -> Truth:
        name, arguments = found.name, found.arguments
        if name.text in CALENDAR_CALLS:
            return Calendar(calendar_atom(name, arguments))
        if name.text in _TRUTH_CALLS:
            return _TRUTH_CALLS[name.text](self, name, arguments)
        if name.text not in WINDOWS and name.text not in {"age", "planned"}:
            raise unknown_function(name)
        what = f"{name.text}(…) is a number where a condition is wanted"
        raise Misread(name, what, f"as {name.text}(…) > 2", "type")

    def _absent(self, name: Token, arguments: tuple[Argument, ...]) -> Truth:
        arity(name, arguments, 2)
        return Absent(self.property_of(arguments[0]), duration_us(one(arguments[1])))

    def _changed(self, name: Token, arguments: tuple[Argument, ...]) -> Truth:
        arity(name, arguments, 1, 2)
        within = duration_us(one(arguments[1])) if len(arguments) == 2 else None
        return Changed(self.property_of(arguments[0]), within)

    def _attribute(self, name: Token, arguments: tuple[Argument, ...]) -> Truth:
        arity(name, arguments, 1)
        return TextIs(self.attribute_of(arguments[0]), "==", "true")

    # comparisons

    def _infix(self, found: syn.Infix) -> Truth:
        return self._comparison(found) if found.operator.text in syn.COMPARISONS else self._no_truth(found)

    def _comparison(self, found: syn.Infix) -> Truth:
        left, operator, right = found.left, found.operator, found.right
        if self._fixed(left) and not self._fixed(right):
            left, operator, right = right, operator._replace(text=_MIRRORED[operator.text]), left
        match left:
            case syn.Word(token) if token.text == "sun_elevation":
                truth = self._sun(operator, right)
            case syn.Word(token) if (named := self.context.properties.get(token.text)) and named.kind in _NAMED:
                truth = Threshold(Value(token.text), operator.text, self._choice(token, named, operator, right))
            case syn.Call(name, arguments) if name.text == "count" and len(arguments) < 2:
                truth = self._counted(name, arguments, operator, right)
            case syn.Call(name, arguments) if name.text == "age":
                truth = self._aged(name, arguments, operator, right)
            case syn.Call(name, arguments) if name.text == "attribute" and self._is_text(right):
                truth = self._text(name, arguments, operator, right)
            case _:
                truth = self._compared(*self.pair(left, right), operator.text)
        return truth

    def _fixed(self, part: Syntax) -> bool:
        """Whether a part is written down as it is: a number, a text, a name that nothing here has."""
        match part:
            case syn.Number():
                return True
            case syn.Minus(_, inside):
                return self._fixed(inside)
            case syn.Word(token):
                named = (self.context.properties, self.context.quantities, {"sun_elevation"})
                return not any(token.text in names for names in named)
        return False

    def _compared(self, left: Measure, right: Measure, operator: str) -> Truth:
        if left.number is not None and right.number is None:
            left, right, operator = right, left, _MIRRORED[operator]
        if left.number is not None:
            raise Misread(left.place, "two constants are compared", "name a property", "type")
        exactly = isinstance(left.node, Value) or (
            isinstance(left.node, Window) and left.node.function is not WindowFunction.RATE
        )
        if right.number is not None and exactly and left.found is not None:
            return self._threshold(left, right, operator)
        if right.number is not None:
            right = replace(right, step=left.step)
        elif on_a_scale(left.unit) and on_a_scale(right.unit) and left.step != right.step:
            raise Misread(right.place, "a temperature is compared with a difference", "compare two of a kind", "unit")
        return Relation(left.node, operator, self.in_unit(right, left.unit))

    def _threshold(self, left: Measure, right: Measure, operator: str) -> Truth:
        """A property or a window of it against a constant, as the integer its samples are compared with."""
        node, found = left.node, left.found
        assert isinstance(node, Value | Window) and found is not None  # noqa: S101 - the caller has looked
        function = node.function if isinstance(node, Window) else None
        scale = 1 if function is WindowFunction.COUNT else scale_of(found)
        value = self.exact(right, left.unit, step=left.step)
        low, high = found.bounds
        bounded = function is None or function in _BOUNDED
        out = bounded and not Fraction(str(low)) <= value <= Fraction(str(high))
        if out or abs(value * scale) > _LARGEST_SCALED:
            unit = "" if left.unit == "1" else f" {left.unit}"
            hint = f"its range is {low:g} to {high:g}{unit}" if out else "write a smaller number"
            raise Misread(right.place, f"{right.name} can never be reached", hint, "range")
        return Threshold(node, operator, _scaled(value, scale, operator, left, right))

    def _choice(self, name: Token, found: Property, operator: Token, right: Syntax) -> int:
        names = found.choices or ("false", "true")
        if operator.text in _ORDER:
            self.flaws.append(Flaw(operator.offset, f"{name.text} has no order", "compare it with == or !=", "type"))
        word = right.token.word if isinstance(right, syn.Word | syn.Number) else ""
        if not isinstance(right, syn.Word) or word not in names:
            what = f"{word!r} is not a value of {name.text}"
            raise Misread(syn.place_of(right), what, nearest(word, names), "name")
        return names.index(word)

    def _is_text(self, right: Syntax) -> bool:
        return isinstance(right, syn.Word) and self._fixed(right)

    def _text(self, name: Token, arguments: tuple[Argument, ...], operator: Token, right: Any) -> Truth:
        arity(name, arguments, 1)
        if operator.text in _ORDER:
            raise Misread(operator, "a text has no order", "compare it with == or !=", "type")
        return TextIs(self.attribute_of(arguments[0]), operator.text, right.token.word)

    def _sun(self, operator: Token, right: Syntax) -> Truth:
        if operator.text not in {"<", ">"}:
            raise Misread(operator, "sun_elevation is compared with < or >", "as sun_elevation < -6 deg", "type")
        side = self.measure(right)
        if side.number is None:
            hint = "as sun_elevation < -6 deg"
            raise Misread(side.place, "sun_elevation is compared with a constant", hint, "type")
        elevation = float(self.exact(side, "deg"))
        if not -90 < elevation < 90:
            raise Misread(side.place, f"{side.name} can never be reached", "its range is -90 to 90 deg", "range")
        return Calendar(SunElevation(operator.text == "<", elevation))

    def _aged(self, name: Token, arguments: tuple[Argument, ...], operator: Token, right: Syntax) -> Truth:
        arity(name, arguments, 1)
        prop = self.property_of(arguments[0])
        if not isinstance(right, syn.Number):
            what = "an age is compared with a duration"
            raise Misread(syn.place_of(right), what, f"as age({prop}) > 2h", "type")
        return Threshold(Age(prop), operator.text, duration_us(right.token))

    # other rules

    def _counted(self, name: Token, arguments: tuple[Argument, ...], operator: Token, right: Syntax) -> Truth:
        token = right.token if isinstance(right, syn.Number) else None
        if token is None or token.unit or not token.text.isdigit() or len(token.text) > 6:
            hint = "as count(a-rule in zone) >= 3"
            raise Misread(syn.place_of(right), "a count of rules is compared with a whole number", hint, "type")
        rules = self._tally(name, arguments)
        n = int(token.text)
        if n == 0 and operator.text in {">=", "<"}:
            so = "always" if operator.text == ">=" else "never"
            raise Misread(token, f"a count is {so} {operator.text} 0", f"as count(…) {operator.text} 1", "range")
        if operator.text in {"==", "!="}:
            same = And((replace(rules, count=n), Not(replace(rules, count=n + 1)))) if n else Not(rules)
            return same if operator.text == "==" else Not(same)
        tally = replace(rules, count=n + (operator.text in {">", "<="}))
        return tally if operator.text in {">", ">="} else Not(tally)

    def _any(self, name: Token, arguments: tuple[Argument, ...]) -> Truth:
        return self._tally(name, arguments)

    def _none(self, name: Token, arguments: tuple[Argument, ...]) -> Truth:
        return Not(self._tally(name, arguments))

    def _tally(self, name: Token, arguments: tuple[Argument, ...]) -> Tally:
        arity(name, arguments, 1)
        token, rule, scope = rule_and_scope(arguments[0])
        return Tally(self._rules(token, rule), self._scope(token, scope), 1)

    def _together(self, name: Token, arguments: tuple[Argument, ...]) -> Truth:
        arity(name, arguments, 3)
        first, one_rule, other_scope = rule_and_scope(arguments[0])
        second, two_rule, scope = rule_and_scope(arguments[1])
        if other_scope and other_scope != scope:
            what = "the two rules are looked for in two places"
            raise Misread(first, what, "say in zone once, after the second", "argument")
        rules = self._rules(first, one_rule), self._rules(second, two_rule)
        return Together(*rules, self._scope(second, scope), duration_us(one(arguments[2])))

    def _rules(self, token: Token, name: str) -> tuple[str, ...]:
        found = self.context.rules.get(name)
        if found is None:
            raise Misread(
                token, f"{name!r} is neither a rule nor a fact", nearest(name, self.context.rules), "reference"
            )
        return found

    def _scope(self, token: Token, name: str) -> Scope:
        allowed = _SCOPES[self.context.subject]
        if not name and len(allowed) == 1:
            return allowed[0]
        if name not in allowed:
            what = f"{name!r} is no place to look" if name else "it is not said where to look"
            raise Misread(token, what, f"add in {' or in '.join(allowed)}", "reference")
        return Scope(name)


_NAMED = frozenset({"choice", "switch"})
_TRUTHS: Mapping[type, Callable[[_Conditions, Any], Truth]] = {
    syn.Junction: _Conditions._junction,
    syn.Negation: _Conditions._not,
    syn.Succession: _Conditions._sequence,
    syn.Earlier: _Conditions._was,
    syn.Infix: _Conditions._infix,
    syn.Word: _Conditions._word,
    syn.Call: _Conditions._call,
}
_TRUTH_CALLS: Mapping[str, Callable[[_Conditions, Token, tuple[Argument, ...]], Truth]] = {
    "absent": _Conditions._absent,
    "changed": _Conditions._changed,
    "any": _Conditions._any,
    "none": _Conditions._none,
    "together": _Conditions._together,
    "attribute": _Conditions._attribute,
}


def _scaled(value: Fraction, scale: int, operator: str, left: Measure, right: Measure) -> int:
    """The integer that decides as the exact value does. Raises Misread for more decimals than the property is kept in.

    A unit may make a written number endless, as 50 km/h in m/s: an order then takes the last step on its side.
    """
    exact = value * scale
    if exact.denominator == 1:
        return int(exact)
    if _ends(value):
        step = f"{1 / scale:.6f}".rstrip("0").rstrip(".")
        unit = "" if left.unit == "1" else f" {left.unit}"
        raise Misread(
            right.place, f"{right.name} is finer than {left.name} is kept", f"its steps are {step}{unit}", "range"
        )
    if operator not in _ORDER:
        what = f"{right.name} is no value that {left.name} can have"
        raise Misread(right.place, what, "compare it with < or >", "range")
    return floor(exact) if operator in {">", "<="} else ceil(exact)


def _ends(value: Fraction) -> bool:
    """Whether a fraction is written in finitely many decimals."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1
