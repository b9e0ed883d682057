"""The job table: everything that can be scheduled, and what a run of it works with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.equipment.connections import Site
from engine.ports import Clock
from engine.rulebook.fields import Delay
from engine.settings import Settings
from engine.store import Store, Unit
from engine.store.ledger import RunReport
from jobs.bootstrap import Territory
from jobs.compute import Compute, Inline
from jobs.domains import DOMAINS
from jobs.energy.delivered import delivered, tell_orders
from jobs.energy.regret import keep_regrets, regrets
from jobs.forecasts import ask, chosen_sources, forget_others, sources_in, take_in, validators_of
from jobs.planning import Domain, PlanRequest, commit_plan, in_force, make_plan, overtaken, planned, report_of
from jobs.rooms import ask_rooms, keep_rooms
from jobs.vitals import Vitals
from optimizers.result import Limits

_PARTITIONS_AHEAD = timedelta(days=62)
_FARTHEST = timedelta(hours=3)  # ahead of its span a plan is made


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job works with. No broker: what is to be sent goes into the outbox."""

    settings: Settings
    store: Store
    territory: Territory
    clock: Clock
    compute: Compute = field(default_factory=Inline)
    vitals: Vitals = field(default_factory=Vitals)


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occurrence of one entry of the schedule, as its job sees it.

    `due_at` is the instant the job sees the world at, however late it is run. `seconds` and `memory_bytes` bound what
    it runs on a compute engine. No zones: all of them. `asked`: who asked for it, as a rule and its subject.
    """

    entry: str
    occurrence: str
    due_at: datetime
    cause: str = "schedule"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    seconds: float = 60.0
    memory_bytes: int | None = None
    asked: str = ""


Finish = Callable[[Unit, datetime], RunReport]
"""What a run commits, and its report. Called once, in the transaction that ends the run, at the clock's time then."""


class Arguments(BaseModel):
    """The arguments that a job takes from the schedule: none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that can be scheduled. `run` does the long part, without a transaction, and says how to finish."""

    name: str
    run: Callable[[JobContext, Occasion], Finish]
    arguments: type[Arguments] = Arguments


def _some_hours(ahead: timedelta) -> timedelta:
    if not timedelta(0) <= ahead <= _FARTHEST:
        raise ValueError("wants to be at most 3 h: what is planned long before is not what is known by then")
    return ahead


class PlanArguments(Arguments):
    """What a solve may spend (see `optimizers.result.Limits`), and whether a person decides before it is put in force.

    `seconds`: of the solver itself, the run's time limit where there are none. `ahead`: the span that holds the instant
    this long after the one that the run is due at is planned. `unless_planned`: not where a plan that a solver made of
    that span is in force, or waits for a person. `only_changed`: where little is other than in the plan in force, only
    that is planned again.
    """

    seconds: float | None = Field(None, gt=0)
    work: int | None = Field(None, ge=1)
    gap: float = Field(0.0, ge=0, le=1)
    threads: int = Field(1, ge=1)
    seed: int = Field(0, ge=0)
    propose: bool = False
    ahead: Annotated[Delay, AfterValidator(_some_hours)] = timedelta(0)
    unless_planned: bool = False
    only_changed: bool = False

    def request(self, occasion: Occasion) -> PlanRequest:
        seconds = min(self.seconds or occasion.seconds, occasion.seconds)
        limits = Limits(seconds, self.work, self.gap, self.threads, self.seed)
        return PlanRequest(
            occasion.due_at, limits, occasion.memory_bytes, self.propose, self.ahead, self.only_changed, occasion.asked
        )  # fmt: skip


def _until_then(context: JobContext, domain: Domain, request: PlanRequest) -> PlanRequest | None:
    """What has to be planned as well so that nothing is without a program until a span ahead begins: the one that is
    going on, where no plan of it is in force.
    """
    here, ahead = domain.span(request.at), domain.span(request.at + request.ahead)
    if here == ahead or here[1] <= context.clock.now() or request.propose or in_force(context, domain, here[0]):
        return None
    return replace(request, ahead=timedelta(0))


def _plan(domain: Domain) -> Job:
    def run(context: JobContext, occasion: Occasion) -> Finish:
        arguments = PlanArguments.model_validate(dict(occasion.arguments))
        request = arguments.request(occasion)
        if arguments.unless_planned and (there := planned(context, domain, request)):
            return lambda _unit, _now: RunReport(counts={"plan": there, "there": 1})
        before = [make_plan(context, domain, until)] if (until := _until_then(context, domain, request)) else []
        made = make_plan(context, domain, request)

        def finish(unit: Unit, now: datetime) -> RunReport:
            for one in before:
                commit_plan(unit, context.territory, domain, one, now)
            why = overtaken(unit, domain, made, now)
            return report_of(made, commit_plan(unit, context.territory, domain, made, now), why)

        return finish

    return Job(f"plan-{domain.name}", run, PlanArguments)


def _roll_up(_context: JobContext, _occasion: Occasion) -> Finish:
    return lambda unit, _now: RunReport(counts={"buckets": unit.readings.roll_up()})


def _keep_house(context: JobContext, occasion: Occasion) -> Finish:
    at = occasion.due_at
    context.store.ensure_partitions(at + _PARTITIONS_AHEAD)
    removed = context.store.prune(at - timedelta(days=context.settings.retention_days), at)
    return lambda _unit, _now: RunReport(counts=removed)


class ImportForecasts(Arguments):
    """Which sources are asked: all of them unless they are named."""

    sources: tuple[str, ...] = ()


def _import_forecasts(context: JobContext, occasion: Occasion) -> Finish:
    named = ImportForecasts.model_validate(occasion.arguments).sources
    everything, at = sources_in(context.settings), context.clock.now()
    sources = chosen_sources(everything, named)
    with context.store.read() as unit:
        validators = validators_of(unit, sources, at)
    skew = timedelta(seconds=context.settings.clock_skew_s)
    arrivals = ask(sources, context.settings.rules_dir, validators, at, skew)

    def finish(unit: Unit, now: datetime) -> RunReport:
        forget_others(unit, everything, now)
        return take_in(unit, arrivals, now)

    return finish


def _watch_energy(context: JobContext, occasion: Occasion) -> Finish:
    with context.store.read() as unit:
        found = regrets(unit, context.territory, context.settings, occasion.due_at)
        orders = delivered(unit, context.territory, context.settings, occasion.due_at)

    def finish(unit: Unit, now: datetime) -> RunReport:
        report = keep_regrets(unit, found, now)
        return replace(report, counts={**report.counts, "orders_not_kept": tell_orders(unit, orders, now)})

    return finish


def _ask_equipment(context: JobContext, _occasion: Occasion) -> Finish:
    site = Site(context.clock, "consigne-ask-equipment")
    answers = ask_rooms(context.territory.connections, site)
    return lambda unit, now: keep_rooms(unit, answers, now)


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        *map(_plan, DOMAINS.values()),
        Job("ask-equipment", _ask_equipment),
        Job("import-forecasts", _import_forecasts, ImportForecasts),
        Job("roll-up", _roll_up),
        Job("watch-energy", _watch_energy),
        Job("housekeeping", _keep_house),
    )
}
