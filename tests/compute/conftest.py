"""The engines under test. What is behind them is started once for many tests: workers are warm as in service."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from jobs.compute import Compute, Inline, Processes
from jobs.compute.cluster import Dask
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from tests.compute.cluster import Cluster

MEMORY_BYTES = 400 << 20


def short_grace(_seconds: float) -> float:
    return 1.0


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    engine = Processes(2, memory_bytes=MEMORY_BYTES, grace=short_grace)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def cluster(free_port: Callable[[], int]) -> "Iterator[Cluster]":
    """Not for the session: one that waits for work still takes a part of a processor."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install consigne[dask]")
    from tests.compute.cluster import Cluster

    with Cluster(free_port(), workers=2) as found:
        yield found


@pytest.fixture(scope="module")
def dask(cluster: "Cluster") -> Iterator[Dask]:
    """Not for the session: its threads draw from `random`, which Hypothesis takes for a fault of other tests."""
    engine = Dask(cluster.url, memory_bytes=MEMORY_BYTES, grace=short_grace, answer_s=PATIENCE_S)
    yield engine
    engine.close()


@pytest.fixture(params=["inline", "processes", "dask"])
def engine(request: pytest.FixtureRequest) -> Compute:
    """Every engine."""
    return Inline() if request.param == "inline" else request.getfixturevalue(request.param)
