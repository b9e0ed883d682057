"""How fast a night is planned, and how near its bound: a town, a territory, and a new drought level for all of it.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_irrigation.py [--quick]

Made weeks of July (`optimizers.irrigation.generated`), seven days and five ways the weather may go, as many networks
side by side as there are processors. The bound beside each figure is proved: it holds for any timing. `drought` plans
the 10,000 again after all their sprinklers were forbidden, and after everything was: what commands wait for is less
still, as valves are closed first. Memory is the peak of the process. Raises SystemExit(1) where a target is missed;
`--quick` plans a tenth of it and has no targets.
"""

import argparse
import os
import resource
import sys
from dataclasses import replace
from time import perf_counter

import numpy as np

from optimizers.irrigation import Budgets, IrrigationPlan, IrrigationProblem, check, generated, solve
from optimizers.result import Limits

HEAD = "  {:34s} {:>6s} {:>8s} {:>9s} {:>12s} {:>12s} {:>7s} {:>7s} {:>8s}"
LINE = "  {:34s} {:6d} {:8d} {:9.1f} {:12.2f} {:12.2f} {:7.3%} {:7d} {:8.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast a night is planned, and how near its bound.")
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    scale = 10 if quick else 1
    say(HEAD.format("problem", "zones", "networks", "seconds", "objective", "bound", "gap", "cycles", "MB"))
    town = generated(400 // scale, 40 // scale, 7, 5, 0)
    missed = [row("town", town, 60, 0.005, 60)]
    missed.append(row("town, three fifths of its water", saving(town, 0.6), 60, 0.005, 60))
    missed.append(row("one network of 60 valves", generated(60, 1, 7, 5, 1), 60, 0.005, 60))
    for share in (4, 2, 1):
        part = generated(10_000 // scale // share, 1_000 // scale // share, 7, 5, 0)
        missed.append(row("territory" + ("" if share == 1 else f", 1/{share} of it"), part, 900, 0.01, 900 / share))
    sprinklers = ~part.windows.allowed[:, 0]
    missed.append(row("drought: no sprinklers", forbidden(part, sprinklers), 900, 0.01, 900))
    missed.append(row("drought: everything forbidden", forbidden(part, np.ones_like(sprinklers)), 10, 0.01, 10))
    if any(missed) and not quick:
        raise SystemExit(1)


def row(name: str, problem: IrrigationProblem, seconds: float, gap: float, within_s: float) -> bool:
    """Whether it misses its target."""
    started = perf_counter()
    plan = solve(problem, Limits(seconds=seconds, gap=gap, threads=os.cpu_count() or 1))
    took = perf_counter() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    zones, networks = problem.shape[0], len(problem.networks.names)
    figures = (took, plan.objective, plan.bound, plan.gap, int(plan.cycles.sum()), megabytes)
    say(LINE.format(name, zones, networks, *figures))
    told(problem, plan)
    return bool(plan.gap > gap or took > within_s * 1.02)


def told(problem: IrrigationProblem, plan: IrrigationPlan) -> None:
    if violations := check(problem, plan):
        raise SystemExit(f"{len(violations)} violations, the first is {violations[0]}")


def saving(problem: IrrigationProblem, share: float) -> IrrigationProblem:
    """A budget for all days and all networks, of a share of what they would take."""
    plan = solve(problem, Limits(gap=0.005, threads=os.cpu_count() or 1))
    n, days, _ = problem.shape
    cycles = plan.cycles + np.tensordot(problem.scenarios.probability, plan.later_cycles, 1).sum(axis=0)
    limit = share * float(cycles @ problem.hydrozones.cycle_m3)
    everything = {"member": np.ones((1, n), np.bool_), "nights": np.ones((1, days), np.bool_)}
    return replace(problem, budgets=Budgets(names=("all",), limit_m3=np.array([limit]), **everything))


def forbidden(problem: IrrigationProblem, zones: np.ndarray) -> IrrigationProblem:
    allowed = problem.windows.allowed & ~zones[:, None]
    return replace(problem, windows=replace(problem.windows, allowed=allowed))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
