"""Stretches of a night in which the same valves may be open, taken together, and the sets that may run in them."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from optimizers.irrigation.patterns import Pattern, best_set, maximal_sets, spread_sets
from optimizers.irrigation.supplies import Supply


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds of a night in which `valves` may be open; sets of them that run together; whether these are all sets, and
    the most flow that any set has.
    """

    valves: tuple[int, ...]
    seconds: float
    sets: tuple[Pattern, ...]
    complete: bool
    fills_m3_h: float


def stretches_of(supply: Supply) -> list[list[Stretch]]:
    """Of each night. Which stretch of equals a valve runs in makes no difference to what it is worth."""
    known: dict[tuple[int, ...], tuple[tuple[Pattern, ...], bool, float]] = {}
    nights = []
    for d in range(supply.shape[1]):
        seconds: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for k in np.flatnonzero(supply.night == d).tolist():
            seconds[tuple(np.flatnonzero(supply.usable[:, k]).tolist())] += float(supply.end_s[k] - supply.start_s[k])
        seconds.pop((), None)
        for valves in seconds:
            if valves not in known:
                known[valves] = _sets(supply, valves)
        nights.append([Stretch(valves, length, *known[valves]) for valves, length in seconds.items()])
    return nights


def _sets(supply: Supply, valves: tuple[int, ...]) -> tuple[tuple[Pattern, ...], bool, float]:
    flow, capacity = supply.flow_m3_h, supply.capacity_m3_h
    if (every := maximal_sets(valves, flow, capacity)) is not None:
        return every, True, max(float(flow[list(together)].sum()) for together in every)
    _, fills_m3_h = best_set(valves, flow, flow, capacity)
    return spread_sets(valves, flow, capacity), False, fills_m3_h
