"""Exactly when valves open tonight: cycles whole within their stays, soaks kept, no more flow than a pipe carries."""

import heapq
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.irrigation.patterns import Pattern, best_set
from optimizers.irrigation.problem import Stay, joined
from optimizers.irrigation.searching import searched
from optimizers.irrigation.supplies import Supply

_ROUNDING_S = 1e-7
_LISTS = 24

Opening = tuple[float, int]
"""When a valve opens, and which."""


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """Openings in the order they begin, and the cycles (m,) of them: fewer than were asked for where not all fit."""

    openings: tuple[Opening, ...]
    cycles: Ints


def timetable(supply: Supply, cycles: Ints) -> Timetable:
    """The first of several lists that finds all cycles a time, else the one that does for the most water.

    The same supply and cycles give the same timetable.
    """
    stays, random = stays_of(supply), np.random.default_rng(0)
    best, most = Timetable((), np.zeros_like(cycles)), -1.0
    for turn in range(_LISTS):
        taste = _Taste(turn % 3, np.ones(cycles.size) if turn < 3 else random.uniform(0.5, 1.0, cycles.size))
        table = _listed(supply, stays, cycles, taste)
        if (water := float(table.cycles @ supply.cycle_m3)) > most:
            best, most = table, water
        if (table.cycles == cycles).all():
            break
    return best


def searched_timetable(supply: Supply, cycles: Ints, known: Timetable) -> Timetable:
    """One for as much water as a search finds a time for, never less than that of a `known` one."""
    begin: dict[int, list[float]] = {}
    for at, z in known.openings:
        begin.setdefault(z, []).append(at)
    found = searched(supply, stays_of(supply), cycles, begin)
    got = np.bincount(np.array([z for _, z in found], np.int64), minlength=cycles.size)
    return Timetable(tuple(found), got) if got @ supply.cycle_m3 > known.cycles @ supply.cycle_m3 else known


def stays_of(supply: Supply) -> list[list[Stay]]:
    """Of each hydrozone, in order: from when to when it may be open tonight, stretches that touch taken as one."""
    tonight = supply.usable & (supply.night == 0)
    return [joined(supply.start_s[mine], supply.end_s[mine]) for mine in tonight]


@dataclass(frozen=True, slots=True, eq=False)
class _Taste:
    """How valves that may begin are weighed (m,) by how urgent they are: not at all, evenly or strongly."""

    power: int
    weight: Floats


@dataclass(slots=True, eq=False)
class _Queue:
    """What is still to be opened while time goes on."""

    supply: Supply
    stays: list[list[Stay]]
    left: list[int]
    ready_s: Floats

    def fits(self, z: int, at_s: float) -> bool:
        """Whether a cycle that begins now lies in one stay."""
        if not self.left[z] or at_s < self.ready_s[z] - _ROUNDING_S:
            return False
        over_s = at_s + float(self.supply.cycle_s[z])
        return any(start <= at_s + _ROUNDING_S and over_s <= end + _ROUNDING_S for start, end in self.stays[z])

    def urgency(self, z: int, at_s: float) -> float:
        """The share of the rest of its stays that it needs, soaks included: at 1 it may not wait."""
        left = self.left[z]
        wanted = left * float(self.supply.cycle_s[z]) + (left - 1) * float(self.supply.soak_s[z])
        return wanted / max(1.0, sum(max(0.0, end - max(start, at_s)) for start, end in self.stays[z]))

    def chosen(self, at_s: float, left_m3_h: float, taste: _Taste) -> Pattern:
        """The valves to open now: those that fill the flow best, by how urgent they are."""
        may = [z for z in range(len(self.left)) if self.fits(z, at_s)]
        if not may:
            return ()
        worth = np.zeros(len(self.left))
        for z in may:
            worth[z] = self.supply.flow_m3_h[z] * self.urgency(z, at_s) ** taste.power * taste.weight[z]
        return best_set(may, worth, self.supply.flow_m3_h, left_m3_h)[0]


def _listed(supply: Supply, stays: list[list[Stay]], cycles: Ints, taste: _Taste) -> Timetable:
    """Whenever a valve may begin, those begin that are the best set for what flow there is."""
    queue = _Queue(supply, stays, cycles.tolist(), np.full(cycles.size, -np.inf))
    instants = sorted({start for z in np.flatnonzero(cycles).tolist() for start, _ in stays[z]})
    open_until: list[tuple[float, int]] = []
    openings: list[Opening] = []
    left_m3_h = supply.capacity_m3_h
    while instants:
        now = heapq.heappop(instants)
        while instants and instants[0] <= now + _ROUNDING_S:
            heapq.heappop(instants)
        while open_until and open_until[0][0] <= now + _ROUNDING_S:
            left_m3_h += float(supply.flow_m3_h[heapq.heappop(open_until)[1]])
        for z in queue.chosen(now, left_m3_h, taste):
            over_s = now + float(supply.cycle_s[z])
            left_m3_h -= float(supply.flow_m3_h[z])
            queue.left[z] -= 1
            queue.ready_s[z] = over_s + float(supply.soak_s[z])
            openings.append((now, z))
            heapq.heappush(open_until, (over_s, z))
            for instant in (over_s, float(queue.ready_s[z])):
                heapq.heappush(instants, instant)
    return Timetable(tuple(openings), cycles - np.array(queue.left, np.int64))
