"""Light that is needed made into programs that can be held, some of them yesterday's, neighbours within a step."""

from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.budgeting import given_up_wh
from optimizers.lighting.keeping import Keeping, changed
from optimizers.lighting.least import Least
from optimizers.lighting.parting import part_of
from optimizers.lighting.parts import UNLIMITED, Holders
from optimizers.lighting.power import power_share
from optimizers.lighting.problem import TOLERANCE, LightingProblem
from optimizers.lighting.programs import Held, hold
from optimizers.lighting.regrouping import lifted, regrouped
from optimizers.lighting.spending import Spending
from optimizers.result import Limits

_ROUNDS = 8  # in which programs may be drawn afresh, before they only rise
_RISES = 16
_LOST = 1e-3  # of a holder's energy that lifting may cost before other groups are sought
_REGROUPED = 40  # holders that are grouped anew in one draft, at most, or one in twenty of many
_ROUGH = 0.02  # gap at which programs beside raised neighbours are near enough


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A plan being made: flux (n, T) that keeps everything but perhaps ceilings, budget and the number of changes.

    need (n, T)      the least point above the floors that it keeps
    bound_wh (h,)    no programs of a holder above `need` take less; (0,) without holders
    telling_wh (n,)  what telling a lamp another program counted
    lifted           lamps raised further because a neighbour's program is brighter than it needs
    settled          false where limits cut it short: lamps burn in full then
    """

    need: Floats
    flux: Floats
    bound_wh: Floats
    energy_wh: float
    lamp_wh: Floats
    power_w: Floats
    given_up_wh: float
    changes: int
    telling_wh: Floats
    lifted: int = 0
    settled: bool = True


class Drafting:
    """Drafts of one problem."""

    def __init__(self, problem: LightingProblem, least: Least, spending: Spending) -> None:
        self.problem, self.least, self.spending = problem, least, spending
        self.keeping = None if problem.yesterday is None else Keeping(problem, problem.yesterday)
        self.reasons: dict[str, None] = {}  # in the order in which they were found
        self.fleet_wide = problem.holders is not None and problem.holders.fleet_programs < UNLIMITED

    def draft(self, need: Floats, telling_wh: Floats) -> Draft:
        """What is drafted above a least point, where telling lamps another program counts `telling_wh` (n,)."""
        flux, bound_wh = self._programs(need, need, telling_wh, None)
        return self._regrouped(self.settle(need, flux, bound_wh, telling_wh))

    def settle(self, need: Floats, flux: Floats, bound_wh: Floats, telling_wh: Floats) -> Draft:
        """Lamps raised to within the step of their neighbours, and their holders' programs drawn again, until all are.

        Need only ever rises. Programs drawn afresh may fall again; after some rounds they may not, and what even then
        does not come to rest burns in full.
        """
        raised, ever = need, np.zeros(len(flux), np.bool_)
        for turn in range(_ROUNDS + _RISES + 1):
            if self.least.keeps_steps(flux):
                return self._draft(need, flux, bound_wh, telling_wh, ever)
            lifted, settled = self.least.above(flux, self.spending)
            if not settled:
                return self._draft(need, self._full(), bound_wh, telling_wh, ever, settled=False)
            moved = np.any(lifted > flux + TOLERANCE, axis=1)
            if not moved.any():
                return self._draft(need, flux, bound_wh, telling_wh, ever)
            ever |= moved
            raised = np.where(moved[:, None], np.maximum(raised, lifted), raised)
            holders = self._holders_of(moved)
            if turn >= _ROUNDS and holders is not None and self.problem.holders is not None:
                theirs = np.isin(self.problem.holders.of, holders)
                raised = np.where(theirs[:, None], np.maximum(raised, flux), raised)
                if turn >= _ROUNDS + _RISES - 1:
                    raised = np.where(theirs[:, None], self._full(), raised)
            flux, _ = self._programs(raised, flux, telling_wh, holders)
        return self._draft(need, self._full(), bound_wh, telling_wh, np.ones(len(flux), np.bool_))

    def _regrouped(self, draft: Draft) -> Draft:
        """Holders that lift their own lamps grouped anew; not where yesterday's programs count too."""
        if self.problem.holders is None or self.fleet_wide or self.keeping is not None or not draft.settled:
            return draft
        chosen = self._losing(draft, self.problem.holders)
        if not chosen.size or not self.spending.spend():
            return draft
        everybody = np.ones(len(draft.flux), np.bool_)
        flux = regrouped(self.problem, draft.need, draft.flux, chosen)
        again = self._draft(draft.need, flux, draft.bound_wh, draft.telling_wh, everybody)
        return replace(again, lifted=int(lifted(self.problem, draft.need, flux, everybody).sum()))

    def _losing(self, draft: Draft, holders: Holders) -> Ints:
        """Those furthest from their bounds first."""
        count, lamp_wh = len(holders.names), draft.lamp_wh
        far = np.bincount(holders.of, lamp_wh, count) - draft.bound_wh > _LOST * draft.bound_wh
        far &= holders.programs < np.bincount(holders.of, minlength=count)
        asked = lifted(self.problem, draft.need, draft.flux, far[holders.of])
        far &= np.bincount(holders.of, asked, count) > 0
        ratio = np.bincount(holders.of, lamp_wh, count)[far] / draft.bound_wh[far]
        return np.flatnonzero(far)[np.argsort(-ratio, kind="stable")][: max(_REGROUPED, count // 20)]

    def in_full(self, need: Floats) -> Draft:
        """Full light while it is dark, which every floor, ramp and step allows."""
        n = len(need)
        return self._draft(need, self._full(), self._no_bound(), np.zeros(n), np.zeros(n, np.bool_), settled=False)

    def _no_bound(self) -> Floats:
        return np.zeros(0 if self.problem.holders is None else len(self.problem.holders.names))

    def _programs(self, need: Floats, flux: Floats, telling_wh: Floats, only: Ints | None) -> tuple[Floats, Floats]:
        """New programs of some holders, or of all, beside what others follow; with yesterday's where they pay."""
        problem, bound_wh = self.problem, np.empty(0)
        if problem.holders is None:
            flux = need
        elif only is None:
            held = self._told(hold(problem, need, self.spending.left()))
            flux, bound_wh = held.flux, held.bound_wh
        else:
            theirs = np.isin(problem.holders.of, only)
            flux = flux.copy()
            flux[theirs] = self._told(hold(part_of(problem, theirs), need[theirs], self._rough())).flux
        if self.keeping is not None:
            flux = self.keeping.over(need, flux, telling_wh, only)
        return flux, bound_wh

    def _rough(self) -> Limits:
        """For programs that may be drawn again in a moment, and that nobody asks a bound of."""
        left = self.spending.left()
        return replace(left, gap=max(left.gap, _ROUGH))

    def _told(self, held: Held) -> Held:
        self.reasons |= dict.fromkeys(held.reasons)
        self.spending.clock_cut |= not held.reproducible
        return held

    def _holders_of(self, moved: Bools) -> Ints | None:
        if self.problem.holders is None or self.fleet_wide:
            return None
        return np.unique(self.problem.holders.of[moved])

    def _full(self) -> Floats:
        return np.broadcast_to(self.problem.burning, self.problem.shape).astype(np.float64)

    def _draft(
        self, need: Floats, flux: Floats, bound_wh: Floats, telling_wh: Floats, ever: Bools, *, settled: bool = True
    ) -> Draft:
        problem = self.problem
        energy, lamp_wh, power = _drawn(problem, flux)
        return Draft(
            need,
            flux,
            bound_wh,
            energy,
            lamp_wh,
            power,
            float(given_up_wh(problem, flux).sum()),
            int(changed(problem, flux).sum()),
            telling_wh,
            int(ever.sum()),
            settled,
        )


def _drawn(problem: LightingProblem, flux: Floats) -> tuple[float, Floats, Floats]:
    """Energy in all and of each lamp, and power in each slot, as `power` has them, of one look at the curves."""
    total, lamp_wh, power = 0.0, np.empty(len(flux)), np.zeros(problem.burning.size)
    for index in range(len(problem.curves)):
        rows = np.flatnonzero(problem.curve == index)
        share, full_w = power_share(problem, flux[rows], rows), problem.power_full_w[rows]
        lamp_wh[rows] = share.sum(axis=1) * full_w
        total += fsum(lamp_wh[rows])
        power += (share * full_w[:, None]).sum(axis=0)
    return total * problem.slot_s / 3600.0, lamp_wh * (problem.slot_s / 3600.0), power
