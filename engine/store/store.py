"""The store: transactions over one database, its schema, its upkeep."""

import copy
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from engine.errors import Problem
from engine.instants import isoformat
from engine.store import backup, partitions, revisions
from engine.store.checks import check_contents
from engine.store.database import Database
from engine.store.leases import Fences
from engine.store.newest import Newest, Version
from engine.store.retention import prune
from engine.store.unit import Unit


class Store:
    """One SQLite file or PostgreSQL database. Safe to share between threads; each transaction belongs to one.

    Every method may raise Unavailable when the database cannot be reached or wants `upgrade`, and Conflict when
    somebody else stood in the way; either way nothing was written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest = Newest()
        self._close = weakref.finalize(self, database.engine.dispose)
        self._fences: Fences = {}
        self._origin: Store | None = None  # whose connections these are: they are closed when it is collected

    @classmethod
    def open(cls, url: str, *, create: bool = False) -> "Store":
        """The store at sqlite:///FILE or postgresql://USER@HOST/NAME. `create` makes a missing SQLite file.

        Raises Unavailable when there is none or it does not answer, InputError for any other URL.
        """
        return cls(Database(url, create=create))

    def under(self, fences: Fences) -> "Store":
        """The same store for whoever leads: every transaction of it that writes proves its leases, or raises Deposed.

        It shares this one's connections, and is closed with it.
        """
        led = copy.copy(self)
        led._fences, led._origin = fences, self
        return led

    @property
    def fences(self) -> Fences:
        """The leases its transactions prove; none of a store that nobody leads."""
        return self._fences

    @property
    def is_postgres(self) -> bool:
        """Whether several processes may serve it."""
        return self._database.is_postgres

    @property
    def name(self) -> str:
        """Kind and place of the database, as messages call it."""
        return self._database.name

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return self._database.path

    def close(self) -> None:
        """Give all connections back. A store left open does so when it is collected."""
        self._close()

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        """A write transaction: commits on leaving the block, rolls back all of it on an exception."""
        touched: dict[int, Version] = {}
        try:
            with self._database.writing(lambda: self._newest.trust(touched)) as connection:
                unit = Unit(self._database.bulk(connection), self._newest, self._fences)
                touched = unit.readings.appender.touched
                yield unit
                unit.conclude()
        except BaseException:
            self._newest.forget(touched)
            raise

    @contextmanager
    def read(self) -> Iterator[Unit]:
        """A consistent snapshot of the moment the block is entered. Writing in it fails."""
        with self._database.reading() as connection:
            yield Unit(self._database.bulk(connection), self._newest)

    def upgrade(self) -> None:
        """Bring the schema to this version's. Raises Conflict for a database of a newer version."""
        with self._database.writing() as connection:
            revisions.upgrade(connection, self.name)

    def check_schema(self) -> list[Problem]:
        """Is the schema this version's? Quick."""
        with self._database.reading() as connection:
            return revisions.check(connection, self.name)

    def check(self, at: datetime | None = None) -> list[Problem]:
        """Schema, integrity, counts, audit chain; with `at` also partitions ahead and commands past their end."""
        with self._database.reading() as connection:
            problems = revisions.check(connection, self.name)
            return problems or check_contents(self._database.bulk(connection), self.name, at)

    def seal(self) -> int:
        """Seal the lines of the audit that wait, in transactions of their own; returns how many were sealed.

        0 also while another process is at it.
        """
        with self.read() as unit:
            waits = unit.audit.waits()
        sealed = 0
        while waits:
            with self.begin() as unit:
                count = unit.audit.seal()
            sealed, waits = sealed + count, count > 0
        return sealed

    def ensure_partitions(self, until: datetime) -> list[str]:
        """On PostgreSQL, make monthly partitions up to the month of `until`. Returns the names of the new ones."""
        if not self._database.is_postgres:
            return []
        with self._database.writing() as connection:
            return partitions.ensure_until(connection, until)

    def prune(self, before: datetime, at: datetime, by: str = "housekeeping") -> dict[str, int]:
        """Remove readings and refusals of the days before that of `before`, once rolled up; table → rows removed.

        `at` (now) and `by` are for the audit.
        """
        with self._database.writing() as connection:
            unit = Unit(self._database.bulk(connection), self._newest, self._fences)
            removed = prune(self._database.bulk(connection), unit.readings, before)
            unit.audit.append(by, "prune", "database", {"before": isoformat(before), **removed}, at)
            unit.conclude()
            return removed

    def backup(self, path: Path) -> dict[str, int]:
        """Write everything, as of one instant, into a new portable file. Returns table → rows.

        Raises Conflict if `path` exists.
        """
        with self._database.reading() as connection:
            return backup.write(self._database.bulk(connection), path)

    def restore(self, path: Path, at: datetime, by: str = "restore") -> dict[str, int]:
        """Read a backup of either database into this empty one, all or nothing. Returns table → rows.

        `at` (now) begins a later epoch: equipment then takes every command of this database for newer than those the
        other sent since. Makes the schema if there is none. Raises InputError for a file that is not a whole backup of
        this version, Conflict for a database that holds anything.
        """
        with backup.opened(path) as archive:
            self.upgrade()
            with self._database.writing() as connection:
                unit = Unit(self._database.bulk(connection), self._newest)
                restored = archive.read_into(self._database.bulk(connection), self.name)
                body = {"rows": sum(restored.values()), "epoch": unit.epochs.advance(at)}
                unit.audit.append(by, "restore", "database", body, at)
        self._newest.clear()
        return restored
