"""How the checker tells what it finds: of each object the worst slot, and how many more there are."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.problem import EnergyPlan, EnergyProblem
from optimizers.result import Violation

Constraint = Callable[[EnergyProblem, EnergyPlan], Iterator[Violation]]
Named = tuple[str, Sequence[str]]
"""A kind of object, and their names."""


def worst(
    constraint: str, of: Named, excess: Floats, unit: str, tolerance: float,
    why: Callable[[int, int], str] | None = None,
) -> Iterator[Violation]:  # fmt: skip
    """Of each object, by the worst excess (k, T), where it is more than is tolerated, `why` in slot t."""
    kind, names = of
    for i, name in enumerate(names):
        passed = excess[i] > tolerance
        if passed.any():
            t = int(excess[i].argmax())
            more = int(passed.sum()) - 1
            detail = f"slot {t}" + (f" and {more} more" if more else "") + (f": {why(i, t)}" if why else "")
            yield Violation(constraint, f"{kind} {name}", float(excess[i, t]), unit, detail)


def outside(
    constraint: str, of: Named, found: Floats, least: Floats | float, most: Floats | float, unit: str, tolerance: float
) -> Iterator[Violation]:  # fmt: skip
    """Values (k, T) that are not within least and most."""
    low, high = np.broadcast_to(least, found.shape), np.broadcast_to(most, found.shape)

    def why(i: int, t: int) -> str:
        return f"{found[i, t]:.9g} {unit}, wants {low[i, t]:.9g} to {high[i, t]:.9g}"

    yield from worst(constraint, of, np.maximum(low - found, found - high), unit, tolerance, why)


def missed(
    constraint: str, of: Named, found: Floats, wanted: Floats, unit: str, tolerance: float
) -> Iterator[Violation]:
    """Values (k, T) that are not what they follow from."""

    def why(i: int, t: int) -> str:
        return f"{found[i, t]:.9g} {unit}, wants {wanted[i, t]:.9g}"

    yield from worst(constraint, of, np.abs(found - wanted), unit, tolerance, why)
