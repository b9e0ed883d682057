"""What the coming hours are asked for, of devices as they are: what is out of reach, gone, or passes a contract."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from jobs.energy.sites import Sites, Span
from jobs.energy.task import told_of
from jobs.energy.warmth import low_in_reach, warmth_c
from optimizers.energy import solve
from optimizers.result import InvalidProblem, Limits, Status

from .devices_made import (
    HOUR,
    PLAIN,
    QUARTER,
    SLOTS,
    START,
    T,
    battery,
    charger,
    heater,
    now_of,
    one_site,
    people,
    site,
    stay,
    task,
    terms,
)  # fmt: skip

LIMITS = Limits(seconds=30.0)


# rooms and tanks that are colder than they are to be


def test_an_empty_room_that_is_cold_now_is_no_shortfall() -> None:
    """Its band begins where all the heat comes to: what nobody is there to feel, no plan is to blame for."""
    sites = one_site(heat="boiler")
    made = task(sites, now_of(sites, room_c={"B1": 12.0}), present=people(0.0, 16.0))
    low = made.problem.rooms.low_c[0] if made.problem.rooms else np.empty(0)
    assert low[0] < 13.0
    assert low[-1] == 16.0
    plan = solve(made.problem, LIMITS)
    assert plan.status is Status.OPTIMAL
    assert plan.room_c[0, -1] >= 16.0 - 1e-6


def test_a_room_that_is_cold_while_people_are_in_is_told_as_short() -> None:
    sites = one_site(heat="boiler")
    made = task(sites, now_of(sites, room_c={"B1": 15.0}))
    assert made.problem.rooms is not None
    assert (made.problem.rooms.low_c == 19.0).all()
    plan = solve(made.problem, LIMITS)
    assert plan.status is Status.BEST_EFFORT
    (short,) = plan.violations
    assert (short.object, short.constraint, short.unit) == ("room B1", "comfort low", "K·h")
    assert short.amount == pytest.approx(plan.shortfall.comfort, rel=1e-6)


def test_who_comes_before_it_can_be_warm_is_told_only_from_then_on() -> None:
    """Empty for an hour, then not: the hour is out of reach and asks for no more than all heat, the rest is short."""
    sites = one_site(heat="boiler")
    made = task(sites, now_of(sites, room_c={"B1": 12.0}), present=people([0.0] * 4 + [1.0] * (T - 4), 19.0))
    plan = solve(made.problem, LIMITS)
    assert plan.status is Status.BEST_EFFORT
    short = np.maximum(19.0 - plan.room_c[0, 4:], 0.0).sum() / 4
    assert plan.shortfall.comfort == pytest.approx(short, rel=1e-4)
    assert plan.room_heat_w[0, :4] == pytest.approx(9_000.0, rel=1e-3)


def test_reach_is_what_all_heat_comes_to() -> None:
    """By hand: 100 Wh/K, no loss, 50 W: half a K an hour."""
    part = {"capacity_wh_k": np.array([100.0]), "loss_w_k": np.array([0.0]), "initial_c": np.array([10.0])}
    heated = warmth_c(1.0, np.zeros((1, 3)), np.zeros((1, 3)), heat_w=np.array([50.0]), **part)
    assert heated[0].tolist() == [10.5, 11.0, 11.5]
    low = low_in_reach(np.full((1, 3), 11.2), np.array([[0.0, 1.0, 0.0]]), heated)
    assert low[0] == pytest.approx([10.49, 11.2, 11.2])


def test_hot_water_is_drawn_in_the_hours_of_a_day_whatever_the_plan_s_length() -> None:
    """0.04 l/m² of 500 m², from 12 to 52 °C, over the 10.5 hours that an office is open: 88.6 W."""
    sites = one_site(heater())
    for hours in (3, 12, 36):
        slots = Span.between(START, START + hours * HOUR, QUARTER)
        made = task(sites, slots=slots, present=people(1.0, slots=slots))
        assert made.problem.tanks is not None
        wanted = -0.04 * 500 * 1.163 * 40 / 10.5
        assert made.problem.tanks.gain_w == pytest.approx(np.full((1, len(slots)), wanted))


def test_hours_of_a_use_that_closes_after_midnight_are_counted() -> None:
    comfort = PLAIN.of_use("office")
    begins, ends = comfort.hours
    assert comfort.open_h == 10.5
    assert comfort.model_copy(update={"hours": (ends, begins)}).open_h == 13.5
    assert comfort.model_copy(update={"hours": (begins, begins)}).open_h == 24.0


# vehicles


def test_a_vehicle_that_wants_nothing_is_not_planned() -> None:
    sites = one_site(charger())
    for wanted in (0.0, 1e-9):
        assert task(sites, now_of(sites, stays={"EV": stay(wanted, 3)})).problem.vehicles is None
    assert task(sites).problem.vehicles is None


def test_a_vehicle_that_leaves_at_once_has_a_slot_and_is_short() -> None:
    sites = one_site(charger())
    made = task(sites, now_of(sites, stays={"EV": stay(10_000.0, 0.05)}))
    assert made.problem.vehicles is not None
    assert made.problem.vehicles.depart.tolist() == [1]
    plan = solve(made.problem, LIMITS)
    assert plan.status is Status.BEST_EFFORT
    assert plan.vehicle_charge_w[0, 0] == pytest.approx(11_040.0)
    assert plan.vehicle_charge_w[0, 1:].max() == 0.0


def test_who_stays_beyond_the_plan_gets_only_what_cannot_wait() -> None:
    sites = one_site(charger())
    later = 60_000.0 - 2 * 11_040.0
    cars = task(sites, now_of(sites, stays={"EV": stay(60_000.0, 14)})).problem.vehicles
    assert cars is not None
    assert cars.target_wh == pytest.approx([later * PLAIN.vehicle.efficiency])
    assert task(sites, now_of(sites, stays={"EV": stay(20_000.0, 14)})).problem.vehicles is None, "all of it can wait"


def test_a_least_beyond_the_most_of_an_inventory_is_no_wrong_problem() -> None:
    sites = one_site(charger(charge_least_w=20_000.0))
    cars = task(sites, now_of(sites, stays={"EV": stay(5_000.0, 5)})).problem.vehicles
    assert cars is not None
    assert cars.charge_least_w.tolist() == cars.charge_max_w.tolist() == [11_040.0]


# batteries, contracts


def test_two_batteries_of_a_building_are_two() -> None:
    sites = one_site(battery("BT1"), battery("BT2", capacity_wh=4_000.0, reserve=0.0))
    cells = task(sites, now_of(sites, stored_wh={"BT1": 2_000.0, "BT2": 4_000.0})).problem.batteries
    assert cells is not None
    assert (cells.names, cells.site.tolist()) == (("BT1", "BT2"), [0, 0])
    assert (cells.floor_wh.tolist(), cells.initial_wh.tolist()) == ([2_000.0, 0.0], [2_000.0, 4_000.0])


def test_a_contract_that_what_nobody_plans_passes_is_not_kept_and_said() -> None:
    sites = one_site()
    made = task(sites, base_w=40_000.0, contract=terms(36_000.0))
    assert np.isinf(made.problem.sites.import_limit_w).all()
    (said,) = told_of(made)
    assert "36 kW" in said["en"]
    assert "36 kW" in said["fr"]
    kept = task(sites, base_w=30_000.0, contract=terms(36_000.0))
    assert kept.problem.sites.import_limit_w.max() == 36_000.0


def test_reasons_are_said_once() -> None:
    sites = Sites((site(name="B1"), site(name="B2")), {})
    same = next(iter(task(one_site(), base_w=40_000.0, contract=terms(36_000.0)).reasons))
    made = task(sites, contract=terms(reasons=(same,)))
    assert made.reasons == (same,)


def test_nothing_to_plan_says_so() -> None:
    with pytest.raises(InvalidProblem, match="no sites"):
        task(Sites((), {}))


@pytest.mark.parametrize(
    ("day", "count"),
    [(datetime(2026, 3, 28, 23, tzinfo=UTC), 92), (datetime(2026, 10, 24, 22, tzinfo=UTC), 100)],
    ids=["spring", "autumn"],
)
def test_a_boost_is_due_a_day_after_the_last_one_whatever_the_clock_does(day: datetime, count: int) -> None:
    """24 hours, not a day by the clock: of a day of 92 quarters it falls behind the end, of 100 before it."""
    slots = Span.between(day, day + count * QUARTER, QUARTER)
    sites = one_site(heater())
    made = task(sites, now_of(sites, hot_at={"WH": day}), slots=slots, present=people(slots=slots))
    assert made.problem.tanks is not None
    assert made.problem.tanks.boost_slot.tolist() == [min(95, count - 1)]


@pytest.mark.parametrize(("ago_h", "slot"), [(None, T - 1), (24, 0), (30, 0), (20, 15), (0, T - 1)])
def test_when_a_tank_is_to_be_hot_again(ago_h: float | None, slot: int) -> None:
    sites = one_site(heater())
    hot = None if ago_h is None else START - timedelta(hours=ago_h)
    made = task(sites, now_of(sites, hot_at={"WH": hot}))
    assert made.problem.tanks is not None
    assert made.problem.tanks.boost_slot.tolist() == [slot]
    assert len(SLOTS) == T
