"""How far a long command has come: shown at a terminal once it has taken two seconds, and gone when it ends."""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

AFTER_S = 2.0
T = TypeVar("T")


class Bar:
    """One piece of work. Threads may tell it how far they are."""

    def __init__(self, shown: Progress, what: str, total: float | None) -> None:
        self._shown, self._total = shown, total
        self._task = shown.add_task(what, total=total, told="")

    def advance(self, steps: float = 1) -> None:
        """So much more of the total is done."""
        self._shown.update(self._task, advance=steps)

    def reach(self, steps: float, told: str = "") -> None:
        """So much of the total is done; `told` stands beside it."""
        self._shown.update(self._task, completed=steps, told=told)

    def tell(self, told: str) -> None:
        """What it is at."""
        self._shown.update(self._task, told=told)

    def track(self, items: Iterable[T], total: float) -> Iterator[T]:
        """The items, each a step of the total once the next is taken."""
        self._shown.update(self._task, total=total)
        for item in items:
            yield item
            self.advance()


@contextmanager
def progress(
    what: str, total: float | None = None, *, after_s: float | None = None, quiet: bool = False
) -> Iterator[Bar]:
    """A bar on standard error, where that is a terminal; without a `total` it only says that it goes on.

    Only once the block has taken `after_s`, by default two seconds: what is quick shows nothing.
    """
    console = Console(stderr=True)
    shown = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[told]}"),
        console=console, transient=True, redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    bar = Bar(shown, what, total)
    if quiet or not (sys.stderr.isatty() and console.is_interactive):
        yield bar
        return
    with _later(shown.start, shown.stop, AFTER_S if after_s is None else after_s):
        yield bar


@contextmanager
def _later(start: Callable[[], object], stop: Callable[[], object], after_s: float) -> Iterator[None]:
    """Start after so many seconds, unless the block was left by then; stop on leaving what was started."""
    lock, began, left = threading.Lock(), False, False

    def due() -> None:
        nonlocal began
        with lock:
            if not left:
                start()
                began = True

    timer = threading.Timer(after_s, due)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            left = True
        if began:
            stop()
