"""Waste collection instances of Kim, Kim and Sahoo (2006) beside the paper's table, on the real clock.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_kim.py [FOLDER] [--seconds 10] [--threads 1] [--cpu] [--quick]

FOLDER: where files in Kim's form are, at any depth; ../shared/reference/vrp where it is. Where there are none, a made
county of 120 stops. Each is solved with the fleet
of the paper's plan, or with so many `--vehicles`, and judged by our check: lunch, unloadings before the return, loads a
trip and a day, stops a day, windows and the depot's hours. The paper wants compact rounds first, then few vehicles,
then few miles: fewer miles than its are to be expected. Instances that it is not known of have no line of its beside.

Raises SystemExit(1) where a plan leaves out or breaks anything, has more vehicles or no fewer miles than the paper's,
or the instance of 102 takes more than 152 miles.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

from optimizers.result import Limits
from optimizers.routing import Act, RoutingPlan, RoutingProblem, check, solve
from optimizers.routing.formats import problem_form, read_problem
from optimizers.routing.formats.kim import PAPER
from tests.bench.processor import count_processor_seconds
from tests.routing.towns import landfills

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "vrp"
MOST_MILES = {102: 152.0}
HEAD = "  {:>8s} {:>6s} {:>6s} {:>9s} {:>9s} {:>9s} {:>10s} {:>10s} {:>9s} {:>8s} {:>7s}"
LINE = "  {:8d} {:6d} {:6d} {:9d} {:9.1f} {:9d} {:10d} {:>10s} {:>9s} {:8.1f} {:7.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vehicles", type=int, help="of every instance; the paper's fleet by default")
    parser.add_argument(
        "--cpu", action="store_true", help="seconds of the processor, for a machine that does other work"
    )
    parser.add_argument("--quick", action="store_true", help="two seconds each, no targets")
    asked = parser.parse_args()
    if asked.cpu:
        count_processor_seconds()
    limits = Limits(seconds=2.0 if asked.quick else asked.seconds, threads=asked.threads, seed=1)
    say(f"{limits.seconds:g} s each on {limits.threads} thread; load of the machine {os.getloadavg()[0]:.1f}")
    columns = ("instance", "stops", "fleet", "vehicles", "miles", "left out", "violations", "paper veh.", "miles")
    say(HEAD.format(*columns, "wall, s", "CPU, s"))
    instances = list(found(asked.folder, asked.vehicles))
    if not instances:
        say(f"  no instances in Kim's form in {asked.folder}: a made one")
        instances = [(0, landfills(120, 2, 4))]
    missed = [row(name, problem, limits) for name, problem in instances]
    if any(missed) and not asked.quick:
        raise SystemExit(1)


def found(folder: Path, vehicles: int | None) -> Iterator[tuple[int, RoutingProblem]]:
    """By the number that names them: depot, landfills and stops."""
    instances = []
    for path in sorted(folder.rglob("*.txt")):
        text = path.read_bytes()
        if problem_form(text, path.name) == "kim":
            problem = read_problem(text, "kim", vehicles)
            instances.append((len(problem.places), problem))
    yield from sorted(instances, key=lambda one: one[0])


def row(name: int, problem: RoutingProblem, limits: Limits) -> bool:
    """Whether it misses a target."""
    began, cpu = perf_counter(), process_time()
    plan = solve(problem, limits)
    wall_s, cpu_s = perf_counter() - began, process_time() - cpu
    violations = check(problem, plan)
    vehicles, miles = PAPER.get(name, (0, 0.0))
    paper = (f"{vehicles}", f"{miles:.1f}") if vehicles else ("", "")
    figures = (len(plan.routes), plan.objective, len(plan.unserved), len(violations))
    say(LINE.format(name, len(problem.stops), len(problem.vehicles), *figures, *paper, wall_s, cpu_s))
    for violation in violations[:5]:
        say(f"    {violation}")
    told(plan)
    most = MOST_MILES.get(name, miles if vehicles else float("inf"))
    return bool(violations or plan.unserved or (vehicles and len(plan.routes) > vehicles) or plan.objective >= most)


def told(plan: RoutingPlan) -> None:
    """What rounds hold beside stops, as the clock of the check saw it."""
    acts = [visit.act for route in plan.routes for visit in route.visits]
    lasting = [route.duration_s / 3600 for route in plan.routes]
    if lasting:
        spread = f"rounds of {min(lasting):.1f} to {max(lasting):.1f} h"
        say(f"    {acts.count(Act.UNLOAD)} unloadings, {acts.count(Act.REST)} lunches, {spread}")


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
