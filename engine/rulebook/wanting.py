"""What a rule wants at a point: who may, where, and how much of what."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.catalogue import AssetType, PointType
from engine.errors import Problem
from engine.model import Level
from engine.rulebook.definitions import Owner, RuleDefinition, TypedTargets, WantEffect
from engine.rulebook.drafts import OWNERS, Draft
from engine.rulebook.expressions import Context, ExpressionError, parse_quantity
from engine.rulebook.language import Literal, Quantity, properties_of
from engine.rulebook.locating import flaws
from engine.rulebook.naming import nearest

_VALUE = ("then", "want", "value")


@dataclass(slots=True)
class Wanting:
    """The want of one rule. `crosses`: the rule looks at others, and is decided without readings at hand."""

    draft: Draft
    definition: RuleDefinition
    want: WantEffect
    context: Context
    crosses: bool
    value: float | Quantity | None = None

    def problems(self, types: Mapping[str, AssetType], owners: Mapping[str, Owner]) -> Iterator[Problem]:
        """What is wrong with it; works out `value` on the way, in the point's unit."""
        yield from self._level(owners)
        points = [entry.points[self.want.point] for entry in self._reached(types) if self.want.point in entry.points]
        if not points:
            yield self._no_point(types)
        values = []
        for point in points:
            found = list(self._value(point))
            yield from found
            values.append(None if found else self.value)
        if len(set(values)) > 1 and None not in values:
            what = f"is not the same in every unit {self.want.point} has"
            yield self.draft.problem(_VALUE, what, "name targets of one type, as {type: Streetlight}", "unit")

    def _level(self, owners: Mapping[str, Owner]) -> Iterator[Problem]:
        owner = owners.get(self.definition.owner)
        granted = {Level.RULE, *(owner.levels if owner else ())}
        if self.want.level not in granted:
            what = f"level {self.want.level} is not granted to {self.definition.owner!r}"
            allowed = ", ".join(str(int(level)) for level in sorted(granted))
            hint = f"use {allowed}, or a grant in {OWNERS}"
            yield self.draft.problem(("then", "want", "level"), what, hint, "level")

    def _reached(self, types: Mapping[str, AssetType]) -> list[AssetType]:
        if isinstance(self.want.targets, TypedTargets):
            return [types[self.want.targets.type]] if self.want.targets.type in types else []
        if self.want.targets == "self":
            found = types.get(str(self.definition.for_each.type))
            return [found] if found else []
        return list(types.values())

    def _no_point(self, types: Mapping[str, AssetType]) -> Problem:
        targets, point = self.want.targets, self.want.point
        kind = targets.type if isinstance(targets, TypedTargets) else str(self.definition.for_each.type)
        if isinstance(targets, TypedTargets) and kind not in types:
            what = f"{kind!r} is not an asset type of the catalogue"
            return self.draft.problem(("then", "want", "targets", "type"), what, nearest(kind, types), "name")
        if targets == "self" and self.context.subject != "asset":
            what = f"a {self.context.subject} has no points"
            return self.draft.problem(("then", "want"), what, "name targets of a type: {type: Streetlight}", "name")
        owner = "any asset type" if isinstance(targets, str) and targets != "self" else kind
        known = sorted({name for entry in types.values() for name in entry.points})
        what = f"{point!r} is not a point of {owner}"
        return self.draft.problem(("then", "want", "point"), what, nearest(point, known), "name")

    def _value(self, point: PointType) -> Iterator[Problem]:
        written = self.want.value
        text = f"{written:.15g}" if isinstance(written, float) else written
        try:
            tree = parse_quantity(text, self.context, point.unit)
        except ExpressionError as error:
            yield from flaws(self.draft, _VALUE, text, error)
            return
        if self.crosses and properties_of(tree):
            what = "is worked out from readings, in a rule that looks at other rules"
            yield self.draft.problem(_VALUE, what, "use a constant or attributes", "type")
        if isinstance(tree, Literal) and not point.minimum <= tree.value <= point.maximum:
            unit = "" if point.unit == "1" else f" {point.unit}"
            what = f"{text} is outside the envelope of {self.want.point}"
            hint = f"from {point.minimum:g} to {point.maximum:g}{unit}"
            yield self.draft.problem(_VALUE, what, hint, "range")
        self.value = tree.value if isinstance(tree, Literal) else tree
