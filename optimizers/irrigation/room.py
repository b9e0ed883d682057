"""How many cycles windows leave room for, whatever else is watered."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Ints
from optimizers.irrigation.problem import Hydrozones, IrrigationProblem, Windows

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """most (n, D): cycles a night that fit with their soaks; usable (n, K): stretches they may be in."""

    most: Ints
    usable: Bools


def room_of(problem: IrrigationProblem) -> Room:
    """Stretches that touch are one to a hydrozone that is allowed in both: a cycle may begin in one and end in the
    other. A stay too short for a whole cycle is none, and a budget of no water at all leaves no room.
    """
    windows, zones = problem.windows, problem.hydrozones
    n, days, _ = problem.shape
    most, usable = np.zeros((n, days), np.int64), np.zeros(windows.allowed.shape, np.bool_)
    kinds, of = np.unique(windows.allowed, axis=0, return_inverse=True)
    for kind, allowed in enumerate(kinds):
        mine = np.flatnonzero(of.ravel() == kind)
        cycle_s, soak_s = zones.cycle_s[mine], zones.soak_s[mine]
        ready_s, tonight = np.zeros(mine.size), -1
        for first, last in _stays(windows, allowed):
            if windows.night[first] != tonight:  # a soak is between cycles of one night
                ready_s, tonight = np.zeros(mine.size), int(windows.night[first])
            begin_s, end_s = np.maximum(windows.start_s[first], ready_s), windows.end_s[last]
            fits = np.maximum(np.floor((end_s - begin_s + soak_s) / (cycle_s + soak_s) + _ROUNDING), 0).astype(np.int64)
            ready_s = np.where(fits > 0, begin_s + fits * (cycle_s + soak_s), ready_s)
            most[mine, windows.night[first]] += fits
            usable[mine, first : last + 1] = (end_s - windows.start_s[first] >= cycle_s - _ROUNDING)[:, None]
    most = np.minimum(most, windows.most_cycles)
    most[_unpaid(problem, zones)] = 0
    return Room(most, usable & (most[:, windows.night] > 0))


def _stays(windows: Windows, allowed: Bools) -> Iterator[tuple[int, int]]:
    """The first and last of stretches of a night that are allowed and touch."""
    mine = np.flatnonzero(allowed)
    before, after = mine[:-1], mine[1:]
    apart = (windows.start_s[after] > windows.end_s[before]) | (windows.night[after] != windows.night[before])
    for stay in np.split(mine, np.flatnonzero(apart) + 1):
        if stay.size:
            yield int(stay[0]), int(stay[-1])


def _unpaid(problem: IrrigationProblem, zones: Hydrozones) -> Bools:
    """(n, D) nights that a budget covers which holds no water."""
    none = np.zeros(problem.shape[:2], np.bool_)
    if (budgets := problem.budgets) is not None:
        for member, nights in zip(*(of[budgets.limit_m3 <= 0] for of in (budgets.member, budgets.nights)), strict=True):
            none |= member[:, None] & nights
    return none & (zones.cycle_m3 > 0)[:, None]
