"""Roads made of a territory's lamps."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.inventory.territory import load_territory
from engine.model import Asset
from engine.settings import Settings
from jobs.cli import app
from jobs.roads import kept_file, road_matrices
from jobs.roads.keeping import kept
from optimizers.roads import CAR, CLASSES, LORRY, coverage, network, snap
from optimizers.routing import Place
from tests.conftest import ROOT
from tests.roads.ground import degrees
from twin.territory import generate
from twin.territory.roads import made_roads

_SITES = {"WasteContainer", "DisposalSite", "VehicleDepot"}


def lamp(street: str, order: int, x: float, y: float, road_class: str = "residential") -> Asset:
    lon, lat = (float(one[0]) for one in degrees(np.array([x]), np.array([y])))
    about = {"segment": street, "order": order, "road_class": road_class}
    return Asset(f"L-{street}-{order}", "Streetlight", "Z", lon, lat, attributes=about)


def test_streets_that_end_by_one_another_meet() -> None:
    """One of 120 m to the east, lamps at 15, 45, 75 and 105 m; one of 60 m to the north from where it ends."""
    east = [lamp("A", k, 15 + 30 * k, 4, "main") for k in range(4)]
    north = [lamp("B", k, 124, 15 + 30 * k) for k in range(2)]
    graph = made_roads([*north, *east])
    assert len(graph.lon_deg) == 3
    assert [CLASSES[k] for k in graph.road_class[:2]] == ["secondary", "residential"]
    assert graph.length_m[:2] == pytest.approx([120, 60], abs=8)
    assert graph.approximate


def test_streets_and_sites_apart_are_joined_once() -> None:
    lon, lat = (float(one[0]) for one in degrees(np.array([60.0]), np.array([2_000.0])))
    depot = Asset("D", "VehicleDepot", "Z", lon, lat)
    graph = made_roads([*(lamp("A", k, 15 + 30 * k, 0) for k in range(4)), lamp("B", 0, 900, 300), depot])
    assert len(graph.lon_deg) == 5
    assert graph.pieces == 2 * (2 + 2)
    assert coverage(network(graph, CAR)).main_share == 1


def test_a_territory_hangs_together_and_everything_lies_by_a_road() -> None:
    made = generate(0.05, 3, reference=ROOT / "datasets" / "reference")
    graph = made_roads(made.assets)
    roads = network(graph, LORRY)
    found = coverage(roads)
    assert (found.main_share, found.cut_share) == (1, 0)
    assert 1 <= found.detour < 2
    lon, lat = np.array([[asset.lon, asset.lat] for asset in made.assets if asset.type in _SITES]).T
    assert snap(roads, lon, lat).off_m.max() < 100


def test_the_command_makes_them_of_the_sample_and_plans_know_that_they_are_approximate(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    sample = ROOT / "datasets" / "sample"
    done = CliRunner().invoke(
        app, ["roads", "make", str(sample), "--lang", "en"], env={"CONSIGNE_DATA_DIR": str(tmp_path)}
    )
    assert done.exit_code == 0, done.output
    graph = kept(kept_file(Settings(data_dir=tmp_path)))
    assets = load_territory(sample, catalogue).assets
    assert graph.digest == made_roads(assets).digest
    places = [Place(asset.id, asset.lon, asset.lat) for asset in assets if asset.type in _SITES]
    found = road_matrices(graph, [LORRY], places)
    assert found.matrices.approximate
    assert not found.far
    assert np.isfinite(found.matrices.duration_s).all()


def test_without_lamps_that_know_their_street_there_is_nothing_to_make_roads_of() -> None:
    with pytest.raises(InputError, match="no lamp has a segment"):
        made_roads([Asset("L", "Streetlight", "Z", 6.0, 48.0)])
