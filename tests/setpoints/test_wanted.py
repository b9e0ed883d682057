"""Lock-outs, holds, orders, interlocks and the dead man, between the array and the envelope."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Command, CommandState, Hold, Level, Program, Scope, Slot
from engine.setpoints.arbitration import resolve
from engine.setpoints.conditions import Conditions
from engine.setpoints.events import Event
from engine.setpoints.gate import obstacle
from engine.setpoints.orders import Order
from engine.setpoints.outbox import Settled, settle
from engine.setpoints.points import Interlock, Lockout, PointInfo, Sample, Watch
from engine.setpoints.wanted import want
from tests.setpoints.fakes import MINUTE, a_point, a_slot, at

HOUR = timedelta(hours=1)
MODE = Watch("C-1", "workingMode", HOUR)
WATER = Watch("P-1", "suctionLevel", 10 * HOUR)
POINT = replace(
    a_point(held_for=HOUR),
    domain="lighting",
    lockout=Lockout(MODE, 2.0),
    interlocks=(Interlock("suction", WATER, 0.0, "the pump needs water", at_least=0.3),),
)
FINE = Conditions({MODE: Sample(0.0, at(0)), WATER: Sample(1.0, at(0))})
END = 300
PLAN = a_slot(0.5, level=Level.DAY_AHEAD_PLAN, source="plan", until=END)


def locked(conditions: Conditions = FINE) -> Conditions:
    return replace(conditions, samples={**conditions.samples, MODE: Sample(2.0, at(0))})


def held(until: float = 120) -> Conditions:
    return replace(FINE, holds=(Hold(Scope.ZONE, "Z-1", at(0), at(until), "market", "person:ana"),))


def settled(
    array: list[Slot], conditions: Conditions = FINE, newest: Command | None = None, now: float = 0, **point: Any
) -> Settled:
    return settle(replace(POINT, **point), array, newest, at(now), at(END), conditions)


def program(*steps: tuple[float, float], until: float = END) -> Program:
    return Program(tuple((at(minute), value) for minute, value in steps), at(until))


def sent(array: list[Slot], conditions: Conditions = FINE, **more: Any) -> Command:
    command = settled(array, conditions, **more).command
    assert command is not None
    return command


@st.composite
def arrays(draw: st.DrawFn) -> list[Slot]:
    slots = []
    for source in draw(st.sets(st.sampled_from("abcde"))):
        start = draw(st.integers(-10, END - 1))
        level = draw(st.sampled_from([n for n in Level if n.name[:8] != "RESERVED"]))
        until = draw(st.integers(start + 1, END + 20))
        slots.append(
            a_slot(draw(st.sampled_from([0.0, 0.3, 1.0])), level=level, source=source, start=start, until=until)
        )
    return slots


# Lock-outs


@given(arrays(), st.integers(0, END - 1))
def test_nothing_is_sent_to_a_locked_out_point(array: list[Slot], now: int) -> None:
    found = settled(array, locked(), now=now)
    assert found.command is None
    assert found.blocked == "locked out in the field"
    assert found.resolution == resolve(array, at(now), at(END), POINT.envelope.safe), "what is wanted still shows"


def test_releasing_a_lock_out_restores_what_is_wanted() -> None:
    assert sent([PLAN]).program == program((0, 0.5))


# Holds


@given(arrays(), st.integers(0, 119))
def test_a_hold_stops_levels_10_to_15_and_nothing_else(array: list[Slot], now: int) -> None:
    found = settled(array, held(), now=now)
    upper = [slot for slot in array if slot.level <= Level.FIELD_AGENT]
    winner = resolve(upper, at(now), at(END), 1).pieces[0].winner
    if winner is None:
        assert found.command is None
        assert found.blocked == "held until 2026-11-22T13:00:00Z: market"
    elif found.command is not None:
        assert found.command.level is winner.level
        assert found.command.program.until <= at(now) + HOUR


def test_under_a_hold_an_override_ends_in_the_local_program() -> None:
    operator = a_slot(0.8, level=Level.OPERATOR, source="person:ana", until=30)
    assert sent([PLAN, operator], held()).program == program((0, 0.8), until=30)


@pytest.mark.parametrize("programs", [True, False])
def test_what_a_held_valve_goes_on_with_obeys_an_order_that_has_come(programs: bool) -> None:
    shut = Order("d", "no watering", at_most=0.0, start=date(2026, 1, 1), until=date(2027, 1, 1))
    valve = replace(a_point(safe=0.0), programs=programs)
    plan = a_slot(1.0, until=30)
    first = settle(valve, [plan], None, at(0), at(END)).command
    assert first is not None
    opened = replace(first, state=CommandState.VERIFIED)
    assert settle(valve, [plan], opened, at(5), at(END), held()).command is None
    found = settle(replace(valve, orders=(shut,)), [plan], opened, at(5), at(END), held()).command
    assert found is not None
    assert (found.program.at(at(5)), found.level) == (0.0, Level.SAFE_DEFAULT)


def test_a_held_valve_that_holds_one_value_is_closed_when_its_program_ends() -> None:
    valve = replace(a_point(safe=0.0), programs=False)
    first = settle(valve, [a_slot(1.0, until=30)], None, at(0), at(END)).command
    assert first is not None
    opened = replace(first, state=CommandState.VERIFIED)
    assert settle(valve, [], opened, at(5), at(END), held()).renew_at == at(30)
    found = settle(valve, [], opened, at(30), at(END), held()).command
    assert found is not None
    assert found.program.at(at(30)) == 0.0


def test_after_its_end_a_hold_stops_nothing() -> None:
    assert sent([PLAN], held(), now=120).program == program((120, 0.5))


# The dead man


def test_an_override_is_followed_without_us_for_so_long_and_renewed_each_third() -> None:
    boost = a_slot(1.0, level=Level.RULE, until=200)
    first = sent([PLAN, boost])
    assert first.program == program((0, 1.0), (60, 0.5))
    assert first.renew_at == at(20)
    for minute in (1, 19.9):
        assert settled([PLAN, boost], newest=first, now=minute).command is None
    second = sent([PLAN, boost], newest=first, now=20)
    assert second.program == program((20, 1.0), (80, 0.5))
    assert second.renew_at == at(40)
    last = sent([PLAN, boost], newest=second, now=150)
    assert last.program == program((150, 1.0), (200, 0.5))
    assert last.renew_at is None


def test_a_plan_needs_no_renewal() -> None:
    assert sent([PLAN]).renew_at is None


@given(arrays(), st.integers(0, END - 1))
def test_without_us_no_override_outlasts_its_time(array: list[Slot], now: int) -> None:
    asked = want(replace(POINT, interlocks=()), array, at(now), at(END), FINE)
    late = [piece for piece in asked.pieces if piece.start_at >= at(now) + HOUR]
    assert all(piece.winner is None or piece.winner.level >= Level.OPTIMISER for piece in late)
    soon = [piece for piece in asked.pieces if piece.start_at < at(now) + HOUR]
    assert all(piece.winner == asked.resolution.at(piece.start_at).winner for piece in soon)


# Equipment that holds one value


def test_a_lone_value_is_told_step_by_step() -> None:
    steps = replace(PLAN, program=program((0, 0.5), (90, 0.2)))
    first = sent([steps], programs=False)
    assert first.program == program((0, 0.5), until=90)
    assert (first.renew_at, first.expires_at) == (at(90), at(30))
    second = sent([steps], newest=first, now=90, programs=False)
    assert second.program == program((90, 0.2))
    assert settled([steps], newest=second, now=120, programs=False).command is None


def test_a_lone_value_lives_no_longer_than_until_the_next() -> None:
    steps = replace(PLAN, program=program((0, 0.5), (10, 0.2)))
    assert sent([steps], programs=False).expires_at == at(10)


def test_a_lone_value_stays_when_the_plan_that_wanted_it_ends() -> None:
    first = sent([PLAN], programs=False)
    again = settle(replace(POINT, programs=False), [], first, at(END), at(END + 60), FINE)
    assert again.command is not None, "it does not fall back to its safe value by itself"
    assert again.command.program == program((END, 1.0), until=END + 60)


# Orders


def order(**changes: Any) -> Order:
    return replace(Order("cut", "the night switch-off", at_most=0.2), **changes)


def test_an_order_bounds_levels_8_to_16_with_its_text() -> None:
    found = settled([PLAN], orders=(order(),))
    assert found.command is not None
    assert found.command.program == program((0, 0.2))
    (change,) = found.verdict.changes
    assert (change.clause, change.found, change.asked) == ("order:cut", 0.5, 0.2)
    assert "bounded by the night switch-off: 0.2 is asked" in change.text


@pytest.mark.parametrize("level", list(Level))
def test_life_safety_and_protection_do_not_obey_orders(level: Level) -> None:
    value = sent([a_slot(0.5, level=level, until=30)], orders=(order(),)).program.at(at(0))
    assert value == (0.5 if level < Level.OPERATOR else 0.2)


def test_an_order_of_some_hours_cuts_the_plan() -> None:
    evening = order(hours=(time(14), time(15, 30)))  # 13:00 to 14:30 UTC
    assert sent([PLAN], orders=(evening,)).program == program((0, 0.5), (120, 0.2), (210, 0.5))


def test_where_a_floor_and_a_ceiling_contradict_the_floor_holds_and_both_are_named() -> None:
    floor = replace(order(), id="floor", at_least=0.4, at_most=1.0)
    for orders in ((floor, order()), (order(), floor)):
        found = settled([PLAN], orders=orders)
        assert found.command is not None
        assert found.command.program == program((0, 0.4))
        assert [change.clause for change in found.verdict.changes] == ["order:cut", "order:floor"]


def test_while_an_event_lifts_an_order_it_does_not_bind() -> None:
    fair = Event("fair", "a fair", "une foire", lifts=frozenset({"cut"}), hours=(time(14), time(15)))  # 13:00 UTC
    assert sent([PLAN], orders=(order(lifted=(fair,)),)).program == program((0, 0.2), (120, 0.5), (180, 0.2))


@given(arrays(), st.integers(0, END - 1), st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([0.1, 0.4, 0.69]))
def test_an_order_never_takes_from_a_point_what_it_leaves_it(
    array: list[Slot], now: int, most: float, keeps: float
) -> None:
    """Whoever wants it, and where nobody does: it is lit as far as it was wanted, up to what is kept."""
    cut = order(at_most=most, keeps=keeps)
    bare = want(replace(POINT, interlocks=()), array, at(now), at(END), FINE)
    bound = want(replace(POINT, interlocks=(), orders=(cut,)), array, at(now), at(END), FINE)
    assert bare.program is not None
    assert bound.program is not None
    for minute in range(now, END, 7):
        free, held_to = bare.program.at(at(minute)), bound.program.at(at(minute))
        assert free is not None
        assert held_to is not None
        assert min(free, keeps) <= held_to <= free


# Interlocks


def test_a_broken_interlock_has_its_way_over_every_level() -> None:
    dry = replace(FINE, samples={**FINE.samples, WATER: Sample(0.1, at(0))})
    for level in (Level.LIFE_SAFETY_MANUAL, Level.OPERATOR, Level.DAY_AHEAD_PLAN):
        found = settled([a_slot(0.7, level=level, until=30)], dry)
        assert found.command is not None
        assert {value for _, value in found.command.program.steps} == {0.0}
        assert found.verdict.changes[0].clause == "interlock:suction"
        assert "the pump needs water" in found.verdict.reasons[0]


def test_an_interlock_of_which_nothing_is_known_is_broken() -> None:
    assert sent([PLAN], replace(FINE, samples={})).program == program((0, 0.0))


@given(arrays(), st.integers(0, END - 1))
def test_what_an_interlock_forces_waits_for_nothing_and_may_be_sent(array: list[Slot], now: int) -> None:
    full = Interlock("full", WATER, 1.0, "another, which asks the opposite", at_least=0.2)
    slow = replace(POINT.envelope, largest_step=0.1, shortest_on=9 * MINUTE, shortest_off=9 * MINUTE)
    pump = replace(POINT, envelope=slow, interlocks=(*POINT.interlocks, full))
    on = settle(pump, [a_slot(1.0, start=now - 1, until=END)], None, at(now - 1), at(END), FINE).command
    dry = replace(FINE, samples={**FINE.samples, WATER: Sample(0.1, at(now))})
    off = settle(pump, array, on, at(now), at(END), dry).command
    assert off is not None
    assert off.program == program((now, 0.0))
    assert off.urgent
    assert obstacle(off, pump, dry, at(now)) == ""


# All together


@given(arrays(), st.integers(0, END - 1), st.booleans(), st.booleans(), st.booleans())
def test_levels_1_to_5_obey_bounds_and_interlocks_only(
    array: list[Slot], now: int, order_holds: bool, is_held: bool, slow: bool
) -> None:
    point = replace(POINT, orders=(order(),) if order_holds else ())
    envelope = replace(point.envelope, largest_step=0.1, shortest_on=9 * MINUTE) if slow else point.envelope
    found = settle(replace(point, envelope=envelope), array, None, at(now), at(END), held() if is_held else FINE)
    winner = found.resolution.pieces[0].winner
    if winner is not None and winner.level <= Level.PROTECTION and found.command is not None:
        assert found.command.program.at(at(now)) == winner.program.at(at(now))
        assert found.command.urgent


@given(arrays(), st.integers(0, END - 1))
def test_settling_again_sends_nothing_before_a_renewal(array: list[Slot], now: int) -> None:
    command = settled(array, now=now).command
    if command is not None:
        again = settled(array, newest=replace(command, state=CommandState.VERIFIED), now=now)
        assert again.command is None
        assert again.renew_at == command.renew_at


def test_a_restored_database_goes_on_above_every_sequence_of_the_old() -> None:
    newest = sent([PLAN])
    found = settle(POINT, [a_slot(0.1, until=END)], newest, at(1), at(END), FINE, first=7_000_001)
    assert found.command is not None
    assert found.command.seq == 7_000_001


def test_points_without_conditions_are_free() -> None:
    bare: PointInfo = a_point()
    assert settle(bare, [PLAN], None, at(0), at(END)).command is not None
