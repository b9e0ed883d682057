"""The buildings of a story: two weeks under their own timetables before, and what happens in them that day."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from engine.calendar import public_holidays
from engine.instants import PARIS, isoformat
from engine.model import Asset
from engine.telemetry.raw import raw_frame
from jobs.irrigation.tables import IrrigationTables
from jobs.lighting.night import Night
from jobs.story.sky import made_hours
from twin.energy.battery import Cells
from twin.energy.charging import Stay, least_w
from twin.energy.kinds import TIMETABLES, around, made_plant
from twin.energy.outside import QUARTER, Outside, between, quarters
from twin.energy.people import made_quarters, made_stays
from twin.energy.plant import Source
from twin.energy.premises import Premises, Store
from twin.energy.sun import Roof
from twin.energy.tank import LAYERS, Tank
from twin.faults import Fault, FaultKind, Faults
from twin.field.power import EARLIER, POINTS, Powered
from twin.field.story import Story

HISTORY = timedelta(days=14)

_STEP = timedelta(minutes=5)  # nothing balances a meter by the minute in those weeks
_SETTINGS = frozenset(name for points in POINTS.values() for name in points) - {"power"}
_AFTER = timedelta(hours=4)  # what is known of the day goes on a little after its end: commands are waited for
_TRIPS_KVA, _REAL = 36.0, 0.93  # up to that a breaker trips; W of a VA (Enedis)
_AGED = 0.97  # capacity of batteries over what is written on them
_UNMETERED = (timedelta(hours=8), timedelta(hours=8, minutes=50))  # after noon
_STUCK = (timedelta(hours=18), timedelta(hours=21))


@dataclass(frozen=True, eq=False)
class Buildings:
    """What a story holds of buildings, and a RAW frame of what was told of them before it."""

    history: pl.DataFrame
    premises: tuple[Premises, ...]
    outside: tuple[Outside, ...]
    faults: tuple[Fault, ...]


def made_buildings(assets: Sequence[Asset], night: Night, tables: IrrigationTables, seed: int) -> Buildings:
    """Two weeks in which each follows its own timetable and batteries rest, then the day from noon to noon, all under
    the weather of the story's green spaces.

    In the evening the meter of the first building is silent for some fifty minutes, so its battery does not hear it; in
    the morning the state of charge of the last battery is stuck. The same seed makes the same.
    """
    start_at, hours = night.start - HISTORY, made_hours(night, tables, seed)
    ends = quarters(start_at - QUARTER, night.until + _AFTER)
    outside = tuple(between(hours.until, hours.air_c, hours.solar_w_m2, ends))
    hung = _hung(assets)
    before = [_premises(asset, hung[asset.id], outside, seed) for asset in assets if asset.type == "Building"]
    story = Story(start_at, slots=0, nights=(), premises=tuple(before), outside=outside, seed=seed)
    known = {asset.id: asset for asset in assets}
    lived = [Powered(known[one.building], hung[one.building], one, story, Faults(), _STEP) for one in before]
    return Buildings(
        history=raw_frame([told for one in lived for told in _weeks(one, start_at, night.start)]),
        premises=tuple(one.house.as_it_is() for one in lived),
        outside=tuple(one for one in outside if one.at >= night.start),
        faults=tuple(_faults(assets, night)),
    )


def _hung(assets: Sequence[Asset]) -> Mapping[str, list[Asset]]:
    hung: defaultdict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        if asset.parent is not None:
            hung[asset.parent].append(asset)
    return hung


def _weeks(of: Powered, start_at: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """What it told quarter by quarter, where its points were hour by hour; the field tells the last one itself."""
    at = start_at
    while (at := at + QUARTER) < until:
        for told in of.readings(at):
            if told["property"] not in _SETTINGS or not at.minute:
                yield {"observed_at": isoformat(at), **told}
    of.house.advance(until - EARLIER)


def _premises(asset: Asset, hung: Sequence[Asset], outside: Sequence[Outside], seed: int) -> Premises:
    """What is believed of it by the inventory, with true values about that."""
    random = np.random.default_rng([seed, 6, *asset.id.encode()])
    told = asset.attributes
    use, floor_m2 = str(told["use"]), float(told["floor_area_m2"])
    fabric = around(use, floor_m2, float(told["heat_loss_w_k"]), float(told["heat_capacity_wh_k"]), random)
    ends, kva = [one.at for one in outside], float(told.get("subscribed_kva", np.inf))
    rest = next((float(m.attributes["night_load_w"]) for m in hung if "night_load_w" in m.attributes), None)
    return Premises(
        building=asset.id,
        fabric=fabric,
        warmth=fabric.settled(outside[0].air_c, 19.0),
        plant=made_plant(Source(told["heat"]), fabric, heat_max_w=float(told["heat_max_w"])),
        quarters=made_quarters(use, floor_m2, ends, _closed, random, rest_w=rest),
        timetable=TIMETABLES[use],
        batteries={one.id: _store(one, random) for one in hung if one.type == "StorageBatteryDevice"},
        roofs={
            one.id: Roof(peak_w=float(one.attributes["peak_power_w"]), tilted=float(random.uniform(0.95, 1.12)))
            for one in hung
            if one.type == "PhotovoltaicDevice"
        },
        stations={one.id: _station(one) for one in hung if one.type == "EVChargingStation"},
        tanks={
            one.id: (_tank(one), (float(random.uniform(50, 58)),) * LAYERS) for one in hung if one.type == "WaterHeater"
        },
        stays=tuple(_stays(hung, ends, random)),
        limit_w=1000 * _REAL * kva if kva <= _TRIPS_KVA else None,
        meters={"import_wh": float(random.integers(10, 900)) * 1e6, "heat_wh": float(random.integers(10, 900)) * 1e6},
    )


def _closed(day: date) -> bool:
    return day in public_holidays(day.year)


def _store(asset: Asset, random: np.random.Generator) -> Store:
    sizes = ("capacity_wh", "charge_max_w", "discharge_max_w", "charge_efficiency", "discharge_efficiency", "reserve")
    told = {name: float(asset.attributes[name]) for name in sizes}
    cells = Cells(
        capacity_wh=_AGED * told["capacity_wh"], charge_max_w=told["charge_max_w"],
        discharge_max_w=told["discharge_max_w"], inverter=float(random.uniform(0.02, 0.035)),
    )  # fmt: skip
    return Store(
        cells=cells, stored_wh=0.5 * cells.capacity_wh, charge_efficiency=told["charge_efficiency"],
        discharge_efficiency=told["discharge_efficiency"], reserve=told["reserve"],
    )  # fmt: skip


def _station(asset: Asset) -> tuple[float, int]:
    """Most that it gives, and on how many phases, by the least that it gives."""
    least = float(asset.attributes["charge_least_w"])
    return float(asset.attributes["charge_max_w"]), 3 if least >= least_w(3) else 1


def _tank(asset: Asset) -> Tank:
    volume = float(asset.attributes["volume_l"])
    return Tank(volume_l=volume, heat_max_w=float(asset.attributes["heat_max_w"]), loss_w_k=0.6 + 0.0035 * volume)


def _stays(hung: Sequence[Asset], ends: Sequence[datetime], random: np.random.Generator) -> Iterator[Stay]:
    days = sorted({end.astimezone(PARIS).date() for end in ends})
    closed: Callable[[date], bool] = _closed
    for one in hung:
        if one.type == "EVChargingStation":
            most, _ = _station(one)
            yield from made_stays(one.id, days, most, closed, random)


def _faults(assets: Sequence[Asset], night: Night) -> Iterator[Fault]:
    built = [asset.id for asset in assets if asset.type == "Building"]
    meters = [asset.id for asset in assets if asset.type == "ACMeasurement" and asset.parent in built[:1]]
    cells = [asset.id for asset in assets if asset.type == "StorageBatteryDevice"]
    for names, kind, (first, last) in (
        (meters, FaultKind.SILENT, _UNMETERED), (cells[-1:], FaultKind.STUCK, _STUCK),
    ):  # fmt: skip
        yield from (Fault(name, kind, night.start + first, night.start + last) for name in names)
