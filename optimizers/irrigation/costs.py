"""What a decision is expected to cost, by its definition: see `IrrigationProblem`."""

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.irrigation.problem import IrrigationProblem


def depletion_mm(problem: IrrigationProblem, cycles: Ints, later_cycles: Floats) -> Floats:
    """(S, D, n) of each day's end, with `cycles` (n,) tonight and `later_cycles` (S, D-1, n)."""
    weather, zones = problem.scenarios, problem.hydrozones
    depletion = np.empty(weather.etc_mm.shape)
    before = np.broadcast_to(zones.depletion_mm, depletion[:, 0].shape)
    for day in range(weather.days):
        watered = zones.cycle_mm * (later_cycles[:, day - 1] if day else cycles)
        before = np.maximum(before + weather.etc_mm[:, day] - weather.rain_mm[:, day] - watered, 0.0)
        depletion[:, day] = before
    return depletion


def expected_eur(problem: IrrigationProblem, cycles: Ints, later_cycles: Floats) -> Floats:
    """(n,) EUR of each hydrozone."""
    weather, zones = problem.scenarios, problem.hydrozones
    depletion = depletion_mm(problem, cycles, later_cycles)
    middle_mm = (zones.raw_mm + zones.taw_mm) / 2
    stress = zones.stress_eur_mm * np.maximum(depletion - zones.raw_mm, 0.0)
    stress += zones.wilting_eur_mm * np.maximum(depletion - middle_mm, 0.0)
    cycle_eur = problem.networks.price_eur_m3[zones.network] * zones.cycle_m3
    by_scenario = stress.sum(axis=1) + zones.terminal_eur_mm * depletion[:, -1] + cycle_eur * later_cycles.sum(axis=1)
    expected: Floats = cycle_eur * cycles + np.tensordot(weather.probability, by_scenario, 1)
    return expected
