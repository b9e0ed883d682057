"""What groups of like bins have in common: how much more or less comes on a kind of day, lately, and how unevenly.

A group is a waste fraction in a kind of place. Each table is drawn towards "no difference" by the worth of some days,
so that little data changes little; one bin's own rate is its `Belief`'s.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.fill.days import KINDS

_PRIOR_DAYS = 20.0
"""Bin-days of one kind that "no difference" is worth."""
_PRIOR_PACE = 15.0
_KINDS_MEMORY_D = 120.0
_PACE_MEMORY_D = 6.0
_SPREAD_MEMORY_D = 60.0
_PRIOR_SPREAD = 100.0
_SPREADS = (0.02, 2.0)
"""Between which the squared coefficient of variation of a day is believed."""


@dataclass(frozen=True, eq=False)
class Habits:
    """Of G groups.

    group (n,)          each bin's
    came, due (G, K)    day-equivalents that came on a kind of day, and that would have come without a difference
    lately (G, 2)       the same over the last days, whatever their kind: season, school holidays, a town that is away
    uneven (G, 2)       sum of squared surprises of a day, and their number: the squared coefficient of variation
    """

    group: Ints
    came: Floats
    due: Floats
    lately: Floats
    uneven: Floats

    @classmethod
    def none(cls, group: Ints, cv: float = 0.5) -> "Habits":
        """Before anything is learned; `cv` is the coefficient of variation of what comes in a day."""
        groups = int(group.max(initial=0)) + 1
        uneven = np.tile([cv**2 * _PRIOR_SPREAD, _PRIOR_SPREAD], (groups, 1))
        return cls(group, np.zeros((groups, KINDS)), np.zeros((groups, KINDS)), np.zeros((groups, 2)), uneven)

    @property
    def factor(self) -> Floats:
        """(G, K) how much comes on a kind of day, of what comes on a mean one."""
        return (_PRIOR_DAYS + self.came) / (_PRIOR_DAYS + self.due)

    @property
    def pace(self) -> Floats:
        """(G,) how much came lately, of what was expected."""
        return (_PRIOR_PACE + self.lately[:, 0]) / (_PRIOR_PACE + self.lately[:, 1])

    @property
    def cv2(self) -> Floats:
        """(n,) squared coefficient of variation of what comes into each bin in a day-equivalent."""
        spread: Floats = np.clip(self.uneven[:, 0] / self.uneven[:, 1], *_SPREADS)[self.group]
        return spread

    def days(self, kinds: Ints, share: float | Floats = 1.0) -> Floats:
        """(n, D) day-equivalents of days of these kinds (n, D), or of a `share` of each (anything that broadcasts)."""
        amount: Floats = self.factor[self.group[:, None], kinds] * self.pace[self.group][:, None] * share
        return amount


def learned(habits: Habits, exposed: Floats, came: Floats, surprise: Floats, expected: Floats) -> Habits:
    """After what was heard in a step.

    exposed, came (n, K)   plain days of each kind between two readings, and the day-equivalents that came in them as
                           believed after the second; rows of 0 where nothing was heard
    surprise (n,)          squared error of the forecast less what else explains it, in squared rates
    expected (n,)          day-equivalents that were expected; both weighted by what they tell
    """
    groups = len(habits.came)
    pace = habits.pace[habits.group][:, None]
    factor = habits.factor[habits.group]
    return replace(
        habits,
        came=habits.came + _by_group(came / pace, habits.group, groups),
        due=habits.due + _by_group(exposed, habits.group, groups),
        lately=habits.lately + _by_group(
            np.column_stack([(came / factor).sum(axis=1), exposed.sum(axis=1)]), habits.group, groups
        ),
        uneven=habits.uneven + _by_group(
            np.column_stack([surprise, expected]), habits.group, groups
        ),
    )  # fmt: skip


def faded(habits: Habits, days: float) -> Habits:
    """After so many days, in which what was learned before has become worth less."""
    return replace(
        habits,
        came=habits.came * np.exp(-days / _KINDS_MEMORY_D),
        due=habits.due * np.exp(-days / _KINDS_MEMORY_D),
        lately=habits.lately * np.exp(-days / _PACE_MEMORY_D),
        uneven=habits.uneven * np.exp(-days / _SPREAD_MEMORY_D),
    )


def _by_group(values: Floats, group: Ints, groups: int) -> Floats:
    total = np.zeros((groups, values.shape[1]))
    np.add.at(total, group, values)
    return total
