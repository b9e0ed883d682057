"""From the body of a night's plan to one program for each valve.

A network's master valve is left alone: its safe value is open, because a closed one waters nothing that people or rules
ask for meanwhile, and valves close by themselves. Rules close it when it leaks.
"""

from datetime import datetime

from engine.model import Level, Program, Slot
from jobs.irrigation.body import Body, Opening, open_body
from jobs.irrigation.saying import reason_of
from jobs.words import say

SOURCE = "plan:irrigation"
POINT = "opening"
_OPEN, _CLOSED = 1.0, 0.0


def to_setpoints(block: bytes, version: str, written_at: datetime) -> list[Slot]:
    """One slot for each valve, over the whole day from noon to noon: open in its openings, closed before, between and
    after. One that is left out is closed from when the plan was asked, whatever an earlier one wanted of it.
    """
    found = open_body(block)
    openings: dict[str, list[Opening]] = {}
    for opening in found.openings:
        openings.setdefault(opening[0], []).append(opening)
    reasons = {valve: reason_of(found, z, "en") for z, valve in enumerate(found.valves)}
    reasons |= {valve: say("water_left_out", "en", why=why) for valve, why in found.head["left_out"].items()}
    return [
        Slot(
            f"{valve}/{POINT}",
            Level.DAY_AHEAD_PLAN,
            SOURCE,
            _program(found, openings.get(valve, [])),
            written_at,
            version,
            reason,
        )
        for valve, reason in reasons.items()
    ]


def _program(found: Body, openings: list[Opening]) -> Program:
    """Openings that touch are one."""
    steps = {found.start: _CLOSED}
    for _, start, end in openings:
        steps[start] = _OPEN
        steps[end] = _CLOSED
    whole = Program(tuple(sorted((at, value) for at, value in steps.items() if at < found.until)), found.until)
    return whole.clip(found.start, found.until) or whole
