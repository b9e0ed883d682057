"""When each part of this process last did what it is there for, and whether its loops still turn."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from engine.store.leases import Fences


@dataclass(frozen=True, slots=True)
class Sign:
    """What is known of one part: seconds since its last success, and since its last failure with the reason.

    `silent_s`: since it gave any sign of life, which it also does while it waits for what is away.
    """

    silent_s: float
    success_s: float | None = None
    failure_s: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Marks:
    beaten: float
    succeeded: float | None = None
    failed: float | None = None
    why: str = ""


class Vitals:
    """Marks of this process's parts, each under a name. Threads may share it.

    `clock`: seconds that only grow, so that a corrected wall clock makes nothing look dead.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._marks: dict[str, _Marks] = {}
        self._fences: Fences = {}
        self._since = clock()

    @property
    def leads_s(self) -> float:
        """Seconds since this process began to lead, or to stand by."""
        return self._clock() - self._since

    def beat(self, part: str) -> None:
        """It is alive, whether or not it comes to anything."""
        self._mark(part, lambda marks, now: replace(marks, beaten=now))

    def success(self, part: str) -> None:
        """It has just done its work."""
        self._mark(part, lambda marks, now: replace(marks, beaten=now, succeeded=now))

    def failure(self, part: str, why: str) -> None:
        """It could not do its work; it is alive."""
        self._mark(part, lambda marks, now: replace(marks, beaten=now, failed=now, why=why))

    def lead(self, fences: Fences) -> None:
        """This process leads under these leases from now on, or, without any, stands by: what it did before is over."""
        with self._lock:
            self._fences, self._since = dict(fences), self._clock()
            if not fences:
                self._marks = {part: _Marks(marks.beaten) for part, marks in self._marks.items()}

    @property
    def fences(self) -> Fences:
        """The leases it leads under; none while it stands by."""
        return self._fences

    @contextmanager
    def step(self, part: str) -> Iterator[None]:
        """A success on leaving the block, or the failure it raises."""
        try:
            yield
        except Exception as error:
            self.failure(part, str(error))
            raise
        self.success(part)

    def signs(self) -> dict[str, Sign]:
        """Every part that was ever marked, as it stands."""
        with self._lock:
            now, marks = self._clock(), dict(self._marks)
        return {
            part: Sign(now - one.beaten, _since(one.succeeded, now), _since(one.failed, now), one.why)
            for part, one in marks.items()
        }

    def _mark(self, part: str, change: Callable[[_Marks, float], _Marks]) -> None:
        with self._lock:
            now = self._clock()
            self._marks[part] = change(self._marks.get(part, _Marks(now)), now)


def _since(mark: float | None, now: float) -> float | None:
    return None if mark is None else now - mark
