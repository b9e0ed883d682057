"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0
_LEAST_S, _MOST_S = 0.02, 0.5


def wait_for(condition: Callable[[], object], patience_s: float = PATIENCE_S, what: str = "waited in vain") -> None:
    """Until it holds; the patience is for a machine that hangs, and no figure is read from it.

    What takes long to look at is looked at less often: those who are waited for want the processor, too.
    """
    deadline = time.monotonic() + patience_s
    while True:
        began = time.monotonic()
        if condition():
            return
        assert time.monotonic() < deadline, what
        time.sleep(min(max(_LEAST_S, 3 * (time.monotonic() - began)), _MOST_S))
