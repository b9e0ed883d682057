"""Budgets over networks: each network for itself, and where they take too much together, at a price of water."""

from collections.abc import Sequence

import numpy as np

from optimizers.arrays import Floats
from optimizers.engines import Effort
from optimizers.irrigation.bidding import Bidder, share_at_a_price
from optimizers.irrigation.model import Model
from optimizers.irrigation.night import Night, night_of
from optimizers.irrigation.pace import Pace
from optimizers.irrigation.problem import IrrigationProblem
from optimizers.irrigation.supplies import Supply

_TOGETHER = 30
"""Hydrozones whose networks one model takes in: more of them are quicker by prices."""

_KEPT = 100
"""Models that stay in memory: where there are more, they are built anew for each use."""


def share_out(problem: IrrigationProblem, supplies: Sequence[Supply], dry_eur: Floats, pace: Pace) -> list[Night]:
    """Nights of all supplies, of one or several each, that keep all budgets; `dry_eur` (n,) is the cost without water.

    A budget within one network is a row of its model. Others bind networks together: a few of these are decided in one
    model, many at a price of water.
    """
    limits_m3 = problem.budgets.limit_m3 if problem.budgets is not None else np.empty(0)
    counts = np.array([supply.counted_m3.any(axis=(1, 2)) for supply in supplies], np.bool_)
    counts = counts.reshape(len(supplies), limits_m3.size)
    across = counts.sum(axis=0) > 1
    own = np.where(counts & ~across, limits_m3, np.inf)
    bound = counts[:, across].any(axis=1)

    def alone(i: int, effort: Effort) -> Night:
        return night_of(Model([supplies[i]], own[i]), effort)

    free, tied = np.flatnonzero(~bound).tolist(), np.flatnonzero(bound).tolist()
    nights = pace.each(alone, free, len(free) / max(1, len(supplies)))
    if not tied:
        return nights
    together = [supplies[i] for i in tied]
    if sum(supply.zones.size for supply in together) <= _TOGETHER:
        model = Model(together, np.where(counts[tied].any(axis=0), limits_m3, np.inf))
        return [*nights, night_of(model, pace.effort(pace.left_s))]
    keeps, each = len(tied) <= _KEPT, zip(tied, together, strict=True)
    bidders = [Bidder(one, own[i], float(dry_eur[one.zones].sum()), keeps) for i, one in each]
    return [*nights, *share_at_a_price(bidders, np.where(across, limits_m3, np.inf), pace)]
