"""Choices beside all there are: within their limits wherever any is, near the best, and never below the bound."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.lighting import choosing
from optimizers.lighting.choosing import _best_move as best_move
from optimizers.lighting.choosing import choose

AMOUNT = st.integers(0, 20).map(float)


def table(draw: st.DrawFn, *shape: int) -> np.ndarray:
    size = int(np.prod(shape))
    return np.array(draw(st.lists(AMOUNT, min_size=size, max_size=size))).reshape(shape)


@st.composite
def choices(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    units, options, rows = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    load = table(draw, units, options, rows) + 1
    limit = np.round(load.min(axis=1).sum(axis=0) * draw(st.sampled_from([0.8, 1.0, 1.3, 2.0])), 6)
    return table(draw, units, options), load, limit


@given(choices())
@settings(max_examples=50)
def test_a_choice_beside_all_of_them(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    cost, load, limit = case
    found = choose(cost, load, limit, np.ones(limit.size))
    units = np.arange(len(cost))
    everything = [np.array(one) for one in product(range(cost.shape[1]), repeat=len(cost))]
    fits = [one for one in everything if (load[units, one].sum(axis=0) <= limit + 1e-9).all()]
    assert found.cost == pytest.approx(cost[units, found.option].sum())
    assert found.bound <= found.cost + 1e-6
    if fits and limit.size == 1:
        assert (load[units, found.option].sum(axis=0) <= limit * (1 + 1e-9)).all()
        assert found.bound <= min(cost[units, one].sum() for one in fits) + 1e-6


def test_of_a_thousand_units_the_gap_is_that_of_a_few() -> None:
    """Four levels each, of which half the energy can be had: LP bound within a thousandth."""
    rng = np.random.default_rng(0)
    size = rng.uniform(1, 4, (1000, 1))
    saved = np.array([0.0, 0.1, 0.2, 0.3])
    cost, load = size * 10 * saved**2, (size * (1 - saved))[:, :, None]
    found = choose(cost, load, np.array([0.85 * size.sum()]), np.ones(1))
    assert load[np.arange(1000), found.option].sum() <= 0.85 * size.sum() * (1 + 1e-9)
    assert found.cost <= found.bound * 1.001


def test_what_cannot_be_kept_is_passed_by_as_little_as_can_be() -> None:
    cost, load = np.array([[0.0, 9.0], [0.0, 9.0]]), np.array([[[5.0], [3.0]], [[5.0], [2.0]]])
    found = choose(cost, load, np.array([4.0]), np.ones(1))
    assert found.option.tolist() == [1, 1]


def test_a_limit_of_higher_rank_is_kept_first() -> None:
    """Either the first limit is passed by 1 or the second by 3, relative."""
    cost, load = np.zeros((1, 2)), np.array([[[2.0, 1.0], [1.0, 4.0]]])
    assert choose(cost, load, np.ones(2), np.array([1.0, 1.0])).option.tolist() == [0]
    assert choose(cost, load, np.ones(2), np.array([100.0, 1.0])).option.tolist() == [1]


def test_options_that_differ_in_nothing_are_not_gone_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be kept is passed all the same; sums of one load differ by rounding, and that brings nothing."""
    moves = []
    monkeypatch.setattr(choosing, "_best_move", lambda *told: (moves.append(told), best_move(*told))[1])
    lit = [69.81793929414161, 8.830248803500485, 5.044650573324681, 9.155638962694002, 9.755042080186968]
    load = np.array([[lit] * 10, [[722.4, 89.8, 89.8, 89.8, 89.8]] * 10])
    limit = np.array([770.0, 22.0, 22.0, 22.0, 22.0])
    found = choose(np.zeros((2, 10)), load, limit, np.full(5, 1e3))
    assert found.cost == 0
    assert len(moves) < 1000


def test_a_limit_of_a_hundred_thousandth_is_not_gone_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes a limit so far is rounded by more than a move brings."""
    moves = []
    monkeypatch.setattr(choosing, "_best_move", lambda *told: (moves.append(told), best_move(*told))[1])
    rng = np.random.default_rng(3)
    load = rng.uniform(5e3, 2e4, (6, 1, 1)) * np.ones((6, 5, 1)) * (1 + 1e-15 * rng.integers(0, 5, (6, 5, 1)))
    choose(np.zeros((6, 5)), load, np.array([1.0]), np.array([1e3]))
    assert len(moves) < 20_000
