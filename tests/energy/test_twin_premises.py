"""A building with all it has: its meter adds up, its thermostat and battery obey, and it goes on from where it was."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.energy.houses import BARE, FULL, START, Told, at, busy, house, outside
from twin.energy.plant import Source
from twin.energy.premises import UNTOLD, House, Premises, Timetable


def test_a_meter_is_the_sum_of_what_is_behind_it_and_counts_it() -> None:
    one = house(FULL, outside=outside(6.0, 350.0), orders=Told(importLeast=0.0, importMost=0.0))
    counted = 0.0
    for now in one.steps(at(10)):
        behind = now.base_w + now.heating_w + sum(now.tanks.values()) + sum(now.stations.values())
        assert now.meter_w == pytest.approx(behind - sum(now.roofs.values()) + sum(now.batteries.values()))
        counted += max(now.meter_w, 0.0) / 60
    assert one.counted.import_wh == pytest.approx(counted)


@settings(max_examples=25, deadline=None)
@given(st.floats(-8, 20), st.floats(0, 600), st.floats(0, 400), st.sampled_from(list(Source)))
def test_heat_is_kept_in_the_books_whatever_makes_it(air: float, sun: float, people: float, source: Source) -> None:
    """Heat bought by the meter of heat is what the plant gave; what is bought covers it by its efficiency."""
    what = replace(BARE, plant=replace(BARE.plant, source=source), quarters=busy(people=people))
    one = house(what, outside=outside(air, sun), step=timedelta(minutes=5))
    heat = sum(now.heat_w * 300 / 3600 for now in one.steps(at(6)))
    assert one.counted.heat_wh == pytest.approx(heat)
    if heat:
        assert 0.5 < one.counted.heat_wh / one.counted.bought_wh < 8.0
    assert (one.counted.gas_m3 > 0) == (source is Source.BOILER and heat > 0)


def test_it_follows_its_own_timetable_until_it_is_told() -> None:
    one = house()
    one.advance(at(8))
    assert one.setpoint_c == 19.0
    assert one.warmth.air_c == pytest.approx(19.0, abs=0.4)
    one.advance(at(20))
    assert one.setpoint_c == 16.0, "two o'clock in the morning"
    told = house(orders=Told(heatingSetpoint=21.0))
    told.advance(at(8))
    assert told.setpoint_c == 21.0
    assert told.warmth.air_c == pytest.approx(21.0, abs=0.4)


def test_timetables_are_local_and_half_open() -> None:
    table = Timetable(from_h=5, until_h=20)
    assert table.setpoint_c(at(-1.001)) == 16.0  # before five in Paris, four in UTC
    assert table.setpoint_c(at(-1)) == 19.0
    assert table.setpoint_c(at(14)) == 16.0  # eight in the evening
    assert table.setpoint_c(at(24 * 5 + 4)) == 16.0, "Saturday"


def test_a_battery_that_is_told_nothing_rests() -> None:
    one = house(FULL)
    powers = [now.batteries["BT-1"] for now in one.steps(at(4))]
    assert set(powers) == {0.0}
    assert one.batteries["BT-1"].stored_wh == pytest.approx(20_000 - 4 * 15, abs=1)


def test_a_battery_keeps_its_meter_within_the_band_minute_by_minute() -> None:
    """5 kW drawn, a tank and a car that come and go: at most 6 kW from the grid while there is something stored."""
    one = house(replace(FULL, plant=BARE.plant), orders=Told(importMost=6_000.0, importLeast=-inf, powerLimit=6_900.0))
    passed = [now.meter_w for now in one.steps(at(3))]
    assert max(passed) == pytest.approx(6_000.0)
    assert one.batteries["BT-1"].stored_wh < 20_000
    free = house(replace(FULL, plant=BARE.plant), orders=Told(powerLimit=6_900.0))
    assert max(now.meter_w for now in free.steps(at(3))) > 11_000


def test_without_its_meter_it_follows_the_plan_after_five_minutes() -> None:
    silent = [(at(1), at(2))]
    one = house(FULL, orders=Told(power=3_000.0, importLeast=-inf, importMost=inf), unmetered=silent)
    powers = [now.batteries["BT-1"] for now in one.steps(at(3))]
    dead = 59 + int(UNTOLD / timedelta(minutes=1))  # it was last heard a minute before
    assert set(powers[:dead]) == {0.0}
    assert powers[dead:120] == [3_000.0] * (120 - dead)
    assert set(powers[120:]) == {0.0}


def test_it_never_empties_its_reserve_for_a_band() -> None:
    one = house(FULL, orders=Told(importMost=0.0, importLeast=-inf))
    one.advance(at(24))
    assert one.batteries["BT-1"].stored_wh == pytest.approx(0.1 * 40_000, rel=0.12), "but its electronics draw"


def test_a_roof_gives_no_more_than_its_limit() -> None:
    sunny = outside(10.0, 600.0)
    free = max(now.roofs["PV-1"] for now in house(FULL, outside=sunny).steps(at(8)))
    bound = max(now.roofs["PV-1"] for now in house(FULL, outside=sunny, orders=Told(powerLimit=4_200.0)).steps(at(8)))
    assert free > 8_000
    assert bound == 4_200.0


def test_a_breaker_that_trips_takes_everything_with_it_and_is_reset() -> None:
    small = replace(FULL, limit_w=8_000.0)
    one = house(small, orders=Told(powerLimit=11_040.0))
    seen = [(now.meter_w, now.batteries["BT-1"]) for now in one.steps(at(6))]
    assert one.breaker is not None and len(one.breaker.trips) >= 2
    dark = [meter for meter, _ in seen if meter == 0.0]
    assert len(dark) >= 20
    assert max(meter for meter, _ in seen) > 8_000
    calm = house(small, orders=Told(powerLimit=0.0, heatingSetpoint=5.0))
    calm.advance(at(6))
    assert calm.breaker is not None and not calm.breaker.trips


def test_it_goes_on_from_where_it_was() -> None:
    """Stopped in the middle of a stay and begun again from what it says of itself: the same, but for what is noise."""
    quiet = replace(FULL, quarters=busy(base_w=0.0))
    whole, first = house(quiet), house(quiet)
    whole.advance(at(12))
    first.advance(at(4))
    again = House(first.as_it_is(), outside(), at(4))
    again.advance(at(12))
    assert again.warmth == pytest.approx(whole.warmth, abs=0.3)
    assert again.counted.heat_wh == pytest.approx(whole.counted.heat_wh, rel=0.03)
    assert again.batteries["BT-1"].stored_wh == pytest.approx(whole.batteries["BT-1"].stored_wh, abs=1)
    (stay, got), (_, all_) = again.stations["EV-1"].charged_wh[0], whole.stations["EV-1"].charged_wh[0]
    assert stay.arrives_at == at(4)
    assert stay.wanted_wh + (all_ - got) == pytest.approx(FULL.stays[0].wanted_wh, rel=1e-6)


@pytest.mark.parametrize("minutes", [1, 5, 15])
def test_how_finely_it_is_stepped_matters_little(minutes: int) -> None:
    def heat(what: Premises, step: timedelta) -> float:
        one = House(what, outside(), START, step=step)
        one.advance(at(48))
        return one.counted.heat_wh

    assert heat(BARE, timedelta(minutes=minutes)) == pytest.approx(heat(BARE, timedelta(minutes=1)), rel=0.04)


def test_what_comes_of_an_order_does_not_hang_on_the_millisecond_it_came() -> None:
    """Asked how it is a little after each quarter, once or many times: the same to the last bit."""
    plain, asked = house(FULL), house(FULL)
    for quarter in range(1, 25):
        plain.advance(at(quarter / 4))
        for late_ms in (0, 13, 57_000 + quarter):
            asked.advance(at(quarter / 4) + timedelta(milliseconds=late_ms))
    assert asked.at == plain.at
    assert asked.warmth == plain.warmth
    assert asked.counted == plain.counted
