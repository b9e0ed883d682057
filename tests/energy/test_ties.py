"""Of plans that cost the same: the smoothest, the same one whatever was solved before."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import (
    EnergyPlan,
    EnergyProblem,
    Horizon,
    Solar,
    check,
    example,
    plan_to_json,
    solve,
    solve_warm,
)
from optimizers.energy.assembling import assemble
from optimizers.energy.engines import Answer, Effort, run
from optimizers.energy.ladder import settle
from optimizers.energy.linear import Linear
from optimizers.energy.ties import smoothest
from optimizers.result import Limits
from tests.energy.made import QUARTER_S, battery, hours, random_problem, room, site, vehicle


def reckon(linear: Linear) -> Answer:
    return run(linear, Effort(60.0, 0.0))


def test_at_one_price_all_day_a_battery_with_nothing_to_gain_rests() -> None:
    rng = np.random.default_rng(3)
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(96, QUARTER_S)), sites=site(rng.uniform(500, 5_000, (1, 96)), 0.2),
        batteries=battery(initial_wh=5_000.0, end_eur_kwh=0.2),
    )  # fmt: skip
    plan = solve(problem)
    assert not plan.charge_w.any()
    assert not plan.discharge_w.any()


def test_at_one_price_a_vehicle_charges_evenly_in_one_go() -> None:
    """10 kWh in 5 hours: any way costs the same; what moves least is 2 kW throughout."""
    problem = EnergyProblem(horizon=hours(5), sites=site(0.0, 0.2), vehicles=vehicle(depart=5))
    assert solve(problem).vehicle_charge_w == pytest.approx(np.full((1, 5), 2_000.0))


def test_of_what_moves_as_little_the_earlier_is_taken() -> None:
    """The battery gives its 2 kWh in one hour of two at the same price, at its most: the later, so as to buy earlier;
    but what is bought later moves no less, so where the load is even the import is earlier.
    """
    problem = EnergyProblem(
        horizon=hours(2), sites=site(2_000.0, 0.2), batteries=battery(initial_wh=2_000.0, charge_max_w=0.0)
    )
    even = solve(problem)
    assert even.import_w.sum() == pytest.approx(2_000)
    assert even.import_w[0, 0] >= even.import_w[0, 1]


def test_without_loss_nothing_goes_round_in_circles() -> None:
    problem = EnergyProblem(
        horizon=hours(4), sites=site(1_000.0, [[0.1, 0.1, 0.3, 0.3]]), batteries=battery(capacity_wh=2_000.0)
    )
    plan = solve(problem)
    assert plan.charge_w.sum() == pytest.approx(2_000)
    assert plan.discharge_w.sum() == pytest.approx(2_000)
    assert not (plan.charge_w * plan.discharge_w).any()


def test_buying_and_selling_at_one_price_are_not_both_done() -> None:
    problem = EnergyProblem(
        horizon=hours(3), sites=site(1_000.0, 0.2, export_eur_kwh=np.array(0.2)), batteries=battery(initial_wh=8_000.0)
    )
    plan = solve(problem)
    assert not (plan.import_w * plan.export_w).any()


def test_sun_that_brings_nothing_is_fed_in_not_curtailed() -> None:
    roof = Solar(names=("roof",), site=np.array([0]), available_w=np.array([[3_000.0] * 3]), curtailable=np.array(True))
    plan = solve(EnergyProblem(horizon=hours(3), sites=site(1_000.0, 0.2), solar=roof, rooms=room(heat_max_w=0.0)))
    assert plan.solar_w == pytest.approx(np.full((1, 3), 3_000.0))


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_the_smoothest_costs_no_more_and_moves_no_more_than_the_first_found(seed: int) -> None:
    problem = random_problem(seed)
    assembled = assemble(problem, soft=True)
    linear, layout = assembled.linear, assembled.layout
    settled = settle(linear, [assembled.shortfall(safety=True), assembled.shortfall(safety=False), linear.cost], reckon)
    smooth = smoothest(assembled, settled.face, problem.horizon.hours, reckon)
    assert smooth is not None
    assert linear.cost @ smooth == pytest.approx(linear.cost @ settled.answer.x, rel=1e-6, abs=1e-6)

    def moved(x: np.ndarray) -> float:
        total = 0.0
        for stores in (layout.batteries, layout.vehicles):
            power = x[stores.charge] - x[stores.discharge]
            total += np.abs(np.diff(power, axis=1)).sum() + x[stores.charge].sum() + x[stores.discharge].sum()
        for heats in (layout.rooms, layout.tanks):
            total += np.abs(np.diff(x[heats.heat], axis=1)).sum() + np.abs(np.diff(x[heats.cool], axis=1)).sum()
        return float(total)

    met = sum(float(settled.answer.x[of].sum()) for of in (layout.meters.bought, layout.meters.sold))
    heat = sum(float(settled.answer.x[of].sum()) for of in (layout.rooms.heat, layout.tanks.heat, layout.rooms.cool))
    small = 0.1 * heat + 0.04 * met + 0.04 * float(settled.answer.x[layout.solar].sum())  # weighed less than movement
    assert moved(smooth) <= moved(settled.answer.x) + small + 1e-4


def told(plan: EnergyPlan) -> bytes:
    """All of a plan but what it took."""
    return plan_to_json(replace(plan, seconds=0.0))


@pytest.mark.parametrize("make", [example, lambda seed: random_problem(2 * seed)])
def test_the_same_problem_has_the_same_plan_to_the_byte_whatever_was_solved_before(
    make: Callable[[int], EnergyProblem],
) -> None:
    first = told(solve(make(1)))
    solve(example(2))
    solve(random_problem(4))
    assert told(solve(make(1), Limits())) == first


@given(st.integers(0, 5_000), st.integers(0, 5_000))
@settings(max_examples=10)
def test_solved_again_at_other_prices_a_plan_costs_the_same_and_keeps_every_word(seed: int, other: int) -> None:
    problem, rng = replace(random_problem(2 * seed + 1), orders=None, tanks=None), np.random.default_rng(other)
    prices = rng.uniform(0.08, 0.4, problem.shape)
    dearer = replace(problem, sites=replace(problem.sites, import_eur_kwh=prices, export_eur_kwh=prices * 0.5))
    solve_warm(problem)
    plan = solve_warm(dearer)
    assert not check(dearer, plan)
    assert not plan.reproducible
    assert plan.objective == pytest.approx(solve(dearer).objective, rel=1e-6, abs=1e-6)
