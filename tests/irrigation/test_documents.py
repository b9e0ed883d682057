"""JSON in and out: nothing lost, a schema that holds, every problem of a text at once."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.irrigation import (
    check,
    example,
    full_example,
    generated,
    pack,
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
)
from optimizers.result import InvalidProblem, Status, Violation
from tests.irrigation.planted import PLAN, PROBLEM
from tests.irrigation.sequential import sequential


@settings(max_examples=40)
@given(
    st.integers(1, 12), st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(0, 10**6), st.booleans()
)
def test_a_problem_comes_back_as_it_was(
    hydrozones: int, networks: int, days: int, scenarios: int, seed: int, full: bool
) -> None:
    problem = full_example(seed) if full else generated(hydrozones, networks, days, scenarios, seed)
    text = problem_to_json(problem)
    again = problem_from_json(text)
    assert problem_to_json(again) == text
    assert pack(again) == pack(problem)


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(0, 10**6))
def test_a_plan_comes_back_as_it_was(hydrozones: int, days: int, scenarios: int, seed: int) -> None:
    problem = generated(hydrozones, 2, days, scenarios, seed)
    plan = sequential(problem)
    again = plan_from_json(plan_to_json(plan))
    for name, value in vars(plan).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert plan_to_json(again) == plan_to_json(plan)
    assert check(problem, again) == []


def test_a_plan_carries_what_is_said_of_it() -> None:
    told = replace(
        PLAN,
        status=Status.BEST_EFFORT,
        violations=(Violation("soak", "lawn", 3.0, "s", "opening 1"),),
        reasons=("the pitch is left out: no flow",),
        reproducible=False,
    )
    again = plan_from_json(plan_to_json(told))
    assert (again.status, again.violations, again.reasons) == (told.status, told.violations, told.reasons)
    assert not again.reproducible


def test_a_limit_without_end_and_everybody_are_null() -> None:
    data = json.loads(problem_to_json(PROBLEM))
    data["budgets"]["all water"]["limit_m3"] = None
    problem = problem_from_json(json.dumps(data))
    assert problem.budgets is not None
    assert np.isinf(problem.budgets.limit_m3[1])
    told = json.loads(problem_to_json(problem))
    assert told["budgets"]["all water"] == {"limit_m3": None, "hydrozones": None, "nights": None}
    assert told["budgets"]["town water tonight"] == {"limit_m3": 2.0, "hydrozones": ["roses"], "nights": [0]}
    assert [window["hydrozones"] for window in told["windows"]] == [None, ["lawn", "roses"], None, None]
    assert [zone["most_cycles"] for zone in told["hydrozones"]] == [9, 9, 9, [1, 9]]


def test_a_problem_without_budgets_does_not_speak_of_them() -> None:
    assert "budgets" not in json.loads(problem_to_json(example(0)))


def test_nobody_may_be_watered() -> None:
    data = json.loads(problem_to_json(example(0))) | {"windows": []}
    problem = problem_from_json(json.dumps(data))
    assert problem.windows.allowed.shape == (6, 0)
    assert json.loads(problem_to_json(problem))["windows"] == []


def test_units_stand_in_the_names() -> None:
    schema = problem_schema()
    assert set(schema["required"]) == {"probability", "networks", "hydrozones", "windows"}
    zone = schema["$defs"]["HydrozoneDocument"]
    assert {"flow_m3_h", "cycle_s", "cycle_mm", "taw_mm", "raw_mm", "depletion_mm"} <= set(zone["required"])
    unitless = {"id", "network", "most_cycles"}
    assert all(name.rsplit("_", 1)[-1] in {"h", "s", "mm"} for name in set(zone["properties"]) - unitless)


def test_a_plan_of_ours_has_the_fields_of_the_schema() -> None:
    assert set(json.loads(plan_to_json(PLAN))) == set(plan_schema()["properties"])
    assert set(json.loads(problem_to_json(PROBLEM))) == set(problem_schema()["properties"])


SMALL = json.loads(problem_to_json(generated(2, 1, 2, 1, 0)))
ZONE, OTHER = SMALL["hydrozones"]
WINDOW = SMALL["windows"][0]


def changed(**changes: Any) -> str:
    return json.dumps(SMALL | changes)


def with_zone(**changes: Any) -> str:
    return changed(hydrozones=[ZONE | changes, OTHER])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "document: Invalid JSON"),
        ("[]", "document: Input should be an object"),
        (changed(network=1), "network: Extra inputs are not permitted"),
        (changed(hydrozones=[{"id": "A"}]), "hydrozones.0.flow_m3_h: Field required"),
        (with_zone(flow_m3_h="strong"), "hydrozones.0.flow_m3_h: Input should be a valid number"),
        (with_zone(network="N-9"), "hydrozones.0 'V-01-01': no network 'N-9', there is N-01"),
        (with_zone(id="V-01-02"), "hydrozones.1: 'V-01-02' stands more than once, wants an id of its own"),
        (with_zone(etc_mm=[[1.0]]), "'V-01-01': etc_mm of scenario 0 has 1 values, wants 2, one for each day"),
        (with_zone(rain_mm=[[1, 2], [1, 2]]), "rain_mm is told for 2 scenarios, wants 1, one for each probability"),
        (with_zone(rain_mm=[]), "rain_mm is told for 0 scenarios, wants 1"),
        (with_zone(most_cycles=[1]), "'V-01-01': most_cycles has 1 values, wants 2, one for each night"),
        (with_zone(most_cycles=-(2**70)), "'V-01-01': most_cycles of night 0 is -1000, wants 0 or more"),
        (with_zone(rain_mm=[[0, -0.1]]), "hydrozone 'V-01-01': rain_mm of scenario 0, day 1 is -0.1, wants 0 to 1000"),
        (changed(windows=[WINDOW | {"hydrozones": ["X"]}]), "windows.0: no hydrozone 'X'"),
        (changed(windows=[WINDOW | {"night": 7}]), "window 0: night is 7, wants an index below 2"),
        (changed(windows=[WINDOW | {"night": 2**70}]), "windows.0.night: Input should be less than or equal to 366"),
        (changed(windows=[WINDOW | {"start_s": 9e4}]), "window 0: from 90000 s to"),
        (changed(budgets={"week": {"limit_m3": 1, "hydrozones": ["X"]}}), "budgets.week: no hydrozone 'X'"),
        (changed(budgets={"week": {"limit_m3": 1, "nights": [2]}}), "budgets.week: night is 2, wants 0 to 1"),
        (changed(budgets={"week": {"limit_m3": -1}}), "budget 'week': limit_m3 is -1.0, wants 0 or more"),
        (changed(budgets={"week": {}}), "budgets.week.limit_m3: Field required"),
        (changed(probability=[0.5]), "scenarios: probability is [0.5], wants values above 0 that sum to 1"),
        (changed(hydrozones=[]), "there are no hydrozones, wants one at least"),
        (changed(networks={}), "hydrozones.0 'V-01-01': no network 'N-01', there is none"),
        (problem_to_json(example(0)).replace("1800.0", "NaN", 1), "cycle_s: Input should be a finite number"),
    ],
)
def test_a_wrong_text(text: str, said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(text)
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_no_days_and_no_scenarios_are_said() -> None:
    nothing = [zone | {"etc_mm": [], "rain_mm": []} for zone in SMALL["hydrozones"]]
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(changed(hydrozones=nothing, probability=[]))
    assert raised.value.problems[:2] == (
        "there are no days, wants one at least",
        "there are no scenarios, wants one at least",
    )


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = changed(
        hydrozones=[ZONE | {"network": "x", "etc_mm": [[1]], "most_cycles": [1, 2, 3]}, ZONE],
        windows=[WINDOW | {"hydrozones": ["y"]}],
        budgets={"b": {"limit_m3": 1, "nights": [5], "hydrozones": ["z"]}},
    )
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(wrong)
    told = "\n".join(raised.value.problems)
    for what in ("no network 'x'", "etc_mm of scenario", "most_cycles has 3", "'V-01-01' stands", "'y'", "5", "'z'"):
        assert what in told


def test_moisture_in_another_scale_is_named_for_every_hydrozone() -> None:
    """Percent of what the root zone holds instead of mm, and fractions of its volume."""
    percent = [zone | {"depletion_mm": 95.0, "taw_mm": 40.0, "raw_mm": 16.0} for zone in (ZONE, OTHER)]
    fractions = [zone | {"taw_mm": 0.18, "raw_mm": 0.07, "depletion_mm": 0.05} for zone in (ZONE, OTHER)]
    for zones, said in ((percent, "is it in percent"), (fractions, "is it in m3/m3")):
        with pytest.raises(InvalidProblem) as raised:
            problem_from_json(changed(hydrozones=zones))
        for zone in zones:
            assert any(zone["id"] in told and said in told for told in raised.value.problems), raised.value.problems


PLANNED = json.loads(plan_to_json(PLAN))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "splendid"}, "status: Input should be 'optimal'"),
        ({"openings": [{"hydrozone": "X", "start_s": 0, "end_s": 1}]}, "openings.0: no hydrozone 'X'"),
        ({"hydrozones": [*PLANNED["hydrozones"], PLANNED["hydrozones"][0]]}, "hydrozones.4: 'lawn' stands more than"),
        ({"hydrozones": [PLANNED["hydrozones"][0] | {"cycles": 1.5}]}, "hydrozones.0.cycles: Input should be a valid"),
        ({"hydrozones": [PLANNED["hydrozones"][0] | {"cycles": 2**70}]}, "hydrozones.0.cycles: Input should be less"),
        (
            {"hydrozones": [*PLANNED["hydrozones"][:3], PLANNED["hydrozones"][3] | {"later_cycles": [[1.0]]}]},
            "hydrozones: later_cycles are not of one shape",
        ),
        (
            {"hydrozones": [PLANNED["hydrozones"][0] | {"later_cycles": [[1.0], []]}], "openings": []},
            "hydrozones.0 'lawn': later_cycles are not as many in each scenario",
        ),
    ],
)
def test_a_wrong_plan(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        plan_from_json(json.dumps(PLANNED | changes))
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_a_plan_of_nothing_is_read_and_judged() -> None:
    empty = plan_from_json(json.dumps(PLANNED | {"hydrozones": [], "openings": []}))
    assert {violation.constraint for violation in check(PROBLEM, empty)} == {"hydrozones", "shape"}


def test_the_examples_are_as_they_say() -> None:
    problem, full = example(0), full_example(0)
    assert problem.shape == (6, 3, 2)
    assert full.shape == (12, 5, 3)
    assert full.budgets is not None
    assert not full.windows.allowed[0].any()
    assert full.windows.most_cycles[-1].tolist() == [1000, 0, 1000, 0, 1000]
    assert problem_to_json(example(0)) == problem_to_json(example(0)) != problem_to_json(example(1))
    assert (problem.scenarios.rain_mm[0] == 0).all()
    assert problem.scenarios.rain_mm[1].any()
