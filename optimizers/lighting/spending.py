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
    out: bool = False
    clock_cut: bool = False

    @property
    def seconds(self) -> float:
        return perf_counter() - self.started

    def left(self) -> Limits:
        """What remains, for a part of the solve that keeps limits of its own."""
        work = None if self.limits.work is None else max(1, self.limits.work - self.work)
        seconds = max(1e-3, self.limits.seconds - self.seconds)
        return Limits(seconds, work, self.limits.gap, self.limits.threads, self.limits.seed)

    def spend(self) -> bool:
        """Whether a unit of work may still be done; it is then counted. `out` from the first that may not."""
        self.clock_cut = self.clock_cut or self.seconds >= self.limits.seconds
        self.out = self.out or self.clock_cut or self.work == self.limits.work
        self.work += not self.out
        return not self.out
