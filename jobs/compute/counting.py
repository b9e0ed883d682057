"""An engine whose tasks Prometheus hears of."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any
from weakref import WeakSet

from jobs import metrics
from jobs.compute.base import Compute, I, O, Outcome
from jobs.compute.processes import Processes
from optimizers.result import Limits

_at_work: WeakSet[Processes] = WeakSet()  # solves and groups of zones have one each


class Counted:
    """Another engine, each of whose outcomes is counted as it is taken."""

    def __init__(self, engine: Compute) -> None:
        self.name, self._engine = engine.name, engine
        if isinstance(engine, Processes):
            _at_work.add(engine)
            metrics.watch_workers(self.name, lambda: sum(one.alive for one in tuple(_at_work)))

    def map(
        self, fn: Callable[[I, Limits], O], items: Sequence[I], limits: Limits, *,
        memory_bytes: int | None = None, key: Callable[[I], Hashable] | None = None,
    ) -> Iterator[Outcome[O]]:  # fmt: skip
        """See `Compute.map`."""
        return map(self._count, self._engine.map(fn, items, limits, memory_bytes=memory_bytes, key=key))

    def close(self) -> None:
        """See `Compute.close`."""
        self._engine.close()

    def _count(self, outcome: Outcome[Any]) -> Outcome[Any]:
        metrics.count_task(self.name, outcome)
        return outcome
