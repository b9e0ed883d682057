"""Buildings of the CityLearn challenge of 2022, hour by hour: their data, their battery, what they are measured by.

The battery is that of the environment: what it can do falls as it fills, its efficiency depends on its power, and it
wears out. Cost and emissions are a building's: what it draws in an hour times price or carbon, nothing for what it
feeds in; both over those of the same building without a battery.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from optimizers.arrays import Bools, Floats, Ints

HOURS_A_DAY = 24
LOAD = ("non_shiftable_load", "Equipment Electric Power [kWh]")
SUN = ("solar_generation", "Solar Generation [W/kW]")


@dataclass(frozen=True, eq=False)
class Town:
    """B buildings, H hours. Energies in kWh an hour."""

    names: tuple[str, ...]
    load: Floats
    sun: Floats
    price: Floats
    carbon: Floats
    hour: Ints
    month: Ints
    day: Ints

    @property
    def net(self) -> Floats:
        return self.load - self.sun

    @property
    def weekend(self) -> Ints:
        return ((self.day >= 6) & (self.day <= 7)).astype(np.int64)

    def of(self, buildings: slice) -> "Town":
        return replace(self, names=self.names[buildings], load=self.load[buildings], sun=self.sun[buildings])

    def until(self, hours: int) -> "Town":
        cut = slice(hours)
        return Town(
            self.names, self.load[:, cut], self.sun[:, cut], self.price[cut], self.carbon[cut], self.hour[cut],
            self.month[cut], self.day[cut],
        )  # fmt: skip


def read(folder: Path, numbers: tuple[int, ...]) -> Town:
    """Buildings of a folder by their numbers, as `schema.json` sizes their roofs."""
    schema = json.loads((folder / "schema.json").read_text("utf-8"))["buildings"]
    names = tuple(f"Building_{number}" for number in numbers)
    tables = [_table(folder / f"{name}.csv") for name in names]
    roofs = [float(schema[name]["pv"]["attributes"]["nominal_power"]) for name in names]
    clock = tables[0]
    return Town(
        names,
        np.array([_column(table, *LOAD) for table in tables]),
        np.array([_column(table, *SUN) * roof / 1000.0 for table, roof in zip(tables, roofs, strict=True)]),
        _column(_table(folder / "pricing.csv"), "electricity_pricing", "Electricity Pricing [$]"),
        next(iter(_table(folder / "carbon_intensity.csv").values())),
        _column(clock, "hour", "Hour").astype(np.int64) % HOURS_A_DAY,
        _column(clock, "month", "Month").astype(np.int64),
        _column(clock, "day_type", "Day Type").astype(np.int64),
    )


def _table(path: Path) -> dict[str, Floats]:
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    return {name: np.array([float(row[i] or "nan") for row in rows]) for i, name in enumerate(head)}


def _column(table: dict[str, Floats], *names: str) -> Floats:
    return next(table[name] for name in names if name in table)


@dataclass(eq=False)
class Battery:
    """Of B buildings, empty at first: 6.4 kWh, 5 kW, 0.9 of what goes in comes out at the best power."""

    buildings: int
    stored: Floats = field(init=False)
    capacity: Floats = field(init=False)
    size: ClassVar[float] = 6.4
    power: ClassVar[float] = 5.0
    wear: ClassVar[float] = 1e-5
    efficiency: ClassVar = ([0.0, 0.3, 0.7, 0.8, 1.0], [0.83, 0.83, 0.9, 0.9, 0.85])  # round trip, by share of power
    falling: ClassVar = ([0.0, 0.8, 1.0], [1.0, 1.0, 0.2])  # share of its power that it can do, by how full it is

    def __post_init__(self) -> None:
        self.stored = np.zeros(self.buildings)
        self.capacity = np.full(self.buildings, self.size)

    def move(self, wanted: Floats) -> Floats:
        """Energy that goes in (above 0) or comes out in an hour, as far as it can."""
        most = self.power * np.interp(self.stored / self.size, *self.falling)
        asked = np.clip(wanted, -most, most)
        way = np.sqrt(np.interp(np.abs(asked) / self.power, *self.efficiency))
        then = np.where(asked >= 0, self.stored + asked * way, self.stored + asked / way)
        change = np.clip(then, 0.0, np.maximum(self.capacity, self.stored)) - self.stored
        moved: Floats = np.where(change >= 0, change / way, change * way)
        self.stored = self.stored + change
        self.capacity = self.capacity - self.wear * self.size * np.abs(moved) / (2 * self.capacity)
        return moved


Controller = Callable[[int, Floats], Floats]
"""Energy wanted of each battery (B,) in an hour, from the hour's index and what is stored (B,)."""


def driven(town: Town, controller: Controller) -> Floats:
    """(B, H) what buildings draw with their batteries."""
    battery = Battery(len(town.names))
    drawn = np.empty(town.net.shape)
    for t in range(len(town.price)):
        drawn[:, t] = town.net[:, t] + battery.move(controller(t, battery.stored))
    return drawn


@dataclass(frozen=True, eq=False)
class Measured:
    """(B,) each over that without batteries; of the town, `district_*`, ramping and daily peak."""

    cost: Floats
    emissions: Floats
    district_cost: float
    district_emissions: float
    ramping: float
    daily_peak: float


def measured(town: Town, drawn: Floats, counted: Bools) -> Measured:
    """In the hours that count (H,)."""
    both = [np.maximum(of, 0.0)[:, counted] for of in (drawn, town.net)]
    price, carbon = town.price[counted], town.carbon[counted]
    cost, emissions = (both[0] @ by / (both[1] @ by) for by in (price, carbon))
    whole = [np.maximum(of.sum(axis=0), 0.0)[counted] for of in (drawn, town.net)]
    ramps = [np.abs(np.diff(of.sum(axis=0)))[counted[1:]].sum() for of in (drawn, town.net)]
    peaks = [_daily_peak(of.sum(axis=0), counted) for of in (drawn, town.net)]
    return Measured(
        cost, emissions, float(whole[0] @ price / (whole[1] @ price)), float(whole[0] @ carbon / (whole[1] @ carbon)),
        float(ramps[0] / ramps[1]), peaks[0] / peaks[1],
    )  # fmt: skip


def _daily_peak(drawn: Floats, counted: Bools) -> float:
    whole = len(drawn) // HOURS_A_DAY * HOURS_A_DAY
    days = drawn[:whole].reshape(whole // HOURS_A_DAY, HOURS_A_DAY)
    return float(days.max(axis=1)[counted[:whole].reshape(days.shape).any(axis=1)].mean())
