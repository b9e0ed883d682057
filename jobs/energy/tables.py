"""`datasets/reference/energy.yaml`: comfort by use, heat, hot water, batteries, vehicles, and how they are planned."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.catalogue import Duration
from engine.documents import read_document
from engine.setpoints.dated import Hours, Weekday, parse_hours, weekdays
from engine.settings import Settings
from jobs.energy.contract_entries import SourceEntry
from optimizers.arrays import Floats

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Celsius = Annotated[float, Field(ge=-40, le=90)]
Months = Annotated[tuple[Celsius, ...], Field(min_length=12, max_length=12)]
_MONTH_H = 730.0


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PlanEntry(_Entry):
    """Length and number of slots; how old a reading of now may be."""

    slot: Duration
    slots: int = Field(ge=4, le=400)
    stale_after: Duration

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not timedelta(minutes=1) <= self.slot <= timedelta(hours=1) or timedelta(hours=1) % self.slot:
            raise ValueError(f"slot {self.slot} wants to go into an hour")
        return self

    @property
    def horizon(self) -> timedelta:
        return self.slot * self.slots


class Comfort(_Entry):
    """Temperatures of a use, and when people are in: see the head of the file."""

    present: Celsius
    absent: Celsius
    closed: Celsius
    high: Celsius
    days: frozenset[Weekday]
    hours: Annotated[Hours, BeforeValidator(parse_hours)]
    school_holidays: Literal["open", "closed"] = "open"

    @property
    def open_h(self) -> float:
        """Hours by the clock of a day that people come; from an hour to the same it is a whole day."""
        begins, ends = ((at.hour * 60 + at.minute) / 60.0 for at in self.hours)
        return (ends - begins) % 24.0 or 24.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.closed <= self.absent <= self.present < self.high:
            raise ValueError("wants closed ≤ absent ≤ present < high")
        return self

    @property
    def weekdays(self) -> frozenset[int]:
        return weekdays(self.days)


class BuildingEntry(_Entry):
    """Of each m² of floor."""

    loss_w_k_m2: Positive
    capacity_wh_k_m2: Positive
    heat_w_m2: Positive


class GainsEntry(_Entry):
    present_w_m2: NotNegative
    absent_w_m2: NotNegative


class HeatEntry(_Entry):
    """Heat of a unit bought, by outdoor temperature where it depends on that; what a kWh of fuel costs and emits."""

    electric: bool = False
    at_c: tuple[Celsius, ...] = ()
    cop: tuple[Annotated[float, Field(gt=0, le=20)], ...] = Field(min_length=1)
    fuel_eur_kwh: NotNegative = 0.0
    fuel_g_kwh: NotNegative = 0.0

    @model_validator(mode="after")
    def _curve(self) -> Self:
        if len(self.cop) != max(len(self.at_c), 1) or list(self.at_c) != sorted(set(self.at_c)):
            raise ValueError("wants one cop for each of at_c, which rise; or one cop and no at_c")
        return self

    def cop_at(self, outdoor_c: Floats) -> Floats:
        """Of each temperature; beyond the curve its ends."""
        if not self.at_c:
            return np.full(np.shape(outdoor_c), self.cop[0])
        found: Floats = np.interp(outdoor_c, self.at_c, self.cop)
        return found


class WaterEntry(_Entry):
    """°C of tanks, and what is drawn in a day for each m² of floor; `play_k` as the head of the entry has it."""

    hot: Celsius
    hot_every: Duration
    present: Celsius
    least: Celsius
    most: Celsius
    around_c: Celsius
    cold_c: Celsius
    play_k: Annotated[float, Field(ge=0, le=15)]
    drawn_l_m2_day: Mapping[str, NotNegative]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.cold_c < self.least <= self.present <= self.hot < self.most:
            raise ValueError("wants cold_c < least ≤ present ≤ hot < most")
        return self


class BatteryEntry(_Entry):
    wear_eur_kwh: NotNegative
    loss_month: Annotated[float, Field(ge=0, lt=1)]

    @property
    def loss_h(self) -> float:
        """Fraction lost in an hour."""
        return float(1 - (1 - self.loss_month) ** (1 / _MONTH_H))


class VehicleEntry(_Entry):
    efficiency: Annotated[float, Field(gt=0, le=1)]
    wants_wh: Positive
    leaves_in: Duration


class UsualEntry(_Entry):
    """What stands in where nothing is learned or foreseen."""

    present_w_m2: NotNegative
    night_w_m2: NotNegative
    margin: Share
    outdoor_low_c: Months
    outdoor_high_c: Months


class ForeseeEntry(_Entry):
    """How long ago is learnt from, of how many like days at least; what sources of forecasts.yaml tell."""

    days: int = Field(ge=7, le=70)
    least_days: int = Field(ge=1, le=10)
    temperature: SourceEntry | None = None
    radiation: SourceEntry | None = None


class RegretEntry(_Entry):
    """When plans of a building's batteries are dropped: see the file."""

    most_eur: Positive
    most_share: Share
    back_eur: NotNegative
    weeks: int = Field(ge=1, le=12)


class FeederEntry(_Entry):
    """A limit that buildings share."""

    import_limit_w: Positive
    firm: bool = False
    over_eur_kwh: NotNegative = 0.0

    @model_validator(mode="after")
    def _binds(self) -> Self:
        if not self.firm and not self.over_eur_kwh:
            raise ValueError("wants firm: true, or an over_eur_kwh above 0: else it binds nobody")
        return self


class EnergyTables(_Entry):
    """How buildings are planned; the file says the meaning and the source of each entry."""

    plan: PlanEntry
    comfort: Mapping[str, Comfort]
    default_use: str
    closed_after: Duration
    frost_c: Celsius
    building: BuildingEntry
    gains: GainsEntry
    heat: Mapping[str, HeatEntry]
    water: WaterEntry
    battery: BatteryEntry
    vehicle: VehicleEntry
    usual: UsualEntry
    foresee: ForeseeEntry
    regret: RegretEntry
    feeders: Mapping[str, FeederEntry] = {}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.default_use not in self.comfort:
            raise ValueError(f"wants comfort.{self.default_use}: it is default_use")
        if cold := [use for use, entry in self.comfort.items() if entry.closed <= self.frost_c]:
            raise ValueError(f"frost_c {self.frost_c:g} wants to be below comfort.{cold[0]}.closed")
        return self

    def of_use(self, use: str) -> Comfort:
        """Of a use that the file does not know, that of `default_use`."""
        return self.comfort.get(use, self.comfort[self.default_use])


def load_tables(path: Path) -> EnergyTables:
    """Read and check the tables. Raises InputError with every problem and its place."""
    return read_document(path).validate(EnergyTables)


def tables_of(settings: Settings) -> EnergyTables:
    """Those of the reference data that the settings name."""
    return load_tables(settings.datasets_dir / "reference" / "energy.yaml")
