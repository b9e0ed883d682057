"""Forecasts by like days: nothing of the future in them, margins that hold as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.energy.likedays import LEVEL, SMOOTHING, foretell, instead, nearer, usable

SLOTS, SITES = 8, 3


def all_like(days: int, slots: int = SLOTS) -> np.ndarray:
    return np.ones((days, slots), np.bool_)


def flat(values: list[float]) -> np.ndarray:
    """(D, 8, 1) days of one power each."""
    return np.broadcast_to(np.array(values)[:, None, None], (len(values), SLOTS, 1)).copy()


def test_days_that_are_all_the_same_come_again_and_need_no_margin() -> None:
    found = foretell(flat([500.0] * 6), all_like(6), 4)
    assert (found.expected == 500.0).all()
    assert (found.margin == 0.0).all()
    assert (found.days == 6).all()
    assert found.coverage.tolist() == [1.0]
    assert found.pinball.tolist() == [0.0]


def test_each_like_day_teaches_its_share() -> None:
    days = [100.0, 200.0, 300.0]
    first = 100.0 + SMOOTHING * 100.0
    assert foretell(flat(days), all_like(3), 4).expected[0, 0] == pytest.approx(first + SMOOTHING * (300.0 - first))


def test_days_that_are_not_alike_teach_nothing() -> None:
    like = all_like(5)
    like[1::2] = False
    found = foretell(flat([100.0, 9e9, 100.0, 9e9, 100.0]), like, 4)
    assert (found.expected == 100.0).all()
    assert (found.margin == 0.0).all()
    assert (found.days == 3).all()


def test_what_is_not_known_of_a_slot_is_left_out_of_that_slot_alone() -> None:
    past = flat([100.0, 200.0])
    past[1, 3] = np.nan
    found = foretell(past, all_like(2), 4)
    assert found.expected[3, 0] == 100.0
    assert found.expected[2, 0] == pytest.approx(130.0)
    assert found.days[:, 0].tolist() == [2, 2, 2, 1, 2, 2, 2, 2]


def test_without_a_like_day_nothing_is_foretold() -> None:
    found = foretell(flat([100.0] * 4), np.zeros((4, SLOTS), np.bool_), 4)
    assert np.isnan(found.expected).all()
    assert np.isnan(found.coverage).all()
    assert not usable(found, 1).any()


def test_one_day_is_a_forecast_without_an_error_known_and_is_not_gone_by() -> None:
    found = foretell(flat([100.0]), all_like(1), 4)
    assert np.isfinite(found.expected).all()
    assert np.isnan(found.margin).all()
    assert not usable(found, 1).any()


def test_no_days_at_all_are_nothing_known() -> None:
    found = foretell(np.zeros((0, SLOTS, SITES)), all_like(0), 4)
    assert found.expected.shape == (SLOTS, SITES)
    assert not usable(found, 1).any()


def test_of_few_days_the_margin_is_the_greatest_error() -> None:
    found = foretell(flat([100.0, 100.0, 180.0, 90.0]), all_like(4), 4)
    assert found.margin[0, 0] >= 80.0


@given(seed=st.integers(0, 10_000), change=st.integers(0, 9))
def test_a_forecast_of_a_day_has_nothing_of_that_day_or_later(seed: int, change: int) -> None:
    """What a later day was changes no forecast made before it: so its error then is not its own."""
    rng = np.random.default_rng(seed)
    past = rng.gamma(2.0, 500.0, (10, SLOTS, SITES))
    other = past.copy()
    other[change:] *= 3.0
    one, two = (foretell(of[:change], all_like(change), 4) for of in (past, other))
    assert np.array_equal(one.expected, two.expected, equal_nan=True)
    assert np.array_equal(one.margin, two.margin, equal_nan=True)


@given(seed=st.integers(0, 10_000))
def test_scale_and_order_of_series_are_all_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    past = rng.gamma(2.0, 500.0, (12, SLOTS, SITES))
    found = foretell(past, all_like(12), 4)
    larger = foretell(past * 1024.0, all_like(12), 4)
    assert np.allclose(larger.expected, found.expected * 1024.0, rtol=1e-9)
    assert np.allclose(larger.margin, found.margin * 1024.0, rtol=1e-9)
    turned = foretell(past[:, :, ::-1], all_like(12), 4)
    assert np.array_equal(turned.expected[:, ::-1], found.expected)
    assert np.allclose(turned.margin[:, ::-1], found.margin)


@pytest.mark.parametrize("shape", [0.7, 2.0, 8.0], ids=["spiky", "usual", "smooth"])
def test_no_more_than_expected_and_margin_is_drawn_as_often_as_is_said(shape: float) -> None:
    """On 200 days that were not used: 90 % of the time at least, less what chance takes (three standard errors)."""
    rng = np.random.default_rng(7)
    drawn = rng.gamma(shape, 500.0 / shape, (60 + 200, 24, 1))
    kept = []
    for day in range(60, 260):
        found = foretell(drawn[day - 35 : day], all_like(35, 24), 4)
        kept.append(drawn[day] <= found.expected + found.margin)
    share = float(np.mean(kept))
    assert share >= LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / 200)
    assert share <= 0.99  # a margin that is never passed says nothing


def test_a_forecast_that_was_wrong_lately_has_a_wider_margin() -> None:
    """A load that begins to grow: its last days passed the margin of those before, by which that is widened."""
    steady = foretell(flat([1000.0, 1020.0] * 10), all_like(20), 4)
    grown = foretell(flat([1000.0, 1020.0] * 8 + [1300.0] * 4), all_like(20), 4)
    assert steady.coverage[0] == 1.0
    assert grown.coverage[0] < LEVEL
    assert grown.pinball[0] > steady.pinball[0]
    assert steady.margin[0, 0] < 30.0
    assert grown.margin[0, 0] > 300.0  # beyond the greatest error there was, of 290


def test_what_is_drawn_lately_counts_less_the_later() -> None:
    found = foretell(flat([100.0] * 6), all_like(6), 4)
    later = nearer(found, np.array([40.0]), np.arange(SLOTS, dtype=np.float64) * 2.0)
    assert later.expected[:3, 0].tolist() == [140.0, 120.0, 110.0]
    assert (nearer(found, np.array([np.nan]), np.zeros(SLOTS)).expected == 100.0).all()
    assert (nearer(found, np.array([-500.0]), np.zeros(SLOTS)).expected == 0.0).all()  # none is drawn below nothing


def test_usable_wants_every_slot_and_enough_days() -> None:
    past = np.random.default_rng(1).gamma(2.0, 500.0, (5, SLOTS, 2))
    past[:, 5, 1] = np.nan
    found = foretell(past, all_like(5), 4)
    assert usable(found, 3)[:, 0].all()
    assert usable(found, 3)[:, 1].tolist() == [True] * 5 + [False] + [True] * 2
    assert not usable(found, 6).any()


def test_another_forecast_stands_in_where_it_is_chosen() -> None:
    one = foretell(flat([100.0] * 4), all_like(4), 4)
    other = foretell(flat([900.0, 700.0]), all_like(2), 4)
    chosen = np.zeros((SLOTS, 1), np.bool_)
    chosen[2] = True
    mixed = instead(chosen, one, other)
    assert mixed.expected[2, 0] == 100.0
    assert mixed.expected[3, 0] == other.expected[3, 0]
    assert mixed.days[2:4, 0].tolist() == [4, 2]
    assert mixed.coverage.tolist() == one.coverage.tolist()  # the other had too few days to be measured
