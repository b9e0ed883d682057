"""OpenStreetMap's tags, as its wiki explains them."""

from math import inf

import pytest

from jobs.roads.tags import blocks, road_of, speed_m_s
from optimizers.roads import CLASSES, Access

KM_H = 1 / 3.6


@pytest.mark.parametrize(
    ("text", "km_h"),
    [("50", 50), ("30 mph", 48.28032), ("FR:urban", 50), ("FR:zone30", 30), ("fr:rural", 80), ("130", 130)],
)
def test_speeds(text: str, km_h: float) -> None:
    assert speed_m_s(text) == pytest.approx(km_h * KM_H, rel=1e-6)


@pytest.mark.parametrize("text", ["", "none", "signals", "walk", "0", "-5", "FR:elsewhere"])
def test_what_is_no_speed_is_no_limit(text: str) -> None:
    assert speed_m_s(text) == inf


@pytest.mark.parametrize(
    ("tags", "field", "amount"),
    [
        ({"maxheight": "3.6"}, "max_height_m", 3.6),
        ({"maxheight": "3,6 m"}, "max_height_m", 3.6),
        ({"maxheight": "12'6\""}, "max_height_m", 3.81),
        ({"maxheight": "default", "maxheight:physical": "4.1"}, "max_height_m", 4.1),
        ({"maxheight": "unsigned"}, "max_height_m", inf),
        ({"maxwidth": "250 cm"}, "max_width_m", 2.5),
        ({"maxweight": "7.5"}, "max_weight_kg", 7_500),
        ({"maxweight": "3.5 t"}, "max_weight_kg", 3_500),
        ({"maxweight": "900 kg"}, "max_weight_kg", 900),
        ({"maxweightrating": "19"}, "max_weight_kg", 19_000),
        ({"maxweight": "19", "maxweightrating": "7.5"}, "max_weight_kg", 7_500),
    ],
)
def test_limits(tags: dict[str, str], field: str, amount: float) -> None:
    road = road_of({"highway": "residential", **tags})
    assert road is not None
    assert getattr(road, field) == pytest.approx(amount)


@pytest.mark.parametrize(
    ("tags", "both"),
    [
        ({}, (True, True)),
        ({"oneway": "yes"}, (True, False)),
        ({"oneway": "-1"}, (False, True)),
        ({"oneway": "no", "junction": "roundabout"}, (True, True)),
        ({"junction": "roundabout"}, (True, False)),
        ({"highway": "motorway"}, (True, False)),
        ({"highway": "motorway_link", "oneway": "no"}, (True, True)),
        ({"oneway": "yes", "oneway:motor_vehicle": "no"}, (True, True)),
    ],
)
def test_directions(tags: dict[str, str], both: tuple[bool, bool]) -> None:
    road = road_of({"highway": "tertiary", **tags})
    assert road is not None
    assert (road.forward, road.backward) == both


@pytest.mark.parametrize(
    ("tags", "levels"),
    [
        ({}, (Access.OPEN, Access.OPEN)),
        ({"access": "private"}, (Access.PRIVATE, Access.PRIVATE)),
        ({"access": "no", "motor_vehicle": "yes"}, (Access.OPEN, Access.OPEN)),
        ({"vehicle": "destination"}, (Access.DESTINATION, Access.DESTINATION)),
        ({"hgv": "no"}, (Access.OPEN, Access.CLOSED)),
        ({"hgv": "delivery"}, (Access.OPEN, Access.DESTINATION)),
        ({"access": "no", "hgv": "designated"}, (Access.CLOSED, Access.OPEN)),
        ({"motor_vehicle": "unbekannt"}, (Access.OPEN, Access.OPEN)),
        ({"highway": "track"}, (Access.PRIVATE, Access.PRIVATE)),
        ({"highway": "track", "motor_vehicle": "permissive"}, (Access.OPEN, Access.OPEN)),
        ({"highway": "pedestrian", "motor_vehicle": "delivery"}, (Access.DESTINATION, Access.DESTINATION)),
    ],
)
def test_access(tags: dict[str, str], levels: tuple[Access, Access]) -> None:
    road = road_of({"highway": "residential", **tags})
    assert road is not None
    assert (road.access, road.heavy_access) == levels


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"highway": "footway"},
        {"highway": "construction"},
        {"highway": "residential", "motor_vehicle": "no"},
        {"highway": "pedestrian", "area": "yes"},
    ],
)
def test_what_is_no_road_for_motor_vehicles(tags: dict[str, str]) -> None:
    assert road_of(tags) is None


def test_a_class_is_that_of_the_tag() -> None:
    for name in CLASSES:
        road = road_of({"highway": name})
        assert road is not None
        assert CLASSES[road.road_class] == name


@pytest.mark.parametrize(
    ("tags", "blocked"),
    [
        ({"barrier": "bollard"}, True),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, False),
        ({"barrier": "gate"}, False),
        ({"highway": "crossing"}, False),
    ],
)
def test_bollards(tags: dict[str, str], blocked: bool) -> None:
    assert blocks(tags) is blocked
