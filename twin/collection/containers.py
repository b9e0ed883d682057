"""Containers in software: what people bring hour by hour, what sensors say of it, lids that lock, what lies beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from pydantic import AwareDatetime

from engine.instants import PARIS, isoformat
from engine.model import Ack, Asset, Command, ReadBack
from optimizers.arrays import Floats
from twin.controller import Controller
from twin.faults import FaultKind, Faults

NOISE = 0.01
"""Of a container's height, standard deviation of what an ultrasonic sensor says."""

SAYS_EVERY_H = 4
CHANGED = 0.15
"""Of its height: a sensor that finds so much more or less than it told last tells at the next full hour."""

_HOUR = timedelta(hours=1)
_SPREAD = 0.8  # coefficient of variation of what is brought in an hour
_RESIDUE = 0.02  # of the volume, stays in when a container is emptied
_OF_DAY = np.array([0.2] * 6 + [2, 5, 6, 5, 5, 6, 6, 4, 4, 5, 6, 8, 9, 7, 4, 2, 1, 0.5])
_OF_HOUR = _OF_DAY / _OF_DAY.sum()
"""Share of a day's waste that is brought in each local hour. Ours: morning, noon, after work."""


@dataclass(frozen=True)
class Bin:
    """A container at the story's start.

    content_l   of waste in it; what does not fit lies beside it
    daily_l     brought on a mean day
    kg_m3       of what lies in it
    bias        what its sensor says too much, a share of its height: one set to zero over a bottom that was not empty
    sensor      whether it has one; said what it told last, None never
    beside      the container of the same waste to which people go when its lid is locked; '' for none
    """

    asset: str
    volume_l: float
    content_l: float
    daily_l: float
    kg_m3: float
    bias: float = 0.0
    sensor: bool = True
    said: float | None = None
    beside: str = ""


class Dumped(NamedTuple):
    """Somebody brings so much at once: a market's crates, a move, a party."""

    asset: str
    at: AwareDatetime
    litres: float


class Lid:
    """The lid of one container, which a motor can lock. Open without a program, and after it."""

    def __init__(self, asset: Asset) -> None:
        self.id = asset.id
        self.gateway = asset.gateway or asset.parent or asset.id
        self.point = f"{asset.id}/lidLocked"
        self._controller = Controller(self.point, self.gateway, {0.0, 1.0}.__contains__, "a lid's 0 or 1")

    def obey(self, command: Command, at: datetime) -> Ack:
        return self._controller.obey(command, at)

    def judge(self, command: Command, at: datetime) -> Ack:
        return self._controller.judge(command, at)

    def readback(self, at: datetime) -> ReadBack:
        return self._controller.readback(float(self.locked(at)), at)

    def locked(self, at: datetime) -> bool:
        held = self._controller.held
        return bool(held and held.at(at))


class Containers:
    """All containers of a story. Waste comes at full hours. Instants given to it must not go back.

    What is truly in them is for whoever measures, and for no planner: `content_l`, `fill`, and `beside_l`, what did not
    go in since the start.
    """

    def __init__(
        self,
        bins: Sequence[Bin],
        assets: Mapping[str, Asset],
        dumped: Sequence[Dumped],
        faults: Faults,
        start_at: datetime,
        seed: int,
    ) -> None:
        self._bins, self._faults = tuple(bins), faults
        self._rows = {one.asset: row for row, one in enumerate(bins)}
        self.volume_l, self.content_l, self._daily_l, self._bias = (
            np.array([getattr(one, name) for one in bins], np.float64)
            for name in ("volume_l", "content_l", "daily_l", "bias")
        )
        self.beside_l = np.zeros(len(bins))
        self.said = np.array([np.nan if one.said is None else one.said for one in bins])
        self._lids = {
            one.asset: Lid(assets[one.asset]) for one in bins if assets[one.asset].attributes.get("motor_lid")
        }
        self._dumped = sorted((one for one in dumped if one.at > start_at), key=lambda one: one.at, reverse=True)
        self._hours = 0
        self._start_at = start_at.replace(minute=0, second=0, microsecond=0)
        self._told: list[dict[str, Any]] = []
        self._random = np.random.default_rng([seed, 3])
        self._shown = dict.fromkeys(self._lids, False)

    @property
    def points(self) -> Sequence[Lid]:
        return list(self._lids.values())

    @property
    def fill(self) -> Floats:
        """Share of each that is full, in the order of the story's bins."""
        share: Floats = self.content_l / self.volume_l
        return share

    def fill_of(self, asset: str) -> float:
        return float(self.fill[self._rows[asset]])

    def readings(self, at: datetime) -> list[dict[str, Any]]:
        """What sensors, lids and lifts told since they were last asked."""
        self.advance(at)
        for name, lid in self._lids.items():
            if (locked := lid.locked(at)) != self._shown[name] or at == self._start_at:
                self._shown[name] = locked
                self.tell(name, "lidLocked", int(locked), at)
        told, self._told = self._told, []
        return told

    def tell(self, asset: str, name: str, value: float | str, at: datetime) -> None:
        """Something to be told with the next readings."""
        self._told.append({"asset": asset, "property": name, "value": value, "observed_at": isoformat(at)})

    def advance(self, to: datetime) -> None:
        """Let time pass: full hour after full hour, and what is dumped between."""
        while (hour := self._start_at + (self._hours + 1) * _HOUR) <= to:
            self._dump(hour)
            self._hours += 1
            self._bring(hour)
            self._say(hour)
        self._dump(to)

    def empty(self, asset: str, at: datetime) -> float:
        """A crew empties it, and takes what lies beside. Returns kg; 0 of one that the story does not have."""
        self.advance(at)
        row = self._rows.get(asset)
        if row is None:
            return 0.0
        left = min(self.content_l[row], _RESIDUE * self.volume_l[row])
        taken_l = self.content_l[row] - left
        self.content_l[row] = left
        return float(taken_l / 1000 * self._bins[row].kg_m3)

    def bring(self, dumped: Sequence[Dumped]) -> None:
        """Have so much brought that the story does not know of."""
        self._dumped = sorted([*self._dumped, *dumped], key=lambda one: one.at, reverse=True)

    def blocked(self, asset: str, at: datetime) -> bool:
        return bool(self._faults.active(asset, FaultKind.BLOCKED, at))

    def _bring(self, hour: datetime) -> None:
        """What was brought in the hour that ends. To a locked one nothing: people go to the one beside, or leave it."""
        local = (hour - _HOUR).astimezone(PARIS)
        shape = _SPREAD**-2
        came = self._daily_l * _OF_HOUR[local.hour] * self._random.gamma(shape, 1 / shape, len(self._bins))
        for name, lid in self._lids.items():
            if lid.locked(hour - _HOUR):
                row = self._rows[name]
                other = self._rows.get(self._bins[row].beside)
                if other is None:
                    self.beside_l[row] += came[row]
                else:
                    came[other] += came[row]
                came[row] = 0.0
        self._put(came)

    def _dump(self, to: datetime) -> None:
        while self._dumped and self._dumped[-1].at <= to:
            one = self._dumped.pop()
            if one.asset in self._rows:
                came = np.zeros(len(self._bins))
                came[self._rows[one.asset]] = one.litres
                self._put(came)

    def _put(self, came: Floats) -> None:
        wanted = self.content_l + came
        self.content_l = np.minimum(wanted, self.volume_l)
        self.beside_l = self.beside_l + np.maximum(wanted - self.volume_l, 0.0)

    def _say(self, hour: datetime) -> None:
        """Of each sensor every few hours by turns, and where much has changed."""
        noise = self._random.normal(0.0, NOISE, len(self._bins))
        foam = self._random.random(len(self._bins))
        for row, one in enumerate(self._bins):
            if not one.sensor:
                continue
            found = self._found(row, hour, noise[row], foam[row])
            due = (self._hours + row) % SAYS_EVERY_H == 0
            if found is not None and (due or abs(found - self.said[row]) > CHANGED):
                self.said[row] = found
                self.tell(one.asset, "fillingLevel", round(float(found), 3), hour)

    def _found(self, row: int, hour: datetime, noise: float, foam: float) -> float | None:
        """What a sensor says, wrong as it is; None for nothing."""
        asset = self._bins[row].asset
        if self._faults.active(asset, FaultKind.SILENT, hour):
            return None
        if self._faults.active(asset, FaultKind.STUCK, hour) and not np.isnan(self.said[row]):
            return float(self.said[row])
        found = float(self.fill[row]) + self._bias[row] + noise
        found += sum(fault.by for fault in self._faults.active(asset, FaultKind.JUMP, hour))
        found += sum(fault.by * foam for fault in self._faults.active(asset, FaultKind.FOAM, hour))
        return float(min(max(found, 0.0), 1.0))
