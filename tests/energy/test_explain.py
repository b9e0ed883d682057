"""Why a device does what it does: each thing that holds it, prices that agree with what it does, what is refused."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import (
    EnergyPlan,
    EnergyProblem,
    Explanation,
    Held,
    example,
    explain,
    full_example,
    names_of,
    solve,
)
from optimizers.energy.holding import NEAR_W
from optimizers.energy.problem import PLANNED
from optimizers.result import InvalidProblem
from tests.energy.anything import any_problem, as_they_like
from tests.energy.planted import PLAN, PROBLEM, TOLD, followed

_NAMES = names_of(PROBLEM)


def of(part: str, name: str, t: int, problem: EnergyProblem = PROBLEM, plan: EnergyPlan = PLAN) -> Explanation:
    return explain(problem, plan, part, getattr(problem, part).names.index(name), t)


def held(one: Explanation, *, own: bool = True) -> set[str]:
    """What holds it: of its own, or of its site and the groups above."""
    return {hold.held.value for hold in one.held if (hold.of == one.name) == own}


@cache
def solved(seed: int) -> tuple[EnergyProblem, EnergyPlan]:
    problem = example(seed)
    return problem, solve(problem)


@pytest.mark.parametrize(
    ("part", "name", "t", "expected"),
    [
        ("batteries", "cellar", 0, set()),
        ("batteries", "attic", 1, {"sun_only"}),
        ("batteries", "attic", 2, set()),
        ("batteries", "attic", 3, {"sun_only"}),
        ("vehicles", "van", 0, {"away"}),
        ("vehicles", "van", 1, set()),
        ("vehicles", "van", 5, {"away"}),
        ("solar", "roof", 0, set()),
        ("solar", "roof", 2, {"curtailed"}),
        ("solar", "roof", 3, {"all_sun"}),
        ("rooms", "classes", 2, set()),
        ("tanks", "bath", 0, {"boost"}),
        ("tanks", "bath", 4, set()),
        ("loads", "kiln", 0, set()),
        ("loads", "kiln", 2, {"run"}),
        ("loads", "kiln", 3, {"stay"}),
        ("loads", "pump", 3, {"run"}),
        ("sheddable", "fans", 0, set()),
    ],
)
def test_what_holds_each_in_the_plan_by_hand(part: str, name: str, t: int, expected: set[str]) -> None:
    assert held(of(part, name, t)) == expected


@pytest.mark.parametrize(
    ("part", "name", "t", "told", "expected"),
    [
        ("batteries", "cellar", 3, {"charge_w": (0, 3, 5e3)}, {"charge_max"}),
        ("batteries", "cellar", 4, {"discharge_w": (0, 4, 5e3)}, {"discharge_max"}),
        ("batteries", "attic", 2, {"discharge_w": (1, 2, 2400.0)}, {"reserve"}),
        ("vehicles", "van", 3, {"vehicle_charge_w": (0, 3, 1400.0)}, {"charge_least"}),
        ("vehicles", "van", 2, {"vehicle_charge_w": (0, 2, 7e3)}, {"charge_max"}),
        ("rooms", "classes", 0, {"room_heat_w": (0, 0, 9e3)}, {"heat_max"}),
        ("rooms", "classes", 3, {"room_cool_w": (0, 3, 2e3)}, {"cool_max"}),
        ("rooms", "hall", 0, {"room_heat_w": (1, 0, 5e3)}, {"heat_least"}),
        ("sheddable", "fans", 5, {"given_w": (0, 5, 975.0)}, {"shed_most"}),
    ],
)
def test_what_holds_it_where_it_does_otherwise(
    part: str, name: str, t: int, told: dict[str, tuple[int, int, float]], expected: set[str]
) -> None:
    changed = dict(TOLD)
    for field, (i, slot, value) in told.items():
        changed[field] = TOLD[field].copy()
        changed[field][i, slot] = value
    assert held(of(part, name, t, plan=followed(PROBLEM, **changed))) == expected


def test_temperatures_at_the_edges_of_comfort_hold() -> None:
    rooms = PROBLEM.rooms
    assert rooms is not None
    edges = {"low_c": (0, 5, Held.COMFORT_LOW), "high_c": (1, 0, Held.COMFORT_HIGH)}
    for field, (z, t, expected) in edges.items():
        bound = getattr(rooms, field).copy()
        bound[z, t] = PLAN.room_c[z, t]
        problem = EnergyProblem(**{**vars(PROBLEM), "rooms": replace(rooms, **{field: bound})})
        assert expected.value in held(explain(problem, PLAN, "rooms", z, t))
    for field, expected in (("floor_c", Held.FLOOR), ("ceiling_c", Held.CEILING)):
        bound = getattr(rooms, field).copy()
        bound[1] = PLAN.room_c[1, 3]
        problem = EnergyProblem(**{**vars(PROBLEM), "rooms": replace(rooms, **{field: bound})})
        assert expected.value in held(explain(problem, PLAN, "rooms", 1, 3))


def test_what_a_site_and_its_groups_are_held_by() -> None:
    """Campus' order wants 24 kW at most: it draws less, so that nothing is missing; its peak is that of slot 0."""
    cellar = of("batteries", "cellar", 0)
    assert held(cellar, own=False) == {"peak"}
    assert {hold.of for hold in cellar.held} == {"campus"}
    assert of("sites", "school", 1).held == of("batteries", "cellar", 1).held
    limited = replace(PROBLEM.sites, import_limit_w=np.array([[24e3], [12e3]]) * np.ones(6))
    problem = EnergyProblem(**{**vars(PROBLEM), "sites": limited})
    found = {hold.held: hold for hold in explain(problem, PLAN, "tanks", 0, 0).held}
    assert (found[Held.IMPORT_LIMIT].of, found[Held.IMPORT_LIMIT].amount) == ("pool", 12e3)
    assert PROBLEM.orders is not None
    late = replace(PROBLEM.orders, baseline_w=np.full((1, 6), 15e3))
    problem = EnergyProblem(**{**vars(PROBLEM), "orders": late})
    found = {hold.held: hold for hold in explain(problem, PLAN, "tanks", 0, 3).held}
    assert (found[Held.ORDER].of, found[Held.ORDER].amount) == ("evening", 9e3)


def test_a_vehicle_that_can_just_make_it_is_held_by_its_target() -> None:
    assert PROBLEM.vehicles is not None
    far = replace(PROBLEM.vehicles, target_wh=np.array([28e3]))
    problem = EnergyProblem(**{**vars(PROBLEM), "vehicles": far})
    (found,) = [hold for hold in explain(problem, PLAN, "vehicles", 0, 2).held if hold.held == Held.TARGET]
    assert (found.amount, found.t) == (28e3, 4)


def test_what_is_told_of_a_battery_is_what_the_plan_says() -> None:
    prices = {"value_eur_kwh": np.full((2, 6), 0.2), "stored_eur_kwh": np.full((2, 6), 0.18)}
    found = of("batteries", "cellar", 4, plan=replace(PLAN, **prices))
    assert (found.kind, found.name, found.site, found.t) == ("battery", "cellar", "school", 4)
    assert (found.power_w, found.fuel_w) == (-3e3, 0.0)
    assert found.before == pytest.approx(PLAN.stored_wh[0, 3])
    assert found.after == pytest.approx(PLAN.stored_wh[0, 4])
    assert (found.buy_eur_kwh, found.sell_eur_kwh, found.meter_w) == (0.3, 0.05, -1500.0)
    assert found.charge_gain_eur_kwh == pytest.approx(0.18 * 0.9 - 0.2)
    assert found.discharge_gain_eur_kwh == pytest.approx(0.2 - 0.02 - 0.18 / 0.9)


def test_heat_costs_its_fuel_or_what_the_site_pays() -> None:
    priced = replace(PLAN, value_eur_kwh=np.full((2, 6), 0.21))
    gas = of("rooms", "hall", 0, plan=priced)
    assert gas.used_eur_kwh == pytest.approx((0.09 + 0.2 * 0.1) / 0.9)
    assert (gas.power_w, gas.fuel_w) == (0.0, pytest.approx(9e3 / 0.9))
    pump = of("rooms", "classes", 0, plan=priced)
    assert pump.used_eur_kwh == pytest.approx(0.21 / 3)
    assert (pump.power_w, pump.fuel_w) == (pytest.approx(6e3 / 3), 0.0)
    assert of("rooms", "classes", 0).used_eur_kwh is None, "the plan does not say what a kWh is worth"


@pytest.mark.parametrize("seed", range(3))
def test_what_would_pay_is_held_back_by_something(seed: int) -> None:
    """Complementary slackness, device by device: a battery leaves no gain but at a bound of its own, and what it does
    costs nothing but at the bound that makes it do so.
    """
    problem, plan = solved(seed)
    gains = []
    for t in range(problem.shape[1]):
        one = of("batteries", "cellar", t, problem, plan)
        assert one.charge_gain_eur_kwh is not None
        assert one.discharge_gain_eur_kwh is not None
        gains.append(one.charge_gain_eur_kwh)
        if one.charge_gain_eur_kwh > 1e-6:
            assert Held.CHARGE_MAX.value in held(one), t
        if one.discharge_gain_eur_kwh > 1e-6:
            assert Held.DISCHARGE_MAX.value in held(one), t
        if one.power_w > NEAR_W:
            assert one.charge_gain_eur_kwh > -1e-6, t
        if one.power_w < -NEAR_W:
            assert one.discharge_gain_eur_kwh > -1e-6, t
    assert min(gains) < -1e-3, "in some hours it would not pay to charge"


@pytest.mark.parametrize("seed", range(3))
def test_a_kwh_more_costs_what_is_bought_where_nothing_binds(seed: int) -> None:
    problem, plan = solved(seed)
    seen = 0
    for t in range(problem.shape[1]):
        one = of("sites", "school", t, problem, plan)
        if one.meter_w > NEAR_W and not one.held:
            carbon = problem.sites.carbon_g_kwh[0, t] / 1000 * problem.sites.carbon_eur_kg[0]
            assert one.value_eur_kwh == pytest.approx(one.buy_eur_kwh + carbon, abs=1e-6)
            seen += 1
    assert seen > 20


def test_a_room_is_warmed_for_the_morning() -> None:
    problem, plan = solved(0)
    opens = 32
    warmed = [of("rooms", "building", t, problem, plan) for t in range(opens)]
    told = [hold for one in warmed for hold in one.held if hold.held == Held.NEXT_COMFORT]
    assert told, "the morning's comfort is prepared"
    assert all(hold.t >= opens and hold.amount == 19.0 for hold in told)


@settings(max_examples=40)
@given(st.builds(any_problem, st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 12)), st.integers(0, 10**6))
def test_everything_of_any_plan_can_be_asked_for(problem: EnergyProblem, seed: int) -> None:
    plan = as_they_like(problem, seed)
    for part, names in names_of(problem).items():
        drawn = 0.0
        for i, name in enumerate(names):
            for t in range(problem.shape[1]):
                one = explain(problem, plan, part, i, t)
                assert (one.name, one.t, one.site in problem.sites.names) == (name, t, True)
                drawn += one.power_w
        if part == "sites":
            assert drawn == pytest.approx(float((plan.import_w - plan.export_w).sum()))


def test_the_parts_of_a_meter_make_it_up() -> None:
    """What is told of each device adds up to what is told of its site."""
    problem = full_example(0)
    plan = as_they_like(problem, 3)
    for t in (0, 50, 100):
        devices = sum(
            one.power_w
            for part in PLANNED[1:]
            for i in range(len(names_of(problem)[part]))
            if (one := explain(problem, plan, part, i, t)).site == "school"
        )
        site = of("sites", "school", t, problem, plan)
        assert site.meter_w == pytest.approx(float(problem.sites.base_w[0, t]) + devices)


@pytest.mark.parametrize(
    ("part", "index", "t", "said"),
    [
        ("lamps", 0, 0, "part is 'lamps', wants one of sites, solar"),
        ("batteries", 2, 0, "batteries: index is 2, wants one below 2"),
        ("batteries", -1, 0, "batteries: index is -1"),
        ("sites", 0, 6, "slot is 6, wants one below 6"),
        ("orders", 0, 0, "part is 'orders'"),
    ],
)
def test_what_there_is_not_cannot_be_asked_for(part: str, index: int, t: int, said: str) -> None:
    with pytest.raises(InvalidProblem, match=said):
        explain(PROBLEM, PLAN, part, index, t)
