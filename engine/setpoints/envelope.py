"""What a point may be asked: a program made to fit its envelope, or refused, with the clause behind every change."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engine.instants import isoformat
from engine.model import Envelope, Program

DWELL = timedelta(minutes=1)
"""Where a point has a largest step, its value moves by at most that much in any one dwell."""

_HOUR = timedelta(hours=1)
Span = tuple[datetime, datetime]


class Outcome(StrEnum):
    """What the envelope made of a program."""

    ACCEPTED = "accepted"
    CLAMPED = "clamped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """What a clause did to a value: `asked` in place of `found` from `at` on; None: nothing may be asked at all.

    `clause` is one of type, minimum, maximum, step, shortest_on, shortest_off, longest_on, rate, or `order:` and
    `interlock:` with an id.
    """

    clause: str
    at: datetime
    found: float
    asked: float | None
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Verdict:
    """The program that may be sent (None when refused) and every change made on the way to it."""

    outcome: Outcome
    program: Program | None
    changes: tuple[Change, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The changes in words."""
        return tuple(map(str, self.changes))


@dataclass(frozen=True, slots=True)
class Running:
    """What a point does now, as far as it is known: None is not known, or long enough ago.

    `value` since `changed_at`, on or off since `switched_at`; `recent`: when it changed in the last hour, in order;
    `spent_at`: when it last went off after it had been on for as long as it may.
    """

    value: float | None = None
    changed_at: datetime | None = None
    switched_at: datetime | None = None
    recent: tuple[datetime, ...] = ()
    spent_at: datetime | None = None


def check_value(value: float, envelope: Envelope, now: datetime) -> Change | None:
    """The static clause that a value breaks, if any: it wants to be a finite number in [minimum, maximum]."""
    if not math.isfinite(value):
        return Change("type", now, value, None, f"{value} is not a finite number")
    if value < envelope.minimum:
        return Change("minimum", now, value, envelope.minimum, f"{value:g} is below the minimum {envelope.minimum:g}")
    if value > envelope.maximum:
        return Change("maximum", now, value, envelope.maximum, f"{value:g} is above the maximum {envelope.maximum:g}")
    return None


def admit(program: Program, envelope: Envelope, running: Running, *, free: Sequence[Span] = ()) -> Verdict:
    """Fit a program to an envelope.

    A value that is not finite refuses the whole. Outside [minimum, maximum] it is clamped. A jump larger than
    `largest_step` becomes a staircase, one step each DWELL. A switch (0 is off) that comes before the running
    state has lasted its shortest time waits: the running state is extended, as if held at level 6, and later wants are
    honoured from there. So does a change beyond `changes_per_hour`. In `free` spans, where levels 1 to 5 decide, only
    minimum and maximum hold, and `longest_on`: what is on for longer, at whatever level, goes off then, and stays off
    for as long, in the command itself. What is admitted from a later instant on is the tail of what was admitted
    before, so asking again changes nothing.
    """
    wrong = [_unreal(at, value) for at, value in program.steps if not math.isfinite(value)]
    if wrong:
        return Verdict(Outcome.REFUSED, None, tuple(wrong))
    walk = _Walk(envelope, running)
    if _static(envelope):
        steps = tuple((at, walk.clamp(at, value)) for at, value in program.steps)
        return _verdict(Program(steps, program.until) if walk.changes else program, walk)
    stretches = [(at, end, walk.clamp(at, value), loose) for at, end, value, loose in _stretches(program, free)]
    for at, end, value, loose in stretches:
        if loose:
            walk.jump(value, at)
        else:
            walk.towards(value, at, end)
    return _verdict(Program(tuple(walk.steps), program.until), walk)


def _static(envelope: Envelope) -> bool:
    """Whether nothing but the bounds limits a value: then it does not matter what was before."""
    dynamic = (envelope.largest_step, envelope.changes_per_hour, envelope.shortest_on, envelope.shortest_off)
    return not any(dynamic)


def _verdict(program: Program, walk: "_Walk") -> Verdict:
    """With the program that came of it, equal neighbours merged."""
    program = _ended(program, walk)
    outcome = Outcome.CLAMPED if walk.changes else Outcome.ACCEPTED
    return Verdict(outcome, program.clip(program.start, program.until), tuple(walk.changes))


def _ended(program: Program, walk: "_Walk") -> Program:
    """The program with what is on for longer than `longest_on` cut short, and the rest after it kept."""
    longest, running = walk.envelope.longest_on, walk.running
    if longest is None:
        return program
    on_since = (running.switched_at or program.start) if running.value else None
    rests_until = running.spent_at + longest if running.spent_at else program.start
    steps: list[tuple[datetime, float]] = []
    ends = [at for at, _ in program.steps[1:]] + [program.until]
    for (begins, value), end in zip(program.steps, ends, strict=True):
        at = begins
        while value and at < end:
            if at < rests_until:
                steps.append((at, 0.0))
                at = min(rests_until, end)
                continue
            on_since = on_since or at
            stop = max(at, on_since + longest)
            if at < stop:
                steps.append((at, value))
            if stop < end:
                walk.changes.append(_too_long(value, on_since, stop, longest))
                on_since, rests_until = None, stop + longest
            at = min(stop, end)
        if not value:
            on_since = None
            steps.append((at, value))
    return Program(tuple(steps), program.until)


def _too_long(value: float, since: datetime, stop: datetime, longest: timedelta) -> Change:
    text = f"{value:g} since {isoformat(since)} may last {longest} at most, and then rests as long: 0 is asked"
    return Change("longest_on", stop, value, 0.0, text)


def _unreal(at: datetime, value: float) -> Change:
    return Change("type", at, value, None, f"{value} at {isoformat(at)} is not a finite number")


def _stretches(program: Program, free: Sequence[Span]) -> Iterator[tuple[datetime, datetime, float, bool]]:
    """The program cut where it becomes free or stops being so: from, to, value, free."""
    ends = [at for at, _ in program.steps[1:]] + [program.until]
    for (at, value), end in zip(program.steps, ends, strict=True):
        cuts = sorted({at, *(cut for span in free for cut in span if at < cut < end)})
        for start, until in zip(cuts, [*cuts[1:], end], strict=True):
            yield start, until, value, any(since <= start < to for since, to in free)


@dataclass(slots=True)
class _Walk:
    """The point as the program leads it through time."""

    envelope: Envelope
    running: Running
    value: float | None = field(init=False)
    changed_at: datetime | None = field(init=False)
    switched_at: datetime | None = field(init=False)
    moved_at: list[datetime] = field(init=False)
    steps: list[tuple[datetime, float]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.value, self.changed_at = self.running.value, self.running.changed_at
        self.switched_at, self.moved_at = self.running.switched_at, list(self.running.recent)

    def clamp(self, at: datetime, value: float) -> float:
        low, high = self.envelope.minimum, self.envelope.maximum
        if value < low:
            self._change("minimum", at, value, low, f"{value:g} at {isoformat(at)} is below the minimum {low:g}")
        elif value > high:
            self._change("maximum", at, value, high, f"{value:g} at {isoformat(at)} is above the maximum {high:g}")
        return min(max(value, low), high)

    def _change(self, clause: str, at: datetime, found: float, asked: float, text: str) -> None:
        self.changes.append(Change(clause, at, found, asked, f"{text}: {asked:g} is asked"))

    def jump(self, target: float, at: datetime) -> None:
        """Be at `target` at once."""
        if self.value is None:
            self._begin(target, at)
        elif not self.steps:
            self.steps.append((at, self.value))
        if self.value != target:
            self._move(target, at)

    def towards(self, target: float, at: datetime, end: datetime) -> None:
        """Lead the point to `target` from `at` on, as far as the envelope lets it get before `end`."""
        if self.value is None:
            self._begin(target, at)
        if not self.steps:
            self.steps.append((at, self.value or 0.0))
        told = False
        while self.value != target:
            value = self._next(target)
            clause, free_at = self._wait(value, at)
            if not told and (free_at > at or value != target):
                self.changes.append(self._why(clause, target, value, at, free_at))
                told = True
            if free_at >= end:
                return
            self._move(value, free_at)

    def _begin(self, value: float, at: datetime) -> None:
        self.value, self.changed_at, self.switched_at = value, at, at
        self.steps.append((at, value))

    def _next(self, target: float) -> float:
        value, step = self.value or 0.0, self.envelope.largest_step
        # A hair of tolerance: five steps of 0.2 reach 1.
        if step is None or abs(target - value) <= step * (1 + 1e-9):
            return target
        return value + math.copysign(step, target - value)

    def _wait(self, value: float, at: datetime) -> tuple[str, datetime]:
        """The clause that lets the point take that value last, and from when on."""
        waits = [("", at)]
        if self.envelope.largest_step is not None and self.changed_at is not None:
            waits.append(("step", self.changed_at + DWELL))
        most = self.envelope.changes_per_hour
        if most is not None and len(self.moved_at) >= most:
            waits.append(("rate", self.moved_at[-most] + _HOUR))
        if self.switched_at is not None and bool(value) != bool(self.value):
            state = "on" if self.value else "off"
            waits.append((f"shortest_{state}", self.switched_at + self._shortest()))
        return max(waits, key=lambda wait: wait[1])

    def _shortest(self) -> timedelta:
        return self.envelope.shortest_on if self.value else self.envelope.shortest_off

    def _move(self, value: float, at: datetime) -> None:
        if bool(value) != bool(self.value):
            self.switched_at = at
        self.value, self.changed_at = value, at
        self.moved_at.append(at)
        if self.steps[-1][0] == at:
            self.steps.pop()
        self.steps.append((at, value))

    def _why(self, clause: str, target: float, value: float, at: datetime, free_at: datetime) -> Change:
        what = f"{self.value:g} to {target:g} at {isoformat(at)}"
        waits = f"waits until {isoformat(free_at)}"
        if clause.startswith("shortest") and self.switched_at is not None:
            state = "on" if self.value else "off"
            since = f"comes {at - self.switched_at} after it went {state}"
            text = f"{what} {since}, which lasts {self._shortest()} at least (level 6): {waits}"
        elif clause == "rate":
            text = f"{what} would be more than {self.envelope.changes_per_hour} changes in an hour: {waits}"
        elif value != target:
            step = self.envelope.largest_step
            text = f"{what} is a larger step than {step:g}: taken in steps, one each {DWELL}"
            return Change("step", at, target, value, text)
        else:
            text = f"{what} comes less than {DWELL} after the last step: {waits}"
        return Change(clause, at, target, self.value, text)
