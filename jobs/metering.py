"""What meters measured: what a counter has gained between two instants."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from engine.instants import to_us
from engine.store import Unit
from optimizers.arrays import Floats

LOOK_BACK = timedelta(hours=2)
"""A meter's newest reading may be this old where little is drawn, as by lamps and valves at noon."""


def at_instant(
    unit: Unit, series: Collection[int], at: datetime, look_back: timedelta = LOOK_BACK
) -> dict[int, float]:  # fmt: skip
    """The reading of each meter at an instant: the newest of the time before; without those of none."""
    start = to_us(at - look_back)
    found = unit.readings.history(sorted(series), start, to_us(at) + 1)
    newest = found.group_by("series", maintain_order=True).last()
    return dict(newest.select("series", "value").iter_rows())


def consumed(
    unit: Unit, series: Collection[int], start: datetime, until: datetime, look_back: timedelta = LOOK_BACK
) -> dict[int, float]:  # fmt: skip
    """Series of a meter → what it gained from one instant to another; without meters that were silent at either end.

    A meter that stands lower at the end was replaced or reset in between: its steps are added up, a fall counting as
    what the new one shows.
    """
    before, after = (at_instant(unit, series, at, look_back) for at in (start, until))
    both = [number for number in before if number in after]
    fallen = {number for number in both if after[number] < before[number]}
    steps = _added_up(unit.readings.history(sorted(fallen), to_us(start - look_back), to_us(until) + 1), before)
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
