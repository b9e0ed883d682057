"""Street lighting as `jobs.planning` sees it: read from the store, solved from noon to noon, reviewed afterwards."""

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from engine.calendar import SchoolCalendar, load_school_calendar
from engine.errors import InputError
from engine.instants import PARIS, isoformat, noon, to_us
from engine.model import PlanState
from engine.setpoints.events import events_of
from engine.setpoints.orders import LAMP, orders_of
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.lighting.around import Around
from jobs.lighting.body import body, explain, open_body, with_plan
from jobs.lighting.budgets import budgets_of, eased
from jobs.lighting.carrying import Told, carried_on
from jobs.lighting.conflicts import conflicts
from jobs.lighting.fallback import shift, told, without_plan
from jobs.lighting.holders import NOBODY_LIMITED, keepers_of
from jobs.lighting.night import SLOT, Night, night_of
from jobs.lighting.parts import part, standing
from jobs.lighting.provided import COUNTER, PROPERTY, provided
from jobs.lighting.setpoints import to_setpoints
from jobs.lighting.spent import notes
from jobs.lighting.tables import tables_of
from jobs.lighting.task import LightingTask, build_problem
from jobs.lighting.weather import wet_road
from jobs.planning.domain import Domain, StaleInputs
from jobs.rooms import announced_rooms
from optimizers.lighting import UNLIMITED, LightingPlan, Yesterday

HISTORY = timedelta(days=366)
_SEASON = timedelta(weeks=13)  # learnt from within a night: what its evening says of the rest, and no turn of the year
_DAY, _MOMENT = timedelta(days=1), timedelta(microseconds=1)
_LONG_AGO = timedelta(days=8)  # what was told then nobody remembers


def school_of(settings: Settings) -> SchoolCalendar:
    return load_school_calendar(settings.datasets_dir / "reference" / "school_holidays.yaml")


def lighting_day(at: datetime) -> tuple[datetime, datetime]:
    """From the local noon at or before an instant to the next: 23 or 25 hours when the clocks change."""
    day = (at.astimezone(PARIS) - timedelta(hours=12)).date()
    start = noon(day) if noon(day + _DAY) > at else noon(day + _DAY)
    return start, noon(start.astimezone(PARIS).date() + _DAY)


def dark_hours(start_at: datetime, settings: Settings) -> Night:
    """When lamps burn in the lighting day that starts at a local noon."""
    return night_of(start_at, tables_of(settings))


def traffic_counts(unit: Unit, territory: Territory, start: datetime, until: datetime) -> pl.DataFrame:
    """Intensity in veh/h of every counter: asset, observed_at, intensity. A correction replaces what it corrects."""
    series = {n: asset for n, (asset, name) in territory.series_names.items() if name == "intensity"}
    counted = unit.readings.history(sorted(series), to_us(start), to_us(until))
    newest = counted.unique(["series", "observed_at"], keep="last", maintain_order=True)
    return newest.select(
        pl.col("series").replace_strict(series, return_dtype=pl.String).alias("asset"),
        "observed_at",
        intensity="value",
    )


def presence_seen(unit: Unit, territory: Territory, start: datetime, until: datetime) -> pl.DataFrame:
    """What the detectors at which lamps brighten by themselves told: asset, observed_at, value 1 or 0."""
    lamps = territory.of_type("Streetlight")
    wanted = {lamp.attributes["detector"] for lamp in lamps if lamp.attributes.get("detector")}
    names = territory.series_names.items()
    series = {n: asset for n, (asset, name) in names if name == "presence" and asset in wanted}
    told = unit.readings.history(sorted(series), to_us(start), to_us(until))
    return told.select(
        pl.col("series").replace_strict(series, return_dtype=pl.String).alias("asset"), "observed_at", "value"
    )


def _known_counts(unit: Unit, territory: Territory, start: datetime, at: datetime) -> pl.DataFrame:
    """What a plan made at an instant of the day from `start` learns from; of that day, what was counted by then."""
    if at <= start:
        return traffic_counts(unit, territory, start - HISTORY, at)
    return traffic_counts(unit, territory, start - _SEASON, at + _MOMENT)


def build(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> LightingTask:
    """The problem of the lighting day that holds the instant `ahead` of another, from what was counted before both.

    Raises StaleInputs where counters have counted, and not one of them lately.
    """
    task = task_of(unit, territory, at, settings, ahead)
    if task.traffic.stale:
        allowed = task.tables.counts.stale_after / _DAY
        raise StaleInputs(f"no counter has counted for {allowed:g} days before {isoformat(at)}: longer is not allowed")
    return task


def task_of(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> LightingTask:
    """As `build`, however old the counts are."""
    start, _ = lighting_day(at + ahead)
    tables = tables_of(settings)
    night = night_of(start, tables)
    wet = wet_road(unit, territory, night, at, settings, tables)
    task = build_problem(
        territory.of_type("Streetlight"),
        territory.of_type("TrafficFlowObserved"),
        _known_counts(unit, territory, start, at),
        start_at=start,
        tables=tables,
        quantile=settings.plan_quantile,
        presence=presence_seen(unit, territory, start - tables.lanes.history, min(start, at)),
        around=replace(around(territory), wet=wet.slots, reasons=wet.reasons),
        at=at,
        keepers=keepers_of(territory, announced_rooms(unit)),
        budgets=budgets_of(territory, tables, night),
        school=school_of(settings),
    )
    task = carried(unit, task, at)
    yesterday = before(unit, task)
    return task if yesterday is None else replace(task, problem=replace(task.problem, yesterday=yesterday))


def carried(unit: Unit, task: LightingTask, at: datetime) -> LightingTask:
    """The same task; where its night has begun, with what lamps were told of the slots that are over."""
    night, over = task.night, (at - task.night.start) // SLOT
    told_already = (one for one in unit.plans.list("lighting", 100) if one.state is PlanState.IN_FORCE)
    record = next((one for one in told_already if one.start == night.start), None) if over > 0 else None
    found = unit.plans.get(record.id) if record is not None else None
    if found is None:
        return task
    plan, problem = open_body(found[1]), task.problem
    past = Told(plan.lamps, plan.flux[:, :over])
    floor = carried_on(problem.floor, problem.ceiling, night.burning, past, problem.lamps, task.tables.ramp_per_slot)
    budget = eased(problem.budget, floor, over)
    return replace(task, problem=replace(problem, floor=floor, budget=budget), over=over)


def before(unit: Unit, task: LightingTask) -> Yesterday | None:
    """What lamps were told for the night before, or for this one when it is planned again; None where changes are free,
    or nothing was told.
    """
    changes, start = task.tables.changes, task.night.start
    if not changes.asked:
        return None
    told_before = (one for one in unit.plans.list("lighting", 100) if one.state is PlanState.IN_FORCE)
    record = next((one for one in told_before if start - _LONG_AGO <= one.start <= start), None)
    found = unit.plans.get(record.id) if record is not None else None
    if found is None:
        return None
    most = UNLIMITED if changes.most_lamps is None else changes.most_lamps
    flux = told(task.night, task.problem.lamps, open_body(found[1]))
    return Yesterday(flux=flux, changes=most, change_cost_wh=changes.cost_wh)


def around(territory: Territory) -> Around:
    """The events and orders of every lamp."""
    events, orders = {}, {}
    for lamp in territory.of_type(LAMP[0]) if territory.events or territory.orders else ():
        events[lamp.id] = held = events_of(territory.events, lamp, territory.communes)
        orders[lamp.id] = orders_of(territory.orders, lamp, LAMP[1], territory.communes, held)
    return Around(events=events, orders=orders)


def rules_only(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> tuple[LightingTask, LightingPlan]:  # fmt: skip
    """See `without_plan`. Cabinets that cannot be read are taken to have no limit."""
    start, _ = lighting_day(at + ahead)
    lamps, quantile = territory.of_type("Streetlight"), settings.plan_quantile
    heeded = around(territory)
    try:
        keepers = keepers_of(territory, announced_rooms(unit))
    except InputError:
        keepers = NOBODY_LIMITED
    tables = tables_of(settings)
    return without_plan(
        lamps, tables=tables, start_at=start, quantile=quantile, around=heeded, keepers=keepers,
        budgets=budgets_of(territory, tables, night_of(start, tables)),
    )  # fmt: skip


DOMAIN = Domain(
    name="lighting",
    optimizer="optimizers.lighting",
    build=build,
    rules_only=rules_only,
    shift=shift,
    body=body,
    with_plan=with_plan,
    to_setpoints=to_setpoints,
    explain=explain,
    conflicts=conflicts,
    notes=notes,
    span=lighting_day,
    provides=(COUNTER, PROPERTY),
    provided=provided,
    unit="Wh",
    part=part,
    standing=standing,
)
