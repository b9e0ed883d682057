"""Dispatch over the real store: what the tables in memory promise, the database keeps."""

from engine.model import AlarmState, CommandState
from engine.setpoints.desk import RULE
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.store import Store
from tests.setpoints.fakes import Equipment, Line, ManualClock, a_command, a_point

S = CommandState
POINTS = {point.id: point for point in (a_point(f"L-{n}/illuminanceLevel", f"A-{n % 2}") for n in range(6))}


def commands_of(seq: int, value: float = 0.4) -> list[object]:
    return [a_command(seq, value, point=point.id, gateway=point.gateway) for point in POINTS.values()]


def test_from_the_outbox_to_verified(store: Store) -> None:
    clock = ManualClock()
    line = Line(Equipment(clock.now))
    dispatcher = Dispatcher(store.begin, line, clock, DispatchPolicy("here"), POINTS)
    with store.begin() as unit:
        assert unit.commands.enqueue(commands_of(1)) == 6  # type: ignore[arg-type]
    assert dispatcher.step(0).verified == 6
    assert dispatcher.settled()
    with store.read() as unit:
        history = unit.commands.history(a_command(1, point="L-0/illuminanceLevel").id)
    assert [line.state for line in history] == [S.QUEUED, S.SENDING, S.SENT, S.ACKED, S.VERIFIED]


def test_a_liar_a_lost_line_and_a_restart(store: Store) -> None:
    clock = ManualClock()
    equipment = Equipment(clock.now, lies=True)
    line = Line(equipment)
    with store.begin() as unit:
        unit.commands.enqueue(commands_of(1))  # type: ignore[arg-type]
    for _ in range(20):
        Dispatcher(store.begin, line, clock, DispatchPolicy("here"), POINTS).step(0)
        clock.forward(1)
    assert not Dispatcher(store.begin, line, clock, DispatchPolicy("here"), POINTS).settled()
    clock.forward(20)
    Dispatcher(store.begin, line, clock, DispatchPolicy("here"), POINTS).step(0)
    with store.read() as unit:
        assert unit.commands.counts() == {S.FAILED: 6, S.QUEUED: 6}, "the safe values are next"
        assert [(a.rule, a.state, a.zone) for a in unit.alarms.active()] == [
            (RULE, AlarmState.UNACKNOWLEDGED, "Z-1")
        ] * 6


def test_the_alarm_clears_in_the_store(store: Store) -> None:
    clock = ManualClock()
    equipment = Equipment(clock.now, rejects=True)
    dispatcher = Dispatcher(store.begin, Line(equipment), clock, DispatchPolicy("here"), POINTS)
    for seq in (1, 2):
        with store.begin() as unit:
            unit.commands.enqueue(commands_of(seq))  # type: ignore[arg-type]
        dispatcher.step(0)
        clock.forward(1)
        equipment.rejects = False
    with store.read() as unit:
        assert unit.commands.counts() == {S.REJECTED: 6, S.VERIFIED: 6}
        assert {alarm.state for alarm in unit.alarms.active()} == {AlarmState.RTN_UNACKNOWLEDGED}
