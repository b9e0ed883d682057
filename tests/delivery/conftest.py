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
