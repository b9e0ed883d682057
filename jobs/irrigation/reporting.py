"""What is known of hydrozones now, and what nights of watering came to, by network and garden."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from engine.errors import ConsigneError
from engine.instants import PARIS, from_us, noon
from engine.model import PlanRecord
from engine.settings import Settings
from engine.store import Store, Unit
from jobs.bootstrap import Territory
from jobs.irrigation.belief import SoilNow, believed, watered_m3
from jobs.irrigation.body import Body, open_body
from jobs.irrigation.domain import irrigation_day, zones_of
from jobs.irrigation.history import Days, read_history
from jobs.irrigation.tables import IrrigationTables, tables_of
from jobs.irrigation.zones import Zones
from jobs.metering import LOOK_BACK, consumed
from jobs.nights import named_days, plans_in_force
from optimizers.arrays import Floats

_DAY = timedelta(days=1)
_METER_TOLD = timedelta(hours=6)
"""A network's newest reading at noon may be so old: then little is watered."""
_OPEN = 0.05


@dataclass(frozen=True, slots=True)
class ZoneState:
    """A hydrozone at an instant. mm below field capacity; `known_by`: probe, borrowed or balance; `verdict` of its own
    probe. `cycles` and `m3` of the night that is coming or going on, None where it has no plan. `left_out`: why it is
    not planned, and nothing else is known then.
    """

    valve: str
    garden: str = ""
    planting: str = ""
    depletion_mm: float | None = None
    raw_mm: float | None = None
    taw_mm: float | None = None
    sd_mm: float | None = None
    known_by: str = ""
    probe: str = ""
    verdict: str = ""
    watered_at: datetime | None = None
    cycles: int | None = None
    m3: float | None = None
    left_out: str = ""

    @property
    def lacks(self) -> bool:
        """Whether its plants are believed to lack water."""
        return self.depletion_mm is not None and self.raw_mm is not None and self.depletion_mm > self.raw_mm


def zone_states(unit: Unit, territory: Territory, settings: Settings, at: datetime) -> list[ZoneState]:
    """Every hydrozone as it is believed to be at an instant, those that are left out last."""
    tables = tables_of(settings)
    zones = zones_of(territory, tables, at)
    if not len(zones):
        return [ZoneState(valve, left_out=why) for valve, why in zones.left_out.items()]
    known = believed(unit, territory, zones, at, tables)
    plan = _tonight(unit, at)
    watered = _watered_at(unit, territory, zones, at, tables)
    found = [_state(zones, z, known, plan, watered.get(valve)) for z, valve in enumerate(zones.valves)]
    return [*found, *(ZoneState(valve, left_out=why) for valve, why in zones.left_out.items())]


def _state(zones: Zones, z: int, known: SoilNow, plan: Body | None, watered_at: datetime | None) -> ZoneState:
    valve, probe, replayed = zones.valves[z], zones.probe[z], known.replayed
    borrowed = bool(replayed.lender[z])
    planned = plan is not None and valve in plan.valves
    return ZoneState(
        valve=valve,
        garden=zones.garden[z],
        planting=zones.planting[z],
        depletion_mm=float(known.belief.depletion_mm[z]),
        raw_mm=float(replayed.run.raw_mm[-1, z]),
        taw_mm=float(zones.root_zone.taw_mm[z]),
        sd_mm=float(known.belief.sd_mm[z]),
        known_by="borrowed" if borrowed else "probe" if replayed.measured[z] else "balance",
        probe=replayed.lender[z] or probe,
        verdict=known.verdicts[probe].value if probe in known.verdicts else "",
        watered_at=watered_at,
        cycles=sum(name == valve for name, _, _ in plan.openings) if plan is not None and planned else None,
        m3=plan.planned_m3[valve] if plan is not None and planned else None,
    )


def _tonight(unit: Unit, at: datetime) -> Body | None:
    start, until = irrigation_day(at)
    records = plans_in_force(unit, "irrigation", start, until).get(start.astimezone(PARIS).date(), [])
    return body_of(unit, records)


def body_of(unit: Unit, records: Sequence[PlanRecord]) -> Body | None:
    """Of a night's plans the last one: it holds what was done of those before it."""
    found = unit.plans.get(records[-1].id) if records else None
    return open_body(found[1]) if found is not None else None


def _watered_at(
    unit: Unit, territory: Territory, zones: Zones, at: datetime, tables: IrrigationTables
) -> dict[str, datetime]:  # fmt: skip
    """When each valve was last seen open, of those that were within the days that are replayed."""
    days = Days(at, tables.plan.replay // _DAY)
    rows = read_history(unit, territory, zones.valves, ("opening",), days).filter(pl.col("value") > _OPEN)
    last = rows.group_by("asset").agg(pl.col("observed_at").max())
    return {valve: from_us(us) for valve, us in last.iter_rows()}


@dataclass(frozen=True, slots=True)
class Water:
    """Of some hydrozones over some nights, m³: planned; measured, None where nobody did; what the monthly timer gives.

    stress_days: evenings, hydrozone by hydrozone, on which plants were believed to lack water.
    """

    zones: int
    planned_m3: float
    measured_m3: float | None
    timer_m3: float
    stress_days: int

    def to_json(self) -> dict[str, float | int | None]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True)
class WaterReport:
    """Nights from `first` to `last`, each named by the day whose noon it begins at; `unplanned` are counted nowhere."""

    first: date
    last: date
    planned: tuple[date, ...]
    unplanned: tuple[date, ...]
    networks: Mapping[str, Water]
    gardens: Mapping[str, Water]
    territory: Water


def water_report(
    store: Store, territory: Territory, settings: Settings, first: date, last: date,
    heard: Callable[[int], None] = lambda _: None,
) -> WaterReport:  # fmt: skip
    """Report the nights from one day to another, both included. `heard` is told how many are done.

    Raises ConsigneError where none of them has a plan in force, InputError for no nights or more than 400.
    """
    days, tables = named_days(first, last, "irrigation report"), tables_of(settings)
    nights: list[_Night] = []
    with store.read() as unit:
        records = plans_in_force(unit, "irrigation", noon(days[0]), noon(days[-1] + _DAY))
        for done, day in enumerate(days):
            if (body := body_of(unit, records.get(day, []))) is not None:
                nights.append(_night(unit, territory, tables, day, body))
            heard(done + 1)
    if not nights:
        raise ConsigneError(f"irrigation: no plan was in force from {first} to {last} → consigne plan list")
    planned = tuple(night.day for night in nights)
    return WaterReport(
        first=first,
        last=last,
        planned=planned,
        unplanned=tuple(day for day in days if day not in planned),
        networks=_by(nights, lambda night: night.network, lambda night: night.metered_m3),
        gardens=_by(nights, lambda night: night.garden, lambda _: {}),
        territory=_all(nights),
    )


@dataclass(frozen=True, eq=False)
class _Night:
    """Of each hydrozone (n,); metered_m3 by network."""

    day: date
    network: tuple[str, ...]
    garden: tuple[str, ...]
    planned_m3: Floats
    seen_m3: Floats
    timer_m3: Floats
    dry: Floats
    metered_m3: Mapping[str, float]


def _night(unit: Unit, territory: Territory, tables: IrrigationTables, day: date, body: Body) -> _Night:
    zones = zones_of(territory, tables, noon(day))
    place = {valve: z for z, valve in enumerate(zones.valves)}
    planned, problem = body.planned_m3, body.problem
    rows = [place.get(valve, -1) for valve in body.valves]
    seen = watered_m3(unit, territory, zones, Days(noon(day + _DAY), 1), tables)[0]
    names = problem.networks.names
    return _Night(
        day=day,
        network=tuple(names[n] for n in problem.hydrozones.network.tolist()),
        garden=tuple(body.head["garden"]),
        planned_m3=np.array([planned[valve] for valve in body.valves]),
        seen_m3=np.array([seen[z] if z >= 0 else 0.0 for z in rows]),
        timer_m3=body.columns["usual_m3"],
        dry=(problem.hydrozones.depletion_mm > body.columns["raw_mm"]).astype(np.float64),
        metered_m3=metered_m3(unit, territory, names, noon(day), noon(day + _DAY), _METER_TOLD),
    )


def metered_m3(
    unit: Unit, territory: Territory, networks: Collection[str], start: datetime, until: datetime,
    look_back: timedelta = LOOK_BACK,
) -> dict[str, float]:  # fmt: skip
    """What the meters of networks counted, see `consumed`; without networks whose meter was silent at either end."""
    meters = {of: n for n, (of, name) in territory.series_names.items() if name == "waterConsumed" and of in networks}
    gained = consumed(unit, meters.values(), start, until, look_back)
    return {network: gained[n] for network, n in meters.items() if n in gained}


def _by(
    nights: Sequence[_Night], names: Callable[[_Night], Sequence[str]],
    metered: Callable[[_Night], Mapping[str, float]],
) -> dict[str, Water]:  # fmt: skip
    """By name, in order. Measured is what a meter of its own says every night, else what its valves do."""
    found = sorted({name for night in nights for name in names(night)})
    return {
        name: _water(
            [(night, np.array([one == name for one in names(night)])) for night in nights],
            [metered(night).get(name) for night in nights],
        )
        for name in found
    }


def _all(nights: Sequence[_Night]) -> Water:
    by_meter = [
        sum(night.metered_m3.values()) if set(night.network) <= set(night.metered_m3) else None for night in nights
    ]
    return _water([(night, np.ones(len(night.network), np.bool_)) for night in nights], by_meter)


def _water(parts: Sequence[tuple[_Night, np.ndarray]], metered: Sequence[float | None]) -> Water:
    by_meter = [one for one in metered if one is not None]
    by_valve = sum(float(night.seen_m3[mine].sum()) for night, mine in parts)
    return Water(
        zones=max(int(mine.sum()) for _, mine in parts),
        planned_m3=sum(float(night.planned_m3[mine].sum()) for night, mine in parts),
        measured_m3=sum(by_meter) if len(by_meter) == len(parts) else by_valve,
        timer_m3=sum(float(night.timer_m3[mine].sum()) for night, mine in parts),
        stress_days=int(sum(night.dry[mine].sum() for night, mine in parts)),
    )
