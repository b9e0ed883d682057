"""EN 13201-5: indicators worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.lighting_energy import (
    Period,
    annual,
    energy_density_wh_m2,
    illuminance_lx,
    power_density,
)
from optimizers.result import InvalidProblem

# A street of 10 lamps of 60 W and 1,500 m² at 10 lx: full 4 h, half the flux at 29 W for 8 h, 0.5 W by day for 12 h.
FULL = Period(4, 600, 10 * 1500)
HALF = Period(8, 290, 5 * 1500)
DAY = Period(12, 5, 0)


def test_power_density_of_one_state() -> None:
    assert power_density([FULL]) == pytest.approx(0.040)
    assert power_density([HALF]) == pytest.approx(290 / 7500)


def test_power_density_of_a_night_is_weighed_by_light() -> None:
    assert power_density([FULL, HALF]) == pytest.approx((4 * 600 + 8 * 290) / (4 * 15000 + 8 * 7500))


def test_stand_by_of_the_day_is_in_the_consumption_and_not_in_the_density() -> None:
    assert power_density([FULL, HALF, DAY]) == power_density([FULL, HALF])
    assert energy_density_wh_m2([FULL, HALF, DAY], 1500) == pytest.approx((2400 + 2320 + 60) / 1500)


def test_a_year_of_such_nights() -> None:
    """4,100 h lit in the same proportions, and the rest of 8,760 h at stand-by."""
    periods = annual([FULL, HALF, DAY], 4100, 4660)
    assert [period.hours for period in periods] == pytest.approx([4100 / 3, 2 * 4100 / 3, 4660])
    kwh = (4100 / 3 * 600 + 2 * 4100 / 3 * 290 + 4660 * 5) / 1000
    assert energy_density_wh_m2(periods, 1500) / 1000 == pytest.approx(kwh / 1500)


def test_a_year_of_nights_that_show_no_day_has_none() -> None:
    assert annual([FULL], 4100, 4660) == (Period(4100, 600, 15000),)


def test_nothing_lit_has_no_density() -> None:
    assert math.isnan(power_density([DAY]))
    assert math.isnan(power_density([]))
    assert math.isnan(energy_density_wh_m2([FULL], 0))


def test_a_motion_lane_by_its_detection_probability() -> None:
    """A tenth of the time at 60 W, else at 12 W: 16.8 W expected; over 2,000 h 33.6 kWh and not 120."""
    expected_w = 0.9 * 12 + 0.1 * 60
    assert energy_density_wh_m2([Period(2000, expected_w, 1500)], 100) == pytest.approx(336)


def test_luminance_in_lux() -> None:
    assert illuminance_lx(1.0, 1 / 15) == pytest.approx(15)


@pytest.mark.parametrize("values", [(-1, 5, 5), (1, -5, 5), (1, 5, -5), (1, math.nan, 5), (math.inf, 5, 5)])
def test_what_cannot_be_is_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidProblem, match="wants 0 or more"):
        Period(*values)


HOURS = st.floats(0.1, 24)
PERIODS = st.lists(st.builds(Period, HOURS, st.floats(1, 1e4), st.floats(1, 1e6)), min_size=1, max_size=6)


@given(PERIODS, st.floats(0.1, 10))
def test_dimming_in_proportion_keeps_the_density_and_cuts_the_consumption(periods: list[Period], share: float) -> None:
    """What AECI sees and PDI does not: why both are to be reported."""
    dimmed = [Period(p.hours, p.power_w * share, p.lit_lx_m2 * share) for p in periods]
    assert power_density(dimmed) == pytest.approx(power_density(periods))
    assert energy_density_wh_m2(dimmed, 100) == pytest.approx(share * energy_density_wh_m2(periods, 100))


@given(PERIODS)
def test_a_year_keeps_the_density(periods: list[Period]) -> None:
    assert power_density(annual(periods, 4100, 4660)) == pytest.approx(power_density(periods))
