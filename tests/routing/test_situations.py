"""The same optimiser for visits under a heat plan and for crews that mend lamps, each from its own problem file."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest

from jobs.collection.working_time import load_working_time
from optimizers.result import Limits
from optimizers.routing import RoutingPlan, RoutingProblem, check, problem_from_json, problem_to_json, solve
from optimizers.routing.forms import ProblemDocument
from optimizers.routing.problem import Act, Stop, Visit
from optimizers.routing.reading import problem_of
from optimizers.routing.situations import heat_plan, maintenance

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "datasets" / "sample" / "routing"
MADE: dict[str, Callable[[int], ProblemDocument]] = {"heat_plan": heat_plan, "maintenance": maintenance}
HOUR_S, DAY_S = 3600.0, 86_400.0
Solved = tuple[RoutingProblem, RoutingPlan]


def _solved(name: str) -> Solved:
    problem = problem_from_json((SAMPLES / f"{name}.json").read_bytes())
    return problem, solve(problem, Limits(work=60))


@pytest.fixture(scope="module")
def visits() -> Solved:
    return _solved("heat_plan")


@pytest.fixture(scope="module")
def repairs() -> Solved:
    return _solved("maintenance")


def served(solved: Solved) -> list[tuple[str, Stop, Visit]]:
    """Every visit of a stop, and by whom."""
    problem, plan = solved
    stops = {stop.id: stop for stop in problem.stops}
    return [
        (route.vehicle, stops[visit.of], visit)
        for route in plan.routes
        for visit in route.visits
        if visit.act is Act.STOP
    ]


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_file_is_what_is_made(name: str) -> None:
    made = problem_of(MADE[name](0))
    assert problem_to_json(problem_from_json((SAMPLES / f"{name}.json").read_bytes())) == problem_to_json(made)
    assert (SAMPLES / f"{name}.json").read_text() == written(MADE[name](0))


def written(document: ProblemDocument) -> str:
    return document.model_dump_json(indent=1, exclude_defaults=True) + "\n"


@pytest.mark.parametrize("name", sorted(MADE))
def test_their_rules_are_those_of_the_table(name: str) -> None:
    table = {rules.id: rules for rules in load_working_time(ROOT / "datasets" / "reference" / "working_time.yaml")}
    assert all(table[rules.id] == rules for rules in problem_of(MADE[name](0)).rules)


def test_a_heat_plan_breaks_nothing_and_says_why_of_everybody_it_leaves_out(visits: Solved) -> None:
    problem, plan = visits
    assert check(problem, plan) == []
    assert {left.stop for left in plan.unserved} | {stop.id for _, stop, _ in served(visits)} == {
        stop.id for stop in problem.stops
    }
    assert all(left.detail for left in plan.unserved)


def test_urgent_people_are_seen_before_the_heat_and_first(visits: Solved) -> None:
    begun = {stop.id: visit.begin_s for _, stop, visit in served(visits)}
    urgent = [name for stop in visits[0].stops if (name := stop.id).startswith("urgent")]
    assert len(urgent) >= 5
    assert all(begun[name] <= 11 * HOUR_S for name in urgent)
    others = [at for name, at in begun.items() if name not in urgent]
    assert mean(begun[name] for name in urgent) < mean(others) - HOUR_S


def test_who_is_poorly_goes_before_who_is_well(visits: Solved) -> None:
    left = [stop.stop.split("-")[0] for stop in visits[1].unserved]
    asked = [stop.id.split("-")[0] for stop in visits[0].stops]
    assert left.count("poorly") / asked.count("poorly") < left.count("well") / asked.count("well")


def test_nurses_promises_and_quarters_are_kept(visits: Solved) -> None:
    nursed = [(vehicle, stop) for vehicle, stop, _ in served(visits) if stop.skills]
    assert nursed
    assert {vehicle for vehicle, _ in nursed} == {"drives-nurse"}
    promised = [(stop, visit) for _, stop, visit in served(visits) if stop.windows]
    assert any(end - start <= 2 * HOUR_S for stop, _ in promised for start, end in stop.windows)
    for stop, visit in promised:
        assert any(start <= visit.begin_s <= end for start, end in stop.windows)
    for vehicle, stop, visit in served(visits):
        if vehicle.startswith("walks"):
            assert (vehicle, visit.end_s <= 14.5 * HOUR_S) == (f"walks-{stop.zone}", True)


def test_everybody_has_lunch(visits: Solved) -> None:
    for route in visits[1].routes:
        if route.visits[-1].end_s > 13 * HOUR_S and route.visits[0].begin_s <= 12 * HOUR_S:
            (lunch,) = (visit for visit in route.visits if visit.act is Act.REST and visit.begin_s >= 12 * HOUR_S)
            assert lunch.begin_s <= 13 * HOUR_S
            assert lunch.end_s - lunch.begin_s >= 45 * 60


def test_crews_break_nothing_and_do_what_is_dangerous_today(repairs: Solved) -> None:
    problem, plan = repairs
    assert check(problem, plan) == []
    urgent = [stop.id for stop in problem.stops if stop.id.startswith("urgent")]
    ends = {stop.id: visit.end_s for _, stop, visit in served(repairs)}
    assert len(urgent) >= 3
    assert all(ends[name] < DAY_S for name in urgent)


def test_both_days_and_the_right_crews_are_used(repairs: Solved) -> None:
    for vehicle, stop, _ in served(repairs):
        if "bucket" in stop.skills:
            assert vehicle.startswith("bucket")
        if "electrician" in stop.skills:
            assert not vehicle.startswith("van-2")
    assert {route.vehicle.split(" ", 1)[1] for route in repairs[1].routes} == {"day 1", "day 2"}


def test_repairs_that_have_waited_long_go_before_others(repairs: Solved) -> None:
    left = {one.stop for one in repairs[1].unserved}
    optional = [stop for stop in repairs[0].stops if not stop.required]
    waiting = [stop.prize for stop in optional if stop.id in left]
    assert waiting
    assert mean(waiting) < mean(stop.prize for stop in optional if stop.id not in left) / 2


def test_lanes_are_closed_when_the_crew_is_there(repairs: Solved) -> None:
    closed = [(stop, visit) for _, stop, visit in served(repairs) if stop.windows and not stop.id.startswith("urgent")]
    assert closed
    for stop, visit in closed:
        ((start, end),) = stop.windows
        assert start <= visit.begin_s <= end
