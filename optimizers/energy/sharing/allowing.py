"""From a mix of offers to what each block may draw: then each is planned by itself, and together they keep to it.

A mix is no plan of a block yet: two of its offers may buy and sell in one slot. But what it draws in the mix, it can
draw. So a block may draw as much as in the mix, and its part of the room that the mix leaves below limits. The cheapest
plan within that costs no more than the mix.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.assembling import Assembled
from optimizers.energy.contract import during
from optimizers.energy.linear import Linear
from optimizers.energy.problem import EnergyProblem

_HAIR_KW = 1e-7
_K = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """(blocks, T) the least and the most that blocks may draw net, in kW; infinite for no bound."""

    least_kw: Floats
    most_kw: Floats


def allowed(problem: EnergyProblem, above: Ints, mixed_kw: Floats) -> Allowed:
    """Of blocks that draw through groups `above` (blocks,) of a problem, by what each draws in a mix (blocks, T)."""
    groups, n = problem.groups, above.size
    least, most = np.full(mixed_kw.shape, -np.inf), np.full(mixed_kw.shape, np.inf)
    if groups is None:
        return Allowed(least, most)
    within = groups.within(above)
    drawn = within @ mixed_kw
    top, bottom = _top_kw(problem, drawn), _bottom_kw(problem, drawn)
    for g in range(len(groups.names)):
        mine: Bools = within[g]
        share = 1.0 / max(int(mine.sum()), 1)
        most[mine] = np.minimum(most[mine], mixed_kw[mine] + (top[g] - drawn[g]) * share + _HAIR_KW / n)
        least[mine] = np.maximum(least[mine], mixed_kw[mine] - (drawn[g] - bottom[g]) * share - _HAIR_KW / n)
    return Allowed(least, most)


def _top_kw(problem: EnergyProblem, drawn: Floats) -> Floats:
    """(G, T) the most that a group may draw without costing more than the mix that draws so much."""
    groups, orders = problem.groups, problem.orders
    assert groups is not None  # noqa: S101 - asked of groups alone
    top = np.where(np.isfinite(groups.import_limit_w), np.maximum(groups.import_limit_w * _K, drawn), np.inf)
    peak = np.maximum(groups.peak_so_far_w * _K, drawn.max(axis=1))[:, None]
    top = np.where((groups.peak_eur_kw > 0)[:, None], np.minimum(top, peak), top)
    if orders is not None:
        asked = during(orders.first, orders.last, drawn.shape[1])
        wanted = (orders.baseline_w - orders.ordered_w[:, None]) * _K
        kept = np.where(asked, np.maximum(wanted, drawn[orders.group]), np.inf)
        np.minimum.at(top, orders.group, kept)
    return top


def _bottom_kw(problem: EnergyProblem, drawn: Floats) -> Floats:
    """(G, T) the least, which is below 0 where it feeds in."""
    groups = problem.groups
    assert groups is not None  # noqa: S101 - asked of groups alone
    limit = groups.export_limit_w * _K
    return np.where(np.isfinite(limit), np.minimum(-limit, drawn), -np.inf)


def within(assembled: Assembled, least_kw: Floats, most_kw: Floats) -> Assembled:
    """The model of a block that draws no less and no more (T,)."""
    meters = assembled.layout.meters
    bound = np.flatnonzero(np.isfinite(least_kw) | np.isfinite(most_kw))
    index = np.concatenate([meters.bought[:, bound], meters.sold[:, bound]]).T
    linear = assembled.linear
    start = linear.start[-1] + index.shape[1] * np.arange(1, bound.size + 1)
    wider: Linear = replace(
        linear, start=np.append(linear.start, start).astype(np.int32),
        index=np.append(linear.index, index.ravel()).astype(np.int32),
        value=np.append(linear.value, np.tile(np.repeat([1.0, -1.0], len(meters.bought)), bound.size)),
        row_lower=np.append(linear.row_lower, least_kw[bound]), row_upper=np.append(linear.row_upper, most_kw[bound]),
    )  # fmt: skip
    return replace(assembled, linear=wider)
