"""One database: its engine, its transactions, and its faults in our words."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from engine.errors import Conflict, ConsigneError, InputError, Problem, Unavailable
from engine.store.bulk import Bulk
from engine.store.bulk_postgres import PostgresBulk, register
from engine.store.bulk_sqlite import SqliteBulk

_BUSY_MS = 30_000
_CONNECT_S = 5
_SILENT_S = 15
_PRAGMAS = (
    "journal_mode = WAL",
    # FULL, not NORMAL: a committed batch is acknowledged to the broker, which then forgets it, so that a power cut
    # must not take it back. One fsync a batch costs less than 1 % at 50,000 readings/s.
    "synchronous = FULL",
    "foreign_keys = ON",
    f"busy_timeout = {_BUSY_MS}",
    "cache_size = -65536",
    "wal_autocheckpoint = 8000",
    "journal_size_limit = 67108864",
)
_WRITES = "consigne_writes"


class Database:
    """Connections to one SQLite file or PostgreSQL database. `name` is how messages call it, without a password."""

    def __init__(self, url: str, *, create: bool = False) -> None:
        parsed = _parse(url)
        self.is_postgres = parsed.get_backend_name() == "postgresql"
        self.name = _name(parsed)
        self.path = None if self.is_postgres else Path(parsed.database or "")
        if not self.is_postgres and not create and not Path(parsed.database or "").is_file():
            raise Unavailable(f"{self.name}: there is no such file → make it with consigne db upgrade")
        self.engine = _postgres(parsed) if self.is_postgres else _sqlite(parsed)
        with self.faults(), self.engine.connect():
            pass

    def bulk(self, connection: Connection) -> Bulk:
        return PostgresBulk(connection) if self.is_postgres else SqliteBulk(connection)

    @contextmanager
    def writing(self, before_commit: Callable[[], None] = lambda: None) -> Iterator[Connection]:
        """A write transaction. On SQLite the only one: the next waits here, up to 30 s, then raises Conflict."""
        options = {_WRITES: True}
        with self.faults(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
            before_commit()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot, taken on entry. Writing in it is an error."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if self.is_postgres else {}
        # Both databases take the snapshot at the first statement that reads.
        first = "SELECT 1" if self.is_postgres else "SELECT 1 FROM sqlite_schema LIMIT 1"
        with self.faults(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            connection.exec_driver_sql(first)
            yield connection

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turns what the driver raises into Unavailable or Conflict; a fault of our own SQL stays as it is."""
        try:
            yield
        except exc.DBAPIError as error:
            raise self._fault(error.orig) or error from None
        except (psycopg.Error, sqlite3.Error) as error:
            raise self._fault(error) or error from None

    def _fault(self, error: BaseException | None) -> ConsigneError | None:
        first_line = str(error).strip().split("\n", 1)[0]
        if any(words in first_line for words in ("is locked", "is busy")):
            held = f"somebody else has been writing for {_BUSY_MS // 1000} s"
            return Conflict(f"{self.name}: {held}; nothing was written → try again, or end the other writer")
        if isinstance(error, (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)):
            return Conflict(f"{self.name}: {first_line}; nothing was written → try again")
        if isinstance(error, (psycopg.IntegrityError, sqlite3.IntegrityError)):
            return Conflict(f"{self.name}: {first_line}; nothing was written")
        if _wants_schema(error, first_line):
            return Unavailable(f"{self.name}: {first_line} → bring the schema to this version: consigne db upgrade")
        if isinstance(error, psycopg.OperationalError) or _sqlite_away(error):
            return Unavailable(f"{self.name}: {first_line} → {self._remedy()}")
        return None

    def _remedy(self) -> str:
        if self.is_postgres:
            return "start it, or point CONSIGNE_DATABASE_URL at the right one"
        return "check the file, its folder and the space on its disk, or point CONSIGNE_DATABASE_URL elsewhere"


def _wants_schema(error: BaseException | None, first_line: str) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return first_line.startswith(("no such table", "no such column"))
    return isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn))


def _sqlite_away(error: BaseException | None) -> bool:
    # SQLITE_ERROR, and no code at all, are faults of our own SQL.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return isinstance(error, sqlite3.DatabaseError) and code & 0xFF != sqlite3.SQLITE_ERROR


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (exc.ArgumentError, ValueError):  # the latter of a port that is none
        backend = ""
    if backend == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return parsed.set(drivername="sqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    wanted = "wants sqlite:///FILE or postgresql://USER@HOST/NAME; a database in memory keeps nothing"
    raise InputError([Problem("CONSIGNE_DATABASE_URL", 0, 0, "names no database Consigne can use", wanted)])


def _name(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"SQLite database {url.database}"
    return f"PostgreSQL database {url.host or 'on the local socket'}:{url.port or 5432}/{url.database}"


def _postgres(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_S,
            # A server that is cut off is noticed: whoever leads must not hang on it for a quarter of an hour.
            "tcp_user_timeout": 1_000 * _SILENT_S,
            "keepalives_idle": _SILENT_S // 3,
            "keepalives_interval": _SILENT_S // 3,
            "keepalives_count": 2,
            # A kept plan does not know how long the arrays are, and compiling a plan takes longer than ours run.
            "prepare_threshold": None,
            "options": "-c jit=off",
        },
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        register(connection)

    return engine


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: it would begin them too late for a snapshot.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
