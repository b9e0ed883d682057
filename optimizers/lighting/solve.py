"""The least feasible point, by sweeps to a fixpoint.

In time a sweep runs forward and back over the burning slots; in space it runs up and down every street, front by front.
A sweep only ever subtracts steps from levels that are there, so in floating point too it can reach but finitely many
levels and never raises one above the true least point by more than rounding.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter

import numpy as np

from optimizers.lighting.explain import explain
from optimizers.lighting.power import energy_wh
from optimizers.lighting.problem import TOLERANCE, Bools, Floats, Ints, LightingPlan, LightingProblem
from optimizers.result import Limits, Status, Violation

SOLVER = "least point by max-plus sweeps"
_TRACED = 100  # conflicts whose chain is told: nobody reads more, and each costs a search


def solve(problem: LightingProblem, limits: Limits | None = None) -> LightingPlan:
    """The plan of least energy, exact up to rounding, whatever the power curves. `work` counts rounds of sweeps.

    OPTIMAL has its bound equal to its objective. BEST_EFFORT: no plan keeps every ceiling; the floors hold, and each
    lamp over its ceiling is a violation with the chain that lifts it. TIME_LIMIT: full light while it is dark, which
    every floor, ramp and step allows, and the energy of the sweeps so far as bound.
    """
    limits = limits or Limits()
    started = perf_counter()
    flux, settled, rounds = _least_point(problem, limits, started)
    bound = energy_wh(problem, flux)
    if not settled:
        flux = np.broadcast_to(problem.burning, problem.shape).astype(np.float64)
    flux.flags.writeable = False
    plan = LightingPlan(
        status=Status.OPTIMAL if settled else Status.TIME_LIMIT,
        objective=bound if settled else energy_wh(problem, flux),
        bound=bound,
        seconds=0.0,
        seed=limits.seed,
        solver=SOLVER,
        version=_version(),
        violations=tuple(_conflicts(problem, flux, traced=settled)),
        lamps=problem.lamps,
        flux=flux,
        reproducible=settled or rounds == limits.work,
    )
    status = Status.BEST_EFFORT if settled and plan.violations else plan.status
    return replace(plan, status=status, seconds=perf_counter() - started)


def _version() -> str:
    try:
        return version("consigne")
    except PackageNotFoundError:
        return "unknown"


def _least_point(problem: LightingProblem, limits: Limits, started: float) -> tuple[Floats, bool, int]:
    """The point reached, whether it is the fixpoint, and the rounds it took."""
    on = np.flatnonzero(problem.burning)
    switched = ~problem.dimmable
    x = np.ascontiguousarray(problem.floor[:, on])
    x[switched] = x[switched] > 0
    ramp = np.where(switched, np.inf, problem.ramp_per_slot)
    later = np.flatnonzero(np.diff(on) == 1) + 1
    fronts = list(_fronts(problem))
    rounds, settled = 0, False
    while not settled and rounds != limits.work and perf_counter() - started < limits.seconds:
        before = x.copy()
        _sweep_time(x, ramp, later)
        for front in fronts:
            _advance(x, front, switched)
        settled = np.array_equal(before, x)
        rounds += 1
    flux = np.zeros(problem.shape)
    flux[:, on] = x
    return flux, settled, rounds


def _sweep_time(x: Floats, ramp: Floats, later: Ints) -> None:
    """`later` are the columns whose predecessor is the slot just before."""
    for t in later:
        np.maximum(x[:, t], x[:, t - 1] - ramp, out=x[:, t])
    for t in later[::-1]:
        np.maximum(x[:, t - 1], x[:, t] - ramp, out=x[:, t - 1])


@dataclass(frozen=True, slots=True)
class _Front:
    """Edges whose targets one stroke can raise: `source[k] - step[k]` is pushed on the target of its group.

    Groups lie side by side, one for each target, and begin at `first`.
    """

    source: Ints
    step: Floats
    first: Ints
    target: Ints


def _advance(x: Floats, front: _Front, switched: Bools) -> None:
    pushed = x[front.source] - front.step[:, None]
    if front.first.size < front.source.size:
        pushed = np.maximum.reduceat(pushed, front.first)
    raised = np.maximum(x[front.target], pushed)
    if (mask := switched[front.target]).any():
        raised[mask] = raised[mask] > TOLERANCE
    x[front.target] = raised


def _fronts(problem: LightingProblem) -> Iterator[_Front]:
    """The way up every street, then the way down."""
    if not len(problem.neighbours):
        return
    n = len(problem.lamps)
    a, b = problem.neighbours.T
    # Half a second that every command of `consigne` would pay.
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import reverse_cuthill_mckee  # noqa: PLC0415

    graph = coo_array((np.ones(2 * a.size), (np.r_[a, b], np.r_[b, a])), shape=(n, n)).tocsr()
    # Cuthill–McKee numbers a chain from one end to the other, so one way up carries a level along all of it.
    rank = np.empty(n, np.int64)
    rank[reverse_cuthill_mckee(graph, symmetric_mode=True)] = np.arange(n)
    for way in (rank, -rank):
        source, target = np.where(way[a] < way[b], (a, b), (b, a))
        yield from _ordered_fronts(source, target, problem.neighbour_step, way)


def _ordered_fronts(source: Ints, target: Ints, step: Floats, rank: Ints) -> Iterator[_Front]:
    """Fronts in an order in which every source is final before it pushes. Edges go from lower to higher rank."""
    by_rank = np.argsort(rank[target], kind="stable")
    level = [0] * rank.size
    for s, t in zip(source[by_rank].tolist(), target[by_rank].tolist(), strict=True):
        level[t] = max(level[t], level[s] + 1)
    depth = np.asarray(level)[target]
    order = np.lexsort((target, depth))
    for edges in np.split(order, np.flatnonzero(np.diff(depth[order])) + 1):
        targets, first = np.unique(target[edges], return_index=True)
        yield _Front(source[edges], step[edges], first, targets)


def _conflicts(problem: LightingProblem, flux: Floats, *, traced: bool) -> Iterator[Violation]:
    """Each lamp that is over its ceiling, at its worst slot, the worst lamps first."""
    over = flux - problem.ceiling
    slot = np.argmax(over, axis=1)
    worst = over[np.arange(slot.size), slot]
    rows = np.flatnonzero(worst > TOLERANCE)
    for rank, i in enumerate(rows[np.argsort(-worst[rows], kind="stable")].tolist()):
        t = int(slot[i])
        detail = f"slot {t}, flux {flux[i, t]:.6g} over {problem.ceiling[i, t]:.6g}"
        if traced and rank < _TRACED:
            detail += "; " + " ← ".join(map(str, explain(problem, flux, i, t)))
        yield Violation("ceiling", problem.lamps[i], float(worst[i]), "1", detail)
