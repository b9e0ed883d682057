"""What comparisons turn on, sorted: only the cuts between two spots of a signal can have changed a truth."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.rulebook.conditions.arrays import Ints, spread
from engine.rulebook.conditions.items import Item
from engine.rulebook.conditions.properties import Properties
from engine.rulebook.language import (
    Absent,
    Age,
    And,
    Node,
    Not,
    Or,
    Threshold,
    Value,
    Window,
    WindowFunction,
    children,
    properties_of,
)
from engine.rulebook.language import Sequence as Succession

_BITS = 46
WIDEST = 1 << 45  # values and ages (µs) beyond it, some 400 days, are no cuts
FUNCTIONS = tuple(WindowFunction)
UNSEEN = -2  # the spot of a signal that was not worked out since the state was put back


class Term(NamedTuple):
    """A window of a profile: the property's place, the function by its number, µs, how many samples at least."""

    place: int
    function: int
    width: int
    at_least: int


class Table:
    """Ranks by group: `start` and `count` say where those of a group stand in `rank`."""

    def __init__(self, rows: Sequence[tuple[int, ...]], groups: int) -> None:
        table = np.array(sorted(set(rows)), np.int64).reshape(-1, 2)
        self.rank = table[:, 1].copy()
        self.start = np.searchsorted(table[:, 0], np.arange(groups))
        self.count = np.searchsorted(table[:, 0], np.arange(groups), side="right") - self.start


class Cuts:
    """The values at which comparisons turn, sorted by group: a value's spot is how many cuts lie at or below it."""

    def __init__(self, rows: Sequence[tuple[int, int, int]], groups: int) -> None:
        table = np.array(sorted(set(rows)), np.int64).reshape(-1, 3)
        self._keys = _key(table[:, 0], table[:, 1])
        self.value = table[:, 1].copy()
        self.rank = table[:, 2].copy()
        self.start = np.searchsorted(table[:, 0], np.arange(groups))
        self.end = np.searchsorted(table[:, 0], np.arange(groups), side="right")

    def spot(self, group: Ints, value: Ints) -> Ints:
        """The spot of a value among all cuts."""
        return np.searchsorted(self._keys, _key(group, value), side="right")

    def between(self, group: Ints, before: Ints, after: Ints) -> tuple[Ints, Ints]:
        """The ranks that values going from one spot to another concern, and the place of each such value.

        −1 is UNKNOWN: from there or to there, all of the group; from there to there, none. From UNSEEN, always all.
        """
        lost = ((before < 0) != (after < 0)) | (before == UNSEEN)
        low = np.where(lost, self.start[group], np.minimum(before, after))
        high = np.where(lost, self.end[group], np.maximum(before, after))
        cuts, owner = spread(low, high - low)
        return self.rank[cuts], owner


def _key(group: Ints, value: Ints) -> Ints:
    """Group and value as one sortable number."""
    return (group << _BITS) | (np.clip(value, -WIDEST, WIDEST - 1) + WIDEST)


class Turning:
    """What an item's truth turns on.

    `values`: (property, scaled value); `windows`: ((property, function, width, at least), value); `ages`: (property,
    age in µs). `rich`: the properties of which any reading may matter.
    """

    def __init__(self, item: Item, properties: Properties) -> None:
        self.values: set[tuple[int, int]] = set()
        self.windows: set[tuple[tuple[int, int, int, int], int]] = set()
        self.ages: set[tuple[int, int]] = set()
        self.rich: set[int] = set()
        self._rule, self._properties = item.rule, properties
        for tree in item.trees:
            if tree is not None:
                self._visit(tree)

    def _number(self, name: str) -> int:
        return self._properties.number(self._rule, name)

    def _visit(self, node: Node) -> None:
        match node:
            case Threshold(left, operator, constant) if abs(constant) < WIDEST // 4:
                self._threshold(left, operator, constant)
            case Absent(prop, after):
                self.ages.add((self._number(prop), after))
            case And() | Or() | Not() | Succession():
                for child in children(node):
                    self._visit(child)
            case _:
                self.rich.update(self._number(name) for name in properties_of(node))

    def _threshold(self, left: Value | Window | Age, operator: str, constant: int) -> None:
        prop = self._number(left.property)
        if isinstance(left, Window):
            window = (prop, FUNCTIONS.index(left.function), left.width, left.at_least)
            doubled = left.function is WindowFunction.AVG
            self.windows.update((window, at) for at in _turns(operator, constant, doubled=doubled))
        elif isinstance(left, Age):
            self.ages.update((prop, at) for at in _turns(operator, constant))
        else:
            self.values.update((prop, at) for at in _turns(operator, constant))


def _turns(operator: str, constant: int, *, doubled: bool = False) -> tuple[int, ...]:
    """The least values of the stretches over which a comparison has one truth.

    Doubled, of a mean that need not be whole: twice it where it is whole, else twice its floor and one.
    """
    reached, passed = (2 * constant, 2 * constant + 1) if doubled else (constant, constant + 1)
    if operator in {"==", "!="}:
        return reached, passed
    return (reached,) if operator in {"<", ">="} else (passed,)
