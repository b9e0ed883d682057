"""How good probabilities were: Brier's score, calibration error, coverage of intervals."""

import numpy as np

from optimizers.arrays import Bools, Floats


def brier(probability: Floats, happened: Bools) -> float:
    """Mean squared error of probabilities (Brier 1950): 0 is perfect."""
    return float(np.mean((probability - happened) ** 2))


def calibration_error(probability: Floats, happened: Bools, bins: int = 10) -> float:
    """Expected calibration error: mean difference of probability and frequency over equal bins, by their number."""
    said_to_be, was = probability.ravel(), happened.ravel().astype(np.float64)
    place = np.minimum((said_to_be * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    said, seen = (np.bincount(place, weights=values, minlength=bins) for values in (said_to_be, was))
    return float(np.abs(said - seen).sum() / count.sum())


def coverage(value: Floats, low: Floats, high: Floats) -> float:
    """Share of values within their intervals."""
    return float(np.mean((value >= low) & (value <= high)))
