"""A search for times where no list of valves finds them: constraint programming over the openings of one network."""

import math
from typing import Any

from ortools.sat.python import cp_model

from optimizers.arrays import Ints
from optimizers.irrigation.problem import TOLERANCE, Stay
from optimizers.irrigation.supplies import Supply

_EFFORT = 0.05
"""Deterministic seconds of CP-SAT, which end the search at the same place on every machine."""

_FLOW = 1e5  # units of a m³/h: a tenth of what a flow may miss

Key = tuple[int, int]  # a hydrozone, and the how manyth of its cycles


def searched(
    supply: Supply, stays: list[list[Stay]], cycles: Ints, begin: dict[int, list[float]]
) -> list[tuple[float, int]]:
    """Openings of as much of the water of `cycles` (m,) as is found a time for, in whole seconds.

    `begin` are the instants of the openings of each hydrozone that are known to be possible, to start from. Stays that
    begin or end within a second are taken shorter, cycles and soaks longer, so that nothing is broken by rounding.
    """
    model, starts, present = cp_model.CpModel(), dict[Key, Any](), dict[Key, Any]()
    intervals = []
    for z, j in [(z, j) for z, count in enumerate(cycles.tolist()) for j in range(count)]:
        cycle, soak = math.ceil(supply.cycle_s[z]), math.ceil(supply.soak_s[z])
        spans = [[math.ceil(a), math.floor(b) - cycle] for a, b in stays[z] if math.floor(b) - cycle >= math.ceil(a)]
        if not spans:
            continue
        key = z, j
        starts[key] = model.new_int_var_from_domain(cp_model.Domain.from_intervals(spans), f"s{z}.{j}")
        present[key] = model.new_bool_var(f"p{z}.{j}")
        intervals.append(model.new_optional_fixed_size_interval_var(starts[key], cycle, present[key], f"i{z}.{j}"))
        if j:
            model.add(starts[key] >= starts[z, j - 1] + cycle + soak).only_enforce_if(present[key])
            model.add_implication(present[key], present[z, j - 1])
        _hint(model, starts[key], present[key], begin.get(z, []), j)
    flows = [math.ceil(supply.flow_m3_h[z] * _FLOW - 1e-6) for z, _ in starts]
    model.add_cumulative(intervals, flows, math.floor((supply.capacity_m3_h + TOLERANCE / 2) * _FLOW))
    litres = {z: max(1, round(1000 * float(supply.cycle_m3[z]))) for z, _ in starts}
    model.maximize(sum(litres[z] * taken for (z, _), taken in present.items()))
    return _found(model, starts, present)


def _hint(model: Any, start: Any, present: Any, known: list[float], j: int) -> None:
    model.add_hint(present, j < len(known))
    if j < len(known):
        model.add_hint(start, math.ceil(known[j]))


def _found(model: Any, starts: dict[Key, Any], present: dict[Key, Any]) -> list[tuple[float, int]]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = _EFFORT
    if solver.solve(model) not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return []
    return sorted((float(solver.value(start)), key[0]) for key, start in starts.items() if solver.value(present[key]))
