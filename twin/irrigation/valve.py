"""An electric valve in software: how its controller obeys, when it closes by itself, and how it fails."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from engine.model import Ack, AckStatus, Asset, Command, ReadBack
from twin.controller import Controller
from twin.faults import Fault, FaultKind

LONGEST_OPEN = timedelta(hours=4)
"""After so long a controller closes its valve by itself, whatever it was told."""

BURST = 1.4
"""What a valve with broken sprinklers lets through, over what it should."""

_HELD = {FaultKind.STUCK, FaultKind.JAMMED, FaultKind.FAILURE, FaultKind.BURST}


class Supply(Protocol):
    """The network that a valve is of."""

    def advance(self, to: datetime) -> None:
        """Let time pass for all of it."""

    def settle(self) -> None:
        """Take note that a valve was told something."""


class Valve:
    """One valve and its controller, which follows its program and closes when that ends: open or closed, no half.

    It is at `rest` without a program. `longest_open` is its own dead man: once it was open so long it closes until it
    is told anew, or asked to be closed. Instants given to it must not go back.
    """

    def __init__(
        self,
        asset: Asset,
        name: str,
        faults: Sequence[Fault],
        supply: Supply,
        *,
        rest: float = 0.0,
        longest_open: timedelta | None = LONGEST_OPEN,
    ) -> None:
        self.id = asset.id
        self.gateway = asset.gateway or asset.parent or asset.id
        self.point = f"{asset.id}/{name}"
        self.opening = rest
        self._rest = rest
        self._longest_open = longest_open
        self._faults = tuple(fault for fault in faults if fault.kind in _HELD)
        self._edges = sorted({at for fault in self._faults for at in (fault.from_at, fault.until_at)})
        self._supply = supply
        self._controller = Controller(self.point, self.gateway, {0.0, 1.0}.__contains__, "an opening of this valve")
        self._opened_at: datetime | None = None
        self._tripped = False

    def obey(self, command: Command, at: datetime) -> Ack:
        """Apply a command, or say why not. Newer sequences only, never after its expiry, and never twice."""
        self._supply.advance(at)
        ack = self._controller.obey(command, at)
        if ack.status is AckStatus.ACCEPTED:
            self._tripped = False
            self._supply.settle()
        return ack

    def judge(self, command: Command, at: datetime) -> Ack:
        """What `obey` would answer; nothing changes."""
        return self._controller.judge(command, at)

    def readback(self, at: datetime) -> ReadBack:
        """What is in action, at the opening it has; sequence 0 and no digest before the first program."""
        self._supply.advance(at)
        return self._controller.readback(self.opening, at)

    def move(self, at: datetime) -> None:
        """Be where the program, the dead man and what is broken let it be."""
        wanted = self._wanted(at)
        jammed = self.suffers(FaultKind.JAMMED, at) and wanted < self.opening
        if self.suffers(FaultKind.STUCK, at) or jammed:
            return
        if wanted and not self.opening:
            self._opened_at = at
        self.opening = wanted

    def _wanted(self, at: datetime) -> float:
        held = self._controller.held
        value = held.at(at) if held else None
        asked = self._rest if value is None else value
        if not asked:
            self._tripped = False
        elif self._closes_at is not None and at >= self._closes_at:
            self._tripped = True
        return 0.0 if self._tripped else asked

    @property
    def _closes_at(self) -> datetime | None:
        """When its dead man closes it, while it is open."""
        if self._longest_open is None or self._opened_at is None or not self.opening:
            return None
        return self._opened_at + self._longest_open

    def next_change(self, after: datetime) -> datetime | None:
        """The first instant after another at which it may move, or fail."""
        coming = [at for at in (self._closes_at,) if at is not None and at > after]
        for instants in (self._edges, self._steps()):
            coming += instants[bisect_right(instants, after) :][:1]
        return min(coming, default=None)

    def _steps(self) -> list[datetime]:
        held = self._controller.held
        return [*held.starts, held.program.until] if held else []

    def suffers(self, kind: FaultKind, at: datetime) -> bool:
        return any(fault.kind is kind and fault.active(at) for fault in self._faults)

    def passes(self, at: datetime) -> float:
        """What it lets through, over what it should at its pressure: nothing, all of it, or more where it is broken."""
        if self.suffers(FaultKind.FAILURE, at):
            return 0.0
        return self.opening * (BURST if self.suffers(FaultKind.BURST, at) else 1.0)
