"""Whether what a plan says of a stop left out is true, as far as one stop alone on one vehicle can tell."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import isinf

import numpy as np

from optimizers.result import Violation
from optimizers.routing.check import clock, loads, permitted, working
from optimizers.routing.check.rounds import CLOCK_S, Known, Round
from optimizers.routing.problem import (
    TOLERANCE,
    Act,
    Loads,
    Route,
    RoutingPlan,
    Site,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Why,
    Window,
)

_ALONE = (
    clock.drives, clock.windows, clock.hours, clock.queues, clock.shift, clock.longest, loads.capacity, loads.daily,
    loads.counts, loads.reach, loads.empties, working.rests, working.longest_drive, working.most_drive,
    working.longest_work, working.most_work, permitted.permissions, permitted.sites,
)  # fmt: skip
"""What a vehicle that serves one stop must keep."""


def reasons(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """No reason is contradicted by the problem. Judged are

    unreachable  untrue where a vehicle that may serve the stop gets there from its start and on to its end
    skill        untrue where a vehicle may serve it
    capacity     untrue where such a vehicle holds it
    window       untrue where such a vehicle, alone with it, keeps every word on the clock
    together     untrue where no other stop of that name is left out
    prize        untrue of a required stop, and where `cheapest` is below the prize
    full         untrue where a vehicle that the plan leaves at home serves a required stop alone and keeps every word

    and the first three are wanted where they are certain, being the first that explain. A solve that the clock cut
    short may not have found what `cheapest` or a vehicle at home leave room for: of such a plan neither is judged.
    """
    used = {route.vehicle for route in plan.routes}
    kinds = _kinds(known, used)
    left = {item.stop: item for item in plan.unserved}
    for item in plan.unserved:
        judge = _Judge(known, known.stops[item.stop], kinds, used)
        cut = not plan.reproducible and (item.why is Why.FULL or (item.why is Why.PRIZE and not judge.stop.required))
        for why in ("" if cut else _JUDGES[item.why](judge, item, left), _earlier(judge, item)):
            if why:
                yield Violation("reason", item.stop, 1.0, "1", f"{item.why}: {why}")
                break


class _Judge:
    """One stop, and the vehicles that may serve it."""

    def __init__(self, known: Known, stop: Stop, vehicles: list[Vehicle], used: set[str]) -> None:
        self.known, self.stop, self.vehicles, self.used = known, stop, vehicles, used
        self.may = [vehicle for vehicle in vehicles if not any(permitted.forbids(vehicle, stop))]

    def reaches(self, vehicle: Vehicle) -> bool:
        """Whether the vehicle drives straight to the stop and on to its end."""
        drives_s, place = self.known.problem.matrices.duration_s[vehicle.profile], self.stop.place
        end = place if vehicle.end is None else vehicle.end
        return not (isinf(drives_s[vehicle.start, place]) or isinf(drives_s[place, end]))

    def cut_off(self) -> bool:
        """Whether no place leads any vehicle there, or none on from there to its end."""
        drives_s, place = self.known.problem.matrices.duration_s, self.stop.place
        wanted = {(v.profile, v.start != place, v.end not in (None, place)) for v in self.vehicles}
        for profile, comes, goes in wanted:
            into, out = np.isfinite(drives_s[profile, :, place]), np.isfinite(drives_s[profile, place])
            into[place] = out[place] = False
            if (into.any() or not comes) and (out.any() or not goes):
                return False
        return True

    def holds(self, vehicle: Vehicle) -> bool:
        """Whether the stop fits into the empty vehicle, and into its day."""
        before = vehicle.spent.loads or (0.0,) * len(self.stop.load)
        day = tuple(have + load for have, load in zip(before, self.stop.load, strict=True))
        return _within(self.stop.load, vehicle.capacity) and _within(day, vehicle.daily)

    def alone(self, vehicle: Vehicle) -> bool:
        """Whether a way was found in which the vehicle serves this stop and no other and keeps every word. False
        proves nothing where rests, breaks or queues are to be kept: only plain ways are tried.
        """
        return self.reaches(vehicle) and self.holds(vehicle) and any(self._ways(vehicle))

    def _ways(self, vehicle: Vehicle) -> Iterator[bool]:
        sites = [site for site in self.known.sites.values() if not permitted.refuses(vehicle, site)]
        after: list[Site | None] = [*sites] if vehicle.empties else [None]
        before: list[Site | None] = [*sites] if any(vehicle.aboard) else []
        for first in (None, *before):
            for last in after:
                round_ = Round(self.known, vehicle, _walked(self.known, vehicle, self.stop, first, last))
                yield not any(violation for constraint in _ALONE for violation in constraint(round_))


def _unreachable(judge: _Judge, *_: object) -> str:
    found = next((vehicle.id for vehicle in judge.may if judge.reaches(vehicle)), "")
    return f"{found} gets there and on to its end" if found else ""


def _skill(judge: _Judge, *_: object) -> str:
    return f"{judge.may[0].id} may serve it" if judge.may else ""


def _capacity(judge: _Judge, *_: object) -> str:
    found = next((vehicle.id for vehicle in judge.may if judge.reaches(vehicle) and judge.holds(vehicle)), "")
    return f"{found} holds it" if found else ""


def _window(judge: _Judge, *_: object) -> str:
    found = next((vehicle.id for vehicle in judge.may if judge.alone(vehicle)), "")
    return f"{found} serves it alone and keeps every word" if found else ""


def _together(judge: _Judge, item: Unserved, left: dict[str, Unserved]) -> str:
    name = judge.stop.together
    others = [stop.id for stop in judge.known.problem.stops if name and stop.together == name and stop.id != item.stop]
    return "" if any(other in left for other in others) else "no stop that belongs to it is left out"


def _prize(judge: _Judge, item: Unserved, _: dict[str, Unserved]) -> str:
    if judge.stop.required:
        return "it is required"
    others = sum(stop.together == judge.stop.together for stop in judge.known.problem.stops)
    if judge.stop.together and others > 1:  # what one of them adds says nothing of all
        return ""
    cheap = item.cheapest is not None and item.cheapest < judge.stop.prize * (1 - TOLERANCE) - TOLERANCE
    return f"serving it adds {item.cheapest:g}, its prize is {judge.stop.prize:g}" if cheap else ""


def _full(judge: _Judge, *_: object) -> str:
    idle = (vehicle for vehicle in judge.may if vehicle.id not in judge.used and not vehicle.out)
    if not judge.stop.required or judge.stop.together:
        return ""
    found = next((vehicle.id for vehicle in idle if judge.alone(vehicle)), "")
    return f"{found} is left at home, and serves it alone" if found else ""


_JUDGES: dict[Why, Callable[[_Judge, Unserved, dict[str, Unserved]], str]] = {
    Why.UNREACHABLE: _unreachable,
    Why.SKILL: _skill,
    Why.CAPACITY: _capacity,
    Why.WINDOW: _window,
    Why.TOGETHER: _together,
    Why.PRIZE: _prize,
    Why.FULL: _full,
}


def _earlier(judge: _Judge, item: Unserved) -> str:
    """An earlier reason that is certain, though a later one is told."""
    order = list(Why)
    certain = {
        Why.UNREACHABLE: judge.cut_off(),
        Why.SKILL: not judge.may,
        Why.CAPACITY: all(not _within(judge.stop.load, vehicle.capacity) for vehicle in judge.may),
    }
    first = next((why for why in order if certain.get(why)), item.why)
    return f"{first} explains it" if order.index(first) < order.index(item.why) else ""


def _kinds(known: Known, used: set[str]) -> list[Vehicle]:
    """One vehicle of those that differ by their id alone, by which no stop names them."""
    named = {name for stop in known.problem.stops for name in (*(stop.only or ()), *stop.never)}
    found: dict[tuple[Vehicle, str, bool], Vehicle] = {}
    for vehicle in known.problem.vehicles:
        told = vehicle.id if vehicle.id in named else ""
        found.setdefault((replace(vehicle, id=""), told, vehicle.id in used), vehicle)
    return list(found.values())


def _walked(known: Known, vehicle: Vehicle, stop: Stop, first: Site | None, last: Site | None) -> Route:
    """The vehicle's way by one stop, each thing as early as can be, and left as late as that allows."""
    plain = _walk(known, vehicle, stop, (first, last), vehicle.shift[0])
    waited = plain.visits[1].begin_s - plain.visits[1].arrive_s
    if vehicle.out or waited <= 0 or first is not None:
        return plain
    return _walk(known, vehicle, stop, (first, last), vehicle.shift[0] + waited)


def _walk(known: Known, vehicle: Vehicle, stop: Stop, by: tuple[Site | None, Site | None], leaves_s: float) -> Route:
    first, last = by
    visits = [Visit(Act.START, "", vehicle.start, leaves_s, leaves_s, leaves_s)]
    goals: list[Site | Stop] = [goal for goal in (first, stop, last) if goal is not None]
    for goal in goals:
        visits.append(_next(known, vehicle, visits[-1], goal))
    end = visits[-1].place if vehicle.end is None else vehicle.end
    back_s = visits[-1].end_s + _drive_s(known, vehicle, visits[-1].place, end)
    visits.append(Visit(Act.END, "", end, back_s, back_s, back_s))
    return Route(vehicle.id, tuple(visits), 0.0, 0.0)


def _next(known: Known, vehicle: Vehicle, before: Visit, goal: Site | Stop) -> Visit:
    arrive_s = before.end_s + _drive_s(known, vehicle, before.place, goal.place)
    if isinstance(goal, Stop):
        begin_s = _opens_s(arrive_s, goal.windows)
        return Visit(Act.STOP, goal.id, goal.place, arrive_s, begin_s, begin_s + goal.service_s)
    begin_s = _opens_s(arrive_s + clock.queue_s(goal, arrive_s), goal.windows)
    return Visit(Act.UNLOAD, goal.id, goal.place, arrive_s, begin_s, begin_s + goal.unload_s)


def _drive_s(known: Known, vehicle: Vehicle, a: int, b: int) -> float:
    return float(known.problem.matrices.duration_s[vehicle.profile, a, b])


def _opens_s(at_s: float, windows: tuple[Window, ...]) -> float:
    """The first instant from `at_s` on in one of some windows; `at_s` where there are none, or none is left."""
    return min((max(start, at_s) for start, end in windows if end >= at_s - CLOCK_S), default=at_s)


def _within(amounts: Loads, limit: Loads) -> bool:
    return all(amount <= most + TOLERANCE * max(1.0, most) for amount, most in zip(amounts, limit, strict=False))


__all__ = ["reasons"]
