"""A problem packed and unpacked is the same to the last bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.result import InvalidProblem
from optimizers.routing import RoutingProblem, example, full_example, generated, pack, unpack
from tests.routing.alike import same
from tests.routing.planted import PROBLEM


@settings(max_examples=25)
@given(stops=st.integers(0, 40), vehicles=st.integers(1, 5), sites=st.integers(0, 3), seed=st.integers(0, 10**6))
def test_what_is_unpacked_is_what_was_packed(stops: int, vehicles: int, sites: int, seed: int) -> None:
    problem = generated(stops, vehicles, sites, seed)
    again = unpack(pack(problem))
    same(problem, again)
    assert pack(again) == pack(problem)


@pytest.mark.parametrize("problem", [PROBLEM, full_example(3)], ids=["planted", "full"])
def test_everything_that_can_be_asked_is_packed(problem: RoutingProblem) -> None:
    again = unpack(pack(problem))
    same(problem, again)
    assert again.vehicles == problem.vehicles
    assert not again.matrices.distance_m.flags.writeable


def test_ids_and_fractions_are_kept_as_they_are() -> None:
    plain = example()
    stops = tuple(
        replace(stop, id=name, service_s=0.1 + 0.2) for stop, name in zip(plain.stops, ("é\0", " ", '"'), strict=False)
    )
    problem = replace(plain, stops=stops)
    assert unpack(pack(problem)).stops == stops


def test_how_an_array_lies_in_memory_is_no_part_of_it() -> None:
    problem = full_example(1)
    matrices = replace(problem.matrices, distance_m=np.asfortranarray(problem.matrices.distance_m))
    assert pack(replace(problem, matrices=matrices)) == pack(problem)


def test_a_packed_problem_that_contradicts_itself_is_refused() -> None:
    problem = example()
    object.__setattr__(problem.matrices, "distance_m", -problem.matrices.distance_m)
    with pytest.raises(InvalidProblem, match="wants 0 to"):
        unpack(pack(problem))
