"""The lighting plan at full size, and beside the linear program where both are run.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_plan.py

Each time is the best of three. Memory is what the solve itself adds at its peak.
"""

import sys
import tracemalloc
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from optimizers.lighting import LightingProblem, PowerCurve, check, example, solve

BOUND_S = 1.0
T = TypeVar("T")


def main() -> None:
    """Raises SystemExit(1) if the full size takes longer than its bound, or an objective is not that of the LP."""
    floor = np.tile(np.repeat([0.3, 0.6, 1.0, 0.6], 8), (30_000, 3))
    dark = LightingProblem(**{**vars(full_size(1)), "burning": np.ones(96, np.bool_), "floor": floor})
    ok = [at_full_size("30,000 lamps × 96 slots", full_size(1)), at_full_size("the same, dark in all 96", dark)]
    ok += [beside_the_lp(streets) for streets in (1, 10)]
    if not all(ok):
        raise SystemExit(1)


def full_size(seed: int) -> LightingProblem:
    """500 streets of 60 lamps over a day of quarter hours."""
    return example(seed, streets=500, lamps_per_street=60)


def at_full_size(name: str, problem: LightingProblem) -> bool:
    seconds, plan = best_of_three(lambda: solve(problem))
    checked, violations = best_of_three(lambda: check(problem, plan))
    tracemalloc.start()
    solve(problem)
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    say(f"{name}: solve {seconds:.3f} s (bound {BOUND_S:.0f} s), {plan.status}, {plan.objective / 1e6:.3f} MWh")
    say(f"    check {checked:.3f} s, {len(violations)} violations; solve adds {peak_mb:.0f} MB at its peak")
    return seconds <= BOUND_S and not violations


def beside_the_lp(streets: int) -> bool:
    problem = dimming_only(example(2, streets=streets, lamps_per_street=60))
    seconds, plan = best_of_three(lambda: solve(problem))
    cost, matrix, limit, bounds = linear_program(problem)
    lp_seconds, found = best_of_three(
        lambda: linprog(cost, matrix, limit, bounds=bounds, method="highs", options={"presolve": True})
    )
    error = abs(found.fun - plan.objective) / plan.objective
    say(
        f"{60 * streets} lamps: {plan.objective:.4f} Wh in {seconds * 1e3:.1f} ms; LP (HiGHS) {found.fun:.4f} Wh in "
        f"{lp_seconds * 1e3:.0f} ms: {lp_seconds / seconds:.0f} times, objectives differ by {error:.1e}"
    )
    return found.status == 0 and error < 1e-7


def dimming_only(problem: LightingProblem) -> LightingProblem:
    """A linear program knows no lamps that are only on or off, and no power curves but convex ones."""
    convex = PowerCurve("convex", (0.0, 0.5, 1.0), (0.02, 0.47, 1.0))
    return LightingProblem(**{**vars(problem), "dimmable": True, "curve": 0, "curves": (convex,)})


def linear_program(
    problem: LightingProblem,
) -> tuple[np.ndarray, coo_array, np.ndarray, list[tuple[float, float | None]]]:
    """Flux and power share of each lamp and burning slot; the power curve is convex, so its segments bound it below."""
    on = np.flatnonzero(problem.burning)
    n, slots = len(problem.lamps), on.size
    cell = np.arange(n * slots).reshape(n, slots)
    a, b = problem.neighbours.T
    pairs = [(cell[a].ravel(), cell[b].ravel(), np.repeat(problem.neighbour_step, slots))]
    pairs += [(cell[:, 1:].ravel(), cell[:, :-1].ravel(), np.repeat(problem.ramp_per_slot, slots - 1))]
    pairs += [(second, first, step) for first, second, step in pairs]
    plus, minus, limit = (np.concatenate(part) for part in zip(*pairs, strict=True))
    rows = np.arange(plus.size)
    entries = [(rows, plus, np.ones(plus.size)), (rows, minus, -np.ones(plus.size))]
    limits, count = [limit], plus.size
    curve = problem.curves[0]
    for k in range(len(curve.flux) - 1):
        slope = (curve.power[k + 1] - curve.power[k]) / (curve.flux[k + 1] - curve.flux[k])
        rows = count + np.arange(n * slots)
        entries += [
            (rows, cell.ravel(), np.full(n * slots, slope)),
            (rows, n * slots + cell.ravel(), -np.ones(n * slots)),
        ]
        limits.append(np.full(n * slots, slope * curve.flux[k] - curve.power[k]))
        count += n * slots
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    # By day each lamp draws its stand-by, which is no choice: a last column fixed at 1 carries it.
    matrix = coo_array((value, (row, column)), shape=(count, 2 * n * slots + 1)).tocsr()
    hours = problem.slot_s / 3600
    standby = float(problem.power_full_w.sum() * curve.power[0] * (problem.burning.size - slots) * hours)
    cost = np.r_[np.zeros(n * slots), np.repeat(problem.power_full_w, slots) * hours, standby]
    bounds = [*((float(low), 1.0) for low in problem.floor[:, on].ravel()), *[(0.0, None)] * (n * slots), (1.0, 1.0)]
    return cost, matrix, np.concatenate(limits), bounds


def best_of_three(run: Callable[[], T]) -> tuple[float, T]:
    best, result = np.inf, run()
    for _ in range(3):
        started = perf_counter()
        result = run()
        best = min(best, perf_counter() - started)
    return best, result


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
