"""One worker process as its parent sees it: started, asked, killed with all its children, and waited for."""

import contextlib
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import Pipe
from pathlib import Path

from jobs.compute.base import Fault, FaultKind, Outcome

_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from jobs.compute.worker import main
main(*map(int, sys.argv[2:]))
"""


@dataclass(frozen=True, slots=True)
class Work:
    """A task as it travels: function, item and limits, pickled. It is killed past `seconds` of wall time, or when it
    and its children hold more than `memory_bytes` of resident memory. `threads` is the worker's for all its life.
    """

    payload: bytes = field(repr=False)  # may hold settings; a cluster logs the arguments of what fails
    seconds: float
    memory_bytes: int
    threads: int = 1


class Child:
    """A fresh interpreter in a process group of its own, of which a forked copy of us is never made.

    It has our module search path, our standard error for all it prints, and none of our sockets and files. One thread
    asks; any thread may condemn.
    """

    def __init__(self, threads: int, start_s: float, on_busy: Callable[[], None]) -> None:
        self.threads, self.served, self.peak_bytes = threads, 0, 0
        self.memory_bytes = sys.maxsize
        self._since, self._allowed_s = 0.0, math.inf
        self.verdict: Fault | None = None
        self._start_s, self._on_busy = start_s, on_busy
        self._ending = threading.Lock()
        self._pipe, theirs = Pipe()
        # It hears from the end of this pipe that we are gone, however we went. The kernel tells one group of each pipe.
        lifeline, self._life = os.pipe()
        path = json.dumps([entry or str(Path.cwd()) for entry in sys.path])
        command = [sys.executable, "-P", "-c", _START, path, str(theirs.fileno()), str(lifeline), str(threads)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command, stdin=subprocess.DEVNULL, stdout=2, pass_fds=(theirs.fileno(), lifeline), process_group=0
            )
        except OSError:
            self._hang_up()
            raise
        finally:
            theirs.close()
            os.close(lifeline)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def busy(self) -> bool:
        return self._allowed_s < math.inf

    def overdue(self, now: float) -> bool:
        """Whether what it was asked is past its time at `now` of the monotonic clock."""
        return now > self._since + self._allowed_s

    def condemn_late(self, now: float) -> None:
        """Kill it for being past its time."""
        what = f"killed after {now - self._since:.1f} s, {self._allowed_s:.1f} s allowed with the grace"
        self.condemn(Fault(FaultKind.TIMED_OUT, what))

    def ask(self, work: Work) -> Outcome[bytes]:
        """The pickled value of a task, or its fault. After a fault the process may be gone, and is not to be asked.

        `attempts` is 0 where it was gone before the task began.
        """
        self.memory_bytes, self.peak_bytes = work.memory_bytes, 0
        self._allow(self._start_s)
        began = math.nan
        try:
            self._pipe.send_bytes(work.payload)
            self._pipe.recv_bytes()
            began = self._allow(work.seconds)
            value, fault, seconds, peak = pickle.loads(self._pipe.recv_bytes())  # noqa: S301 - from our own child
        except Exception:  # noqa: BLE001 - its end of the pipe is closed, or what came is no answer
            return self._ended(began)
        finally:
            self._allowed_s = math.inf
        self.served += 1
        return Outcome(value, fault, seconds, max(peak, self.peak_bytes), f"process {self.pid}")

    def condemn(self, fault: Fault) -> None:
        """Kill it: what it was asked ends with this fault, unless its answer was there before."""
        if self.verdict is None:
            self.verdict = fault
        self.kill()

    def has_died(self) -> bool:
        """Whether it ended by itself, while what it started may live on."""
        with self._ending:
            if self._process.returncode is not None:
                return True
            with contextlib.suppress(ChildProcessError):
                return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            return True

    def kill(self) -> None:
        """Kill it and all it started. Its number is ours until it has been waited for, so nobody else is hit."""
        with self._ending, contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                os.killpg(self.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Kill what outlives it, and collect it."""
        self.kill()
        with self._ending:
            self._process.poll()

    def end(self) -> None:
        """Kill it, and leave no zombie."""
        self.kill()
        with self._ending:
            self._process.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        if not self._pipe.closed:
            self._pipe.close()
            os.close(self._life)

    def _allow(self, seconds: float) -> float:
        self._since, self._allowed_s = time.monotonic(), seconds
        self._on_busy()
        return self._since

    def _ended(self, began: float) -> Outcome[bytes]:
        self.end()
        fault = self.verdict or Fault(FaultKind.CRASHED, _told(self._process.returncode))
        seconds = 0.0 if math.isnan(began) else time.monotonic() - began
        innocent = math.isnan(began) and fault.kind in {FaultKind.CRASHED, FaultKind.OUT_OF_MEMORY}
        return Outcome(None, fault, seconds, self.peak_bytes or None, f"process {self.pid}", 0 if innocent else 1)


def _told(returncode: int) -> str:
    if returncode >= 0:
        return f"its process exited by itself with code {returncode}"
    known = {one.value: one.name for one in signal.Signals}  # most of the real-time ones have no name
    name = known.get(-returncode, f"signal {-returncode}")
    hint = ", from outside: the system may have run out of memory" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"
