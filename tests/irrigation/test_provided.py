"""The flow that a plan provides for in each network: what it draws at most, a little before and after each instant."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import noon
from jobs.irrigation.body import Opening, body, open_body, with_plan
from jobs.irrigation.fallback import threshold
from jobs.irrigation.provided import PROPERTY, SLACK, provided
from jobs.irrigation.task import Behind, Done, IrrigationTask
from optimizers.irrigation import IrrigationPlan, solve
from tests.irrigation.ground import DAY, DAYS, EVENING, task_of, valve, zones_of

START, UNTIL = noon(DAY), noon(DAY + timedelta(days=1))
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FLOW_M3_H = {"a": 3.0, "b": 5.0, "c": 2.0}
NETWORK = {"a": "N", "b": "N", "c": "M"}


def asked(rain_mm: float = 0.0) -> IrrigationTask:
    zones = zones_of(*(valve(name, NETWORK[name], flow_m3_h=flow) for name, flow in FLOW_M3_H.items()))
    return task_of(zones, 0.7, rain_mm=[[rain_mm] * DAYS])


@cache
def rained() -> tuple[IrrigationTask, IrrigationPlan]:
    task = asked(rain_mm=80.0)
    return task, solve(task.problem)


def wet(*done: Done) -> bytes:
    """The body of a night that waters no more than what was done."""
    task, plan = rained()
    return body(replace(task, behind=Behind(START, UNTIL, EVENING, done=done)), plan)


def at_s(block: bytes, seconds: float) -> dict[str, float]:
    return {network: most for (network, _), most in provided(block, START + seconds * SECOND).items()}


def drawn(openings: Sequence[Opening], network: str, at: datetime) -> float:
    """By the openings that people read."""
    return sum(FLOW_M3_H[name] for name, start, end in openings if NETWORK[name] == network and start <= at < end)


def test_valves_that_run_together_are_added_up_and_one_after_another_are_not() -> None:
    block = wet(("a", 3600, 7200), ("b", 5400, 7200), ("a", 7200, 9000), ("c", 3600, 7200))
    assert at_s(block, 4000) == {"M": 2.0, "N": 3.0}
    assert at_s(block, 6000) == {"M": 2.0, "N": 8.0}
    assert at_s(block, 8000) == {"M": 0.0, "N": 3.0}


def test_an_opening_counts_from_five_minutes_before_it_until_five_minutes_after() -> None:
    block = wet(("a", 3600, 7200))
    assert [at_s(block, t)["N"] for t in (3299, 3300, 7499, 7500)] == [0.0, 3.0, 3.0, 0.0]


def test_a_network_that_is_not_watered_may_draw_nothing_and_outside_its_night_a_plan_says_nothing() -> None:
    block = wet()
    assert provided(block, START) == {("M", PROPERTY): 0.0, ("N", PROPERTY): 0.0}
    assert provided(block, UNTIL - SECOND) == provided(block, START)
    assert provided(block, UNTIL) == provided(block, START - SECOND) == {}


def test_water_of_a_valve_that_the_plan_does_not_know_is_not_counted() -> None:
    assert at_s(wet(("gone", 3600, 7200)), 4000) == {"M": 0.0, "N": 0.0}


@pytest.mark.parametrize("how", ["solved", "threshold", "another plan in the body"])
def test_every_kind_of_plan_provides_for_what_it_opens(how: str) -> None:
    task = asked()
    plan = threshold(task) if how == "threshold" else solve(task.problem)
    block = body(task, plan) if how != "another plan in the body" else with_plan(body(task, threshold(task)), plan)
    openings = open_body(block).openings
    assert openings
    for _, start, end in openings:
        for at in (start, start + (end - start) / 2, end - SECOND):
            for network in ("M", "N"):
                assert provided(block, at)[network, PROPERTY] >= drawn(openings, network, at)
    first = min(start for _, start, _ in openings)
    assert set(provided(block, first - SLACK - SECOND).values()) == {0.0}


_SPAN = st.tuples(st.sampled_from("abc"), st.integers(0, 600), st.integers(1, 300))


@given(spans=st.lists(_SPAN, max_size=8), minute=st.integers(0, 900))
def test_it_is_the_most_that_is_drawn_within_five_minutes(spans: list[tuple[str, int, int]], minute: int) -> None:
    block = wet(*((name, 60 * start, 60 * (start + long)) for name, start, long in spans))
    at = START + minute * 60 * SECOND
    around = [at + k * 60 * SECOND for k in range(-5, 6)]
    # Until just before a valve closes it draws.
    moments = [moment for one in around for moment in (one, one - SECOND) if at - SLACK <= moment <= at + SLACK]
    openings = open_body(block).openings
    for network in ("M", "N"):
        most = max(drawn(openings, network, moment) for moment in moments)
        assert provided(block, at)[network, PROPERTY] == pytest.approx(most)
