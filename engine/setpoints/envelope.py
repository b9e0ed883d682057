"""What a point may be asked: a program made to fit its envelope, or refused, with every reason."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engine.instants import isoformat
from engine.model import Envelope, Program

DWELL = timedelta(minutes=1)
"""Where a point has a largest step, its value moves by at most that much in any one dwell."""


class Outcome(StrEnum):
    """What the envelope made of a program."""

    ACCEPTED = "accepted"
    CLAMPED = "clamped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The program that may be sent (None when refused) and, for every change made to it, value found and limit."""

    outcome: Outcome
    program: Program | None
    reasons: tuple[str, ...] = ()


def admit(
    program: Program,
    envelope: Envelope,
    *,
    in_action: float | None,
    changed_at: datetime | None = None,
    switched_at: datetime | None = None,
) -> Verdict:
    """Fit a program to an envelope.

    A value that is not finite refuses the whole. Outside [minimum, maximum] it is clamped. A jump larger than
    `largest_step` becomes a staircase, one step each DWELL. A switch (0 is off) that comes before the running
    state has lasted its shortest time waits: the running state is extended, and later wants are honoured from there.

    `in_action` is the value now at the point (None: not known, anything may follow), `changed_at` since when it has
    had that value and `switched_at` since when it is on or off (None: long enough). What is admitted from a later
    instant on is the tail of what was admitted before, so asking again changes nothing.
    """
    wrong = [f"{value} at {isoformat(at)} is not a finite number" for at, value in program.steps if _unreal(value)]
    if wrong:
        return Verdict(Outcome.REFUSED, None, tuple(wrong))
    walk = _Walk(envelope, in_action, changed_at, switched_at)
    steps = [(at, walk.clamp(at, value)) for at, value in program.steps]
    ends = [at for at, _ in program.steps[1:]] + [program.until]
    for (at, value), end in zip(steps, ends, strict=True):
        walk.towards(value, at, end)
    outcome = Outcome.CLAMPED if walk.reasons else Outcome.ACCEPTED
    fitted = Program(tuple(walk.steps), program.until).clip(program.start, program.until)
    return Verdict(outcome, fitted, tuple(walk.reasons))


def _unreal(value: float) -> bool:
    return not math.isfinite(value)


@dataclass(slots=True)
class _Walk:
    """The point as the program leads it through time."""

    envelope: Envelope
    value: float | None
    changed_at: datetime | None
    switched_at: datetime | None
    steps: list[tuple[datetime, float]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def clamp(self, at: datetime, value: float) -> float:
        low, high = self.envelope.minimum, self.envelope.maximum
        if value < low:
            self.reasons.append(f"{value:g} at {isoformat(at)} is below the minimum {low:g}: {low:g} is asked")
        elif value > high:
            self.reasons.append(f"{value:g} at {isoformat(at)} is above the maximum {high:g}: {high:g} is asked")
        return min(max(value, low), high)

    def towards(self, target: float, at: datetime, end: datetime) -> None:
        """Lead the point to `target` from `at` on, as far as the envelope lets it get before `end`."""
        if self.value is None:
            self.value, self.changed_at, self.switched_at = target, at, at
        if not self.steps:
            self.steps.append((at, self.value))
        told = False
        while self.value != target:
            value = self._next(target)
            free_at = max(at, *self._waits(value, at))
            if not told and (free_at > at or value != target):
                self.reasons.append(self._why(target, value, at, free_at))
                told = True
            if free_at >= end:
                return
            self._move(value, free_at)

    def _next(self, target: float) -> float:
        value, step = self.value or 0.0, self.envelope.largest_step
        # A hair of tolerance: five steps of 0.2 reach 1.
        if step is None or abs(target - value) <= step * (1 + 1e-9):
            return target
        return value + math.copysign(step, target - value)

    def _waits(self, value: float, at: datetime) -> list[datetime]:
        """Instants before which the point may not take that value."""
        waits = [at]
        if self.envelope.largest_step is not None and self.changed_at is not None:
            waits.append(self.changed_at + DWELL)
        if self.switched_at is not None and bool(value) != bool(self.value):
            waits.append(self.switched_at + self._shortest())
        return waits

    def _shortest(self) -> timedelta:
        return self.envelope.shortest_on if self.value else self.envelope.shortest_off

    def _move(self, value: float, at: datetime) -> None:
        if bool(value) != bool(self.value):
            self.switched_at = at
        self.value, self.changed_at = value, at
        if self.steps[-1][0] == at:
            self.steps.pop()
        self.steps.append((at, value))

    def _why(self, target: float, value: float, at: datetime, free_at: datetime) -> str:
        what = f"{self.value:g} to {target:g} at {isoformat(at)}"
        if value != target:
            return f"{what} is a larger step than {self.envelope.largest_step:g}: taken in steps, one each {DWELL}"
        if self.switched_at is not None and bool(value) != bool(self.value):
            state = "on" if self.value else "off"
            return (
                f"{what} comes {at - self.switched_at} after it went {state}, "
                f"which lasts {self._shortest()} at least: waits until {isoformat(free_at)}"
            )
        return f"{what} comes less than {DWELL} after the last step: waits until {isoformat(free_at)}"
