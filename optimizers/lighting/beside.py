"""Some lamps planned again beside others, which follow the plan they have."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.keeping import changed
from optimizers.lighting.parting import part_of
from optimizers.lighting.parts import UNLIMITED, Budget, Holders, Shares, Yesterday
from optimizers.lighting.problem import TOLERANCE, LightingPlan, LightingProblem

LEAST = 1e-3
"""Of a budget that others have used up so much is left: it cannot be 0, and far less is weighed for ever."""


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """flux (n, T) of all lamps; those planned again (n,), by `part`; units planned again that were not asked for."""

    flux: Floats
    lamps: Bools
    part: LightingPlan
    added: Ints


def plan_beside(
    problem: LightingProblem, flux: Floats, unit: Ints, chosen: Ints, make: Callable[[Floats, Bools], LightingPlan]
) -> Again:
    """Lamps of the `chosen` units planned again beside the others at `flux` (n, T); units (n,) are planned as one.

    `make` plans lamps (n,) beside others. Where a lamp that is kept would then have to rise, its unit is planned again
    too, and so on.
    """
    added = np.zeros(0, np.int64)
    while True:
        again = np.isin(unit, chosen)
        part = make(flux, again)
        flux = flux.copy()
        flux[again] = part.flux
        if not (more := _pressed(problem, flux, unit, again)).size:
            return Again(flux, again, part, added)
        added, chosen = np.union1d(added, more), np.union1d(chosen, more)


def _pressed(problem: LightingProblem, flux: Floats, unit: Ints, again: Bools) -> Ints:
    """Units of whose lamps one is too dark beside a lamp that was planned again."""
    a, b = problem.neighbours.T
    pressed = np.zeros(0, np.int64)
    for bright, dark in ((a, b), (b, a)):
        pairs = np.flatnonzero(again[bright] & ~again[dark])
        over = flux[bright[pairs]] - flux[dark[pairs]] > problem.neighbour_step[pairs, None] + TOLERANCE
        pressed = np.union1d(pressed, unit[dark[pairs[over.any(axis=1)]]])
    return pressed


def part_beside(
    problem: LightingProblem, flux: Floats, again: Bools, floor: Floats, budget: Budget | None, shares: Shares | None
) -> LightingProblem:
    """The problem of lamps `again` (n,) beside others at `flux` (n, T), above floors of theirs (m, T).

    They are lifted to within the step of the others; programs of the fleet and changes are what those leave.
    """
    lift, part = _lift(problem, flux, again), part_of(problem, again)
    if budget is not None:
        budget = replace(budget, relaxed=np.maximum(budget.relaxed, lift))
    changes = {
        "floor": np.maximum(floor, lift),
        "holders": _holders(problem, part, flux, again),
        "yesterday": _yesterday(problem, flux, again),
        "budget": budget,
        "shares": shares,
    }
    return LightingProblem(**{**vars(part), **changes})


def _lift(problem: LightingProblem, flux: Floats, again: Bools) -> Floats:
    """(m, T) what lamps planned again owe to those beside them that are not."""
    place = np.cumsum(again) - 1
    lift = np.zeros((int(again.sum()), problem.burning.size))
    a, b = problem.neighbours.T
    for mine, kept in ((a, b), (b, a)):
        pairs = np.flatnonzero(again[mine] & ~again[kept])
        np.maximum.at(lift, place[mine[pairs]], flux[kept[pairs]] - problem.neighbour_step[pairs, None])
    return lift


def _holders(problem: LightingProblem, part: LightingProblem, flux: Floats, again: Bools) -> Holders | None:
    """With as many programs of the fleet as the others leave."""
    if problem.holders is None or part.holders is None or problem.holders.fleet_programs == UNLIMITED or again.all():
        return part.holders
    others = len(np.unique(np.round(flux[~again], 9), axis=0))
    return replace(part.holders, fleet_programs=max(1, problem.holders.fleet_programs - others))


def _yesterday(problem: LightingProblem, flux: Floats, again: Bools) -> Yesterday | None:
    if (whole := problem.yesterday) is None:
        return None
    left = whole.changes
    if left < UNLIMITED:
        left = max(0, left - int((changed(problem, flux) & ~again).sum()))
    return Yesterday(flux=whole.flux[again], changes=left, change_cost_wh=whole.change_cost_wh)
