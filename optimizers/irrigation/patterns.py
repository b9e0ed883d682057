"""Which valves may run together: sets that a network can feed at once, and to which no valve can be added."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from optimizers.arrays import Floats
from optimizers.irrigation.problem import TOLERANCE

MOST = 400
"""Sets that are written out; where there are more, they are found as they are wanted (`columns`)."""

_LOOKED_AT = 20_000  # sets that a search for the best one looks at before it is content

Pattern = tuple[int, ...]


def maximal_sets(valves: Sequence[int], flow_m3_h: Floats, capacity_m3_h: float) -> tuple[Pattern, ...] | None:
    """Every maximal set of `valves`; None where there are over MOST."""
    found = tuple(islice(_maximal(valves, flow_m3_h, capacity_m3_h + TOLERANCE), MOST + 1))
    return found if len(found) <= MOST else None


def spread_sets(valves: Sequence[int], flow_m3_h: Floats, capacity_m3_h: float) -> tuple[Pattern, ...]:
    """A few maximal sets to begin with, each valve in one at least."""
    sets = {filled((z, *valves[i + 1 :], *valves[:i]), flow_m3_h, capacity_m3_h) for i, z in enumerate(valves)}
    return tuple(sorted(sets))


def filled(order: Sequence[int], flow_m3_h: Floats, capacity_m3_h: float) -> Pattern:
    """The valves that fit, one after the other."""
    left, chosen = capacity_m3_h + TOLERANCE, []
    for z in order:
        if flow_m3_h[z] <= left:
            left -= float(flow_m3_h[z])
            chosen.append(z)
    return tuple(sorted(chosen))


def _maximal(valves: Sequence[int], flow_m3_h: Floats, capacity_m3_h: float) -> Iterator[Pattern]:
    """The largest valves first, with before without. What stays out must not fit into what is left at the end."""
    order = sorted(valves, key=lambda z: (-flow_m3_h[z], z))
    flows = [float(flow_m3_h[z]) for z in order]
    after = np.append(np.cumsum(flows[::-1])[::-1], 0.0).tolist()

    def onward(i: int, left: float, smallest_out: float, chosen: Pattern) -> Iterator[Pattern]:
        if left - after[i] >= smallest_out:
            return
        if i == len(order):
            yield chosen
            return
        if flows[i] <= left:
            yield from onward(i + 1, left - flows[i], smallest_out, (*chosen, order[i]))
        yield from onward(i + 1, left, min(smallest_out, flows[i]), chosen)

    if order:
        yield from onward(0, capacity_m3_h, np.inf, ())


def best_set(valves: Sequence[int], worth: Floats, flow_m3_h: Floats, capacity_m3_h: float) -> tuple[Pattern, float]:
    """The maximal set of the most worth, and what no set is worth more than: its own worth, where the search ended.

    `worth` and `flow_m3_h` are of all valves. Branch and bound by worth a flow, each branch bounded by the share of the
    next valve that would still fit.
    """
    wanted = sorted((z for z in valves if worth[z] > 0), key=lambda z: (-worth[z] / flow_m3_h[z], z))
    search = _Search([float(worth[z]) for z in wanted], [float(flow_m3_h[z]) for z in wanted])
    chosen, most = search.best(capacity_m3_h + TOLERANCE)
    rest = [z for z in valves if worth[z] <= 0]
    taken = {wanted[i] for i in chosen}
    left_out = [z for z in wanted if z not in taken]
    return filled([*sorted(taken), *left_out, *rest], flow_m3_h, capacity_m3_h), most


class _Search:
    """The knapsack of `best_set`, items in falling worth a flow."""

    def __init__(self, worth: list[float], flow: list[float]) -> None:
        self._worth, self._flow = worth, flow
        self._worth_to = np.concatenate([[0.0], np.cumsum(worth)]).tolist()
        self._flow_to = np.concatenate([[0.0], np.cumsum(flow)]).tolist()

    def best(self, capacity: float) -> tuple[tuple[int, ...], float]:
        """The chosen items, and a bound of their worth."""
        best, looked = 0.0, 0
        chosen: Pattern = ()
        stack: list[tuple[int, float, float, Pattern]] = [(0, capacity, 0.0, ())]
        while stack:
            i, left, worth, taken = stack.pop()
            if worth > best:
                best, chosen = worth, taken
            if i == len(self._worth) or self._at_most(i, left, worth) <= best * (1 + 1e-12):
                continue
            if (looked := looked + 1) > _LOOKED_AT:
                return chosen, max(best, self._at_most(0, capacity, 0.0))
            stack.append((i + 1, left, worth, taken))
            if self._flow[i] <= left:
                stack.append((i + 1, left - self._flow[i], worth + self._worth[i], (*taken, i)))
        return chosen, best

    def _at_most(self, i: int, left: float, worth: float) -> float:
        """With all that fit from item i on, and the share of the first one that does not."""
        until = bisect_right(self._flow_to, self._flow_to[i] + left) - 1
        most: float = worth + self._worth_to[until] - self._worth_to[i]
        if until < len(self._worth):
            most += self._worth[until] * (left - self._flow_to[until] + self._flow_to[i]) / self._flow[until]
        return most
