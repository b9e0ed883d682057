"""The plan of a night: what holds of it whatever the problem."""

from dataclasses import replace

import numpy as np
import pytest

from optimizers.irrigation import Budgets, IrrigationPlan, IrrigationProblem, check, full_example, generated, solve
from optimizers.result import Limits, Status

NEAR = Limits(gap=0.005)


def assert_timed(problem: IrrigationProblem, plan: IrrigationPlan) -> None:
    """Every cycle has its opening; openings are whole, allowed, apart by their soak; no network carries too much."""
    zones, windows = problem.hydrozones, problem.windows
    assert np.bincount(plan.opened, minlength=len(zones.names)).tolist() == plan.cycles.tolist()
    assert np.allclose(plan.end_s - plan.start_s, zones.cycle_s[plan.opened])
    for z in range(len(zones.names)):
        mine = np.flatnonzero(plan.opened == z)
        for i in mine.tolist():
            within = (windows.night == 0) & windows.allowed[z]
            shares = np.minimum(plan.end_s[i], windows.end_s) - np.maximum(plan.start_s[i], windows.start_s)
            assert np.clip(shares[within], 0, None).sum() == pytest.approx(zones.cycle_s[z], abs=1e-5)
        assert (plan.start_s[mine][1:] - plan.end_s[mine][:-1] >= zones.soak_s[z] - 1e-5).all()
    for at in plan.start_s:
        running = plan.opened[(plan.start_s <= at + 1e-5) & (plan.end_s > at + 1e-5)]
        flow = np.bincount(zones.network[running], zones.flow_m3_h[running], len(problem.networks.names))
        assert (flow <= problem.networks.capacity_m3_h + 1e-5).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_can_be_carried_out_and_is_near_its_bound(seed: int) -> None:
    problem = generated(24, 3, 4, 3, seed)
    plan = solve(problem, NEAR)
    assert plan.status in {Status.OPTIMAL, Status.FEASIBLE}
    assert 0 < plan.bound <= plan.objective <= plan.bound * 1.0051
    assert not check(problem, plan)
    assert plan.reproducible
    assert plan.cycles.sum() > 0
    assert_timed(problem, plan)


def test_a_night_without_windows_is_dry_at_once() -> None:
    problem = generated(200, 20, 7, 5)
    closed = replace(problem, windows=replace(problem.windows, allowed=np.zeros_like(problem.windows.allowed)))
    plan = solve(closed)
    assert plan.status == Status.OPTIMAL
    assert not plan.cycles.any()
    assert not plan.opened.size
    assert plan.bound == plan.objective > solve(problem, NEAR).objective


def test_threads_change_nothing() -> None:
    problem = generated(24, 4, 3, 3, 7)
    one, two = solve(problem, NEAR), solve(problem, replace(NEAR, threads=2))
    assert one.start_s.tobytes() == two.start_s.tobytes()
    assert one.later_cycles.tobytes() == two.later_cycles.tobytes()
    assert (one.objective, one.bound, one.status) == (two.objective, two.bound, two.status)


@pytest.mark.parametrize("seed", range(3))
def test_one_network_of_many_valves_finds_its_sets_as_it_wants_them(seed: int) -> None:
    problem = generated(60, 1, 3, 2, seed)
    plan = solve(problem, NEAR)
    assert plan.gap <= 0.005
    assert not check(problem, plan)


@pytest.mark.parametrize("seed", range(3))
def test_budgets_within_and_over_networks_are_kept(seed: int) -> None:
    problem = full_example(seed)
    plan = solve(problem, NEAR)
    assert plan.gap <= 0.005
    assert not check(problem, plan)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.0])
def test_many_networks_share_water_by_its_price(share: float) -> None:
    """Over all nights and over tonight alone, beside what they take without a budget."""
    free = generated(80, 16, 3, 2, 3)
    n, days, _ = free.shape
    plan = solve(free, NEAR)
    tonight = plan.cycles @ free.hydrozones.cycle_m3
    later = np.tensordot(free.scenarios.probability, plan.later_cycles, 1).sum(axis=0) @ free.hydrozones.cycle_m3
    budgets = Budgets(
        names=("all nights", "tonight"),
        limit_m3=np.array([tonight + later, tonight]) * share,
        member=np.ones((2, n), np.bool_),
        nights=np.array([np.ones(days), np.arange(days) == 0]) > 0,
    )
    shared = solve(replace(free, budgets=budgets), NEAR)
    assert any("share" in reason for reason in shared.reasons) or not share
    assert not check(replace(free, budgets=budgets), shared)
    assert plan.bound <= shared.bound <= shared.objective
    assert shared.gap <= 0.02
    assert shared.cycles.any() == (share > 0)


def test_a_plan_whose_prices_the_clock_cut_short_is_not_called_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    free = generated(80, 16, 3, 2, 3)
    n, days, _ = free.shape
    plan = solve(free, NEAR)
    cycles = plan.cycles + np.tensordot(free.scenarios.probability, plan.later_cycles, 1).sum(axis=0)
    budgets = Budgets(
        names=("all nights",), limit_m3=np.array([0.5 * cycles @ free.hydrozones.cycle_m3]),
        member=np.ones((1, n), np.bool_), nights=np.ones((1, days), np.bool_),
    )  # fmt: skip
    shared = replace(free, budgets=budgets)
    assert solve(shared, NEAR).reproducible
    monkeypatch.setattr("optimizers.irrigation.bidding._SEARCH", 0.0)
    hurried = solve(shared, NEAR)
    assert not hurried.reproducible
    assert check(shared, hurried) == []
