"""The safe value after a command that failed: better a known state than an unknown one."""

import hashlib
from datetime import datetime
from typing import Any

from engine.instants import isoformat
from engine.model import Command, Level, Program
from engine.setpoints.points import PointInfo

FALLBACK = "fallback"
"""The entry of a command's explanation that names the failed one it follows."""


def safe_command(failed: Command, point: PointInfo, now: datetime) -> Command | None:
    """The command that brings a point to its safe value. None where that is all the failed one asked already, so that
    a safe command which fails is followed by no other."""
    safe = point.envelope.safe
    if all(value == safe for _, value in failed.program.steps):
        return None
    until = max(failed.program.until, now + point.envelope.time_to_live)
    return Command(
        id=hashlib.sha256(f"{FALLBACK} {failed.id}".encode()).hexdigest(),
        point=failed.point,
        gateway=failed.gateway,
        seq=failed.seq + 1,
        program=Program.constant(safe, now, until),
        issued_at=now,
        expires_at=now + point.envelope.time_to_live,
        explanation=_explain(failed, safe, now, until),
        level=Level.SAFE_DEFAULT,
        supersedes=failed.id,
        urgent=True,
    )


def _explain(failed: Command, safe: float, now: datetime, until: datetime) -> dict[str, Any]:
    """As `outbox` explains a command: nobody wants this, so it is the safe default."""
    reason = f"the command before it failed: {failed.id}"
    return {
        FALLBACK: failed.id,
        "wants": [],
        "pieces": [[isoformat(now), isoformat(until), safe, None, []]],
        "verdict": {"outcome": "accepted", "reasons": [reason], "clauses": [FALLBACK]},
        "since": {"changed_at": isoformat(now), "switched_at": isoformat(now)},
    }
