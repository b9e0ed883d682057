"""Programs for all lamps of all holders, within what each holder announces."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum
from time import perf_counter

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.parts import Holders
from optimizers.lighting.power import lamp_energy_wh
from optimizers.lighting.problem import LightingProblem
from optimizers.lighting.programs import crowds
from optimizers.lighting.programs.fleet import shared
from optimizers.lighting.programs.grouping import ROUNDS, Effort, Grouping, exactly
from optimizers.lighting.programs.profiles import Profiles, profiles
from optimizers.lighting.programs.staircase import changes_of, parts_lit, staircases
from optimizers.result import Limits

_GAP = 1e-9  # below which nothing is sought: the rounding of sums


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Programs found. `flux` (n, T); rows of lamps that were not asked for are as they were.

    objective_wh (h,)   energy of each holder's lamps; 0 where it was not asked for
    bound_wh (h,)       proved: no programs above the least flux, within the holder's limits, take less; where a ceiling
                        must be passed, none that pass ceilings in as few lamp-slots
    reasons             limits that nobody can keep, and what was done instead
    reproducible        false where the clock cut the search short
    """

    flux: Floats
    objective_wh: Floats
    bound_wh: Floats
    reasons: tuple[str, ...]
    reproducible: bool


def hold(problem: LightingProblem, least: Floats, limits: Limits | None = None, *, only: Ints | None = None) -> Held:
    """The cheapest programs at or above `least` (n, T) that each holder of `problem.holders` can keep.

    `least` keeps floors and ramps; programs keep the ramps too, but know nothing of neighbours. Ceilings are passed
    where the number of programs or of changes leaves no other way, in as few lamp-slots as can be. `only` are the
    indices of holders to be asked, None for all. `limits.work` counts rounds of search; a holder is left alone
    once its gap is at most `limits.gap`.
    """
    limits = limits or Limits()
    clock = _Clock(limits.seconds)
    holders = problem.holders or _everybody(problem)
    asked = np.zeros(len(holders.names), np.bool_)
    asked[only if only is not None else slice(None)] = True
    lamps = np.flatnonzero(asked[holders.of])
    if not lamps.size:
        return Held(np.array(least, np.float64), np.zeros(asked.size), np.zeros(asked.size), (), True)
    changes = allowed_changes(problem, holders, least, lamps)
    found = profiles(problem, least, lamps, holders.of[lamps], changes[holders.of[lamps]])
    effort = Effort(max(limits.gap, _GAP), limits.work or ROUNDS, clock.is_over)
    own, cost = staircases(found.needs, found.draws)
    groupings = _grouped(found, own, cost, holders.programs, effort)
    flux = np.array(least, np.float64)
    programs = _programs(found, own, groupings)
    flux[lamps] = programs[found.of]
    bound = _bounds(problem, flux, least, holders, lamps, groupings)
    flux[lamps] = shared(found, programs, holders.programs, holders.fleet_programs, effort)[found.of]
    objective = _by_holder(problem, flux, holders, lamps)
    return Held(flux, objective, np.minimum(bound, objective), tuple(_reasons(holders, flux, lamps)), not clock.struck)


class _Clock:
    """`struck` once somebody has been told that the time is over."""

    def __init__(self, seconds: float) -> None:
        self._end_s = perf_counter() + seconds
        self.struck = False

    def is_over(self) -> bool:
        self.struck = self.struck or perf_counter() > self._end_s
        return self.struck


def _bounds(
    problem: LightingProblem, flux: Floats, least: Floats, holders: Holders, lamps: Ints, groupings: list[Grouping]
) -> Floats:
    """(h,) what no programs of each holder take less than, from programs found at `flux`."""
    cost = _by_holder(problem, flux, holders, lamps)
    apart = np.zeros(cost.size)
    apart[np.unique(holders.of[lamps])] = [grouping.cost - grouping.bound for grouping in groupings]
    # Where a passed ceiling stands between cost and bound, that says nothing of energy; what is needed at least does.
    return np.maximum(cost - apart, _by_holder(problem, least, holders, lamps))


def _by_holder(problem: LightingProblem, flux: Floats, holders: Holders, lamps: Ints) -> Floats:
    """(h,) energy of those of each holder's lamps that are among `lamps`."""
    order = lamps[np.argsort(holders.of[lamps], kind="stable")]
    energy = lamp_energy_wh(problem, flux[order], order)
    total = np.zeros(len(holders.names))
    starts = _starts(holders.of[order])
    for h, part in zip(holders.of[order[starts]].tolist(), np.split(energy, starts[1:]), strict=True):
        total[h] = fsum(part.tolist())
    return total


def _everybody(problem: LightingProblem) -> Holders:
    holders = Holders(names=("",), of=np.zeros(len(problem.lamps), np.int64))
    holders.freeze(problem.lamps, problem.burning.size)
    return holders


def _starts(holder: Ints) -> Ints:
    return np.flatnonzero(np.diff(holder, prepend=-1))


def _grouped(profiles: Profiles, flux: Floats, own: Floats, programs: Ints, effort: Effort) -> list[Grouping]:
    """A grouping for each holder that has profiles, in order. `flux` (p, T) and `own` (p,) are the cheapest program of
    each profile and its cost; `programs` (h,) how many each holder takes.
    """
    holders, starts, sizes = np.unique(profiles.holder, return_index=True, return_counts=True)
    most = np.minimum(programs[holders], sizes)
    found = [
        Grouping([[i] for i in range(size)], alone, alone)
        for size, alone in zip(sizes.tolist(), np.add.reduceat(own, starts).tolist(), strict=True)
    ]
    tight = [
        k
        for k in np.flatnonzero(most < sizes).tolist()
        if len({row.tobytes() for row in flux[starts[k] : starts[k] + sizes[k]]}) > most[k]
    ]
    for search, these in ((exactly, sizes <= crowds.CLUSTERS), (crowds.crowded, sizes > crowds.CLUSTERS)):
        chosen = np.array([k for k in tight if these[k]], np.int64)
        groupings = search(profiles, own, starts[chosen], sizes[chosen], most[chosen], effort)
        for k, grouping in zip(chosen.tolist(), groupings, strict=True):
            found[k] = grouping
    return found


def _programs(found: Profiles, own: Floats, groupings: list[Grouping]) -> Floats:
    """(p, T) the program that each profile follows."""
    flux = own.copy()
    together = [
        (start + np.array(group))
        for start, grouping in zip(_starts(found.holder).tolist(), groupings, strict=True)
        for group in grouping.groups
        if len(group) > 1
    ]
    if together:
        members = np.concatenate(together)
        group = np.repeat(np.arange(len(together)), [len(one) for one in together])
        flux[members] = staircases(*found.together(members, group))[0][group]
    return flux


def allowed_changes(problem: LightingProblem, holders: Holders, least: Floats, lamps: Ints) -> Ints:
    """(h,) changes of level that each holder's programs are allowed: what it announces, or what the night asks."""
    theirs = lamps[np.argsort(holders.of[lamps], kind="stable")]
    of, first = np.unique(holders.of[theirs], return_index=True)
    lit = np.zeros((len(holders.names), problem.burning.size))
    lit[of] = np.maximum.reduceat(least[theirs], first)
    # No row changes more often than it has slots.
    most = np.minimum(holders.switch_points, problem.burning.size + 1)
    return np.maximum(most, 2 * parts_lit(lit, problem.burning))


def _reasons(holders: Holders, flux: Floats, lamps: Ints) -> Iterator[str]:
    """Each holder that is asked for more changes of level than it takes."""
    most = np.zeros(len(holders.names), np.int64)
    np.maximum.at(most, holders.of[lamps], changes_of(flux[lamps]))
    for h in np.flatnonzero(most > holders.switch_points).tolist():
        yield (
            f"holder {holders.names[h]!r} takes {holders.switch_points[h]} switch points a program, the parts of the "
            f"night ask {most[h]}: planned with these"
        )
