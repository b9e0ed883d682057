"""A terminal that somebody reads."""

import contextlib
import os
import pty
import threading


class Terminal:
    """A pseudo-terminal that stands for standard error, read all the while."""

    def __init__(self) -> None:
        self._main, theirs = pty.openpty()
        self.stream = os.fdopen(theirs, "w")
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(self._main, 65536):
                self.shown += chunk.decode(errors="replace")

    def close(self) -> str:
        self.stream.close()
        self._reader.join(5)
        os.close(self._main)
        return self.shown
