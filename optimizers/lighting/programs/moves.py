"""Groups of a holder's profiles bettered by moves of single profiles, each step weighed by exact costs."""

from optimizers.lighting.programs.grouping import Grouping, group_costs
from optimizers.lighting.programs.profiles import Profiles

_TRIALS = 1500  # moves weighed in one step, at most: holders that have more are left as they are
_STEPS = 40
_SAVES = 1e-9  # of the cost: a move that saves less is none

Group = frozenset[int]


class Moves:
    """Of one holder, of profiles `start`…`stop`, that takes `most` programs. `weighed` are all groups that were looked
    at, the latest last, and their costs.
    """

    def __init__(self, profiles: Profiles, start: int, stop: int, most: int) -> None:
        self._profiles, self.start, self.stop, self.most = profiles, start, stop, most
        self.weighed: dict[Group, float] = {frozenset(): 0.0}

    def better(self, found: Grouping) -> None:
        """Move profiles to other groups, or to one of their own where one more may be, each time the one that saves
        most, until none saves.
        """
        groups = [frozenset(group) for group in found.groups]
        if sum(map(len, groups)) * (len(groups) + 1) > _TRIALS:
            return
        self._weigh(groups)
        for _ in range(_STEPS):
            if not (moved := self._step(groups, _SAVES * found.cost)):
                break
            groups = moved
        cost = sum(self.weighed[group] for group in groups)
        if cost < found.cost:
            found.groups, found.cost = [sorted(group) for group in groups], cost

    def _step(self, groups: list[Group], least: float) -> list[Group]:
        """Groups after the best move; none where no move saves `least`."""
        others = [*groups, Group()] if len(groups) < self.most else groups
        moves = [(i, here, there) for here in groups for i in sorted(here) for there in others if there is not here]
        self._weigh([group for i, here, there in moves for group in (here - {i}, there | {i})])
        price = self.weighed
        saved = [price[here] + price[there] - price[here - {i}] - price[there | {i}] for i, here, there in moves]
        best = max(range(len(moves)), key=saved.__getitem__, default=None)
        if best is None or saved[best] <= least:
            return []
        i, here, there = moves[best]
        left = [group for group in groups if group is not here and group is not there]
        return [*left, *filter(None, [here - {i}]), there | {i}]

    def _weigh(self, groups: list[Group]) -> None:
        new = list(dict.fromkeys(group for group in groups if group not in self.weighed))
        costs = group_costs(self._profiles, [[self.start + i for i in sorted(group)] for group in new])
        self.weighed |= zip(new, costs.tolist(), strict=True)
