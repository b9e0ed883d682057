"""A problem packed and unpacked is the same to the last bit, and so is its plan."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.planning import digest_of
from jobs.solving import Item, optimizer_of, solve
from optimizers import lighting
from optimizers.lighting import (
    Budget,
    Holders,
    Lanes,
    LightingProblem,
    Yesterday,
    example,
    pack,
    problem_from_json,
    unpack,
)
from optimizers.result import InvalidProblem, Limits

_ARRAYS = ("floor", "ceiling", "burning", "power_full_w", "ramp_per_slot", "neighbours", "neighbour_step", "dimmable")


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), streets=st.integers(1, 4), lamps=st.integers(1, 6), slots=st.integers(8, 100))
def test_what_is_unpacked_is_what_was_packed(seed: int, streets: int, lamps: int, slots: int) -> None:
    problem = example(seed, streets=streets, lamps_per_street=lamps, slots=slots)
    again = unpack(pack(problem))
    assert (again.lamps, again.curves, again.slot_s) == (problem.lamps, problem.curves, problem.slot_s)
    for name in _ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(problem, name))
    assert pack(again) == pack(problem)
    item = Item.of("optimizers.lighting", problem)
    assert digest_of(solve(item, Limits())) == digest_of(lighting.solve(problem))


def test_ids_are_kept_as_they_are_written() -> None:
    text = '{"slot_s": 900, "burning": [true], "curves": {"c": {"flux": [0, 1], "power": [0, 1]}}, "lamps": ['
    text += '{"id": "é\\u0000", "power_full_w": 1, "floor": [0.5], "curve": "c"}]}'
    assert unpack(pack(problem_from_json(text))).lamps == ("é\0",)


def test_a_packed_problem_that_contradicts_itself_is_refused() -> None:
    problem = example()
    object.__setattr__(problem, "power_full_w", -problem.power_full_w)
    with pytest.raises(InvalidProblem, match="wants more than 0"):
        unpack(pack(problem))


def test_a_plan_of_another_flux_has_another_digest_and_one_of_other_seconds_has_not() -> None:
    plan = lighting.solve(example())
    assert digest_of(plan) == digest_of(lighting.solve(example()))
    moved = plan.flux.copy()
    moved[0, 40] = np.nextafter(moved[0, 40], 2)
    object.__setattr__(plan, "flux", moved)
    assert digest_of(plan) != digest_of(lighting.solve(example()))


def test_an_optimizer_is_a_module_with_four_functions() -> None:
    found = optimizer_of("optimizers.lighting")
    assert all(callable(getattr(found, name)) for name in ("pack", "unpack", "solve", "check"))


def test_parts_are_packed_with_their_problem() -> None:
    plain = example()
    n, slots = plain.shape
    parts = {
        "holders": Holders(names=("A", "é"), of=np.arange(n) % 2, programs=np.array([3, 4]), fleet_programs=5),
        "budget": Budget(relaxed=plain.floor / 2, energy_wh=1e4),
        "yesterday": Yesterday(flux=np.full((n, slots), np.nan), changes=7, change_cost_wh=0.5),
        "lanes": Lanes(boost=np.full(n, 0.9), detection=np.full((n, slots), 0.1)),
    }
    problem = LightingProblem(**{**vars(plain), **parts})
    again = unpack(pack(problem))
    for name in parts:
        before, after = vars(getattr(problem, name)), vars(getattr(again, name))
        assert before.keys() == after.keys()
        for key, value in before.items():
            np.testing.assert_array_equal(after[key], value)
    assert pack(again) == pack(problem)


def test_what_is_wrong_with_parts_is_told_at_once() -> None:
    plain = example()
    n, slots = plain.shape
    parts = {
        "holders": Holders(names=("A", "A"), of=np.full(n, 2), programs=0, switch_points=1, fleet_programs=0),
        "budget": Budget(relaxed=plain.floor + 2, energy_wh=0, weight=-1),
        "yesterday": Yesterday(flux=np.where(plain.burning, 2, np.nan), changes=-1, change_cost_wh=-1),
        "lanes": Lanes(boost=np.full(n, 1.5), detection=np.full((n, slots), -0.1)),
    }
    with pytest.raises(InvalidProblem) as error:
        LightingProblem(**{**vars(plain), **parts})
    told = str(error.value)
    for what in ("holders: holder 'A' stands 2 times", "programs is 0", "switch_points is 1", "fleet_programs is 0"):
        assert what in told
    for what in ("budget: energy_wh is 0", "weight is -1.0", "relaxed wants", "yesterday: changes is -1"):
        assert what in told
    for what in ("yesterday's flux wants", "change_cost_wh is -1", "detection wants"):
        assert what in told
    assert f"lanes: lamp {plain.lamps[0]!r}: boost is 1.5" in told
