"""Which part of a root zone lacks the water that is lacking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.arrays import Floats
from optimizers.soil.layers import Layers

ROOT_M, TAW = np.array([0.5]), np.array([65.0])
LOAM = Layers.of(ROOT_M, np.array([0.25]), np.array([0.46]))
UPPER_TAW = 13.0


def a_day(
    upper: float, depletion: float, *, water: float = 0.0, evaporation: float = 0.0, transpiration: float = 0.0,
    layers: Layers = LOAM,
) -> float:  # fmt: skip
    """What the upper decimetre lacks after it; together they lack what the balance of FAO-56 has."""
    after = np.clip(depletion + evaporation + transpiration - water, 0.0, TAW)
    found: Floats = layers.upper_after(
        np.array([upper]), np.array([depletion]), TAW, water_mm=np.array([water]),
        evaporation_mm=np.array([evaporation]), transpiration_mm=np.array([transpiration]), depletion_after_mm=after,
    )  # fmt: skip
    return float(found[0])


def test_a_light_rain_wets_what_lies_above() -> None:
    assert a_day(10.0, 40.0, water=6.0) == pytest.approx(4.0)


def test_water_that_the_upper_layer_cannot_hold_drains_over_days() -> None:
    """Loam gives (0.46 - 0.25) / 0.46 of what is beyond field capacity in a day (Ritchie 1998)."""
    first = a_day(10.0, 40.0, water=20.0)
    assert first == pytest.approx(-10.0 * 0.25 / 0.46)
    assert a_day(first, 20.0) == pytest.approx(first * 0.25 / 0.46)


def test_pores_hold_no_more_than_they_have_room_for() -> None:
    """21 mm in a decimetre; what more comes is below the same day."""
    assert a_day(13.0, 65.0, water=50.0) == pytest.approx(-21.0 * 0.25 / 0.46)


def test_soil_that_is_filled_has_both_layers_full() -> None:
    assert a_day(10.0, 40.0, water=80.0) == 0.0


def test_sun_dries_what_lies_above_and_roots_drink_where_there_is_water() -> None:
    assert a_day(0.0, 0.0, evaporation=3.0) == pytest.approx(3.0)
    assert a_day(0.0, 0.0, transpiration=5.0) == pytest.approx(1.0)
    assert a_day(UPPER_TAW, 20.0, transpiration=5.0) == pytest.approx(UPPER_TAW)


@given(
    share=st.floats(0, 1), depletion=st.floats(0, 65), water=st.floats(0, 100), evaporation=st.floats(0, 8),
    transpiration=st.floats(0, 10),
)  # fmt: skip
def test_no_layer_lacks_more_than_it_holds(
    share: float, depletion: float, water: float, evaporation: float, transpiration: float
) -> None:
    least, most = max(depletion - (65.0 - UPPER_TAW), 0.0), min(depletion, UPPER_TAW)
    upper = a_day(
        least + share * (most - least), depletion, water=water, evaporation=evaporation, transpiration=transpiration
    )
    after = float(np.clip(depletion + evaporation + transpiration - water, 0.0, 65.0))
    assert -21.0 - 1e-9 <= upper <= UPPER_TAW + 1e-9
    assert after - upper <= 65.0 - UPPER_TAW + 1e-9
    assert upper <= after + 1e-9


def test_a_probe_measures_the_layer_it_sits_in() -> None:
    within, depth = LOAM.measured_m(np.array([0.05]))
    assert (within[0], depth[0]) == (True, pytest.approx(0.1))
    within, depth = LOAM.measured_m(np.array([0.2]))
    assert (within[0], depth[0]) == (False, pytest.approx(0.4))
    within, _ = LOAM.measured_m(np.array([np.nan]))
    assert not within[0]


def test_shallow_roots_have_two_layers_as_well() -> None:
    thin = Layers.of(np.array([0.1]), np.array([0.25]), np.array([0.46]))
    assert thin.upper_m[0] == pytest.approx(0.075)
    assert thin.lower_m[0] == pytest.approx(0.025)
