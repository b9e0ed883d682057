from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.errors import Unavailable, Undelivered
from engine.model import Ack, AckStatus, Alarm, AlarmState, Command, CommandState, Level, Program, ReadBack
from engine.setpoints.desk import OPEN, RULE
from engine.setpoints.dispatch import Counts, Dispatcher, DispatchPolicy
from engine.setpoints.outbox import because
from engine.wire import digest
from tests.setpoints.fakes import Crashed, Equipment, Line, ManualClock, Memory, a_command, a_point, at

S = CommandState
POINT = a_point()


class World:
    """A core, a line and equipment."""

    def __init__(self, *, automatic: bool = True, spontaneous: bool = True, **policy: object) -> None:
        self.clock = ManualClock()
        self.memory = Memory()
        self.equipment = Equipment(self.clock.now)
        self.line = Line(self.equipment, automatic=automatic, spontaneous=spontaneous)
        self.points = {POINT.id: POINT}
        self.policy = DispatchPolicy("here", **policy)  # type: ignore[arg-type]
        self.restart()

    def restart(self) -> None:
        self.dispatcher = Dispatcher(self.memory, self.line, self.clock, self.policy, self.points)

    def enqueue(self, *commands: Command) -> None:
        self.memory.enqueue(*commands)

    def step(self, minutes: float = 0) -> Counts:
        self.clock.forward(minutes)
        return self.dispatcher.step(0)

    def settle(self, minutes: float = 60, every: float = 0.25) -> None:
        for _ in range(int(minutes / every)):
            if self.dispatcher.settled():
                return
            self.step(every)

    def alarms(self) -> list[Alarm]:
        return list(self.memory.tables.alarms.values())

    def end(self, command: Command) -> CommandState:
        state = self.memory.state(command)
        assert sum(state.terminal for state in self.memory.history(command)) == 1
        return state


def test_the_straight_way() -> None:
    world = World()
    command = a_command()
    world.enqueue(command)
    assert not world.dispatcher.settled()
    counts = world.step()
    assert world.memory.history(command) == [S.QUEUED, S.SENDING, S.SENT, S.ACKED, S.VERIFIED]
    assert counts == Counts(sent=1, acked=1, verified=1)
    assert world.dispatcher.settled()
    assert world.step() == Counts()
    assert world.alarms() == []


def test_equipment_that_reports_only_when_asked() -> None:
    world = World(spontaneous=False)
    command = a_command()
    world.enqueue(command)
    assert world.step() == Counts(sent=1, acked=1, asked=1, verified=1)
    assert world.memory.history(command)[-2:] == [S.ACKED, S.VERIFIED]


def test_nothing_is_verified_by_an_acknowledgement_alone() -> None:
    world = World(automatic=False, spontaneous=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.deliver_down()
    world.line.deliver_up()
    world.step()
    assert world.memory.state(command) is S.ACKED
    assert not world.dispatcher.settled()


def test_only_the_newest_of_a_point_is_sent() -> None:
    world = World()
    older, newer = a_command(1), a_command(2, 0.6)
    world.enqueue(older)
    world.enqueue(newer)
    world.step()
    assert (world.end(older), world.end(newer)) == (S.SUPERSEDED, S.VERIFIED)
    assert [command.seq for command in world.line.sent] == [2]


# The line loses things.


def test_a_lost_command_is_asked_about_and_then_sent_again() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.down.clear()
    assert world.step(0.48) == Counts()
    world.step(0.02)
    assert world.memory.state(command) is S.UNKNOWN
    assert world.line.down == [(POINT.id, "A-1")], "asked, not sent again blindly"
    world.line.automatic = True
    world.line._settle()
    world.step()
    world.step()
    assert world.end(command) is S.VERIFIED
    assert [(sent.id, sent.seq) for sent in world.line.sent] == [(command.id, 1), (command.id, 1)]
    assert world.equipment.effects == [command.id]


def test_a_lost_acknowledgement_is_replaced_by_a_read_back() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.deliver_down()
    world.line.up.clear()
    world.line.automatic = True
    world.step(0.5)
    world.step()
    assert world.memory.history(command)[-2:] == [S.UNKNOWN, S.VERIFIED]
    assert len(world.line.sent) == 1


def test_silence_is_answered_by_so_many_attempts_then_by_an_alarm() -> None:
    world = World(automatic=False, max_attempts=3)
    command = a_command()
    world.enqueue(command)
    world.settle()
    assert world.end(command) is S.EXPIRED
    assert [sent.attempts for sent in world.line.sent] == [1, 2, 3]
    assert all(sent.id == command.id for sent in world.line.sent)
    (alarm,) = world.alarms()
    assert (alarm.rule, alarm.asset, alarm.zone, alarm.state) == (RULE, "L-1", "Z-1", AlarmState.UNACKNOWLEDGED)
    assert alarm.detail["why"] == "not acknowledged in 3 attempts: no read-back came"
    assert world.clock.now() <= at(30 + 5 + 1.25)


def test_a_doubled_command_has_one_effect() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.down *= 3
    world.line.automatic = True
    world.line._settle()
    counts = world.step()
    assert (world.end(command), world.equipment.effects) == (S.VERIFIED, [command.id])
    assert (counts.acked, counts.late, counts.refused) == (1, 2, 0)


def test_answers_in_the_wrong_order() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.deliver_down()
    world.line.deliver_up(1)
    world.step()
    assert world.end(command) is S.VERIFIED, "the read-back says it all"
    world.line.deliver_up()
    assert world.step().late == 1
    assert world.end(command) is S.VERIFIED


def test_an_older_read_back_that_comes_late_proves_nothing() -> None:
    world = World(automatic=False)
    before = world.equipment.read(POINT.id, "A-1")
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.deliver_down()
    world.line.deliver_up()
    world.line.inbox.append(before)
    world.step()
    assert world.memory.state(command) is S.ACKED
    world.line.deliver_up()
    world.step()
    assert world.end(command) is S.VERIFIED


# The equipment says no, or something else than the truth.


def test_a_rejection_is_an_alarm() -> None:
    world = World()
    world.equipment.rejects = True
    command = a_command()
    world.enqueue(command)
    world.step()
    assert world.end(command) is S.REJECTED
    assert world.alarms()[0].detail["why"] == "equipment: rejected"


def test_a_liar_is_found_out() -> None:
    """It acknowledges and does not apply: asked once more when its time is over, tried again more slowly, FAILED."""
    world = World()
    world.equipment.lies = True
    command = a_command()
    world.enqueue(command)
    world.step()
    assert world.memory.state(command) is S.ACKED
    assert world.step(5).asked == 1
    assert world.memory.state(command) is S.ACKED
    assert world.alarms() == []
    world.step(0.5)
    assert world.memory.state(command) is S.QUEUED
    (alarm,) = world.alarms()
    assert (alarm.priority, alarm.detail["state"]) == ("high", "queued")
    assert "shows seq 0 at 1, the command is seq 1" in alarm.detail["why"]
    assert world.step(0.4).sent == 0, "not at once"
    assert world.step(0.1).sent == 1
    world.settle(60)
    assert world.end(command) is S.FAILED
    assert [sent.attempts for sent in world.line.sent if sent.id == command.id] == [1, 2, 3]
    assert "acknowledged, and not confirmed in time" in world.memory.details(command)[-1]


def test_what_failed_is_followed_by_the_safe_value_once() -> None:
    world = World(max_attempts=1)
    world.equipment.lies = True
    command = a_command()
    world.enqueue(command)
    world.settle(20)
    assert world.end(command) is S.FAILED
    (safe,) = (c for c in world.memory.tables.commands.values() if c.id != command.id)
    assert (safe.seq, safe.level, safe.urgent, safe.supersedes) == (2, Level.SAFE_DEFAULT, True, command.id)
    assert {value for _, value in safe.program.steps} == {POINT.envelope.safe}
    assert safe.program.until >= command.program.until
    piece = because(safe.explanation, world.clock.now())
    assert piece is not None
    assert (piece["value"], piece["winner"]) == (1, None)
    world.settle(60)
    assert world.end(safe) is S.FAILED, "nor does the safe value come about"
    assert len(world.memory.tables.commands) == 2, "which nothing follows"


def test_no_safe_value_where_somebody_wants_something_newer() -> None:
    world = World(max_attempts=1, automatic=False)
    first, second = a_command(1), a_command(2, 0.6)
    world.enqueue(first)
    world.step()
    world.enqueue(second)
    other = Program.constant(0.9, at(0), at(60))
    world.line.inbox.append(ReadBack(POINT.id, "A-1", 1, digest(other), 0.4, at(0)))
    world.line.inbox.append(Ack(first.id, POINT.id, "A-1", 1, AckStatus.ACCEPTED))
    world.step()
    assert world.end(first) is S.FAILED
    assert set(world.memory.tables.commands) == {first.id, second.id}


def test_the_alarm_of_a_mismatch_ends_when_a_repetition_is_applied() -> None:
    world = World()
    world.equipment.lies = True
    command = a_command()
    world.enqueue(command)
    world.settle(6)
    world.equipment.lies = False
    world.settle(6)
    assert (world.end(command), world.equipment.effects) == (S.VERIFIED, [command.id])
    assert [alarm.state for alarm in world.alarms()] == [AlarmState.RTN_UNACKNOWLEDGED]


@pytest.mark.parametrize(("off_by", "end"), [(0.02, S.VERIFIED), (-0.02, S.VERIFIED), (0.021, S.FAILED)])
def test_the_value_wants_to_be_within_its_tolerance(off_by: float, end: CommandState) -> None:
    world = World()
    world.equipment.off_by = off_by
    command = a_command()
    world.enqueue(command)
    world.settle()
    assert world.end(command) is end
    assert [alarm.detail["why"].endswith("the program asks 0.4 ± 0.02") for alarm in world.alarms()] == [True] * (
        end is S.FAILED
    )


def test_a_slow_actuator_has_its_time_to_get_there() -> None:
    world = World()
    world.equipment.off_by = 0.3
    command = a_command()
    world.enqueue(command)
    world.step()
    assert world.memory.state(command) is S.ACKED
    world.equipment.off_by = 0.0
    world.step(5)
    world.step()
    assert world.end(command) is S.VERIFIED


def test_another_program_under_our_sequence_fails_at_once() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    other = Program.constant(0.9, at(0), at(60))
    world.line.inbox.append(ReadBack(POINT.id, "A-1", 1, digest(other), 0.4, at(0)))
    world.step()
    assert world.end(command) is S.FAILED
    assert digest(other) in world.alarms()[0].detail["why"]


def test_equipment_that_holds_a_sequence_we_never_gave() -> None:
    """After a restore of an old backup: our command cannot win, and somebody must know."""
    world = World()
    foreign = a_command(900, 0.7)
    world.equipment.obey(foreign)
    command = a_command(1)
    world.enqueue(command)
    world.step()
    assert world.end(command) is S.SUPERSEDED
    assert "superseded" in world.alarms()[0].detail["why"]


def test_an_older_command_ends_quietly_when_a_newer_is_made() -> None:
    world = World(automatic=False)
    older, newer = a_command(1), a_command(2, 0.6)
    world.enqueue(older)
    world.step()
    world.line.down.clear()
    world.enqueue(newer)
    world.line.automatic = True
    world.step(0.5)
    assert (world.end(older), world.end(newer)) == (S.SUPERSEDED, S.VERIFIED)
    assert world.alarms() == []


def test_the_alarm_returns_to_normal_when_a_setpoint_is_applied_again() -> None:
    world = World()
    world.equipment.rejects = True
    world.enqueue(a_command(1))
    world.step()
    world.equipment.rejects = False
    world.enqueue(a_command(2, 0.6))
    world.step(1)
    (alarm,) = world.alarms()
    assert (alarm.state, alarm.cleared_at) == (AlarmState.RTN_UNACKNOWLEDGED, at(1))
    world.equipment.rejects = True
    world.enqueue(a_command(3, 0.2))
    world.step(1)
    (alarm,) = world.alarms()
    assert (alarm.state, alarm.cleared_at, alarm.detail["seq"]) == (AlarmState.UNACKNOWLEDGED, None, 3)


def test_two_failures_of_a_point_are_one_alarm() -> None:
    world = World()
    world.equipment.rejects = True
    for seq in (1, 2):
        world.enqueue(a_command(seq))
        world.step(1)
    assert len(world.alarms()) == 1


# Time is over.


def test_a_command_that_was_never_sent_expires() -> None:
    world = World()
    command = a_command()
    world.enqueue(command)
    world.step(30)
    assert (world.end(command), world.line.sent) == (S.EXPIRED, [])


def test_one_that_comes_late_is_refused_by_the_equipment() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.clock.forward(30)
    world.line.deliver_down()
    world.line.deliver_up()
    world.step()
    assert (world.end(command), world.equipment.effects) == (S.EXPIRED, [])
    assert len(world.alarms()) == 1


def test_expiry_goes_on_while_the_broker_is_away() -> None:
    world = World()
    world.line.away = True
    sent, waiting = a_command(1), a_command(1, point="L-2/illuminanceLevel")
    world.points["L-2/illuminanceLevel"] = replace(POINT, id="L-2/illuminanceLevel")
    world.enqueue(sent)
    with pytest.raises(Unavailable):
        world.step()
    assert world.memory.state(sent) is S.UNKNOWN
    world.enqueue(waiting)
    for _ in range(80):
        world.clock.forward(0.5)
        try:
            world.dispatcher.step(0)
        except Unavailable:
            continue
    assert (world.end(sent), world.end(waiting)) == (S.EXPIRED, S.EXPIRED)


def test_after_a_short_absence_of_the_broker_it_goes_on() -> None:
    world = World()
    world.line.away = True
    command = a_command()
    world.enqueue(command)
    with pytest.raises(Unavailable):
        world.step()
    world.line.away = False
    world.settle(5)
    assert (world.end(command), world.equipment.effects) == (S.VERIFIED, [command.id])


def test_one_of_several_carriers_that_is_away_stops_no_other() -> None:
    world = World()
    far, near = a_command(1, gateway="A-2", point="L-2/illuminanceLevel"), a_command(1)
    world.points["L-2/illuminanceLevel"] = replace(POINT, id="L-2/illuminanceLevel", gateway="A-2")
    world.enqueue(far, near)
    send = world.line.send

    def partly(commands: Sequence[Command]) -> None:
        send([command for command in commands if command.gateway == "A-1"])
        raise Undelivered("A-2 is away", [command.id for command in commands if command.gateway == "A-2"])

    world.line.send = partly  # type: ignore[method-assign]
    world.step()
    assert (world.memory.state(far), world.memory.state(near)) == (S.UNKNOWN, S.VERIFIED)
    assert world.memory.details(far)[-1] == "may not have left: A-2 is away"
    world.line.send = send  # type: ignore[method-assign]
    world.settle()
    assert (world.end(far), world.end(near)) == (S.VERIFIED, S.VERIFIED)


def test_a_point_that_left_the_territory_takes_its_commands_along() -> None:
    world = World(automatic=False)
    sent, queued = a_command(1), a_command(1, point="L-9/illuminanceLevel")
    world.enqueue(sent)
    world.step()
    world.points.clear()
    world.enqueue(queued)
    world.step(1)
    assert (world.end(sent), world.end(queued)) == (S.CANCELLED, S.CANCELLED)


def test_a_read_back_after_the_program_is_judged_by_its_digest() -> None:
    world = World(automatic=False)
    command = replace(a_command(), program=Program.constant(0.4, at(0), at(0.2)))
    world.enqueue(command)
    world.step()
    world.line.deliver_down()
    world.clock.forward(0.2)
    world.line.up[1] = world.equipment.read(POINT.id, "A-1")
    world.line.deliver_up()
    world.line.deliver_up()
    world.step()
    assert world.end(command) is S.VERIFIED
    assert "the program over" in world.memory.details(command)[-1]


def test_a_program_that_begins_later_is_not_verified_before() -> None:
    world = World()
    command = replace(a_command(), program=Program.constant(0.4, at(2), at(60)))
    world.enqueue(command)
    world.step()
    assert world.memory.state(command) is S.ACKED
    world.settle(10)
    assert world.end(command) is S.VERIFIED
    assert world.clock.now() >= at(2)


# Forged and foreign answers.


def forged(**changes: object) -> Ack:
    return replace(Ack(a_command().id, POINT.id, "A-1", 1, AckStatus.ACCEPTED), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ack", "words"),
    [
        (forged(gateway="A-2"), "A-2 sent an acknowledgement for A-1"),
        (forged(seq=2), "seq 2, the command is L-1/illuminanceLevel seq 1"),
        (forged(point="L-2/illuminanceLevel"), "an acknowledgement of L-2/illuminanceLevel"),
        (forged(gateway="A-2", status=AckStatus.REJECTED), "A-2 sent an acknowledgement for A-1"),
    ],
)
def test_a_forged_acknowledgement_is_refused_counted_and_logged(ack: Ack, words: str) -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.inbox += [ack, ack]
    counts = world.step()
    assert (counts.refused, counts.acked) == (2, 0)
    assert world.memory.state(command) is S.SENT
    (detail,) = [detail for detail in world.memory.details(command) if "refused" in detail]
    assert words in detail


def test_an_acknowledgement_of_an_unknown_command_is_refused() -> None:
    world = World(automatic=False)
    world.line.inbox.append(forged(id="nobody's"))
    assert world.step() == Counts(refused=1)


def test_an_acknowledgement_of_what_was_never_sent_is_refused() -> None:
    world = World(automatic=False, batch=0)
    command = a_command()
    world.enqueue(command)
    world.line.inbox.append(forged())
    assert world.step().refused == 1
    assert world.memory.state(command) is S.QUEUED


def test_a_foreign_read_back_verifies_nothing() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.inbox.append(ReadBack(POINT.id, "A-2", 1, digest(command.program), 0.4, at(0)))
    assert world.step().refused == 1
    assert world.memory.state(command) is S.SENT


def test_forged_answers_do_not_move_a_command_that_is_over() -> None:
    world = World()
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.inbox.append(forged(gateway="A-2", status=AckStatus.REJECTED))
    assert world.step().refused == 1
    assert world.memory.state(command) is S.VERIFIED
    assert world.alarms() == []


def test_malformed_answers_are_counted() -> None:
    world = World()
    world.line.malformed = ["not an acknowledgement", "not one either"]
    assert world.step() == Counts(malformed=2)


# Rates and leases.


def test_a_gateway_is_not_flooded() -> None:
    world = World(rate_per_gateway=2.0)
    commands = []
    for n in range(5):
        for gateway in ("A-1", "A-2"):
            point = f"L-{gateway}-{n}/illuminanceLevel"
            world.points[point] = a_point(point, gateway)
            commands.append(a_command(1, point=point, gateway=gateway))
    world.enqueue(*commands)
    sent = [Counter(command.gateway for command in world.line.sent)]
    for _ in range(4):
        world.step(1 / 60)
        sent.append(Counter(command.gateway for command in world.line.sent))
    assert [count["A-1"] for count in sent] == [0, 2, 4, 5, 5]
    assert [count["A-2"] for count in sent] == [0, 2, 4, 5, 5]
    assert {world.end(command) for command in commands} == {S.VERIFIED}
    assert all(command.attempts == 1 for command in world.memory.tables.commands.values())


def test_a_batch_limits_one_step() -> None:
    world = World(batch=3)
    points = [a_point(f"L-{n}/illuminanceLevel") for n in range(7)]
    world.points.update({point.id: point for point in points})
    world.enqueue(*(a_command(1, point=point.id) for point in points))
    assert [world.step().sent for _ in range(4)] == [3, 3, 1, 0]


def test_what_is_held_back_too_long_is_not_sent_any_more() -> None:
    world = World(rate_per_gateway=0.0001)
    world.points["L-2/illuminanceLevel"] = a_point("L-2/illuminanceLevel")
    first, second = a_command(1), a_command(1, point="L-2/illuminanceLevel")
    world.enqueue(first, second)
    world.step()
    assert len(world.line.sent) == 1
    world.settle(60)
    states = sorted([world.end(first), world.end(second)])
    assert (states, len(world.line.sent)) == ([S.EXPIRED, S.VERIFIED], 1)


def test_a_claim_whose_owner_died_is_asked_about_after_its_lease() -> None:
    world = World()
    command = a_command()
    world.enqueue(command)
    world.memory.crash_in = 1
    with pytest.raises(Crashed):
        world.step()
    assert world.memory.state(command) is S.SENDING
    assert world.line.sent == []
    world.restart()
    assert world.step(0.4) == Counts()
    assert world.step(0.1) == Counts(unknown=1, asked=1), "it may have left: the equipment is asked"
    assert world.step() == Counts(queued=1)
    assert world.step() == Counts(sent=1, acked=1, verified=1)
    assert world.memory.tables.commands[command.id].attempts == 2


def test_one_that_may_have_left_before_its_expiry_is_asked_about() -> None:
    """Claimed, perhaps sent, and the owner died; nobody came back before the expiry."""
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.memory.crash_in = 2
    with pytest.raises(Crashed):
        world.step()
    world.restart()
    world.line.automatic = True
    world.line._settle()
    world.clock.forward(30)
    world.line.inbox.clear()
    world.step()
    assert S.UNKNOWN in world.memory.history(command)
    world.step()
    assert (world.end(command), world.equipment.effects) == (S.VERIFIED, [command.id])


# A crash at every point where one can happen.


@pytest.mark.parametrize("fault", ["none", "command lost", "answers lost", "doubled", "liar"])
@pytest.mark.parametrize("crash_in", range(26))
def test_a_crash_anywhere_loses_nothing_and_applies_nothing_twice(fault: str, crash_in: int) -> None:
    world = World(automatic=False)
    world.line.before = world.memory.may_crash
    world.equipment.lies = fault == "liar"
    commands = [a_command(1), a_command(2, 0.6, issued=3)]
    world.enqueue(commands[0])
    world.memory.crash_in = crash_in
    for tick in range(400):
        if tick == 12:
            crash, world.memory.crash_in = world.memory.crash_in, None
            world.enqueue(commands[1])
            world.memory.crash_in = crash
        try:
            world.step(0.25)
        except Crashed:
            world.restart()
        carry(world.line, fault if tick < 3 else "none")
    assert world.memory.crash_in is None, "the crash took place"
    newest = commands[1]
    assert world.end(newest) is (S.FAILED if fault == "liar" else S.VERIFIED)
    assert world.end(commands[0]) in {S.VERIFIED, S.SUPERSEDED, S.FAILED}
    assert len(world.equipment.effects) == len(set(world.equipment.effects))
    assert (newest.id in world.equipment.effects) == (fault != "liar")
    others = world.memory.tables.commands.keys() - {command.id for command in commands}
    assert len(others) == (fault == "liar"), "the safe value follows what failed"
    assert not [c for c in world.memory.tables.commands.values() if c.state in OPEN]


def carry(line: Line, fault: str) -> None:
    if fault == "command lost":
        line.down.clear()
    if fault == "doubled":
        line.down = [message for message in line.down for _ in range(2)]
    while line.down:
        line.deliver_down()
    if fault == "answers lost":
        line.up.clear()
    while line.up:
        line.deliver_up()


def test_a_lease_longer_than_life_does_not_keep_a_command_open() -> None:
    world = World(lease=timedelta(days=9))
    command = a_command()
    world.enqueue(command)
    world.memory.crash_in = 1
    with pytest.raises(Crashed):
        world.step()
    world.restart()
    world.step(36)
    assert world.end(command) is S.EXPIRED


def test_an_answer_that_another_process_took_first_stands() -> None:
    """Sent here, acknowledged and verified there, before the sending is committed here."""
    world = World()
    other = Dispatcher(world.memory, world.line, world.clock, world.policy, world.points)
    command = a_command()
    world.enqueue(command)

    def meanwhile() -> None:
        if world.line.inbox:
            world.line.before = lambda: None
            other.step(0)

    world.line.before = meanwhile
    world.step()
    assert world.memory.history(command) == [S.QUEUED, S.SENDING, S.ACKED, S.VERIFIED]


def test_after_its_expiry_a_command_is_not_repeated() -> None:
    world = World(automatic=False)
    command = a_command()
    world.enqueue(command)
    world.step()
    world.line.down.clear()
    world.step(29.9)
    assert world.memory.state(command) is S.UNKNOWN
    world.clock.forward(0.1)
    world.line.inbox.append(world.equipment.read(POINT.id, "A-1"))
    world.step()
    assert world.memory.state(command) is S.UNKNOWN
    world.settle()
    assert (world.end(command), len(world.line.sent)) == (S.EXPIRED, 1)
    assert "shows seq 0" in world.alarms()[0].detail["why"]


def test_the_alarm_of_one_point_is_not_cleared_by_another_of_the_same_asset() -> None:
    world = World()
    world.points["L-1/colour"] = a_point("L-1/colour")
    world.equipment.rejects = True
    world.enqueue(a_command(1))
    world.step()
    world.equipment.rejects = False
    world.enqueue(a_command(1, point="L-1/colour"))
    world.step()
    assert [alarm.state for alarm in world.alarms()] == [AlarmState.UNACKNOWLEDGED]
