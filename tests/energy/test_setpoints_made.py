"""What goes out to devices, by itself: nothing beyond an asset's own, thermostats that begin, whoever comes unknown."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.model import Level
from jobs.energy.body import body
from jobs.energy.fallback import rules
from jobs.energy.setpoints import SOURCE, to_setpoints
from optimizers.arrays import Floats
from twin.energy.tank import Heater, Tank

from .devices_made import (
    HOUR,
    PLAIN,
    QUARTER,
    SLOTS,
    START,
    T,
    asked,
    battery,
    charger,
    heater,
    now_of,
    one_site,
    people,
    stay,
    task,
    terms,
    values,
)  # fmt: skip
from .territory_made import asset

PLAY_K = PLAIN.water.play_k


# tanks: a thermostat begins only its play below what it is set to


def tank_plan(course_c: Any, heats: Any, present: Any = 1.0, initial_c: float = 55.0) -> list[float]:
    """What is asked of a tank that is planned to come to `course_c`, heated in slots of `heats`."""
    sites = one_site(heater())
    made = task(sites, now_of(sites, tank_c={"WH": initial_c}), present=people(present))
    course = np.broadcast_to(np.asarray(course_c, float), (1, T)).copy()
    heat = np.broadcast_to(np.asarray(heats, float), (1, T)) * 3_000.0
    return values(asked(made, tank_c=course, tank_heat_w=heat)["WH/temperatureSetpoint"])


def test_a_tank_at_rest_is_set_so_that_it_is_kept_at_its_least() -> None:
    assert tank_plan(60.0, 0.0) == [PLAIN.water.present + PLAY_K] * T
    assert tank_plan(60.0, 0.0, present=0.0) == [PLAIN.water.least + PLAY_K] * T


def test_a_tank_that_is_heated_is_set_from_the_first_to_what_it_rises_to() -> None:
    course = np.concatenate([np.linspace(56, 66, 8), np.full(T - 8, 66.0)])
    found = tank_plan(course, np.arange(T) < 8)
    assert found[:8] == [66.0] * 8
    assert found[8:] == [52.0 + PLAY_K] * (T - 8)


def test_a_tank_that_is_to_be_hot_begins_though_it_rises_by_less_than_its_thermostat_s_play() -> None:
    course = np.concatenate([[60.0], np.full(T - 1, 60.0)])
    assert tank_plan(course, np.arange(T) < 1, initial_c=58.0)[0] == 58.0 + PLAY_K
    assert tank_plan(course - 1.0, np.arange(T) < 1, initial_c=58.0)[0] == 59.0, "not hot: that is no boost"


def test_no_tank_is_asked_beyond_what_its_point_takes() -> None:
    assert max(tank_plan(np.linspace(60, 90, T), 1.0)) == 70.0
    assert min(tank_plan(20.0, 1.0, present=0.0)) == PLAIN.water.least + PLAY_K


def followed(found: list[float], drawn_l_h: float) -> Floats:
    """Temperatures at the probe of a tank in layers with a thermostat, minute by minute."""
    one = Heater(Tank(volume_l=300.0, heat_max_w=3_000.0), [55.0] * 5)
    told = []
    for setpoint in found:
        for _ in range(15):
            one.passed(setpoint, drawn_l_h / 60.0, 60.0)
            told.append(one.temperature_c)
    return np.array(told)


def test_a_tank_in_software_that_is_asked_so_keeps_what_people_want() -> None:
    """Set to what is kept, it sinks far below while people are in, and every plan of that time is short."""
    keeps = followed(tank_plan(52.0, 1.0), drawn_l_h=25.0)
    sinks = followed([52.0] * T, drawn_l_h=25.0)
    assert keeps.min() > 51.0
    assert sinks.min() < 47.0


# batteries


def test_two_batteries_are_asked_each_within_its_own() -> None:
    sites = one_site(battery("BT1"), battery("BT2", charge_max_w=500.0, discharge_max_w=300.0))
    made = task(sites)
    found = asked(made, charge_w=np.full((2, T), 4_000.0), discharge_w=np.zeros((2, T)))
    assert values(found["BT1/power"]) == [4_000.0] * T
    assert values(found["BT2/power"]) == [500.0] * T
    out = asked(made, charge_w=np.zeros((2, T)), discharge_w=np.full((2, T), 4_000.0))
    assert values(out["BT2/power"]) == [-300.0] * T
    for name in ("BT1", "BT2"):
        least, most = (values(found[f"{name}/{point}"]) for point in ("importLeast", "importMost"))
        assert all(low <= high for low, high in zip(least, most, strict=True))


def test_a_dropped_plan_is_self_consumption_whatever_was_planned() -> None:
    sites = one_site(battery())
    lost = {"site": "B1", "paid_eur": 9.0, "rule_eur": 2.0, "loss_eur": 7.0, "most_eur": 5.0, "known": 1.0}
    made = replace(task(sites), facts={"dropped": {"B1": lost | {"dropped_since": "2026-11-23T06:00:00Z"}}})
    found = asked(made, charge_w=np.full((1, T), 4_000.0))
    assert {tuple(values(found[f"BT/{point}"])) for point in ("power", "importLeast", "importMost")} == {(0.0,) * T}


# charging points


def test_whoever_comes_has_what_a_vehicle_takes_at_all() -> None:
    sites = one_site(charger("EV1"), charger("EV2", charge_max_w=3_000.0, charge_least_w=1_380.0), charger("EV3"))
    found = asked(task(sites, base_w=2_000.0))
    assert values(found["EV1/powerLimit"]) == [4_140.0] * T, "6 A on three phases"
    assert values(found["EV2/powerLimit"]) == [3_000.0] * T, "no more than its own"


def test_unknown_vehicles_share_what_the_contract_leaves() -> None:
    """10 kW, of which 2 are drawn: two of 3.7 kW, and none for the third."""
    points = [charger(f"EV{k}", charge_max_w=7_360.0, charge_least_w=1_380.0) for k in (1, 2, 3)]
    found = asked(task(one_site(*points), contract=terms(10_000.0)))
    limits = [values(found[f"EV{k}/powerLimit"])[0] for k in (1, 2, 3)]
    assert limits == [3_700.0, 3_700.0, 0.0]


def test_a_planned_vehicle_has_its_plan_and_who_comes_after_it_what_is_safe() -> None:
    sites = one_site(charger())
    made = task(sites, now_of(sites, stays={"EV": stay(5_000.0, 2)}))
    found = values(asked(made, vehicle_charge_w=np.full((1, T), 5_000.7))["EV/powerLimit"])
    assert found[:8] == [5_000.0] * 8, "rounded down: a sum of them stays within the contract"
    assert found[8:] == [4_140.0] * (T - 8)


# roofs


@pytest.mark.parametrize(("taken", "limit"), [(3_000.0, 6_000.0), (1_200.4, 1_200.0), (0.0, 0.0)])
def test_a_roof_is_bound_only_where_less_is_taken(taken: float, limit: float) -> None:
    roof = replace(asset("PV", "PhotovoltaicDevice", "B1", peak_power_w=6_000.0), gateway="GW")
    made = task(one_site(roof), sun_w=3_000.0)
    assert values(asked(made, solar_w=np.full((1, T), taken))["PV/powerLimit"]) == [limit] * T


def test_a_roof_without_a_gateway_is_asked_nothing() -> None:
    roof = asset("PV", "PhotovoltaicDevice", "B1", peak_power_w=6_000.0)
    assert "PV/powerLimit" not in asked(task(one_site(roof), sun_w=3_000.0))


# rooms


def test_a_room_is_asked_for_what_it_comes_to_where_it_is_heated() -> None:
    made = task(one_site(heat="boiler"))
    heats = (np.arange(T) < 4)[None] * 5_000.0
    found = values(asked(made, room_heat_w=heats, room_c=np.full((1, T), 20.13))["B1/heatingSetpoint"])
    assert found[:4] == [20.2] * 4, "up, to what a controller holds"
    assert found[4:] == [19.0] * (T - 4)


@pytest.mark.parametrize(("planned_c", "asked_c"), [(35.0, 24.0), (2.0, 8.0)])
def test_no_room_is_asked_beyond_what_is_sensible(planned_c: float, asked_c: float) -> None:
    made = task(one_site(heat="boiler"))
    found = asked(made, room_heat_w=np.full((1, T), 1_000.0), room_c=np.full((1, T), planned_c))
    assert values(found["B1/heatingSetpoint"]) == [asked_c] * T


# all of it


def test_every_slot_goes_out_at_the_optimiser_s_level_and_ends_with_the_plan() -> None:
    made = task(one_site(battery(), charger(), heater(), heat="heatPump"))
    found = to_setpoints(body(made, rules(made)), "v1", START)
    assert {slot.level for slot in found} == {Level.OPTIMISER}
    assert {slot.source for slot in found} == {SOURCE}
    for slot in found:
        assert slot.program.at(SLOTS.until - QUARTER) is not None
        assert slot.program.at(SLOTS.until) is None
        assert slot.version == "v1"
    assert len({slot.point for slot in found}) == len(found) == 6


def test_what_was_asked_before_the_first_slot_is_asked_there() -> None:
    """A plan made within the hour speaks of all of the hour."""
    made = task(one_site(battery()))
    early = replace(made, span=(START - HOUR, made.span[1]))
    (power,) = (s for s in to_setpoints(body(early, rules(early)), "v", START) if s.point == "BT/power")
    assert power.program.at(START - HOUR) == power.program.at(START)
