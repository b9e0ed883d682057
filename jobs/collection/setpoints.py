"""From the body of a day's plan to a program for each truck, of the stops it serves, and for each lid with a motor."""

from datetime import datetime
from itertools import pairwise

from engine.model import Level, Program, Slot
from jobs.collection.body import Body, Numbered, open_body
from jobs.collection.lids import lids_of
from jobs.collection.saying import truck_says

SOURCE = "plan:collection"
STOP_NUMBER, LID = "stopNumber", "lidLocked"
_NONE = 0.0


def to_setpoints(block: bytes, version: str, written_at: datetime) -> list[Slot]:
    """One slot for each truck and each lid with a motor, over the whole day. A truck's number is that of the stop that
    it drives to or serves; 0 in the depot, on the way back, while it unloads and rests.
    """
    found = open_body(block)
    wanted = {
        f"{truck}/{STOP_NUMBER}": (_program(found, found.days.get(truck, ())), truck_says(found, truck, "en"))
        for truck in found.head["fleet"]
    }
    wanted |= {f"{name}/{LID}": (lid.program, lid.reason["en"]) for name, lid in lids_of(found).items()}
    return [
        Slot(point, Level.DAY_AHEAD_PLAN, SOURCE, program, written_at, version, reason)
        for point, (program, reason) in wanted.items()
    ]


def _program(found: Body, visits: tuple[Numbered, ...]) -> Program:
    """Each number from when the truck has done what was before."""
    steps: dict[datetime, float] = {found.start: _NONE}
    for before, one in pairwise(visits):
        steps[found.instant(before.visit.end_s)] = float(one.number)
    inside = sorted((at, value) for at, value in steps.items() if found.start <= at < found.until)
    whole = Program(tuple(inside), found.until)
    return whole.clip(found.start, found.until) or whole
