"""A service whose workers hang in C: `python -m tests.compute.service FILE…` writes the numbers of each into a file."""

import sys

from jobs.compute import Processes
from optimizers.result import Limits
from tests.compute import work

if __name__ == "__main__":
    files = sys.argv[1:]
    list(Processes(len(files)).map(work.start_a_child_and_hang, files, Limits(seconds=600)))
