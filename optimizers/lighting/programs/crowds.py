"""Holders of more profiles than can be weighed in all subsets.

Like profiles are lowered to what they have in common. Whoever keeps a need keeps any lower one, so that what the
lowered ones cost at least bounds the cost of all; and lamps with the same needs and proportional costs lose nothing by
sharing a program, so that a cluster counts as one profile. Its members follow it into its group.
"""

from dataclasses import replace

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.programs.columns import best_partition
from optimizers.lighting.programs.grouping import Effort, Grouping, exactly, group_costs
from optimizers.lighting.programs.likeness import clusters
from optimizers.lighting.programs.moves import Moves
from optimizers.lighting.programs.prices import Prices
from optimizers.lighting.programs.profiles import Profiles
from optimizers.lighting.programs.staircase import costs

CLUSTERS, FINER = 12, 14  # that stand for a holder's profiles at first, and where it has few more
COLUMNS, LUMPS, FINEST = 40, 32, 44  # profiles that columns are generated for as they are; clusters of more; at last
NEAR, FAR = 2e-3, 5e-3  # gap at which a holder is left as it is; at which it is looked at once more
_KNOWN = 600  # groups that moves looked at and columns begin with: the latest
_FEW = 8  # rounds of search at first
_ALL, _MORE = 6, 0.02  # times the rounds of one holder, for all together; for each of very many


def crowded(profiles: Profiles, own: Floats, starts: Ints, sizes: Ints, most: Ints, effort: Effort) -> list[Grouping]:
    """For each holder, of `sizes` (k,) profiles from `starts` (k,), at most `most` (k,) groups: by clusters all at
    once, then those that are furthest from their bounds by columns, one after the other.
    """
    if not starts.size:
        return []
    bounds = list(zip(starts.tolist(), (starts + sizes).tolist(), strict=True))
    few = replace(effort, rounds=min(_FEW, effort.rounds))
    near = max(NEAR, effort.gap)
    found = [Grouping([], np.inf, 0.0) for _ in bounds]
    for fineness, largest in ((CLUSTERS, np.inf), (FINER, FINER + 2)):
        these = np.array([k for k, one in enumerate(found) if one.gap > near and sizes[k] <= largest], np.int64)
        number = [clusters(profiles, bounds[k][0], bounds[k][1], fineness) for k in these.tolist()]
        refined = _refined(profiles, own, starts[these], number, most[these], few) if these.size else []
        for k, grouping in zip(these.tolist(), refined, strict=True):
            found[k].take(grouping)
    moves = {k: Moves(profiles, *bounds[k], int(most[k])) for k in range(starts.size) if found[k].gap > near}
    for k, mine in moves.items():
        if not effort.out_of_time():
            mine.better(found[k])
    left = effort.rounds * max(_ALL, _MORE * starts.size)
    left = _nearer(profiles, own, moves, found, LUMPS, left, replace(effort, gap=near))
    crowds = {k: mine for k, mine in moves.items() if sizes[k] > COLUMNS and found[k].gap > FAR}
    _nearer(profiles, own, crowds, found, FINEST, left, replace(effort, gap=near))
    return found


def _nearer(
    profiles: Profiles,
    own: Floats,
    moves: dict[int, Moves],
    found: list[Grouping],
    lumps: int,
    left: float,
    effort: Effort,
) -> float:
    """Those of `found` that have `moves`, the furthest from their bounds first, by columns; the rounds then `left`."""
    for k in sorted(moves, key=lambda k: (found[k].bound - found[k].cost, k)):
        if found[k].gap > effort.gap and left > 0 and not effort.out_of_time():
            left -= _by_columns(profiles, own, moves[k], lumps, found[k], effort)
    return left


def _by_columns(profiles: Profiles, own: Floats, moves: Moves, lumps: int, found: Grouping, effort: Effort) -> float:
    """Better the grouping of one holder, in `lumps` clusters if it is a crowd; how many rounds that took."""
    start, own = moves.start, own[moves.start : moves.stop]
    number = clusters(profiles, start, moves.stop, lumps if own.size > COLUMNS else own.size)
    inside = np.flatnonzero(number >= 0)
    inside = inside[np.argsort(number[inside], kind="stable")]
    low = profiles.lowered(start + inside, number[inside])
    prices = Prices.of(low, 0, costs(low.needs, low.draws))
    weighed = [*map(list, moves.weighed), *found.groups][-_KNOWN:]
    known = {frozenset(number[group].tolist()) - {-1} for group in weighed if group}
    groups, bound, rounds = best_partition(prices, moves.most, sorted(map(sorted, known)), effort)
    better = Grouping(groups, np.inf, bound)
    _extend(profiles, own, start, number, better)
    _priced(profiles, np.array([start]), [better])
    moves.better(better)
    found.take(better)
    return rounds


def _refined(
    profiles: Profiles, own: Floats, starts: Ints, number: list[Ints], most: Ints, effort: Effort
) -> list[Grouping]:
    """Clusters are grouped exactly; their members follow, and those left out join whom they cost least with.
    `number[k]` (n,) is the cluster, -1 for none, of each profile from `starts[k]`.
    """
    coarse = _coarse(profiles, starts, number, most, effort)
    for start, size, numbers, grouping in zip(starts.tolist(), map(len, number), number, coarse, strict=True):
        _extend(profiles, own[start : start + size], start, numbers, grouping)
    return _priced(profiles, starts, coarse)


def _extend(profiles: Profiles, own: Floats, start: int, number: Ints, grouping: Grouping) -> None:
    """Members (n,) take the places of their clusters; those of none join whom they cost least with."""
    grouping.groups = [np.flatnonzero(np.isin(number, group)).tolist() for group in grouping.groups]
    out = np.flatnonzero(number < 0)
    for i in out.tolist():
        _join(profiles, start, grouping.groups, i)
    grouping.bound += float(own[out].sum())


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
