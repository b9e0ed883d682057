"""The full territory, made once."""

from pathlib import Path

import pytest

from engine.inventory.model import Territory
from engine.inventory.outlines import Polygons, load_outlines
from twin.territory import generate

DATASETS = Path(__file__).resolve().parents[2] / "datasets"


@pytest.fixture(scope="session")
def facts() -> Path:
    """The folder of the project's own reference data."""
    return DATASETS / "reference"


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    return DATASETS / "sample"


@pytest.fixture(scope="session")
def full(facts: Path) -> Territory:
    """The territory at scale 1."""
    return generate(1.0, 1, reference=facts)


@pytest.fixture(scope="session")
def real_outlines(reference: Path) -> dict[str, Polygons]:
    return load_outlines(reference / "geo" / "alm-communes-29.geojson")
