"""Programs kept of many: beside all choices there are, and within what each holder takes."""

from itertools import combinations

import numpy as np
import pytest

from optimizers.lighting.programs.opening import exchanged, within


def total(cost: np.ndarray, kept: np.ndarray | tuple[int, ...]) -> float:
    return float(cost[:, list(kept)].min(axis=1).sum())


def test_exchanges_never_cost_and_mostly_end_at_the_best_choice() -> None:
    best, count = 0, 60
    for seed in range(count):
        rng = np.random.default_rng(seed)
        cost = rng.random((12, 8)) * 100
        cost[rng.random(cost.shape) < 0.3] = np.inf
        cost[:, 0] = 200.0  # serves all
        start = np.array([0, 1, 2])
        kept = exchanged(cost, start, 50)
        assert len(set(kept.tolist())) == 3
        assert total(cost, kept) <= total(cost, start) + 1e-9
        best += total(cost, kept) <= min(total(cost, some) for some in combinations(range(8), 3)) + 1e-9
        swaps = [np.where(kept == old, new, kept) for old in kept for new in range(8)]
        assert total(cost, kept) <= min(total(cost, some) for some in swaps) + 1e-6
    assert best >= 0.8 * count


def test_no_exchange_is_made_when_none_may_be() -> None:
    cost = np.array([[5.0, 1.0], [5.0, 1.0]])
    assert exchanged(cost, np.array([0]), 0).tolist() == [0]
    assert exchanged(cost, np.array([0]), 1).tolist() == [1]


@pytest.mark.parametrize(("most", "taken"), [(3, [0, 1, 2]), (2, [0, 1, 1]), (1, [1, 1, 1])])
def test_a_holder_gives_up_what_is_missed_least(most: int, taken: list[int]) -> None:
    cost = np.array([[1.0, 9.0, np.inf], [np.inf, 1.0, 9.0], [9.0, 2.0, 1.0]])
    assert within(cost, most).tolist() == taken
