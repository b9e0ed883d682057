"""Whole numbers for PyVRP: nothing is cut off, and what fits them fits the real clock."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.result import Limits
from optimizers.routing import Matrices, Place, RoutingProblem, Stop, Vehicle, solve
from optimizers.routing.scaling import scale_of


def two(metres: float, per_m: float, prize: float = 0.0, *, required: bool = True) -> RoutingProblem:
    return RoutingProblem(
        places=(Place("depot"), Place("a")),
        matrices=Matrices(distance_m=np.array([[0.0, metres], [metres, 0.0]]), duration_s=np.zeros((2, 2))),
        stops=(Stop(id="a", place=1, prize=prize, required=required),),
        vehicles=(Vehicle(id="v", start=0, end=0, shift=(0.0, 10.0), per_m=per_m),),
    )


def test_whole_numbers_stay_as_they_are() -> None:
    scale = scale_of(two(7.0, 1.0))
    assert (scale.cost, scale.time, scale.load) == (1.0, 1.0, 1.0)


def test_half_a_metre_is_not_cut_off() -> None:
    assert solve(two(9.75, 1.0), Limits(work=5)).objective == 19.5


@pytest.mark.parametrize(("prize", "served"), [(19.6, True), (19.4, False)])
def test_a_tenth_of_a_prize_decides(prize: float, served: bool) -> None:
    plan = solve(two(9.75, 1.0, prize, required=False), Limits(work=20))
    assert bool(plan.routes) == served


def test_huge_whole_numbers_are_made_smaller() -> None:
    scale = scale_of(two(1e11, 3.0))
    assert scale.costs(3e11) <= 1e8
    assert solve(two(1e11, 3.0), Limits(work=5)).objective == 6e11


def test_huge_prizes_keep_their_order() -> None:
    scale = scale_of(two(0.5, 0.3, 9e11, required=False))
    assert scale.costs(8e11) < scale.costs(9e11)


@given(seconds=st.floats(0, 1e6), load=st.floats(0, 1e6))
def test_what_fits_whole_numbers_fits_the_clock(seconds: float, load: float) -> None:
    problem = two(0.5, 0.3)
    stop = replace(problem.stops[0], service_s=0.25)
    scale = scale_of(replace(problem, stops=(stop,)))
    assert scale.down_s(seconds) / scale.time <= seconds + 1e-6 <= scale.up_s(seconds) / scale.time + 2e-6
    assert scale.down_load(load) / scale.load <= load + 1e-6 <= scale.up_load(load) / scale.load + 2e-6


@given(price=st.floats(1e-9, 1e3), metres=st.floats(1.0, 1e6))
def test_the_dearest_drive_has_enough_parts_and_not_too_many(price: float, metres: float) -> None:
    problem = two(metres, price)
    units = scale_of(problem).costs(metres * price)
    assert units == round(metres * price) or 1e4 <= units <= 1e7
