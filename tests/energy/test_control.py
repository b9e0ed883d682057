"""The local controller of a battery, and the bands that a plan sends to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.energy.control import Cell, battery_power_w

CELL = Cell(
    capacity_wh=10_000.0, charge_max_w=4_000.0, discharge_max_w=3_000.0, charge_efficiency=0.9,
    discharge_efficiency=0.8, floor_wh=1_000.0,
)  # fmt: skip

powers = st.floats(-20_000, 20_000)
stored = st.floats(1_000, 10_000)
seconds = st.sampled_from([1.0, 60.0, 900.0, 3600.0])


def test_plain_self_consumption_brings_the_meter_to_zero() -> None:
    assert battery_power_w(-2_000.0, 0.0, 0.0, 5_000.0, CELL, 60) == 2_000
    assert battery_power_w(2_000.0, 0.0, 0.0, 5_000.0, CELL, 60) == -2_000


def test_an_open_band_leaves_the_battery_at_rest() -> None:
    assert battery_power_w(2_000.0, -np.inf, np.inf, 5_000.0, CELL, 60) == 0


def test_the_battery_gives_no_more_than_is_above_its_reserve() -> None:
    assert battery_power_w(9_000.0, 0.0, 0.0, 1_500.0, CELL, 3600) == pytest.approx(-400.0)  # 500 Wh * 0.8
    assert battery_power_w(9_000.0, 0.0, 0.0, 900.0, CELL, 3600) == 0


def test_the_battery_takes_no_more_than_fits() -> None:
    assert battery_power_w(-9_000.0, 0.0, 0.0, 9_100.0, CELL, 3600) == pytest.approx(1_000.0)  # 900 Wh / 0.9


def test_without_a_meter_the_plan_is_followed_within_limits() -> None:
    power = battery_power_w(np.array([np.nan, np.nan]), 0.0, 0.0, 5_000.0, CELL, 60, np.array([1_500.0, -9_000.0]))
    assert power.tolist() == [1_500.0, -3_000.0]


def test_a_band_above_zero_charges_from_the_grid() -> None:
    assert battery_power_w(500.0, 2_500.0, 6_000.0, 5_000.0, CELL, 60) == 2_000


@given(meter=powers, least=powers, width=st.floats(0, 10_000), held=stored, span=seconds)
def test_the_battery_keeps_its_limits_and_moves_as_little_as_the_band_asks(
    meter: float, least: float, width: float, held: float, span: float
) -> None:
    most = least + width
    power = float(battery_power_w(meter, least, most, held, CELL, span))
    lowest, highest = (float(bound) for bound in CELL.range_w(held, span))
    assert lowest <= power <= highest
    after = float(CELL.after_wh(held, power, span))
    assert 1_000 - 1e-6 <= after <= 10_000 + 1e-6
    within = least - 1e-6 <= meter + power <= most + 1e-6
    if not within:  # then it gives or takes all that it can
        assert power in (lowest, highest)
        return
    assert (
        power == 0 or meter + power == pytest.approx(least, abs=1e-6) or meter + power == pytest.approx(most, abs=1e-6)
    )
    closer = power * 0.99
    assert power == 0 or not least <= meter + closer <= most or abs(power) < 1e-3


@given(meter=powers, held=stored, span=seconds)
def test_what_is_given_and_taken_again_is_never_more_than_was_there(meter: float, held: float, span: float) -> None:
    power = float(battery_power_w(meter, 0.0, 0.0, held, CELL, span))
    back = float(CELL.after_wh(CELL.after_wh(held, power, span), -power, span))
    assert back <= held + 1e-6
