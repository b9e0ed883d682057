"""A draft told as a plan: objective and bound, what it passes, and why."""

from collections.abc import Iterator

import numpy as np

from optimizers.arrays import Floats
from optimizers.lighting.drafting import Draft
from optimizers.lighting.explain import explain
from optimizers.lighting.keeping import Keeping, numbered
from optimizers.lighting.parts import Holders
from optimizers.lighting.power import energy_wh, lamp_energy_wh
from optimizers.lighting.problem import TOLERANCE, WH, WH_GIVEN_UP, LightingPlan, LightingProblem
from optimizers.lighting.spending import Spending
from optimizers.lighting.trading import Trade, excess, excess_of
from optimizers.result import Status, Violation, our_version

SOLVER = "least point by max-plus sweeps"
_TRACED = 100  # conflicts whose chain is told: nobody reads more, and each costs a search
_PROVED = 1e-9  # relative gap that is rounding


def conclude(
    problem: LightingProblem,
    spending: Spending,
    draft: Draft,
    traded: Trade | None,
    reasons: tuple[str, ...],
    *,
    settled: bool,
) -> LightingPlan:
    gives_up = traded is not None and (traded.draft.given_up_wh > 0 or excess_of(problem, draft).budget)
    telling_wh = problem.yesterday.change_cost_wh if problem.yesterday else 0.0
    objective = draft.given_up_wh if gives_up else draft.energy_wh + telling_wh * draft.changes
    bound = traded.proved_bound if traded and gives_up else min(objective, _bound_wh(problem, draft))
    flux = draft.flux
    flux.flags.writeable = False
    violations = (
        *conflicts(problem, flux, traced=settled),
        *passed(problem, flux, draft.energy_wh, draft.power_w, draft.changes),
    )
    proved = objective - bound <= _PROVED * max(1.0, objective)
    status = Status.BEST_EFFORT if violations else Status.OPTIMAL if proved else Status.FEASIBLE
    objective_wh = by_holder(problem, draft.lamp_wh)
    names = problem.holders.names if problem.holders is not None else ()
    return LightingPlan(
        status=status if settled else Status.TIME_LIMIT,
        objective=objective,
        bound=bound,
        seconds=spending.seconds,
        seed=spending.limits.seed,
        solver=SOLVER,
        version=our_version(),
        violations=violations,
        reasons=(*reasons, *_reasons(problem, draft, traded)),
        lamps=problem.lamps,
        flux=flux,
        unit=WH_GIVEN_UP if gives_up else WH,
        energy_wh=draft.energy_wh,
        holders=names,
        holder_objective_wh=objective_wh,
        holder_bound_wh=np.minimum(draft.bound_wh, objective_wh),
        given_up=draft.given_up_wh,
        given_up_bound=traded.tried_bound if traded and gives_up else draft.given_up_wh,
        changes=draft.changes,
        reproducible=not spending.clock_cut,
    )


def _bound_wh(problem: LightingProblem, draft: Draft) -> float:
    """No plan takes less: neither together, with those told that must be, nor lamp by lamp at its cheaper end."""
    together = float(draft.bound_wh.sum()) if draft.bound_wh.size else energy_wh(problem, draft.need)
    if (yesterday := problem.yesterday) is None:
        return together
    keeping = Keeping(problem, yesterday)
    serves = keeping.serves(draft.need)
    told = lamp_energy_wh(problem, draft.need) + yesterday.change_cost_wh
    apart = float(np.where(serves, np.minimum(told, keeping.energy_wh), told).sum())
    return max(together + yesterday.change_cost_wh * int((~serves).sum()), apart)


def by_holder(problem: LightingProblem, lamp_wh: Floats) -> Floats:
    """(h,) energy of each holder's lamps; (0,) without holders."""
    if problem.holders is None:
        return np.empty(0)
    return np.bincount(problem.holders.of, lamp_wh, len(problem.holders.names)).astype(np.float64)


def _reasons(problem: LightingProblem, draft: Draft, traded: Trade | None) -> Iterator[str]:
    if problem.holders is not None:
        energy, bound = draft.energy_wh, float(draft.bound_wh.sum())
        yield f"programs: {energy:.6g} Wh, and none within the holders' limits take less than {bound:.6g} Wh"
    if draft.lifted:
        yield f"neighbours: {draft.lifted} lamps are brighter than their own need, beside brighter programs"
    if problem.yesterday is not None:
        kept = len(problem.lamps) - draft.changes
        yield f"yesterday: {kept} lamps keep their program, {draft.changes} are told another"
    if traded is not None and draft.given_up_wh > 0:
        yield (
            f"budget: {draft.given_up_wh:.6g} Wh of light given up; {traded.tried_bound:.6g} at least by the levels "
            f"tried, {traded.proved_bound:.6g} at least by any plan"
        )


def passed(
    problem: LightingProblem, flux: Floats, energy_wh: float, power_w: Floats, changes: int
) -> Iterator[Violation]:
    """Limits of holders, budget, peak and changes that could not be kept."""
    if problem.holders is not None:
        yield from _unheld(problem, problem.holders, flux)
    over, budget, yesterday = excess(problem, energy_wh, power_w, changes), problem.budget, problem.yesterday
    if budget is not None and over.energy > _PROVED:
        detail = f"{energy_wh:.9g} Wh, wants {budget.energy_wh:.9g} Wh"
        yield Violation("energy budget", "plan", energy_wh - budget.energy_wh, "Wh", detail)
    if budget is not None and over.peak > _PROVED:
        slot = int((power_w - budget.peak_w).argmax())
        yield Violation("peak", "plan", float(power_w[slot] - budget.peak_w[slot]), "W", f"slot {slot}")
    if yesterday is not None and over.changes > 0:
        detail = f"{changes} lamps are told another program, wants {yesterday.changes}"
        yield Violation("changes", "plan", float(changes - yesterday.changes), "lamps", detail)


def _unheld(problem: LightingProblem, holders: Holders, flux: Floats) -> Iterator[Violation]:
    rows, of = numbered(flux)
    held = np.zeros((len(holders.names), len(rows)), np.bool_)
    held[holders.of, of] = True
    count = held.sum(axis=1)
    for h in np.flatnonzero(count > holders.programs).tolist():
        detail = f"{count[h]} of them, it holds {holders.programs[h]}"
        yield Violation("programs", holders.names[h], float(count[h] - holders.programs[h]), "programs", detail)
    if len(rows) > holders.fleet_programs:
        detail = f"{len(rows)} of them, wants {holders.fleet_programs}"
        yield Violation("fleet programs", "plan", float(len(rows) - holders.fleet_programs), "programs", detail)
    points = (np.abs(np.diff(rows, axis=1, prepend=0.0, append=0.0)) > TOLERANCE).sum(axis=1)[of]
    over = points - holders.switch_points[holders.of]
    for i in np.flatnonzero(over > 0).tolist():
        detail = f"{points[i]} of them, {holders.names[int(holders.of[i])]} allows {points[i] - over[i]}"
        yield Violation("switch points", problem.lamps[i], float(over[i]), "switch points", detail)


def conflicts(problem: LightingProblem, flux: Floats, *, traced: bool) -> Iterator[Violation]:
    """Each lamp that is over its ceiling, at its worst slot, the worst lamps first."""
    over = flux - problem.ceiling
    slot = np.argmax(over, axis=1)
    worst = over[np.arange(slot.size), slot]
    rows = np.flatnonzero(worst > TOLERANCE)
    for rank, i in enumerate(rows[np.argsort(-worst[rows], kind="stable")].tolist()):
        t = int(slot[i])
        detail = f"slot {t}, flux {flux[i, t]:.6g} over {problem.ceiling[i, t]:.6g}"
        if traced and rank < _TRACED:
            detail += "; " + " ← ".join(map(str, explain(problem, flux, i, t)))
        yield Violation("ceiling", problem.lamps[i], float(worst[i]), "1", detail)
