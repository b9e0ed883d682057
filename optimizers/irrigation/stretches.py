"""Stretches of a night in which the same valves may be open, taken together, and the sets that may run in them."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from optimizers.irrigation.patterns import Pattern, maximal_sets
from optimizers.irrigation.supplies import Supply


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds of a night in which `valves` may be open, and the sets of them that run together."""

    valves: tuple[int, ...]
    seconds: float
    sets: tuple[Pattern, ...]


def stretches_of(supply: Supply) -> list[list[Stretch]]:
    """Of each night. Which stretch of equals a valve runs in makes no difference to what it is worth."""
    known: dict[tuple[int, ...], tuple[Pattern, ...]] = {}
    nights = []
    for d in range(supply.shape[1]):
        seconds: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for k in np.flatnonzero(supply.night == d).tolist():
            seconds[tuple(np.flatnonzero(supply.usable[:, k]).tolist())] += float(supply.end_s[k] - supply.start_s[k])
        seconds.pop((), None)
        for valves in seconds:
            if valves not in known:
                known[valves] = maximal_sets(valves, supply.flow_m3_h, supply.capacity_m3_h) or ()
        nights.append([Stretch(valves, length, known[valves]) for valves, length in seconds.items()])
    return nights
