"""Choosing under a forecast: the level whose cost, and price of falling short, are least together."""

import numpy as np

from optimizers.forecast.hours import Floats, Ints
from optimizers.result import InvalidProblem


def cheapest(exceeds: Floats, cost: Floats, price: float) -> Ints:
    """(…) index of the level to choose, 0 the least, where one of L levels is needed.

    exceeds (…, L - 1)  probability that more than level 0, …, L - 2 is needed, falling with the level; where any is
                        NaN, nothing is known and the highest level is chosen
    cost (L,)           of each level, rising
    price               of falling short, in the unit of the cost, 0 or more, finite

    One price over all hours is the Lagrangian of the least cost at a given share of hours too low: the curve of both
    is traced by it. The higher the price, the higher the level; of equals the higher. Raises InvalidProblem.
    """
    levels = len(cost)
    wrong = [
        (exceeds.shape[-1:] != (levels - 1,), f"exceeds of shape {exceeds.shape} wants {levels - 1} at its end"),
        (bool((np.diff(cost) < 0).any()), "cost wants to rise with the level"),
        (not 0 <= price < np.inf, f"price {price} wants 0 or more, and an end"),
    ]
    if problems := [text for bad, text in wrong if bad]:
        raise InvalidProblem(problems)
    total = cost + price * np.concatenate([exceeds, np.zeros((*exceeds.shape[:-1], 1))], axis=-1)
    chosen = levels - 1 - np.argmin(total[..., ::-1], axis=-1)
    return np.where(np.isnan(exceeds).any(axis=-1), levels - 1, chosen)
