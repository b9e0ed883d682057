"""What cabinets measured: the energy between two noons by the meter of each."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from engine.instants import to_us
from engine.store import Unit
from optimizers.arrays import Floats

_LOOK_BACK = timedelta(hours=2)
"""A meter's newest reading at noon may be this old: by day lamps draw their stand-by, and no more."""


def at_instant(unit: Unit, series: Collection[int], at: datetime) -> dict[int, float]:
    """The reading of each meter at an instant, in kWh: the newest of the two hours before; without those of none."""
    start = to_us(at - _LOOK_BACK)
    found = unit.readings.history(sorted(series), start, to_us(at) + 1)
    newest = found.group_by("series", maintain_order=True).last()
    return dict(newest.select("series", "value").iter_rows())


def consumed_kwh(
    unit: Unit, series: Collection[int], start: datetime, until: datetime
) -> dict[int, float]:  # fmt: skip
    """Series of a meter → kWh from one instant to another; without the meters that were silent at either end.

    A meter that stands lower at the end was replaced or reset in between: its steps are added up, a fall counting as
    what the new one shows.
    """
    before, after = at_instant(unit, series, start), at_instant(unit, series, until)
    both = [number for number in before if number in after]
    fallen = {number for number in both if after[number] < before[number]}
    steps = _added_up(unit.readings.history(sorted(fallen), to_us(start - _LOOK_BACK), to_us(until) + 1), before)
    return {number: steps[number] if number in fallen else after[number] - before[number] for number in both}


def _added_up(readings: pl.DataFrame, before: Mapping[int, float]) -> dict[int, float]:
    found: dict[int, float] = {}
    for rows in readings.partition_by("series", maintain_order=True):
        number, values = int(rows["series"][0]), rows["value"].to_numpy()
        first = int(np.flatnonzero(values == before[number])[0])
        found[number] = _climbed(values[first:])
    return found


def _climbed(values: Floats) -> float:
    steps = np.diff(values)
    return float(np.where(steps < 0, values[1:], steps).sum())
