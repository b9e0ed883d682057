"""From a point's priority array to the next command in its outbox, or to none where nothing would change."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from engine.instants import isoformat
from engine.model import Command, CommandState, Level, Program, Slot
from engine.setpoints.arbitration import Piece, Resolution
from engine.setpoints.conditions import NOTHING_KNOWN, Conditions
from engine.setpoints.courses import IN_ACTION
from engine.setpoints.envelope import Change, Outcome, Running, Verdict, admit
from engine.setpoints.points import PointInfo
from engine.setpoints.wanted import UNBOUND, Wanted, kept, want
from engine.wire import program_to_json

LOST = frozenset({CommandState.REJECTED, CommandState.EXPIRED, CommandState.SUPERSEDED, CommandState.FAILED})
"""States in which a command is over without being in action, and is not to be asked again at once."""

_HOUR = timedelta(hours=1)
_RENEWALS = 3
"""An override is renewed each third of the time that equipment follows it without us."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The next command, None where the newest one already does what is wanted or nothing may be sent (`blocked`).

    `renew_at`: when to settle the point again whatever happens; None: not before somebody wants something else.
    """

    command: Command | None
    resolution: Resolution
    verdict: Verdict
    renew_at: datetime | None = None
    blocked: str = ""


def settle(
    point: PointInfo,
    array: Sequence[Slot],
    newest: Command | None,
    now: datetime,
    until: datetime,
    conditions: Conditions = NOTHING_KNOWN,
    first: int = 1,
) -> Settled:
    """Decide what a point is to do over [now, until) and the command that makes it so.

    There is a command only if the admitted program differs from what the newest command makes the equipment do,
    the equipment being back at its safe value after a program ends; settling twice gives one command. The same want
    after a command that came to nothing (LOST) is asked again only once that command's life is over.
    A slot that holds a value which is not finite takes no part, and the verdict says so. `first` is the lowest
    sequence that may be given (see `engine.model.sequence`).
    """
    sound = [slot for slot in array if _finite(slot)]
    wanted = _anchored(point, sound, newest, now, until, conditions)
    if not wanted.pieces and newest is not None and newest.state in IN_ACTION and not conditions.locked_out(point):
        wanted = kept(point, newest.program, wanted, now, until, conditions)
    asked = wanted.program
    if asked is None:
        return Settled(None, wanted.resolution, Verdict(Outcome.REFUSED, None), blocked=wanted.blocked)
    running = _running(point, newest, now)
    verdict = admit(asked, point.envelope, running, free=wanted.unbound)
    verdict = _with(verdict, wanted.changes, [slot for slot in array if not _finite(slot)])
    program, renew_at = _held(point, verdict.program, wanted, now)
    # What equipment was told since by the database that this one was restored in place of, nobody knows.
    sure = newest is None or newest.seq >= first
    if program is None or (sure and _done_already(point, program, newest, now)):
        return Settled(None, wanted.resolution, verdict, renew_at)
    seq = max(newest.seq + 1 if newest else 1, first)
    command = Command(
        id=_key(point.id, seq, program),
        point=point.id,
        gateway=point.gateway,
        seq=seq,
        program=program,
        issued_at=now,
        expires_at=now + point.envelope.time_to_live if point.programs else _expiry(point, program, now),
        explanation=_explain(wanted, verdict, _since(running, program, point.envelope.longest_on)),
        level=_decides(wanted.pieces[0]),
        not_before=now,
        supersedes=newest.id if newest is not None and not newest.state.terminal else None,
        urgent=wanted.forced or _decides(wanted.pieces[0]) in UNBOUND,
        renew_at=renew_at,
    )
    return Settled(command, wanted.resolution, verdict, renew_at)


def _anchored(
    point: PointInfo,
    array: Sequence[Slot],
    newest: Command | None,
    now: datetime,
    until: datetime,
    conditions: Conditions,
) -> Wanted:
    """What is wanted; how far the newest command lets equipment follow an override is not moved on before its time."""
    held_for = point.envelope.held_for
    if newest is not None and newest.renew_at is not None and now < newest.issued_at + held_for / _RENEWALS:
        return want(point, array, now, until, conditions, newest.issued_at + held_for)
    return want(point, array, now, until, conditions)


def _held(
    point: PointInfo, program: Program | None, wanted: Wanted, now: datetime
) -> tuple[Program | None, datetime | None]:
    """The program that the equipment can hold by itself, and when it wants the next."""
    if program is None:
        return None, None
    renew_at = None
    if wanted.renew_from is not None:
        renew_at = max(wanted.renew_from - point.envelope.held_for * (1 - 1 / _RENEWALS), now)
    if point.programs:
        return program, renew_at
    # Equipment that holds one value is told each step when it comes, and its safe value when nobody wants another.
    ends = [at for at, _ in program.steps[1:]] + [program.until]
    program = program.clip(program.start, ends[0])
    if len(ends) == 1 and program is not None and program.steps[0][1] == point.envelope.safe:
        return program, renew_at
    return program, min(filter(None, (renew_at, ends[0])))


def _expiry(point: PointInfo, program: Program, now: datetime) -> datetime:
    """A lone value must not arrive when another is due already."""
    return min(now + point.envelope.time_to_live, program.until)


def _decides(piece: Piece) -> Level:
    return Level.SAFE_DEFAULT if piece.winner is None else piece.winner.level


def because(explanation: Mapping[str, Any], at: datetime) -> dict[str, Any] | None:
    """The piece of a command's explanation that holds at an instant; None outside its program.

    Keys: `start_at`, `until_at`, `value`, `winner` (None: the safe default) and `losers`, best first, each of these
    with `level`, `source`, `version`, `reason`, `written_at`.
    """
    wants = explanation.get("wants", [])
    for start_at, until_at, value, winner, losers in explanation.get("pieces", []):
        if datetime.fromisoformat(start_at) <= at < datetime.fromisoformat(until_at):
            return {
                "start_at": start_at,
                "until_at": until_at,
                "value": value,
                "winner": None if winner is None else wants[winner],
                "losers": [wants[loser] for loser in losers],
            }
    return None


def _finite(slot: Slot) -> bool:
    return all(math.isfinite(value) for _, value in slot.program.steps)


def _with(verdict: Verdict, before: Sequence[Change], unsound: Sequence[Slot]) -> Verdict:
    """The verdict with what came before the envelope, and the slots that were set aside."""
    aside = sorted((_aside(slot) for slot in unsound), key=str)
    if not (before or aside):
        return verdict
    outcome = Outcome.CLAMPED if verdict.outcome is Outcome.ACCEPTED else verdict.outcome
    return replace(verdict, outcome=outcome, changes=(*before, *verdict.changes, *aside))


def _aside(slot: Slot) -> Change:
    text = f"level {slot.level} {slot.source} {slot.version} asks what is not finite: set aside"
    return Change("type", slot.program.start, math.nan, None, text)


def _done_already(point: PointInfo, program: Program, newest: Command | None, now: datetime) -> bool:
    if program != effect(point, newest, now, program.until):
        return False
    if newest is not None and newest.state is CommandState.CANCELLED:
        return False
    return newest is None or newest.state not in LOST or now < newest.expires_at


def effect(point: PointInfo, newest: Command | None, now: datetime, until: datetime) -> Program | None:
    """What the equipment does over [now, until) by its newest command.

    Before a program and after it equipment is at its safe value; where it holds no programs, it keeps the last value.
    """
    safe = point.envelope.safe
    if newest is None:
        return Program.constant(safe, now, until)
    steps: list[tuple[datetime, float]] = [(now, safe)] if now < newest.program.start else []
    part = newest.program.clip(now, until)
    if part is not None:
        steps.extend(part.steps)
    if newest.program.start < until and newest.program.until < until:
        after = safe if point.programs else newest.program.steps[-1][1]
        steps.append((max(now, newest.program.until), after))
    return Program(tuple(steps), until).clip(now, until)


def _running(point: PointInfo, newest: Command | None, now: datetime) -> Running:
    """What the newest command makes of the point by now, and since when."""
    if newest is None:
        return Running()
    since = newest.explanation.get("since", {})
    changed_at, switched_at, spent_at = (_instant(since.get(key)) for key in ("changed_at", "switched_at", "spent_at"))
    recent = [datetime.fromisoformat(at) for at in since.get("recent", ())]
    after = [(newest.program.until, point.envelope.safe)] if point.programs else []
    steps = [step for step in (*newest.program.steps, *after) if step[0] <= now]
    if not steps:
        return Running(point.envelope.safe)
    value = steps[0][1]
    for at, following in steps[1:]:
        if following != value:
            changed_at = at
            recent.append(at)
        if bool(following) != bool(value):
            spent_at = _spent(switched_at, at, point.envelope.longest_on, following) or spent_at
            switched_at = at
        value = following
    return Running(value, changed_at, switched_at, tuple(at for at in recent if at > now - _HOUR), spent_at)


def _spent(on_since: datetime | None, at: datetime, longest: timedelta | None, value: float) -> datetime | None:
    """`at`, where a point goes off then after it has been on for as long as it may."""
    over = not value and on_since is not None and longest is not None and at - on_since >= longest
    return at if over else None


def _since(running: Running, program: Program, longest: timedelta | None) -> dict[str, Any]:
    """Since when the first value of the program that follows holds, and since when it is on or off."""
    first = program.steps[0][1]
    same = first == running.value
    kept = running.value is not None and bool(first) == bool(running.value)
    changed_at = running.changed_at if same else program.start
    switched_at = running.switched_at if kept else program.start
    recent = running.recent if same else (*running.recent, program.start)
    ends_now = _spent(running.switched_at if running.value else None, program.start, longest, first)
    spent_at = ends_now or running.spent_at
    return {
        "changed_at": isoformat(changed_at) if changed_at else None,
        "switched_at": isoformat(switched_at) if switched_at else None,
        "recent": [isoformat(at) for at in recent],
        **({"spent_at": isoformat(spent_at)} if spent_at else {}),
    }


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _key(point: str, seq: int, program: Program) -> str:
    """Idempotency key: the same order to the same point is the same command, whoever builds it."""
    return hashlib.sha256(orjson.dumps([point, seq, program_to_json(program)])).hexdigest()


def _explain(wanted: Wanted, verdict: Verdict, since: Mapping[str, Any]) -> dict[str, Any]:
    # Wants are listed once and pieces point at them: a day's plan has a hundred pieces and few wants.
    wants: dict[int, int] = {}
    listed: list[dict[str, Any]] = []

    def index(slot: Slot) -> int:
        if id(slot) not in wants:
            wants[id(slot)] = len(listed)
            listed.append(_want(slot))
        return wants[id(slot)]

    pieces = [
        (
            isoformat(piece.start_at),
            isoformat(piece.until_at),
            piece.value,
            None if piece.winner is None else index(piece.winner),
            tuple(index(slot) for slot in piece.losers),
        )
        for piece in wanted.pieces
    ]
    return {
        "wants": listed,
        "pieces": pieces,
        "verdict": {
            "outcome": verdict.outcome.value,
            "reasons": list(verdict.reasons),
            "clauses": sorted({change.clause for change in verdict.changes}),
        },
        "since": dict(since),
    }


def _want(slot: Slot) -> dict[str, Any]:
    return {
        "level": int(slot.level),
        "source": slot.source,
        "version": slot.version,
        "reason": slot.reason,
        "written_at": isoformat(slot.written_at),
    }
