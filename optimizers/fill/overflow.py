"""How likely bins overflow by when, and how much will be found in them."""

import numpy as np

from optimizers.arrays import Floats
from optimizers.fill.belief import Belief

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_SHARES = _WEIGHTS / _WEIGHTS.sum()


def overflow_probability(belief: Belief, days: Floats, full: float = 1.0) -> Floats:
    """(n, D) probability that a bin is above `full` by the end of each of D steps, if it is not emptied before.

    days (n, D)   day-equivalents of each step: `belief.habits.days(kinds)`

    What comes is gamma distributed about the rate that is believed; errors of level and rate are taken for normal (15
    nodes of Gauss and Hermite). Within 0.03 of what is drawn where a rate is off by a fifth of itself.
    """
    from scipy.special import gammaincc  # noqa: PLC0415 - a quarter of a second that every command would pay

    until = np.maximum(np.cumsum(days, axis=1), 1e-9)
    room = full - belief.level[:, None, None] - _error_sd(belief, until)[:, :, None] * _NODES
    spread = belief.habits.cv2[:, None]
    shape = (until / spread)[:, :, None]
    scale = (belief.rate[:, None] * spread)[:, :, None]
    over = np.where(room > 0, gammaincc(shape, np.maximum(room, 0.0) / scale), 1.0)
    by_then: Floats = np.maximum.accumulate((over * _SHARES).sum(axis=2), axis=1)
    return np.clip(by_then, 0.0, 1.0)


def level_quantile(belief: Belief, days: Floats, share: float = 0.5) -> Floats:
    """(n, D) the level under which a bin is with this probability at the end of each step: 0.9 for loads to allow for.

    By a gamma distribution of the same mean and variance.
    """
    from scipy.special import gammaincinv  # noqa: PLC0415 - as above

    until = np.cumsum(days, axis=1)
    mean = np.maximum(belief.level[:, None] + belief.rate[:, None] * until, 1e-6)
    variance = _error_sd(belief, until) ** 2 + (belief.habits.cv2 * belief.rate**2)[:, None] * until
    shape = mean**2 / np.maximum(variance, 1e-9)
    # Beyond a million the distribution is a point, and its inverse slow.
    level: Floats = np.where(
        shape < 1e6, gammaincinv(np.minimum(shape, 1e6), share) * mean / np.minimum(shape, 1e6), mean
    )
    return level


def _error_sd(belief: Belief, until: Floats) -> Floats:
    """(n, D) standard deviation of what is believed of level and rate, at these day-equivalents from now."""
    variance = (
        belief.level_var[:, None] + 2.0 * until * belief.covariance[:, None] + until**2 * belief.rate_var[:, None]
    )
    return np.sqrt(np.maximum(variance, 0.0))
