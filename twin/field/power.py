"""The buildings of a field: their heat, batteries, roofs, charging stations and heaters, behind their controllers."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple

from engine.model import Ack, Asset, Command, ReadBack
from twin.controller import Controller
from twin.energy.premises import REST_TANK_C, House, Premises
from twin.faults import FaultKind, Faults
from twin.field.equipment import Device, Reading
from twin.field.story import Story

EARLIER = timedelta(minutes=1)
OPEN_W = 2_000_000.0
"""How a battery tells that nothing bounds its meter."""


class _Takes(NamedTuple):
    """What a point takes, and what a refusal calls that."""

    least: float
    most: float
    what: str


POINTS: Mapping[str, Mapping[str, _Takes]] = {
    "Building": {"heatingSetpoint": _Takes(5.0, 30.0, "a setpoint of this building")},
    "StorageBatteryDevice": {
        "power": _Takes(-OPEN_W, OPEN_W, "a power of this battery"),
        "importLeast": _Takes(-OPEN_W, OPEN_W, "a power of this meter"),
        "importMost": _Takes(-OPEN_W, OPEN_W, "a power of this meter"),
    },
    "PhotovoltaicDevice": {"powerLimit": _Takes(0.0, OPEN_W, "a limit of this roof")},
    "EVChargingStation": {"powerLimit": _Takes(0.0, OPEN_W, "a limit of this station")},
    "WaterHeater": {"temperatureSetpoint": _Takes(45.0, 70.0, "a setpoint of this heater")},
}


def power(assets: Sequence[Asset], story: Story, faults: Faults) -> list[Device]:
    """The buildings that the story has, each with what hangs on it."""
    hung: defaultdict[str, list[Asset]] = defaultdict(list)
    known = {asset.id: asset for asset in assets}
    for asset in assets:
        if asset.parent is not None:
            hung[asset.parent].append(asset)
    return [
        Powered(known[one.building], hung[one.building], one, story, faults)
        for one in story.premises
        if one.building in known
    ]


class Set:
    """A point of a device: its controller, which holds programs. `by_itself`: where it is without one."""

    def __init__(
        self, asset: Asset, name: str, takes: _Takes, advance: Callable[[datetime], None],
        by_itself: Callable[[datetime], float],
    ) -> None:  # fmt: skip
        self.id = asset.id
        self.gateway = asset.gateway or asset.parent or asset.id
        self.point = f"{asset.id}/{name}"
        self._advance, self._by_itself = advance, by_itself
        self._controller = Controller(
            self.point, self.gateway, lambda value: takes.least <= value <= takes.most, takes.what
        )

    def obey(self, command: Command, at: datetime) -> Ack:
        """Newer sequences only, never after its expiry, never twice."""
        self._advance(at)
        return self._controller.obey(command, at)

    def judge(self, command: Command, at: datetime) -> Ack:
        """What `obey` would answer; nothing changes."""
        return self._controller.judge(command, at)

    def readback(self, at: datetime) -> ReadBack:
        """What is in action; sequence 0 and no digest before the first program."""
        self._advance(at)
        return self._controller.readback(self.value(at), at)

    def held(self, at: datetime) -> float | None:
        """What it is asked for; None once that is over."""
        return None if self._controller.held is None else self._controller.held.at(at)

    def value(self, at: datetime) -> float:
        held = self.held(at)
        return self._by_itself(at) if held is None else held


class Powered:
    """A building and all that hangs on it. Instants given to it must not go back.

    It lives a minute before the story starts, so that meters have something to tell at its first instant.
    """

    def __init__(
        self, building: Asset, hung: Sequence[Asset], what: Premises, story: Story, faults: Faults,
        step: timedelta = timedelta(minutes=1),
    ) -> None:  # fmt: skip
        self.assets = (building, *hung)
        self._faults, self._what = faults, what
        unmetered = [
            (fault.from_at, fault.until_at)
            for asset in hung
            if asset.type == "ACMeasurement"
            for fault in faults.of(asset.id)
            if fault.kind is FaultKind.SILENT
        ]
        self.house = House(
            what, story.outside, story.start_at - EARLIER, orders=self, step=step, seed=story.seed,
            unmetered=unmetered,
        )  # fmt: skip
        self._sets = {one.point: one for one in self._controllers()}
        self._stuck: dict[str, float] = {}
        self.house.advance(story.start_at)

    @property
    def points(self) -> Sequence[Set]:
        return tuple(self._sets.values())

    def asked(self, asset: str, point: str, at: datetime) -> float | None:
        """What the house obeys: what is held, unless the device has failed."""
        if self._suffers(asset, FaultKind.FAILURE, at):
            return _FAILED[point]
        one = self._sets.get(f"{asset}/{point}")
        return None if one is None else one.held(at)

    def readings(self, at: datetime) -> list[Reading]:
        """Everything as it is; a device that is silent tells nothing, one that is stuck what it told last."""
        self.house.advance(at)
        return [
            {"asset": asset.id, "property": name, "value": self._told(asset.id, name, round(value, 6), at)}
            for asset in self.assets
            if asset.type in _TELLS and not self._suffers(asset.id, FaultKind.SILENT, at)
            for name, value in (*self._settings(asset, at), *_TELLS[asset.type](_Seen(self.house, asset.id, at)))
        ]

    def _controllers(self) -> Iterator[Set]:
        for asset in self.assets:
            for name, takes in POINTS.get(asset.type, {}).items():
                if asset.id in self._equipped:
                    yield Set(asset, name, takes, self.house.advance, self._rest(asset, name))

    @property
    def _equipped(self) -> set[str]:
        """Assets that the premises have; what an inventory has and a story lacks is dead."""
        what = self._what
        return {what.building, *what.batteries, *what.roofs, *what.stations, *what.tanks}

    def _rest(self, asset: Asset, name: str) -> Callable[[datetime], float]:
        if name == "heatingSetpoint":
            return self._what.timetable.setpoint_c
        if asset.type == "PhotovoltaicDevice":
            peak = self._what.roofs[asset.id].peak_w
            return lambda _: peak
        if asset.type == "EVChargingStation":
            return lambda _: self.house.stations[asset.id].rest_w
        rest = {"power": 0.0, "importLeast": -OPEN_W, "importMost": OPEN_W}
        return lambda _: rest.get(name, REST_TANK_C)

    def _settings(self, asset: Asset, at: datetime) -> Iterator[tuple[str, float]]:
        """Where its points are; a battery's `power` is what it moves, told with its state."""
        for name in POINTS.get(asset.type, {}):
            one = self._sets.get(f"{asset.id}/{name}")
            if one is not None and (asset.type, name) != ("StorageBatteryDevice", "power"):
                yield name, one.value(at)

    def _told(self, asset: str, name: str, value: float, at: datetime) -> float:
        """A battery that is stuck repeats its state of charge, a sensor all it says."""
        if not self._suffers(asset, FaultKind.STUCK, at) or (name == "power" and asset in self._what.batteries):
            self._stuck[f"{asset}/{name}"] = value
        return self._stuck.get(f"{asset}/{name}", value)

    def _suffers(self, asset: str, kind: FaultKind, at: datetime) -> bool:
        return bool(self._faults.active(asset, kind, at))


_FAILED = {
    "heatingSetpoint": -273.0, "power": 0.0, "importLeast": -inf, "importMost": inf, "powerLimit": 0.0,
    "temperatureSetpoint": -273.0,
}  # fmt: skip
"""What a device does that has failed, whatever it was told: nothing."""

_KWH = 1000.0


class _Seen(NamedTuple):
    """An asset of a house at an instant."""

    house: House
    asset: str
    at: datetime


Told = Iterator[tuple[str, float]]


def _building(seen: _Seen) -> Told:
    yield "outdoorTemperature", round(seen.house.outside(seen.at).air_c, 1)
    if seen.house.counted.gas_m3:
        yield "gasConsumed", seen.house.counted.gas_m3


def _meter(seen: _Seen) -> Told:
    yield "totalActivePower", round(seen.house.powers.meter_w, 1)
    yield "totalActiveEnergyImport", seen.house.counted.import_wh / _KWH


def _heat_meter(seen: _Seen) -> Told:
    house = seen.house
    flow_c = house.what.plant.flow_temperature_c(house.outside(seen.at).air_c) if house.powers.heat_w else 25.0
    yield "power", round(house.powers.heat_w, 1)
    yield "energyConsumed", house.counted.heat_wh / _KWH
    yield "flowTemperature", round(flow_c, 1)
    yield "returnTemperature", round(flow_c - 8.0 * house.powers.heat_w / house.what.plant.heat_max_w, 1)


def _room(seen: _Seen) -> Told:
    """A sensor on an inner wall: some of what it feels is the wall."""
    warmth = seen.house.warmth
    yield "temperature", round(0.85 * warmth.air_c + 0.15 * warmth.inner_c + _off_k(seen.asset), 2)


def _battery(seen: _Seen) -> Told:
    if seen.asset in seen.house.batteries:
        yield "power", round(seen.house.powers.batteries.get(seen.asset, 0.0), 1)
        yield "stateOfCharge", round(seen.house.batteries[seen.asset].state_of_charge, 4)


def _roof(seen: _Seen) -> Told:
    if seen.asset in seen.house.what.roofs:
        yield "power", round(seen.house.powers.roofs.get(seen.asset, 0.0), 1)


def _station(seen: _Seen) -> Told:
    if seen.asset not in seen.house.stations:
        return
    station = seen.house.stations[seen.asset]
    stay = station.at(seen.at)
    yield "power", round(seen.house.powers.stations.get(seen.asset, 0.0), 1)
    yield "vehicleConnected", float(stay is not None)
    yield "energyWanted", round(station.still_wanted_wh, 1)
    yield "departureIn", 0.0 if stay is None else max((stay.departs_at - seen.at) / timedelta(seconds=1), 0.0)
    if (share := station.state_of_charge) is not None:
        yield "stateOfCharge", round(share, 4)


def _heater(seen: _Seen) -> Told:
    if seen.asset in seen.house.heaters:
        yield "temperature", round(seen.house.heaters[seen.asset].temperature_c, 1)
        yield "power", round(seen.house.powers.tanks.get(seen.asset, 0.0), 1)


_TELLS: Mapping[str, Callable[[_Seen], Told]] = {
    "Building": _building,
    "ACMeasurement": _meter,
    "HeatMeter": _heat_meter,
    "IndoorEnvironmentObserved": _room,
    "StorageBatteryDevice": _battery,
    "PhotovoltaicDevice": _roof,
    "EVChargingStation": _station,
    "WaterHeater": _heater,
}


def _off_k(name: str) -> float:
    """What a room's sensor is wrong by, or its room differs: within 0.3 K, always the same."""
    return ((sum(name.encode()) * 37) % 61 - 30) / 100
