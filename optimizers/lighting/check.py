"""Every constraint of the lighting problem as its definition says it, to judge any plan; shares no code with solve."""

from collections.abc import Callable, Iterator

import numpy as np

from optimizers.lighting.problem import TOLERANCE, Floats, LightingPlan, LightingProblem
from optimizers.result import Violation

ENERGY_TOLERANCE = 1e-9
"""Relative error allowed in the energy a plan claims: a sum of millions of doubles."""


def check(problem: LightingProblem, plan: LightingPlan) -> list[Violation]:
    """Everything that is wrong with a plan, worst slot of each lamp or pair; empty for a plan that keeps every word.

    Flux may miss a constraint by TOLERANCE, the energy it claims by ENERGY_TOLERANCE of it.
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
    """Flux is never below the floor."""
    yield from _by_lamp(problem, "floor", problem.floor - plan.flux)


def ceiling(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Flux is never over the ceiling."""
    yield from _by_lamp(problem, "ceiling", plan.flux - problem.ceiling)


def switched(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """A lamp that cannot dim is fully on or fully off, and on wherever any flux is needed."""
    between = np.minimum(np.abs(plan.flux), np.abs(1 - plan.flux))
    needed = np.where(problem.floor > 0, 1 - plan.flux, 0.0)
    yield from _by_lamp(problem, "switched", np.where(problem.dimmable[:, None], 0.0, np.maximum(between, needed)))


def ramp(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Between two consecutive burning slots the flux of a lamp that dims changes by its ramp at most, but to and from a
    slot with ceiling 0.
    """
    excess = np.zeros_like(plan.flux)
    for t in range(1, problem.burning.size):
        if problem.burning[t - 1] and problem.burning[t]:
            change = np.abs(plan.flux[:, t] - plan.flux[:, t - 1])
            bound = problem.dimmable & (problem.ceiling[:, t - 1 : t + 1] > 0).all(axis=1)
            excess[:, t] = np.where(bound, change - problem.ramp_per_slot, 0.0)
    yield from _by_lamp(problem, "ramp", excess)


def neighbour_step(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """Neighbours differ by their step at most, in every slot."""
    for (a, b), step in zip(problem.neighbours.tolist(), problem.neighbour_step.tolist(), strict=True):
        excess = np.abs(plan.flux[a] - plan.flux[b]) - step
        if (worst := float(excess.max())) > TOLERANCE:
            pair = f"{problem.lamps[a]} | {problem.lamps[b]}"
            yield Violation("neighbour step", pair, worst, "1", f"slot {int(excess.argmax())}")


def objective(problem: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """The energy claimed is the energy of the flux."""
    energy = _energy_wh(problem, plan.flux)
    if not abs(plan.objective - energy) <= ENERGY_TOLERANCE * max(1.0, energy):
        detail = f"{plan.objective!r} Wh claimed, {energy!r} Wh found"
        yield Violation("objective", "plan", abs(plan.objective - energy), "Wh", detail)


def bound(_: LightingProblem, plan: LightingPlan) -> Iterator[Violation]:
    """A bound is not above the objective, and equals it where the plan says optimal."""
    excess = plan.bound - plan.objective
    if plan.status == "optimal":
        excess = abs(excess)
    if not excess <= ENERGY_TOLERANCE * max(1.0, abs(plan.objective)):
        yield Violation("bound", "plan", excess, "Wh", f"{plan.bound!r} beside an objective of {plan.objective!r}")


CONSTRAINTS: tuple[Callable[[LightingProblem, LightingPlan], Iterator[Violation]], ...] = (
    fraction,
    dark_by_day,
    floor,
    ceiling,
    switched,
    ramp,
    neighbour_step,
    objective,
    bound,
)


def _by_lamp(problem: LightingProblem, constraint: str, excess: Floats) -> Iterator[Violation]:
    """One violation for each lamp whose excess (n, T) is above the tolerance somewhere."""
    for i in np.flatnonzero((excess > TOLERANCE).any(axis=1)):
        slots = int((excess[i] > TOLERANCE).sum())
        where = f"slot {int(excess[i].argmax())}" + (f" and {slots - 1} more" if slots > 1 else "")
        yield Violation(constraint, problem.lamps[i], float(excess[i].max()), "1", where)


def _energy_wh(problem: LightingProblem, flux: Floats) -> float:
    """Each segment of a power curve adds its rise times the part of it that is used."""
    energy = 0.0
    for i, lamp_flux in enumerate(flux):
        curve = problem.curves[int(problem.curve[i])]
        power = np.full(lamp_flux.size, curve.power[0])
        for k in range(1, len(curve.flux)):
            used = (lamp_flux - curve.flux[k - 1]) / (curve.flux[k] - curve.flux[k - 1])
            power += (curve.power[k] - curve.power[k - 1]) * np.clip(used, 0, 1)
        energy += float(power.sum() * problem.power_full_w[i] * problem.slot_s / 3600)
    return energy
