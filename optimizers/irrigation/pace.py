"""How much of its time a solve gives to each of its parts."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import monotonic
from typing import TypeVar

from optimizers.engines import Effort
from optimizers.result import Limits

I = TypeVar("I")  # noqa: E741 - items in, outputs out
O = TypeVar("O")  # noqa: E741


class Pace:
    """Wall time from now, shared out among parts that are solved side by side.

    `cut_short` is for those that end because time is over, not because they are done: another run may end elsewhere.

    HiGHS lets go of Python while it solves, so that threads of one process use as many cores.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.started, self.cut_short = limits, monotonic(), False
        self._lock = Lock()

    @property
    def seconds(self) -> float:
        return monotonic() - self.started

    @property
    def left_s(self) -> float:
        return max(0.0, self.limits.seconds - self.seconds)

    def each(self, do: Callable[[I, Effort], O], items: Sequence[I], share: float = 1.0) -> list[O]:
        """`do` of every item, each with its share of the time that is left, or of a `share` of it.

        What one leaves over is for those after it.
        """
        until, waiting = self.left_s * (1 - share), len(items)

        def one(item: I) -> O:
            nonlocal waiting
            with self._lock:
                fair_s = (self.left_s - until) * min(self.limits.threads, waiting) / waiting
                waiting -= 1
            return do(item, self.effort(max(0.0, fair_s)))

        if self.limits.threads == 1 or len(items) < 2:
            return [one(item) for item in items]
        with ThreadPoolExecutor(self.limits.threads) as pool:
            return list(pool.map(one, items))

    def effort(self, seconds: float) -> Effort:
        """Half of the gap is for what is proved, the other half for what is not: whole cycles that find no time."""
        limits = self.limits
        return Effort(max(seconds, 1e-3), limits.gap / 2, limits.work, limits.seed)
