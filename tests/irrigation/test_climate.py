"""Air, sun and ground: the worked examples of FAO-56, and what holds in any weather."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.soil import climate, radiation
from optimizers.soil.conventions import REF_ET

from .published import ROWS, Row

TEMPERATURES = st.floats(-30, 45)
LATITUDES = st.floats(-66, 66)
DAYS = st.integers(1, 366)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} {row.what}")
def test_worked_examples_are_met(row: Row) -> None:
    assert row.computed == pytest.approx(row.expected, abs=row.tolerance)


@pytest.mark.reference
def test_no_example_of_the_reference_is_left_out(reference: Path) -> None:
    rows = list(csv.DictReader((reference / "irrigation" / "fao56_examples.csv").read_text().splitlines()))
    typed = {(row.name, round(row.expected, 9), row.tolerance) for row in ROWS}
    compared = 0
    for row in rows:
        if row["tol"] == "-":
            continue  # annex 8, of which the reference holds no figures
        name = "RefET" if row["id"].startswith("RefET") else row["id"].removeprefix("Ex")
        number = "3.88" if "(3.88)" in row["expected"] else row["expected"].split()[0]
        assert (name, round(float(number), 9), float(row["tol"])) in typed
        compared += 1
    assert compared >= 19


@given(TEMPERATURES, st.floats(0, 25))
def test_saturation_of_a_day_is_above_that_of_its_mean(tmin_c: float, range_c: float) -> None:
    mean = climate.mean_saturation_kpa(tmin_c, tmin_c + range_c)
    assert mean >= climate.saturation_kpa(tmin_c + range_c / 2) - 1e-12


@given(TEMPERATURES)
def test_the_slope_is_the_derivative_of_saturation(temperature_c: float) -> None:
    step = 1e-4
    rise = climate.saturation_kpa(temperature_c + step) - climate.saturation_kpa(temperature_c - step)
    # eq. 13 rounds 17.27 · 237.3 = 4098.17
    assert climate.slope_kpa_c(temperature_c) == pytest.approx(rise / (2 * step), rel=1e-4)


@given(TEMPERATURES, st.floats(0, 25), st.floats(1, 100))
def test_air_holds_no_more_vapour_than_saturation(tmin_c: float, range_c: float, rh_pct: float) -> None:
    tmax_c = tmin_c + range_c
    full = climate.mean_saturation_kpa(tmin_c, tmax_c)
    assert 0 < climate.vapour_from_rh_kpa(tmin_c, tmax_c, rh_pct / 2, rh_pct) <= full
    assert 0 < climate.vapour_from_rh_mean_kpa(tmin_c, tmax_c, rh_pct) <= full
    assert 0 < climate.vapour_from_rh_max_kpa(tmin_c, rh_pct) <= climate.vapour_from_tmin_kpa(tmin_c)


@given(st.floats(0, 30))
def test_a_wet_bulb_as_warm_as_the_dry_one_is_saturation(temperature_c: float) -> None:
    vapour = climate.vapour_from_wet_bulb_kpa(temperature_c, temperature_c, 101.3)
    assert vapour == pytest.approx(climate.saturation_kpa(temperature_c))


@given(st.floats(0.01, 30), st.floats(2.1, 50), st.floats(0.5, 1.9))
def test_wind_is_less_near_the_ground(wind_m_s: float, high_m: float, low_m: float) -> None:
    assert climate.wind_2m_m_s(wind_m_s, high_m) < wind_m_s < climate.wind_2m_m_s(wind_m_s, low_m)
    assert climate.wind_2m_m_s(wind_m_s, 2.0) == wind_m_s


def test_wind_of_the_usual_mast_is_three_quarters() -> None:
    """FAO-56, annex 2, table 2.9: 0.748 at 10 m, 0.921 at 3 m."""
    assert climate.wind_2m_m_s(1.0, 10.0) == pytest.approx(0.748, abs=0.0005)
    assert climate.wind_2m_m_s(1.0, 3.0) == pytest.approx(0.921, abs=0.0005)


@given(LATITUDES, st.floats(-180, 180), DAYS)
def test_hours_of_sun_add_up_to_the_day(latitude: float, longitude: float, day: int) -> None:
    # Quarters of an hour, so that no sunset cuts much of one; the equation of time moves all of them alike.
    middle = (np.arange(96) + 0.5) / 4
    parts = radiation.extraterrestrial_hourly_mj_m2(latitude, longitude, day, middle, length_h=0.25)
    assert parts.sum() == pytest.approx(radiation.extraterrestrial_mj_m2(latitude, day), rel=0.01, abs=0.1)


@given(LATITUDES, DAYS)
def test_days_here_are_nights_there(latitude: float, day: int) -> None:
    hours = radiation.daylight_h(latitude, day) + radiation.daylight_h(-latitude, day)
    assert hours == pytest.approx(24.0)


def test_beyond_the_polar_circle_the_sun_may_stay_away_or_up() -> None:
    assert radiation.daylight_h(np.array([80.0, -80.0]), 172).tolist() == [24.0, 0.0]
    assert radiation.extraterrestrial_mj_m2(-80.0, 172) == 0
    assert radiation.solar_from_sunshine_mj_m2(0.0, 0.0, 0.0) == 0
    assert np.isnan(radiation.clearness(0.0, 0.0))


@given(LATITUDES, DAYS, st.floats(0, 1), st.floats(0, 3000))
def test_no_cloud_lets_through_more_than_clear_sky(latitude: float, day: int, share: float, elevation_m: float) -> None:
    extraterrestrial = radiation.extraterrestrial_mj_m2(latitude, day)
    daylight = radiation.daylight_h(latitude, day)
    solar = radiation.solar_from_sunshine_mj_m2(share * daylight, daylight, extraterrestrial)
    clear = radiation.clear_sky_mj_m2(extraterrestrial, elevation_m)
    assert solar <= clear + 1e-9
    assert 0.3 <= radiation.clearness(solar, clear) <= 1.0


@given(st.floats(0.2, 5), st.floats(0.05, 1), st.floats(60, 102))
def test_the_clear_sky_by_vapour_lies_between_hazy_and_bare(vapour: float, sine: float, pressure: float) -> None:
    share = radiation.clear_sky_by_vapour_mj_m2(1.0, sine, vapour, pressure)
    assert 0.1 < share < 0.9


def test_conventions_differ_by_little() -> None:
    assert climate.pressure_kpa(1208.5, REF_ET) == pytest.approx(climate.pressure_kpa(1208.5), rel=2e-4)
    ours, theirs = (radiation.extraterrestrial_mj_m2(47.5, np.arange(1, 366), *by) for by in ((), (REF_ET,)))
    assert np.abs(theirs / ours - 1).max() < 0.01


@given(st.floats(-5, 30), st.floats(-5, 30))
def test_the_ground_warms_when_the_season_does(before_c: float, after_c: float) -> None:
    heat = radiation.soil_heat_monthly_mj_m2(before_c, after_c)
    assert np.sign(heat) == np.sign(after_c - before_c)
    # eq. 44 looks one month back where eq. 43 looks over two.
    assert radiation.soil_heat_ended_month_mj_m2(before_c, (before_c + after_c) / 2) == pytest.approx(heat)


def test_the_ground_takes_a_tenth_by_day_and_half_by_night() -> None:
    heat = radiation.soil_heat_hourly_mj_m2(np.array([2.0, -0.2]), np.array([True, False]))
    assert heat.tolist() == pytest.approx([0.2, -0.1])
