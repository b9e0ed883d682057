"""How fast energy is planned: one building, ten, a town at once; and again after prices changed.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_energy.py [--sites 1 10 50 100]

36 h in quarters of an hour (`tests/bench/energy_town.py`): of each building a battery, a roof, two vehicles, rooms with
a heat pump, and a feeder that all share. `plan` is everything from the problem to the checked plan; `linear` its linear
program alone, as it is solved (site by site from 16 on), and `at once` by one HiGHS. `again` is a plan (`solve_warm`)
after prices changed, from where this process ended before, everything included: the evening a fifth dearer; every
quarter by up to a tenth; 5 ct more from a time on; a tariff for a spot price. `anew` is that of `solve`. Where the
feeder comes to bind by it that is told, and has no limit. Seconds of the processor, then of the wall. Raises
SystemExit(1) where a limit is missed.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy import EnergyPlan, EnergyProblem, check, solve, solve_warm
from optimizers.energy.assembling import assemble
from optimizers.energy.engines import Effort, highs, run
from optimizers.result import Limits, Status
from tests.bench.energy_town import SLOTS, spot, tariff, town

T = TypeVar("T")
_EFFORT = Effort(3_600.0, 0.0)
_ONE_S, _AGAIN_S, _AT_ONCE = 0.2, 0.1, 50
_LINE = "  {:34s} {:>9s} {:>9s}  {:s}"


def timed(do: Callable[[], T]) -> tuple[T, float, float]:
    """What it gives, and its seconds of the processor and of the wall."""
    wall, processor = time.perf_counter(), time.process_time()
    made = do()
    return made, time.process_time() - processor, time.perf_counter() - wall


def row(name: str, processor_s: float, wall_s: float, told: str, within_s: float | None = None) -> bool:
    """Whether it misses its limit."""
    missed = within_s is not None and processor_s > within_s
    limit = "" if within_s is None else f"   limit {within_s:g} s" + (": MISSED" if missed else "")
    say(_LINE.format(name, f"{processor_s:.3f}", f"{wall_s:.3f}", told + limit))
    return missed


def planned(sites: int) -> bool:
    problem = town(sites)
    linear = assemble(problem).linear
    say(f"{sites} sites: {linear.shape[0]} rows, {linear.shape[1]} columns, {linear.value.size} entries")
    plan, *took = timed(lambda: solve(problem, Limits(seconds=3_600.0)))
    if plan.status != Status.OPTIMAL or check(problem, plan):
        raise SystemExit(f"the plan of {sites} sites is {plan.status.value}, {[str(v) for v in plan.violations][:1]}")
    missed = row("plan", *took, f"{plan.objective:.2f} EUR, proved", _ONE_S if sites == 1 else None)
    answer, *took = timed(lambda: run(linear, _EFFORT))
    row("linear", *took, f"{answer.value:.2f} EUR")
    if sites <= _AT_ONCE:
        whole, *took = timed(lambda: highs.solve(linear, _EFFORT))
        row("linear, at once", *took, f"{whole.value if whole else np.nan:.2f} EUR")
    return missed


def changes() -> dict[str, Floats]:
    rng = np.random.default_rng(3)
    evening = tariff() >= tariff().max()
    return {
        "the evening a fifth dearer": tariff() * np.where(evening, 1.2, 1.0),
        "every quarter by up to 10 %": tariff() * rng.uniform(0.9, 1.1, SLOTS),
        "5 ct more from 18:00 on": tariff() + 0.05 * (np.arange(SLOTS) >= SLOTS // 2),
        "spot in place of the tariff": spot(1),
    }


def priced_again(sites: int) -> bool:
    """The limit is that of prices that change; a feeder that comes to bind by them is told, and has none."""
    missed = False
    for name, price in changes().items():
        solve_warm(town(sites))
        problem = town(sites, price=price)
        again, *took = timed(lambda of=problem: solve_warm(of))  # type: ignore[misc]
        anew, cold_s, _ = timed(lambda of=problem: solve(of))  # type: ignore[misc]
        if abs(again.objective - anew.objective) > 1e-6 * abs(anew.objective) or check(problem, again):
            raise SystemExit(f"{name}: {again.objective} again, {anew.objective} anew")
        tied = binds(problem, again)
        told = f"{again.objective:.2f} EUR   anew {cold_s:.3f} s" + tied * "   the feeder binds: no limit"
        missed |= row(f"again: {name}", *took, told, None if tied else _AGAIN_S)
    return missed


def binds(problem: EnergyProblem, plan: EnergyPlan) -> bool:
    """Whether the feeder is at its limit in some slot."""
    drawn_w = (plan.import_w - plan.export_w).sum(axis=0)
    return bool(problem.groups and (drawn_w > problem.groups.import_limit_w[0] - 1.0).any())


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast energy is planned.")
    parser.add_argument("--sites", type=int, nargs="+", default=[1, 10, 50, 100])
    solve(town(1))  # solvers are loaded
    say(_LINE.format("", "processor", "wall s", ""))
    missed = False
    for sites in parser.parse_args().sites:
        missed |= planned(sites)
        if sites <= 10:
            missed |= priced_again(sites)
    if missed:
        raise SystemExit(1)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
