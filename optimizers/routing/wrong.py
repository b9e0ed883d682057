"""What contradicts itself in a routing problem, each told with its place, what was found and what is wanted."""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import isfinite, isnan
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizers.routing.problem import Loads, RoutingProblem, Window

_LARGEST = 1e12


def problems_of(problem: "RoutingProblem") -> Iterator[str]:
    """Everything wrong with a problem whose arrays have their shapes."""
    yield from _twice("place", (place.id for place in problem.places))
    yield from _twice("stop", (stop.id for stop in problem.stops))
    yield from _twice("site", (site.id for site in problem.sites))
    yield from _twice("vehicle", (vehicle.id for vehicle in problem.vehicles))
    yield from _twice("rules", (rules.id for rules in problem.rules))
    if not problem.vehicles:
        yield "there are no vehicles, wants one at least"
    yield from _matrices(problem)
    yield from _stops(problem)
    yield from _sites(problem)
    yield from _vehicles(problem)


def _twice(kind: str, names: Iterable[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{kind} {name!r} stands {times} times, wants once"


def _matrices(problem: "RoutingProblem") -> Iterator[str]:
    names = [place.id for place in problem.places]
    for field in ("distance_m", "duration_s"):
        values = getattr(problem.matrices, field)
        for p, a, b in np.argwhere(np.isnan(values) | (values < 0))[:20].tolist():
            yield f"{field} from {names[a]!r} to {names[b]!r} is {values[p, a, b]}, wants 0 or more; inf for no way"
        for p, a in np.argwhere(np.diagonal(values, axis1=1, axis2=2) > 0)[:20].tolist():
            yield f"{field} from {names[a]!r} to itself is {values[p, a, a]}, wants 0"


def _stops(problem: "RoutingProblem") -> Iterator[str]:
    for stop in problem.stops:
        where = f"stop {stop.id!r}"
        yield from _place(where, stop.place, problem)
        yield from _loads(where, "load", stop.load, problem)
        yield from _amount(where, "service_s", stop.service_s)
        yield from _amount(where, "prize", stop.prize)
        yield from _windows(where, stop.windows)


def _sites(problem: "RoutingProblem") -> Iterator[str]:
    for site in problem.sites:
        where = f"site {site.id!r}"
        yield from _place(where, site.place, problem)
        yield from _amount(where, "unload_s", site.unload_s)
        yield from _windows(where, (*site.windows, *(window for window, _ in site.queue)))


def _vehicles(problem: "RoutingProblem") -> Iterator[str]:
    for vehicle in problem.vehicles:
        where = f"vehicle {vehicle.id!r}"
        for place in (vehicle.start, vehicle.end):
            if place is not None:
                yield from _place(where, place, problem)
        yield from _windows(where, (vehicle.shift,))
        for name in ("capacity", "daily", "aboard"):
            loads: Loads = getattr(vehicle, name)
            yield from _loads(where, name, loads, problem) if loads else ()
        for name in ("fixed", "per_m", "per_s", "overtime_s", "overtime_per_s"):
            yield from _amount(where, name, getattr(vehicle, name))
        if not 0 <= vehicle.profile < len(problem.matrices.profiles):
            yield f"{where}: profile is {vehicle.profile}, wants an index below {len(problem.matrices.profiles)}"
        if vehicle.rules and vehicle.rules not in {rules.id for rules in problem.rules}:
            yield f"{where}: no work rules {vehicle.rules!r}"


def _place(where: str, place: int, problem: "RoutingProblem") -> Iterator[str]:
    if not 0 <= place < len(problem.places):
        yield f"{where}: place is {place}, wants an index below {len(problem.places)}"


def _loads(where: str, name: str, loads: "Loads", problem: "RoutingProblem") -> Iterator[str]:
    if len(loads) != len(problem.dimensions):
        wanted = f"{len(problem.dimensions)}: {', '.join(problem.dimensions) or 'there are no dimensions'}"
        yield f"{where}: {name} has {len(loads)} values, wants {wanted}"
    for value in loads:
        yield from _amount(where, name, value)


def _amount(where: str, name: str, value: float) -> Iterator[str]:
    if not (isfinite(value) and 0 <= value <= _LARGEST):
        yield f"{where}: {name} is {value}, wants 0 to {_LARGEST:g}"


def _windows(where: str, windows: Iterable["Window"]) -> Iterator[str]:
    for start, end in windows:
        if isnan(start) or isnan(end) or start > end:
            yield f"{where}: a window from {start:g} s to {end:g} s closes before it opens"
