"""Show 3: solvers that hang, eat memory and segfault. Show 4: the same plan to the byte on every engine.

Type `.venv/bin/pytest -s tests/wiring/test_show_solvers.py` to read what happened.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.instants import isoformat
from engine.model import PlanOrigin
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import JobRun, RunState
from jobs import table
from jobs.bootstrap import StoryClock, Territory, WallClock
from jobs.compute import Compute, Inline, Processes
from jobs.cycle import RulesAtWork, run_cycle
from jobs.domains import DOMAINS
from jobs.leadership import Leadership
from jobs.planning import Domain, PlanRequest, digest_of, make_plan
from jobs.planning.domain import Candidate
from jobs.runs import PLAN, run_occasion
from jobs.table import JobContext, Occasion
from optimizers.result import Limits

from .conftest import NOON, Fake, readings, tell

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LIGHTING = DOMAINS["lighting"]
MEMORY = 450 << 20
BAD = {
    "hangs": ("def solve(problem, limits): ctypes.PyDLL(None).sleep(3600)", "timed_out"),  # in C, holding the GIL
    "eats memory": (
        "def solve(problem, limits):\n    kept = []\n    while True: kept.append(np.ones(4 << 20)); time.sleep(0.01)",
        "out_of_memory",
    ),
    "segfaults": ("def solve(problem, limits): ctypes.string_at(0)", "crashed"),
}


@pytest.fixture
def processes() -> Iterator[Processes]:
    with closing(Processes(1, grace=lambda _seconds: 1.0)) as engine:
        yield engine


@dataclass
class Meanwhile:
    """What the service did while a solver misbehaved."""

    cycles: int = 0
    edges: int = 0
    longest_s: float = 0.0


def test_solvers_that_hang_eat_memory_and_segfault(
    processes: Processes, fake: Fake, store: Store, territory: Territory, settings: Settings, rules: RulesAtWork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    clock = StoryClock(NOON)
    lead = Leadership(Store.open(settings.database_url), [PLAN], WallClock(), 30 * SECOND, owner="show").take()
    assert lead is not None
    with lead:
        context = JobContext(settings, store.under(lead.fences), territory, clock, processes)
        job = "plan-lighting"

        def night(day: int, domain: Domain, seconds: float = 60) -> JobRun:
            monkeypatch.setitem(table.JOBS, job, table._plan(domain))
            clock.at = NOON + day * DAY
            occasion = Occasion(job, isoformat(clock.at), clock.at, seconds=seconds, memory_bytes=MEMORY)
            return run_occasion(context, table.JOBS[job], occasion).run

        assert night(0, LIGHTING).state is RunState.DONE
        for day, (name, (source, fault)) in enumerate(BAD.items(), 1):
            fenced = lead.fences[PLAN]
            began = time.monotonic()
            run, meanwhile = _beside(
                lambda d=day, s=source, f=fault: night(d, fake(s), 1 if f == "timed_out" else 60), context, rules
            )
            alarm = _alarm(store)
            print(
                f"\n{name}: {run.state.value}, {run.report.error}\n"
                f"  in force: {run.report.counts['origin']}; alarm: {alarm['about']['en']}\n"
                f"  {time.monotonic() - began:.1f} s; meanwhile {meanwhile.cycles} rule cycles, the longest "
                f"{meanwhile.longest_s:.2f} s; lease {fenced} still ours: {lead.lost is None}",
                end="",
            )
            assert (run.state, run.attempts) == (RunState.DEGRADED, 1)
            assert run.report.error is not None and run.report.error.startswith(f"solve: {fault}: ")
            assert run.report.counts["origin"] in {PlanOrigin.SHIFTED, PlanOrigin.RULES_ONLY}
            assert alarm["plan"] == run.report.counts["plan"]
            assert meanwhile.cycles and lead.lost is None
        assert night(4, LIGHTING).state is RunState.DONE
        assert _alarm(store) == {}
        print("\nthe next night, with a sound solver: done, the alarm is over")


def _beside(work: Callable[[], JobRun], context: JobContext, rules: RulesAtWork) -> tuple[JobRun, Meanwhile]:
    """Readings come and rules decide, until the run is over."""
    found: list[JobRun] = []
    worker = threading.Thread(target=lambda: found.append(work()))
    said, last = Meanwhile(), time.monotonic()
    lamp = context.territory.of_type("Streetlight")[0].id
    at = context.clock.now() + DAY
    worker.start()
    while worker.is_alive():
        at += SECOND
        tell(context.store, context.territory, readings((lamp, "powerState", "on", at)), at)
        run_cycle(context.store, context.territory, rules, at)
        said.cycles += 1
        said.longest_s, last = max(said.longest_s, time.monotonic() - last), time.monotonic()
        worker.join(0.02)
    (run,) = found
    return run, said


def _alarm(store: Store) -> dict[str, Any]:
    with store.read() as unit:
        standing = [a for a in unit.alarms.active(["lighting"]) if a.rule == "plan-fallback" and a.cleared_at is None]
    return dict(standing[0].detail) if standing else {}


def test_the_command_ends_with_3_when_a_fall_back_was_used(store: Store, settings: Settings, tmp_path: Path) -> None:
    """`consigne run` as it is installed; only the solver in the workers is another."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "sitecustomize.py").write_text(
        "import ctypes\nfrom optimizers import lighting\nlighting.solve = lambda *_: ctypes.string_at(0)\n"
    )
    variables = {
        "CONSIGNE_DATABASE_URL": settings.database_url, "CONSIGNE_DATASETS_DIR": str(settings.datasets_dir),
        "CONSIGNE_RULES_DIR": str(settings.rules_dir), "CONSIGNE_COMPUTE": "processes",
    }  # fmt: skip

    def consigne(*words: str, **also: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("consigne")), *words]
        env = os.environ | variables | also
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=280, check=False)

    bad = consigne("run", "plan-lighting", PYTHONPATH=str(tmp_path / "bad"))
    print(f"\nconsigne run plan-lighting: exit {bad.returncode}\n  {bad.stdout.strip()}", end="")
    assert bad.returncode == 3, bad.stderr
    assert "origin=rules_only" in bad.stdout and "why=solve: crashed: " in bad.stdout
    (alarm,) = json.loads(consigne("alarm", "list", "--json").stdout)
    assert (alarm["rule"], alarm["asset"]) == ("plan-fallback", "lighting")
    good = consigne("run", "replan-lighting")  # the same job, an occurrence of its own
    print(f"\nand with a sound solver: exit {good.returncode}\n  {good.stdout.strip()}")
    assert (good.returncode, "origin=solved" in good.stdout) == (0, True), good.stderr


# Work in rounds of a seeded search: what it has found when they are over depends on seed and rounds, and nothing else.
SEARCH = """
def solve(problem, limits):
    rng, best = np.random.default_rng(limits.seed), None
    for _ in range(limits.work):
        level = np.round(1 - 0.01 * rng.integers(0, 2, len(problem.lamps)), 12)[:, None]
        flux = np.where(problem.burning, np.where(problem.dimmable[:, None], level, 1.0), 0.0)
        energy = lighting.energy_wh(problem, flux)
        if best is None or energy < best[0]:
            best = (energy, flux)
    bound = lighting.energy_wh(problem, problem.floor)
    return lighting.LightingPlan(
        status=Status.FEASIBLE, objective=best[0], bound=bound, seconds=0.0, seed=limits.seed, solver="search",
        version="1", lamps=problem.lamps, flux=best[1],
    )
"""


@pytest.fixture
def engines(fake: Fake, processes: Processes, free_port: Callable[[], int]) -> Iterator[dict[str, Compute]]:
    """Every engine; a cluster of two workers of this machine where Dask is installed. They know the fakes' folder."""
    with ExitStack() as stack:
        found: dict[str, Compute] = {"inline": Inline(), "processes": processes}
        if find_spec("distributed"):
            from jobs.compute.cluster import Dask
            from tests.compute.cluster import Cluster

            cluster = stack.enter_context(Cluster(free_port(), workers=2))
            found["dask"] = stack.enter_context(closing(Dask(cluster.url)))
        yield found


def test_the_same_plan_to_the_byte_on_every_engine(
    service: JobContext, engines: dict[str, Compute], fake: Fake, history: int
) -> None:
    search = fake(SEARCH)
    runs = (("least point", LIGHTING, 1), ("least point", LIGHTING, 500), ("seeded search", search, 25))
    for name, domain, work in runs:
        made = {
            engine: _made(replace(service, compute=compute), domain, Limits(work=work, seed=7))
            for engine, compute in engines.items()
        }
        bodies, digests = {one.body for one in made.values()}, {digest_of(one.plan) for one in made.values()}
        same = len(bodies) == len(digests) == 1
        print(
            f"\n{name}, stopped by work {work}, on {', '.join(engines)}: {len(min(bodies))} bytes, "
            f"digest {min(digests)[:16]}…, {'equal to the byte' if same else 'DIFFERENT'}",
            end="",
        )
        assert same
    other = _made(service, search, Limits(work=25, seed=8))
    assert other.body not in bodies, "the seed reaches the solver"


def _made(context: JobContext, domain: Domain, limits: Limits) -> Candidate:
    made = make_plan(context, domain, PlanRequest(NOON, limits))
    assert made.origin is PlanOrigin.SOLVED, made.why
    assert made.candidate is not None and made.reproducible
    return made.candidate
