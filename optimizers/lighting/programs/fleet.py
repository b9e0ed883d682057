"""At most so many programs for all holders together: merged by least added cost, then followed by whom they suit best.

No more than a heuristic: its bound is what the holders' own limits cost.
"""

from dataclasses import replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.problem import TOLERANCE
from optimizers.lighting.programs.grouping import Effort
from optimizers.lighting.programs.opening import exchanged, within
from optimizers.lighting.programs.profiles import Profiles
from optimizers.lighting.programs.staircase import changes_of, parts_lit, staircases

_PASSES = 8  # of profiles choosing among programs, and programs fitted to those who chose them
_NEAR = 1e-10
_FINER = (4, 2)  # times as many programs as may be are looked at, to keep some of them
_EXCHANGES = 60  # of a program for another
_WORK, _CELLS = 2e8, 2e7  # costs weighed for them in all; held at a time, 160 MB


def shared(profiles: Profiles, flux: Floats, programs: Ints, fleet_programs: int, effort: Effort) -> Floats:
    """(p, T) programs of profiles, `fleet_programs` different ones at most. `flux` (p, T) is what they would follow
    without that limit, `programs` (h,) how many each holder takes.
    """
    _, of = np.unique(np.round(flux, 9) + 0.0, axis=0, return_inverse=True)
    if int(of.max()) < fleet_programs:
        return flux
    levels = [times * fleet_programs for times in _FINER if times * fleet_programs <= int(of.max())]
    levels = [level for level in levels if 2 * level * of.size <= _CELLS]
    *finer, of = _merged_at(profiles, of.ravel(), [*levels, fleet_programs])
    of, fitted, cost = _followed(profiles, of, programs, effort)
    if finer and not effort.out_of_time():
        many = np.concatenate([fitted[np.unique(of)], *(_fitted(profiles, groups)[0] for groups in finer)])
        costs = _costs_under(profiles, many, np.unique(of, return_inverse=True)[1])
        kept = exchanged(costs, np.arange(np.unique(of).size), min(effort.rounds, _EXCHANGES, int(_WORK / costs.size)))
        other = kept[_within(profiles, costs[:, kept], programs)]
        if np.isfinite(costs[np.arange(other.size), other]).all():
            trial = _followed(profiles, np.unique(other, return_inverse=True)[1], programs, effort)
            of, fitted, cost = min((of, fitted, cost), trial, key=lambda one: one[2])
    return fitted[of]


def _followed(profiles: Profiles, of: Ints, programs: Ints, effort: Effort) -> tuple[Ints, Floats, float]:
    """From groups of profiles `of` (p,): programs fitted to those who follow them, then followed by whom they suit,
    and so on while it saves. The groups, their programs, and the cost.
    """
    fitted, cost = _fitted(profiles, of)
    for _ in range(_PASSES):
        if effort.out_of_time():
            break
        chosen = _chosen(profiles, fitted, of, programs)
        better, less = _fitted(profiles, chosen)
        if not less < cost * (1 - 1e-9):
            break
        of, fitted, cost = chosen, better, less
    return of, fitted, cost


def _fitted(profiles: Profiles, of: Ints) -> tuple[Floats, float]:
    """The cheapest program of each group of profiles, (g, T), and what all cost; a group that nobody is in has none."""
    members = np.argsort(of, kind="stable")
    group = np.cumsum(np.diff(of[members], prepend=of[members[0]]) != 0)
    needs, draws = profiles.together(members, group)
    # Holders that are lit in different parts of the night ask more changes together than one may take.
    changes = np.maximum(needs.changes, 2 * parts_lit(needs.least, needs.burning))
    flux, cost = staircases(replace(needs, changes=changes), draws)
    whole = np.full((int(of.max()) + 1, flux.shape[1]), np.nan)
    whole[np.unique(of)] = flux
    return whole, float(cost.sum())


class _Merging:
    """Groups that are merged two at a time. Costs are those of the highest need of all members, without a limit of
    changes and without detectors: near enough to choose by.
    """

    def __init__(self, profiles: Profiles, of: Ints) -> None:
        draws, self._ceilings = profiles.draws, profiles.draws.ceilings[:, profiles.needs.burning]
        members = np.argsort(of, kind="stable")
        needs, _ = profiles.together(members, of[members])
        first = np.flatnonzero(np.diff(of[members], prepend=-1))
        self._flux = needs.least[:, needs.burning]
        self._power = {
            index: np.interp(self._flux, draws.curves[index].flux, draws.curves[index].power)
            for index in np.flatnonzero(draws.full_wh.any(axis=0)).tolist()
        }
        self._full_wh = np.add.reduceat(draws.full_wh[members], first)
        self._over = np.add.reduceat(draws.over[members], first) if draws.over.shape[1] else draws.over[: first.size]
        self._penalty_wh = draws.penalty_wh
        self._of, self._alive = of.copy(), np.ones(first.size, np.bool_)
        self._cost = self._costs(self._flux, self._power, self._full_wh, self._over)
        self._partner = np.zeros(first.size, np.int64)
        self._added = np.full(first.size, np.inf)
        self._version = np.zeros(first.size, np.int64)
        self._seen = np.zeros(first.size, np.int64)
        for group in range(first.size):
            self._look(group)

    def merge(self) -> None:
        group = int(np.argmin(self._added))
        # What a group's partner has become is looked at when its turn comes.
        while self._version[self._partner[group]] != self._seen[group]:
            self._look(group)
            group = int(np.argmin(self._added))
        other = int(self._partner[group])
        keep, gone = min(group, other), max(group, other)
        self._of[self._of == gone] = keep
        for power in self._power.values():
            np.maximum(power[keep], power[gone], out=power[keep])
        np.maximum(self._flux[keep], self._flux[gone], out=self._flux[keep])
        self._full_wh[keep] += self._full_wh[gone]
        self._over[keep] += self._over[gone]
        self._alive[gone], self._added[gone] = False, np.inf
        here = slice(keep, keep + 1)
        powers = {index: power[here] for index, power in self._power.items()}
        self._cost[keep] = self._costs(self._flux[here], powers, self._full_wh[here], self._over[here])[0]
        self._version[[keep, gone]] += 1
        self._look(keep)

    def groups(self) -> Ints:
        return np.unique(self._of, return_inverse=True)[1].astype(np.int64)

    def _look(self, group: int) -> None:
        """Find whom the group is merged with at least added cost."""
        others = np.flatnonzero(self._alive & (np.arange(self._alive.size) != group))
        if not others.size:
            return
        added = self._costs(
            np.maximum(self._flux[others], self._flux[group]) if len(self._ceilings) else self._flux[others],
            {index: np.maximum(power[others], power[group]) for index, power in self._power.items()},
            self._full_wh[others] + self._full_wh[group],
            self._over[others] + self._over[group],
        )
        added -= self._cost[others] + self._cost[group]
        best = int(np.argmin(added))
        self._partner[group], self._added[group] = others[best], added[best]
        self._seen[group] = self._version[others[best]]

    def _costs(self, flux: Floats, power: dict[int, Floats], full_wh: Floats, over: Floats) -> Floats:
        cost = np.zeros(len(flux))
        for index, share in power.items():
            cost += full_wh[:, index] * share.sum(axis=1)
        for ceiling, lamps in zip(self._ceilings, over.T, strict=True):
            cost += lamps * (flux > ceiling + TOLERANCE).sum(axis=1) * self._penalty_wh
        return cost


def merged(profiles: Profiles, of: Ints, most: int) -> Ints:
    """(p,) groups of profiles, from those they are in, `of` (p,), merged until `most` are left."""
    return _merged_at(profiles, of, [most])[0]


def _merged_at(profiles: Profiles, of: Ints, levels: list[int]) -> list[Ints]:
    """Groups as they are when each of `levels`, falling, is left."""
    merging, left, found = _Merging(profiles, of), int(of.max()) + 1, []
    for level in levels:
        for _ in range(left - level):
            merging.merge()
        left = min(left, level)
        found.append(merging.groups())
    return found


def _costs_under(profiles: Profiles, flux: Floats, of: Ints) -> Floats:
    """(p, g) what each profile costs under each program, detectors apart; inf where it does not serve.
    That `of` (p,) a profile's group, does.
    """
    draws = profiles.draws
    cost = np.zeros((len(draws.full_wh), len(flux)))
    for index in np.flatnonzero(draws.full_wh.any(axis=0)).tolist():
        curve = draws.curves[index]
        cost += draws.full_wh[:, index, None] * np.interp(flux, curve.flux, curve.power).sum(axis=1)
    for ceiling, lamps in zip(draws.ceilings, draws.over.T, strict=True):
        cost += lamps[:, None] * (flux > ceiling + TOLERANCE).sum(axis=1) * draws.penalty_wh
    serves = _serves(profiles, flux)
    serves[np.arange(of.size), of] = True
    cost[~serves] = np.inf
    return cost


def _serves(profiles: Profiles, flux: Floats) -> Bools:
    """(p, g) whether a program keeps the needs of a profile."""
    needs = profiles.needs
    serves: Bools = changes_of(flux) <= needs.changes[:, None]
    serves &= ~needs.whole[:, None] | np.isin(flux, (0.0, 1.0)).all(axis=1)
    steps = np.abs(np.diff(flux, axis=1))
    ramps, of = np.unique(needs.ramp, axis=0, return_inverse=True)
    kept = np.stack([(steps <= ramp[1:] + _NEAR).all(axis=1) for ramp in ramps])
    serves &= kept[of.ravel()]
    least = needs.least[:, needs.burning] - _NEAR
    for program, row in enumerate(flux[:, needs.burning]):
        serves[:, program] &= (least <= row).all(axis=1)
    return serves


def _chosen(profiles: Profiles, flux: Floats, of: Ints, programs: Ints) -> Ints:
    """(p,) the program that each profile takes, no more different ones than its holder takes; those they follow,
    `of` (p,), where no others serve.
    """
    cost = _costs_under(profiles, flux, of)
    chosen = _within(profiles, cost, programs)
    lacking = np.unique(profiles.holder[np.isinf(cost[np.arange(of.size), chosen])])
    return np.where(np.isin(profiles.holder, lacking), of, chosen)


def _within(profiles: Profiles, cost: Floats, programs: Ints) -> Ints:
    """(p,) the column of cost (p, g) that each profile takes, as many different ones as its holder takes."""
    holders, starts = np.unique(profiles.holder, return_index=True)
    parts = np.split(cost, starts[1:])
    return np.concatenate([within(part, int(programs[h])) for h, part in zip(holders.tolist(), parts, strict=True)])
