"""ET0: a year of Ref-ET, the ladder rung by rung, and what holds in any weather."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.result import InvalidProblem
from optimizers.soil import Et0Source, Site, Weather, et0_daily
from optimizers.soil.conventions import ASCE, FAO_56
from optimizers.soil.et0 import hargreaves_mm, vapour_kpa
from optimizers.soil.hourly import HourlyWeather, et0_hourly

from .published import fallon

ANGERS = Site(47.48, 50.0, wind_height_m=10.0, longitude_deg=-0.57)
MONTHS = np.arange(12) * 0.3 + 0.5
NAN = float("nan")


def weather(**changed: Any) -> Weather:
    fields: dict[str, Any] = {
        "day_of_year": [180, 181, 182], "tmin_c": 14.0, "tmax_c": 27.0, "rh_min_pct": 40.0, "rh_max_pct": 90.0,
        "wind_m_s": 3.0, "solar_mj_m2": 24.0,
    }  # fmt: skip
    return Weather(**(fields | changed))


def et0(**changed: Any) -> list[float]:
    values: list[float] = et0_daily(weather(**changed), ANGERS, MONTHS).et0_mm.tolist()
    return values


@pytest.mark.reference
def test_every_day_of_a_year_of_ref_et_is_met(reference: Path) -> None:
    year = fallon(reference)
    assert year.printed.size == 365
    assert np.abs(year.ref_et - year.printed).max() < 0.01
    assert np.flatnonzero(year.no_wind).tolist() == [111]  # 22 April, of which Ref-ET prints a wind of 0
    # The book's simpler clear sky (eq. 37), which is what we plan by, is 0.15 mm from it at most.
    assert 0.01 < np.abs(year.fao_56 - year.printed).max() < 0.15


def test_the_ladder_is_climbed_down_day_by_day() -> None:
    """One input less on each day; the day before and the day after keep theirs."""
    whole = et0()
    days = Weather(
        day_of_year=[180] * 6,
        tmin_c=[14, 14, 14, 14, NAN, 14],
        tmax_c=[27, 27, 27, 27, 27, 27],
        rh_min_pct=[40, 40, NAN, NAN, 40, 40],
        rh_max_pct=[90, 90, NAN, NAN, 90, 90],
        wind_m_s=[3, 3, 3, NAN, 3, 3],
        solar_mj_m2=[24, NAN, 24, NAN, 24, 24],
    )
    got = et0_daily(days, ANGERS, MONTHS)
    full, estimated, climatology = Et0Source.PENMAN_MONTEITH, Et0Source.PENMAN_ESTIMATED, Et0Source.CLIMATOLOGY
    assert got.source.tolist() == [full, estimated, estimated, estimated, climatology, full]
    assert got.et0_mm[0] == got.et0_mm[5] == whole[0]
    assert got.et0_mm[4] == MONTHS[5]
    assert np.isfinite(got.et0_mm).all()


def test_without_an_elevation_it_is_hargreaves() -> None:
    got = et0_daily(weather(), Site(47.48, NAN), MONTHS)
    assert set(got.source.tolist()) == {Et0Source.HARGREAVES}
    assert got.et0_mm[0] == pytest.approx(hargreaves_mm(41.7, 14.0, 27.0), rel=0.01)


def test_in_the_polar_night_nothing_evaporates() -> None:
    got = et0_daily(weather(solar_mj_m2=0.0), Site(-80.0, 0.0), MONTHS)
    assert set(got.source.tolist()) == {Et0Source.HARGREAVES}
    assert got.et0_mm.tolist() == [0.0] * 3


@pytest.mark.parametrize("name", ["tmin_c", "tmax_c", "rh_min_pct", "rh_max_pct", "wind_m_s", "solar_mj_m2"])
@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
def test_an_unknown_input_changes_its_own_day_only(name: str, value: float) -> None:
    whole = et0()
    column = np.array(getattr(weather(), name))
    column[1] = value
    got = et0_daily(weather(**{name: column}), ANGERS, MONTHS)
    assert [got.et0_mm[0], got.et0_mm[2]] == [whole[0], whole[2]]
    assert np.isfinite(got.et0_mm[1])
    assert got.source[1] > Et0Source.PENMAN_MONTEITH or name == "rh_min_pct"


def test_humidity_is_taken_from_the_surest_measure() -> None:
    """Dew point, then both extremes, then the greatest, then the mean (FAO-56, chapter 3)."""
    measured = {"dewpoint_c": 12.0, "rh_min_pct": 40.0, "rh_max_pct": 90.0, "rh_mean_pct": 65.0}
    seen = []
    for lost in (None, "dewpoint_c", "rh_min_pct", "rh_max_pct", "rh_mean_pct"):
        if lost is not None:
            measured[lost] = NAN
        seen.append(float(vapour_kpa(weather(**measured))[0]))
    assert seen[:4] == pytest.approx([1.4028, 1.4323, 1.4384, 1.6784], abs=1e-3)
    assert np.isnan(seen[4])


def test_sunshine_stands_in_for_radiation() -> None:
    """12 h of 16 at Ra 41.7: 0.625 of it, 26.1 MJ/m²."""
    got = et0_daily(weather(solar_mj_m2=NAN, sunshine_h=12.0), ANGERS, MONTHS)
    assert set(got.source.tolist()) == {Et0Source.PENMAN_MONTEITH}
    assert et0(solar_mj_m2=25.6)[0] < got.et0_mm[0] < et0(solar_mj_m2=26.6)[0]


def test_wind_at_ten_metres_is_not_wind_at_two() -> None:
    low = et0_daily(weather(), replace(ANGERS, wind_height_m=2.0), MONTHS).et0_mm
    high = et0_daily(weather(wind_m_s=3.0 / 0.747951), ANGERS, MONTHS).et0_mm
    assert high == pytest.approx(low, abs=1e-5)


@given(st.floats(2, 38), st.floats(0.1, 3))
def test_more_radiation_more_evaporation(solar: float, more: float) -> None:
    assert et0(solar_mj_m2=solar + more)[0] > et0(solar_mj_m2=solar)[0]


@given(st.floats(20, 95), st.floats(0, 5))
def test_drier_air_more_evaporation(rh_mean: float, drier: float) -> None:
    humid, dry = (et0(rh_min_pct=NAN, rh_max_pct=NAN, rh_mean_pct=rh)[0] for rh in (rh_mean, rh_mean - drier))
    assert dry >= humid - 1e-9


@given(
    st.floats(-30, 40), st.floats(0, 30), st.floats(1, 100), st.floats(0, 20), st.floats(0, 45), st.integers(1, 366),
    st.floats(-65, 65),
)  # fmt: skip
def test_it_is_never_negative_nor_absurd(
    tmin_c: float, range_c: float, rh: float, wind: float, solar: float, day: int, latitude: float
) -> None:
    days = Weather(
        day_of_year=[day], tmin_c=tmin_c, tmax_c=tmin_c + range_c, rh_mean_pct=rh, wind_m_s=wind, solar_mj_m2=solar
    )
    got = et0_daily(days, Site(latitude, 100.0), MONTHS)
    assert got.source[0] in (Et0Source.PENMAN_MONTEITH, Et0Source.HARGREAVES)
    assert 0 <= got.et0_mm[0] < 40


def test_months_of_the_climatology_are_those_of_the_days() -> None:
    days = Weather(day_of_year=[1, 31, 32, 59, 60, 365, 366])
    got = et0_daily(days, ANGERS, MONTHS).et0_mm
    assert got == pytest.approx(MONTHS[[0, 0, 1, 1, 2, 11, 11]])


def test_everything_wrong_with_a_site_is_told_at_once() -> None:
    with pytest.raises(InvalidProblem) as told:
        Site(95.0, 9000.0, wind_height_m=0.0, longitude_deg=400.0)
    assert [line.split()[0] for line in told.value.problems] == [
        "latitude_deg", "elevation_m", "wind_height_m", "longitude_deg",
    ]  # fmt: skip


def test_days_and_climatology_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidProblem, match="day 1: day_of_year is 367, wants 1 to 366"):
        Weather(day_of_year=[1, 367])
    with pytest.raises(InvalidProblem, match="wants 12 values"):
        et0_daily(weather(), ANGERS, np.full(11, 3.0))
    with pytest.raises(InvalidProblem, match="wants 12 values"):
        et0_daily(weather(), ANGERS, np.full(12, NAN))
    with pytest.raises(InvalidProblem, match="tmin_c"):
        weather(tmin_c=[1.0, 2.0])


def a_day(**changed: Any) -> HourlyWeather:
    """A fair day in Angers, hours of UTC."""
    hour = np.arange(24.0)
    sun = np.maximum(np.sin((hour + 0.5 - 4.0) / 16.0 * np.pi), 0.0) * (np.abs(hour - 11.5) < 8)
    fields: dict[str, Any] = {
        "day_of_year": [180] * 24, "utc_h": hour, "temperature_c": 20.5 - 6.5 * np.cos((hour - 3) / 24 * 2 * np.pi),
        "dewpoint_c": 12.0, "wind_m_s": 3.0, "solar_mj_m2": 2.4 * sun,
    }  # fmt: skip
    return HourlyWeather(**(fields | changed))


def test_hours_add_up_to_about_the_day() -> None:
    """They differ by wind and sun that go together; ASCE-EWRI find some per cent between the two."""
    hours = a_day()
    day = Weather(
        day_of_year=[180], tmin_c=14.0, tmax_c=27.0, dewpoint_c=12.0, wind_m_s=3.0,
        solar_mj_m2=float(hours.solar_mj_m2.sum()),
    )  # fmt: skip
    assert et0_hourly(hours, ANGERS).sum() == pytest.approx(et0_daily(day, ANGERS, MONTHS).et0_mm[0], rel=0.06)
    assert et0_hourly(hours, ANGERS, FAO_56).sum() < et0_hourly(hours, ANGERS, ASCE).sum()


def test_an_unknown_hour_changes_no_other() -> None:
    whole = et0_hourly(a_day(), ANGERS)
    for name in ("temperature_c", "dewpoint_c", "wind_m_s"):
        column = np.broadcast_to(getattr(a_day(), name), 24).copy()
        column[9] = NAN
        got = et0_hourly(a_day(**{name: column}), ANGERS)
        assert np.flatnonzero(np.isnan(got)).tolist() == [9]
        assert np.delete(got, 9) == pytest.approx(np.delete(whole, 9), abs=1e-12)


def test_clouds_of_the_night_are_those_of_the_evening() -> None:
    """The same night after a bright and after a dull evening: under clouds the grass cools, and evaporates, less."""
    bright = a_day()
    solar = bright.solar_mj_m2.copy()
    solar[15:19] *= 0.3
    dull = a_day(solar_mj_m2=solar)
    night = slice(21, 24)
    assert (et0_hourly(dull, ANGERS)[night] > et0_hourly(bright, ANGERS)[night]).all()
    assert np.isnan(et0_hourly(a_day(solar_mj_m2=NAN), ANGERS)).all()


def test_humidity_stands_in_for_the_dew_point() -> None:
    by_humidity = et0_hourly(a_day(dewpoint_c=NAN, rh_pct=100.0), ANGERS)
    assert by_humidity == pytest.approx(et0_hourly(a_day(dewpoint_c=a_day().temperature_c), ANGERS))


def test_hours_want_a_longitude() -> None:
    with pytest.raises(InvalidProblem, match="longitude_deg is NaN"):
        et0_hourly(a_day(), Site(47.48, 50.0))
