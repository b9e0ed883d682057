"""`datasets/reference/collection.yaml`: kinds of waste, costs, hours, and how rounds are chosen."""

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.catalogue import Duration
from engine.documents import read_document
from engine.errors import InputError, Problem
from engine.setpoints.dated import Hours, Weekday, parse_hours, weekdays
from engine.settings import Settings
from jobs.collection.working_time import working_time_of
from optimizers.fill import Terms, corrected_rho
from optimizers.routing import Weights, WorkRules

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Times = Annotated[Hours, BeforeValidator(parse_hours)]


_RANGE = 4.0
"""Times `rho_eur`, and parts of it, between which weeks of readings may move it."""


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


class Trucks(_Entry):
    """`work`: id of the rules of working_time.yaml that their crews are under."""

    shift: Times
    rest: RestEntry | None = None
    quiet: Times | None = None
    work: str | None = None


class Sites(_Entry):
    hours: Times
    unload: Duration
    queue: Duration


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
    overflow_share: float = Field(gt=0, lt=0.5)
    detour: NotNegative
    saves_above: Share
    visits: int = Field(ge=2, le=20)
    load_quantile: float = Field(gt=0, lt=1)

    def terms(self, overflown: Sequence[tuple[float, float]] = ()) -> Terms:
        """After weeks, oldest first, of each of which is said on how many of how many container-days one overflowed."""
        rho = max(self.rho_eur, 1.0)
        for days, of in overflown:
            bounds = {"least_rho": self.rho_eur / _RANGE, "most_rho": self.rho_eur * _RANGE}
            rho = corrected_rho(rho, days, of, self.overflow_share, **bounds)
        return Terms(
            rho=rho,
            required_above=self.required_above,
            candidate_above=self.candidate_above,
            later=self.later,
            detour=self.detour,
            saves_above=self.saves_above,
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
    fill: FillEntry
    choice: ChoiceEntry
    weights: WeightsEntry
    lids: Lids
    without_plan: WithoutPlan


def load_tables(path: Path) -> CollectionTables:
    """Read and check the tables. Raises InputError with every problem and its place."""
    return read_document(path).validate(CollectionTables)


def tables_of(settings: Settings) -> CollectionTables:
    """Those of the reference data that the settings name."""
    return load_tables(settings.datasets_dir / "reference" / "collection.yaml")


def crew_rules(settings: Settings, tables: CollectionTables) -> tuple[WorkRules, ...]:
    """The rules that crews are under; none where the tables name none. Raises InputError for a name that is none."""
    every = {rules.id: rules for rules in working_time_of(settings)} if tables.trucks.work else {}
    if tables.trucks.work is not None and tables.trucks.work not in every:
        file = str(settings.datasets_dir / "reference" / "collection.yaml")
        what = f"trucks.work {tables.trucks.work!r} is no set of rules of working_time.yaml"
        raise InputError([Problem(file, 0, 0, what, f"one of: {', '.join(every)}")])
    return (every[tables.trucks.work],) if tables.trucks.work else ()
