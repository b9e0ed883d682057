"""What lamps do where no plan could be made: the last plan on today's night, or the normal class all night."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
import polars as pl

from engine.errors import ConsigneError, InputError
from engine.instants import PARIS
from engine.model import Asset
from jobs.lighting.around import Around
from jobs.lighting.body import Body, open_body
from jobs.lighting.budgets import NO_BUDGET, Budgets
from jobs.lighting.holders import NOBODY_LIMITED, Keepers
from jobs.lighting.keeping import lifted
from jobs.lighting.night import Night
from jobs.lighting.tables import LightingTables
from jobs.lighting.task import LightingTask, build_problem
from jobs.words import some
from optimizers.arrays import Floats, Ints
from optimizers.lighting import TOLERANCE, LightingPlan, LightingProblem, energy_wh
from optimizers.lighting.budgeting import given_up_wh
from optimizers.lighting.check import ceiling, changes, energy_budget, peak, shares
from optimizers.lighting.keeping import changed
from optimizers.result import Status

_SOFT = (ceiling, changes, energy_budget, peak, shares)  # what a fall-back may pass, and says
_NOTHING_COUNTED = {"asset": pl.String, "observed_at": pl.Int64, "intensity": pl.Float64}


def shift(task: LightingTask, block: bytes) -> LightingPlan:
    """The plan of an earlier night on tonight's, see `told`. Raises ConsigneError for lamps that are new since."""
    flux = told(task.night, task.problem.lamps, open_body(block))
    new = [lamp for lamp, row in zip(task.problem.lamps, flux, strict=True) if np.isnan(row).any()]
    if new:
        raise ConsigneError(f"it does not know {some(new)} lamps")
    return _plan(task, flux, "the last plan, shifted")


def told(night: Night, lamps: Sequence[str], last: Body) -> Floats:
    """Flux (n, T) of an earlier plan on another night: each lamp at the level it had at that time of the local clock.

    Before and after the hours that burned then, the first and last level of that night hold. An hour that clocks
    skipped takes the level before it, one they repeated its second. NaN for a lamp that the plan does not know.
    """
    row = {lamp: i for i, lamp in enumerate(last.lamps)}
    burned = np.flatnonzero(last.columns["burning"])
    then = np.array([_since_noon(last.slots[t]) for t in burned])
    clock, newest = np.unique(then[::-1], return_index=True)
    column = burned[::-1][newest]
    now = np.array([_since_noon(at) for at in night.slots])
    source = column[np.clip(np.searchsorted(clock, now, side="right") - 1, 0, None)]
    known = np.array([row.get(lamp, -1) for lamp in lamps])
    flux = np.where(night.burning, last.flux[known][:, source], 0.0)
    return np.where(known[:, None] < 0, np.nan, flux)


def without_plan(
    lamps: Sequence[Asset], *, tables: LightingTables, start_at: datetime, quantile: float,
    around: Around | None = None, keepers: Keepers = NOBODY_LIMITED, budgets: Budgets = NO_BUDGET,
) -> tuple[LightingTask, LightingPlan]:  # fmt: skip
    """Every lamp at its normal class from dusk to dawn, brighter for events and as dark as orders have it, its
    neighbours within their step, in as many programs as their keepers take. Needs no counter. No light gives way for a
    budget: what passes it is said.

    Lamps that cannot be read are left to their own safe value, which is full. Raises InputError where none can be.
    """
    unfit: set[str] = set()
    history = pl.DataFrame(schema=_NOTHING_COUNTED)
    made = partial(
        build_problem, start_at=start_at, tables=tables, quantile=quantile, around=around, keepers=keepers,
        budgets=budgets,
    )  # fmt: skip
    try:
        task = made(lamps, [], history)
    except InputError as error:
        unfit = {problem.source for problem in error.problems}
        task = made([lamp for lamp in lamps if lamp.id not in unfit], [], history)
    reasons = (f"left to their safe value, they cannot be read: {some(sorted(unfit))} lamps",) if unfit else ()
    return task, _plan(task, _lifted(task.problem), "the normal class all night", reasons)


def _since_noon(at: datetime) -> int:
    """Minutes of the local clock since noon, 0…1439."""
    local = at.astimezone(PARIS)
    return (local.hour * 60 + local.minute - 720) % 1440


def _lifted(problem: LightingProblem) -> Floats:
    """Flux (n, T) at or above the floors that keeps neighbours within their step and ramps, lamps that cannot dim on,
    and every keeper within its programs; without keepers the least. No solver is asked: it may be what failed."""
    on = np.flatnonzero(problem.burning)
    flux, dark = problem.floor[:, on], problem.ceiling[:, on] == 0
    if (flux == flux[:, :1]).all():  # a night like most: one level is enough
        on, dark = on[:1], dark[:, :1]
        flux = flux[:, :1]
    stepped = np.abs(np.diff(problem.ceiling[:, on], axis=1)) > problem.ramp_per_slot[:, None] + TOLERANCE
    free = dark[:, 1:] | dark[:, :-1] | stepped | ~problem.dimmable[:, None] | (np.diff(on) > 1)
    ramp = np.where(free, np.inf, problem.ramp_per_slot[:, None])
    while True:
        raised = lifted(flux, problem.neighbours, problem.neighbour_step, problem.dimmable)
        for t in range(1, raised.shape[1]):
            raised[:, t] = np.maximum(raised[:, t], np.round(raised[:, t - 1] - ramp[:, t - 1], 12))
        for t in range(raised.shape[1] - 1, 0, -1):
            raised[:, t - 1] = np.maximum(raised[:, t - 1], np.round(raised[:, t] - ramp[:, t - 1], 12))
        raised = _kept(raised, problem)
        if np.array_equal(raised, flux):
            return np.where(problem.burning, _whole(flux, problem), 0.0)
        flux = raised


def _kept(flux: Floats, problem: LightingProblem) -> Floats:
    """Raised so far that each keeper takes it. A program that changes too often holds its brightest level; of too many
    the two that cost least light become one. The brighter of two that keep their ramps keeps them too.
    """
    holders = problem.holders
    if holders is None:
        return flux
    raised = flux.copy()
    changes = (np.diff(np.pad(flux, ((0, 0), (1, 1))), axis=1) != 0).sum(axis=1)
    often = changes > holders.switch_points[holders.of]
    raised[often] = raised[often].max(axis=1, keepdims=True)
    for h, most in enumerate(holders.programs.tolist()):
        mine = np.flatnonzero(holders.of == h)
        raised[mine] = _few(raised[mine], most)
    return _few(raised, holders.fleet_programs)


def _few(flux: Floats, most: int) -> Floats:
    """Rows (n, T) of no more than `most` different programs."""
    rows, which, lamps = np.unique(flux, axis=0, return_inverse=True, return_counts=True)
    return _merged(rows, lamps, most)[which.reshape(-1)] if len(rows) > most else flux


def _merged(rows: Floats, lamps: Ints, most: int) -> Floats:
    """These programs (p, T), each of so many lamps, with no more than `most` of them different."""
    group, rows, weight = np.arange(len(rows)), rows.copy(), lamps.astype(np.float64)
    while len(left := np.unique(group)) > most:
        pairs = [(a, b) for k, a in enumerate(left.tolist()) for b in left[k + 1 :].tolist()]
        both = [np.maximum(rows[a], rows[b]).sum() for a, b in pairs]
        own = [rows[a].sum() * weight[a] + rows[b].sum() * weight[b] for a, b in pairs]
        lost = [level * (weight[a] + weight[b]) - now for (a, b), level, now in zip(pairs, both, own, strict=True)]
        a, b = pairs[int(np.argmin(lost))]
        rows[a], weight[a] = np.maximum(rows[a], rows[b]), weight[a] + weight[b]
        group[group == b] = a
    merged: Floats = rows[group]
    return merged


def _whole(flux: Floats, problem: LightingProblem) -> Floats:
    """(n, T) of what burning slots have, or (n, 1) where they are all alike."""
    if flux.shape[1] == 1:
        return flux
    whole = np.zeros(problem.shape)
    whole[:, problem.burning] = flux
    return whole


def _plan(task: LightingTask, flux: Floats, solver: str, reasons: tuple[str, ...] = ()) -> LightingPlan:
    """Power grows with flux, and no plan is under the floors that a budget leaves: what these take is a bound."""
    lowest = task.problem.floor if task.problem.budget is None else task.problem.budget.relaxed
    told_anew, yesterday = int(changed(task.problem, flux).sum()), task.problem.yesterday
    made = LightingPlan(
        status=Status.FEASIBLE,
        objective=energy_wh(task.problem, flux) + (yesterday.change_cost_wh * told_anew if yesterday else 0.0),
        bound=energy_wh(task.problem, lowest),
        seconds=0.0,
        seed=0,
        solver=solver,
        version="1",
        reasons=reasons,
        lamps=task.problem.lamps,
        flux=flux,
        changes=told_anew,
        given_up=float(given_up_wh(task.problem, flux).sum()),
    )
    over = tuple(broken for soft in _SOFT for broken in soft(task.problem, made))
    return replace(made, status=Status.BEST_EFFORT, violations=over) if over else made
