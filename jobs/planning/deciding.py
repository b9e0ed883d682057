"""Proposed plans: a person approves or refuses one, and the guard looks again before anything is asked."""

from datetime import datetime

from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import PlanRecord, PlanState
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.planning.committing import PROPOSED, clear, put_in_force
from jobs.planning.domain import Domain
from jobs.planning.guarding import guard
from jobs.planning.making import slots_of


def approve(
    unit: Unit, territory: Territory, domain: Domain, plan: str, by: str, now: datetime
) -> tuple[int, int]:  # fmt: skip
    """Put a proposed plan in force. `by` is `person:ACCOUNT`. Returns how many points and commands.

    Raises InputError for one that is not proposed, whose span is over, that a newer plan has overtaken, or that the
    guard refuses as things are now.
    """
    record, body = _proposed(unit, plan)
    problems = [Problem(plan, 0, 0, what, "have it planned again") for what in _against(unit, record, now)]
    slots = slots_of(domain, record.origin, body, record.id, now)
    verdict = guard(slots, territory.points, (record.start, record.until), domain.name, record.detail.get("orders"))
    problems += [Problem(plan, 0, 0, what, "have it planned again") for what in verdict.problems]
    if problems:
        raise InputError(problems)
    unit.plans.decide(plan, PlanState.IN_FORCE, now, by)
    points, commands = put_in_force(unit, territory, domain, record, body, now, by)
    unit.audit.append(by, "approve", f"plan/{plan}", {"points": points, "commands": commands}, now)
    return points, commands


def refuse(unit: Unit, plan: str, reason: str, by: str, now: datetime) -> PlanRecord:
    """Nothing of it is asked. Raises InputError for one that is not proposed, or without a reason."""
    if not reason.strip():
        raise InputError([Problem("--reason", 0, 0, "is empty", "say why: others will read it")])
    record, _ = _proposed(unit, plan)
    unit.plans.decide(plan, PlanState.REFUSED, now, by)
    unit.audit.append(by, "refuse", f"plan/{plan}", {"reason": reason}, now)
    others = (one for one in unit.plans.list(record.domain, 100) if one.state is PlanState.PROPOSED)
    if not any(one.until > now for one in others):
        clear(unit, record.domain, PROPOSED, now)
    return record


def _proposed(unit: Unit, plan: str) -> tuple[PlanRecord, bytes]:
    found = unit.plans.get(plan)
    if found is None:
        raise InputError([Problem(plan, 0, 0, "is not a plan", "see consigne plan list")])
    record = found[0]
    if record.state is not PlanState.PROPOSED:
        by = f" by {record.decided_by}" if record.decided_by else ""
        what = f"waits for nobody: it is {record.state.value.replace('_', ' ')}{by}"
        raise InputError([Problem(plan, 0, 0, what, "see consigne plan list --state proposed")])
    return found


def _against(unit: Unit, record: PlanRecord, now: datetime) -> list[str]:
    if record.until <= now:
        return [f"its span is over since {isoformat(record.until)}"]
    newer = (one for one in unit.plans.list(record.domain, 100) if one.state is PlanState.IN_FORCE)
    newer = (one for one in newer if one.made_at > record.made_at)
    overtaken = [one.id for one in newer if one.start < record.until and one.until > record.start]
    return [f"a newer plan is in force: {overtaken[0]}"] if overtaken else []
