"""The plan of least expected cost for the coming night: see `solve`."""

from collections.abc import Sequence

import numpy as np

from optimizers.arrays import Floats
from optimizers.irrigation.costs import expected_eur
from optimizers.irrigation.night import Night
from optimizers.irrigation.pace import Pace
from optimizers.irrigation.problem import IrrigationPlan, IrrigationProblem
from optimizers.irrigation.sharing import share_out
from optimizers.irrigation.supplies import supplies
from optimizers.result import Limits, Status, our_version

SOLVER = "sets of valves in PuLP"
_PROVED = 1e-7  # relative: what is left is rounding


def solve(problem: IrrigationProblem, limits: Limits | None = None) -> IrrigationPlan:
    """The plan of least expected cost, with a proved bound.

    Networks are decided one by one. Of each, tonight's whole cycles and later fractions of every scenario are chosen
    over the hours of sets of valves that may run together (`model`), then every opening is timed to the second
    (`timing`); what finds no time is decided again (`night`). Too many sets to write out are found as they are wanted
    (`columns`). A budget over networks gives water a price (`sharing`, `bidding`).

    Later nights may interrupt a cycle; each has as many as its windows leave room for with their soaks, at most. The
    bound is that of the relaxation in which tonight may do so as well, proved by HiGHS, or CBC: no timing does better.

    OPTIMAL: the bound is the objective. FEASIBLE: within the gap asked for, or as near as `work`, in nodes of the
    tree of each model, and a few rounds of timing come: `gap` says which. TIME_LIMIT: farther than the gap when
    time was over; a network without any plan by then stays dry, among the reasons. There always is a plan: no water
    breaks nothing. `threads` networks are solved side by side, which changes no plan; HiGHS itself has one thread.
    Every problem of the same arrays has the same plan, to the byte, unless time cut it short.
    """
    pace = Pace(limits or Limits())
    n, days, scenarios = problem.shape
    dry_eur = expected_eur(problem, np.zeros(n, np.int64), np.zeros((scenarios, days - 1, n)))
    nights = share_out(problem, list(supplies(problem)), dry_eur, pace)
    return _plan(problem, nights, dry_eur, pace)


def _plan(problem: IrrigationProblem, nights: Sequence[Night], dry_eur: Floats, pace: Pace) -> IrrigationPlan:
    n, days, scenarios = problem.shape
    cycles, later = np.zeros(n, np.int64), np.zeros((scenarios, days - 1, n))
    idle = np.ones(n, np.bool_)
    opened: list[tuple[float, int]] = []
    for night in nights:
        for supply, decided, openings in zip(night.supplies, night.decided, night.openings, strict=True):
            cycles[supply.zones], later[:, :, supply.zones] = decided.cycles, decided.later
            idle[supply.zones] = False
            opened += [(at, int(supply.zones[z])) for at, z in openings]
    opened.sort()
    which, start_s = np.array([z for _, z in opened], np.int64), np.array([at for at, _ in opened], np.float64)
    objective = float(expected_eur(problem, cycles, later).sum())
    bound = min(objective, float(dry_eur[idle].sum()) + sum(night.bound for night in nights))
    late = any(night.late for night in nights)
    return IrrigationPlan(
        status=_status(objective, bound, pace.limits.gap, late),
        objective=objective,
        bound=bound,
        seconds=pace.seconds,
        seed=pace.limits.seed,
        solver=_solver(nights),
        version=our_version(),
        reasons=tuple(reason for night in nights for reason in night.reasons),
        reproducible=not late,
        hydrozones=problem.hydrozones.names,
        cycles=cycles,
        opened=which,
        start_s=start_s,
        end_s=start_s + problem.hydrozones.cycle_s[which],
        later_cycles=later,
    )


def _status(objective: float, bound: float, gap: float, late: bool) -> Status:
    missing = (objective - bound) / max(objective, 1e-9)
    if missing <= _PROVED:
        return Status.OPTIMAL
    return Status.TIME_LIMIT if late and missing > gap else Status.FEASIBLE


def _solver(nights: Sequence[Night]) -> str:
    names = sorted({night.solver for night in nights if night.solver})
    return ", ".join((SOLVER, *names))
