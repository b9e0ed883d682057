"""Small hydrozones, windows and weathers that tests of irrigation plan with."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.instants import noon
from engine.model import Asset
from jobs.irrigation.tables import load_tables
from jobs.irrigation.task import Behind, Foreseen, IrrigationTask, build_problem
from jobs.irrigation.windows import Watering, windows_of
from jobs.irrigation.zones import Zones, read_zones
from optimizers.soil.estimate import Belief

TABLES = load_tables(Path(__file__).parents[2] / "datasets" / "reference" / "irrigation.yaml")
DAY = date(2026, 7, 6)
EVENING = noon(DAY) + timedelta(hours=6)
DAYS = 5


def valve(name: str, parent: str = "N", **attributes: Any) -> Asset:
    stated = {"flow_m3_h": 3.0, "area_m2": 250.0, "method": "sprinkler", "planting": "turf", "soil": "loam"}
    return Asset(name, "IrrigationValve", "Z", -0.67, 47.40, parent, attributes={**stated, **attributes})


def zones_of(*valves: Asset, capacity_m3_h: float = 12.0, day: date = DAY) -> Zones:
    names = sorted({valve.parent or "" for valve in valves})
    attributes = {"capacity_m3_h": capacity_m3_h, "source": "drinking"}
    networks = [Asset(name, "IrrigationNetwork", "Z", -0.67, 47.40, attributes=attributes) for name in names]
    return read_zones(valves, networks, [], [], TABLES, day)


def points(zones: Zones, orders: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """A territory of which windows ask for the orders of each valve's point, and how long it may be open."""
    longest = SimpleNamespace(longest_on=timedelta(hours=4))
    found = {
        f"{valve}/opening": SimpleNamespace(orders=tuple((orders or {}).get(valve, ())), envelope=longest)
        for valve in zones.valves
    }
    return SimpleNamespace(points=found)


def watering(zones: Zones, at: datetime = EVENING, day: date = DAY, days: int = DAYS) -> Watering:
    return windows_of(zones, points(zones), noon(day), days, at, TABLES)


def believed(zones: Zones, share_of_taw: float | Sequence[float], sd_mm: float = 2.0) -> Belief:
    depletion = np.broadcast_to(np.asarray(share_of_taw, np.float64), (len(zones),)) * zones.root_zone.taw_mm
    return Belief(depletion, np.full(len(zones), sd_mm**2))


def weather(rain_mm: Sequence[Sequence[float]] = ((0.0,) * DAYS,), et0_mm: float = 4.7) -> Foreseen:
    """As many scenarios, alike likely, as there are rows of rain."""
    rain = np.array(rain_mm, np.float64)
    return Foreseen(np.full(len(rain), 1 / len(rain)), np.full(rain.shape, et0_mm), rain)


def task_of(
    zones: Zones, share_of_taw: float | Sequence[float] = 0.5, *, rain_mm: Sequence[Sequence[float]] = ((0.0,) * DAYS,),
    sd_mm: float = 2.0, at: datetime = EVENING, day: date = DAY, **more: Any,
) -> IrrigationTask:  # fmt: skip
    behind = Behind(noon(day), noon(day + timedelta(days=1)), at)
    return build_problem(
        zones, believed(zones, share_of_taw, sd_mm), weather(rain_mm), watering(zones, at, day), TABLES,
        **{"behind": behind, **more},
    )  # fmt: skip
