"""What to do with commands that wait too long: ask, repeat, give up. Never blind, never for ever."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model import Command, CommandState
from engine.setpoints.desk import OPEN, Desk
from engine.setpoints.points import PointInfo
from engine.setpoints.verify import Finding


@dataclass(frozen=True, slots=True)
class Patience:
    """The waits of `DispatchPolicy`."""

    lease: timedelta
    ack_within: timedelta
    max_attempts: int
    grace: timedelta


class Overdue:
    """Remembers when each command's read-back was asked for and what was last seen; a new process asks again."""

    def __init__(self, patience: Patience, points: Mapping[str, PointInfo]) -> None:
        self._patience = patience
        self._points = points
        self._asked: dict[str, datetime] = {}
        self._seen: dict[str, str] = {}

    def asked(self, commands: Iterable[str], at: datetime) -> None:
        self._asked.update(dict.fromkeys(commands, at))

    def forget(self, command: str) -> None:
        """Its state changed: what was asked before does not count any more."""
        self._asked.pop(command, None)

    def evidence(self, desk: Desk, command: Command, finding: Finding, detail: str) -> None:
        """A read-back that decides nothing by itself; an UNKNOWN command that is not there is sent again."""
        self._seen[command.id] = detail
        if command.state is CommandState.UNKNOWN and finding is Finding.OLDER:
            self._repeat(desk, command, detail)

    def out_of_time(self, desk: Desk, command: Command) -> None:
        """A command that must not be sent any more. If it may have left before, only a read-back can say."""
        if command.point not in self._points:
            desk.move(command, CommandState.CANCELLED, "the point is no more in the territory")
        elif command.attempts <= 1:
            desk.give_up(command, CommandState.EXPIRED, "its life was over before it could be sent")
        else:
            desk.move(command, CommandState.UNKNOWN, "its life is over, and it may have left before")

    def sweep(self, desk: Desk) -> list[Command]:
        """Decide every open command whose wait is over. Returns those to ask a read-back of."""
        waiting = desk.unit.commands.in_states(OPEN)
        newest = desk.unit.commands.newest({command.point for command in waiting})
        ids = {command.id for command in waiting}
        self._asked = {key: at for key, at in self._asked.items() if key in ids}
        self._seen = {key: text for key, text in self._seen.items() if key in ids}
        return [command for command in waiting if self._decide(desk, command, newest[command.point].seq)]

    def _decide(self, desk: Desk, command: Command, newest: int) -> bool:
        """Returns whether to ask a read-back."""
        if command.point not in self._points:
            desk.move(command, CommandState.CANCELLED, "the point is no more in the territory")
            return False
        over = desk.now >= self._confirmable_until(command) + self._patience.grace
        if not over and desk.now < self._due_at(command):
            return False
        if newest > command.seq:
            desk.move(command, CommandState.SUPERSEDED, f"seq {newest} of the point replaces it")
        elif over:
            self._give_up(desk, command)
        else:
            return self._insist(desk, command)
        return False

    def _due_at(self, command: Command) -> datetime:
        since = command.changed_at or command.issued_at
        waits = {
            CommandState.SENDING: self._patience.lease,
            CommandState.SENT: self._patience.ack_within,
            CommandState.UNKNOWN: self._patience.ack_within,
            CommandState.ACKED: self._within(command),
        }
        if command.state is CommandState.QUEUED:
            return command.expires_at
        if command.id in self._asked:
            return self._asked[command.id] + waits[command.state]
        # An UNKNOWN command is asked about at once.
        return since if command.state is CommandState.UNKNOWN else since + waits[command.state]

    def _insist(self, desk: Desk, command: Command) -> bool:
        """The wait of an open command is over and there is time left. Returns whether to ask a read-back."""
        state, asked = command.state, command.id in self._asked
        if state is CommandState.QUEUED:
            # Nobody claimed it; `claim` counts attempts before it is sent, so none means it never left.
            if command.attempts > 0:
                return self._doubt(desk, command)
            self.out_of_time(desk, command)
            return False
        if state is CommandState.SENDING:
            # Until its expiry the next claim takes it.
            return desk.now >= command.expires_at and self._doubt(desk, command)
        if state is CommandState.SENT:
            return self._doubt(desk, command)
        if state is CommandState.ACKED and asked:
            self._give_up(desk, command)
            return False
        return not asked or self._unanswered(desk, command)

    def _doubt(self, desk: Desk, command: Command) -> bool:
        detail = f"no acknowledgement of attempt {command.attempts}: a read-back is asked"
        return desk.move(command, CommandState.UNKNOWN, detail, {command.state})

    def _unanswered(self, desk: Desk, command: Command) -> bool:
        """Neither acknowledgement nor read-back came. Returns whether to ask once more."""
        if self._repeat(desk, command, "neither acknowledgement nor read-back"):
            return False
        if desk.now >= self._confirmable_until(command):
            self._give_up(desk, command)
            return False
        return True

    def _repeat(self, desk: Desk, command: Command, why: str) -> bool:
        if command.attempts >= self._patience.max_attempts or desk.now >= command.expires_at:
            return False
        self.forget(command.id)
        return desk.move(command, CommandState.QUEUED, f"to be repeated: {why}", {CommandState.UNKNOWN})

    def _give_up(self, desk: Desk, command: Command) -> None:
        seen = self._seen.get(command.id, "no read-back came")
        if command.state is CommandState.ACKED:
            desk.give_up(command, CommandState.FAILED, f"acknowledged, and not confirmed in time: {seen}")
        else:
            desk.give_up(command, CommandState.EXPIRED, f"not acknowledged in {command.attempts} attempts: {seen}")

    def _within(self, command: Command) -> timedelta:
        return self._points[command.point].envelope.verify_within

    def _confirmable_until(self, command: Command) -> datetime:
        return command.expires_at + self._within(command)
