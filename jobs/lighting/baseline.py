"""What a program is worth: its energy, and how long it leaves lamps under the light that traffic called for."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from jobs.lighting.need import Need, need_of
from jobs.lighting.night import fixed_level
from jobs.lighting.task import LightingTask
from jobs.lighting.traffic import counted_traffic
from optimizers import lighting
from optimizers.arrays import Floats
from optimizers.lighting import TOLERANCE


@dataclass(frozen=True, slots=True)
class UnderLit:
    """Shares, 0…1, of burning lamp-slots: below the class called for (or the lamp's full flux, where that is less),
    and two classes or more below it. NaN if nothing burns.
    """

    share: float
    deep: float


def actual_need(task: LightingTask, actual: pl.DataFrame) -> Need:
    """The light that the traffic counted over the task's own day called for. `actual` is shaped as the history.

    An hour in which a counter counted nothing calls for the normal class.
    """
    counted = counted_traffic(task.fleet, task.night, actual, task.tables)
    return need_of(task.fleet, task.night, counted, task.tables, task.around)


def fixed_program(task: LightingTask) -> Floats:
    """Flux (n, T) of the tables' one program for all lamps; full for those that cannot dim."""
    program = dict(task.tables.fixed_program)
    levels = np.array([fixed_level(at, program) for at in task.night.local])
    flux = np.where(task.fleet.dimmable[:, None], levels, 1.0)
    return np.where(task.night.burning, flux, 0.0)


def energy_wh(task: LightingTask, flux: Floats) -> float:
    """Energy of a program (n, T) over the lighting day, stand-by included."""
    return lighting.energy_wh(task.problem, flux)


def under_lit(task: LightingTask, flux: Floats, need: Need) -> UnderLit:
    """How much of the burning time the program `flux` (n, T) leaves below `need`."""
    burning = task.night.burning
    if not burning.any():
        return UnderLit(float("nan"), float("nan"))
    below = flux[:, burning] < need.flux[:, burning] - TOLERANCE
    return UnderLit(float(below.mean()), float((below & _two_classes_under(task, flux, need)[:, burning]).mean()))


def _two_classes_under(task: LightingTask, flux: Floats, need: Need) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    fleet, deep = task.fleet, np.zeros(flux.shape, np.bool_)
    for letter, family in task.tables.families.items():
        rows = np.flatnonzero(fleet.family == letter)
        full = fleet.level_full[rows, None]
        wanted = np.maximum(need.number[rows], family.delivered(full))
        deep[rows] = family.delivered(flux[rows] * full) - wanted >= 2
    return deep
