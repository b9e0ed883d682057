"""A device that speaks the words of `engine.wire`, as docs/equipment.md asks of it."""

from dataclasses import dataclass

from engine.model import Ack, AckStatus, Command, ReadBack
from engine.wire import digest
from tests.equipment.peers.peer import StoryClock


@dataclass
class Device:
    """One point. It keeps what it was told over its own restarts."""

    clock: StoryClock
    rest: float
    applied: list[float]
    held: Command | None = None

    def obey(self, command: Command) -> Ack:
        status = self._judge(command)
        if command.select and status is AckStatus.ACCEPTED:
            return Ack(command.id, command.point, command.gateway, command.seq, AckStatus.SELECTED)
        if status is AckStatus.ACCEPTED:
            self.held = command
            self.applied.append(self.value())
        return Ack(command.id, command.point, command.gateway, command.seq, status)

    def _judge(self, command: Command) -> AckStatus:
        if self.held is not None and command.seq <= self.held.seq:
            return AckStatus.DUPLICATE if command.id == self.held.id else AckStatus.SUPERSEDED
        return AckStatus.EXPIRED if self.clock.now() >= command.expires_at else AckStatus.ACCEPTED

    def value(self) -> float:
        told = self.held.program.at(self.clock.now()) if self.held else None
        return self.rest if told is None else told

    def state(self, point: str, gateway: str) -> ReadBack:
        seq, program = (self.held.seq, digest(self.held.program)) if self.held else (0, "")
        return ReadBack(point, gateway, seq, program, self.value(), self.clock.now())
