"""Programs found by trying everything: each level of a grid in each slot, each way to share programs."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from optimizers.lighting import LightingProblem

GRID = 20  # steps of flux from 0 to 1: floors and ramps of small problems are whole numbers of them
LEVELS = range(GRID + 1)


def cheapest(problem: LightingProblem, least: np.ndarray, lamps: list[int], changes: int) -> tuple[float, float]:
    """Passed ceilings, in lamp-slots, and energy in Wh of the best program that all `lamps` can follow."""
    slots = problem.burning.size
    need = np.rint(least[lamps] * GRID).astype(int)
    whole = not problem.dimmable[lamps].all()

    @cache
    def price(t: int, level: int) -> tuple[float, float]:
        over = sum(level / GRID > problem.ceiling[i, t] + 1e-9 for i in lamps)
        return over, sum(_power_w(problem, i, t, level / GRID) for i in lamps) * problem.slot_s / 3600

    def allowed(t: int, before: int, level: int) -> bool:
        if level < need[:, t].max() or (level and not problem.burning[t]) or (whole and level % GRID):
            return False
        return abs(level - before) <= min(_ramp(problem, i, t) for i in lamps)

    @cache
    def onward(t: int, before: int, left: int) -> tuple[float, float]:
        if t == slots:
            return (0.0, 0.0) if left >= (before > 0) else (np.inf, np.inf)
        best = (np.inf, np.inf)
        for level in LEVELS:
            if left >= (level != before) and allowed(t, before, level):
                here, after = price(t, level), onward(t + 1, level, left - (level != before))
                best = min(best, (here[0] + after[0], here[1] + after[1]))
        return best

    return onward(0, 0, changes)


def best_sharing(
    problem: LightingProblem, least: np.ndarray, lamps: list[int], programs: int, changes: int
) -> tuple[float, float]:
    """Passed ceilings and energy in Wh of the best way to share at most `programs` programs among `lamps`."""
    known = cache(lambda group: cheapest(problem, least, list(group), changes))
    return min(
        (sum(known(group)[0] for group in groups), sum(known(group)[1] for group in groups))
        for groups in partitions(tuple(lamps), programs)
    )


def partitions(items: tuple[int, ...], most: int) -> Iterator[list[tuple[int, ...]]]:
    """All partitions into at most `most` groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for groups in partitions(rest, most):
        for k, group in enumerate(groups):
            yield [*groups[:k], (first, *group), *groups[k + 1 :]]
        if len(groups) < most:
            yield [(first,), *groups]


def _ramp(problem: LightingProblem, lamp: int, t: int) -> float:
    """In steps of the grid."""
    if t == 0 or not problem.dimmable[lamp]:
        return np.inf
    ramp, (before, after) = float(problem.ramp_per_slot[lamp]), problem.ceiling[lamp, t - 1 : t + 1].tolist()
    bound = problem.burning[t - 1 : t + 1].all() and min(before, after) > 0 and abs(after - before) <= ramp + 1e-9
    return ramp * GRID + 1e-6 if bound else np.inf


def _power_w(problem: LightingProblem, lamp: int, t: int, level: float) -> float:
    curve = problem.curves[int(problem.curve[lamp])]
    share = float(np.interp(level, curve.flux, curve.power))
    if problem.lanes is not None and problem.burning[t] and problem.lanes.boost[lamp] > 0:
        boosted = float(np.interp(max(level, problem.lanes.boost[lamp]), curve.flux, curve.power))
        share += float(problem.lanes.detection[lamp, t]) * (boosted - share)
    return share * float(problem.power_full_w[lamp])


def bound_ramps(problem: LightingProblem) -> np.ndarray:
    """(n, T − 1) whether a ramp binds into each slot but the first: from one that burns to the next, where the law is
    not dark and steps by no more."""
    burning, ceiling = problem.burning, problem.ceiling
    bound = (ceiling[:, 1:] > 0) & (ceiling[:, :-1] > 0) & burning[1:] & burning[:-1]
    stepped = np.abs(np.diff(ceiling, axis=1)) > problem.ramp_per_slot[:, None] + 1e-9
    return np.asarray(bound & ~stepped)
