"""One suite over both databases: `url` and `store` come as SQLite and as PostgreSQL."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from sqlalchemy import Connection, create_engine

from engine.catalogue import Catalogue
from engine.instants import to_us
from engine.model import Asset, Commune, Zone
from engine.store import Intake, Store
from engine.store.intake import ACCEPTED, REFUSED
from engine.store.schema import metadata
from tests.conftest import postgres_copy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

COMMUNES = (
    Commune("49007", "Angers", 157_555, -0.5514, 47.4736, 42.7),
    Commune("49020", "Beaucouzé", 5_572, -0.6328, 47.4744, 18.4),
)
ZONES = (Zone("A-1", "49007"), Zone("A-2", "49007"), Zone("B-1", "49020"))
ASSETS = (
    Asset("C-1", "StreetlightControlCabinet", "A-1", -0.55, 47.47, attributes={"reference": "AR/12", "poles": [1, 2]}),
    Asset("L-1", "Streetlight", "A-1", -0.551, 47.471, parent="C-1", gateway="gw-1"),
    Asset("L-2", "Streetlight", "A-1", -0.552, 47.472, parent="C-1", gateway="gw-1"),
    Asset("L-3", "Streetlight", "A-2", -0.553, 47.473, gateway="gw-2"),
    Asset("L-4", "Streetlight", "B-1", -0.63, 47.475, gateway="gw-3"),
)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without anything, not even a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> str:
    """A database with our schema and nothing in it: one PostgreSQL database serves all tests, emptied before each."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"
    found: str = request.getfixturevalue("shared_postgres")
    empty(found)
    return found


@pytest.fixture(scope="session")
def shared_postgres(postgres_template: str) -> Iterator[str]:
    with postgres_copy(postgres_template) as url:
        yield url.replace("+psycopg", "", 1)  # as people write it


def unguard(connection: Connection) -> None:
    """Let this transaction change what triggers keep, as somebody who owns the database can."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    else:
        for name in ("audit_kept", "audit_not_removed"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")


EMPTY = f"""
SET LOCAL session_replication_role = replica;
{"".join(f"DELETE FROM {table.name};" for table in metadata.sorted_tables)}
SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""
PARTITIONS = "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'reading'::regclass"


def empty(url: str) -> None:
    """Remove every row and partition of a migrated PostgreSQL database."""
    with psycopg.connect(url) as connection:
        for (name,) in connection.execute(f"{PARTITIONS} AND inhrelid <> 'reading_default'::regclass").fetchall():
            connection.execute(f"DROP TABLE {name}")
        connection.execute(EMPTY)


@pytest.fixture
def bare(url: str) -> Iterator[Store]:
    """A store with its schema and nothing in it."""
    opened = Store.open(url)
    yield opened
    opened.close()


@pytest.fixture
def store(bare: Store, catalogue: Catalogue) -> Store:
    """A store that holds a small territory: three zones, five assets, nineteen series."""
    with bare.begin() as unit:
        unit.inventory.save(COMMUNES, ZONES, ASSETS, catalogue)
    return bare


@pytest.fixture
def another(url: str) -> Iterator[Callable[[], Store]]:
    """Opens further stores on the same database, as other processes would."""
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(Store.open(url))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def number_of(store: Store, asset: str, name: str) -> tuple[int, int]:
    """The numbers of a series and of its zone."""
    with store.read() as unit:
        row = unit.inventory.series().filter(asset=asset, property=name).row(0, named=True)
    return row["series"], row["zone"]


def accepted(rows: Sequence[tuple[int, int, int, float]]) -> pl.DataFrame:
    """series, zone, observed_at, value."""
    return pl.DataFrame(list(rows), schema=ACCEPTED, orient="row")


def append(store: Store, rows: Sequence[tuple[int, int, int, float]], **options: Any) -> Intake:
    """One committed batch."""
    refused = options.pop("refused", REFUSED.to_frame())
    options = {"source": "test", "received_at": NOW, "received": len(rows) + refused.height} | options
    with store.begin() as unit:
        return unit.readings.append(accepted(rows), refused, **options)


class Line:
    """A series of the territory to append to: `line(minute, value)` is a row, minutes counted from NOW."""

    def __init__(self, series: int, zone: int) -> None:
        self.series, self.zone = series, zone

    def __call__(self, minute: float, value: float = 1.0) -> tuple[int, int, int, float]:
        return self.series, self.zone, to_us(NOW) + int(minute * 60_000_000), value


@pytest.fixture
def lamps(store: Store) -> dict[str, Line]:
    """The illuminance series of each light."""
    return {name: Line(*number_of(store, name, "illuminanceLevel")) for name in ("L-1", "L-2", "L-3", "L-4")}


@pytest.fixture
def put(store: Store) -> Callable[..., Intake]:
    """Appends rows as one committed batch."""

    def put_rows(*rows: tuple[int, int, int, float], **options: Any) -> Intake:
        return append(options.pop("into", store), rows, **options)

    return put_rows


@pytest.fixture
def everything() -> Callable[[Store], pl.DataFrame]:
    """All readings of a store, by zone and sequence."""

    def read(store: Store) -> pl.DataFrame:
        with store.read() as unit:
            return unit.readings.since({}, 10**9)

    return read


@pytest.fixture
def sql(url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Runs one statement in a transaction of its own, as an administrator might; SQLite then checks no reference."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))

    def run(statement: str) -> list[tuple[Any, ...]]:
        with engine.begin() as connection:
            unguard(connection)
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    yield run
    engine.dispose()
