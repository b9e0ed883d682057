"""Nights on end with anything failing in any of them: never dark, never silent, never two answers."""

import math
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import count
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ConsigneError
from engine.model import PlanOrigin
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import Territory
from jobs.compute import Processes
from jobs.domains import DOMAINS
from jobs.planning import Domain, PlanRequest, commit_plan, make_plan, report_of
from jobs.table import JobContext
from optimizers.result import Limits

from .conftest import NOON, Fake

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LIGHTING = DOMAINS["lighting"]
SOLVERS = {
    "sound": "",
    "raises": "def solve(problem, limits): raise RuntimeError('no tea')",
    "dark": "def solve(problem, limits):\n    plan = lighting.solve(problem)\n"
    "    return replace(plan, flux=np.zeros_like(plan.flux))",
    "infeasible": "def solve(problem, limits): return replace(lighting.solve(problem), status=Status.INFEASIBLE)",
    "blinding": "def solve(problem, limits):\n    plan = lighting.solve(problem)\n"
    "    return replace(plan, flux=plan.flux * 100)",
}
_STARTS = (NOON + n * 30 * DAY for n in count())


def fails(*_: Any) -> Any:
    raise ConsigneError("no data")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    nights=st.lists(
        st.tuples(st.sampled_from(sorted(SOLVERS)), st.booleans(), st.booleans()), min_size=3, max_size=5
    )
)  # fmt: skip
def test_never_dark_and_never_silent(
    nights: list[tuple[str, bool, bool]], service: JobContext, fake: Fake, store: Store, territory: Territory
) -> None:
    start, domains = next(_STARTS), {name: fake(source) for name, source in SOLVERS.items()}
    lit_before, failed = False, False
    for day, (solver, builds, rules) in enumerate(nights):
        domain = domains[solver]
        domain = domain if builds else replace(domain, build=fails)
        domain = domain if rules else replace(domain, rules_only=fails)
        now = start + day * DAY
        report = _night(service, domain, now)
        standing = _alarms(store)
        origin = report.counts.get("origin")
        sound = solver == "sound" and builds
        assert (report.state is RunState.DONE) == (origin == PlanOrigin.SOLVED) == sound
        assert (report.state is RunState.DEGRADED) == (origin in {PlanOrigin.SHIFTED, PlanOrigin.RULES_ONLY})
        if report.state is RunState.FAILED:
            failed = True
            assert "plan-failed" in standing and report.error
        else:
            failed, lit_before = False, True
            assert standing == (set() if sound else {"plan-fallback"})
            levels = _levels(store, territory, now + 13 * HOUR)
            assert (levels > 0.2).all() and (levels <= 1).all()
        assert failed == ("plan-failed" in standing)
        assert origin != PlanOrigin.SHIFTED or lit_before


def _night(service: JobContext, domain: Domain, now: Any) -> Any:
    made = make_plan(service, domain, PlanRequest(now))
    with service.store.begin() as unit:
        return report_of(made, commit_plan(unit, service.territory, domain, made, now))


def _alarms(store: Store) -> set[str]:
    with store.read() as unit:
        return {a.rule for a in unit.alarms.active(["lighting"]) if a.cleared_at is None}


def _levels(store: Store, territory: Territory, at: Any) -> np.ndarray:
    points = [f"{lamp.id}/illuminanceLevel" for lamp in territory.of_type("Streetlight")]
    with store.read() as unit:
        arrays = unit.slots.arrays(points, None)
    return np.array([arrays[point][0].program.at(at) or math.nan for point in points])


def test_runs_of_two_domains_do_not_wait_for_each_other(service: JobContext, fake: Fake) -> None:
    """The slow one is released by the quick one's end."""
    slow = fake("""
        def solve(problem, limits):
            while not os.path.exists(os.environ["QUICK_IS_DONE"]):
                time.sleep(0.05)
            return lighting.solve(problem, limits)
        """)
    flag = service.settings.data_dir / "quick"
    made: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patched, closing(Processes(2)) as engine:
        patched.setenv("QUICK_IS_DONE", str(flag))
        context = replace(service, compute=engine)

        def plan(name: str, domain: Domain) -> None:
            made[name] = make_plan(context, domain, PlanRequest(NOON, Limits(60)))

        first = Thread(target=plan, args=("slow", slow))
        first.start()
        plan("quick", LIGHTING)
        assert set(made) == {"quick"}
        flag.touch()
        first.join()
    assert made["slow"].origin is made["quick"].origin is PlanOrigin.SOLVED
