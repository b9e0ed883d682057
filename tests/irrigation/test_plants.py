"""Root zones: examples of FAO-56, and what holds of every soil and plant."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.result import InvalidProblem
from optimizers.soil import RootZone
from optimizers.soil.growth import Season, cover
from optimizers.soil.plants import (
    adjusted_p,
    climate_adjusted_kcb,
    landscape_coefficient,
    stress_coefficient,
    total_evaporable_mm,
)

from .published import COTTON


def zone(**changed: Any) -> RootZone:
    """Turf on loam."""
    fields: dict[str, Any] = {
        "field_capacity": [0.25], "wilting_point": 0.12, "root_depth_m": 0.3, "p_table": 0.4, "kcb": 0.8,
        "height_m": 0.08, "cover": 0.9, "wetted": 1.0, "rew_mm": 9.0, "tew_mm": 19.0,
    }  # fmt: skip
    return RootZone(**(fields | changed))


CROPS = {"onion": (0.4, 0.30), "tomato": (0.8, 0.40), "maize": (1.2, 0.55)}
SOILS = {"loamy sand": (0.15, 0.06), "silt": (0.32, 0.15), "silty clay": (0.35, 0.23)}
EXAMPLE_36 = {
    "onion": [(36, 11), (68, 20), (48, 14)], "tomato": [(72, 29), (136, 54), (96, 38)],
    "maize": [(108, 59), (204, 112), (144, 79)],
}  # fmt: skip


@pytest.mark.parametrize("crop", CROPS)
def test_water_of_root_zones_is_that_of_example_36(crop: str) -> None:
    capacity, wilting = np.array(list(SOILS.values())).T
    depth, p = CROPS[crop]
    roots = zone(field_capacity=capacity, wilting_point=wilting, root_depth_m=depth, p_table=p)
    water = zip(roots.taw_mm, roots.raw_mm(5.0), strict=True)
    assert [(round(taw), round(raw)) for taw, raw in water] == EXAMPLE_36[crop]


@pytest.mark.parametrize(
    ("p_table", "etc_mm", "p"), [(0.4, 5.0, 0.4), (0.4, 3.0, 0.48), (0.4, 9.0, 0.24), (0.2, 9.0, 0.1), (0.75, 0.0, 0.8)]
)
def test_p_goes_by_what_the_day_asks_for(p_table: float, etc_mm: float, p: float) -> None:
    assert adjusted_p(p_table, etc_mm) == pytest.approx(p)


@given(st.floats(0, 1.2), st.floats(5, 300), st.floats(0.1, 0.8))
def test_stress_begins_at_raw_and_is_whole_at_taw(share: float, taw_mm: float, p: float) -> None:
    ks = stress_coefficient(share * taw_mm, taw_mm, p * taw_mm)
    assert 0 <= ks <= 1
    assert (ks == 1) == (share <= p + 1e-9) or abs(share - p) < 1e-6
    assert stress_coefficient(taw_mm, taw_mm, p * taw_mm) == 0
    assert stress_coefficient((taw_mm + p * taw_mm) / 2, taw_mm, p * taw_mm) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("capacity", "wilting", "least", "most"), [(0.12, 0.045, 6, 12), (0.25, 0.12, 16, 22), (0.36, 0.22, 22, 29)]
)
def test_evaporable_water_is_within_table_19(capacity: float, wilting: float, least: float, most: float) -> None:
    """Sand, loam and clay, by the middles of their ranges and a layer of 0.1 m."""
    assert least <= total_evaporable_mm(capacity, wilting) <= most


def test_kcb_in_another_climate() -> None:
    """FAO-56, chapter 6: maize of 2 m at 1.20 gets 1.07 in Taipei (1.3 m/s, 75 %) and 1.30 in Mocha (4.6 m/s, 44 %)."""
    adjusted = climate_adjusted_kcb(1.20, 2.0, np.array([2.0, 1.3, 4.6]), np.array([45.0, 75.0, 44.0]))
    assert adjusted == pytest.approx([1.20, 1.07, 1.30], abs=0.005)
    assert climate_adjusted_kcb(0.15, 2.0, 6.0, 20.0) == 0.15


@given(st.floats(0.1, 0.9), st.floats(0.5, 1.3), st.floats(0.5, 1.4))
def test_a_landscape_coefficient_is_its_three_factors(species: float, density: float, microclimate: float) -> None:
    assert landscape_coefficient(species, density, microclimate) == pytest.approx(species * density * microclimate)


def test_a_landscape_coefficient_beyond_its_ranges_is_refused() -> None:
    with pytest.raises(InvalidProblem) as told:
        landscape_coefficient(8.0, 0.2, np.array([1.0, 2.0]))
    assert told.value.problems == (
        "species is 8, wants 0.1 to 0.9", "density is 0.2, wants 0.5 to 1.3", "microclimate is 2, wants 0.5 to 1.4",
    )  # fmt: skip


def test_everything_wrong_with_root_zones_is_told_at_once_zone_by_zone() -> None:
    with pytest.raises(InvalidProblem) as told:
        zone(
            field_capacity=[0.25, 0.10, 25.0], wilting_point=[0.12, 0.12, 0.12], root_depth_m=[0.3, 0.3, 0.0],
            p_table=[0.9, 0.4, 0.4], rew_mm=[9.0, 20.0, 9.0],
        )  # fmt: skip
    assert told.value.problems == (
        "zone 2: field_capacity is 25, wants 0.02 to 0.9",
        "zone 2: root_depth_m is 0, wants 0.02 to 5",
        "zone 0: p_table is 0.9, wants 0.1 to 0.8",
        "zone 1: wilting_point is 0.12, wants less than field_capacity, 0.1",
        "zone 1: rew_mm is 20, wants less than tew_mm, 19",
    )


def test_what_is_unknown_of_a_root_zone_is_refused_but_for_run_off() -> None:
    for name in RootZone.arrays:
        if name == "curve_number":
            assert np.isnan(zone(curve_number=np.nan).curve_number[0])
            continue
        with pytest.raises(InvalidProblem, match=f"zone 0: {name} is nan"):
            zone(**{name: [np.nan]})


def test_a_root_zone_does_not_change() -> None:
    with pytest.raises(ValueError, match="read-only"):
        zone().kcb[0] = 2.0


def test_a_season_runs_through_its_four_stages() -> None:
    days = np.array([0, 31, 57, 83, 133, 143.5, 154, 200])
    assert COTTON.kcb(days) == pytest.approx([0.15, 0.15, 0.675, 1.2, 1.2, 0.8865, 0.573, 0.573])
    assert COTTON.height(days) == pytest.approx([0.05, 0.05, 0.625, 1.2, 1.2, 1.2, 1.2, 1.2])
    assert COTTON.root_depth(days) == pytest.approx([0.6, 0.6, 1.15, 1.7, 1.7, 1.7, 1.7, 1.7])


def test_a_season_without_growth_is_refused() -> None:
    with pytest.raises(InvalidProblem) as told:
        Season(
            lengths_d=(0, 1, 1, 1), kcb_initial=1.0, kcb_middle=0.5, kcb_end=0.3, height_m=(0, 1), root_depth_m=(0.1, 1)
        )
    assert len(told.value.problems) == 2


@given(st.floats(0, 1.3), st.floats(1.0, 1.4), st.floats(0, 3))
def test_cover_is_a_share_and_grows_with_kcb(kcb: float, greatest: float, height_m: float) -> None:
    """FAO-56 eq. 76; its table 21 has some 0.99 at most."""
    covered = cover(np.array([kcb, kcb + 0.05]), 0.15, greatest, height_m)
    assert ((covered >= 0) & (covered <= 0.99)).all()
    assert covered[1] >= covered[0]
