"""What a solver's numbers are read as, and what is reckoned from them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyProblem
from optimizers.energy.assembling import assemble
from optimizers.energy.engines import Effort, run
from optimizers.energy.reading import read
from optimizers.energy.reckoning import cost_eur
from tests.energy.made import battery, hours, random_problem, room, site, vehicle


def test_what_goes_through_a_store_for_nothing_is_left_out() -> None:
    """4 kW in and 1 kW out, at 0.8 and 0.5: 3.2 go in and 2 out, so 1.2 kWh are stored by 1.5 kW alone."""
    problem = EnergyProblem(
        horizon=hours(1), sites=site(0.0, 0.2), batteries=battery(charge_efficiency=0.8, discharge_efficiency=0.5)
    )
    assembled = assemble(problem)
    x = np.zeros(assembled.linear.cost.size)
    x[assembled.layout.batteries.charge], x[assembled.layout.batteries.discharge] = 4.0, 1.0
    flows = read(problem, assembled.layout, x)
    assert flows.stored_wh == pytest.approx(np.array([[1_200.0]]))
    assert flows.charge_w == pytest.approx(np.array([[1_500.0]]))
    assert flows.discharge_w.tolist() == [[0.0]]
    assert flows.import_w == pytest.approx(np.array([[1_500.0]]))


def test_heat_and_cold_undo_each_other() -> None:
    problem = EnergyProblem(horizon=hours(1), sites=site(0.0, 0.2), rooms=room(cool_max_w=5_000.0, cool_cop=2.0))
    assembled = assemble(problem)
    x = np.zeros(assembled.linear.cost.size)
    x[assembled.layout.rooms.heat], x[assembled.layout.rooms.cool] = 6.0, 2.0
    flows = read(problem, assembled.layout, x)
    assert flows.room_heat_w.tolist() == [[4_000.0]]
    assert flows.room_cool_w.tolist() == [[0.0]]
    assert flows.import_w == pytest.approx(np.array([[4_000.0 / 3]]))


def test_dust_is_nothing() -> None:
    problem = EnergyProblem(horizon=hours(4), sites=site(0.0, 0.2), vehicles=vehicle())
    assembled = assemble(problem)
    x = np.full(assembled.linear.cost.size, 5e-8)
    assert not read(problem, assembled.layout, x).vehicle_charge_w.any()


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_the_cost_of_what_is_read_is_the_objective_of_the_program(seed: int) -> None:
    """Of any powers, not only the best: what the program adds up, with all that follows from powers put where it
    belongs, is what is reckoned.
    """
    problem = random_problem(seed)
    assert problem.batteries is not None
    assert problem.sheddable is not None
    anyhow = replace(problem.batteries, from_grid=np.array(True), to_grid=np.array(True))
    problem = replace(problem, batteries=anyhow, sheddable=replace(problem.sheddable, most_wh=np.array(np.inf)))
    assembled, rng = assemble(problem, soft=True), np.random.default_rng(seed)
    linear, layout = assembled.linear, assembled.layout
    bounded = np.isfinite(linear.lower) & np.isfinite(linear.upper)
    x = np.zeros(linear.cost.size)
    x[bounded] = rng.uniform(linear.lower[bounded], linear.upper[bounded])
    for stores in (layout.batteries, layout.vehicles):
        x[stores.discharge] = 0.0
    for heats in (layout.rooms, layout.tanks):
        x[heats.cool] = 0.0
    flows = read(problem, layout, x)
    fixed = np.concatenate([of.ravel() for of in (
        layout.solar, layout.given, layout.batteries.charge, layout.batteries.discharge, layout.vehicles.charge,
        layout.vehicles.discharge, layout.rooms.heat, layout.rooms.cool, layout.tanks.heat, layout.tanks.cool,
    )])  # fmt: skip
    lower, upper = linear.lower.copy(), linear.upper.copy()
    lower[fixed] = upper[fixed] = x[fixed]
    free = np.concatenate([layout.batteries.stored.ravel(), layout.vehicles.stored.ravel()])
    lower[free], upper[free] = -np.inf, np.inf  # powers at random overfill stores
    answer = run(replace(linear, lower=lower, upper=upper), Effort(60.0, 0.0))
    assert answer.value == pytest.approx(cost_eur(problem, flows), rel=1e-6, abs=1e-6)
