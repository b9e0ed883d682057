"""Budgets over networks: each network for itself, and where they take too much together, at a price of water."""

from collections.abc import Sequence

import numpy as np

from optimizers.arrays import Floats
from optimizers.irrigation.bidding import Bidder, share_at_a_price
from optimizers.irrigation.engines import Effort
from optimizers.irrigation.model import Model
from optimizers.irrigation.night import Night, night_of
from optimizers.irrigation.pace import Pace
from optimizers.irrigation.problem import TOLERANCE, IrrigationProblem
from optimizers.irrigation.supplies import Supply

_TOGETHER = 30
"""Hydrozones whose networks one model takes in: more of them are quicker by prices."""

_KEPT = 100
"""Models that stay in memory: where there are more, they are built anew for each use."""

_FIRST = 0.3  # of the time, for networks by themselves where they may have to share


def share_out(problem: IrrigationProblem, supplies: Sequence[Supply], dry_eur: Floats, pace: Pace) -> list[Night]:
    """Nights of all supplies, of one or several each, that keep all budgets; `dry_eur` (n,) is the cost without water.

    A budget within one network is a row of its model. Others bind networks together: where these take too much when
    each is decided for itself, they are decided again, a few of them in one model, many at a price of water.
    """
    counts = np.array([supply.counted_m3.any(axis=(1, 2)) for supply in supplies], np.bool_)
    limits_m3 = problem.budgets.limit_m3 if problem.budgets is not None else np.empty(0)
    counts = counts.reshape(len(supplies), limits_m3.size)
    across = counts.sum(axis=0) > 1
    own = np.where(counts & ~across, limits_m3, np.inf)

    def alone(i: int, effort: Effort) -> Night:
        return night_of(Model([supplies[i]], own[i]), effort)

    nights = pace.each(alone, range(len(supplies)), _FIRST if across.any() else 1.0)
    if not across.any() or (_used_m3(nights) <= limits_m3 + TOLERANCE)[across].all():
        return nights
    bound = np.flatnonzero(counts[:, across].any(axis=1)).tolist()
    apart = [night for i, night in enumerate(nights) if i not in set(bound)]
    tied = [supplies[i] for i in bound]
    if sum(supply.zones.size for supply in tied) <= _TOGETHER:
        model = Model(tied, np.where(counts[bound].any(axis=0), limits_m3, np.inf))
        return [*apart, night_of(model, pace.effort(pace.left_s))]
    keeps = len(tied) <= _KEPT
    bidders = [Bidder(one, own[i], float(dry_eur[one.zones].sum()), keeps) for i, one in zip(bound, tied, strict=True)]
    return [*apart, *share_at_a_price(bidders, [nights[i] for i in bound], np.where(across, limits_m3, np.inf), pace)]


def _used_m3(nights: Sequence[Night]) -> Floats:
    used: Floats = np.sum([night.used_m3 for night in nights], axis=0)
    return used
