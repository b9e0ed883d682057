"""Lower bounds on what every group of a holder's profiles costs, before any program is sought."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.problem import TOLERANCE
from optimizers.lighting.programs.draws import Draws
from optimizers.lighting.programs.profiles import Profiles
from optimizers.lighting.programs.subsets import parts_of


@dataclass(frozen=True, slots=True, eq=False)
class Envelopes:
    """Bounds for the 2^n subsets of n profiles. A program for a subset lies above the highest need of its members.

    bound (2^n,)       no program for the subset costs less; raised as programs become known
    exact (2^n,)       whether the bound is the cost of the cheapest program
    full_wh (C, 2^n)   what the lamps of each curve take in a slot at full flux
    shares (C, 2^n)    power, as a fraction of that at full, summed over slots, of a lamp on the envelope
    """

    bound: Floats
    exact: Bools
    full_wh: Floats
    shares: Floats

    @classmethod
    def of(cls, profiles: Profiles, start: int, own: Floats) -> Self:
        """Those of profiles `start`… of one holder, whose cheapest programs cost `own` (n,)."""
        n = own.size
        draws = profiles.draws.take(np.arange(start, start + n))
        flux = profiles.needs.least[start : start + n]
        first, length = pieces(flux, draws.turns())
        flux = flux[:, first]
        full_wh = _sums(draws.full_wh).T
        shares = np.zeros_like(full_wh)
        bound = np.zeros(1 << n)
        powers = {}
        for index in np.flatnonzero(full_wh[:, -1]).tolist():
            curve = draws.curves[index]
            powers[index] = _highest(np.interp(flux, curve.flux, curve.power))
            shares[index] = (powers[index] * length).sum(axis=1)
            bound += full_wh[index] * shares[index]
        _add_lanes(bound, draws, powers, draws.lane_wh[:, first] * length)
        if len(draws.ceilings):
            passed = _passed(flux, draws.ceilings[:, first], draws.over, length)
            bound += (passed - _sums(draws.spared[:, None])[:, 0]) * draws.penalty_wh
        found = cls(bound, np.zeros(1 << n, np.bool_), full_wh, shares)
        bound[0], found.exact[0] = 0.0, True
        for member, cost in enumerate(own.tolist()):
            found.settle(1 << member, cost)
        return found

    def settle(self, subset: int, cost: float) -> None:
        """The cheapest program of `subset` costs this much. What holds it costs more by what the others cost at least:
        on their own, or at the envelope of all.
        """
        self.bound[subset], self.exact[subset] = cost, True
        others = parts_of((self.bound.size - 1) ^ subset)
        whole = others | subset
        apart = np.maximum(self.bound[others], (self.full_wh[:, others] * self.shares[:, whole]).sum(axis=0))
        open_ones = ~self.exact[whole]
        np.maximum.at(self.bound, whole[open_ones], apart[open_ones] + cost)


def _add_lanes(bound: Floats, draws: Draws, powers: dict[int, Floats], lane_wh: Floats) -> None:
    """Add to bounds (2^n,) what detectors add on the envelope; `powers` (2^n, P) by curve, `lane_wh` (M, P)."""
    for k, row in enumerate(draws.lane.tolist()):
        curve = draws.curves[index := int(draws.lane_curve[k])]
        having = np.flatnonzero(np.arange(bound.size) >> row & 1)
        boosted = np.interp(draws.lane_boost[k], curve.flux, curve.power)
        rise = np.maximum(boosted - powers[index][having], 0.0)
        bound[having] += (rise * lane_wh[k]).sum(axis=1)


def pieces(flux: Floats, turns: Bools) -> tuple[Ints, Floats]:
    """First slots and lengths of the pieces within which no row of flux and no price changes."""
    turn = np.logical_or.reduce(turns, axis=0)
    turn[1:] |= (flux[:, 1:] != flux[:, :-1]).any(axis=0)
    turn[0] = True
    first = np.flatnonzero(turn)
    return first, np.diff(first, append=turn.size).astype(np.float64)


def _highest(rows: Floats) -> Floats:
    """(2^n, P) the highest of the rows (n, P), none of them below 0, in each subset."""
    return _of_subsets(np.maximum, rows)


def _sums(rows: Floats) -> Floats:
    """(2^n, C) the sum of the rows (n, C) in each subset."""
    return _of_subsets(np.add, rows)


def _of_subsets(join: np.ufunc, rows: Floats) -> Floats:
    """(2^n, …) the rows (n, …) of each subset joined; 0 for none. A subset is one without its last member, and that."""
    joined = np.empty((1 << len(rows), rows.shape[1]))
    joined[0] = 0.0
    for member, row in enumerate(rows):
        join(joined[: 1 << member], row, out=joined[1 << member : 2 << member])
    return joined


def _passed(flux: Floats, ceilings: Floats, over: Floats, length: Floats) -> Floats:
    """(2^n,) lamp-slots over their ceilings on the envelope of each subset."""
    highest, lamps = _highest(flux), _sums(over)
    passed = np.zeros(len(highest))
    for ceiling, count in zip(ceilings, lamps.T, strict=True):
        passed += count * ((highest > ceiling + TOLERANCE) * length).sum(axis=1)
    return passed
