"""Lighting classes: from what a street is and the traffic on it to the light it needs. CEN/TR 13201-1, EN 13201-2.

The tables are configuration (the report itself calls its weights an example for national adaptation). Weights are
decimals; inside arrays they are whole thousandths, so that a sum is exact and rounds to the brighter class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from optimizers.result import InvalidProblem

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MILLI = Decimal(1000)


def thousandths(weight: Decimal) -> int:
    """A weight as whole thousandths. Raises InvalidProblem for finer ones."""
    scaled = weight * _MILLI
    if scaled != scaled.to_integral_value():
        raise InvalidProblem([f"weight {weight} has more than three decimals"])
    return int(scaled)


@dataclass(frozen=True, slots=True)
class TrafficBands:
    """Weight of traffic by its share of capacity: `busy` above `busy_above`, `quiet` below `quiet_below`."""

    busy_above: float
    quiet_below: float
    busy: Decimal
    normal: Decimal
    quiet: Decimal

    def __post_init__(self) -> None:
        if not 0 <= self.quiet_below <= self.busy_above <= 1:
            raise InvalidProblem(
                [f"quiet_below {self.quiet_below}, busy_above {self.busy_above}: want to be fractions in that order"]
            )
        if not self.quiet <= self.normal <= self.busy:
            raise InvalidProblem([f"weights {self.quiet}, {self.normal}, {self.busy} want to grow with traffic"])

    def weight(self, share: Floats) -> Ints:
        """Thousandths, shaped as `share`. NaN, which is to say unknown, weighs as busy: the brightest."""
        bands = np.array([thousandths(self.quiet), thousandths(self.normal), thousandths(self.busy)])
        band = np.where(share < self.quiet_below, 0, np.where(share <= self.busy_above, 1, 2))
        weights: Ints = bands[band]
        return weights

    def relief(self, share: Floats) -> Ints:
        """Thousandths by which traffic weighs less than when it is busy, 0 or more, shaped as `share`."""
        return thousandths(self.busy) - self.weight(share)


@dataclass(frozen=True, slots=True)
class ClassSystem:
    """One family of classes: M (luminance, cd/m²), P or C (illuminance, lx).

    `levels` are the maintained averages required, brightest class first; the brightest class has number `first`.
    Class number = `base` minus the sum of weights, rounded to the brighter class and clamped to the table.
    `weights` give for each parameter that does not change by night the weight of each of its options.
    """

    letter: str
    unit: str
    first: int
    levels: tuple[float, ...]
    weights: Mapping[str, Mapping[str, Decimal]]
    base: Decimal = Decimal(6)

    def __post_init__(self) -> None:
        if not self.levels or self.levels[-1] <= 0 or any(a <= b for a, b in pairwise(self.levels)):
            raise InvalidProblem(
                [f"class {self.letter}: levels {self.levels} want to fall from class to class, above 0"]
            )

    @property
    def last(self) -> int:
        """Number of the dimmest class."""
        return self.first + len(self.levels) - 1

    def label(self, number: int) -> str:
        return f"{self.letter}{number}"

    def number_of(self, label: str) -> int:
        """Number of a class written as `M3`. Raises InvalidProblem for one this family does not have."""
        digits = label.removeprefix(self.letter)
        if digits == label or not digits.isdecimal() or not self.first <= int(digits) <= self.last:
            raise InvalidProblem([f"{label!r} is no class, wants {self.label(self.first)} to {self.label(self.last)}"])
        return int(digits)

    def static_sum(self, options: Mapping[str, str]) -> int:
        """Sum in thousandths of the weights of the options a street has. Raises InvalidProblem with every wrong one."""
        problems = [
            f"{self.letter}: {parameter} is {options.get(parameter)!r}, wants one of {', '.join(weights)}"
            for parameter, weights in self.weights.items()
            if options.get(parameter) not in weights
        ]
        problems += [f"{self.letter}: no parameter {name!r}" for name in options if name not in self.weights]
        if problems:
            raise InvalidProblem(problems)
        return sum(thousandths(self.weights[parameter][option]) for parameter, option in options.items())

    def number(self, weight_sum: npt.NDArray[Any]) -> Ints:
        """Class numbers for sums of weights in thousandths, same shape."""
        exact = thousandths(self.base) - np.asarray(weight_sum, np.int64)
        return np.clip(exact // 1000, self.first, self.last)

    def level(self, number: npt.NDArray[Any]) -> Floats:
        """Maintained average level each class number requires, in `unit`."""
        levels: Floats = np.asarray(self.levels)[np.asarray(number) - self.first]
        return levels

    def delivered(self, level: Floats) -> Ints:
        """Number of the brightest class a level still meets; one past the dimmest where it meets none."""
        rising = np.asarray(self.levels[::-1])
        # A level that was rounded on its way through a fraction of full still meets its class.
        met = np.searchsorted(rising, level * (1 + 1e-9), side="right")
        return self.first + len(self.levels) - met


def required_flux(level: Floats, level_full: Floats, grid: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Relative flux that gives a maintained `level` by a lamp that gives `level_full` at full, and where it cannot.

    Both levels in one unit; broadcast together. Flux is rounded up to a multiple of `grid` and capped at 1.
    """
    ratio = np.asarray(level / level_full)
    steps = np.ceil(ratio / grid - 1e-9)
    return np.minimum(np.round(steps * grid, 12), 1.0), ratio > 1 + 1e-9
