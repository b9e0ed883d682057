"""Solutions of VRPLIB, out and in again, and judged."""

import pytest

from optimizers.result import Status
from optimizers.routing import check, solve
from optimizers.routing.formats import WrongText, read_plan, read_problem, write_plan
from tests.routing.texts import FEW, KIM, SOLOMON, VRP


def test_a_solution_of_vrplib_comes_back() -> None:
    problem = read_problem(SOLOMON, "solomon")
    plan = solve(problem, FEW)
    text = write_plan(problem, plan, "sol")
    assert text in {"Route #1: 1 2\nCost 114\n", "Route #1: 2 1\nCost 114\n"}
    again = read_plan(problem, text)
    assert check(problem, again) == []
    assert [route.stops for route in again.routes] == [route.stops for route in plan.routes]


def test_a_solution_that_is_late_and_too_heavy_is_read_and_judged() -> None:
    problem = read_problem(SOLOMON.replace("20    2", "6    2"), "solomon", 1)
    late = read_plan(problem, "Route #1: 2 1\nCost 114\n")
    assert [found.constraint for found in check(problem, late)] == ["window"]
    heavy = read_problem(
        SOLOMON.replace("    2         10", "    2         9").replace("2         10", "2  9"), "solomon"
    )
    assert "capacity" in {found.constraint for found in check(heavy, read_plan(heavy, "Route #1: 1 2\nCost 114\n"))}


def test_what_a_solution_leaves_out_is_named() -> None:
    problem = read_problem(VRP, "vrplib")
    plan = read_plan(problem, "Route #1: 1 2\n")
    assert plan.status is Status.BEST_EFFORT
    assert {found.object for found in check(problem, plan) if found.constraint == "required"} == {"4", "5"}
    assert [found.constraint for found in check(problem, plan)].count("objective") == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Route #1: 1 9\n", "line 1: stop 9: there are 2"),
        ("Route #1: 1\nRoute #1: 2\n", "line 2: route 1: wants a number of its own, 1 to 2"),
        ("Route #3: 1\n", "line 1: route 3: wants a number of its own, 1 to 2"),
        ("Route #1: one\nCost much\n", "line 2: Cost is 'much', wants a number"),
    ],
)
def test_a_wrong_solution(text: str, said: str) -> None:
    with pytest.raises(WrongText) as raised:
        read_plan(read_problem(SOLOMON, "solomon"), text)
    assert said in raised.value.problems


def test_unloadings_are_nothing_a_solution_of_vrplib_tells() -> None:
    problem = read_problem(KIM, "kim")
    text = write_plan(problem, solve(problem, FEW), "sol")
    with pytest.raises(WrongText, match="neither unloadings nor rests"):
        read_plan(problem, text)
