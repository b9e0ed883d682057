"""Moving an alarm by the machine where another process may be moving the same one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from engine.alarms.machine import Event, transition
from engine.errors import Conflict
from engine.model import Alarm
from engine.ports import AlarmLog

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Moved:
    """An alarm before and after some events, None where there was none; and why one of them was refused, if it was."""

    before: Alarm | None
    after: Alarm | None
    refusal: str = ""


def move(
    log: AlarmLog, rule: str, asset: str, events: Sequence[Event], at: datetime, known: Alarm | None
) -> Moved:  # fmt: skip
    """Move the alarm of a rule and an asset and save it. `known`: the active one as this transaction read it.

    Where somebody else has raised or changed it since, it is read again, and moved as it is then. Nothing is saved
    that did not change, nor after a refused event. Raises Conflict when others change it again and again.
    """
    for tries in count(1):
        alarm, refusal = known, ""
        for event in events:
            alarm, refusal = (step := transition(alarm, event, at)).alarm, refusal or step.refusal
        if refusal or alarm is None or alarm == known:
            return Moved(known, known if refusal else alarm, refusal)
        try:
            return Moved(known, log.save(alarm, known))
        except Conflict:
            if tries == _TRIES:
                raise
            known = current(log, rule, asset)
    raise AssertionError("unreachable")


def current(log: AlarmLog, rule: str, asset: str) -> Alarm | None:
    """The active alarm of a rule and an asset."""
    return next((alarm for alarm in log.active([asset]) if alarm.rule == rule), None)
