"""What runs in a worker: one task at a time, read from a pipe, until the pipe or the service's life ends.

Everything here is the child's side; `jobs.compute.child` is the other end.
"""

import contextlib
import faulthandler
import fcntl
import os
import pickle
import resource
import select
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from jobs.compute.base import Fault, FaultKind, fault_of

BEGAN = b"began"
NICENESS = 5  # the service's own loops go first
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
_CLEAR_REFS, _STATUS, _OOM = (Path("/proc/self", name) for name in ("clear_refs", "status", "oom_score_adj"))


def main(pipe: int, lifeline: int, threads: int) -> None:
    """Serve tasks from descriptor `pipe` until it closes, in a process that dies when `lifeline` does.

    `threads` are fixed for its whole life: HiGHS keeps the number of its first solve, and fails at another.
    """
    for descriptor in (pipe, lifeline):
        os.set_inheritable(descriptor, False)
    for told in (signal.SIGINT, signal.SIGTERM):  # a terminal and systemd tell us as well: a solve would look crashed
        signal.signal(told, signal.SIG_IGN)  # whoever started us is asked, and ends us
    _die_with(lifeline)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        _OOM.write_text("500")  # a system out of memory takes a worker before the service
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    with contextlib.suppress(EOFError, OSError), Connection(pipe) as connection:
        while True:
            _answer(connection, connection.recv_bytes())


def _answer(connection: Connection, request: bytes) -> None:
    """Two messages: that it begins, once function and item are there, and how it ended."""
    try:
        fn, item, limits = pickle.loads(request)  # noqa: S301 - from the process that started us
    except Exception as error:  # noqa: BLE001 - a fault is an outcome
        connection.send_bytes(BEGAN)
        connection.send_bytes(_reply(None, fault_of(error), 0.0))
        return
    _forget_peak()
    connection.send_bytes(BEGAN)
    started = time.perf_counter()
    value, fault = _run(fn, item, limits)
    connection.send_bytes(_reply(value, fault, time.perf_counter() - started))


def _run(fn: Any, item: Any, limits: Any) -> tuple[bytes | None, Fault | None]:
    try:
        value = fn(item, limits)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a fault is an outcome
        return None, fault_of(error)
    try:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL), None
    except Exception as error:  # noqa: BLE001 - pickling raises whatever the value's classes raise
        return None, Fault(FaultKind.RAISED, f"the result does not pickle: {type(error).__name__}: {error}")


def _reply(value: bytes | None, fault: Fault | None, seconds: float) -> bytes:
    return pickle.dumps((value, fault, seconds, _peak()), pickle.HIGHEST_PROTOCOL)


def _forget_peak() -> None:
    """Resident memory has a new high-water mark from here on, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        _CLEAR_REFS.write_text("5")


def _peak() -> int:
    """Bytes, since it was last forgotten; of this process without its children."""
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _die_with(lifeline: int) -> None:
    """Have this process and its children killed when the other end of `lifeline` closes.

    On Linux the kernel does it, with a signal to the process group: no thread of ours needs the interpreter, which a
    solver may hold for as long as it runs. Elsewhere a thread does, once it gets the interpreter.
    """
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # closed before we listened
            os.killpg(0, signal.SIGKILL)
    else:
        threading.Thread(target=_wait_for_the_end, args=(lifeline,), daemon=True).start()


def _wait_for_the_end(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)
