"""How a process ends: told to stop it finishes what it is at; told again, or after a while, it ends at once."""

import os
import queue
import signal
import threading
import time
from types import FrameType

import structlog

_log = structlog.get_logger()
_GRACE_S = 5.0


class Ending:
    """Whether this process has been told to stop, and how long what is under way may still take."""

    def __init__(self, within_s: float) -> None:
        self.stop = threading.Event()
        self._within_s = within_s
        self._until: float | None = None
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()

    def on_signals(self) -> None:
        """From here on SIGTERM and SIGINT stop the process, and a second one ends it at once."""
        signal.signal(signal.SIGTERM, self._hear)
        signal.signal(signal.SIGINT, self._hear)
        threading.Thread(target=self._watch, name="ending", daemon=True).start()

    def left_s(self) -> float:
        """Seconds that what is under way may still take."""
        return self._within_s if self._until is None else max(0.0, self._until - time.monotonic())

    def tell(self) -> None:
        """Stop, in good order."""
        self._until = time.monotonic() + self._within_s
        self.stop.set()

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self._told.put(number)  # an event could not be set here: who was interrupted may hold its lock

    def _watch(self) -> None:
        self._told.get()
        self.tell()
        try:
            self._told.get(timeout=self._within_s)
        except queue.Empty:
            pass
        else:
            self._until = time.monotonic()
        time.sleep(_GRACE_S)
        _log.warning("ended in the middle", threads=[thread.name for thread in threading.enumerate()])
        os._exit(0)  # some thread does not end, and the interpreter would wait for it
