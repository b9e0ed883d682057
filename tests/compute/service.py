"""A service with one worker that hangs in C: `python -m tests.compute.service FILE` writes their numbers there."""

import sys

from jobs.compute import Processes
from optimizers.result import Limits
from tests.compute import work

if __name__ == "__main__":
    list(Processes(1).map(work.start_a_child_and_hang, [sys.argv[1]], Limits(seconds=600)))
