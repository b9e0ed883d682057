"""How a process of the twin begins and ends: SIGTERM and SIGINT ask it to stop, a fault of ours is its message."""

import signal
import sys
import threading
from collections.abc import Callable

from engine.errors import ConsigneError


def run_until_told(work: Callable[[threading.Event], int]) -> int:
    """Returns the exit code of `work`, which is to end soon once its event is set; faults go to standard error."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        return work(stop)
    except ConsigneError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
