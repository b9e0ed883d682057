"""Small, real implementations of the ports: a transactional log in memory, a clock, equipment behind a faulty line."""

import copy
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from engine.errors import Conflict, Unavailable
from engine.model import (
    Ack,
    AckStatus,
    Alarm,
    AlarmState,
    Command,
    CommandState,
    Envelope,
    Hold,
    Level,
    Program,
    ReadBack,
    Slot,
    Transition,
)
from engine.ports import Admit, Answers, Capabilities, Change, DispatchUnit, Head
from engine.setpoints.conditions import Conditions
from engine.setpoints.dispatch import Counts, Dispatcher, DispatchPolicy
from engine.setpoints.points import PointInfo, Sample, Watch
from engine.wire import digest

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def an_envelope(**changes: object) -> Envelope:
    plain = Envelope(
        minimum=0,
        maximum=1,
        largest_step=None,
        shortest_on=timedelta(0),
        shortest_off=timedelta(0),
        safe=1,
        time_to_live=timedelta(minutes=30),
        verify_tolerance=0.02,
        verify_within=timedelta(minutes=5),
        held_for=timedelta(days=10),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_point(name: str = "L-1/illuminanceLevel", gateway: str = "A-1", **changes: object) -> PointInfo:
    return PointInfo(name, gateway, an_envelope(**changes), "Z-1")


def a_slot(
    value: float,
    *,
    level: Level = Level.RULE,
    source: str = "rule:a",
    start: float = 0,
    until: float = 60,
    written: float = 0,
    point: str = "L-1/illuminanceLevel",
) -> Slot:
    """Minutes after noon."""
    program = Program.constant(value, at(start), at(until))
    return Slot(point, level, source, program, at(written), "v1", "because")


def a_command(
    seq: int = 1, value: float = 0.4, *, point: str = "L-1/illuminanceLevel", gateway: str = "A-1", issued: float = 0
) -> Command:
    program = Program(((at(issued), value), (at(issued + 60), value / 2)), at(issued + 600))
    return Command(f"{point}#{seq}", point, gateway, seq, program, at(issued), at(issued + 30))


@dataclass
class ManualClock:
    """A clock that a test moves."""

    instant: datetime = NOON

    def now(self) -> datetime:
        return self.instant

    def forward(self, minutes: float) -> None:
        self.instant += minutes * MINUTE


@dataclass
class Tables:
    """What is committed. `Memory` works on a copy and swaps it in on commit."""

    commands: dict[str, Command] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    slots: list[tuple[Slot, datetime | None]] = field(default_factory=list)
    alarms: dict[int, Alarm] = field(default_factory=dict)


class CommandTable:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def enqueue(self, commands: Sequence[Command]) -> int:
        new = [command for command in commands if command.id not in self._t.commands]
        for command in new:
            if any((c.point, c.seq) == (command.point, command.seq) for c in self._t.commands.values()):
                raise Conflict(f"{command.point} seq {command.seq} is another's")
            for older in list(self._t.commands.values()):
                if older.point == command.point and older.state is CommandState.QUEUED:
                    self.move(older.id, CommandState.SUPERSEDED, command.issued_at, "newer", {CommandState.QUEUED})
            entered = {"state": CommandState.QUEUED, "changed_at": command.issued_at, "due_at": command.expires_at}
            self._t.commands[command.id] = replace(command, **entered)  # type: ignore[arg-type]
            self._t.transitions.append(Transition(command.id, CommandState.QUEUED, command.issued_at, ""))
        return len(new)

    def claim(
        self, limit: int, owner: str, now: datetime, lease: timedelta, admit: Admit | None = None, *,
        without: Collection[str] = (), hold_back: Collection[int] = (),
    ) -> list[Command]:  # fmt: skip
        newest = self.newest({command.point for command in self._t.commands.values()})
        free = [
            command
            for command in newest.values()
            if command.state is CommandState.QUEUED
            and command.batch is None
            and (command.not_before or command.issued_at) <= now
            and command.gateway not in without
            and (command.urgent or command.level not in hold_back)
        ]
        found = sorted(free, key=lambda c: (not c.urgent, c.issued_at, c.id))[:limit]
        claimed = []
        for command in admit(found) if admit else found:
            before = self._t.commands[command.id]
            taken = {"state": CommandState.SENDING, "attempts": command.attempts + 1, "changed_at": now}
            after = replace(command, **taken, due_at=now + lease, asked_at=None)  # type: ignore[arg-type]
            self.record([Change(before, after)], [Transition(command.id, CommandState.SENDING, now, owner)])
            claimed.append(after)
        return claimed

    def record(self, changes: Sequence[Change], lines: Sequence[Transition]) -> set[str]:
        written = set()
        for before, after in changes:
            found = self._t.commands[before.id]
            if (found.state, found.attempts) == (before.state, before.attempts):
                self._t.commands[before.id] = after
                written.add(before.id)
        self._t.transitions += [line for line in lines if line.command in written]
        return written

    def lock(self, ids: Collection[str]) -> dict[str, Command]:
        return {name: self._t.commands[name] for name in ids if name in self._t.commands}

    def due(self, now: datetime, limit: int) -> list[Command]:
        due = [command for command in self._t.commands.values() if command.due_at and command.due_at <= now]
        return sorted(due, key=lambda command: command.due_at or now)[:limit]

    def overdue(self, now: datetime, grace: timedelta) -> dict[str, str]:
        open_ = [command for command in self._t.commands.values() if not command.state.terminal]
        return {command.id: command.point for command in open_ if command.expires_at < now - grace}

    def heads(self, points: Collection[str]) -> dict[str, Head]:
        return {point: Head(command.id, command.seq) for point, command in self.newest(points).items()}

    def pending(self) -> bool:
        return any(not command.state.terminal for command in self._t.commands.values())

    def move(self, command: str, to: CommandState, at: datetime, detail: str, expect: Collection[CommandState]) -> bool:
        found = self._t.commands[command]
        if found.state not in expect:
            return False
        self._t.commands[command] = replace(found, state=to, changed_at=at, due_at=None if to.terminal else at)
        self._t.transitions.append(Transition(command, to, at, detail))
        return True

    def get(self, command: str) -> Command | None:
        return self._t.commands.get(command)

    def in_states(self, states: Collection[CommandState]) -> list[Command]:
        return sorted((c for c in self._t.commands.values() if c.state in states), key=lambda c: (c.issued_at, c.id))

    def newest(self, points: Collection[str]) -> dict[str, Command]:
        newest: dict[str, Command] = {}
        for command in sorted(self._t.commands.values(), key=lambda c: c.seq):
            if command.point in points:
                newest[command.point] = command
        return newest


class SlotTable:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def put(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            self.release(slot.point, slot.level, slot.source, slot.written_at)
            self._t.slots.append((slot, None))

    def release(self, point: str, level: int, source: str, at: datetime) -> bool:
        for i, (slot, gone_at) in enumerate(self._t.slots):
            if (slot.point, slot.level, slot.source) == (point, level, source) and gone_at is None:
                self._t.slots[i] = (slot, at)
                return True
        return False

    def arrays(self, points: Collection[str], at: datetime | None) -> dict[str, list[Slot]]:
        arrays: defaultdict[str, list[Slot]] = defaultdict(list)
        for slot, gone_at in self._t.slots:
            stood = gone_at is None if at is None else slot.written_at <= at and (gone_at is None or at < gone_at)
            if slot.point in points and stood:
                arrays[slot.point].append(slot)
        return dict(arrays)


class AlarmTable:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def active(self, assets: Collection[str] | None = None) -> list[Alarm]:
        alarms = [alarm for alarm in self._t.alarms.values() if alarm.state is not AlarmState.NORMAL]
        return [alarm for alarm in alarms if assets is None or alarm.asset in assets]

    def save(self, alarm: Alarm, before: Alarm | None = None) -> Alarm:
        if alarm.id is None:
            if any(other.rule == alarm.rule for other in self.active([alarm.asset])):
                raise Conflict(f"{alarm.rule} of {alarm.asset} is active already")
            alarm = replace(alarm, id=len(self._t.alarms) + 1)
        assert alarm.id is not None
        if before is not None and self._t.alarms[alarm.id] != before:
            raise Conflict(f"{alarm.rule} of {alarm.asset} has been changed")
        self._t.alarms[alarm.id] = alarm
        return alarm


class Unit:
    def __init__(self, tables: Tables) -> None:
        self.commands = CommandTable(tables)
        self.slots = SlotTable(tables)
        self.alarms = AlarmTable(tables)


class Crashed(BaseException):
    """The process died here."""


class Memory:
    """Transactions over tables in memory. `crash_in` counts down at every commit and at every step of the line."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.crash_in: int | None = None

    @contextmanager
    def __call__(self) -> Iterator[Unit]:
        draft = copy.copy(self.tables)
        for name in ("commands", "transitions", "slots", "alarms"):
            setattr(draft, name, copy.copy(getattr(self.tables, name)))
        yield Unit(draft)
        self.may_crash()
        self.tables = draft
        self.may_crash()

    def may_crash(self) -> None:
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                raise Crashed

    def enqueue(self, *commands: Command) -> None:
        with self() as unit:
            unit.commands.enqueue(commands)

    def state(self, command: Command) -> CommandState:
        return self.tables.commands[command.id].state

    def history(self, command: Command) -> list[CommandState]:
        return [transition.state for transition in self.tables.transitions if transition.command == command.id]

    def details(self, command: Command) -> list[str]:
        return [transition.detail for transition in self.tables.transitions if transition.command == command.id]


@dataclass
class Equipment:
    """Controllers of points that obey as they should; every application of a program is noted in `effects`.

    One that `forgets` does whatever it is told, whenever it comes.
    """

    clock: Callable[[], datetime]
    held: dict[str, Command] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    selected: list[str] = field(default_factory=list)
    lies: bool = False
    forgets: bool = False
    rejects: bool = False
    off_by: float = 0.0

    def obey(self, command: Command) -> Ack:
        return Ack(command.id, command.point, command.gateway, command.seq, self._obey(command))

    def _obey(self, command: Command) -> AckStatus:
        if self.forgets:
            self.held[command.point] = command
            self.effects.append(command.id)
            return AckStatus.ACCEPTED
        if command.select:
            self.selected.append(command.id)
            return AckStatus.REJECTED if self.rejects else AckStatus.SELECTED
        held = self.held.get(command.point)
        if held is not None and command.seq <= held.seq:
            return AckStatus.DUPLICATE if command.id == held.id else AckStatus.SUPERSEDED
        if self.clock() >= command.expires_at:
            return AckStatus.EXPIRED
        if self.rejects:
            return AckStatus.REJECTED
        if not self.lies:
            self.held[command.point] = command
            self.effects.append(command.id)
        return AckStatus.ACCEPTED

    def read(self, point: str, gateway: str) -> ReadBack:
        now, held = self.clock(), self.held.get(point)
        if held is None:
            return ReadBack(point, gateway, 0, "", 1.0, now)
        value = held.program.at(now)
        return ReadBack(
            point, gateway, held.seq, digest(held.program), (1.0 if value is None else value) + self.off_by, now
        )


class Line:
    """A `Link` to `Equipment` on which a test, or a machine, decides what happens to each message.

    Messages wait in `down` and `up` until `deliver_down` and `deliver_up`; `automatic` does both at once, `spontaneous`
    equipment reports its state after each command.
    """

    def __init__(
        self, equipment: Equipment, *, automatic: bool = True, spontaneous: bool = True, can: Capabilities | None = None
    ) -> None:
        self.equipment = equipment
        self.can = can or Capabilities(selects=True)
        self.automatic = automatic
        self.spontaneous = spontaneous
        self.away = False
        self.down: list[Command | tuple[str, str]] = []
        self.up: list[Ack | ReadBack] = []
        self.sent: list[Command] = []
        self.inbox: list[Ack | ReadBack] = []
        self.malformed: list[str] = []
        self.before: Callable[[], None] = lambda: None
        self.sending: Callable[[Command], None] = lambda _command: None

    def capabilities(self, gateway: str) -> Capabilities:  # noqa: ARG002 - all of them are alike
        return self.can

    def send(self, commands: Sequence[Command]) -> None:
        self.before()
        if self.away:
            raise Unavailable("the broker is away")
        for command in commands:
            self.sending(command)
            self.down.append(command)
            self.sent.append(command)
        self._settle()
        self.before()

    def ask(self, points: Mapping[str, str]) -> None:
        self.before()
        if self.away:
            raise Unavailable("the broker is away")
        self.down.extend(points.items())
        self._settle()

    def receive(self, timeout_s: float) -> Answers:  # noqa: ARG002
        # What was not confirmed comes again, as it does from a broker.
        self.before()
        acks = tuple(answer for answer in self.inbox if isinstance(answer, Ack))
        readbacks = tuple(answer for answer in self.inbox if isinstance(answer, ReadBack))
        malformed, self.malformed = tuple(self.malformed), []
        return Answers(acks, readbacks, malformed, receipt=len(self.inbox))

    def confirm(self, answers: Answers) -> None:
        self.before()
        assert isinstance(answers.receipt, int)
        del self.inbox[: answers.receipt]

    def deliver_down(self, index: int = 0) -> None:
        """One message reaches the equipment, whose answers wait in `up`."""
        message = self.down.pop(index)
        if isinstance(message, Command):
            ack = self.equipment.obey(message)
            self.up += [ack] if self.can.acknowledges else []
            if self.spontaneous and self.can.reads_back:
                self.up.append(self._read(message.point, message.gateway))
        elif self.can.reads_back:
            self.up.append(self._read(*message))

    def _read(self, point: str, gateway: str) -> ReadBack:
        """Equipment that recognises no command has but a value to show."""
        shown = self.equipment.read(point, gateway)
        return shown if self.can.key else replace(shown, seq=None, digest=None)

    def deliver_up(self, index: int = 0) -> None:
        """One answer reaches the core."""
        self.inbox.append(self.up.pop(index))

    def _settle(self) -> None:
        while self.automatic and self.down:
            self.deliver_down()
        while self.automatic and self.up:
            self.deliver_up()


class Surroundings:
    """Dispatch over tables in memory, with readings and holds that a test writes."""

    def __init__(
        self, points: Collection[PointInfo], samples: Mapping[Watch, Sample], *, can: Capabilities | None = None,
        **policy: object,
    ) -> None:  # fmt: skip
        self.clock = ManualClock()
        self.memory = Memory()
        self.equipment = Equipment(self.clock.now)
        self.line = Line(self.equipment, can=can)
        self.samples: dict[Watch, Sample] = dict(samples)
        self.holds: tuple[Hold, ...] = ()
        self.dispatcher = Dispatcher(
            self.memory,
            self.line,
            self.clock,
            DispatchPolicy("here", **policy),  # type: ignore[arg-type]
            {point.id: point for point in points},
            conditions=self._conditions,
            samples=self._read,
        )

    def _conditions(self, _unit: DispatchUnit, _points: Collection[PointInfo], _now: datetime) -> Conditions:
        return Conditions(self.samples, self.holds)

    def _read(self, _unit: DispatchUnit, watches: Collection[Watch]) -> Mapping[Watch, Sample]:
        return {watch: self.samples[watch] for watch in watches if watch in self.samples}

    def step(self, minutes: float = 0) -> Counts:
        self.clock.forward(minutes)
        return self.dispatcher.step(0)

    def send(self, command: Command) -> CommandState:
        """The state of a command after one step."""
        self.memory.enqueue(command)
        self.step()
        return self.memory.state(command)

    def run(self, minutes: float, every: float = 0.25) -> None:
        for _ in range(int(minutes / every)):
            self.step(every)

    def alarms(self, rule: str) -> list[AlarmState]:
        return [alarm.state for alarm in self.memory.tables.alarms.values() if alarm.rule == rule]
