"""A lane's state as tables, and back into a lane of other rules, subjects or properties.

Places are written once, as the names of subjects and the items and properties of their profiles; everything else is
numbers. Of instances only those that differ from one at rest are written: at rest an instance is not raised, is not in
a run of its set condition, and was born with the rest of its group.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from engine.rulebook.conditions.arrays import ALWAYS, NEVER, UNKNOWN, AnyArray, Bools, Ints, spread
from engine.rulebook.conditions.items import Item
from engine.rulebook.conditions.lane import Lane
from engine.rulebook.conditions.layout import Layout
from engine.rulebook.conditions.state import SET, State

_SERIES = ("at", "value", "changed_at", "differs")
_LATCH = ("raised", "raised_at")
_RUN = ("run", "since", "due", "born")


@dataclass(frozen=True, slots=True)
class Kept:
    """A lane's state: what its places stand for, plain enough for JSON, and its tables as bytes."""

    names: dict[str, Any]
    tables: dict[str, bytes]


def keep(lane: Lane) -> Kept:
    """The state after a run."""
    layout, state = lane.layout, lane.state
    born = _births(layout, state)
    names = {
        "items": [[item.rule.id, item.part] for item in layout.items],
        "profiles": layout.profiles,
        "types": [_kind(layout.items[covered[0]]) for covered in layout.profiles],
        "properties": [_property_names(layout, numbers) for numbers in layout.profile_properties],
        "born": dict(zip(layout.roster.groups, born.tolist(), strict=True)),
    }
    tables = {
        "subjects": _bytes({"id": [s.id for s in layout.subjects], "profile": layout.profile}),
        "series": _bytes({name: getattr(state, name) for name in _SERIES}),
        "samples": _bytes(_samples(layout, state)),
        "instances": _bytes(_instances(layout, state, born)),
        "successions": _bytes(_successions(layout, state)),
    }
    return Kept(names, tables)


def _births(layout: Layout, state: State) -> Ints:
    """When each group was born: the first birth of any of its instances, NEVER without one."""
    born = np.full(len(layout.roster.groups), ALWAYS)
    np.minimum.at(born, layout.group[layout.instance_subject], np.where(state.born == NEVER, ALWAYS, state.born))
    return np.where(born == ALWAYS, NEVER, born)


def _samples(layout: Layout, state: State) -> dict[str, AnyArray]:
    parts = []
    for number, samples in state.samples.items():
        series = np.flatnonzero(layout.series_property == number)
        rows, at, value = samples.held()
        parts.append((series[rows], at, value))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0, np.int64)] * 3
    return dict(zip(("series", "at", "value"), columns, strict=True))


def _instances(layout: Layout, state: State, born: Ints) -> dict[str, AnyArray]:
    part = layout.item_part[layout.instance_item] >= 0
    restless = state.raised | np.where(part, state.run != UNKNOWN, state.run == SET)
    restless |= state.born != born[layout.group[layout.instance_subject]]
    chosen = np.flatnonzero(restless)
    columns = {name: getattr(state, name)[chosen] for name in (*_LATCH, *_RUN)}
    return {"subject": layout.instance_subject[chosen], "item": layout.instance_item[chosen], **columns}


def _successions(layout: Layout, state: State) -> dict[str, AnyArray]:
    number, instance = state.succession_key >> 40, state.succession_key & ((1 << 40) - 1)
    first, second = state.succession_before
    return {
        "subject": layout.instance_subject[instance],
        "item": layout.instance_item[instance],
        "ordinal": number - _first_of_item(layout)[layout.instance_item[instance]],
        "rise": state.succession_rise,
        "holds": state.succession_holds,
        "first": first,
        "second": second,
    }


def _first_of_item(layout: Layout) -> Ints:
    """The number of each item's first sequence."""
    first = np.zeros(len(layout.items), np.int64)
    for number in reversed(range(len(layout.successions))):
        first[layout.successions[number][0]] = number
    return first


def take_back(
    lane: Lane, kept: Kept, same: Collection[str], latched: Collection[str]
) -> "list[tuple[Item, str, int]]":  # fmt: skip
    """Put what was kept into a fresh lane, beside what was kept of other subjects; `Lane.resume` is to follow.

    Rules in `same` go on as they were, those in `latched` keep at least their latches; everything else begins anew.
    Returns the own parts that are not UNKNOWN: item, subject, truth.
    """
    places = lane.recalled if lane.recalled is not None and lane.recalled.fits(kept) else Places(lane.layout, kept)
    lane.recalled = places
    back = _Back(lane, kept, places)
    back.series()
    back.samples()
    told = back.instances(frozenset(same), frozenset(latched))
    back.successions(frozenset(same))
    return told


class Places:
    """Old places → new ones of a layout. Holds as long as the old ones stay the same, and so is kept with the lane."""

    def __init__(self, layout: Layout, kept: Kept) -> None:
        self._layout = layout
        self._names, self._table = {**kept.names, "born": None}, kept.tables["subjects"]
        subjects = pl.read_ipc(self._table, use_pyarrow=False)
        place = layout.place_of
        self.subject = np.array([place.get(name, -1) for name in subjects["id"].to_list()], np.int64)
        self.profile = subjects["profile"].to_numpy()

    def fits(self, kept: Kept) -> bool:
        """Whether they are of this state, too."""
        return self._table == kept.tables["subjects"] and self._names == {**kept.names, "born": None}

    @cached_property
    def series(self) -> Ints:
        """The new place of each old series; −1 for one that is gone."""
        names, layout = self._names, self._layout
        width = max((len(found) for found in names["properties"]), default=0)
        local = np.full((len(names["properties"]), width), -1, np.int64)
        for profile, (kind, found) in enumerate(zip(names["types"], names["properties"], strict=True)):
            now = layout.properties.places(kind)
            local[profile, : len(found)] = [now.get(name, -1) for name in found]
        count = np.array([len(found) for found in names["properties"]], np.int64)[self.profile]
        rank, owner = spread(np.zeros(len(count), np.int64), count)
        subject, place = self.subject[owner], local[self.profile[owner], rank]
        start = layout.series_start[subject] if len(layout.series_start) else subject
        return np.where((subject >= 0) & (place >= 0), start + place, -1)

    @cached_property
    def item(self) -> Ints:
        """The new number of each old item; −1 for one that is gone."""
        now = {(item.rule.id, item.part): number for number, item in enumerate(self._layout.items)}
        return np.array([now.get((rule, part), -1) for rule, part in self._names["items"]], np.int64)

    @cached_property
    def instance_group(self) -> Ints:
        """The group of each instance."""
        found: Ints = self._layout.group[self._layout.instance_subject]
        return found

    @cached_property
    def _instance_keys(self) -> Ints:
        layout = self._layout
        keys: Ints = layout.instance_subject.astype(np.int64) * len(layout.items) + layout.instance_item
        return keys

    def matched(self, table: pl.DataFrame) -> tuple[Ints, Ints]:
        """The rows whose item and subject are still there, and their instances."""
        layout = self._layout
        subject, item = self.subject[table["subject"].to_numpy()], self.item[table["item"].to_numpy()]
        keys = self._instance_keys
        if not len(keys) or not len(subject):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        key = subject * len(layout.items) + item
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        rows = np.flatnonzero((subject >= 0) & (item >= 0) & (keys[place] == key))
        return rows, place[rows]

    def carried(self, same: frozenset[str]) -> Bools:
        """Which instances were there before, of a rule that has not changed."""
        layout, profiles = self._layout, self._names["profiles"]
        known = {number for number, (rule, _) in enumerate(self._names["items"]) if rule in same}
        member = np.zeros((len(profiles) + 1, len(layout.items)), np.bool_)
        for profile, covered in enumerate(profiles):
            numbers = self.item[[number for number in covered if number in known]]
            member[profile, numbers[numbers >= 0]] = True
        before = np.full(len(layout.subjects), len(profiles))
        here = self.subject >= 0
        before[self.subject[here]] = self.profile[here]
        found: Bools = member[before[layout.instance_subject], layout.instance_item]
        return found


class _Back:
    """Moves tables into the arrays of what is still there."""

    def __init__(self, lane: Lane, kept: Kept, places: Places) -> None:
        self._layout, self._state, self._places = lane.layout, lane.state, places
        self._names = kept.names
        tables = {name: table for name, table in kept.tables.items() if name != "subjects"}
        self._tables = {name: pl.read_ipc(table, use_pyarrow=False) for name, table in tables.items()}

    def series(self) -> None:
        table, series = self._tables["series"], self._places.series
        here = series >= 0
        for name in _SERIES:
            getattr(self._state, name)[series[here]] = table[name].to_numpy()[here]

    def samples(self) -> None:
        layout, state, table = self._layout, self._state, self._tables["samples"]
        series = self._places.series[table["series"].to_numpy()]
        prop = np.where(series >= 0, layout.series_property[series], -1) if len(layout.series_property) else series
        for number, samples in state.samples.items():
            mine = prop == number
            at, value = table["at"].to_numpy()[mine], table["value"].to_numpy()[mine]
            samples.fill(state.ring[series[mine]], at, value)

    def instances(self, same: frozenset[str], latched: frozenset[str]) -> list[tuple[Item, str, int]]:
        layout, state, table = self._layout, self._state, self._tables["instances"]
        born = np.array([self._names["born"].get(name, NEVER) for name in layout.roster.groups], np.int64)
        state.born = np.where(self._places.carried(same), born[self._places.instance_group], state.born)
        rows, instances = self._places.matched(table)
        for names, rules in ((_LATCH, latched), (_RUN, same)):
            sound = np.array([item.rule.id in rules for item in layout.items], np.bool_)
            which = sound[layout.instance_item[instances]] if len(instances) else np.empty(0, np.bool_)
            for name in names:
                getattr(state, name)[instances[which]] = table[name].to_numpy()[rows[which]]
        return self._told(instances)

    def _told(self, instances: Ints) -> list[tuple[Item, str, int]]:
        layout, state = self._layout, self._state
        part = layout.item_part[layout.instance_item[instances]] >= 0
        chosen = instances[part & (state.run[instances] != UNKNOWN)]
        rows = zip(*(c.tolist() for c in (layout.instance_item[chosen], layout.instance_subject[chosen])), strict=True)
        truths = state.run[chosen].tolist()
        return [(layout.items[n], layout.subjects[who].id, t) for (n, who), t in zip(rows, truths, strict=True)]

    def successions(self, same: frozenset[str]) -> None:
        state, table = self._state, self._tables["successions"]
        rows, instances = self._places.matched(table)
        if not len(rows) or not len(state.succession_key):
            return
        item = self._layout.instance_item[instances]
        number = _first_of_item(self._layout)[item] + table["ordinal"].to_numpy()[rows]
        key = (number << 40) | instances
        place = np.minimum(np.searchsorted(state.succession_key, key), len(state.succession_key) - 1)
        sound = np.array([entry.rule.id in same for entry in self._layout.items], np.bool_)[item]
        sound &= state.succession_key[place] == key
        rows, place = rows[sound], place[sound]
        for name in ("rise", "holds"):
            getattr(state, f"succession_{name}")[place] = table[name].to_numpy()[rows]
        for k, name in enumerate(("first", "second")):
            state.succession_before[k, place] = table[name].to_numpy()[rows]


def _kind(item: Item) -> str:
    return item.rule.definition.for_each.type or ""


def _property_names(layout: Layout, numbers: list[int]) -> list[str]:
    names = {number: name for (_, name), number in layout.properties.names().items()}
    return [names[number] for number in numbers]


def _bytes(columns: Mapping[str, Any]) -> bytes:
    buffer = BytesIO()
    pl.DataFrame(columns).write_ipc(buffer, compression="lz4")
    return buffer.getvalue()
