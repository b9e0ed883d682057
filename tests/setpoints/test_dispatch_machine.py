"""Faults in any order: lost, delayed, doubled, reordered, forged, lied, broker away, dead between two lines."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.errors import Unavailable
from engine.model import Ack, AckStatus, Command, CommandState, ReadBack
from engine.ports import DispatchUnit
from engine.setpoints.conditions import Conditions
from engine.setpoints.desk import OPEN
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.setpoints.points import Lockout, PointInfo, Sample, Watch
from tests.setpoints.fakes import Crashed, Equipment, Line, ManualClock, Memory, a_command, a_point, at

KEYS = {f"L-{n}": Watch(f"L-{n}", "keySwitch", timedelta(minutes=15)) for n in (1, 2, 3)}
POINTS = {
    point.id: replace(point, lockout=Lockout(KEYS[point.asset], 1.0))
    for point in (
        a_point("L-1/illuminanceLevel"),
        a_point("L-2/illuminanceLevel", "A-2"),
        a_point("L-3/illuminanceLevel", "A-2", critical=True),
    )
}
POLICY = DispatchPolicy("here", lease=timedelta(minutes=2), ack_within=timedelta(minutes=1))
GRACE = timedelta(minutes=5)
"""Until which after its expiry a command may be open: the time a point takes to verify."""

some = st.integers(0, 30)


class Witness(Equipment):
    """Notes when each program was applied."""

    def obey(self, command: Command) -> Ack:
        before = len(self.effects)
        ack = super().obey(command)
        if len(self.effects) > before:
            assert self.clock() < command.expires_at, "an expired command was applied"
        return ack


class DispatchMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.memory = Memory()
        self.equipment = Witness(self.clock.now)
        self.line = Line(self.equipment, automatic=False)
        self.line.before = self.memory.may_crash
        self.seq: defaultdict[str, int] = defaultdict(int)
        self.ended: dict[str, CommandState] = {}
        self.locked: set[str] = set()
        self.line.sending = self.nothing_to_a_locked_out_point
        self.restart()

    def restart(self) -> None:
        self.dispatchers = [
            Dispatcher(self.memory, self.line, self.clock, replace(POLICY, owner=name), POINTS, conditions=self.said)
            for name in ("one", "two")
        ]

    def said(self, _unit: DispatchUnit, _points: Collection[PointInfo], now: datetime) -> Conditions:
        return Conditions({KEYS[asset]: Sample(1.0, now) for asset in self.locked})

    def nothing_to_a_locked_out_point(self, command: Command) -> None:
        assert POINTS[command.point].asset not in self.locked
        newest = max(c.seq for c in self.memory.tables.commands.values() if c.point == command.point)
        assert command.seq == newest, "only the newest is sent"
        assert self.clock.now() < command.expires_at

    @rule(point=st.sampled_from(sorted(POINTS)), value=st.sampled_from([0.0, 0.4, 1.0]))
    def want(self, point: str, value: float) -> None:
        taken = [c.seq for c in self.memory.tables.commands.values() if c.point == point]
        self.seq[point] = max(taken, default=0) + 1  # after a failure dispatch adds the safe value by itself
        minutes = (self.clock.now() - at(0)) / timedelta(minutes=1)
        command = a_command(
            self.seq[point], value, point=point, gateway=POINTS[point].gateway, issued=round(minutes, 3)
        )
        crash, self.memory.crash_in = self.memory.crash_in, None
        self.memory.enqueue(replace(command, issued_at=self.clock.now()))
        self.memory.crash_in = crash

    @rule(minutes=st.sampled_from([0.0, 0.1, 0.5, 1.0, 6.0, 20.0]), who=st.sampled_from([0, 1]))
    def step(self, minutes: float, who: int = 0) -> None:
        self.clock.forward(minutes)
        try:
            self.dispatchers[who].step(0)
        except Crashed:
            self.restart()
            return
        except Unavailable:
            pass
        # A step sweeps at most once a second, and may have to ask once more before it gives up.
        now = self.clock.now()
        open_ = [command for command in self.memory.tables.commands.values() if command.state in OPEN]
        assert not [c for c in open_ if now >= c.expires_at + GRACE and c.due_at is not None and c.due_at <= now]
        assert all(c.due_at is not None and c.due_at <= c.expires_at + GRACE for c in open_), (
            "each is looked at in time"
        )

    @rule(asset=st.sampled_from(sorted(KEYS)), locked=st.booleans())
    def somebody_locks_out(self, asset: str, locked: bool) -> None:
        (self.locked.add if locked else self.locked.discard)(asset)

    @precondition(lambda self: self.line.down)
    @rule(index=some)
    def arrives(self, index: int) -> None:
        self.line.deliver_down(index % len(self.line.down))

    @precondition(lambda self: self.line.up)
    @rule(index=some)
    def answers(self, index: int) -> None:
        self.line.deliver_up(index % len(self.line.up))

    @rule()
    def all_is_carried(self) -> None:
        while self.line.down:
            self.line.deliver_down()
        while self.line.up:
            self.line.deliver_up()

    @rule(index=some)
    def lost(self, index: int) -> None:
        for queue in (self.line.down, self.line.up):
            if queue:
                queue.pop(index % len(queue))

    @rule(index=some)
    def doubled(self, index: int) -> None:
        if self.line.down:
            self.line.down.append(self.line.down[index % len(self.line.down)])
        if self.line.up:
            self.line.up.append(self.line.up[index % len(self.line.up)])

    @rule(steps=st.integers(0, 8))
    def dies_soon(self, steps: int) -> None:
        self.memory.crash_in = steps

    @rule(away=st.booleans())
    def broker_away(self, away: bool) -> None:
        self.line.away = away

    @rule(lies=st.booleans())
    def equipment_lies(self, lies: bool) -> None:
        self.equipment.lies = lies

    @precondition(lambda self: self.memory.tables.commands)
    @rule(index=some, status=st.sampled_from(AckStatus))
    def forged_answers(self, index: int, status: AckStatus) -> None:
        command = list(self.memory.tables.commands.values())[index % len(self.memory.tables.commands)]
        self.line.inbox += [
            Ack(command.id, command.point, "A-9", command.seq, status),
            Ack(command.id, command.point, command.gateway, command.seq + 1, status),
            ReadBack(command.point, "A-9", command.seq, "0" * 16, 0.0, self.clock.now()),
        ]

    @invariant()
    def no_command_leaves_its_end(self) -> None:
        for command in self.memory.tables.commands.values():
            if command.state.terminal:
                assert self.ended.setdefault(command.id, command.state) is command.state

    @invariant()
    def nothing_is_applied_twice(self) -> None:
        assert len(self.equipment.effects) == len(set(self.equipment.effects))

    @invariant()
    def verified_means_applied(self) -> None:
        for command in self.memory.tables.commands.values():
            if command.state is CommandState.VERIFIED:
                assert command.id in self.equipment.effects

    def teardown(self) -> None:
        """With the faults over, everything ends, and the newest want of each point is in action."""
        self.memory.crash_in, self.line.away, self.equipment.lies = None, False, False
        self.locked.clear()
        for _ in range(100):
            self.all_is_carried()
            self.step(0.5)
        assert self.dispatchers[0].settled()
        with self.memory() as unit:
            assert unit.commands.overdue(self.clock.now(), GRACE) == {}
        self.no_command_leaves_its_end()
        self.nothing_is_applied_twice()
        self.verified_means_applied()
        for point in self.seq:
            self.want(point, 0.7)
            for _ in range(7):
                self.all_is_carried()
                self.step(0.1)
            newest = Memory.state(self.memory, a_command(self.seq[point], point=point))
            assert newest is CommandState.VERIFIED


TestDispatch = pytest.mark.timeout(300)(DispatchMachine.TestCase)
TestDispatch.settings = settings(max_examples=120, stateful_step_count=40)
