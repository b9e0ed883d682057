"""What a point was made to do through time, and how far a program would move it away from that."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from engine.instants import PARIS
from engine.model import CommandState, Program

DAY = timedelta(days=1)
ABOUT = timedelta(minutes=15)
"""How far from an instant a value still is one of that time of day: dusk moves by minutes, traffic by a quarter."""

IN_ACTION = frozenset(
    {
        CommandState.SENDING,
        CommandState.SENT,
        CommandState.ACKED,
        CommandState.UNKNOWN,
        CommandState.VERIFIED,
        CommandState.UNVERIFIABLE,
    }
)
"""States of a command whose program is at the equipment, or may be."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A program that went to the equipment at an instant.

    `renewed_by`: where it holds an override that ends then unless it is renewed, as it is while somebody wants it.
    """

    at: datetime
    program: Program
    renewed_by: datetime | None = None


class Course:
    """The values of a point by its deeds, each replacing those before it from its instant on.

    None where no program says anything: equipment is at its safe value there. Equipment that `keeps` has no programs:
    it holds the last value it was told.
    """

    def __init__(self, deeds: Sequence[Deed], *, keeps: bool = False) -> None:
        self.starts: list[datetime] = []
        self._values: list[float | None] = []
        deeds = sorted(deeds, key=lambda deed: deed.at)
        for deed in deeds:
            self._replace(deed.at, [*deed.program.steps, *([] if keeps else [(deed.program.until, None)])])
        self._known_until = max((deed.program.until for deed in deeds), default=None)
        self._keeps = keeps
        self._last = deeds[-1] if deeds else None

    def __bool__(self) -> bool:
        """Whether anything is known of the point at all."""
        return bool(self.starts)

    def at(self, instant: datetime) -> float | None:
        index = bisect_right(self.starts, instant) - 1
        return self._values[index] if index >= 0 else None

    def around(self, instant: datetime) -> list[float]:
        """The values that are known within ABOUT of an instant."""
        first = max(bisect_right(self.starts, instant - ABOUT) - 1, 0)
        last = bisect_right(self.starts, instant + ABOUT)
        return [value for value in self._values[first:last] if value is not None]

    def renewable(self, now: datetime) -> list[float]:
        """The values of an override from `now` on, which go on while it is renewed."""
        if self._last is None or self._last.renewed_by is None:
            return []
        override = self._last.program.clip(now, self._last.renewed_by)
        return [value for _, value in override.steps] if override else []

    def days_back(self, now: datetime) -> int:
        """How many days before [now, now + 1 day) the last whole day of which something is known lies; at least 1."""
        if self._known_until is None or self._keeps:
            return 1
        return max(1, ceil((now + DAY - ABOUT - self._known_until) / DAY))

    def _replace(self, at: datetime, steps: Sequence[tuple[datetime, float | None]]) -> None:
        cut = bisect_right(self.starts, at)
        if cut and self.starts[cut - 1] == at:
            cut -= 1
        del self.starts[cut:], self._values[cut:]
        running = [step for step in steps if step[0] <= at][-1:]
        later = [step for step in steps if step[0] > at]
        for start, value in [(at, running[0][1] if running else None), *later]:
            self.starts.append(start)
            self._values.append(value)


def moved(program: Program, course: Course, now: datetime, safe: float, *, days: int = 1) -> float:
    """By how much a program moves a point over the 24 hours from `now` on, in the unit of the point.

    At each instant that is how far the value lies from what the point would do without it (`safe` where its course
    says nothing), or from what it did about that time of its last day, whichever is nearer: a plan that is made anew
    each day moves only what it does differently. Over a change of the clocks that time is the sun's and the wall
    clock's: dusk goes by the one, traffic by the other. An override that is renewed goes on, and moves nothing. The
    largest over all instants counts. Of several `days`, each the last one or one before it, the one that it is nearest
    to.
    """
    back = course.days_back(now)
    return min(_moved(program, course, now, safe, (back + more) * DAY) for more in range(days))


def _moved(program: Program, course: Course, now: datetime, safe: float, shift: timedelta) -> float:
    renewable, largest = course.renewable(now), 0.0
    for at, value in _instants(program, course, now, _shifts(now, shift)):
        otherwise = course.at(at)
        distance = min(abs(value - other) for other in (safe if otherwise is None else otherwise, *renewable))
        if distance > largest:
            usual = [course.around(at - ago) for ago in {shift, _by_the_clock(at, shift)}]
            distance = min([distance, *(max(min(did) - value, value - max(did), 0.0) for did in usual if did)])
            largest = max(largest, distance)
    return largest


def _by_the_clock(at: datetime, shift: timedelta) -> timedelta:
    """How long before an instant local clocks showed its time on the day that begins `shift` before it."""
    offset, before = (each.astimezone(PARIS).utcoffset() or timedelta(0) for each in (at, at - shift))
    return shift - (offset - before)


def _shifts(now: datetime, shift: timedelta) -> set[timedelta]:
    """The shift, and those of the clocks over the coming day where they change in it or have since."""
    return {shift, _by_the_clock(now, shift), _by_the_clock(now + DAY, shift)}


def never_below(
    program: Program, last: Deed | None, now: datetime, safe: float, direction: int, *, keeps: bool = False
) -> bool:
    """Whether a program is, at every instant, at `safe` or as far along `direction` as the point would be without it.

    `direction` is +1 or -1; 0 leaves `safe` alone. `last`: what the point does now; None: it is at `safe`.
    """

    def safely(value: float, otherwise: float | None) -> bool:
        along = direction * (value - (safe if otherwise is None else otherwise))
        return value == safe or (direction != 0 and along >= 0)

    start = max(now, program.start)
    value, running = program.at(start), last.program.at(start) if last else None
    # Most programs fail at their first instant, and a course costs a hundred times as much.
    if value is not None and not (keeps and running is None) and not safely(value, running):
        return False
    course = Course([last] if last else [], keeps=keeps)
    return all(safely(value, course.at(at)) for at, value in _instants(program, course, now))


def _instants(
    program: Program, course: Course, now: datetime, shifts: Collection[timedelta] = ()
) -> Iterator[tuple[datetime, float]]:
    """Instants of the coming day between which neither the program nor its course changes, and the program's value.

    Nor does what the course said any of the `shifts` before, give or take ABOUT; without them it is all of the program.
    """
    start = max(now, program.start)
    until = min(program.until, now + DAY) if shifts else program.until
    wanted = Course([Deed(program.start, program)])
    edges = [timedelta(0), *(shift + about for shift in shifts for about in (-ABOUT, ABOUT))]
    cuts = {start, *wanted.starts, *(at + edge for at in course.starts for edge in edges)}
    for at in sorted(cut for cut in cuts if start <= cut < until):
        value = wanted.at(at)
        if value is not None:
            yield at, value
