"""The engines under test. Processes are started once a session, so that workers are warm as in service."""

from collections.abc import Iterator

import pytest

from jobs.compute import Compute, Inline, Processes

MEMORY_BYTES = 400 << 20


def short_grace(_seconds: float) -> float:
    return 0.5


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    engine = Processes(2, memory_bytes=MEMORY_BYTES, grace=short_grace)
    yield engine
    engine.close()


@pytest.fixture(params=["inline", "processes"])
def engine(request: pytest.FixtureRequest) -> Compute:
    """Every engine."""
    return Inline() if request.param == "inline" else request.getfixturevalue(request.param)


@pytest.fixture(params=["processes"])
def bounded(request: pytest.FixtureRequest) -> Compute:
    """The engines that can end a task from outside."""
    found: Compute = request.getfixturevalue(request.param)
    return found
