"""Plans that can be reckoned by hand, and any number of random ones judged by code that shares nothing with solve."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import (
    EnergyProblem,
    Groups,
    Horizon,
    Orders,
    Sheddable,
    Solar,
    Thermal,
    check,
    full_example,
    solve,
)
from optimizers.energy.contract import Sites
from optimizers.result import Limits, Status
from tests.energy.made import QUARTER_S, battery, hours, net_w, random_problem, room, site, vehicle


def test_nothing_to_decide_costs_what_is_drawn() -> None:
    plan = solve(EnergyProblem(horizon=hours(2), sites=site([[1_000.0, 3_000.0]], [[0.2, 0.1]])))
    assert plan.status == Status.OPTIMAL
    assert plan.objective == pytest.approx(0.2 + 0.3)
    assert plan.bound == pytest.approx(0.5)
    assert plan.import_w.tolist() == [[1_000.0, 3_000.0]]
    assert plan.value_eur_kwh == pytest.approx(np.array([[0.2, 0.1]]))


def test_a_battery_buys_cheap_for_the_dear_hour() -> None:
    """5 kWh at 0.10 become 4.5 kWh that go in, 4.05 that come out at 0.30: 1.215 - 0.5 - 0.02 * 4.05 of wear."""
    problem = EnergyProblem(
        horizon=hours(2), sites=site(4_050.0, [[0.1, 0.3]]),
        batteries=battery(charge_efficiency=0.9, discharge_efficiency=0.9, wear_eur_kwh=0.02),
    )  # fmt: skip
    plan = solve(problem)
    assert plan.charge_w == pytest.approx(np.array([[5_000.0, 0.0]]))
    assert plan.discharge_w == pytest.approx(np.array([[0.0, 4_050.0]]))
    assert plan.stored_wh == pytest.approx(np.array([[4_500.0, 0.0]]))
    assert plan.objective == pytest.approx(4.05 * 0.1 + 4.05 * 0.3 - (4.05 * 0.3 - 0.5 - 0.081))


def test_a_battery_rests_where_losses_and_wear_eat_the_difference() -> None:
    """0.25 bought gives 0.81 of a kWh at 0.30: 0.243."""
    problem = EnergyProblem(
        horizon=hours(2), sites=site(4_000.0, [[0.25, 0.3]]),
        batteries=battery(charge_efficiency=0.9, discharge_efficiency=0.9),
    )  # fmt: skip
    plan = solve(problem)
    assert not plan.charge_w.any()
    assert not plan.discharge_w.any()


def test_what_is_stored_at_the_end_has_its_worth() -> None:
    problem = EnergyProblem(horizon=hours(1), sites=site(0.0, 0.1), batteries=battery(end_eur_kwh=0.15))
    plan = solve(problem)
    assert plan.stored_wh == pytest.approx(np.array([[5_000.0]]))
    assert plan.objective == pytest.approx(5 * 0.1 - 5 * 0.15)
    assert plan.stored_eur_kwh == pytest.approx(np.array([[0.15]]))


def test_what_a_battery_loses_by_itself_is_gone() -> None:
    """With 10 % lost in an hour, 1 kWh at the start of two quarters is 1 * 0.9 ** 0.5 after them."""
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(2, QUARTER_S)), sites=site(0.0, 1.0),
        batteries=battery(initial_wh=1_000.0, loss_h=0.1, end_eur_kwh=0.5),
    )  # fmt: skip
    assert solve(problem).stored_wh == pytest.approx(1_000 * 0.9 ** np.array([[0.25, 0.5]]))


def test_sun_alone_charges_a_battery_that_takes_none_from_the_grid() -> None:
    problem = EnergyProblem(
        horizon=hours(2), sites=site(0.0, [[0.01, 0.5]]),
        solar=Solar(names=("roof",), site=np.array([0]), available_w=np.array([[2_000.0, 0.0]])),
        batteries=battery(from_grid=False, end_eur_kwh=0.3),
    )  # fmt: skip
    assert solve(problem).charge_w == pytest.approx(np.array([[2_000.0, 0.0]]))


def test_a_battery_that_gives_nothing_to_the_grid_covers_what_the_site_draws() -> None:
    problem = EnergyProblem(
        horizon=hours(1), sites=site(1_200.0, 0.4, export_eur_kwh=np.array(0.3)),
        batteries=battery(initial_wh=5_000.0, to_grid=False),
    )  # fmt: skip
    assert solve(problem).discharge_w == pytest.approx(np.array([[1_200.0]]))


def test_sun_is_curtailed_before_it_is_paid_for() -> None:
    problem = EnergyProblem(
        horizon=hours(2), sites=site(500.0, 0.2, export_eur_kwh=np.array([[-0.05, 0.05]])),
        solar=Solar(
            names=("roof",), site=np.array([0]), available_w=np.array([[3_000.0, 3_000.0]]), curtailable=np.array(True)
        ),
    )  # fmt: skip
    assert solve(problem).solar_w == pytest.approx(np.array([[500.0, 3_000.0]]))


def test_a_vehicle_charges_in_the_cheapest_hours_of_its_stay() -> None:
    """10 kWh by 7 kW, cheapest in the second and third of its hours: 7 kWh in one and 3 in the other."""
    problem = EnergyProblem(
        horizon=hours(6), sites=site(0.0, [[0.1, 0.3, 0.12, 0.15, 0.4, 0.05]]), vehicles=vehicle(arrive=1, depart=5)
    )
    plan = solve(problem)
    assert plan.vehicle_charge_w == pytest.approx(np.array([[0.0, 0.0, 7_000.0, 3_000.0, 0.0, 0.0]]))
    assert plan.vehicle_stored_wh[0].tolist() == pytest.approx([10_000, 10_000, 17_000, 20_000, 20_000, 20_000])
    assert plan.objective == pytest.approx(7 * 0.12 + 3 * 0.15)


def test_an_unheated_room_cools_by_implicit_euler() -> None:
    """T[t] = T[0] / (1 + h * loss / capacity) ** t at 0 °C outside."""
    slots = 8
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(slots, QUARTER_S)), sites=site(0.0, 0.2), rooms=room(heat_max_w=0.0)
    )
    analytic = 20 / (1 + 0.25 * 200 / 5_000) ** np.arange(1, slots + 1)
    assert solve(problem).room_c[0] == pytest.approx(analytic, abs=1e-9)


def test_a_room_and_its_walls_keep_their_heat_where_nothing_is_lost() -> None:
    """Of 5 kWh/K at 20 °C and 20 kWh/K at 15 °C the common temperature is 16 °C."""
    problem = EnergyProblem(
        horizon=hours(200), sites=site(0.0, 0.2),
        rooms=room(loss_w_k=0.0, heat_max_w=0.0, mass_wh_k=20_000.0, coupling_w_k=1_000.0, mass_initial_c=15.0),
    )  # fmt: skip
    plan = solve(problem)
    kept = 5 * plan.room_c + 20 * plan.room_mass_c
    assert kept == pytest.approx(np.full((1, 200), 5 * 20 + 20 * 15.0))
    assert plan.room_c[0, -1] == pytest.approx(16.0, abs=1e-3)


def test_a_room_is_held_at_its_low_by_what_it_loses() -> None:
    """20 °C against 0 °C at 200 W/K is 4 kW of heat, 4/3 kW of electricity."""
    problem = EnergyProblem(horizon=hours(3), sites=site(0.0, 0.3), rooms=room(low_c=20.0))
    plan = solve(problem)
    assert plan.room_heat_w == pytest.approx(np.full((1, 3), 4_000.0))
    assert plan.objective == pytest.approx(3 * 4 / 3 * 0.3)


def test_fuel_is_paid_with_its_carbon_and_is_none_of_the_sites_electricity() -> None:
    """4 kW of heat at an efficiency of 0.8: 5 kWh of gas at 0.10 EUR and 0.2 kg at 0.5 EUR/kg each."""
    problem = EnergyProblem(
        horizon=hours(1), sites=site(0.0, 0.3, carbon_eur_kg=np.array(0.5)),
        rooms=room(low_c=20.0, cop=0.8, electric=False, fuel_eur_kwh=0.1, fuel_g_kwh=200.0),
    )  # fmt: skip
    plan = solve(problem)
    assert plan.import_w.tolist() == [[0.0]]
    assert plan.objective == pytest.approx(5 * 0.1 + 5 * 0.2 * 0.5)


def test_a_room_is_heated_ahead_of_a_dear_hour_only_as_far_as_it_pays() -> None:
    """A kWh of heat stored for an hour is 5/5.2 of one: worth it at 0.1 for 0.3, not at 0.29."""
    for before, heated in ((0.1, True), (0.295, False)):
        problem = EnergyProblem(
            horizon=hours(2), sites=site(0.0, [[before, 0.3]]), rooms=room(low_c=np.array([[0.0, 20.0]]))
        )
        plan = solve(problem)
        assert bool(plan.room_heat_w[0, 0] > plan.room_heat_w[0, 1]) is heated
        assert plan.room_c[0, -1] == pytest.approx(20.0)


def test_a_peak_that_costs_is_shaved_down_to_what_has_been() -> None:
    """6 kWh over 3 hours with a battery that holds enough: no higher than the 2 kW of before, or as even as it can."""
    sites = site([[0.0, 6_000.0, 0.0]], 0.2, peak_eur_kw=np.array(1.0), peak_so_far_w=np.array(1_000.0))
    plan = solve(EnergyProblem(horizon=hours(3), sites=sites, batteries=battery(initial_wh=0.0)))
    assert plan.import_w.max() == pytest.approx(3_000)
    assert plan.objective == pytest.approx(6 * 0.2 + 2 * 1.0)


def test_beyond_a_limit_that_is_not_firm_costs_and_no_more() -> None:
    sites = site([[3_000.0, 5_000.0]], 0.1, import_limit_w=np.array(4_000.0), over_eur_kwh=np.array(2.0))
    plan = solve(EnergyProblem(horizon=hours(2), sites=sites))
    assert plan.status == Status.OPTIMAL
    assert plan.objective == pytest.approx(8 * 0.1 + 1 * 2.0)
    assert plan.value_eur_kwh == pytest.approx(np.array([[0.1, 2.1]]))


def test_a_margin_makes_a_limit_narrower() -> None:
    sites = site([[0.0, 5_000.0]], 0.1, import_limit_w=np.array(5_000.0), firm=np.array(True), margin_w=np.array(800.0))
    plan = solve(EnergyProblem(horizon=hours(2), sites=sites, batteries=battery()))
    assert plan.status == Status.OPTIMAL
    assert plan.import_w[0, 1] == pytest.approx(4_200)


def two_sites(**groups: object) -> EnergyProblem:
    """Each draws 4 kW in the second hour; one of them has a battery."""
    return EnergyProblem(
        horizon=hours(2),
        sites=Sites(
            names=("school", "pool"), group=np.array([1, 1]), base_w=np.array([[0.0, 4_000.0]] * 2),
            import_eur_kwh=np.array(0.2),
        ),
        groups=Groups(names=("substation", "feeder"), parent=np.array([-1, 0]), **groups),  # type: ignore[arg-type]
        batteries=battery(),
    )  # fmt: skip


@pytest.mark.parametrize("which", [0, 1])
def test_a_limit_of_a_group_binds_the_sum_of_its_sites_and_of_groups_below(which: int) -> None:
    limit = np.full((2, 1), np.inf)
    limit[which] = 6_000.0
    plan = solve(two_sites(import_limit_w=limit, firm=np.array(True)))
    assert plan.status == Status.OPTIMAL
    assert net_w(plan).sum(axis=0) == pytest.approx(np.array([2_000.0, 6_000.0]))


def test_a_peak_of_a_group_is_shaved() -> None:
    plan = solve(two_sites(import_limit_w=np.array(np.inf), peak_eur_kw=np.array([0.0, 0.5])))
    assert net_w(plan).sum(axis=0) == pytest.approx(np.array([4_000.0, 4_000.0]))
    assert plan.objective == pytest.approx(8 * 0.2 + 4 * 0.5)


def ordered(baseline_w: float) -> EnergyProblem:
    return EnergyProblem(
        horizon=hours(2), sites=site([[0.0, 4_000.0]], 0.2, group=np.array(0)),
        groups=Groups(names=("feeder",), import_limit_w=np.array([[np.inf]])),
        orders=Orders(
            names=("evening",), group=np.array([0]), first=np.array([1]), last=np.array([2]),
            baseline_w=np.array([[0.0, baseline_w]]), ordered_w=np.array([3_000.0]), paid_eur_kwh=np.array([0.5]),
            short_eur_kwh=np.array([0.1]),
        ),
        batteries=battery(charge_efficiency=0.5),
    )  # fmt: skip


def test_an_order_is_delivered_as_far_as_it_is_asked_and_paid_for() -> None:
    """5 kWh bought at 0.2 give 2.5 kWh: each saves 0.2 and brings 0.6, more than the 0.4 that it costs."""
    plan = solve(ordered(4_000.0))
    assert plan.import_w == pytest.approx(np.array([[5_000.0, 1_500.0]]))
    assert plan.objective == pytest.approx(6.5 * 0.2 - 2.5 * 0.5 + 0.5 * 0.1)


def test_an_order_that_would_have_to_make_up_for_more_than_its_baseline_is_left() -> None:
    """From a baseline of 2 kW nothing is delivered before 2 kWh are saved, and 0.5 kWh do not pay for them."""
    plan = solve(ordered(2_000.0))
    assert plan.import_w == pytest.approx(np.array([[0.0, 4_000.0]]))
    assert plan.objective == pytest.approx(4 * 0.2 + 3 * 0.1)
    assert not check(ordered(2_000.0), plan)


def test_what_can_be_shed_is_where_power_is_dear_up_to_its_most() -> None:
    problem = EnergyProblem(
        horizon=hours(3), sites=site(0.0, [[0.2, 0.6, 0.7]]),
        sheddable=Sheddable(
            names=("fans",), site=np.array([0]), wanted_w=np.array([[2_000.0, 2_000.0, 2_000.0]]),
            shed_eur_kwh=np.array([0.4]), most_wh=np.array([3_000.0]),
        ),
    )  # fmt: skip
    plan = solve(problem)
    assert plan.given_w == pytest.approx(np.array([[2_000.0, 1_000.0, 0.0]]))
    assert plan.objective == pytest.approx(2 * 0.2 + 1 * 0.6 + 3 * 0.4)


def test_carbon_of_energy_bought_weighs_as_it_is_told() -> None:
    sites = site([[2_000.0, 2_000.0]], 0.2, carbon_g_kwh=np.array([[50.0, 400.0]]), carbon_eur_kg=np.array(1.0))
    plan = solve(EnergyProblem(horizon=hours(2), sites=sites, batteries=battery()))
    assert plan.import_w == pytest.approx(np.array([[4_000.0, 0.0]]))
    assert plan.objective == pytest.approx(4 * (0.2 + 0.05))


def test_a_tank_is_boosted_once_in_time_where_that_is_cheapest() -> None:
    """60 °C after the second of four slots, when power is cheapest; it need not stay so hot."""
    problem = EnergyProblem(
        horizon=hours(4), sites=site(0.0, [[0.3, 0.1, 0.3, 0.3]]),
        tanks=Thermal(
            names=("bath",), site=np.array([0]), capacity_wh_k=np.array([250.0]), loss_w_k=np.array([5.0]),
            outdoor_c=np.array(20.0), initial_c=np.array(50.0), heat_max_w=np.array(3_000.0), cop=np.array(2.0),
            ceiling_c=np.array(70.0), boost_c=np.array(60.0), boost_slot=np.array([3]),
        ),
    )  # fmt: skip
    plan = solve(problem)
    assert plan.status == Status.OPTIMAL
    assert int(plan.tank_c[0].argmax()) == 1
    assert plan.tank_c[0, 1] == pytest.approx(60.0)
    assert plan.tank_c[0, 3] < 60


@pytest.mark.parametrize("quarters", [92, 96, 100])
def test_days_on_which_the_clock_changes_have_their_own_number_of_slots(quarters: int) -> None:
    rng = np.random.default_rng(quarters)
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(quarters, QUARTER_S)),
        sites=site(rng.uniform(500, 3_000, (1, quarters)), rng.uniform(0.1, 0.3, (1, quarters))),
        batteries=battery(charge_efficiency=0.95), vehicles=vehicle(depart=quarters), rooms=room(low_c=19.0),
    )  # fmt: skip
    plan = solve(problem)
    assert plan.status == Status.OPTIMAL
    assert plan.import_w.shape == (1, quarters)
    assert not check(problem, plan)


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=40)
def test_every_plan_keeps_every_word_and_costs_what_it_says(seed: int, firm: bool, positive: bool) -> None:
    problem = random_problem(seed, firm=firm, positive=positive)
    plan = solve(problem)
    assert [str(violation) for violation in check(problem, plan)] == []
    assert plan.reproducible
    assert plan.bound <= plan.objective
    if plan.status == Status.OPTIMAL:
        assert plan.bound == pytest.approx(plan.objective, rel=1e-6, abs=1e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_at_positive_prices_nothing_charges_and_discharges_at_once(seed: int) -> None:
    plan = solve(random_problem(seed))
    assert not (plan.charge_w * plan.discharge_w).any()
    assert not (plan.vehicle_charge_w * plan.vehicle_discharge_w).any()
    assert not (plan.import_w * plan.export_w).any()


def test_everything_that_can_be_asked_keeps_every_word() -> None:
    problem = full_example(1)
    assert [str(violation) for violation in check(problem, solve(problem, Limits(gap=1e-3)))] == []


@pytest.mark.parametrize("seed", [2, 3])
def test_without_highs_cbc_gives_a_plan_that_costs_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(seed)
    usual = solve(problem)
    monkeypatch.setattr("optimizers.energy.engines.highs.highspy", None)
    plan = solve(problem)
    assert plan.solver == "CBC"
    assert not check(problem, plan)
    assert plan.objective == pytest.approx(usual.objective, rel=1e-4, abs=1e-4)
    assert plan.shortfall.comfort == pytest.approx(usual.shortfall.comfort, abs=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_a_boost_costs_what_it_costs_in_the_best_of_all_slots(seed: int) -> None:
    """Each slot tried by hand, as comfort's least in that slot."""
    rng = np.random.default_rng(seed)
    slots, last = 8, 6
    tank = Thermal(
        names=("bath",), site=np.array([0]), capacity_wh_k=np.array([300.0]), loss_w_k=np.array([20.0]),
        outdoor_c=np.array(10.0), initial_c=np.array(48.0), gain_w=-rng.uniform(0, 1_500, (1, slots)),
        heat_max_w=np.array(5_000.0), cop=rng.uniform(1.5, 3, (1, slots)), low_c=np.array(45.0),
        boost_c=np.array(60.0), boost_slot=np.array([last]),
    )  # fmt: skip
    problem = EnergyProblem(horizon=hours(slots), sites=site(0.0, rng.uniform(0.05, 0.4, (1, slots))), tanks=tank)
    costs = []
    for slot in range(last + 1):
        low = tank.low_c.copy()
        low[0, slot] = 60.0
        plan = solve(replace(problem, tanks=replace(tank, low_c=low, boost_slot=np.array([-1]))))
        costs.append(plan.objective if plan.status == Status.OPTIMAL else np.inf)
    assert solve(problem).objective == pytest.approx(min(costs))
