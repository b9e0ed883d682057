"""Bad weather input, each kind planted: what is done about it is told, and nothing else changes."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.irrigation.findings import told_of
from optimizers.soil import Et0Source, Site, Weather, et0_daily, radiation
from optimizers.soil.cleaning import Done, Finding, Wrong, cleaned, cleaned_rain

ANGERS = Site(47.48, 50.0)
DAYS = 30
JULY = np.arange(182, 182 + DAYS)
CLEAR = radiation.clear_sky_mj_m2(radiation.extraterrestrial_mj_m2(47.48, JULY), 50.0)
CLOUDS = 0.45 + 0.5 * np.sin(np.arange(DAYS) * 1.7) ** 2
"""Share of the clear sky's radiation, 0.45…0.95."""


def july(**changed: Any) -> Weather:
    fields: dict[str, Any] = {
        "day_of_year": JULY, "tmin_c": 14.0, "tmax_c": 26.0, "rh_min_pct": 45.0, "rh_max_pct": 92.0,
        "rh_mean_pct": 68.0, "dewpoint_c": 13.0, "wind_m_s": 3.0, "solar_mj_m2": CLEAR * CLOUDS, "sunshine_h": 8.0,
    }  # fmt: skip
    return Weather(**(fields | changed))


def with_day(name: str, day: int, value: float) -> Weather:
    column = np.broadcast_to(getattr(july(), name), DAYS).copy()
    column[day] = value
    return july(**{name: column})


def told(weather: Weather) -> list[tuple[str, tuple[int, ...], Done]]:
    return [(one.quantity, one.days, one.done) for one in cleaned(weather, ANGERS)[1]]


def unchanged_but(weather: Weather, *names: str) -> bool:
    clean = july()
    return all(
        np.array_equal(getattr(weather, name), getattr(clean, name)) for name in Weather.arrays if name not in names
    )


def test_sound_weather_is_left_alone() -> None:
    weather, findings = cleaned(july(), ANGERS)
    assert findings == []
    assert unchanged_but(weather)


@pytest.mark.parametrize(
    ("name", "value", "done", "becomes"),
    [
        ("rh_max_pct", 103.0, Done.HELD, 100.0),
        ("rh_max_pct", 105.1, Done.UNKNOWN, np.nan),
        ("rh_mean_pct", -2.0, Done.UNKNOWN, np.nan),
        ("tmin_c", -999.0, Done.UNKNOWN, np.nan),
        ("tmax_c", 102.8, Done.UNKNOWN, np.nan),
        ("dewpoint_c", 27.0, Done.UNKNOWN, np.nan),
        ("wind_m_s", -1.0, Done.UNKNOWN, np.nan),
        ("wind_m_s", 120.0, Done.UNKNOWN, np.nan),
        ("solar_mj_m2", -0.5, Done.UNKNOWN, np.nan),
        ("solar_mj_m2", 250.0, Done.UNKNOWN, np.nan),
        ("sunshine_h", 30.0, Done.UNKNOWN, np.nan),
        ("sunshine_h", 15.9, Done.HELD, None),
    ],
)
def test_a_value_that_cannot_be_is_told_and_no_other_changes(
    name: str, value: float, done: Done, becomes: float | None
) -> None:
    weather, findings = cleaned(with_day(name, 3, value), ANGERS)
    assert [(one.quantity, one.days, one.found, one.done) for one in findings] == [(name, (3,), value, done)]
    expected = np.broadcast_to(getattr(july(), name), DAYS).copy()
    expected[3] = radiation.daylight_h(47.48, JULY[3]) if becomes is None else becomes
    assert np.array_equal(getattr(weather, name), expected, equal_nan=True)
    assert unchanged_but(weather, name)


def test_a_night_warmer_than_its_day_is_unknown_both_ways() -> None:
    weather, findings = cleaned(with_day("tmin_c", 5, 28.0), ANGERS)
    assert [(one.quantity, one.days, one.done) for one in findings] == [
        ("tmin_c", (5,), Done.UNKNOWN), ("tmax_c", (5,), Done.UNKNOWN),
    ]  # fmt: skip
    assert np.isnan([weather.tmin_c[5], weather.tmax_c[5]]).all()
    source = et0_daily(weather, ANGERS, np.full(12, 3.0)).source
    assert np.flatnonzero(source != Et0Source.PENMAN_MONTEITH).tolist() == [5]
    assert source[5] == Et0Source.CLIMATOLOGY


def test_exchanged_columns_are_put_back() -> None:
    weather, findings = cleaned(july(tmin_c=26.0, tmax_c=14.0), ANGERS)
    assert [(one.quantity, len(one.days), one.done) for one in findings] == [("tmin_c", DAYS, Done.SWAPPED)]
    assert unchanged_but(weather)


def test_a_driest_hour_wetter_than_the_wettest_is_unknown() -> None:
    assert told(with_day("rh_min_pct", 2, 95.0)) == [
        ("rh_min_pct", (2,), Done.UNKNOWN), ("rh_max_pct", (2,), Done.UNKNOWN),
    ]  # fmt: skip


UNITS: dict[tuple[Wrong, str], Callable[[Weather], dict[str, Any]]] = {
    (Wrong.UNIT, "W/m²"): lambda w: {"solar_mj_m2": w.solar_mj_m2 / 0.0864},
    (Wrong.UNIT, "Langley"): lambda w: {"solar_mj_m2": w.solar_mj_m2 / 0.041868},
    (Wrong.UNIT, "J/cm²"): lambda w: {"solar_mj_m2": w.solar_mj_m2 * 100},
    (Wrong.UNIT, "Wh/m²"): lambda w: {"solar_mj_m2": w.solar_mj_m2 / 0.0036},
    (Wrong.KELVIN, ""): lambda w: {"dewpoint_c": w.dewpoint_c + 273.15},
    (Wrong.FRACTION, ""): lambda w: {"rh_mean_pct": w.rh_mean_pct / 100},
    (Wrong.MINUTES, ""): lambda w: {"sunshine_h": w.sunshine_h * 60},
}


@pytest.mark.parametrize("wrong", UNITS, ids=str)
def test_a_series_in_another_unit_is_recognised_and_told(wrong: tuple[Wrong, str]) -> None:
    clean = july()
    weather, findings = cleaned(july(**UNITS[wrong](clean)), ANGERS)
    assert [(one.wrong, one.unit, one.done) for one in findings] == [(*wrong, Done.CONVERTED)]
    assert findings[0].days == tuple(range(DAYS))
    for name in Weather.arrays:
        assert getattr(weather, name) == pytest.approx(getattr(clean, name), rel=1e-9)


@given(
    st.sampled_from([0.0864, 0.041868, 0.01, 0.0036]), st.integers(1, 365), st.floats(0.8, 1.0), st.floats(0.3, 0.7),
    st.integers(0, 2**32),
)  # fmt: skip
def test_units_of_radiation_are_told_apart_in_any_season(
    factor: float, first: int, fairest: float, dullest: float, seed: int
) -> None:
    """A month of any time of the year with one fair day at least in twenty."""
    day = (np.arange(first, first + DAYS) - 1) % 365 + 1
    clear = radiation.clear_sky_mj_m2(radiation.extraterrestrial_mj_m2(47.48, day), 50.0)
    share = np.random.default_rng(seed).uniform(dullest, fairest, DAYS)
    share[[3, 9]] = fairest
    weather, findings = cleaned(Weather(day_of_year=day, solar_mj_m2=clear * share / factor), ANGERS)
    assert [one.done for one in findings] == [Done.CONVERTED]
    assert weather.solar_mj_m2 == pytest.approx(clear * share)


def test_radiation_of_an_hour_in_place_of_a_day_is_not_believed() -> None:
    weather, findings = cleaned(july(solar_mj_m2=july().solar_mj_m2 / 24), ANGERS)
    assert [(one.done, len(one.days)) for one in findings] == [(Done.UNKNOWN, DAYS)]
    assert findings[0].wrong is Wrong.NO_FAIR_DAY
    assert np.isnan(weather.solar_mj_m2).all()


def test_a_dull_week_in_winter_is_believed() -> None:
    day = np.arange(340, 347)
    clear = radiation.clear_sky_mj_m2(radiation.extraterrestrial_mj_m2(47.48, day), 50.0)
    assert cleaned(Weather(day_of_year=day, solar_mj_m2=clear * 0.2), ANGERS)[1] == []


def test_a_few_days_beyond_the_atmosphere_are_no_other_unit() -> None:
    column = july().solar_mj_m2.copy()
    column[[1, 8, 20]] *= 11.57  # a logger that was set to W/m² now and then
    weather, findings = cleaned(july(solar_mj_m2=column), ANGERS)
    assert [(one.days, one.done) for one in findings] == [((1, 8, 20), Done.UNKNOWN)]
    assert np.flatnonzero(np.isnan(weather.solar_mj_m2)).tolist() == [1, 8, 20]


def test_radiation_that_fits_no_unit_is_unknown() -> None:
    weather, findings = cleaned(july(solar_mj_m2=9_999.0), ANGERS)
    assert [one.done for one in findings] == [Done.UNKNOWN]
    assert np.isnan(weather.solar_mj_m2).all()


def test_rows_of_hours_among_days_are_told() -> None:
    days = JULY.copy()
    days[11:14] = days[10]
    weather, findings = cleaned(july(day_of_year=days), ANGERS)
    assert {(one.days, one.done) for one in findings} == {((10, 11, 12, 13), Done.UNKNOWN)}
    assert {one.quantity for one in findings} == set(Weather.arrays)
    assert np.isnan(weather.tmin_c[10:14]).all()
    assert np.isfinite(np.delete(weather.tmin_c, np.arange(10, 14))).all()


def test_nothing_measured_is_nothing_wrong() -> None:
    assert cleaned(Weather(day_of_year=JULY), ANGERS)[1] == []
    assert cleaned(Weather(day_of_year=np.zeros(0, int)), ANGERS)[1] == []
    assert cleaned(july(), Site(47.48, float("nan")))[1] == []


@given(
    st.lists(st.tuples(st.sampled_from(Weather.arrays), st.integers(0, DAYS - 1), st.floats(-1e4, 1e4)), max_size=12)
)
def test_whatever_was_reported_et0_can_be_had_of_it(planted: list[tuple[str, int, float]]) -> None:
    columns = {name: np.broadcast_to(getattr(july(), name), DAYS).copy() for name in Weather.arrays}
    for name, day, value in planted:
        columns[name][day] = value
    weather, findings = cleaned(july(**columns), ANGERS)
    got = et0_daily(weather, ANGERS, np.full(12, 3.0))
    assert ((got.et0_mm >= 0) & (got.et0_mm < 40)).all()
    # What was cleaned is clean.
    again, more = cleaned(weather, ANGERS)
    assert more == []
    assert all(np.array_equal(getattr(again, name), getattr(weather, name), equal_nan=True) for name in Weather.arrays)
    assert bool(findings) or np.isfinite([getattr(weather, name) for name in Weather.arrays]).all()


def test_a_finding_reads_as_a_line_in_both_languages() -> None:
    names = [f"2023-07-{day:02d}" for day in range(1, 31)]
    humid = Finding("rh_max_pct", (3, 4, 9), 104.0, Wrong.RANGE, Done.HELD, least=0.0, most=100.0)
    assert told_of(humid, names) == {
        "en": "2023-07-04 and 2 more: greatest humidity (%) is 104, wants 0 to 100: held to the limit",
        "fr": "2023-07-04 et 2 autres : humidité maximale (%) vaut 104, attendu 0 à 100 : ramené à la limite",
    }
    watts = Finding("solar_mj_m2", (0,), 250.5, Wrong.UNIT, Done.CONVERTED, unit="W/m²")
    assert told_of(watts, names) == {
        "en": "2023-07-01: radiation (MJ/m²) is 250.5, wants MJ/m² a day, was in W/m²: converted",
        "fr": "2023-07-01 : rayonnement (MJ/m²) vaut 250,5, attendu MJ/m² par jour, était en W/m² : converti",
    }


@pytest.mark.parametrize("wrong", Wrong)
@pytest.mark.parametrize("done", Done)
def test_all_that_can_be_wrong_has_words(wrong: Wrong, done: Done) -> None:
    for quantity in (*Weather.arrays, "rain_mm"):
        lines = told_of(Finding(quantity, (0,), 1.0, wrong, done, least=0.0, most=2.0, unit="W/m²"), ["2023-07-01"])
        assert all(line.startswith("2023-07-01") and "{" not in line for line in lines.values())


RAIN = [0.0, 0.0, 4.2, 0.0, 0.0, 12.4, 3.0, 0.0, 0.0, 0.0, 0.4, 0.0, 0.0, 8.8, 0.0, 0.0, 0.2, 1.0, 0.0, 0.0]


def test_rain_is_left_alone() -> None:
    rain, findings = cleaned_rain(np.array(RAIN), normal_mm=30.0)
    assert rain.tolist() == RAIN
    assert findings == []


def test_a_trace_of_synop_is_no_rain() -> None:
    rain, (finding,) = cleaned_rain(np.array([0.0, -0.1, 3.0, -0.1]))
    assert rain.tolist() == [0.0, 0.0, 3.0, 0.0]
    assert (finding.days, finding.found, finding.done) == ((1, 3), -0.1, Done.ZERO)


def test_impossible_rain_is_unknown() -> None:
    rain, (finding,) = cleaned_rain(np.array([1.0, -3.0, 999.9, np.nan, np.inf]))
    assert np.array_equal(rain, [1.0, np.nan, np.nan, np.nan, np.nan], equal_nan=True)
    assert (finding.days, finding.done) == ((1, 2, 4), Done.UNKNOWN)


@pytest.mark.parametrize("start", [0.0, 251.3])
def test_a_counter_is_differenced(start: float) -> None:
    rain, (finding,) = cleaned_rain(start + np.cumsum(RAIN))
    assert finding.done is Done.DIFFERENCED
    assert np.isnan(rain[0])
    assert rain[1:] == pytest.approx(np.array(RAIN)[1:], abs=1e-9)


def test_a_counter_that_was_reset_loses_nothing_but_its_first_interval() -> None:
    counter = 100.0 + np.cumsum(RAIN)
    counter[12:] -= counter[11]
    rain, _ = cleaned_rain(counter)
    assert np.nansum(rain) == pytest.approx(sum(RAIN))


def test_what_fell_in_a_gap_is_counted_after_it() -> None:
    counter = 100.0 + np.cumsum(RAIN)
    counter[4:6] = np.nan
    rain, _ = cleaned_rain(counter)
    assert np.isnan(rain[[0, 4, 5]]).all()
    assert rain[6] == pytest.approx(15.4)
    assert np.nansum(rain) == pytest.approx(sum(RAIN))


@given(st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.2, 1.0, 3.4, 11.0, 26.6]), min_size=5, max_size=40))
def test_rain_of_days_with_dry_ones_between_is_no_counter(days: list[float]) -> None:
    spells = [value for day in days for value in (day, 0.0)]
    rain, findings = cleaned_rain(np.array(spells))
    assert rain.tolist() == spells
    assert findings == []


def test_a_wet_spell_at_the_end_is_no_counter() -> None:
    series = [0.0] * 25 + [1.0, 2.0, 3.0, 5.0, 8.0]
    assert cleaned_rain(np.array(series))[1] == []


def test_a_counter_that_begins_anew_each_midnight_is_differenced() -> None:
    hours = np.zeros((5, 24))
    hours[0, [3, 4, 9]] = 0.4, 1.2, 0.2
    hours[2, 14:17] = 5.0, 2.2, 0.2
    hours[3, [0, 22]] = 0.6, 0.8
    rain, (finding,) = cleaned_rain(np.cumsum(hours, axis=1).ravel())
    assert finding.done is Done.DIFFERENCED
    assert rain[1:] == pytest.approx(hours.ravel()[1:], abs=1e-9)
    assert cleaned_rain(hours.ravel())[1] == []


def test_a_counter_in_a_dry_spell_is_no_rain() -> None:
    rain, (finding,) = cleaned_rain(np.array([251.3] * 20 + [252.1] * 10))
    assert finding.done is Done.DIFFERENCED
    assert np.nansum(rain) == pytest.approx(0.8)


@pytest.mark.reference
def test_a_year_of_rain_is_never_taken_for_a_counter_and_its_counter_is_known(reference: Path) -> None:
    """Every stretch of 30 days of Orly, 2023, as it is, and as a gauge that only counts up would tell it."""
    path = reference / "irrigation" / "weather_orly_2023" / "orly_07149_2023_daily.csv"
    rain = np.array([float(row["rain"]) for row in csv.DictReader(path.read_text().splitlines())])
    stretches = [rain[first : first + 30] for first in range(rain.size - 30)]
    assert len(stretches) > 300
    for stretch in stretches:
        assert cleaned_rain(stretch)[1] == []
        counted, _ = cleaned_rain(np.cumsum(stretch) + 3.0)
        assert counted[1:] == pytest.approx(stretch[1:], abs=1e-9)
    path = path.with_name("orly_07149_2023_3h.csv")
    told = [row["rr3_mm"] for row in csv.DictReader(path.read_text().splitlines())]
    rain = np.array([float(value or "nan") for value in told])
    assert all(cleaned_rain(rain[first : first + 240])[1] == [] for first in range(0, rain.size - 240, 8))


def test_rain_in_centimetres_is_suspected_and_left() -> None:
    months = np.array(RAIN * 3)
    rain, (finding,) = cleaned_rain(months / 10, normal_mm=90.0)
    assert (finding.done, finding.wrong) == (Done.LEFT, Wrong.SCARCE)
    assert rain.tolist() == (months / 10).tolist()
    assert cleaned_rain(months, normal_mm=90.0)[1] == []
