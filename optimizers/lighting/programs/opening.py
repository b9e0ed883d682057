"""Which of many programs to keep, so many at most, that each profile has a cheap one: by exchanges of two."""

import numpy as np

from optimizers.arrays import Floats, Ints

_DEAR = 1e12  # Wh: more than all lamps take, for a program that does not serve
_SAVES = 1e-9  # of the cost: an exchange that saves less is none


def exchanged(cost: Floats, kept: Ints, times: int) -> Ints:
    """Columns of cost (p, c), as many as `kept`, on which the cheapest for each row cost less together: of all
    exchanges of a kept column for another the best, again and again, `times` at most.
    """
    cost, kept = np.minimum(cost, _DEAR), kept.copy()
    for _ in range(times):
        here = cost[:, kept]
        first = here.argmin(axis=1)
        nearest = here[np.arange(len(here)), first]
        here[np.arange(len(here)), first] = np.inf
        second = np.minimum(here.min(axis=1), _DEAR)
        # A row goes to the new column where that is cheaper; if its own is given up, else to its second.
        gained = np.minimum(cost - nearest[:, None], 0.0)
        lost = np.minimum(cost, second[:, None]) - nearest[:, None] - gained
        order = np.argsort(first, kind="stable")
        starts = np.flatnonzero(np.diff(first[order], prepend=-1))
        change = np.repeat(gained.sum(axis=0)[None], kept.size, axis=0)
        change[first[order[starts]]] += np.add.reduceat(lost[order], starts, axis=0)
        out, new = np.unravel_index(int(change.argmin()), change.shape)
        if change[out, new] >= -_SAVES * float(nearest.sum()):
            break
        kept[out] = new
    return kept


def within(cost: Floats, most: int) -> Ints:
    """The column that each row of cost (m, c) takes, `most` different ones at most: the cheapest of all, then without
    those, one after the other, that are missed least.
    """
    columns = np.unique(cost.argmin(axis=1))
    while columns.size > most:
        near = np.sort(cost[:, columns], axis=1)[:, :2]
        missed = np.bincount(cost[:, columns].argmin(axis=1), np.minimum(near[:, 1], _DEAR) - near[:, 0], columns.size)
        columns = np.delete(columns, int(missed.argmin()))
    taken: Ints = columns[cost[:, columns].argmin(axis=1)]
    return taken
