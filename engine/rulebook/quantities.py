"""Syntax → typed quantities: what is a number, in which unit, exactly where it is written down."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from operator import add, mul, sub, truediv

from engine.catalogue import Property
from engine.rulebook import syntax as syn
from engine.rulebook.calls import (
    CALENDAR_CALLS,
    Argument,
    Misread,
    TooLong,
    at_least,
    duration_us,
    name_of,
    one,
    unit_of,
)
from engine.rulebook.language import (
    Arithmetic,
    Attribute,
    Converted,
    Literal,
    Quantity,
    Value,
    Window,
    WindowFunction,
)
from engine.rulebook.measures import Context, Derived, Measure, exact_number, example
from engine.rulebook.naming import nearest
from engine.rulebook.syntax import ExpressionError, Flaw, Syntax, Token, parse_syntax
from engine.units import ALIASES, alternatives, combined, conversion, convert_exact, is_unit, on_a_scale, spelled

MAX_PARTS = 500
MAX_NESTING = 100
MAX_THROUGH = 8
WINDOWS = {str(function): function for function in WindowFunction}
_FOREVER = timedelta(days=36_500)
_LARGEST = 10**99
_EXACTLY: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {"+": add, "-": sub, "*": mul, "/": truediv}
_TWO_SAMPLES = {WindowFunction.RATE, WindowFunction.DELTA}
_OTHER_CALLS = ("absent", "age", "changed", "any", "none", "together", "attribute", "planned")


class Quantities:
    """Types the parts that are numbers. What means nothing is noted in `flaws` by who called, from Misread."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.flaws: list[Flaw] = []
        self._within: list[str] = []
        self._parts = self._depth = self._deepest = self._furthest = 0

    def measure(self, found: Syntax) -> Measure:
        """A part that is a number with a unit. Raises Misread."""
        self._depth += 1
        try:
            self._count(syn.place_of(found), 1, 0, 0)
            return self._measured(found)
        finally:
            self._depth -= 1

    def _count(self, token: Token, parts: int, depth: int, through: int) -> None:
        """Take note of how much an expression grows by its derived quantities. Raises TooLong."""
        self._parts += parts
        self._deepest = max(self._deepest, self._depth + depth)
        self._furthest = max(self._furthest, len(self._within) + through)
        if self._parts > MAX_PARTS or self._deepest > MAX_NESTING or self._furthest > MAX_THROUGH:
            hint = "derive fewer quantities from each other"
            raise TooLong(token, "is too long, its quantities written out", hint, "syntax")

    def pair(self, left: Syntax, right: Syntax) -> tuple[Measure, Measure]:
        """Two parts, so that a flaw in one does not hide a flaw in the other. Raises Misread."""
        try:
            one_side = self.measure(left)
        except TooLong:
            raise
        except Misread as error:
            self.flaws.append(error.flaw)
            self.measure(right)
            raise
        return one_side, self.measure(right)

    def in_unit(self, side: Measure, unit: str) -> Quantity:
        """The quantity in another unit of its kind. Raises Misread."""
        if side.number is not None:
            return Literal(float(self.exact(side, unit, step=side.step)))
        how = conversion(side.unit, unit)
        if how is None:
            what = f"{side.name} is in {spelled(side.unit)}, which is not a unit of {spelled(unit)}"
            raise Misread(side.place, what, f"write it in {', '.join(alternatives(unit))}", "unit")
        if side.unit == unit:
            return side.node
        return Converted(side.node, how._replace(offset=0.0) if side.step else how)

    def exact(self, side: Measure, unit: str, *, step: bool = False) -> Fraction:
        """A constant in another unit of its kind. Raises Misread."""
        assert side.number is not None  # noqa: S101 - the caller has looked
        if not side.unit and unit != "1":
            hint = f"write {side.place.text} {spelled(unit)}"
            raise Misread(side.place, f"{side.place.text} has no unit", hint, "unit")
        value = convert_exact(side.number, side.unit or "1", unit, difference=step)
        if value is None:
            hint = f"write it in {', '.join(alternatives(unit))}"
            raise Misread(side.place, f"{side.name} is not in a unit of {spelled(unit)}", hint, "unit")
        return value

    # the parts

    def _measured(self, found: Syntax) -> Measure:
        match found:
            case syn.Number(token):
                measure = _written(token)
            case syn.Minus(token, part):
                measure = _negative(token, self.measure(part))
            case syn.Infix(operator, left, right) if operator.text in {"+", "-"}:
                measure = self._sum(operator, *self.pair(left, right))
            case syn.Infix(operator, left, right) if operator.text in {"*", "/"}:
                measure = self._product(operator, *self.pair(left, right))
            case syn.Word(token):
                measure = self._named(token)
            case syn.Call(name, arguments):
                measure = self._called(name, arguments)
            case _:
                place = syn.place_of(found)
                raise Misread(place, "is a condition where a number is wanted", "take it out of the sum", "type")
        return measure

    def _named(self, token: Token) -> Measure:
        text = self.context.quantities.get(token.text)
        if text is not None:
            return self._quantity(token, text)
        found = self.context.properties.get(token.text)
        if found is None:
            raise self.unknown_name(token)
        if found.kind in {"choice", "switch"}:
            raise Misread(token, f"{token.text} is not a number", f"write {example(token.text, found)}", "type")
        return Measure(Value(token.text), found.unit, token, found=found)

    def _quantity(self, token: Token, text: str) -> Measure:
        """A derived quantity, written out in its place; its flaws are told where it is derived."""
        if token.text in self._within:
            raise Misread(token, f"{token.text} is derived from itself", "take one of the two out", "cycle")
        known = self.context.known.get(token.text)
        if known is None:
            known = self._written_out(token, text)
        if isinstance(known, Flaw):
            kind = TooLong if known.code == "syntax" else Misread
            raise kind(token, known.what, known.hint, known.code)
        self._count(token, known.parts, known.depth, known.through)
        return replace(known.measure, place=token)

    def _written_out(self, token: Token, text: str) -> Derived | Flaw:
        """Reads a quantity once for all expressions of a context; a flaw only where nothing around it takes part."""
        inner = Quantities(self.context)
        inner._within = [*self._within, token.text]
        inner._depth = self._depth
        found: Derived | Flaw
        try:
            measure = inner.measure(parse_syntax(text))
            depth, through = inner._deepest - self._depth, inner._furthest - len(self._within)
            found = Derived(measure, inner._parts, depth, through)
        except (Misread, ExpressionError) as error:
            flaw = error.flaw if isinstance(error, Misread) else error.flaws[0]
            whole = isinstance(error, TooLong) or flaw.code == "cycle"
            what = flaw.what if whole else f"{token.text} has a flaw of its own: {flaw.what}"
            found = Flaw(0, what, "mend it under derive", flaw.code if whole else "type")
        if isinstance(found, Derived) or not self._within:
            self.context.known[token.text] = found
        return found

    def _sum(self, operator: Token, left: Measure, right: Measure) -> Measure:
        unit, step = left.unit, left.step
        if not unit or (left.number is not None and right.number is None):
            unit, step = right.unit, right.step
        if on_a_scale(unit):
            unit, step = _on_a_scale(operator, left, right, unit)
        if left.number is not None and right.number is not None:
            one_side, other = (self.exact(side, unit or "1", step=side.step) for side in (left, right))
            return _computed(operator, one_side, other, unit, left.place, step=step)
        node = Arithmetic(operator.text, self.in_unit(left, unit), self.in_unit(right, unit))
        return Measure(node, unit, left.place, step=step)

    def _product(self, operator: Token, left: Measure, right: Measure) -> Measure:
        if operator.text == "/" and right.number == 0:
            raise Misread(right.place, "is a division by zero", "divide by something else", "range")
        one_unit, two_unit = left.unit or "1", right.unit or "1"
        made = combined(operator.text, one_unit, two_unit)
        if made is None:
            what = f"{spelled(one_unit)} {operator.text} {spelled(two_unit)} is no unit this language knows"
            hint = "multiply or divide by a plain number, or divide two of a kind"
            raise Misread(operator, what, hint, "unit")
        step = (left.step and made.result == made.left) or (right.step and made.result == made.right)
        if left.number is not None and right.number is not None:
            one_side, other = self.exact(left, made.left, step=True), self.exact(right, made.right, step=True)
            unit = made.result if left.unit or right.unit else ""
            return _computed(operator, one_side, other, unit, left.place, step=step)
        node = Arithmetic(operator.text, self.in_unit(left, made.left), self.in_unit(right, made.right))
        return Measure(node, made.result, left.place, step=step)

    def _called(self, name: Token, arguments: tuple[Argument, ...]) -> Measure:
        if name.text in WINDOWS:
            return self._window(name, arguments)
        match name.text:
            case "attribute":
                arity(name, arguments, 1, 2)
                unit = self._unit(arguments[1]) if len(arguments) == 2 else "1"
                return Measure(Attribute(self.attribute_of(arguments[0])), unit, name, step=unit == "K")
            case "planned":
                arity(name, arguments, 1)
                return self._planned(one(arguments[0]))
            case "age":
                hint = "as age(powerConsumption) > 2h"
                raise Misread(name, "an age is only compared with a duration", hint, "type")
        if name.text in _OTHER_CALLS or name.text in CALENDAR_CALLS:
            what = f"{name.text}(…) is a condition where a number is wanted"
            raise Misread(name, what, "it stands by itself, without a comparison", "type")
        raise unknown_function(name)

    def _unit(self, argument: Argument) -> str:
        unit = ALIASES.get(unit_of(argument), unit_of(argument))
        if not is_unit(unit):
            raise Misread(argument[0], f"{unit!r} is not a unit", "as attribute(rated_power, W)", "unit")
        return unit

    def _planned(self, token: Token) -> Measure:
        point = self.context.points.get(token.text)
        if point is None:
            hint = nearest(token.text, self.context.points)
            raise Misread(token, f"{token.text!r} is not a point of this type", hint, "name")
        if point.minimum == point.maximum:
            raise Misread(token, f"{token.text} has one value only", "nothing can be planned for it", "range")
        found = Property(unit=point.unit, range=(point.minimum, point.maximum), stale_after=_FOREVER)
        return Measure(Value(f"planned({token.text})"), point.unit, token, found=found)

    def _window(self, name: Token, arguments: tuple[Argument, ...]) -> Measure:
        function = WINDOWS[name.text]
        arity(name, arguments, 2, 3)
        prop = self.property_of(arguments[0])
        found = self.context.properties[prop]
        counted = function is WindowFunction.COUNT or (function is WindowFunction.SUM and found.kind == "switch")
        if found.kind in {"choice", "switch"} and not counted:
            hint = f"{name.text}(…) is of numbers; count(…) is of anything"
            raise Misread(name, f"{prop} is not a number", hint, "type")
        width = duration_us(one(arguments[1]))
        least = at_least(arguments[2]) if len(arguments) == 3 else 1
        if function in _TWO_SAMPLES:
            least = max(2, least)
        unit = {WindowFunction.COUNT: "1", WindowFunction.RATE: _per_hour(found.unit)}.get(function, found.unit)
        step = function is WindowFunction.DELTA and on_a_scale(unit)
        return Measure(Window(function, prop, width, least), unit, name, found=found, step=step)

    # names

    def property_of(self, argument: Argument) -> str:
        """The property an argument names. Raises Misread."""
        token = one(argument)
        if token.text not in self.context.properties:
            raise self.unknown_name(token)
        return token.text

    def attribute_of(self, argument: Argument) -> str:
        """The attribute an argument names. Raises Misread."""
        if self.context.subject != "asset":
            what = f"a {self.context.subject} has no attributes"
            raise Misread(argument[0], what, "look at rules over assets, as any(a-rule)", "name")
        return name_of(argument)

    def unknown_name(self, token: Token) -> Misread:
        """What to raise for a name nothing has."""
        known = [*self.context.properties, *self.context.quantities]
        if self.context.subject != "asset":
            what, hint = f"a {self.context.subject} has no property {token.text!r}", "look at rules, as any(a-rule)"
        elif token.text in self.context.quantities:
            what, hint = f"{token.text!r} is derived, where a property is wanted", nearest("", self.context.properties)
        else:
            what, hint = f"{token.text!r} is not a property of this asset type", nearest(token.text, known)
        return Misread(token, what, hint, "name")


def arity(name: Token, arguments: tuple[Argument, ...], least: int, most: int | None = None) -> None:
    """Whether a function has as many arguments as it wants, none of them empty. Raises Misread."""
    if not least <= len(arguments) <= (most or least) or not all(arguments):
        wanted = f"{least} or {most}" if most else f"{least}"
        what = f"{name.text}(…) wants {wanted} arguments, found {len(arguments)}"
        raise Misread(name, what, "part them with commas; see docs/rules.md")


def unknown_function(token: Token) -> Misread:
    """What to raise for a function nobody knows."""
    known = (*WINDOWS, *_OTHER_CALLS, *CALENDAR_CALLS)
    return Misread(token, f"{token.text}(…) is not a function of this language", nearest(token.text, known), "name")


def _written(token: Token) -> Measure:
    exact = exact_number(token.text)
    if exact is None:
        raise Misread(token, f"{token.text:.40} is no number to compute with", "write it in plain decimals", "range")
    return _constant(exact, ALIASES.get(token.unit, token.unit), token)


def _constant(number: Fraction, unit: str, place: Token, *, step: bool | None = None) -> Measure:
    """A number written down, or worked out of such. In K it is a difference."""
    if abs(number) > _LARGEST:
        raise Misread(place, "is too large a number to compute with", f"at most {_LARGEST:.0e}", "range")
    return Measure(Literal(float(number)), unit, place, number, step=unit == "K" if step is None else step)


def _computed(operator: Token, left: Fraction, right: Fraction, unit: str, place: Token, *, step: bool) -> Measure:
    """A sum, difference, product or quotient of constants, exactly."""
    number = _EXACTLY[operator.text](left, right)
    return _constant(number, unit, place._replace(text=f"{float(number):g}", unit=unit), step=step)


def _negative(token: Token, part: Measure) -> Measure:
    if part.number is not None:
        place = part.place._replace(text=f"-{part.place.text}", offset=token.offset)
        return _constant(-part.number, part.unit, place, step=part.step)
    return Measure(Arithmetic("-", Literal(0.0), part.node), part.unit, token, step=part.step)


def _on_a_scale(operator: Token, left: Measure, right: Measure, unit: str) -> tuple[str, bool]:
    """Unit of a sum of temperatures, and whether it is a difference: values differ by steps, steps move values."""
    if left.step and right.step:
        return unit, True
    if right.step:
        return left.unit, False
    if left.step:
        if operator.text == "-":
            what = "a temperature is taken away from a difference"
            raise Misread(operator, what, "write the temperature first, or in Cel", "unit")
        return right.unit, False
    if operator.text == "+" and left.unit != right.unit and on_a_scale(right.unit):
        raise Misread(operator, "two temperatures are added", "write a difference in K", "unit")
    return unit, operator.text == "-"


def _per_hour(unit: str) -> str:
    return "/h" if unit == "1" else f"{unit}/h"
