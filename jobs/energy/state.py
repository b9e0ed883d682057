"""How buildings are now, as far as equipment told it lately: what is stored, how warm it is, who is to be charged."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from engine.catalogue import Text
from engine.instants import from_us, to_us
from engine.model import Asset
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.energy.sites import BATTERY, CHARGER, HEATER, Site, Sites
from jobs.energy.tables import EnergyTables
from jobs.words import say, some

_CONNECTED = 0.5
_SLACK_K = 1.0  # a controller that holds a setpoint has its rooms that much below, at worst
Told = Mapping[tuple[str, str], tuple[float, datetime]]
"""By asset and property, what was told last and when."""


@dataclass(frozen=True)
class Stay:
    """A vehicle that is connected: what is still to be charged, at the charging point, and when it leaves."""

    wanted_wh: float
    departs_at: datetime


@dataclass(frozen=True)
class Now:
    """Of devices and rooms at an instant. What was not heard lately is taken cautiously, and said in `reasons`.

    stored_wh   by battery
    room_c      by building
    tank_c      by heater; hot_at: when it was last as hot as it is to be once a day, None where that was not seen
    stays       by charging point that has a vehicle
    """

    at: datetime
    stored_wh: Mapping[str, float]
    room_c: Mapping[str, float]
    tank_c: Mapping[str, float]
    hot_at: Mapping[str, datetime | None]
    stays: Mapping[str, Stay]
    reasons: tuple[Text, ...] = ()


def state_of(unit: Unit, territory: Territory, sites: Sites, at: datetime, tables: EnergyTables) -> Now:
    """What was known at an instant."""
    since = at - tables.plan.stale_after
    devices = {kind: [asset for _, asset in sites.hung(kind)] for kind in (BATTERY, CHARGER, HEATER)}
    assets = {asset.id for some_of in devices.values() for asset in some_of}
    assets |= {probe for site in sites for probe in site.probes} | set(sites.names)
    told = _last(read_told(unit, territory, assets, _NAMES, since, at))
    stored, lost_batteries = _stored_wh(devices[BATTERY], told)
    rooms, lost_rooms = _rooms(sites, told, tables)
    tanks, lost_tanks = _tanks(devices[HEATER], told, tables)
    stays, guessed = _stays(devices[CHARGER], told, at, tables)
    hot = _hot_at(unit, territory, devices[HEATER], at, tables)
    said = (
        ("energy_lost_batteries", lost_batteries),
        ("energy_lost_rooms", lost_rooms),
        ("energy_lost_tanks", lost_tanks),
        ("energy_guessed_vehicles", guessed),
    )
    return Now(at, stored, rooms, tanks, hot, stays, tuple(_said(key, names) for key, names in said if names))


_NAMES = (
    "stateOfCharge",
    "temperature",
    "heatingSetpoint",
    "vehicleConnected",
    "energyWanted",
    "departureIn",
)


def read_told(
    unit: Unit, territory: Territory, assets: Collection[str], names: Collection[str], since: datetime, until: datetime
) -> pl.DataFrame:
    """What assets told from one instant to another, both included: asset, property, observed_at (µs), value."""
    wanted = set(assets), set(names)
    known = [(n, *of) for n, of in territory.series_names.items() if of[0] in wanted[0] and of[1] in wanted[1]]
    told_by = pl.DataFrame(known, {"series": pl.Int32, "asset": pl.String, "property": pl.String}, orient="row")
    rows = unit.readings.history(told_by["series"].to_list(), to_us(since), to_us(until) + 1)
    rows = rows.cast({"series": pl.Int32, "observed_at": pl.Int64, "value": pl.Float64})  # no rows have no types
    finite = rows.filter(pl.col("value").is_finite()).join(told_by, on="series")
    return finite.select("asset", "property", "observed_at", "value").sort("observed_at", maintain_order=True)


def _last(rows: pl.DataFrame) -> Told:
    last = rows.group_by("asset", "property", maintain_order=True).last()
    return {(asset, name): (value, from_us(us)) for asset, name, us, value in last.iter_rows()}


def _stored_wh(batteries: Collection[Asset], told: Told) -> tuple[dict[str, float], list[str]]:
    """One that is silent is taken to hold its reserve: nothing is counted on that may not be there."""
    found: dict[str, float] = {}
    lost: list[str] = []
    for battery in batteries:
        capacity = float(battery.attributes["capacity_wh"])
        known = told.get((battery.id, "stateOfCharge"))
        if known is None:
            lost.append(battery.id)
        share = float(battery.attributes.get("reserve", 0.0)) if known is None else known[0]
        found[battery.id] = min(max(share, 0.0), 1.0) * capacity
    return found, lost


def _rooms(sites: Sites, told: Told, tables: EnergyTables) -> tuple[dict[str, float], list[str]]:
    """The mean of its probes, the lowest and highest left out where there are five; where none is heard, what its
    controller holds, less its play; else what an empty building is let cool to.
    """
    found: dict[str, float] = {}
    lost: list[str] = []
    for site in sites:
        heard = sorted(told[key][0] for probe in site.probes if (key := (probe, "temperature")) in told)
        if heard:
            found[site.name] = float(np.mean(heard[1:-1] if len(heard) >= 5 else heard))
            continue
        if site.heat:
            lost.append(site.name)
        found[site.name] = _unheard_c(site, told, tables)
    return found, lost


def _unheard_c(site: Site, told: Told, tables: EnergyTables) -> float:
    held = told.get((site.name, "heatingSetpoint"))
    return tables.of_use(site.use).absent if held is None else held[0] - _SLACK_K


def _tanks(heaters: Collection[Asset], told: Told, tables: EnergyTables) -> tuple[dict[str, float], list[str]]:
    lost = [heater.id for heater in heaters if (heater.id, "temperature") not in told]
    heard = {heater.id: told.get((heater.id, "temperature")) for heater in heaters}
    return {name: tables.water.least if one is None else one[0] for name, one in heard.items()}, lost


def _stays(
    chargers: Collection[Asset], told: Told, at: datetime, tables: EnergyTables
) -> tuple[dict[str, Stay], list[str]]:
    """Vehicles that are connected and want something; of one that tells nothing what such vehicles usually want."""
    found: dict[str, Stay] = {}
    guessed: list[str] = []
    for charger in chargers:
        connected = told.get((charger.id, "vehicleConnected"))
        if connected is None or connected[0] < _CONNECTED:
            continue
        wanted, leaves = (told.get((charger.id, name)) for name in ("energyWanted", "departureIn"))
        if wanted is None or leaves is None:
            guessed.append(charger.id)
        wanted_wh = tables.vehicle.wants_wh if wanted is None else wanted[0]
        departs_at = at + tables.vehicle.leaves_in if leaves is None else leaves[1] + timedelta(seconds=leaves[0])
        if wanted_wh > 0 and departs_at > at:
            found[charger.id] = Stay(wanted_wh, departs_at)
    return found, guessed


def _hot_at(
    unit: Unit, territory: Territory, heaters: Collection[Asset], at: datetime, tables: EnergyTables
) -> dict[str, datetime | None]:
    names = [heater.id for heater in heaters]
    rows = read_told(unit, territory, names, ("temperature",), at - tables.water.hot_every, at)
    hot = _last(rows.filter(pl.col("value") >= tables.water.hot - _PLAY_K))
    return {name: hot[key][1] if (key := (name, "temperature")) in hot else None for name in names}


_PLAY_K = 0.5
"""Of a heater's thermostat."""


def _said(key: str, names: Collection[str]) -> Text:
    listed = some(list(names))
    return Text(fr=say(key, "fr", names=listed), en=say(key, "en", names=listed))
