"""Which of some numbers equal which of others."""

import numpy as np

from optimizers.arrays import Ints


def join(wanted: Ints, keys: Ints) -> tuple[Ints, Ints]:
    """Every pair (index of wanted, index of keys) of equals, in the order of both."""
    order = np.argsort(keys, kind="stable")
    low, high = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
    count = high - low
    one = np.repeat(np.arange(len(wanted)), count)
    nth = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    return one, order[low[one] + nth]
