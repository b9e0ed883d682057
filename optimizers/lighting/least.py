"""The least point above floors, by sweeps to a fixpoint.

In time a sweep runs forward and back over the burning slots; in space it runs up and down every street, front by front.
A sweep only ever subtracts steps from levels that are there, so in floating point too it can reach but finitely many
levels and never raises one above the true least point by more than rounding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.problem import TOLERANCE, LightingProblem
from optimizers.lighting.spending import Spending


class Least:
    """Ramps and steps of one problem, to find the least point above any floors (n, T).

    A slot with ceiling 0 is a lawful dark: to it and from it is no ramp, as at dusk and dawn. Nor is there one where
    the ceiling steps by more.
    """

    def __init__(self, problem: LightingProblem) -> None:
        self.problem = problem
        self.on = np.flatnonzero(problem.burning)
        self.switched = ~problem.dimmable
        self.ramps = list(_ramps(problem, self.on))
        self.fronts = list(_fronts(problem))

    def keeps_steps(self, flux: Floats) -> bool:
        """Whether all neighbours are within their step."""
        # Lamps of a slot lie together here, and half of the day has none that burn.
        slots, (a, b) = flux.T[self.on], self.problem.neighbours.T
        most = self.problem.neighbour_step + TOLERANCE
        return not any((np.abs(slot[a] - slot[b]) > most).any() for slot in slots)

    def above(self, floor: Floats, spending: Spending) -> tuple[Floats, bool]:
        """The point reached, and whether it is the fixpoint. Each round of sweeps is a unit of work."""
        x = np.ascontiguousarray(floor[:, self.on])
        x[self.switched] = x[self.switched] > 0
        settled = False
        while not settled and spending.spend():
            before = x.copy()
            _sweep_time(x, self.ramps)
            for front in self.fronts:
                _advance(x, front, self.switched)
            settled = np.array_equal(before, x)
        flux = np.zeros(self.problem.shape)
        flux[:, self.on] = x
        return flux, settled


def _ramps(problem: LightingProblem, on: Ints) -> Iterator[tuple[int, Floats]]:
    """Each column of the burning slots whose slot before burns too, with the ramp (n,) between the two."""
    ramp = np.where(problem.dimmable, problem.ramp_per_slot, np.inf)
    for t in (np.flatnonzero(np.diff(on) == 1) + 1).tolist():
        before, after = problem.ceiling[:, on[t] - 1], problem.ceiling[:, on[t]]
        free = (before == 0) | (after == 0) | (np.abs(after - before) > ramp + TOLERANCE)
        yield t, np.where(free, np.inf, ramp) if free.any() else ramp


def _sweep_time(x: Floats, ramps: list[tuple[int, Floats]]) -> None:
    # A slot of all lamps lies together here: many times faster than a stride through each lamp's slots.
    slots = np.ascontiguousarray(x.T)
    for t, ramp in ramps:
        np.maximum(slots[t], slots[t - 1] - ramp, out=slots[t])
    for t, ramp in reversed(ramps):
        np.maximum(slots[t - 1], slots[t] - ramp, out=slots[t - 1])
    x[:] = slots.T


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
