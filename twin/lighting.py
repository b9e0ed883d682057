"""A street light in software: what it draws at a flux, and how its controller obeys, answers and fails."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from pydantic import AwareDatetime

from engine.model import Ack, Asset, Command, ReadBack
from twin.controller import Controller

Points = Sequence[tuple[float, float]]

FLUX_CURVES: Mapping[str, Points] = {
    "led": ((0, 0), (0.1, 0.095), (0.3, 0.28), (0.5, 0.475), (0.75, 0.73), (1, 1)),
    "linear": ((0, 0), (1, 1)),
}
"""Share of the power at full flux, driver standby apart, over the share of flux. An LED's is nearly linear, a little
better dimmed (Ernst, Kotulski, Sędziwy 2020, PMC7302807)."""


class FaultKind(StrEnum):
    """What can go wrong on the way to a lamp, or in it."""

    DROP_COMMAND = "drop_command"  # the command never arrives
    DROP_ACK = "drop_ack"  # it is obeyed, nothing is answered
    DELAY = "delay"  # it arrives `delay_s` later
    DOUBLE = "double"  # every message arrives twice, both ways
    REJECT = "reject"  # the controller says no
    LIE = "lie"  # the controller says yes and does nothing
    STUCK = "stuck"  # the program is held, the level does not move
    FAILURE = "failure"  # the lamp is dead, its controller alive
    LOCAL = "local"  # of a cabinet: somebody works on it, mode manual; what is sent is refused
    SILENT = "silent"  # of a gateway: nothing in or out; what is sent to it waits at the broker


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of an asset (of a cabinet: of all its lamps) on [from_at, until_at).

    `probability` is drawn for each message, where the fault is one of messages.
    """

    asset: str
    kind: FaultKind
    from_at: AwareDatetime
    until_at: AwareDatetime
    probability: float = 1.0
    delay_s: float = 60.0

    def active(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at


@dataclass(frozen=True, slots=True)
class Darkness:
    """The nights of a story, each from sunset to sunrise."""

    nights: tuple[tuple[datetime, datetime], ...]

    def at(self, instant: datetime) -> bool:
        return any(sunset <= instant < sunrise for sunset, sunrise in self.nights)

    def edges(self) -> tuple[datetime, ...]:
        return tuple(sorted(at for night in self.nights for at in night))


class Lamp:
    """One lamp and its controller, which keeps its own time and, without a program, is full when dark and off by day.

    Its instants must not go back: what it draws is integrated as they pass.
    """

    def __init__(
        self, asset: Asset, curve: Points, darkness: Darkness, faults: Sequence[Fault], start_at: datetime
    ) -> None:
        self.id = asset.id
        self.gateway = asset.gateway or asset.parent or asset.id
        self.energy_wh = 0.0
        self._attributes = asset.attributes
        self._curve = curve
        self._darkness = darkness
        self._faults = tuple(fault for fault in faults if fault.kind in {FaultKind.STUCK, FaultKind.FAILURE})
        edges = {*darkness.edges(), *(at for fault in self._faults for at in (fault.from_at, fault.until_at))}
        self._edges = sorted(edges)
        self._controller = Controller(self.point, self.gateway, self._knows, "a level of this lamp")
        self._stuck_at: float | None = None
        self._at = start_at

    @property
    def point(self) -> str:
        return f"{self.id}/illuminanceLevel"

    def advance(self, to: datetime) -> None:
        """Let time pass: energy is added up exactly, level by level."""
        for start_at, end_at in pairwise([self._at, *self._changes(to), to]):
            self.energy_wh += self.power_w(start_at) * ((end_at - start_at) / timedelta(hours=1))
        self._at = max(self._at, to)

    def level(self, at: datetime) -> float:
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
        return standby_w + (full_w - standby_w) * interpolate(self._curve, level)

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
        """What is in action; sequence 0 and no digest before the first program."""
        return self._controller.readback(self.level(at), at)

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


def interpolate(curve: Points, flux: float) -> float:
    """Piecewise linear, held at both ends. The curve's abscissae increase."""
    if flux <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if flux <= x1:
            return y0 + (y1 - y0) * (flux - x0) / (x1 - x0)
    return curve[-1][1]
