"""Which valves may run together: the maximal sets that a network can feed at once."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from optimizers.arrays import Floats
from optimizers.irrigation.problem import TOLERANCE

MOST = 400
"""Sets that are written out; where there are more, they are found as they are wanted (`columns`)."""

Pattern = tuple[int, ...]


def maximal_sets(valves: Sequence[int], flow_m3_h: Floats, capacity_m3_h: float) -> tuple[Pattern, ...] | None:
    """Every set of `valves` that may run together and to which none can be added; None where there are over MOST."""
    found = tuple(islice(_maximal(valves, flow_m3_h, capacity_m3_h + TOLERANCE), MOST + 1))
    return found if len(found) <= MOST else None


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
