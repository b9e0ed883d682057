"""The lamps of some holders planned again, after an event, while the others follow the plan they have."""

from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.beside import LEAST, Again, part_beside, plan_beside
from optimizers.lighting.budgeting import given_up_wh
from optimizers.lighting.concluding import by_holder, conflicts, passed
from optimizers.lighting.keeping import changed
from optimizers.lighting.parts import Budget
from optimizers.lighting.power import energy_wh, lamp_energy_wh, power_w
from optimizers.lighting.problem import WH, WH_GIVEN_UP, LightingPlan, LightingProblem
from optimizers.lighting.sharing import drawn, passed_shares, shares_left
from optimizers.lighting.solve import solve
from optimizers.result import InvalidProblem, Limits, Status


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

    def make(flux: Floats, again: Bools) -> LightingPlan:
        return solve(_part(problem, flux, again), limits)

    found = plan_beside(problem, plan.flux, problem.holders.of, chosen, make)
    names = ", ".join(problem.holders.names[h] for h in found.added.tolist())
    reasons = (f"planned again too, beside brighter lamps: {names}",) if found.added.size else ()
    whole = _whole(problem, plan, found)
    return replace(whole, reasons=(*found.part.reasons, *reasons), seconds=perf_counter() - started)


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


def _part(problem: LightingProblem, flux: Floats, again: Bools) -> LightingProblem:
    """The problem of lamps `again` (n,) beside others at `flux` (n, T), within what these leave of budgets."""
    budget = problem.budget
    if budget is not None:
        others = drawn(problem, flux, ~again)
        budget = Budget(
            relaxed=budget.relaxed[again],
            energy_wh=max(LEAST * budget.energy_wh, budget.energy_wh - others.energy_wh),
            peak_w=np.maximum(LEAST * budget.peak_w, budget.peak_w - others.power_w),
            weight=budget.weight[again],
        )
    return part_beside(problem, flux, again, problem.floor[again], budget, shares_left(problem, flux, again))


def _whole(problem: LightingProblem, plan: LightingPlan, found: Again) -> LightingPlan:
    """The plan of all lamps, of which those not planned again are taken as they are."""
    part, flux = found.part, found.flux
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
    bounds[np.unique(problem.holders.of[found.lamps])] = part.holder_bound_wh
    violations = (
        *conflicts(problem, flux, traced=True),
        *passed(problem, flux, energy, power_w(problem, flux), told),
        *passed_shares(problem, flux),
    )
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
