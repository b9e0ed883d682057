"""What PyVRP counts as loads: see `dims_of`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from optimizers.arrays import Bools
from optimizers.routing.ask import Ask, single
from optimizers.routing.problem import RoutingProblem, Vehicle
from optimizers.routing.scaling import MOST, Scale

_FORBIDDEN = 10  # of a load of which the vehicle may carry none


@dataclass
class Dims:
    """Loads of stops and capacities of kinds of vehicle, a dimension at a time."""

    kinds: int
    stops: int
    capacity: list[list[int]] = field(init=False)
    loads: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.capacity = [[] for _ in range(self.kinds)]
        self.loads = [[] for _ in range(self.stops)]

    def add(self, loads: Iterable[int], most: Iterable[int]) -> None:
        for one, load in zip(self.loads, loads, strict=True):
            one.append(load)
        for capacity, limit in zip(self.capacity, most, strict=True):
            capacity.append(limit)


def dims_of(problem: RoutingProblem, ask: Ask, scale: Scale, groups: Sequence[Sequence[int]]) -> Dims:
    """Loads and capacities of kinds of vehicle, given by the indices of their vehicles.

    Beside the problem's dimensions, stops of the day are one where trips cannot hide them; and stops that not every
    kind may serve are one for each set of kinds that may.
    """
    dims = Dims(len(groups), len(ask.stops))
    for d in range(len(problem.dimensions)):
        most = [scale.down_load(_capacity(ask.vehicles[g[0]], d)) for g in groups]
        dims.add([scale.up_load(problem.stops[s].load[d]) for s in ask.stops], most)
    firsts = [ask.vehicles[g[0]] for g in groups]
    if any(v.most_stops is not None and single(problem, v) for v in firsts):
        most = [MOST if v.most_stops is None else max(0, v.most_stops - v.spent.stops) for v in firsts]
        dims.add([1] * len(ask.stops), most)
    may = ask.holders[np.ix_([g[0] for g in groups], list(ask.stops))]
    for pattern in np.unique(may, axis=1).T:
        if not pattern.all():
            marked = (may == pattern[:, None]).all(axis=0)
            dims.add((marked * _FORBIDDEN).tolist(), [MOST if allowed else 0 for allowed in pattern])
    return dims


def _capacity(vehicle: Vehicle, d: int) -> float:
    most = vehicle.capacity[d] if vehicle.capacity else inf
    if not vehicle.daily:
        return most
    spent = vehicle.spent.loads[d] if vehicle.spent.loads else 0.0
    aboard = vehicle.aboard[d] if vehicle.aboard else 0.0
    return min(most, max(0.0, vehicle.daily[d] - spent) + aboard)


def alike(vehicles: Sequence[Vehicle], holders: Bools, formers: frozenset[str]) -> list[list[int]]:
    """Indices of vehicles that differ in nothing but their names."""
    kinds: dict[object, list[int]] = {}
    for v, vehicle in enumerate(vehicles):
        own = vehicle.id if vehicle.id in formers else ""
        kinds.setdefault((replace(vehicle, id=own), holders[v].tobytes()), []).append(v)
    return list(kinds.values())
