"""What makes, stores and draws energy in software: published formulas, conserved energy, limits that hold."""

from datetime import UTC, datetime, timedelta
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.energy.battery import Battery, Cells
from twin.energy.breaker import Breaker
from twin.energy.charging import Station, Stay, least_w
from twin.energy.plant import Plant, Producer, Source, Thermostat
from twin.energy.sun import Roof, clear_sky_w_m2, sine_of_elevation
from twin.energy.tank import LAYERS, WATER_WH_L_K, Heater, Tank

NOON = datetime(2026, 9, 28, 10, tzinfo=UTC)
PUMP = Plant(source=Source.HEAT_PUMP, heat_max_w=100_000, heat_least_w=25_000, start_wh=400)
BOILER = Plant(source=Source.BOILER, heat_max_w=100_000, heat_least_w=20_000)
CELLS = Cells(capacity_wh=40_000, charge_max_w=20_000, discharge_max_w=20_000)


# --- heat -----------------------------------------------------------------------------------------------------------


def test_a_heat_pump_gives_less_and_dearer_heat_the_colder_it_is() -> None:
    cops = [PUMP.cop(outdoor) for outdoor in (-10, 0, 6, 12)]
    assert cops == sorted(cops)
    assert 1.5 < cops[0] < 2.6 and 3.0 < cops[-1] < 5.5, "what field trials find"
    assert PUMP.capacity_w(-10) < PUMP.capacity_w(0) < PUMP.capacity_w(7)
    assert PUMP.cop(4.9) < 0.93 * PUMP.cop(5.1), "it defrosts"


@given(st.floats(-25, 30), st.floats(0.2, 1.0))
def test_no_heat_pump_beats_carnot(outdoor: float, load: float) -> None:
    flow = PUMP.flow_temperature_c(outdoor) + 273.15
    assert 1.0 <= PUMP.cop(outdoor, load) <= max(flow / max(flow - outdoor - 273.15, 5.0), 1.0)


def test_a_boiler_condenses_less_with_hot_water_and_a_substation_does_not_care() -> None:
    assert 0.85 < BOILER.cop(-10) < BOILER.cop(10) < 1.0
    district = Plant(source=Source.DISTRICT, heat_max_w=1e5, efficiency=0.98)
    assert district.cop(-10) == district.cop(15) == 0.98


@given(st.lists(st.floats(0, 120_000), min_size=1, max_size=200), st.floats(-10, 15))
def test_heat_is_none_or_at_least_the_least_and_never_more_than_the_capacity(wanted: list[float], out: float) -> None:
    producer = Producer(PUMP)
    for one in wanted:
        made = producer.made(one, out, 60.0)
        assert made.heat_w == 0.0 or PUMP.heat_least_w <= made.heat_w <= PUMP.capacity_w(out) + 1e-9
        assert made.bought_w >= made.heat_w / 12


def test_below_its_least_load_it_cycles_gives_what_was_asked_in_the_end_and_pays_for_each_start() -> None:
    producer, asked, given_wh, bought_wh = Producer(PUMP), 5_000.0, 0.0, 0.0
    for _ in range(24 * 60):
        made = producer.made(asked, 7.0, 60.0)
        given_wh += made.heat_w / 60
        bought_wh += made.bought_w / 60
    assert given_wh == pytest.approx(24 * asked, rel=0.06)
    assert 10 < producer.starts < 60
    steady = PUMP.heat_least_w / PUMP.capacity_w(7.0)
    assert bought_wh == pytest.approx(given_wh / PUMP.cop(7.0, steady) + producer.starts * PUMP.start_wh, rel=1e-9)


def test_a_thermostat_holds_its_setpoint_and_is_silent_above_it() -> None:
    """Of a room of one capacity that loses 2 kW/K, at 5 °C outside."""
    thermostat, air = Thermostat(), 16.0
    seen = []
    for _ in range(48 * 60):
        air += (100_000 * thermostat.wanted(19.0, air, 60.0) - 2_000 * (air - 5.0)) / 60 / 30_000
        seen.append(air)
    assert seen[-1] == pytest.approx(19.0, abs=0.05)
    assert max(seen) < 19.8, "it does not overshoot much, whatever it had to catch up with"
    assert Thermostat().wanted(16.0, 19.0, 60.0) == 0.0


# --- hot water ------------------------------------------------------------------------------------------------------

TANK = Tank(volume_l=1_000, heat_max_w=9_000)


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from([8.0, 45.0, 55.0, 65.0])), min_size=1, max_size=80))
def test_heat_of_water_is_bought_carried_off_or_lost(minutes: list[tuple[float, float]]) -> None:
    heater = Heater(TANK, [40, 45, 50, 55, 60])
    before, brought = heater.stored_wh, 0.0
    for litres, setpoint in minutes:
        drawn = heater.passed(setpoint, litres, 60.0)
        brought += (drawn.bought_w - drawn.lost_w - drawn.carried_w) / 60
        assert heater.layers_c == sorted(heater.layers_c), "hot water is above"
    assert heater.stored_wh - before == pytest.approx(brought, abs=1e-6)


def test_hot_water_comes_out_hot_until_what_was_stored_is_gone() -> None:
    heater = Heater(Tank(volume_l=500, heat_max_w=0.0, loss_w_k=0.0), [60.0] * LAYERS)
    out = [heater.passed(0.0, 5.0, 60.0).out_c for _ in range(200)]
    assert out[40] > 55, "200 of 500 litres drawn"
    assert out[-1] == pytest.approx(12.0, abs=2.0), "twice what it holds drawn: layers mix a little"
    assert out == sorted(out, reverse=True)


def test_its_thermostat_keeps_it_hot_and_it_heats_as_fast_as_its_power() -> None:
    heater = Heater(Tank(volume_l=1_000, heat_max_w=9_000, loss_w_k=0.0), [12.0] * LAYERS)
    minutes = 0
    while heater.temperature_c < 60.0 and minutes < 1_000:
        heater.passed(60.0, 0.0, 60.0)
        minutes += 1
    assert minutes == pytest.approx(1_000 * WATER_WH_L_K * 48 / 9_000 * 60, rel=0.02)
    assert heater.passed(60.0, 0.0, 60.0).bought_w == 0.0


# --- battery --------------------------------------------------------------------------------------------------------


@given(st.floats(0, 1), st.lists(st.floats(-60_000, 60_000), min_size=1, max_size=60), st.floats(1, 3600))
def test_a_battery_keeps_its_books_and_its_limits(share: float, wanted: list[float], seconds: float) -> None:
    battery = Battery(CELLS, share * CELLS.capacity_wh)
    for power in wanted:
        before = battery.stored_wh
        charge, discharge = battery.most_w
        moved = battery.moved(power, seconds)
        assert -discharge - 1e-6 <= moved.power_w <= charge + 1e-6
        assert 0.0 <= battery.stored_wh <= CELLS.capacity_wh
        assert moved.lost_w >= -1e-6, "it gives back no more than it takes"
        into = (moved.power_w - moved.lost_w) * seconds / 3600
        assert battery.stored_wh - before == pytest.approx(into, abs=1e-6 * CELLS.capacity_wh)


def test_it_gives_back_less_the_harder_it_is_driven() -> None:
    def round_trip(power: float) -> float:
        battery = Battery(CELLS, 10_000)
        taken = sum(battery.moved(power, 60.0).power_w for _ in range(round(60 * 8_000 / power)))
        given_back = 0.0
        while battery.stored_wh > 10_000:
            given_back -= battery.moved(-power, 60.0).power_w
        return given_back / taken

    assert 0.75 < round_trip(18_000) < round_trip(5_000) < 0.97
    assert round_trip(200) < round_trip(5_000), "standby tells at low power"


def test_power_falls_off_when_it_is_nearly_full_or_empty() -> None:
    assert Battery(CELLS, 0.99 * CELLS.capacity_wh).most_w[0] == pytest.approx(0.2 * CELLS.charge_max_w)
    assert Battery(CELLS, 0.0).most_w[1] == 0.0


# --- sun ------------------------------------------------------------------------------------------------------------


def test_the_sun_stands_where_almanacs_have_it() -> None:
    """Angers, 47.47 N, 0.55 W: at solar noon of a solstice 90 - latitude ± 23.44 degrees; down at night."""
    for day, tilt in ((datetime(2026, 6, 21, tzinfo=UTC), 23.44), (datetime(2026, 12, 21, tzinfo=UTC), -23.44)):
        highest = max(sine_of_elevation(day + timedelta(minutes=k), 47.47, -0.55) for k in range(0, 1440, 2))
        assert np.degrees(np.arcsin(highest)) == pytest.approx(90 - 47.47 + tilt, abs=0.15)
    assert sine_of_elevation(datetime(2026, 6, 21, 0, tzinfo=UTC), 47.47, -0.55) == 0.0


def test_equinox_sun_rises_and_sets_half_a_day_apart() -> None:
    day = datetime(2026, 9, 23, tzinfo=UTC)
    up = sum(sine_of_elevation(day + timedelta(minutes=k), 47.47, -0.55) > 0 for k in range(1440))
    assert up == pytest.approx(720, abs=6)


def test_a_clear_sky_is_haurwitz() -> None:
    assert clear_sky_w_m2(1.0) == pytest.approx(1037.2, abs=0.1)
    assert clear_sky_w_m2(0.5) == pytest.approx(489.9, abs=0.1)
    assert clear_sky_w_m2(0.0) == 0.0


def test_a_roof_gives_less_in_heat_and_never_more_than_its_peak() -> None:
    roof = Roof(peak_w=10_000)
    assert roof.available_w(800, 35, 0.8) < roof.available_w(800, 5, 0.8) <= roof.peak_w
    assert roof.available_w(0, 20, 0.5) == 0.0
    assert roof.available_w(2_000, -20, 0.9) == roof.peak_w


# --- vehicles -------------------------------------------------------------------------------------------------------

STAY = Stay(
    station="E-1", arrives_at=NOON, departs_at=NOON + timedelta(hours=4), capacity_wh=50_000, stored_wh=10_000,
    wanted_wh=12_000, charge_max_w=11_000,
)  # fmt: skip


def station(*stays: Stay) -> Station:
    return Station("E-1", stays, charge_max_w=22_000, phases=3)


def test_a_vehicle_is_charged_at_its_limit_and_pauses_below_six_amperes() -> None:
    point = station(STAY)
    assert point.at(NOON - timedelta(seconds=1)) is None
    point.at(NOON)
    assert point.passed(22_000, 60) == 11_000, "it takes no more itself"
    assert point.passed(7_000, 60) == 7_000
    assert point.passed(least_w(3) - 1, 60) == 0.0
    assert least_w(3) == 4_140 and least_w(1) == 1_380
    assert point.still_wanted_wh == pytest.approx(12_000 - 18_000 / 60)


def test_it_leaves_with_what_it_got_and_the_next_one_comes() -> None:
    later = Stay(**{**vars(STAY), "arrives_at": NOON + timedelta(hours=5), "departs_at": NOON + timedelta(hours=6)})
    point = station(later, STAY, Stay(**{**vars(STAY), "station": "E-2"}))
    for minute in range(120):
        point.at(NOON + timedelta(minutes=minute))
        point.passed(6_000, 60)
    assert point.at(NOON + timedelta(hours=4)) is None
    ((who, got),) = point.charged_wh
    assert who == STAY
    assert got == pytest.approx(12_000)
    assert point.passed(6_000, 60) == 0.0
    assert point.at(NOON + timedelta(hours=5)) == later


def test_it_tapers_and_stops_when_full() -> None:
    point = station(STAY)
    point.at(NOON)
    powers = [point.passed(11_000, 60) for _ in range(480)]
    share = point.state_of_charge
    assert share is not None and 0.98 < share <= 1.0
    assert powers[-1] == 0.0 and powers[0] == 11_000
    assert 0.9 * sum(powers) / 60 <= STAY.capacity_wh - STAY.stored_wh + 1e-6


# --- breaker --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("over", "trips_s"), [(1.4, 60 * log(1.96 / 0.86)), (2.0, 60 * log(4 / 2.9))])
def test_a_breaker_trips_as_its_curve_says(over: float, trips_s: float) -> None:
    breaker, at = Breaker(10_000), NOON
    while not breaker.open_at(at):
        at += timedelta(seconds=1)
        breaker.passed(10_000 * over, at, 1.0)
    assert (at - NOON).total_seconds() == pytest.approx(trips_s, abs=1.5)
    assert breaker.open_at(at + timedelta(minutes=19))
    assert not breaker.open_at(at + timedelta(minutes=20))


@given(st.lists(st.floats(-20_000, 10_400), max_size=300))
def test_a_breaker_holds_what_it_is_set_for(powers: list[float]) -> None:
    breaker, at = Breaker(10_000), NOON
    for power in powers:
        at += timedelta(minutes=1)
        breaker.passed(power, at, 60.0)
    assert not breaker.trips
