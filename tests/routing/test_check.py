"""The judge of rounds names each word that a plan breaks and nothing else, and lets a good plan pass."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.result import Status
from optimizers.routing import RoutingPlan, RoutingProblem, check
from optimizers.routing.check import BASICS, OF_PLANS, OF_ROUTES
from optimizers.routing.check.rounds import Known, rounds
from tests.routing.planted import FIRST, PLAN, PLANTED, PROBLEM, Planted


def named(problem: RoutingProblem, plan: RoutingPlan) -> list[tuple[str, str]]:
    return [(violation.constraint, violation.object) for violation in check(problem, plan)]


def test_a_good_plan_passes() -> None:
    assert named(PROBLEM, PLAN) == []
    assert named(PROBLEM, replace(PLAN, status=Status.OPTIMAL, bound=PLAN.objective)) == []


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.what for planted in PLANTED])
def test_what_is_planted_is_found_and_nothing_else(planted: Planted) -> None:
    found = check(planted.problem, planted.plan)
    assert {(one.constraint, one.object) for one in found} == {
        (planted.constraint, planted.object),
        *planted.beside,
    }
    (told,) = (one for one in found if one.constraint == planted.constraint)
    assert told.amount == pytest.approx(planted.amount)


def test_the_real_clock_of_the_good_plan() -> None:
    """By hand: A at 6:45, a wait for B to open, ten minutes of queue, lunch, and no queue after half past eight."""
    told = [(visit.of, visit.arrive_s, visit.begin_s, visit.end_s) for visit in FIRST.visits]
    assert told == [
        ("", 24000, 24000, 24000),
        ("A", 24300, 24300, 24420),
        ("B", 24620, 25200, 25380),
        ("tip", 25680, 26280, 26580),
        ("C", 27180, 27180, 27300),
        ("E", 27600, 27600, 27720),
        ("", 27720, 27720, 29520),
        ("tip", 30220, 30220, 30520),
        ("", 31120, 31120, 31120),
    ]


def test_several_broken_words_are_all_named() -> None:
    late = replace(FIRST, distance_m=0.0)
    wrong = replace(PLAN, routes=(late, *PLAN.routes[1:]), unserved=PLAN.unserved[:1], objective=-1.0, bound=-2.0)
    assert named(PROBLEM, wrong) == [("distance", "T1"), ("forgotten", "K"), ("objective", "plan")]


def test_every_constraint_has_been_broken() -> None:
    judged = [
        (Known.of(one.problem), one.plan)
        for one in PLANTED
        if not any(list(basic(Known.of(one.problem), one.plan)) for basic in BASICS)
    ]
    for basic in BASICS:
        assert any(list(basic(Known.of(one.problem), one.plan)) for one in PLANTED), basic
    for of_route in OF_ROUTES:
        assert any(list(of_route(round_)) for known, plan in judged for round_ in rounds(known, plan)), of_route
    for of_plan in OF_PLANS:
        assert any(list(of_plan(known, plan)) for known, plan in judged), of_plan


@settings(max_examples=200)
@given(
    st.integers(0, 2),
    st.integers(0, 20),
    st.sampled_from(["arrive_s", "begin_s", "end_s"]),
    st.floats(0.001, 5000),
    st.booleans(),
)
def test_an_instant_told_otherwise_at_random_is_found(route: int, i: int, name: str, by_s: float, later: bool) -> None:
    told = PLAN.routes[route]
    visits = list(told.visits)
    i %= len(visits) - 1  # a vehicle may stand at its end
    visits[i] = replace(visits[i], **{name: getattr(visits[i], name) + (by_s if later else -by_s)})
    routes = [*PLAN.routes]
    routes[route] = replace(told, visits=tuple(visits))
    assert check(PROBLEM, replace(PLAN, routes=tuple(routes)))


def test_what_a_solve_found_no_time_for_is_no_lie() -> None:
    (cheap,) = (one for one in PLANTED if one.what == "too dear, and below its prize")
    assert check(cheap.problem, replace(cheap.plan, reproducible=False)) == []
    (room,) = (one for one in PLANTED if one.what == "no room beside a lorry at home")
    assert named(room.problem, replace(room.plan, reproducible=False)) == [("required", "A")]
    (false,) = (one for one in PLANTED if one.what == "unreachable, and it is not")
    assert named(false.problem, replace(false.plan, reproducible=False)) == [("reason", "K")]
