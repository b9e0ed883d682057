"""Large batches on their way: tended by how their commands fare, decided by a second person."""

from collections.abc import Mapping
from datetime import datetime

from engine.alarms import Clear, current, move
from engine.errors import InputError, Problem
from engine.model import CommandState
from engine.setpoints.batches import Act, Batch, Step, advance, approve, refuse
from engine.store import Store, Unit
from jobs.bootstrap import Territory
from jobs.settling import settle_points
from jobs.weighing import ALARMS, sound

_ENDS = {
    Act.CANCEL: CommandState.CANCELLED,
    Act.EXPIRE: CommandState.EXPIRED,
    Act.REJECT: CommandState.REJECTED,
}


def tend_batches(store: Store, territory: Territory, now: datetime) -> int:
    """Move on every batch that goes on, each by how its commands fare. Returns how many changed."""
    with store.read() as unit:
        if not unit.batches.going_on():
            return 0
    changed = 0
    with store.begin() as unit:
        for batch in unit.batches.going_on(ours=True):
            step = advance(batch, *unit.batches.tallies(batch.id), now)
            if step.batch != batch:
                _apply(unit, territory, batch, step, now, "batches", {"why": step.why})
                changed += 1
    return changed


def decide(unit: Unit, territory: Territory, batch: str, by: str, now: datetime, refusal: str | None = None) -> Batch:
    """A second person (`person:ACCOUNT`) approves a batch, or refuses it for a reason.

    Raises InputError for an unknown batch, Conflict for the person who made it and for a batch that does not wait.
    """
    found = unit.batches.get(batch, ours=True)
    if found is None:
        raise InputError([Problem(batch, 0, 0, "is not a batch", "see consigne approval list")])
    step = approve(found, by, now) if refusal is None else refuse(found, by, refusal, now)
    said = {} if refusal is None else {"reason": refusal}
    _apply(unit, territory, found, step, now, by, said)
    return step.batch


def _apply(
    unit: Unit, territory: Territory, before: Batch, step: Step, now: datetime, actor: str, said: Mapping[str, str]
) -> None:
    """Write a step down with what follows from it: commands sent on or ended, alarms, a line of audit."""
    batch = step.batch
    unit.batches.save(batch)
    touched = 0
    if step.act in {Act.SEND_CANARY, Act.SEND_REST}:
        touched = _release(unit, territory, step, now)
    elif step.act in _ENDS:
        touched = unit.batches.end_queued(batch.id, _ENDS[step.act], now, step.why)
    changed = batch.state is not before.state
    if changed:
        states = {"from": before.state.value, "to": batch.state.value}
        body = {**states, "made_by": batch.made_by, "act": step.act.value, "commands": touched, **said}
        unit.audit.append(actor, "batch", batch.id, body, now)
    if before.state in ALARMS and (changed or batch.ended_at is not None):
        rule = ALARMS[before.state]
        move(unit.alarms, rule, batch.id, [Clear()], now, current(unit.alarms, rule, batch.id))
    if changed:
        sound(unit, batch, step.why, now)


def _release(unit: Unit, territory: Territory, step: Step, now: datetime) -> int:
    """Send what waited. An override reaches no further than the dead man lets it: it is settled as of now first."""
    batch, first = step.batch, step.act is Act.SEND_CANARY
    overrides = unit.batches.overrides(batch.id, canary_only=first)
    renewed = settle_points(unit, territory, overrides, now, batch.made_by, under=batch.id) if overrides else 0
    return renewed + unit.batches.release(batch.id, now, step.why, canary_only=first)
