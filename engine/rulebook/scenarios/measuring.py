"""The series of a scenario as what an engine takes: readings in order of arrival, and the clock between them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

import polars as pl

from engine.catalogue import AssetType, Property
from engine.documents import Loc
from engine.instants import to_us
from engine.rulebook.naming import nearest
from engine.rulebook.scenarios.definitions import Rhythm, ScenarioEntry
from engine.rulebook.scenarios.notation import Sample, parse_series
from engine.rulebook.scenarios.story import READINGS, Turn
from engine.rulebook.scenarios.telling import Told

_PLANNED = "planned("


class _Row(NamedTuple):
    """A reading. In this order they arrive: on time before late, then as their assets first stand in the series."""

    arrives: datetime
    late: bool
    asset_no: int
    observed_at: datetime
    series_no: int
    asset: str
    property: str
    value: float


def turns(entry: ScenarioEntry, told: Told, cuts: Collection[datetime]) -> tuple[Turn, ...]:
    """The first turn only starts the clock. The clock is moved on before a late reading comes, and at each cut."""
    order: dict[str, int] = {}
    rows = sorted(row for number, key in enumerate(entry.series) for row in _series(entry, key, number, told, order))
    rows = [row for row in rows if row.arrives <= told.until]
    stops = sorted({*cuts, told.until, *(row.arrives for row in rows if row.late)})
    found = [Turn(told.start, _frame([]))]
    for stop, group in _between(rows, stops):
        late = [row for row in group if row.late and row.arrives == stop]
        found.append(Turn(stop, _frame(group[: len(group) - len(late)])))
        found += [Turn(stop, _frame(late))] if late else []
    return tuple(found)


def _between(rows: list[_Row], stops: list[datetime]) -> Iterator[tuple[datetime, list[_Row]]]:
    """What arrives up to each stop, after the one before. A late reading arrives at a stop."""
    rest = iter([*rows, None])
    row = next(rest)
    for stop in stops:
        group: list[_Row] = []
        while row is not None and row.arrives <= stop:
            group.append(row)
            row = next(rest)
        yield stop, group


def _frame(rows: list[_Row]) -> pl.DataFrame:
    columns = {
        "asset": [row.asset for row in rows],
        "property": [row.property for row in rows],
        "observed_at": [to_us(row.observed_at) for row in rows],
        "value": [row.value for row in rows],
    }
    return pl.DataFrame(columns, schema=READINGS)


def _series(entry: ScenarioEntry, key: str, number: int, told: Told, order: dict[str, int]) -> Iterator[_Row]:
    loc: Loc = ("series", key)
    name, _, unit = key.partition(" ")
    asset, _, prop = name.rpartition(".")
    found = told.type_of(loc, asset)
    rhythm = _rhythm(entry.series[key])
    every = rhythm.every or entry.every
    since = told.at((*loc, "from"), rhythm.since)
    samples = told.complaints.read(loc, parse_series, rhythm.values)
    gauge = _gauge(found, prop, unit.strip(), told, loc) if found else None
    if every is None:
        told.complaints.add(loc, "it is not said how far apart the values are", "add every: 5min", "shape")
    if every is None or since is None or samples is None or gauge is None:
        return
    place = order.setdefault(asset, len(order))
    for sample in samples:
        value = gauge.read(sample)
        if value is None:
            return
        at = since + sample.place * every
        yield _Row(at + sample.late, sample.late > timedelta(0), place, at, number, asset, prop, value)


def _rhythm(given: str | Rhythm) -> Rhythm:
    return given if isinstance(given, Rhythm) else Rhythm(values=given)


@dataclass(frozen=True)
class _Gauge:
    """Turns the written values of one series into stored ones; complains of the first that cannot be."""

    name: str
    kind: Property
    unit: str
    told: Told
    loc: Loc

    @property
    def words(self) -> tuple[str, ...]:
        return self.kind.choices or (("false", "true") if self.kind.kind == "switch" else ())

    def read(self, sample: Sample) -> float | None:
        if self.words or isinstance(sample.value, str):
            return self._word(str(sample.value))
        value = self.told.in_unit(self.loc, Fraction(sample.value), self.unit, self.kind.unit)
        low, high = self.kind.bounds
        if value is not None and not low <= value <= high:
            what = f"{sample.value} {self.unit}".strip() + " is out of range"
            self.told.complaints.add(self.loc, what, f"{low:g} to {high:g} {self.kind.unit}", "range")
            return None
        return value

    def _word(self, text: str) -> float | None:
        if text in self.words:
            return float(self.words.index(text))
        hint = nearest(text, self.words) if self.words else "a number"
        self.told.complaints.add(self.loc, f"{text!r} is not a value of {self.name}", hint, "name")
        return None


def _gauge(found: AssetType, name: str, unit: str, told: Told, loc: Loc) -> _Gauge | None:
    kind = _property(found, name)
    if kind is None:
        told.complaints.add(loc, f"{name!r} is not a property here", nearest(name, found.properties), "name")
        return None
    gauge = _Gauge(name, kind, unit, told, loc)
    if gauge.words and unit:
        told.complaints.add(loc, f"{name} has no unit", f"leave {unit} out", "unit")
        return None
    return gauge


def _property(found: AssetType, name: str) -> Property | None:
    """A property, or what an optimiser planned for a point as one."""
    point = found.points.get(name.removeprefix(_PLANNED).removesuffix(")")) if name.startswith(_PLANNED) else None
    if point is None:
        return found.properties.get(name)
    return Property(unit=point.unit, range=(point.minimum, point.maximum), stale_after=timedelta.max)
