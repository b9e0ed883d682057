"""One block alone, asked again and again at other prices for what it draws."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.assembling import Assembled, assemble
from optimizers.energy.assembling.wasting import Wasteful
from optimizers.energy.engines import Answer, Effort, run
from optimizers.energy.ladder import kept, settle
from optimizers.energy.linear import Linear
from optimizers.energy.problem import EnergyProblem
from optimizers.result import Status

SAFETY_EUR, COMFORT_EUR = 100_000.0, 1_000.0
"""What a unit of shortfall is weighed by where blocks must fall short for the sake of groups above: far above any bill,
so that what comes before cost stays before it. Of each block by itself the order is exact."""

_GIVEN = 1e-6
"""By which a block with whole columns may miss the shortfall that it was found to have: solvers stop as near."""


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What a block would do at some prices.

    net_kw (T,)   its draw
    cost          without those prices, `weighed` included: what its shortfall is weighed by, where it is
    bound         of its cost and what it pays at those prices: it can do with no less
    late          whether the clock had a hand in it
    """

    net_kw: Floats
    cost: float
    weighed: float
    bound: float
    late: bool


class BlockModel:
    """A block's model, assembled once.

    Its safety and comfort are kept. Where they cannot be, it falls short as little as it must, at any price; once its
    shortfall is to be weighed, it may fall short for others' sake.
    """

    def __init__(self, problem: EnergyProblem, waste: Wasteful) -> None:
        self.problem, self.waste = problem, waste
        self._assembled = self.assembled(soft=False)
        self._linear = self._assembled.linear
        self._weights: Floats = np.zeros(0)
        self._last: Answer | None = None

    def assembled(self, *, soft: bool) -> Assembled:
        return assemble(self.problem, soft=soft, waste=self.waste)

    @property
    def whole(self) -> bool:
        """Whether something in it is on or off: between two of its offers there may be none."""
        return bool(self._linear.whole.any())

    def weigh(self) -> None:
        """From now on its shortfall is a matter of weight."""
        self._assembled = found = self.assembled(soft=True)
        self._weights = SAFETY_EUR * found.shortfall(safety=True) + COMFORT_EUR * found.shortfall(safety=False)
        self._linear, self._last = replace(found.linear, cost=found.linear.cost + self._weights), None

    def offer(self, price: Floats, effort: Effort) -> Offer | None:
        """The best at prices (T,) in EUR for each kW drawn in a slot; None where time was over before any."""
        answer = run(self._at(price), effort, self._last)
        if answer.status == Status.INFEASIBLE and self._falls_short(effort):
            answer = run(self._at(price), effort)
        if not answer.found:
            return None
        self._last = None if self.whole else answer
        meters = self._assembled.layout.meters
        net = (answer.x[meters.bought] - answer.x[meters.sold]).sum(axis=0)
        weighed = float(self._weights @ answer.x) if self._weights.size else 0.0
        return Offer(net, answer.value - float(price @ net), weighed, answer.bound, answer.late)

    def _falls_short(self, effort: Effort) -> bool:
        """Let it fall short as little as it must; whether time was left for it."""
        self._assembled = found = self.assembled(soft=True)
        self._last = None
        wants = [found.shortfall(safety=True), found.shortfall(safety=False)]
        settled = settle(found.linear, wants, partial(run, effort=effort))
        if not settled.found:
            return False
        if settled.face is not None and not found.linear.whole.any():
            linear = settled.face
        else:
            linear = found.linear
            for want in wants:
                linear = kept(linear, want, float(want @ settled.answer.x) + _GIVEN)
        self._linear = replace(linear, cost=found.linear.cost, offset=found.linear.offset)
        return True

    def _at(self, price: Floats) -> Linear:
        cost, meters = self._linear.cost.copy(), self._assembled.layout.meters
        cost[meters.bought] += price
        cost[meters.sold] -= price
        return replace(self._linear, cost=cost)
