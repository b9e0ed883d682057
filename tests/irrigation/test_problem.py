"""A problem says everything that is wrong with it, by name, with what was found and what is wanted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optimizers.irrigation import IrrigationProblem, generated
from optimizers.irrigation.problem import PARTS
from optimizers.result import InvalidProblem
from tests.irrigation.planted import PROBLEM

Change = Callable[[dict[str, Any]], None]


def with_part(name: str, **changes: Any) -> IrrigationProblem:
    part = getattr(PROBLEM, name)
    return IrrigationProblem(**{**vars(PROBLEM), name: PARTS[name](**{**vars(part), **changes})})


def put(part: str, field: str, at: Any, value: float) -> np.ndarray:
    values = np.array(getattr(getattr(PROBLEM, part), field))
    values[at] = value
    return values


def told(part: str, **changes: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidProblem) as raised:
        with_part(part, **changes)
    return raised.value.problems


@pytest.mark.parametrize(
    ("part", "field", "at", "value", "said"),
    [
        ("networks", "capacity_m3_h", 1, 0.0, "network 'town': capacity_m3_h is 0.0, wants more than 0, 1e+06 at most"),
        ("networks", "capacity_m3_h", 1, np.nan, "network 'town': capacity_m3_h is nan, wants more than 0"),
        ("networks", "capacity_m3_h", 0, np.inf, "network 'river': capacity_m3_h is inf, wants more than 0"),
        ("networks", "price_eur_m3", 0, -1.0, "network 'river': price_eur_m3 is -1.0, wants 0 or more, 1e+06 at most"),
        ("hydrozones", "flow_m3_h", 0, 0.0, "hydrozone 'lawn': flow_m3_h is 0.0, wants more than 0"),
        ("hydrozones", "cycle_s", 1, -5.0, "hydrozone 'pitch': cycle_s is -5.0, wants more than 0"),
        ("hydrozones", "cycle_mm", 2, 0.0, "hydrozone 'roses': cycle_mm is 0.0, wants more than 0"),
        ("hydrozones", "cycle_mm", 2, 2e6, "hydrozone 'roses': cycle_mm is 2000000.0, wants more than 0, 1e+06 at"),
        ("hydrozones", "soak_s", 3, -1.0, "hydrozone 'hedge': soak_s is -1.0, wants 0 or more"),
        ("hydrozones", "depletion_mm", 0, -0.5, "hydrozone 'lawn': depletion_mm is -0.5, wants 0 or more"),
        ("hydrozones", "depletion_mm", 0, np.nan, "hydrozone 'lawn': depletion_mm is nan, wants 0 or more"),
        ("hydrozones", "stress_eur_mm", 0, -1.0, "hydrozone 'lawn': stress_eur_mm is -1.0, wants 0 or more"),
        ("hydrozones", "wilting_eur_mm", 0, -1.0, "hydrozone 'lawn': wilting_eur_mm is -1.0, wants 0 or more"),
        ("hydrozones", "terminal_eur_mm", 0, np.nan, "hydrozone 'lawn': terminal_eur_mm is nan, wants 0 or more"),
        ("hydrozones", "network", 0, 2, "hydrozone 'lawn': network is 2, wants an index below 2"),
        ("hydrozones", "network", 0, -1, "hydrozone 'lawn': network is -1, wants an index below 2"),
        (
            "hydrozones", "flow_m3_h", 0, 12.0,
            "hydrozone 'lawn': flow_m3_h is 12, 'river' carries 10; wants a valve that its network can feed",
        ),
        (
            "hydrozones", "raw_mm", 1, 40.0,
            "hydrozone 'pitch': raw_mm is 40, wants less than taw_mm, 40 (is it in percent?)",
        ),
        (
            "hydrozones", "depletion_mm", 1, 45.0,
            "hydrozone 'pitch': depletion_mm is 45, wants at most taw_mm, 40 (is it in percent?)",
        ),
        (
            "hydrozones", "taw_mm", 2, 0.15,
            "hydrozone 'roses': taw_mm is 0.15, wants 1 or more (is it in m3/m3? 1000 times that by the depth in m",
        ),
        ("windows", "start_s", 0, -1.0, "window 0: from -1 s to 3600 s, wants a start of 0 or more before an end"),
        ("windows", "end_s", 3, 86400.0, "window 3: from 86400 s to 86400 s, wants a start of 0 or more before an end"),
        ("windows", "end_s", 3, np.nan, "window 3: from 86400 s to nan s, wants a start of 0 or more before an end"),
        ("windows", "end_s", 3, 1e9, "window 3: from 86400 s to 1e+09 s, wants a start of 0 or more before an end"),
        ("windows", "end_s", 0, 3601.0, "window 1: begins at 3600 s of night 0, before window 0 is over"),
        ("windows", "night", 0, 1, "window 1: begins at 3600 s of night 0, before window 0 is over"),
        ("windows", "night", 3, 2, "window 3: night is 2, wants an index below 2"),
        ("windows", "most_cycles", (3, 1), -1, "hydrozone 'hedge': most_cycles of night 1 is -1, wants 0 or more"),
        ("scenarios", "probability", 0, 0.5, "scenarios: probability is [0.5, 0.25], wants values above 0 that sum"),
        ("scenarios", "probability", 0, np.nan, "scenarios: probability is [nan, 0.25], wants values above 0"),
        (
            "scenarios", "etc_mm", (1, 0, 2), np.nan,
            "hydrozone 'roses': etc_mm of scenario 1, day 0 is nan, wants 0 to 1000 mm",
        ),
        (
            "scenarios", "rain_mm", (0, 1, 0), -0.1,
            "hydrozone 'lawn': rain_mm of scenario 0, day 1 is -0.1, wants 0 to 1000 mm",
        ),
        (
            "scenarios", "rain_mm", (1, 1, 0), 5000.0,
            "hydrozone 'lawn': rain_mm of scenario 1, day 1 is 5000.0, wants 0 to 1000 mm",
        ),
        ("budgets", "limit_m3", 1, -1.0, "budget 'all water': limit_m3 is -1.0, wants 0 or more"),
        ("budgets", "limit_m3", 1, np.nan, "budget 'all water': limit_m3 is nan, wants 0 or more"),
    ],
)  # fmt: skip
def test_a_wrong_value(part: str, field: str, at: Any, value: float, said: str) -> None:
    problems = told(part, **{field: put(part, field, at, value)})
    assert any(problem.startswith(said) for problem in problems), problems
    assert len(problems) == 1, problems


@pytest.mark.parametrize(
    ("part", "names", "said"),
    [
        ("networks", ("a", "a"), "network 'a' stands 2 times, wants once"),
        ("hydrozones", ("a", "b", "a", "a"), "hydrozone 'a' stands 3 times, wants once"),
        ("budgets", ("a", "a"), "budget 'a' stands 2 times, wants once"),
    ],
)
def test_a_name_twice(part: str, names: tuple[str, ...], said: str) -> None:
    assert said in told(part, names=names)


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("networks", {"capacity_m3_h": np.ones(3)}, "capacity_m3_h: "),
        ("hydrozones", {"cycle_mm": np.ones(3)}, "cycle_mm: "),
        ("hydrozones", {"cycle_mm": ["much"] * 4}, "cycle_mm: "),
        ("windows", {"allowed": np.ones((4, 5), np.bool_)}, "allowed: "),
        ("windows", {"most_cycles": np.ones((4, 3), int)}, "most_cycles: "),
        ("windows", {"most_cycles": 2**70}, "most_cycles: "),
        ("scenarios", {"rain_mm": np.ones((2, 5, 4))}, "rain_mm: "),
        ("budgets", {"nights": np.ones((2, 3), np.bool_)}, "nights: "),
    ],
)
def test_a_wrong_shape(part: str, changes: dict[str, Any], said: str) -> None:
    assert any(problem.startswith(said) and "wants" in problem for problem in told(part, **changes))


@pytest.mark.parametrize(
    ("hydrozones", "days", "scenarios", "said"),
    [
        (0, 2, 1, "there are no hydrozones, wants one at least"),
        (3, 0, 1, "there are no days, wants one at least"),
        (3, 2, 0, "there are no scenarios, wants one at least"),
    ],
)
def test_nothing_to_plan(hydrozones: int, days: int, scenarios: int, said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        generated(hydrozones, 1, days, scenarios)
    assert said in raised.value.problems


def test_all_that_is_wrong_is_said_at_once() -> None:
    parts = {
        "hydrozones": {"flow_m3_h": put("hydrozones", "flow_m3_h", 0, 12.0), "soak_s": np.full(4, -1.0)},
        "windows": {"night": put("windows", "night", 3, 2)},
        "scenarios": {"rain_mm": put("scenarios", "rain_mm", (0, 0, 3), -1.0)},
        "budgets": {"limit_m3": np.array([-1.0, np.nan])},
    }
    changed = {name: PARTS[name](**{**vars(getattr(PROBLEM, name)), **change}) for name, change in parts.items()}
    with pytest.raises(InvalidProblem) as raised:
        IrrigationProblem(**{**vars(PROBLEM), **changed})
    assert len(raised.value.problems) == 9


def test_what_is_smaller_stands_for_all() -> None:
    problem = with_part("hydrozones", stress_eur_mm=np.array(3.0), soak_s=0.0)
    assert problem.hydrozones.stress_eur_mm.tolist() == [3.0] * 4
    assert problem.hydrozones.soak_s.shape == (4,)


def test_arrays_of_a_problem_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        PROBLEM.hydrozones.depletion_mm[0] = 1.0


def test_limits_that_are_just_kept() -> None:
    """A valve that takes all its network carries, a root zone that is quite dry, a budget of nothing and of no end."""
    with_part("hydrozones", flow_m3_h=put("hydrozones", "flow_m3_h", 0, 10.0))
    with_part("hydrozones", depletion_mm=PROBLEM.hydrozones.taw_mm)
    with_part("budgets", limit_m3=np.array([0.0, np.inf]))
    assert PROBLEM.hydrozones.cycle_m3.tolist() == pytest.approx([1.0, 2 / 3, 5 / 6, 0.5])
