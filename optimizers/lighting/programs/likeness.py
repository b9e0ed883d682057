"""Profiles so alike that one need may stand for several: what a bound for many profiles is made of."""

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.programs.profiles import Profiles


def clusters(profiles: Profiles, start: int, stop: int, most: int) -> Ints:
    """(n,) cluster of each profile `start`…`stop`, ascending from 0 by first member; -1 for those left out.

    The two of a kind are joined whose lowering to what both need costs least, until `most` are left. Where kinds are
    more than that, the clusters that draw least are left out.
    """
    draws = profiles.draws
    full_wh, kind = draws.full_wh[start:stop], profiles.kind[start:stop]
    power = np.empty((stop - start, profiles.needs.least.shape[1]))
    for index, curve in enumerate(draws.curves):
        rows = np.flatnonzero(full_wh[:, index] > 0)
        power[rows] = np.interp(profiles.needs.least[start + rows], curve.flux, curve.power)
    weight = full_wh.sum(axis=1)
    cluster = _joined(power, weight, kind, most)
    drawn = np.bincount(cluster, weight * power.sum(axis=1), minlength=cluster.size)
    present = np.unique(cluster)
    kept = np.sort(present[np.argsort(-drawn[present], kind="stable")[:most]])
    number = np.full(cluster.size, -1)
    number[kept] = np.arange(kept.size)
    return number[cluster]


def _joined(power: Floats, weight: Floats, kind: Ints, most: int) -> Ints:
    """(n,) the first member of each one's cluster."""
    cluster, power, weight = np.arange(weight.size), power.copy(), weight.copy()
    total = power.sum(axis=1)
    loss = np.stack([_losses(power, total, weight, kind, i) for i in range(weight.size)])
    for _ in range(weight.size - most):
        i, j = sorted(divmod(int(loss.argmin()), weight.size))
        if not np.isfinite(loss[i, j]):
            break
        cluster[cluster == j] = i
        power[i] = np.minimum(power[i], power[j])
        total[i], weight[i], weight[j] = power[i].sum(), weight[i] + weight[j], 0.0
        loss[j], loss[:, j] = np.inf, np.inf
        loss[i] = loss[:, i] = _losses(power, total, weight, kind, i)
    return cluster


def _losses(power: Floats, total: Floats, weight: Floats, kind: Ints, i: int) -> Floats:
    """(n,) what is lost by lowering cluster i and each other to what both need; inf where they cannot be joined."""
    common = np.minimum(power, power[i]).sum(axis=1)
    loss: Floats = weight[i] * (total[i] - common) + weight * (total - common)
    apart = (kind != kind[i]) | (weight == 0)
    apart[i] = True
    loss[apart] = np.inf
    return loss
