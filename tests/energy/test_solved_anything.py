"""Problems of any shape, solved: the judge, which shares no code with the solver, finds nothing, and nobody who does as
he likes comes out ahead.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyPlan, EnergyProblem, check, example, problem_from_json, problem_to_json, solve
from optimizers.result import Limits, Status
from tests.energy.anything import any_problem, as_they_like

problems = st.builds(any_problem, st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 6))
HAIR = 2e-3
"""What sums of some ten amounts, each told to a thousandth, may differ by."""


def ahead(one: EnergyPlan, other: EnergyPlan) -> bool:
    """Whether one plan leaves less, or costs less and leaves no more, by more than a hair."""
    for name in ("safety", "comfort"):
        by = getattr(other.shortfall, name) - getattr(one.shortfall, name)
        if abs(by) > HAIR:
            return bool(by > 0)
    # What a hair of a shortfall is worth in euros nobody can say: with none there is none.
    exact = one.shortfall.safety + one.shortfall.comfort + other.shortfall.safety + other.shortfall.comfort == 0
    return exact and one.objective < other.objective - 1e-5 * max(1.0, abs(other.objective))


@settings(max_examples=40)
@given(problems, st.integers(0, 10**6))
def test_nothing_is_violated_and_nobody_is_ahead(problem: EnergyProblem, seed: int) -> None:
    plan = solve(problem, Limits(seconds=120.0))
    assert check(problem, plan) == []
    other = as_they_like(problem, seed)
    assert not ahead(other, plan), (other.shortfall, other.objective, plan.shortfall, plan.objective)


def test_a_plan_is_ahead_of_most_who_do_as_they_like() -> None:
    found = [
        ahead(solve(problem), as_they_like(problem, seed)) for seed in range(10) for problem in [any_problem(seed)]
    ]
    assert sum(found) >= 8


@settings(max_examples=15)
@given(problems)
def test_rules_that_stand_in_for_a_plan_break_nothing(problem: EnergyProblem) -> None:
    assert check(problem, solve(problem, Limits(seconds=1e-6))) == []


@pytest.mark.parametrize("quarters", [92, 96, 100])
def test_days_on_which_the_clocks_change_are_planned_like_others(quarters: int) -> None:
    """The nights of March and October: an hour less at two in the morning, an hour more."""
    told = json.loads(problem_to_json(example(0)))
    two = 8
    for part in ("sites", "solar", "rooms"):
        for name, row in told[part][0].items():
            if isinstance(row, list):
                hour = row[two : two + 4]
                told[part][0][name] = row[:two] + hour * ((quarters - 92) // 4) + row[two + 4 :]
    for vehicle in told["vehicles"]:
        vehicle["arrive"] = max(0, vehicle["arrive"] + quarters - 96)
        vehicle["depart"] += quarters - 96
    problem = problem_from_json(json.dumps(told | {"slots": quarters}))
    plan = solve(problem)
    assert plan.status == Status.OPTIMAL
    assert check(problem, plan) == []
    assert plan.import_w.shape == (1, quarters)
