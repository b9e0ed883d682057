"""Committing what a planning run came to: the record, its slots, the alarms that tell of a fall-back, the report."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from engine.alarms import Clear, Event, Raise, Subject, current, move
from engine.errors import ConsigneError
from engine.instants import isoformat
from engine.model import PlanOrigin, PlanRecord, PlanState, Priority, Program
from engine.settings import Settings
from engine.store import Store, Unit
from engine.store.ledger import RunReport, RunState
from jobs import metrics
from jobs.bootstrap import Territory
from jobs.compute import Compute, Inline
from jobs.compute.same_code import versions
from jobs.planning.domain import Candidate, Domain, Note, PlanRequest
from jobs.planning.making import MadePlan, digest_of, make_plan, slots_of
from jobs.settling import settle_points
from jobs.tracing import traced
from jobs.words import LANGUAGES, say
from optimizers.result import Status, Violation

CONFLICT = "order-conflict"
"""Alarm of an order that the plan in force does not keep; its asset is the order."""
FALL_BACK, FAILED, PROPOSED = "plan-fallback", "plan-failed", "plan-proposed"
"""Alarms of a domain, which is their asset: a fall-back is in force; there is nothing new at all; a person decides."""
_URGENT = {
    FALL_BACK: {PlanOrigin.SHIFTED: Priority.LOW, PlanOrigin.RULES_ONLY: Priority.MEDIUM},
    FAILED: dict.fromkeys(PlanOrigin, Priority.HIGH),
    PROPOSED: dict.fromkeys(PlanOrigin, Priority.LOW),
}


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What was committed: the plan, of how many points it speaks, how many commands it put into the outbox."""

    record: PlanRecord
    points: int
    commands: int
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class _World:
    """A `Context` of its parts."""

    settings: Settings
    store: Store
    territory: Territory
    compute: Compute


def run_plan(
    store: Store, territory: Territory, domain: Domain, now: datetime, settings: Settings,
    request: PlanRequest | None = None, compute: Compute | None = None,
) -> PlanResult:  # fmt: skip
    """Make and commit the plan of the span that holds `now`, or a fall-back, outside the schedule.

    Raises ConsigneError where not even a fall-back could be committed: the alarm of that is.
    """
    context = _World(settings, store, territory, compute or Inline())
    made = make_plan(context, domain, request or PlanRequest(now))
    with store.begin() as unit:
        past = overtaken(unit, domain, made, now)
        result = commit_plan(unit, territory, domain, made, now)
    if result is None:
        why = report_of(made, None, past).error
        raise ConsigneError(f"{domain.name}: no plan and no fall-back to commit ({why}); what is in force stays")
    return result


@traced("commit")
def commit_plan(
    unit: Unit, territory: Territory, domain: Domain, made: MadePlan, now: datetime
) -> PlanResult | None:  # fmt: skip
    """Write the plan, its slots, what their equipment does not do yet, and the alarms. `now` is when it is issued.

    None, and nothing but an alarm, where there is nothing to commit; None without one where its span is over, a plan
    that knows more of that span is in force, or nothing was to be planned.
    """
    if made.unchanged or overtaken(unit, domain, made, now):
        return None
    candidate = made.candidate
    if candidate is None:
        _tell(unit, domain, made, FAILED, {}, now)
        metrics.count_fallback(domain.name, "failed")
        return None
    record = _record(domain, made, candidate, now)
    unit.plans.save(record, candidate.body, made.problem)
    told = {"plan": record.id, "of": candidate.of}
    _tell_conflicts(unit, domain, candidate.body, record, now)
    _tell_origin(unit, domain, made, told, now)
    if record.origin is not PlanOrigin.SOLVED:
        metrics.count_fallback(domain.name, record.origin.value)
    if made.request.propose:
        _tell(unit, domain, made, PROPOSED, told, now)
        unit.audit.append(f"plan:{domain.name}", "propose", record.id, {"status": record.status}, now)
        return PlanResult(record, candidate.points, 0, tuple(candidate.plan.violations))
    points, commands = put_in_force(unit, territory, domain, record, candidate.body, now, f"plan:{domain.name}")
    outcome = {"status": record.status, "points": points, "commands": commands, "objective": record.objective}
    unit.audit.append(f"plan:{domain.name}", "plan", record.id, outcome | {"origin": record.origin.value}, now)
    return PlanResult(record, points, commands, tuple(candidate.plan.violations))


def put_in_force(
    unit: Unit, territory: Territory, domain: Domain, record: PlanRecord, body: bytes, now: datetime, by: str
) -> tuple[int, int]:
    """Write a plan's slots and settle its points. Returns how many points and commands.

    Of a span that was planned again in part, slots that ask what they asked before stay as they are.
    """
    slots = slots_of(domain, record.origin, body, record.id, now)
    standing = _standing(unit, domain, record, now)
    fresh = [slot for slot in slots if standing.get(slot.point) != slot.program]
    unit.slots.put(fresh)
    commands = settle_points(unit, territory, [slot.point for slot in fresh], now, by)
    clear(unit, domain.name, PROPOSED, now)
    if record.origin is PlanOrigin.SOLVED:
        clear(unit, domain.name, FALL_BACK, now)
    return len(slots), commands


def _standing(unit: Unit, domain: Domain, record: PlanRecord, now: datetime) -> dict[str, Program]:
    """By point, what the plan asks that this one is a part of; nothing where it is a whole one."""
    found = unit.plans.get(record.detail["part"]["of"]) if "part" in record.detail else None
    return {slot.point: slot.program for slot in domain.to_setpoints(found[1], "", now)} if found is not None else {}


def report_of(made: MadePlan, result: PlanResult | None, why: str = "") -> RunReport:
    """What the ledger keeps of a run. `why`: what overtook it, where that is why there is no result."""
    peak = made.solve.peak_bytes if made.solve else None
    status = str(made.solve.value.status) if made.solve and made.solve.value else None
    if made.unchanged:
        return RunReport(RunState.SKIPPED, error=made.unchanged)
    if result is None:
        if made.candidate is not None:
            return RunReport(RunState.SKIPPED, {}, status, None, peak, why)
        late = any(failure.of_time for failure in made.failures)
        return RunReport(RunState.TIMED_OUT if late else RunState.FAILED, {}, status, None, peak, made.why)
    record = result.record
    counts = {
        "plan": record.id,
        "origin": record.origin.value,
        "points": result.points,
        "commands": result.commands,
        "violations": len(result.violations),
    }
    whole = record.origin is PlanOrigin.SOLVED and not result.violations and record.status != Status.TIME_LIMIT
    whole = whole and not record.detail.get("gives_way")
    state = RunState.DONE if whole else RunState.DEGRADED
    return RunReport(state, counts, status, _gap(record), peak, made.why or None)


def clear(unit: Unit, domain: str, rule: str, now: datetime) -> None:
    standing = current(unit.alarms, rule, domain)
    if standing is not None:
        move(unit.alarms, rule, domain, [Clear()], now, standing)


def _gap(record: PlanRecord) -> float | None:
    if math.isnan(record.bound) or math.isnan(record.objective):
        return None
    return abs(record.objective - record.bound) / abs(record.objective) if record.objective else 0.0


def overtaken(unit: Unit, domain: Domain, made: MadePlan, now: datetime) -> str:
    """Why time has gone on past it, as its slots would end those of a plan that knows more; empty where it has not."""
    if made.candidate is None:
        return ""
    if made.span[1] <= now:
        start, until, seen = (isoformat(at) for at in (*made.span, made.request.at))
        return (
            f"seen at {seen} it is of {start} to {until}, which is over → "
            f"consigne run replan-{domain.name} plans what is under way"
        )
    in_force = (r for r in unit.plans.list(domain.name, 100) if r.state is PlanState.IN_FORCE)
    later = next((record.id for record in in_force if _knows_more(record, made)), "")
    seen = isoformat(made.request.at)
    return f"it is seen at {seen}, and {later}, which was seen later, is in force" if later else ""


def _knows_more(record: PlanRecord, made: MadePlan) -> bool:
    """The same span seen at a later instant, unless that is a fall-back and this is a plan."""
    if record.start != made.span[0]:
        return False
    seen_at = datetime.fromisoformat(record.detail.get("at", isoformat(record.made_at)))
    better = made.origin is PlanOrigin.SOLVED and record.origin is not PlanOrigin.SOLVED
    return seen_at > made.request.at and not better


def _record(domain: Domain, made: MadePlan, candidate: Candidate, now: datetime) -> PlanRecord:
    plan, digest = candidate.plan, made.inputs_digest
    mark = hashlib.sha256(f"{digest}{made.origin}{made.request.propose}".encode() + candidate.body).hexdigest()
    return PlanRecord(
        id=f"{domain.name}-{isoformat(now)}-{mark[:8]}",
        domain=domain.name,
        made_at=now,
        start=made.span[0],
        until=made.span[1],
        status=str(plan.status),
        objective=plan.objective,
        bound=plan.bound,
        solver=plan.solver,
        inputs_digest=digest,
        detail=_detail(made, candidate, domain.notes(candidate.body)),
        state=PlanState.PROPOSED if made.request.propose else PlanState.IN_FORCE,
        origin=made.origin,
    )


def _detail(made: MadePlan, candidate: Candidate, notes: Sequence[Note]) -> dict[str, Any]:
    plan, solve = candidate.plan, made.solve
    detail: dict[str, Any] = {
        "at": isoformat(made.request.at),
        "optimizer": made.optimizer,
        "ahead_s": made.request.ahead.total_seconds(),
        "limits": asdict(made.request.limits),
        "memory_bytes": made.request.memory_bytes,
        "reproducible": made.reproducible,
        "plan_digest": digest_of(plan),
        "code": versions(),
        "points": candidate.points,
        "violations": [[v.constraint, v.object, v.amount, v.unit] for v in plan.violations],
        "reasons": list(plan.reasons),
        "orders": candidate.orders,
    }
    if made.request.asked:
        detail["asked"] = made.request.asked
    if notes:
        detail["notes"] = [dict(note.text) for note in notes]
        detail["gives_way"] = any(note.gives_way for note in notes)
    if unit := getattr(plan, "unit", ""):
        detail["unit"] = unit
    if candidate.unkept:
        detail["unkept"] = candidate.unkept
    if solve is not None:
        detail["solve"] = {"worker": solve.worker, "seconds": round(solve.seconds, 3), "attempts": solve.attempts}
    if made.failures:
        detail["why"] = [[failure.step.value, failure.what] for failure in made.failures]
    if made.part is not None:
        detail["part"] = {"of": made.part.of, "named": list(made.part.named)}
    if candidate.of:
        detail["of"] = candidate.of
    return detail


def _tell_origin(unit: Unit, domain: Domain, made: MadePlan, told: Mapping[str, Any], now: datetime) -> None:
    clear(unit, domain.name, FAILED, now)
    if made.origin is not PlanOrigin.SOLVED:
        _tell(unit, domain, made, FALL_BACK, told, now)


def _tell_conflicts(unit: Unit, domain: Domain, body: bytes, record: PlanRecord, now: datetime) -> None:
    """Raise the alarm of each order that the plan does not keep, once while it stands; end those that it keeps."""
    found = {conflict.order: conflict for conflict in domain.conflicts(body)}
    facts = {"domain": domain.name, "plan": record.id, "start": isoformat(record.start)}
    for order, conflict in found.items():
        standing = current(unit.alarms, CONFLICT, order)
        if standing is None or standing.cleared_at is not None:
            subject = Subject(CONFLICT, order, "", Priority.HIGH)
            move(unit.alarms, CONFLICT, order, [Raise(subject, {**conflict.detail, **facts})], now, standing)
    for alarm in unit.alarms.of_rule(CONFLICT):
        if alarm.cleared_at is None and alarm.asset not in found and alarm.detail.get("domain") == domain.name:
            move(unit.alarms, CONFLICT, alarm.asset, [Clear()], now, alarm)


def _tell(unit: Unit, domain: Domain, made: MadePlan, rule: str, told: Mapping[str, Any], now: datetime) -> None:
    """Raise the alarm, anew where it stands already: each run that fails is one to be told of."""
    subject = Subject(rule, domain.name, "", _URGENT[rule][made.origin])
    facts = {"domain": domain.name, "start": isoformat(made.span[0]), **told}
    words = {"origin": made.origin.value, "plan": "", "of": "", **facts}
    name = f"{rule}-{made.origin.value}" if rule == FALL_BACK else rule
    detail = {
        **facts,
        "origin": made.origin.value,
        "about": {lang: say(f"{name}-about", lang, **words) for lang in LANGUAGES},
        "action": {lang: say(f"{rule}-action", lang, **words) for lang in LANGUAGES},
        "why": made.why,
    }
    standing = current(unit.alarms, rule, domain.name)
    events: list[Event] = [*([Clear()] if standing else []), Raise(subject, detail)]
    move(unit.alarms, rule, domain.name, events, now, standing)
