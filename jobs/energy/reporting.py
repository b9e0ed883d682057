"""What is known of buildings now, and what days came to: energy, cost, peaks beside contracts, comfort, carbon."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from engine.errors import ConsigneError
from engine.instants import PARIS
from engine.model import PlanRecord
from engine.settings import Settings
from engine.store import Store, Unit
from jobs.bootstrap import Territory
from jobs.energy.body import Body, open_body
from jobs.energy.calendar import calendar_of
from jobs.energy.contracts import Contracts
from jobs.energy.contracts_read import contracts_known
from jobs.energy.occupancy import occupancy
from jobs.energy.past import held, quarters_of
from jobs.energy.signals import signals_of
from jobs.energy.sites import Site, Sites, Span, read_sites, terms_of
from jobs.energy.state import Now, state_of
from jobs.energy.tables import EnergyTables, tables_of
from jobs.nights import in_force_at, in_force_then, in_turn, named_days
from optimizers.arrays import Floats

_DAY, _QUARTER = timedelta(days=1), timedelta(minutes=15)
_H = 0.25
_ENOUGH = 0.9
"""Share of a day's quarter hours that a meter is to have told: less is not added up."""
_OVER = 1.001


@dataclass(frozen=True, slots=True)
class SiteState:
    """A building at an instant: None is not known, '' not there. `meter_w` is planned for that instant."""

    site: str
    use: str = ""
    contract: str = ""
    limit_kw: float | None = None
    heat: str = ""
    room_c: float | None = None
    stored_wh: float | None = None
    capacity_wh: float = 0.0
    peak_power_w: float = 0.0
    vehicles: int = 0
    chargers: int = 0
    meter_w: float | None = None
    left_out: Mapping[str, str] | None = None


def site_states(unit: Unit, territory: Territory, settings: Settings, at: datetime) -> list[SiteState]:
    """Every building as it is believed to be at an instant, those that are not planned last."""
    tables, contracts = tables_of(settings), contracts_known(unit, settings)
    sites = read_sites(territory, contracts, tables)
    now, plan = state_of(unit, territory, sites, at, tables), _plan_at(unit, at)
    left = [SiteState(name, left_out={"fr": why.fr, "en": why.en}) for name, why in sites.left_out.items()]
    return [*(_state(site, now, plan, contracts, at) for site in sites), *left]


def _state(site: Site, now: Now, plan: Body | None, contracts: Contracts, at: datetime) -> SiteState:
    slot = contracts.terms(site.contract, [at.replace(second=0, microsecond=0)], [60.0], None, site.subscribed)
    limit = float(slot.import_limit_w[0])
    meter = None
    if plan is not None and site.name in plan.plan.sites:
        i, t = plan.plan.sites.index(site.name), plan.slot_at(at)
        meter = float(plan.meter_w[i, t])
    return SiteState(
        site=site.name,
        use=site.use,
        contract=site.contract,
        limit_kw=limit / 1000 if np.isfinite(limit) else None,
        heat=site.heat,
        room_c=now.room_c.get(site.name),
        stored_wh=sum(now.stored_wh[b.id] for b in site.batteries) if site.batteries else None,
        capacity_wh=sum(float(b.attributes["capacity_wh"]) for b in site.batteries),
        peak_power_w=sum(float(r.attributes["peak_power_w"]) for r in site.roofs),
        vehicles=sum(charger.id in now.stays for charger in site.chargers),
        chargers=len(site.chargers),
        meter_w=meter,
    )


def _plan_at(unit: Unit, at: datetime) -> Body | None:
    """The plan that was in force at an instant."""
    record = in_force_then(in_turn(unit, "energy", at - 2 * _DAY, at + _QUARTER), at)
    found = None if record is None else unit.plans.get(record.id)
    return open_body(found[1]) if found is not None else None


@dataclass(frozen=True, slots=True)
class Energy:
    """Of some buildings over some days. Planned is what the plan in force at each quarter hour had for it; measured is
    None where a meter told less than nine tenths of a day.

    peak_share     the highest quarter hour over the power contracted then; None without a limit
    over_h         hours, building by building, beyond it
    cold_kh        K·h below comfort while people are in, by room sensors; None where none told
    """

    sites: int
    planned_kwh: float
    measured_kwh: float | None
    planned_eur: float
    measured_eur: float | None
    peak_share: float | None
    over_h: float | None
    cold_kh: float | None
    carbon_kg: float | None

    def to_json(self) -> dict[str, float | int | None]:
        return asdict(self)


@dataclass(frozen=True)
class EnergyReport:
    """Days from `first` to `last`, from midnight to midnight; `unplanned` are counted nowhere."""

    first: date
    last: date
    planned: tuple[date, ...]
    unplanned: tuple[date, ...]
    contracts: Mapping[str, Energy]
    sites: Mapping[str, Energy]
    territory: Energy


COLUMNS = tuple(one.name for one in fields(Energy))


def energy_report(
    store: Store, territory: Territory, settings: Settings, first: date, last: date,
    heard: Callable[[int], None] = lambda _: None,
) -> EnergyReport:  # fmt: skip
    """Report the days from one to another, both included. `heard` is told how many are done.

    Raises ConsigneError where none of them has a plan, InputError for no days or more than 400.
    """
    days = named_days(first, last, "energy report", "days")
    found: list[_Day] = []
    with store.read() as unit:
        tables, contracts = tables_of(settings), contracts_known(unit, settings)
        sites = read_sites(territory, contracts, tables)
        reading = _Reading(unit, territory, settings, tables, contracts, sites)
        for done, day in enumerate(days):
            if (one := reading.day(day)) is not None:
                found.append(one)
            heard(done + 1)
    if not found:
        raise ConsigneError(f"energy: no plan was in force from {first} to {last} → consigne plan list")
    planned = tuple(one.day for one in found)
    every = list(range(len(sites)))
    by_contract: dict[str, list[int]] = {}
    for i, site in enumerate(sites):
        by_contract.setdefault(site.contract, []).append(i)
    return EnergyReport(
        first=first,
        last=last,
        planned=planned,
        unplanned=tuple(day for day in days if day not in planned),
        contracts={name: _added(found, rows) for name, rows in sorted(by_contract.items())},
        sites={site.name: _added(found, [i]) for i, site in enumerate(sites)},
        territory=_added(found, every),
    )


@dataclass(frozen=True, eq=False)
class _Day:
    """Of each site (n,): NaN where it is not known, or where it was not planned."""

    day: date
    planned_kwh: Floats
    planned_eur: Floats
    measured_kwh: Floats
    measured_eur: Floats
    peak_share: Floats
    over_h: Floats
    cold_kh: Floats
    carbon_kg: Floats


@dataclass(frozen=True, eq=False)
class _Reading:
    unit: Unit
    territory: Territory
    settings: Settings
    tables: EnergyTables
    contracts: Contracts
    sites: Sites

    def day(self, day: date) -> _Day | None:
        span = _midnights(day)
        planned_w = self._planned_w(span, in_turn(self.unit, "energy", span.start - 2 * _DAY, span.until))
        if np.isnan(planned_w).all():
            return None
        signals = signals_of(self.unit, self.settings, self.contracts, span.until, span.starts, span.seconds)
        terms = terms_of(self.contracts, self.sites, span.starts, span.seconds, signals)
        buy, sell, limit, grams = (
            np.array([getattr(one, name) for one in terms])
            for name in ("import_eur_kwh", "export_eur_kwh", "import_limit_w", "carbon_g_kwh")
        )
        measured_w = _whole(self._measured(span, [(site.meter, "totalActivePower") for site in self.sites]))
        beyond = np.where(np.isnan(measured_w), np.nan, measured_w > limit * _OVER)
        return _Day(
            day=day,
            planned_kwh=np.nansum(np.maximum(planned_w, 0.0), axis=1) * _H / 1000,
            planned_eur=np.nansum(_eur(planned_w, buy, sell), axis=1),
            measured_kwh=np.maximum(measured_w, 0.0).sum(axis=1) * _H / 1000,
            measured_eur=_eur(measured_w, buy, sell).sum(axis=1),
            peak_share=np.where(np.isfinite(limit), measured_w / limit, np.nan).max(axis=1),
            over_h=beyond.sum(axis=1) * _H,
            cold_kh=self._cold_kh(span),
            carbon_kg=(np.maximum(measured_w, 0.0) * grams).sum(axis=1) * _H / 1e6,
        )

    def _planned_w(self, span: Span, records: Sequence[PlanRecord]) -> Floats:
        """(n, T) at the meter by the plan in force when each quarter hour ended; NaN without one."""
        place = {name: i for i, name in enumerate(self.sites.names)}
        planned = np.full((len(self.sites), len(span)), np.nan)
        for record in records:
            since = max(in_force_at(record), record.start)
            rows = [t for t, start in enumerate(span.starts) if since < start + _QUARTER and start < record.until]
            body = self._body(record) if rows else None
            if body is None:
                continue
            net = body.meter_w
            slots = [body.slot_at(span.starts[t]) for t in rows]
            for k, name in enumerate(body.plan.sites):
                if name in place:
                    planned[place[name], rows] = net[k, slots]
        return planned

    def _body(self, record: PlanRecord) -> Body | None:
        found = self.unit.plans.get(record.id)
        return open_body(found[1]) if found is not None else None

    def _measured(self, span: Span, keys: Sequence[tuple[str, str]]) -> Floats:
        """(K, T) means of quarter hours, held for an hour where nothing is told; NaN where longer."""
        told = quarters_of(self.unit, self.territory, keys, span.start, len(span))
        return np.stack([held(column) for column in told.T]) if keys else np.zeros((0, len(span)))

    def _cold_kh(self, span: Span) -> Floats:
        """(n,) below comfort while people are in; NaN where no room told enough."""
        calendar = calendar_of(self.settings)
        found = np.full(len(self.sites), np.nan)
        for i, site in enumerate(self.sites):
            wanted = occupancy(site.use, span, self.tables, calendar)
            rooms = self._measured(span, [(probe, "temperature") for probe in site.probes])
            known = np.isfinite(rooms)
            warm = np.where(known, rooms, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
            there = known.any(axis=0)
            if there.mean() >= _ENOUGH:
                lacks = np.maximum(self.tables.of_use(site.use).present - warm, 0.0)
                found[i] = float((lacks * wanted.present * there).sum() * _H)
        return found


def _midnights(day: date) -> Span:
    """A day of 92, 96 or 100 quarter hours."""
    start, until = (datetime.combine(one, time(), PARIS).astimezone(UTC) for one in (day, day + _DAY))
    return Span.between(start, until, _QUARTER)


def _whole(power_w: Floats) -> Floats:
    """What a meter left out is taken as the mean of what it told; all of it is not known where it told too little."""
    known = np.isfinite(power_w)
    share = known.mean(axis=1, keepdims=True)
    mean = np.where(known, power_w, 0.0).sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(share >= _ENOUGH, np.where(known, power_w, mean), np.nan)


def _eur(power_w: Floats, buy: Floats, sell: Floats) -> Floats:
    found: Floats = (np.maximum(power_w, 0.0) * buy - np.maximum(-power_w, 0.0) * sell) * _H / 1000
    return found


def _added(days: Sequence[_Day], rows: Sequence[int]) -> Energy:
    """Of some sites. Measured sums want every site on every day; peaks and comfort take those that are known."""

    def values(name: str) -> Floats:
        found: Floats = np.stack([getattr(day, name)[list(rows)] for day in days])
        return found

    def total(name: str) -> float | None:
        found = values(name)
        return None if np.isnan(found).any() else float(found.sum())

    def known(name: str, by: Callable[[Floats], float]) -> float | None:
        found = values(name)
        there = found[np.isfinite(found)]
        return float(by(there)) if there.size else None

    return Energy(
        sites=len(rows),
        planned_kwh=float(np.nansum(values("planned_kwh"))),
        measured_kwh=total("measured_kwh"),
        planned_eur=float(np.nansum(values("planned_eur"))),
        measured_eur=total("measured_eur"),
        peak_share=known("peak_share", np.max),
        over_h=known("over_h", np.sum),
        cold_kh=known("cold_kh", np.sum),
        carbon_kg=total("carbon_kg"),
    )
