"""How far light gives way for a budget: the best flux of each lamp and slot at a price of energy, and what it proves.

At a price (T,), in Wh given up for a Wh saved, each lamp and slot by itself is best at the flux that makes light given
up and energy paid together least, between the least point of the relaxed floors and its floor. Where nothing else
binds, prices that just meet the budget give the optimum. Ramps, steps and programs only ever add light, so that the
value at any prices, less the prices of the budget, is a bound of every plan (Lagrange). What they add at least is
counted in `proving`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.nodes import Nodes
from optimizers.lighting.parts import Budget
from optimizers.lighting.power import power_w
from optimizers.lighting.problem import LightingProblem

_STEPS = 40  # toward a price; most are found in ten
_NEAR = 1e-9
_DIGITS = 1e8  # of flux
_FAR = 1e300  # W below a peak that does not bind


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
    """Best flux (m,) of each cell at some prices, power (T,) of all lamps, and light given up in all."""

    flux: Floats
    power_w: Floats
    given_up_wh: float


class Cells:
    """The lamps and burning slots of a problem with a budget, those of a slot that differ in nothing but power taken
    together as one cell: the price at which a lamp gives way does not depend on its power.
    """

    def __init__(self, problem: LightingProblem, lowest: Floats) -> None:
        """`lowest` (n, T): the least point of the relaxed floors, below which no plan is."""
        self._problem, self._budget = problem, problem.budget or Budget(relaxed=problem.floor)
        self._on = np.flatnonzero(problem.burning)
        self._lowest = lowest
        first, self._kind = _kinds(problem, lowest)
        traits = _traits(problem, self._budget, lowest, first, self._on)
        self._of, one = _distinct(traits, self._on.size)
        self._slot = one % max(1, self._on.size)
        self._nodes = _nodes(traits[one], problem)
        full_w = np.bincount(self._kind, problem.power_full_w, first.size)
        self._full_w = np.bincount(self._of, np.repeat(full_w, self._on.size), one.size)
        self._standby_w = power_w(problem, np.zeros(problem.shape))

    @property
    def steepest(self) -> float:
        """A price at which everything gives way as far as it may."""
        slopes = [np.diff(curve.power) / np.diff(curve.flux) for curve in self._problem.curves]
        return 4.0 * float(self._nodes.weight.max(initial=1.0)) / max(1e-6, float(min(slope.min() for slope in slopes)))

    @property
    def kind(self) -> Ints:
        """(n,) the same number for lamps of which all but the power is the same."""
        return self._kind

    def nodes_of(self, lamps: Ints) -> Nodes:
        """Each of `lamps` in each burning slot, one lamp after the other."""
        return _nodes(_traits(self._problem, self._budget, self._lowest, lamps, self._on), self._problem)

    def spread(self, flux: Floats) -> Floats:
        """(n, T) the flux of each lamp in each slot, from that of its cell, and never below the lowest."""
        rows = np.zeros((int(self._kind.max()) + 1, self._problem.burning.size))
        # What is told apart no further keeps sums of steps exact to the tolerance.
        told = np.maximum(np.floor(flux * _DIGITS) / _DIGITS, self._nodes.low)
        rows[:, self._on] = told[self._of].reshape(len(rows), -1)
        return rows[self._kind]

    def answer(self, price: Floats) -> Answer:
        """What is best for each by itself at a price (T,)."""
        best, _ = self._nodes.best(price[self._on][self._slot])
        power = self._nodes.share(best)
        total = self._standby_w.copy()
        total[self._on] = np.bincount(self._slot, power * self._full_w, self._on.size)
        lost = float((self._nodes.lost(best) * self._full_w).sum()) * self._problem.slot_s / 3600
        return Answer(best, total, lost)

    def values(self, price: Floats) -> Floats:
        """What each kind of lamp comes to at a price (T,) in all burning slots, as slots at full power."""
        _, value = self._nodes.best(price[self._on][self._slot])
        of: Floats = value[self._of].reshape(-1, self._on.size).sum(axis=1)
        return of

    def prices(self, energy_wh: float, peak_w: Floats, ratio: Floats) -> tuple[Floats, float]:
        """The least prices (T,) at which power times `ratio` (T,) keeps within energy and peaks, and that of energy.

        A slot's price is that of energy, or more where its own peak asks for more; the steepest where none is enough.
        """
        hours = self._problem.slot_s / 3600
        peak = np.zeros(ratio.size)
        if np.isfinite(peak_w).any():

            def above(price: Floats) -> Floats:
                return np.maximum(self.answer(price).power_w * ratio - peak_w, -_FAR)

            peak = self._least_price(above, ratio.size)

        def over(price: Floats) -> Floats:
            power = self.answer(np.maximum(price, peak)).power_w * ratio
            return np.array([power.sum() * hours - energy_wh])

        energy = float(self._least_price(over, 1)[0]) if np.isfinite(energy_wh) else 0.0
        return np.maximum(peak, energy), energy

    def bound(self, price: Floats, energy_price: float) -> float:
        """No plan within the budget gives up less, in Wh; `price` (T,) is `energy_price` or more in every slot."""
        return max(0.0, self.value_wh(price, energy_price))

    def value_wh(self, price: Floats, energy_price: float) -> float:
        """The same, below 0 too where prices prove nothing."""
        answer = self.answer(price)
        paid = (answer.power_w * price).sum() * self._problem.slot_s / 3600
        return float(answer.given_up_wh + paid) - self.allowed_wh(price, energy_price, standby=True)

    def allowed_wh(self, price: Floats, energy_price: float, *, standby: bool = False) -> float:
        """What the budget's energy and peak come to at prices (T,), of which `energy_price` is for energy; without what
        lamps draw in slots that do not burn, or with it.
        """
        budget, hours, over = self._budget, self._problem.slot_s / 3600, price - energy_price
        energy = energy_price * budget.energy_wh if energy_price > 0 else 0.0
        peak = float((over[over > 0] * budget.peak_w[over > 0]).sum()) * hours
        drawn = 0.0 if standby else float((self._standby_w * price)[~self._problem.burning].sum()) * hours
        return energy + peak - drawn

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


def _traits(problem: LightingProblem, budget: Budget, lowest: Floats, first: Ints, on: Ints) -> Floats:
    """(k · T', 7) of kinds in burning slots: floor, lowest, weight, boost, detection, curve, whether it dims."""
    lanes, shape = problem.lanes, (first.size, on.size)
    boost = lanes.boost[first, None] if lanes is not None else np.zeros((first.size, 1))
    seen = lanes.detection[np.ix_(first, on)] * (boost > 0) if lanes is not None else np.zeros(shape)
    columns = [problem.floor[np.ix_(first, on)], lowest[np.ix_(first, on)], budget.weight[first, None], boost, seen]
    numbers = [problem.curve[first, None], problem.dimmable[first, None]]
    columns += [np.asarray(column, np.float64) for column in numbers]
    return np.stack([np.broadcast_to(column, shape).ravel() for column in columns], axis=1)


def _nodes(traits: Floats, problem: LightingProblem) -> Nodes:
    floor, low, weight, boost, seen, curve, dims = traits.T
    return Nodes(floor, low, weight, boost, seen, curve.astype(np.int64), dims > 0, problem.curves)


def _distinct(traits: Floats, slots: int) -> tuple[Ints, Ints]:
    """Which cell each kind and slot (k · T',) is, and where each cell stands first: alike and in one slot."""
    code = np.tile(np.arange(slots), len(traits) // slots) if slots else np.zeros(0, np.int64)
    for trait in traits.T:
        values, number = np.unique(trait, return_inverse=True)
        code = np.unique(code * values.size + number, return_inverse=True)[1]
    _, one, of = np.unique(code, return_index=True, return_inverse=True)
    return of, one


def _kinds(problem: LightingProblem, lowest: Floats) -> tuple[Ints, Ints]:
    """The first lamp of each kind, and the kind of each lamp."""
    lanes, weight = problem.lanes, (problem.budget or Budget(relaxed=problem.floor)).weight
    kinds: dict[tuple[object, ...], int] = {}
    first: list[int] = []
    kind = np.empty(len(problem.lamps), np.int64)
    for i in range(kind.size):
        boost = lanes.boost[i] if lanes is not None else 0.0
        seen = lanes.detection[i].tobytes() if lanes is not None and boost > 0 else b""
        row = problem.floor[i].tobytes(), lowest[i].tobytes()
        key = (*row, problem.curve[i], problem.dimmable[i], weight[i], boost, seen)
        if (found := kinds.setdefault(key, len(kinds))) == len(first):
            first.append(i)
        kind[i] = found
    return np.array(first), kind
