"""The ways of rounds: on a network, around what is closed to all traffic."""

import numpy as np
import pytest

from jobs.collection.closures import Closure
from jobs.collection.roads import NARROW, WIDE, Roads
from optimizers.roads import RoadGraph
from optimizers.routing import Place
from tests.roads.ground import Road, degrees, drawn

# A block, longer to drive round by the north.
NODES = {"w": (0.0, 0.0), "m": (200.0, 0.0), "e": (400.0, 0.0), "nw": (0.0, 300.0), "ne": (400.0, 300.0)}
SOUTH = [Road("w", "m"), Road("m", "e")]
NORTH = [Road("w", "nw"), Road("nw", "ne"), Road("ne", "e")]


def place(name: str) -> Place:
    lon, lat = degrees(np.array([NODES[name][0]]), np.array([NODES[name][1]]))
    return Place(name, float(lon[0]), float(lat[0]))


def shut(radius_m: float = 20.0) -> Closure:
    there = place("m")
    circle = {"lat": there.y, "lon": there.x, "radius_m": radius_m}
    said = {"id": "works", "text": {"fr": "travaux", "en": "works"}, "place": {"around": circle}, "through": True}
    return Closure.model_validate({**said, "from": "2026-09-01", "until": "2026-09-30"})


def metres(graph: RoadGraph, *closures: Closure, profile: int = WIDE) -> float:
    found = Roads(graph).ways([place("w"), place("e")], closures)
    assert not found.matrices.approximate
    return float(found.matrices.distance_m[profile, 0, 1])


def test_a_closed_road_is_driven_round() -> None:
    graph = drawn(NODES, [*SOUTH, *NORTH])

    assert metres(graph) == pytest.approx(400, abs=2)
    assert metres(graph, shut()) == pytest.approx(1000, abs=3)
    assert "works" in Roads(graph).ways([place("w"), place("e")], [shut()]).told[0]["fr"]


def test_a_narrow_truck_takes_a_road_that_a_wide_one_cannot() -> None:
    lane = [Road("w", "m", max_width_m=2.4), Road("m", "e", max_width_m=2.4)]
    graph = drawn(NODES, [*lane, *NORTH])

    assert metres(graph, profile=NARROW) == pytest.approx(400, abs=2)
    assert metres(graph, profile=WIDE) == pytest.approx(1000, abs=3)


def test_what_lies_on_no_road_is_named() -> None:
    graph = drawn(NODES, [*SOUTH, *NORTH])
    lost = Place("lost", 6.5, 48.9)
    found = Roads(graph).ways([place("w"), place("e"), lost], [])

    assert "lost" in found.told[0]["en"]
    assert np.isinf(found.matrices.distance_m[:, 0, 2]).all()
