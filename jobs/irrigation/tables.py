"""`datasets/reference/irrigation.yaml`: soils, plantings, prices, and how a night is planned."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.catalogue import Duration
from engine.documents import read_document
from engine.inventory.valves import METHODS, PLANTINGS, SOURCES
from engine.settings import Settings
from optimizers.soil.estimate import Noise
from optimizers.soil.probes import Lending, ProbeLimits

Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Months = Annotated[Sequence[NotNegative], Field(min_length=12, max_length=12)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SiteEntry(_Entry):
    """Where the sun is looked up: degrees WGS 84, metres above the sea."""

    lat: float = Field(ge=-66, le=66)
    lon: float = Field(ge=-180, le=180)
    elevation_m: float = Field(ge=-100, le=4000)


class Climate(_Entry):
    """Of each month: reference evapotranspiration of a mean day, rain of the whole month."""

    et0_mm_day: Months
    rain_mm: Months


class Soil(_Entry):
    """Water contents are in m³/m³ (FAO-56, table 19); see the head of the file."""

    field_capacity: float = Field(gt=0, lt=1)
    wilting_point: float = Field(gt=0, lt=1)
    saturation: float = Field(gt=0, lt=1)
    rew_mm: Positive
    tew_mm: Positive
    intake_mm_h: Positive
    surface_mm: Positive
    curve_number: float = Field(gt=0, lt=100)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.wilting_point < self.field_capacity < self.saturation:
            raise ValueError("wants wilting_point below field_capacity below saturation")
        if self.rew_mm >= self.tew_mm:
            raise ValueError(f"rew_mm {self.rew_mm} wants to be less than tew_mm {self.tew_mm}")
        return self


class Slope(_Entry):
    """The share of standing water that ground up to that steep keeps; the last of a list has no end."""

    up_to_pct: float | None = None
    keeps: Share


class PlantingEntry(_Entry):
    """kcb without what the ground evaporates; root depth, p, height: FAO-56, table 22; see the head of the file."""

    kcb: float = Field(gt=0, le=1.5)
    root_depth_m: float = Field(gt=0, le=3)
    p: float = Field(ge=0.1, le=0.8)
    height_m: Positive
    cover: float = Field(gt=0, lt=1)
    stress_eur_m3: NotNegative
    wilting_eur_m3: NotNegative
    timer: Positive


class MethodEntry(_Entry):
    rate_mm_h: Positive
    uniformity: Share
    wetted: Share
    longest: Duration
    hours: Sequence[tuple[time, time]]


class PlanEntry(_Entry):
    days: int = Field(ge=3, le=7)
    caution_sd: NotNegative
    least_raw: Share
    terminal_share: Fraction
    stale_after: Duration
    replay: Duration


class Usual(_Entry):
    """When timers run, by month, the first and the last; `without_belief`: share of it where nothing is known."""

    months: tuple[int, int]
    without_belief: Fraction

    @model_validator(mode="after")
    def _months(self) -> Self:
        first, last = self.months
        if not 1 <= first <= last <= 12:
            raise ValueError(f"months {first} to {last} want to be two of 1 to 12, in order")
        return self


class CapacityEntry(_Entry):
    events: int = Field(ge=1)
    after_days: int = Field(ge=1, le=5)
    filled_mm: Positive
    most: Positive
    sd: Positive


class OffsetEntry(_Entry):
    most_of_taw: Fraction
    a_day: Share


class NoiseEntry(_Entry):
    """Standard deviations, see `optimizers.soil.estimate.Noise`."""

    etc: NotNegative
    rain: NotNegative
    irrigation: NotNegative
    model_mm: Positive
    sensor: Positive
    lasting: NotNegative

    @property
    def noise(self) -> Noise:
        return Noise(**self.model_dump())


class LendingEntry(_Entry):
    """See `optimizers.soil.probes.Lending`."""

    alike: Positive
    a_km: NotNegative
    planting: NotNegative
    soil: NotNegative
    method: NotNegative
    most_km: Positive

    @property
    def lending(self) -> Lending:
        return Lending(**self.model_dump())


class ProbesEntry(_Entry):
    """When probes are believed, and how far."""

    silent_after: Duration
    stuck_after: Duration
    stuck_mm: Positive
    saturated_after: Duration
    pores: NotNegative
    undrained_after: Duration
    undrained_above: Positive
    watered_mm: Positive
    dry_vwc: Positive
    swing_c: Positive
    gate_sd: Positive
    reconsidered_after: int = Field(ge=1)
    read_over: Duration
    field_capacity: CapacityEntry
    offset: OffsetEntry
    noise: NoiseEntry
    lending: LendingEntry

    @property
    def limits(self) -> ProbeLimits:
        return ProbeLimits(
            silent_h=in_hours(self.silent_after), stuck_h=in_hours(self.stuck_after), stuck_mm=self.stuck_mm,
            saturated_h=in_hours(self.saturated_after), pores=self.pores, undrained_h=in_hours(self.undrained_after),
            undrained_above=self.undrained_above, watered_mm=self.watered_mm, dry_vwc=self.dry_vwc,
            swing_c=self.swing_c, lately_h=in_hours(self.silent_after),
        )  # fmt: skip


class WeatherEntry(_Entry):
    """What is believed of weather stations."""

    wind_height_m: float = Field(ge=0.5, le=200)
    heard: Share
    flow_holds: Duration


class Way(_Entry):
    """One way rain may go that is told: its share of the chance that it falls, and how much of what is told."""

    share: Share
    quantile: Share
    times: Positive


class OutlookEntry(_Entry):
    """What is foreseen, and how far it is believed."""

    source: str
    rain: str
    temperature: str
    oldest: Duration
    reliability: Fraction
    prior_mm: Positive
    ways: Sequence[Way] = Field(min_length=2, max_length=4)
    lately_days: int = Field(ge=1, le=30)
    shrinks: Fraction
    et0_sd: NotNegative
    et0_sd_a_day: NotNegative

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(sum(way.share for way in self.ways) - 1) > 1e-9:
            raise ValueError("ways: their shares want to sum to 1")
        if abs(sum(way.share * way.times for way in self.ways) - 1) > 1e-9:
            raise ValueError("ways: share times `times` wants to sum to 1, so that what is told is told on average")
        return self


def in_hours(duration: timedelta) -> int:
    """Whole hours of a duration."""
    return round(duration / timedelta(hours=1))


class IrrigationTables(_Entry):
    """How green spaces are watered; the file says the meaning and the source of each entry."""

    site: SiteEntry
    climate: Climate
    soils: Mapping[str, Soil]
    default_soil: str
    slopes: Sequence[Slope] = Field(min_length=1)
    plantings: Mapping[str, PlantingEntry]
    young_trees_years: NotNegative
    methods: Mapping[str, MethodEntry]
    believable_rate_mm_h: tuple[Positive, Positive]
    shortest_cycle: Duration
    prices_eur_m3: Mapping[str, NotNegative]
    plan: PlanEntry
    usual: Usual
    probes: ProbesEntry
    weather: WeatherEntry
    outlook: OutlookEntry

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wrong = [
            text
            for name, known in (("plantings", PLANTINGS), ("methods", METHODS), ("prices_eur_m3", SOURCES))
            for text in _differing(name, known, getattr(self, name))
        ]
        if self.default_soil not in self.soils:
            wrong.append(f"wants soils.{self.default_soil}")
        if wrong:
            raise ValueError("; ".join(wrong))
        if self.slopes[-1].up_to_pct is not None or any(slope.up_to_pct is None for slope in self.slopes[:-1]):
            raise ValueError("slopes: every entry but the last wants up_to_pct, the last wants none")
        return self

    def keeps(self, slope_pct: float) -> float:
        """Share of standing water that ground so steep keeps."""
        return next(s.keeps for s in self.slopes if s.up_to_pct is None or slope_pct <= s.up_to_pct)

    def usual_mm_day(self, planting: str, method: str, month: int) -> float:
        """Gross depth that the monthly timer gives on a mean day of a month (1…12): its share of ET0, over uniformity.

        It knows neither rain nor soil. Nothing out of its season.
        """
        first, last = self.usual.months
        if not first <= month <= last:
            return 0.0
        timer, uniformity = self.plantings[planting].timer, self.methods[method].uniformity
        return timer * self.climate.et0_mm_day[month - 1] / uniformity


def _differing(name: str, known: Collection[str], found: Collection[str]) -> Iterator[str]:
    """What is missing of the names there are, and what is none of them."""
    if lost := [one for one in known if one not in found]:
        yield f"wants {', '.join(f'{name}.{one}' for one in lost)}"
    if strange := [one for one in found if one not in known]:
        yield f"{name} are {', '.join(known)}; not {', '.join(strange)}"


def load_tables(path: Path) -> IrrigationTables:
    """Read and check the tables. Raises InputError with every problem and its place."""
    return read_document(path).validate(IrrigationTables)


def tables_of(settings: Settings) -> IrrigationTables:
    """Those of the reference data that the settings name."""
    return load_tables(settings.datasets_dir / "reference" / "irrigation.yaml")
