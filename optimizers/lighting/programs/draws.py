"""What programs cost: the energy of the lamps that follow them, and what passing a ceiling is counted as."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.problem import TOLERANCE, PowerCurve


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Cost of each of B programs over T slots as a function of its level, in Wh a slot.

    full_wh (B, C)        what the lamps of each curve take in a slot at full flux
    lane (M,)             the program that each lane follows, ascending; lane_curve (M,), lane_boost (M,)
    lane_wh (M, T)        expected part of a slot's energy at full that is drawn at the boost or above
    ceilings (G, T)       rows of ceilings; over (B, G) how many lamps are under each
    spared (B,)           lamp-slots over their ceilings in any case, by what the lamps need themselves: not counted
    penalty_wh            what one lamp over its ceiling in one slot counts: more than all energy together
    """

    curves: tuple[PowerCurve, ...]
    full_wh: Floats
    lane: Ints
    lane_curve: Ints
    lane_boost: Floats
    lane_wh: Floats
    ceilings: Floats
    over: Floats
    spared: Floats
    penalty_wh: float

    def take(self, rows: Ints) -> Self:
        """Those of programs `rows`, each once at most."""
        place = np.full(len(self.full_wh), -1)
        place[rows] = np.arange(rows.size)
        lanes = np.flatnonzero(place[self.lane] >= 0)
        lanes = lanes[np.argsort(place[self.lane[lanes]], kind="stable")]
        return type(self)(
            self.curves,
            self.full_wh[rows],
            place[self.lane[lanes]],
            self.lane_curve[lanes],
            self.lane_boost[lanes],
            self.lane_wh[lanes],
            self.ceilings,
            self.over[rows],
            self.spared[rows],
            self.penalty_wh,
        )

    def repeated(self, times: int) -> Self:
        """All programs, and all again, `times` in all."""
        rows, lanes = len(self.full_wh), self.lane.size
        return type(self)(
            self.curves,
            np.tile(self.full_wh, (times, 1)),
            np.tile(self.lane, times) + np.repeat(np.arange(times) * rows, lanes),
            np.tile(self.lane_curve, times),
            np.tile(self.lane_boost, times),
            np.tile(self.lane_wh, (times, 1)),
            self.ceilings,
            np.tile(self.over, (times, 1)),
            np.tile(self.spared, times),
            self.penalty_wh,
        )

    def turns(self) -> Bools:
        """(B, T) whether the cost of a level in a slot differs from that in the slot before."""
        rows, slots = len(self.full_wh), self.lane_wh.shape[1]
        turns = np.zeros((rows, slots), np.bool_)
        np.logical_or.at(turns[:, 1:], self.lane, self.lane_wh[:, 1:] != self.lane_wh[:, :-1])
        for ceiling, lamps in zip(self.ceilings, self.over.T, strict=True):
            turns[:, 1:] |= (lamps[:, None] > 0) & (ceiling[1:] != ceiling[:-1])
        return turns

    def table(self, levels: Floats, first: Ints, length: Floats) -> Floats:
        """(B, P, L) cost of each level (B, L) through pieces of `length` (B, P) slots from slot `first` (B, P)."""
        table: Floats = self._steady(levels)[:, None, :] * length[:, :, None]
        for k, row in enumerate(self.lane.tolist()):
            rise = self._rise(k, levels[row])
            table[row] += (self.lane_wh[k, first[row]] * length[row])[:, None] * rise
        for ceiling, lamps in zip(self.ceilings, self.over.T, strict=True):
            if (rows := np.flatnonzero(lamps)).size:
                passed = levels[rows, None, :] > ceiling[first[rows]][:, :, None] + TOLERANCE
                table[rows] += passed * (lamps[rows, None] * length[rows] * self.penalty_wh)[:, :, None]
        table[:, 0] -= self.spared[:, None] * self.penalty_wh
        return table

    def of(self, flux: Floats) -> Floats:
        """(B,) cost of programs at flux (B, T)."""
        cost: Floats = self._steady(flux).sum(axis=1)
        for k, row in enumerate(self.lane.tolist()):
            cost[row] += (self.lane_wh[k] * self._rise(k, flux[row])).sum()
        return cost + self.passed(flux) * self.penalty_wh

    def passed(self, flux: Floats) -> Floats:
        """(B,) lamp-slots over their ceilings at flux (B, T), but those that are in any case."""
        count = -self.spared
        for ceiling, lamps in zip(self.ceilings, self.over.T, strict=True):
            count += lamps * (flux > ceiling + TOLERANCE).sum(axis=1)
        return count

    def _steady(self, levels: Floats) -> Floats:
        steady = np.zeros_like(levels)
        for curve, full_wh in zip(self.curves, self.full_wh.T, strict=True):
            if (rows := np.flatnonzero(full_wh)).size:
                steady[rows] += np.interp(levels[rows], curve.flux, curve.power) * full_wh[rows, None]
        return steady

    def _rise(self, lane: int, levels: Floats) -> Floats:
        curve = self.curves[int(self.lane_curve[lane])]
        boosted = np.interp(np.maximum(levels, self.lane_boost[lane]), curve.flux, curve.power)
        rise: Floats = boosted - np.interp(levels, curve.flux, curve.power)
        return rise
