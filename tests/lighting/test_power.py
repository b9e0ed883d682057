"""Power and energy: curves, stand-by, and what a detector is expected to add."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.lighting import Lanes, LightingProblem, PowerCurve, energy_wh, example, lamp_energy_wh, power_w, solve

BENT = PowerCurve("bent", (0.0, 0.5, 1.0), (0.1, 0.4, 1.0))
STRAIGHT = PowerCurve("straight", (0.0, 1.0), (0.0, 1.0))


def two_lamps(**changes: object) -> LightingProblem:
    """A night of two hours between two of day; 100 W on a bent curve and 40 W on a straight one."""
    values = {
        "lamps": ("A", "B"),
        "floor": np.zeros((2, 4)),
        "burning": np.array([False, True, True, False]),
        "power_full_w": np.array([100.0, 40.0]),
        "curves": (BENT, STRAIGHT),
        "curve": np.array([0, 1]),
        "slot_s": 3600.0,
    }
    return LightingProblem(**(values | changes))


FLUX = np.array([[0, 0.5, 0.75, 0], [0, 0.25, 1.0, 0]])


def test_by_hand() -> None:
    problem = two_lamps()
    np.testing.assert_allclose(lamp_energy_wh(problem, FLUX), [10 + 40 + 70 + 10, 10 + 40])
    np.testing.assert_allclose(power_w(problem, FLUX), [10, 50, 110, 10])
    assert energy_wh(problem, FLUX) == pytest.approx(180)


def test_a_detector_adds_what_it_is_expected_to_while_it_is_dark() -> None:
    """Half of the first hour somebody is there; the boost is below the level of the second; by day nobody counts."""
    lanes = Lanes(boost=np.array([0.7, 0.0]), detection=np.array([[1, 0.5, 0.5, 1], [1, 1, 1, 1]]))
    problem = two_lamps(lanes=lanes)
    boosted = 40 + 0.4 * 60  # the bent curve at 0.7
    np.testing.assert_allclose(power_w(problem, FLUX), [10, (40 + boosted) / 2 + 10, 110, 10])
    np.testing.assert_allclose(lamp_energy_wh(problem, FLUX), [10 + (40 + boosted) / 2 + 70 + 10, 50])


@given(st.integers(0, 2**32))
def test_energy_grows_with_flux_whoever_is_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lanes = Lanes(boost=rng.random(2) * rng.integers(0, 2, 2), detection=rng.random((2, 4)))
    problem = two_lamps(lanes=lanes)
    low = rng.random((2, 4)) * problem.burning
    high = low + (1 - low) * rng.random((2, 4)) * problem.burning
    assert (lamp_energy_wh(problem, low) <= lamp_energy_wh(problem, high) + 1e-12).all()
    assert (power_w(problem, low) >= power_w(two_lamps(), low) - 1e-12).all()


def test_lamps_slots_and_the_whole_agree() -> None:
    problem = example(4)
    problem = replace(
        problem, lanes=Lanes(boost=np.full(len(problem.lamps), 0.8), detection=np.full(problem.shape, 0.2))
    )
    flux = solve(problem).flux
    whole = energy_wh(problem, flux)
    assert lamp_energy_wh(problem, flux).sum() == pytest.approx(whole)
    assert power_w(problem, flux).sum() * problem.slot_s / 3600 == pytest.approx(whole)
    assert solve(problem).objective == whole


def test_some_lamps_as_among_all() -> None:
    some = np.array([1])
    np.testing.assert_array_equal(
        lamp_energy_wh(two_lamps(), FLUX[some], some), lamp_energy_wh(two_lamps(), FLUX)[some]
    )
