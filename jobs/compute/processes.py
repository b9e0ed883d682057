"""The engine of the service: warm worker processes of this machine, one task at a time each."""

import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from jobs.compute.base import Fault, FaultKind, I, O, Outcome, fault_of
from jobs.compute.child import Child, Work
from jobs.compute.sharing import Call, Queue, Seat, Task
from jobs.compute.watch import Watch
from optimizers.result import Limits

MEMORY_BYTES = 2 << 30


def usual_grace(seconds: float) -> float:
    """How long past its seconds a task may go on before it is killed: a solver looks at the clock now and then."""
    return max(2.0, 0.2 * seconds)


class Processes:
    """Worker processes that are started when there is work for them, and replaced after `tasks_per_worker` tasks, any
    fault, or for a task that wants another number of threads.

    A task is killed `grace(limits.seconds)` after its seconds, or past its memory (`memory_bytes` by default). One that
    has not begun `start_s` after it was handed over is too: importing a solver takes a while, and is not its solve.
    """

    name = "processes"

    def __init__(
        self, workers: int | None = None, *, memory_bytes: int = MEMORY_BYTES, tasks_per_worker: int = 1000,
        grace: Callable[[float], float] = usual_grace, start_s: float = 60.0,
    ) -> None:  # fmt: skip
        self._memory_bytes, self._tasks_per_worker = memory_bytes, tasks_per_worker
        self._grace, self._start_s = grace, start_s
        self._seats = [Seat(number) for number in range(workers or _processors())]
        self._queue, self._watch = Queue(self._seats), Watch()
        self._closing = threading.Event()
        self._keepers = [
            threading.Thread(target=self._keep, args=(seat,), name=f"compute-{seat.number}", daemon=True)
            for seat in self._seats
        ]
        for keeper in self._keepers:
            keeper.start()

    @property
    def workers(self) -> int:
        return len(self._seats)

    @property
    def alive(self) -> int:
        """How many of them have been started and not ended: none before there is work."""
        return self._watch.children

    def map(
        self, fn: Callable[[I, Limits], O], items: Sequence[I], limits: Limits, *,
        memory_bytes: int | None = None, key: Callable[[I], Hashable] | None = None,
    ) -> Iterator[Outcome[O]]:  # fmt: skip
        """See `Compute.map`."""
        tasks = [
            Task(partial(self._work, fn, item, limits, memory_bytes), limits.threads, key(item) if key else None)
            for item in items
        ]
        return map(opened, self._outcomes(self._queue.add(tasks), deque(tasks)))

    def run(self, work: Work) -> Outcome[bytes]:
        """One task that is packed already."""
        task = Task(lambda: work, work.threads, None)
        self._queue.add([task])
        return task.wait()

    def close(self) -> None:
        """See `Compute.close`. Leaves no process."""
        self._closing.set()
        self._queue.close()
        self._watch.condemn_all(Fault(FaultKind.STOPPED, "the engine was closed"))
        for keeper in self._keepers:
            keeper.join()
        self._watch.close()

    def _work(self, fn: Callable[[I, Limits], O], item: I, limits: Limits, memory_bytes: int | None) -> Work:
        seconds = limits.seconds + self._grace(limits.seconds)
        return Work(packed(fn, item, limits), seconds, memory_bytes or self._memory_bytes, limits.threads)

    def _outcomes(self, call: Call, tasks: deque[Task]) -> Iterator[Outcome[bytes]]:
        try:
            while tasks:
                yield tasks.popleft().wait()
        finally:
            self._queue.drop(call)

    def _keep(self, seat: Seat) -> None:
        """Keep one seat's worker at work, until the queue closes."""
        child: Child | None = None
        while (taken := self._queue.take(seat)) is not None:
            outcome, child = self._served(taken[1], child)
            self._queue.free(seat, child.threads if child else 0)
            taken[1].end(outcome)
        self._dismiss(child)

    def _served(self, task: Task, child: Child | None) -> tuple[Outcome[bytes], Child | None]:
        """The outcome, and the worker that may serve again. Asked twice where the worker was gone before it began."""
        try:
            work = task.pack()
        except Exception as error:  # noqa: BLE001 - pickling raises whatever the item's classes raise
            return Outcome(
                None, Fault(FaultKind.RAISED, f"function or item do not pickle: {fault_of(error).what}")
            ), child
        outcome, child = self._asked(work, child)
        if not outcome.attempts and not self._closing.is_set():
            return self._asked(work, child)
        return outcome, child

    def _asked(self, work: Work, child: Child | None) -> tuple[Outcome[bytes], Child | None]:
        try:
            child = self._fit(child, work.threads)
        except OSError as error:
            return Outcome(None, Fault(FaultKind.CRASHED, f"no process could be started: {error}"), attempts=0), None
        outcome = child.ask(work)
        if outcome.fault is None and child.verdict is None and child.served < self._tasks_per_worker:
            return outcome, child
        self._dismiss(child)
        return outcome, None

    def _fit(self, child: Child | None, threads: int) -> Child:
        """A living worker of that many threads: this one, or a fresh one in its place."""
        if child is not None and child.threads == threads and not child.has_died():
            return child
        self._dismiss(child)
        fresh = Child(threads, self._start_s, self._watch.nudge)
        self._watch.add(fresh)
        if self._closing.is_set():
            fresh.condemn(Fault(FaultKind.STOPPED, "the engine was closed"))
        return fresh

    def _dismiss(self, child: Child | None) -> None:
        if child is not None:
            self._watch.remove(child)
            child.end()


def _processors() -> int:
    """Those that we may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def packed(fn: Callable[[I, Limits], O], item: I, limits: Limits) -> bytes:
    """What travels to a worker. Raises whatever the classes of the item raise where they do not pickle."""
    return pickle.dumps((fn, item, limits), pickle.HIGHEST_PROTOCOL)


def opened(outcome: Outcome[bytes]) -> Outcome[Any]:
    """The outcome with its value as it was in the worker."""
    if outcome.value is None:
        return replace(outcome)
    try:
        return replace(outcome, value=pickle.loads(outcome.value))  # noqa: S301 - from our own workers
    except Exception as error:  # noqa: BLE001 - a fault is an outcome
        fault = Fault(FaultKind.RAISED, f"the result does not unpickle: {fault_of(error).what}")
        return replace(outcome, value=None, fault=fault)
