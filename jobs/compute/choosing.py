"""Which engine the settings ask for."""

from engine.errors import Unavailable
from engine.settings import Settings
from jobs.compute.base import Compute
from jobs.compute.inline import Inline
from jobs.compute.processes import Processes


def compute_of(settings: Settings) -> Compute:
    """The engine of CONSIGNE_COMPUTE; whoever asks closes it. Processes are started when there is work for them.

    Raises Unavailable where a Dask cluster does not answer, or is not of this version, and what to do.
    """
    memory_bytes = settings.worker_memory_mb << 20
    if settings.compute == "inline":
        return Inline()
    if settings.compute == "processes":
        return Processes(
            settings.workers or None, memory_bytes=memory_bytes, tasks_per_worker=settings.tasks_per_worker
        )
    raise Unavailable(f"no engine for {settings.compute} yet → CONSIGNE_COMPUTE=processes")
