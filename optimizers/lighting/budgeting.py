"""How far light gives way for a budget: the best flux of each lamp and slot at a price of energy, and what it proves.

At a price (T,), in Wh given up for a Wh saved, each lamp and slot by itself is best at the flux that makes light given
up and energy paid together least, between the least point of the relaxed floors and its floor. Where nothing else
binds, prices that just meet the budget give the optimum. Ramps, steps and programs only ever add light, so that the
value at any prices, less the prices of the budget, is a bound of every plan (Lagrange).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizers.lighting.power import power_share
from optimizers.lighting.problem import Floats, Ints, LightingProblem

_STEPS = 40  # toward a price; most are found in ten
_NEAR = 1e-9


def given_up_wh(problem: LightingProblem, flux: Floats) -> Floats:
    """(n,) light that each lamp gives up, as `Budget` defines it; 0 without a budget."""
    if problem.budget is None:
        return np.zeros(len(problem.lamps))
    lacks = np.maximum(problem.floor - flux, 0.0)
    share = np.divide(lacks * lacks, problem.floor, out=np.zeros_like(lacks), where=problem.floor > 0)
    worth: Floats = share.sum(axis=1) * problem.budget.weight * problem.power_full_w * (problem.slot_s / 3600)
    return worth


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Best flux (k, T) of each kind at some prices, power (T,) of all lamps, and light given up in all."""

    flux: Floats
    power_w: Floats
    given_up_wh: float


class Cells:
    """The lamps of a problem with a budget, those that differ in nothing but power taken together as a kind."""

    def __init__(self, problem: LightingProblem, lowest: Floats) -> None:
        """`lowest` (n, T): the least point of the relaxed floors, below which no plan is."""
        self.problem = problem
        first, self.kind = _kinds(problem, lowest)
        self._lamp = first
        self.low = lowest[first]
        self.floor = problem.floor[first]
        dims = problem.dimmable[first, None]
        self.high = np.where(dims, np.maximum(self.floor, self.low), self.floor > 0).astype(np.float64)
        self._full_w = np.bincount(self.kind, problem.power_full_w, minlength=first.size)
        # Equal in all of a kind: the price at which a lamp gives way does not depend on its power.
        assert problem.budget is not None  # noqa: S101
        self.weight = problem.budget.weight[first]

    @cached_property
    def steepest(self) -> float:
        """A price at which everything gives way as far as it may."""
        slopes = [np.diff(curve.power) / np.diff(curve.flux) for curve in self.problem.curves]
        return 4.0 * float(self.weight.max()) / max(1e-6, float(min(slope.min() for slope in slopes)))

    def answer(self, price: Floats) -> Answer:
        """What is best for each by itself at a price (T,)."""
        best = self.high.copy()
        power = self._share(best)
        value = self._lost(best) + price * power
        for flux in self._candidates(price):
            share = self._share(flux)
            other = self._lost(flux) + price * share
            better = other < value
            best[better], value[better], power[better] = flux[better], other[better], share[better]
        weighed = power * self._full_w[:, None]
        lost = (self._lost(best) * self._full_w[:, None]).sum() * self.problem.slot_s / 3600
        return Answer(best, weighed.sum(axis=0), float(lost))

    def prices(self, energy_wh: float, peak_w: float, ratio: Floats) -> tuple[Floats, float]:
        """The least prices (T,) at which power times `ratio` (T,) keeps within energy and peak, and that of energy.

        A slot's price is that of energy, or more where its own peak asks for more; the steepest where none is enough.
        """
        hours = self.problem.slot_s / 3600
        peak = np.zeros(ratio.size)
        if np.isfinite(peak_w):
            peak = self._least_price(lambda price: self.answer(price).power_w * ratio - peak_w, ratio.size)

        def over(price: Floats) -> Floats:
            power = self.answer(np.maximum(price, peak)).power_w * ratio
            return np.array([power.sum() * hours - energy_wh])

        energy = float(self._least_price(over, 1)[0]) if np.isfinite(energy_wh) else 0.0
        return np.maximum(peak, energy), energy

    def bound(self, price: Floats, energy_price: float) -> float:
        """No plan within the budget gives up less, in Wh; `price` (T,) is `energy_price` or more in every slot."""
        budget = self.problem.budget
        assert budget is not None  # noqa: S101
        answer = self.answer(price)
        hours = self.problem.slot_s / 3600
        paid = (answer.power_w * price).sum() * hours
        energy = energy_price * budget.energy_wh if energy_price > 0 else 0.0
        over = price - energy_price
        peak = (over[over > 0] * budget.peak_w).sum() * hours
        return max(0.0, float(answer.given_up_wh + paid - energy - peak))

    def _least_price(self, over: Callable[[Floats], Floats], size: int) -> Floats:
        """The least price of each at which it is not over, from above: by false position, halving where that lags."""
        low, high = np.zeros(size), np.full(size, self.steepest)
        above, below = over(low), over(high)
        high = np.where(above <= 0, 0.0, high)
        for step in range(_STEPS):
            open_ones = (above > 0) & (below < 0) & (high - low > _NEAR * high)
            if not open_ones.any():
                break
            share = np.divide(above, above - below, out=np.full(size, 0.5), where=open_ones)
            middle = np.where(open_ones, low + (high - low) * (0.5 if step % 3 == 2 else share), high)
            found = over(middle)
            good = found <= 0
            high, below = np.where(open_ones & good, middle, high), np.where(open_ones & good, found, below)
            low, above = np.where(open_ones & ~good, middle, low), np.where(open_ones & ~good, found, above)
        return high

    def _lost(self, flux: Floats) -> Floats:
        """Light given up as a share of power at full, (k, T)."""
        lacks = np.maximum(self.floor - flux, 0.0)
        share = np.divide(lacks * lacks, self.floor, out=np.zeros_like(lacks), where=self.floor > 0)
        lost: Floats = share * self.weight[:, None]
        return lost

    def _share(self, flux: Floats) -> Floats:
        share = np.empty_like(flux)
        for index in range(len(self.problem.curves)):
            rows = np.flatnonzero(self.problem.curve[self._lamp] == index)
            share[rows] = power_share(self.problem, flux[rows], self._lamp[rows])
        return share

    def _candidates(self, price: Floats) -> list[Floats]:
        """Where cost can be least: on each piece of a curve where loss and price balance, or at its ends."""
        dims = self.problem.dimmable[self._lamp][:, None]
        found = [self.low]
        for lower, upper, slope in self._segments():
            with np.errstate(invalid="ignore"):
                balance = self.floor * (1 - price * slope / (2 * self.weight[:, None]))
            inside = np.clip(np.clip(balance, lower, upper), self.low, self.high)
            found.append(np.where(dims, inside, self.low))
        return found

    def _segments(self) -> list[tuple[Floats, Floats, Floats]]:
        """Pieces of the kinds' curves: from and to a flux (k, 1) with a slope (k, T or 1), cut where a lane boosts."""
        curves = [self.problem.curves[c] for c in self.problem.curve[self._lamp].tolist()]
        pieces = []
        for s in range(max(len(curve.flux) for curve in curves) - 1):
            at = [min(s, len(curve.flux) - 2) for curve in curves]
            lower = np.array([curve.flux[k] for curve, k in zip(curves, at, strict=True)])[:, None]
            upper = np.array([curve.flux[k + 1] for curve, k in zip(curves, at, strict=True)])[:, None]
            rise = np.array([curve.power[k + 1] - curve.power[k] for curve, k in zip(curves, at, strict=True)])
            slope = rise[:, None] / (upper - lower)
            pieces.append((lower, upper, slope))
        if (lanes := self.problem.lanes) is None:
            return pieces
        boost, seen = lanes.boost[self._lamp][:, None], lanes.detection[self._lamp] * self.problem.burning
        below = [(lower, np.clip(boost, lower, upper), slope * (1 - seen)) for lower, upper, slope in pieces]
        above = [(np.clip(boost, lower, upper), upper, slope) for lower, upper, slope in pieces]
        return below + above


def _kinds(problem: LightingProblem, lowest: Floats) -> tuple[Ints, Ints]:
    """The first lamp of each kind, and the kind of each lamp."""
    assert problem.budget is not None  # noqa: S101
    lanes = problem.lanes
    kinds: dict[tuple[object, ...], int] = {}
    first: list[int] = []
    kind = np.empty(len(problem.lamps), np.int64)
    for i in range(kind.size):
        boost = lanes.boost[i] if lanes is not None else 0.0
        seen = lanes.detection[i].tobytes() if lanes is not None and boost > 0 else b""
        row = problem.floor[i].tobytes(), lowest[i].tobytes()
        key = (*row, problem.curve[i], problem.dimmable[i], problem.budget.weight[i], boost, seen)
        if (found := kinds.setdefault(key, len(kinds))) == len(first):
            first.append(i)
        kind[i] = found
    return np.array(first), kind
