"""Blocks bid for what they share: a price on each kW and slot, from weighing their offers (Dantzig and Wolfe 1960).

A master program mixes offers; its prices of what groups draw go back to the blocks, which offer anew. Few offers make
prices swing: so those that are asked lie in a box around the ones of the best bound so far (Marsten and others 1975),
and halfway from these (Wentges 1997). At any prices

    what groups cost at least, selling at them  +  of each block, what it costs at least, buying at them

is below the cost of every plan: Lagrange's bound. A mix is above it; where they meet, it is the best.
"""

from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.engines import Effort
from optimizers.energy.problem import EnergyProblem
from optimizers.energy.sharing.blocks import BlockModel, Offer
from optimizers.energy.sharing.master import Box, Master, Mix

_HALFWAY = 0.5
_BOX_EUR_KWH = 0.1  # what prices of a tariff differ by
_NARROWER, _WIDER = 0.7, 1.5
_SAME = 1e-9  # EUR a kW: prices that differ by less bring no other offer
_NEAR = 1e-7  # relative: nearer than that a gap is rounding
_FAR = 200  # rounds, for what swings for ever


@dataclass(frozen=True, slots=True, eq=False)
class Bids:
    """What came of it.

    mixed_kw (blocks, T)   what each block draws in the mix
    bound                  what no plan that falls short no more than the mix costs less than
    late                   whether the clock ended it
    rounds                 how often blocks were asked again
    """

    mixed_kw: Floats
    bound: float
    late: bool
    rounds: int = 0


@dataclass(slots=True, eq=False)
class Bidding:
    """One bidding between blocks, in rounds. `problem` has the groups that hold several; `above` (blocks,) whose."""

    problem: EnergyProblem
    models: list[BlockModel]
    above: Ints
    effort: Effort
    until: float
    offers: list[Offer] = field(default_factory=list)
    asked: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    best: float = -np.inf
    rounds: int = 0

    def run(self) -> Bids | None:
        """None where time was over before each block had offered."""
        for model in self.models:
            offer = model.offer(np.zeros(self.problem.shape[1]), self._left())
            if offer is None:
                return None
            self.offers.append(offer)
        if self.problem.groups is None or not (self.above >= 0).any():
            late = any(offer.late for offer in self.offers)
            return Bids(np.stack([offer.net_kw for offer in self.offers]), self._bound_of_blocks(), late)
        return self._together(Master(self.problem, self.above))

    def _together(self, master: Master) -> Bids:
        for block in master.blocks.tolist():
            master.add(block, self.offers[block])
        self.asked = np.zeros(master.shape)
        self.best = self._bound(master, self.asked)
        mix = self._agree(master)
        if master.lacks(mix) and monotonic() < self.until:
            for block in master.blocks.tolist():
                self.models[block].weigh()
            centre, self.asked, self.best = self.asked, np.full(master.shape, np.nan), -np.inf
            self._ask(master, centre)
            mix = self._agree(master)
        return self._mixed(master, mix)

    def _agree(self, master: Master) -> Mix:
        """Rounds of prices and offers until the bound is near, or nobody offers anything new."""
        mix = master.solve(self._left())
        hours = self.problem.horizon.hours
        centre, radius = self.asked, _BOX_EUR_KWH * float(hours.max())
        for _ in range(_FAR):
            if self._near(master, mix) or monotonic() >= self.until:
                break
            self.rounds += 1
            boxed, before = master.solve(self._left(), Box(centre, radius)), self.best
            price = (1 - _HALFWAY) * centre + _HALFWAY * boxed.price
            added = self._ask(master, price)
            if self.best > before:
                centre, radius = price, radius if boxed.open else radius * _WIDER
            elif added:
                radius *= _NARROWER
            elif boxed.open:
                centre = boxed.price
                if not self._ask(master, centre) and self.best <= before:
                    break
            else:
                radius *= _WIDER
            mix = master.solve(self._left())
        return mix

    def _ask(self, master: Master, price: Floats) -> bool:
        """All blocks whose price is another; whether any offers what it did not just offer."""
        added = False
        for block in master.blocks.tolist():
            mine = price[self.above[block]]
            if np.abs(mine - self.asked[self.above[block]]).max() <= _SAME:
                continue
            offer = self.models[block].offer(mine, self._left())
            if offer is None:
                return added
            if np.abs(offer.net_kw - self.offers[block].net_kw).max() > _SAME:
                master.add(block, offer)
                added = True
            self.offers[block] = offer
        self.asked = price
        self.best = max(self.best, self._bound(master, price))
        return added

    def _bound(self, master: Master, price: Floats) -> float:
        """Of all plans, where every block was asked at this price."""
        return master.bound(price, self._left()) + self._bound_of_blocks()

    def _bound_of_blocks(self) -> float:
        return sum(offer.bound for offer in self.offers)

    def _value(self, mix: Mix) -> float:
        """Of the mix, blocks of no group included."""
        return mix.value + sum(self.offers[i].cost for i in np.flatnonzero(self.above < 0).tolist())

    def _near(self, master: Master, mix: Mix) -> bool:
        """Relative to what costs: weights of shortfalls would make anything near."""
        value = self._value(mix)
        return value - self.best <= max(self.effort.gap, _NEAR) * abs(value - master.weighed(mix))

    def _mixed(self, master: Master, mix: Mix) -> Bids:
        whole: Bools = np.array([model.whole for model in self.models])
        bound = self.best - master.weighed(mix)
        if whole[master.blocks].any() or master.whole:
            chosen = master.solve(replace(self._left(), gap=max(self.effort.gap / 2, _NEAR)), whole=whole)
            mix = chosen if chosen.answer.found else mix
        mixed = master.mixed_kw(mix)
        for block in np.flatnonzero(self.above < 0).tolist():
            mixed[block] = self.offers[block].net_kw
        late = monotonic() >= self.until or mix.answer.late or any(offer.late for offer in self.offers)
        return Bids(mixed, bound, late, self.rounds)

    def _left(self) -> Effort:
        return self.effort.within(self.until)
