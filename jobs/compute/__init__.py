"""Heavy work, on one of three engines: in this process, in processes of this machine, on a Dask cluster."""

from jobs.compute.base import Compute, Fault, FaultKind, Outcome
from jobs.compute.choosing import compute_of
from jobs.compute.inline import Inline
from jobs.compute.processes import Processes

__all__ = ["Compute", "Fault", "FaultKind", "Inline", "Outcome", "Processes", "compute_of"]
