"""Energy of buildings as `jobs.planning` sees it: planned every hour for the day and a half that comes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from engine.instants import PARIS, in_us
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.energy.body import body, with_plan
from jobs.energy.calendar import calendar_of
from jobs.energy.contracts import Terms
from jobs.energy.contracts_read import contracts_known
from jobs.energy.explaining import explain
from jobs.energy.facts import facts_of
from jobs.energy.fallback import rules, shift
from jobs.energy.foreseen import baselines, foresee, lately
from jobs.energy.notes import notes
from jobs.energy.occupancy import occupancy
from jobs.energy.past import QUARTER
from jobs.energy.provided import PROPERTY, TOLD_EVERY, provided
from jobs.energy.regret import dropped_sites
from jobs.energy.setpoints import to_setpoints
from jobs.energy.shared import shared_of
from jobs.energy.signals import signals_of
from jobs.energy.sites import METER, Sites, Span, read_sites, terms_of
from jobs.energy.state import read_told, state_of
from jobs.energy.tables import EnergyTables, tables_of
from jobs.energy.task import EnergyTask, build_problem
from jobs.energy.usual import usual
from jobs.planning.domain import Domain
from optimizers.arrays import Floats
from optimizers.energy import EnergyPlan
from optimizers.energy.problem import EUR

_HOUR = timedelta(hours=1)
HORIZON = timedelta(hours=36)


def energy_span(at: datetime) -> tuple[datetime, datetime]:
    """From the whole hour at or before an instant to 36 hours later: instants, so that clocks change nothing."""
    start = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return start, start + HORIZON


def slots_of(at: datetime, tables: EnergyTables) -> Span:
    """The slots of a plan that is asked at an instant: from the one that holds it to the end of its span."""
    start, until = energy_span(at)
    first = start + (at - start) // tables.plan.slot * tables.plan.slot
    return Span.between(first, until, tables.plan.slot)


def build(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> EnergyTask:
    """The problem of the span that holds the instant `ahead` of another, from what was known at that other.

    Raises InvalidProblem where no building can be planned, InputError where no file of contracts was ever right.
    """
    return _task(unit, territory, at, settings, ahead, foreseen=True)


def rules_only(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> tuple[EnergyTask, EnergyPlan]:
    """Self-consumption, timetables, and vehicles at once within the contract. Needs no solver and no forecast."""
    task = _task(unit, territory, at, settings, ahead, foreseen=False)
    return task, rules(task)


def _task(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta, *, foreseen: bool
) -> EnergyTask:  # fmt: skip
    tables = tables_of(settings)
    contracts = contracts_known(unit, settings)
    sites, slots = read_sites(territory, contracts, tables), slots_of(at + ahead, tables)
    calendar = calendar_of(settings)
    present = [occupancy(site.use, slots, tables, calendar) for site in sites]
    signals = signals_of(unit, settings, contracts, at, slots.starts, slots.seconds) if foreseen else None
    terms = terms_of(contracts, sites, slots.starts, slots.seconds, signals)
    orders = contracts.file.orders if foreseen else ()
    expected, drawn = usual(territory, sites, slots, present, tables), dict[str, Floats]()
    if foreseen:
        past = lately(unit, territory, sites, tables, at)
        expected = foresee(unit, territory, settings, sites, slots, at, present, tables, calendar, past).foreseen
        drawn = baselines(past, sites, slots, orders, calendar, tables)
    shared = shared_of(sites, slots, tables, orders, drawn)
    task = build_problem(
        energy_span(at + ahead), slots, sites, terms, present, expected,
        state_of(unit, territory, sites, at, tables), tables,
        shared=shared, peak_so_far_w=_peaks_w(unit, territory, sites, terms, at),
    )  # fmt: skip
    dropped = {name: dict(one) for name, one in dropped_sites(unit).items() if name in sites.names}
    return replace(task, facts={**task.facts, "dropped": dropped}) if dropped else task


def _peaks_w(
    unit: Unit, territory: Territory, sites: Sites, terms: Sequence[Terms], at: datetime
) -> list[float]:  # fmt: skip
    """By site the highest whole quarter hour bought this month, where its contract counts that."""
    counted = {site.meter for site, one in zip(sites, terms, strict=True) if one.peak_eur_kw > 0}
    if not counted:
        return [0.0] * len(sites)
    local = at.astimezone(PARIS)
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    whole = at - (at - month) % QUARTER
    rows = read_told(unit, territory, counted, ("totalActivePower",), month, whole)
    quarter = (pl.col("observed_at") - 1) // in_us(QUARTER)  # what is told at its end is of a quarter
    means = rows.group_by("asset", quarter.alias("quarter")).agg(pl.col("value").mean())
    most = dict(means.group_by("asset").agg(pl.col("value").max()).iter_rows())
    return [max(float(most.get(site.meter, 0.0)), 0.0) for site in sites]


DOMAIN = Domain(
    name="energy",
    optimizer="optimizers.energy",
    build=build,
    rules_only=rules_only,
    shift=shift,
    body=body,
    with_plan=with_plan,
    to_setpoints=to_setpoints,
    explain=explain,
    notes=notes,
    facts=facts_of,
    span=energy_span,
    provides=(METER, PROPERTY),
    provided=provided,
    told_every=TOLD_EVERY,
    unit=EUR,
)
