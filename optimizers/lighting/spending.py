"""What a solve has spent of what it may."""

from dataclasses import dataclass, field
from time import perf_counter

from optimizers.result import Limits


@dataclass(slots=True)
class Spending:
    """Counts work and watches the clock of one solve."""

    limits: Limits
    work: int = 0
    started: float = field(default_factory=perf_counter)
    clock_cut: bool = False

    @property
    def seconds(self) -> float:
        return perf_counter() - self.started

    def left(self) -> Limits:
        """What remains, for a part of the solve that keeps limits of its own."""
        work = None if self.limits.work is None else max(1, self.limits.work - self.work)
        seconds = max(1e-3, self.limits.seconds - self.seconds)
        return Limits(seconds, work, self.limits.gap, self.limits.threads, self.limits.seed)

    def spend(self, work: int = 1) -> bool:
        """Whether that much work may still be done; it is then counted."""
        if self.limits.work is not None and self.work + work > self.limits.work:
            return False
        if self.seconds >= self.limits.seconds:
            self.clock_cut = True
            return False
        self.work += work
        return True
