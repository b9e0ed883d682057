"""What a library in C prints by itself while a command computes."""

import subprocess
import sys

SPEAKS = """
import ctypes
from jobs.cli.quiet import libraries_to_stderr

c = ctypes.CDLL(None)
with libraries_to_stderr():
    c.puts(b"of the library")
    print("of ours within")
print("of the plan")
c.puts(b"later")
"""


def test_it_stands_on_the_standard_error_and_nothing_else_does() -> None:
    run = subprocess.run([sys.executable, "-c", SPEAKS], capture_output=True, text=True, check=True)
    assert sorted(run.stdout.split("\n")) == ["", "later", "of the plan"]
    assert sorted(run.stderr.split("\n")) == ["", "of ours within", "of the library"]
