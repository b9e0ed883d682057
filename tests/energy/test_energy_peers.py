"""The bench beside FlexMeasures and EMHASS: what it asks of ours, and its own judge."""

import copy
from collections.abc import Callable

import pytest

from optimizers.energy import check, solve
from tests.bench.bench_energy_peers import batteries_behind_a_meter, day_with_sun, judged, ours, problem_of
from tests.bench.energy_peers import Planned, Work

WORKS: list[Callable[[], Work]] = [lambda: batteries_behind_a_meter(2), day_with_sun]


@pytest.mark.parametrize("make", WORKS)
def test_the_judge_agrees_with_the_plan_and_its_checker(make: Callable[[], Work]) -> None:
    work = make()
    problem, planned = problem_of(work), ours(work)
    plan = solve(problem)
    found = judged(work, planned)
    assert list(check(problem, plan)) == []
    assert found.cost_eur == pytest.approx(plan.objective, rel=1e-7)
    assert found.passed <= 1e-6


def test_doing_nothing_costs_more() -> None:
    work = batteries_behind_a_meter(2)
    idle = [[0.0] * work["slots"]] * 2
    assert judged(work, {"power_kw": idle}).cost_eur > judged(work, ours(work)).cost_eur * 1.05


def overcharged(planned: Planned) -> None:
    planned["power_kw"][0][0] = 3.4


def emptied(planned: Planned) -> None:
    planned["power_kw"][0] = [-3.0] * 48


def ended_low(planned: Planned) -> None:
    planned["power_kw"][0][-1] -= 1.0


def run_once_too_often(planned: Planned) -> None:
    load = planned["load_kw"][0]
    load[next(t for t in range(1, 48) if load[t - 1] and not load[t])] = 3.0


def run_at_half_power(planned: Planned) -> None:
    planned["load_kw"][0] = [power / 2 for power in planned["load_kw"][0]]


def run_too_early(planned: Planned) -> None:
    planned["load_kw"][1] = [0.75] * 8 + [0.0] * 40


def run_in_two_pieces(planned: Planned) -> None:
    planned["load_kw"][0] = [3.0 * (t in {4, 5, 6, 20, 21}) for t in range(48)]


@pytest.mark.parametrize(
    "spoil",
    [overcharged, emptied, ended_low, run_once_too_often, run_at_half_power, run_too_early, run_in_two_pieces],
)
def test_the_judge_finds_what_is_planted(spoil: Callable[[Planned], None]) -> None:
    work = day_with_sun()
    planned = ours(work)
    spoiled = copy.deepcopy(planned)
    spoil(spoiled)
    assert judged(work, planned).passed <= 1e-6
    assert judged(work, spoiled).passed > 0.1
