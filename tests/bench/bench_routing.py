"""How near rounds come to the best known ones, beside OR-Tools' routing, VROOM and vrp-cli in the same run.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_routing.py [FOLDER] [--seconds 10 30] [--peers 10] [--cpu]

FOLDER: instances in VRPLIB's (`.vrp`) or Solomon's form (`.txt`), at any depth; ../shared/reference/vrp where it is.
Best known is the cost of a `.sol` of the same name, or what README.md beside or above says after the instance's name;
gaps are to that, in percent of it. Seconds are of the wall on one thread, and the CPU seconds beside them say how much
of a processor there was. Peers have the seconds of `--peers` (0: none), and routes of theirs that our check refuses
count as none. With `--cpu`, for a machine that does other work, ours are seconds of the processor, and a peer, whose
limits are the wall's, has as many times more as our last solve took. Without instances there are two of a stated
recipe, and gaps are to the best of the run. `--quick`: a second each, without targets.

Raises SystemExit(1) where a target is missed: at 10 s a mean of 1 % and 2.5 % at worst up to 450 stops, at 30 s a mean
of 0.5 % from 350 to 450.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from optimizers.result import Limits
from optimizers.routing import Coordinates, Matrices, Place, RoutingPlan, RoutingProblem, Stop, Vehicle, check, solve
from optimizers.routing.formats import problem_form, read_plan, read_problem
from tests.bench.processor import count_processor_seconds
from tests.bench.routing_peers import PEERS

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "vrp"
PYTHONS = {"OR-Tools": Path(sys.executable)}
OTHERS = ROOT / ".venv-bench" / "bin" / "python"
LARGEST = 450
NEARLY_400 = range(350, LARGEST + 1)
HEAD = "  {:16s} {:>6s} {:>9s}  "
LINE = "  {:16s} {:6d} {:9.0f}  "


@dataclass
class Instance:
    name: str
    problem: RoutingProblem
    best: float | None
    costs: dict[str, float | None] = field(default_factory=dict)
    """By column, what routes cost; None where there were none, or none that keep everything."""

    @property
    def known(self) -> float:
        """The best known, else the best of this run."""
        found = [cost for cost in self.costs.values() if cost is not None]
        return min(found) if self.best is None else self.best

    def gap(self, column: str) -> float | None:
        cost = self.costs.get(column)
        return None if cost is None else 100 * (cost / self.known - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("--seconds", nargs="+", type=float, default=[10.0, 30.0])
    parser.add_argument("--peers", type=float, default=10.0, help="seconds of each; 0 for none")
    parser.add_argument("--cpu", action="store_true", help="seconds of the processor")
    parser.add_argument("--quick", action="store_true", help="a second each, no targets")
    asked = parser.parse_args()
    if asked.cpu:
        count_processor_seconds()
    seconds, peers = ([1.0], min(asked.peers, 1.0)) if asked.quick else (asked.seconds, asked.peers)
    instances = list(found(asked.folder))
    if not instances:
        say(f"no instances in {asked.folder}: two of a recipe")
        instances = list(made())
    if unknown := [one.name for one in instances if one.best is None]:
        say(f"no best known of {', '.join(unknown)}: their gaps are to the best of this run")
    with tempfile.TemporaryDirectory() as folder:
        versions = measured(instances, seconds, peers, Path(folder), asked.cpu)
    table(instances, [*(f"ours {s:g} s" for s in seconds), *versions])
    for name, told in versions.items():
        say(f"  {name}: {told}")
    if missed(instances) and not asked.quick:
        raise SystemExit(1)


def measured(
    instances: list[Instance], seconds: list[float], peers: float, folder: Path, of_processor: bool
) -> dict[str, str]:
    """Solve everything, each engine in turn on an instance; by peer, its version or why it is left out."""
    versions: dict[str, str] = {}
    for one in instances:
        for budget in seconds:
            began, cpu = perf_counter(), process_time()
            plan = solve(one.problem, Limits(seconds=budget, threads=1, seed=1))
            one.costs[f"ours {budget:g} s"] = cost_of(one.problem, plan)
            wall_s, cpu_s = perf_counter() - began, process_time() - cpu
            tell(one, f"ours {budget:g} s", wall_s, cpu_s, plan.objective)
        for name in PEERS if peers else ():
            before, began = children_s(), perf_counter()
            share = max(1.0, wall_s / cpu_s) if of_processor else 1.0
            versions[name], routes = asked_of(name, one.problem, peers * share, folder)
            one.costs[name] = judged(one.problem, routes)
            tell(one, name, perf_counter() - began, children_s() - before, one.costs[name])
    return versions


def tell(one: Instance, column: str, wall_s: float, cpu_s: float, cost: float | None) -> None:
    told = "none" if cost is None else f"{cost:.0f}"
    line = f"  {one.name} {column}: {told}, {wall_s:.1f} s of wall, {cpu_s:.1f} of CPU"
    print(line, file=sys.stderr, flush=True)


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cost_of(problem: RoutingProblem, plan: RoutingPlan) -> float | None:
    """None where something is violated or left out."""
    return None if plan.unserved or check(problem, plan) else plan.objective


def asked_of(name: str, problem: RoutingProblem, seconds: float, folder: Path) -> tuple[str, list[list[int]]]:
    """A peer's version, or why it is left out, and the places of its routes."""
    path = folder / "work.json"
    path.write_text(json.dumps(work_of(problem, seconds)), encoding="utf-8")
    python = PYTHONS.get(name, OTHERS)
    if not python.exists():
        return "left out, as its virtualenv is not there (make bench builds it)", []
    script = Path(__file__).with_name("routing_peers.py")
    done = subprocess.run(
        [python, "-W", "ignore", script, name, path],
        check=False,
        capture_output=True,
        text=True,
        timeout=20 * seconds + 120,
    )
    if done.returncode:
        return "left out, as it is not installed" if done.returncode == 3 else f"failed: {done.stderr[-300:]}", []
    told = json.loads(done.stdout.splitlines()[-1])
    return told["version"], told["routes"]


def work_of(problem: RoutingProblem, seconds: float) -> dict[str, object]:
    """The depot is the first place, and every other place a stop."""
    (depot,) = {vehicle.start for vehicle in problem.vehicles}
    if depot or [stop.place for stop in problem.stops] != list(range(1, len(problem.places))):
        raise ValueError("an instance of one depot, which comes first")
    timed = any(stop.windows for stop in problem.stops)
    shift = problem.vehicles[0].shift
    return {
        "distance": problem.matrices.distance_m[0].astype(int).tolist(),
        "demand": [0, *(int(stop.load[0]) for stop in problem.stops)],
        "service": [0, *(int(stop.service_s) for stop in problem.stops)],
        "windows": [list(map(int, shift)), *(list(map(int, stop.windows[0])) for stop in problem.stops)]
        if timed
        else [],
        "vehicles": len(problem.vehicles),
        "capacity": int(problem.vehicles[0].capacity[0]),
        "seconds": seconds,
    }


def judged(problem: RoutingProblem, routes: list[list[int]]) -> float | None:
    """What routes by place cost, if they serve everything and our check has nothing against them."""
    text = "\n".join(f"Route #{k}: {' '.join(map(str, route))}" for k, route in enumerate(routes, 1))
    return cost_of(problem, read_plan(problem, text)) if routes else None


def found(folder: Path) -> Iterator[Instance]:
    """Instances of one depot, smallest first."""
    instances = []
    for path in sorted([*folder.rglob("*.vrp"), *folder.rglob("*.txt")]):
        text = path.read_bytes()
        form = problem_form(text, path.name)
        if form in {"vrplib", "solomon"} and not path.name.startswith("LICENSE"):
            problem = read_problem(text, form)
            instances.append(Instance(path.stem, problem, best_known(path, folder, problem)))
    yield from sorted(instances, key=lambda one: (len(one.problem.stops), one.name))


def best_known(path: Path, folder: Path, problem: RoutingProblem) -> float | None:
    """Of a `.sol` that is right, else of a README from the instance's folder up to the one asked for."""
    if (solution := path.with_suffix(".sol")).exists():
        return cost_of(problem, read_plan(problem, solution.read_bytes()))
    for above in path.parents:
        if (readme := above / "README.md").exists() and (
            told := re.search(rf"\b{re.escape(path.stem)}\s+(\d+)\b", readme.read_text(encoding="utf-8"))
        ):
            return float(told[1])
        if above == folder:
            break
    return None


def made() -> Iterator[Instance]:
    """A hundred stops at random in a square of 1,000, demands of 1 to 100 and vehicles of 1,000; the same with windows
    of a quarter of the day.
    """
    rng = np.random.default_rng(8)
    xy = rng.integers(0, 1_001, (101, 2)).astype(np.float64)
    distance = np.floor(np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1)) + 0.5)
    demand, start = rng.integers(1, 101, 101), rng.integers(0, 6_000, 101)
    for name, timed in (("made", False), ("made, windows", True)):
        stops = tuple(
            Stop(
                id=f"{k}", place=k, load=(float(demand[k]),), service_s=50.0 * timed,
                windows=((float(start[k]), float(start[k]) + 2_000),) if timed else (),
            )
            for k in range(1, 101)
        )  # fmt: skip
        vehicle = {"start": 0, "end": 0, "shift": (0.0, 1e4 if timed else 1e6), "capacity": (1_000.0,), "per_m": 1.0}
        problem = RoutingProblem(
            places=tuple(Place(f"{k}", *xy[k].tolist()) for k in range(101)),
            matrices=Matrices(distance_m=distance, duration_s=distance), stops=stops, dimensions=("demand",),
            vehicles=tuple(Vehicle(id=f"{k}", **vehicle) for k in range(25)), coordinates=Coordinates.PLANE_M,
        )  # fmt: skip
        yield Instance(name, problem, None)


def table(instances: list[Instance], columns: list[str]) -> None:
    say(f"gaps to the best known in percent; one thread each; load of the machine {os.getloadavg()[0]:.1f}")
    say(HEAD.format("instance", "stops", "best") + "".join(f"{column:>12s}" for column in columns))
    for one in instances:
        gaps = "".join(f"{'none' if (gap := one.gap(column)) is None else f'{gap:.2f}':>12s}" for column in columns)
        say(LINE.format(one.name, len(one.problem.stops), one.known) + gaps)
    for word, of in (("mean", np.mean), ("worst", np.max)):
        cells = []
        for column in columns:
            gaps = [gap for one in instances if (gap := one.gap(column)) is not None]
            cells.append(
                f"{of(gaps):.2f}"
                if len(gaps) == len(instances)
                else f"{of(gaps):.2f} of {len(gaps)}"
                if gaps
                else "none"
            )
        say(HEAD.format(word, "", "") + "".join(f"{cell:>12s}" for cell in cells))


def missed(instances: list[Instance]) -> bool:
    """Whether a target is; what has no best known has none."""
    known = [one for one in instances if one.best is not None and len(one.problem.stops) <= LARGEST]
    short = [(one, one.gap("ours 10 s")) for one in known if "ours 10 s" in one.costs]
    long = [one.gap("ours 30 s") for one in known if len(one.problem.stops) in NEARLY_400 and "ours 30 s" in one.costs]
    told = []
    if any(gap is None for _, gap in short) or any(gap is None for gap in long):
        told.append("an instance has no plan that keeps everything")
    at_10 = [gap for _, gap in short if gap is not None]
    at_30 = [gap for gap in long if gap is not None]
    if at_10 and np.mean(at_10) > 1.0:
        told.append(f"mean at 10 s is {np.mean(at_10):.2f} %, wants 1")
    if at_10 and max(at_10) > 2.5:
        told.append(f"worst at 10 s is {max(at_10):.2f} %, wants 2.5")
    if at_30 and np.mean(at_30) > 0.5:
        told.append(f"mean at 30 s from 350 to 450 stops is {np.mean(at_30):.2f} %, wants 0.5")
    for line in told:
        say(f"  missed: {line}")
    return bool(told)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
