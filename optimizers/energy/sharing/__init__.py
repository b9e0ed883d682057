"""Hundreds of sites: feeder by feeder, at prices of what they share, with a proved bound for all of them."""

from time import monotonic

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.assembling.wasting import wasteful
from optimizers.energy.engines import Effort
from optimizers.energy.problem import EnergyPlan, EnergyProblem
from optimizers.energy.reading import read
from optimizers.energy.sharing.allowing import Allowed, allowed, within
from optimizers.energy.sharing.bidding import Bidding, Bids
from optimizers.energy.sharing.blocks import BlockModel
from optimizers.energy.sharing.slicing import MOST_TOGETHER, Block, gathered, sliced, spread, wasteful_of
from optimizers.energy.solving import Solved, Told, by_rules, plan_of, runner, smoothed, values_of
from optimizers.result import Limits

__all__ = ["solve_shared"]

LEAST_GAP = 1e-3
"""Relative: nearer is not asked for, as the price of it is time, and forecasts are far from it."""

_BIDDING = 0.6  # part of the time; then each block is planned at last


def solve_shared(problem: EnergyProblem, limits: Limits, most: int = MOST_TOGETHER) -> EnergyPlan:
    """As `solve` has it, for any number of sites, no more than `most` of which are one program.

    It is FEASIBLE within the gap asked for, LEAST_GAP at least. Where firm limits of several blocks cannot be kept with
    comfort kept, what falls short is weighed between blocks, and is in order within each.
    """
    started = monotonic()
    waste = wasteful(problem)
    blocks, above = sliced(problem, most)
    models = [BlockModel(block.problem, wasteful_of(waste, block)) for block in blocks]
    tied = np.array([block.above for block in blocks])
    effort = Effort(limits.seconds, max(limits.gap, LEAST_GAP), limits.work, limits.seed)
    bids = Bidding(above, models, tied, effort, started + _BIDDING * limits.seconds).run()
    if bids is None:
        return by_rules(problem, -np.inf, limits, monotonic() - started)
    found = _planned(models, allowed(above, tied, bids.mixed_kw), limits, started)
    if not all(one.settled.found for one in found):
        return by_rules(problem, bids.bound, limits, monotonic() - started)
    return _concluded(problem, blocks, found, bids, limits, started)


def _planned(models: list[BlockModel], may: Allowed, limits: Limits, started: float) -> list[Solved]:
    """Each block within what it may draw."""
    run = runner(limits, started)
    return [
        smoothed(
            lambda soft, i=i, model=model: within(model.assembled(soft=soft), may.least_kw[i], may.most_kw[i]),  # type: ignore[misc]
            model.problem.horizon.hours,
            run,
        )
        for i, model in enumerate(models)
    ]


def _concluded(
    problem: EnergyProblem, blocks: list[Block], found: list[Solved], bids: Bids, limits: Limits, started: float
) -> EnergyPlan:
    each = zip(blocks, found, strict=True)
    flows = gathered(problem, blocks, [read(block.problem, one.assembled.layout, one.x) for block, one in each])
    late = bids.late or any(one.settled.late for one in found)
    rough = next((one.rough for one in found if one.rough), "")
    told = Told(bids.bound, late, rough, found[0].settled.answer.solver, _values(problem, blocks, found))
    return plan_of(problem, flows, told, limits, monotonic() - started)


def _values(problem: EnergyProblem, blocks: list[Block], found: list[Solved]) -> dict[str, Floats]:
    """Marginal values, where all blocks have them."""
    each = [values_of(block.problem, one) for block, one in zip(blocks, found, strict=True)]
    if not all(each):
        return {}
    parts = {"value_eur_kwh": "sites", "stored_eur_kwh": "batteries"}
    return {name: spread(problem, blocks, part, [values[name] for values in each]) for name, part in parts.items()}
