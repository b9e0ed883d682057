"""Commands on their way: sent, acknowledged, verified, each to exactly one terminal state.

Every change is committed before what follows from it leaves the process, and every message may come twice: after
a crash between any two lines the next process finds in the log what to do. A repeated command has the same id and
sequence, and equipment recognises it; setpoints are absolute, so repeating one is safe. See `DispatchPolicy`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.errors import Unavailable, Undelivered
from engine.model import Ack, AckStatus, Command, CommandState, ReadBack
from engine.ports import Answers, Clock, Link, Transactions
from engine.setpoints.desk import OPEN, UNANSWERED, Desk
from engine.setpoints.overdue import Overdue, Patience
from engine.setpoints.points import PointInfo
from engine.setpoints.verify import Finding, judge

_SWEEP_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """How patient dispatch is. `owner` names this process in the leases it takes.

    A command claimed and not sent within `lease` is anybody's again. Without an acknowledgement `ack_within` the
    equipment is asked for a read-back, and `ack_within` after that the command is repeated, `max_attempts` times in
    all. What is not confirmed `grace` after its expiry and its time to verify has failed. `rate_per_gateway` is in
    commands a second of the clock, with bursts of one second's worth; `batch` limits one step.
    """

    owner: str
    lease: timedelta = timedelta(seconds=60)
    ack_within: timedelta = timedelta(seconds=30)
    max_attempts: int = 3
    rate_per_gateway: float = 500.0
    batch: int = 500
    grace: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one step did. The first group counts moves into a state, `queued` being those to be sent again.

    `asked` read-backs asked for; `refused` forged or foreign answers; `late` answers to what is settled already.
    """

    queued: int = 0
    sending: int = 0
    sent: int = 0
    acked: int = 0
    unknown: int = 0
    verified: int = 0
    rejected: int = 0
    expired: int = 0
    superseded: int = 0
    cancelled: int = 0
    failed: int = 0
    asked: int = 0
    refused: int = 0
    late: int = 0
    malformed: int = 0


class Dispatcher:
    """Sends what is due, takes what comes back, sweeps what waits too long. One step at a time, one thread."""

    def __init__(
        self,
        transactions: Transactions,
        link: Link,
        clock: Clock,
        policy: DispatchPolicy,
        points: Mapping[str, PointInfo],
    ) -> None:
        self._transactions = transactions
        self._link = link
        self._clock = clock
        self._policy = policy
        self._points = points
        patience = Patience(policy.lease, policy.ack_within, policy.max_attempts, policy.grace)
        self._overdue = Overdue(patience, points)
        self._bucket = _Buckets(policy.rate_per_gateway)
        self._held: dict[str, _Held] = {}
        self._noted: set[tuple[str, str]] = set()
        self._swept_at: datetime | None = None

    def step(self, timeout_s: float) -> Counts:
        """Send, receive (waiting up to `timeout_s` for the first answer), sweep.

        Raises Unavailable when the carrier is away, after sweeping: expiry goes on without it.
        """
        tally: Counter[str] = Counter()
        try:
            self._send(tally)
            self._receive(timeout_s, tally)
        except Unavailable:
            self._sweep(tally)
            raise
        self._sweep(tally)
        return Counts(**tally)

    def settled(self) -> bool:
        """Whether every command is in a terminal state."""
        with self._transactions() as unit:
            return not unit.commands.in_states(OPEN)

    def _send(self, tally: Counter[str]) -> None:
        now = self._clock.now()
        self._claim(now, tally)
        going = [held.command for held in self._held.values() if self._bucket.take(held.command.gateway, now)]
        if not going:
            return
        for command in going:
            del self._held[command.id]
        try:
            self._link.send(going)
        except Undelivered as error:
            # The other carriers work: what went by them is sent, and this step goes on.
            lost = [command for command in going if command.id in error.commands]
            going = [command for command in going if command.id not in error.commands]
            self._move_all(lost, CommandState.UNKNOWN, f"may not have left: {error}", tally)
        except Unavailable as error:
            self._move_all(going, CommandState.UNKNOWN, f"may not have left: {error}", tally)
            raise
        self._move_all(going, CommandState.SENT, "taken by the carrier", tally)

    def _claim(self, now: datetime, tally: Counter[str]) -> None:
        """Fill up what this process holds; drop what is no more its own or has no time left."""
        self._held = {key: held for key, held in self._held.items() if now < held.until_at}
        with self._transactions() as unit:
            desk = Desk(unit, self._points, now, tally)
            room = self._policy.batch - len(self._held)
            claimed = unit.commands.claim(room, self._policy.owner, now, self._policy.lease) if room > 0 else []
            for command in claimed:
                self._held[command.id] = _Held(command, now + self._policy.lease)
            useless = [held.command for held in self._held.values() if not self._sendable(held.command, now)]
            for command in useless:
                self._overdue.out_of_time(desk, command)
        for command in useless:
            del self._held[command.id]

    def _sendable(self, command: Command, now: datetime) -> bool:
        return now < command.expires_at and command.point in self._points

    def _move_all(self, commands: Iterable[Command], to: CommandState, detail: str, tally: Counter[str]) -> None:
        with self._transactions() as unit:
            desk = Desk(unit, self._points, self._clock.now(), tally)
            for command in commands:
                desk.move(command, to, detail, {CommandState.SENDING})

    def _receive(self, timeout_s: float, tally: Counter[str]) -> None:
        answers = self._link.receive(timeout_s)
        tally["malformed"] += len(answers.malformed)
        unverified: list[Command] = []
        if answers.acks or answers.readbacks:
            with self._transactions() as unit:
                desk = Desk(unit, self._points, self._clock.now(), tally)
                unverified = self._take(desk, answers)
        self._link.confirm(answers)
        self._ask(unverified, tally)

    def _take(self, desk: Desk, answers: Answers) -> list[Command]:
        """Enter the answers. Returns the commands just acknowledged that no read-back speaks of yet."""
        named = {ack.point for ack in answers.acks} | {readback.point for readback in answers.readbacks}
        newest = desk.unit.commands.newest(named)
        known = {command.id: command for command in newest.values()}
        acked: dict[str, Command] = {}
        for ack in answers.acks:
            command = known.get(ack.id) or desk.unit.commands.get(ack.id)
            if command is not None:
                known[ack.id] = command
            if self._enter_ack(desk, ack, command, newest) and command is not None:
                acked[command.id] = command
        for readback in answers.readbacks:
            for command in [command for command in known.values() if command.point == readback.point]:
                if self._enter_readback(desk, readback, command, newest):
                    acked.pop(command.id, None)
        return list(acked.values())

    def _enter_ack(self, desk: Desk, ack: Ack, command: Command | None, newest: Mapping[str, Command]) -> bool:
        """Returns whether the command became ACKED."""
        forged = _forgery(ack, command)
        if forged or command is None:
            self._refuse(desk, ack.gateway, command, forged)
            return False
        said = f"equipment: {ack.status.value}" + (f", {ack.reason}" if ack.reason else "")
        if ack.status in {AckStatus.ACCEPTED, AckStatus.DUPLICATE}:
            moved = desk.move(command, CommandState.ACKED, said, UNANSWERED)
            self._overdue.forget(command.id)
            desk.tally["late"] += not moved
            return moved
        # A command that is ACKED already stays so: its read-back decides between two answers that disagree.
        to = CommandState(ack.status.value)
        end = desk.move if self._replaced(command, newest) else desk.give_up
        desk.tally["late"] += not end(command, to, said, UNANSWERED)
        return False

    def _enter_readback(self, desk: Desk, readback: ReadBack, command: Command, newest: Mapping[str, Command]) -> bool:
        """Returns whether it decided the command."""
        if readback.gateway != command.gateway:
            self._refuse(desk, readback.gateway, command, f"a read-back of {command.gateway}'s point")
            return False
        info = self._points.get(command.point)
        if info is None:
            return False
        finding, detail = judge(command, readback, info.envelope.verify_tolerance)
        if finding is Finding.APPLIED:
            desk.confirm(command, detail)
        elif finding is Finding.NEWER:
            end = desk.move if self._replaced(command, newest) else desk.give_up
            end(command, CommandState.SUPERSEDED, detail)
        elif finding is Finding.CONTRADICTED:
            desk.give_up(command, CommandState.FAILED, detail)
        else:
            self._overdue.evidence(desk, command, finding, detail)
            return False
        return True

    @staticmethod
    def _replaced(command: Command, newest: Mapping[str, Command]) -> bool:
        return newest[command.point].seq > command.seq

    def _refuse(self, desk: Desk, gateway: str, command: Command | None, why: str) -> None:
        desk.tally["refused"] += 1
        # One line for each gateway and command: a flood of forged answers must not flood the log.
        if command is not None and (command.id, gateway) not in self._noted:
            self._noted.add((command.id, gateway))
            desk.note(command, f"refused: {gateway} sent {why}")

    def _sweep(self, tally: Counter[str]) -> None:
        now = self._clock.now()
        if self._swept_at is not None and now < self._swept_at + _SWEEP_EVERY:
            return
        with self._transactions() as unit:
            desk = Desk(unit, self._points, now, tally)
            ask = self._overdue.sweep(desk)
        self._swept_at = now
        self._ask(ask, tally)
        self._overdue.asked((command.id for command in ask), now)

    def _ask(self, commands: Sequence[Command], tally: Counter[str]) -> None:
        if commands:
            self._link.ask({command.point: command.gateway for command in commands})
            tally["asked"] += len(commands)


def _forgery(ack: Ack, command: Command | None) -> str:
    """What is false about an acknowledgement; empty when nothing is."""
    if command is None:
        return f"an acknowledgement of the unknown command {ack.id!r}"
    if ack.gateway != command.gateway:
        return f"an acknowledgement for {command.gateway}"
    if (ack.point, ack.seq) != (command.point, command.seq):
        return f"an acknowledgement of {ack.point} seq {ack.seq}, the command is {command.point} seq {command.seq}"
    if command.attempts == 0:
        return "an acknowledgement of what was never sent"
    return ""


@dataclass(frozen=True, slots=True)
class _Held:
    """A command claimed and not yet sent, ours until `until_at`."""

    command: Command
    until_at: datetime


@dataclass(slots=True)
class _Buckets:
    """One token bucket a gateway, holding one second's worth."""

    rate: float
    _level: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def take(self, gateway: str, now: datetime) -> bool:
        full = max(self.rate, 1.0)
        level, since = self._level.get(gateway, (full, now))
        level = min(full, level + self.rate * max((now - since).total_seconds(), 0.0))
        granted = level >= 1
        self._level[gateway] = (level - granted, now)
        return granted
