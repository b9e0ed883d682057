"""The lighting plan: exact parts beside all there is, bounds beside what was found, and time and memory by size.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_plan.py
    PYTHONPATH=. .venv/bin/python tests/bench/bench_plan.py --lamps 300000

First small random problems beside the enumeration of all plans on a grid; then larger ones beside the linear program;
then streets of 30 lamps, two a cabinet, over 96 slots, at 3,000 and 30,000 lamps. Each size runs in a process of its
own, so that its peak of memory is its own. Other sizes, as 300,000, where they are asked for.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from optimizers.lighting import (
    Budget,
    LightingPlan,
    LightingProblem,
    PowerCurve,
    Yesterday,
    check,
    example,
    full_example,
    resolve,
    solve,
)
from optimizers.result import Limits

SIZES = (3_000, 30_000)
FULL = 30_000
BASE_S, WHOLE_S, CABINET_S, MEMORY_MB = 1.0, 10.0, 1.0, 1_500.0
KINDS = ("floors", "bare budget", "programs", "budget", "everything")
T = TypeVar("T")


def main() -> None:
    """Raises SystemExit(1) if an exact part is not the best there is, or the full size passes a bound."""
    if "--one" in sys.argv:
        say(json.dumps(measured(*map(int, sys.argv[2:3]), sys.argv[3])))
        return
    sizes = [int(sys.argv[sys.argv.index("--lamps") + 1])] if "--lamps" in sys.argv else list(SIZES)
    ok = [beside_all_plans(seed) for seed in range(4)]
    ok += [beside_the_lp(streets) for streets in (1, 10)]
    say(
        "  lamps         kind     wall s   cpu s   MB      gap    cabinets, mean, worst   tried by   changes  cabinet s"
    )
    for lamps in sizes:
        found = {kind: in_its_own_process(lamps, kind) for kind in KINDS}
        ok += [told(lamps, kind, row) for kind, row in found.items()]
    if not all(ok):
        raise SystemExit(1)


def in_its_own_process(lamps: int, kind: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", str(lamps), kind]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(lamps: int, kind: str) -> dict[str, Any]:
    problem = of_kind(full_example(1, cabinets=lamps // 60, streets_per_cabinet=2, lamps_per_street=30), kind)
    started, busy = perf_counter(), process_time()
    plan = solve(problem, Limits(seconds=600))
    row = {"wall_s": perf_counter() - started, "cpu_s": process_time() - busy, "gap": plan.gap, "status": plan.status}
    row["mb"] = peak_mb()
    if plan.holders:
        gaps = plan.holder_objective_wh / plan.holder_bound_wh - 1
        row |= {"mean": float(gaps.mean()), "worst": float(gaps.max())}
        row["cabinet_s"] = one_cabinet(problem, plan)
    if plan.given_up:
        row["tried"] = plan.given_up / plan.given_up_bound - 1
    row["changes"] = plan.changes
    row["violations"] = len(check(problem, plan)) if lamps <= FULL else len(plan.violations)
    return row


def peak_mb() -> float:
    """Most memory that this process held; what `getrusage` tells begins with its parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1e3 if found else float("nan")


def of_kind(problem: LightingProblem, kind: str) -> LightingProblem:
    """The whole example, or fewer parts of it. The bare budget is that of each lamp and slot by itself: 10 % less than
    their floors take, without ramps, steps and programs.
    """
    if kind == "bare budget":
        alone = of_kind(problem, "floors")
        free = {"ramp_per_slot": np.inf, "neighbours": np.empty((0, 2), int), "neighbour_step": np.empty(0)}
        alone = LightingProblem(**{**vars(alone), **free})
        budget = Budget(relaxed=problem.floor / 2, energy_wh=0.9 * solve(alone).energy_wh)
        return LightingProblem(**{**vars(alone), "budget": budget})
    without = {"floors": ("holders", "budget", "yesterday", "lanes"), "programs": ("budget", "yesterday")}
    without |= {"budget": ("yesterday",), "everything": ()}
    return LightingProblem(**{**vars(problem), **dict.fromkeys(without[kind])})


def one_cabinet(problem: LightingProblem, plan: LightingPlan) -> float:
    """Seconds to plan one cabinet again after an event that brightens half of its lamps, the rest as it is."""
    floor = problem.floor.copy()
    floor[:30] = np.where(problem.burning, np.maximum(floor[:30], 0.9), 0.0)
    now = LightingProblem(**{**vars(problem), "floor": floor})
    started = perf_counter()
    resolve(now, plan, plan.holders[:1])
    return perf_counter() - started


def told(lamps: int, kind: str, row: dict[str, Any]) -> bool:
    held = f"{row['mean']:9.4%} {row['worst']:9.4%}" if "mean" in row else " " * 19
    tried = f"{row['tried']:9.4%}" if "tried" in row else " " * 9
    cabinet = f"{row['cabinet_s']:8.3f}" if "cabinet_s" in row else ""
    say(
        f"{lamps:7,}  {kind:>11}  {row['wall_s']:8.2f} {row['cpu_s']:7.2f} {row['mb']:6.0f} {row['gap']:9.4%}  {held}  "
        f"  {tried}  {row['changes']:8,} {cabinet}  {row['status']}, {row['violations']} violations"
    )
    if lamps != FULL:
        return bool(row["violations"] == 0)
    limit = BASE_S if kind == "floors" else WHOLE_S
    fast = row["wall_s"] <= limit and row["mb"] <= MEMORY_MB and row.get("cabinet_s", 0.0) <= CABINET_S
    near = kind != "programs" or row["mean"] <= 0.005
    near = near and (kind != "budget" or row["tried"] <= 0.001)
    near = near and (kind != "bare budget" or row["gap"] <= 0.001)
    return bool(fast and near and row["violations"] == 0)


def beside_all_plans(seed: int) -> bool:
    """Two lamps in two slots: the least energy, the least light given up and the cheapest telling, by enumeration."""
    rng = np.random.default_rng(seed)
    levels = np.linspace(0, 1, 21)
    plain = LightingProblem(
        lamps=("A", "B"),
        floor=rng.choice(levels[4:], (2, 2)),
        burning=np.ones(2, bool),
        power_full_w=rng.choice([50.0, 80.0], 2),
        ramp_per_slot=np.array(0.25),
        neighbours=np.array([[0, 1]]),
        neighbour_step=np.array([0.3]),
        slot_s=3600.0,
    )
    flux = np.array(list(product(levels, repeat=4))).reshape(-1, 2, 2)
    keeps = (np.abs(flux[:, :, 0] - flux[:, :, 1]) <= 0.25 + 1e-9).all(axis=1)
    keeps &= (np.abs(flux[:, 0] - flux[:, 1]) <= 0.3 + 1e-9).all(axis=1)
    energy = (flux.sum(axis=2) * plain.power_full_w).sum(axis=1)
    lit = (flux >= plain.floor - 1e-9).all(axis=(1, 2))
    base, best = solve(plain), float(energy[keeps & lit].min())
    before = rng.choice(levels, (2, 2))
    alone = LightingProblem(**{**vars(plain), "neighbours": np.empty((0, 2), int), "neighbour_step": np.empty(0)})
    kept = solve(LightingProblem(**{**vars(alone), "yesterday": Yesterday(flux=before, change_cost_wh=10.0)}))
    changed = ~(np.abs(flux - before) <= 1e-9).all(axis=2)
    ramps = (np.abs(flux[:, :, 0] - flux[:, :, 1]) <= 0.25 + 1e-9).all(axis=1)
    cheapest = float((energy + 10 * changed.sum(axis=1))[ramps & lit].min())
    free = LightingProblem(**{**vars(alone), "ramp_per_slot": np.inf})
    budget = Budget(relaxed=plain.floor / 4, energy_wh=0.9 * solve(free).energy_wh)
    eased = solve(LightingProblem(**{**vars(free), "budget": budget}))
    within = (energy <= budget.energy_wh + 1e-9) & (flux >= budget.relaxed - 1e-9).all(axis=(1, 2))
    lacks = np.clip(plain.floor - flux, 0, None) ** 2 / plain.floor
    least = float((lacks.sum(axis=2) * plain.power_full_w).sum(axis=1)[within].min())
    say(
        f"2 lamps, seed {seed}: floors {base.objective:.4f} Wh, all plans {best:.4f}; with yesterday "
        f"{kept.objective:.4f} Wh, all plans {cheapest:.4f}; given up {eased.bound:.5f} ≤ {eased.objective:.5f} Wh, "
        f"all plans of the grid {least:.5f}"
    )
    exact = abs(base.objective - best) < 1e-9 and abs(kept.objective - cheapest) < 1e-9
    return exact and eased.objective <= least + 1e-9 and eased.gap < 1e-4


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
