"""What people do to alarms and work orders: each act with its audit line, all of a request or nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine.alarms import Elapse, Event, Subject, TakeOutOfService, current, move
from engine.errors import InputError, Problem
from engine.model import Alarm, AlarmState, Priority
from engine.rulebook import Rulebook
from engine.rulebook.naming import nearest
from engine.rulebook.roster import Roster
from engine.setpoints.desk import RULE as NOT_APPLIED
from engine.store import Store, Unit
from engine.store.audit import PERSON
from engine.store.workorders import WorkOrder
from jobs.bootstrap import Territory

PRIORITIES = tuple(Priority)
WANTS_EYES = (AlarmState.UNACKNOWLEDGED, AlarmState.RTN_UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
"""The states an operator has something to do about; the others are put aside."""


def respond_by(alarm: Alarm) -> datetime | None:
    """Until when somebody is to have answered; None where its source names no time, or nothing is left to answer."""
    within_s = alarm.detail.get("respond_within_s")
    if within_s is None or alarm.state is not AlarmState.UNACKNOWLEDGED:
        return None
    return alarm.raised_at + timedelta(seconds=float(within_s))


def by_urgency(alarms: Iterable[Alarm]) -> list[Alarm]:
    """The most urgent first; of one priority the unacknowledged first, then the oldest."""
    rank = {state: number for number, state in enumerate(WANTS_EYES)}
    return sorted(alarms, key=lambda a: (PRIORITIES.index(a.priority), rank.get(a.state, len(rank)), a.raised_at))


def act(store: Store, ids: Sequence[int], event: Event, by: str, at: datetime) -> list[Alarm]:
    """One act of a person on each of these. Raises InputError with every one that refuses it; then none has moved."""
    with store.begin() as unit:
        return _each(unit, [_known(unit, one) for one in dict.fromkeys(ids)], event, by, at)


def act_on_rule(store: Store, rule: str, event: Event, by: str, at: datetime) -> list[Alarm]:
    """The same on every alarm of a rule that wants to be acknowledged."""
    with store.begin() as unit:
        states = {AlarmState.UNACKNOWLEDGED, AlarmState.RTN_UNACKNOWLEDGED}
        found = [alarm for alarm in unit.alarms.active() if alarm.rule == rule and alarm.state in states]
        return _each(unit, found, event, by, at)


def take_out_of_service(
    store: Store, book: Rulebook, territory: Territory, rule: str, asset: str, reason: str, by: str, at: datetime
) -> Alarm:  # fmt: skip
    """Whether or not it stands. Raises InputError for a rule that raises no alarm, or does not speak of the asset."""
    with store.begin() as unit:
        alarm = current(unit.alarms, rule, asset)
        subject = _subject_of(alarm) if alarm else _named(book, territory, rule, asset)
        return _one(unit, rule, asset, TakeOutOfService(subject, reason, by), by, at, alarm)


def act_on_subject(store: Store, rule: str, asset: str, event: Event, by: str, at: datetime) -> Alarm:
    """An act on the active alarm of a rule and an asset."""
    with store.begin() as unit:
        return _one(unit, rule, asset, event, by, at, current(unit.alarms, rule, asset))


def end_shelvings(unit: Unit, now: datetime) -> int:
    """Bring back what was shelved until now or earlier. Returns how many."""
    over = [alarm for alarm in unit.alarms.active() if shelving_over(alarm, now)]
    for alarm in over:
        move(unit.alarms, alarm.rule, alarm.asset, [Elapse()], now, alarm)
    return len(over)


def shelving_over(alarm: Alarm, now: datetime) -> bool:
    """Whether it is shelved still, though its time is over."""
    return alarm.state is AlarmState.SHELVED and datetime.fromisoformat(alarm.detail["shelved"]["until"]) <= now


def close_order(store: Store, number: int, note: str, by: str, at: datetime) -> WorkOrder:
    """Raises InputError where there is none, or it was closed before."""
    with store.begin() as unit:
        order = unit.workorders.get(number)
        if order is None or not unit.workorders.close(number, at, by, note):
            what = "is no work order" if order is None else "was closed before"
            raise InputError([Problem(str(number), 0, 0, what, "see consigne workorder list")])
        body = {"rule": order.rule, "asset": order.asset}
        unit.audit.append(f"{PERSON}{by}", "close", f"workorder/{number}", body, at)
        return order


def _each(unit: Unit, alarms: Sequence[Alarm | Problem], event: Event, by: str, at: datetime) -> list[Alarm]:
    problems = [found for found in alarms if isinstance(found, Problem)]
    done: list[Alarm] = []
    for alarm in alarms:
        if isinstance(alarm, Alarm):
            try:
                done.append(_one(unit, alarm.rule, alarm.asset, event, by, at, alarm))
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)
    return done


def _one(unit: Unit, rule: str, asset: str, event: Event, by: str, at: datetime, alarm: Alarm | None) -> Alarm:
    moved = move(unit.alarms, rule, asset, [event], at, alarm)
    after, refusal = moved.after, moved.refusal
    if alarm is not None and (moved.before is None or moved.before.id != alarm.id):
        refusal = "is over"  # meanwhile, and what is active now is not what the person has seen
    if refusal or after is None:
        name = f"{rule} {asset}" if alarm is None else f"alarm {alarm.id} ({rule} {asset})"
        raise InputError([Problem(name, 0, 0, refusal or "is not active", "see consigne alarm list")])
    body: dict[str, Any] = {"rule": rule, "asset": asset, "state": after.state.value}
    unit.audit.append(f"{PERSON}{by}", type(event).__name__.lower(), f"alarm/{after.id}", body, at)
    return after


def _known(unit: Unit, number: int) -> Alarm | Problem:
    alarm = unit.alarms.get(number)
    if alarm is None:
        return Problem(f"alarm {number}", 0, 0, "is not known", "see consigne alarm list")
    return alarm


def _subject_of(alarm: Alarm) -> Subject:
    return Subject(alarm.rule, alarm.asset, alarm.zone, alarm.priority)


def _named(book: Rulebook, territory: Territory, rule: str, asset: str) -> Subject:
    """What an alarm that has never stood speaks of."""
    if rule == NOT_APPLIED and asset in territory.by_id:
        return Subject(rule, asset, territory.by_id[asset].zone, Priority.HIGH)
    effect = book.rule(rule).definition.then.alarm if rule in book.by_id else None
    if effect is None:
        raising = [one.id for one in book.rules if one.definition.then.alarm]
        raise InputError([Problem(rule, 0, 0, "is no rule that raises an alarm", nearest(rule, raising))])
    roster = Roster(book, territory.assets, territory.communes)
    subjects = {found.id: found for found in roster.subjects_of(rule)}
    if asset not in subjects:
        raise InputError([Problem(asset, 0, 0, f"is not a subject of {rule}", nearest(asset, subjects))])
    return Subject(rule, asset, subjects[asset].zone, effect.priority)
