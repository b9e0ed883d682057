"""Plans that no solver made: whatever is wished, what comes of it is true to the problem and hides nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.arrays import Floats
from optimizers.energy import EnergyProblem, check, example, full_example
from optimizers.energy.follow import Wishes, at_once, followed
from optimizers.result import Status

PROBLEMS = {f"{make.__name__} {seed}": make(seed) for make, seed in ((example, 0), (example, 1), (full_example, 0))}


def drawn(problem: EnergyProblem, random: np.random.Generator) -> Wishes:
    """Batteries that would do anything, half of the time by themselves; vehicles, rooms and tanks that would too."""
    usual = at_once(problem)

    def anything(like: Floats, low: float, high: float) -> Floats:
        found: Floats = random.uniform(low, high, like.shape)
        return found

    power = anything(usual.battery_w, -50_000, 50_000)
    return Wishes(
        battery_w=np.where(random.random(power.shape) < 0.5, np.nan, power),
        vehicle_w=anything(usual.vehicle_w, -1_000, 30_000),
        room_c=anything(usual.room_c, 0, 40),
        tank_c=anything(usual.tank_c, 10, 90),
    )


@settings(max_examples=30)
@given(st.sampled_from(sorted(PROBLEMS)), st.integers(0, 2**32 - 1))
def test_whatever_is_wished_nothing_is_hidden(name: str, seed: int) -> None:
    problem = PROBLEMS[name]
    plan = followed(problem, drawn(problem, np.random.default_rng(seed)), "wishes")
    assert check(problem, plan) == []
    assert plan.bound <= plan.objective
    assert (plan.status is Status.BEST_EFFORT) == bool(plan.violations)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_plain_rules_are_a_plan(name: str) -> None:
    problem = PROBLEMS[name]
    rules = followed(problem, at_once(problem), "rules")
    assert check(problem, rules) == []
    assert rules.bound <= rules.objective


def test_a_room_is_brought_to_what_is_wished_and_not_beyond() -> None:
    problem = PROBLEMS["example 0"]
    assert problem.rooms is not None
    usual = at_once(problem)
    wished = Wishes(usual.battery_w, usual.vehicle_w, np.full_like(usual.room_c, 21.0), usual.tank_c)
    plan = followed(problem, wished, "wishes")
    heated = plan.room_heat_w > 1.0
    full = plan.room_heat_w >= problem.rooms.heat_max_w - 1.0
    assert np.allclose(plan.room_c[heated & ~full], 21.0)
    assert (plan.room_c[full] <= 21.0 + 1e-9).all()


def test_a_battery_by_itself_leaves_its_meter_at_nothing_while_it_can() -> None:
    problem = PROBLEMS["example 0"]
    cells = problem.batteries
    assert cells is not None
    plan = followed(problem, at_once(problem), "rules")
    site = int(cells.site[0])
    power = (plan.charge_w - plan.discharge_w)[0]
    inside = (np.abs(power) > 1) & (power < cells.charge_max_w[0] - 1) & (power > -cells.discharge_max_w[0] + 1)
    stored = plan.stored_wh[0]
    free = inside & (stored > cells.floor_wh[0] + 1) & (stored < cells.capacity_wh[0] - 1)
    assert free.any()
    assert np.allclose((plan.import_w - plan.export_w)[site, free], 0.0, atol=1e-6)
