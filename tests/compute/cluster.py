"""A Dask cluster of real processes on this machine."""

import os
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

from distributed import Client

from tests.conftest import ROOT
from tests.waiting import PATIENCE_S

_CHOSEN = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",  # begun twice at most, not four times
    # One that waits for work takes a third of what it would.
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


class Cluster:
    """A scheduler at a port of loopback, and workers of one thread without anybody who would start them anew."""

    def __init__(self, port: int, workers: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.url = f"dask://{self.address}"
        self._port = str(port)
        self.scheduler = self._start_scheduler()
        self.workers: list[subprocess.Popen[bytes]] = []
        self.mend(workers)

    def mend(self, workers: int) -> None:
        """Start the scheduler where it is gone, and as many workers as are missing; wait until they are there.

        A worker does not come back to another scheduler: it ends, once its task lets it.
        """
        if self.scheduler.poll() is not None:
            for worker in self.workers:
                worker.kill()
                worker.wait()
            self.scheduler = self._start_scheduler()
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < workers:
            self.workers.append(_dask("worker", f"tcp://{self.address}", "--nthreads", "1", "--no-nanny"))
        with Client(f"tcp://{self.address}", timeout=PATIENCE_S, set_as_default=False) as client:
            client.wait_for_workers(len(self.workers), timeout=PATIENCE_S)

    def _start_scheduler(self) -> "subprocess.Popen[bytes]":
        return _dask("scheduler", "--host", "127.0.0.1", "--port", self._port, "--no-show")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def _dask(*arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-W", "ignore", "-m", "dask", *arguments, "--no-dashboard"]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | _CHOSEN, stderr=subprocess.DEVNULL)


def port() -> int:
    """A port of loopback that nobody holds at that instant."""
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        found: int = candidate.getsockname()[1]
        return found
