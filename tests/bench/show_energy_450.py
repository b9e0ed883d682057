"""450 public buildings over a day and a half in quarters of an hour, planned at once, on each engine for heavy work.

    PYTHONPATH=. .venv/bin/python tests/bench/show_energy_450.py [--sites N] [--seeds …] [--room …] [--whole …]

Buildings are made (`energy_feeders.py`): `room` is how much of what can be moved feeders hold, 0.1 binds hard. Beside
the bound, which is proved, stand the limits: 0.5 % and 60 s. `--whole`: so many as one program, beside the same apart.
Raises SystemExit(1) where a limit is missed, engines differ, or the checker finds anything. Dask is left out where it
is not installed.
"""

import argparse
import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec

import psutil

from jobs.compute import Compute, Inline, Processes
from jobs.compute.cluster import Dask
from jobs.solving import Item, solve
from optimizers.energy import EnergyPlan, EnergyProblem, check
from optimizers.energy.sharing import solve_shared
from optimizers.energy.solving import solve_at_once
from optimizers.result import Limits
from tests.bench.energy_feeders import generated

GAP, SECONDS = 0.005, 60.0
_MEMORY = 4 << 30
_LIMITS = Limits(seconds=600)  # so that what it takes is seen


def main() -> None:
    asked = _arguments()
    good = [_beside(sites, asked.seeds[0], asked.room[0]) for sites in asked.whole]
    with engines() as found:
        good += [
            _on_engines(generated(asked.sites, seed, room), f"seed {seed}, room {room:g}", found)
            for seed in asked.seeds
            for room in asked.room
        ]
    if not all(good):
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=450)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--room", type=float, nargs="+", default=[0.1, 0.6])
    parser.add_argument("--whole", type=int, nargs="*", default=[50, 100])
    return parser.parse_args()


@contextmanager
def engines() -> Iterator[list[Compute]]:
    """This process, another one of this machine and, where it is installed, a Dask cluster."""
    with ExitStack() as stack:
        found: list[Compute] = [Inline(), stack.enter_context(closing(Processes(2, memory_bytes=_MEMORY)))]
        if find_spec("distributed"):
            from tests.compute.cluster import Cluster, port

            cluster = stack.enter_context(Cluster(port(), workers=2))
            found.append(stack.enter_context(closing(Dask(cluster.url, memory_bytes=_MEMORY))))
        else:
            _say("Dask is not installed (pip install consigne[dask]): left out")
        yield found


def _on_engines(problem: EnergyProblem, what: str, found: list[Compute]) -> bool:
    item = Item.of("optimizers.energy", problem)
    _say(f"{problem.shape[0]} sites, {problem.shape[1]} slots, {what}; limits {GAP:.1%} and {SECONDS:.0f} s")
    prints, good = set(), True
    for engine in found:
        before = _memory()
        with _watched() as peak:
            began = time.perf_counter()
            (outcome,) = engine.map(solve, [item], _LIMITS)
            seconds = time.perf_counter() - began
        plan = outcome.value
        if plan is None:
            _say(f"    {engine.name:<10} {outcome.fault}")
            good = False
            continue
        assert isinstance(plan, EnergyPlan)
        prints.add(hashlib.sha256(plan.import_w.tobytes() + plan.stored_wh.tobytes()).hexdigest())
        _tell(engine.name, plan, seconds, (peak[0] - before) / 1e6)
        good &= plan.gap <= GAP and seconds <= SECONDS and not check(problem, plan)
    if len(prints) != 1:
        _say("    engines differ")
    return good and len(prints) == 1


def _beside(sites: int, seed: int, room: float) -> bool:
    """As one program, and apart."""
    problem = generated(sites, seed, room)
    _say(f"{sites} sites, seed {seed}, room {room:g}: as one program, and apart")
    whole, apart = solve_at_once(problem, _LIMITS), solve_shared(problem, _LIMITS)
    for name, plan in (("at once", whole), ("apart", apart)):
        _tell(name, plan, plan.seconds, 0.0)
    return apart.bound <= whole.objective * (1 + 1e-6) and not check(problem, apart)


def _tell(name: str, plan: EnergyPlan, seconds: float, megabytes: float) -> None:
    memory = f", {megabytes:.0f} MB" if megabytes else ""
    proved = f"{plan.objective:.2f} EUR, bound {plan.bound:.2f}, gap {plan.gap:.3%}"
    missed = f"{plan.status}, {len(plan.violations)} out of reach"
    _say(f"    {name:<10} {proved}, {seconds:.1f} s{memory}, {missed}")


@contextmanager
def _watched() -> Iterator[list[float]]:
    """The most memory of this process and all it started, in bytes, looked at twenty times a second."""
    peak, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], _memory())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()
        peak[0] = max(peak[0], _memory())


def _memory() -> float:
    me = psutil.Process(os.getpid())
    total = 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
