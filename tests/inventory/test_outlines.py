"""Outlines: what is inside, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Problem
from engine.inventory.outlines import Polygons, load_outlines

Refused = Callable[..., tuple[Problem, ...]]
SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
HOLE = [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]
ISLAND = [[1.5, 1.5], [2.5, 1.5], [2.5, 2.5], [1.5, 2.5], [1.5, 1.5]]


def feature(insee: Any = "49007", kind: str = "Polygon", coordinates: Any = (SQUARE,)) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"insee": insee, "nom": "x"},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def file(folder: Path, *features: Any) -> Path:
    path = folder / "o.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def polygons(*rings: Any) -> Polygons:
    return Polygons(tuple(np.array(ring[:-1], dtype=float) for ring in rings))


def inside(shape: Polygons, *points: tuple[float, float]) -> list[bool]:
    lon, lat = np.array(points, dtype=float).T
    return [bool(one) for one in shape.contains(lon, lat)]


def test_a_square() -> None:
    assert (
        inside(polygons(SQUARE), (2, 2), (0.001, 3.999), (-1, 2), (5, 2), (2, -1), (2, 5)) == [True, True] + [False] * 4
    )


def test_a_hole_is_outside_and_an_island_in_it_is_inside() -> None:
    shape = polygons(SQUARE, HOLE, ISLAND)
    assert inside(shape, (0.5, 0.5), (1.2, 1.2), (2, 2)) == [True, False, True]


def test_a_ray_through_a_corner_counts_once() -> None:
    diamond = polygons([[0, 1], [1, 0], [2, 1], [1, 2], [0, 1]])
    assert inside(diamond, (1, 1), (-1, 1), (3, 1), (0.5, 1), (-1, 0), (-1, 2)) == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]


def test_a_grid_of_points_keeps_its_shape() -> None:
    x, y = np.meshgrid([-1.0, 0.5, 3.5, 5.0], [-1.0, 2.0, 5.0])
    found = polygons(SQUARE).contains(x, y)
    assert found.tolist() == [[False] * 4, [False, True, True, False], [False] * 4]


def test_no_point_at_all() -> None:
    assert polygons(SQUARE).contains(np.empty(0), np.empty(0)).shape == (0,)


@given(
    st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=1, max_size=30),
    st.floats(-3, 3),
)
def test_of_two_surfaces_that_share_a_border_a_point_is_in_exactly_one(
    points: list[tuple[int, int]], bend: float
) -> None:
    border = [[0.0, -10.0], [bend, -2.5], [0.0, 0.0], [-bend, 4.0], [0.0, 10.0]]
    left = polygons([[-10.0, -10.0], *border, [-10.0, 10.0], [-10.0, -10.0]])
    right = polygons([[10.0, 10.0], *border[::-1], [10.0, -10.0], [10.0, 10.0]])
    scaled = [(x / 2.1, y / 2.1) for x, y in points]
    # Points on the border itself belong to one side too.
    scaled += [(x, y) for x, y in border[1:-1]]
    for one, other in zip(inside(left, *scaled), inside(right, *scaled), strict=True):
        assert one != other


@given(st.integers(3, 200), st.integers(0, 2**32 - 1))
def test_a_polygon_of_many_corners_agrees_with_its_radius(corners: int, seed: int) -> None:
    angle = np.arange(corners) * (2 * np.pi / corners)
    shape = Polygons((np.stack([np.cos(angle), np.sin(angle)], axis=1),))
    random = np.random.default_rng(seed)
    radius, turn = random.random(50) * 2, random.random(50) * 2 * np.pi
    found = shape.contains(radius * np.cos(turn), radius * np.sin(turn))
    inner = np.cos(np.pi / corners)
    assert found[radius < inner * 0.999].all()
    assert not found[radius > 1.001].any()


def test_bounds() -> None:
    assert polygons(SQUARE, ISLAND).bounds == (0.0, 0.0, 4.0, 4.0)


def test_polygons_and_multipolygons_are_read(tmp_path: Path) -> None:
    far = [[[x + 10, y] for x, y in SQUARE]]
    path = file(tmp_path, feature("1"), feature("2", "MultiPolygon", [[SQUARE, HOLE], far]))
    outlines = load_outlines(path)
    assert sorted(outlines) == ["1", "2"]
    assert inside(outlines["2"], (0.5, 0.5), (2, 2), (12, 2)) == [True, False, True]


def test_heights_are_ignored(tmp_path: Path) -> None:
    path = file(tmp_path, feature(coordinates=[[[*point, 38.5] for point in SQUARE]]))
    assert inside(load_outlines(path)["49007"], (2, 2)) == [True]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (feature(insee=49007), "has no INSEE code"),
        (feature(insee=""), "has no INSEE code"),
        ({"type": "Feature", "properties": None, "geometry": None}, "has no INSEE code"),
        ("nonsense", "has no INSEE code"),
        (feature(kind="LineString", coordinates=SQUARE), "49007 is a LineString"),
        (feature(coordinates=[SQUARE[:3]]), "a ring has 3 points"),
        (feature(coordinates=[SQUARE[:4]]), "a ring is not closed"),
        (feature(coordinates=[[*SQUARE[:3], ["a", "b"], SQUARE[0]]]), "holds something else"),
        (feature(coordinates=[[*SQUARE[:3], None, SQUARE[0]]]), "holds something else"),
        (feature(coordinates=[[[p[0] * 1000, p[1] * 1000] for p in SQUARE]]), "leaves WGS 84"),
        (feature(coordinates=None), "not lists of rings"),
        (feature(coordinates=5), "not lists of rings"),
        (feature(insee="1"), "the commune 1 stands twice"),
    ],
)
def test_a_wrong_feature_is_named(tmp_path: Path, refused: Refused, wrong: Any, what: str) -> None:
    (problem,) = refused(load_outlines, file(tmp_path, feature("1"), wrong))
    assert problem.what.startswith("features[1]: ")
    assert what in problem.what


def test_every_wrong_feature_is_told(tmp_path: Path, refused: Refused) -> None:
    problems = refused(load_outlines, file(tmp_path, feature(insee=1), feature("2"), feature("3", "Point", [0, 0])))
    assert [problem.what[:11] for problem in problems] == ["features[0]", "features[2]"]


@pytest.mark.parametrize(
    ("text", "what"),
    [("{", "is not JSON"), ("[]", "has no features"), ('{"type": "Feature"}', "has no features")],
)
def test_what_is_no_collection(tmp_path: Path, refused: Refused, text: str, what: str) -> None:
    path = tmp_path / "o.geojson"
    path.write_text(text, encoding="utf-8")
    (problem,) = refused(load_outlines, path)
    assert what in problem.what


def test_an_absent_file(tmp_path: Path, refused: Refused) -> None:
    (problem,) = refused(load_outlines, tmp_path / "none.geojson")
    assert "cannot be read" in problem.what
