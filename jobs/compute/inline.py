"""The engine of tests and one-shot commands: here, now, one after the other. It can end nothing from outside."""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence

from jobs.compute.base import I, O, Outcome, fault_of
from optimizers.result import Limits


class Inline:
    """In this process. Neither seconds nor memory are bounded from outside; a crash is ours."""

    name = "inline"

    def map(
        self, fn: Callable[[I, Limits], O], items: Sequence[I], limits: Limits, *,
        memory_bytes: int | None = None, key: Callable[[I], Hashable] | None = None,  # noqa: ARG002
    ) -> Iterator[Outcome[O]]:  # fmt: skip
        """See `Compute.map`."""
        for item in items:
            began = time.perf_counter()
            try:
                value, fault = fn(item, limits), None
            except Exception as error:  # noqa: BLE001 - a fault is an outcome
                value, fault = None, fault_of(error)
            yield Outcome(value, fault, time.perf_counter() - began, worker=self.name)

    def close(self) -> None:
        """Nothing runs behind it."""
