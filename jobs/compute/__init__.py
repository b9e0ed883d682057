"""Heavy work, on one of three engines: in this process, in processes of this machine, on a Dask cluster."""

from jobs.compute.base import Compute, Fault, FaultKind, Outcome
from jobs.compute.inline import Inline

__all__ = ["Compute", "Fault", "FaultKind", "Inline", "Outcome"]
