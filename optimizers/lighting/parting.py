"""Some lamps of a problem by themselves."""

from dataclasses import replace

import numpy as np

from optimizers.arrays import Bools, Ints
from optimizers.lighting.parts import Holders, Lanes
from optimizers.lighting.problem import LightingProblem


def streets(problem: LightingProblem) -> Ints:
    """(n,) the same number for lamps that see each other, directly or along others."""
    # Half a second that every command of `consigne` would pay.
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    n, (a, b) = len(problem.lamps), problem.neighbours.T
    return np.asarray(connected_components(coo_array((np.ones(a.size), (a, b)), shape=(n, n)))[1], np.int64)


def part_of(problem: LightingProblem, lamps: Bools) -> LightingProblem:
    """The problem of `lamps` (n,) and of the holders they have, without others, budgets and yesterday."""
    place = np.cumsum(lamps) - 1
    inner = lamps[problem.neighbours].all(axis=1)
    lanes, holders = problem.lanes, problem.holders
    return LightingProblem(
        lamps=tuple(problem.lamps[i] for i in np.flatnonzero(lamps).tolist()),
        floor=problem.floor[lamps],
        ceiling=problem.ceiling[lamps],
        burning=problem.burning,
        power_full_w=problem.power_full_w[lamps],
        ramp_per_slot=problem.ramp_per_slot[lamps],
        neighbours=place[problem.neighbours[inner]],
        neighbour_step=problem.neighbour_step[inner],
        dimmable=problem.dimmable[lamps],
        curves=problem.curves,
        curve=problem.curve[lamps],
        slot_s=problem.slot_s,
        holders=None if holders is None else _holders_of(holders, lamps),
        lanes=None if lanes is None else Lanes(boost=lanes.boost[lamps], detection=lanes.detection[lamps]),
    )


def _holders_of(whole: Holders, lamps: Bools) -> Holders:
    here, of = np.unique(whole.of[lamps], return_inverse=True)
    names = tuple(whole.names[h] for h in here.tolist())
    return replace(whole, names=names, of=of, programs=whole.programs[here], switch_points=whole.switch_points[here])
