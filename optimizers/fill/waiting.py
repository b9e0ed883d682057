"""What a bin owes for its level: what letting it wait costs later, and an early visit on the way is therefore worth.

A bin is visited when a truck passes near enough. How near it passes is another matter each day, so whoever decides
compares today's detour with what is to be expected of the days to come: the rule of optimal stopping, found for each
bin by itself. A problem of inventory and routing of many bins falls apart into such ones where detours are given.
"""

import numpy as np

from optimizers.arrays import Floats
from optimizers.fill.belief import Belief

_MOST = 1.6
_STEP = 0.05
_GRID = np.arange(0.0, _MOST + _STEP / 2, _STEP)
"""Levels for which it is reckoned; above the last one a bin owes no more."""
_OFFERS = (0.25, 0.75, 1.5, 3.0)
"""Detours that days offer, each as likely, of the usual one. Ours."""
_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
_CHANCES = 60
"""Reckoned so far ahead: ten weeks of six rounds, longer than all but the slowest bins take to fill."""
_LEAST_RATE = 0.01


def owed(belief: Belief, level: Floats, cost: Floats, rho: float, *, gap_d: float = 1.0) -> Floats:
    """(n,) what each bin owes if a round at which it is so full leaves it, above what an empty one owes.

    level (n,)   expected at the round
    cost (n,)    the usual detour of a visit, in rho's unit
    rho          what a day of overflow is worth avoiding
    gap_d        days from one possible round to the next, on the mean
    """
    table = _owed(np.maximum(belief.rate, _LEAST_RATE), belief.habits.cv2, cost, rho, gap_d)
    at = np.clip(level, 0.0, _MOST - 1e-9) / _STEP
    low, rows = at.astype(np.int64), np.arange(len(level))
    between: Floats = table[rows, low] + (at - low) * (table[rows, low + 1] - table[rows, low])
    return between


def _owed(rate: Floats, cv2: Floats, cost: Floats, rho: float, gap_d: float) -> Floats:
    """(n, G) by level of `_GRID`, by relative value iteration: each round offers a detour, and a bin is visited where
    that and an empty bin's future cost less than the overflow of the days until the next round and its own future.
    """
    step, over = _days_between(rate, cv2, gap_d)
    offers = cost[:, None] * np.array(_OFFERS)
    value = np.zeros(over.shape)
    for _ in range(_CHANCES):
        left = rho * gap_d * over + _next(step, value)
        value = np.minimum(left[:, :, None], left[:, :1, None] + offers[:, None, :]).mean(axis=2)
        value -= value[:, :1]
    future = _next(step, value)
    rising: Floats = np.maximum.accumulate(future - future[:, :1], axis=1)
    return rising


def _days_between(rate: Floats, cv2: Floats, gap_d: float) -> tuple[Floats, Floats]:
    """(n, G, G) from which level to which a bin comes until the next round, and (n, G) how likely it is full then."""
    from scipy.special import gammaincinv  # noqa: PLC0415 - a quarter of a second that every command would pay

    came = gammaincinv((gap_d / cv2)[:, None], np.array(_SHARES)) * (rate * cv2)[:, None]
    after = _GRID[None, :, None] + came[:, None, :]
    at = np.minimum(after, _MOST - 1e-9) / _STEP
    low = at.astype(np.int64)
    share = (at - low) / len(_SHARES)
    step = np.zeros((len(rate), len(_GRID), len(_GRID)))
    rows, levels = np.ogrid[: len(rate), : len(_GRID)]
    for k in range(len(_SHARES)):
        step[rows, levels, low[:, :, k]] += 1.0 / len(_SHARES) - share[:, :, k]
        step[rows, levels, low[:, :, k] + 1] += share[:, :, k]
    return step, (after > 1.0).mean(axis=2)


def _next(step: Floats, value: Floats) -> Floats:
    expected: Floats = np.matmul(step, value[:, :, None])[:, :, 0]
    return expected
