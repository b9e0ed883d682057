"""JSON in and out: nothing lost, a schema that holds, every problem of a text at once."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.lighting import (
    UNLIMITED,
    Budget,
    Holders,
    Lanes,
    LightingProblem,
    Yesterday,
    check,
    example,
    full_example,
    pack,
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
            changed(lamps=[LAMP | {"floor": [0, 0, 50, 0]}], neighbours=[]),
            "lamp 'A': floor in slot 2 is 50.0, wants a fraction 0 to 1 (is it in percent, or 0 to 254?)",
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
        (
            changed(lamps=[LAMP | {"floor": [0, 0, 50, 0]}, LAMP | {"id": "B", "floor": [0, 0, 1, 0]}], neighbours=[]),
            "floor: scales are mixed, 1 on 0 to 1 as 'B', 1 on 0 to 100 as 'A'",
        ),
        (changed(lamps=[LAMP | {"cabinet": "X"}], neighbours=[]), "lamps.0 'A': no cabinet 'X', there is none"),
        (
            changed(lamps=[LAMP, LAMP | {"id": "B", "cabinet": "X"}], neighbours=[], cabinets={"X": {}}),
            "lamps.0 'A': stands in no cabinet, wants one of X",
        ),
        (
            changed(
                lamps=[LAMP | {"cabinet": "X"}, LAMP | {"cabinet": "Y"}], neighbours=[], cabinets={"X": {}, "Y": {}}
            ),
            "lamp 'A' is in 2 cabinets, X, Y, wants one",
        ),
        (changed(lamps=[LAMP | {"relaxed": [0, 0, 0, 0]}], neighbours=[]), "'A': has a relaxed floor, and there is no"),
        (changed(lamps=[LAMP | {"yesterday": [0, 0, 0, 0]}], neighbours=[]), "'A': has a yesterday, and there are no"),
        (changed(fleet_programs=3), "fleet_programs: there are no cabinets"),
        (changed(cabinets={"X": {"programs": 0}}, lamps=[LAMP | {"cabinet": "X"}], neighbours=[]), "programs is 0"),
        (
            changed(cabinets={"X": {"switch_points": 1}}, lamps=[LAMP | {"cabinet": "X"}], neighbours=[]),
            "holders: holder 'X': switch_points is 1, wants 2 or more",
        ),
        (changed(budget={"energy_wh": -1}, lamps=[LAMP], neighbours=[]), "budget: energy_wh is -1.0"),
        (
            changed(budget={}, lamps=[LAMP | {"relaxed": [0, 0.5, 0, 0]}], neighbours=[]),
            "lamp 'A': relaxed in slot 1 is 0.5, wants at most the lamp's own floor",
        ),
        (changed(changes={"most": -1}, lamps=[LAMP], neighbours=[]), "yesterday: changes is -1, wants 0 or more"),
        (changed(lamps=[LAMP | {"boost": 1.5}]), "lamps.0.boost: Input should be less than or equal to 1"),
        (changed(lamps=[LAMP | {"detection": [0.5]}], neighbours=[]), "'A': detection has 1 values, wants 4"),
        (changed(lamps=[LAMP | {"detection": 0.5}], neighbours=[]), "'A': has a detection, and no boost to brighten"),
        (changed(budget={}, lamps=[LAMP | {"weight": 0}], neighbours=[]), "budget: lamp 'A': weight is 0.0, wants"),
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


def test_names_rows_and_curves_that_are_wrong_are_said_together() -> None:
    wrong = changed(
        lamps=[LAMP | {"floor": [0]}, LAMP, LAMP | {"id": "B", "curve": "x", "ceiling": [1]}],
        curves={"led": {"flux": [0, 1], "power": [1, 1]}},
    )
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(wrong)
    told = "\n".join(raised.value.problems)
    for what in ("'A' stands 2 times", "does not strictly increase", "no curve 'x'", "floor has 1", "ceiling has 1"):
        assert what in told


def with_everything(seed: int = 0) -> LightingProblem:
    """The example with every part."""
    plain = example(seed, streets=2, lamps_per_street=3, slots=24)
    n, slots = plain.shape
    yesterday = np.where(np.arange(n)[:, None] % 2, plain.floor, np.nan)
    parts = {
        "holders": Holders(names=("A", "é"), of=np.arange(n) % 2, programs=np.array([3, UNLIMITED]), fleet_programs=5),
        "budget": Budget(relaxed=plain.floor / 2, peak_w=1e4, weight=np.linspace(1, 2, n)),
        "yesterday": Yesterday(flux=yesterday, changes=3, change_cost_wh=0.5),
        "lanes": Lanes(boost=np.arange(n) / n, detection=np.where(np.arange(n)[:, None] == 5, 0.1, np.zeros(slots))),
    }
    return LightingProblem(**{**vars(plain), **parts})


def test_a_problem_with_every_part_comes_back_as_it_was() -> None:
    problem = with_everything()
    again = problem_from_json(problem_to_json(problem))
    assert pack(again) == pack(problem)


def test_a_peak_by_slot_comes_back_as_it_was() -> None:
    problem = with_everything()
    peak_w = np.where(np.arange(24) % 5, np.inf, 900.0)
    problem = LightingProblem(**{**vars(problem), "budget": Budget(relaxed=problem.floor, peak_w=peak_w)})
    told = problem_to_json(problem)
    assert json.loads(told)["budget"]["peak_w"][:2] == [900.0, None]
    assert pack(problem_from_json(told)) == pack(problem)


def test_a_problem_without_parts_does_not_speak_of_them() -> None:
    data = json.loads(problem_to_json(example(0)))
    assert set(data) == {"slot_s", "burning", "curves", "lamps", "neighbours"}
    assert "cabinet" not in data["lamps"][0]


def test_a_plan_with_every_figure_comes_back_as_it_was() -> None:
    plan = replace(
        solve(example(0)),
        unit="Wh given up",
        holders=("A", "é"),
        holder_objective_wh=np.array([2.0, 3.0]),
        holder_bound_wh=np.array([1.5, 3.0]),
        given_up=7.0,
        given_up_bound=6.5,
        changes=4,
    )
    again = plan_from_json(plan_to_json(plan))
    assert plan_to_json(again) == plan_to_json(plan)
    assert (again.holders, again.unit, again.given_up, again.changes) == (plan.holders, "Wh given up", 7.0, 4)


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


def test_a_limit_beyond_all_numbers_is_none() -> None:
    told = json.loads(problem_to_json(full_example()))
    told["fleet_programs"] = told["changes"]["most"] = told["cabinets"]["K-001"]["programs"] = 2**70
    problem = problem_from_json(json.dumps(told))
    assert problem.holders is not None
    assert problem.yesterday is not None
    assert problem.holders.programs[0] == problem.holders.fleet_programs == problem.yesterday.changes == UNLIMITED


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("slot_s",), 1e308, "slot_s is 1e+308"),
        (("lamps", 0, "power_full_w"), 1e308, "power_full_w is 1e+308"),
        (("lamps", 0, "weight"), 1e308, "weight is 1e+308"),
        (("budget", "energy_wh"), 1e-300, "energy_wh is 1e-300"),
        (("changes", "cost_wh"), 1e308, "change_cost_wh is 1e+308"),
    ],
)
def test_a_number_that_sums_cannot_hold_is_refused(where: tuple[Any, ...], value: float, said: str) -> None:
    told = json.loads(problem_to_json(full_example()))
    place = told
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    with pytest.raises(InvalidProblem) as error:
        problem_from_json(json.dumps(told))
    assert said in str(error.value)
