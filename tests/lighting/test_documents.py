"""JSON in and out: nothing lost, a schema that holds, every problem of a text at once."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.lighting import (
    check,
    example,
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
    solve,
)
from optimizers.result import InvalidProblem, Status


@given(st.integers(0, 1000))
def test_a_problem_comes_back_as_it_was(seed: int) -> None:
    problem = example(seed, streets=2, lamps_per_street=3, slots=24)
    text = problem_to_json(problem)
    again = problem_from_json(text)
    assert problem_to_json(again) == text
    assert solve(again).flux.tobytes() == solve(problem).flux.tobytes()


def test_a_plan_comes_back_as_it_was() -> None:
    problem = example(1)
    plan = solve(problem)
    again = plan_from_json(plan_to_json(plan))
    np.testing.assert_array_equal(again.flux, plan.flux)
    assert (again.status, again.objective, again.seconds) == (plan.status, plan.objective, plan.seconds)
    assert check(problem, again) == []


def test_a_plan_carries_its_violations() -> None:
    data = json.loads(problem_to_json(example(1)))
    data["lamps"][4]["ceiling"] = 0.5
    again = plan_from_json(plan_to_json(solve(problem_from_json(json.dumps(data)))))
    assert again.status is Status.BEST_EFFORT
    assert [violation.object for violation in again.violations] == [data["lamps"][4]["id"]]


def test_a_limit_without_end_is_null() -> None:
    data = json.loads(problem_to_json(example(1)))
    data["lamps"][0]["ramp_per_slot"] = None
    problem = problem_from_json(json.dumps(data))
    assert np.isinf(problem.ramp_per_slot[0])
    assert json.loads(problem_to_json(problem))["lamps"][0]["ramp_per_slot"] is None


def test_units_stand_in_the_names() -> None:
    schema = problem_schema()
    assert {"slot_s", "burning", "curves", "lamps"} <= set(schema["required"])
    assert "power_full_w" in schema["$defs"]["LampDocument"]["properties"]
    every_plan = {
        "status",
        "objective",
        "bound",
        "gap",
        "seconds",
        "seed",
        "solver",
        "version",
        "violations",
        "reasons",
    }
    assert every_plan <= set(plan_schema()["required"])


def test_a_plan_of_ours_has_the_fields_of_the_schema() -> None:
    assert set(json.loads(plan_to_json(solve(example(0))))) == set(plan_schema()["properties"])


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(problem_to_json(example(0, streets=1, lamps_per_street=2, slots=4))) | changes)


LAMP = {"id": "A", "power_full_w": 1.0, "floor": [0, 0, 0, 0], "curve": "led"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "document: Invalid JSON"),
        ("[]", "document: Input should be an object"),
        (changed(slot=1), "slot: Extra inputs are not permitted"),
        (changed(slot_s="soon"), "slot_s: "),
        (
            changed(lamps=[LAMP | {"floor": [0, 0, 50, 0]}]),
            "lamps.0.floor.2: Input should be less than or equal to 1, found 50",
        ),
        (changed(lamps=[LAMP | {"floor": [0, 0]}], neighbours=[]), "lamps.0 'A': floor has 2 values, wants 4"),
        (changed(lamps=[LAMP | {"ceiling": [1, 1]}], neighbours=[]), "lamps.0 'A': ceiling has 2 values, wants 4"),
        (changed(lamps=[LAMP | {"curve": "x"}], neighbours=[]), "no curve 'x', there is led, sodium"),
        (changed(lamps=[LAMP], neighbours=[{"lamps": ["A", "Z"], "step": 0.1}]), "neighbours.0: no lamp 'Z'"),
        (changed(lamps=[LAMP, LAMP], neighbours=[]), "lamp 'A' stands 2 times"),
        (changed(curves={"led": {"flux": [0, 1], "power": [1, 1]}}), "no curve 'sodium'"),
        (
            changed(lamps=[LAMP], neighbours=[], curves={"led": {"flux": [0, 1], "power": [1, 1]}}),
            "does not strictly increase",
        ),
        (problem_to_json(example(0)).replace("900.0", "NaN", 1), "slot_s: Input should be a finite number"),
    ],
)
def test_a_wrong_text(text: str, said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(text)
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = changed(slot_s=None, burning=["x"], extra=1, lamps=[{"id": 7}])
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(wrong)
    assert len(raised.value.problems) >= 6


def test_a_plan_of_uneven_length_is_refused() -> None:
    data = json.loads(plan_to_json(solve(example(0))))
    data["lamps"][0]["flux"].pop()
    with pytest.raises(InvalidProblem, match="one length"):
        plan_from_json(json.dumps(data))


def test_the_example_is_as_it_says() -> None:
    problem = example(0)
    assert problem.shape == (24, 96)
    assert not problem.dimmable[-1]
    assert (problem.floor[4][problem.burning] == 1).all()
    assert problem_to_json(example(0)) == problem_to_json(example(0)) != problem_to_json(example(1))
