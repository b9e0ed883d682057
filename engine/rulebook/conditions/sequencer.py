"""From readings as they arrive to the rows of each lane: whose clock, which message, evaluated when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.catalogue import Catalogue
from engine.model import Asset
from engine.rulebook.conditions.arrays import NEVER, Bools, Floats, Ints
from engine.rulebook.conditions.layout import Layout
from engine.rulebook.conditions.properties import property_of
from engine.rulebook.conditions.turns import Rows
from engine.rulebook.language import scale_of

_BITS = 52  # an instant in µs, up to the year 2112, below the number of its group


@dataclass(frozen=True, slots=True)
class Items:
    """Readings in order of group, then arrival. `clock` is the group's after each; `message` its number."""

    series: Ints
    at: Ints
    value: Ints
    clock: Ints
    message: Ints

    def take(self, where: Ints) -> "Items":
        return Items(self.series[where], self.at[where], self.value[where], self.clock[where], self.message[where])

    def followed_by(self, others: "Items") -> "Items":
        return Items(*(np.concatenate([getattr(self, n), getattr(others, n)]) for n in Items.__slots__))


class Directory:
    """A number for every property of every asset, whether a rule reads it or not: all of them move clocks."""

    def __init__(self, assets: Sequence[Asset], catalogue: Catalogue, groups: Mapping[str, int]) -> None:
        names = {name: self._names(catalogue, name) for name in {asset.type for asset in assets}}
        width = np.array([len(names[asset.type]) for asset in assets] or [0], np.int64)
        starts = np.cumsum(width) - width
        self._ids = [asset.id for asset in assets]
        self._places = {asset.id: (int(start), names[asset.type]) for asset, start in zip(assets, starts, strict=False)}
        self.asset = np.repeat(np.arange(len(assets)), width[: len(assets)])
        self.group = np.array([groups[asset.zone] for asset in assets], np.int64)[self.asset]
        scales = {name: self._scales(catalogue, name) for name in names}
        self.scale: Floats = np.array([scale for asset in assets for scale in scales[asset.type]], np.float64)

    def __len__(self) -> int:
        return len(self.asset)

    def number(self, asset: str, prop: str) -> int:
        """−1 for what is not known."""
        start, names = self._places.get(asset, (0, {}))
        place = names.get(prop, -1)
        return -1 if place < 0 else start + place

    def named(self, series: Ints) -> dict[str, list[str]]:
        """Asset and property of each number."""
        assets = [self._ids[n] for n in self.asset[series].tolist()]
        found = [self._places[asset] for asset in assets]
        names = [list(names)[n - start] for n, (start, names) in zip(series.tolist(), found, strict=True)]
        return {"asset": assets, "property": names}

    @staticmethod
    def _names(catalogue: Catalogue, kind: str) -> dict[str, int]:
        found = catalogue.types.get(kind)
        if found is None:
            return {}
        return {name: n for n, name in enumerate((*found.properties, *(f"planned({point})" for point in found.points)))}

    @staticmethod
    def _scales(catalogue: Catalogue, kind: str) -> list[float]:
        found = catalogue.types.get(kind)
        names = () if found is None else (*found.properties, *(f"planned({point})" for point in found.points))
        return [float(scale_of(property_of(catalogue, kind, name))) for name in names]

    def of_lane(self, layout: Layout) -> Ints:
        """The lane's series of each number; −1 where the lane has none."""
        out = np.full(len(self), -1, np.int64)
        by_number = {number: name for (_, name), number in layout.properties.names().items()}
        for place, subject in enumerate(layout.subjects):
            if subject.id not in self._places:
                continue
            first = int(layout.series_start[place])
            for k in range(int(layout.series_count[place])):
                number = self.number(subject.id, by_number[int(layout.series_property[first + k])])
                out[number] = first + k
        return out


def sequence(directory: Directory, series: Ints, at: Ints, value: Floats, start: Ints, counter: int) -> Items:
    """The readings of known series with finite values, group by group, with their clocks and messages.

    `start` is each group's clock before; message numbers begin at `counter`. Neighbours of one asset at one instant
    are one message, until a property comes again.
    """
    good = (series >= 0) & np.isfinite(value)
    if not good.all():
        series, at, value = series[good], at[good], value[good]
    group = directory.group[series]
    if len(group) and (group[1:] < group[:-1]).any():
        order = np.argsort(group, kind="stable")
        series, at, value, group = series[order], at[order], value[order], group[order]
    scaled = np.rint(value * directory.scale[series]).astype(np.int64)
    before = np.where(start == NEVER, 0, start)
    marked = (group << _BITS) | np.maximum(np.maximum(at, before[group]), 0)
    clock = np.maximum.accumulate(marked) & ((1 << _BITS) - 1)
    return Items(series, at, scaled, clock, _messages(directory.asset[series], series, at) + counter)


def _messages(asset: Ints, series: Ints, at: Ints) -> Ints:
    """A number for each message, ascending."""
    if not len(asset):
        return np.empty(0, np.int64)
    begins = np.append(True, (asset[1:] != asset[:-1]) | (at[1:] != at[:-1]))
    run = np.cumsum(begins) - 1
    if run[-1] + 1 < len(run):
        begins[_again(run, series)] = True
    number: Ints = np.cumsum(begins) - 1
    return number


def _again(run: Ints, series: Ints) -> list[int]:
    """Where a property comes again within a run: there the next message begins."""
    order = np.lexsort((series, run))
    same = (run[order][1:] == run[order][:-1]) & (series[order][1:] == series[order][:-1])
    found: list[int] = []
    for doubtful in np.unique(run[order][1:][same]):
        seen: set[int] = set()
        first, last = np.searchsorted(run, [doubtful, doubtful + 1])
        for row in range(int(first), int(last)):
            if int(series[row]) in seen:
                seen.clear()
                found.append(row)
            seen.add(int(series[row]))
    return found


class Gate:
    """The rows of one lane: at once for a lateness of 0; else held back until no reading may come before them."""

    def __init__(self, layout: Layout, directory: Directory, lateness: int) -> None:
        self._lane_series = directory.of_lane(layout)
        self._layout, self._lateness = layout, lateness
        self.forget()

    def forget(self) -> None:
        """Hold nothing back."""
        empty = np.empty(0, np.int64)
        self.held = Items(empty, empty, empty, empty, empty)

    def reads(self, series: Ints) -> Bools:
        """Which of these numbers, −1 for none, some rule of the lane reads."""
        found: Bools = series >= 0
        found[found] = self._lane_series[series[found]] >= 0
        return found

    def rows(self, items: Items, clock: Ints, groups: Ints) -> Rows:
        """What is released once the groups' clocks stand at `clock`. `groups` is the group of each number."""
        wanted = np.flatnonzero(self._lane_series[items.series] >= 0)
        items = items.take(wanted)
        if not self._lateness:
            return self._ordered(items, items.clock)
        joined = self.held.followed_by(items)
        instant = np.maximum(joined.at, joined.clock - self._lateness)
        ripe = instant + self._lateness <= clock[groups[joined.series]]
        self.held = joined.take(np.flatnonzero(~ripe))
        chosen = np.flatnonzero(ripe)
        chosen = chosen[np.lexsort((joined.message[chosen], instant[chosen]))]
        return self._ordered(joined.take(chosen), instant[chosen])

    def _ordered(self, items: Items, instant: Ints) -> Rows:
        series = self._lane_series[items.series]
        subject = self._layout.series_subject[series]
        order = np.argsort(subject, kind="stable")
        return Rows(
            subject[order], series[order], items.at[order], items.value[order], instant[order], items.message[order]
        )
