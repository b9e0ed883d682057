"""Matrices of many places: in 32 bits where that loses nothing, never copied twice, and plans that are the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.arrays import freeze
from optimizers.result import InvalidProblem, Limits
from optimizers.routing import Matrices, RoutingProblem, check, pack, plan_to_json, problem_from_json, reading, unpack
from optimizers.routing import problem as problems
from optimizers.routing.bound import lower_bound
from optimizers.routing.solving import solve
from optimizers.routing.tours import holders, may_serve
from tests.routing.making import made

_COORDINATES = """{"places": [{"id": "depot", "lon": 0.0, "lat": 47.0}],
"profiles": [{}, {"name": "slow", "speed_kmh": 9}],
"stops": [{"id": "a", "lon": 0.01, "lat": 47.0}, {"id": "b", "lon": 0.02, "lat": 47.03}],
"vehicles": [{"id": "T", "start": "depot", "end": "depot", "shift": [0, 36000]}]}"""


def _whole(problem: RoutingProblem) -> RoutingProblem:
    metres, seconds = problem.matrices.distance_m, problem.matrices.duration_s
    return replace(problem, matrices=replace(problem.matrices, distance_m=np.ceil(metres), duration_s=np.ceil(seconds)))


def _again(problem: RoutingProblem) -> RoutingProblem:
    """With matrices that somebody else made."""
    metres, seconds = (np.array(one, np.float64) for one in (problem.matrices.distance_m, problem.matrices.duration_s))
    return replace(problem, matrices=replace(problem.matrices, distance_m=metres, duration_s=seconds))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of many places, of the few that there are."""
    monkeypatch.setattr(problems, "NARROW", 0)
    monkeypatch.setattr(reading, "NARROW", 0)


@pytest.mark.parametrize("seed", range(6))
def test_a_plan_is_the_same_to_the_byte_in_32_bits(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = _whole(made(seed))
    monkeypatch.setattr(problems, "NARROW", 0)
    narrow = _again(wide)
    assert narrow.matrices.distance_m.dtype == narrow.matrices.duration_s.dtype == np.float32
    first, second = (solve(one, Limits(seconds=300, work=200)) for one in (wide, narrow))
    assert plan_to_json(replace(first, seconds=0.0)) == plan_to_json(replace(second, seconds=0.0))
    assert [str(one) for one in check(wide, second)] == [str(one) for one in check(narrow, second)]
    assert lower_bound(wide, {}) == lower_bound(narrow, {})


@pytest.mark.usefixtures("narrow")
def test_what_32_bits_would_round_is_kept_in_64() -> None:
    problem = _again(_whole(made(3)))
    metres = np.array(problem.matrices.distance_m, np.float64)
    metres[0, 0, 1] += 0.1
    both = replace(problem, matrices=replace(problem.matrices, distance_m=metres)).matrices
    assert (both.distance_m.dtype, both.duration_s.dtype) == (np.float64, np.float32)
    assert both.distance_m[0, 0, 1] == metres[0, 0, 1]
    again = unpack(pack(replace(problem, matrices=both))).matrices
    assert (again.distance_m.dtype, again.duration_s.dtype) == (np.float64, np.float32)
    assert np.array_equal(again.distance_m, both.distance_m)


@pytest.mark.usefixtures("narrow")
def test_beyond_what_32_bits_hold_nothing_is_lost_and_nothing_warns() -> None:
    problem = made(3)
    metres = np.array(problem.matrices.distance_m, np.float64)
    metres[0, 0, 1] = 1e300
    with pytest.raises(InvalidProblem, match=r"is 1e\+300, wants 0 to"):
        replace(problem, matrices=replace(problem.matrices, distance_m=metres))


@pytest.mark.usefixtures("narrow")
def test_drives_without_a_map_are_known_to_seven_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = problem_from_json(_COORDINATES).matrices
    monkeypatch.setattr(problems, "NARROW", 4000)
    monkeypatch.setattr(reading, "NARROW", 4000)
    wide = problem_from_json(_COORDINATES).matrices
    assert narrow.duration_s.dtype == np.float32
    assert wide.duration_s.dtype == np.float64
    assert wide.duration_s[1, 0, 1] == pytest.approx(30 / 9 * wide.duration_s[0, 0, 1])
    for a, b in ((narrow.distance_m, wide.distance_m), (narrow.duration_s, wide.duration_s)):
        assert np.allclose(a, b, rtol=1e-7, atol=0)


def test_a_problem_that_is_changed_shares_its_matrices_with_what_it_was() -> None:
    problem = made(3)
    other = replace(problem, unit="miles")
    assert np.shares_memory(problem.matrices.distance_m, other.matrices.distance_m)
    read = problem_from_json(_COORDINATES).matrices.distance_m
    assert read.flags.owndata
    assert not read.flags.writeable


def test_what_somebody_can_still_write_is_copied() -> None:
    mine = np.zeros((1, 2, 2))
    view = mine[:]
    view.flags.writeable = False
    for given_ in (mine, view):
        kept = Matrices(distance_m=given_, duration_s=given_)
        assert freeze(kept, {"distance_m": (np.float64, (1, 2, 2))}) == []
        mine[0, 0, 1] = 7.0
        assert kept.distance_m[0, 0, 1] == 0.0
        mine[0, 0, 1] = 0.0


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_who_may_serve_what_is_asked_of_each_kind_of_stop_once(seed: int) -> None:
    problem = made(seed)
    may = [[may_serve(vehicle, stop) for stop in problem.stops] for vehicle in problem.vehicles]
    assert holders(problem).tolist() == may
