"""What libraries in C print by themselves, kept off the standard output: that is the plan's, and a program may read it.

HiGHS 1.12 prints a line of its own from some mixed-integer programs, whatever its options say.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_OUT, _ERR = 1, 2


@contextmanager
def libraries_to_stderr() -> Iterator[None]:
    """Within, what a library prints on the standard output goes to the standard error."""
    sys.stdout.flush()
    kept = os.dup(_OUT)
    os.dup2(_ERR, _OUT)
    try:
        yield
    finally:
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)  # C's own buffer, or it would follow later
        os.dup2(kept, _OUT)
        os.close(kept)
