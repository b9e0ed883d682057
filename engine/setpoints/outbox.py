"""From a point's priority array to the next command in its outbox, or to none where nothing would change."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from engine.instants import isoformat
from engine.model import Command, CommandState, Program, Slot
from engine.setpoints.arbitration import Resolution, resolve
from engine.setpoints.envelope import Outcome, Verdict, admit
from engine.setpoints.points import PointInfo
from engine.wire import program_to_json

LOST = frozenset(
    {
        CommandState.REJECTED,
        CommandState.EXPIRED,
        CommandState.SUPERSEDED,
        CommandState.CANCELLED,
        CommandState.FAILED,
    }
)
"""States in which a command is over without being in action."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The next command, None where the newest one already does what is wanted; and how that was decided."""

    command: Command | None
    resolution: Resolution
    verdict: Verdict


def settle(point: PointInfo, array: Sequence[Slot], newest: Command | None, now: datetime, until: datetime) -> Settled:
    """Decide what a point is to do over [now, until) and the command that makes it so.

    There is a command only if the admitted program differs from what the newest command makes the equipment do,
    the equipment being back at its safe value after a program ends; settling twice gives one command. The same want
    after a command that came to nothing (LOST) is asked again only once that command's life is over.
    A slot that holds a value which is not finite takes no part, and the verdict says so.
    """
    sound = [slot for slot in array if _finite(slot)]
    resolution = resolve(sound, now, until, point.envelope.safe)
    running = _running(newest, now, point.envelope.safe)
    verdict = admit(
        resolution.program,
        point.envelope,
        in_action=running.value,
        changed_at=running.changed_at,
        switched_at=running.switched_at,
    )
    verdict = _set_aside(verdict, [slot for slot in array if not _finite(slot)])
    program = verdict.program
    if program is None or _done_already(program, newest, now, point.envelope.safe):
        return Settled(None, resolution, verdict)
    seq = newest.seq + 1 if newest else 1
    command = Command(
        id=_key(point.id, seq, program),
        point=point.id,
        gateway=point.gateway,
        seq=seq,
        program=program,
        issued_at=now,
        expires_at=now + point.envelope.time_to_live,
        explanation=_explain(resolution, verdict, running.since(program)),
    )
    return Settled(command, resolution, verdict)


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


def _set_aside(verdict: Verdict, unsound: Sequence[Slot]) -> Verdict:
    if not unsound:
        return verdict
    reasons = sorted(f"level {s.level} {s.source} {s.version} asks what is not finite: set aside" for s in unsound)
    outcome = Outcome.CLAMPED if verdict.outcome is Outcome.ACCEPTED else verdict.outcome
    return replace(verdict, outcome=outcome, reasons=(*verdict.reasons, *reasons))


def _done_already(program: Program, newest: Command | None, now: datetime, safe: float) -> bool:
    if program != _effect(newest, now, program.until, safe):
        return False
    return newest is None or newest.state not in LOST or now < newest.expires_at


def _effect(newest: Command | None, now: datetime, until: datetime, safe: float) -> Program | None:
    """What the equipment does over [now, until) by the newest command: safe before and after its program."""
    if newest is None:
        return Program.constant(safe, now, until)
    steps: list[tuple[datetime, float]] = [(now, safe)] if now < newest.program.start else []
    part = newest.program.clip(now, until)
    if part is not None:
        steps.extend(part.steps)
    if newest.program.start < until and newest.program.until < until:
        steps.append((max(now, newest.program.until), safe))
    return Program(tuple(steps), until).clip(now, until)


@dataclass(frozen=True, slots=True)
class _Running:
    """The value at a point, since when it has been that, and since when it is on or off. None: not known."""

    value: float | None
    changed_at: datetime | None
    switched_at: datetime | None

    def since(self, program: Program) -> dict[str, str | None]:
        """The same two instants for the first value of the program that follows."""
        first = program.steps[0][1]
        changed_at = self.changed_at if first == self.value else program.start
        kept = self.value is not None and bool(first) == bool(self.value)
        switched_at = self.switched_at if kept else program.start
        return {
            "changed_at": isoformat(changed_at) if changed_at else None,
            "switched_at": isoformat(switched_at) if switched_at else None,
        }


def _running(newest: Command | None, now: datetime, safe: float) -> _Running:
    if newest is None:
        return _Running(None, None, None)
    since = newest.explanation.get("since", {})
    changed_at, switched_at = (_instant(since.get(key)) for key in ("changed_at", "switched_at"))
    steps = [step for step in (*newest.program.steps, (newest.program.until, safe)) if step[0] <= now]
    if not steps:
        return _Running(safe, None, None)
    value = steps[0][1]
    for at, following in steps[1:]:
        if following != value:
            changed_at = at
        if bool(following) != bool(value):
            switched_at = at
        value = following
    return _Running(value, changed_at, switched_at)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _key(point: str, seq: int, program: Program) -> str:
    """Idempotency key: the same order to the same point is the same command, whoever builds it."""
    return hashlib.sha256(orjson.dumps([point, seq, program_to_json(program)])).hexdigest()


def _explain(resolution: Resolution, verdict: Verdict, since: Mapping[str, str | None]) -> dict[str, Any]:
    # Wants are listed once and pieces point at them: a day's plan has a hundred pieces and few wants.
    wants: dict[int, int] = {}
    listed: list[dict[str, Any]] = []

    def index(slot: Slot) -> int:
        if id(slot) not in wants:
            wants[id(slot)] = len(listed)
            listed.append(_want(slot))
        return wants[id(slot)]

    pieces = [
        [
            isoformat(piece.start_at),
            isoformat(piece.until_at),
            piece.value,
            None if piece.winner is None else index(piece.winner),
            [index(slot) for slot in piece.losers],
        ]
        for piece in resolution.pieces
    ]
    return {
        "wants": listed,
        "pieces": pieces,
        "verdict": {"outcome": verdict.outcome.value, "reasons": list(verdict.reasons)},
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
