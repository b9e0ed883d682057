"""A problem packed and unpacked is the same to the last bit."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.irrigation import IrrigationProblem, example, full_example, generated, pack, unpack
from optimizers.irrigation.problem import PARTS, Hydrozones
from optimizers.result import InvalidProblem


def same(first: IrrigationProblem, second: IrrigationProblem) -> None:
    for name in PARTS:
        part, other = getattr(first, name), getattr(second, name)
        assert type(part) is type(other)
        for one in fields(part) if part is not None else ():
            np.testing.assert_array_equal(getattr(part, one.name), getattr(other, one.name))


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    hydrozones=st.integers(1, 30),
    networks=st.integers(1, 5),
    days=st.integers(1, 7),
    scenarios=st.integers(1, 5),
)
def test_what_is_unpacked_is_what_was_packed(
    seed: int, hydrozones: int, networks: int, days: int, scenarios: int
) -> None:
    problem = generated(hydrozones, networks, days, scenarios, seed)
    again = unpack(pack(problem))
    same(problem, again)
    assert again.shape == (hydrozones, days, scenarios)
    assert pack(again) == pack(problem)


def test_budgets_are_packed_with_their_problem() -> None:
    problem = full_example(3)
    again = unpack(pack(problem))
    assert again.budgets is not None
    same(problem, again)


def test_ids_are_kept_as_they_are_written() -> None:
    plain = example()
    names = ("é\0", " ", "a,b", '"', "\u2028", "V")
    problem = IrrigationProblem(
        **{**vars(plain), "hydrozones": Hydrozones(**{**vars(plain.hydrozones), "names": names})}
    )
    assert unpack(pack(problem)).hydrozones.names == names


def test_a_packed_problem_that_contradicts_itself_is_refused() -> None:
    problem = example()
    object.__setattr__(problem.hydrozones, "cycle_mm", -problem.hydrozones.cycle_mm)
    with pytest.raises(InvalidProblem, match="wants more than 0"):
        unpack(pack(problem))
