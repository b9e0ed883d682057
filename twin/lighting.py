"""Street lights in software: what they draw at a flux, how their controllers obey, answer and fail; their cabinets."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from engine.dali import flux_of
from engine.model import Ack, Asset, Command, ReadBack
from twin.controller import Controller
from twin.faults import Fault, FaultKind

HOLD_S = 120.0
"""How long a lamp stays bright after the last one seen, where it does not say."""

LIFE_H = 100_000.0
"""Hours over which an LED's light falls to its maintenance factor."""

DARK_H_PER_DAY = 4_110 / 365.25
"""Hours a street light burns on a day of the mean year."""

Points = Sequence[tuple[float, float]]

FLUX_CURVES: Mapping[str, Points] = {
    "led": ((0, 0), (0.1, 0.095), (0.3, 0.28), (0.5, 0.475), (0.75, 0.73), (1, 1)),
    "linear": ((0, 0), (1, 1)),
}
"""Share of the power at full flux, driver standby apart, over the share of flux. An LED's is nearly linear, a little
better dimmed (Ernst, Kotulski, Sędziwy 2020, PMC7302807)."""


@dataclass(frozen=True, slots=True)
class Darkness:
    """The nights of a story, each from sunset to sunrise."""

    nights: tuple[tuple[datetime, datetime], ...]

    def at(self, instant: datetime) -> bool:
        return any(sunset <= instant < sunrise for sunset, sunrise in self.nights)

    def edges(self) -> tuple[datetime, ...]:
        return tuple(sorted(at for night in self.nights for at in night))


@dataclass(frozen=True, slots=True)
class Boost:
    """What a lamp does by itself: in the dark it gives `flux` at least, for `hold` after each one who is seen."""

    flux: float
    hold: timedelta
    seen: tuple[datetime, ...]
    edges: tuple[datetime, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", tuple(sorted(self.seen)))
        object.__setattr__(self, "edges", tuple(sorted({*self.seen, *(at + self.hold for at in self.seen)})))

    @classmethod
    def of(cls, asset: Asset, seen: Sequence[datetime]) -> "Boost":
        """As its attributes say; what they leave out as `datasets/reference/lighting.yaml` has it, the flux as full."""
        boost = asset.attributes.get("boost", 1.0)
        flux = flux_of(boost, asset.attributes.get("level_scale", "share"))
        return cls(flux, timedelta(seconds=asset.attributes.get("hold_s", HOLD_S)), tuple(seen))

    def on(self, at: datetime) -> bool:
        before = bisect_right(self.seen, at)
        return before > 0 and at < self.seen[before - 1] + self.hold


NOBODY = Boost(0.0, timedelta(0), ())


class Lamp:
    """One lamp and its controller, which keeps its own time and, without a program, is full when dark and off by day.

    Its instants must not go back: what it draws is integrated as they pass. `drive` is the share of its full output at
    which its driver holds the light constant; less than 1 while it is young.
    """

    def __init__(
        self,
        asset: Asset,
        curve: Points,
        darkness: Darkness,
        faults: Sequence[Fault],
        start_at: datetime,
        *,
        boost: Boost = NOBODY,
        drive: float = 1.0,
    ) -> None:
        self.id = asset.id
        self.gateway = asset.gateway or asset.parent or asset.id
        self.energy_wh = 0.0
        self._attributes = asset.attributes
        self._curve = curve
        self._darkness = darkness
        self._boost = boost
        self._drive = drive
        self._faults = tuple(fault for fault in faults if fault.kind in {FaultKind.STUCK, FaultKind.FAILURE})
        edges = {
            *darkness.edges(),
            *boost.edges,
            *(at for fault in self._faults for at in (fault.from_at, fault.until_at)),
        }
        self._edges = sorted(edges)
        self._controller = Controller(self.point, self.gateway, self._knows, "a level of this lamp")
        self._stuck_at: float | None = None
        self._at = start_at

    @property
    def point(self) -> str:
        return f"{self.id}/illuminanceLevel"

    @property
    def points(self) -> Sequence["Lamp"]:
        return (self,)

    def readings(self, at: datetime) -> list[dict[str, Any]]:
        """Its state, status, level and power."""
        self.advance(at)
        level = self.level(at)
        values = {
            "powerState": "off" if level <= 0 else "on" if level >= 1 else "low",
            "status": "defectiveLamp" if self.failed(at) else "ok",
            "illuminanceLevel": level,
            "powerConsumption": round(self.power_w(at), 3),
        }
        return [{"asset": self.id, "property": name, "value": value} for name, value in values.items()]

    def advance(self, to: datetime) -> None:
        """Let time pass: energy is added up exactly, level by level."""
        for start_at, end_at in pairwise([self._at, *self._changes(to), to]):
            self.energy_wh += self.power_w(start_at) * ((end_at - start_at) / timedelta(hours=1))
        self._at = max(self._at, to)

    def level(self, at: datetime) -> float:
        """Relative flux it gives, 0…1: what the controller is set to, or more while its detector sees somebody."""
        if self._boost.on(at) and self._darkness.at(at) and not self._suffers(FaultKind.STUCK, at):
            return max(self.told(at), self._boost.flux)
        return self.told(at)

    def told(self, at: datetime) -> float:
        """Relative flux the controller is set to, 0…1."""
        if not self._suffers(FaultKind.STUCK, at):
            self._stuck_at = None
            return self._wanted(at)
        if self._stuck_at is None:
            self._stuck_at = self._wanted(at)
        return self._stuck_at

    def power_w(self, at: datetime) -> float:
        """Electric power: the driver's standby, and above it what the flux takes. A dead lamp leaves the standby."""
        standby_w, full_w = float(self._attributes["standby_w"]), float(self._attributes["power_w"])
        level = 0.0 if self.failed(at) else self.level(at)
        return standby_w + (full_w - standby_w) * interpolate(self._curve, level * self._drive)

    def failed(self, at: datetime) -> bool:
        return self._suffers(FaultKind.FAILURE, at)

    def obey(self, command: Command, at: datetime) -> Ack:
        """Apply a command, or say why not. Newer sequences only, never after its expiry, and never twice."""
        self.advance(at)
        return self._controller.obey(command, at)

    def judge(self, command: Command, at: datetime) -> Ack:
        """What `obey` would answer; nothing changes."""
        return self._controller.judge(command, at)

    def readback(self, at: datetime) -> ReadBack:
        """What is in action; sequence 0 and no digest before the first program. No boost: that is the lamp's own."""
        return self._controller.readback(self.told(at), at)

    def _knows(self, level: float) -> bool:
        return 0 <= level <= 1 if self._attributes.get("dimmable", True) else level in {0.0, 1.0}

    def _wanted(self, at: datetime) -> float:
        held = self._controller.held
        value = held.at(at) if held else None
        return float(self._darkness.at(at)) if value is None else value

    def _suffers(self, kind: FaultKind, at: datetime) -> bool:
        return any(fault.kind is kind and fault.active(at) for fault in self._faults)

    def _changes(self, to: datetime) -> list[datetime]:
        """Instants strictly between now and `to` at which the power may change."""
        changes = set(self._edges[bisect_right(self._edges, self._at) : bisect_left(self._edges, to)])
        held = self._controller.held
        if held is not None:
            changes.update(held.starts[bisect_right(held.starts, self._at) : bisect_left(held.starts, to)])
            changes.update({held.program.until} if self._at < held.program.until < to else ())
        return sorted(changes)


class Cabinet:
    """What lamps hang on: the meter that counts them all, and whether somebody works on it."""

    points: Sequence[Lamp] = ()

    def __init__(self, asset: Asset, lamps: Sequence[Lamp], faults: Sequence[Fault]) -> None:
        self.id = asset.id
        self._lamps = lamps
        self._faults = tuple(fault for fault in faults if fault.kind is FaultKind.LOCAL)

    def readings(self, at: datetime) -> list[dict[str, Any]]:
        """Its meter, its power and its mode."""
        for lamp in self._lamps:
            lamp.advance(at)
        energy_kwh = round(sum(lamp.energy_wh for lamp in self._lamps) / 1000, 6)
        power_w = round(sum(lamp.power_w(at) for lamp in self._lamps), 3)
        mode = "manual" if any(fault.active(at) for fault in self._faults) else "automatic"
        return [
            {"asset": self.id, "property": "energyConsumed", "value": energy_kwh, "unit": "kW.h"},
            {"asset": self.id, "property": "powerConsumption", "value": power_w},
            {"asset": self.id, "property": "workingMode", "value": mode},
        ]


def interpolate(curve: Points, flux: float) -> float:
    """Piecewise linear, held at both ends. The curve's abscissae increase."""
    if flux <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if flux <= x1:
            return y0 + (y1 - y0) * (flux - x0) / (x1 - x0)
    return curve[-1][1]


def drive_of(asset: Asset, at: datetime, life_h: float = LIFE_H) -> float:
    """Share of its full output that a driver with constant light output needs at the lamp's age; 1 without it.

    Light falls on a straight line from 1 to the maintenance factor at `life_h`, so that when new the maintenance factor
    is all it takes. A lamp that does not tell its age is as old as can be.
    """
    if not asset.attributes.get("clo", False):
        return 1.0
    factor = asset.attributes.get("maintenance_factor", 1.0)
    burned = asset.attributes.get("burning_h", life_h)
    if "installed" in asset.attributes:
        hung = date.fromisoformat(asset.attributes["installed"])
        burned = max((at.date() - hung).days, 0) * DARK_H_PER_DAY
    return float(factor / (1 - (1 - factor) * min(burned / life_h, 1.0)))
