"""What is wanted comes in its order; what cannot be reached is told by name and amount, and nothing else gives way."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyPlan, EnergyProblem, Loads, Thermal, Wanted, check, example, full_example, solve
from optimizers.energy.assembling import assemble
from optimizers.energy.contract import Sites
from optimizers.energy.engines import Answer, Effort, run
from optimizers.energy.ladder import face, settle
from optimizers.energy.linear import Linear
from optimizers.result import PLAIN_RULES, Limits, Status
from tests.energy.made import battery, hours, random_problem, room, site, vehicle


def told(plan: EnergyPlan) -> dict[tuple[str, str], float]:
    return {(violation.constraint, violation.object): violation.amount for violation in plan.violations}


def left(plan: EnergyPlan) -> tuple[float, float, float]:
    """What is wanted, in its order."""
    return round(plan.shortfall.safety, 1), round(plan.shortfall.comfort, 1), plan.objective


def reckon(linear: Linear) -> Answer:
    return run(linear, Effort(60.0, 0.0))


def test_a_target_out_of_reach_is_missed_by_what_the_charging_point_cannot_give() -> None:
    """Three hours of 7 kW are 21 kWh of 40."""
    problem = EnergyProblem(
        horizon=hours(4), sites=site(0.0, [[0.1, 0.2, 0.3, 0.4]]), vehicles=vehicle(depart=3, target_wh=50_000.0)
    )
    plan = solve(problem)
    assert plan.status == Status.BEST_EFFORT
    assert told(plan) == {("departure", "vehicle van"): pytest.approx(19.0)}
    assert plan.vehicle_charge_w[0].tolist() == pytest.approx([7_000.0, 7_000.0, 7_000.0, 0.0])
    assert plan.shortfall.comfort == pytest.approx(19.0)
    assert plan.shortfall.safety == 0
    assert plan.objective == pytest.approx(7 * 0.6)
    assert plan.bound == pytest.approx(plan.objective)


def test_a_frost_floor_out_of_reach_is_missed_least_and_in_the_slots_it_has_to_be() -> None:
    """From 2 °C with 2 kW against 1.2 kW of loss it warms by 0.8/5.2 K an hour: 5 °C stay out of reach."""
    problem = EnergyProblem(
        horizon=hours(3), sites=site(0.0, 0.2),
        rooms=room(initial_c=2.0, outdoor_c=-4.0, floor_c=5.0, low_c=19.0, heat_max_w=2_000.0),
    )  # fmt: skip
    plan = solve(problem)
    warm, missed, cold = 2.0, 0.0, 0.0
    for _ in range(3):
        warm = (5 * warm + 2 - 0.2 * 4) / 5.2
        missed, cold = missed + 5 - warm, cold + 19 - warm
    assert told(plan) == {
        ("floor", "room office"): pytest.approx(missed), ("comfort low", "room office"): pytest.approx(cold)
    }  # fmt: skip
    assert {violation.detail for violation in plan.violations} == {"slots 0 to 2"}
    assert plan.room_heat_w == pytest.approx(np.full((1, 3), 2_000.0))
    assert not check(problem, plan)


def test_a_firm_limit_below_the_load_is_passed_by_no_more_than_has_to_be() -> None:
    """The battery gives its 2 kWh; 4 kWh more are wanted than may be drawn."""
    sites = site([[1_000.0, 5_000.0, 7_000.0]], 0.2, import_limit_w=np.array(3_000.0), firm=np.array(True))
    plan = solve(EnergyProblem(horizon=hours(3), sites=sites, batteries=battery(initial_wh=0.0, charge_max_w=2_000.0)))
    assert plan.status == Status.BEST_EFFORT
    assert told(plan) == {("import limit", "site hall"): pytest.approx(4.0)}
    assert plan.shortfall.safety == pytest.approx(4.0)


def test_safety_comes_before_comfort_and_comfort_before_cost() -> None:
    """At a firm limit of 6 kW and a price of 10 EUR: the room is heated as far as the limit lets it, and no farther."""
    sites = site(2_000.0, 10.0, import_limit_w=np.array(3_000.0), firm=np.array(True))
    plan = solve(EnergyProblem(horizon=hours(3), sites=sites, rooms=room(low_c=20.0)))
    assert plan.import_w == pytest.approx(np.full((1, 3), 3_000.0))
    assert {key for key, _ in told(plan)} == {"comfort low"}


def test_of_several_sites_only_the_one_that_is_short_is_told() -> None:
    """The first cannot warm its room; the second keeps its own though that costs more."""
    sites = Sites(names=("school", "pool"), base_w=np.zeros((2, 4)), import_eur_kwh=np.full((2, 4), 0.3))
    rooms = Thermal(
        names=("class", "hall"), site=np.array([0, 1]), capacity_wh_k=np.full(2, 5_000.0), loss_w_k=np.full(2, 200.0),
        outdoor_c=np.array(0.0), initial_c=np.full(2, 20.0), heat_max_w=np.array([[1_000.0], [10_000.0]]),
        cop=np.array(3.0), low_c=np.array(20.0),
    )  # fmt: skip
    plan = solve(EnergyProblem(horizon=hours(4), sites=sites, rooms=rooms))
    assert list(told(plan)) == [("comfort low", "room class")]
    assert plan.room_c[1] == pytest.approx(np.full(4, 20.0))


def test_a_battery_below_its_floor_is_filled_up_to_it_first() -> None:
    problem = EnergyProblem(
        horizon=hours(3), sites=site(0.0, [[0.9, 0.1, 0.1]]), batteries=battery(initial_wh=1_000.0, floor_wh=8_000.0)
    )
    plan = solve(problem)
    assert plan.stored_wh[0, :2].tolist() == pytest.approx([6_000.0, 8_000.0])
    assert told(plan) == {("reserve", "battery cellar"): pytest.approx(2.0)}


def test_a_load_that_does_not_fit_under_a_firm_limit_is_not_run() -> None:
    sites = site(2_000.0, 0.2, import_limit_w=np.array(3_000.0), firm=np.array(True))
    loads = Loads(
        names=("kiln",), site=np.array([0]), power_w=np.array([4_000.0]), first=np.array([0]), last=np.array([4]),
        slots=np.array([2]),
    )  # fmt: skip
    plan = solve(EnergyProblem(horizon=hours(4), sites=sites, loads=loads))
    assert not plan.on.any()
    assert told(plan) == {("not run", "load kiln"): pytest.approx(8.0)}


def test_a_boost_out_of_reach_is_missed_by_the_kelvins_that_lack() -> None:
    tank = Thermal(
        names=("bath",), site=np.array([0]), capacity_wh_k=np.array([1_000.0]), loss_w_k=np.array([0.0]),
        outdoor_c=np.array(20.0), initial_c=np.array(40.0), heat_max_w=np.array(2_000.0), cop=np.array(1.0),
        boost_c=np.array(60.0), boost_slot=np.array([3]),
    )  # fmt: skip
    plan = solve(EnergyProblem(horizon=hours(6), sites=site(0.0, 0.2), tanks=tank))
    assert told(plan) == {("boost", "tank bath"): pytest.approx(12.0)}
    assert plan.shortfall.safety == pytest.approx(12.0)


@given(st.integers(0, 5_000).map(lambda seed: 2 * seed))
@settings(max_examples=12)
def test_no_shortfall_of_one_kind_is_more_than_its_own_least(seed: int) -> None:
    """Safety alone asked for is no better than in the plan; nor is comfort, with that safety kept by force."""
    problem = random_problem(seed, firm=True)
    plan, soft = solve(problem), assemble(problem, soft=True)
    bare = replace(soft.linear, offset=0.0)
    safety = settle(bare, [soft.shortfall(safety=True)], reckon).answer.value
    assert plan.shortfall.safety == pytest.approx(safety, abs=2e-3)
    both = settle(bare, [soft.shortfall(safety=True), soft.shortfall(safety=False)], reckon)
    assert plan.shortfall.comfort == pytest.approx(both.answer.value, abs=1e-2)


@given(st.integers(0, 5_000).map(lambda seed: 2 * seed + 1))
@settings(max_examples=10)
def test_what_may_give_way_changes_nothing_where_all_can_be_reached(seed: int) -> None:
    """The quick way, with safety and comfort as physics, costs what the long way down the ladder costs."""
    problem = random_problem(seed)
    plan, soft = solve(problem), assemble(problem, soft=True)
    if plan.status == Status.BEST_EFFORT:
        return
    wants = [soft.shortfall(safety=True), soft.shortfall(safety=False), soft.linear.cost]
    assert settle(soft.linear, wants, reckon).answer.value == pytest.approx(plan.objective, rel=1e-4, abs=1e-4)


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_all_of_a_face_is_as_good_whatever_is_asked_of_it(seed: int) -> None:
    assembled = assemble(random_problem(seed), soft=True)
    linear = replace(assembled.linear, whole=np.zeros_like(assembled.linear.whole))
    answer = reckon(linear)
    rng = np.random.default_rng(seed)
    within = face(linear, answer)
    for _ in range(3):
        other = reckon(replace(within, cost=rng.uniform(0, 1, linear.cost.size), offset=0.0))
        assert other.status == Status.OPTIMAL
        assert linear.cost @ other.x + linear.offset == pytest.approx(answer.value, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("problem", [example(0), full_example(0), random_problem(3, firm=True), random_problem(8)])
def test_where_time_is_over_before_any_solution_devices_go_by_plain_rules(problem: EnergyProblem) -> None:
    plan = cut_short(problem, 0)
    assert plan.status in {Status.TIME_LIMIT, Status.BEST_EFFORT}
    assert plan.solver == PLAIN_RULES
    assert plan.reasons
    assert not plan.reproducible
    assert not check(problem, plan)
    best = solve(problem, Limits(gap=1e-3))
    assert plan.bound <= best.objective
    assert left(best) <= left(plan)


def test_every_shortfall_has_its_own_name_and_unit() -> None:
    assert {wanted.unit for wanted in Wanted} == {"kWh", "K·h", "K", "kWh·h"}


@pytest.mark.parametrize("calls", range(1, 9))
def test_wherever_time_runs_out_the_best_until_then_stands_and_is_true(calls: int) -> None:
    """The solver answers so many times, then time is over: of a problem with whole choices and something out of reach.

    Each answer more leaves a plan as good or better in what is wanted, in its order.
    """
    problem = random_problem(20, firm=True)
    plan = cut_short(problem, calls)
    assert not check(problem, plan)
    earlier = cut_short(problem, calls - 1)
    assert left(plan)[:2] <= left(earlier)[:2]
    full = solve(problem)
    assert left(full)[:2] <= left(plan)[:2]
    assert plan.bound <= full.objective or left(full)[:2] < left(plan)[:2]


def cut_short(problem: EnergyProblem, calls: int) -> EnergyPlan:
    """A plan whose solver finds no more after so many calls."""
    none = np.zeros(0)
    count = 0

    def some(linear: Linear, effort: Effort) -> Answer:
        nonlocal count
        count += 1
        if count <= calls:
            return run(linear, effort)
        return Answer(Status.TIME_LIMIT, none, none, none, np.inf, -np.inf, "HiGHS", "1", late=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optimizers.energy.engines.run", some)
        return solve(problem)
