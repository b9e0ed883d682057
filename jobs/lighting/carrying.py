"""A night that is planned again after it has begun: what lamps were told of its past stays as it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats


@dataclass(frozen=True, eq=False)
class Told:
    """`flux` (m, k): what the plan in force told m lamps of the k slots that are over."""

    lamps: Sequence[str]
    flux: Floats


def carried_on(
    floor: Floats, ceiling: Floats, burning: Bools, told: Told, lamps: Sequence[str], ramp_per_slot: float
) -> Floats:  # fmt: skip
    """The floors (n, T) of what is left of a night, behind what was told of the rest.

    Brighter than a lamp was told it becomes by its ramp, so that no more light is asked of slots that are over: `ramp`
    a slot. Lamps that were told nothing keep their floors, and so do those whose order has since become stricter.
    """
    over, row = told.flux.shape[1], {lamp: i for i, lamp in enumerate(told.lamps)}
    known = np.array([lamp in row for lamp in lamps], np.bool_)
    past = floor[:, :over].copy()
    past[known] = told.flux[[row[lamp] for lamp in lamps if lamp in row]]
    past = np.where(past <= np.maximum(ceiling[:, :over], floor[:, :over]), past, floor[:, :over])
    carried = np.hstack([past, floor[:, over:]])
    if not (0 < over < floor.shape[1] and burning[over - 1] and burning[over]):
        return carried
    ahead = np.arange(1, floor.shape[1] - over + 1)
    reach = np.round(past[:, -1:] + ramp_per_slot * ahead, 12)
    bound = known & (past[:, -1] > 0)
    carried[:, over:] = np.where(bound[:, None], np.minimum(floor[:, over:], reach), floor[:, over:])
    return carried
