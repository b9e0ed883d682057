"""`datasets/reference/lighting.yaml`: classes, weights, and how a night is planned."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.catalogue import Duration
from engine.documents import read_document
from engine.errors import InputError
from engine.settings import Settings
from jobs.lighting.budget_entries import BudgetEntry, wrong_budgets
from optimizers.lighting import PowerCurve
from optimizers.lighting_classes import ClassSystem, TrafficBands, thousandths

Family = Literal["M", "C", "P"]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SpeedBand(_Entry):
    """Holds up to and with, or below, a speed; the last band of a list has no end."""

    option: str
    up_to_kmh: float | None = None
    below_kmh: float | None = None

    def holds(self, speed_kmh: float) -> bool:
        if self.up_to_kmh is not None:
            return speed_kmh <= self.up_to_kmh
        return self.below_kmh is None or speed_kmh < self.below_kmh


class Speed(_Entry):
    """The parameter that speed decides, and by which bands, slowest first."""

    parameter: str
    bands: list[SpeedBand] = Field(min_length=1)

    @model_validator(mode="after")
    def _open_at_the_end(self) -> Self:
        if not self.bands[-1].holds(float("inf")):
            raise ValueError("the last band wants neither up_to_kmh nor below_kmh: every speed needs an option")
        return self

    def option(self, speed_kmh: float) -> str:
        return next(band.option for band in self.bands if band.holds(speed_kmh))


class Bands(_Entry):
    """Weight of traffic by its share of the road's capacity."""

    busy_above: Fraction
    quiet_below: Fraction
    busy: Decimal
    normal: Decimal
    quiet: Decimal

    @cached_property
    def bands(self) -> TrafficBands:
        return TrafficBands(self.busy_above, self.quiet_below, self.busy, self.normal, self.quiet)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        _ = self.bands
        return self


class Traffic(_Entry):
    two_lane: Bands
    multilane: Bands


class System(_Entry):
    """One family of classes: levels required, weights, and what is assumed where lamps say nothing.

    `quality` is what else each class requires, a value a class. Dimming all lamps of a field alike changes none of it
    but `e_min_lx`, which falls with the level.
    """

    unit: Literal["cd/m2", "lx"]
    first: int = Field(ge=0, le=1)
    levels: list[Annotated[float, Field(gt=0)]] = Field(min_length=1)
    quality: Mapping[str, list[Annotated[float, Field(gt=0)]]]
    speed: Speed
    weights: Mapping[str, Mapping[str, Decimal]]
    assumed: Mapping[str, str]
    traffic: Traffic

    @model_validator(mode="after")
    def _options_have_weights(self) -> Self:
        wanted = [(self.speed.parameter, band.option) for band in self.speed.bands] + list(self.assumed.items())
        lost = [f"{p}: {o}" for p, o in wanted if o not in self.weights.get(p, {})]
        if lost:
            raise ValueError(f"no weight for {', '.join(lost)}")
        if uneven := [name for name, values in self.quality.items() if len(values) != len(self.levels)]:
            raise ValueError(f"quality {', '.join(uneven)}: wants {len(self.levels)} values, one a class")
        for options in self.weights.values():
            for weight in options.values():
                thousandths(weight)
        return self


class Site(_Entry):
    """Where the sun is looked up, degrees WGS 84."""

    lat: float = Field(ge=-66, le=66, description="beyond, the sun does not set every day")
    lon: float = Field(ge=-180, le=180)


class LaneDefaults(_Entry):
    """What lamps with a detector do where they do not say it themselves."""

    hold: Duration
    detection: Fraction
    history: Duration
    silent_after: Duration


class DensityLimits(_Entry):
    """Luminous flux installed over the surface it is to light, in lm/m², at most."""

    agglomeration: float = Field(gt=0)
    outside: float = Field(gt=0)


class LightNuisance(_Entry):
    """What the law allows a street light at most."""

    lm_m2: DensityLimits
    cct_k: float = Field(gt=0)
    ulr: Fraction


class Rain(_Entry):
    """Where rain is forecast (a source of forecasts.yaml, its variable), from which chance on it counts, how much makes
    a road wet (mm in a report or a slot of the forecast), and how long it then takes to dry."""

    source: str
    variable: str
    chance: float = Field(gt=0, lt=1)
    wet_from_mm: float = Field(gt=0)
    dries_after: Duration


class CountTables(_Entry):
    """What is believed of counters."""

    stale_after: Duration
    stuck_after_readings: int = Field(ge=2)
    impossible_above: float = Field(ge=1, description="of the road's capacity")
    most_veh_h_lane: float = Field(gt=0)
    impossible_share: Fraction
    level_factor: float = Field(gt=1)
    lenders: int = Field(ge=1)


class Changes(_Entry):
    """What it takes that a lamp is told another program than the night before."""

    cost_wh: float = Field(ge=0)
    most_lamps: int | None = Field(None, ge=0)

    @property
    def asked(self) -> bool:
        """Whether the night before matters at all."""
        return self.cost_wh > 0 or self.most_lamps is not None


class LightingTables(_Entry):
    """How lighting is planned; the file says the meaning and the source of each entry."""

    systems: Mapping[Family, System]
    multilane_above_veh_h: float = Field(gt=0)
    surface_q0: float = Field(gt=0, le=1)
    site: Site
    on_after: Duration
    off_before: Duration
    flux_grid: float = Field(gt=0, le=0.1)
    ramp_per_slot: float = Field(gt=0, le=1)
    neighbour_step: float = Field(gt=0, le=1)
    changes: Changes
    budgets: tuple[BudgetEntry, ...] = ()
    fleet_programs: int | None = Field(None, ge=1)
    minimum_samples: int = Field(ge=1)
    counts: CountTables
    rain: Rain
    flux_curves: Mapping[str, list[tuple[Fraction, Fraction]]]
    life_h: Mapping[str, Annotated[float, Field(gt=0)]]
    burning_h_per_year: float = Field(gt=0, le=8784)
    lanes: LaneDefaults
    light_nuisance: LightNuisance
    fixed_program: Mapping[time, Fraction] = Field(min_length=1)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if missing := {"M", "C", "P"} - set(self.systems):
            raise ValueError(f"no class system {', '.join(sorted(missing))}")
        _ = self.families
        for name in self.flux_curves:
            self.curve(name, 0.0)
        if ageless := [name for name in self.flux_curves if name not in self.life_h]:
            raise ValueError(f"life_h: no rated life of {', '.join(ageless)}")
        for name, step in (("ramp_per_slot", self.ramp_per_slot), ("neighbour_step", self.neighbour_step)):
            if abs(step / self.flux_grid - round(step / self.flux_grid)) > 1e-9:
                raise ValueError(f"{name} {step} wants to be a multiple of flux_grid {self.flux_grid}")
        if any(a >= b for a, b in pairwise(map(_since_noon, self.fixed_program))):
            raise ValueError("fixed_program wants its times in order from noon to noon")
        return self

    @cached_property
    def families(self) -> dict[str, ClassSystem]:
        return {
            letter: ClassSystem(letter, system.unit, system.first, tuple(system.levels), system.weights)
            for letter, system in self.systems.items()
        }

    def bands(self, family: str, capacity_veh_h: float) -> TrafficBands:
        """Traffic bands of a road of that capacity."""
        traffic = self.systems[family].traffic  # type: ignore[index]
        return (traffic.multilane if capacity_veh_h > self.multilane_above_veh_h else traffic.two_lane).bands

    def curve(self, name: str, standby: float) -> PowerCurve:
        """The curve of that name above a stand-by, a fraction of full power. Raises InvalidProblem, KeyError."""
        points = self.flux_curves[name]
        power = tuple(standby + (1 - standby) * fraction for _, fraction in points)
        return PowerCurve(f"{name} over {standby:.4g}", tuple(flux for flux, _ in points), power)


def load_tables(path: Path) -> LightingTables:
    """Read and check the tables. Raises InputError with every problem and its place."""
    document = read_document(path)
    tables = document.validate(LightingTables)
    if problems := list(wrong_budgets(document, tables.budgets)):
        raise InputError(problems)
    return tables


def tables_of(settings: Settings) -> LightingTables:
    """Those of the reference data that the settings name."""
    return load_tables(settings.datasets_dir / "reference" / "lighting.yaml")


def _since_noon(at: time) -> int:
    return (at.hour * 60 + at.minute - 720) % 1440
