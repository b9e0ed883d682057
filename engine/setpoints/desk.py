"""One transaction's hand on commands: changes of state with their alarm, counted."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from engine.alarms import Clear, Raise, Subject, current, move
from engine.model import Command, CommandState, Priority
from engine.ports import DispatchUnit
from engine.setpoints.points import PointInfo

RULE = "setpoint-not-applied"
"""The alarm of a setpoint that no read-back has confirmed, or that the equipment refused."""

OPEN = frozenset(state for state in CommandState if not state.terminal)
UNANSWERED = frozenset({CommandState.QUEUED, CommandState.SENDING, CommandState.SENT, CommandState.UNKNOWN})


class Desk:
    """Moves commands at one instant. `tally` counts every move that took place, by the state it led to."""

    def __init__(self, unit: DispatchUnit, points: Mapping[str, PointInfo], now: datetime, tally: Counter[str]) -> None:
        self.unit = unit
        self.now = now
        self.tally = tally
        self._points = points

    def move(self, command: Command, to: CommandState, detail: str, expect: Collection[CommandState] = OPEN) -> bool:
        """Returns whether the command was in one of `expect`."""
        moved = self.unit.commands.move(command.id, to, self.now, detail, expect)
        self.tally[to.value] += moved
        return moved

    def note(self, command: Command, detail: str) -> None:
        """A line in the command's history; its state stays."""
        self.unit.commands.move(command.id, command.state, self.now, detail, {command.state})

    def give_up(self, command: Command, to: CommandState, detail: str, expect: Collection[CommandState] = OPEN) -> bool:
        """End a command whose program is not in action, and say so to the operators."""
        moved = self.move(command, to, detail, expect)
        if moved:
            self._raise(command, to, detail)
        return moved

    def confirm(self, command: Command, detail: str) -> bool:
        """The program is in action: end the command, and the alarm of its point."""
        moved = self.move(command, CommandState.VERIFIED, detail)
        info = self._points.get(command.point)
        alarm = current(self.unit.alarms, RULE, info.asset) if info else None
        if alarm is not None and alarm.detail.get("point") == command.point:
            move(self.unit.alarms, RULE, alarm.asset, [Clear()], self.now, alarm)
        return moved

    def _raise(self, command: Command, ended: CommandState, detail: str) -> None:
        info = self._points.get(command.point)
        if info is None:
            return
        why = {"point": command.point, "command": command.id, "seq": command.seq, "state": ended.value, "why": detail}
        raised = Raise(Subject(RULE, info.asset, info.zone, Priority.HIGH), why)
        log = self.unit.alarms
        move(log, RULE, info.asset, [raised], self.now, current(log, RULE, info.asset))
