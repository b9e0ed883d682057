"""Power cells of communes: areas, convexity, a partition, power distance."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.outlines import Polygons
from engine.inventory.territory import load_communes
from engine.model import Commune
from twin.territory.cells import M_PER_DEGREE_LAT, M_PER_DEGREE_LON, commune_cells

SCALE = np.array([M_PER_DEGREE_LON, M_PER_DEGREE_LAT])


@pytest.fixture(scope="module")
def communes(facts: Path) -> tuple[Commune, ...]:
    return load_communes(facts / "communes.yaml")


def area_km2(shape: Polygons) -> float:
    """Shoelace over all rings, in flat kilometres."""
    total = 0.0
    for ring in shape.rings:
        x, y = ((ring - ring[0]) * SCALE).T / 1000
        total += float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
    return total


def made(points: list[tuple[float, float]], areas: list[float]) -> list[Commune]:
    return [
        Commune(f"{49000 + k}", f"C{k}", 1000, -0.55 + x / 100, 47.47 + y / 100, area)
        for k, ((x, y), area) in enumerate(zip(points, areas, strict=True))
    ]


def test_degrees_are_those_of_the_ellipsoid() -> None:
    """Radii of curvature of GRS 80 at 47.47° N."""
    a, e2 = 6_378_137.0, 0.006_694_380_022_9
    latitude = np.radians(47.47)
    w2 = 1 - e2 * np.sin(latitude) ** 2
    assert np.radians(1) * a * np.cos(latitude) / np.sqrt(w2) == pytest.approx(M_PER_DEGREE_LON, abs=1)
    assert np.radians(1) * a * (1 - e2) / w2**1.5 == pytest.approx(M_PER_DEGREE_LAT, abs=1)


def test_each_cell_has_the_published_area(communes: tuple[Commune, ...]) -> None:
    cells = commune_cells(communes)
    for commune in communes:
        assert area_km2(cells[commune.insee]) == pytest.approx(commune.area_km2, rel=1e-3), commune.name


def test_cells_are_convex(communes: tuple[Commune, ...]) -> None:
    for shape in commune_cells(communes).values():
        (ring,) = shape.rings
        edge = np.roll(ring, -1, axis=0) - ring
        after = np.roll(edge, -1, axis=0)
        turn = edge[:, 0] * after[:, 1] - edge[:, 1] * after[:, 0]
        assert (turn > -1e-12).all()


def test_no_point_is_in_two_cells_and_inner_points_are_in_one(communes: tuple[Commune, ...]) -> None:
    cells = commune_cells(communes)
    lon, lat = np.meshgrid(np.linspace(-0.8, -0.3, 173), np.linspace(47.33, 47.65, 131))
    count = sum(shape.contains(lon, lat).astype(int) for shape in cells.values())
    assert count.max() == 1
    share = float(np.mean(count))
    box_km2 = 0.5 * M_PER_DEGREE_LON * 0.32 * M_PER_DEGREE_LAT / 1e6
    assert share * box_km2 == pytest.approx(676.6, rel=0.03)


def test_most_communes_hold_their_centroid(communes: tuple[Commune, ...]) -> None:
    cells = commune_cells(communes)
    held = [bool(cells[c.insee].contains(np.array([c.lon]), np.array([c.lat]))[0]) for c in communes]
    assert sum(held) >= 22


def test_one_commune_fills_the_hull() -> None:
    (only,) = made([(0, 0)], [44.3])
    cell = commune_cells([only])[only.insee]
    assert area_km2(cell) == pytest.approx(44.3, rel=1e-9)
    assert cell.contains(np.array([only.lon]), np.array([only.lat])).all()


def test_two_equal_communes_are_mirror_images() -> None:
    west, east = made([(-4, 0), (4, 0)], [30, 30])
    cells = commune_cells([west, east])
    border = cells[west.insee].rings[0][:, 0].max()
    assert border == pytest.approx(-0.55, abs=1e-6)
    assert cells[east.insee].rings[0][:, 0].min() == pytest.approx(border, abs=1e-9)


def test_cells_do_not_depend_on_the_order_but_for_the_last_digits(communes: tuple[Commune, ...]) -> None:
    one, other = commune_cells(communes), commune_cells(communes[::-1])
    for insee, shape in one.items():
        assert area_km2(shape) == pytest.approx(area_km2(other[insee]), rel=2e-3)


points = st.lists(st.tuples(st.integers(-12, 12), st.integers(-12, 12)), min_size=2, max_size=9, unique=True)


@settings(max_examples=30)
@given(points, st.data())
def test_any_facts_give_cells_of_their_areas(where: list[tuple[int, int]], data: st.DataObject) -> None:
    areas = data.draw(st.lists(st.floats(2.0, 80.0), min_size=len(where), max_size=len(where)))
    some = made([(float(x), float(y)) for x, y in where], areas)
    cells = commune_cells(some)
    for commune in some:
        assert area_km2(cells[commune.insee]) == pytest.approx(commune.area_km2, rel=5e-3)
    for one, other in combinations(cells.values(), 2):
        middle = one.rings[0].mean(axis=0)
        assert not other.contains(middle[:1], middle[1:]).any()


def test_a_larger_area_takes_from_its_neighbour() -> None:
    west, east = made([(-4, 0), (4, 0)], [30, 30])
    cells = commune_cells([replace(west, area_km2=45.0), replace(east, area_km2=15.0)])
    assert cells[west.insee].rings[0][:, 0].max() > -0.55 + 0.001
