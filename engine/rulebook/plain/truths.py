"""What each construct of the language means: one subject, one instant, one construct at a time."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine.model import Asset
from engine.rulebook import language as lang
from engine.rulebook.almanac import Almanac
from engine.rulebook.language import RESOLUTION, WindowFunction
from engine.rulebook.plain.samples import Kind, Lane, Series
from engine.rulebook.roster import Roster

Kleene = bool | None  # None: UNKNOWN
COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Moment:
    """A subject at an instant of a lane, in µs, and all that its conditions look at.

    `born` is when its rules were put in service. `held` are truths settled before, in this transaction or an earlier
    one. `raised` are the (rule, subject) pairs that stand raised, with the `at` of their rises.
    """

    subject: Asset
    at: int
    born: int
    lane: Lane
    kinds: Mapping[str, Kind]
    almanac: Almanac
    roster: Roster
    raised: Mapping[tuple[str, str], int]
    held: Mapping[lang.Truth, Kleene]

    def truth(self, node: lang.Truth) -> Kleene:
        return self.held[node] if node in self.held else _TRUTHS[type(node)](self, node)

    def number(self, node: lang.Quantity) -> float | None:
        """None where it is UNKNOWN."""
        found = _NUMBERS[type(node)](self, node)
        return found if found is not None and math.isfinite(found) else None

    def series(self, name: str) -> Series:
        return self.lane.series.get((self.subject.id, name), _EMPTY)

    def known(self, name: str) -> int | None:
        """The scaled value of the newest sample, while it is not stale."""
        series = self.series(name)
        return series.value if _fresh(self.kinds[name], series.newest_at, self.at) else None

    def window(self, node: lang.Window) -> list[tuple[int, int]] | None:
        """The samples in it; None where they are too few."""
        found = self.series(node.property).within(self.at - node.width, self.at)
        wanted = {WindowFunction.COUNT: 0, WindowFunction.DELTA: 2, WindowFunction.RATE: 2}.get(node.function, 1)
        at_least = 0 if node.function is WindowFunction.COUNT else max(wanted, node.at_least)
        return found if len(found) >= at_least else None

    def standing(self, rules: tuple[str, ...], scope: lang.Scope) -> dict[tuple[str, str], int]:
        """Of `rules`, what stands raised in scope, with the `at` of the rises."""
        seen = self.roster.seen(self.subject, scope)
        pairs = ((rule, subject) for rule in rules for subject in seen)
        return {pair: self.raised[pair] for pair in pairs if pair in self.raised}


_EMPTY = Series()


def _fresh(kind: Kind, observed_at: int | None, at: int) -> bool:
    return observed_at is not None and (kind.stale_after is None or at < observed_at + kind.stale_after)


# Windows


def _percentile(values: list[int]) -> int:
    return sorted(values)[-(-95 * len(values) // 100) - 1]


def delta(values: list[int], *, counter: bool) -> int:
    """Last minus first; of a counter the sum of its growth, a fall being a reset to 0."""
    if not counter:
        return values[-1] - values[0]
    return sum(b - a if b >= a else b for a, b in pairwise(values))


def _folded(moment: Moment, node: lang.Window, samples: list[tuple[int, int]]) -> int:
    """A window's outcome, scaled; the sum for AVG, the difference for RATE."""
    values = [value for _, value in samples]
    counter = moment.kinds[node.property].found.kind == "counter"
    fold: dict[WindowFunction, Callable[[], int]] = {
        WindowFunction.COUNT: lambda: len(values),
        WindowFunction.SUM: lambda: sum(values),
        WindowFunction.AVG: lambda: sum(values),
        WindowFunction.MIN: lambda: min(values),
        WindowFunction.MAX: lambda: max(values),
        WindowFunction.P95: lambda: _percentile(values),
        WindowFunction.DELTA: lambda: delta(values, counter=counter),
        WindowFunction.RATE: lambda: delta(values, counter=counter),
    }
    return fold[node.function]()


# Quantities


def _value(moment: Moment, node: lang.Value) -> float | None:
    known = moment.known(node.property)
    return None if known is None else known / moment.kinds[node.property].scale


def _window(moment: Moment, node: lang.Window) -> float | None:
    samples = moment.window(node)
    if samples is None:
        return None
    folded, scale = float(_folded(moment, node, samples)), moment.kinds[node.property].scale
    if node.function is WindowFunction.COUNT:
        return folded
    if node.function is WindowFunction.AVG:
        return folded / len(samples) / scale
    if node.function is WindowFunction.RATE:
        return folded / scale / ((samples[-1][0] - samples[0][0]) / _HOUR_US)
    return folded / scale


def _attribute(moment: Moment, node: lang.Attribute) -> float | None:
    found = moment.subject.attributes.get(node.name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        return float(found)
    except OverflowError:
        return None


def _arithmetic(moment: Moment, node: lang.Arithmetic) -> float | None:
    left, right = moment.number(node.left), moment.number(node.right)
    if left is None or right is None or (node.operator == "/" and right == 0):
        return None
    compute = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
    return float(compute[node.operator](left, right))


def _converted(moment: Moment, node: lang.Converted) -> float | None:
    part = moment.number(node.part)
    return None if part is None else node.conversion(part)


# Truths


def _threshold(moment: Moment, node: lang.Threshold) -> Kleene:
    left, constant = _left(moment, node.left), node.constant
    if left is None:
        return None
    if isinstance(node.left, lang.Window) and node.left.function is WindowFunction.AVG:
        constant *= len(moment.window(node.left) or ())
    return COMPARE[node.operator](left, constant)


def _left(moment: Moment, node: lang.Value | lang.Window | lang.Age) -> int | None:
    """The left side of a threshold, scaled or in µs; the sum for AVG."""
    if isinstance(node, lang.Value):
        return moment.known(node.property)
    if isinstance(node, lang.Window):
        samples = moment.window(node)
        return None if samples is None else _folded(moment, node, samples)
    newest = moment.series(node.property).newest_at
    return None if newest is None else moment.at - newest


def _relation(moment: Moment, node: lang.Relation) -> Kleene:
    left, right = moment.number(node.left), moment.number(node.right)
    if left is None or right is None:
        return None
    difference = (left - right) * RESOLUTION
    return COMPARE[node.operator](round(difference) if math.isfinite(difference) else difference, 0)


def _text_is(moment: Moment, node: lang.TextIs) -> Kleene:
    found = moment.subject.attributes.get(node.attribute)
    if found is None:
        return None
    text = {True: "true", False: "false"}[found] if isinstance(found, bool) else found
    return (text == node.text) is (node.operator == "==")


def _absent(moment: Moment, node: lang.Absent) -> Kleene:
    newest = moment.series(node.property).newest_at
    return moment.at >= (moment.born if newest is None else newest) + node.after


def _changed(moment: Moment, node: lang.Changed) -> Kleene:
    series = moment.series(node.property)
    if node.within is None:
        return None if moment.known(node.property) is None else series.changed
    return series.changed_at is not None and moment.at < series.changed_at + node.within


def _was(moment: Moment, node: lang.Was) -> Kleene:
    then = moment.at - node.ago
    samples = moment.series(node.property).samples
    newest = max((at for at in samples if at <= then), default=None)
    if newest is None or not _fresh(moment.kinds[node.property], newest, then):
        return None
    return COMPARE[node.operator](samples[newest], node.constant)


def _calendar(moment: Moment, node: lang.Calendar) -> Kleene:
    return moment.almanac.truth(node.atom, moment.roster.place_of(moment.subject), moment.at)


def _tally(moment: Moment, node: lang.Tally) -> Kleene:
    return len({subject for _, subject in moment.standing(node.rules, node.scope)}) >= node.count


def _together(moment: Moment, node: lang.Together) -> Kleene:
    first, second = (moment.standing(rules, node.scope) for rules in (node.first, node.second))
    return any(
        one != two and abs(one_at - two_at) <= node.within
        for one, one_at in first.items()
        for two, two_at in second.items()
    )


def _not(moment: Moment, node: lang.Not) -> Kleene:
    part = moment.truth(node.part)
    return None if part is None else not part


def _junction(moment: Moment, node: lang.And | lang.Or) -> Kleene:
    decisive = isinstance(node, lang.Or)
    found = [moment.truth(part) for part in node.parts]
    return decisive if decisive in found else None if None in found else not decisive


_NUMBERS: Mapping[type, Callable[[Moment, Any], float | None]] = {
    lang.Literal: lambda _, node: float(node.value),
    lang.Value: _value,
    lang.Window: _window,
    lang.Attribute: _attribute,
    lang.Arithmetic: _arithmetic,
    lang.Converted: _converted,
}
# A Sequence is always among the truths held: it is settled once a transaction, by `Succession`.
_TRUTHS: Mapping[type, Callable[[Moment, Any], Kleene]] = {
    lang.Constant: lambda _, node: bool(node.value),
    lang.Threshold: _threshold,
    lang.Relation: _relation,
    lang.TextIs: _text_is,
    lang.Absent: _absent,
    lang.Changed: _changed,
    lang.Was: _was,
    lang.Calendar: _calendar,
    lang.Tally: _tally,
    lang.Together: _together,
    lang.Not: _not,
    lang.And: _junction,
    lang.Or: _junction,
}


@dataclass(slots=True)
class Succession:
    """The memory of one Sequence: what its parts were, when the first last rose, whether the second rose in time."""

    first: Kleene = False
    second: Kleene = False
    first_rose_at: int | None = None
    in_time: bool = False

    def settle(self, moment: Moment, node: lang.Sequence) -> Kleene:
        """Look at both parts; a rise of the first counts from the next transaction on."""
        first, second = moment.truth(node.first), moment.truth(node.second)
        if second and not self.second:
            self.in_time = self.first_rose_at is not None and moment.at - self.first_rose_at <= node.within
        if first and not self.first:
            self.first_rose_at = moment.at
        self.first, self.second = first, second
        return second and self.in_time
