"""A holder's partition as a linear program over groups, solved by column generation with exact pricing.

Of all mixtures of groups that serve every profile, K groups in all, the linear program finds the cheapest: a bound on
every partition. Its groups also make good partitions; most often it mixes none and is one.

Pricing. Given what each profile is worth to the program (its dual), the best group is sought by branch and bound on who
is in it. Who is in raises the height, so that others pay at least what they pay at the height so far: who is not worth
that never joins, and who does not raise the height joins for free.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.programs.grouping import Effort
from optimizers.lighting.programs.heights import Heights
from optimizers.lighting.programs.prices import Prices

NODES, MANY = 20_000, 160_000  # of branch and bound for one pricing, at first and where that is too few
_BATCH = 500  # of them weighed at a time
_UNIT = 10_000  # nodes that take as long as a round does without any
_SAVES = 1e-9  # of the cost of all: a group that saves less is none
_EACH = 2  # groups a profile that are added in one round, at most
_WHOLE = 1e-6  # from 0 or 1 a share of a group that is none or all
_CENTRED = 0.75  # how far duals are drawn towards those of the best bound so far
_REACHED = 0.25  # of the gap that is near enough: a bound so near the linear program's is as good as that
_HEIGHTS = 2**16  # kept from one pricing to the next, at most: 30 MB
_BRANCHES = 500  # of the integer program over the groups found


def best_partition(
    prices: Prices, most: int, known: list[list[int]], effort: Effort
) -> tuple[list[list[int]], float, float]:
    """At most `most` groups that cost least by their prices, a bound on what any partition costs, and the rounds that
    took, large trees counted as several. `known` are groups to begin with, of any number and as they overlap.
    """
    pool, heights = _Pool(prices, known), Heights(prices)
    bound, rounds, near = float(prices.own.sum()), 0.0, False
    cost, centred, nodes = np.inf, _CENTRED, NODES
    groups: list[list[int]] | None = None
    centre: _Mixture | None = None
    while rounds < effort.rounds and not effort.out_of_time():
        mixture = pool.solve(most)
        if mixture.whole and mixture.cost < cost:
            groups, cost = pool.groups(mixture.shares), mixture.cost
        near = cost < np.inf and cost - bound <= effort.gap * cost
        if near or mixture.cost - bound <= _REACHED * effort.gap * mixture.cost:
            break
        heights = heights if len(heights) <= _HEIGHTS else Heights(prices)
        duals = mixture.towards(centre, centred)
        tree = _Tree(heights, duals.worth, -duals.rent - _SAVES * float(prices.own.sum()), nodes)
        added = pool.add(tree.search()[: _EACH * prices.own.size])
        rounds += 1 + tree.weighed / _UNIT
        value = float(duals.worth.sum()) + most * min(0.0, tree.lowest)
        nodes = min(2 * nodes, MANY) if tree.cut and not (added and value > bound) else nodes
        if not added and duals is mixture and not (tree.cut and tree.weighed < MANY):
            bound = max(bound, value)
            break
        if value > bound:
            bound, centre = value, duals
        # Where the duals between bring nothing new, those nearer the mixture are asked, at last its own.
        centred = _CENTRED if added else centred / 2 if centred > _CENTRED / 4 else 0.0
    if not near:
        groups = pool.solve_whole(most) or groups
    return groups or [list(range(prices.own.size))], bound, rounds


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Shares of groups, their cost, what each profile is worth (n,), and what one more group in all would save."""

    shares: Floats
    cost: float
    worth: Floats
    rent: float

    @property
    def whole(self) -> bool:
        return bool((np.abs(self.shares - np.round(self.shares)) <= _WHOLE).all())

    def towards(self, centre: "_Mixture | None", part: float) -> "_Mixture":
        """With duals part of the way to those of another: they swing less from round to round, and bounds come
        sooner.
        """
        if centre is None or not part:
            return self
        worth = (1 - part) * self.worth + part * centre.worth
        return replace(self, worth=worth, rent=(1 - part) * self.rent + part * centre.rent)


class _Pool:
    """Groups found so far, and their prices."""

    def __init__(self, prices: Prices, known: list[list[int]]) -> None:
        self._prices = prices
        self._costs: dict[bytes, float] = {}
        self._members: list[Bools] = []
        n = prices.own.size
        self.add(np.eye(n, dtype=np.bool_))
        self.add(np.array([np.isin(np.arange(n), group) for group in [*known, range(n)]]))

    def add(self, groups: Bools) -> int:
        """How many of `groups` (g, n) were new."""
        new = {members.tobytes(): members for members in groups}
        new = {key: members for key, members in new.items() if key not in self._costs}
        if new:
            self._costs |= zip(new, self._prices.costs(np.array(list(new.values()))).tolist(), strict=True)
            self._members += new.values()
        return len(new)

    def solve(self, most: int) -> _Mixture:
        from scipy.optimize import linprog  # noqa: PLC0415 - half a second that every command would pay

        serves = np.array(self._members, np.float64).T
        rows = np.concatenate([-serves, np.ones((1, serves.shape[1]))])
        limits = np.concatenate([-np.ones(len(serves)), [most]])
        found = linprog(list(self._costs.values()), rows, limits, method="highs", options={"presolve": False})
        duals = -found.ineqlin.marginals
        return _Mixture(found.x, float(found.fun), duals[:-1], float(duals[-1]))

    def solve_whole(self, most: int) -> list[list[int]] | None:
        """The groups that serve all at least cost, none of them in part; None where few branches find none."""
        from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415

        serves = np.array(self._members, np.float64).T
        served = LinearConstraint(serves, 1, np.inf)
        limited = LinearConstraint(np.ones((1, serves.shape[1])), 0, most)
        costs = np.array(list(self._costs.values()))
        options = {"node_limit": _BRANCHES}
        whole = np.ones(costs.size)
        found = milp(costs, constraints=[served, limited], integrality=whole, bounds=Bounds(0, 1), options=options)
        return None if found.x is None else self.groups(found.x)

    def groups(self, shares: Floats) -> list[list[int]]:
        """Those with a share of one half at least; who is served twice is left in the first."""
        left = np.ones(self._prices.own.size, np.bool_)
        groups = []
        for column in np.flatnonzero(shares > 0.5).tolist():
            groups.append(np.flatnonzero(self._members[column] & left).tolist())
            left &= ~self._members[column]
        return [group for group in groups if group]


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """Who is in (M, n), who is out (M, n), the height of those in (M,), and what no group of a node is less than."""

    inside: Bools
    out: Bools
    height: Ints
    bound: Floats

    def take(self, rows: Ints) -> Self:
        return type(self)(self.inside[rows], self.out[rows], self.height[rows], self.bound[rows])

    def beside(self, other: Self) -> Self:
        return type(self)(
            np.concatenate([self.inside, other.inside]),
            np.concatenate([self.out, other.out]),
            np.concatenate([self.height, other.height]),
            np.concatenate([self.bound, other.bound]),
        )


class _Tree:
    """Groups that cost less than their members are worth, by more than `-below`, the most promising nodes first.

    `lowest` is then the least that any group costs beyond its worth, at most `below`; where the search was cut after
    `most` nodes, a bound on it. `weighed` counts nodes.
    """

    def __init__(self, heights: Heights, worth: Floats, below: float, most: int) -> None:
        self._heights, self._worth, self._best, self._most = heights, worth, below, most
        self.lowest, self.weighed, self.cut = below, 0, False
        # The brightest first: with them in, few others are left to choose of; without them, the height stays low.
        self._rank = np.argsort(np.argsort(-heights.paid[0], kind="stable"), kind="stable")

    def search(self) -> Bools:
        """(g, n) the groups found, the best first."""
        nothing = np.zeros((1, self._worth.size), np.bool_)
        nodes = _Nodes(nothing, nothing, np.zeros(1, np.int64), np.full(1, -np.inf))
        groups, beyond = [nothing[:0]], [np.zeros(0)]
        while nodes.bound.size and self.weighed < self._most:
            order = np.argsort(nodes.bound, kind="stable")
            members, value, born = self._step(nodes.take(order[:_BATCH]))
            left = order[_BATCH:]
            nodes = born.beside(nodes.take(left[nodes.bound[left] < self._best]))
            self.weighed += min(_BATCH, order.size)
            groups.append(members)
            beyond.append(value)
        value = np.concatenate(beyond)
        self.cut = nodes.bound.size > 0
        self.lowest = float(min(value.min(initial=self.lowest), nodes.bound.min(initial=np.inf)))
        return np.concatenate(groups)[np.argsort(value, kind="stable")]

    def _step(self, nodes: _Nodes) -> tuple[Bools, Floats, _Nodes]:
        """Groups that are complete, what they cost beyond their worth, and the nodes that come of the others."""
        gain = self._heights.paid[nodes.height] - self._worth
        members = (nodes.inside | (gain < 0)) & ~nodes.out
        bound = np.where(members, gain, 0.0).sum(axis=1)
        raising = self._heights.raises[nodes.height] & members & ~nodes.inside
        left = raising.any(axis=1)
        complete = np.flatnonzero((bound < self._best) & ~left & members.any(axis=1))
        # Several groups a pricing are worth more than the best alone: those are kept that save a fifth as much.
        self._best = min(self._best, 0.2 * float(bound[complete].min(initial=0.0)))
        rows = np.flatnonzero((bound < self._best) & left)
        pick = np.where(raising[rows], self._rank, self._rank.size).argmin(axis=1)
        return members[complete], bound[complete], self._branched(nodes.take(rows), pick, bound[rows])

    def _branched(self, nodes: _Nodes, pick: Ints, bound: Floats) -> _Nodes:
        """Each node with `pick` in, then each with `pick` out."""
        at = np.arange(pick.size)
        inside, out = nodes.inside.copy(), nodes.out.copy()
        inside[at, pick], out[at, pick] = True, True
        within = _Nodes(inside, nodes.out, self._heights.joined(nodes.height, pick), bound)
        return within.beside(_Nodes(nodes.inside, out, nodes.height, bound))
