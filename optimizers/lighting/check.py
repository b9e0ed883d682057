"""Every constraint of the lighting problem as its definition says it, to judge any plan; shares no code with solve."""

from collections.abc import Callable, Iterator

import numpy as np

from optimizers.arrays import Floats
from optimizers.lighting.problem import TOLERANCE, WH, WH_GIVEN_UP, LightingPlan, LightingProblem, PowerCurve
from optimizers.result import Violation

ENERGY_TOLERANCE = 1e-9
"""Relative error allowed in the energy a plan claims: a sum of millions of doubles."""

_DIGITS = 9  # of flux, within which two programs are one


def check(problem: LightingProblem, plan: LightingPlan) -> list[Violation]:
    """Everything that is wrong with a plan, worst slot of each lamp or pair; empty for a plan that keeps every word.

    Flux may miss a constraint by TOLERANCE, energy and light given up by ENERGY_TOLERANCE of it.
    """
    if plan.lamps != problem.lamps or plan.flux.shape != problem.shape:
        found = f"{len(plan.lamps)} lamps, flux {plan.flux.shape}; wants the problem's lamps in order, {problem.shape}"
        return [Violation("shape", "plan", 1.0, "1", found)]
    unfit = ~np.isfinite(plan.flux)
    if unfit.any():
        return list(_by_lamp(problem, "finite", unfit.astype(np.float64)))
    return [violation for constraint in CONSTRAINTS for violation in constraint(problem, plan)]


def fraction(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Flux lies in 0…1."""
    yield from _by_lamp(problem, "fraction", np.maximum(-plan.flux, plan.flux - 1))


def dark_by_day(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Flux is 0 in every slot that does not burn."""
    yield from _by_lamp(problem, "dark by day", np.where(problem.burning, 0.0, np.abs(plan.flux)))


def floor(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Flux is never below the floor, or where a budget is asked below the relaxed floor."""
    yield from _by_lamp(problem, "floor", _true_floor(problem) - plan.flux)


def ceiling(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Flux is never over the ceiling."""
    yield from _by_lamp(problem, "ceiling", plan.flux - problem.ceiling)


def switched(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """A lamp that cannot dim is fully on or fully off, and on wherever any flux is needed."""
    between = np.minimum(np.abs(plan.flux), np.abs(1 - plan.flux))
    needed = np.where(_true_floor(problem) > 0, 1 - plan.flux, 0.0)
    yield from _by_lamp(problem, "switched", np.where(problem.dimmable[:, None], 0.0, np.maximum(between, needed)))


def ramp(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Between two consecutive burning slots the flux of a lamp that dims changes by its ramp at most, but to and from a
    slot with ceiling 0, and where the ceiling changes by more.
    """
    excess = np.zeros_like(plan.flux)
    for t in range(1, problem.burning.size):
        if problem.burning[t - 1] and problem.burning[t]:
            change = np.abs(plan.flux[:, t] - plan.flux[:, t - 1])
            bound = problem.dimmable & (problem.ceiling[:, t - 1 : t + 1] > 0).all(axis=1)
            bound &= np.ptp(problem.ceiling[:, t - 1 : t + 1], axis=1) <= problem.ramp_per_slot + TOLERANCE
            excess[:, t] = np.where(bound, change - problem.ramp_per_slot, 0.0)
    yield from _by_lamp(problem, "ramp", excess)


def neighbour_step(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Neighbours differ by their step at most, in every slot."""
    for (a, b), step in zip(problem.neighbours.tolist(), problem.neighbour_step.tolist(), strict=True):
        excess = np.abs(plan.flux[a] - plan.flux[b]) - step
        if (worst := float(excess.max())) > TOLERANCE:
            pair = f"{problem.lamps[a]} | {problem.lamps[b]}"
            yield Violation("neighbour step", pair, worst, "1", f"slot {int(excess.argmax())}")


def programs(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """The lamps of a holder follow no more different programs than it holds, those of all of them no more than all."""
    if (holders := problem.holders) is None:
        return
    # Adding 0 makes -0 and 0 one level.
    rows = [row.tobytes() for row in np.round(plan.flux, _DIGITS) + 0.0]
    held: list[set[bytes]] = [set() for _ in holders.names]
    for h, row in zip(holders.of.tolist(), rows, strict=True):
        held[h].add(row)
    for name, found, most in zip(holders.names, map(len, held), holders.programs.tolist(), strict=True):
        if found > most:
            yield Violation("programs", name, float(found - most), "programs", f"{found} of them, it holds {most}")
    if (found := len(set(rows))) > holders.fleet_programs:
        excess, detail = float(found - holders.fleet_programs), f"{found} of them, wants {holders.fleet_programs}"
        yield Violation("fleet programs", "plan", excess, "programs", detail)


def switch_points(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """A program changes its level no more often than its holder allows, on at dusk and off at dawn told apart."""
    if (holders := problem.holders) is None:
        return
    padded = np.pad(plan.flux, ((0, 0), (1, 1)))
    changes = (np.abs(padded[:, 1:] - padded[:, :-1]) > TOLERANCE).sum(axis=1)
    most = holders.switch_points[holders.of]
    for i in np.flatnonzero(changes > most).tolist():
        detail = f"{changes[i]} of them, {holders.names[int(holders.of[i])]} allows {most[i]}"
        yield Violation("switch points", problem.lamps[i], float(changes[i] - most[i]), "switch points", detail)


def energy_budget(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Energy over all slots stays within the budget."""
    if problem.budget is not None:
        energy = _energy_wh(problem, plan.flux)
        if energy > problem.budget.energy_wh * (1 + ENERGY_TOLERANCE):
            detail = f"{energy:.9g} Wh, wants {problem.budget.energy_wh:.9g} Wh"
            yield Violation("energy budget", "plan", energy - problem.budget.energy_wh, "Wh", detail)


def peak(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Power of all lamps stays within the peak in every slot."""
    if problem.budget is not None:
        power = sum(_lamp_power_w(problem, plan.flux), start=np.zeros(problem.burning.size))
        yield from _over_peak("plan", power, problem.budget.peak_w)


def _over_peak(name: str, power: Floats, peak_w: Floats) -> Iterator[Violation]:
    """Power (T,) beyond a peak (T,)."""
    over = power - peak_w
    if (slots := int((over > ENERGY_TOLERANCE * peak_w).sum())) > 0:
        detail = f"slot {int(over.argmax())}" + (f" and {slots - 1} more" if slots > 1 else "")
        yield Violation("peak", name, float(over.max()), "W", detail)


def shares(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Energy and power of the lamps of each smaller budget stay within it."""
    if problem.shares is None:
        return
    powers = np.array(list(_lamp_power_w(problem, plan.flux)))
    for b, name in enumerate(problem.shares.names):
        power, most = powers[problem.shares.lamps[b]].sum(axis=0), float(problem.shares.energy_wh[b])
        energy = float(power.sum()) * problem.slot_s / 3600
        if energy > most * (1 + ENERGY_TOLERANCE):
            detail = f"{energy:.9g} Wh, wants {most:.9g} Wh"
            yield Violation("energy budget", name, energy - most, "Wh", detail)
        yield from _over_peak(name, power, problem.shares.peak_w[b])


def changes(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """No more lamps are told another program than may be, and as many as the plan says."""
    found = _changed(problem, plan)
    if problem.yesterday is not None and found > problem.yesterday.changes:
        detail = f"{found} lamps are told another program, wants {problem.yesterday.changes}"
        yield Violation("changes", "plan", float(found - problem.yesterday.changes), "lamps", detail)
    if plan.changes != found:
        detail = f"{plan.changes} lamps claimed, {found} found"
        yield Violation("changes claimed", "plan", float(abs(plan.changes - found)), "lamps", detail)


def given_up(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """The light said to be given up is what the flux lacks of the floors, and its bound is not above it."""
    found = _given_up(problem, plan.flux)
    tolerance = ENERGY_TOLERANCE * max(1.0, found)
    if not abs(plan.given_up - found) <= tolerance:
        detail = f"{plan.given_up!r} claimed, {found!r} found"
        yield Violation("given up", "plan", abs(plan.given_up - found), WH_GIVEN_UP, detail)
    if not plan.given_up_bound <= plan.given_up + tolerance:
        detail = f"{plan.given_up_bound!r} beside {plan.given_up!r} given up"
        yield Violation("given up bound", "plan", plan.given_up_bound - plan.given_up, WH_GIVEN_UP, detail)


def objective(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """The objective claimed is that of the flux, in the unit that the plan says, and so is the energy if it is told."""
    energy = _energy_wh(problem, plan.flux)
    cost_wh = problem.yesterday.change_cost_wh * _changed(problem, plan) if problem.yesterday else 0.0
    found = _given_up(problem, plan.flux) if plan.unit == WH_GIVEN_UP else energy + cost_wh
    if plan.unit not in {WH, WH_GIVEN_UP}:
        yield Violation("unit", "plan", 1.0, "1", f"{plan.unit!r}, wants {WH!r} or {WH_GIVEN_UP!r}")
    if not abs(plan.objective - found) <= ENERGY_TOLERANCE * max(1.0, found):
        detail = f"{plan.objective!r} {plan.unit} claimed, {found!r} {plan.unit} found"
        yield Violation("objective", "plan", abs(plan.objective - found), plan.unit, detail)
    if not np.isnan(plan.energy_wh) and not abs(plan.energy_wh - energy) <= ENERGY_TOLERANCE * max(1.0, energy):
        detail = f"{plan.energy_wh!r} Wh claimed, {energy!r} Wh found"
        yield Violation("energy", "plan", abs(plan.energy_wh - energy), "Wh", detail)


def bound(_: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """A bound is not above the objective, and equals it where the plan says optimal."""
    excess = plan.bound - plan.objective
    if plan.status == "optimal":
        excess = abs(excess)
    if not excess <= ENERGY_TOLERANCE * max(1.0, abs(plan.objective)):
        detail = f"{plan.bound!r} beside an objective of {plan.objective!r}"
        yield Violation("bound", "plan", excess, plan.unit, detail)


def holder_figures(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Each holder's energy is that of its lamps, and its bound is not above it. A plan need not tell them."""
    told, bounds = plan.holder_objective_wh, plan.holder_bound_wh
    if problem.holders is None or not plan.holders:
        return
    names = problem.holders.names
    if plan.holders != names or told.shape != (len(names),) or bounds.shape != told.shape:
        detail = (
            f"{len(plan.holders)} names, {told.size} energies, {bounds.size} bounds; wants the problem's {len(names)}"
        )
        yield Violation("holders", "plan", 1.0, "1", detail)
        return
    found = np.zeros(len(names))
    for h, power in zip(problem.holders.of.tolist(), _lamp_power_w(problem, plan.flux), strict=True):
        found[h] += float(power.sum()) * problem.slot_s / 3600
    tolerance = ENERGY_TOLERANCE * np.maximum(1.0, found)
    for h in np.flatnonzero(~(np.abs(told - found) <= tolerance)).tolist():
        detail = f"{told[h]!r} Wh claimed, {found[h]!r} Wh found"
        yield Violation("holder energy", names[h], float(abs(told[h] - found[h])), "Wh", detail)
    for h in np.flatnonzero(~(bounds <= told + tolerance)).tolist():
        detail = f"{bounds[h]!r} Wh beside {told[h]!r} Wh"
        yield Violation("holder bound", names[h], float(bounds[h] - told[h]), "Wh", detail)


CONSTRAINTS: tuple[Callable[[LightingProblem, LightingPlan], Iterator[Violation]], ...] = (
    fraction,
    dark_by_day,
    floor,
    ceiling,
    switched,
    ramp,
    neighbour_step,
    programs,
    switch_points,
    energy_budget,
    peak,
    shares,
    changes,
    given_up,
    objective,
    bound,
    holder_figures,
)


def _by_lamp(problem: LightingProblem, constraint: str, excess: Floats) -> Iterator[Violation]:
    """One violation for each lamp whose excess (n, T) is above the tolerance somewhere."""
    for i in np.flatnonzero((excess > TOLERANCE).any(axis=1)):
        slots = int((excess[i] > TOLERANCE).sum())
        where = f"slot {int(excess[i].argmax())}" + (f" and {slots - 1} more" if slots > 1 else "")
        yield Violation(constraint, problem.lamps[i], float(excess[i].max()), "1", where)


def _true_floor(problem: LightingProblem) -> Floats:
    return problem.floor if problem.budget is None else problem.budget.relaxed


def _energy_wh(problem: LightingProblem, flux: Floats) -> float:
    return float(sum(float(power.sum()) for power in _lamp_power_w(problem, flux)) * problem.slot_s / 3600)


def _lamp_power_w(problem: LightingProblem, flux: Floats) -> Iterator[Floats]:
    """Each lamp's power (T,); with a detector, what it takes alone and what it takes boosted, as often as either is."""
    lanes = problem.lanes
    for i, lamp_flux in enumerate(flux):
        share = _share(problem.curves[int(problem.curve[i])], lamp_flux)
        if lanes is not None and lanes.boost[i] > 0:
            seen = np.where(problem.burning, lanes.detection[i], 0.0)
            boosted = _share(problem.curves[int(problem.curve[i])], np.maximum(lamp_flux, lanes.boost[i]))
            share = (1 - seen) * share + seen * boosted
        yield share * problem.power_full_w[i]


def _share(curve: PowerCurve, flux: Floats) -> Floats:
    """Each segment of a power curve adds its rise times the part of it that is used."""
    power = np.full(flux.size, curve.power[0])
    for k in range(1, len(curve.flux)):
        used = (flux - curve.flux[k - 1]) / (curve.flux[k] - curve.flux[k - 1])
        power += (curve.power[k] - curve.power[k - 1]) * np.clip(used, 0, 1)
    return power


def _changed(problem: LightingProblem, plan: LightingPlan) -> int:
    """Lamps whose program is not yesterday's, those among them of which yesterday is not known."""
    if problem.yesterday is None:
        return 0
    same = np.abs(plan.flux - problem.yesterday.flux) <= TOLERANCE
    return int((~same.all(axis=1)).sum())


def _given_up(problem: LightingProblem, flux: Floats) -> float:
    if problem.budget is None:
        return 0.0
    lacks = np.clip(problem.floor - flux, 0, None)
    squared = np.divide(lacks**2, problem.floor, out=np.zeros_like(lacks), where=problem.floor > 0)
    worth = squared.sum(axis=1) * problem.budget.weight * problem.power_full_w
    return float(worth.sum()) * problem.slot_s / 3600
