"""What the core asks of its edges. `jobs.bootstrap` chooses who answers."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.model import Ack, Alarm, Command, CommandState, ReadBack, Slot


class Clock(Protocol):
    """Time as an argument. Service: the wall. Tests, replay and demo: whatever the story says."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a way to equipment can do by itself; what it cannot, dispatch does, or counts.

    `programs`: it follows a step function, and is back at its safe value after it. Otherwise it holds the last value,
    and each step is a command of its own. `expiry`: it refuses what comes too late; without it a command whose
    remaining life is below `round_trip` is not sent. `key`: it recognises a command it has had; without it a repeated
    value is counted as repeated. `acknowledges`, `reads_back`, `selects` (before operate): as they say.
    `newest_only`: it takes one value at a time and forgets the one before (a class A downlink).
    """

    programs: bool = True
    expiry: bool = True
    key: bool = True
    acknowledges: bool = True
    reads_back: bool = True
    selects: bool = False
    newest_only: bool = False
    round_trip: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back from equipment. `receipt` is handed to `Link.confirm` once the answers are committed."""

    acks: tuple[Ack, ...] = ()
    readbacks: tuple[ReadBack, ...] = ()
    malformed: tuple[str, ...] = ()
    receipt: object = None


class Link(Protocol):
    """The way to equipment. At-least-once both ways: the far end and the core each recognise what they have seen.

    A way that answers at once (HTTP, Modbus) keeps its answers for `receive`. What it could not bring to the equipment
    and knows so, it answers with a rejection; what it does not know, it leaves unanswered: a read-back decides.
    """

    def capabilities(self, gateway: str) -> Capabilities:
        """What the equipment behind a gateway can do."""
        ...

    def send(self, commands: Sequence[Command]) -> None:
        """Returns once the carrier has taken all of them. Raises Unavailable when it may not have."""
        ...

    def ask(self, points: Mapping[str, str]) -> None:
        """Ask for a read-back of each point → gateway."""
        ...

    def receive(self, timeout_s: float) -> Answers:
        """What has come since the last call; waits up to `timeout_s` for the first."""
        ...

    def confirm(self, answers: Answers) -> None:
        """The answers are committed: the carrier may forget them."""
        ...


class CommandLog(Protocol):
    """The outbox and the life of every command. All methods work inside the caller's transaction."""

    def enqueue(self, commands: Sequence[Command]) -> int:
        """Insert as QUEUED. A known id is left alone. Returns how many are new.

        Older commands of the same points that are still QUEUED become SUPERSEDED.
        """
        ...

    def claim(self, limit: int, owner: str, now: datetime, lease: timedelta) -> list[Command]:
        """Take the oldest QUEUED, or SENDING whose lease is over, into SENDING; attempts grow by one.

        Of one point only the newest sequence is taken.
        """
        ...

    def move(self, command: str, to: CommandState, at: datetime, detail: str, expect: Collection[CommandState]) -> bool:
        """Change state and log it, if the command is in one of `expect`. Returns whether it was."""
        ...

    def get(self, command: str) -> Command | None: ...

    def in_states(self, states: Collection[CommandState]) -> list[Command]:
        """Every command now in one of the states, oldest first."""
        ...

    def newest(self, points: Collection[str]) -> dict[str, Command]:
        """The command with the highest sequence of each point that has one."""
        ...


class SlotLog(Protocol):
    """The priority arrays, every version kept."""

    def put(self, slots: Sequence[Slot]) -> None:
        """Write; a newer slot of the same (point, level, source) replaces the older from its `written_at` on."""
        ...

    def release(self, point: str, level: int, source: str, at: datetime) -> bool:
        """Give a level back. Returns whether there was anything to give back."""
        ...

    def arrays(self, points: Collection[str], at: datetime) -> dict[str, list[Slot]]:
        """The slots of each point that stood at `at` (written, not replaced nor released), in or out of validity."""
        ...


class AlarmLog(Protocol):
    """Alarm occurrences; at most one active for a rule and an asset."""

    def active(self, assets: Collection[str] | None = None) -> list[Alarm]:
        """Alarms that are not NORMAL; all, or those of some assets."""
        ...

    def save(self, alarm: Alarm, before: Alarm | None = None) -> Alarm:
        """Insert (id None) or update, with a line in the alarm's history. Returns it with its id.

        Raises Conflict when an active alarm of that rule and asset exists already, or where the alarm is no longer
        as `before` says it was read.
        """
        ...


class DispatchUnit(Protocol):
    """What dispatch needs of one transaction."""

    @property
    def commands(self) -> CommandLog: ...
    @property
    def slots(self) -> SlotLog: ...
    @property
    def alarms(self) -> AlarmLog: ...


class Transactions(Protocol):
    """Opens a transaction that commits on leaving the block, or rolls back all of it on an exception."""

    def __call__(self) -> AbstractContextManager[DispatchUnit]: ...
