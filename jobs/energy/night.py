"""What a day of the demo's buildings came to, beside what it would have under their timetables and self-consumption.

The other day is lived by the same buildings of the twin under the same sky, with the same people and faults: heating by
the controllers' own timetable, batteries that keep their meters at nothing, vehicles charged at once.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from engine.instants import PARIS, to_us
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.energy.body import Body, open_body
from jobs.energy.calendar import calendar_of
from jobs.energy.contracts import Terms
from jobs.energy.contracts_read import contracts_known
from jobs.energy.occupancy import occupancy
from jobs.energy.signals import signals_of
from jobs.energy.sites import Site, Sites, Span, read_sites, terms_of
from jobs.energy.state import read_told
from jobs.energy.tables import EnergyTables, tables_of
from jobs.nights import in_force_at, in_turn
from jobs.words import Lang, labelled, labelled_as, number, say
from optimizers.arrays import Floats
from twin.faults import Faults
from twin.field.power import Powered
from twin.field.story import Story

QUARTER = timedelta(minutes=15)
CLOSE_K = 0.5
"""A room half a kelvin below what is wanted is warm: no thermostat holds better."""
_QUARTER_H = 0.25
_KWH = 1000.0
_TOLD = frozenset(
    ("totalActivePower", "totalActiveEnergyImport", "energyConsumed", "temperature", "vehicleConnected", "energyWanted")
)
Series = Mapping[tuple[str, str], tuple[Floats, Floats]]
"""By asset and property, when (µs) something was told, and what."""


@dataclass(frozen=True)
class BuildingsDay:
    """What all of them came to: kWh bought, fed in and of heat; money; hours with people in and those of them that were
    warm; what vehicles lacked at their leave. By building the highest quarter of an hour bought, in W."""

    import_kwh: float
    export_kwh: float
    heat_kwh: float
    eur: float
    occupied_h: float
    warm_h: float
    lacking_kwh: float
    peak_w: Mapping[str, float]


@dataclass(frozen=True)
class EnergyNight:
    """Measured, by the fixed timetable with self-consumption, and as plans in force had it; contracted power in W by
    building; how many plans there were; a point and an instant worth asking about."""

    measured: BuildingsDay
    fixed: BuildingsDay
    planned_kwh: float
    planned_eur: float
    contracted_w: Mapping[str, float]
    plans: int
    ask: str

    @property
    def over_w(self) -> float:
        """By how much the contracted power was passed at most, of a quarter of an hour."""
        return max((w - self.contracted_w[name] for name, w in self.measured.peak_w.items()), default=0.0)

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"over_w": max(self.over_w, 0.0)}


def measure_energy(
    unit: Unit, territory: Territory, settings: Settings, start: datetime, until: datetime, story: Path
) -> EnergyNight | None:  # fmt: skip
    """What came of the day that a story tells; None where no plan was in force, or the story has no buildings."""
    bodies = list(_bodies(unit, start, until))
    told_story = Story.load(story)
    if not bodies or not told_story.premises:
        return None
    contracts, tables = contracts_known(unit, settings), tables_of(settings)
    sites = read_sites(territory, contracts, tables)
    slots = Span.between(start, until - QUARTER, QUARTER)  # the last thing told is a quarter before the end
    signals = signals_of(unit, settings, contracts, start, slots.starts, slots.seconds)
    terms = terms_of(contracts, sites, slots.starts, slots.seconds, signals)
    day = _Day(sites, slots, terms, tables, settings)
    found = _planned(bodies, until)
    return EnergyNight(
        measured=day.came_to(_heard(unit, territory, sites, start, until)),
        fixed=day.came_to(_lived(territory, told_story, until)),
        planned_kwh=sum(kwh for kwh, _ in found),
        planned_eur=sum(eur for _, eur in found),
        contracted_w={
            site.name: float(one.import_limit_w.min()) for site, one in zip(sites, terms, strict=True)
        },
        plans=len(bodies),
        ask=_ask(bodies),
    )  # fmt: skip


def _bodies(unit: Unit, start: datetime, until: datetime) -> Iterator[tuple[datetime, Body]]:
    """Plans that were in force, each from when it was put."""
    for record in in_turn(unit, "energy", start - QUARTER, until):
        if (found := unit.plans.get(record.id)) is not None:
            yield in_force_at(record), open_body(found[1])


def _planned(bodies: Sequence[tuple[datetime, Body]], until: datetime) -> list[tuple[float, float]]:
    """kWh bought and money of each plan, of the slots in which it was the newest."""
    ends = [at for at, _ in bodies[1:]] + [until]
    return [_worth(body, body.slot_at(at), body.slot_at(end)) for (at, body), end in zip(bodies, ends, strict=True)]


def _worth(body: Body, first: int, last: int) -> tuple[float, float]:
    problem, spent = body.problem, slice(first, last)
    hours = problem.horizon.hours[spent]
    net = body.meter_w[:, spent] * hours / _KWH
    bought, sold = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    sites = problem.sites
    eur = float((bought * sites.import_eur_kwh[:, spent] - sold * sites.export_eur_kwh[:, spent]).sum())
    if (rooms := problem.rooms) is not None:
        fuel = body.columns["room_heat_w"][:, spent] / rooms.cop[:, spent] * hours / _KWH
        eur += float((fuel * rooms.fuel_eur_kwh[:, spent])[~rooms.electric].sum())
    return float(bought.sum()), eur


def _ask(bodies: Sequence[tuple[datetime, Body]]) -> str:
    """A point and an instant worth asking about: the battery that is moved most."""
    _, body = bodies[len(bodies) // 2]
    cells = body.problem.batteries
    if cells is None:
        return f"{body.problem.sites.names[0]}/heatingSetpoint {_local(body.slots.start)}"
    b, t = np.unravel_index(int(np.argmax(np.abs(body.power_w[:, :96]))), body.power_w[:, :96].shape)
    return f"{cells.names[int(b)]}/importMost {_local(body.slots.starts[int(t)])}"


def _local(at: datetime) -> str:
    return at.astimezone(PARIS).isoformat(timespec="minutes")


def _heard(unit: Unit, territory: Territory, sites: Sites, start: datetime, until: datetime) -> Series:
    rows = read_told(unit, territory, _asked(sites), _TOLD, start, until)
    return _series(rows)


def _asked(sites: Sites) -> Collection[str]:
    return {
        name
        for site in sites
        for name in (site.meter, *site.probes, *site.heat_meters, *(charger.id for charger in site.chargers))
    }


def _series(rows: pl.DataFrame) -> Series:
    return {
        (of["asset"][0], of["property"][0]): (of["observed_at"].to_numpy().astype(np.float64), of["value"].to_numpy())
        for of in rows.partition_by("asset", "property", maintain_order=True)
    }


class _Rule:
    """A battery keeps its meter at nothing, a station gives all it can; all else does what it does by itself."""

    def __init__(self, stations: Collection[str]) -> None:
        self._stations = stations

    def asked(self, asset: str, point: str, at: datetime) -> float | None:  # noqa: ARG002 - at all times alike
        if point in {"importLeast", "importMost"}:
            return 0.0
        return np.inf if point == "powerLimit" and asset in self._stations else None


def _lived(territory: Territory, story: Story, until: datetime) -> Series:
    """The same day in the twin under the rule."""
    told: list[tuple[str, str, int, float]] = []
    for one in story.premises:
        hung = [asset for asset in territory.assets if asset.parent == one.building]
        building = next(asset for asset in territory.assets if asset.id == one.building)
        lived = Powered(building, hung, one, story, Faults(story.faults))
        lived.house.obey(_Rule(one.stations.keys()))
        at = story.start_at
        while at < until:
            told += [
                (found["asset"], found["property"], to_us(at), float(found["value"]))
                for found in lived.readings(at)
                if found["property"] in _TOLD
            ]
            at += QUARTER
    columns = {"asset": pl.String, "property": pl.String, "observed_at": pl.Int64, "value": pl.Float64}
    return _series(pl.DataFrame(told, columns, orient="row"))


@dataclass(frozen=True, eq=False)
class _Day:
    """What is known of a day's buildings whoever ran them."""

    sites: Sites
    slots: Span
    terms: Sequence[Terms]
    tables: EnergyTables
    settings: Settings

    def came_to(self, told: Series) -> BuildingsDay:
        """What meters, probes and stations told."""
        ends = np.array([to_us(at) for at in (*self.slots.starts, self.slots.until)], np.float64)
        bought, sold, heat = (np.zeros((len(self.sites), len(self.slots))) for _ in range(3))
        warm = np.zeros(2)
        for i, site in enumerate(self.sites):
            bought[i] = np.diff(_at(told, (site.meter, "totalActiveEnergyImport"), ends))
            sold[i] = np.maximum(-_at(told, (site.meter, "totalActivePower"), ends)[1:], 0.0) / _KWH * _QUARTER_H
            heat[i] = sum(np.diff(_at(told, (one, "energyConsumed"), ends)) for one in site.heat_meters)
            warm += self._warm(site, told, ends)
        return BuildingsDay(
            import_kwh=float(bought.sum()),
            export_kwh=float(sold.sum()),
            heat_kwh=float(heat.sum()),
            eur=sum(self._eur(i, bought[i], sold[i], heat[i]) for i in range(len(self.sites))),
            occupied_h=float(warm[0]),
            warm_h=float(warm[1]),
            lacking_kwh=sum(_lacking(told, charger.id) for site in self.sites for charger in site.chargers),
            peak_w={site.name: float(bought[i].max() * _KWH / _QUARTER_H) for i, site in enumerate(self.sites)},
        )

    def _eur(self, i: int, bought: Floats, sold: Floats, heat: Floats) -> float:
        terms, site = self.terms[i], list(self.sites)[i]
        fuel = self.tables.heat.get(site.heat)
        eur = float(bought @ terms.import_eur_kwh - sold @ terms.export_eur_kwh)
        if fuel is None or fuel.electric:
            return eur
        return eur + float(heat.sum()) / fuel.cop[0] * fuel.fuel_eur_kwh

    def _warm(self, site: Site, told: Series, ends: Floats) -> Floats:
        """Hours with people in, and those of them that were warm."""
        present = occupancy(site.use, self.slots, self.tables, calendar_of(self.settings)).present > 0
        probes = [_at(told, (probe, "temperature"), ends)[1:] for probe in site.probes]
        if not probes:
            return np.zeros(2)
        warm = np.mean(probes, axis=0) >= self.tables.of_use(site.use).present - CLOSE_K
        return _QUARTER_H * np.array([present.sum(), (present & warm).sum()], np.float64)


def _at(told: Series, name: tuple[str, str], at: Floats) -> Floats:
    """A series at instants, drawn straight between what was told; 0 for one that told nothing."""
    if name not in told:
        return np.zeros_like(at)
    found: Floats = np.interp(at, *told[name])
    return found


def _lacking(told: Series, charger: str) -> float:
    """kWh that vehicles wanted and had not when they left."""
    connected, wanted = (told.get((charger, name)) for name in ("vehicleConnected", "energyWanted"))
    if connected is None or wanted is None:
        return 0.0
    there = np.interp(wanted[0], *connected) > 0.5
    left = there[:-1] & ~there[1:]
    return float(wanted[1][:-1][left].sum()) / _KWH


def energy_facts(found: EnergyNight, lang: Lang) -> list[tuple[str, str]]:
    """Lines of the demo's table. One day says nothing of savings."""
    day, fixed = found.measured, found.fixed
    bought, other, planned = (
        f"{number(kwh, lang)} kWh" for kwh in (day.import_kwh, fixed.import_kwh, found.planned_kwh)
    )
    paid, otherwise, expected = (f"{number(eur, lang, 2)} €" for eur in (day.eur, fixed.eur, found.planned_eur))
    rows = [("buildings_planned", f"{planned}, {expected} ({say('buildings_plans', lang, plans=found.plans)})")]
    rows += [("buildings_measured", f"{bought}, {paid}"), ("buildings_fixed", f"{other}, {otherwise}")]
    for key, one in (("buildings_warm", day), ("buildings_warm_fixed", fixed)):
        some = say("some_of", lang, some=number(one.warm_h, lang, 1), all=number(one.occupied_h, lang, 1))
        rows.append((key, f"{some} h"))
    for name, most in found.contracted_w.items():
        kw = {"some": number(day.peak_w[name] / 1e3, lang, 1), "all": number(most / 1e3, lang, 1)}
        rows.append(("buildings_peak", labelled_as(name, lang, f"{say('some_of', lang, **kw)} kW")))
    lacking = (
        f"{number(day.lacking_kwh, lang, 1)} kWh ({labelled('fixed_short', lang, number(fixed.lacking_kwh, lang, 1))})"
    )
    return [(say(key, lang), value) for key, value in [*rows, ("buildings_lacking", lacking)]]
