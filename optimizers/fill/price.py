"""rho, what avoiding an overflow is worth, so that a service level is met: found by simulation, then corrected."""

from collections.abc import Callable
from math import exp, log, sqrt


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
