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

from optimizers.lighting.parts import Bools, Floats, Ints
from optimizers.lighting.programs.grouping import Effort
from optimizers.lighting.programs.prices import Prices

NODES = 100_000  # of branch and bound for one pricing
_SAVES = 1e-9  # of the cost of all: a group that saves less is none
_EACH = 2  # groups a profile that are added in one round, at most
_WHOLE = 1e-6  # from 0 or 1 a share of a group that is none or all


def best_partition(
    prices: Prices, most: int, known: list[list[int]], effort: Effort
) -> tuple[list[list[int]], float, int]:
    """At most `most` groups that cost least by their prices, a bound on what any partition costs, and the rounds taken.
    `known` are groups to begin with.
    """
    n = prices.own.size
    pool = _Pool(prices)
    pool.add(np.eye(n, dtype=np.bool_))
    pool.add(np.array([np.isin(np.arange(n), group) for group in [*known, range(n)]]))
    saves = _SAVES * float(prices.own.sum())
    bound, rounds, near = float(prices.own.sum()), 0, False
    groups, cost = known, np.inf
    centre: _Mixture | None = None
    while rounds < effort.rounds and not near:
        rounds += 1
        mixture = pool.solve(most)
        if mixture.whole and mixture.cost < cost:
            groups, cost = pool.groups(mixture.shares), mixture.cost
        duals = mixture.towards(centre)
        tree = _Tree(prices, duals.worth, -duals.rent - saves)
        found = tree.search()
        value = float(duals.worth.sum()) + most * min(0.0, tree.lowest)
        # Where the duals between bring nothing new, those of the mixture itself have the last word.
        last = not pool.add(found[: _EACH * n])
        if last and duals is mixture:
            bound = max(bound, value)
            break
        centre = None if last else duals if value > bound else centre
        bound = max(bound, value)
        near = cost < np.inf and cost - bound <= effort.gap * cost
        if effort.out_of_time():
            break
    if not near:
        groups = pool.groups(pool.solve_whole(most))
    return groups, bound, rounds


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

    def towards(self, centre: "_Mixture | None") -> "_Mixture":
        """With duals half way to those of another: they swing less from round to round, and bounds come sooner."""
        if centre is None:
            return self
        return replace(self, worth=(self.worth + centre.worth) / 2, rent=(self.rent + centre.rent) / 2)


class _Pool:
    """Groups found so far, and their prices."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._costs: dict[bytes, float] = {}
        self._members: list[Bools] = []

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

    def solve_whole(self, most: int) -> Floats:
        """Which groups serve all at least cost, none of them in part."""
        from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415

        serves = np.array(self._members, np.float64).T
        served = LinearConstraint(serves, 1, np.inf)
        limited = LinearConstraint(np.ones((1, serves.shape[1])), 0, most)
        costs = np.array(list(self._costs.values()))
        found = milp(costs, constraints=[served, limited], integrality=np.ones(costs.size), bounds=Bounds(0, 1))
        shares: Floats = found.x
        return shares

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
    """Who is in (M, n), who is out (M, n), and the height of those in (M, P)."""

    inside: Bools
    out: Bools
    height: Ints

    def branched(self, rows: Ints, pick: Ints, need: Ints) -> Self:
        """Each of `rows` with `pick` in, then each with `pick` out."""
        at = np.arange(rows.size)
        inside, out = self.inside[rows].copy(), self.out[rows].copy()
        inside[at, pick], out[at, pick] = True, True
        return type(self)(
            np.concatenate([inside, self.inside[rows]]),
            np.concatenate([self.out[rows], out]),
            np.concatenate([np.maximum(self.height[rows], need[pick]), self.height[rows]]),
        )


class _Tree:
    """Groups that cost less than their members are worth, by more than `-below`, sought breadth first.

    `lowest` is then the least that any group costs beyond its worth, at most `below`; -inf where the search was cut.
    """

    def __init__(self, prices: Prices, worth: Floats, below: float) -> None:
        self._prices, self._worth, self._best = prices, worth, below
        self.lowest = below
        bare = prices.paid(np.zeros((1, prices.need.shape[1]), np.int64))[0]
        # The brightest first: with them in, few others are left to choose of; without them, the height stays low.
        self._rank = np.argsort(np.argsort(-bare, kind="stable"), kind="stable")

    def search(self) -> Bools:
        """(g, n) the groups found, the best first."""
        n, count = self._prices.need.shape
        nothing = np.zeros((1, n), np.bool_)
        nodes = _Nodes(nothing, nothing, np.zeros((1, count), np.int64))
        groups, beyond = [nothing[:0]], [np.zeros(0)]
        weighed = 0
        while len(nodes.height) and weighed < NODES:
            weighed += len(nodes.height)
            members, value, nodes = self._step(nodes)
            groups.append(members)
            beyond.append(value)
        value = np.concatenate(beyond)
        self.lowest = -np.inf if len(nodes.height) else float(value.min(initial=self.lowest))
        return np.concatenate(groups)[np.argsort(value, kind="stable")]

    def _step(self, nodes: _Nodes) -> tuple[Bools, Floats, _Nodes]:
        """Groups that are complete, what they cost beyond their worth, and the nodes that come of the others."""
        need = self._prices.need
        gain = self._prices.paid(nodes.height) - self._worth
        members = (nodes.inside | (gain < 0)) & ~nodes.out
        bound = np.where(members, gain, 0.0).sum(axis=1)
        raising = (need[None] > nodes.height[:, None, :]).any(axis=2) & members & ~nodes.inside
        complete = np.flatnonzero((bound < self._best) & ~raising.any(axis=1) & members.any(axis=1))
        # Several groups a pricing are worth more than the best alone: those are kept that save a fifth as much.
        self._best = min(self._best, 0.2 * float(bound[complete].min(initial=0.0)))
        rows = np.flatnonzero((bound < self._best) & raising.any(axis=1))
        pick = np.where(raising[rows], self._rank, need.shape[0]).argmin(axis=1)
        return members[complete], bound[complete], nodes.branched(rows, pick, need)
