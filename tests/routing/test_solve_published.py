"""Published instances at little work: the plans are valid on the real clock and near what is best known.

What a minute comes to is measured by `tests/bench`.
"""

from pathlib import Path

import pytest

from optimizers.result import Limits
from optimizers.routing import RoutingPlan, RoutingProblem, check, solve
from optimizers.routing.formats import problem_form, read_problem

MILE_M = 1609.344
pytestmark = pytest.mark.reference


def planned(file: Path, work: int) -> tuple[RoutingProblem, RoutingPlan]:
    text = file.read_text(encoding="utf-8")
    problem = read_problem(text, problem_form(text, file.name))
    plan = solve(problem, Limits(work=work))
    assert not check(problem, plan)
    return problem, plan


@pytest.mark.parametrize(
    ("name", "best_known", "work", "gap"),
    [
        ("vrptw/C101.txt", 8273, 200, 0.0),
        ("vrptw/R101.txt", 16377, 3000, 0.01),
        ("vrptw/RC208.txt", 7761, 3000, 0.02),
        ("cvrp/X-n101-k25.vrp", 27591, 600, 0.03),
    ],
)
def test_near_the_best_known(reference: Path, name: str, best_known: float, work: int, gap: float) -> None:
    _, plan = planned(reference / "vrp" / name, work)
    assert best_known <= plan.objective <= best_known * (1 + gap)
    assert plan.bound <= best_known


def test_kim_102_with_the_paper_s_fleet_and_fewer_miles(reference: Path) -> None:
    problem, plan = planned(reference / "vrp" / "kim2006" / "102_stop.txt", 2500)
    assert len(plan.routes) <= len(problem.vehicles) == 3
    assert sum(route.distance_m for route in plan.routes) / MILE_M <= 152


def test_kim_335_keeps_the_day_s_caps_with_the_paper_s_fleet_and_fewer_miles(reference: Path) -> None:
    problem, plan = planned(reference / "vrp" / "kim2006" / "335_stop.txt", 800)
    assert len(plan.routes) <= len(problem.vehicles) == 6

    assert sum(route.distance_m for route in plan.routes) / MILE_M < 205.0
