"""Irrigation as `jobs.planning` sees it: read from the store, planned every evening for the night that comes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np

from engine.instants import PARIS, isoformat, noon
from engine.model import PlanState
from engine.setpoints.dated import stretches
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.irrigation.belief import SoilNow, believed
from jobs.irrigation.body import body, explain, in_force_at, open_body, with_plan
from jobs.irrigation.facts import facts_of
from jobs.irrigation.fallback import shift, threshold
from jobs.irrigation.notes import notes
from jobs.irrigation.outlook import outlook
from jobs.irrigation.provided import NETWORK, PROPERTY, TOLD_EVERY, provided
from jobs.irrigation.setpoints import to_setpoints
from jobs.irrigation.tables import IrrigationTables, tables_of
from jobs.irrigation.task import Behind, Done, Foreseen, IrrigationTask, Weather, build_problem
from jobs.irrigation.weather import STATION
from jobs.irrigation.windows import HEAD_START, POINT, Watering, soaked, windows_of
from jobs.irrigation.zones import Zones, read_zones
from jobs.planning.domain import Domain, StaleInputs
from optimizers.arrays import Floats
from optimizers.irrigation import IrrigationPlan
from optimizers.soil import Et0Source
from optimizers.soil.estimate import Belief

_DAY = timedelta(days=1)
_NO_FORECAST: Mapping[str, Any] = {"issued_at": None, "age_h": None, "told_mm": [], "reliability": None}
_PLANS = 100  # of which the one of this night is one


def irrigation_day(at: datetime) -> tuple[datetime, datetime]:
    """From the local noon at or before an instant to the next: 23 or 25 hours when the clocks change."""
    day = (at.astimezone(PARIS) - timedelta(hours=12)).date()
    start = noon(day) if noon(day + _DAY) > at else noon(day + _DAY)
    return start, noon(start.astimezone(PARIS).date() + _DAY)


def zones_of(territory: Territory, tables: IrrigationTables, at: datetime) -> Zones:
    """The hydrozones of a territory as they are on the day of an instant."""
    return read_zones(
        territory.of_type("IrrigationValve"),
        territory.of_type("IrrigationNetwork"),
        territory.of_type("Garden"),
        territory.of_type("GreenspaceRecord"),
        tables,
        at.astimezone(PARIS).date(),
    )


def build(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> IrrigationTask:
    """The problem of the day that holds the instant `ahead` of another, from what was known at that other.

    Raises StaleInputs where there are weather stations and none has told anything lately; InvalidProblem without a
    hydrozone.
    """
    tables = tables_of(settings)
    zones = zones_of(territory, tables, at)
    known = believed(unit, territory, zones, at, tables)
    if territory.of_type(STATION) and not _heard(known, at, tables):
        days = f"{tables.plan.stale_after / _DAY:g} days before {isoformat(at)}"
        raise StaleInputs(f"no weather station told anything for {days}: longer is not allowed")
    weather = outlook(unit, territory, at, tables.plan.days, settings, tables, known.observed)
    forecast = {
        "issued_at": None if weather.issued_at is None else isoformat(weather.issued_at),
        "age_h": None if weather.issued_at is None else round((at - weather.issued_at) / timedelta(hours=1), 1),
        "told_mm": np.round(weather.told_mm, 2).tolist(),
        "reliability": round(weather.reliability, 3),
    }
    return _task(unit, territory, at, ahead, tables, zones, known, weather, forecast)


def rules_only(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> tuple[IrrigationTask, IrrigationPlan]:
    """What is dry is refilled, see `threshold`. Needs no solver and no forecast: the weather is a mean dry one.

    Where the weather of the last days is not known either, only probes are believed.
    """
    tables = tables_of(settings)
    zones = zones_of(territory, tables, at)
    known = believed(unit, territory, zones, at, tables)
    task = _task(unit, territory, at, ahead, tables, zones, known, mean_weather(at, tables))
    if not _heard(known, at, tables):
        lost = (zones.root_zone.taw_mm / 3.0) ** 2
        variance = np.where(known.replayed.measured, task.belief.variance_mm2, lost)
        task = replace(task, belief=Belief(task.belief.depletion_mm, variance))
    return task, threshold(task)


def _heard(known: SoilNow, at: datetime, tables: IrrigationTables) -> bool:
    """Whether a weather station told anything lately."""
    heard_at = known.observed.heard_at
    return heard_at is not None and at - heard_at <= tables.plan.stale_after


def mean_weather(at: datetime, tables: IrrigationTables) -> Foreseen:
    """Evapotranspiration of the month, and no rain."""
    et0 = np.full((1, tables.plan.days), tables.climate.et0_mm_day[at.astimezone(PARIS).month - 1])
    said = "neither forecast nor rain is counted on: evapotranspiration of a mean day of the month"
    return Foreseen(np.ones(1), et0, np.zeros_like(et0), (said,))


def _task(
    unit: Unit, territory: Territory, at: datetime, ahead: timedelta, tables: IrrigationTables, zones: Zones,
    known: SoilNow, weather: Weather, forecast: Mapping[str, Any] = _NO_FORECAST,
) -> IrrigationTask:  # fmt: skip
    start, until = irrigation_day(at + ahead)
    done = _done(unit, start, at)
    watering = _less(windows_of(zones, territory, start, tables.plan.days, at, tables), zones, done)
    rung = Et0Source(int(known.et0.source[-1])).name.lower()
    behind = Behind(
        start,
        until,
        at,
        verdicts={probe: verdict.value for probe, verdict in known.verdicts.items()},
        lenders=known.replayed.lender,
        et0_source=rung,
        forecast=forecast,
        done=done,
        ordered=_ordered(zones, territory, watering, tables, max(start, at + HEAD_START), until),
    )
    watering = replace(watering, windows=soaked(watering.windows, _ready_s(zones, done)))
    return build_problem(
        zones, known.belief, weather, watering, tables, moisture=known.moisture, behind=behind, reasons=known.reasons
    )


def _done(unit: Unit, start: datetime, at: datetime) -> tuple[Done, ...]:
    """What valves did of the plan in force of a night that has begun, in seconds from its noon. One that is open at
    that instant closes: only what remains of the night is planned.
    """
    told = (one for one in unit.plans.list("irrigation", _PLANS) if one.state is PlanState.IN_FORCE)
    record = next((one for one in told if one.start == start), None)
    found = unit.plans.get(record.id) if record is not None else None
    if found is None:
        return ()
    over = in_force_at(open_body(found[1]).openings, at)
    return tuple((valve, (a - start).total_seconds(), (b - start).total_seconds()) for valve, a, b in over)


def _less(watering: Watering, zones: Zones, done: Sequence[Done]) -> Watering:
    """Budgets that count tonight have no more what valves took already."""
    budgets = watering.budgets
    if budgets is None or not done:
        return watering
    seconds = dict.fromkeys(zones.valves, 0.0)
    for valve, start_s, end_s in done:
        if valve in seconds:
            seconds[valve] += end_s - start_s
    taken = np.array(list(seconds.values())) / 3600.0 * zones.flow_m3_h
    used = np.where(budgets.nights[:, 0], budgets.member @ taken, 0.0)
    return replace(watering, budgets=replace(budgets, limit_m3=np.maximum(budgets.limit_m3 - used, 0.0)))


def _ready_s(zones: Zones, done: Sequence[Done]) -> Floats:
    """(n,) when the last cycle of each valve that night has soaked in, in seconds from its noon; -inf without one."""
    ended = dict.fromkeys(zones.valves, -np.inf)
    for valve, _, end_s in done:
        if valve in ended:
            ended[valve] = max(ended[valve], end_s)
    ready: Floats = np.array(list(ended.values())) + zones.soak_s
    return ready


def _ordered(
    zones: Zones, territory: Territory, watering: Watering, tables: IrrigationTables, since: datetime, until: datetime
) -> frozenset[str]:
    """The valves that orders leave less than what is left of their usual hours tonight."""
    windows = watering.windows
    left_s = windows.allowed[:, windows.night == 0] @ (windows.end_s - windows.start_s)[windows.night == 0]
    usual_s = {name: _usual_s(entry.hours, since, until) for name, entry in tables.methods.items()}
    found = zip(zones.valves, zones.method, left_s.tolist(), strict=True)
    return frozenset(
        valve
        for valve, method, seconds in found
        if f"{valve}/{POINT}" in territory.points and seconds < usual_s[method] - 1
    )


def _usual_s(hours: Sequence[tuple[time, time]], since: datetime, until: datetime) -> float:
    spans = (span for one in hours for span in stretches(since, until, one)) if since < until else ()
    return sum(max((min(b, until) - max(a, since)).total_seconds(), 0.0) for a, b in spans)


DOMAIN = Domain(
    name="irrigation",
    optimizer="optimizers.irrigation",
    build=build,
    rules_only=rules_only,
    shift=shift,
    body=body,
    with_plan=with_plan,
    to_setpoints=to_setpoints,
    explain=explain,
    notes=notes,
    facts=facts_of,
    span=irrigation_day,
    provides=(NETWORK, PROPERTY),
    provided=provided,
    told_every=TOLD_EVERY,
    unit="EUR",
)
