"""Who looks after the workers: ends what is past its time or its memory, and what outlives its worker."""

import contextlib
import os
import threading
import time
from collections.abc import Iterable

import psutil

from jobs.compute.base import Fault, FaultKind
from jobs.compute.child import Child

LOOK_EVERY_S = 0.1
BURY_EVERY_S = 2.0  # while none is busy


class Watch:
    """A thread that looks at every busy worker ten times a second. It sleeps while none is busy."""

    def __init__(self) -> None:
        self._children: set[Child] = set()
        self._lock = threading.Lock()
        self._work, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look, name="compute-watch", daemon=True)
        self._thread.start()

    def add(self, child: Child) -> None:
        with self._lock:
            self._children.add(child)

    def remove(self, child: Child) -> None:
        with self._lock:
            self._children.discard(child)

    @property
    def children(self) -> int:
        return len(self._children)

    def condemn_all(self, fault: Fault) -> None:
        for child in self._copy():
            child.condemn(fault)

    def close(self) -> None:
        self._over.set()
        self._work.set()
        self._thread.join()

    def nudge(self) -> None:
        """Some worker is busy now."""
        self._work.set()

    def _copy(self) -> list[Child]:
        with self._lock:
            return list(self._children)

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            if not self._work.wait(BURY_EVERY_S):
                _bury(self._copy())
            self._work.clear()
            if busy := [child for child in self._copy() if child.busy]:
                self._work.set()
                _judge(busy)


def _bury(children: Iterable[Child]) -> None:
    """What died while it had nothing to do is no zombie until there is work again."""
    for child in children:
        if child.has_died():
            child.bury()


def _judge(busy: list[Child]) -> None:
    resident = resident_bytes({child.pid for child in busy})
    now = time.monotonic()
    for child in busy:
        held = resident[child.pid]
        child.peak_bytes = max(child.peak_bytes, held)
        if child.has_died():
            child.kill()
        elif child.overdue(now):
            child.condemn_late(now)
        elif held > child.memory_bytes:
            what = f"killed at {held / 1e6:.0f} MB of resident memory, {child.memory_bytes / 1e6:.0f} MB allowed"
            child.condemn(Fault(FaultKind.OUT_OF_MEMORY, what))


def resident_bytes(groups: Iterable[int]) -> dict[int, int]:
    """Resident memory of each process group. What its processes share counts once for each of them.

    0 while it cannot be known, as when this process may open no more files: the bounds of time hold all the same.
    """
    total = dict.fromkeys(groups, 0)
    with contextlib.suppress(OSError):
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
                group = os.getpgid(pid)
                if group in total:
                    total[group] += psutil.Process(pid).memory_info().rss
    return total
