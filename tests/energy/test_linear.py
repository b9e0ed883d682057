"""A linear program put together by blocks."""

import numpy as np
import pytest

from optimizers.energy.linear import Builder, named


def built() -> Builder:
    builder = Builder()
    x = builder.columns("charge", ("a", "b"), 3, upper=[[1.0], [2.0]], cost=[1.0, 2.0, 3.0])
    y = builder.columns("peak", ("all",), 1, lower=-np.inf, whole=True)
    rows = builder.rows("balance", ("a", "b"), 3, lower=0.0, upper=5.0)
    builder.put(rows, x, 2.0)
    builder.put(rows, y, -1.0)
    builder.put(rows, x, [[0.5], [-2.0]])
    builder.put(np.full((2, 3), -1), x, 9.0)
    builder.put(rows, np.full((2, 3), -1), 9.0)
    builder.pay(x[0, 0], 10.0)
    builder.move(rows[1], 1.0)
    return builder


def test_blocks_stand_one_after_the_other_and_values_are_broadcast() -> None:
    linear = built().linear()
    assert linear.shape == (6, 7)
    assert linear.cost.tolist() == [11, 2, 3, 1, 2, 3, 0]
    assert linear.upper.tolist() == [1, 1, 1, 2, 2, 2, np.inf]
    assert linear.lower.tolist() == [0] * 6 + [-np.inf]
    assert linear.whole.tolist() == [False] * 6 + [True]
    assert linear.row_lower.tolist() == [0, 0, 0, 1, 1, 1]
    assert linear.row_upper.tolist() == [5, 5, 5, 6, 6, 6]


def test_what_meets_twice_is_summed_and_what_is_nothing_left_out() -> None:
    linear = built().linear()
    dense = np.zeros(linear.shape)
    dense[linear.row, linear.index] = linear.value
    assert dense[:3, :3] == pytest.approx(np.eye(3) * 2.5)
    assert not dense[3:, 3:6].any()
    assert (dense[:, 6] == -1).all()
    assert linear.value.size == 9
    assert linear.value.all()


def test_products_are_those_of_the_matrix() -> None:
    linear, rng = built().linear(), np.random.default_rng(0)
    dense = np.zeros(linear.shape)
    dense[linear.row, linear.index] = linear.value
    x, y = rng.random(7), rng.random(6)
    assert linear.times(x) == pytest.approx(dense @ x)
    assert linear.times_back(y) == pytest.approx(dense.T @ y)


def test_columns_and_rows_are_told_by_name() -> None:
    linear = built().linear()
    assert [named(linear.columns, j) for j in (0, 5, 6)] == ["charge a 0", "charge b 2", "peak all"]
    assert named(linear.rows, 4) == "balance b 1"
    with pytest.raises(IndexError):
        named(linear.rows, 6)
