"""Buildings of the inventory with their meter and what energy goes through in them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from engine.catalogue import Text
from engine.instants import slots as starts_of
from engine.model import Asset
from jobs.bootstrap import Territory
from jobs.energy.contracts import Contracts, Signals, Subscribed, Terms
from jobs.energy.tables import EnergyTables

BUILDING, METER, BATTERY, ROOF = "Building", "ACMeasurement", "StorageBatteryDevice", "PhotovoltaicDevice"
CHARGER, HEATER, PROBE, HEAT_METER = "EVChargingStation", "WaterHeater", "IndoorEnvironmentObserved", "HeatMeter"
_HUNG = (METER, BATTERY, ROOF, CHARGER, HEATER, PROBE, HEAT_METER)
_WITHIN: Mapping[str, tuple[float, float]] = {
    "charge_efficiency": (0.01, 1.0),
    "discharge_efficiency": (0.01, 1.0),
    "reserve": (0.0, 1.0),
    "charge_least_w": (0.0, 1e6),
}
"""What an inventory may say of a device, and need not: what is without is as if it said nothing, and that is told."""


@dataclass(frozen=True)
class Span:
    """Slots of one length from an instant on: 92, 96 or 100 quarters make a day."""

    starts: tuple[datetime, ...]
    slot: timedelta

    @classmethod
    def between(cls, start: datetime, until: datetime, slot: timedelta) -> "Span":
        return cls(starts_of(start, until, slot), slot)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def seconds(self) -> tuple[float, ...]:
        return (self.slot.total_seconds(),) * len(self.starts)

    @property
    def start(self) -> datetime:
        return self.starts[0]

    @property
    def until(self) -> datetime:
        return self.starts[-1] + self.slot


@dataclass(frozen=True)
class Site:
    """A building on one meter. `contract` is a name of `rules/contracts.yaml`; `heat` one of the tables, '' where it
    is not planned; `feeder` one of the tables, '' for none.
    """

    building: Asset
    meter: str
    contract: str
    subscribed: Subscribed
    use: str
    floor_m2: float
    heat: str
    feeder: str
    batteries: tuple[Asset, ...] = ()
    roofs: tuple[Asset, ...] = ()
    chargers: tuple[Asset, ...] = ()
    heaters: tuple[Asset, ...] = ()
    probes: tuple[str, ...] = ()
    heat_meters: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.building.id

    @property
    def loss_w_k(self) -> float:
        return float(self.building.attributes["heat_loss_w_k"])

    @property
    def capacity_wh_k(self) -> float:
        return float(self.building.attributes["heat_capacity_wh_k"])

    @property
    def heat_max_w(self) -> float:
        return float(self.building.attributes["heat_max_w"])


@dataclass(frozen=True)
class Sites:
    """Those that are planned, in order of id, and why others are not, by building."""

    sites: tuple[Site, ...]
    left_out: Mapping[str, Text]
    reasons: tuple[Text, ...] = ()

    def __len__(self) -> int:
        return len(self.sites)

    def __iter__(self) -> Iterator[Site]:
        return iter(self.sites)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(site.name for site in self.sites)

    def hung(self, kind: str) -> list[tuple[int, Asset]]:
        """Devices of a type with the index of their site, in order."""
        fields = {BATTERY: "batteries", ROOF: "roofs", CHARGER: "chargers", HEATER: "heaters"}
        return [(i, asset) for i, site in enumerate(self.sites) for asset in getattr(site, fields[kind])]


def read_sites(territory: Territory, contracts: Contracts, tables: EnergyTables) -> Sites:
    """The buildings of a territory that have a meter and a contract. What the inventory does not say of one's heat is
    taken by its floor area, and said.
    """
    hung: dict[str, list[Asset]] = {}
    for kind in _HUNG:
        for asset in territory.of_type(kind):
            hung.setdefault(asset.parent or "", []).append(asset)
    found: list[Site] = []
    left_out: dict[str, Text] = {}
    reasons: list[Text] = []
    for building in sorted(territory.of_type(BUILDING), key=lambda asset: asset.id):
        site = _site(building, hung.get(building.id, []), contracts, tables)
        if isinstance(site, Text):
            left_out[building.id] = site
            continue
        found.append(site)
        reasons += _assumed(building, site)
        reasons += [_refused(asset, name) for asset in hung.get(building.id, []) for name in _wrong(asset)]
    return Sites(tuple(found), left_out, tuple(reasons))


def terms_of(
    contracts: Contracts, sites: Iterable[Site], starts: Sequence[datetime], seconds: Sequence[float],
    signals: Signals | None,
) -> list[Terms]:  # fmt: skip
    """What the contract of each building says of slots; those of one contract and one power have the same."""
    known: dict[str, Terms] = {}
    found = []
    for site in sites:
        key = repr((site.contract, site.subscribed))
        if key not in known:
            known[key] = contracts.terms(site.contract, starts, seconds, signals, site.subscribed)
        found.append(known[key])
    return found


def _site(building: Asset, hung: Sequence[Asset], contracts: Contracts, tables: EnergyTables) -> Site | Text:
    contract, subscribed = contracts.of_site(building)
    meter = next((asset.id for asset in hung if asset.type == METER), None)
    if meter is None:
        return Text(fr="aucun compteur électrique", en="no electricity meter")
    if contract is None or contract not in contracts.file.contracts:
        named = contract or "–"
        return Text(fr=f"contrat {named} inconnu de contracts.yaml", en=f"contract {named} is not in contracts.yaml")
    told = building.attributes
    use = str(told.get("use", tables.default_use))
    floor_m2 = _number(told, "floor_area_m2", 1000.0)
    return Site(
        building=_with_heat(building, floor_m2, tables),
        meter=meter,
        contract=contract,
        subscribed=subscribed,
        use=use if use in tables.comfort else tables.default_use,
        floor_m2=floor_m2,
        heat=heat if (heat := str(told.get("heat", ""))) in tables.heat else "",
        feeder=feeder if (feeder := str(told.get("feeder", ""))) in tables.feeders else "",
        batteries=_of(hung, BATTERY, ("capacity_wh", "charge_max_w", "discharge_max_w")),
        roofs=_of(hung, ROOF, ("peak_power_w",)),
        chargers=_of(hung, CHARGER, ("charge_max_w",)),
        heaters=_of(hung, HEATER, ("volume_l", "heat_max_w")),
        probes=tuple(asset.id for asset in hung if asset.type == PROBE),
        heat_meters=tuple(a.id for a in hung if a.type == HEAT_METER and a.attributes.get("serves") != "hotWater"),
    )


def _of(hung: Sequence[Asset], kind: str, wanted: Sequence[str]) -> tuple[Asset, ...]:
    """Those of a type of which the sizes are known: nothing is planned for others."""
    return tuple(
        replace(asset, attributes={name: told for name, told in asset.attributes.items() if name not in _wrong(asset)})
        for asset in hung
        if asset.type == kind and all(_number(asset.attributes, n, 0.0) > 0 for n in wanted)
    )


def _wrong(asset: Asset) -> list[str]:
    """Attributes that are no number, or one without what it may be."""
    told = {name: _number(asset.attributes, name, np.nan) for name in _WITHIN if name in asset.attributes}
    return [name for name, value in told.items() if not _WITHIN[name][0] <= value <= _WITHIN[name][1]]


def _with_heat(building: Asset, floor_m2: float, tables: EnergyTables) -> Asset:
    usual = {
        "heat_loss_w_k": tables.building.loss_w_k_m2 * floor_m2,
        "heat_capacity_wh_k": tables.building.capacity_wh_k_m2 * floor_m2,
        "heat_max_w": tables.building.heat_w_m2 * floor_m2,
    }
    told = {name: _number(building.attributes, name, 0.0) or value for name, value in usual.items()}
    return replace(building, attributes={**building.attributes, **told})


def _assumed(building: Asset, site: Site) -> Iterator[Text]:
    names = ("heat_loss_w_k", "heat_capacity_wh_k", "heat_max_w")
    if site.heat and (lost := [name for name in names if _number(building.attributes, name, 0.0) <= 0]):
        said = ", ".join(lost)
        yield Text(
            fr=f"{building.id} : {said} absents de l'inventaire, pris d'après la surface",
            en=f"{building.id}: {said} not in the inventory, taken by floor area",
        )


def _refused(asset: Asset, name: str) -> Text:
    found, (least, most) = asset.attributes[name], _WITHIN[name]
    return Text(
        fr=f"{asset.id} : {name} vaut {found} dans l'inventaire, attendu {least:g} à {most:g} : valeur usuelle prise",
        en=f"{asset.id}: {name} is {found} in the inventory, wants {least:g} to {most:g}: the usual value is taken",
    )


def _number(attributes: Mapping[str, Any], name: str, otherwise: float) -> float:
    """A finite number of an inventory; anything else is `otherwise`."""
    found = attributes.get(name)
    fits = isinstance(found, int | float) and not isinstance(found, bool) and -1e12 < found < 1e12
    return float(found) if fits and found is not None else otherwise
