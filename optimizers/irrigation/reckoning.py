"""What cycles of water come to, straight from the problem's definition; the solver has its own arithmetic for it."""

from dataclasses import dataclass, fields

import numpy as np

from optimizers.arrays import Floats
from optimizers.irrigation.problem import IrrigationPlan, IrrigationProblem


@dataclass(frozen=True)
class Costs:
    """EUR expected over scenarios, of each of n hydrozones: the terms of the objective."""

    water_eur: Floats
    stress_eur: Floats
    wilting_eur: Floats
    terminal_eur: Floats

    @property
    def each_eur(self) -> Floats:
        """(n,) of all terms."""
        each: Floats = self.water_eur + self.stress_eur + self.wilting_eur + self.terminal_eur
        return each

    @property
    def sums_eur(self) -> dict[str, float]:
        """Of all hydrozones, by term."""
        return {one.name: float(getattr(self, one.name).sum()) for one in fields(self)}

    @property
    def total_eur(self) -> float:
        return sum(self.sums_eur.values())


def every_cycle(plan: IrrigationPlan) -> Floats:
    """(S, D, n) cycles of a plan in each scenario, night by night."""
    scenarios, _, n = plan.later_cycles.shape
    first = np.broadcast_to(np.asarray(plan.cycles, np.float64), (scenarios, 1, n))
    return np.concatenate([first, plan.later_cycles], axis=1)


def depletion_mm(problem: IrrigationProblem, cycles: Floats) -> Floats:
    """(S, D, n) depletion after each day, of cycles (S, D, n): what is more than the root zone lacks percolates."""
    scenarios, zones = problem.scenarios, problem.hydrozones
    after = np.empty_like(cycles)
    before = np.broadcast_to(zones.depletion_mm, cycles[:, 0].shape)
    for d in range(scenarios.days):
        gained = scenarios.rain_mm[:, d] + zones.cycle_mm * cycles[:, d]
        before = after[:, d] = np.maximum(before + scenarios.etc_mm[:, d] - gained, 0.0)
    return after


def water_m3(problem: IrrigationProblem, cycles: Floats) -> Floats:
    """(D, n) water taken from networks, expected over scenarios, of cycles (S, D, n)."""
    expected: Floats = np.tensordot(problem.scenarios.probability, cycles, 1) * problem.hydrozones.cycle_m3
    return expected


def reckoned(problem: IrrigationProblem, cycles: Floats) -> Costs:
    """Of cycles (S, D, n)."""
    zones, probability = problem.hydrozones, problem.scenarios.probability
    depletion = depletion_mm(problem, cycles)
    beyond = np.maximum(depletion - zones.raw_mm, 0.0).sum(axis=1)
    wilting = np.maximum(depletion - (zones.raw_mm + zones.taw_mm) / 2, 0.0).sum(axis=1)
    return Costs(
        water_eur=water_m3(problem, cycles).sum(axis=0) * problem.networks.price_eur_m3[zones.network],
        stress_eur=probability @ beyond * zones.stress_eur_mm,
        wilting_eur=probability @ wilting * zones.wilting_eur_mm,
        terminal_eur=probability @ depletion[:, -1] * zones.terminal_eur_mm,
    )
