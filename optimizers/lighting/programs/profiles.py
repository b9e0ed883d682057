"""The different needs that stand behind a fleet's lamps: what is asked and what it costs, once for all lamps alike."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.problem import TOLERANCE, LightingProblem
from optimizers.lighting.programs.draws import Draws
from optimizers.lighting.programs.staircase import Needs

_DIGITS = 9  # of flux: rows that differ by the rounding of sums are one profile


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """Lamps of one holder that need the same flux, under the same ramps and ceilings, at the same prices, together.

    of (n,)         profile of each lamp
    holder (p,)     holder of each profile, ascending
    kind (p,)       the same number where costs are proportional, whatever the level and the slot
    needs, draws    of each profile, (p, …)
    """

    of: Ints
    holder: Ints
    kind: Ints
    needs: Needs
    draws: Draws

    def together(self, members: Ints, group: Ints) -> tuple[Needs, Draws]:
        """What groups must keep and cost: profile `members` (m,) are in `group` (m,), ascending from 0 without gap."""
        first = np.flatnonzero(np.diff(group, prepend=-1))
        needs = self.needs
        joint = Needs(
            np.maximum.reduceat(needs.least[members], first),
            np.minimum.reduceat(needs.ramp[members], first),
            np.logical_or.reduceat(needs.whole[members], first),
            np.minimum.reduceat(needs.changes[members], first),
            needs.burning,
        )
        return joint, self._draws_together(members, group, first)

    def lowered(self, members: Ints, group: Ints) -> "Profiles":
        """Profiles `members` (m,), each need lowered to what its group (m,) has in common; `of` is a member's group.
        Whoever keeps the needs of all members keeps these.
        """
        first = np.flatnonzero(np.diff(group, prepend=-1))
        needs = self.needs
        common = Needs(
            np.minimum.reduceat(needs.least[members], first),
            np.maximum.reduceat(needs.ramp[members], first),
            np.logical_and.reduceat(needs.whole[members], first),
            needs.changes[members[first]],
            needs.burning,
        )
        lead = members[first]
        # A lowered need may keep a ceiling that the need itself passes: of several, no ceiling is counted.
        alone = np.diff(first, append=members.size) == 1
        draws = self._draws_together(members, group, first)
        draws = replace(draws, over=draws.over * alone[:, None], spared=draws.spared * alone)
        return Profiles(group, self.holder[lead], self.kind[lead], common, draws)

    def _draws_together(self, members: Ints, group: Ints, first: Ints) -> Draws:
        draws = self.draws
        start = np.searchsorted(draws.lane, members)
        count = np.searchsorted(draws.lane, members, side="right") - start
        lanes = np.repeat(start - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
        return Draws(
            draws.curves,
            np.add.reduceat(draws.full_wh[members], first),
            np.repeat(group, count),
            draws.lane_curve[lanes],
            draws.lane_boost[lanes],
            draws.lane_wh[lanes],
            draws.ceilings,
            np.add.reduceat(draws.over[members], first) if len(draws.ceilings) else np.zeros((first.size, 0)),
            np.add.reduceat(draws.spared[members], first),
            draws.penalty_wh,
        )


def profiles(
    problem: LightingProblem, least: Floats, lamps: Ints, holder: Ints, changes: Ints, apart: Ints | None = None
) -> Profiles:
    """Profiles of `lamps` (n,), of `holder` (n,), each allowed `changes` (n,) of level, that need `least` (N, T).
    Lamps with different numbers in `apart` (n,) are told apart, whatever they need.
    """
    rows = np.round(least[lamps], _DIGITS) + 0.0
    ceilings, ceiling = _ceilings(problem, lamps)
    lanes = _Lanes.of(problem, lamps)
    ramp = np.where(problem.dimmable[lamps], problem.ramp_per_slot[lamps], np.inf)
    prices = [problem.dimmable[lamps], ceiling, problem.curve[lamps], lanes.lane]
    told = [] if apart is None else [apart]
    of, one = _combined([holder, _ranks(rows), _ranks(ramp[:, None]), *prices, *told])
    bound = _bound(problem, ceilings[ceiling[one]], ramp[one])
    step = np.where(bound, ramp[one, None], np.inf)
    needs = Needs(rows[one], step, ~problem.dimmable[lamps[one]], changes[one], problem.burning)
    full_wh = np.zeros((one.size, len(problem.curves)))
    energy = problem.power_full_w[lamps] * problem.slot_s / 3600
    np.add.at(full_wh, (of, problem.curve[lamps]), energy)
    over = np.zeros((one.size, len(ceilings)))
    np.add.at(over, (of, ceiling), 1.0)
    bounding = (ceilings < 1).any(axis=1)
    # More than all lamps of any holder could draw: energy never buys a passed ceiling.
    penalty_wh = float(2 * np.bincount(holder, energy).max() * problem.burning.size)
    draws = lanes.draws(problem, lamps, one, full_wh, ceilings[bounding], over[:, bounding], needs.least, penalty_wh)
    return Profiles(of, holder[one], _combined([trait[one] for trait in prices])[0], needs, draws)


def _ceilings(problem: LightingProblem, lamps: Ints) -> tuple[Floats, Ints]:
    """The different rows of ceilings, and which is each lamp's."""
    if (problem.ceiling >= 1).all():
        return np.ones((1, problem.burning.size)), np.zeros(lamps.size, np.int64)
    rows = problem.ceiling[lamps] + 0.0
    rank = _ranks(rows)
    _, one = np.unique(rank, return_index=True)
    return rows[one], rank


def _bound(problem: LightingProblem, ceilings: Floats, ramp: Floats) -> Bools:
    """(G, T) whether a ramp (G,) binds into each slot from the one before, under ceilings (G, T).

    It does from a burning slot to the next; not to and from a lawful dark, where the ceiling is 0, nor where the
    ceiling steps by more.
    """
    lit = problem.burning & (ceilings > 0)
    bound = np.zeros(lit.shape, np.bool_)
    stepped = np.abs(np.diff(ceilings, axis=1)) > ramp[:, None] + TOLERANCE
    bound[:, 1:] = lit[:, 1:] & lit[:, :-1] & ~stepped
    return bound


@dataclass(frozen=True, slots=True, eq=False)
class _Lanes:
    """Which lane, -1 for none, is each lamp's (n,); boost (m,), and detection (m, T) in burning slots, of each lane."""

    lane: Ints
    boost: Floats
    detection: Floats

    @classmethod
    def of(cls, problem: LightingProblem, lamps: Ints) -> Self:
        lane = np.full(lamps.size, -1)
        if problem.lanes is None:
            return cls(lane, np.zeros(0), np.zeros((0, problem.burning.size)))
        boosted = np.flatnonzero(problem.lanes.boost[lamps] > 0)
        rows = lamps[boosted]
        boost, detection = problem.lanes.boost[rows], problem.lanes.detection[rows] * problem.burning
        rank = _ranks(np.concatenate([boost[:, None], detection], axis=1))
        lane[boosted] = rank
        _, one = np.unique(rank, return_index=True)
        return cls(lane, boost[one], detection[one])

    def draws(
        self,
        problem: LightingProblem,
        lamps: Ints,
        one: Ints,
        full_wh: Floats,
        ceilings: Floats,
        over: Floats,
        least: Floats,
        penalty_wh: float,
    ) -> Draws:
        """Of profiles that the lamps at `one` (p,) stand for."""
        lit = np.flatnonzero(self.lane[one] >= 0)
        lane = self.lane[one[lit]]
        return Draws(
            curves=problem.curves,
            full_wh=full_wh,
            lane=lit,
            lane_curve=problem.curve[lamps[one[lit]]],
            lane_boost=self.boost[lane],
            lane_wh=full_wh.sum(axis=1)[lit, None] * self.detection[lane],
            ceilings=ceilings,
            over=over,
            spared=sum(
                (over[:, k] * (least > ceiling + TOLERANCE).sum(axis=1) for k, ceiling in enumerate(ceilings)),
                start=np.zeros(one.size),
            ),
            penalty_wh=penalty_wh,
        )


def _ranks(rows: Floats) -> Ints:
    """(n,) the same number for the same row (n, w), in the order of their bytes."""
    width = rows.shape[1] * rows.itemsize
    if not rows.size:
        return np.zeros(len(rows), np.int64)
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, width))).ravel()
    return np.unique(whole, return_inverse=True)[1].astype(np.int64)


def _combined(traits: list[np.ndarray]) -> tuple[Ints, Ints]:
    """Numbers of the distinct combinations, ascending by trait, and the first place where each stands."""
    code = np.zeros(traits[0].size, np.int64)
    for trait in traits:
        values = np.unique(trait, return_inverse=True)[1]
        code = np.unique(code * (int(values.max(initial=0)) + 1) + values, return_inverse=True)[1]
    _, one, of = np.unique(code, return_index=True, return_inverse=True)
    return of.astype(np.int64), one.astype(np.int64)
