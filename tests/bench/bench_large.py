"""Large made problems of rounds, cut into zones, beside one search over all of it for as many processor seconds.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_large.py [--stops 2100] [--seconds 60] [--threads 2] [--cpu]
        [--kind landfills|uchoa|homberger] [--seed 0] [--beside]

`landfills` is a county as in Kim, Kim and Sahoo 2006 with seven landfills, `uchoa` capacity alone and `homberger`
windows, by recipes in `tests.routing.towns`. Printed: objective, rounds, stops left out, wall and processor seconds,
peak memory of the process, what our checker finds, and each better plan as it comes. `--beside` searches the whole
in one, in a process of its own, for the processor seconds that the zones took. `--cpu` counts seconds of the processor,
which are those of all threads together.
"""

import argparse
import os
import resource
import subprocess
import sys
import time

from optimizers.result import Limits
from optimizers.routing import RoutingProblem, check
from tests.bench.processor import count_processor_seconds
from tests.routing.towns import homberger, landfills, uchoa

_A_LORRY = 52  # stops


def problem_of(kind: str, stops: int, seed: int) -> RoutingProblem:
    if kind == "landfills":
        return landfills(stops, 7, max(2, stops // _A_LORRY), seed)
    return (uchoa if kind == "uchoa" else homberger)(stops, seed)


def measured(problem: RoutingProblem, limits: Limits, *, whole: bool) -> float:
    """Solve and print; the processor seconds it took."""
    from optimizers.routing import solving

    if whole:
        solving.FROM = sys.maxsize  # type: ignore[misc]
    wall, spent = time.perf_counter(), time.process_time()

    def told(found: float, _: float) -> None:
        say(f"    after {time.process_time() - spent:6.1f} processor s: {found:.1f}")

    plan = solving.solve(problem, limits, None if whole else told)
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wrong = len(check(problem, plan))
    say(
        f"  {'in one' if whole else 'zones ':6} {plan.objective:12.1f} {problem.unit}, {len(plan.routes)} rounds, "
        f"{len(plan.unserved)} left out, {wall:.1f} s wall, {spent:.1f} s processor, {mb:.0f} MB, {wrong} violations"
    )
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("landfills", "uchoa", "homberger"), default="landfills")
    parser.add_argument("--stops", type=int, default=2_100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--whole", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.cpu:
        count_processor_seconds()
    problem = problem_of(asked.kind, asked.stops, asked.seed)
    if not asked.whole:
        say(f"{asked.kind}, {asked.stops} stops, seed {asked.seed}; load of the machine {os.getloadavg()[0]:.1f}")
    limits = Limits(seconds=asked.seconds, threads=1 if asked.whole else asked.threads, seed=asked.seed)
    spent = measured(problem, limits, whole=asked.whole)
    if asked.beside:
        again = [f"--kind={asked.kind}", f"--stops={asked.stops}", f"--seed={asked.seed}", f"--seconds={spent}"]
        subprocess.run([sys.executable, __file__, *again, "--cpu", "--whole"], check=True)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
