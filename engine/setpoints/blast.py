"""Blast radius: how much a batch of commands moves, and whether it may go at once.

Moves to the safe value or along the safe direction, and what levels 1 to 5 decide, are never held.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil

from engine.model import Command, Level
from engine.setpoints.courses import Course, Deed, moved, never_below
from engine.setpoints.limits import Bounds, Limit
from engine.setpoints.points import PointInfo


class Verdict(StrEnum):
    """What becomes of a batch."""

    FREE = "free"
    CANARY = "canary"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Move:
    """By how much a command moves its point: share (0…1) of the point's range, and of its load in its own unit.

    `known`: the point was commanded before, so that there is something to compare with.
    """

    command: Command
    share: float
    load: float
    known: bool = True


@dataclass(frozen=True, slots=True)
class Weight:
    """A batch weighed: points that count as moved, their share (0…1) of the domain, the load moved, and the verdict.

    `over`: the bounds it is above, in words.
    """

    verdict: Verdict
    points: int
    share: float
    load: float
    over: tuple[str, ...] = ()


def is_urgent(command: Command, point: PointInfo, last: Deed | None, now: datetime, *, sure: bool = True) -> bool:
    """Whether a command is never held, and goes before all others (see `is_safe_move`)."""
    return _protects(command) or is_safe_move(command, point, last, now, sure=sure)


def is_safe_move(command: Command, point: PointInfo, last: Deed | None, now: datetime, *, sure: bool = True) -> bool:
    """Whether a program is at every instant at the safe value, or along the safe direction from what is in action.

    `last`: what that is; None: the point was never commanded. Without being `sure` of it, only the ends are safe.
    """
    envelope, program = point.envelope, command.program
    if sure:
        return never_below(program, last, now, envelope.safe, envelope.safe_direction, keeps=not point.programs)
    ends = {1: envelope.maximum, -1: envelope.minimum}
    harmless = {envelope.safe, ends.get(envelope.safe_direction, envelope.safe)}
    return all(value in harmless for _, value in program.steps)


def _protects(command: Command) -> bool:
    """Whether a level 1 to 5 decides any part of a program."""
    if command.level <= Level.PROTECTION:
        return True
    wants = command.explanation.get("wants", ())
    high = {n for n, want in enumerate(wants) if want["level"] <= Level.PROTECTION}
    return bool(high) and any(piece[3] in high for piece in command.explanation["pieces"])


def move_of(command: Command, point: PointInfo, course: Course, now: datetime, *, days: int = 1) -> Move:
    """How far a command moves its point (see `engine.setpoints.courses.moved`). Load is taken to follow the value."""
    envelope = point.envelope
    width = envelope.maximum - envelope.minimum
    share = moved(command.program, course, now, envelope.safe, days=days) / width if width else 0.0
    return Move(command, share, share * point.load, bool(course))


def weigh(moves: Sequence[Move], bounds: Bounds, of: int) -> Weight:
    """Judge the moves of one domain, which has `of` points.

    A point that was never commanded counts for the canary, which shows whether it obeys, and not for the approval,
    which asks whether something unusual is meant. A batch of one is its own canary: it goes.
    """
    points, load = _size(moves, bounds)
    share = points / of
    known, known_load = _size([move for move in moves if move.known], bounds)
    approval = _over(bounds.approval_above, bounds, known, known / of, known_load)
    canary = _over(bounds.canary_above, bounds, points, share, load)
    if approval:
        return Weight(Verdict.APPROVAL, points, share, load, approval)
    verdict = Verdict.CANARY if canary and len(moves) > 1 else Verdict.FREE
    return Weight(verdict, points, share, load, canary)


def is_small(points: int, load: float, bounds: Bounds, of: int) -> bool:
    """Whether so many points with so much load are below every bound, even if each moves by all it can."""
    low, high = bounds.canary_above, bounds.approval_above
    return not any(_over(limit, bounds, points, points / of, load) for limit in (low, high))


def _size(moves: Sequence[Move], bounds: Bounds) -> tuple[int, float]:
    return sum(move.share >= bounds.counts_from for move in moves), sum(move.load for move in moves)


def _over(limit: Limit, bounds: Bounds, points: int, share: float, load: float) -> tuple[str, ...]:
    over = []
    if points >= bounds.few and share > limit.share:
        over.append(f"{points} points are {share:.1%} of the domain, above {limit.share:.0%}")
    if limit.load is not None and load > limit.load.amount:
        over.append(f"{load:.0f} {limit.load.unit} is above {limit.load}")
    return tuple(over)


def choose_canary(
    commands: Sequence[Command], share: float, gateway_of: Callable[[str], str], sound: Callable[[str], bool]
) -> frozenset[str]:
    """The ids of those that go first: `share` of them and at least one, the same for the same commands.

    Taken in turn from all gateways, by id, which is a hash; points that are `sound`, having obeyed last, before others:
    a lamp known to be broken says nothing of a batch.
    """
    places: defaultdict[tuple[bool, str], int] = defaultdict(int)
    ranked = []
    for command in sorted(commands, key=lambda command: command.id):
        place = (not sound(command.point), gateway_of(command.point))
        ranked.append((place[0], places[place], command.id))
        places[place] += 1
    return frozenset(name for _, _, name in sorted(ranked)[: max(1, ceil(share * len(commands) - 1e-9))])
