"""A database of either kind, and leaders over it whose clock stands where a test puts it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.store import Store
from jobs.bootstrap import StoryClock
from jobs.leadership import Leadership
from tests.broker.conftest import Mosquitto
from tests.wiring.conftest import NOON

LIFE = timedelta(seconds=15)
Leader = Callable[..., Leadership]


@pytest.fixture
def clock() -> StoryClock:
    return StoryClock(NOON)


@pytest.fixture
def leader(store: Store, clock: StoryClock) -> Leader:
    """A leader of `plan` and `rules`, or of other leases, under a name."""

    def make(owner: str, *names: str, alone: bool = False) -> Leadership:
        return Leadership(store, names or ("plan", "rules"), clock, LIFE, owner=owner, alone=alone)

    return make


@pytest.fixture
def server(mosquitto: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Mosquitto]:
    """Mosquitto with the shipped configuration."""
    (tmp_path / "broker").mkdir()
    running = Mosquitto(mosquitto, tmp_path / "broker", free_port())
    running.start()
    yield running
    running.stop()
