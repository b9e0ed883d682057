"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0


def wait_for(condition: Callable[[], object], patience_s: float = PATIENCE_S, what: str = "waited in vain") -> None:
    """Until it holds; the patience is for a machine that hangs, and no figure is read from it."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
