"""Select before operate: critical equipment is asked whether it is ready for this very command before it gets it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.model import Command, CommandState
from engine.ports import Link
from engine.setpoints.desk import Desk
from engine.setpoints.gate import Gate
from engine.setpoints.points import PointInfo
from engine.setpoints.policy import DispatchPolicy

_SENDING = {CommandState.SENDING}


class Selections:
    """The questions of this process that wait for their answer; each command stays SENDING meanwhile.

    A question has no effect by itself, so that it may be asked again. A process that dies forgets its questions: the
    lease of their commands ends, and a read-back says that they are not in action.
    """

    def __init__(self, policy: DispatchPolicy, points: Mapping[str, PointInfo], link: Link) -> None:
        self._policy = policy
        self._points = points
        self._link = link
        self._waiting: dict[str, tuple[Command, datetime]] = {}

    def wanted(self, command: Command) -> bool:
        """Whether a command's point is critical, and its equipment knows how to be selected."""
        return self._points[command.point].envelope.critical and self._link.capabilities(command.gateway).selects

    def asked(self, desk: Desk, command: Command) -> None:
        """The question has left."""
        until = desk.now + self._policy.select_within
        self._waiting[command.id] = (command, until)
        desk.note(command, "asked whether the equipment is ready")
        desk.put(command, due_at=max(until, desk.now + self._policy.lease))

    def granted(self, desk: Desk, selected: Sequence[Command], gate: Gate) -> list[Command]:
        """Of the commands that equipment says are selected, those to be executed now."""
        held = [command for command in {c.id: c for c in selected}.values() if self._good(desk, command)]
        desk.tally["selected"] += len(held)
        desk.tally["late"] += len(selected) - len(held)
        return gate.allowed(desk, held)

    def sweep(self, desk: Desk) -> None:
        """Selections that were not granted in time are dropped, and tried again while attempts are left."""
        lapsed = [command for command, until in self._waiting.values() if desk.now >= until]
        found = desk.unit.commands.lock([command.id for command in lapsed]) if lapsed else {}
        for command in lapsed:
            del self._waiting[command.id]
            now = found.get(command.id, command)
            if now.attempts != command.attempts:
                continue
            if now.attempts < self._policy.max_attempts and desk.now < now.expires_at:
                desk.move(now, CommandState.QUEUED, "to be repeated: not selected in time", _SENDING)
            else:
                desk.give_up(now, CommandState.EXPIRED, f"not selected in {now.attempts} attempts", _SENDING)

    def _good(self, desk: Desk, command: Command) -> bool:
        """Whether this process asked for it, in this attempt, and in time."""
        asked, until = self._waiting.get(command.id, (None, desk.now))
        same = asked is not None and asked.attempts == command.attempts and command.state in _SENDING
        return same and desk.now < min(until, command.expires_at)
