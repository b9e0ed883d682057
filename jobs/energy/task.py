"""The problem of the coming hours, of arrays that the optimiser reads, with all that was behind it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from engine.catalogue import Text
from engine.model import Asset
from jobs.energy.contracts import Terms
from jobs.energy.occupancy import Occupancy
from jobs.energy.sites import BATTERY, CHARGER, HEATER, ROOF, Sites, Span
from jobs.energy.state import Now, Stay
from jobs.energy.tables import EnergyTables
from jobs.energy.usual import Foreseen
from jobs.energy.warmth import high_in_reach, low_in_reach, tank_loss_w_k, warmth_c
from optimizers.arrays import Bools, Floats
from optimizers.energy import Batteries, EnergyProblem, Groups, Horizon, Orders, Solar, Thermal, Vehicles
from optimizers.energy import Sites as Meters

_WATER_WH_L_K = 1.163
_HOUR = timedelta(hours=1)
_HAIR_WH = 1e-6


@dataclass(frozen=True, eq=False)
class Shared:
    """Limits that sites share, and orders to draw less: `group` of each site, -1 for none."""

    group: tuple[int, ...] = ()
    groups: Groups | None = None
    orders: Orders | None = None
    reasons: tuple[Text, ...] = ()


@dataclass(frozen=True, eq=False)
class EnergyTask:
    """A problem to solve, and what it was made of. `span` is what the plan speaks of, from before the first slot on;
    `stays` are the vehicles that are planned, by charging point.
    """

    problem: EnergyProblem
    span: tuple[datetime, datetime]
    slots: Span
    sites: Sites
    terms: tuple[Terms, ...]
    occupancies: tuple[Occupancy, ...]
    foreseen: Foreseen
    now: Now
    tables: EnergyTables
    reasons: tuple[Text, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


def build_problem(
    span: tuple[datetime, datetime], slots: Span, sites: Sites, terms: Sequence[Terms],
    occupancies: Sequence[Occupancy], foreseen: Foreseen, now: Now, tables: EnergyTables, *,
    shared: Shared | None = None, peak_so_far_w: Sequence[float] | None = None,
) -> EnergyTask:  # fmt: skip
    """Of sites in their order: `terms` and `occupancies` are each one's. Raises InvalidProblem for what contradicts
    itself, as a territory without a building that can be planned.
    """
    shared = shared or Shared()
    meters, unkept = _meters(sites, terms, foreseen, shared, peak_so_far_w)
    making = _Making(slots, sites, occupancies, foreseen, now, tables)
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.array(slots.seconds)),
        sites=meters,
        groups=shared.groups,
        orders=shared.orders,
        solar=making.solar(),
        batteries=making.batteries(terms),
        vehicles=making.vehicles(),
        rooms=making.rooms(),
        tanks=making.tanks(),
    )
    told = [reason for one in terms for reason in one.reasons]
    reasons = (*sites.reasons, *now.reasons, *foreseen.reasons, *told, *unkept, *shared.reasons)
    return EnergyTask(
        problem, span, slots, sites, tuple(terms), tuple(occupancies), foreseen, now, tables,
        tuple(dict.fromkeys(reasons)),
    )  # fmt: skip


def _meters(
    sites: Sites, terms: Sequence[Terms], foreseen: Foreseen, shared: Shared, peak_so_far_w: Sequence[float] | None
) -> tuple[Meters, list[Text]]:
    """A contract that what nobody plans passes in every slot bounds nothing: it is let go, and said."""
    base = np.maximum(foreseen.base_w, 0.0)
    limit = np.array([one.import_limit_w for one in terms]).reshape(base.shape)
    small: Bools = np.all(limit < base, axis=1)
    unkept = [_too_small(name, float(limit[i, 0])) for i, name in enumerate(sites.names) if small[i]]
    meters = Meters(
        names=sites.names,
        group=np.array(shared.group or [-1] * len(sites)),
        base_w=base,
        margin_w=np.maximum(foreseen.margin_w, 0.0),
        import_eur_kwh=np.array([one.import_eur_kwh for one in terms]),
        export_eur_kwh=np.array([one.export_eur_kwh for one in terms]),
        import_limit_w=np.where(small[:, None], np.inf, limit),
        firm=np.array([one.firm for one in terms]),
        over_eur_kwh=np.array([one.over_eur_kwh for one in terms]),
        export_limit_w=np.array([one.export_limit_w for one in terms]),
        peak_eur_kw=np.array([one.peak_eur_kw for one in terms]),
        peak_so_far_w=np.array(peak_so_far_w if peak_so_far_w is not None else [0.0] * len(sites)),
        carbon_g_kwh=np.array([one.carbon_g_kwh for one in terms]),
        carbon_eur_kg=np.array([one.carbon_eur_kg for one in terms]),
    )
    return meters, unkept


def _too_small(name: str, limit_w: float) -> Text:
    kw = f"{limit_w / 1000:g}"
    return Text(
        fr=f"{name} : la puissance souscrite, {kw} kW, est dépassée par la seule consommation prévue : non tenue",
        en=f"{name}: its contracted power, {kw} kW, is passed by what it draws by itself: not kept",
    )


@dataclass(frozen=True, eq=False)
class _Making:
    """Parts of the problem, from what is known of their devices."""

    slots: Span
    sites: Sites
    occupancies: Sequence[Occupancy]
    foreseen: Foreseen
    now: Now
    tables: EnergyTables

    def solar(self) -> Solar | None:
        roofs = self.sites.hung(ROOF)
        if not roofs:
            return None
        most = _told([roof for _, roof in roofs], "peak_power_w")[:, None]
        return Solar(
            names=tuple(roof.id for _, roof in roofs),
            site=_owners(roofs),
            available_w=np.clip(self.foreseen.solar_w, 0.0, most),
            curtailable=np.array([roof.gateway is not None for _, roof in roofs]),
        )

    def batteries(self, terms: Sequence[Terms]) -> Batteries | None:
        """What is left in one at the end is worth what a kWh bought in the last day costs on average, its carbon as it
        is weighed included, less what is lost on its way out and wear.
        """
        found = self.sites.hung(BATTERY)
        if not found:
            return None
        assets = [asset for _, asset in found]
        capacity = _told(assets, "capacity_wh")
        out, wear = _told(assets, "discharge_efficiency", 0.95), self.tables.battery.wear_eur_kwh
        day = -round(timedelta(days=1) / self.slots.slot)
        bought = np.array([float(np.mean(terms[i].weighed_eur_kwh[day:])) for i, _ in found])
        return Batteries(
            names=tuple(asset.id for asset in assets),
            site=_owners(found),
            capacity_wh=capacity,
            floor_wh=_told(assets, "reserve", 0.0) * capacity,
            initial_wh=np.array([self.now.stored_wh[asset.id] for asset in assets]),
            charge_max_w=_told(assets, "charge_max_w"),
            discharge_max_w=_told(assets, "discharge_max_w"),
            charge_efficiency=_told(assets, "charge_efficiency", 0.95),
            discharge_efficiency=out,
            loss_h=np.array(self.tables.battery.loss_h),
            wear_eur_kwh=np.array(wear),
            end_eur_kwh=np.maximum(out * (bought - wear), 0.0),
            to_grid=np.array(0, np.bool_),  # what is fed in is paid as the sun's
        )

    def vehicles(self) -> Vehicles | None:
        """Each holds what it still wants, and no more than a slot at its least power beside: more is no use."""
        stays = [
            (i, charger, self.now.stays[charger.id])
            for i, charger in self.sites.hung(CHARGER)
            if charger.id in self.now.stays
        ]
        planned = [(i, charger, *self._stay(charger, stay)) for i, charger, stay in stays]
        planned = [one for one in planned if one[3] > _HAIR_WH]
        if not planned:
            return None
        chargers = [charger for _, charger, _, _ in planned]
        most = _told(chargers, "charge_max_w")
        least = np.minimum(_told(chargers, "charge_least_w", 0.0), most)
        target = np.array([wanted for *_, wanted in planned]) * self.tables.vehicle.efficiency
        more = least * (self.slots.slot / _HOUR) * self.tables.vehicle.efficiency
        return Vehicles(
            names=tuple(charger.id for charger in chargers),
            site=np.array([i for i, *_ in planned]),
            arrive=np.array(0),
            depart=np.array([depart for _, _, depart, _ in planned]),
            capacity_wh=target + more,
            initial_wh=np.array(0.0),
            target_wh=target,
            charge_max_w=most,
            charge_least_w=least,
            charge_efficiency=np.array(self.tables.vehicle.efficiency),
        )

    def _stay(self, charger: Asset, stay: Stay) -> tuple[int, float]:
        """Slots until it leaves, and Wh to be charged by then; of one that stays longer what cannot wait."""
        whole = int((stay.departs_at - self.slots.start) // self.slots.slot)
        if whole <= len(self.slots):
            return max(whole, 1), stay.wanted_wh
        later_h = (stay.departs_at - self.slots.until) / _HOUR
        return len(self.slots), max(stay.wanted_wh - later_h * float(charger.attributes["charge_max_w"]), 0.0)

    def rooms(self) -> Thermal | None:
        found = [(i, site) for i, site in enumerate(self.sites) if site.heat]
        if not found:
            return None
        at = [i for i, _ in found]
        tables, outdoor = self.tables, self.foreseen.outdoor_c[at]
        entries = [tables.heat[site.heat] for _, site in found]
        floor = np.array([site.floor_m2 for _, site in found])[:, None]
        present = np.stack([self.occupancies[i].present for i in at])
        gains = tables.gains.absent_w_m2 + (tables.gains.present_w_m2 - tables.gains.absent_w_m2) * present
        part = {
            "capacity_wh_k": np.array([site.capacity_wh_k for _, site in found]),
            "loss_w_k": np.array([site.loss_w_k for _, site in found]),
            "initial_c": np.array([self.now.room_c[site.name] for _, site in found]),
        }
        gain = floor * gains
        heat_max = np.array([site.heat_max_w for _, site in found])
        hours = self.slots.slot / _HOUR
        unheated, heated = (warmth_c(hours, outdoor, gain, heat_w=heat, **part) for heat in (0.0, heat_max))
        return Thermal(
            names=tuple(site.name for _, site in found),
            site=np.array(at),
            outdoor_c=outdoor,
            gain_w=gain,
            low_c=low_in_reach(np.stack([self.occupancies[i].low_c for i in at]), present, heated),
            high_c=high_in_reach(np.stack([self.occupancies[i].high_c for i in at]), unheated),
            floor_c=np.array(tables.frost_c),
            heat_max_w=heat_max[:, None],
            cop=np.stack([entry.cop_at(outdoor[k]) for k, entry in enumerate(entries)]),
            electric=np.array([entry.electric for entry in entries]),
            fuel_eur_kwh=np.array([entry.fuel_eur_kwh for entry in entries])[:, None],
            fuel_g_kwh=np.array([entry.fuel_g_kwh for entry in entries]),
            **part,
        )

    def tanks(self) -> Thermal | None:
        """Hot once a day, 52 °C while people are in; what they draw is spread over that time."""
        found = self.sites.hung(HEATER)
        if not found:
            return None
        water, assets = self.tables.water, [asset for _, asset in found]
        litres = _told(assets, "volume_l")
        present = np.stack([self.occupancies[i].present for i, _ in found])
        gain, heat_max = -self._drawn_w(found, present), _told(assets, "heat_max_w")
        part = {
            "capacity_wh_k": litres * _WATER_WH_L_K,
            "loss_w_k": tank_loss_w_k(litres),
            "initial_c": np.array([self.now.tank_c[asset.id] for asset in assets]),
        }
        around = np.full(gain.shape, water.around_c)
        heated = warmth_c(self.slots.slot / _HOUR, around, gain, heat_w=heat_max, **part)
        return Thermal(
            names=tuple(asset.id for asset in assets),
            site=_owners(found),
            outdoor_c=around,
            gain_w=gain,
            low_c=low_in_reach(np.where(present > 0, water.present, water.least), present, heated),
            high_c=np.maximum(np.array(water.most), part["initial_c"][:, None]),
            boost_c=np.array(water.hot),
            boost_slot=np.array([self._boost(asset) for asset in assets]),
            heat_max_w=heat_max[:, None],
            cop=np.array(1.0),
            **part,
        )

    def _drawn_w(self, found: Sequence[tuple[int, Asset]], present: Floats) -> Floats:
        """(Z, T) heat that leaves with hot water: what a day draws, in the hours of a day that people are in."""
        water, sites = self.tables.water, [self.sites.sites[i] for i, _ in found]
        wh_l = _WATER_WH_L_K * (water.present - water.cold_c)
        wh_day = np.array([water.drawn_l_m2_day.get(site.use, 0.0) * site.floor_m2 * wh_l for site in sites])
        open_h = np.array([self.tables.of_use(site.use).open_h for site in sites])
        drawn: Floats = present * (wh_day / open_h)[:, None]
        return drawn

    def _boost(self, heater: Asset) -> int:
        """The slot by which it is to have been hot again."""
        hot_at, every = self.now.hot_at[heater.id], self.tables.water.hot_every
        due_at = (self.slots.start if hot_at is None else hot_at) + every
        due = int((due_at - self.slots.start) // self.slots.slot) - 1
        return min(max(due, 0), len(self.slots) - 1)


def _owners(found: Sequence[tuple[int, Asset]]) -> Any:
    return np.array([i for i, _ in found], np.int64)


def _told(assets: Sequence[Asset], name: str, otherwise: float | None = None) -> Floats:
    """An attribute of each; `sites` has seen to it that those without a default are numbers."""
    values = [asset.attributes.get(name, otherwise) for asset in assets]
    return np.array(values, np.float64)


def told_of(task: EnergyTask) -> Iterator[dict[str, str]]:
    """Reasons as plans keep them, by language."""
    return ({"fr": reason.fr, "en": reason.en} for reason in task.reasons)
