"""Why a stop is left out, with its figures: see `reasons`."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from time import monotonic

import numpy as np

from optimizers.arrays import Bools
from optimizers.routing.caps import Broken
from optimizers.routing.inserting import cheapest
from optimizers.routing.problem import TOLERANCE, Loads, RoutingProblem, Stop, Unserved, Vehicle, Why
from optimizers.routing.timing import Clock, Timed
from optimizers.routing.tours import Tours, companions, holders


def hopeless(
    problem: RoutingProblem, clock: Clock, may: Bools, stops: Iterable[int] | None = None
) -> dict[int, Unserved]:  # fmt: skip
    """Of some stops (None: all) those that no vehicle could serve even alone, by their indices, each with its reason.

    One to which streets lead only by way of others is not among them.
    """
    alone, asked = _Alone(problem, clock, may), dict.fromkeys(range(len(problem.stops)) if stops is None else stops)
    found = {s: one for s in asked if (one := alone.reason(s)) and not alone.by_others(s, one)}
    for name, members in companions(problem).items():
        if lost := [problem.stops[s].id for s in members if s in found]:
            together = f"{name}: {', '.join(lost)}"
            rest = {s: Unserved(problem.stops[s].id, Why.TOGETHER, together) for s in members if s in asked}
            found = rest | found
    return found


def reasons(
    problem: RoutingProblem,
    clock: Clock,
    tours: Tours,
    missing: Sequence[int],
    known: Mapping[int, Unserved],
    until_s: float = inf,
) -> tuple[Unserved, ...]:
    """Of every stop left out the first reason that explains it, in the order of `Why`; `known`: the hopeless ones.

    From `until_s` of the monotonic clock on what optional stops would add is no longer reckoned, and they are told as
    ones that the time did not reach: see `unasked`.
    """
    alone, bound = _Alone(problem, clock, holders(problem)), set(companions(problem))
    return tuple(known[s] if s in known else _beside(alone, tours, s, bound, until_s) for s in missing)


def unasked(stop: Stop) -> Unserved:
    """An optional stop that found no room while there was time, and of which nothing more is known."""
    return Unserved(stop.id, Why.FULL, "the time was up before all places for it were tried")


def _beside(alone: "_Alone", tours: Tours, s: int, bound: Container[str], until_s: float) -> Unserved:
    """Why a stop that alone could be served is not; `bound`: names of stops that belong together."""
    problem, may, stop = alone.problem, alone.may, alone.problem.stops[s]
    if stop.together in bound:
        return Unserved(stop.id, Why.TOGETHER, f"{stop.together}: no vehicle serves them all for what they are worth")
    if (reason := alone.reason(s)) is not None:
        return reason
    if not stop.required and monotonic() > until_s:
        return unasked(stop)
    found = None if stop.required else cheapest(problem, alone.clock, may, tours, s)
    if found is not None:
        detail = f"it would add {found.added:g} {problem.unit}, its prize is {stop.prize:g}"
        return Unserved(stop.id, Why.PRIZE, detail, found.added)
    used = sum(bool(tour) for v, tour in enumerate(tours) if may[v, s])
    detail = f"{used} of {int(may[:, s].sum())} vehicles that may serve it are out, and it fits into none"
    return Unserved(stop.id, Why.FULL, detail)


class _Alone:
    """One stop by itself, on vehicles that do nothing else."""

    def __init__(self, problem: RoutingProblem, clock: Clock, may: Bools) -> None:
        self.problem, self.clock, self.may = problem, clock, may
        kinds: dict[Vehicle, int] = {}
        self._kind = [kinds.setdefault(replace(one, id=""), v) for v, one in enumerate(problem.vehicles)]

    def reason(self, s: int) -> Unserved | None:
        stop = self.problem.stops[s]
        able = self._kinds(s)
        reach = [v for v in able if self._reaches(self.problem.vehicles[v], stop)]
        if not reach and (able or self._cut_off(stop)):
            return Unserved(stop.id, Why.UNREACHABLE, "there is no way to it, or from it")
        if not able:
            return Unserved(stop.id, Why.SKILL, self._lacking(stop))
        holding = [v for v in reach if self._holds(self.problem.vehicles[v], stop)]
        if not holding:
            return Unserved(stop.id, Why.CAPACITY, self._too_heavy(stop, reach))
        broken: list[Broken] = []
        for v in holding:
            answer = self._served(v, s)
            if isinstance(answer, Timed):
                return None
            broken.append(answer)
        first = self.problem.vehicles[holding[0]].id
        return Unserved(stop.id, Why.WINDOW, f"{first}: {broken[0].constraint}: {broken[0].detail}")

    def by_others(self, s: int, reason: Unserved) -> bool:
        """Whether a stop that is unreachable straight from a start or to an end may be reached by other stops."""
        return reason.why is Why.UNREACHABLE and not self._cut_off(self.problem.stops[s])

    def _kinds(self, s: int) -> list[int]:
        """One of each kind of vehicle that may serve a stop."""
        kinds: dict[int, int] = {}
        for v in np.flatnonzero(self.may[:, s]).tolist():
            kinds.setdefault(self._kind[v], v)
        return list(kinds.values())

    def _served(self, v: int, s: int) -> Timed | Broken:
        tours = [(s,), *((~k, s) for k in self.clock.sites[v] if any(self.problem.vehicles[v].aboard))]
        answers = [self.clock.timed(v, self.clock.closed(v, tour)) for tour in tours]
        return next((one for one in answers if isinstance(one, Timed)), answers[0])

    def _reaches(self, vehicle: Vehicle, stop: Stop) -> bool:
        drives_s = self.problem.matrices.duration_s[vehicle.profile]
        end = stop.place if vehicle.end is None else vehicle.end
        return bool(np.isfinite(drives_s[vehicle.start, stop.place]) and np.isfinite(drives_s[stop.place, end]))

    def _cut_off(self, stop: Stop) -> bool:
        """Whether no place leads there, or none on from there."""
        for vehicle in {(v.profile, v.start, v.end): v for v in self.problem.vehicles}.values():
            drives_s = self.problem.matrices.duration_s[vehicle.profile]
            into, out = np.isfinite(drives_s[:, stop.place]), np.isfinite(drives_s[stop.place])
            into[stop.place] = vehicle.start == stop.place
            out[stop.place] = vehicle.end in {None, stop.place}
            if into.any() and out.any():
                return False
        return True

    def _holds(self, vehicle: Vehicle, stop: Stop) -> bool:
        day = tuple(a + b for a, b in zip(stop.load, vehicle.spent.loads or (0.0,) * len(stop.load), strict=True))
        return _within(stop.load, vehicle.capacity) and _within(day, vehicle.daily)

    def _lacking(self, stop: Stop) -> str:
        if stop.only is not None:
            return f"only {', '.join(stop.only) or 'nobody'} may serve it"
        if stop.skills:
            return f"no vehicle that may serve it has {', '.join(stop.skills)}"
        return f"no vehicle may serve it in zone {stop.zone!r}"

    def _too_heavy(self, stop: Stop, reach: Sequence[int]) -> str:
        for d, name in enumerate(self.problem.dimensions):
            vehicles = [self.problem.vehicles[v] for v in reach]
            most = max((min(_of(one.capacity, d), _of(one.daily, d)) for one in vehicles), default=0.0)
            if stop.load[d] > most:
                return f"needs {stop.load[d]:g} {name}, the largest that may serve it holds {most:g}"
        return "the day's caps of every vehicle that may serve it are reached"


def _of(loads: Loads, d: int) -> float:
    return loads[d] if loads else float("inf")


def _within(amounts: Loads, limit: Loads) -> bool:
    return all(amount <= most + TOLERANCE for amount, most in zip(amounts, limit, strict=False))
