"""VROOM's JSON in and out, beside what VROOM itself answers."""

import json
from typing import Any

import pytest

from optimizers.result import InvalidProblem
from optimizers.routing import Coordinates, Rest, Why, check, example, solve
from optimizers.routing.formats import read_plan, read_problem, write_plan
from tests.routing.texts import FEW, VROOM


def vroom(**changes: Any) -> str:
    return json.dumps(VROOM | changes)


def with_job(**changes: Any) -> str:
    return vroom(jobs=[VROOM["jobs"][0], VROOM["jobs"][1] | changes])


def test_vroom_in() -> None:
    problem = read_problem(vroom(), "vroom")
    first, second = problem.vehicles
    assert (first.start, first.end, first.shift, first.skills) == (0, 0, (0.0, 20000.0), ("1",))
    assert (second.start, second.end, second.most_stops, second.rules) == (3, None, 3, "vehicle 2")
    assert problem.rules[0].most_drive_s == 9000.0
    assert problem.matrices.duration_s[second.profile, 3, 0] == 1299 / 2
    assert [stop.service_s for stop in problem.stops] == [360.0, 0.0]
    assert problem.stops[1].windows == ((3600.0, 7200.0), (9000.0, 9900.0))
    assert not any(stop.required for stop in problem.stops)
    assert problem.stops[1].prize == 11 * problem.stops[0].prize
    assert problem.stops[0].prize > 2 * 3153


def test_vroom_out_and_in_again() -> None:
    problem = read_problem(vroom(), "vroom")
    plan = solve(problem, FEW)
    assert check(problem, plan) == []
    told = json.loads(write_plan(problem, plan, "vroom"))
    assert told["code"] == 0
    assert told["summary"]["cost"] == plan.objective  # nothing is left out
    assert told["summary"]["unassigned"] == 0
    assert sum(route["pickup"][0] for route in told["routes"]) == 3
    for route in told["routes"]:
        assert route["steps"][0]["type"] == "start"
        assert route["steps"][-1]["duration"] == route["duration"]
        assert {step["id"] for step in route["steps"] if step["type"] == "job"} <= {14, 15}
    again = read_plan(problem, json.dumps(told))
    assert check(problem, again) == []
    assert [route.stops for route in again.routes] == [route.stops for route in plan.routes]


def test_vroom_delivers_with_a_load_that_shrinks() -> None:
    jobs = [{key: value for key, value in job.items() if key != "pickup"} | {"delivery": [1]} for job in VROOM["jobs"]]
    only = vroom(jobs=jobs, vehicles=VROOM["vehicles"][:1])
    problem = read_problem(only, "vroom")
    text = write_plan(problem, solve(problem, FEW), "vroom")
    (route,) = json.loads(text)["routes"]
    assert [step["load"] for step in route["steps"]] == [[2], [1], [0], [0]]
    assert (route["delivery"], route["pickup"]) == ([2], [0])
    assert check(problem, read_plan(problem, text)) == []


def test_vroom_tells_why_a_job_is_left() -> None:
    problem = read_problem(with_job(pickup=[9]), "vroom")
    told = json.loads(write_plan(problem, solve(problem, FEW), "vroom"))
    assert [(one["id"], one["reason"]) for one in told["unassigned"]] == [(15, Why.CAPACITY)]


def test_vroom_by_coordinates_is_approximate() -> None:
    at = {"start": [-0.55, 47.47], "end": [-0.55, 47.47]}
    text = json.dumps(
        {
            "vehicles": [{"id": 1, **at, "breaks": [{"id": 9, "time_windows": [[0, 5000]], "service": 60}]}],
            "jobs": [{"id": 7, "location": [-0.56, 47.48], "priority": 3}],
        }
    )
    problem = read_problem(text, "vroom")
    assert problem.coordinates is Coordinates.WGS84
    assert problem.matrices.approximate
    assert problem.vehicles[0].rests == (Rest(earliest_s=0.0, latest_s=5000.0, duration_s=60.0),)
    plan = solve(problem, FEW)
    assert check(problem, plan) == []
    told = json.loads(write_plan(problem, plan, "vroom"))
    assert told["routes"][0]["steps"][0]["location"] == [-0.55, 47.47]
    assert check(problem, read_plan(problem, json.dumps(told))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (with_job(location_index=None), "jobs.1 15: there are matrices, wants a location_index"),
        (with_job(location_index=4), "jobs.1 15: location_index is 4, wants an index below 4"),
        (with_job(delivery=[1]), "jobs.1 15: both picks up and delivers"),
        (with_job(pickup=[], delivery=[1]), "jobs: 15 delivers and 14 picks up"),
        (with_job(priority=101), "jobs.1.priority: Input should be less than or equal to 100"),
        (with_job(time_windows=[[5, 3]]), "stop '15': a window from 5 s to 3 s closes before it opens"),
        (with_job(id=14), "stop '14' stands 2 times"),
        (with_job(servise=3), "jobs.1.servise: Extra inputs are not permitted"),
        (vroom(shipments=[{}]), "shipments: there are 1, wants none: only jobs"),
        (vroom(matrices={"car": {"durations": [[0, 1], [1]]}}), "not every row and column has 2 values"),
        (vroom(matrices={"bike": VROOM["matrices"]["car"]}), "no matrices of profile 'car', there is bike"),
        (vroom(vehicles=[]), "there are no vehicles"),
        (vroom(vehicles=[{"id": 1}]), "vehicles.0 1: there are matrices, wants a start_index"),
    ],
)
def test_wrong_vroom(text: str, said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        read_problem(text, "vroom")
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_a_plan_of_ours_in_vrooms_form_keeps_unloadings() -> None:
    problem = example(0)
    plan = solve(problem, FEW)
    again = read_plan(problem, write_plan(problem, plan, "vroom"))
    assert check(problem, again) == []


def test_what_vroom_itself_answers_is_read_and_judged() -> None:
    """pyvroom 1.15.2 on the file below: what it leaves out without a reason has ours, and nothing is violated."""
    jobs = [*VROOM["jobs"], {"id": 16, "location_index": 3, "pickup": [5]}]
    problem = read_problem(vroom(jobs=jobs, vehicles=VROOM["vehicles"][:1]), "vroom")
    steps = [
        {"type": "start", "location_index": 0, "load": [0], "arrival": 0, "duration": 0},
        {"type": "job", "id": 14, "setup": 60, "service": 300, "load": [1], "arrival": 2104, "duration": 2104},
        {"type": "job", "id": 15, "service": 0, "load": [3], "arrival": 4719, "duration": 4359},
        {"type": "end", "location_index": 0, "load": [3], "arrival": 4916, "duration": 4556},
    ]
    answer = {
        "code": 0,
        "summary": {"cost": 4556},
        "unassigned": [{"id": 16}],
        "routes": [{"vehicle": 1, "steps": steps}],
    }
    plan = read_plan(problem, json.dumps(answer))
    assert check(problem, plan) == []
    assert [(one.stop, one.why) for one in plan.unserved] == [("16", Why.CAPACITY)]
    assert plan.objective - problem.stops[2].prize == 4556
    steps[2]["arrival"] = 4700
    assert "drive" in {found.constraint for found in check(problem, read_plan(problem, json.dumps(answer)))}
