"""What runs beside the service's loop, and what is tried again while something is away."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self, TypeVar

import structlog

from engine.errors import Conflict, Outdated, Unavailable

T = TypeVar("T")
_log = structlog.get_logger()


class Aside:
    """A step done again and again in a thread of its own, at most every so many seconds, beside the service's loop.

    `share`: of the time, in 0…1, that it may take; one that takes long is then begun less often. `left_s`: how long
    leaving it waits for a step under way; one that takes longer is left behind.
    """

    def __init__(
        self, step: Callable[[], object], every_s: float, share: float = 1.0,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:  # fmt: skip
        self._step, self._every_s, self._share, self._left_s = step, every_s, share, left_s
        self._took_s = 0.0
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[object] | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        left_s = self._left_s()
        if self._running is not None:
            wait([self._running], None if left_s == math.inf else left_s)
        self._pool.shutdown(wait=left_s == math.inf)

    def poll(self) -> None:
        """Begin the step, unless it still runs or it is too early. Raises what it raised."""
        if self._running is not None:
            if not self._running.done():
                return
            running, self._running = self._running, None
            running.result()
        if time.monotonic() - self._began >= max(self._every_s, self._took_s / self._share):
            self._began = time.monotonic()
            self._running = self._pool.submit(self._timed)

    def _timed(self) -> None:
        began = time.thread_time()
        self._step()
        self._took_s = time.thread_time() - began


class Beside:
    """A step at a pace of its own in a thread of its own until `stop`, however long a turn of the service's loop takes.

    Leaving it sets `stop`.
    """

    def __init__(self, step: Callable[[], object], every_s: float, stop: threading.Event) -> None:
        self._step, self._every_s, self._stop = step, every_s, stop
        self._pool = ThreadPoolExecutor(1)
        self._running = self._pool.submit(self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            with_back_off(self._step, self._stop)

    def poll(self) -> None:
        """Raise what it died of."""
        if self._running.done():
            self._running.result()


class Spared:
    """A step of the service's loop that is left out for 1, 2, 4 … 15 s while what it needs is away: all else goes on.

    So rules go on while the broker is away, on what comes by other ways; and dispatch goes on soon after it is back.
    """

    def __init__(self, step: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._step, self._clock = step, clock
        self._delay_s, self._again_at = 0.0, 0.0

    def __call__(self) -> bool:
        """Returns whether the step was done."""
        if self._clock() < self._again_at:
            return False
        try:
            self._step()
        except Outdated:
            raise
        except (Unavailable, Conflict) as error:
            self._delay_s = min(max(2 * self._delay_s, 1.0), 15.0)
            self._again_at = self._clock() + self._delay_s
            _log.warning("left out", why=str(error), retry_s=self._delay_s)
            return False
        self._delay_s = 0.0
        return True


def with_back_off(
    step: Callable[[], T], stop: threading.Event, waiting: Callable[[str], object] = lambda _why: None
) -> T | None:
    """Do a step; while what it needs is away, say so and try again after 1, 2, 4 … 60 s. None once stopped.

    Where another process stood in the way, the first waits are shorter. `waiting` is told why before each. Raises
    Outdated: whoever supervises us starts us again.
    """
    delay_s = 0.0
    while not stop.is_set():
        try:
            return step()
        except Outdated:
            raise
        except (Unavailable, Conflict) as error:
            delay_s = min(max(2 * delay_s, 1.0 if isinstance(error, Unavailable) else 0.1), 60.0)
            _log.warning("waiting", why=str(error), retry_s=delay_s)
            waiting(str(error))
            stop.wait(delay_s)
    return None
