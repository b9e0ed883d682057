"""Columns as they stand in a file → one checked table of values in slots. Anything wrong refuses the whole issue."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.documents import shown
from engine.errors import InputError, Problem
from engine.forecasts.sources import Source, Variable
from engine.forecasts.tables import Parsed, Table
from engine.forecasts.times import Times, Unreadable
from engine.instants import from_us, in_us, isoformat, to_us
from engine.rulebook.naming import listed

MOST_TOLD = 50
MOST_VALUES = 5_000_000
FURTHEST = timedelta(days=400)
"""How far from its issue a value may lie: further off, a year is wrong."""
_KEY = ["variable", "place", "valid_at", "quantile"]
_SCHEMA: dict[str, Any] = {
    "variable": pl.String, "place": pl.String, "valid_at": pl.Int64, "until": pl.Int64, "quantile": pl.Float64,
    "value": pl.Float64, "row": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Issue:
    """One issue as it was read: `values` as `engine.store.forecasts.VALUES` has them, in units of the source."""

    issued_at: datetime
    values: pl.DataFrame


@dataclass
class _Findings:
    """Problems as they are found; after MOST_TOLD they are only counted."""

    told: list[Problem] = field(default_factory=list)
    more: int = 0

    def add(self, problem: Problem) -> None:
        if len(self.told) < MOST_TOLD:
            self.told.append(problem)
        else:
            self.more += 1

    def settle(self, name: str) -> None:
        """Raises InputError if there are any."""
        if self.more:
            self.told.append(Problem(name, 0, 0, f"has {self.more} more problems", "mend those told first"))
        if self.told:
            raise InputError(self.told)


def read_issue(source: Source, parsed: Parsed, name: str, received_at: datetime, skew: timedelta) -> Issue:
    """Check and convert what a file holds. Raises InputError with what is wrong, at its place in the file.

    `skew`: how far ahead of `received_at` the clock of the source may be.
    """
    times, found = Times(source.time_zone, source.time_format), _Findings()
    issued_at = _issued(source, parsed.issued, times, name, received_at, skew, found)
    tables = [_Rows(source, table, times, found).frame() for table in parsed.tables]
    found.settle(name)
    frames = [_slotted(source, frame, table, found) for frame, table in zip(tables, parsed.tables, strict=True)]
    found.settle(name)
    # Of two tables the first one speaks where both do.
    values = pl.concat(frames).unique(_KEY, keep="first", maintain_order=True).sort(_KEY)
    for problem in _flaws(source, values, issued_at, name):
        found.add(problem)
    found.settle(name)
    return Issue(issued_at, values)


def _issued(
    source: Source, raw: Any, times: Times, name: str, received_at: datetime, skew: timedelta, found: _Findings
) -> datetime:
    if raw is None and source.issued_at == "receipt":
        return received_at
    try:
        at = from_us(times.one(raw))
    except Unreadable as error:
        found.add(Problem(f"{name} {source.issued_at}", 0, 0, str(error), "see time_zone and time_format"))
        return received_at
    if at > received_at + skew:
        what = f"says it was issued at {isoformat(at)}, after it was received at {isoformat(received_at)}"
        found.add(Problem(f"{name} {source.issued_at}", 0, 0, what, "see whether clocks and time zone are right"))
    return at


class _Rows:
    """Reads the rows of one table."""

    def __init__(self, source: Source, table: Table, times: Times, found: _Findings) -> None:
        self._source, self._table, self._times, self._found = source, table, times, found
        self._codes = {variable.code or name: name for name, variable in source.variables.items()}
        units = {name: (*variable.conversion, *variable.range) for name, variable in source.variables.items()}
        self._units = [{name: parts[part] for name, parts in units.items()} for part in range(5)]

    def frame(self) -> pl.DataFrame:
        """_SCHEMA: one line a value; what the source does not want, and what is null, is left out."""
        places = self._places()
        variables = self._variables()
        quantiles = self._quantiles()
        wanted = [row for row in range(self._table.rows) if places[row] is not None and variables[row] is not None]
        base = self._base(wanted, places, variables, quantiles)
        pieces = [self._piece(base, told, name, values) for told, name, values in self._series()]
        pieces += [self._of_members(base, name, rows) for name, rows in self._table.members.items()]
        return pl.concat([pl.DataFrame(schema=_SCHEMA), *pieces])

    def _base(
        self, wanted: Sequence[int], places: Sequence[Any], variables: Sequence[Any], quantiles: Sequence[Any]
    ) -> pl.DataFrame:
        """The rows with a time, and what they say beside values."""
        raws = [self._table.columns["valid_at"][row] for row in wanted]
        keys = [(places[row], variables[row], quantiles[row]) for row in wanted]
        starts: list[int | None] = []
        for row, at in zip(wanted, self._times.series(raws, keys), strict=True):
            starts.append(None if isinstance(at, Unreadable) else at)
            if isinstance(at, Unreadable):
                self._wrong("valid_at", row, str(at), "see time_zone and time_format")
        columns = {
            "row": wanted,
            "valid_at": starts,
            "until": [self._until(row, start) for row, start in zip(wanted, starts, strict=True)],
            "place": [places[row] for row in wanted],
            "variable": [variables[row] for row in wanted],
            "quantile": [quantiles[row] for row in wanted],
        }
        return pl.DataFrame(columns, schema={name: _SCHEMA[name] for name in columns})

    def _until(self, row: int, start: int | None) -> int | None:
        raws = self._table.columns.get("until")
        if raws is None or start is None:
            return None
        try:
            until = self._times.after(raws[row], start)
        except Unreadable as error:
            self._wrong("until", row, str(error), "see time_zone and time_format")
            return None
        if until <= start:
            self._wrong("until", row, f"{shown(raws[row])} is not after its beginning", "see which column is which")
        return until

    def _places(self) -> Sequence[str | None]:
        raws = self._table.columns.get("place")
        if raws is None:
            return [self._source.place] * self._table.rows
        if self._source.places:
            return [self._source.places.get(str(raw)) for raw in raws]
        return [str(raw) for raw in raws]

    def _variables(self) -> Sequence[str | None]:
        raws = self._table.columns.get("variable")
        if raws is not None:
            return [self._codes.get(str(raw)) for raw in raws]
        return [next(iter(self._source.variables))] * self._table.rows

    def _quantiles(self) -> Sequence[float | None]:
        raws = self._table.columns.get("quantile")
        if raws is None:
            return [None] * self._table.rows
        found = [self._number("quantile", row, raw) for row, raw in enumerate(raws)]
        for row, quantile in enumerate(found):
            if quantile is not None and not 0 < quantile < 1:
                self._wrong("quantile", row, f"{quantile:g} is no quantile", "wants a share, as 0.9")
        return found

    def _series(self) -> Iterator[tuple[str, str | None, Sequence[Any]]]:
        """Column, the variable it is of (None: each row says so), its values."""
        for told, values in self._table.columns.items():
            if told == "value":
                yield told, None, values
            elif told.startswith("values."):
                yield told, told.removeprefix("values."), values

    def _piece(self, base: pl.DataFrame, told: str, name: str | None, raws: Sequence[Any]) -> pl.DataFrame:
        """The values of one column in their units."""
        numbers = [self._number(told, row, raws[row]) for row in base["row"].to_list()]
        frame = base.with_columns(pl.Series("value", numbers, pl.Float64))
        if name is not None:
            frame = frame.with_columns(pl.lit(name).alias("variable"))
        frame = frame.drop_nulls("value")
        numerator, denominator, offset, low, high = (
            pl.col("variable").replace_strict(self._units[part], return_dtype=pl.Float64) for part in range(5)
        )
        frame = frame.with_columns(value=pl.col("value") * numerator / denominator + offset)
        outside = frame.filter((pl.col("value") < low) | (pl.col("value") > high))
        for row, variable, value in outside.select("row", "variable", "value").iter_rows():
            self._outside(told, row, value, self._source.variables[variable])
        return frame.select(list(_SCHEMA)).drop_nulls("valid_at")

    def _of_members(self, base: pl.DataFrame, name: str, members: Sequence[Sequence[Any]]) -> pl.DataFrame:
        """The quantiles of the members of each row: the least member that so many do not exceed."""
        kept, values = self._complete(f"members.{name}", base["row"].to_list(), members)
        if not kept:
            return pl.DataFrame(schema=_SCHEMA)
        numerator, denominator, offset, low, high = (self._units[part][name] for part in range(5))
        values = values * numerator / denominator + offset
        of_rows = base[kept].with_columns(pl.lit(name).alias("variable"))
        worst = np.where(values.min(axis=1) < low, values.min(axis=1), values.max(axis=1))
        for place in np.flatnonzero((worst < low) | (worst > high)):
            self._outside(f"members.{name}", of_rows["row"][int(place)], worst[place], self._source.variables[name])
        found_at = np.quantile(values, self._source.quantiles, axis=1, method="inverted_cdf")
        return pl.concat(
            of_rows.with_columns(pl.lit(quantile).alias("quantile"), pl.Series("value", of_one)).select(list(_SCHEMA))
            for quantile, of_one in zip(self._source.quantiles, found_at, strict=True)
        ).drop_nulls("valid_at")

    def _complete(
        self, told: str, rows: Sequence[int], members: Sequence[Sequence[Any]]
    ) -> tuple[list[int], npt.NDArray[np.float64]]:
        """The places among `rows` of those that have every member, and their members; those with none are left out."""
        kept, numbers = [], []
        for place, row in enumerate(rows):
            found = [self._number(told, row, raw) for raw in members[row]]
            known = [number for number in found if number is not None]
            if len(known) not in {0, len(found)}:
                self._wrong(told, row, f"has {len(known)} of {len(found)} members", "ask for one model alone")
            elif known:
                kept.append(place)
                numbers.append(known)
        return kept, np.array(numbers)

    def _outside(self, told: str, row: int, value: float, variable: Variable) -> None:
        low, high = variable.range
        what = f"{value:g} {variable.unit} is outside {low:g} to {high:g} {variable.unit}"
        self._wrong(told, row, what, "see unit_in and range, or leave this issue out")

    def _number(self, told: str, row: int, raw: Any) -> float | None:
        """A finite number; None for null and for an empty field."""
        if raw is None or raw == "":
            return None
        if isinstance(raw, str):
            try:
                raw = float(raw.replace(",", ".", 1) if self._source.decimal == "," else raw)
            except ValueError:
                raw = None
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
            given = self._given(told, row)
            self._wrong(told, row, f"{shown(given)} is no finite number", "an absent value is null or an empty field")
            return None
        return float(raw)

    def _given(self, told: str, row: int) -> Any:
        kind, _, name = told.partition(".")
        return self._table.members[name][row] if kind == "members" else self._table.columns[told][row]

    def _wrong(self, told: str, row: int, what: str, hint: str) -> None:
        self._found.add(self._table.problem(told, row, what, hint))


def _slotted(source: Source, frame: pl.DataFrame, table: Table, found: _Findings) -> pl.DataFrame:
    """Periods cut into slots, times of ends made times of beginnings, doubles told or settled."""
    step = in_us(source.step)
    highest = source.overlap == "highest"
    start = pl.col("valid_at")
    until = pl.col("until").fill_null(start + in_us(table.reading.lasts or source.step))
    if highest:  # every slot that a period touches
        start, until = start // step * step, -(-until // step) * step
    frame = frame.with_columns(valid_at=start, until=until)
    _off_grid(frame, step, table, found)
    if (frame["until"] - frame["valid_at"]).sum() // step > MOST_VALUES:
        found.add(Problem(table.locate("valid_at", 0)[0], 0, 0, f"has more than {MOST_VALUES} slots", "see step"))
        return frame.head(0).select([*_KEY, "value"])
    frame = frame.with_columns(valid_at=pl.int_ranges("valid_at", "until", step)).explode("valid_at")
    at_end = [name for name, variable in source.variables.items() if variable.stamp == "end"]
    frame = frame.with_columns(valid_at=pl.col("valid_at") - pl.col("variable").is_in(at_end).cast(pl.Int64) * step)
    if highest:
        return frame.group_by(_KEY).agg(pl.col("value").max())
    doubles = frame.filter(frame.select(_KEY).is_duplicated()).unique(_KEY, keep="last", maintain_order=True)
    for row, variable, at in doubles.select("row", "variable", "valid_at").head(MOST_TOLD + 1).iter_rows():
        what = f"the slot {isoformat(from_us(at))} of {variable} stands twice"
        found.add(table.problem("valid_at", row, what, "keep one, or say overlap: highest"))
    return frame.select([*_KEY, "value"])


def _off_grid(frame: pl.DataFrame, step: int, table: Table, found: _Findings) -> None:
    off = frame.filter((pl.col("valid_at") % step != 0) | (pl.col("until") % step != 0))
    for row, at in off.select("row", "valid_at").unique("row", maintain_order=True).head(MOST_TOLD + 1).iter_rows():
        what = f"the period from {isoformat(from_us(at))} does not fit into slots of {step // 60_000_000} min"
        found.add(table.problem("valid_at", row, what, "see step, or say overlap: highest"))


def _flaws(source: Source, values: pl.DataFrame, issued_at: datetime, name: str) -> Iterator[Problem]:
    """What is wrong with a table of values as a whole."""
    if values.is_empty():
        yield Problem(name, 0, 0, "holds no value that is wanted", "see variables and places")
        return
    yield from _absent(source, values, name)
    first, last = (int(found) for found in (values["valid_at"].min(), values["valid_at"].max()))  # type: ignore[arg-type] # not empty
    if max(to_us(issued_at) - first, last - to_us(issued_at)) > in_us(FURTHEST):
        span = f"{isoformat(from_us(first))} to {isoformat(from_us(last))}"
        what = f"speaks of {span}, more than {FURTHEST.days} days from its issue"
        yield Problem(name, 0, 0, what, "see whether the year is right")
    yield from _short(source, values, issued_at, name)
    yield from _crossing(values, name)


def _absent(source: Source, values: pl.DataFrame, name: str) -> Iterator[Problem]:
    for key, wanted in (("variable", source.variables), ("place", dict.fromkeys(source.places.values()))):
        missing = [one for one in wanted if one not in set(values[key].unique())]
        if missing:
            hint = "ask the source for it, or take it out of the file of sources"
            yield Problem(name, 0, 0, f"holds nothing of the {key} {listed(missing)}", hint)


def _short(source: Source, values: pl.DataFrame, issued_at: datetime, name: str) -> Iterator[Problem]:
    """Series with a gap, or that end before the horizon is reached."""
    step, wanted = in_us(source.step), to_us(issued_at + source.horizon)
    series = values.group_by("variable", "place", "quantile", maintain_order=True).agg("valid_at")
    for variable, place, quantile, slots in series.iter_rows():
        told = f"{variable} at {place}" + ("" if quantile is None else f", quantile {quantile:g}")
        if slots[-1] - slots[0] != (len(slots) - 1) * step:
            at = next(one for one, after in pairwise(slots) if after - one != step) + step
            what = f"{told}: the slot {isoformat(from_us(at))} is missing"
            yield Problem(name, 0, 0, what, "ask the source for whole data")
        if slots[-1] + step < wanted:
            what = f"{told}: ends at {isoformat(from_us(slots[-1] + step))}, before {isoformat(from_us(wanted))}"
            yield Problem(name, 0, 0, what, "ask for a longer span, or see horizon")


def _crossing(values: pl.DataFrame, name: str) -> Iterator[Problem]:
    told = values.drop_nulls("quantile").sort(_KEY)
    key = ["variable", "place", "valid_at"]
    crossed = told.filter((pl.col("value").diff() < 0).over(key))
    for variable, place, at in crossed.select(key).head(3).iter_rows():
        what = f"{variable} at {place}: quantiles cross at {isoformat(from_us(at))}"
        yield Problem(name, 0, 0, what, "see which quantile is which")
