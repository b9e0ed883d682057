"""What the contract suite wants of a peer: real equipment of one protocol on loopback, and our connection to it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

from engine.equipment.connections import Connection, Site
from engine.model import Command, Level, Program
from engine.ports import Capabilities

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)


@dataclass
class StoryClock:
    """Time as the test tells it, for both ends."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


class Mood(Enum):
    """How equipment meets what it is told."""

    WELL = "obeys and answers"
    REFUSES = "obeys nothing, and says no"
    HANGS = "obeys, and answers nothing"
    BABBLES = "obeys nothing, and answers what nobody can read"


class Peer(Protocol):
    """One gateway with one point. `values` are two it can take, neither of them its `rest`, the value without us.

    `applied` lists each change the equipment made, in order: a command it knows already is not in it twice.
    """

    clock: StoryClock
    connection: Connection
    gateway: str
    point: str
    values: tuple[float, float]
    rest: float
    mood: Mood
    applied: list[float]

    def start(self) -> None:
        """Begin, or begin again after `stop`, at the same address; what it keeps on disk it still has."""
        ...

    def stop(self) -> None:
        """Nothing listens any more."""
        ...

    def value(self) -> float:
        """What is in action at the clock's time."""
        ...

    def pass_time(self) -> None:
        """Let happen what happens by itself, as an uplink of a device that is asleep."""
        ...


class Base:
    """What most peers have. A subclass sets `connection`."""

    connection: Connection
    gateway = "A-1"
    point = "L-1/illuminanceLevel"
    values = (0.4, 0.7)
    rest = 1.0

    def __init__(self) -> None:
        self.clock = StoryClock()
        self.mood = Mood.WELL
        self.applied: list[float] = []

    def pass_time(self) -> None:
        return

    @property
    def capabilities(self) -> Capabilities:
        return self.connection.capabilities

    @property
    def site(self) -> Site:
        return Site(self.clock, "contract")


def an_order(peer: Peer, value: float, seq: int = 1, *steps: tuple[float, float], **changes: object) -> Command:
    """`value` for an hour from the clock's time on; `steps` are further (minutes from now, value)."""
    now = peer.clock.now()
    program = Program(((now, value), *((now + timedelta(minutes=m), v) for m, v in steps)), now + timedelta(hours=1))
    told = {"level": Level.RULE, **changes}
    expires_at = now + timedelta(minutes=5)
    return Command(f"c-{seq}", peer.point, peer.gateway, seq, program, now, expires_at, **told)  # type: ignore[arg-type]
