"""The committed sample is what the generator makes, and what the demo needs."""

from collections import Counter
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.inventory.model import Territory
from engine.inventory.territory import load_territory, save_territory
from twin.territory import generate

SEED = 2
COMMUNES = ("49028", "49329")


@pytest.fixture(scope="module")
def sample(sample_folder: Path, catalogue: Catalogue) -> Territory:
    return load_territory(sample_folder, catalogue)


def test_the_generator_makes_it_byte_for_byte(facts: Path, sample_folder: Path, tmp_path: Path) -> None:
    made = generate(1.0, SEED, reference=facts, communes=COMMUNES, inventory=sample_folder / "inventory.yaml")
    save_territory(made, tmp_path)
    for name in ("territory.yaml", "assets.csv"):
        assert (tmp_path / name).read_bytes() == (sample_folder / name).read_bytes()


def test_it_is_small(sample_folder: Path) -> None:
    assert sum(path.stat().st_size for path in sample_folder.iterdir()) < 200_000


def test_it_has_what_the_demo_needs(sample: Territory, catalogue: Catalogue) -> None:
    counts = Counter(asset.type for asset in sample.assets)
    assert set(counts) == set(catalogue.types)
    assert counts["Streetlight"] == 240
    assert counts["StreetlightControlCabinet"] == 9
    assert counts["PresenceDetector"] == 20
    assert counts["TrafficFlowObserved"] == 6
    assert [commune.name for commune in sample.communes] == ["Béhuard", "Savennières"]
    assert len(sample.zones) == 4


def test_it_shows_every_kind_of_road_and_of_class(sample: Territory) -> None:
    lamps = [asset.attributes for asset in sample.assets if asset.type == "Streetlight"]
    assert {lamp["road_class"] for lamp in lamps} == {"main", "collector", "residential", "path"}
    assert {lamp["class_normal"][0] for lamp in lamps} == {"M", "P", "C"}
    assert Counter(lamp["dimmable"] for lamp in lamps) == {True: 180, False: 60}
    loops = {asset.attributes["road_class"] for asset in sample.assets if asset.type == "TrafficFlowObserved"}
    assert loops == {"main", "collector", "residential"}
