"""What a Dask worker does with a task: it hands it to a process of its own, bounded as on our machine.

In the worker's own process a solver that holds the interpreter would keep it from answering its scheduler, which then
takes it for dead and begins the task elsewhere; a crash would take the worker and all it holds.
"""

import threading
from dataclasses import replace

from jobs.compute.base import Fault, FaultKind, Outcome
from jobs.compute.child import Work
from jobs.compute.processes import Processes
from jobs.compute.same_code import differences

BEGUN = "consigne-begun"
_engines: list[Processes] = []
_lock = threading.Lock()


def run_here(name: str, work: Work, theirs: dict[str, str]) -> Outcome[bytes]:
    """The outcome of a task of a client with those versions. Refused where they are not ours."""
    from distributed import get_worker  # noqa: PLC0415 - an optional library

    worker = get_worker()
    worker.log_event(BEGUN, name)
    if unequal := differences(theirs):
        what = f"the Dask worker {worker.address} runs other code: {unequal}"
        return Outcome(None, Fault(FaultKind.LOST, what), worker=worker.address)
    outcome = _engine(worker.state.nthreads).run(work)
    return replace(outcome, worker=f"{worker.address} {outcome.worker}")


def _engine(threads: int) -> Processes:
    """One for the whole process, whose own end ends it."""
    with _lock:
        if not _engines:
            _engines.append(Processes(threads))
        return _engines[0]
