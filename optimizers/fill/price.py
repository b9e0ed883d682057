"""What visits cost and overflows are worth: usual costs learned from rounds, and rho, found by simulation."""

from collections.abc import Callable, Sequence
from math import exp, log, sqrt

import numpy as np

from optimizers.arrays import Floats


def calibrated_rho(
    overflow_share: Callable[[float], float], wanted: float, *, least: float = 100.0, most: float = 1e6, steps: int = 6
) -> float:  # fmt: skip
    """The least rho found in least…most whose overflow is at most `wanted`, a share of bin-days; `most` if none is.

    overflow_share   of a simulation with that rho; falls as rho rises, as far as chance lets it

    Halves the interval of log(rho) `steps` times: the answer is within (most / least) ** (0.5 ** steps).
    """
    low, high = least, most
    for _ in range(steps):
        middle = sqrt(low * high)
        low, high = (low, middle) if overflow_share(middle) <= wanted else (middle, high)
    return high


def corrected_rho(
    rho: float, overflown: float, bin_days: float, wanted: float, *, patience: float = 20.0, most: float = 1.25,
    least_rho: float = 100.0, most_rho: float = 1e6,
) -> float:  # fmt: skip
    """rho after a period in which bins overflowed on `overflown` of `bin_days`, where a share `wanted` is allowed.

    Drawn towards no change by `patience` overflows, changed by no more than the factor `most` a period.
    """
    ratio = (overflown + patience) / (wanted * bin_days + patience)
    step = min(max(log(ratio), -log(most)), log(most))
    return min(max(rho * exp(step), least_rho), most_rho)


def usual_costs(costs: Floats, rounds: Sequence[Sequence[int]], leg: Floats, *, learns: float = 0.15) -> Floats:
    """What a visit to each bin usually costs (n,), after one more day of rounds.

    rounds       bins of each round in order, between the depot and the depot
    leg (n + 1, n + 1)   cost of a drive between bins; the depot is the last of both

    Of each bin visited half of the two drives to and from it, moved towards that by the share it `learns`.
    """
    after = costs.copy()
    depot = len(costs)
    for stops in rounds:
        path = [depot, *stops, depot]
        for at in range(1, len(path) - 1):
            half = (leg[path[at - 1], path[at]] + leg[path[at], path[at + 1]]) / 2.0
            after[path[at]] += learns * (half - after[path[at]])
    return after


def costs_at_first(leg: Floats, near: int = 3) -> Floats:
    """(n,) before any round: the drive to the bin's `near`th neighbour, and a tenth of that to the depot."""
    bins = np.sort(leg[:-1, :-1], axis=1)
    if not len(bins):
        return np.zeros(0)
    first: Floats = bins[:, min(near, bins.shape[1] - 1)] + leg[:-1, -1] / 10.0
    return first
