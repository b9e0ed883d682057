"""One planning run: snapshot and forecast → problem → solve → check → guard → commit. Written once for every domain."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from engine.errors import ConsigneError
from engine.instants import isoformat
from engine.model import PlanRecord, Slot
from engine.settings import Settings
from engine.store import Store, Unit
from engine.store.ledger import RunReport, RunState
from jobs import metrics
from jobs.bootstrap import Territory
from jobs.settling import settle_points
from optimizers.result import Status, Violation


class Task(Protocol):
    """A problem with what was behind it."""

    @property
    def problem(self) -> Any: ...


class Plan(Protocol):
    """What every optimiser returns (see `optimizers.result`)."""

    @property
    def status(self) -> Status: ...
    @property
    def objective(self) -> float: ...
    @property
    def bound(self) -> float: ...
    @property
    def solver(self) -> str: ...
    @property
    def violations(self) -> Sequence[Violation]: ...


@dataclass(frozen=True)
class Domain:
    """What a domain adds: how its problem is built from the store, and how its plan becomes slots.

    `body` keeps the problem's inputs and the plan; `explain` reads it again for one point at one instant.
    `span` is the noon to noon, day or week that a plan made at an instant covers.
    """

    name: str
    build: Callable[[Unit, Territory, datetime, Settings], Any]
    solve: Callable[[Any], Any]
    check: Callable[[Any, Any], Sequence[Violation]]
    to_setpoints: Callable[[Any, Any, str, datetime], Sequence[Slot]]
    body: Callable[[Any, Any], bytes]
    explain: Callable[[bytes, str, datetime], dict[str, Any]]
    span: Callable[[datetime], tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class MadePlan:
    """A plan that passed its check and is not committed yet, with what it was made of."""

    task: Any
    plan: Plan
    body: bytes
    span: tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A committed plan, how many points it speaks of, and how many commands it put into the outbox."""

    record: PlanRecord
    points: int
    commands: int
    violations: tuple[Violation, ...]


def run_plan(store: Store, territory: Territory, domain: Domain, now: datetime, settings: Settings) -> PlanResult:
    """Make and commit the plan of the span that holds `now`. Raises ConsigneError when the plan fails its own check.

    What the optimiser itself reports as violated (a floor above a ceiling) is part of the plan: the rest goes out.
    """
    made = make_plan(store, territory, domain, now, settings)
    with store.begin() as unit:
        return commit_plan(unit, territory, domain, made, now)


def make_plan(store: Store, territory: Territory, domain: Domain, at: datetime, settings: Settings) -> MadePlan:
    """Everything but the commit, as the world was known at `at`."""
    start, until = domain.span(at)
    with store.read() as unit:
        task = domain.build(unit, territory, start, settings)
    plan = domain.solve(task.problem)
    _guard(domain, task.problem, plan)
    return MadePlan(task, plan, domain.body(task, plan), (start, until))


def report_of(result: PlanResult) -> RunReport:
    """What the ledger keeps of a plan."""
    record = result.record
    counts = {
        "plan": record.id,
        "points": result.points,
        "commands": result.commands,
        "violations": len(result.violations),
    }
    state = RunState.DEGRADED if result.violations else RunState.DONE
    gap = abs(record.objective - record.bound) / abs(record.objective) if record.objective else 0.0
    return RunReport(state, counts, record.status, gap)


def _guard(domain: Domain, problem: Any, plan: Plan) -> None:
    if plan.status in {Status.INFEASIBLE, Status.TIME_LIMIT}:
        raise ConsigneError(
            f"{domain.name}: no plan, the solver ended {plan.status}; yesterday's programs stay in force"
        )
    owned = {(v.constraint, v.object) for v in plan.violations}
    hidden = [v for v in domain.check(problem, plan) if (v.constraint, v.object) not in owned]
    if hidden:
        named = "; ".join(f"{v.constraint} at {v.object} by {v.amount:g} {v.unit}" for v in hidden[:5])
        raise ConsigneError(f"{domain.name}: the plan breaks {len(hidden)} constraints it does not own up to: {named}")


def _record(domain: Domain, plan: Plan, body: bytes, now: datetime, span: tuple[datetime, datetime]) -> PlanRecord:
    digest = hashlib.sha256(body).hexdigest()
    return PlanRecord(
        id=f"{domain.name}-{isoformat(now)}-{digest[:8]}",
        domain=domain.name,
        made_at=now,
        start=span[0],
        until=span[1],
        status=str(plan.status),
        objective=plan.objective,
        bound=plan.bound,
        solver=plan.solver,
        inputs_digest=digest,
        detail={"violations": [[v.constraint, v.object, v.amount, v.unit] for v in plan.violations]},
    )


def commit_plan(unit: Unit, territory: Territory, domain: Domain, made: MadePlan, now: datetime) -> PlanResult:
    """Write the plan, its slots, and what their equipment does not do yet. `now` is when it is issued."""
    plan, record = made.plan, _record(domain, made.plan, made.body, now, made.span)
    slots = domain.to_setpoints(made.task, plan, record.id, now)
    unit.plans.save(record, made.body)
    unit.slots.put(slots)
    commands = settle_points(unit, territory, [slot.point for slot in slots], now, f"plan:{domain.name}")
    outcome = {"status": record.status, "points": len(slots), "commands": commands, "objective": record.objective}
    unit.audit.append(f"plan:{domain.name}", "plan", record.id, outcome, now)
    metrics.show_plan(domain.name, now.timestamp())
    return PlanResult(record, len(slots), commands, tuple(plan.violations))
