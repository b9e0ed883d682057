"""Which profiles of a holder share a program: the partition into at most K groups that costs least, with its bound.

All subsets have a lower bound at once (`envelopes`). The partition that is best by the bounds is a lower bound on
every partition; the programs of its groups are sought, their costs raise the bounds, and so on. Where the groups of the
best partition are all known, no other is cheaper.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.programs.envelopes import Envelopes
from optimizers.lighting.programs.profiles import Profiles
from optimizers.lighting.programs.staircase import costs
from optimizers.lighting.programs.subsets import best_partitions, members_of

ROUNDS = 200  # of search for the best partition of one holder


@dataclass(frozen=True, slots=True)
class Effort:
    """When to stop: at this relative gap, after so many rounds, or when `out_of_time` says so."""

    gap: float
    rounds: int
    out_of_time: Callable[[], bool]


@dataclass(slots=True)
class Grouping:
    """Groups of a holder's profiles, numbered from its first; what their programs cost, and no others less than."""

    groups: list[list[int]]
    cost: float
    bound: float

    @property
    def gap(self) -> float:
        if np.isinf(self.cost):
            return np.inf
        return (self.cost - self.bound) / self.cost if self.cost else 0.0

    def take(self, other: Self) -> None:
        """The better of both bounds, and of both groupings."""
        self.bound = max(self.bound, other.bound)
        if other.cost < self.cost:
            self.groups, self.cost = other.groups, other.cost


def partitions(profiles: Profiles, own: Floats, starts: Ints, n: int, groups: int, effort: Effort) -> list[Grouping]:
    """For each holder whose `n` profiles begin at one of `starts`; `own` (p,) is the cost of each profile alone."""
    envelopes = [Envelopes.of(profiles, start, own[start : start + n]) for start in starts.tolist()]
    found = [Grouping([], np.inf, 0.0) for _ in envelopes]
    active = list(range(len(found)))
    for _ in range(effort.rounds):
        chosen = best_partitions(np.stack([envelopes[k].bound for k in active]), groups)
        for k, parts in zip(active, chosen, strict=True):
            found[k].bound = max(found[k].bound, float(sum(envelopes[k].bound[part] for part in parts)))
        wanted = [
            (k, part) for k, parts in zip(active, chosen, strict=True) for part in parts if not envelopes[k].exact[part]
        ]
        prices = group_costs(profiles, [[int(starts[k]) + i for i in members_of(part)] for k, part in wanted])
        for (k, part), price in zip(wanted, prices.tolist(), strict=True):
            envelopes[k].settle(part, price)
        for k, parts in zip(active, chosen, strict=True):
            cost = float(sum(envelopes[k].bound[part] for part in parts))
            if cost < found[k].cost:
                found[k].groups, found[k].cost = [members_of(part) for part in parts], cost
        active = [k for k in active if found[k].cost - found[k].bound > effort.gap * found[k].cost]
        if not active or effort.out_of_time():
            break
    return found


def group_costs(profiles: Profiles, groups: list[list[int]]) -> Floats:
    """(g,) what the cheapest program of each group of profiles costs."""
    if not groups:
        return np.zeros(0)
    members = np.fromiter((i for group in groups for i in group), np.int64)
    return costs(*profiles.together(members, np.repeat(np.arange(len(groups)), [len(group) for group in groups])))


def exactly(profiles: Profiles, own: Floats, starts: Ints, sizes: Ints, most: Ints, effort: Effort) -> list[Grouping]:
    """For each holder, of `sizes` (k,) profiles from `starts` (k,), at most `most` (k,) groups."""
    found: dict[int, Grouping] = {}
    for size, groups in sorted(set(zip(sizes.tolist(), most.tolist(), strict=True))):
        these = np.flatnonzero((sizes == size) & (most == groups))
        found |= zip(these.tolist(), partitions(profiles, own, starts[these], size, groups, effort), strict=True)
    return [found[k] for k in range(starts.size)]
