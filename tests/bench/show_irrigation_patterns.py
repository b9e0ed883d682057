"""Sets of valves against hourly binaries: the same weeks of watering, one way and the other, each with its bound.

    PYTHONPATH=. .venv/bin/python tests/bench/show_irrigation_patterns.py [--hydrozones 40] [--networks 4]

`--seconds 10` for each way. Every cycle lasts an hour, no valve soaks, nights have ten hours, the weather is known, and
all seven nights are whole: then both formulations have the same plans and the same optimum. `hours` says of each valve,
night and hour whether it is open; `sets` says how many hours each maximal set of valves runs
(`optimizers.irrigation.model`). HiGHS has one thread, CP-SAT two workers and numbers scaled to whole ones. A bound is
that of the whole, of networks the sum. Raises SystemExit(1) where one's objective is below another's bound, or sets are
not within half a percent.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pulp
from ortools.sat.python import cp_model
from pulp import constants

from optimizers.engines import Effort
from optimizers.irrigation import IrrigationProblem, Windows, generated
from optimizers.irrigation.engines import run
from optimizers.irrigation.model import Model
from optimizers.irrigation.supplies import Supply, supplies

HOURS = 10
NEAR = 0.005
CP_MM, CP_EUR = 200, 10_000  # units of a mm and of a EUR, in CP-SAT
Found = tuple[float, float]  # objective and bound


def main() -> None:
    parser = argparse.ArgumentParser(description="Sets of valves against hourly binaries.")
    for name, usual in (("hydrozones", 40), ("networks", 4), ("seconds", 10), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    asked = parser.parse_args()
    week = weeks(generated(asked.hydrozones, asked.networks, 7, 1, asked.seed))
    parts = list(supplies(week))
    say(f"{asked.hydrozones} hydrozones, {len(parts)} networks, 7 nights of {HOURS} h; {asked.seconds} s for each way")
    say("  formulation                              objective, EUR       bound      gap   seconds")
    each = asked.seconds / len(parts)
    ways: dict[str, Callable[[], Found]] = {
        "hours, HiGHS, all at once": lambda: by_hours(parts, asked.seconds),
        "hours, HiGHS, network by network": lambda: total([by_hours([part], each) for part in parts]),
        "hours, CP-SAT, all at once": lambda: by_cp_sat(parts, asked.seconds),
        "hours, CP-SAT, network by network": lambda: total([by_cp_sat([part], each) for part in parts]),
        "sets, HiGHS, network by network": lambda: total([by_sets(part, each) for part in parts]),
    }
    found = {name: shown(name, way) for name, way in ways.items()}
    best, highest = min(value for value, _ in found.values()), max(bound for _, bound in found.values())
    value, bound = found["sets, HiGHS, network by network"]
    if best < highest * (1 - 1e-5) or value - bound > NEAR * value:
        raise SystemExit(1)


def shown(name: str, way: Callable[[], Found]) -> Found:
    started = perf_counter()
    value, bound = way()
    gap = f"{(value - bound) / value:8.2%}" if np.isfinite(value) else "    none"
    say(f"  {name:38s} {value:16.2f} {bound:11.2f} {gap} {perf_counter() - started:9.1f}")
    return value, bound


def weeks(plain: IrrigationProblem) -> IrrigationProblem:
    """With cycles of an hour, and figures in hundredths of a mm, which CP-SAT can count in."""
    beds, weather = plain.hydrozones, plain.scenarios
    n, days, _ = plain.shape
    start = np.arange(days) * 86_400.0 + 9 * 3600
    rate = beds.cycle_mm / beds.cycle_s * 3600
    return replace(
        plain,
        hydrozones=replace(
            beds,
            cycle_s=np.full(n, 3600.0),
            soak_s=np.zeros(n),
            **{name: getattr(beds, name).round(2) for name in ("taw_mm", "raw_mm", "depletion_mm")},
            cycle_mm=rate.round(2),
        ),
        windows=Windows(
            night=np.arange(days), start_s=start, end_s=start + HOURS * 3600, allowed=np.ones((n, days), np.bool_)
        ),
        scenarios=replace(weather, etc_mm=weather.etc_mm.round(2), rain_mm=weather.rain_mm.round(2)),
    )


def by_sets(part: Supply, seconds: float) -> Found:
    """Our model, whole in all nights and in the hours of sets."""
    model = Model([part], np.empty(0))
    for column in model.program.variables():
        if column.name[0] in "nx":
            column.cat = constants.LpInteger
    answer = model.solve(Effort(seconds, 1e-4))
    return answer.value, answer.bound


def by_hours(parts: Sequence[Supply], seconds: float) -> Found:
    program, costs = pulp.LpProblem("hours", constants.LpMinimize), list[tuple[Any, float]]()
    for i, part in enumerate(parts):
        m, days, _ = part.shape
        layers = (part.raw_mm, part.middle_mm - part.raw_mm, np.full(m, np.inf))
        slopes = np.cumsum([np.zeros(m), part.stress_eur_mm, part.wilting_eur_mm], axis=0)
        before: list[list[tuple[Any, float]]] = [[] for _ in range(m)]
        for d in range(days):
            opened = [
                [program.add_variable(f"b{i}.{d}.{z}.{h}", 0, 1, "Integer") for h in range(HOURS)] for z in range(m)
            ]
            for h in range(HOURS):
                flow = [(opened[z][h], float(part.flow_m3_h[z])) for z in range(m)]
                row(program, flow, constants.LpConstraintLE, part.capacity_m3_h)
            for z in range(m):
                costs += [(one, float(part.price_eur[d, z])) for one in opened[z]]
                after = []
                for k, layer in enumerate(layers):
                    top = float(layer[z]) if np.isfinite(layer[z]) else None
                    column = program.add_variable(f"d{i}.{d}.{z}.{k}", 0, top)
                    last = part.terminal_eur_mm[z] if d == days - 1 else 0.0
                    costs.append((column, float(slopes[k, z] + last)))
                    after.append((column, 1.0))
                watered = [(one, float(part.cycle_mm[z])) for one in opened[z]]
                carried = 0.0 if d else float(part.depletion_mm[z])
                need = carried + float(part.need_mm[0, d, z])
                row(program, after + watered + before[z], constants.LpConstraintGE, need)
                before[z] = [(column, -1.0) for column, _ in after]
    program.objective = pulp.LpAffineExpression(costs)
    answer = run(program, Effort(seconds, 1e-4))
    return answer.value, answer.bound


def row(program: Any, terms: list[tuple[Any, float]], sense: int, wants: float) -> None:
    program.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, rhs=wants))


def by_cp_sat(parts: Sequence[Supply], seconds: float) -> Found:
    model, costs = cp_model.CpModel(), []
    for part in parts:
        m, days, _ = part.shape
        depletion = np.rint(part.depletion_mm * CP_MM).astype(int).tolist()
        for d in range(days):
            opened = [[model.new_bool_var("") for _ in range(HOURS)] for _ in range(m)]
            for h in range(HOURS):
                flow = sum(round(1000 * float(part.flow_m3_h[z])) * opened[z][h] for z in range(m))
                model.add(flow <= round(1000 * part.capacity_m3_h))
            for z in range(m):
                after, stress, wilt = (model.new_int_var(0, 10**6, "") for _ in range(3))
                need = round(CP_MM * float(part.need_mm[0, d, z]))
                watered = round(CP_MM * float(part.cycle_mm[z])) * sum(opened[z])
                model.add(after >= depletion[z] + need - watered)
                model.add(stress >= after - round(CP_MM * float(part.raw_mm[z])))
                model.add(wilt >= after - round(CP_MM * float(part.middle_mm[z])))
                last = part.terminal_eur_mm[z] if d == days - 1 else 0.0
                prices = (last, part.stress_eur_mm[z], part.wilting_eur_mm[z])
                costs += [round(CP_EUR * float(p)) * one for p, one in zip(prices, (after, stress, wilt), strict=True)]
                costs.append(round(CP_EUR * CP_MM * float(part.price_eur[d, z])) * sum(opened[z]))
                depletion[z] = after
    model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_time_in_seconds = 2, seconds
    found = solver.solve(model) in {cp_model.OPTIMAL, cp_model.FEASIBLE}
    unit = CP_EUR * CP_MM
    return (solver.objective_value / unit if found else np.inf), solver.best_objective_bound / unit


def total(found: Sequence[Found]) -> Found:
    return sum(value for value, _ in found), sum(bound for _, bound in found)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
