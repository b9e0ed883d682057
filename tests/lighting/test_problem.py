"""A problem validates itself once and says everything that is wrong."""

import pickle
from typing import Any

import numpy as np
import pytest

from optimizers.lighting import Budget, LightingProblem, PowerCurve
from optimizers.result import InvalidProblem

GOOD: dict[str, Any] = {
    "lamps": ("A", "B", "C"),
    "floor": np.array([[0, 0.5], [0, 1.0], [0, 0.0]]),
    "burning": np.array([False, True]),
    "power_full_w": np.array([50.0, 60.0, 70.0]),
    "neighbours": np.array([[0, 1], [1, 2]]),
    "neighbour_step": np.array([0.2, 0.2]),
}


def problems_of(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidProblem) as raised:
        LightingProblem(**(GOOD | changes))
    return raised.value.problems


def test_scalars_spread_and_arrays_are_private_and_read_only() -> None:
    floor = GOOD["floor"].copy()
    problem = LightingProblem(**(GOOD | {"floor": floor, "ramp_per_slot": 0.25}))
    floor[0, 1] = 0.9
    assert problem.floor[0, 1] == 0.5
    assert problem.ramp_per_slot.tolist() == [0.25] * 3
    assert problem.ceiling.tolist() == [[1, 1]] * 3
    assert problem.shape == (3, 2)
    with pytest.raises(ValueError, match="read-only"):
        problem.floor[0, 0] = 1


@pytest.mark.parametrize(
    ("name", "good", "bad", "said"),
    [
        ("power_full_w", [1e-9, 60, 70], [0.0, 60, 70], "lamp 'A': power_full_w is 0.0"),
        ("power_full_w", [1e-9, 60, 70], [np.inf, 60, 70], "lamp 'A': power_full_w is inf"),
        ("ramp_per_slot", [0.0, np.inf, 1], [-0.01, 1, 1], "lamp 'A': ramp_per_slot is -0.01"),
        ("ramp_per_slot", [0.0, np.inf, 1], [np.nan, 1, 1], "lamp 'A': ramp_per_slot is nan"),
        ("curve", [0, 0, 0], [0, 1, 0], "lamp 'B': curve is 1"),
        ("curve", [0, 0, 0], [0, -1, 0], "lamp 'B': curve is -1"),
        ("floor", [[0, 1], [0, 0], [0, 0]], [[0, 1.01], [0, 0], [0, 0]], "floor in slot 1 is 1.01"),
        ("floor", [[0, 1], [0, 0], [0, 0]], [[0, np.nan], [0, 0], [0, 0]], "floor in slot 1 is nan"),
        ("floor", [[0, 1], [0, 0], [0, 0]], [[0.1, 1], [0, 0], [0, 0]], "wants 0 in a slot that does not burn"),
        ("ceiling", 0.0, -0.1, "ceiling in slot 0 (and 1 slots more) is -0.1"),
        ("neighbours", [[0, 2], [1, 0]], [[0, 3], [1, 0]], "neighbours 0: lamps 0 and 3"),
        ("neighbours", [[0, 2], [1, 0]], [[-1, 2], [1, 0]], "neighbours 0: lamps -1 and 2"),
        ("neighbours", [[0, 2], [1, 0]], [[2, 2], [1, 0]], "lamp 'C' is its own neighbour"),
        ("neighbour_step", [0.0, np.inf], [-0.1, 0], "neighbours 0: neighbour_step is -0.1"),
        ("neighbour_step", [0.0, np.inf], [np.nan, 0], "neighbours 0: neighbour_step is nan"),
        ("slot_s", 1e-3, 0.0, "slot_s is 0.0"),
        ("slot_s", 1e-3, np.inf, "slot_s is inf"),
        ("lamps", ("A", "B", "D"), ("A", "B", "A"), "lamp 'A' stands 2 times"),
        ("floor", np.zeros((3, 2)), np.zeros((2, 2)), "wants float64 values of shape (3, 2)"),
        ("power_full_w", [1, 2, 3], ["x", 1, 2], "power_full_w: could not convert"),
        ("neighbour_step", [0.1, 0.1], [0.1, 0.1, 0.1], "wants float64 values of shape (2,)"),
    ],
)
def test_each_bound(name: str, good: Any, bad: Any, said: str) -> None:
    LightingProblem(**(GOOD | {name: good}))
    found = problems_of(**{name: bad})
    assert any(said in problem for problem in found), found


def test_percent_is_recognised() -> None:
    assert "percent" in problems_of(floor=np.array([[0, 50.0], [0, 100.0], [0, 0]]))[0]


def test_mixed_scales_are_named_as_such() -> None:
    found = problems_of(floor=np.array([[0, 0.5], [0, 70.0], [0, 254.0]]))
    assert found[-1].startswith("floor: scales are mixed, 1 on 0 to 1 as 'A', 1 on 0 to 100 as 'B', 1 on 0 to 254 as")
    assert "divide percent by 100" in found[-1]


def test_one_wrong_scale_for_all_is_not_called_mixed() -> None:
    assert not any("mixed" in problem for problem in problems_of(floor=np.array([[0, 50.0], [0, 70.0], [0, 0]])))


def test_a_relaxed_floor_is_at_most_the_floor() -> None:
    relaxed = GOOD["floor"].copy()
    relaxed[1, 1] = 1.0
    LightingProblem(**GOOD, budget=Budget(relaxed=relaxed))
    relaxed[0, 1] = 0.6
    (found,) = problems_of(budget=Budget(relaxed=relaxed))
    assert found == "lamp 'A': relaxed in slot 1 is 0.6, wants at most the lamp's own floor"


def test_no_lamp_and_no_slot() -> None:
    empty = {"neighbours": np.empty((0, 2), int), "neighbour_step": np.empty(0)}
    found = problems_of(lamps=(), floor=np.empty((0, 2)), power_full_w=np.empty(0), **empty)
    assert found == ("0 lamps and 2 slots, wants one of each at least",)


def test_everything_wrong_is_said_at_once() -> None:
    found = problems_of(
        power_full_w=np.array([0.0, -1.0, 70.0]),
        floor=np.array([[0.2, 0.5], [0, 7.0], [0, np.nan]]),
        neighbour_step=np.array([-1.0, np.nan]),
        slot_s=-1.0,
    )
    assert len(found) == 9


def test_the_error_survives_a_process_boundary() -> None:
    error = InvalidProblem(["one", "two"])
    assert pickle.loads(pickle.dumps(error)).problems == ("one", "two")  # noqa: S301


@pytest.mark.parametrize(
    ("flux", "power", "said"),
    [
        ((0, 0.5, 0.5, 1), (0, 0.4, 0.5, 1), "flux [0, 0.5, 0.5, 1] does not strictly increase"),
        ((0, 0.5, 1), (0, 0.6, 0.6), "power [0, 0.6, 0.6] does not strictly increase"),
        ((0, 0.5, 1), (0.7, 0.6, 1), "does not strictly increase"),
        ((0, 1.2), (0, 1), "flux ends at 1.2"),
        ((0, 1), (0, 1.1), "power ends at 1.1"),
        ((0.1, 1), (0, 1), "flux starts at 0.1"),
        ((0, 1), (-0.1, 1), "stand-by power is -0.1"),
        ((0, np.nan, 1), (0, 0.5, 1), "does not strictly increase"),
        ((0, 1), (np.nan, 1), "stand-by power is nan"),
        ((0, 0.5, 1), (0, 1), "3 flux and 2 power values"),
        ((1,), (1,), "wants as many of each, two at least"),
    ],
)
def test_power_curves_that_no_lamp_has(flux: tuple[float, ...], power: tuple[float, ...], said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        PowerCurve("x", flux, power)
    assert any(said in problem for problem in raised.value.problems)


def test_a_curve_may_have_no_standby() -> None:
    assert PowerCurve("x", (0, 1), (0, 1)).power[0] == 0
