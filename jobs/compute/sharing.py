"""How the workers are shared out among callers: in turns, each key at its own worker, threads as they are."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from jobs.compute.base import Fault, FaultKind, Outcome
from jobs.compute.child import Work

_HOMES = 100_000  # keys remembered; the one asked for longest ago is forgotten
_STOPPED = Fault(FaultKind.STOPPED, "the engine was closed")


class Task:
    """One task of one call. `pack` gives what travels; it is asked for when a worker is free for it."""

    def __init__(self, pack: Callable[[], Work], threads: int, key: Hashable | None) -> None:
        self.pack, self.threads, self.key = pack, threads, key
        self._ended = threading.Event()
        self._outcome: Outcome[bytes] = Outcome(None, _STOPPED, attempts=0)

    def end(self, outcome: Outcome[bytes]) -> None:
        self._outcome = outcome
        self._ended.set()

    def stop(self) -> None:
        """End it before it began."""
        self._ended.set()

    def wait(self) -> Outcome[bytes]:
        self._ended.wait()
        return self._outcome


@dataclass(eq=False)
class Seat:
    """Where one worker process sits, and its successors. `threads` of the one there, 0 for none; `keys` live here."""

    number: int
    threads: int = 0
    keys: int = 0
    call: "Call | None" = None  # it is busy for; None while idle


@dataclass(eq=False)
class Call:
    """The tasks of one caller that wait, in their order."""

    waiting: deque[Task] = field(default_factory=deque)


class Queue:
    """Tasks of several calls, taken by several seats. Safe from any thread."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        self._seats = seats
        self._calls: deque[Call] = deque()  # who waits, the next to be served first
        self._homes: OrderedDict[Hashable, Seat] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def add(self, tasks: Sequence[Task]) -> Call:
        """Let a caller's tasks wait. After the queue was closed they are stopped at once."""
        call = Call(deque(tasks))
        with self._changed:
            if self._closed:
                self._stop(call)
            elif tasks:
                self._give_homes(tasks)
                self._calls.append(call)
                self._changed.notify_all()
        return call

    def drop(self, call: Call) -> None:
        """What still waits of a caller who waits no more is not begun."""
        with self._changed:
            self._stop(call)

    def take(self, seat: Seat) -> tuple[Call, Task] | None:
        """The next task for a seat that is free; waits for one. None once the queue is closed."""
        with self._changed:
            while not self._closed:
                if (found := self._next(seat)) is not None:
                    self._changed.notify_all()  # a key whose home this is need not wait for it any more
                    return found
                self._changed.wait()
            return None

    def free(self, seat: Seat, threads: int) -> None:
        """A seat's task is done; its process, if it has one, is of so many threads.

        To be said before the caller hears of it, who may have the next task for this seat at once.
        """
        with self._changed:
            seat.call, seat.threads = None, threads
            self._changed.notify_all()

    def close(self) -> None:
        """Stop what waits; every seat is sent home."""
        with self._changed:
            self._closed = True
            for call in self._calls:
                self._stop(call)
            self._changed.notify_all()

    def _next(self, seat: Seat) -> tuple[Call, Task] | None:
        for call in self._calls:
            task = next((task for task in call.waiting if self._suits(seat, call, task)), None)
            if task is not None:
                return self._handed(seat, call, task)
        return None

    def _handed(self, seat: Seat, call: Call, task: Task) -> tuple[Call, Task]:
        call.waiting.remove(task)
        self._calls.remove(call)
        if call.waiting:
            self._calls.append(call)
        seat.call = call
        return call, task

    def _stop(self, call: Call) -> None:
        while call.waiting:
            call.waiting.popleft().stop()

    def _give_homes(self, tasks: Sequence[Task]) -> None:
        """A new key lives where the fewest do, so that a worker that is slow to start is not left without any."""
        for task in tasks:
            if task.key is not None and task.key not in self._homes:
                home = min(self._seats, key=lambda seat: seat.keys)
                home.keys += 1
                self._homes[task.key] = home
            elif task.key is not None:
                self._homes.move_to_end(task.key)
        while len(self._homes) > _HOMES:
            self._homes.popitem(last=False)[1].keys -= 1

    def _suits(self, seat: Seat, call: Call, task: Task) -> bool:
        home = self._homes.get(task.key) if task.key is not None else None
        if home is not None:
            return home is seat or home.call not in {None, call}
        idle = [other for other in self._seats if other.call is None and other is not seat]
        return all(_rank(seat, task) <= _rank(other, task) for other in idle)


def _rank(seat: Seat, task: Task) -> int:
    """0: its process is there; 1: a process is to be started; 2: another one is to make room for it."""
    return 0 if seat.threads == task.threads else 1 if not seat.threads else 2
