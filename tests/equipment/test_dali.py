"""Levels of a dimming bus against the figures printed of IEC 62386-102, and both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dali import Scale, flux_of, level_of

LEVELS = st.integers(1, 254)


@pytest.mark.parametrize(
    ("level", "per_cent"),
    [(1, 0.1), (60, 0.5), (85, 1.0), (126, 3.04), (144, 4.96), (170, 10.1), (229, 50.5), (254, 100)],
)
def test_known_pairs_of_the_logarithmic_curve(level: int, per_cent: float) -> None:
    assert 100 * flux_of(level) == pytest.approx(per_cent, abs=0.06)


@pytest.mark.parametrize(("level", "flux"), [(0, 0.0), (127, 0.5), (254, 1.0)])
def test_the_linear_curve(level: int, flux: float) -> None:
    assert flux_of(level, "dali-linear") == flux
    assert level_of(flux, "dali-linear") == level


def test_off_is_off_and_full_is_full() -> None:
    assert (flux_of(0), flux_of(254), level_of(0.0), level_of(1.0)) == (0.0, 1.0, 0, 254)


@given(LEVELS, st.sampled_from(["dali-log", "dali-linear"]))
def test_a_level_comes_back_the_same(level: int, scale: Scale) -> None:
    assert level_of(flux_of(level, scale), scale) == level


@given(st.floats(1e-9, 1), st.sampled_from(["dali-log", "dali-linear"]))
def test_the_level_is_the_lowest_that_is_not_dimmer(flux: float, scale: Scale) -> None:
    level = level_of(flux, scale)
    assert flux_of(level, scale) >= flux * (1 - 1e-9)
    assert level == 1 or flux_of(level - 1, scale) < flux


@given(LEVELS)
def test_a_step_of_the_logarithmic_curve_is_the_same_share_everywhere(level: int) -> None:
    """2.8 %: what eyes see as even."""
    if level < 254:
        assert flux_of(level + 1) / flux_of(level) == pytest.approx(10 ** (3 / 253))


@pytest.mark.parametrize(
    ("value", "scale", "said"),
    [
        (70, "share", "70 is outside 0 to 1, the scale 'share' → it looks like per cent"),
        (200, "share", "200 is outside 0 to 1, the scale 'share' → it looks like a level of a DALI bus"),
        (254, "percent", "254 is outside 0 to 100, the scale 'percent' → it looks like a level of a DALI bus"),
        (255, "dali-log", "255 is outside 0 to 254, the scale 'dali-log' → write a number of the scale"),
        (-1, "dali-linear", "-1 is outside 0 to 254"),
        (float("nan"), "share", "nan is outside 0 to 1"),
        (229.5, "dali-log", "229.5 lies between two levels of a DALI bus → give a whole number"),
    ],
)
def test_a_value_outside_its_scale(value: float, scale: Scale, said: str) -> None:
    with pytest.raises(ValueError, match="→") as raised:
        flux_of(value, scale)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("flux", [-0.01, 1.01, float("nan")])
def test_what_is_no_flux(flux: float) -> None:
    with pytest.raises(ValueError, match="is no flux: a share of full, 0 to 1"):
        level_of(flux)


@pytest.mark.parametrize("scale", ["share", "percent"])
def test_shares_have_no_levels(scale: Scale) -> None:
    with pytest.raises(ValueError, match="has no levels"):
        level_of(0.5, scale)
