"""One function for jobs: with a map, without, out of memory; and the command around it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from jobs.cli import app
from jobs.roads import Memory, remembering, road_matrices
from optimizers.roads import LORRY, RoadGraph, crow
from optimizers.routing import Place
from tests.roads.extract import extract
from tests.roads.ground import EVEN, Road, degrees, drawn

NODES = {f"{i},{j}": (100.0 * i, 80.0 * j) for i in range(5) for j in range(5)}
GRID = drawn(
    NODES,
    [Road(f"{i},{j}", f"{i + 1},{j}") for i in range(4) for j in range(5)]
    + [Road(f"{i},{j}", f"{i},{j + 1}") for i in range(5) for j in range(4)],
)


def places(count: int, seed: int = 0) -> list[Place]:
    random = np.random.default_rng(seed)
    lon, lat = degrees(random.uniform(0, 400, count), random.uniform(0, 320, count))
    return [Place(f"p{k}", float(x), float(y)) for k, (x, y) in enumerate(zip(lon, lat, strict=True))]


def test_without_a_map_they_are_approximate() -> None:
    found = road_matrices(None, [LORRY, EVEN], places(3))
    assert found.matrices.approximate
    assert found.matrices.profiles == ("lorry", "even")
    lon, lat = (np.array([getattr(place, axis) for place in places(3)]) for axis in "xy")
    assert np.array_equal(found.matrices.distance_m[1], crow(lon, lat, 5.0)[0])


def test_on_a_map_they_are_not_and_a_place_off_it_is_told() -> None:
    lon, lat = degrees(np.array([-250.0]), np.array([0.0]))
    off = Place("off", float(lon[0]), float(lat[0]))
    found = road_matrices(GRID, [EVEN], [*places(3), off])
    assert not found.matrices.approximate
    assert [(one.place, one.profile, round(one.off_m)) for one in found.far] == [("off", "even", 250)]
    assert np.isinf(found.matrices.distance_m[0, :3, 3]).all()
    assert np.isinf(found.matrices.duration_s[0, 3, :3]).all()
    assert found.matrices.duration_s[0, 3, 3] == 0
    assert np.isfinite(found.matrices.duration_s[0, :3, :3]).all()
    assert "off is 250 m from the nearest road" in found.far[0].said("en")
    assert "250 m de la route" in found.far[0].said("fr")


def test_coordinates_the_wrong_way_round_are_told() -> None:
    found = road_matrices(GRID, [EVEN], [Place("p", 48.69, 6.18), *places(1)])
    assert [one.swapped for one in found.far] == [True]
    assert "seem swapped" in found.far[0].said("en")


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """How many sources and targets each search was asked for."""
    asked: list[tuple[int, int]] = []
    real = remembering.between

    def between(roads, sources, targets):  # type: ignore[no-untyped-def]
        asked.append((len(sources), len(targets)))
        return real(roads, sources, targets)

    monkeypatch.setattr(remembering, "between", between)
    yield asked


def test_one_more_place_costs_one_row_and_one_column(tmp_path: Path, searches: list[tuple[int, int]]) -> None:
    memory, all_ = Memory(tmp_path), places(12)
    road_matrices(GRID, [EVEN], all_[:11], memory=memory)
    road_matrices(GRID, [EVEN], all_[:11], memory=memory)
    more = road_matrices(GRID, [EVEN], all_[::-1], memory=memory)
    fewer = road_matrices(GRID, [EVEN], all_[3:6], memory=memory)
    assert searches == [(11, 11), (1, 12), (11, 1)]
    fresh = road_matrices(GRID, [EVEN], all_[::-1])
    for name in ("distance_m", "duration_s"):
        assert np.array_equal(getattr(more.matrices, name), getattr(fresh.matrices, name))
    assert np.array_equal(fewer.matrices.distance_m[0], fresh.matrices.distance_m[0][::-1, ::-1][3:6, 3:6])


def test_other_roads_and_other_vehicles_have_their_own_memory(tmp_path: Path, searches: list[tuple[int, int]]) -> None:
    memory = Memory(tmp_path)
    shut = np.zeros(GRID.pieces, bool)
    shut[:2] = True
    for graph, profile in ((GRID, EVEN), (GRID.without(shut), EVEN), (GRID, LORRY), (GRID, EVEN)):
        road_matrices(graph, [profile], places(4), memory=memory)
    road_matrices(GRID, [EVEN], places(4), kerb=["p0"], memory=memory)
    assert searches == [(4, 4), (4, 4), (4, 4), (1, 4), (3, 1)]


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=12), min_size=1, max_size=5))
def test_in_whatever_order_places_are_asked_for_answers_are_the_same(asked: list[list[int]]) -> None:
    some = places(12, seed=7)
    whole = road_matrices(GRID, [EVEN], some, kerb=["p3", "p4"]).matrices.duration_s[0]
    with TemporaryDirectory() as folder:
        memory = Memory(Path(folder))
        for which in asked:
            found = road_matrices(GRID, [EVEN], [some[k] for k in which], kerb=["p3", "p4"], memory=memory)
            assert np.array_equal(found.matrices.duration_s[0], whole[np.ix_(which, which)])


def test_a_memory_that_cannot_be_read_is_as_good_as_none(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    first = road_matrices(GRID, [EVEN], places(4), memory=memory)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"nothing")
    again = road_matrices(GRID, [EVEN], places(4), memory=memory)
    assert np.array_equal(first.matrices.duration_s, again.matrices.duration_s)


def test_a_memory_keeps_the_newest_and_leaves_no_drafts(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for k in range(10):
        road_matrices(GRID, [replace(EVEN, pace=1 + k / 10)], places(3), memory=memory)
    assert len(list(tmp_path.iterdir())) == 8
    assert {path.suffix for path in tmp_path.iterdir()} == {".npz"}


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = road_matrices(GRID, [EVEN], places(3), memory=Memory(tmp_path / "file" / "folder"))
    assert np.isfinite(found.matrices.duration_s).all()


def invoke(*words: str, data: Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["roads", *words, "--lang", "en"], env={"CONSIGNE_DATA_DIR": str(data)})
    return (
        done.exit_code,
        done.stdout,
        done.stderr if not done.exception or done.exit_code == 3 else str(done.exception),
    )


def osm(path: Path, graph: RoadGraph = GRID) -> Path:
    nodes = {k + 1: place for k, place in enumerate(NODES.values())}
    ways = {
        k + 1: ([int(graph.tail[p]) + 1, int(graph.head[p]) + 1], {"highway": "residential"})
        for k, p in enumerate(np.flatnonzero(np.arange(graph.pieces) < graph.back))
    }
    return extract(path, nodes, ways)


def test_the_command_imports_checks_and_measures(tmp_path: Path) -> None:
    data = tmp_path / "var"
    points = tmp_path / "points.csv"
    lines = [f"{place.id},{place.x},{place.y}" for place in places(3)]
    points.write_text("\n".join(["id,lon,lat", *lines]))
    code, said, notes = invoke("matrix", str(points), data=data)
    assert (code, "No map" in notes) == (3, True)
    code, said, _ = invoke("import", str(osm(tmp_path / "grid.osm")), data=data)
    assert code == 0, said
    assert "25 nodes, 80 pieces" in said
    assert "© OpenStreetMap contributors" in said
    code, said, _ = invoke("check", "--json", data=data)
    assert code == 0
    assert [one["cut_share"] for one in orjson.loads(said)["profiles"]] == [0, 0, 0, 0]
    code, said, notes = invoke("matrix", str(points), data=data)
    assert (code, notes) == (0, "")
    assert said.splitlines()[0] == "from,to,distance_m,duration_s"
    assert len(said.splitlines()) == 10
    code, said, _ = invoke("matrix", str(points), "--json", data=data)
    assert not orjson.loads(said)["approximate"]


def test_an_extract_cut_to_pieces_is_refused_with_figures_unless_wanted(tmp_path: Path) -> None:
    """Only the streets that go east are left: five parts, four of five pairs without a way."""
    rows = drawn(NODES, [Road(f"{i},{j}", f"{i + 1},{j}") for i in range(4) for j in range(5)])
    path = osm(tmp_path / "rows.osm", rows)
    code, _, said = invoke("import", str(path), data=tmp_path / "var")
    assert code != 0
    assert "fall apart" in said
    assert "%" in said
    assert "complete_ways" in said
    assert not (tmp_path / "var").exists()
    code, said, _ = invoke("import", str(path), "--even-so", data=tmp_path / "var")
    assert code == 3
    assert "20.0 %" in said  # of nodes in the largest part


def test_points_are_refused_with_everything_wrong(tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("id,lon,lat,kerb\na,6.1,48.6,yes\na,6.1,480,\n,x,48.6,perhaps\n")
    _, _, said = invoke("matrix", str(points), data=tmp_path / "var")
    assert len(said.splitlines()) == 5
    points.write_text("\n".join(["id,lon,lat", *(f"p{k},6.1,48.6" for k in range(10_000))]))
    _, _, said = invoke("matrix", str(points), data=tmp_path / "var")
    assert "10,000 points, 100,000,000 pairs" in said
    points.write_text("name,lon\n")
    _, _, said = invoke("matrix", str(points), data=tmp_path / "var")
    assert "there is no column id, lat" in said
