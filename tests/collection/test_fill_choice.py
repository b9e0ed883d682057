"""Which bins a round visits, what visits are worth, and how rho is found."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincc

from optimizers.arrays import Floats
from optimizers.fill import (
    Belief,
    Terms,
    believed_at_first,
    calibrated_rho,
    choose,
    corrected_rho,
    costs_at_first,
    owed,
    usual_costs,
)

chances = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).map(sorted)


def test_the_likely_are_required_the_possible_have_a_prize_and_the_others_are_left() -> None:
    chosen = choose(np.array([[0.6, 0.9], [0.1, 0.3], [0.0, 0.004]]), Terms(rho=1000.0))
    assert chosen.required.tolist() == [True, False, False]
    assert chosen.candidate.tolist() == [False, True, False]
    assert chosen.prize.tolist() == pytest.approx([750.0, 200.0, 0.0])


def test_what_is_due_is_required_whatever_its_level() -> None:
    chosen = choose(np.zeros((2, 2)), Terms(), due=np.array([True, False]))
    assert chosen.required.tolist() == [True, False]


def test_a_visit_is_worth_what_its_bin_would_owe() -> None:
    chosen = choose(
        np.zeros((3, 1)), Terms(saves_above=0.3),
        level=np.array([0.2, 0.5, 1.4]), owes=np.array([50.0, 100.0, 200.0]),
    )  # fmt: skip
    assert chosen.candidate.tolist() == [False, True, True]
    assert chosen.prize.tolist() == pytest.approx([0.0, 100.0, 200.0])


def like(rates: Floats) -> Belief:
    """Bins of which nothing is learned but how fast they fill."""
    return replace(believed_at_first(np.zeros(len(rates), np.int64)), rate=rates)


@given(st.floats(0.02, 0.5), st.floats(1.0, 2000.0), st.floats(0.0, 1e5), st.floats(1.0, 3.0))
def test_an_empty_bin_owes_nothing_a_fuller_one_no_less_and_none_more_than_the_mean_detour(
    rate: float, cost: float, rho: float, gap_d: float
) -> None:
    level = np.linspace(0.0, 1.7, 18)
    owes = owed(like(np.full(18, rate)), level, np.full(18, cost), rho, gap_d=gap_d)
    assert owes[0] == 0.0
    assert (np.diff(owes) >= -1e-6 * cost).all()
    assert owes[-1] <= 1.375 * cost * (1 + 1e-9)


def test_a_bin_that_soon_is_full_owes_more_than_a_slow_one() -> None:
    owes = owed(like(np.array([0.05, 0.15, 0.3])), np.full(3, 0.5), np.full(3, 300.0), 10_000.0)
    assert (np.diff(owes) > 10.0).all()


def lived(price: Callable[[float], float], belief: Belief, cost: float, rho: float) -> float:
    """What rounds cost in the mean of a bin that is emptied wherever a day's detour is below a price of its level."""
    rng, rate, cv2 = np.random.default_rng(3), float(belief.rate[0]), float(belief.habits.cv2[0])
    came = rng.gamma(1.0 / cv2, rate * cv2, 30_000)
    offers = rng.choice([0.25, 0.75, 1.5, 3.0], len(came)) * cost
    level, total = 0.0, 0.0
    for new, offer in zip(came.tolist(), offers.tolist(), strict=True):
        if offer <= price(level):
            level, total = 0.0, total + offer
        level += new
        total += rho * (level > 1.0)
    return total / len(came)


@pytest.mark.parametrize("rate", [0.08, 0.2])
def test_no_share_of_the_usual_cost_for_what_is_in_a_bin_does_better_than_what_it_owes(rate: float) -> None:
    belief, cost, rho = like(np.array([rate])), 300.0, 5_000.0
    cv2 = float(belief.habits.cv2[0])
    levels = np.linspace(0.0, 2.0, 201)
    many = like(np.full(len(levels), rate))
    risk = rho * gammaincc(1.0 / cv2, np.maximum(1.0 - levels, 0.0) / (rate * cv2))
    owes = owed(many, levels, np.full(len(levels), cost), rho)
    ours = lived(lambda level: float(np.interp(level, levels, risk + owes)), belief, cost, rho)
    shares = [
        lived(lambda level, of=share: float(np.interp(level, levels, risk + of * cost * levels)), belief, cost, rho)
        for share in (0.0, 0.3, 0.6, 1.0, 1.5)
    ]
    assert ours < 1.01 * min(shares)
    assert ours < 0.9 * max(shares)


@given(st.lists(chances, min_size=1, max_size=5), st.floats(0.0, 1e6), st.floats(0.0, 1.0))
def test_a_prize_is_between_nothing_and_rho_and_nobody_is_both(
    rows: list[list[float]], rho: float, later: float
) -> None:
    chosen = choose(np.array(rows), Terms(rho=rho, later=later))
    assert not (chosen.required & chosen.candidate).any()
    assert ((chosen.prize >= 0) & (chosen.prize <= rho * (1 + 1e-9))).all()


@given(chances, chances, st.floats(0.0, 0.99))
def test_who_overflows_sooner_is_worth_no_less(a: list[float], b: list[float], later: float) -> None:
    sooner, less = np.maximum(a, b), np.minimum(a, b)
    chosen = choose(np.array([sooner, less]), Terms(later=later, candidate_above=0.0, required_above=2.0))
    assert chosen.prize[0] >= chosen.prize[1] - 1e-6


def test_rho_is_the_least_that_meets_the_service() -> None:
    assert calibrated_rho(lambda rho: 10.0 / rho, 0.01, steps=12) == pytest.approx(1000.0, rel=0.01)


def test_where_no_rho_meets_the_service_it_is_the_greatest() -> None:
    assert calibrated_rho(lambda _: 0.5, 0.01, most=1e5) == 1e5


def test_rho_rises_where_more_overflows_than_is_allowed_and_falls_where_less_does() -> None:
    assert corrected_rho(1000.0, 200.0, 9000.0, 0.01) > 1000.0
    assert corrected_rho(1000.0, 10.0, 9000.0, 0.01) < 1000.0
    assert corrected_rho(1000.0, 90.0, 9000.0, 0.01) == pytest.approx(1000.0)


@given(st.floats(100.0, 1e6), st.floats(0.0, 1e4), st.floats(1.0, 1e5), st.floats(1e-4, 0.5))
def test_rho_never_leaps(rho: float, overflown: float, bin_days: float, wanted: float) -> None:
    after = corrected_rho(rho, overflown, bin_days, wanted)
    assert rho / 1.25 - 1e-6 <= after <= rho * 1.25 + 1e-6


def test_corrections_find_the_rho_that_meets_the_service() -> None:
    rho = 200.0
    for _ in range(40):
        rho = corrected_rho(rho, 9000.0 * 10.0 / rho, 9000.0, 0.01)
    assert rho == pytest.approx(1000.0, rel=0.05)


LINE = np.abs(np.subtract.outer([1.0, 2.0, 10.0, 0.0], [1.0, 2.0, 10.0, 0.0]))
"""Bins 1, 2 and 10 from the depot, all on one street."""


def test_costs_of_visits_are_half_the_drives_to_and_from_them() -> None:
    after = usual_costs(np.zeros(3), [[0, 1]], LINE, learns=1.0)
    assert after.tolist() == [1.0, 1.5, 0.0]


def test_half_drives_of_a_round_are_the_round_but_for_its_ends() -> None:
    after = usual_costs(np.zeros(3), [[0, 1, 2]], LINE, learns=1.0)
    assert after.sum() == pytest.approx(20.0 - (1.0 + 10.0) / 2.0)


def test_a_remote_bin_costs_more_from_the_beginning() -> None:
    first = costs_at_first(LINE, near=1)
    assert first[2] == first.max()
