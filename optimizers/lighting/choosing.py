"""One of several options for each unit, under a few sums: a multiple-choice knapsack by its linear program, rounded."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints

_SCARCE = 1e4  # what passing a limit once over counts beside the whole range of costs, where its rank is 1
_SLACK = 1e-12
_BRINGS = 1e-9  # of a limit or of what passes it, by rank, that a move must bring: rounding would go round for ever
_WORK = 4e7  # loads weighed in all while moves are looked for
_PAIRS = 60  # times that two units are moved at once
_KICKS = 80  # times that three units are moved at random, to start again from there
_PASSED = 1e-9
_NEAR = 250  # moves weighed in pairs: those that the linear program's prices like best


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """option (u,) of each unit, its cost, and the bound of the linear program: no choice that keeps the limits costs
    less. Where no choice keeps them, the bound is of those that pass them as little.
    """

    option: Ints
    cost: float
    bound: float


def choose(cost: Floats, load: Floats, limit: Floats, rank: Floats) -> Choice:
    """The cheapest options of units: cost (u, v), load (u, v, r) of each row, limit (r,) of their sums.

    Limits give way only where they must, and then as little as they can, one of higher rank (r,) for one of lower only
    where that saves as many times more. The linear program has a fractional unit for each limit that binds at most;
    these are rounded to what is light, and moves of one unit and of two at once repair and improve what is left.
    """
    load = load / limit
    starts, bound, priced = _relaxed(cost, load, rank)
    found = min((_improved(cost, load, rank, start, priced) for start in starts), key=lambda one: one[0])
    rng, near = np.random.default_rng(0), np.argsort(_dearer(priced, found[1]).ravel(), kind="stable")[:_NEAR]
    for _ in range(min(_KICKS, int(_WORK / load.size / 50))):
        option = found[1].copy()
        unit, other = np.divmod(rng.choice(near, size=min(3, near.size), replace=False), cost.shape[1])
        option[unit] = other
        found = min(found, _improved(cost, load, rank, option, priced), key=lambda one: one[0])
    option, amount = found[1], found[0][1]
    return Choice(option, amount, min(bound, amount))


def _improved(
    cost: Floats, load: Floats, rank: Floats, option: Ints, priced: Floats
) -> tuple[tuple[float, float], Ints]:
    """Moved until no one and no two moves help; with what it passes and costs."""
    option = _moved(cost, load, rank, option)
    for _ in range(min(_PAIRS, int(_WORK / load.size))):
        if (pair := _best_pair(cost, load, option, priced)) is None:
            break
        for unit, other in pair:
            option[unit] = other
        option = _moved(cost, load, rank, option)
    units = np.arange(len(cost))
    passed = float((rank * np.maximum(load[units, option].sum(axis=0) - 1, 0)).sum())
    return (passed if passed > _PASSED else 0.0, float(cost[units, option].sum())), option


def _relaxed(cost: Floats, load: Floats, rank: Floats) -> tuple[list[Ints], float, Floats]:
    """Options near the optimum of the linear program, its value, and costs (u, v) with loads at its prices."""
    # Half a second that every command of `consigne` would pay.
    from scipy.optimize import linprog  # noqa: PLC0415
    from scipy.sparse import csr_array, hstack, identity  # noqa: PLC0415

    units, options, rows = load.shape
    size, lowest = units * options, cost.min(axis=1)
    spread = float((cost.max(axis=1) - lowest).sum()) or 1.0
    scaled = (cost - lowest[:, None]).ravel() / spread
    sums = hstack([csr_array(load.reshape(size, rows).T), -identity(rows)], format="csr")
    one = csr_array((np.ones(size), np.arange(size), np.arange(units + 1) * options), shape=(units, size + rows))
    found = linprog(np.r_[scaled, _SCARCE * rank], sums, np.ones(rows), one, np.ones(units), (0, None), method="highs")
    share = found.x[:size].reshape(units, options)
    passed = float((rank * found.x[size:]).sum())
    bound = (float(found.fun) - _SCARCE * passed) * spread + float(lowest.sum())
    weight = np.where(share > 1e-9, load.sum(axis=2), np.inf)
    priced: Floats = cost - spread * (load * found.ineqlin.marginals).sum(axis=2)
    return [np.argmin(weight, axis=1), np.argmax(share, axis=1), np.argmin(priced, axis=1)], bound, priced


def _moved(cost: Floats, load: Floats, rank: Floats, option: Ints) -> Ints:
    """Single units moved to other options: first into the limits, each time at the least cost for what it brings, then
    to cheaper ones while these hold.
    """
    units, option, within = np.arange(len(cost)), option.copy(), False
    for _ in range(20 + int(_WORK / load.size)):
        total = load[units, option].sum(axis=0)
        dearer = cost - cost[units, option, None]
        after = total + load - load[units, option, None]
        passed = (rank * np.maximum(after - 1, 0)).sum(axis=2)
        now = float((rank * np.maximum(total - 1, 0)).sum())
        # Once within, always within: what rounding passes again would be brought back and saved again for ever.
        within = within or now <= _SLACK
        place = _best_move(dearer, passed, 0.0 if within else now, (after <= 1 + _SLACK).all(axis=2))
        if place is None:
            break
        option[place[0]] = place[1]
    return option


def _best_move(dearer: Floats, passed: Floats, now: float, fits: Bools) -> tuple[int, int] | None:
    if now > _SLACK:
        brings = now - passed
        worth = np.where(brings > _BRINGS * max(1.0, now), brings / np.maximum(dearer, 1e-9), -np.inf)
    else:
        worth = np.where(fits & (dearer < -1e-9), -dearer, -np.inf)
    place = int(worth.argmax())
    unit, option = divmod(place, dearer.shape[1])
    return (unit, option) if worth[unit, option] > -np.inf else None


def _dearer(priced: Floats, option: Ints) -> Floats:
    """(u, v) by how much each option is dearer than the one taken, which itself is not to be had."""
    units = np.arange(len(priced))
    dearer: Floats = priced - priced[units, option, None]
    dearer[units, option] = np.inf
    return dearer


def _best_pair(cost: Floats, load: Floats, option: Ints, priced: Floats) -> list[tuple[int, int]] | None:
    """Two units to be moved at once so that limits hold and most is saved; None where no two save, or limits are
    passed.
    """
    units = np.arange(len(cost))
    total = load[units, option].sum(axis=0)
    if (total > 1 + _SLACK).any():
        return None
    dearer = _dearer(priced, option).ravel()
    near = np.argsort(dearer, kind="stable")[:_NEAR]
    if not (near := near[np.isfinite(dearer[near])]).size:
        return None
    unit, other = np.divmod(near, cost.shape[1])
    saved = cost[unit, option[unit]] - cost[unit, other]
    more = load[unit, other] - load[unit, option[unit]]
    saving = np.where(unit[:, None] == unit, -np.inf, saved[:, None] + saved)
    for row in range(total.size):
        saving[more[:, None, row] + more[:, row] > 1 + _SLACK - total[row]] = -np.inf
    place = int(saving.argmax())
    first, second = divmod(place, near.size)
    if not saving[first, second] > 1e-9:
        return None
    return [(int(unit[first]), int(other[first])), (int(unit[second]), int(other[second]))]
