"""Making a plan: build → solve → check → guard, or a fall-back where one of them fails. Every outcome is a value."""

import dataclasses
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

from engine.errors import Conflict, ConsigneError, Outdated, Unavailable
from engine.model import PlanOrigin, PlanRecord, PlanState, Slot
from jobs import metrics, solving
from jobs.compute import Fault, FaultKind, Outcome
from jobs.planning.domain import Candidate, Context, Domain, Part, PlanRequest
from jobs.planning.guarding import guard
from jobs.solving import Item
from jobs.tracing import traced
from optimizers.result import PLAIN_RULES, Limits, Plan, Status

T = TypeVar("T")
_SHIFTABLE = timedelta(days=8)
"""How old a plan may be that is put on today. The same day of last week often fits where yesterday's does not."""
_LOOKED_AT = 500
_ROUNDING = 1e-6
_NO_RESULT = frozenset({"seconds", "version", "reproducible"})
_MEANT = {PlanOrigin.SHIFTED: "the last plan, shifted: ", PlanOrigin.RULES_ONLY: "without a plan: "}


class Step(StrEnum):
    """What of a run failed."""

    BUILD = "build"
    SOLVE = "solve"
    CHECK = "check"
    GUARD = "guard"
    SHIFT = "shift"
    RULES_ONLY = "rules_only"


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed, and why, for people."""

    step: Step
    what: str
    kind: FaultKind | Status | None = None

    @property
    def of_time(self) -> bool:
        return self.kind in {FaultKind.TIMED_OUT, Status.TIME_LIMIT}


@dataclass(frozen=True)
class MadePlan:
    """What a run came to, not committed yet. No candidate: nothing that may be used was found.

    `problem` is the packed and compressed one, empty where none could be built; `solve` is how the solve went;
    `part` is what of the span was planned again, None for all of it; `unchanged` is why nothing was to be planned.
    """

    request: PlanRequest
    span: tuple[datetime, datetime]
    optimizer: str
    origin: PlanOrigin = PlanOrigin.SOLVED
    candidate: Candidate | None = None
    problem: bytes = b""
    failures: tuple[Failure, ...] = ()
    solve: Outcome[Plan] | None = None
    part: Part | None = None
    unchanged: str = ""

    @property
    def inputs_digest(self) -> str:
        """SHA-256 of the packed problem; empty where there is none."""
        return hashlib.sha256(zlib.decompress(self.problem)).hexdigest() if self.problem else ""

    @property
    def reproducible(self) -> bool:
        """Whether the same problem and limits give the same again: not where the clock or a fault had a hand in it."""
        return self.solve is not None and self.solve.value is not None and self.solve.value.reproducible

    @property
    def why(self) -> str:
        return "; ".join(f"{failure.step}: {failure.what}" for failure in self.failures)


@traced("plan")
def make_plan(context: Context, domain: Domain, request: PlanRequest) -> MadePlan:
    """Everything but the commit, as the world was known at `request.at`.

    A plan that the solver makes is used where what it breaks is what it owns up to, and the guard has nothing against
    it. Otherwise the newest plan that passes the same on this span is put on it; else what the domain does without a
    plan. Raises only what has nothing to do with the plan: a database that is away, a service that is stopped.
    """
    made = MadePlan(request, domain.span(request.at + request.ahead), domain.optimizer)
    task = _attempt(Step.BUILD, lambda: _built(context, domain, request))
    if isinstance(task, Failure):
        return _without_plan(context, domain, made, (task,))
    if why := _unchanged(context, domain, request, task):
        return dataclasses.replace(made, unchanged=why)
    packed = _attempt(Step.BUILD, lambda: Item.of(domain.optimizer, task.problem))
    if isinstance(packed, Failure):
        return _without_plan(context, domain, made, (packed,))
    failure = Failure(Step.SOLVE, "nothing was tried")
    for item, part in [*_parts(context, domain, request, task, packed), (packed, None)]:
        outcome = solve(context, item, request.limits, request.memory_bytes)
        metrics.count_solve(domain.name, _ended(outcome), outcome.seconds)
        made = dataclasses.replace(made, problem=packed.problem, solve=outcome, part=part)
        found = _of_solver(context, domain, made, task)
        if isinstance(found, Candidate):
            return dataclasses.replace(made, candidate=found)
        failure = found
    return _fall_back(context, domain, made, task, failure)


def _unchanged(context: Context, domain: Domain, request: PlanRequest, task: Any) -> str:
    """Why what a rule asks for need not be planned; empty where it is to be, and for whoever wants it whatever is."""

    def why() -> str:
        with context.store.read() as unit:
            return domain.unchanged(unit, task)

    tried = _attempt(Step.BUILD, why) if request.asked and request.only_changed else ""
    return "" if isinstance(tried, Failure) else tried


def _parts(
    context: Context, domain: Domain, request: PlanRequest, task: Any, whole: Item
) -> list[tuple[Item, Part | None]]:  # fmt: skip
    """The part that is planned again where that is enough; none where all of it is to be."""

    def part() -> list[tuple[Item, Part | None]]:
        with context.store.read() as unit:
            found = domain.part(unit, task)
            body = unit.plans.get(found.of) if found is not None else None
        if found is None or body is None:
            return []
        stands = found.standing or domain.standing(body[1], found.named)
        return [(dataclasses.replace(whole, standing=stands), found)]

    tried = _attempt(Step.BUILD, part) if request.only_changed else []
    return [] if isinstance(tried, Failure) else tried


def planned(context: Context, domain: Domain, request: PlanRequest) -> str:
    """The plan that a solver made of the span asked for, in force or waiting for a person; empty without one."""
    start, _ = domain.span(request.at + request.ahead)
    records = _of_span(context, domain, start)
    usable = (one for one in records if one.origin is PlanOrigin.SOLVED and one.state is not PlanState.REFUSED)
    return next((record.id for record in usable), "")


def in_force(context: Context, domain: Domain, start: datetime) -> bool:
    """Whether any plan of the span that begins then is in force."""
    return any(record.state is PlanState.IN_FORCE for record in _of_span(context, domain, start))


def _of_span(context: Context, domain: Domain, start: datetime) -> list[PlanRecord]:
    with context.store.read() as unit:
        return [record for record in unit.plans.list(domain.name, _LOOKED_AT) if record.start == start]


@traced("solve")
def solve(context: Context, item: Item, limits: Limits, memory_bytes: int | None) -> Outcome[Plan]:
    """One solve on the compute engine. Raises Outdated where the engine was told to stop: the run is not over then."""
    (outcome,) = context.compute.map(
        solving.solve, [item], limits, memory_bytes=memory_bytes, key=lambda item: item.optimizer
    )
    if outcome.fault is not None and outcome.fault.kind is FaultKind.STOPPED:
        raise Outdated(f"the solve was stopped: {outcome.fault.what} → it is done again when the job runs again")
    if outcome.fault is None and not isinstance(outcome.value, Plan):
        what = f"no plan came back, but {type(outcome.value).__name__}"
        return dataclasses.replace(outcome, value=None, fault=Fault(FaultKind.RAISED, what))
    return outcome


def _ended(outcome: Outcome[Plan]) -> str:
    return outcome.fault.kind.value if outcome.fault else str(outcome.value.status if outcome.value else "")


def digest_of(plan: Plan) -> str:
    """SHA-256 of everything that a plan says, to the byte; how long it took is no part of that."""
    state = hashlib.sha256()
    for one in dataclasses.fields(plan):
        value = getattr(plan, one.name)
        if one.name in _NO_RESULT:
            continue
        if isinstance(value, np.ndarray):
            state.update(f"{one.name} {value.dtype.str} {value.shape}\n".encode())
            state.update(np.ascontiguousarray(value).tobytes())
        else:
            state.update(f"{one.name} {value!r}\n".encode())
    return state.hexdigest()


def slots_of(domain: Domain, origin: PlanOrigin, body: bytes, version: str, at: datetime) -> list[Slot]:
    """The slots of a body, each saying where it comes from."""
    meant = _MEANT.get(origin, "")
    slots = domain.to_setpoints(body, version, at)
    return [dataclasses.replace(slot, reason=meant + slot.reason) for slot in slots] if meant else list(slots)


def _attempt(step: Step, make: Callable[[], T]) -> T | Failure:
    """What a domain makes, or why it could not: whatever its code does, the fall-back behind it is reached."""
    try:
        return make()
    except (Unavailable, Conflict):
        raise
    except ConsigneError as error:
        return Failure(step, str(error))
    except Exception as error:  # noqa: BLE001 - a domain that fails leads to a fall-back, which is told
        return Failure(step, f"{type(error).__name__}: {error}")


@traced("build")
def _built(context: Context, domain: Domain, request: PlanRequest) -> Any:
    with context.store.read() as unit:
        return domain.build(unit, context.territory, request.at, context.settings, request.ahead)


def _of_solver(context: Context, domain: Domain, made: MadePlan, task: Any) -> Candidate | Failure:
    outcome = made.solve
    assert outcome is not None  # noqa: S101
    if outcome.fault is not None:
        return Failure(Step.SOLVE, str(outcome.fault), outcome.fault.kind)
    plan = outcome.value
    assert plan is not None  # noqa: S101 - what is no fault is a plan
    if plan.status is Status.INFEASIBLE:
        return Failure(Step.SOLVE, "; ".join(["infeasible", *plan.reasons[:3]]), plan.status)
    if plan.solver == PLAIN_RULES:
        # The optimiser's own stand-in, whatever its status says: those of the domain know the last plan.
        return Failure(Step.SOLVE, f"out of time without a plan of its own ({PLAIN_RULES})", Status.TIME_LIMIT)
    found = _judged(context, domain, made, task, plan)
    if isinstance(found, Failure) and plan.status is Status.TIME_LIMIT:
        return Failure(Step.SOLVE, f"out of time without a usable plan ({found.what})", plan.status)
    return found


def _judged(
    context: Context, domain: Domain, made: MadePlan, task: Any, plan: Any, of: PlanRecord | None = None
) -> Candidate | Failure:
    """The plan as a candidate if it owns up to whatever it breaks, and the guard has nothing against it."""
    hidden = _attempt(Step.CHECK, lambda: _hidden(domain, task, plan))
    if hidden:
        return hidden if isinstance(hidden, Failure) else Failure(Step.CHECK, _named(hidden))

    def guarded() -> Candidate:
        body = domain.body(task, plan)
        slots = domain.to_setpoints(body, "", made.request.at)
        known = of.detail.get("orders", {}) if of else None
        verdict = guard(slots, context.territory.points, made.span, domain.name, known)
        if verdict.problems:
            raise ConsigneError(str(verdict))
        against = {order: len(points) for order, points in verdict.orders.items()}
        return Candidate(plan, body, len(slots), against, of.id if of else "", _unkept(plan, verdict.orders))

    return _attempt(Step.GUARD, guarded)


def _unkept(plan: Plan, orders: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Of the points of which each order forbids what is asked, those of which the plan says itself that it passes their
    ceiling.
    """
    told = {one.object for one in plan.violations if one.constraint == "ceiling"}
    found = {order: [point for point in points if point.partition("/")[0] in told] for order, points in orders.items()}
    return {order: points for order, points in found.items() if points}


@traced("check")
def _hidden(domain: Domain, task: Any, plan: Plan) -> list[str]:
    """What an independent check finds broken and the plan does not say, or broken by more than it says."""
    owned = {(v.constraint, v.object): v.amount for v in plan.violations}
    found = solving.optimizer_of(domain.optimizer).check(task.problem, plan)
    # An amount may be NaN, which is not within anything.
    return [str(v) for v in found if not v.amount <= owned.get((v.constraint, v.object), 0.0) * (1 + _ROUNDING)]


def _named(hidden: list[str]) -> str:
    more = f" and {len(hidden) - 3} more" if len(hidden) > 3 else ""
    return f"the plan breaks what it does not own up to: {'; '.join(hidden[:3])}{more}"


def _fall_back(context: Context, domain: Domain, made: MadePlan, task: Any, first: Failure) -> MadePlan:
    """The newest plan that is valid today: put on today's span, it passes today's check and guard."""
    told: Failure | None = None
    last = _last_plans(context, domain, made.span[0])
    for record in last:
        found = _shifted(context, domain, made, task, record)
        if isinstance(found, Candidate):
            return dataclasses.replace(made, origin=PlanOrigin.SHIFTED, candidate=found, failures=(first,))
        more = f" (and {len(last) - 1} before it)" if len(last) > 1 else ""
        told = told or Failure(Step.SHIFT, f"{record.id}{more}: {found.what}")
    none = Failure(Step.SHIFT, f"no plan of the last {_SHIFTABLE.days} days to shift")
    return _without_plan(context, domain, made, (first, told or none))


def _shifted(
    context: Context, domain: Domain, made: MadePlan, task: Any, record: PlanRecord
) -> Candidate | Failure:  # fmt: skip
    with context.store.read() as unit:
        found = unit.plans.get(record.id)
    body = found[1] if found else b""
    plan = _attempt(Step.SHIFT, lambda: domain.shift(task, body))
    return plan if isinstance(plan, Failure) else _judged(context, domain, made, task, plan, record)


def _last_plans(context: Context, domain: Domain, start: datetime) -> list[PlanRecord]:
    """Plans that a solver made and that were put in force, the newest one of each span, the newest span first."""
    with context.store.read() as unit:
        records = [record for record in unit.plans.list(domain.name, _LOOKED_AT) if _valid(record, start)]
    newest = {record.start: record for record in reversed(records)}
    return [newest[span] for span in sorted(newest, reverse=True)]


def _valid(record: PlanRecord, start: datetime) -> bool:
    solved = record.origin is PlanOrigin.SOLVED and record.state is PlanState.IN_FORCE
    return solved and start - _SHIFTABLE <= record.start <= start


def _without_plan(context: Context, domain: Domain, made: MadePlan, failures: tuple[Failure, ...]) -> MadePlan:
    """What the domain does without a plan, checked like one."""
    request = made.request

    def rules_only() -> tuple[Any, Any]:
        with context.store.read() as unit:
            return domain.rules_only(unit, context.territory, request.at, context.settings, request.ahead)

    pair = _attempt(Step.RULES_ONLY, rules_only)
    found = pair if isinstance(pair, Failure) else _judged(context, domain, made, *pair)
    if isinstance(found, Failure):
        last = Failure(Step.RULES_ONLY, found.what)
        return dataclasses.replace(made, origin=PlanOrigin.RULES_ONLY, failures=(*failures, last))
    return dataclasses.replace(made, origin=PlanOrigin.RULES_ONLY, candidate=found, failures=failures)
