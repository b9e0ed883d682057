"""What contradicts itself in a routing problem, each told with its place, what was found and what is wanted.

What merely cannot be served (a load that fits into no vehicle, a place that no way leads to, a window in which nobody
can be there) is not wrong: the plan leaves it out with its reason. What looks odd is in `doubts`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import chain
from math import inf, isfinite, isnan
from typing import TYPE_CHECKING

import numpy as np

from optimizers.routing.problem import TOLERANCE

if TYPE_CHECKING:
    from optimizers.arrays import Floats
    from optimizers.routing.problem import Loads, RoutingProblem, Site, Stop, Vehicle, Window

LARGEST = 1e12
"""Beyond it amounts are no amounts, and sums of them no longer exact."""

_TOLD = 20  # of one kind that may be wrong by the million
_ROWS = 256  # of a matrix looked at together: masks of a whole one of 10,000 places take a tenth of a gigabyte each


def problems_of(problem: "RoutingProblem") -> Iterator[str]:
    """Everything wrong with a problem whose arrays have their shapes."""
    yield from _names(problem)
    if not problem.vehicles:
        yield "there are no vehicles, wants one at least"
    yield from _matrices(problem)
    for stop in problem.stops:
        yield from _stop(stop, problem)
    for site in problem.sites:
        yield from _site(site, problem)
    known = {vehicle.id for vehicle in problem.vehicles}
    yield from _named("stop", ((stop.id, "only", stop.only or ()) for stop in problem.stops), known, "vehicle")
    yield from _named("stop", ((stop.id, "never", stop.never) for stop in problem.stops), known, "vehicle")
    sites = {site.id for site in problem.sites}
    yield from _named("vehicle", ((one.id, "sites", one.sites or ()) for one in problem.vehicles), sites, "site")
    for vehicle in problem.vehicles:
        yield from _vehicle(vehicle, problem)
    yield from _rules(problem)
    for name in ("moved", "border", "balance_per_s"):
        yield from _amount("weights", name, getattr(problem.weights, name))


def _names(problem: "RoutingProblem") -> Iterator[str]:
    yield from _twice("place", (place.id for place in problem.places))
    yield from _twice("stop", (stop.id for stop in problem.stops))
    yield from _twice("site", (site.id for site in problem.sites))
    yield from _twice("vehicle", (vehicle.id for vehicle in problem.vehicles))
    yield from _twice("rules", (rules.id for rules in problem.rules))
    yield from _twice("dimension", problem.dimensions)
    yield from _twice("profile", problem.matrices.profiles)


def _twice(kind: str, names: Iterable[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{kind} {name!r} stands {times} times, wants once"


def _named(kind: str, told: Iterable[tuple[str, str, Iterable[str]]], known: set[str], wanted: str) -> Iterator[str]:
    for name, field, others in told:
        yield from (f"{kind} {name!r}: {field}: no {wanted} {other!r}" for other in others if other not in known)


def _matrices(problem: "RoutingProblem") -> Iterator[str]:
    for field in ("distance_m", "duration_s"):
        values: Floats = getattr(problem.matrices, field)
        for p, profile in enumerate(problem.matrices.profiles):
            where = f"{field}" + f" of profile {profile!r}" * bool(profile)
            yield from _matrix(where, values[p], [place.id for place in problem.places])
    yield from _half_ways(problem)


def _matrix(where: str, values: "Floats", names: list[str]) -> Iterator[str]:
    wrong: list[tuple[int, int]] = []
    count = 0
    for top in range(0, len(values), _ROWS):
        rows = values[top : top + _ROWS]
        bad = ~(rows >= 0) | ((rows > LARGEST) & (rows < inf))  # NaN is bad too
        if bad.any():
            count += int(bad.sum())
            wrong += [(top + a, b) for a, b in np.argwhere(bad)[: _TOLD - len(wrong)].tolist()]
    for a, b in wrong:
        way = f"{where} from {names[a]!r} to {names[b]!r}"
        yield f"{way} is {values[a, b]}, wants 0 to {LARGEST:g}; inf for no way, in a file null"
    if count > len(wrong):
        yield f"{where}: {count - len(wrong)} more like these"
    away = np.flatnonzero(np.diagonal(values) > 0).tolist()
    yield from (f"{where} from {names[a]!r} to itself is {values[a, a]}, wants 0" for a in away[:_TOLD])


def _half_ways(problem: "RoutingProblem") -> Iterator[str]:
    """Ways with metres and no seconds, or the other way round."""
    names, matrices = [place.id for place in problem.places], problem.matrices
    for p in range(len(matrices.profiles)):
        for top in range(0, len(names), _ROWS):
            metres, seconds = (one[p, top : top + _ROWS] for one in (matrices.distance_m, matrices.duration_s))
            half = (metres == inf) != (seconds == inf)
            for a, b in np.argwhere(half)[:_TOLD].tolist() if half.any() else ():
                way = f"from {names[top + a]!r} to {names[b]!r}"
                yield f"{way}: {metres[a, b]:g} m take {seconds[a, b]:g} s, wants both or, for no way, neither"


def _stop(stop: "Stop", problem: "RoutingProblem") -> Iterator[str]:
    where = f"stop {stop.id!r}"
    yield from _place(where, stop.place, problem)
    yield from _loads(where, "load", stop.load, problem)
    yield from _amount(where, "service_s", stop.service_s)
    yield from _amount(where, "prize", stop.prize)
    yield from _windows(where, stop.windows)


def _site(site: "Site", problem: "RoutingProblem") -> Iterator[str]:
    where = f"site {site.id!r}"
    yield from _place(where, site.place, problem)
    yield from _amount(where, "unload_s", site.unload_s)
    yield from _windows(where, (*site.windows, *(window for window, _ in site.queue)))
    for _, wait_s in site.queue:
        yield from _amount(where, "queue", wait_s)


def _vehicle(vehicle: "Vehicle", problem: "RoutingProblem") -> Iterator[str]:
    where = f"vehicle {vehicle.id!r}"
    for place in (vehicle.start, vehicle.end):
        if place is not None:
            yield from _place(where, place, problem)
    yield from _shift(where, vehicle.shift)
    for name in ("capacity", "daily", "aboard"):
        loads: Loads = getattr(vehicle, name)
        yield from _loads(where, name, loads, problem) if loads else ()
    for name in ("fixed", "per_m", "per_s", "overtime_s", "overtime_per_s"):
        yield from _amount(where, name, getattr(vehicle, name))
    for name in ("most_m", "longest_s"):
        yield from _limit(where, name, getattr(vehicle, name))
    for name in ("most_stops", "most_trips"):
        if (most := getattr(vehicle, name)) is not None and most < 0:
            yield f"{where}: {name} is {most}, wants 0 or more"
    if not 0 <= vehicle.profile < len(problem.matrices.profiles):
        yield f"{where}: profile is {vehicle.profile}, wants an index below {len(problem.matrices.profiles)}"
    if vehicle.rules and vehicle.rules not in {rules.id for rules in problem.rules}:
        yield f"{where}: no work rules {vehicle.rules!r}"
    yield from chain(_rests(where, vehicle), _spent(where, vehicle, problem), _full(where, vehicle, problem))


def _rests(where: str, vehicle: "Vehicle") -> Iterator[str]:
    for rest in vehicle.rests:
        yield from _windows(where, ((rest.earliest_s, rest.latest_s),), "a rest")
        yield from _amount(where, "a rest's duration_s", rest.duration_s)


def _spent(where: str, vehicle: "Vehicle", problem: "RoutingProblem") -> Iterator[str]:
    spent = vehicle.spent
    yield from _loads(where, "spent.loads", spent.loads, problem) if spent.loads else ()
    for name in (field.name for field in fields(spent) if field.name != "loads"):
        yield from _amount(where, f"spent.{name}", getattr(spent, name))


def _full(where: str, vehicle: "Vehicle", problem: "RoutingProblem") -> Iterator[str]:
    """More aboard at the start than fits."""
    told = zip(problem.dimensions, vehicle.aboard, vehicle.capacity, strict=False)
    yield from (
        f"{where}: has {have:g} {name} aboard, its capacity is {most:g}"
        for name, have, most in told
        if have > most + TOLERANCE  # what a vehicle took on adds up to a hair more
    )


def _rules(problem: "RoutingProblem") -> Iterator[str]:
    for rules in problem.rules:
        where = f"rules {rules.id!r}"
        for name in ("longest_drive_s", "most_drive_s", "longest_work_s", "most_work_s"):
            yield from _limit(where, name, getattr(rules, name))
        for name in ("drive_break_s", "work_break_s"):
            yield from _amount(where, name, getattr(rules, name))
        for part in rules.split_s:
            yield from _amount(where, "split_s", part)
        for longest, pause in (("longest_drive_s", "drive_break_s"), ("longest_work_s", "work_break_s")):
            if isfinite(getattr(rules, longest)) and getattr(rules, pause) == 0:
                yield f"{where}: {longest} is {getattr(rules, longest):g}, wants a {pause} that ends it"


def _place(where: str, place: int, problem: "RoutingProblem") -> Iterator[str]:
    if not isinstance(place, int | np.integer) or not 0 <= place < len(problem.places):
        yield f"{where}: place is {place!r}, wants a whole index below {len(problem.places)}"


def _loads(where: str, name: str, loads: "Loads", problem: "RoutingProblem") -> Iterator[str]:
    if len(loads) != len(problem.dimensions):
        wanted = f"{len(problem.dimensions)}: {', '.join(problem.dimensions) or 'there are no dimensions'}"
        yield f"{where}: {name} has {len(loads)} values, wants {wanted}"
    for value in loads:
        yield from _amount(where, name, value)


def _amount(where: str, name: str, value: float) -> Iterator[str]:
    if not (isfinite(value) and 0 <= value <= LARGEST):
        yield f"{where}: {name} is {value}, wants 0 to {LARGEST:g}"


def _limit(where: str, name: str, value: float) -> Iterator[str]:
    if not value >= 0:
        yield f"{where}: {name} is {value}, wants 0 or more; inf for no limit"


def _shift(where: str, shift: "Window") -> Iterator[str]:
    """A shift has a beginning: a vehicle that is never sent would leave at no time."""
    yield from _windows(where, (shift,), "a shift")
    if not isfinite(shift[0]):
        yield f"{where}: its shift begins at {shift[0]}, wants an instant"


def _windows(where: str, windows: Iterable["Window"], what: str = "a window") -> Iterator[str]:
    for start, end in windows:
        if isnan(start) or isnan(end) or start > end:
            yield f"{where}: {what} from {start:g} s to {end:g} s closes before it opens"
