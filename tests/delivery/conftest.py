"""A broker that can be stopped and started, and a database of either kind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.conftest import Mosquitto


@pytest.fixture
def server(mosquitto: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Mosquitto]:
    """Mosquitto with the shipped configuration."""
    (tmp_path / "broker").mkdir()
    running = Mosquitto(mosquitto, tmp_path / "broker", free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """For a test that is marked BOTH."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'consigne.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found
