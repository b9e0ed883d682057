"""Without a map: great circles, and what is refused."""

import numpy as np
import pytest

from optimizers.result import InvalidProblem
from optimizers.roads import crow, great_circle_m


def test_a_degree_of_latitude_and_half_the_equator() -> None:
    """60 nautical miles of 1,853.2 m, and half of 2 π R."""
    one = great_circle_m(np.array([6.0]), np.array([48.0]), np.array([6.0]), np.array([49.0]))
    assert one[0] == pytest.approx(np.pi * 6_371_008.8 / 180, rel=1e-12)
    half = great_circle_m(np.array([0.0]), np.array([0.0]), np.array([180.0]), np.array([0.0]))
    assert half[0] == pytest.approx(np.pi * 6_371_008.8, rel=1e-12)


def test_distances_are_symmetric_lengthened_and_zero_to_oneself() -> None:
    lon, lat = np.array([6.18, 6.20, 6.18]), np.array([48.69, 48.70, 48.69])
    distance_m, duration_s = crow(lon, lat, 5.0)
    assert np.array_equal(distance_m, distance_m.T)
    assert not distance_m.diagonal().any()
    assert distance_m[0, 2] == 0
    straight = great_circle_m(lon[:1], lat[:1], lon[1:2], lat[1:2])[0]
    assert distance_m[0, 1] == pytest.approx(1.3 * straight)
    assert np.allclose(duration_s * 5.0, distance_m)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidProblem) as refused:
        crow(np.array([6.0, 200.0, 6.0]), np.array([48.0, 48.0, np.nan]), 0.0, 0.9)
    assert len(refused.value.problems) == 4
    assert "point 1 is at longitude 200.0" in str(refused.value)
    assert "point 2" in str(refused.value)
