"""The lamps of some holders planned again, after an event, while the others follow the plan they have."""

from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

import numpy as np

from optimizers.lighting.budgeting import given_up_wh
from optimizers.lighting.concluding import by_holder, conflicts, passed
from optimizers.lighting.keeping import changed
from optimizers.lighting.parting import part_of
from optimizers.lighting.parts import UNLIMITED, Bools, Budget, Floats, Holders, Ints, Yesterday
from optimizers.lighting.power import energy_wh, lamp_energy_wh, power_w
from optimizers.lighting.problem import TOLERANCE, WH, WH_GIVEN_UP, LightingPlan, LightingProblem
from optimizers.lighting.solve import solve
from optimizers.lighting.trading import power_by_unit_w
from optimizers.result import InvalidProblem, Limits, Status

_LEAST = 1e-3  # a budget that others have used up: what is left cannot be 0


def resolve(
    problem: LightingProblem, plan: LightingPlan, holders: Iterable[str], limits: Limits | None = None
) -> LightingPlan:
    """`problem` as it is now, `plan` as it was made of it before; the lamps of `holders` are planned again.

    All other lamps keep their flux. Lamps near them are lifted to within the step of them; where the other way round a
    lamp that is kept would have to rise, its holder is planned again too, and so on: `reasons` name those. Energy,
    peak, changes and programs of the fleet are what the others leave of them. What the plan says of bounds is of the
    lamps planned again: of the others it takes what they draw. Raises InvalidProblem for a holder that is not there, or
    a plan of other lamps or slots.
    """
    started = perf_counter()
    chosen = _asked(problem, plan, holders)
    assert problem.holders is not None  # noqa: S101
    flux, added = plan.flux, np.zeros(0, np.int64)
    while True:
        again = np.isin(problem.holders.of, chosen)
        part = solve(_part(problem, flux, again), limits)
        flux = plan.flux.copy()
        flux[again] = part.flux
        if not (more := _pressed(problem, flux, chosen)).size:
            break
        added, chosen = np.union1d(added, more), np.union1d(chosen, more)
    names = ", ".join(problem.holders.names[h] for h in added.tolist())
    reasons = (f"planned again too, beside brighter lamps: {names}",) if added.size else ()
    whole = _whole(problem, plan, part, flux, again)
    return replace(whole, reasons=(*part.reasons, *reasons), seconds=perf_counter() - started)


def _asked(problem: LightingProblem, plan: LightingPlan, holders: Iterable[str]) -> Ints:
    names = problem.holders.names if problem.holders is not None else ()
    asked = sorted(set(holders))
    wrong = [f"no holder {name!r}, there is {', '.join(names) or 'none'}" for name in asked if name not in names]
    wrong += [] if asked else ["no holder is named, wants one at least"]
    if plan.lamps != problem.lamps or plan.flux.shape != problem.shape:
        wrong.append(f"a plan of {len(plan.lamps)} lamps, flux {plan.flux.shape}; wants the problem's, {problem.shape}")
    if wrong:
        raise InvalidProblem(wrong)
    return np.sort(np.array([names.index(name) for name in asked], np.int64))


def _pressed(problem: LightingProblem, flux: Floats, chosen: Ints) -> Ints:
    """Holders not chosen of whose lamps one is too dark beside a lamp that was planned again."""
    assert problem.holders is not None  # noqa: S101
    a, b = problem.neighbours.T
    again = np.isin(problem.holders.of, chosen)
    pressed = np.zeros(0, np.int64)
    for bright, dark in ((a, b), (b, a)):
        pairs = np.flatnonzero(again[bright] & ~again[dark])
        over = flux[bright[pairs]] - flux[dark[pairs]] > problem.neighbour_step[pairs, None] + TOLERANCE
        pressed = np.union1d(pressed, problem.holders.of[dark[pairs[over.any(axis=1)]]])
    return pressed


def _part(problem: LightingProblem, flux: Floats, again: Bools) -> LightingProblem:
    """The problem of lamps `again` (n,) beside others at `flux` (n, T)."""
    lift = _lift(problem, flux, again)
    part = part_of(problem, again)
    changes = {
        "floor": np.maximum(problem.floor, lift)[again],
        "holders": _holders(problem, part, flux, again),
        "budget": _budget(problem, flux, again, lift),
        "yesterday": _yesterday(problem, flux, again),
    }
    return LightingProblem(**{**vars(part), **changes})


def _lift(problem: LightingProblem, flux: Floats, again: Bools) -> Floats:
    """(n, T) what lamps `again` (n,) owe to those beside them that are not planned again; 0 elsewhere."""
    lift = np.zeros(problem.shape)
    a, b = problem.neighbours.T
    for mine, kept in ((a, b), (b, a)):
        pairs = np.flatnonzero(again[mine] & ~again[kept])
        np.maximum.at(lift, mine[pairs], flux[kept[pairs]] - problem.neighbour_step[pairs, None])
    return lift


def _holders(problem: LightingProblem, part: LightingProblem, flux: Floats, again: Bools) -> Holders | None:
    """With as many programs of the fleet as the others leave."""
    if problem.holders is None or part.holders is None or problem.holders.fleet_programs == UNLIMITED or again.all():
        return part.holders
    others = len(np.unique(np.round(flux[~again], 9), axis=0))
    return replace(part.holders, fleet_programs=max(1, problem.holders.fleet_programs - others))


def _budget(problem: LightingProblem, flux: Floats, again: Bools, lift: Floats) -> Budget | None:
    """What others leave."""
    if (whole := problem.budget) is None:
        return None
    others = power_by_unit_w(problem, flux, again.astype(np.int64), 2, np.arange(problem.burning.size))[0]
    return Budget(
        relaxed=np.maximum(whole.relaxed, lift)[again],
        energy_wh=max(_LEAST, whole.energy_wh - float(others.sum()) * problem.slot_s / 3600),
        peak_w=np.maximum(_LEAST, whole.peak_w - others),
        weight=whole.weight[again],
    )


def _yesterday(problem: LightingProblem, flux: Floats, again: Bools) -> Yesterday | None:
    if (whole := problem.yesterday) is None:
        return None
    left = whole.changes
    if left < UNLIMITED:
        left = max(0, left - int((changed(problem, flux) & ~again).sum()))
    return Yesterday(flux=whole.flux[again], changes=left, change_cost_wh=whole.change_cost_wh)


def _whole(
    problem: LightingProblem, plan: LightingPlan, part: LightingPlan, flux: Floats, again: Bools
) -> LightingPlan:
    """The plan of all lamps, of which those not planned again are taken as they are."""
    flux.flags.writeable = False
    assert problem.holders is not None  # noqa: S101
    energy, given = energy_wh(problem, flux), float(given_up_wh(problem, flux).sum())
    told = int(changed(problem, flux).sum())
    cost = problem.yesterday.change_cost_wh * told if problem.yesterday is not None else 0.0
    objective, unit = (given, WH_GIVEN_UP) if given > 0 else (energy + cost, WH)
    open_wh = part.objective - part.bound if part.unit == unit else 0.0
    objectives = by_holder(problem, lamp_energy_wh(problem, flux))
    known = plan.holder_bound_wh.size == objectives.size
    bounds = np.minimum(plan.holder_bound_wh, objectives) if known else np.zeros(objectives.size)
    bounds[np.unique(problem.holders.of[again])] = part.holder_bound_wh
    violations = (*conflicts(problem, flux, traced=True), *passed(problem, flux, energy, power_w(problem, flux), told))
    done = Status.BEST_EFFORT if violations else Status.FEASIBLE if open_wh else Status.OPTIMAL
    return replace(
        part,
        status=part.status if part.status == Status.TIME_LIMIT else done,
        objective=objective,
        bound=objective - open_wh,
        violations=violations,
        lamps=problem.lamps,
        flux=flux,
        unit=unit,
        energy_wh=energy,
        holders=problem.holders.names,
        holder_objective_wh=objectives,
        holder_bound_wh=bounds,
        given_up=given,
        given_up_bound=given - part.given_up + part.given_up_bound,
        changes=told,
    )
