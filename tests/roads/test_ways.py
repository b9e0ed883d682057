"""Small networks whose answers are plain to see."""

from dataclasses import replace

import numpy as np
import pytest

from optimizers.result import InvalidProblem
from optimizers.roads import Access, Closure, Profile, RoadGraph, Turns, between, closed, network, snap
from tests.roads.ground import EVEN, Road, degrees, drawn

SQUARE = {"a": (0.0, 0.0), "b": (100.0, 0.0), "c": (100.0, 100.0), "d": (0.0, 100.0), "z": (-50.0, -50.0)}
RING = [Road("a", "b"), Road("b", "c"), Road("c", "d"), Road("d", "a"), Road("a", "z")]  # z: to turn round at


def seconds(graph: RoadGraph, profile: Profile, *points: tuple[float, float], kerb: bool = False) -> list[list[float]]:
    """Between points in metres east and north."""
    roads = network(graph, profile)
    lon, lat = degrees(np.array([x for x, _ in points]), np.array([y for _, y in points]))
    snapped = snap(roads, lon, lat, np.full(len(points), kerb))
    rows: list[list[float]] = np.round(between(roads, snapped, snapped)[1], 1).tolist()
    return rows


def test_a_one_way_street_is_driven_one_way() -> None:
    """From the middle of ab to that of cd: 200 m through b and c; the other way round where bc may not be driven so."""
    assert seconds(drawn(SQUARE, RING), EVEN, (50, 0), (50, 100)) == [[0, 20], [20, 0]]
    against = [RING[0], Road("c", "b", one_way=True), *RING[2:]]
    out, back = seconds(drawn(SQUARE, against), EVEN, (100, 10), (100, 90))
    assert out == [0, 32]
    assert back == [8, 0]


def test_a_way_along_the_same_street_need_not_go_round() -> None:
    assert seconds(drawn(SQUARE, RING), EVEN, (10, 0), (90, 0)) == [[0, 8], [8, 0]]


@pytest.mark.parametrize(
    ("sign", "vehicle"),
    [
        ({"max_width_m": 2.5}, {"width_m": 2.55}),
        ({"max_height_m": 3.6}, {"height_m": 4.0}),
        ({"max_weight_kg": 7_500.0}, {"weight_kg": 26_000.0}),
        ({"heavy_access": Access.CLOSED}, {"weight_kg": 3_501.0}),
        ({"access": Access.PRIVATE}, {}),
    ],
)
def test_a_sign_sends_round_whom_it_means(sign: dict[str, float], vehicle: dict[str, float]) -> None:
    """ab is 100 m; the way round 300 m, and no longer for a vehicle that the sign does not mean."""
    limited = drawn(SQUARE, [replace(RING[0], **sign), *RING[1:]])  # type: ignore[arg-type]
    assert seconds(limited, replace(EVEN, **vehicle), (0, 1), (100, 1))[0][1] == pytest.approx(29.8, abs=0.01)  # type: ignore[arg-type]
    assert seconds(limited, replace(EVEN, enters=Access.PRIVATE), (0, 1), (100, 1))[0][1] == pytest.approx(10, abs=0.21)


def test_a_vehicle_that_just_fits_passes() -> None:
    limited = drawn(SQUARE, [replace(RING[0], max_width_m=2.55, max_weight_kg=26_000), *RING[1:]])
    assert seconds(limited, replace(EVEN, width_m=2.55, weight_kg=26_000), (1, 0), (99, 0))[0][1] == pytest.approx(9.8)


CROSS = {"w": (-100.0, 0.0), "o": (0.0, 0.0), "e": (100.0, 0.0), "n": (0.0, 100.0), "s": (0.0, -100.0)}
ARMS = [Road("w", "o"), Road("o", "e"), Road("n", "o"), Road("o", "s")]
TURNS = Turns(left_s=7, right_s=3, back_s=20, give_way_s=0)


def test_turning_takes_its_time_and_going_on_none() -> None:
    """From the west arm, 50 m before the crossing, 50 m beyond it: 10 s, and the turn."""
    from_west = seconds(drawn(CROSS, ARMS), replace(EVEN, turns=TURNS), (-50, 0), (50, 0), (0, 50), (0, -50))[0]
    assert from_west == [0, 10, 17, 13]


def test_who_comes_from_the_smaller_road_gives_way() -> None:
    main = [replace(arm, name="primary") for arm in ARMS[:2]]
    profile = replace(EVEN, turns=replace(TURNS, give_way_s=4))
    rows = seconds(drawn(CROSS, [*main, *ARMS[2:]]), profile, (-50, 0), (50, 0), (0, 50), (0, -50))
    assert rows[0] == [0, 10, 17, 13]
    assert rows[2] == [10 + 4 + 3, 10 + 4 + 7, 0, 10 + 4]


def test_a_banned_turn_is_made_by_turning_round_at_a_dead_end() -> None:
    """Left from the west is banned: on to the east end, round there (20 s), and right: 150 + 100 + 50 m, 3 s."""
    graph = drawn(CROSS, ARMS, banned=[(("w", "o"), ("o", "n"))])
    found = seconds(graph, replace(EVEN, turns=TURNS), (-50, 0), (0, 50))[0][1]
    by_south = 5 + 3 + 10 + 20 + 10 + 5  # right, round at the south end, straight on
    assert found == by_south


def test_nobody_turns_round_but_at_a_dead_end() -> None:
    """From one side of a street to the other: on to the end of it."""
    rows = seconds(drawn(CROSS, ARMS), replace(EVEN, turns=TURNS), (-50, -3), (-20, 3), kerb=True)
    # the first is on the right going east; the second going west: on to e, s or n, round, and back over the crossing
    assert rows[0][1] == pytest.approx(5 + 10 + 20 + 10 + 2, abs=0.01)
    assert rows[1][0] == pytest.approx(8 + 20 + 5, abs=0.01)


def test_a_stop_held_to_the_kerb_is_reached_with_it_on_the_right() -> None:
    """Round the square with kerbs inside, all ways are clockwise: the right-hand side of those who go so."""
    graph = drawn(SQUARE, RING)
    inside = [(50.0, 5.0), (95.0, 50.0), (50.0, 95.0), (5.0, 50.0)]
    clockwise = seconds(graph, EVEN, *inside, kerb=True)
    assert clockwise[0] == pytest.approx([0, 30, 20, 10], abs=0.01)
    assert seconds(graph, EVEN, *inside)[0] == pytest.approx([0, 10, 20, 10], abs=0.01)


def test_the_side_cannot_be_chosen_on_a_one_way_street_and_that_is_told() -> None:
    graph = drawn(SQUARE, [replace(road, one_way=True) for road in RING])
    roads = network(graph, EVEN)
    lon, lat = degrees(np.array([50.0, 50.0]), np.array([5.0, -5.0]))  # left of the way from a to b, and right
    snapped = snap(roads, lon, lat, np.array([True, True]))
    assert snapped.wrong_side.tolist() == [True, False]
    assert snapped.other.tolist() == [-1, -1]


def test_points_go_to_the_largest_part_and_tell_how_far_that_is() -> None:
    island = {**SQUARE, "x": (1_000.0, 0.0), "y": (1_100.0, 0.0)}
    roads = network(drawn(island, [*RING, Road("x", "y")]), EVEN)
    lon, lat = degrees(np.array([1_050.0, 50.0]), np.array([10.0, 12.0]))
    snapped = snap(roads, lon, lat)
    assert snapped.off_m == pytest.approx([np.hypot(950, 10), 12], rel=1e-3)


def test_closed_roads_are_driven_round() -> None:
    graph = drawn(SQUARE, [replace(road, way=10 + k) for k, road in enumerate(RING)], banned=[(("d", "a"), ("a", "b"))])
    line = [tuple(np.ravel(degrees(np.array([50.0]), np.array([y])))) for y in (-5.0, 5.0)]
    outline = [
        tuple(np.ravel(degrees(np.array([x]), np.array([y])))) for x, y in ((40, -5), (60, -5), (60, 5), (40, 5))
    ]
    for closure in (Closure(ways=[10]), Closure(lines=[line]), Closure(outlines=[outline])):
        shut = closed(graph, closure)
        assert np.flatnonzero(shut).tolist() == [0, 1]
        assert seconds(graph.without(shut), EVEN, (0, 1), (100, 1))[0][1] == pytest.approx(29.8, abs=0.01)
    around = [
        tuple(np.ravel(degrees(np.array([x]), np.array([y]))))
        for x, y in ((-90, -90), (200, -90), (200, 200), (-90, 200))
    ]
    assert closed(graph, Closure(outlines=[around])).all()


def test_what_is_left_of_a_closed_road_keeps_its_other_side_and_its_bans() -> None:
    graph = drawn(SQUARE, RING, banned=[(("b", "c"), ("c", "d")), (("d", "a"), ("a", "b"))])
    left = graph.without(closed(graph, Closure(lines=[_across_ab()])))
    assert left.back.tolist() == [1, 0, 3, 2, 5, 4, 7, 6]
    assert left.banned.tolist() == [[0, 2]]
    assert left.digest != graph.digest


def _across_ab() -> list[tuple[float, float]]:
    return [tuple(np.ravel(degrees(np.array([50.0]), np.array([y])))) for y in (-5.0, 5.0)]


def test_a_closure_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidProblem) as refused:
        closed(
            drawn(SQUARE, RING),
            Closure(ways=[999], lines=[[(6.18, 48.69)]], outlines=[[(6.0, 48.0), (7.0, 95.0), (6.0, 49.0)]]),
        )
    assert len(refused.value.problems) == 3


def test_a_network_that_contradicts_itself_is_refused_with_everything_wrong() -> None:
    graph = drawn(SQUARE, RING)
    told = {name: getattr(graph, name) for name in graph.__dataclass_fields__}
    with pytest.raises(InvalidProblem) as refused:
        RoadGraph(**{**told, "head": graph.head + 3, "length_m": -graph.length_m, "limit_m_s": 0 * graph.length_m})
    assert [text.split(":")[0] for text in refused.value.problems] == ["head", "length_m", "limit_m_s"]


def test_a_profile_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(InvalidProblem) as refused:
        Profile(name="p", speeds_m_s={"boulevard": 3.0, "primary": 0.0}, pace=0, turns=Turns(left_s=-1))
    assert len(refused.value.problems) == 4


def test_into_a_loop_the_shorter_way_round_is_taken() -> None:
    """From the stem into a ring of 400 m: a place 90 m along it is 90 m in from one side and 310 m from the other."""
    ring = [Road("a", "b"), Road("b", "c"), Road("c", "d"), Road("d", "a"), Road("z", "a")]
    rows = seconds(drawn({**SQUARE, "z": (-50.0, 0.0)}, ring), EVEN, (-50, 0), (90, 0), (0, 90))
    assert rows[0] == pytest.approx([0, 14, 14], abs=0.01)


def test_a_line_drawn_on_where_a_street_has_ended_closes_nothing() -> None:
    lon, lat = degrees(np.array([1_000.0, 1_100.0]), np.array([0.0, 0.0]))
    line = list(zip(lon.tolist(), lat.tolist(), strict=True))
    assert not closed(drawn(SQUARE, RING), Closure(lines=[line])).any()
