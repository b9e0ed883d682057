"""What every engine for heavy work promises."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from optimizers.result import Limits

I = TypeVar("I")  # noqa: E741 - items in, outputs out
O = TypeVar("O")  # noqa: E741


class FaultKind(StrEnum):
    """What ended a task that has no result."""

    RAISED = "raised"
    TIMED_OUT = "timed_out"  # past its seconds and the grace: killed
    OUT_OF_MEMORY = "out_of_memory"  # past its resident memory: killed
    CRASHED = "crashed"  # its process died of itself
    LOST = "lost"  # the machine or the connection to it went away
    STOPPED = "stopped"  # we were told to stop


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no result. `what` is for people: the error raised, the signal, the bound passed and by how much."""

    kind: FaultKind
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[O]):
    """How one task ended: a value or a fault, never both.

    `seconds` of wall time and `peak_bytes` of resident memory as far as they were measured; `attempts`: how often it
    was begun, for one that was lost may be begun again.
    """

    value: O | None
    fault: Fault | None = None
    seconds: float = 0.0
    peak_bytes: int | None = None
    worker: str = ""
    attempts: int = 1


def fault_of(error: BaseException) -> Fault:
    """What a task raised, as the fault it is."""
    kind = FaultKind.OUT_OF_MEMORY if isinstance(error, MemoryError) else FaultKind.RAISED
    return Fault(kind, f"{type(error).__name__}: {error}")


class Compute(Protocol):
    """Runs pure functions. A task that is run twice does no harm: its caller commits what comes back, under a lease.

    A function is a module's own, found by its name (not one of `__main__`); items and results are small, and pickle.
    What a function keeps between two calls (`optimizers.kept`) may make it faster and never changes its result. Several
    threads may map at once: their tasks take turns.
    """

    name: str

    def map(
        self, fn: Callable[[I, Limits], O], items: Sequence[I], limits: Limits, *,
        memory_bytes: int | None = None, key: Callable[[I], Hashable] | None = None,
    ) -> Iterator[Outcome[O]]:  # fmt: skip
        """`fn(item, limits)` of every item, in their order. A fault is an outcome: nothing is raised for it.

        All of them begin at the call, as far as there are workers; the iterator only waits. A task is ended from
        outside some time after `limits.seconds`, and where it passes `memory_bytes`. Items of one `key` go to the same
        worker while it lives, which may have kept what it built for the last one, unless it is busy for another caller.
        """
        ...

    def close(self) -> None:
        """End whatever runs behind it. What still ran comes back as STOPPED."""
        ...
