"""The last look before a command leaves: lock-outs, holds, interlocks, time, telemetry after a start, and room."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import AlarmState, CommandState, Hold, Level, Program, Scope
from engine.ports import Capabilities
from engine.setpoints.conditions import Conditions
from engine.setpoints.gate import obstacle
from engine.setpoints.pacing import CROWD, Pace, spread
from engine.setpoints.points import Interlock, Lockout, Meter, PointInfo, Sample, Watch
from tests.setpoints.fakes import MINUTE, NOON, Surroundings, a_command, a_point, at

S = CommandState
KEY = Watch("L-1", "keySwitch", timedelta(minutes=15))
SUCTION = Watch("L-1", "suctionLevel", timedelta(minutes=15))
SHOWN = Watch("L-1", "illuminanceLevel", timedelta(minutes=15))
POINT = replace(
    a_point(),
    domain="lighting",
    lockout=Lockout(KEY, 1.0),
    interlocks=(Interlock("suction", SUCTION, otherwise=0.0, text="the pump needs water", at_least=0.5),),
    meter=Meter(SHOWN),
)
FINE = {KEY: Sample(0.0, NOON), SUCTION: Sample(2.0, NOON)}


class World(Surroundings):
    """One point that a lock-out, an interlock and a meter speak of."""

    def __init__(self, *, points: Collection[PointInfo] = (POINT,), can: Capabilities | None = None, **policy: object):
        super().__init__(points, FINE, can=can, **policy)


HELD = Hold(Scope.DOMAIN, "lighting", NOON, at(600), "a storm", "ana")


# What stands against a command when it is about to be sent.


@pytest.mark.parametrize("level", list(Level))
def test_nothing_of_any_level_is_sent_to_a_locked_out_point(level: Level) -> None:
    world = World()
    world.samples[KEY] = Sample(1.0, at(-10_000))
    command = replace(a_command(), level=level, urgent=level <= 5)
    assert world.send(command) is S.CANCELLED
    assert world.line.sent == []
    assert world.memory.details(command)[-1] == "locked out in the field"
    assert world.memory.tables.commands[command.id].attempts == 0
    safety = level <= Level.LIFE_SAFETY_AUTOMATIC
    assert world.alarms("life-safety-blocked") == [AlarmState.UNACKNOWLEDGED] * safety


def test_a_blocked_life_safety_want_names_point_and_agent_and_clears_when_it_can_be() -> None:
    world = World()
    world.samples[KEY] = Sample(1.0, NOON)
    want = {
        "level": 2,
        "source": "rule:flood",
        "version": "v1",
        "reason": "water",
        "written_at": "2026-11-22T11:00:00Z",
    }
    piece = ["2026-11-22T11:00:00Z", "2026-11-22T23:00:00Z", 0.4, 0, []]
    explanation = {"wants": [want], "pieces": [piece]}
    world.send(replace(a_command(), level=Level.LIFE_SAFETY_AUTOMATIC, explanation=explanation))
    (alarm,) = world.memory.tables.alarms.values()
    assert (alarm.priority, alarm.detail["point"], alarm.detail["agent"]) == ("critical", POINT.id, "rule:flood")
    world.samples[KEY] = Sample(0.0, at(1))
    assert world.send(replace(a_command(2, issued=0), level=Level.LIFE_SAFETY_AUTOMATIC)) is S.VERIFIED
    assert world.alarms("life-safety-blocked") == [AlarmState.RTN_UNACKNOWLEDGED]


@pytest.mark.parametrize("level", list(Level))
def test_a_hold_stops_the_automation_and_nobody_else(level: Level) -> None:
    world = World()
    world.holds = (HELD,)
    command = replace(a_command(), level=level)
    stopped = 10 <= level <= 15
    assert world.send(command) is (S.CANCELLED if stopped else S.VERIFIED)
    assert (world.memory.details(command)[-1] == "held: a storm") == stopped


@pytest.mark.parametrize("level", [Level.LIFE_SAFETY_MANUAL, Level.OPERATOR, Level.RULE])
@pytest.mark.parametrize("known", [True, False])
def test_an_interlock_lets_only_its_own_value_through(level: Level, known: bool) -> None:
    world = World()
    world.samples[SUCTION] = Sample(0.2, NOON) if known else Sample(9.0, at(-16))
    command = replace(a_command(), level=level)
    assert world.send(command) is S.CANCELLED
    assert world.memory.details(command)[-1] == "interlock suction: the pump needs water"
    assert world.send(a_command(2, 0.0)) is S.VERIFIED, "otherwise: 0"


def test_an_interlock_looks_at_the_value_of_now_or_at_the_first_to_come() -> None:
    conditions = Conditions({**FINE, SUCTION: Sample(0.2, NOON)})
    steps = Program(((at(0), 0.0), (at(60), 0.4)), at(600))
    command = replace(a_command(), program=steps)
    assert obstacle(command, POINT, conditions, at(0)) == ""
    assert obstacle(command, POINT, conditions, at(-5)) == ""
    assert "suction" in obstacle(replace(command, program=Program.constant(0.4, at(5), at(9))), POINT, conditions, NOON)


def test_a_repetition_is_looked_at_again() -> None:
    world = World()
    world.line.automatic = False
    command = a_command()
    world.send(command)
    world.line.down.clear()
    world.step(0.5)
    world.samples[KEY] = Sample(1.0, at(0.5))
    world.line.automatic = True
    world.line._settle()
    world.step()
    world.step()
    assert world.memory.state(command) is S.CANCELLED
    assert (len(world.line.sent), world.equipment.effects) == (1, [])


# Time.


@pytest.mark.parametrize(("seconds", "end"), [(5.0, S.EXPIRED), (5.1, S.VERIFIED)])
def test_equipment_without_a_clock_gets_nothing_that_may_come_too_late(seconds: float, end: CommandState) -> None:
    world = World(can=Capabilities(expiry=False, round_trip=timedelta(seconds=5)))
    command = replace(a_command(), expires_at=NOON + timedelta(seconds=seconds))
    assert world.send(command) is end
    assert len(world.line.sent) == (end is S.VERIFIED)


def test_nothing_leaves_before_its_time() -> None:
    world = World()
    command = replace(a_command(), not_before=at(2))
    assert world.send(command) is S.QUEUED
    assert world.step(1.9).sent == 0
    assert world.step(0.1).sent == 1


# After a start.

AUTOMATIC = st.sampled_from([level for level in Level if 8 <= level <= 15])


@given(level=st.sampled_from(Level), urgent=st.booleans(), settle=st.sampled_from([0, 60]))
def test_only_levels_8_to_15_wait_after_a_start(level: Level, urgent: bool, settle: int) -> None:
    world = World(settle=timedelta(seconds=settle))
    waits = 8 <= level <= 15 and not urgent and settle > 0
    assert world.send(replace(a_command(), level=level, urgent=urgent)) is (S.QUEUED if waits else S.VERIFIED)


@pytest.mark.parametrize(
    ("read_at", "sent_at"),
    [(None, 15.0), (-1.0, 15.0), (0.5, 1.0), (1.0, 1.0), (4.0, 4.0)],
    ids=["silent", "before the start", "while it settles", "as it has", "later"],
)
def test_after_a_start_a_point_waits_for_its_reading_and_for_the_settling(
    read_at: float | None, sent_at: float
) -> None:
    """Whichever is later; a point that stays silent for as long as a reading is good waits no more."""
    world = World(settle=timedelta(minutes=1))
    world.memory.enqueue(replace(a_command(), level=Level.RULE))
    found: list[float] = []
    for sixths in range(120):
        minute = sixths / 6
        if read_at is not None and minute >= read_at:
            world.samples[SHOWN] = Sample(1.0, at(read_at))
        world.clock.instant = at(minute)
        found += [minute] if world.step().sent else []
    assert found == [pytest.approx(sent_at, abs=0.17)]


def test_points_that_wait_do_not_stand_in_the_way_of_others() -> None:
    silent = [
        replace(a_point(f"L-{n}/illuminanceLevel"), meter=Meter(replace(SHOWN, asset=f"L-{n}"))) for n in range(9)
    ]
    blind = a_point("L-9/illuminanceLevel")
    world = World(points=[*silent, blind], settle=timedelta(minutes=1), batch=3)
    commands = [replace(a_command(point=point.id), level=Level.RULE) for point in (*silent, blind)]
    world.memory.enqueue(*commands)
    world.step(1)
    for _ in range(4):
        world.step()
    assert [command.point for command in world.line.sent] == [blind.id], "nothing is read of it"


# Room.


def test_urgent_ones_go_first_and_are_paced_too() -> None:
    points = [a_point(f"L-{n}/illuminanceLevel") for n in range(6)]
    world = World(points=points, rate_per_gateway=2.0)
    commands = [replace(a_command(point=point.id), urgent=n >= 3) for n, point in enumerate(points)]
    world.memory.enqueue(*commands)
    order = []
    for _ in range(4):
        world.step(1 / 60)
        order.append(sorted(command.point[2] for command in world.line.sent))
        world.line.sent.clear()
    assert order == [["3", "4"], ["0", "5"], ["1", "2"], []]


def test_a_domain_has_its_own_rate_over_all_its_gateways() -> None:
    points = [
        replace(a_point(f"{domain}-{n}/x", f"G-{domain}-{n}"), domain=domain) for domain in "ab" for n in range(5)
    ]
    world = World(points=points, rate_per_domain=2.0)
    world.memory.enqueue(*(a_command(point=point.id, gateway=point.gateway) for point in points))
    sent = []
    for _ in range(4):
        world.step(1 / 60)
        sent.append([sum(command.point[0] == domain for command in world.line.sent) for domain in "ab"])
    assert sent == [[2, 2], [4, 4], [5, 5], [5, 5]]


def test_after_an_absence_the_backlog_goes_at_the_same_pace_and_the_stale_not_at_all() -> None:
    points = [a_point(f"L-{n}/illuminanceLevel") for n in range(40)]
    world = World(points=points, rate_per_gateway=2.0)
    commands = [replace(a_command(point=point.id), expires_at=at(5 if n % 2 else 30)) for n, point in enumerate(points)]
    world.memory.enqueue(*commands)
    world.clock.forward(10)
    for second in range(1, 31):
        world.step(1 / 60)
        assert len(world.line.sent) <= 2 * (second + 1)
    ends = [world.memory.state(command) for command in commands]
    assert ends == [S.VERIFIED, S.EXPIRED] * 20
    assert {command.point for command in world.line.sent} == {command.point for command in commands[::2]}


@given(
    asked=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), min_size=1, max_size=80),
    rates=st.tuples(st.integers(1, 5), st.integers(1, 9)),
)
def test_no_gateway_and_no_domain_gets_more_than_its_rate(asked: list[tuple[int, str]], rates: tuple[int, int]) -> None:
    """In any stretch of time at most one second's worth and what the time gives."""
    points = {f"{n}{domain}/x": replace(a_point(f"{n}{domain}/x", f"G-{n}"), domain=domain) for n, domain in asked}
    pace = Pace(*map(float, rates), points)
    taken: list[tuple[int, str]] = []
    for second in range(4):
        now = NOON + timedelta(seconds=second)
        taken += [
            (n, domain) for n, domain in asked if pace.take(a_command(point=f"{n}{domain}/x", gateway=f"G-{n}"), now)
        ]
        for n in range(6):
            assert sum(who == n for who, _ in taken) <= rates[0] * (second + 1)
        for domain in "abc":
            assert sum(which == domain for _, which in taken) <= rates[1] * (second + 1)


@given(count=st.integers(1, 3 * CROWD), seconds=st.floats(0, 3_000), urgent=st.booleans())
def test_many_switches_of_one_gateway_are_spread(count: int, seconds: float, urgent: bool) -> None:
    commands = [replace(a_command(point=f"L-{n}/x"), urgent=urgent) for n in range(count)]
    jitter = timedelta(seconds=seconds)
    later = spread(commands, jitter)
    assert later == spread(commands, jitter), "the same every time"
    if count < CROWD or urgent:
        assert later == commands
        return
    waits = [(command.not_before or NOON) - NOON for command in later]
    assert [replace(command, not_before=None) for command in later] == commands
    assert all(timedelta(0) <= wait <= min(jitter, 30 * MINUTE / 4) for wait in waits)
    if seconds > 1:
        assert len(set(waits)) > count / 2
