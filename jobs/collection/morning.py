"""What a day of rounds came to: planned, emptied and left, beside what a fixed calendar would have driven."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import polars as pl

from engine.instants import PARIS, to_us
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.collection.body import Body
from jobs.collection.choosing import wanted_of
from jobs.collection.day import collection_day
from jobs.collection.fills import fills_of
from jobs.collection.fleet import Fleet, fleet_of
from jobs.collection.roads import roads_known
from jobs.collection.rounds.in_force import rounds_on
from jobs.collection.state import State
from jobs.collection.tables import tables_of
from jobs.collection.task import build_problem
from jobs.irrigation.history import Days, read_history
from jobs.nights import plans_in_force
from jobs.story.waste import CALENDAR
from optimizers.result import Limits
from optimizers.routing import solve

_FULL = 0.95
_DAYS_OF_SERVICE = 6  # a week
_LIMITS = Limits(seconds=2.0, work=200)


@dataclass(frozen=True)
class CollectionDay:
    """A day's rounds. Kilometres are planned ones, done and to do.

    plans        that were put in force of it
    planned      containers that the last plan empties; `emptied` those of which a crew told that it did
    left         by container, what a crew met that did not empty it
    full_before, full_after   containers whose sensor told last that they are full, 95 % or more
    fixed_km     by kind of waste, a round to all its containers by the same solver; `mean_fixed_km` of a day of service
    ask          a container and a truck worth asking about, and when the truck is in the middle of its round
    """

    day: date
    plans: int
    trucks: int
    containers: int
    planned: int
    emptied: int
    left: Mapping[str, str]
    km: float
    kg: float
    full_before: int
    full_after: int
    fixed_km: Mapping[str, float]
    ask: tuple[str, str, datetime]

    @property
    def mean_fixed_km(self) -> float:
        """On a day of service, by how often the calendar has each kind emptied."""
        times = {kind: len(weekdays) / every for kind, (weekdays, every) in CALENDAR.items()}
        return sum(km * times.get(kind, 1.0) for kind, km in self.fixed_km.items()) / _DAYS_OF_SERVICE

    def totals(self) -> dict[str, float]:
        """What follows from the rest."""
        return {"mean_fixed_km": self.mean_fixed_km}


def measure_collection(
    unit: Unit, territory: Territory, settings: Settings, day: date, until: datetime
) -> CollectionDay | None:
    """What came of a collection day by an instant; None where no round was planned."""
    found = rounds_on(unit, territory, day)
    if found is None or not found.body.days:
        return None
    fleet = fleet_of(territory, tables_of(settings))
    start = found.body.start
    told = read_history(unit, territory, fleet.names, ("cargoWeight", "exception", "fillingLevel"), Days(until, 4))
    weighed, met = (_of_day(told, name, start) for name in ("cargoWeight", "exception"))
    choices = territory.catalogue.types["WasteContainer"].properties["exception"].choices
    plans = plans_in_force(unit, "collection", *collection_day(start)).get(start.astimezone(PARIS).date(), [])
    return CollectionDay(
        day=day,
        plans=len(plans),
        trucks=len(found.body.days),
        containers=len(fleet.names),
        planned=len(found.body.served),
        emptied=len(weighed),
        left={name: choices[round(what)] for name, what in met.items() if choices[round(what)] != "none"},
        km=found.body.distance_m / 1000,
        kg=sum(weighed.values()),
        full_before=_full(told, start),
        full_after=_full(told, until),
        fixed_km=fixed_km(unit, territory, settings, fleet, (start, found.body.until)),
        ask=_ask(found.body),
    )


def _of_day(told: pl.DataFrame, name: str, start: datetime) -> dict[str, float]:
    """By container, what was told last since an instant."""
    rows = told.filter((pl.col("property") == name) & (pl.col("observed_at") >= to_us(start)))
    return dict(rows.select("asset", "value").iter_rows())


def _full(told: pl.DataFrame, at: datetime) -> int:
    rows = told.filter((pl.col("property") == "fillingLevel") & (pl.col("observed_at") <= to_us(at)))
    last: dict[str, float] = dict(rows.select("asset", "value").iter_rows())
    return sum(level >= _FULL for level in last.values())


def _ask(found: Body) -> tuple[str, str, datetime]:
    """The container with most in it among those that are emptied, the truck that has most to do, and the end of a stop
    in the middle of it.
    """
    fullest = max(found.served, key=lambda name: (found.expected(name)[0], name), default="")
    busiest = max(found.days, key=lambda truck: (len(found.days[truck]), truck))
    visits = found.days[busiest]
    return fullest, busiest, found.instant(visits[len(visits) // 2].visit.end_s)


def fixed_km(
    unit: Unit, territory: Territory, settings: Settings, fleet: Fleet, day: tuple[datetime, datetime]
) -> dict[str, float]:  # fmt: skip
    """By kind of waste, what all trucks of it would drive to empty every container, as full as they are then, by the
    same solver.
    """
    tables = tables_of(settings)
    fills = fills_of(unit, territory, fleet, day[0], tables)
    wanted, none = wanted_of(fleet, fills, tables, day), np.zeros(len(fills), np.bool_)
    found = {}
    for kind in sorted(set(fleet.fractions)):
        all_of_it = replace(wanted, required=np.array([one == kind for one in fleet.fractions]), candidate=none)
        task = build_problem(
            fleet, fills, State({}, {}), tables, day, find=roads_known(settings).ways, wanted=all_of_it
        )  # fmt: skip
        plan = solve(task.problem, _LIMITS)
        found[kind] = sum(route.distance_m for route in plan.routes) / 1000
    return found
