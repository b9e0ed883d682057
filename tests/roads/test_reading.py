"""Extracts read into networks, and kept."""

from pathlib import Path

import numpy as np
import osmium
import pytest

from engine.errors import InputError
from jobs.roads.keeping import keep, kept
from jobs.roads.reading import LICENCE, read_roads
from optimizers.roads import CAR, CLASSES, LORRY, RoadGraph, between, coverage, network, snap
from tests.roads.extract import extract

STREET = {"highway": "residential"}
NODES = {1: (0.0, 0.0), 2: (100.0, 0.0), 3: (200.0, 0.0), 4: (100.0, 100.0), 5: (100.0, -100.0)}
CROSS = {10: ([1, 2, 3], STREET), 11: ([4, 2, 5], STREET)}


def ends(graph: RoadGraph) -> list[tuple[int, int]]:
    return list(zip(graph.tail.tolist(), graph.head.tolist(), strict=True))


def test_ways_become_pieces_in_their_directions(tmp_path: Path) -> None:
    ways = {10: ([1, 2, 3], {"highway": "primary", "oneway": "yes", "maxspeed": "70"}), 11: ([4, 2], STREET)}
    graph, skipped = read_roads(extract(tmp_path / "a.osm", NODES, ways))
    assert ends(graph) == [(0, 1), (1, 2), (3, 1), (1, 3)]  # nodes in the order in which ways name them
    assert graph.back.tolist() == [-1, -1, 3, 2]
    assert graph.way.tolist() == [10, 10, 11, 11]
    assert [CLASSES[k] for k in graph.road_class] == ["primary", "primary", "residential", "residential"]
    assert graph.limit_m_s[0] == pytest.approx(70 / 3.6)
    assert graph.length_m == pytest.approx(100.0, rel=1e-3)
    assert (graph.licence, graph.origin) == (LICENCE, "a.osm")
    assert skipped.nodes_missing == skipped.restrictions == 0


def test_a_way_against_its_nodes(tmp_path: Path) -> None:
    graph, _ = read_roads(extract(tmp_path / "a.osm", NODES, {10: ([1, 2], {**STREET, "oneway": "-1"})}))
    assert ends(graph) == [(1, 0)]


def test_turn_restrictions_ban_pieces(tmp_path: Path) -> None:
    members = [("from", "way", 10), ("via", "node", 2), ("to", "way", 11)]
    ways = {10: ([1, 2], STREET), 12: ([2, 3], STREET), 11: ([4, 2], STREET), 13: ([2, 5], STREET)}
    no = extract(tmp_path / "no.osm", NODES, ways, [(members, {"type": "restriction", "restriction": "no_left_turn"})])
    graph, skipped = read_roads(no)
    came = ends(graph).index((0, 1))
    four = int(graph.tail[graph.way == 11][0])
    assert [(a, ends(graph)[b]) for a, b in graph.banned.tolist()] == [(came, (1, four))]
    only = extract(
        tmp_path / "only.osm", NODES, ways, [(members, {"type": "restriction", "restriction": "only_left_turn"})]
    )
    graph, _ = read_roads(only)
    assert {int(graph.way[b]) for _, b in graph.banned} == {10, 12, 13}
    assert skipped.restrictions == 0


def test_restrictions_that_are_not_understood_are_counted(tmp_path: Path) -> None:
    relations = [
        (
            [("from", "way", 10), ("via", "way", 11), ("to", "way", 10)],
            {"type": "restriction", "restriction": "no_u_turn"},
        ),
        (
            [("from", "way", 99), ("via", "node", 2), ("to", "way", 11)],
            {"type": "restriction", "restriction": "no_left_turn"},
        ),
        ([("from", "way", 10), ("via", "node", 2), ("to", "way", 11)], {"type": "restriction", "restriction": "maybe"}),
    ]
    graph, skipped = read_roads(extract(tmp_path / "a.osm", NODES, CROSS, relations))
    assert skipped.restrictions == 3
    assert len(graph.banned) == 0


def test_nobody_drives_through_a_bollard(tmp_path: Path) -> None:
    """Both sides of it end there."""
    path = extract(tmp_path / "a.osm", NODES, CROSS, of_nodes={2: {"barrier": "bollard"}})
    graph, _ = read_roads(path)
    assert coverage(network(graph, CAR)).parts == 4
    open_, _ = read_roads(extract(tmp_path / "b.osm", NODES, CROSS))
    assert coverage(network(open_, CAR)).parts == 1


def test_a_way_cut_at_the_border_of_the_extract_keeps_what_is_inside(tmp_path: Path) -> None:
    ways = {10: ([1, 2, 99, 3, 4], STREET)}
    graph, skipped = read_roads(extract(tmp_path / "a.osm", NODES, ways))
    assert skipped.nodes_missing == 1
    assert ends(graph) == [(0, 1), (2, 3), (1, 0), (3, 2)]


@pytest.mark.parametrize("text", ["", "no extract", "<osm version='0.6'></osm>"])
def test_what_is_no_extract_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.osm"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.osm (cannot be read|holds no roads)"):
        read_roads(path)
    with pytest.raises(InputError, match=r"y\.osm\.pbf cannot be read: there is no such file"):
        read_roads(tmp_path / "y.osm.pbf")


def test_an_extract_of_which_only_half_arrived_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.osm.pbf"
    with osmium.SimpleWriter(str(whole)) as writer:
        for k in range(2_000):
            writer.add_node(osmium.osm.mutable.Node(id=k + 1, location=(6 + k * 1e-4, 48 + (k * k % 97) * 1e-4)))
        writer.add_way(osmium.osm.mutable.Way(id=1, nodes=list(range(1, 2_001)), tags=STREET))
    graph, _ = read_roads(whole)
    assert graph.pieces == 2 * 1_999
    half = tmp_path / "half.osm.pbf"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(InputError, match=r"half\.osm\.pbf cannot be read"):
        read_roads(half)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    graph, _ = read_roads(extract(tmp_path / "a.osm", NODES, CROSS))
    keep(graph, tmp_path / "var" / "roads.npz")
    again = kept(tmp_path / "var" / "roads.npz")
    assert again.digest == graph.digest
    assert (again.origin, again.licence) == (graph.origin, graph.licence)
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["roads.npz"]


def test_a_file_of_another_version_or_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roads.npz"
    path.write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="import the extract again"):
        kept(path)
    with path.open("wb") as file:
        np.savez(file, about=np.array('{"version": 0, "classes": []}'))
    with pytest.raises(InputError, match="is of version 0, wants 1"):
        kept(path)


@pytest.mark.reference
def test_the_roads_of_a_country(reference: Path) -> None:
    """Liechtenstein in 2015. Some of its villages hang by roads through its neighbours, which are cut off."""
    graph, skipped = read_roads(reference / "roads" / "liechtenstein.osm.pbf")
    assert (len(graph.lon_deg), graph.pieces, len(graph.banned)) == (30_995, 62_584, 2)
    assert skipped.nodes_missing == 0
    assert graph.origin == "liechtenstein.osm.pbf of 2015-07-27"
    roads = network(graph, LORRY)
    found = coverage(roads)
    assert 0.85 < found.main_share < 0.92
    assert 0.1 < found.cut_share < 0.3
    assert 1.3 < found.detour < 1.8
    lon, lat = np.array([9.5209, 9.5120]), np.array([47.1410, 47.1650])  # Vaduz, Schaan
    points = snap(roads, lon, lat)
    distance_m, duration_s = between(roads, points, points)
    assert points.off_m.max() < 100
    assert 2_600 < distance_m[0, 1] < 4_500  # 2.75 km apart as the crow flies
    assert 180 < duration_s[0, 1] < 600
