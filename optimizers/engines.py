"""What every optimiser that asks HiGHS or CBC shares: what one model may cost, and how HiGHS says how it ended."""

import math
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from optimizers.result import Status

try:
    import highspy
except ImportError:  # an installation without it, or with one that cannot live beside OR-Tools
    highspy = None

__all__ = ["Effort", "Ended", "ended", "highspy"]

_LEAST_S = 0.01
_FEASIBLE = 2  # kSolutionStatusFeasible, which highspy hands over as a number


@dataclass(frozen=True, slots=True)
class Effort:
    """What one model may cost: wall seconds, relative gap, nodes of the tree (None for no bound), the seed."""

    seconds: float
    gap: float
    nodes: int | None = None
    seed: int = 0

    def within(self, until: float) -> "Effort":
        """The same, but over by then, an instant of the monotonic clock."""
        return replace(self, seconds=max(_LEAST_S, min(self.seconds, until - monotonic())))

    @property
    def options(self) -> dict[str, Any]:
        """Of HiGHS. It fixes its number of threads at the first solve of a process and fails where a later one asks for
        another: one thread, for ever and everywhere.
        """
        limits = {} if self.nodes is None else {"mip_max_nodes": self.nodes}
        return {
            "threads": 1, "output_flag": False, "random_seed": self.seed, "time_limit": self.seconds,
            "mip_rel_gap": self.gap, **limits,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How HiGHS ended, by its status and never by the objective it shows.

    status   optimal; feasible: broken off with a solution; time_limit: broken off without; infeasible
    value    of the solution; infinite for none
    bound    proved: no solution goes below
    late     whether it was the clock that broke it off
    """

    status: Status
    value: float
    bound: float
    late: bool


def ended(highs: Any, *, tree: bool) -> Ended | None:
    """None where it failed, or found no least. `tree`: whether some of its columns are whole."""
    statuses, status, info = highspy.HighsModelStatus, highs.getModelStatus(), highs.getInfo()
    if status == statuses.kInfeasible:
        return Ended(Status.INFEASIBLE, math.inf, math.inf, late=False)
    optimal = status == statuses.kOptimal
    broken_off = status in {statuses.kTimeLimit, statuses.kSolutionLimit, statuses.kInterrupt}
    feasible = info.primal_solution_status == _FEASIBLE
    if not (optimal or broken_off) or (optimal and not feasible):
        return None
    value = float(info.objective_function_value) if feasible else math.inf
    # Without a whole column HiGHS solves the linear program, and leaves the bound of a tree at 0.
    bound = float(info.mip_dual_bound) if tree else value if optimal else -math.inf
    found = Status.OPTIMAL if optimal else Status.FEASIBLE if feasible else Status.TIME_LIMIT
    return Ended(found, value, bound, late=status == statuses.kTimeLimit)
