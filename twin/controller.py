"""What every controller does, whatever it controls: the rules of docs/equipment.md, and the messages it answers."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, NamedTuple

from engine.model import Ack, AckStatus, Command, Program, ReadBack
from engine.wire import ACK, STATE, digest, encode_ack, encode_readback, program_from_json, topic
from twin.effects import Effect


class Wire(NamedTuple):
    """A message, in or out."""

    topic: str
    payload: bytes


class Served(NamedTuple):
    """What came of messages: what was done, and what to answer once that is written down."""

    effects: list[Effect]
    answers: list[Wire]


@dataclass(frozen=True, slots=True)
class Held:
    """The program in action, and the command that brought it."""

    id: str
    seq: int
    program: Program
    digest: str
    starts: tuple[datetime, ...]

    @classmethod
    def of(cls, command_id: str, seq: int, program: Program) -> "Held":
        return cls(command_id, seq, program, digest(program), tuple(start for start, _ in program.steps))

    def at(self, instant: datetime) -> float | None:
        """The value that the program asks at an instant; None before it begins and once it is over."""
        if not self.starts[0] <= instant < self.program.until:
            return None
        return self.program.steps[bisect_right(self.starts, instant) - 1][1]


def remembered(lines: Iterable[Mapping[str, Any]]) -> dict[str, Held]:
    """What each point holds by the lines of its effect log, which are in the order of what happened."""
    newest = {line["point"]: line for line in lines}
    return {
        point: Held.of(line["id"], line["seq"], program_from_json(line["program"])) for point, line in newest.items()
    }


class Controller:
    """One point: newer sequences only, never after their expiry, never twice. All instants are by its own clock.

    `takes` says whether a value is one that the equipment knows; `what` is how a refusal calls such a value.
    """

    def __init__(
        self, point: str, gateway: str, takes: Callable[[float], bool], what: str, held: Held | None = None
    ) -> None:
        self.point = point
        self.gateway = gateway
        self.held = held
        self._takes = takes
        self._what = what

    def obey(self, command: Command, at: datetime) -> Ack:
        """Put a command in action, or say why not."""
        ack = self.judge(command, at)
        if ack.status is AckStatus.ACCEPTED:
            self.held = Held.of(command.id, command.seq, command.program)
        return ack

    def judge(self, command: Command, at: datetime) -> Ack:
        """What `obey` would answer; nothing changes."""
        status, reason = self._judge(command, at)
        return Ack(command.id, command.point, self.gateway, command.seq, status, reason)

    def _judge(self, command: Command, at: datetime) -> tuple[AckStatus, str]:
        if self.held is not None and command.seq <= self.held.seq:
            if command.id == self.held.id:
                return AckStatus.DUPLICATE, ""
            if command.seq == self.held.seq:
                return AckStatus.REJECTED, f"seq {command.seq} is another command's"
            return AckStatus.SUPERSEDED, f"seq {self.held.seq} is in action"
        if at >= command.expires_at:
            return AckStatus.EXPIRED, f"it is {at.isoformat()} here"
        for _, value in command.program.steps:
            if not isfinite(value) or not self._takes(value):
                return AckStatus.REJECTED, f"{value:g} is not {self._what}"
        return AckStatus.ACCEPTED, ""

    def readback(self, value: float, at: datetime) -> ReadBack:
        """What is in action, at `value`; sequence 0 and no digest before the first program."""
        seq, program = (self.held.seq, self.held.digest) if self.held else (0, "")
        return ReadBack(self.point, self.gateway, seq, program, value, at)


def answer(command: Command, status: AckStatus, reason: str = "") -> Wire:
    """The acknowledgement of a command as a message."""
    ack = Ack(command.id, command.point, command.gateway, command.seq, status, reason)
    return Wire(topic(command.gateway, ACK), encode_ack(ack))


def report(readback: ReadBack) -> Wire:
    """A read-back as a message."""
    return Wire(topic(readback.gateway, STATE), encode_readback(readback))
