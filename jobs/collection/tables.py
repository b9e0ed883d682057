"""`datasets/reference/collection.yaml`: kinds of waste, costs, hours, and how rounds are chosen."""

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from math import inf
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.catalogue import Duration
from engine.documents import read_document
from engine.setpoints.dated import Hours, Weekday, parse_hours, weekdays
from engine.settings import Settings
from optimizers.fill import Terms
from optimizers.routing import Weights, WorkRules

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Times = Annotated[Hours, BeforeValidator(parse_hours)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Service(_Entry):
    """On which days trucks go out; `holidays`: also on public ones."""

    days: frozenset[Weekday] = Field(min_length=1)
    holidays: bool

    @property
    def weekdays(self) -> frozenset[int]:
        return weekdays(self.days)


class Fraction(_Entry):
    """A kind of waste; see the head of the file."""

    density_kg_m3: Positive
    compaction: float = Field(ge=1, le=10)
    service_s: Positive
    unseen_days: Positive
    usual_days: Positive


class Costs(_Entry):
    per_km_eur: NotNegative
    per_hour_eur: NotNegative
    truck_day_eur: NotNegative


class RestEntry(_Entry):
    """A pause that begins between two local times."""

    start: time = Field(alias="from")
    until: time
    lasts: Duration

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.start:
            raise ValueError(f"until {self.until} is before from {self.start}")
        return self


class WorkEntry(_Entry):
    """What the law allows a driver, see `optimizers.routing.WorkRules`; what is left out has no limit."""

    id: str = Field(min_length=1)
    longest_drive: Duration | None = None
    drive_break: Duration = timedelta(0)
    split: Sequence[Duration] = ()
    most_drive: Duration | None = None
    longest_work: Duration | None = None
    work_break: Duration = timedelta(0)
    most_work: Duration | None = None

    @property
    def rules(self) -> WorkRules:
        return WorkRules(
            id=self.id,
            longest_drive_s=_seconds(self.longest_drive),
            drive_break_s=self.drive_break.total_seconds(),
            split_s=tuple(one.total_seconds() for one in self.split),
            most_drive_s=_seconds(self.most_drive),
            longest_work_s=_seconds(self.longest_work),
            work_break_s=self.work_break.total_seconds(),
            most_work_s=_seconds(self.most_work),
        )


class Trucks(_Entry):
    shift: Times
    rest: RestEntry | None = None
    quiet: Times | None = None
    work: WorkEntry | None = None


class Sites(_Entry):
    hours: Times
    unload: Duration
    queue: Duration


class Roads(_Entry):
    speed_km_h: float = Field(ge=5, le=90)
    detour: float = Field(ge=1, le=3)


class FillEntry(_Entry):
    replay: Duration
    slot_h: float = Field(ge=1, le=24)

    @property
    def slots(self) -> int:
        return round(self.replay / timedelta(hours=self.slot_h))


class ChoiceEntry(_Entry):
    """See `optimizers.fill.Terms`; `visits`: so many possible ones to come are
    looked at; `load_quantile`: loads are less with this probability."""

    rho_eur: NotNegative
    required_above: Share
    candidate_above: Share
    later: Share
    visits: int = Field(ge=2, le=20)
    load_quantile: float = Field(gt=0, lt=1)

    @property
    def terms(self) -> Terms:
        return Terms(
            rho=self.rho_eur,
            required_above=self.required_above,
            candidate_above=self.candidate_above,
            later=self.later,
        )


class WeightsEntry(_Entry):
    moved_eur: NotNegative
    border_eur: NotNegative

    @property
    def weights(self) -> Weights:
        return Weights(moved=self.moved_eur, border=self.border_eur)


class Lids(_Entry):
    beside_m: NotNegative
    full_above: Share
    room_below: Share


class WithoutPlan(_Entry):
    full_above: Share


class CollectionTables(_Entry):
    """How waste is collected; the file says the meaning of each entry."""

    service: Service
    fractions: Mapping[str, Fraction] = Field(min_length=1)
    costs: Costs
    trucks: Trucks
    sites: Sites
    roads: Roads
    fill: FillEntry
    choice: ChoiceEntry
    weights: WeightsEntry
    lids: Lids
    without_plan: WithoutPlan


def _seconds(duration: timedelta | None) -> float:
    return inf if duration is None else duration.total_seconds()


def load_tables(path: Path) -> CollectionTables:
    """Read and check the tables. Raises InputError with every problem and its place."""
    return read_document(path).validate(CollectionTables)


def tables_of(settings: Settings) -> CollectionTables:
    """Those of the reference data that the settings name."""
    return load_tables(settings.datasets_dir / "reference" / "collection.yaml")
