"""Solvers that hang, eat memory or crash, and one plan on three engines: what comes of them, and how the service fares.

    PYTHONPATH=. .venv/bin/python tests/bench/show_compute.py

Raises SystemExit(1) where something is not as promised. Dask is left out where it is not installed.
"""

import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from itertools import pairwise

from jobs.compute import Compute, Fault, FaultKind, Inline, Processes
from jobs.compute.cluster import Dask
from optimizers import lighting
from optimizers.result import Limits
from tests.compute import routing, work
from tests.compute.test_contract import result_bytes
from tests.compute.test_faults import heartbeat

STANDSTILL_S = 1.5  # less than any of these solvers would hold us up for in our own process
EXPECTED = {
    "hang": FaultKind.TIMED_OUT,
    "eat": FaultKind.OUT_OF_MEMORY,
    "segfault": FaultKind.CRASHED,
    "exit": FaultKind.CRASHED,
    "raise": FaultKind.RAISED,
    "": None,
}


def main() -> None:
    with engines() as found:
        good = [misbehaving(engine) for engine in found[1:]]
        good += [beating(engine) for engine in found]
        good.append(byte_equal(found))
    if not all(good):
        raise SystemExit(1)


@contextmanager
def engines() -> Iterator[list[Compute]]:
    """Inline, processes and, where it is installed, a Dask cluster of two workers on this machine."""
    with ExitStack() as stack:
        found: list[Compute] = [Inline()]
        found.append(stack.enter_context(closing(Processes(2, memory_bytes=500 << 20))))
        if find_spec("distributed"):
            from tests.compute.cluster import Cluster, port

            cluster = stack.enter_context(Cluster(port(), workers=2))
            found.append(stack.enter_context(closing(Dask(cluster.url, memory_bytes=500 << 20))))
        else:
            say("Dask is not installed (pip install consigne[dask]): left out")
        yield found


def misbehaving(engine: Compute) -> bool:
    """Each kind of fault is told as what it is, and a thread of ours, asked for every 10 ms, goes on meanwhile."""
    say(f"{engine.name}: tasks that misbehave, of 3 s and 2 s of grace, 524 MB")
    started = time.monotonic()
    with heartbeat() as ticks:
        outcomes = list(engine.map(work.misbehave, list(EXPECTED), Limits(seconds=3)))
    kinds: list[FaultKind | None] = []
    for asked, outcome in zip(EXPECTED, outcomes, strict=True):
        fault: Fault | None = outcome.fault
        say(f"    {asked or 'well-behaved':<13} → {fault or outcome.value}")
        kinds.append(fault and fault.kind)
    return kinds == list(EXPECTED.values()) and fared(ticks, time.monotonic() - started)


def beating(engine: Compute) -> bool:
    """A solver that holds the interpreter for all its search. In our own process it stops every thread: the trap."""
    with heartbeat() as ticks:
        started = time.monotonic()
        (outcome,) = engine.map(routing.tour, [(200, 1)], Limits(seconds=4))
        seconds = time.monotonic() - started
    say(f"{engine.name}: OR-Tools routing searched for 2 s of {seconds:.1f} s: {outcome.fault or outcome.value}")
    return fared(ticks, seconds) or engine.name == "inline"


def fared(ticks: list[float], seconds: float) -> bool:
    longest = max((later - earlier for earlier, later in pairwise(ticks)), default=seconds)
    say(f"    a thread of ours ran {len(ticks)} times in {seconds:.1f} s, at the worst {longest * 1e3:.0f} ms apart")
    return longest < STANDSTILL_S


def byte_equal(found: list[Compute]) -> bool:
    """A plan of 12,000 lamps, stopped by work and to the end, has one digest on every engine."""
    problem, equal = lighting.example(1, streets=200, lamps_per_street=60), True
    for limits in (Limits(seconds=600, work=1), Limits(seconds=600)):
        digests = {}
        for engine in found:
            (outcome,) = engine.map(lighting.solve, [problem], limits)
            plan = outcome.value
            digests[engine.name] = hashlib.sha256(result_bytes(plan)).hexdigest()[:16] if plan else str(outcome.fault)
        say(f"{'stopped by work' if limits.work else 'to the end'}: {digests}")
        equal &= len(set(digests.values())) == 1
    return equal


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
