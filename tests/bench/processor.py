"""Seconds of the processor instead of the wall's, for solves measured beside other work."""

import sys
import time


def count_processor_seconds() -> None:
    """From now on limits of rounds count what this process computes, on one thread: before the first solve of a
    process, as solvers take their clock when they are loaded.
    """
    if "optimizers.routing.solving" in sys.modules:
        raise RuntimeError("rounds were solved already, by the clock on the wall")
    time.monotonic = time.process_time
