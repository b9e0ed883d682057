"""Whatever the network, ways are those of Floyd–Warshall over pieces one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.roads import CLASSES, Access, Profile, RoadGraph, Turns, between, network, snap
from tests.roads import brute
from tests.roads.ground import Road, degrees, drawn

_NAMES = ("primary", "tertiary", "residential", "service")
_TURNING = Turns(left_s=7.0, right_s=3.0, back_s=20.0, give_way_s=2.0)
_SPEEDS = dict(zip(_NAMES, (14.0, 10.0, 7.0, 4.0), strict=True))
PROFILE = Profile(name="p", speeds_m_s=_SPEEDS, turns=_TURNING, weight_kg=12_000.0, height_m=3.5)


@st.composite
def networks(draw: st.DrawFn) -> RoadGraph:
    """Up to nine nodes on a bent grid, with streets of every kind between any of them."""
    count = draw(st.integers(2, 9))
    nodes = {str(k): (100.0 * (k % 3) + 7.0 * k, 90.0 * (k // 3) + 11.0 * (k % 2)) for k in range(count)}
    ends = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    tree = [(k, draw(st.integers(0, k - 1))) for k in range(1, count)]
    pairs = tree + draw(st.lists(ends, max_size=8, unique_by=lambda pair: tuple(sorted(pair))))
    seldom = st.sampled_from((False, False, False, True))
    roads = [
        Road(
            str(a), str(b), one_way=draw(seldom), name=draw(st.sampled_from(_NAMES)),
            heavy_access=draw(st.sampled_from((*[Access.OPEN] * 6, Access.DESTINATION, Access.CLOSED))),
            max_height_m=3.0 if draw(seldom) and draw(seldom) else np.inf,
        )
        for a, b in pairs
    ]  # fmt: skip
    graph = drawn(nodes, roads)
    turns = [(a, b) for a in range(graph.pieces) for b in range(graph.pieces) if graph.head[a] == graph.tail[b]]
    bans = draw(st.lists(st.sampled_from(turns), max_size=3)) if turns else []
    told = {name: getattr(graph, name) for name in graph.__dataclass_fields__}
    return RoadGraph(**{**told, "banned": np.array(bans).reshape(-1, 2)})


@settings(max_examples=200)
@given(graph=networks(), seed=st.integers(0, 1_000))
def test_ways_are_the_fastest_and_snaps_the_nearest(graph: RoadGraph, seed: int) -> None:
    roads = network(graph, PROFILE)
    main = set(np.flatnonzero(roads.main_pieces).tolist())
    assert main in brute.largest(graph, PROFILE) or not main
    random = np.random.default_rng(seed)
    x, y = random.uniform(-30, 330, 6), random.uniform(-30, 300, 6)
    points = snap(roads, *degrees(x, y), kerb=random.random(6) < 0.5)
    if not main:
        assert np.isinf(points.off_m).all()
        assert np.isinf(between(roads, points, points)[1]).all()
        return
    assert set(points.piece.tolist()) <= main
    assert np.allclose(points.off_m, [_nearest(graph, main, a, b) for a, b in zip(x, y, strict=True)], atol=0.01)
    distance_m, duration_s = between(roads, points, points)
    metres, seconds = brute.ways(graph, PROFILE, points)
    assert np.allclose(duration_s, seconds, atol=0.02)
    same = np.isclose(distance_m, metres, atol=0.5)  # of two ways as fast to the millisecond either may be taken
    assert same.mean() > 0.8
    few = points.take(np.arange(2))
    assert np.array_equal(between(roads, points, few)[1], duration_s[:, :2])
    assert np.array_equal(between(roads, few, points)[0], distance_m[:2])


def _nearest(graph: RoadGraph, main: set[int], x: float, y: float) -> float:
    """Along each piece in steps, refined about the best: nothing is projected."""
    lon, lat = degrees(np.array([x]), np.array([y]))
    scale = np.array([111_194.93 * np.cos(np.radians((graph.lat_deg.min() + graph.lat_deg.max()) / 2)), 111_194.93])
    best = np.inf
    for piece in main:
        a, b = (np.array([graph.lon_deg[k], graph.lat_deg[k]]) for k in (graph.tail[piece], graph.head[piece]))
        low, high = 0.0, 1.0
        for _ in range(12):
            shares = np.linspace(low, high, 21)
            off = np.hypot(*((a + shares[:, None] * (b - a) - [lon[0], lat[0]]) * scale).T)
            k = int(off.argmin())
            low, high = shares[max(k - 1, 0)], shares[min(k + 1, 20)]
        best = min(best, float(off.min()))
    return best


def test_every_class_has_a_rank() -> None:
    assert {name.removesuffix("_link") for name in CLASSES} == set(brute._RANK)
