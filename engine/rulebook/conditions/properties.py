"""The properties that rules read: what each is, how long its samples matter, where it stands among a type's series."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from engine.catalogue import Catalogue, Property
from engine.instants import in_us
from engine.rulebook.conditions.arrays import Bools, Floats, Ints
from engine.rulebook.conditions.items import Item
from engine.rulebook.definitions import Rule
from engine.rulebook.language import Changed, Node, Was, Window, scale_of, walk


class Properties:
    """The properties that items read, numbered: a property is of one asset type."""

    def __init__(self, items: Sequence[Item], catalogue: Catalogue) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._by_type: dict[str, list[int]] = defaultdict(list)
        self.found: list[Property] = []
        self.retain: list[int] = []
        self.changes: list[bool] = []
        for item in items:
            kind = item.rule.definition.for_each.type or ""
            for tree in (*item.trees, item.value):
                for node in () if tree is None else walk(tree):
                    self._note(kind, node, catalogue)

    def _note(self, kind: str, node: Node, catalogue: Catalogue) -> None:
        name = getattr(node, "property", None)
        if name is None:
            return
        if (kind, name) not in self._numbers:
            self._numbers[kind, name] = len(self.found)
            self._by_type[kind].append(len(self.found))
            self.found.append(property_of(catalogue, kind, name))
            self.retain.append(0)
            self.changes.append(False)
        number = self._numbers[kind, name]
        self.changes[number] |= isinstance(node, Changed)
        if isinstance(node, Window):
            self.retain[number] = max(self.retain[number], node.width)
        elif isinstance(node, Was):
            stale = _stale(self.found[number])
            self.retain[number] = max(self.retain[number], node.ago + stale)

    def number(self, rule: Rule, name: str) -> int:
        return self._numbers[rule.definition.for_each.type or "", name]

    def of_type(self, rule: Rule) -> list[int]:
        """The numbers of the properties of a rule's asset type."""
        return self._by_type.get(rule.definition.for_each.type or "", [])

    def places(self, kind: str) -> dict[str, int]:
        """The place of each property of an asset type among those of its subjects' series."""
        numbers = self._by_type.get(kind, [])
        return {name: numbers.index(n) for (of, name), n in self._numbers.items() if of == kind}

    def names(self) -> dict[tuple[str, str], int]:
        """(asset type, property) → number."""
        return dict(self._numbers)

    @cached_property
    def stale(self) -> Ints:
        return np.array([_stale(found) for found in self.found], np.int64)

    @cached_property
    def scale(self) -> Floats:
        return np.array([scale_of(found) for found in self.found], np.float64)

    @cached_property
    def counter(self) -> Bools:
        return np.array([found.kind == "counter" for found in self.found], np.bool_)


def property_of(catalogue: Catalogue, kind: str, name: str) -> Property:
    """A property of the catalogue, or the plan of a point, `planned(point)`, which never grows stale."""
    if name.startswith("planned("):
        point = catalogue.types[kind].points[name.removeprefix("planned(").removesuffix(")")]
        return Property.model_validate(
            {"unit": point.unit, "range": (point.minimum, point.maximum), "stale_after": "36500 d"}
        )
    return catalogue.types[kind].properties[name]


def _stale(found: Property) -> int:
    return in_us(found.stale_after)
