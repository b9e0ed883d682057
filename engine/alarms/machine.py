"""The life of an alarm: a pure state machine after ISA-18.2 / IEC 62682.

An alarm's state is what operators see; the facts lie under it: whether the condition stands (`cleared_at` is None),
and, as entries of `detail`, whether it was acknowledged, is shelved, suppressed by design or out of service. One that
is `latched` stays, though its condition is gone, until it has been acknowledged and a person has reset it.
A machine's event that changes nothing is accepted; an operator's is refused, with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from engine.instants import isoformat
from engine.model import Alarm, AlarmState, Priority

LONGEST_SHELVING = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alarm speaks of."""

    rule: str
    asset: str
    zone: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class Raise:
    """The condition has risen."""

    subject: Subject
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clear:
    """The condition has returned to normal."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """An operator has seen it."""

    by: str


@dataclass(frozen=True, slots=True)
class Reset:
    """A person has looked at what was wrong and lets go of the latch."""

    by: str


@dataclass(frozen=True, slots=True)
class Shelve:
    """An operator puts it aside until an instant, at most 7 days away."""

    until: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Unshelve:
    """An operator takes it back before its time."""

    by: str


@dataclass(frozen=True, slots=True)
class Elapse:
    """Time has passed: a shelving that has reached its end is over."""


@dataclass(frozen=True, slots=True)
class Suppress:
    """The design silences it: another alarm explains it."""

    by: str


@dataclass(frozen=True, slots=True)
class Unsuppress:
    """What silenced it is over."""


@dataclass(frozen=True, slots=True)
class TakeOutOfService:
    """Maintenance: the alarm is not to be heard until put back, whether or not its condition stands."""

    subject: Subject
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class ReturnToService:
    """Maintenance is over."""

    by: str


Event = (
    Raise
    | Clear
    | Acknowledge
    | Reset
    | Shelve
    | Unshelve
    | Elapse
    | Suppress
    | Unsuppress
    | TakeOutOfService
    | ReturnToService
)


@dataclass(frozen=True, slots=True)
class Step:
    """The alarm after an event (None where there is none), and why the event was refused, if it was."""

    alarm: Alarm | None
    refusal: str = ""


class _Move(Enum):
    """What the table says where it names no state."""

    KEEP = "the state stays; the facts under it are brought up to date"
    RESUME = "the state that the facts under it call for"


_KEEP, _RESUME = _Move.KEEP, _Move.RESUME
_N, _U, _A = AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED
_R, _S = AlarmState.RTN_UNACKNOWLEDGED, AlarmState.SHELVED
_D, _O = AlarmState.SUPPRESSED_BY_DESIGN, AlarmState.OUT_OF_SERVICE

# Event → state before → state after. A state that is not listed refuses the event.
_TABLE: Mapping[type[Event], Mapping[AlarmState, AlarmState | _Move]] = {
    Raise: {_N: _U, _U: _KEEP, _A: _RESUME, _R: _U, _S: _KEEP, _D: _KEEP, _O: _KEEP},
    Clear: {_N: _KEEP, _U: _R, _A: _RESUME, _R: _KEEP, _S: _KEEP, _D: _RESUME, _O: _KEEP},
    Acknowledge: {_U: _A, _R: _RESUME},
    Reset: {_U: _KEEP, _A: _RESUME, _R: _KEEP},
    Shelve: {_U: _S, _A: _S, _R: _S, _S: _S, _D: _S},
    Unshelve: {_S: _RESUME},
    Elapse: {_N: _KEEP, _U: _KEEP, _A: _KEEP, _R: _KEEP, _S: _KEEP, _D: _KEEP, _O: _KEEP},
    Suppress: {_N: _KEEP, _U: _D, _A: _D, _R: _KEEP, _S: _KEEP, _D: _D, _O: _KEEP},
    Unsuppress: {_N: _KEEP, _U: _KEEP, _A: _KEEP, _R: _KEEP, _S: _KEEP, _D: _RESUME, _O: _KEEP},
    TakeOutOfService: {_N: _O, _U: _O, _A: _O, _R: _O, _S: _O, _D: _O},
    ReturnToService: {_O: _RESUME},
}
_WORDS: Mapping[type[Event], str] = {
    Acknowledge: "be acknowledged",
    Reset: "be reset",
    Shelve: "be shelved",
    Unshelve: "be unshelved",
    TakeOutOfService: "be taken out of service",
    ReturnToService: "be returned to service",
}


def transition(alarm: Alarm | None, event: Event, at: datetime) -> Step:
    """The alarm after an event at `at`. None, or a NORMAL alarm, means that none is active.

    A shelving whose time is over ends before any event is looked at. What becomes active after NORMAL is a new
    occurrence, without an id. A refused event changes nothing else.
    """
    alarm = _unshelved_in_time(alarm, at)
    state = AlarmState.NORMAL if alarm is None else alarm.state
    move = _TABLE[type(event)].get(state)
    refusal = (
        _refusal(alarm, event, at) if move is not None else f"an alarm that is {_named(state)} cannot {_word(event)}"
    )
    if move is None or refusal:
        return Step(alarm, refusal)
    if state is AlarmState.NORMAL:
        return Step(alarm if move is _KEEP else _new(event, at))
    assert alarm is not None  # noqa: S101 - only an alarm is in another state than NORMAL
    return Step(_after(alarm, event, move, at))


def _after(alarm: Alarm, event: Event, move: AlarmState | _Move, at: datetime) -> Alarm:
    noted = _noted(alarm, event, at)
    state = _resumed(noted) if move is _RESUME else alarm.state if move is _KEEP else move
    assert isinstance(state, AlarmState)  # noqa: S101 - both moves were resolved above
    if noted == alarm and state == alarm.state and not isinstance(event, Shelve):
        return alarm
    return replace(noted, state=state, changed_at=max(at, alarm.changed_at))


def _noted(alarm: Alarm, event: Event, at: datetime) -> Alarm:
    """The facts under the state, brought up to date."""
    match event:
        case Raise():
            return _stands_again(alarm, event)
        case Clear():
            return replace(alarm, cleared_at=alarm.cleared_at or at)
        case Suppress() if alarm.cleared_at is not None or "suppressed" in alarm.detail:
            return alarm
    gone, entry = _GONE.get(type(event)), _entry(event, at)
    return replace(alarm, detail={key: fact for key, fact in alarm.detail.items() if key != gone} | entry)


def _stands_again(alarm: Alarm, event: Raise) -> Alarm:
    """Back before it left the operators' sight: the same occurrence, to be acknowledged anew."""
    if alarm.cleared_at is None:
        return alarm
    detail = {key: fact for key, fact in alarm.detail.items() if key != "acknowledged"} | dict(event.detail)
    return replace(alarm, priority=event.subject.priority, cleared_at=None, detail=detail)


_GONE: Mapping[type[Event], str] = {
    Reset: "latched",
    Unshelve: "shelved",
    TakeOutOfService: "shelved",
    Unsuppress: "suppressed",
    ReturnToService: "out_of_service",
}


def _entry(event: Event, at: datetime) -> dict[str, Any]:
    """What an event leaves in an alarm's detail."""
    match event:
        case Acknowledge(by):
            return {"acknowledged": {"by": by, "at": isoformat(at)}}
        case Shelve(until, reason, by):
            return {"shelved": {"until": isoformat(until), "reason": reason, "by": by}}
        case Suppress(by):
            return {"suppressed": {"by": by, "at": isoformat(at)}}
        case TakeOutOfService(_, reason, by):
            return {"out_of_service": {"reason": reason, "by": by, "at": isoformat(at)}}
    return {}


def _resumed(alarm: Alarm) -> AlarmState:
    """The state that the facts call for, of an alarm that is neither shelved nor out of service."""
    gone = alarm.cleared_at is not None
    if gone and not alarm.detail.get("latched"):
        return AlarmState.NORMAL
    if "suppressed" in alarm.detail:
        return AlarmState.SUPPRESSED_BY_DESIGN
    if "acknowledged" in alarm.detail:
        return AlarmState.ACKNOWLEDGED
    return AlarmState.RTN_UNACKNOWLEDGED if gone else AlarmState.UNACKNOWLEDGED


def _new(event: Event, at: datetime) -> Alarm:
    match event:
        case Raise(subject, detail):
            return _first(subject, AlarmState.UNACKNOWLEDGED, at, dict(detail), None)
        case TakeOutOfService(subject):
            return _first(subject, AlarmState.OUT_OF_SERVICE, at, _entry(event, at), at)
        case _:
            raise AssertionError(f"{event} begins no alarm")


def _first(
    subject: Subject, state: AlarmState, at: datetime, detail: Mapping[str, Any], cleared_at: datetime | None
) -> Alarm:
    return Alarm(subject.rule, subject.asset, subject.zone, state, subject.priority, at, at, detail, cleared_at)


def _unshelved_in_time(alarm: Alarm | None, at: datetime) -> Alarm | None:
    if alarm is None or alarm.state is not AlarmState.SHELVED:
        return alarm
    until = datetime.fromisoformat(alarm.detail["shelved"]["until"])
    return alarm if at < until else _after(alarm, Unshelve("clock"), _RESUME, until)


def _refusal(alarm: Alarm | None, event: Event, at: datetime) -> str:
    match event:
        case Shelve(until, _, _) if not at < until <= at + LONGEST_SHELVING:
            return (
                f"a shelving wants an end after now and within {LONGEST_SHELVING.days} days, found {isoformat(until)}"
            )
        case Reset() if alarm is not None and not alarm.detail.get("latched"):
            return "the alarm is not latched: it goes by itself"
        case Reset() if alarm is not None and alarm.cleared_at is None:
            return "its condition still stands"
        case Shelve(_, reason, _) | TakeOutOfService(_, reason, _) if not reason.strip():
            return "a reason is wanted"
        case Raise(subject) | TakeOutOfService(subject) if alarm is not None and alarm.state is not AlarmState.NORMAL:
            if (subject.rule, subject.asset) != (alarm.rule, alarm.asset):
                return f"the alarm speaks of {alarm.rule} on {alarm.asset}, not of {subject.rule} on {subject.asset}"
    return ""


def _named(state: AlarmState) -> str:
    return "not active" if state is AlarmState.NORMAL else state.value.replace("_", " ")


def _word(event: Event) -> str:
    return _WORDS.get(type(event), type(event).__name__.lower())
