"""Problems too large for one search: zones of their own first, then groups of rounds across the borders of these."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil
from threading import Lock
from time import monotonic
from typing import Protocol

import numpy as np

from optimizers.result import Limits
from optimizers.routing.asking import near_caps
from optimizers.routing.parting import part_of
from optimizers.routing.problem import RoutingProblem
from optimizers.routing.reckoning import asides, objective
from optimizers.routing.splitting import cut, dealt, positions, work_of
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, holders, served, stops_of

LARGEST = 500
"""Stops of a zone: twice as many take PyVRP more than twice the time to come as near."""

FROM, FROM_ALONE = 600, 1_000
"""Stops from which a problem is cut into zones; on one thread some more, of which none was tried below a thousand."""

_ALONE = 0.4  # share of the time in which zones are planned for themselves
_TURNS = 3  # times that rounds are grouped anew, each with other borders
_LAST = 0.25  # share of the time in which all rounds are improved as one; more of it leaves parts too little
_WHOLE = 3_000  # stops up to which they are: the memory that it takes grows with the square

_LEAST_S = 0.5  # a group is not worth opening for less


class Improve(Protocol):
    """One search over a problem, from tours or from nothing: see `optimizers.routing.solving.searched`."""

    def __call__(self, problem: RoutingProblem, limits: Limits, initial: Tours | None) -> Tours: ...


def zoned(stops: int, limits: Limits) -> bool:
    """Whether so many are cut into zones. By `work` that does not depend on threads."""
    return stops >= (FROM if limits.threads > 1 and limits.work is None else FROM_ALONE)


@dataclass(frozen=True, slots=True)
class _Group:
    """Vehicles and stops that are planned together, by index."""

    vehicles: list[int]
    stops: list[int]


def by_zones(
    problem: RoutingProblem, limits: Limits, stops: Sequence[int], improve: Improve, clock: Clock,
    told: Callable[[float], None] | None = None,
) -> Tours:  # fmt: skip
    """Tours of some stops of a large problem, by `improve` of parts of it, `threads` of them side by side.

    Zones of up to LARGEST stops come first, each with its share of the fleet. Then rounds, with stops that found no
    room and vehicles that found no use, are grouped again and again along other lines, and each group is improved from
    what it has: vehicles and stops go from zone to zone as it pays. What a group finds is taken where it is better.
    At last all rounds are improved as one, where they are not too many and come near to no cap over trips: a vehicle
    can be spared of which each group needs a part. With `limits.work` every search has as much, and the outcome does
    not depend on threads; else time is shared out.
    PyVRP lets go of Python while it searches, so that threads of one process use as many cores.
    """
    large = _Large(problem, limits, stops, improve, clock)
    large.plan(large.zones(), limits.seconds * (1 - _ALONE))
    last_s = limits.seconds * _LAST if len(stops) <= _WHOLE and not near_caps(problem, large.tours) else 0.0
    for turn in range(_TURNS):
        if told is not None:
            told(large.objective())
        left_s = large.left_s - last_s
        large.plan(large.groups((turn + 0.5) / _TURNS), last_s + left_s * (1 - 1 / (_TURNS - turn)))
    if last_s:
        large.plan([large.whole()], 0.0)
    return large.tours


class _Large:
    """Tours as they are found."""

    def __init__(
        self, problem: RoutingProblem, limits: Limits, stops: Sequence[int], improve: Improve, clock: Clock
    ) -> None:
        self.problem, self.limits, self._improve, self._clock = problem, limits, improve, clock
        self._units = _units(problem, stops)
        self._started, self._lock = monotonic(), Lock()
        self.tours: Tours = ((),) * len(problem.vehicles)
        places = positions(problem)
        self._at = places[[stop.place for stop in problem.stops]]
        self._centre = places[[vehicle.start for vehicle in problem.vehicles]].mean(axis=0)
        self._may, self._work = holders(problem), work_of(problem)

    @property
    def left_s(self) -> float:
        return max(0.0, self.limits.seconds - (monotonic() - self._started))

    def objective(self) -> float:
        return objective(self.problem, self._clock, self.tours)

    def zones(self) -> list[_Group]:
        """All stops, in zones, with the fleet dealt out to them."""
        units = self._units
        parts = self._parts(sum(map(len, units)))
        at = np.array([self._at[unit].mean(axis=0) for unit in units])
        weight = np.array([self._work[unit].sum() for unit in units])
        zones = [[s for u in members.tolist() for s in units[u]] for members in cut(at, weight, parts, self._centre)]
        fleets = dealt(self.problem, range(len(self.tours)), zones, self._may)
        return [_Group(vehicles, sorted(stops)) for vehicles, stops in zip(fleets, zones, strict=True)]

    def groups(self, turn: float) -> list[_Group]:
        """All rounds, and stops that none serves, in groups; vehicles without a round dealt out among them."""
        used = [v for v, tour in enumerate(self.tours) if stops_of(tour)]
        rounds = [list(stops_of(self.tours[v])) for v in used]
        inside = served(self.tours)
        rounds += [[s for s in unit if s not in inside] for unit in self._units if not inside & set(unit)]
        at = np.array([self._at[stops].mean(axis=0) for stops in rounds])
        weight = np.array([float(len(stops)) for stops in rounds])
        parts = self._parts(sum(map(len, rounds)))
        groups = []
        for members in cut(at, weight, parts, self._centre, turn):
            vehicles = [used[i] for i in members.tolist() if i < len(used)]
            groups.append(_Group(vehicles, sorted(s for i in members.tolist() for s in rounds[i])))
        idle = [v for v in range(len(self.tours)) if v not in set(used)]
        wanting = [[s for s in group.stops if s not in inside] for group in groups]
        if not any(wanting):
            wanting = [group.stops for group in groups]
        for group, more in zip(groups, dealt(self.problem, idle, wanting, self._may) if idle else (), strict=False):
            group.vehicles[:] = sorted([*group.vehicles, *more])
        return groups

    def whole(self) -> _Group:
        """All vehicles and stops."""
        return _Group(list(range(len(self.tours))), sorted(s for unit in self._units for s in unit))

    def _parts(self, stops: int) -> int:
        return min(ceil(stops / LARGEST), len(self.tours))

    def plan(self, groups: Sequence[_Group], until_s: float) -> None:
        """Improve each group, and be done when `until_s` are left of the time."""
        waiting = len(groups)

        def one(group: _Group) -> Tours | None:
            nonlocal waiting
            with self._lock:
                fair_s = (self.left_s - until_s) * min(self.limits.threads, waiting) / waiting
                waiting -= 1
            return self._better(group, fair_s) if group.vehicles and group.stops else None

        with ThreadPoolExecutor(self.limits.threads) as pool:
            found = list(pool.map(one, groups))
        tours = list(self.tours)
        for group, better in zip(groups, found, strict=True):
            for v, tour in zip(group.vehicles, better or (), strict=False):
                tours[v] = tour
        self.tours = tuple(tours)

    def _better(self, group: _Group, seconds: float) -> Tours | None:
        """What `improve` finds for a group, if that is better than what the group has."""
        if seconds < _LEAST_S and self.limits.work is None and any(self.tours):
            return None
        whole = len(group.stops) == len(self.problem.stops) and len(group.vehicles) == len(self.tours)
        part = self.problem if whole else part_of(self.problem, group.vehicles, group.stops).problem
        within = {s: i for i, s in enumerate(group.stops)}
        has = tuple(tuple(within.get(code, code) for code in self.tours[v]) for v in group.vehicles)
        limits = replace(self.limits, seconds=max(seconds, _LEAST_S), threads=1)
        found = self._improve(part, limits, has if any(has) else None)
        tours = tuple(tuple(group.stops[code] if code >= 0 else code for code in tour) for tour in found)
        before = tuple(self.tours[v] for v in group.vehicles)
        return tours if self._value(group, tours) < self._value(group, before) else None

    def _value(self, group: _Group, tours: Tours) -> tuple[int, float]:
        """Required stops left out, then cost and prizes."""
        inside, stops = served(tours), self.problem.stops
        out = [stops[s] for s in group.stops if s not in inside]
        pairs = list(zip(group.vehicles, tours, strict=True))
        cost = sum(self._clock.cost(v, tour) + asides(self.problem, v, tour) for v, tour in pairs)
        return sum(stop.required for stop in out), cost + sum(stop.prize for stop in out if not stop.required)


def _units(problem: RoutingProblem, stops: Sequence[int]) -> list[list[int]]:
    """Stops that must be served together, else each by itself."""
    units: dict[str, list[int]] = {}
    for s in stops:
        units.setdefault(problem.stops[s].together or f"\0{s}", []).append(s)
    return list(units.values())
