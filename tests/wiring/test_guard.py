"""The guard: a plan that asks what may not be asked is refused whole; what orders bound is counted."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import noon
from engine.model import Envelope, Level, Program, Slot
from engine.setpoints.orders import Order
from engine.setpoints.points import PointInfo
from jobs.planning import guard

NOON = noon(date(2026, 11, 16))
SPAN = (NOON, NOON + timedelta(days=1))
HOUR = timedelta(hours=1)
ENVELOPE = Envelope(0.0, 1.0, None, timedelta(0), timedelta(0), 1.0, HOUR, 0.01, HOUR)
POINTS = {f"L-{i}/level": PointInfo(f"L-{i}/level", "gw", ENVELOPE, domain="lighting") for i in range(3)}
POINTS["V-1/valve"] = PointInfo("V-1/valve", "gw", ENVELOPE, domain="irrigation")


def slot(i: int, *steps: tuple[float, float], **changes: Any) -> Slot:
    """Steps of (hours after noon, value); 0 by day and 0.5 by night without any."""
    told = steps or ((0, 0.0), (6, 0.5), (20, 0.0))
    program = Program(tuple((NOON + hours * HOUR, value) for hours, value in told), SPAN[1])
    return replace(
        Slot(f"L-{i}/level", Level.DAY_AHEAD_PLAN, "plan:lighting", program, NOON, "", "a test's"), **changes
    )


GOOD = [slot(i) for i in range(3)]


def test_a_plan_as_it_should_be_passes() -> None:
    assert guard(GOOD, POINTS, SPAN, "lighting").problems == ()


MUTATIONS: dict[str, tuple[Callable[[Slot], list[Slot]], str]] = {
    "nothing": (lambda _: [], "asks nothing"),
    "twice": (lambda one: [one, one], "2 slots, wants one"),
    "another domain's point": (lambda one: [replace(one, point="V-1/valve")], "a point of irrigation"),
    "an operator's level": (lambda one: [replace(one, level=Level.OPERATOR)], "level 8"),
    "the safe default's level": (lambda one: [replace(one, level=Level.SAFE_DEFAULT)], "level 16"),
    "somebody else's name": (lambda one: [replace(one, source="plan:water")], "'plan:water'"),
    "yesterday": (
        lambda one: [replace(one, program=Program.constant(0.5, NOON - 24 * HOUR, NOON))],
        "2026-11-15T11:00:00Z to 2026-11-16T11:00:00Z, wants",
    ),
    "an hour short": (lambda one: [replace(one, program=one.program.clip(NOON, SPAN[1] - HOUR))], "wants 2026"),
    "not a number": (lambda _: [slot(0, (0, math.nan))], "not a finite number"),
    "without end": (lambda _: [slot(0, (0, 0.0), (3, math.inf))], "not a finite number"),
    "below zero": (lambda _: [slot(0, (0, 0.0), (3, -0.01))], "below the minimum"),
    "in percent": (lambda _: [slot(0, (0, 0.0), (3, 50.0))], "above the maximum"),
}


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_each_mutation_of_a_plan_is_refused_and_named(name: str) -> None:
    change, told = MUTATIONS[name]
    slots = change(GOOD[0]) if name == "nothing" else [*change(GOOD[0]), *GOOD[1:]]
    assert told in str(guard(slots, POINTS, SPAN, "lighting"))


@given(
    value=st.floats(allow_nan=True, allow_infinity=True), hours=st.integers(1, 23), which=st.integers(0, 2)
)  # fmt: skip
def test_a_value_is_refused_exactly_where_its_point_can_never_take_it(value: float, hours: int, which: int) -> None:
    slots = [slot(i, (0, 0.0), (hours, value)) if i == which else slot(i) for i in range(3)]
    problems = guard(slots, POINTS, SPAN, "lighting").problems
    assert bool(problems) == (not 0 <= value <= 1)
    assert all(problem.startswith(f"L-{which}/level: ") for problem in problems)


def test_a_point_that_no_gateway_reaches_is_passed_over() -> None:
    assert guard([*GOOD, slot(9)], POINTS, SPAN, "lighting").problems == ()


CUT = Order("cut", "night switch-off", at_most=0.0, hours=(time(23, 30), time(5, 30)))
BRIGHT = Order("bright", "a market", at_least=0.4, hours=(time(19), time(22)))


def bound(*orders: Order) -> dict[str, PointInfo]:
    return POINTS | {name: replace(POINTS[name], orders=orders) for name in ("L-0/level", "L-1/level")}


def test_orders_refuse_no_plan_and_are_told() -> None:
    """They bound each point as it is settled, and would bound a fall-back too."""
    found = guard(GOOD, bound(CUT, BRIGHT), SPAN, "lighting")
    assert (found.problems, found.orders) == ((), {"cut": ("L-0/level", "L-1/level")})
    dark = [slot(i, (0, 0.0), (6, 0.3), (11, 0.0)) for i in range(3)]
    assert guard(dark, bound(CUT, BRIGHT), SPAN, "lighting").orders == {"bright": ("L-0/level", "L-1/level")}


def test_an_order_that_leaves_a_point_what_is_asked_of_it_bounds_nothing() -> None:
    lit = [slot(i, (0, 0.0), (6, 0.3)) for i in range(3)]
    assert guard(lit, bound(replace(CUT, keeps=0.3)), SPAN, "lighting").orders == {}
    assert guard(lit, bound(replace(CUT, keeps=0.29)), SPAN, "lighting").orders == {"cut": ("L-0/level", "L-1/level")}


def test_a_plan_that_was_made_before_is_refused_for_an_order_that_has_come_since() -> None:
    assert guard(GOOD, bound(CUT), SPAN, "lighting", {"cut"}).problems == ()
    found = guard(GOOD, bound(CUT, BRIGHT), SPAN, "lighting", {})
    assert found.problems == ("order cut bounds 2 of its points and has come since",)


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 10, 24)])
@pytest.mark.parametrize("inside", [True, False])
def test_an_order_on_a_night_the_clocks_change(day: date, inside: bool) -> None:
    """From 2 to 3 by the clock: skipped in March, an hour twice in October."""
    order = Order("hour", "quiet", at_most=0.0, hours=(time(2), time(3)))
    start, until = noon(day), noon(day + timedelta(days=1))
    one_o_clock = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)  # in UTC: 1 or 2 in Paris
    lit = one_o_clock if inside else one_o_clock + 3 * HOUR
    program = Program(((start, 0.0), (lit, 0.5), (lit + 2 * HOUR, 0.0)), until)
    points = {"L-0/level": replace(POINTS["L-0/level"], orders=(order,))}
    found = guard([replace(GOOD[0], program=program)], points, (start, until), "lighting")
    skipped = day.month == 3
    assert found.orders == ({"hour": ("L-0/level",)} if inside and not skipped else {})
