"""What an engine for heavy work costs a task, beside concurrent.futures with the same number of processes.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_compute.py

Each time is the best of three. Dask is left out where it is not installed.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from time import perf_counter

from jobs.compute import Compute, Processes
from optimizers import lighting
from optimizers.result import Limits
from tests.bench.show_compute import engines
from tests.compute import work

TASKS = 500
BOUND_MS = {"inline": 1.0, "processes": 20.0, "dask": 100.0}  # a rule cycle of a group of zones takes some 100 ms
LIMITS = Limits()


def main() -> None:
    """Raises SystemExit(1) if a task costs more than its bound."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool, engines() as found:
        pooled = best_of_three(partial(through_the_pool, pool)) / TASKS * 1e3
        say(f"{TASKS} tasks that do nothing, concurrent.futures, 2 processes: {pooled:.2f} ms a task")
        good = [overhead(engine) for engine in found]
        if found[-1].name == "dask":
            dask_alone(found[-1])
    starting()
    replacing()
    warm_and_cold()
    if not all(good):
        raise SystemExit(1)


def overhead(engine: Compute) -> bool:
    each = best_of_three(lambda: list(engine.map(work.nothing, range(TASKS), LIMITS))) / TASKS * 1e3
    bound = BOUND_MS[engine.name]
    say(f"{TASKS} tasks that do nothing, {engine.name}: {each:.2f} ms a task (bound {bound:.0f} ms)")
    return each <= bound


def through_the_pool(pool: ProcessPoolExecutor) -> None:
    for future in [pool.submit(work.nothing, n, LIMITS) for n in range(TASKS)]:
        future.result()


def dask_alone(engine: Compute) -> None:
    """The same in the Dask worker itself: what the process of its own costs there."""
    client = engine._client  # type: ignore[attr-defined]

    def run() -> None:
        for future in [client.submit(work.nothing, n, LIMITS, pure=False) for n in range(TASKS)]:
            future.result()

    say(f"the same in the Dask worker itself, unbounded: {best_of_three(run) / TASKS * 1e3:.2f} ms a task")


def starting() -> None:
    def ours() -> None:
        with closing(Processes(1)) as engine:
            list(engine.map(work.nothing, [0], LIMITS))

    def pool() -> None:
        with ProcessPoolExecutor(1, get_context("spawn")) as peer:
            peer.submit(work.nothing, 0, LIMITS).result()

    say(f"one worker from start to end: {best_of_three(ours):.2f} s; concurrent.futures {best_of_three(pool):.2f} s")


def replacing() -> None:
    """From a crash to the answer of the next task. A ProcessPoolExecutor is broken for good by one."""
    with closing(Processes(1)) as engine:

        def crash_and_go_on() -> None:
            list(engine.map(work.leave_at_once, [1], LIMITS))
            list(engine.map(work.nothing, [0], LIMITS))

        say(f"a crash, a fresh worker and its first answer: {best_of_three(crash_and_go_on):.2f} s")


def warm_and_cold() -> None:
    problem = lighting.example(1, streets=20, lamps_per_street=60)

    def cold() -> None:
        with closing(Processes(1)) as engine:
            list(engine.map(lighting.solve, [problem], LIMITS))

    with closing(Processes(1)) as engine:
        warm = best_of_three(lambda: list(engine.map(lighting.solve, [problem], LIMITS)))
    say(f"a plan of 1,200 lamps: {warm:.3f} s in a warm worker, {best_of_three(cold):.3f} s in a fresh one")


def best_of_three(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        started = perf_counter()
        run()
        best = min(best, perf_counter() - started)
    return best


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
