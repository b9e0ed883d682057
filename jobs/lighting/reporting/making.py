"""A report over nights, from stored plans, counts and meters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import reduce
from operator import add

import numpy as np

from engine.errors import ConsigneError
from engine.instants import noon
from engine.model import PlanRecord
from engine.settings import Settings
from engine.store import Store, Unit
from jobs.bootstrap import Territory
from jobs.lighting.around import Around
from jobs.lighting.body import open_body
from jobs.lighting.domain import DOMAIN, around, presence_seen, traffic_counts
from jobs.lighting.lanes import awake
from jobs.lighting.need import Need, need_of
from jobs.lighting.night import Night, night_of
from jobs.lighting.reporting.costs import Carbon, Costs, load_costs
from jobs.lighting.reporting.figures import By, Group, groups
from jobs.lighting.reporting.ground import Ground, read_ground
from jobs.lighting.reporting.periods import Profile, profile
from jobs.lighting.reporting.tally import Plans, Rates, Tally, tally
from jobs.lighting.tables import tables_of
from jobs.lighting.traffic import counted_traffic
from jobs.lighting.weather import rained
from jobs.metering import consumed
from jobs.nights import in_force_at, named_days, plans_in_force
from optimizers.arrays import Floats

_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class LightingReport:
    """Nights from `first` to `last`, each named by the day whose noon it begins at.

    unplanned     nights without a plan in force, which nothing here counts
    names         INSEE code → commune
    profile       of a single night, its state slot by slot
    """

    first: date
    last: date
    planned: tuple[date, ...]
    unplanned: tuple[date, ...]
    ground: Ground
    tally: Tally
    lit_h_of_year: float
    names: Mapping[str, str]
    costs: Costs
    carbon: tuple[Carbon, ...]
    profile: Profile | None

    def lines(self, by: By) -> tuple[Group, ...]:
        return groups(self.ground, self.tally, by, self.lit_h_of_year)

    @property
    def contracts(self) -> tuple[str, ...]:
        return contracts_of(self.ground, self.costs)


def make_report(
    store: Store, territory: Territory, settings: Settings, first: date, last: date,
    heard: Callable[[int], None] = lambda _: None,
) -> LightingReport:  # fmt: skip
    """Report the nights from one day to another, both included. `heard` is told how many are done.

    Raises ConsigneError where none of them has a plan in force, InputError for no nights or more than 400.
    """
    days = named_days(first, last, "lighting report")
    costs = load_costs(settings.datasets_dir / "reference" / "lighting_costs.yaml")
    ground = read_ground(territory.assets, territory.communes, territory.series_names, tables_of(settings), first)
    heeded = around(territory)
    tallies: list[Tally] = []
    planned: list[date] = []
    shape: Profile | None = None
    with store.read() as unit:
        names = {commune.insee: commune.name for commune in unit.inventory.communes()}
        records = plans_in_force(unit, DOMAIN.name, noon(days[0]), noon(days[-1] + _DAY))
        for done, day in enumerate(days):
            if day in records:
                plans = plans_of(unit, records[day])
                tallies.append(_night(unit, territory, ground, heeded, costs, plans))
                planned.append(day)
                shape = profile(ground, plans) if len(days) == 1 else None
            heard(done + 1)
    if not planned:
        raise ConsigneError(f"lighting: no plan was in force from {first} to {last} → consigne plan list")
    return LightingReport(
        first=first,
        last=last,
        planned=tuple(planned),
        unplanned=tuple(day for day in days if day not in records),
        ground=ground,
        tally=reduce(add, tallies),
        lit_h_of_year=lit_hours(last.year, ground),
        names=names,
        costs=costs,
        profile=shape,
        carbon=tuple(dict.fromkeys(costs.carbon_on(day) for day in planned)),
    )


def contracts_of(ground: Ground, costs: Costs) -> tuple[str, ...]:
    """Names of the contracts that some cabinet has."""
    return tuple(sorted({costs.contract_of(cabinet.id, cabinet.commune) for cabinet in ground.cabinets}))


def lit_hours(year: int, ground: Ground) -> float:
    """Hours of darkness in the nights that begin in a year."""
    nights = (night_of(noon(date(year, 1, 1) + k * _DAY), ground.tables) for k in range(365))
    return sum((night.off_at - night.on_at).total_seconds() for night in nights) / 3600


def _night(
    unit: Unit, territory: Territory, ground: Ground, heeded: Around, costs: Costs, plans: Plans
) -> Tally:  # fmt: skip
    need = need_seen(unit, territory, ground, heeded, plans.night)
    return tally(ground, plans, need, _rates(ground, costs, plans.night), _measured(unit, ground, plans.night))


def need_seen(unit: Unit, territory: Territory, ground: Ground, heeded: Around, night: Night) -> Need:
    """The light that a night turned out to call for: traffic that was counted, rain that was caught, events, orders."""
    came = traffic_counts(unit, territory, night.start, night.until)
    counts = counted_traffic(ground.fleet, night, came, ground.tables)
    wet = replace(heeded, wet=rained(unit, territory, night, ground.tables))
    heard = presence_seen(unit, territory, night.start - ground.tables.lanes.silent_after, night.start)
    return need_of(awake(ground.fleet, night, heard, ground.tables), night, counts, ground.tables, wet)


def plans_of(unit: Unit, records: list[PlanRecord]) -> Plans:
    found = [unit.plans.get(record.id) for record in records]
    bodies = tuple(open_body(one[1]) for one in found if one is not None)
    slots = bodies[-1].slots
    return Plans(bodies, tuple(sum(at < in_force_at(record) for at in slots) for record in records))


def _rates(ground: Ground, costs: Costs, night: Night) -> Rates:
    names = contracts_of(ground, costs)
    index = {name: i for i, name in enumerate(names)}
    contract = [index[costs.contract_of(cabinet.id, cabinet.commune)] for cabinet in ground.cabinets]
    eur = np.array(costs.prices(names, night.local))
    return Rates(eur, np.array(contract), costs.carbon_on(night.local[0].date()).g_per_kwh)


def _measured(unit: Unit, ground: Ground, night: Night) -> Floats:
    kwh = consumed(unit, ground.meter.values(), night.start, night.until)
    return np.array([kwh.get(ground.meter.get(cabinet.id, -1), np.nan) for cabinet in ground.cabinets])
