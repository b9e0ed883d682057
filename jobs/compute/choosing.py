"""Which engine the settings ask for."""

from typing import TYPE_CHECKING

from jobs.compute.base import Compute
from jobs.compute.inline import Inline
from jobs.compute.patient import Patient
from jobs.compute.processes import Processes

if TYPE_CHECKING:  # every worker imports this package, and shall not wait for pydantic
    from engine.settings import Settings


def compute_of(settings: "Settings", *, patient: bool = False) -> Compute:
    """The engine of CONSIGNE_COMPUTE; whoever asks closes it. Processes are started when there is work for them.

    Raises Unavailable where a Dask cluster does not answer, or is not of this version, and what to do; one that is
    `patient` tells it by its outcomes.
    """
    memory_bytes = settings.worker_memory_mb << 20
    if settings.compute == "inline":
        return Inline()
    if settings.compute == "processes":
        return Processes(
            settings.workers or None, memory_bytes=memory_bytes, tasks_per_worker=settings.tasks_per_worker
        )
    from jobs.compute.cluster import Dask  # noqa: PLC0415 - an optional library, and the logs

    def connect() -> Compute:
        return Dask(settings.compute, memory_bytes=memory_bytes)

    return Patient("dask", connect) if patient else connect()
