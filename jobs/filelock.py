"""The lock of a SQLite file: by the operating system one process at a time has a role there, and none that is dead."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine.errors import InputError, Problem


@contextmanager
def locked(database: Path, names: Sequence[str]) -> Iterator[None]:
    """Hold the locks of these leases, in the folder `<database>.serve`, until the block or the process ends.

    Raises InputError, naming who holds one, at once and holding none.
    """
    folder = database.with_name(f"{database.name}.serve")
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        for name in sorted(names):
            stack.enter_context(_lock(folder / name.replace("/", "-"), database, name))
        yield


@contextmanager
def _lock(path: Path, database: Path, name: str) -> Iterator[None]:
    with path.open("a+") as file:  # closed at exec: no child of ours holds it on
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            what = f"process {holder} serves {database} already ({name})"
            hint = "end it first, share the roles out with --roles, or use PostgreSQL for several processes"
            raise InputError([Problem("serve", 0, 0, what, hint)]) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
