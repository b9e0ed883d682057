"""Waste collection as `jobs.planning` sees it: rounds planned every evening for the day that begins, and again when
something happens.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from engine.instants import isoformat
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.collection.body import body, open_body, with_plan
from jobs.collection.choosing import Wanted
from jobs.collection.closures_read import closures_known
from jobs.collection.day import collection_day
from jobs.collection.explaining import explain
from jobs.collection.facts import facts_of, left_out
from jobs.collection.fallback import nearest, shift
from jobs.collection.fills import Fills, fills_of, levels_told
from jobs.collection.fleet import Fleet, fleet_of
from jobs.collection.notes import notes
from jobs.collection.progress import underway_of
from jobs.collection.roads import roads_known
from jobs.collection.setpoints import to_setpoints
from jobs.collection.state import state_of
from jobs.collection.tables import CollectionTables, crew_rules, tables_of
from jobs.collection.task import CollectionTask, build_problem
from jobs.collection.unchanged import unchanged
from jobs.planning.domain import Domain, Part, StaleInputs
from optimizers.arrays import Floats
from optimizers.fill import Verdict, believed_at_first
from optimizers.routing import EUR, RoutingPlan, pack_standing

_UNKNOWN_LEVEL = 0.7
"""Of a container that nobody has heard of, without a forecast: what a truck makes room for."""


def build(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> CollectionTask:
    """The problem of the day that holds the instant `ahead` of another, from what was known at that other.

    Raises StaleInputs where there are containers and none has told anything for as long as is looked at; InvalidProblem
    without a truck.
    """
    tables = tables_of(settings)
    fleet = fleet_of(territory, tables)
    fills = fills_of(unit, territory, fleet, at, tables)
    if len(fills) and not np.isfinite(fills.heard_days).any():
        days = f"{tables.fill.replay / timedelta(days=1):g} days before {isoformat(at)}"
        raise StaleInputs(f"no container told anything for {days}: nothing is known of what to empty")
    return _task(unit, territory, at, settings, ahead, tables, fleet, fills)


def rules_only(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta = timedelta(0)
) -> tuple[CollectionTask, RoutingPlan]:
    """What told that it is full, or has told nothing for too long, is emptied, nearest first. Needs neither solver nor
    history.
    """
    tables = tables_of(settings)
    fleet = fleet_of(territory, tables)
    level, ago = levels_told(unit, territory, fleet, at, tables)
    fills = _told_now(fleet, at, level, ago, tables)
    wanted = _full(level, ago, fleet, tables)
    task = _task(unit, territory, at, settings, ahead, tables, fleet, fills, wanted)
    return task, nearest(task)


def _task(
    unit: Unit, territory: Territory, at: datetime, settings: Settings, ahead: timedelta, tables: CollectionTables,
    fleet: Fleet, fills: Fills, wanted: Wanted | None = None,
) -> CollectionTask:  # fmt: skip
    day = collection_day(at + ahead)
    state = state_of(unit, territory, fleet, at)
    return build_problem(
        fleet, fills, state, tables, day, closures=closures_known(unit, settings),
        underway=underway_of(unit, day[0], at, state), wanted=wanted, find=roads_known(settings).ways,
        rules=crew_rules(settings, tables),
    )  # fmt: skip


def _told_now(fleet: Fleet, at: datetime, level: Floats, ago: Floats, tables: CollectionTables) -> Fills:
    """The level last told, and what usually comes since: nothing is learned."""
    usual = np.array([1.0 / tables.fractions[name].usual_days for name in fleet.fractions], np.float64)
    first = believed_at_first(np.zeros(len(level), np.int64), usual)
    known = np.where(np.isfinite(level), level + usual * np.where(np.isfinite(ago), ago, 0.0), _UNKNOWN_LEVEL)
    belief = replace(first, level=known)
    verdicts = tuple(Verdict.SOUND if heard else Verdict.NONE for heard in np.isfinite(level).tolist())
    return Fills(at, belief, verdicts, ago, level, fleet.markets)


def _full(level: Floats, ago: Floats, fleet: Fleet, tables: CollectionTables) -> Wanted:
    due = ago > np.array([tables.fractions[name].unseen_days for name in fleet.fractions])
    full = np.nan_to_num(level, nan=0.0) >= tables.without_plan.full_above
    expected = np.where(np.isfinite(level), level, _UNKNOWN_LEVEL)
    risk, none = full.astype(np.float64), np.zeros(len(level))
    return Wanted(
        before=none, by_next=risk, by_after=risk, level=expected, load_level=np.minimum(expected, 1.0), due=due,
        required=full | due, candidate=np.zeros(len(level), np.bool_), prize_eur=none,
    )  # fmt: skip


def part(_unit: Unit, task: CollectionTask) -> Part | None:
    """Of a day whose plan is in force, what something has happened to: the rest of the rounds stand."""
    underway = task.underway
    if underway is None or not underway.routes or task.behind.closed:
        return None
    vehicles = {vehicle.id for vehicle in task.problem.vehicles}
    left = [route for route in underway.routes if route.vehicle in vehicles]
    gone = sorted(route.vehicle for route in underway.routes if route.vehicle not in vehicles)
    return Part(underway.of, tuple(gone), pack_standing(left, underway.unserved))


def standing(block: bytes, _named: Sequence[str]) -> bytes:
    """All rounds of a body, as they were planned."""
    found = open_body(block)
    return pack_standing(found.routes, tuple(found.unserved.values()))


DOMAIN = Domain(
    name="collection",
    optimizer="optimizers.routing",
    build=build,
    rules_only=rules_only,
    shift=shift,
    body=body,
    with_plan=with_plan,
    to_setpoints=to_setpoints,
    explain=explain,
    notes=notes,
    facts=facts_of,
    left_out=lambda block, lang: left_out(open_body(block), lang),
    span=collection_day,
    unit=EUR,
    part=part,
    standing=standing,
    unchanged=unchanged,
)
