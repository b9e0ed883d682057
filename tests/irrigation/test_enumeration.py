"""On small problems the plan is the cheapest of all that there are, and the bound is below every one of them."""

from dataclasses import replace

import numpy as np
import pytest

from optimizers.irrigation import Budgets, IrrigationProblem, check, example, generated, solve
from optimizers.irrigation.problem import Windows
from optimizers.result import Status
from tests.irrigation.enumeration import cheapest_eur

MOST = 2  # cycles a hydrozone


def thirsty(hydrozones: int, networks: int, days: int, seed: int) -> IrrigationProblem:
    """A made problem on which tonight matters: root zones near RAW, stretches of 75 minutes to water them in."""
    plain = generated(hydrozones, networks, days, 2, seed)
    windows = {**vars(plain.windows), "end_s": np.minimum(plain.windows.end_s, plain.windows.start_s + 4_500)}
    windows["most_cycles"] = np.full((hydrozones, days), MOST)
    zones = replace(plain.hydrozones, depletion_mm=np.minimum(1.1 * plain.hydrozones.raw_mm, plain.hydrozones.taw_mm))
    return replace(plain, windows=Windows(**windows), hydrozones=zones)


def compared(problem: IrrigationProblem) -> float:
    """The cheapest objective; the plan costs no less, its bound is no more, and it is as cheap where it says so."""
    plan, best = solve(problem), cheapest_eur(problem, MOST)
    near = 1e-6 * max(1.0, best)
    assert check(problem, plan) == []
    assert plan.objective >= best - near
    assert plan.bound <= best + near
    if plan.status is Status.OPTIMAL:
        assert plan.objective == pytest.approx(best, rel=1e-6)
    assert plan.objective <= best * 1.005 + near
    return best


@pytest.mark.parametrize("seed", range(8))
def test_one_network(seed: int) -> None:
    compared(thirsty(3, 1, 2, seed))


@pytest.mark.parametrize("seed", range(3))
def test_two_networks_and_three_days(seed: int) -> None:
    compared(thirsty(4, 2, 3, seed))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_a_budget_over_networks(seed: int, share: float) -> None:
    """Of tonight's water, and of all water."""
    plain = thirsty(3, 2, 2, seed)
    free = solve(plain)
    tonight = float((free.cycles * plain.hydrozones.cycle_m3).sum())
    budgets = Budgets(
        names=("tonight", "all"),
        limit_m3=np.array([share * tonight, 1.2 * share * tonight + 1.0]),
        member=np.ones((2, 3), np.bool_),
        nights=np.array([[1, 0], [1, 1]], np.bool_),
    )
    assert compared(replace(plain, budgets=budgets)) >= free.bound - 1e-6


def test_a_night_off_is_as_cheap_as_its_later_nights_make_it() -> None:
    """Nothing whole is decided tonight: what is left is a linear program, and its bound is its value."""
    plain = thirsty(3, 2, 3, 0)
    most = plain.windows.most_cycles.copy()
    most[:, 0] = 0
    off = replace(plain, windows=replace(plain.windows, most_cycles=most))
    assert solve(off).status is Status.OPTIMAL
    assert solve(off).later_cycles.any()
    compared(off)


def test_the_example_is_solved() -> None:
    problem = example(2)
    few = replace(problem, windows=replace(problem.windows, most_cycles=np.full((6, 3), 1)))
    plan = solve(few)
    assert plan.bound <= cheapest_eur(few, 1) + 1e-6
    assert plan.objective >= cheapest_eur(few, 1) - 1e-6
