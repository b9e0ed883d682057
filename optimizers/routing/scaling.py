"""Whole numbers for a solver that knows no others: see `Scale`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log10

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.routing.problem import RoutingProblem

MOST = 1 << 40
"""Stands for no limit and for no way: sums of thousands of them still fit into 64 bits."""

_HAIR = 1e-6  # of a unit: what adding up floats leaves
_COSTS = 1e5  # of the dearest drive
_MOST_DRIVE = 1e8  # thousands of such, and penalties as large times what is beyond a limit, still fit into 64 bits
_MOST_PRICE = 1e11  # of a vehicle or a stop left out
_SECOND_COSTS = 20.0  # at the least, else rounding it moves plans


@dataclass(frozen=True, slots=True)
class Scale:
    """How many of the solver's units are in one of ours.

    Whole numbers stay as they are, unless they are huge. Else a second has ten parts, a load a thousand, and the
    dearest drive a hundred thousand or more. Times and loads are rounded to the side on which what fits the solver fits
    the real clock.
    """

    time: float
    cost: float
    load: float

    def up_s(self, seconds: float) -> int:
        return _bounded(seconds * self.time, ceil, -_HAIR)

    def down_s(self, seconds: float) -> int:
        return _bounded(seconds * self.time, floor, _HAIR)

    def up_load(self, load: float) -> int:
        return _bounded(load * self.load, ceil, -_HAIR)

    def down_load(self, load: float) -> int:
        return _bounded(load * self.load, floor, _HAIR)

    def costs(self, amount: float) -> int:
        return _bounded(amount * self.cost, round, 0.0)

    def per_s(self, amount: float) -> int:
        return round(amount * self.cost / self.time)

    def times(self, seconds: Floats) -> Ints:
        finite = np.where(np.isfinite(seconds), seconds, 0.0)
        scaled: Ints = np.ceil(finite * self.time - _HAIR).astype(np.int64)
        return np.where(np.isfinite(seconds), np.minimum(scaled, MOST), MOST)


def _bounded(value: float, to_whole: Callable[[float], int], hair: float) -> int:
    if not isfinite(value) or abs(value) >= MOST:
        return MOST if value > 0 else 0
    return to_whole(value + hair)


def scale_of(problem: RoutingProblem) -> Scale:
    time = 1.0 if _all_whole(problem.matrices.duration_s) and _whole(_seconds(problem)) else 10.0
    loads = [load for one in problem.stops for load in one.load]
    loads += [load for one in problem.vehicles for load in (*one.capacity, *one.daily, *one.aboard, *one.spent.loads)]
    return Scale(time, _cost_scale(problem, time), 1.0 if _whole(loads) else 1000.0)


def _cost_scale(problem: RoutingProblem, time: float) -> float:
    dearest, cost = _dearest(problem), 1.0
    per_s = [vehicle.per_s + vehicle.overtime_per_s for vehicle in problem.vehicles]
    if (time != 1.0 and any(per_s)) or not _whole(_prices(problem)) or not _whole_drives(problem):
        cost = 10.0 ** floor(log10(_COSTS / dearest)) if dearest > 0 else 1.0
        least = min((price for price in per_s if price > 0), default=inf)
        while least * cost / time < _SECOND_COSTS and cost * dearest < 100 * _COSTS:
            cost *= 10
    for most, amount in ((_MOST_DRIVE, dearest), (_MOST_PRICE, max(_prices(problem), default=0.0))):
        if amount * cost > most:
            cost = 10.0 ** floor(log10(most / amount))
    return cost


def _seconds(problem: RoutingProblem) -> Iterable[float]:
    for stop in problem.stops:
        yield from (stop.service_s, *(at for window in stop.windows for at in window))
    for site in problem.sites:
        yield from (site.unload_s, *(at for window in site.windows for at in window))
        yield from (value for window, wait_s in site.queue for value in (*window, wait_s))
    for vehicle in problem.vehicles:
        yield from (*vehicle.shift, vehicle.longest_s, vehicle.overtime_s, vehicle.spent.duration_s)
        yield from (value for rest in vehicle.rests for value in (rest.earliest_s, rest.latest_s, rest.duration_s))


def _prices(problem: RoutingProblem) -> Iterable[float]:
    yield from (stop.prize for stop in problem.stops)
    for vehicle in problem.vehicles:
        yield from (vehicle.fixed, vehicle.per_s, vehicle.overtime_per_s)
    yield from (problem.weights.moved, problem.weights.border)


def _whole_drives(problem: RoutingProblem) -> bool:
    """Whether all drives have whole prices."""
    priced = sorted({(vehicle.profile, vehicle.per_m) for vehicle in problem.vehicles})
    return all(_all_whole(_known(problem.matrices.distance_m[profile]) * per_m) for profile, per_m in priced)


def _dearest(problem: RoutingProblem) -> float:
    dearest = 0.0
    for vehicle in {(v.profile, v.per_m, v.per_s): v for v in problem.vehicles}.values():
        metres, seconds = (
            np.where(np.isfinite(values[vehicle.profile]), values[vehicle.profile], np.float64(0.0))
            for values in (problem.matrices.distance_m, problem.matrices.duration_s)
        )
        dearest = max(dearest, float((vehicle.per_m * metres + vehicle.per_s * seconds).max(initial=0.0)))
    return dearest


def _whole(values: Iterable[float]) -> bool:
    return all(not isfinite(value) or float(value).is_integer() for value in values)


def _all_whole(values: Floats) -> bool:
    known = _known(values)
    return bool((known == np.floor(known)).all())


def _known(values: Floats) -> Floats:
    known: Floats = values[np.isfinite(values)].astype(np.float64, copy=False)
    return known
