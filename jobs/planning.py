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
    start, until = domain.span(now)
    with store.read() as unit:
        task = domain.build(unit, territory, start, settings)
    plan = domain.solve(task.problem)
    _guard(domain, task.problem, plan)
    body = domain.body(task, plan)
    record = _record(domain, plan, body, now, (start, until))
    with store.begin() as unit:
        return _commit(unit, territory, domain, task, plan, record, body)


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


def _commit(
    unit: Unit, territory: Territory, domain: Domain, task: Task, plan: Plan, record: PlanRecord, body: bytes
) -> PlanResult:
    slots = domain.to_setpoints(task, plan, record.id, record.made_at)
    if unit.plans.get(record.id) is not None:
        # The same inputs at the same instant: a run that was killed between its commit and its line in the ledger.
        return PlanResult(record, len(slots), 0, tuple(plan.violations))
    unit.plans.save(record, body)
    unit.slots.put(slots)
    commands = settle_points(unit, territory, [slot.point for slot in slots], record.made_at, f"plan:{domain.name}")
    outcome = {"status": record.status, "points": len(slots), "commands": commands, "objective": record.objective}
    unit.audit.append(f"plan:{domain.name}", "plan", record.id, outcome, record.made_at)
    metrics.show_plan(domain.name, record.made_at.timestamp())
    return PlanResult(record, len(slots), commands, tuple(plan.violations))
