"""Hourly traffic counts: files with the columns arc, time, flow_veh_h, occupancy_pct."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from engine.telemetry.files import read_table
from engine.telemetry.raw import complete, empty

_COLUMNS = ("arc", "time", "flow_veh_h", "occupancy_pct")
_MEASURES = (("flow_veh_h", "intensity", "/h"), ("occupancy_pct", "occupancy", "%"))


def read_counts(path: Path, assets: Mapping[str, str]) -> pl.DataFrame:
    """Two RAW rows a line, intensity per hour and occupancy in percent, of the loop that `assets` names for the arc.

    An arc it does not name keeps its own name, and is refused as unknown unless the inventory has it. An empty cell is
    no reading. Raises InputError for a file that cannot be read or has other columns.
    """
    return pl.concat([empty(), *(_readings(table, assets) for table in read_table(path, _COLUMNS))])


def _readings(table: pl.DataFrame, assets: Mapping[str, str]) -> pl.DataFrame:
    named = table.with_columns(pl.col("arc").replace(dict(assets)))
    measures = [
        named.filter(pl.col(column) != "").select(
            pl.col("arc").alias("asset"),
            pl.lit(name).alias("property"),
            pl.col(column).cast(pl.Float64, strict=False).alias("number"),
            pl.col(column).alias("text"),
            pl.lit(unit).alias("unit"),
            pl.col("time").alias("observed_at"),
            "line",
        )
        for column, name, unit in _MEASURES
    ]
    broken = table.filter(pl.col("fault").is_not_null()).select("line", "fault")
    rows = [complete(frame) for frame in (*measures, broken)]
    return pl.concat(rows).sort("line", maintain_order=True)
