"""How many cycles windows leave room for, whatever else is watered."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
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
    first, stay_s = _stays(windows)
    with_soak = (stay_s + zones.soak_s[:, None]) / (zones.cycle_s + zones.soak_s)[:, None]
    fits = np.floor(with_soak + _ROUNDING).astype(np.int64)
    most = np.zeros((n, days), np.int64)
    for k in range(windows.night.size):
        most[:, windows.night[k]] += np.where(first[:, k], fits[:, k], 0)
    most = np.minimum(most, windows.most_cycles)
    most[_unpaid(problem, zones)] = 0
    return Room(most, (fits > 0) & (most[:, windows.night] > 0))


def _stays(windows: Windows) -> tuple[Bools, Floats]:
    """(n, K) where a stay of touching stretches begins, and how long the stay is that a stretch is part of."""
    kinds, of = np.unique(windows.allowed, axis=0, return_inverse=True)
    touches = np.append(False, windows.start_s[1:] == windows.end_s[:-1])
    first, stay_s = np.zeros(kinds.shape, np.bool_), np.zeros(kinds.shape)
    for row, allowed in enumerate(kinds):
        begins = allowed & ~(touches & np.append(False, allowed[:-1]))
        stay = np.cumsum(begins)
        lengths = np.bincount(stay[allowed], (windows.end_s - windows.start_s)[allowed], stay.max(initial=0) + 1)
        first[row], stay_s[row] = begins, np.where(allowed, lengths[stay], 0.0)
    return first[of.ravel()], stay_s[of.ravel()]


def _unpaid(problem: IrrigationProblem, zones: Hydrozones) -> Bools:
    """(n, D) nights in which a budget that covers them holds less than one cycle."""
    none = np.zeros(problem.shape[:2], np.bool_)
    if (budgets := problem.budgets) is not None:
        for b in range(len(budgets.names)):
            broke = budgets.member[b] & (budgets.limit_m3[b] <= 0)
            none |= broke[:, None] & budgets.nights[b]
    return none & (zones.cycle_m3 > 0)[:, None]
