"""Exactly when valves open tonight: cycles whole within their stays, soaks kept, no more flow than a pipe carries."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.irrigation.problem import TOLERANCE
from optimizers.irrigation.supplies import Supply

_ROUNDING_S = 1e-6
_SPAN = 0.5  # of CP-SAT's deterministic seconds

Opening = tuple[float, int]
"""When a valve opens, and which."""

Stays = list[list[tuple[float, float]]]


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """Openings in the order they begin, and the cycles (m,) of them: fewer than were asked for where not all fit."""

    openings: tuple[Opening, ...]
    cycles: Ints


def timetable(supply: Supply, cycles: Ints) -> Timetable:
    """The first of several lists that finds all cycles a time; where none does, what a search finds for the most water.

    The same supply and cycles give the same timetable.
    """
    stays = stays_of(supply)
    tried = []
    for rule in _RULES:
        tried.append(_listed(supply, stays, cycles, rule))
        if (tried[-1].cycles == cycles).all():
            return tried[-1]
    return max(tried, key=lambda table: float(table.cycles @ supply.cycle_m3))


def stays_of(supply: Supply) -> Stays:
    """Of each hydrozone, in order: from when to when it may be open tonight, stretches that touch taken as one."""
    stays: Stays = [[] for _ in range(supply.shape[0])]
    for k in np.flatnonzero(supply.night == 0).tolist():
        start, end = float(supply.start_s[k]), float(supply.end_s[k])
        for z in np.flatnonzero(supply.usable[:, k]).tolist():
            if stays[z] and stays[z][-1][1] == start:
                start_before, _ = stays[z].pop()
                stays[z].append((start_before, end))
            else:
                stays[z].append((start, end))
    return stays


@dataclass(slots=True, eq=False)
class _Queue:
    """What is still to be opened while time goes on."""

    supply: Supply
    stays: Stays
    left: list[int]
    ready_s: Floats

    def fits(self, z: int, at_s: float) -> bool:
        """Whether a cycle that begins now lies in one stay."""
        if not self.left[z] or at_s < self.ready_s[z] - _ROUNDING_S:
            return False
        over_s = at_s + float(self.supply.cycle_s[z])
        return any(start <= at_s + _ROUNDING_S and over_s <= end + _ROUNDING_S for start, end in self.stays[z])

    def slack_s(self, z: int, at_s: float) -> float:
        """What would be left of its stays if it ran from now on without waiting."""
        left = self.left[z]
        wanted = left * float(self.supply.cycle_s[z]) + (left - 1) * float(self.supply.soak_s[z])
        return sum(max(0.0, end - max(start, at_s)) for start, end in self.stays[z]) - wanted


Rule = Callable[[_Queue, int, float], tuple[float, ...]]


def _tightest(queue: _Queue, z: int, at_s: float) -> tuple[float, ...]:
    return queue.slack_s(z, at_s), -float(queue.supply.flow_m3_h[z])


def _largest(queue: _Queue, z: int, at_s: float) -> tuple[float, ...]:
    return -float(queue.supply.flow_m3_h[z]), queue.slack_s(z, at_s)


def _longest(queue: _Queue, z: int, at_s: float) -> tuple[float, ...]:
    return -float(queue.left[z] * queue.supply.cycle_s[z] * queue.supply.flow_m3_h[z]), queue.slack_s(z, at_s)


_RULES: tuple[Rule, ...] = (_tightest, _longest, _largest)


def _listed(supply: Supply, stays: Stays, cycles: Ints, rule: Rule) -> Timetable:
    """Whenever a valve may begin, those go first that a rule puts first, as far as there is flow."""
    queue = _Queue(supply, stays, cycles.tolist(), np.full(cycles.size, -np.inf))
    instants = sorted({start for z in np.flatnonzero(cycles).tolist() for start, _ in stays[z]})
    open_until: list[tuple[float, int]] = []
    openings: list[Opening] = []
    left_m3_h = supply.capacity_m3_h + TOLERANCE
    while instants:
        now = heapq.heappop(instants)
        while open_until and open_until[0][0] <= now + _ROUNDING_S:
            left_m3_h += float(supply.flow_m3_h[heapq.heappop(open_until)[1]])
        for z in _in_turn(queue, now, rule):
            if supply.flow_m3_h[z] <= left_m3_h:
                over_s = now + float(supply.cycle_s[z])
                left_m3_h -= float(supply.flow_m3_h[z])
                queue.left[z] -= 1
                queue.ready_s[z] = over_s + float(supply.soak_s[z])
                openings.append((now, z))
                heapq.heappush(open_until, (over_s, z))
                for instant in {over_s, float(queue.ready_s[z])}:
                    heapq.heappush(instants, instant)
    return Timetable(tuple(openings), cycles - np.array(queue.left, np.int64))


def _in_turn(queue: _Queue, now: float, rule: Rule) -> Iterator[int]:
    may = [z for z in range(len(queue.left)) if queue.fits(z, now)]
    yield from sorted(may, key=lambda z: (*rule(queue, z, now), z))
