"""Holders of more profiles than can be weighed in all subsets.

Like profiles are lowered to what they have in common. Whoever keeps a need keeps any lower one, so that what the
lowered ones cost at least bounds the cost of all; and lamps with the same needs and proportional costs lose nothing by
sharing a program, so that a cluster counts as one profile. Its members follow it into its group.
"""

import numpy as np

from optimizers.lighting.parts import Floats, Ints
from optimizers.lighting.programs.grouping import Effort, Grouping, exactly, group_costs
from optimizers.lighting.programs.likeness import clusters
from optimizers.lighting.programs.profiles import Profiles
from optimizers.lighting.programs.staircase import costs

COARSEST, FINEST = 12, 14  # clusters that stand for a holder's profiles
NEAR = 1e-3  # gap at which a holder is left as it is: finer clusters cost three times as much each


def by_clusters(
    profiles: Profiles, own: Floats, starts: Ints, sizes: Ints, most: Ints, effort: Effort
) -> list[Grouping]:
    """By ever finer clusters, until the bound from them is near."""
    if not starts.size:
        return []
    found = [Grouping([], np.inf, 0.0) for _ in starts]
    left = np.arange(starts.size)
    for fineness in range(COARSEST, FINEST + 1):
        number = [clusters(profiles, int(starts[k]), int(starts[k] + sizes[k]), fineness) for k in left.tolist()]
        coarse = _refined(profiles, own, starts[left], number, most[left], effort)
        for k, grouping in zip(left.tolist(), coarse, strict=True):
            found[k].bound = max(found[k].bound, grouping.bound)
            if grouping.cost < found[k].cost:
                found[k].groups, found[k].cost = grouping.groups, grouping.cost
        left = np.array([k for k in left.tolist() if found[k].gap > max(NEAR, effort.gap)], np.int64)
        if not left.size or effort.out_of_time():
            break
    return found


def _refined(
    profiles: Profiles, own: Floats, starts: Ints, number: list[Ints], most: Ints, effort: Effort
) -> list[Grouping]:
    """Clusters are grouped exactly; their members follow, and those left out join whom they cost least with.
    `number[k]` (n,) is the cluster, -1 for none, of each profile from `starts[k]`.
    """
    coarse = _coarse(profiles, starts, number, most, effort)
    found = []
    for start, numbers, grouping in zip(starts.tolist(), number, coarse, strict=True):
        groups = [np.flatnonzero(np.isin(numbers, group)).tolist() for group in grouping.groups]
        out = np.flatnonzero(numbers < 0)
        for i in out.tolist():
            _join(profiles, start, groups, i)
        found.append(Grouping(groups, np.inf, grouping.bound + float(own[start + out].sum())))
    return _priced(profiles, starts, found)


def _coarse(profiles: Profiles, starts: Ints, number: list[Ints], most: Ints, effort: Effort) -> list[Grouping]:
    members, cluster, first = [], [], [0]
    for start, numbers in zip(starts.tolist(), number, strict=True):
        inside = np.flatnonzero(numbers >= 0)
        inside = inside[np.argsort(numbers[inside], kind="stable")]
        members.append(start + inside)
        cluster.append(first[-1] + numbers[inside])
        first.append(first[-1] + int(numbers.max()) + 1)
    low = profiles.lowered(np.concatenate(members), np.concatenate(cluster))
    sizes = np.diff(first)
    own = costs(low.needs, low.draws)
    return exactly(low, own, np.array(first[:-1]), sizes, np.minimum(most, sizes), effort)


def _join(profiles: Profiles, start: int, groups: list[list[int]], one: int) -> None:
    without = group_costs(profiles, [[start + i for i in group] for group in groups])
    within = group_costs(profiles, [[start + i for i in [*group, one]] for group in groups])
    groups[int(np.argmin(within - without))].append(one)


def _priced(profiles: Profiles, starts: Ints, found: list[Grouping]) -> list[Grouping]:
    groups = [
        [start + i for i in group] for start, one in zip(starts.tolist(), found, strict=True) for group in one.groups
    ]
    ends = np.cumsum([len(one.groups) for one in found])
    for one, prices in zip(found, np.split(group_costs(profiles, groups), ends[:-1]), strict=True):
        one.cost = float(prices.sum())
    return found
