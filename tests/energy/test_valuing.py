"""What stored energy is worth under many futures: held to linear programs, and to hand-made cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.arrays import Floats
from optimizers.energy.control import Cell
from optimizers.energy.selfuse import SelfUse, simulate
from optimizers.energy.valuing import STEPS, Futures, Valued, valued
from optimizers.result import InvalidProblem

CELL = Cell(
    capacity_wh=8_000.0, charge_max_w=4_000.0, discharge_max_w=4_000.0, charge_efficiency=0.9,
    discharge_efficiency=0.9,
)  # fmt: skip


def _futures(net_w: Floats) -> Futures:
    return Futures(net_w=net_w, weight=np.ones(net_w.shape))


def _valued(net_w: Floats, buy: Floats, sell: Floats) -> Valued:
    return valued(_futures(net_w), buy[None], sell[None], CELL, np.ones(len(buy)))


def _least_cost(net_w: Floats, buy: Floats, sell: Floats) -> float:
    """By a linear program that knows all: charge, discharge, import, export, stored; nothing stored is sold."""
    from scipy.optimize import linprog

    slots = len(net_w)
    eye, none = np.eye(slots), np.zeros((slots, slots))
    meter = np.hstack([eye, -eye, -eye, eye, none])
    store = np.hstack([-0.9 * eye, eye / 0.9, none, none, eye - np.eye(slots, k=-1)])
    upper = [4_000.0] * slots + np.minimum(4_000.0, np.maximum(net_w, 0)).tolist()
    upper += [np.inf] * (2 * slots) + [8_000.0] * slots
    costs = np.concatenate([np.zeros(2 * slots), buy, -sell, np.zeros(slots)]) / 1000.0
    found = linprog(
        costs, A_eq=np.vstack([-meter, store]), b_eq=np.concatenate([net_w, np.zeros(slots)]),
        bounds=[(0, most) for most in upper],
    )  # fmt: skip
    assert found.status == 0
    return float(found.fun)


def _paid(net_w: Floats, power_w: Floats, buy: Floats, sell: Floats) -> float:
    meter = (net_w + power_w) / 1000.0
    return float(buy @ np.maximum(meter, 0) - sell @ np.maximum(-meter, 0))


slots = st.lists(
    st.tuples(st.floats(-4_000, 4_000), st.floats(0.05, 0.6), st.floats(0.0, 0.05)), min_size=2, max_size=10
)


@settings(max_examples=60, deadline=None)
@given(slots=slots)
def test_with_one_future_it_comes_to_what_a_program_that_knows_all_comes_to(
    slots: list[tuple[float, float, float]],
) -> None:
    net, buy, sell = (np.array(column) for column in zip(*slots, strict=True))
    found = _valued(net[None, None], buy, sell)
    best = _least_cost(net, buy, sell)
    part_eur = 8.0 / STEPS * buy.max()  # what the grid may cost in a slot
    assert best - 1e-6 <= found.expected_eur[0, 0] <= best + part_eur * len(net)
    rule = SelfUse(
        reserve_wh=found.rule.reserve_wh[0], filled_wh=found.rule.filled_wh[0], fill_w=found.rule.fill_w[0],
        kept_wh=found.rule.kept_wh[0],
    )  # fmt: skip
    power, _ = simulate(rule, net, np.full(len(net), 3600.0), CELL)
    paid = _paid(net, power, buy, sell)
    assert best - 1e-6 <= paid <= best + part_eur * len(net)


@settings(max_examples=40, deadline=None)
@given(net=st.lists(st.lists(st.floats(-4_000, 4_000), min_size=4, max_size=4), min_size=1, max_size=4))
def test_the_more_is_stored_the_less_it_costs_and_the_less_a_kwh_more_is_worth(net: list[list[float]]) -> None:
    buy, sell = np.array([0.1, 0.4, 0.2, 0.5]), np.full(4, 0.05)
    found = _valued(np.array(net)[None], buy, sell)
    slopes = np.diff(found.expected_eur[0])
    assert (slopes <= 1e-9).all()
    assert (np.diff(slopes) >= -1e-9).all()
    assert (np.diff(found.stored_eur_kwh, axis=-1) <= 1e-6).all()


def test_cheap_energy_is_bought_for_dear_hours_as_far_as_it_pays() -> None:
    found = _valued(np.full((1, 1, 2), 3_600.0), np.array([0.2, 0.5]), np.zeros(2))
    assert found.rule.filled_wh[0, 0] == pytest.approx(4_000.0)  # 3600 Wh drawn / 0.9
    assert found.rule.filled_wh[0, 1] == 0 and found.rule.reserve_wh[0, 1] == 0
    same = _valued(np.full((1, 1, 2), 3_600.0), np.array([0.45, 0.5]), np.zeros(2))
    assert same.rule.filled_wh[0, 0] == 0  # 0.45 / 0.81 is dearer than 0.5
    assert same.rule.reserve_wh[0, 0] == pytest.approx(4_000.0)  # yet what is there is kept for it


def test_what_may_come_of_the_sun_is_weighed_against_what_may_not() -> None:
    """Sun that fills the battery for nothing, or does not come: it is filled first as far as the odds say it pays."""
    net = np.array([[0.0, -3_000.0, 2_400.0], [0.0, 0.0, 2_400.0]])[None]

    def filled(sunny: float, second: float) -> float:
        futures = Futures(net_w=net, weight=np.ones(net.shape) * np.array([sunny, 1 - sunny])[None, :, None])
        buy = np.array([[0.2, second, 0.5]])
        return float(valued(futures, buy, np.zeros((1, 3)), CELL, np.ones(3)).rule.filled_wh[0, 0])

    assert filled(0.5, 0.2) == 0  # it can be bought as cheap when it is known
    assert filled(0.6, 0.4) == 0  # 40 % of 0.4 saved by 0.2 paid
    assert filled(0.1, 0.4) == pytest.approx(2_400 / 0.9, abs=8_000 / STEPS)  # 90 % of it


def test_surplus_that_sells_better_than_it_stores_is_sold() -> None:
    net, buy = np.array([[[-2_000.0, 1_000.0]]]), np.array([0.3, 0.3])
    assert _valued(net, buy, np.array([0.28, 0.0])).rule.kept_wh[0, 0] == 0
    assert _valued(net, buy, np.array([0.2, 0.0])).rule.kept_wh[0, 0] > 0


def test_it_fills_from_the_grid_no_further_than_the_limit() -> None:
    found = valued(
        _futures(np.array([[[1_000.0, 4_000.0]]])), np.array([[0.1, 0.5]]), np.zeros((1, 2)), CELL, np.ones(2),
        limit_w=2_500.0,
    )  # fmt: skip
    rule = SelfUse(
        reserve_wh=found.rule.reserve_wh[0], filled_wh=found.rule.filled_wh[0], fill_w=found.rule.fill_w[0],
        kept_wh=found.rule.kept_wh[0],
    )  # fmt: skip
    assert rule.power_w(0, 1_000.0, 0.0, CELL, 3600.0) == pytest.approx(1_500.0)


def test_several_batteries_are_valued_as_each_alone() -> None:
    net = np.array([[[500.0, -2_000.0, 3_000.0]], [[-500.0, 1_000.0, 2_000.0]]])
    buy, sell = np.array([[0.1, 0.2, 0.4]] * 2), np.full((2, 3), 0.05)
    both = valued(_futures(net), buy, sell, CELL, np.ones(3))
    for b in range(2):
        one = valued(_futures(net[b : b + 1]), buy[b : b + 1], sell[b : b + 1], CELL, np.ones(3))
        assert np.array_equal(one.expected_eur[0], both.expected_eur[b])
        assert np.array_equal(one.rule.filled_wh[0], both.rule.filled_wh[b])


def test_futures_tell_all_that_is_wrong_with_them() -> None:
    with pytest.raises(InvalidProblem) as told:
        Futures(net_w=np.full((1, 2, 3), np.nan), weight=np.full((1, 2, 3), -1.0))
    assert len(told.value.problems) == 3


def test_an_evening_with_guests_or_without_is_neither_of_them_by_halves() -> None:
    """Ways that go on as they begin: all of it is bought where half the odds pay, the sure part where they do not."""
    net = np.array([[500.0] * 5, [500.0] + [2_000.0] * 4])[None]

    def filled(cheap: float, turning_h: float) -> float:
        futures = Futures(net_w=net, weight=np.ones(net.shape))
        buy = np.array([[cheap, 0.5, 0.5, 0.5, 0.5]])
        found = valued(futures, buy, np.zeros((1, 5)), CELL, np.ones(5), turning_h=turning_h)
        return float(found.rule.filled_wh[0, 0])

    assert filled(0.15, 0.0) == pytest.approx(8_000.0)
    assert filled(0.3, 0.0) == pytest.approx(2_000.0 / 0.9, abs=8_000 / STEPS)
    assert filled(0.3, 0.0) < filled(0.3, 1.0) < filled(0.15, 1.0) < filled(0.15, 0.0)
