"""Synthetic streets: lamps at their distance, inside, as many as asked; and groups that are compact."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.inventory.outlines import Polygons
from engine.model import Commune
from twin.territory.cells import M_PER_DEGREE_LAT, M_PER_DEGREE_LON, commune_cells
from twin.territory.inventory import Roads, load_roads
from twin.territory.streets import ROAD_CLASSES, Street, bisect, lay_streets

PLACE = Commune("49007", "Angers", 157175, -0.5562, 47.4766, 10.0)
SHAPE = commune_cells([PLACE])["49007"]
ROADS = load_roads(Path(__file__).resolve().parents[2] / "datasets" / "reference" / "roads.yaml")


def lay(
    lamps: int, seed: int = 1, shape: Polygons = SHAPE, place: Commune = PLACE, roads: Roads = ROADS
) -> list[Street]:
    return lay_streets(place, shape, lamps, roads, np.random.Generator(np.random.PCG64(seed)))


def gaps_m(street: Street) -> np.ndarray:
    return np.hypot(np.diff(street.lon) * M_PER_DEGREE_LON, np.diff(street.lat) * M_PER_DEGREE_LAT)


@pytest.mark.parametrize("lamps", [1, 2, 7, 8, 9, 500, 5000])
def test_as_many_lamps_as_asked(lamps: int) -> None:
    assert sum(street.lamps for street in lay(lamps)) == lamps


@settings(max_examples=25)
@given(st.integers(1, 3000), st.integers(0, 1000))
def test_lamps_follow_each_other_every_25_to_35_metres(lamps: int, seed: int) -> None:
    streets = lay(lamps, seed)
    gaps = np.concatenate([gaps_m(street) for street in streets] + [np.array([30.0])])
    assert gaps.min() > 24.8  # coordinates are rounded to 0.1 m
    assert gaps.max() < 35.2
    for street in streets[:20]:
        if street.lamps > 2:
            assert np.ptp(gaps_m(street)) < 0.5


def test_no_two_lamps_share_a_place() -> None:
    streets = lay(4000)
    places = {(lon, lat) for street in streets for lon, lat in zip(street.lon, street.lat, strict=True)}
    assert len(places) == 4000


def test_every_lamp_is_inside() -> None:
    for street in lay(5000):
        assert SHAPE.contains(street.lon, street.lat).all()


def test_the_town_grows_from_its_centre() -> None:
    def reach(lamps: int) -> float:
        streets = lay(lamps)
        return max(float(np.hypot(s.lon - PLACE.lon, s.lat - PLACE.lat).max()) for s in streets)

    assert reach(50) < reach(500) < reach(3000)


def test_a_hole_in_the_outline_stays_dark() -> None:
    (outer,) = SHAPE.rings
    hole = (outer - outer.mean(axis=0)) * 0.3 + outer.mean(axis=0)
    ring = Polygons((outer, hole))
    streets = lay(1500, shape=ring)
    lon, lat = np.concatenate([s.lon for s in streets]), np.concatenate([s.lat for s in streets])
    assert not Polygons((hole,)).contains(lon, lat).any()
    assert ring.contains(lon, lat).all()


def test_a_crowded_commune_lights_both_sides_and_a_full_one_refuses() -> None:
    one_side = lay(6000)
    both = lay(9000)
    assert sum(street.lamps for street in both) == 9000
    assert len(both) > len(one_side)
    with pytest.raises(InputError) as caught:
        lay(40_000)
    assert "40000 lamps do not fit on 10 km²" in str(caught.value)


def test_kinds_of_road_are_in_proportion() -> None:
    count = Counter(street.road_class for street in lay(6000) for _ in range(street.lamps))
    assert set(count) == set(ROAD_CLASSES)
    assert 0.05 < count["main"] / 6000 < 0.25
    assert 0.10 < count["collector"] / 6000 < 0.35
    assert count["residential"] > count["path"]


def test_variants_are_those_of_their_road() -> None:
    for street in lay(3000):
        assert street.variant in ROADS.roads[street.road_class].variants


def test_the_same_seed_gives_the_same_streets_and_another_seed_others() -> None:
    def places(seed: int) -> list[tuple[str, list[float]]]:
        return [(street.id, street.lon.tolist()) for street in lay(800, seed)]

    assert places(3) == places(3)
    assert places(3) != places(4)


def test_names_are_unique_and_numbered_from_one() -> None:
    streets = lay(900)
    assert [street.number for street in streets] == list(range(1, len(streets) + 1))
    assert streets[0].id == "SEG-49007-0001"


def lamps_of(groups: Sequence[Sequence[Street]]) -> list[int]:
    return [sum(street.lamps for street in group) for group in groups]


@settings(max_examples=40)
@given(st.integers(10, 1200), st.integers(1, 40))
def test_groups_hold_every_street_once_and_are_balanced(lamps: int, parts: int) -> None:
    streets = lay(lamps)
    if parts > len(streets):
        with pytest.raises(ValueError, match="cannot make"):
            bisect(streets, parts)
        return
    groups = bisect(streets, parts)
    assert len(groups) == parts
    assert Counter(id(s) for group in groups for s in group) == Counter(id(s) for s in streets)
    assert all(groups)
    # Each cut misses by at most one street of eight lamps; the misses of all levels add up.
    if lamps > 30 * parts:
        assert max(lamps_of(groups)) - min(lamps_of(groups)) <= 8 * 2 * max(1, parts.bit_length())


def test_groups_are_compact() -> None:
    """Spread of a group, against that of the same number of streets drawn anywhere."""
    streets = lay(4000)

    def spread(group: Sequence[Street]) -> float:
        return float(np.ptp([s.lon[0] for s in group]) + np.ptp([s.lat[0] for s in group]))

    groups = bisect(streets, 40)
    scattered = [streets[k::40] for k in range(40)]
    assert sum(map(spread, groups)) < 0.35 * sum(map(spread, scattered))
