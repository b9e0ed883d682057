"""What following plans of batteries has cost beside plain self-consumption, building by building, and when they are
dropped for it. All of it is reckoned anew from readings, contracts and plans as they are stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from engine.alarms import Clear, Raise, Subject, current, move
from engine.instants import PARIS, isoformat, slots
from engine.model import Priority
from engine.settings import Settings
from engine.store import Unit
from engine.store.ledger import RunReport
from jobs.asking import URGENT, note_replans
from jobs.bootstrap import Territory
from jobs.energy.body import Body, open_body
from jobs.energy.contracts import Terms
from jobs.energy.contracts_read import contracts_known
from jobs.energy.past import QUARTER, Key, held, quarters_of
from jobs.energy.signals import signals_of
from jobs.energy.sites import Site, read_sites, terms_of
from jobs.energy.tables import EnergyTables, tables_of
from jobs.nights import in_force_at, in_force_then, in_turn
from optimizers.arrays import Bools, Floats
from optimizers.energy import Cell, SelfUse, battery_power_w
from optimizers.energy.regret import Bound, behind_eur, judge
from optimizers.energy.selfuse import simulate

RULE = "energy-plan-dropped"
_KEPT = "energy/regret"
"""Key of what the last look found, by building."""
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_SECONDS = QUARTER.total_seconds()


@dataclass(frozen=True, kw_only=True)
class Regret:
    """Of one building's batteries together, at an instant.

    paid_eur, rule_eur   of the running week, of quarter hours that were measured: `known` is their share
    loss_eur             of it beside the rule, with what is stored less than the rule's battery would hold
    most_eur             from which on plans are dropped
    since                when they were, None where they are followed
    """

    site: str
    zone: str
    paid_eur: float
    rule_eur: float
    loss_eur: float
    most_eur: float
    known: float
    since: datetime | None

    def to_json(self) -> dict[str, Any]:
        since = None if self.since is None else isoformat(self.since)
        figures = {name: round(getattr(self, name), 3) for name in _FIGURES}
        return {"site": self.site, **figures, "dropped_since": since}


_FIGURES = ("paid_eur", "rule_eur", "loss_eur", "most_eur", "known")


def regrets(unit: Unit, territory: Territory, settings: Settings, at: datetime) -> list[Regret]:
    """Of every building with batteries, by what was stored of the weeks before an instant; in order of their ids.

    It counts from the first plan on: what batteries did before any, at rest perhaps, is no plan's doing.
    """
    tables, contracts = tables_of(settings), contracts_known(unit, settings)
    sites = [site for site in read_sites(territory, contracts, tables) if site.batteries]
    first = _monday(at) - tables.regret.weeks * _WEEK
    begun = min(map(in_force_at, in_turn(unit, "energy", first - 2 * _DAY, at)), default=at)
    first = max(first, begun + (_monday(at) - begun) % QUARTER)
    starts = slots(first, at - (at - _monday(at)) % QUARTER, QUARTER)
    if not sites or not starts:
        return []
    measured = _measured(unit, territory, sites, starts)
    signals = signals_of(unit, settings, contracts, at, starts, [_SECONDS] * len(starts))
    terms = terms_of(contracts, sites, starts, [_SECONDS] * len(starts), signals)
    cells = [_cell(site) for site in sites]
    rule_w, rule_wh = _by_the_rule(measured, cells)
    found = []
    for i, site in enumerate(sites):
        of = _Watched(unit, site, cells[i], terms[i], tables, starts, measured.of(i), rule_w[i], rule_wh[i])
        found.append(of.regret(at))
    return found


def _monday(at: datetime) -> datetime:
    """When the week of an instant began in Paris."""
    local = at.astimezone(PARIS).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (local - local.weekday() * _DAY).replace(tzinfo=PARIS).astimezone(UTC)


@dataclass(frozen=True, eq=False)
class _Measured:
    """(n, Q) of buildings: drawn without their batteries, what these did, what they held; NaN where not known."""

    net_w: Floats
    power_w: Floats
    stored_wh: Floats

    def of(self, i: int) -> "_Measured":
        return _Measured(self.net_w[i], self.power_w[i], self.stored_wh[i])


def _measured(unit: Unit, territory: Territory, sites: Sequence[Site], starts: Sequence[datetime]) -> _Measured:
    keys: dict[Key, None] = {}
    for site in sites:
        keys[site.meter, "totalActivePower"] = None
        keys |= {(b.id, name): None for b in site.batteries for name in ("power", "stateOfCharge")}
    grid = quarters_of(unit, territory, list(keys), starts[0], len(starts))
    known = dict(zip(keys, grid.T, strict=True))
    power = np.stack([sum_of([held(known[b.id, "power"]) for b in site.batteries]) for site in sites])
    charge = [[known[b.id, "stateOfCharge"] * float(b.attributes["capacity_wh"]) for b in s.batteries] for s in sites]
    stored = np.stack([sum_of([held(row, len(starts)) for row in rows]) for rows in charge])
    meter = np.stack([known[site.meter, "totalActivePower"] for site in sites])
    return _Measured(meter - power, power, stored)


def sum_of(rows: Sequence[Floats]) -> Floats:
    """Of one row or more; NaN where one is."""
    total: Floats = np.sum(np.stack(rows), axis=0)
    return total


def _cell(site: Site) -> Cell:
    """All batteries of a building as one: they move together, by one meter."""
    told = [battery.attributes for battery in site.batteries]
    capacity = np.array([float(of["capacity_wh"]) for of in told])

    def mean(name: str, otherwise: float) -> float:
        return float(np.average([float(of.get(name, otherwise)) for of in told], weights=capacity))

    return Cell(
        capacity_wh=float(capacity.sum()),
        charge_max_w=float(sum(float(of["charge_max_w"]) for of in told)),
        discharge_max_w=float(sum(float(of["discharge_max_w"]) for of in told)),
        charge_efficiency=mean("charge_efficiency", 0.95),
        discharge_efficiency=mean("discharge_efficiency", 0.95),
        floor_wh=mean("reserve", 0.0) * float(capacity.sum()),
    )


def _by_the_rule(measured: _Measured, cells: Sequence[Cell]) -> tuple[Floats, Floats]:
    """(n, Q) what plain self-consumption would have done, and have stored, from what was stored when it began."""
    every = Cell(**{name: np.array([getattr(cell, name) for cell in cells]) for name in Cell.__dataclass_fields__})
    first = [_first_known(row, float(cell.floor_wh)) for row, cell in zip(measured.stored_wh, cells, strict=True)]
    count = measured.net_w.shape[1]
    return simulate(SelfUse.plain(count), measured.net_w, np.full(count, _SECONDS), every, np.array(first))


def _first_known(row: Floats, otherwise: float) -> float:
    known = np.flatnonzero(np.isfinite(row))
    return float(row[known[0]]) if known.size else otherwise


@dataclass(frozen=True, eq=False)
class _Watched:
    """One building over Q quarter hours."""

    unit: Unit
    site: Site
    cell: Cell
    terms: Terms
    tables: EnergyTables
    starts: Sequence[datetime]
    measured: _Measured
    rule_w: Floats
    rule_wh: Floats

    def regret(self, at: datetime) -> Regret:
        known: Bools = np.isfinite(self.measured.net_w) & np.isfinite(self.measured.power_w)
        paid, rule = (self._cost(power, known) for power in (self.measured.power_w, self.rule_w))
        week = np.array([_monday(start).toordinal() for start in (*self.starts, at)])
        bound = self._bound(rule, known)
        behind = self._behind()
        verdict = judge(_now(paid), _now(rule), _now(paid), week, bound, _now(behind, last=True))
        if (first := int(verdict.drops[0]) if verdict.drops.size else paid.size) < paid.size:
            plan = np.where(np.arange(paid.size) < first, paid, self._cost(self._planned(first), known))
            verdict = judge(_now(paid), _now(rule), _now(plan), week, bound, _now(behind, last=True))
        running = week[:-1] == week[-1]
        dropped = bool(verdict.dropped[-1])
        return Regret(
            site=self.site.name,
            zone=self.site.building.zone,
            paid_eur=float(paid[running].sum()),
            rule_eur=float(rule[running].sum()),
            loss_eur=float(verdict.loss_eur[-1]),
            most_eur=bound.most_eur,
            known=float(known[running].mean()) if running.any() else 0.0,
            since=(*self.starts, at)[int(verdict.drops[-1])] if dropped else None,
        )

    def _bound(self, rule: Floats, known: Bools) -> Bound:
        entry = self.tables.regret
        weeks = max(known.sum() * _SECONDS / _WEEK.total_seconds(), 1.0)
        most = max(entry.most_eur, entry.most_share * float(rule.sum()) / weeks)
        return Bound(most_eur=most, back_eur=entry.back_eur, back_slots=round(_WEEK / QUARTER))

    def _cost(self, power_w: Floats, known: Bools) -> Floats:
        """(Q,) EUR, wear of the battery and what is beyond the contract in it; 0 where it was not measured."""
        terms, meter = self.terms, self.measured.net_w + power_w
        bought, sold = np.maximum(meter, 0.0), np.maximum(-meter, 0.0)
        beyond = np.maximum(bought - terms.import_limit_w, 0.0)
        wear = self.tables.battery.wear_eur_kwh * np.maximum(-power_w, 0.0)
        eur = bought * terms.weighed_eur_kwh - sold * terms.export_eur_kwh + beyond * terms.over_eur_kwh + wear
        return np.where(known, eur * _SECONDS / 3600.0 / 1000.0, 0.0)

    def _behind(self) -> Floats:
        stored = np.where(np.isfinite(self.measured.stored_wh), self.measured.stored_wh, self.rule_wh)
        buy, sell = (np.maximum(of, 0.0) for of in (self.terms.weighed_eur_kwh, self.terms.export_eur_kwh))
        return behind_eur(stored, self.rule_wh, buy, sell, self.cell)

    def _planned(self, first: int) -> Floats:
        """(Q,) what the battery would have done by the plans in force from a quarter hour on, though they were dropped;
        at rest where there was none.
        """
        power = np.zeros(len(self.starts))
        stored = self.measured.stored_wh[first] if np.isfinite(self.measured.stored_wh[first]) else self.rule_wh[first]
        plans = _Plans(self.unit, self.site, self.starts[first], self.starts[-1])
        for q in range(first, len(self.starts)):
            least, most, planned = plans.band(self.starts[q])
            moved = battery_power_w(self.measured.net_w[q], least, most, stored, self.cell, _SECONDS, planned)
            power[q] = float(moved)
            stored = float(self.cell.after_wh(stored, power[q], _SECONDS))
        return power


def _now(of: Floats, *, last: bool = False) -> Floats:
    """With a slot more, the one that begins: nothing of it is known yet, but what stays."""
    return np.append(of, of[-1] if last else 0.0)


class _Plans:
    """Bands of a building's batteries by the plans in force, the last made of each hour."""

    def __init__(self, unit: Unit, site: Site, since: datetime, until: datetime) -> None:
        self._unit, self._names = unit, tuple(battery.id for battery in site.batteries)
        self._made = in_turn(unit, "energy", since - 2 * _DAY, until + QUARTER)
        self._open: tuple[str, Body | None] = ("", None)

    def band(self, at: datetime) -> tuple[float, float, float]:
        """At rest where no plan speaks of an instant."""
        rest = (-np.inf, np.inf, 0.0)
        record = in_force_then(self._made, at)
        found = None if record is None else self._body(record.id)
        if found is None or found.problem.batteries is None:
            return rest
        rows = [n for n, name in enumerate(found.problem.batteries.names) if name in self._names]
        t = found.slot_at(at)
        if not rows or t >= found.power_w.shape[1]:
            return rest
        least, most = (float(found.columns[name][rows[0], t]) for name in ("least_w", "most_w"))
        return least, most, float(found.power_w[rows, t].sum())

    def _body(self, name: str) -> Body | None:
        if self._open[0] != name:
            found = self._unit.plans.get(name)
            self._open = (name, open_body(found[1]) if found is not None else None)
        return self._open[1]


# what follows in a running service


def keep_regrets(unit: Unit, found: Sequence[Regret], now: datetime) -> RunReport:
    """Keep which plans are dropped, tell it by alarms, and have buildings planned again where that has changed."""
    before = dropped_sites(unit)
    dropped = {one.site: one.to_json() for one in found if one.since is not None}
    unit.state.put(_KEPT, orjson.dumps({"at": isoformat(now), "dropped": dropped}))
    for one in found:
        _tell(unit, one, now)
    changed = sorted(before.keys() ^ dropped.keys())
    if changed:
        unit.audit.append("rules", "drop", "energy", {"dropped": sorted(dropped), "changed": changed}, now)
        by = {"requested_at": isoformat(now), "rule": RULE, "asset": ", ".join(changed)}
        note_replans(unit, {"energy" + URGENT: by}, now)
    return RunReport(counts={"watched": len(found), "dropped": len(dropped), "changed": len(changed)})


def _tell(unit: Unit, one: Regret, now: datetime) -> None:
    standing = current(unit.alarms, RULE, one.site)
    if one.since is not None:
        subject = Subject(RULE, one.site, one.zone, Priority.MEDIUM)
        move(unit.alarms, RULE, one.site, [Raise(subject, one.to_json())], now, standing)
    elif standing is not None:
        move(unit.alarms, RULE, one.site, [Clear()], now, standing)


def dropped_sites(unit: Unit) -> Mapping[str, Mapping[str, Any]]:
    """The buildings whose batteries' plans are dropped now, with `Regret` as it was found."""
    found: dict[str, Any] = orjson.loads(unit.state.get(_KEPT) or b"{}")
    dropped: dict[str, dict[str, Any]] = found.get("dropped", {})
    return dropped
