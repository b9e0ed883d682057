"""The inventory and the roads: what the contract says, what the standard says, what is refused."""

import csv
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError, Problem
from engine.inventory.territory import load_communes
from twin.territory.inventory import load_inventory, load_roads, scaled

CONTRACT = {
    "Streetlight": 50_000,
    "StreetlightControlCabinet": 1_200,
    "PresenceDetector": 3_600,
    "ParkingSpot": 600,
    "GreenspaceRecord": 400,
    "IrrigationValve": 400,
    "Garden": 120,
    "IrrigationNetwork": 40,
    "Building": 450,
    "WasteContainer": 1_500,
    "PumpingStation": 40,
}


def test_counts_are_those_of_the_contract(facts: Path) -> None:
    inventory = load_inventory(facts / "inventory.yaml")
    counts = inventory.scaled(1.0)
    assert {name: counts[name] for name in CONTRACT} == CONTRACT
    assert (sum(counts.values()), inventory.dimmable, inventory.zones) == (70_530, 30_000, 600)


def test_every_type_is_in_the_catalogue_and_the_other_way_round(facts: Path, catalogue: Catalogue) -> None:
    assert set(load_inventory(facts / "inventory.yaml").types) == set(catalogue.types)


def test_cameras_and_detectors_measure_nobody(catalogue: Catalogue) -> None:
    assert set(catalogue.types["Camera"].properties) == {"on", "temperature"}
    assert set(catalogue.types["PresenceDetector"].properties) == {"presence"}
    people = re.compile("people|person|crowd|image|face|plate|stream", re.IGNORECASE)
    names = [name for entry in catalogue.types.values() for name in entry.properties]
    assert [name for name in names if people.search(name)] == []


def test_a_valve_is_safe_closed_and_its_command_is_short_lived(catalogue: Catalogue) -> None:
    envelope = catalogue.point("IrrigationValve", "opening").envelope
    assert envelope.safe == envelope.minimum == 0
    assert envelope.time_to_live.total_seconds() <= 3600


@pytest.mark.parametrize(
    ("count", "scale", "wanted"),
    [(100, 1.0, 100), (100, 0.5, 50), (100, 0.005, 1), (3, 0.5, 2), (1, 0.001, 1), (40, 0.0124, 1), (40, 0.0375, 2)],
)
def test_scaling_rounds_half_up_and_keeps_one(count: int, scale: float, wanted: int) -> None:
    assert scaled(count, scale) == wanted


def refused(load: Callable[[Path], object], path: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load(path)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("zones: 600", "zones: 1001", "zones"),
        ("zones: 600", "zones: 0", "zones"),
        ("zones: 600", "zones: 1000\nzone: 1", "unknown key 'zone'"),
        (
            "count: 1200, by: streets}\n  StreetlightFeeder",
            "count: 500, by: streets}\n  StreetlightFeeder",
            "600 zones, 500 cab",
        ),
        (
            "count: 1200, by: streets}\n  StreetlightFeeder",
            "count: 3126, by: streets}\n  StreetlightFeeder",
            "16 lamps or more",
        ),
        ("dimmable: 30000", "dimmable: 50001", "dimmable 50001"),
        ("dimmable: 30000", "dimmable: 3599", "dimmable 3599"),
        ("  Streetlight: {count: 50000, by: population}\n", "", "types wants Streetlight"),
        ("count: 600, by: population", "count: 600, by: streets", "ParkingSpot: by streets is for"),
        ("count: 3600, by: streets", "count: 3600, by: area", "PresenceDetector: by streets is for"),
        ("count: 600, by: population", "count: 600", "shared either by"),
        ("count: 600, by: population", "count: 600, by: area, over: Building", "shared either by"),
        ("count: 600, by: population", "count: 600, over: Building", "Building wants to stand before it"),
        ("count: 600, by: population", "count: 600, by: luck", "ParkingSpot.by"),
        ("count: 600, by: population", "count: 0, by: population", "ParkingSpot.count"),
        ("  ParkingSpot:", "  Unicorn:", "nobody knows how to place Unicorn"),
        ("PedestrianCrossing: {count: 1200", "PedestrianCrossing: {count: 50001", "a lamp of its own"),
    ],
)
def test_a_wrong_inventory_is_refused(facts: Path, tmp_path: Path, old: str, new: str, what: str) -> None:
    text = (facts / "inventory.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "inventory.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    problems = refused(load_inventory, path)
    assert any(what in problem.what for problem in problems), problems
    assert all(problem.line > 0 for problem in problems)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("  path:", "  footway:", "footway"),
        ("class_full: M3", "class_full: ME3a", "since 2015 it is M3"),
        ("class_normal: M2, class_full: M2", "class_normal: M2, class_full: M3", "dimmer than class_normal"),
        ("led_w: 72", "led_w: 0", "led_w"),
        ("share: 50", "share: 0", "share"),
        ("capacity_veh_h: 1800", "capacity_veh_h: 0", "capacity_veh_h"),
        (", P5: C5", "", "crossing_classes wants P5"),
    ],
)
def test_wrong_roads_are_refused(facts: Path, tmp_path: Path, old: str, new: str, what: str) -> None:
    text = (facts / "roads.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "roads.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any(what in problem.what for problem in refused(load_roads, path))


def weights(reference: Path, name: str) -> dict[tuple[str, str], float]:
    with (reference / "lighting" / name).open(encoding="utf-8") as file:
        return {(row["parameter"], row["option"].split()[0]): float(row["weight"]) for row in csv.DictReader(file)}


@pytest.mark.reference
def test_classes_of_m_roads_follow_the_weights(facts: Path, reference: Path) -> None:
    """Busiest hour, undivided, moderate junctions, easy task. The published M weights wait for verification."""
    table = weights(reference, "cen_tr_13201-1_2014_weights_M_TO_VERIFY.csv")
    composition = {"motorised_only": 0, "mixed": 1, "mixed_high_nonmotorised": 2}
    for road in ("main", "collector"):
        for variant in load_roads(facts / "roads.yaml").roads[road].variants:
            speed = "low" if variant.speed_kmh <= 40 else "moderate" if variant.speed_kmh <= 70 else "high"
            total = (
                table["design_speed", speed]
                + table["traffic_volume", "high"]
                + composition[variant.composition]
                + table["separation_of_carriageways", "no"]
                + variant.parked_vehicles
                + table["ambient_luminosity", variant.ambient]
            )
            assert variant.class_normal == f"M{6 - int(total)}"


@pytest.mark.reference
def test_classes_of_p_roads_follow_the_weights(facts: Path, reference: Path) -> None:
    table = weights(reference, "cen_tr_13201-1_2014_weights_P.csv")
    composition = {"pedestrians_cyclists_motorised": 2, "pedestrians_cyclists": 1}
    for road in ("residential", "path"):
        for variant in load_roads(facts / "roads.yaml").roads[road].variants:
            total = (
                table["travel_speed", "very" if variant.speed_kmh <= 10 else "low"]
                + table["use_intensity", "busy"]
                + composition[variant.composition]
                + variant.parked_vehicles
                + table["ambient_luminosity", variant.ambient]
            )
            assert variant.class_normal == f"P{6 - int(total)}"


def test_communes_are_the_29_of_the_territory(facts: Path) -> None:
    """Population: 306,617 in force on 1 January 2024 by the member list; area: 676.6 km²."""
    communes = load_communes(facts / "communes.yaml")
    assert len(communes) == 29
    assert sum(commune.population for commune in communes) == 306_617
    assert sum(commune.area_km2 for commune in communes) == pytest.approx(676.6, abs=0.1)
    assert [commune.insee for commune in communes] == sorted(commune.insee for commune in communes)
    assert all(commune.insee.startswith("49") for commune in communes)


@pytest.mark.reference
def test_facts_of_communes_are_those_of_the_outlines(facts: Path, reference: Path) -> None:
    import orjson

    data = orjson.loads((reference / "geo" / "alm-communes-29.geojson").read_bytes())
    published = {feature["properties"]["insee"]: feature for feature in data["features"]}
    communes = load_communes(facts / "communes.yaml")
    assert {commune.insee for commune in communes} == set(published)
    for commune in communes:
        told: dict[str, Any] = published[commune.insee]["properties"]
        assert (commune.name, commune.population) == (told["nom"], told["pmun_2024"])
        assert commune.area_km2 == pytest.approx(told["area_km2"], rel=0.002)
        lon, lat = centroid(published[commune.insee]["geometry"])
        assert (commune.lon, commune.lat) == (pytest.approx(lon, abs=6e-5), pytest.approx(lat, abs=6e-5))


def centroid(geometry: dict[str, Any]) -> tuple[float, float]:
    """Of the surface, holes taken off."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    total, sum_x, sum_y = 0.0, 0.0, 0.0
    for polygon in polygons:
        for k, ring in enumerate(polygon):
            x0, y0 = ring[0]
            area, east, north = 0.0, 0.0, 0.0
            for (x1, y1), (x2, y2) in pairwise(ring):
                cross = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
                area += cross / 2
                east += cross * (x1 + x2 - 2 * x0) / 6
                north += cross * (y1 + y2 - 2 * y0) / 6
            sign = (1 if k == 0 else -1) * (1 if area > 0 else -1)
            total += sign * area
            sum_x += sign * (east + area * x0)
            sum_y += sign * (north + area * y0)
    return sum_x / total, sum_y / total
