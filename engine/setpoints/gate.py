"""The last look before a command leaves: is there time, may it, is the point known to live, is there room."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.model import Command, CommandState, Level
from engine.ports import DispatchUnit, Link
from engine.setpoints.conditions import Conditions
from engine.setpoints.desk import Desk
from engine.setpoints.outbox import because
from engine.setpoints.pacing import Pace
from engine.setpoints.points import PointInfo, Sample, Watch
from engine.setpoints.policy import DispatchPolicy
from engine.setpoints.wanted import STOPPED

ConditionsOf = Callable[[DispatchUnit, Collection[PointInfo], datetime], Conditions]
"""What the field and people say of these points, read in the transaction."""
SamplesOf = Callable[[DispatchUnit, Collection[Watch]], Mapping[Watch, Sample]]
"""The newest reading of each watch that has one, read in the transaction."""

AUTOMATIC = range(Level.OPERATOR, Level.SAFE_DEFAULT)
"""Levels 8 to 15 wait after a start."""
_LOOK = timedelta(seconds=10)


class Gate:
    """Decides for each command that could be claimed: it goes, it waits, or it has come to nothing."""

    def __init__(
        self, points: Mapping[str, PointInfo], link: Link, policy: DispatchPolicy, started_at: datetime,
        conditions: ConditionsOf | None, samples: SamplesOf,
    ) -> None:  # fmt: skip
        self._points = points
        self._link = link
        self._pace = Pace(policy.rate_per_gateway, policy.rate_per_domain, points)
        self._conditions = conditions
        self._start = _Start(policy.settle, started_at, points, samples)

    def busy(self, now: datetime) -> set[str]:
        """Gateways for which there is no room now."""
        return self._pace.busy(now)

    def hold_back(self, now: datetime) -> Collection[int]:
        """Levels of which nothing goes yet."""
        return AUTOMATIC if now < self._start.settled_at else ()

    def admit(self, desk: Desk, found: Sequence[Command]) -> list[Command]:
        """Those that go now, as they are to be sent; what the others come to is entered at the desk."""
        timely = [command for command in found if self._in_time(desk, command)]
        allowed = self.allowed(desk, timely)
        ready = self._start.ready(desk, allowed)
        return [self._numbered(desk, command) for command in ready if self._pace.take(command, desk.now)]

    def allowed(self, desk: Desk, commands: Sequence[Command]) -> list[Command]:
        """Those that nothing in the field, and nobody, stands against; the others are cancelled."""
        if self._conditions is None or not commands:
            return list(commands)
        infos = {command.point: self._points[command.point] for command in commands}
        conditions = self._conditions(desk.unit, infos.values(), desk.now)
        return [command for command in commands if not self._obstructed(desk, command, conditions)]

    def _in_time(self, desk: Desk, command: Command) -> bool:
        can = self._link.capabilities(command.gateway)
        needed = timedelta(0) if can.expiry else can.round_trip
        if command.point in self._points and desk.now + needed < command.expires_at:
            return True
        out_of_time(desk, command, known=command.point in self._points)
        return False

    def _obstructed(self, desk: Desk, command: Command, conditions: Conditions) -> bool:
        point = self._points[command.point]
        why = obstacle(command, point, conditions, desk.now)
        if why and command.level.is_life_safety and conditions.locked_out(point):
            desk.block(command, why, _agent(desk, command))
        # What stands against it may be over before anybody else has seen it.
        return bool(why) and desk.move(command, CommandState.CANCELLED, why, renew_at=desk.now + _LOOK)

    def _numbered(self, desk: Desk, command: Command) -> Command:
        """Equipment that does not recognise a command takes a repetition for a new one: these are counted."""
        if command.attempts == 0 or self._link.capabilities(command.gateway).key:
            return command
        desk.tally["repeated"] += 1
        return replace(command, repeats=command.repeats + 1)


def obstacle(command: Command, point: PointInfo, conditions: Conditions, now: datetime) -> str:
    """What stands against sending a command now; empty where nothing does."""
    if conditions.locked_out(point):
        return "locked out in the field"
    hold = conditions.held(point, now) if command.level in STOPPED else None
    if hold is not None:
        return f"held: {hold.reason}"
    value = command.program.at(max(now, command.program.start))
    broken = conditions.broken(point, now)[:1]  # the first decides: two may ask for different values
    return "".join(f"interlock {lock.id}: {lock.text}" for lock in broken if value != lock.otherwise)


def out_of_time(desk: Desk, command: Command, *, known: bool) -> None:
    """End a command that must not be sent any more. If it may have left before, only a read-back can say."""
    if not known:
        desk.move(command, CommandState.CANCELLED, "the point is no more in the territory")
    elif command.attempts == 0:
        desk.give_up(command, CommandState.EXPIRED, "its life was over before it could be sent")
    else:
        desk.move(command, CommandState.UNKNOWN, "its life is over, and it may have left before")


def _agent(desk: Desk, command: Command) -> str:
    """Who wants it."""
    full = desk.unit.commands.get(command.id)
    piece = because(full.explanation, desk.now) if full else None
    return str(piece["winner"]["source"]) if piece and piece["winner"] else ""


class _Start:
    """After a start what the field did meanwhile is not known: levels 8 to 15 wait for word of their point.

    A point that nothing is read of, or nothing since the start for as long as its reading would be good, waits no more.
    """

    def __init__(
        self, settle: timedelta, started_at: datetime, points: Mapping[str, PointInfo], samples: SamplesOf
    ) -> None:
        self.settled_at = started_at + settle
        self._waits = settle > timedelta(0)
        self._started_at = started_at
        self._points = points
        self._samples = samples
        self._heard: set[Watch] = set()

    def ready(self, desk: Desk, commands: Sequence[Command]) -> list[Command]:
        """Those that need not wait; the others are put off a little."""
        silent = {command.id: watch for command in commands if (watch := self._awaited(command, desk.now))}
        if silent:
            read = self._samples(desk.unit, set(silent.values()))
            self._heard |= {watch for watch, sample in read.items() if sample.observed_at >= self._started_at}
        waiting = [command for command in commands if command.id in silent and silent[command.id] not in self._heard]
        for command in waiting:
            patience = self._started_at + silent[command.id].stale_after
            desk.put(command, not_before=min(desk.now + _LOOK, patience))
        late = {command.id for command in waiting}
        return [command for command in commands if command.id not in late]

    def _awaited(self, command: Command, now: datetime) -> Watch | None:
        """The series that is to speak before the command goes."""
        meter = self._points[command.point].meter
        if not self._waits or meter is None or command.urgent or command.level not in AUTOMATIC:
            return None
        over = now >= self._started_at + meter.watch.stale_after
        return None if over or meter.watch in self._heard else meter.watch
