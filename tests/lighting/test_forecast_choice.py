"""What is chosen under a forecast, and how a forecast is held to what came true."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.forecast import Calibration, cheapest
from optimizers.result import InvalidProblem

COST = np.array([0.4, 0.7, 1.0])
CHANCES = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(lambda p: sorted(p, reverse=True))


@given(st.lists(CHANCES, min_size=1, max_size=20), st.floats(0, 1e4))
def test_no_level_is_cheaper(chances: list[list[float]], price: float) -> None:
    exceeds = np.array(chances)
    total = COST + price * np.hstack([exceeds, np.zeros((len(exceeds), 1))])
    chosen = cheapest(exceeds, COST, price)
    assert np.array_equal(total[np.arange(len(exceeds)), chosen], total.min(axis=1))


@given(CHANCES, st.floats(0, 1e3), st.floats(0, 1e3))
def test_a_higher_price_never_chooses_less(chances: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    exceeds = np.array(chances)
    assert cheapest(exceeds, COST, low) <= cheapest(exceeds, COST, high)


def test_one_price_is_the_least_energy_at_its_share_too_low() -> None:
    """Against every choice over all hours: none is too low as rarely, in expectation, at less cost."""
    rng = np.random.default_rng(1)
    exceeds = np.sort(rng.random((6, 2)) ** 4, axis=1)[:, ::-1]
    chosen = cheapest(exceeds, COST, 3.0)
    beyond = np.hstack([exceeds, np.zeros((6, 1))])
    hours = np.arange(6)
    every = np.array(np.meshgrid(*[[0, 1, 2]] * 6)).reshape(6, -1).T
    too_low, cost = beyond[hours, every].sum(axis=1), COST[every].sum(axis=1)
    assert cost[too_low <= beyond[hours, chosen].sum() + 1e-12].min() == pytest.approx(COST[chosen].sum())


def test_what_is_not_known_is_bright_and_what_is_free_too() -> None:
    assert cheapest(np.array([[np.nan, np.nan], [0.1, np.nan], [0.0, 0.0]]), COST, 0.0).tolist() == [2, 2, 0]
    assert cheapest(np.array([[0.0, 0.0]]), np.ones(3), 5.0).tolist() == [2]
    assert cheapest(np.array([[1e-9, 0.0]]), COST, 1e12).tolist() == [1]


def test_a_choice_that_cannot_be() -> None:
    with pytest.raises(InvalidProblem) as caught:
        cheapest(np.zeros((2, 3)), np.array([1.0, 0.5]), math.inf)
    assert len(caught.value.problems) == 3


def test_a_forecast_that_holds_is_asked_for_a_little_more() -> None:
    ranks = (np.arange(99)[None] + 1) / 100
    held = Calibration(ranks)
    assert held.level(0.9) == pytest.approx([0.9])
    assert held.covered(0.9) == pytest.approx([90 / 99])


def test_a_forecast_too_narrow_is_widened_until_it_would_have_held() -> None:
    """Ranks pushed to the ends, as of a forecast half as wide as the truth."""
    rng = np.random.default_rng(4)
    normal = rng.normal(0, 2, (30, 400))
    ranks = 0.5 * (1 + np.vectorize(math.erf)(normal / math.sqrt(2)))
    past, later = Calibration(ranks[:, :200]), Calibration(ranks[:, 200:])
    assert np.mean(later.covered(0.9)) < 0.8
    level = past.level(0.9)
    assert (level > 0.95).all()
    covered = np.mean([Calibration(row[None]).covered(q)[0] for row, q in zip(ranks[:, 200:], level, strict=True)])
    assert covered == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / (30 * 200)))


def test_it_is_never_loosened_and_a_short_past_promises_nothing() -> None:
    careful = Calibration(np.full((1, 50), 0.2))
    assert careful.level(0.9).tolist() == [0.9]
    short = Calibration(np.array([[0.1, 0.5, np.nan], [np.nan] * 3]))
    assert short.level(0.9).tolist() == [1.0, 1.0]
    assert short.samples.tolist() == [2, 0]
    assert np.isnan(short.covered(0.9)[1])


@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0.01, 1), st.floats(0.01, 1))
def test_levels_rise_with_what_is_wanted(ranks: list[float], one: float, other: float) -> None:
    held = Calibration(np.array(ranks).reshape(1, -1))
    low, high = sorted((one, other))
    assert held.level(low) <= held.level(high) <= 1


def test_a_level_that_cannot_be() -> None:
    with pytest.raises(InvalidProblem, match=r"level 0 wants \(0, 1\]"):
        Calibration(np.zeros((1, 3))).level(0)
