"""What following plans has cost beside the plain rule, and when a plan is dropped for it.

The plain rule is simulated on measured load and price with a battery of its own, beside what was really done, and the
plan beside both. What was done is held to the rule: once it has cost a stated amount more in a week, the rule takes
over for the rest of that week at least, until plans have shown that they are better again.

A battery emptier than the rule's is a loss still to come, so it is counted at its worst: as many Wh as it is behind, at
the dearest price. While both then follow the rule, each Wh that one is behind is made up once, for no more than that:
what was counted only falls. So no week's loss ever passes the stated amount by more than the worst of one slot.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.control import Cell
from optimizers.result import InvalidProblem


@dataclass(frozen=True, kw_only=True)
class Bound:
    """When a plan is dropped, and taken up again.

    most_eur    loss of a week beside the rule, from which on the plan is dropped
    back_eur    by so much the plan, had it been followed, must have been better than the rule over `back_slots`
    back_slots  slots before a new week over which that is asked
    """

    most_eur: float
    back_eur: float = 0.0
    back_slots: int = 7 * 96

    def __post_init__(self) -> None:
        wrong = [
            (not self.most_eur > 0, f"most_eur is {self.most_eur}, wants more than 0"),
            (not self.back_eur >= 0, f"back_eur is {self.back_eur}, wants 0 or more"),
            (self.back_slots < 1, f"back_slots is {self.back_slots}, wants 1 at least"),
        ]
        if problems := [text for bad, text in wrong if bad]:
            raise InvalidProblem(problems)


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """What came of it, over T slots; `loss` is what was paid less what the rule would have paid.

    dropped (T,)     whether the plan is dropped in a slot: by what was known before it
    loss_eur (T,)    of the running week until the end of each slot
    drops (D,)       slots from which on it was dropped
    returns (R,)     slots from which on it was followed again
    """

    dropped: Bools
    loss_eur: Floats
    drops: Ints
    returns: Ints


@dataclass(eq=False)
class Watch:
    """Follows the losses slot by slot; what `judge` gives for a whole series at once.

    dropped     whether the plan is dropped for the slot to come
    loss_eur    of the running week
    """

    bound: Bound
    dropped: bool = False
    loss_eur: float = 0.0
    _week: int | None = None
    _behind: float = 0.0
    _ahead: deque[float] = field(default_factory=deque)

    def begin(self, week: int) -> bool:
        """Before a slot of this week: whether the plan is dropped in it. Weeks are any numbers that change."""
        if week != self._week:
            self._week, self.loss_eur = week, 0.0
            if self.dropped and self._better():
                self.dropped = False
        return self.dropped

    def end(self, paid_eur: float, rule_eur: float, plan_eur: float, behind_eur: float = 0.0) -> None:
        """After it: what was paid, what the rule alone would have paid, and what the plan alone. `behind_eur`: of what
        is stored less than the rule's battery holds by then, see `behind_eur`.
        """
        self.loss_eur += paid_eur - rule_eur + behind_eur - self._behind
        self._behind = behind_eur
        self._ahead.append(rule_eur - plan_eur)
        if len(self._ahead) > self.bound.back_slots:
            self._ahead.popleft()
        self.dropped = self.dropped or self.loss_eur >= self.bound.most_eur

    def _better(self) -> bool:
        return len(self._ahead) >= self.bound.back_slots and sum(self._ahead) > self.bound.back_eur


def behind_eur(stored_wh: Floats, rule_wh: Floats, buy_eur_kwh: Floats, sell_eur_kwh: Floats, cell: Cell) -> Floats:
    """What it would cost at worst that a battery holds less than the rule's (T,); 0 where it holds as much or more.

    A Wh behind is bought once in the end, at the dearest price, or not fed in at the best. Prices (T,), 0 or more.
    """
    dearest = np.max(buy_eur_kwh) * cell.discharge_efficiency
    lost = np.max(sell_eur_kwh) / cell.charge_efficiency
    return np.maximum(rule_wh - stored_wh, 0.0) / 1000.0 * np.maximum(dearest, lost)


def judge(
    paid_eur: Floats, rule_eur: Floats, plan_eur: Floats, week: Ints, bound: Bound, behind: Floats | None = None
) -> Verdict:
    """All of a past: what was paid in each slot, what the rule alone would have paid, what the plan alone, and what is
    behind at the end of each by `behind_eur`, 0 if not given; all (T,).
    """
    watch = Watch(bound)
    dropped, loss = np.zeros(len(paid_eur), np.bool_), np.zeros(len(paid_eur))
    late = np.zeros(len(paid_eur)) if behind is None else behind
    for t in range(len(paid_eur)):
        dropped[t] = watch.begin(int(week[t]))
        watch.end(float(paid_eur[t]), float(rule_eur[t]), float(plan_eur[t]), float(late[t]))
        loss[t] = watch.loss_eur
    before = np.concatenate([np.zeros(1, np.bool_), dropped])[:-1]
    return Verdict(
        dropped=dropped,
        loss_eur=loss,
        drops=np.flatnonzero(dropped & ~before),
        returns=np.flatnonzero(~dropped & before),
    )
