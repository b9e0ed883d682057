"""What the core asks of its edges. `jobs.bootstrap` chooses who answers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from engine.model import Ack, Alarm, Command, CommandState, ReadBack, Slot, Transition


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
        """Returns once the carrier has taken all of them. Raises Unavailable when it may not have, and Undelivered,
        which is one, when it is known which."""
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


Admit = Callable[[Sequence[Command]], Sequence[Command]]


class Head(NamedTuple):
    """The newest command of a point."""

    id: str
    seq: int


class Change(NamedTuple):
    """A command as it was read, and as it is to be written: state, attempts, repeats and the instants of dispatch; and
    `renew_at` where it is another, and not None."""

    before: Command
    after: Command


class CommandLog(Protocol):
    """The outbox and the life of every command. All methods work inside the caller's transaction."""

    def enqueue(self, commands: Sequence[Command]) -> int:
        """Insert as QUEUED. A known id is left alone. Returns how many are new.

        Older commands of the same points that are still QUEUED become SUPERSEDED.
        """
        ...

    def claim(
        self, limit: int, owner: str, now: datetime, lease: timedelta, admit: Admit | None = None, *,
        without: Collection[str] = (), hold_back: Collection[int] = (),
    ) -> list[Command]:  # fmt: skip
        """Take QUEUED commands into SENDING, due again when the lease is over; attempts grow by one.

        Looks at up to `limit`: urgent ones first, then the oldest, whose `not_before` has come, of no batch, of their
        point the newest, of no gateway in `without`, of no level in `hold_back` unless urgent. `admit` says which of
        these to take, as they are to be written. What is read has no explanation.
        """
        ...

    def record(self, changes: Sequence[Change], lines: Sequence[Transition]) -> set[str]:
        """Write commands and their history at once; lines of commands that were not written are left out.

        A command is written if it still is in the state and at the attempt it had. Returns the ids that were.
        """
        ...

    def move(self, command: str, to: CommandState, at: datetime, detail: str, expect: Collection[CommandState]) -> bool:
        """Change the state of one and log it, if it is in one of `expect`. Returns whether it was."""
        ...

    def lock(self, ids: Collection[str]) -> dict[str, Command]:
        """These commands, ours until the transaction ends, without their explanations."""
        ...

    def due(self, now: datetime, limit: int) -> list[Command]:
        """Open commands to be looked at now, the longest due first, locked like those of `lock`.

        Those that another transaction holds are left to it.
        """
        ...

    def overdue(self, now: datetime, grace: timedelta) -> dict[str, str]:
        """Id → point of every open command whose expiry is longer than `grace` ago: there should be none."""
        ...

    def heads(self, points: Collection[str]) -> dict[str, Head]:
        """The id and sequence of the newest command of each point that has one."""
        ...

    def pending(self) -> bool:
        """Whether any command is open."""
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
        """Write; a newer slot of the same (point, level, source) replaces the older from its `written_at` on.

        Not one of another time, that is still to run when the newer one begins later, or begins after it has ended:
        tomorrow's program does not end today's.
        """
        ...

    def release(self, point: str, level: int, source: str, at: datetime) -> bool:
        """Give a level back. Returns whether there was anything to give back."""
        ...

    def arrays(self, points: Collection[str], at: datetime | None) -> dict[str, list[Slot]]:
        """The slots of each point that stood at `at` (written, not replaced nor released), in or out of validity.

        None: as they stand in this transaction, whatever time it takes it to be.
        """
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
