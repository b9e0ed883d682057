"""The plan of least expected cost for the coming night: see `solve`."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.irrigation.costs import expected_eur
from optimizers.irrigation.engines import Effort
from optimizers.irrigation.model import build
from optimizers.irrigation.problem import IrrigationPlan, IrrigationProblem
from optimizers.irrigation.supplies import Supply, supplies
from optimizers.irrigation.timing import Opening, timetable
from optimizers.result import Limits, Status

SOLVER = "sets of valves in PuLP"
_PROVED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """What one supply does."""

    cycles: Ints
    later: Floats
    openings: tuple[Opening, ...]
    bound: float
    late: bool
    reasons: tuple[str, ...] = ()


def solve(problem: IrrigationProblem, limits: Limits | None = None) -> IrrigationPlan:
    started, limits = time.monotonic(), limits or Limits()
    parts = list(supplies(problem))
    effort = Effort(limits.seconds / max(1, len(parts)) * limits.threads, limits.gap / 2, limits.work, limits.seed)
    with ThreadPoolExecutor(limits.threads) as pool:
        nights = list(pool.map(lambda part: _night(part, effort), parts))
    return _plan(problem, limits, parts, nights, started)


def _night(supply: Supply, effort: Effort) -> Night:
    model = build(supply)
    answer = model.solve(effort)
    decided = model.decided
    table = timetable(supply, decided.cycles)
    late = answer.late
    if (table.cycles < decided.cycles).any():
        late |= model.solve(effort, table.cycles, table.cycles).late
        decided = model.decided
    return Night(decided.cycles, decided.later, table.openings, answer.bound, late)


def _plan(
    problem: IrrigationProblem, limits: Limits, parts: list[Supply], nights: list[Night], started: float
) -> IrrigationPlan:
    n, days, scenarios = problem.shape
    cycles, later = np.zeros(n, np.int64), np.zeros((scenarios, days - 1, n))
    opened: list[tuple[float, int]] = []
    idle = np.ones(n, np.bool_)
    for part, night in zip(parts, nights, strict=True):
        cycles[part.zones], later[:, :, part.zones] = night.cycles, night.later
        opened += [(at, int(part.zones[z])) for at, z in night.openings]
        idle[part.zones] = False
    opened.sort()
    which = np.array([z for _, z in opened], np.int64)
    start_s = np.array([at for at, _ in opened], np.float64)
    eur = expected_eur(problem, cycles, later)
    objective = float(eur.sum())
    bound = min(objective, float(eur[idle].sum()) + sum(night.bound for night in nights))
    late = any(night.late for night in nights)
    near = objective - bound <= max(limits.gap, _PROVED) * max(abs(objective), 1.0)
    return IrrigationPlan(
        status=Status.OPTIMAL if near else Status.TIME_LIMIT if late else Status.FEASIBLE,
        objective=objective,
        bound=bound,
        seconds=time.monotonic() - started,
        seed=limits.seed,
        solver=SOLVER,
        version="0",
        reasons=tuple(reason for night in nights for reason in night.reasons),
        reproducible=not late,
        hydrozones=problem.hydrozones.names,
        cycles=cycles,
        opened=which,
        start_s=start_s,
        end_s=start_s + problem.hydrozones.cycle_s[which],
        later_cycles=later,
    )
