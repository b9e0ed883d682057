"""How it comes to be known that a setpoint is in action, or that it cannot be: by read-back, by a meter, by nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.model import Ack, AckStatus, AlarmState, CommandState, Level, Program, ReadBack, Verification
from engine.ports import Capabilities
from engine.setpoints.dispatch import Counts
from engine.setpoints.points import Lockout, Meter, PointInfo, Sample, Watch
from engine.setpoints.verify import Finding, Proof, judge, judge_meter, proof_of
from engine.wire import digest
from tests.setpoints.fakes import NOON, Surroundings, a_command, a_point, at

S = CommandState
POINT = a_point()
SHOWN = Watch("L-1", "illuminanceLevel", timedelta(minutes=15))
FEEDER = Watch("C-1", "powerConsumption", timedelta(minutes=15))
READ = replace(POINT, meter=Meter(SHOWN))
FELT = replace(
    a_point(verification=Verification.CONSEQUENCE, verify_within=timedelta(minutes=5)),
    meter=Meter(FEEDER, on=(50.0, 200.0), off=(0.0, 10.0)),
)
BLIND = a_point(verification=Verification.NONE)
CRITICAL = a_point(critical=True)
MUTE = Capabilities(reads_back=False)
FORGETFUL = Capabilities(key=False, expiry=False, round_trip=timedelta(seconds=5))


def world_of(point: PointInfo, can: Capabilities | None = None, **policy: object) -> Surroundings:
    return Surroundings([point], {}, can=can, **policy)


@pytest.mark.parametrize(
    ("point", "can", "proof"),
    [
        (POINT, Capabilities(), Proof.READ_BACK),
        (READ, Capabilities(), Proof.READ_BACK),
        (READ, MUTE, Proof.METER),
        (POINT, MUTE, Proof.NONE),
        (FELT, Capabilities(), Proof.METER),
        (FELT, MUTE, Proof.METER),
        (replace(FELT, meter=None), Capabilities(), Proof.NONE),
        (BLIND, Capabilities(), Proof.NONE),
        (replace(BLIND, meter=Meter(SHOWN)), Capabilities(), Proof.NONE),
    ],
)
def test_by_what_a_point_can_be_verified(point: PointInfo, can: Capabilities, proof: Proof) -> None:
    assert proof_of(point, can) is proof


# Nothing can tell.


@pytest.mark.parametrize(("point", "can"), [(BLIND, None), (POINT, MUTE)], ids=["by the catalogue", "by its gateway"])
def test_what_nothing_can_verify_is_never_called_verified(point: PointInfo, can: Capabilities | None) -> None:
    world = world_of(point, can)
    command = a_command()
    world.memory.enqueue(command)
    assert world.step() == Counts(sent=1, acked=1, unverifiable=1)
    assert world.memory.history(command)[-2:] == [S.ACKED, S.UNVERIFIABLE]
    assert world.dispatcher.settled()
    assert world.alarms("setpoint-not-applied") == []


def test_equipment_that_never_answers_ends_when_it_is_told() -> None:
    world = world_of(POINT, replace(MUTE, acknowledges=False))
    command = a_command()
    assert world.send(command) is S.UNVERIFIABLE
    assert world.memory.history(command)[-2:] == [S.SENT, S.UNVERIFIABLE]


def test_equipment_that_never_acknowledges_is_read_back_at_once() -> None:
    world = world_of(POINT, Capabilities(acknowledges=False))
    world.line.spontaneous = False
    command = a_command()
    world.memory.enqueue(command)
    assert world.step() == Counts(sent=1, asked=1, verified=1)
    assert S.ACKED not in world.memory.history(command)


def test_a_silent_one_that_shows_nothing_is_asked_and_told_again() -> None:
    world = world_of(POINT, Capabilities(acknowledges=False))
    world.equipment.lies = True
    command = a_command()
    assert world.send(command) is S.SENT
    world.run(40)
    assert (world.memory.state(command), len(world.line.sent)) == (S.EXPIRED, 3)
    assert world.alarms("setpoint-not-applied") == [AlarmState.UNACKNOWLEDGED]


# A meter tells.


@pytest.mark.parametrize(
    ("value", "sample", "finding"),
    [
        (0.4, 120.0, Finding.APPLIED),
        (0.4, 50.0, Finding.APPLIED),
        (0.4, 49.0, Finding.DIFFERENT),
        (0.4, 201.0, Finding.DIFFERENT),
        (0.0, 3.0, Finding.APPLIED),
        (0.0, 120.0, Finding.DIFFERENT),
    ],
)
def test_what_a_meter_shows_while_on_and_off(value: float, sample: float, finding: Finding) -> None:
    assert FELT.meter is not None
    found, detail = judge_meter(a_command(1, value), FELT.meter, Sample(sample, at(1)), 0.02)
    assert found is finding
    assert f"powerConsumption of C-1 at 2026-11-22T11:01:00Z is {sample:g}" in detail


@pytest.mark.parametrize(
    ("value", "sample", "rises", "finding"),
    [
        (0.4, 1.0, True, Finding.APPLIED),
        (0.4, 1.0, False, Finding.DIFFERENT),
        (0.4, 0.3, True, Finding.DIFFERENT),
        (0.4, 0.4, True, Finding.APPLIED),
        (0.0, 1.0, True, Finding.DIFFERENT),
    ],
)
def test_what_may_rise_by_itself_is_right_above_what_it_was_asked(
    value: float, sample: float, rises: bool, finding: Finding
) -> None:
    command, meter = a_command(1, value), Meter(SHOWN)
    assert judge_meter(command, meter, Sample(sample, at(1)), 0.02, rises=rises)[0] is finding
    shown = ReadBack(command.point, command.gateway, command.seq, digest(command.program), sample, at(1))
    assert judge(command, shown, 0.02, rises=rises)[0] is finding


def test_a_lamp_that_its_detector_brightens_is_verified() -> None:
    world = world_of(replace(READ, rises=True), MUTE)
    command = a_command()
    world.send(command)
    world.samples[SHOWN] = Sample(1.0, at(2))
    world.run(3)
    assert world.memory.state(command) is S.VERIFIED


def test_a_meter_outside_the_program_proves_nothing() -> None:
    assert FELT.meter is not None
    command = replace(a_command(), program=Program.constant(0.4, at(5), at(9)))
    for minute in (4.9, 9.0):
        assert judge_meter(command, FELT.meter, Sample(120, at(minute)), 0.02)[0] is Finding.EARLY


def test_a_consequence_seen_after_the_acknowledgement_verifies() -> None:
    world = world_of(FELT)
    world.samples[FEEDER] = Sample(120.0, at(-1))
    command = a_command()
    assert world.send(command) is S.ACKED, "the read-back says that it is held, not that anything follows"
    world.run(2)
    assert world.memory.state(command) is S.ACKED, "what was read before proves nothing"
    world.samples[FEEDER] = Sample(120.0, at(2))
    world.run(1)
    assert world.memory.state(command) is S.VERIFIED
    assert "is 120, the program asks 0.4: 50 to 200" in world.memory.details(command)[-1]


@pytest.mark.parametrize("shown", [3.0, None])
def test_a_consequence_that_stays_away_is_a_mismatch(shown: float | None) -> None:
    world = world_of(FELT, max_attempts=2)
    command = a_command()
    world.send(command)
    for _ in range(20):
        if shown is not None:
            world.samples[FEEDER] = Sample(shown, world.clock.now())
        world.run(0.25)
    assert world.memory.state(command) is S.QUEUED
    assert world.alarms("setpoint-not-applied") == [AlarmState.UNACKNOWLEDGED]
    for _ in range(40):
        if shown is not None:
            world.samples[FEEDER] = Sample(shown, world.clock.now())
        world.run(0.25)
    assert world.memory.state(command) is S.FAILED
    seen = f"is {shown:g}, the program asks 0.4: 50 to 200" if shown is not None else "no read-back came"
    assert seen in world.memory.details(command)[-1]
    levels = sorted(c.level for c in world.memory.tables.commands.values())
    assert levels == [Level.SAFE_DEFAULT] * 2, "the command's own is that, too"
    assert len(world.memory.tables.commands) == 2


def test_telemetry_reads_back_what_a_gateway_cannot() -> None:
    world = world_of(READ, MUTE)
    command = a_command()
    assert world.send(command) is S.ACKED
    world.samples[SHOWN] = Sample(0.9, at(0.5))
    world.run(1.5)
    assert world.memory.state(command) is S.ACKED
    world.samples[SHOWN] = Sample(0.41, at(1.6))
    world.run(1.5)
    assert world.memory.state(command) is S.VERIFIED


def test_a_lost_acknowledgement_is_replaced_by_a_meter() -> None:
    world = world_of(READ, MUTE)
    world.line.automatic = False
    command = a_command()
    world.send(command)
    world.run(0.5)
    assert world.memory.state(command) is S.UNKNOWN
    world.samples[SHOWN] = Sample(0.4, at(0.6))
    world.run(0.75)
    assert (world.memory.state(command), len(world.line.sent)) == (S.VERIFIED, 1)


def test_a_slow_actuator_without_a_memory_has_its_time_before_it_is_told_again() -> None:
    """Nothing came back; a meter shows the old value while it moves, and after its time that it was never told."""
    world = world_of(READ, replace(FORGETFUL, reads_back=False))
    world.line.automatic = False
    command = a_command()
    world.send(command)
    world.run(0.5)
    for _ in range(18):
        world.samples[SHOWN] = Sample(1.0, world.clock.now())
        world.run(0.25)
    assert (world.memory.state(command), len(world.line.sent)) == (S.UNKNOWN, 1)
    for _ in range(6):
        world.samples[SHOWN] = Sample(1.0, world.clock.now())
        world.run(0.25)
    assert [sent.id for sent in world.line.sent] == [command.id] * 2
    assert world.memory.tables.commands[command.id].repeats == 1


# Equipment that remembers nothing.


def test_a_repetition_to_equipment_that_recognises_nothing_is_counted_apart() -> None:
    world = world_of(POINT, FORGETFUL)
    world.equipment.forgets, world.line.automatic = True, False
    command = a_command()
    world.send(command)
    world.line.down.clear()
    world.run(0.5)
    assert world.line.down == [(POINT.id, "A-1")], "asked first"
    world.line.automatic = True
    world.line._settle()
    world.step()
    counts = world.step()
    assert (counts.repeated, counts.sent, counts.verified) == (1, 1, 1)
    found = world.memory.tables.commands[command.id]
    assert (found.repeats, found.attempts, world.equipment.effects) == (1, 2, [command.id])


def test_without_a_read_back_it_is_never_told_again() -> None:
    """Neither a key nor an answer: a blind repetition might act twice."""
    world = world_of(POINT, FORGETFUL)
    world.line.automatic = False
    command = a_command()
    world.send(command)
    world.run(40)
    assert world.memory.state(command) is S.EXPIRED
    assert [sent.id for sent in world.line.sent] == [command.id]


def test_it_never_gets_an_older_command_after_a_newer() -> None:
    """The newer one comes between the claim and the sending."""
    world = world_of(POINT, FORGETFUL)
    older, newer = a_command(1), a_command(2, 0.6)
    world.memory.enqueue(older)
    claim = world.dispatcher._claim

    def meanwhile(desk: object) -> object:
        found = claim(desk)  # type: ignore[arg-type]
        world.dispatcher._claim = claim  # type: ignore[method-assign]
        desk.unit.commands.enqueue([newer])  # type: ignore[attr-defined]
        return found

    world.dispatcher._claim = meanwhile  # type: ignore[method-assign, assignment]
    world.step()
    assert (world.memory.state(older), world.line.sent) == (S.SUPERSEDED, [])
    world.step()
    assert [command.seq for command in world.line.sent] == [2]


def test_a_value_that_was_there_before_confirms_nothing_that_has_not_left() -> None:
    world = world_of(POINT, FORGETFUL, batch=0)
    command = a_command()
    world.memory.enqueue(command)
    world.line.inbox.append(ReadBack(POINT.id, "A-1", None, None, 0.4, NOON))
    world.step()
    assert world.memory.state(command) is S.QUEUED


# Select before operate.


def test_critical_equipment_is_selected_before_it_is_operated() -> None:
    world = world_of(CRITICAL)
    command = a_command()
    world.memory.enqueue(command)
    assert world.step() == Counts(sent=1, selected=1, acked=1, verified=1)
    assert [(sent.id, sent.select) for sent in world.line.sent] == [(command.id, True), (command.id, False)]
    assert (world.equipment.selected, world.equipment.effects) == ([command.id], [command.id])


@pytest.mark.parametrize("can", [Capabilities(selects=False)])
def test_where_it_cannot_be_selected_it_is_operated(can: Capabilities) -> None:
    world = world_of(CRITICAL, can)
    assert world.send(a_command()) is S.VERIFIED
    assert not any(command.select for command in world.line.sent)


def test_a_selection_that_is_not_granted_in_time_is_dropped_and_tried_again() -> None:
    world = world_of(CRITICAL)
    world.line.automatic = False
    command = a_command()
    world.memory.enqueue(command)
    world.step()
    world.line.deliver_down()
    world.step(1 / 6)
    assert world.memory.state(command) is S.QUEUED
    assert "not selected in time" in world.memory.details(command)[-1]
    world.line.up.clear()
    world.line.automatic = True
    world.line._settle()
    world.run(1)
    assert (world.memory.state(command), world.equipment.effects) == (S.VERIFIED, [command.id])


def test_what_is_never_selected_is_given_up() -> None:
    world = world_of(CRITICAL, max_attempts=2)
    world.line.automatic = False
    command = a_command()
    world.send(command)
    world.run(5)
    assert (world.memory.state(command), len(world.line.sent)) == (S.EXPIRED, 2)
    assert world.memory.details(command)[-1] == "not selected in 2 attempts"
    assert all(sent.select for sent in world.line.sent), "never operated"


def test_equipment_that_refuses_the_selection_refuses_the_command() -> None:
    world = world_of(CRITICAL)
    world.equipment.rejects = True
    assert world.send(a_command()) is S.REJECTED
    assert world.equipment.effects == []


def test_a_selection_granted_twice_operates_once_and_one_not_asked_for_never() -> None:
    world = world_of(CRITICAL)
    world.line.automatic = False
    command = a_command()
    world.memory.enqueue(command)
    world.step()
    granted = Ack(command.id, CRITICAL.id, "A-1", 1, AckStatus.SELECTED)
    world.line.inbox += [granted, granted]
    world.step()
    world.line.inbox += [granted]
    world.step()
    assert [sent.select for sent in world.line.sent] == [True, False]
    assert world.memory.state(command) is S.SENT


def test_what_is_replaced_between_selection_and_execution_is_not_operated() -> None:
    world = world_of(CRITICAL)
    world.line.automatic = False
    off, on = a_command(), a_command(2)
    world.memory.enqueue(off)
    world.step()
    world.memory.enqueue(on)
    world.line.automatic = True
    world.line._settle()
    world.step()
    assert (world.memory.state(off), world.memory.state(on)) == (S.SUPERSEDED, S.VERIFIED)
    assert world.equipment.effects == [on.id]


def test_a_lock_out_between_selection_and_execution_stops_it() -> None:
    key = Watch("L-1", "keySwitch", timedelta(minutes=15))
    world = world_of(replace(CRITICAL, lockout=Lockout(key, 1.0)))
    world.line.automatic = False
    command = a_command()
    world.memory.enqueue(command)
    world.step()
    world.samples[key] = Sample(1.0, NOON)
    world.line.automatic = True
    world.line._settle()
    world.step()
    assert (world.memory.state(command), world.equipment.effects) == (S.CANCELLED, [])


# Nothing stays open.


def test_what_slips_through_is_ended_within_a_minute() -> None:
    """A row of an older version, or one that somebody edited: never due, and past its time."""
    world = world_of(POINT)
    world.line.automatic = False
    command = a_command()
    world.send(command)
    world.memory.tables.commands[command.id] = replace(world.memory.tables.commands[command.id], due_at=None)
    world.run(34)
    assert world.memory.state(command) is S.SENT
    world.run(3)
    assert world.memory.state(command) is S.EXPIRED


def test_many_that_are_due_at_once_are_all_looked_at_without_waiting() -> None:
    points = [a_point(f"L-{n}/illuminanceLevel") for n in range(25)]
    world = Surroundings(points, {}, batch=10)
    world.line.automatic = False
    world.memory.enqueue(*(a_command(point=point.id) for point in points))
    for _ in range(3):
        world.step()
    assert len(world.line.sent) == 25
    world.clock.forward(0.5)
    counts = [world.step() for _ in range(3)]
    assert [(count.unknown, count.asked) for count in counts] == [(10, 10), (10, 10), (5, 5)]
