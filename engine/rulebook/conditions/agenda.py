"""Which instances wait for an instant of their own, kept so that a subject's are found without looking at the rest."""

import numpy as np

from engine.rulebook.conditions.arrays import ALWAYS, Ints, distinct, spread

_FEW = 1_000


class Agenda:
    """A set of instances in their order, in two sorted parts: what has long been in it, and what came lately."""

    def __init__(self, instances: int) -> None:
        self._within = np.zeros(instances, np.bool_)
        self._settled = np.empty(0, np.int64)
        self._lately: list[Ints] = []
        self._waiting = 0  # how many waited when it was tidied last

    def add(self, instances: Ints) -> None:
        """Instances that have something due; those in it already are passed over."""
        fresh = instances[~self._within[instances]]
        if len(fresh):
            self._within[fresh] = True
            self._lately.append(fresh)

    def of(self, start: Ints, count: Ints) -> list[tuple[Ints, Ints]]:
        """The instances in it that lie in some stretches, and the stretch of each, ascending; part by part."""
        return [self._stretch(part, start, count) for part in self._parts()]

    def tidy(self, due: Ints, wake: Ints) -> None:
        """Leave out instances that wait no more, once there are many. When each is due, and when it wakes."""
        if len(self._settled) <= 2 * self._waiting + _FEW:
            return
        kept = np.minimum(due[self._settled], wake[self._settled]) != ALWAYS
        self._within[self._settled[~kept]] = False
        self._settled = self._settled[kept]
        self._waiting = len(self._settled)

    def _parts(self) -> list[Ints]:
        if not self._lately:
            return [self._settled]
        lately = distinct(np.concatenate(self._lately))
        if len(lately) > max(_FEW, len(self._settled) // 4):
            self._settled, self._lately = distinct(np.concatenate([self._settled, lately])), []
            return [self._settled]
        self._lately = [lately]
        return [self._settled, lately]

    @staticmethod
    def _stretch(part: Ints, start: Ints, count: Ints) -> tuple[Ints, Ints]:
        low = np.searchsorted(part, start)
        index, owner = spread(low, np.searchsorted(part, start + count) - low)
        return part[index], owner
