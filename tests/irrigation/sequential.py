"""A plan for any problem, without a solver: in each network one valve after the other, as early as windows let it."""

from dataclasses import replace

import numpy as np

from optimizers.irrigation import IrrigationPlan, IrrigationProblem
from optimizers.result import Status
from tests.irrigation.planted import honest

Opening = tuple[float, float, int]


def spans(problem: IrrigationProblem, z: int) -> list[tuple[float, float]]:
    """Stretches of the first night, each by itself: a cycle that straddles two is not tried."""
    found = problem.windows
    mine = np.flatnonzero(found.allowed[z] & (found.night == 0))
    return [(float(found.start_s[k]), float(found.end_s[k])) for k in mine]


def sequential(problem: IrrigationProblem, most: int = 3) -> IrrigationPlan:
    """Up to `most` cycles each where budgets leave room, and in later nights a hundredth of one."""
    n, days, scenarios = problem.shape
    free = np.zeros(len(problem.networks.names))
    openings: list[Opening] = []
    for z in range(n):
        for _ in range(min(most, int(problem.windows.most_cycles[z, 0]))):
            opening = _next(problem, openings, z, float(free[problem.hydrozones.network[z]]))
            if opening is None or _spent(problem, [*openings, opening]):
                break
            openings.append(opening)
            free[problem.hydrozones.network[z]] = opening[1]
    openings.sort()
    waterable = [np.any(problem.windows.allowed[z]) for z in range(n)]
    later = 0.01 * np.minimum(problem.windows.most_cycles.T[1:], 1) * waterable * np.ones((scenarios, days - 1, n))
    plan = IrrigationPlan(
        status=Status.FEASIBLE,
        objective=0.0,
        bound=0.0,
        seconds=0.0,
        seed=0,
        solver="one after the other",
        version="1",
        hydrozones=problem.hydrozones.names,
        cycles=np.bincount([z for *_, z in openings], minlength=n).astype(np.int64),
        opened=np.array([z for *_, z in openings], np.int64),
        start_s=np.array([start for start, *_ in openings], np.float64),
        end_s=np.array([end for _, end, _ in openings], np.float64),
        later_cycles=later if problem.budgets is None else 0 * later,
    )
    return honest(plan, problem)


def _next(problem: IrrigationProblem, openings: list[Opening], z: int, free: float) -> Opening | None:
    """The earliest cycle after everything in its network, and after its own soak."""
    soaked = max((end for _, end, other in openings if other == z), default=-np.inf) + problem.hydrozones.soak_s[z]
    for start, end in spans(problem, z):
        begin = max(start, free, float(soaked))
        if begin + problem.hydrozones.cycle_s[z] <= end:
            return begin, begin + float(problem.hydrozones.cycle_s[z]), z
    return None


def _spent(problem: IrrigationProblem, openings: list[Opening]) -> bool:
    if problem.budgets is None:
        return False
    water = np.bincount([z for *_, z in openings], minlength=problem.shape[0]) * problem.hydrozones.cycle_m3
    return bool((problem.budgets.member @ water > problem.budgets.limit_m3).any())


def without(plan: IrrigationPlan, i: int) -> IrrigationPlan:
    """The plan as if opening i had been lost."""
    return replace(plan, **{name: np.delete(getattr(plan, name), i) for name in ("opened", "start_s", "end_s")})
