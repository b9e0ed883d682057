"""What Prometheus reads of this process: what came in, what was decided, solved and sent. See docs/observability.md.

Figures that the database has are read when they are asked for: `jobs.collecting`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from prometheus_client import Counter, Gauge, Histogram

from engine.store import Intake
from jobs.compute.base import Outcome

_READINGS = Counter("consigne_readings", "Readings received, by what became of them", ["outcome"])
_REFUSED = Counter("consigne_readings_refused", "Readings refused, by reason", ["reason"])
_EDGES = Counter("consigne_rule_edges", "Rule conditions that changed truth", ["rule"])
_FAULTS = Counter("consigne_rule_faults", "Rules that failed to run", ["rule"])
_RULES = Gauge("consigne_rules", "Rules in service, and those of them that failed and decide nothing", ["state"])
_RELOADS = Counter("consigne_rule_reloads", "Changed rule files, by outcome", ["outcome"])
_MESSAGES = Counter("consigne_messages", "Messages to people, by what became of an attempt", ["state"])
_CYCLE = Histogram(
    "consigne_cycle_seconds", "Rule cycles that were committed, by how long they took",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)  # fmt: skip
_BEHIND = Gauge("consigne_cycle_behind_seconds", "Age of the newest reading the last rule cycle saw")
_SOLVES = Counter("consigne_solves", "Optimisations, by how the solver ended", ["domain", "status"])
_SOLVE = Histogram(
    "consigne_solve_seconds", "Optimisations, by how long they took", ["domain"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800),
)  # fmt: skip
_FALLBACKS = Counter("consigne_plan_fallbacks", "Plans that a fall-back made, by which", ["domain", "origin"])
_TASKS = Counter("consigne_compute_tasks", "Tasks of heavy work, by how they ended", ["engine", "outcome"])
_TASK = Histogram(
    "consigne_compute_task_seconds", "Tasks of heavy work, by how long they took", ["engine"],
    buckets=(0.05, 0.25, 1, 5, 15, 60, 300, 1800),
)  # fmt: skip
_PEAK = Gauge("consigne_compute_task_peak_bytes", "Resident memory at its highest of the last task", ["engine"])
_WORKERS = Gauge("consigne_compute_workers", "Workers for heavy work that are alive", ["engine"])


def count_intake(intake: Intake) -> None:
    """The outcomes add up to what was received."""
    _READINGS.labels("stored").inc(intake.stored - intake.late)
    _READINGS.labels("late").inc(intake.late)
    _READINGS.labels("refused").inc(intake.received - intake.stored)
    for reason, count in intake.refused.items():
        _REFUSED.labels(str(reason)).inc(count)


def count_edges(rules: Mapping[str, int], faults: Mapping[str, int]) -> None:
    for rule, count in rules.items():
        _EDGES.labels(rule).inc(count)
    for rule, count in faults.items():
        _FAULTS.labels(rule).inc(count)


def show_rules(in_service: int, quarantined: int) -> None:
    _RULES.labels("in_service").set(in_service)
    _RULES.labels("quarantined").set(quarantined)


def count_reload(outcome: Literal["taken", "refused"]) -> None:
    _RELOADS.labels(outcome).inc()


def count_messages(states: Mapping[str, int]) -> None:
    for state, count in states.items():
        _MESSAGES.labels(state).inc(count)


def count_cycle(seconds: float) -> None:
    _CYCLE.observe(seconds)


def show_cycle(behind_s: float) -> None:
    _BEHIND.set(behind_s)


def count_solve(domain: str, status: str, seconds: float) -> None:
    """One optimisation; `status` is the solver's, or the kind of fault that ended it."""
    _SOLVES.labels(domain, status).inc()
    _SOLVE.labels(domain).observe(seconds)


def count_fallback(domain: str, origin: str) -> None:
    """A plan that no solver made; `origin` says what did."""
    _FALLBACKS.labels(domain, origin).inc()


def count_task(engine: str, outcome: Outcome[Any]) -> None:
    """One task of heavy work, as its engine says it ended."""
    _TASKS.labels(engine, "done" if outcome.fault is None else outcome.fault.kind.value).inc()
    _TASK.labels(engine).observe(outcome.seconds)
    if outcome.peak_bytes is not None:
        _PEAK.labels(engine).set(outcome.peak_bytes)


def watch_workers(engine: str, alive: Callable[[], int]) -> None:
    """How many live is asked when somebody looks."""
    _WORKERS.labels(engine).set_function(alive)
