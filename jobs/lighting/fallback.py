"""What lamps do where no plan could be made: the last plan on today's night, or the normal class all night."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl

from engine.errors import ConsigneError, InputError
from engine.instants import PARIS
from engine.model import Asset
from jobs.lighting.body import open_body
from jobs.lighting.fleet import some
from jobs.lighting.tables import LightingTables
from jobs.lighting.task import LightingTask, build_problem
from optimizers.lighting import LightingPlan, LightingProblem, energy_wh
from optimizers.lighting.problem import Floats, Ints
from optimizers.result import Status

_NOTHING_COUNTED = {"asset": pl.String, "observed_at": pl.Int64, "intensity": pl.Float64}


def shift(task: LightingTask, block: bytes) -> LightingPlan:
    """The plan of an earlier night on tonight's: each lamp at the level it had at that time of the local clock.

    Before and after the hours that burned then, the first and last level of that night hold. An hour that clocks
    skipped takes the level before it, one they repeated its second. Raises ConsigneError for lamps that are new since.
    """
    last = open_body(block)
    row = {lamp: i for i, lamp in enumerate(last.lamps)}
    new = [lamp for lamp in task.problem.lamps if lamp not in row]
    if new:
        raise ConsigneError(f"it does not know {some(new)} lamps")
    burned = np.flatnonzero(last.columns["burning"])
    then = np.array([_since_noon(last.slots[t]) for t in burned])
    clock, newest = np.unique(then[::-1], return_index=True)
    column = burned[::-1][newest]
    now = np.array([_since_noon(at) for at in task.night.slots])
    source = column[np.clip(np.searchsorted(clock, now, side="right") - 1, 0, None)]
    flux = last.flux[[row[lamp] for lamp in task.problem.lamps]][:, source]
    return _plan(task, np.where(task.problem.burning, flux, 0.0), "the last plan, shifted")


def without_plan(
    lamps: Sequence[Asset], *, tables: LightingTables, start_at: datetime, quantile: float
) -> tuple[LightingTask, LightingPlan]:
    """Every lamp at its normal class from dusk to dawn, and its neighbours within their step. Needs no counter.

    Lamps that cannot be read are left to their own safe value, which is full. Raises InputError where none can be.
    """
    unfit: set[str] = set()
    history = pl.DataFrame(schema=_NOTHING_COUNTED)
    try:
        task = build_problem(lamps, [], history, start_at=start_at, tables=tables, quantile=quantile)
    except InputError as error:
        unfit = {problem.source for problem in error.problems}
        fit = [lamp for lamp in lamps if lamp.id not in unfit]
        task = build_problem(fit, [], history, start_at=start_at, tables=tables, quantile=quantile)
    level = _lifted(task.problem, task.problem.floor.max(axis=1))
    reasons = (f"left to their safe value, they cannot be read: {some(sorted(unfit))} lamps",) if unfit else ()
    flux = np.where(task.problem.burning, level[:, None], 0.0)
    return task, _plan(task, flux, "the normal class all night", reasons)


def _since_noon(at: datetime) -> int:
    """Minutes of the local clock since noon, 0…1439."""
    local = at.astimezone(PARIS)
    return (local.hour * 60 + local.minute - 720) % 1440


def _lifted(problem: LightingProblem, level: Floats) -> Floats:
    """The least levels (n,) at or above these that keep neighbours within their step, and lamps that cannot dim on."""
    level = np.where(problem.dimmable, level, 1.0).astype(np.float64)
    a, b = _both_ways(problem.neighbours)
    step = np.tile(problem.neighbour_step, 2)
    while True:
        raised = level.copy()
        np.maximum.at(raised, b, level[a] - step)
        raised = np.where(problem.dimmable, np.round(raised, 12), 1.0).astype(np.float64)
        if np.array_equal(raised, level):
            return level
        level = raised


def _both_ways(pairs: Ints) -> tuple[Ints, Ints]:
    return np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]


def _plan(task: LightingTask, flux: Floats, solver: str, reasons: tuple[str, ...] = ()) -> LightingPlan:
    """Power grows with flux, and no plan is under the floors: what these take is a bound."""
    return LightingPlan(
        status=Status.FEASIBLE,
        objective=energy_wh(task.problem, flux),
        bound=energy_wh(task.problem, task.problem.floor),
        seconds=0.0,
        seed=0,
        solver=solver,
        version="1",
        reasons=reasons,
        lamps=task.problem.lamps,
        flux=flux,
    )
