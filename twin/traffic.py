"""Hourly traffic that could be: counts of loops by road class, kind of day and hour in Paris."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.calendar import kind_of_day
from engine.instants import PARIS, to_us
from engine.model import Asset

_HOUR = timedelta(hours=1)
_VEHICLE_M = 6.5  # vehicle and loop together: what an occupied loop sees
_SPEED_KMH = {"main": 45.0, "collector": 38.0, "residential": 25.0, "path": 15.0}
_LEVEL = (0.65, 1.0)  # how busy one loop is beside another of its class

# Share of capacity in each hour of the day, local time. Ours, after the usual two-peak weekday and one-peak Sunday.
_WORKDAY = (2, 1, 1, 1, 2, 6, 20, 48, 62, 44, 38, 40, 46, 44, 42, 46, 58, 68, 60, 40, 24, 15, 9, 5)
_SATURDAY = (5, 3, 2, 2, 2, 4, 8, 16, 28, 40, 50, 54, 50, 44, 46, 50, 54, 52, 46, 34, 24, 18, 14, 9)
_SUNDAY = (8, 5, 4, 3, 3, 3, 5, 8, 14, 24, 34, 40, 36, 30, 34, 40, 44, 44, 38, 28, 18, 12, 7, 4)
_SHAPES = {
    "workday": np.array(_WORKDAY) / 100,
    "saturday": np.array(_SATURDAY) / 100,
    "sunday": np.array(_SUNDAY) / 100,
}


def made_counts(counters: Sequence[Asset], start_at: datetime, days: int, seed: int) -> pl.DataFrame:
    """Hourly counts of each loop over `days` times 24 hours from `start_at`, which begins an hour.

    Columns `asset`, `observed_at` (start of the hour, µs since 1970), `intensity` (vehicles an hour, whole, at most
    the loop's `capacity_veh_h`) and `occupancy` (fraction of time the loop is covered). Poisson around the shape of
    the kind of day, public holidays as Sundays. A loop's counts do not depend on which others are asked for.
    Raises ValueError for a start that is naive or inside an hour.
    """
    first_us = to_us(start_at)
    if first_us % (3600 * 10**6):
        raise ValueError(f"{start_at.isoformat()} is inside an hour; counts start on the hour")
    hours = [start_at + k * _HOUR for k in range(24 * days)]
    shape = _shape(hours)
    starts = first_us + np.arange(len(hours), dtype=np.int64) * (3600 * 10**6)
    frames = [_one(loop, starts, shape, seed) for loop in counters]
    schema = {"asset": pl.String, "observed_at": pl.Int64, "intensity": pl.Float64, "occupancy": pl.Float64}
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def _shape(hours: Sequence[datetime]) -> NDArray[np.float64]:
    local = [hour.astimezone(PARIS) for hour in hours]
    return np.array([_SHAPES[kind_of_day(hour.date())][hour.hour] for hour in local])


def _one(loop: Asset, starts: NDArray[np.int64], shape: NDArray[np.float64], seed: int) -> pl.DataFrame:
    random = np.random.Generator(np.random.PCG64([seed, *loop.id.encode()]))
    capacity, speed = float(loop.attributes["capacity_veh_h"]), _SPEED_KMH[str(loop.attributes["road_class"])]
    level = _LEVEL[0] + (_LEVEL[1] - _LEVEL[0]) * random.random()
    counts = np.minimum(random.poisson(shape * level * capacity), np.floor(capacity)).astype(np.float64)
    # Fundamental relation of traffic: density is flow over speed; occupancy is density times length.
    occupancy = np.minimum(counts / (1000 * speed) * _VEHICLE_M, 1.0)
    return pl.DataFrame({"observed_at": starts, "intensity": counts, "occupancy": occupancy}).select(
        pl.lit(loop.id).alias("asset"), "observed_at", "intensity", "occupancy"
    )
