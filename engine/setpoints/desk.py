"""One transaction's hand on commands: changes are decided one by one, and written at the end all at once."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from engine.alarms import Clear, Raise, Subject, move
from engine.errors import Conflict
from engine.model import Command, CommandState, Priority, Transition
from engine.ports import Change, DispatchUnit
from engine.setpoints.fallback import safe_command
from engine.setpoints.points import PointInfo
from engine.setpoints.policy import DispatchPolicy

RULE = "setpoint-not-applied"
"""The alarm of a setpoint that nothing has confirmed, or that the equipment refused."""
BLOCKED = "life-safety-blocked"
"""The alarm of a life-safety want that a lock-out in the field keeps from its point."""

OPEN = frozenset(state for state in CommandState if not state.terminal)
_AGAIN = frozenset({CommandState.EXPIRED, CommandState.SUPERSEDED})  # what is REJECTED or FAILED is for people
UNANSWERED = frozenset({CommandState.QUEUED, CommandState.SENDING, CommandState.SENT, CommandState.UNKNOWN})


def end_by(command: Command, point: PointInfo | None, grace: timedelta) -> datetime:
    """The last instant at which a command may be open."""
    return command.expires_at + max(grace, point.envelope.verify_within if point else timedelta(0))


class _News(NamedTuple):
    """Something that the alarm of a point is to hear."""

    rule: str
    point: PointInfo
    event: Raise | Clear


class Desk:
    """Moves commands at one instant; `flush` writes. Only what was then written is in `tally`, by the state it led to.

    Commands are to be locked by the transaction; one that was not, and has changed since it was read, stays as it is.
    """

    def __init__(
        self, unit: DispatchUnit, points: Mapping[str, PointInfo], now: datetime, policy: DispatchPolicy
    ) -> None:
        self.unit = unit
        self.now = now
        self.tally: Counter[str] = Counter()
        self._points = points
        self._policy = policy
        self._changes: dict[str, Change] = {}
        self._lines: list[Transition] = []
        self._moves: list[tuple[str, CommandState]] = []
        self._news: list[_News] = []
        self._failed: list[Command] = []

    def current(self, command: Command) -> Command:
        """A command as this transaction has made it."""
        change = self._changes.get(command.id)
        return command if change is None else change.after

    def move(
        self, command: Command, to: CommandState, detail: str, expect: Collection[CommandState] = OPEN, **also: Any
    ) -> bool:
        """Returns whether the command was in one of `expect`. `also`: other fields that change with its state."""
        before = self.current(command)
        if before.state not in expect:
            return False
        fresh: dict[str, Any] = {"due_at": self._due_at(before, to), "asked_at": None}
        self._put(command, replace(before, state=to, changed_at=self.now, **(fresh | also)))
        self._lines.append(Transition(command.id, to, self.now, detail))
        self._moves.append((command.id, to))
        return True

    def put(self, command: Command, **fields: Any) -> None:
        """Change when it is sent or looked at; its state stays, and its history says nothing of it."""
        self._put(command, replace(self.current(command), **fields))

    def note(self, command: Command, detail: str) -> None:
        """A line in the command's history; its state stays."""
        self._put(command, self.current(command))
        self._lines.append(Transition(command.id, self.current(command).state, self.now, detail))

    def give_up(self, command: Command, to: CommandState, detail: str, expect: Collection[CommandState] = OPEN) -> bool:
        """End a command whose program is not in action, and say so. One that FAILED is followed by the safe value.

        One that did not arrive in time, or came after another's, is asked again if it is still wanted then.
        """
        again = to in _AGAIN and command.point in self._points
        also = {"renew_at": max(command.expires_at, self.now)} if again else {}
        moved = self.move(command, to, detail, expect, **also)
        if moved:
            self.complain(command, to, detail)
            if to is CommandState.FAILED:
                self._failed.append(command)
        return moved

    def complain(self, command: Command, state: CommandState, detail: str) -> None:
        """Say to the operators that what a command asks is not in action."""
        self._raise(RULE, command, Priority.HIGH, {"state": state.value, "why": detail})

    def block(self, command: Command, why: str, agent: str) -> None:
        """Say to the operators that life safety wants of a point what nobody may send there."""
        self._raise(BLOCKED, command, Priority.CRITICAL, {"agent": agent, "level": int(command.level), "why": why})

    def confirm(self, command: Command, detail: str) -> bool:
        """The program is in action: end the command, and the alarms of its point."""
        moved = self.move(command, CommandState.VERIFIED, detail)
        info = self._points.get(command.point)
        if moved and info is not None:
            # Another may have been sent before the lock-out: it says nothing of what life safety wants.
            rules = (RULE, BLOCKED) if command.level.is_life_safety else (RULE,)
            self._news += [_News(rule, info, Clear()) for rule in rules]
        return moved

    def flush(self) -> None:
        """Write everything. To be called once, before the transaction ends."""
        written = self.unit.commands.record(list(self._changes.values()), self._lines)
        self.tally.update(state.value for name, state in self._moves if name in written)
        self._tell()
        for command in self._failed:
            self._make_safe(command)

    def _put(self, command: Command, after: Command) -> None:
        known = self._changes.get(command.id)
        self._changes[command.id] = Change(known.before if known else command, after)

    def _due_at(self, command: Command, to: CommandState) -> datetime | None:
        """When to look again at a command that comes into a state now; dispatch may say otherwise."""
        if to.terminal:
            return None
        if to is CommandState.QUEUED:
            return max(command.expires_at, self.now)
        wait = timedelta(0) if to is CommandState.UNKNOWN else self._policy.ack_within
        return min(self.now + wait, end_by(command, self._points.get(command.point), self._policy.grace))

    def _raise(self, rule: str, command: Command, priority: Priority, why: Mapping[str, Any]) -> None:
        info = self._points.get(command.point)
        if info is not None:
            detail = {"point": command.point, "command": command.id, "seq": command.seq, **why}
            self._news.append(_News(rule, info, Raise(Subject(rule, info.asset, info.zone, priority), detail)))

    def _tell(self) -> None:
        if not self._news:
            return
        log = self.unit.alarms
        active = {(alarm.rule, alarm.asset): alarm for alarm in log.active({news.point.asset for news in self._news})}
        for rule, point, event in self._news:
            alarm = active.get((rule, point.asset))
            if isinstance(event, Clear) and (alarm is None or alarm.detail.get("point") != point.id):
                continue  # another point of the same asset has its own trouble
            after = move(log, rule, point.asset, [event], self.now, alarm).after
            if after is not None:
                active[rule, point.asset] = after

    def _make_safe(self, command: Command) -> None:
        """Enqueue the safe value of a point whose command failed, unless somebody wants something newer of it."""
        info = self._points.get(command.point)
        head = self.unit.commands.heads([command.point])[command.point]
        safe = safe_command(command, info, self.now) if info is not None and head.seq == command.seq else None
        if safe is not None:
            try:
                self.unit.commands.enqueue([safe])
            except Conflict:
                return  # somebody has just issued a newer one
