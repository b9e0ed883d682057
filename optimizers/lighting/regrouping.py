"""Holders whose programs lift lamps of their own: grouped anew, where that costs less together with what is lifted.

`hold` chooses groups as if no lamp saw another, and again above what was lifted. Which groups lift little it does not
ask. Here they are weighed with what they lift, by moves from the groups that a settled plan has.
"""

from collections.abc import Iterator

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.parting import part_of
from optimizers.lighting.parts import Holders
from optimizers.lighting.power import lamp_energy_wh
from optimizers.lighting.problem import TOLERANCE, LightingProblem
from optimizers.lighting.programs.beside import Beside
from optimizers.lighting.programs.holding import allowed_changes
from optimizers.lighting.programs.profiles import Profiles, profiles

CLASSES = 32  # of lamps in one holder, at most, whose groups are weighed so
_SAVES = 1e-9  # of a holder's energy that other groups must save


def lifted(problem: LightingProblem, need: Floats, flux: Floats, lamps: Bools) -> Bools:
    """(n,) which of `lamps` (n,) have a brighter neighbour that asks more of them than they need."""
    asked = np.zeros(flux.shape[0], np.bool_)
    for source, target, step in _ways(problem):
        edges = np.flatnonzero(lamps[target])
        bright, dark, least = flux[source[edges]], flux[target[edges]], need[target[edges]]
        more = (bright > dark + TOLERANCE) & (bright - step[edges, None] > least + TOLERANCE)
        asked[target[edges[more.any(axis=1)]]] = True
    return asked


def regrouped(problem: LightingProblem, need: Floats, flux: Floats, chosen: Ints) -> Floats:
    """Settled programs `flux` (n, T) above `need` (n, T), for the holders `chosen` with those of other groups where
    these take less. They keep the steps to all lamps around, which stay as they are.
    """
    for holders in _turns(problem, chosen):
        flux = _in_turn(problem, need, flux, holders)
    return flux


def _turns(problem: LightingProblem, chosen: Ints) -> Iterator[Ints]:
    """The holders chosen, in turns of such as have no lamps beside each other's."""
    assert problem.holders is not None  # noqa: S101
    ends = problem.holders.of[problem.neighbours]
    ends = ends[(ends[:, 0] != ends[:, 1]) & np.isin(ends, chosen).all(axis=1)]
    beside = {(one, other) for pair in ends.tolist() for one, other in (pair, pair[::-1])}
    left = chosen.tolist()
    while left:
        turn: list[int] = []
        for holder in left:
            if not any((holder, other) in beside for other in turn):
                turn.append(holder)
        left = [holder for holder in left if holder not in turn]
        yield np.array(turn)


def _in_turn(problem: LightingProblem, need: Floats, flux: Floats, holders: Ints) -> Floats:
    assert problem.holders is not None  # noqa: S101
    theirs = np.isin(problem.holders.of, holders)
    lowest, highest = _asked_around(problem, need, flux, theirs)
    part = part_of(problem, theirs)
    trials = flux[theirs]
    for lamps, beside, kinds in _cabinets(part, lowest[theirs], highest[theirs]):
        _, one = np.unique(kinds, return_index=True)
        found = beside.settled([beside.groups_of(trials[lamps[one]])], np.inf)
        if found is not None:
            trials[lamps] = beside.improved(found)[1][kinds]
    new = flux.copy()
    new[theirs] = _cheaper(part, flux[theirs], trials)
    return new


def _ways(problem: LightingProblem) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Each pair of neighbours in both directions: who asks, who is asked, and the step."""
    a, b = problem.neighbours.T
    yield a, b, problem.neighbour_step
    yield b, a, problem.neighbour_step


def _asked_around(problem: LightingProblem, need: Floats, flux: Floats, theirs: Bools) -> tuple[Floats, Floats]:
    """(n, T) what lamps need, with what lamps beside them ask that are not `theirs` (n,); and up to where they may go
    without asking more of those than they do now.
    """
    lowest, highest = need.copy(), np.full(flux.shape, np.inf)
    for source, target, step in _ways(problem):
        edge = theirs[target] & ~theirs[source]
        np.maximum.at(lowest, target[edge], flux[source[edge]] - step[edge, None])
        np.minimum.at(highest, target[edge], np.maximum(flux[target[edge]], flux[source[edge]] + step[edge, None]))
    return lowest, highest


def _cabinets(problem: LightingProblem, need: Floats, highest: Floats) -> Iterator[tuple[Ints, Beside, Ints]]:
    """Each holder of a part: its lamps, its groups to weigh, and the class of each of its lamps, from 0."""
    holders, n = problem.holders, np.arange(len(problem.lamps))
    assert holders is not None  # noqa: S101
    changes = allowed_changes(problem, holders, need, n)[holders.of]
    alike = profiles(problem, need, n, holders.of, changes)
    classes = profiles(problem, need, n, holders.of, changes, apart=_stands(problem, alike.of, highest))
    of, a, b = classes.of, *problem.neighbours.T
    for h, (start, stop) in enumerate(zip(*_ends(classes, holders), strict=True)):
        if stop - start > CLASSES:
            continue
        lamps = np.flatnonzero(holders.of == h)
        inner = (holders.of[a] == h) & (holders.of[b] == h)
        near = np.full((stop - start, stop - start), np.inf)
        np.minimum.at(near, (of[a[inner]] - start, of[b[inner]] - start), problem.neighbour_step[inner])
        most = np.full((stop - start, need.shape[1]), np.inf)
        np.minimum.at(most, of[lamps] - start, highest[lamps])
        mine = classes.lowered(np.arange(start, stop), np.arange(stop - start))
        yield lamps, Beside(mine, np.minimum(near, near.T), int(holders.programs[h]), most), of[lamps] - start


def _ends(classes: Profiles, holders: Holders) -> tuple[list[int], list[int]]:
    ends = np.searchsorted(classes.holder, np.arange(len(holders.names) + 1)).tolist()
    return ends[:-1], ends[1:]


def _stands(problem: LightingProblem, alike: Ints, highest: Floats) -> Ints:
    """(n,) the same number for lamps beside the same profiles `alike` (n,) of others; one of its own where a lamp
    elsewhere bounds it.
    """
    beside: list[set[tuple[int, float]]] = [set() for _ in alike]
    for source, target, step in _ways(problem):
        other = alike[source] != alike[target]
        profile, lamp, apart = (part.tolist() for part in (alike[source[other]], target[other], step[other]))
        for i, j, k in zip(profile, lamp, apart, strict=True):
            beside[j].add((i, k))
    for i in np.flatnonzero(np.isfinite(highest).any(axis=1)).tolist():
        beside[i].add((-1 - i, 0.0))
    numbers: dict[frozenset[tuple[int, float]], int] = {}
    return np.array([numbers.setdefault(frozenset(one), len(numbers)) for one in beside], np.int64)


def _cheaper(problem: LightingProblem, flux: Floats, trials: Floats) -> Floats:
    """For each holder the rows of `trials` (n, T) where they take less, and pass ceilings no more often."""
    assert problem.holders is not None  # noqa: S101
    of = problem.holders.of
    energy, less = (np.bincount(of, lamp_energy_wh(problem, rows)) for rows in (flux, trials))
    passed, now = (np.bincount(of, (rows > problem.ceiling + TOLERANCE).sum(axis=1)) for rows in (flux, trials))
    better = (less < energy * (1 - _SAVES)) & (now <= passed)
    return np.where(better[of][:, None], trials, flux)
