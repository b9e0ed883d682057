"""What no plan within a budget gives up less than, by prices of all that binds lamps to each other.

Energy, peak, ramps and steps have prices; what programs add is known of each holder at these. Where few lamps may be
told another program, telling has a price instead. Each price only ever lowers what a plan pays that keeps the limit, so
that the least of all lamps, slots and holders by themselves, less what the limits are worth, is a bound (Lagrange).
"""

from collections.abc import Sequence

import numpy as np

from optimizers.arrays import Floats
from optimizers.lighting.budgeting import Cells, given_up_wh
from optimizers.lighting.least import Least
from optimizers.lighting.parts import UNLIMITED, Yesterday
from optimizers.lighting.pooling import sharing_wh
from optimizers.lighting.power import power_share
from optimizers.lighting.problem import TOLERANCE, LightingProblem
from optimizers.lighting.ties import Ties

_FINEST, _GAINS = 0.01, 1e-3  # parts of the way between two prices, and what a closer look must prove more
_TRIALS = 8  # of prices of energy beside one of telling
_DEARER = 8.0  # times the price of energy that would do if all lamps could be told


Prices = tuple[Floats, float]
"""Prices (T,) of power, and the part of them that is for energy; the rest is for the peak."""


def proved_wh(problem: LightingProblem, least: Least, cells: Cells, lowest: Floats, tried: Sequence[Prices]) -> float:
    """Wh of light that any plan gives up; `lowest` (n, T) is the least point of the relaxed floors, `tried` the prices,
    if any, at which a draft came near the budget.

    Ramps, steps and the number of programs are counted, changes of level within a program are not. Where the number of
    lamps that may be told another program binds, that is counted instead.
    """
    budget = problem.budget
    assert budget is not None  # noqa: S101
    alike: Floats = np.ones(problem.burning.size)
    alone = cells.prices(budget.energy_wh, budget.peak_w, alike)
    apart = cells.bound(*alone)
    if (yesterday := problem.yesterday) is not None and yesterday.changes < UNLIMITED:
        telling = _Telling(problem, yesterday, cells, lowest).proved_wh(*alone)
        if telling > apart * (1 + _GAINS):
            return telling
    near = tried[-1] if tried else alone
    ties = Ties(problem, least, cells, cells.spread(cells.answer(near[0]).flux))
    best, bound = _best_prices(cells, ties, alone, near)
    return max(0.0, apart, bound + _shared_wh(problem, cells, ties, best[0]))


def _best_prices(cells: Cells, ties: Ties, start: Prices, end: Prices) -> tuple[Prices, float]:
    """Prices from `start` to `end` and beyond that prove most with ties, and what they prove: the bound is concave
    along the way, so that the best lies beside the best found so far.
    """

    def at(part: float) -> Prices:
        rate = max(0.0, start[1] + part * (end[1] - start[1]))
        return np.maximum(start[0] + part * (end[0] - start[0]), rate), rate

    def proved(part: float) -> float:
        price, rate = at(part)
        ties.raise_prices(price)
        return cells.value_wh(price, rate) + float(ties.adds_wh(price).sum()) - ties.worth_wh

    bounds = {part: proved(part) for part in (0.0, 1.0)}
    last, step = 1.0, 1.0
    gained = abs(bounds[1.0] - bounds[0.0]) > _GAINS * bounds[0.0]
    while gained and step > _FINEST:
        step /= 2
        best = max(bounds, key=lambda part: bounds[part])
        for last in (best - step, best + step):
            if last >= 0 and last not in bounds:
                bounds[last] = proved(last)
        gained = step == 0.5 or max(bounds.values()) > bounds[best] * (1 + _GAINS)
    best = max(bounds, key=lambda part: bounds[part])
    return at(best), bounds[best] if best == last else proved(best)


def _shared_wh(problem: LightingProblem, cells: Cells, ties: Ties, price: Floats) -> float:
    """What holders lose at least by sharing programs, at the prices of ties."""
    if (holders := problem.holders) is None:
        return 0.0
    of = holders.of[ties.first]
    rows = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of, minlength=len(holders.names)))[:-1])
    nodes, paid = cells.nodes_of(ties.first), ties.paid(price, ties.first.size)
    return float(sharing_wh(nodes, paid, ties.pulls(), ties.full_wh, rows, holders.programs).sum())


class _Telling:
    """Each lamp told at a price, or kept at what yesterday's program gives up and takes; without ties."""

    def __init__(self, problem: LightingProblem, yesterday: Yesterday, cells: Cells, lowest: Floats) -> None:
        self._problem, self._cells, self._changes = problem, cells, yesterday.changes
        self._flux = np.nan_to_num(yesterday.flux)
        kept = ~np.isnan(yesterday.flux).any(axis=1) & (self._flux >= lowest - TOLERANCE).all(axis=1)
        self._given = np.where(kept, given_up_wh(problem, self._flux), np.inf)

    def proved_wh(self, price: Floats, rate: float) -> float:
        """The bound at the best multiple of prices of energy `price` (T,), of which `rate` is for energy, and the best
        price of telling: concave in both.
        """
        energy = self._paid_wh(price)
        low, high, bounds = 1.0, _DEARER, [0.0]
        for _ in range(_TRIALS):
            thirds = low + (high - low) / 3, high - (high - low) / 3
            pair = [self._bound(times * price, times * rate, times * energy) for times in thirds]
            low, high = (low, thirds[1]) if pair[0] > pair[1] else (thirds[0], high)
            bounds += pair
        return max(bounds)

    def _paid_wh(self, price: Floats) -> Floats:
        """(n,) what the power of yesterday's programs comes to in burning slots."""
        problem, on = self._problem, self._problem.burning
        paid = np.empty(len(problem.lamps))
        for index in range(len(problem.curves)):
            rows = np.flatnonzero(problem.curve == index)
            share = power_share(problem, self._flux[rows], rows)[:, on]
            paid[rows] = (share * price[on]).sum(axis=1) * problem.power_full_w[rows]
        return paid * (problem.slot_s / 3600)

    def _bound(self, price: Floats, rate: float, energy: Floats) -> float:
        problem = self._problem
        told = self._cells.values(price)[self._cells.kind] * problem.power_full_w * (problem.slot_s / 3600)
        kept = self._given + energy
        saved = np.sort(kept - told)[::-1]
        telling = max(0.0, float(saved[self._changes])) if self._changes < saved.size else 0.0
        if np.isinf(telling):  # more must be told than may be: no plan keeps that
            telling = 0.0
        least = float(np.minimum(told + telling, kept).sum()) - telling * self._changes
        return least - self._cells.allowed_wh(price, rate)
