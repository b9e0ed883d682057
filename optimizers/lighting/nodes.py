"""Single lamps in single slots at a price of energy: the flux at which light given up and energy paid are least."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.problem import PowerCurve


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """N lamps in slots, by what decides their flux; all is a share of what the lamp takes at full.

    floor, low (N,)     the flux needed, and the lowest there may be
    weight (N,)         what light given up counts
    boost, seen (N,)    flux while somebody is there, and how probable that is
    curve (N,)          index into `curves`
    dims (N,)           false for one that is at 0 or 1
    """

    floor: Floats
    low: Floats
    weight: Floats
    boost: Floats
    seen: Floats
    curve: Ints
    dims: Bools
    curves: Sequence[PowerCurve]

    def take(self, rows: Ints) -> "Nodes":
        return Nodes(
            self.floor[rows],
            self.low[rows],
            self.weight[rows],
            self.boost[rows],
            self.seen[rows],
            self.curve[rows],
            self.dims[rows],
            self.curves,
        )

    def lost(self, flux: Floats) -> Floats:
        """(N,) light given up."""
        lacks = np.maximum(self.floor - flux, 0.0)
        lost: Floats = np.divide(lacks * lacks, self.floor, out=np.zeros_like(lacks), where=self.floor > 0)
        lost *= self.weight
        return lost

    def share(self, flux: Floats) -> Floats:
        """(N,) power expected."""
        share = np.empty_like(flux)
        for nodes, curve in self._by_curve():
            alone = np.interp(flux[nodes], curve.flux, curve.power)
            boosted = np.interp(np.maximum(flux[nodes], self.boost[nodes]), curve.flux, curve.power)
            share[nodes] = alone + self.seen[nodes] * (boosted - alone)
        return share

    def best(self, paid: Floats, pull: Floats | float = 0.0) -> tuple[Floats, Floats]:
        """(N,) the best flux where power costs `paid` (N,) and flux itself `pull`, and what all that comes to.

        What does not dim is at 0 or 1. Exact for every curve: of each of its straight pieces the best flux is known.
        """
        lit = (self.floor > 0) | (self.low > 0)
        best = np.where(self.dims, np.maximum(self.floor, self.low), lit).astype(np.float64)
        value = self.lost(best) + paid * self.share(best) + pull * best
        for lower, upper, slope in self.pieces():
            steep = paid * slope + pull
            balance = np.where(steep < 0, upper, self.floor * (1 - steep / (2 * self.weight)))
            inside = np.clip(np.clip(balance, lower, upper), self.low, 1.0)
            flux = np.where(self.dims, inside, self.low)
            other = self.lost(flux) + paid * self.share(flux) + pull * flux
            better = other < value
            best[better], value[better] = flux[better], other[better]
        return best, value

    def pieces(self) -> Iterator[tuple[Floats, Floats, Floats]]:
        """Straight pieces of power over flux: from and to a flux (N,), with a slope (N,), cut where a lane boosts."""
        for s in range(max(len(curve.flux) for curve in self.curves) - 1):
            lower, upper, slope = (np.empty(self.floor.size) for _ in range(3))
            for nodes, curve in self._by_curve():
                k = min(s, len(curve.flux) - 2)
                lower[nodes], upper[nodes] = curve.flux[k], curve.flux[k + 1]
                slope[nodes] = (curve.power[k + 1] - curve.power[k]) / (curve.flux[k + 1] - curve.flux[k])
            boost = np.clip(self.boost, lower, upper)
            yield boost, upper, slope
            if (boost > lower).any():
                yield lower, boost, slope * (1 - self.seen)

    def _by_curve(self) -> Iterator[tuple[Ints, PowerCurve]]:
        for index, curve in enumerate(self.curves):
            if (nodes := np.flatnonzero(self.curve == index)).size:
                yield nodes, curve
