"""An engine that may be away when its user starts: heavy work is lost until it answers, and all else goes on."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import structlog

from engine.errors import Unavailable
from jobs.compute.base import Compute, Fault, FaultKind, I, O, Outcome
from optimizers.result import Limits

_log = structlog.get_logger()


class Patient:
    """Another engine, looked for at the start and then by every call until it is there: its outcomes are LOST before.

    Who leads every role must not wait for a cluster that only plans want.
    """

    def __init__(self, name: str, connect: Callable[[], Compute]) -> None:
        self.name, self._connect = name, connect
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._engine: Compute | None = None
        try:
            self._there()
        except Unavailable as error:
            _log.warning("heavy work is lost until its engine answers", engine=name, why=str(error))

    def map(
        self, fn: Callable[[I, Limits], O], items: Sequence[I], limits: Limits, *,
        memory_bytes: int | None = None, key: Callable[[I], Hashable] | None = None,
    ) -> Iterator[Outcome[O]]:  # fmt: skip
        """See `Compute.map`."""
        try:
            engine = self._there()
        except Unavailable as error:
            stopped = self._closing.is_set()
            fault = Fault(FaultKind.STOPPED, "the engine was closed") if stopped else Fault(FaultKind.LOST, str(error))
            lost: Outcome[Any] = Outcome(None, fault, attempts=0)
            return iter([lost] * len(items))
        return engine.map(fn, items, limits, memory_bytes=memory_bytes, key=key)

    def close(self) -> None:
        """See `Compute.close`. An engine that is being looked for is closed by whoever finds it."""
        self._closing.set()
        if self._engine is not None:
            self._engine.close()

    def _there(self) -> Compute:
        with self._lock:
            if self._engine is None:
                self._engine = self._connect()
                if self._closing.is_set():
                    self._engine.close()
            return self._engine
