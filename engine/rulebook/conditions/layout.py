"""Rules × subjects → columns: who is evaluated, from what, and which readings can make a difference.

An *item* is what is evaluated of a rule: its latch, or, of a rule that looks at others, an own part whose truth is
handed on. An *instance* is an item for one subject. A *series* is one property of one asset. Subjects with the same
items share a *profile*; the thresholds of a profile's items on one property stand sorted among all `cuts`, so that a
reading's spot among them is one binary search, and only the cuts between two spots can have changed an item's truth.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.catalogue import Catalogue
from engine.instants import in_us
from engine.model import Asset
from engine.rulebook.conditions.arrays import ALWAYS, AnyArray, Ints
from engine.rulebook.conditions.cuts import Cuts, Table, Term, Turning
from engine.rulebook.conditions.forms import Form, NumberAt, form_of, number_form, parameters, shape_of, timed
from engine.rulebook.conditions.items import Item
from engine.rulebook.conditions.properties import Properties
from engine.rulebook.language import (
    Attribute,
    Node,
    TextIs,
    properties_of,
    walk,
)
from engine.rulebook.language import Sequence as Succession
from engine.rulebook.roster import Roster


@dataclass(frozen=True, slots=True)
class Family:
    """The items of one form: their parameters, a row an item."""

    sets: Form
    resets: Form | None
    columns: tuple[AnyArray, ...]
    reset_columns: tuple[AnyArray, ...]


@dataclass(frozen=True, slots=True)
class Valued:
    """The items whose wants work out a quantity of one shape."""

    number: NumberAt
    columns: tuple[AnyArray, ...]


class Layout:
    """The columns of one lane. Everything in it is fixed while a rulebook is in service."""

    def __init__(self, items: Sequence[Item], roster: Roster, catalogue: Catalogue) -> None:
        self.items = tuple(items)
        self.roster = roster
        self.properties = Properties(self.items, catalogue)
        self._enlist()
        self._describe_items()
        self._cut()
        self.families = self._families()
        self.valued = self._valued()

    # subjects, series, instances

    def _enlist(self) -> None:
        profiles: dict[tuple[int, ...], int] = {}
        subjects: list[Asset] = []
        profile: list[int] = []
        for asset, covered in self.roster.rules_of([item.rule for item in self.items]):
            subjects.append(asset)
            profile.append(profiles.setdefault(covered, len(profiles)))
        self.profiles = tuple(profiles)
        self.subjects = tuple(subjects)
        self.place_of = {asset.id: place for place, asset in enumerate(subjects)}
        groups = {name: number for number, name in enumerate(self.roster.groups)}
        self.group = np.array([groups[asset.zone] for asset in subjects], np.int64)
        self.profile = np.array(profile, np.int64)
        self._lay_out()

    def _lay_out(self) -> None:
        """Where each subject's series and instances begin, and what each of them is."""
        names = [self.properties.of_type(self.items[covered[0]].rule) for covered in self.profiles]
        width = np.array([len(found) for found in names] or [0], np.int64)
        self.profile_properties = names
        self.series_count = width[self.profile] if len(self.profile) else np.empty(0, np.int64)
        self.series_start = np.cumsum(self.series_count) - self.series_count
        self.series_subject = np.repeat(np.arange(len(self.subjects)), self.series_count)
        local = np.arange(len(self.series_subject)) - self.series_start[self.series_subject]
        starts = np.cumsum(width) - width
        self.series_group = starts[self.profile[self.series_subject]] + local
        flat = [number for found in names for number in found]
        self.series_property = np.array(flat, np.int64)[self.series_group] if flat else np.empty(0, np.int64)
        size = np.array([len(covered) for covered in self.profiles] or [0], np.int64)
        self.instance_count = size[self.profile] if len(self.profile) else np.empty(0, np.int64)
        self.instance_start = np.cumsum(self.instance_count) - self.instance_count
        self.instance_subject = np.repeat(np.arange(len(self.subjects), dtype=np.int32), self.instance_count)
        rank = np.arange(len(self.instance_subject)) - self.instance_start[self.instance_subject]
        begins = np.cumsum(size) - size
        members = np.array([n for covered in self.profiles for n in covered], np.int32)
        self.instance_item = members[begins[self.profile[self.instance_subject]] + rank]
        self._gather_attributes()

    def _gather_attributes(self) -> None:
        """The attribute tests and numbers of the trees, worked out for every subject once."""
        nodes = [node for item in self.items for tree in (*item.trees, item.value) if tree for node in walk(tree)]
        tests = dict.fromkeys(node for node in nodes if isinstance(node, TextIs))
        numbers = dict.fromkeys(node for node in nodes if isinstance(node, Attribute))
        self._numbers: dict[Any, int] = {node: n for n, node in enumerate(tests)}
        self._numbers |= {node: n for n, node in enumerate(numbers)}
        self.texts = np.array([[_text(node, asset) for asset in self.subjects] for node in tests], np.int8)
        self.attributes = np.array([[_number(node, asset) for asset in self.subjects] for node in numbers], np.float64)

    # items

    def _describe_items(self) -> None:
        def each(read: Any, dtype: Any = np.int64) -> AnyArray:
            return np.array([read(item) for item in self.items], dtype)

        self.item_part = each(lambda item: -1 if item.part is None else item.part)
        self.item_unknown = each(lambda item: ("hold", "clear", "raise").index(item.rule.definition.on_unknown))
        holds = each(lambda item: in_us(item.rule.definition.hold))
        clears = each(lambda item: in_us(item.rule.definition.clear_after))
        self.item_delay = np.stack([np.zeros_like(holds), holds, clears])
        self.item_every = each(_every)
        self.item_every[self.item_part >= 0] = 0
        self.item_timed = each(_timed, np.bool_) | (self.item_every > 0)
        self.item_properties = [self._named(item) for item in self.items]
        self.item_cause = self._causes()
        self.successions: list[tuple[int, Succession]] = [
            (number, node)
            for number, item in enumerate(self.items)
            for tree in item.trees
            if tree is not None
            for node in walk(tree)
            if isinstance(node, Succession)
        ]

    def _causes(self) -> Ints:
        """(items, K): the places of each item's properties among those of its type; −1 where it has fewer."""
        width = max((len(names) for names in self.item_properties), default=0)
        out = np.full((len(self.items), width), -1, np.int64)
        for number, names in enumerate(self.item_properties):
            own = _ItemNames(self, number)
            out[number, : len(names)] = [own.place(name) for name in names]
        return out

    def _named(self, item: Item) -> tuple[str, ...]:
        trees = [tree for tree in (*item.trees, item.value) if tree is not None]
        return tuple(dict.fromkeys(name for tree in trees for name in properties_of(tree)))

    # cuts

    def _cut(self) -> None:
        """Sort what every profile's items compare with, and list the items and windows that any reading concerns."""
        values: list[tuple[int, int, int]] = []
        ages: list[tuple[int, int, int]] = []
        rich: list[tuple[int, int]] = []
        fed: list[tuple[int, int]] = []
        windows: list[Term] = []
        turning = [Turning(item, self.properties) for item in self.items]
        self.value_groups = sum(len(names) for names in self.profile_properties)
        self.profile_terms = np.zeros(len(self.profiles), np.int64)
        group = 0
        for profile, (covered, names) in enumerate(zip(self.profiles, self.profile_properties, strict=True)):
            terms: dict[Term, int] = {}
            for rank, number in enumerate(covered):
                found = turning[number]
                for prop, at in found.values:
                    values.append((group + names.index(prop), at, rank))
                for prop, at in found.ages:
                    ages.append((group + names.index(prop), at, rank))
                rich.extend((group + names.index(prop), rank) for prop in found.rich)
                for (prop, *window), at in found.windows:
                    term = Term(names.index(prop), *window)
                    place = terms.setdefault(term, len(terms))
                    values.append((self.value_groups + len(windows) + place, at, rank))
            fed.extend((group + term.place, place) for term, place in terms.items())
            windows.extend(terms)
            self.profile_terms[profile] = len(terms)
            group += len(names)
        self.cuts = Cuts(values, self.value_groups + len(windows))
        self.ages = Cuts(ages, self.value_groups)
        self.rich = Table(rich, self.value_groups)
        self.fed = Table(fed, self.value_groups)
        self._lay_terms(windows)

    def _lay_terms(self, windows: list[Term]) -> None:
        """Where each subject's windows begin, and what each of them is."""
        count = self.profile_terms[self.profile] if len(self.profile) else np.empty(0, np.int64)
        self.term_count, self.term_start = count, np.cumsum(count) - count
        self.term_subject = np.repeat(np.arange(len(self.subjects)), count)
        rank = np.arange(len(self.term_subject)) - self.term_start[self.term_subject]
        first = np.cumsum(self.profile_terms) - self.profile_terms
        term = first[self.profile[self.term_subject]] + rank
        self.term_group = self.value_groups + term
        table = np.array([(w.place, w.function, w.width, w.at_least) for w in windows], np.int64).reshape(-1, 4)
        place, self.term_function, self.term_width, self.term_at_least = table[term].T
        self.term_series = self.series_start[self.term_subject] + place

    # forms

    def _families(self) -> tuple[Family, ...]:
        rows: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for number, item in enumerate(self.items):
            sets, resets = item.trees
            rows[shape_of(sets), None if resets is None else shape_of(resets)].append(number)
        self.item_family = np.zeros(len(self.items), np.int64)
        self.item_row = np.zeros(len(self.items), np.int64)
        found = []
        for family, numbers in enumerate(rows.values()):
            self.item_family[numbers] = family
            self.item_row[numbers] = np.arange(len(numbers))
            sets, resets = self.items[numbers[0]].trees
            found.append(
                Family(
                    form_of(sets),
                    None if resets is None else form_of(resets),
                    self._columns(numbers, 0),
                    () if resets is None else self._columns(numbers, 1),
                )
            )
        return tuple(found)

    def _columns(self, numbers: list[int], which: int) -> tuple[AnyArray, ...]:
        trees = [self.items[n].trees[which] for n in numbers]
        return self._table([(n, tree) for n, tree in zip(numbers, trees, strict=True) if tree is not None])

    def _table(self, trees: Sequence[tuple[int, Node]]) -> tuple[AnyArray, ...]:
        rows = [tuple(parameters(tree, _ItemNames(self, number))) for number, tree in trees]
        return tuple(np.array(column) for column in zip(*rows, strict=True))

    def _valued(self) -> Mapping[int, Valued]:
        return {
            number: Valued(number_form(item.value), self._table([(number, item.value)]))
            for number, item in enumerate(self.items)
            if item.value is not None
        }

    def number_of(self, item: int, thing: Any) -> int:
        """The number of an attribute, a text test or a succession of an item; of a calendar atom, the almanac's."""
        if isinstance(thing, Succession):
            return self.successions.index((item, thing))
        return self._numbers.setdefault(thing, len(self.atoms))  # atoms are numbered as they come

    @property
    def atoms(self) -> list[Any]:
        """The calendar atoms in use, in the order of their numbers."""
        return [thing for thing in self._numbers if not isinstance(thing, TextIs | Attribute)]


class _ItemNames:
    """What the parameters of one item's trees name."""

    def __init__(self, layout: Layout, item: int) -> None:
        self._layout, self._item = layout, item

    def place(self, prop: str) -> int:
        rule, properties = self._layout.items[self._item].rule, self._layout.properties
        return properties.of_type(rule).index(properties.number(rule, prop))

    def number(self, thing: Any) -> int:
        return self._layout.number_of(self._item, thing)


def _every(item: Item) -> int:
    want = item.rule.definition.then.want
    return in_us(want.every) if want and want.every else 0


def _timed(item: Item) -> bool:
    return any(timed(tree) for tree in item.trees if tree is not None)


def _text(test: TextIs, asset: Asset) -> int:
    found = asset.attributes.get(test.attribute)
    if found is None:
        return 1
    said = str(found).lower() if isinstance(found, bool) else str(found)
    return 2 * ((said == test.text) == (test.operator == "=="))


def _number(node: Attribute, asset: Asset) -> float:
    found = asset.attributes.get(node.name)
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) == ALWAYS:
        return float("nan")
    return float(found)
