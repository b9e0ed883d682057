"""What plans may lose beside the rule: whatever they do, no week loses more than was stated and the worst of a slot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.arrays import Floats
from optimizers.energy.control import Cell, battery_power_w
from optimizers.energy.regret import Bound, Watch, behind_eur, judge
from optimizers.result import InvalidProblem

CELL = Cell(
    capacity_wh=6_000.0, charge_max_w=3_000.0, discharge_max_w=3_000.0, charge_efficiency=0.9,
    discharge_efficiency=0.9,
)  # fmt: skip
WEEK = 12
BUY, SELL = 0.3, 0.1


def _behind_eur(stored_wh: float, rule_wh: float) -> float:
    return float(behind_eur(np.array(stored_wh), np.array(rule_wh), np.array([BUY]), np.array([SELL]), CELL))


def _cost_eur(net_w: float, power_w: float) -> float:
    meter = (net_w + power_w) / 1000.0
    return BUY * max(meter, 0.0) - SELL * max(-meter, 0.0)


def _followed(net_w: list[float], planned_w: list[float], bound: Bound) -> tuple[Floats, Floats]:
    """Weeks of plans that may be anything, with dropping: loss of each slot, and what is behind after it."""
    watch, real, rule = Watch(bound), 3_000.0, 3_000.0
    loss, behind = np.zeros(len(net_w)), np.zeros(len(net_w))
    for t, (net, plan) in enumerate(zip(net_w, planned_w, strict=True)):
        dropped = watch.begin(t // WEEK)
        ruled = float(battery_power_w(net, 0.0, 0.0, rule, CELL, 3600))
        meter = net if dropped else np.nan
        done = float(battery_power_w(meter, 0.0, 0.0, real, CELL, 3600, plan))
        real, rule = float(CELL.after_wh(real, done, 3600)), float(CELL.after_wh(rule, ruled, 3600))
        behind[t] = _behind_eur(real, rule)
        loss[t] = _cost_eur(net, done) - _cost_eur(net, ruled)
        watch.end(_cost_eur(net, done), _cost_eur(net, ruled), _cost_eur(net, plan), behind[t])
    return loss, behind


slots = st.lists(st.tuples(st.floats(-4_000, 4_000), st.floats(-4_000, 4_000)), min_size=WEEK, max_size=4 * WEEK)


@settings(max_examples=200, deadline=None)
@given(slots=slots, most=st.floats(0.05, 2.0), back=st.integers(1, 2 * WEEK))
def test_no_week_loses_more_than_stated_and_the_worst_of_a_slot(
    slots: list[tuple[float, float]], most: float, back: int
) -> None:
    net, plan = [net for net, _ in slots], [plan for _, plan in slots]
    loss, behind = _followed(net, plan, Bound(most_eur=most, back_slots=back))
    counted = loss + np.diff(behind, prepend=0.0)
    worst = max(float(counted.max()), 0.0)
    for first in range(0, len(net), WEEK):
        week = slice(first, first + WEEK)
        running = np.cumsum(counted[week])
        assert running.max() <= most + worst + 1e-9
        owed = behind[first - 1] if first else 0.0  # was counted by the week before
        assert loss[week].sum() <= most + worst + owed + 1e-9


def test_a_plan_that_loses_is_dropped_in_the_slot_after_and_taken_up_with_a_week_that_was_better() -> None:
    paid = np.array([3.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    plan = np.array([3.0, 3.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    verdict = judge(paid, np.ones(8), plan, np.arange(8) // 4, Bound(most_eur=3.0, back_slots=2))
    assert verdict.loss_eur.tolist() == [2, 4, 4, 4, 0, 0, 0, 0]
    assert verdict.dropped.tolist() == [False, False, True, True, False, False, False, False]
    assert (verdict.drops.tolist(), verdict.returns.tolist()) == ([2], [4])


def test_a_dropped_plan_that_is_no_better_stays_dropped() -> None:
    plan = np.full(12, 2.0)
    paid = np.array([2.0, 2.0, *np.ones(10)])
    verdict = judge(paid, np.ones(12), plan, np.arange(12) // 4, Bound(most_eur=2.0, back_slots=2))
    assert verdict.dropped.tolist() == [False, False, *[True] * 10]


def test_a_plan_that_wins_is_never_dropped() -> None:
    verdict = judge(np.zeros(8), np.ones(8), np.zeros(8), np.arange(8) // 4, Bound(most_eur=0.1))
    assert not verdict.dropped.any() and verdict.loss_eur[3] == -4


def test_an_empty_battery_is_counted_before_it_costs() -> None:
    watch = Watch(Bound(most_eur=0.5))
    watch.begin(0)
    watch.end(0.0, 0.0, 0.0, _behind_eur(1_000.0, 3_000.0))
    assert watch.loss_eur == pytest.approx(2.0 * 0.3 * 0.9)
    assert watch.begin(0)


def test_a_bound_names_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidProblem) as told:
        Bound(most_eur=float("nan"), back_eur=-1.0, back_slots=0)
    assert len(told.value.problems) == 3
