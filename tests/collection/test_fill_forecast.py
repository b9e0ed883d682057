"""How full bins are believed to be, and how well said chances of overflow hold."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.fill import (
    HOLIDAY,
    MARKET,
    Belief,
    Noise,
    believed_at_first,
    brier,
    calibration_error,
    carried,
    coverage,
    emptied,
    kinds_of,
    level_quantile,
    overflow_probability,
    read,
)
from tests.collection.made_bins import WEEKDAYS, Told, kinds, lived


@pytest.fixture(scope="module", params=[True, False], ids=["sensor", "no sensor"])
def told(request: pytest.FixtureRequest) -> Told:
    return lived(sensor=request.param)


def test_chances_of_overflow_are_what_they_say(told: Told) -> None:
    assert calibration_error(told.by_tomorrow, told.over_tomorrow) < 0.015
    assert calibration_error(told.in_three, told.over_in_three) < 0.025


def test_chances_tell_more_than_the_mean_does(told: Told) -> None:
    base = np.full(told.in_three.shape, told.over_in_three.mean())
    assert 0.01 < told.over_in_three.mean() < 0.5
    assert brier(told.in_three, told.over_in_three) < 0.75 * brier(base, told.over_in_three)


def test_who_knows_the_true_level_and_rate_but_no_chance_does_worse_than_a_sensor() -> None:
    told = lived(sensor=True)
    assert brier(told.by_tomorrow, told.over_tomorrow) < brier(told.persistent, told.over_tomorrow)


def test_each_bin_s_rate_is_learned(told: Told) -> None:
    believed = told.belief.rate * told.belief.habits.pace[told.belief.habits.group]
    assert np.corrcoef(believed, told.rate)[0, 1] > 0.95
    assert abs((believed / told.rate).mean() - 1.0) < 0.08


def test_a_sensor_knows_levels_better_than_its_own_noise() -> None:
    told = lived(sensor=True)
    assert np.std(told.level_error) < 0.04
    assert abs(np.mean(told.level_error)) < 0.01


def test_weekdays_are_learned_by_group() -> None:
    told = lived(sensor=True, days=250)
    factors = told.belief.habits.factor[:, :7]
    assert np.abs(factors / factors.mean(axis=1, keepdims=True) - WEEKDAYS).max() < 0.15
    assert 0.3 < np.sqrt(told.belief.habits.cv2[0]) < 0.65  # CV, less what is put down to levels


def one(level: float = 0.5, sd: float = 0.05, rate: float = 0.1, rate_cv: float = 0.1) -> Belief:
    first = believed_at_first(np.zeros(1, np.int64), rate, rate_cv=rate_cv)
    return replace(first, level=np.array([level]), level_var=np.array([sd**2]))


levels = st.floats(0.0, 1.5)
rates = st.floats(0.01, 0.6)
deviations = st.floats(0.0, 0.4)


@given(levels, deviations, rates, st.lists(st.floats(0.0, 3.0), min_size=2, max_size=6))
def test_a_chance_is_one_and_rises_with_time(level: float, sd: float, rate: float, days: list[float]) -> None:
    chance = overflow_probability(one(level, sd, rate), np.array([days]))[0]
    assert ((chance >= 0) & (chance <= 1)).all()
    assert (np.diff(chance) >= 0).all()


@given(levels, levels, deviations, rates)
def test_a_fuller_bin_overflows_no_later(a: float, b: float, sd: float, rate: float) -> None:
    low, high = (overflow_probability(one(level, sd, rate), np.ones((1, 3))) for level in sorted((a, b)))
    assert (low <= high + 1e-9).all()


@given(levels, deviations, rates, st.floats(0.05, 0.9))
def test_quantiles_rise_with_their_share_and_with_time(level: float, sd: float, rate: float, share: float) -> None:
    belief = one(level, sd, rate)
    days = np.ones((1, 3))
    low, high = level_quantile(belief, days, share)[0], level_quantile(belief, days, share + 0.05)[0]
    assert (low <= high + 1e-9).all()
    assert all(a <= b + 1e-9 for a, b in pairwise(level_quantile(belief, days, 0.5)[0].tolist()))


def test_a_chance_is_that_of_drawn_amounts() -> None:
    belief = one(0.6, 0.05, 0.1, rate_cv=0.2)
    rng = np.random.default_rng(1)
    draws = 200_000
    rate = np.maximum(rng.normal(0.1, 0.02, draws), 1e-3)
    level = rng.normal(0.6, 0.05, draws)
    until = np.cumsum(belief.habits.days(kinds(0, 1, 4))[0])
    cv2 = float(belief.habits.cv2[0])
    for day, days in enumerate(until.tolist()):
        drawn = level + rate * rng.gamma(days / cv2, cv2, draws)
        chance = overflow_probability(belief, belief.habits.days(kinds(0, 1, 4)))[0, day]
        assert chance == pytest.approx((drawn > 1.0).mean(), abs=0.03)


def test_loads_are_covered_as_often_as_asked() -> None:
    belief = one(0.5, 0.05, 0.1, rate_cv=0.2)
    rng, cv2 = np.random.default_rng(2), float(belief.habits.cv2[0])
    drawn = rng.normal(0.5, 0.05, 50_000) + rng.normal(0.1, 0.02, 50_000) * rng.gamma(2.0 / cv2, cv2, 50_000)
    top = level_quantile(belief, np.full((1, 1), 2.0), 0.9)[0, 0]
    assert coverage(drawn, np.full(50_000, -1.0), np.full(50_000, top)) == pytest.approx(0.9, abs=0.02)


def test_a_reading_moves_belief_towards_it_and_makes_it_surer() -> None:
    after, taken = read(one(0.5, 0.1), np.array([0.6]))
    assert taken.all()
    assert 0.5 < after.level[0] < 0.6
    assert after.level_var[0] < 0.1**2


def test_a_single_jump_is_not_believed_and_the_third_in_a_row_is() -> None:
    belief = one(0.3, 0.03)
    taken = []
    for _ in range(3):
        belief, was = read(belief, np.array([0.9]))
        taken.append(bool(was[0]))
    assert taken == [False, False, True]
    assert belief.level[0] == pytest.approx(0.9, abs=0.05)


def test_a_full_bin_far_above_belief_is_believed_the_second_time() -> None:
    belief, first = read(one(0.3, 0.03), np.array([1.0]))
    after, second = read(belief, np.array([1.0]))
    assert (first[0], second[0]) == (False, True)
    assert after.level[0] > 0.95  # full or more


def test_a_full_reading_does_not_empty_an_overfull_bin() -> None:
    after, _ = read(one(1.3, 0.1), np.array([1.0]))
    assert after.level[0] == pytest.approx(1.3, abs=0.005)


def test_a_full_reading_says_full_or_more() -> None:
    belief = one(0.95, 0.1)
    rng = np.random.default_rng(3)
    level = rng.normal(0.95, 0.1, 400_000)
    kept = level[level + rng.normal(0.0, 0.05, 400_000) >= 0.97]
    after, _ = read(belief, np.array([1.0]), noise=Noise(surge=0.0))
    assert after.level[0] == pytest.approx(kept.mean(), abs=0.002)
    assert after.level_sd[0] == pytest.approx(kept.std(), abs=0.002)


def test_nothing_heard_changes_nothing() -> None:
    before = one()
    after, taken = read(before, np.array([np.nan]))
    assert not taken.any()
    assert after.level == before.level
    assert after.rate == before.rate


def test_an_emptied_bin_is_empty_and_what_was_found_teaches_its_rate() -> None:
    belief = believed_at_first(np.zeros(2, np.int64), 0.1)
    empty = emptied(belief, np.array([True, True]), np.array([np.nan, np.nan]))
    for day in range(5):
        empty = carried(empty, kinds(day, 2)[:, 0])
    after = emptied(empty, np.array([True, True]), np.array([0.8, 0.2]))
    assert after.level.tolist() == [0.0, 0.0]
    assert after.rate[0] > 0.12
    assert after.rate[1] < 0.08


def test_uncertainty_grows_while_nothing_is_heard() -> None:
    belief = one(0.2, 0.02)
    later = carried(carried(belief, kinds(0, 1)[:, 0]), kinds(1, 1)[:, 0])
    assert later.level_var[0] > belief.level_var[0]
    assert later.level[0] == pytest.approx(0.4, abs=0.03)


def test_two_half_days_are_a_day() -> None:
    whole = carried(one(), kinds(0, 1)[:, 0])
    halves = carried(carried(one(), kinds(0, 1)[:, 0], 0.5), kinds(0, 1)[:, 0], 0.5)
    assert halves.level == pytest.approx(whole.level)
    assert halves.level_var == pytest.approx(whole.level_var, rel=0.05)


def test_a_market_is_held_on_its_weekday_but_not_on_a_holiday() -> None:
    found = kinds_of([5, 6, 5], [False, False, True], np.array([5, -1]))
    assert found.tolist() == [[MARKET, 6, HOLIDAY], [5, 6, HOLIDAY]]
