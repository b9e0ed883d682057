"""How far each reader has come, and small states that outlive their process."""

from collections.abc import Mapping, Sequence

import polars as pl
from sqlalchemy import select

from engine.store import schema
from engine.store.bulk import Bulk


class Cursors:
    """Named positions in the readings: zone number → sequence of the last reading taken."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    def get(self, name: str) -> dict[int, int]:
        """Empty for a name never set."""
        columns = schema.cursor.c
        rows = self._bulk.connection.execute(select(columns.zone, columns.seq).where(columns.name == name))
        return dict(rows.all())

    def set(self, name: str, positions: Mapping[int, int]) -> None:
        """Write the positions of these zones; those of other zones stay, for another process may be reading them."""
        rows = [(name, zone, seq) for zone, seq in positions.items()]
        frame = pl.DataFrame(rows, schema=schema.frame_schema(schema.cursor), orient="row")
        self._bulk.upsert(schema.cursor, frame)


class States:
    """Opaque bytes by key."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    def get(self, key: str) -> bytes | None:
        columns = schema.state.c
        return self._bulk.connection.execute(select(columns.body).where(columns.key == key)).scalar()

    def lock(self, keys: Sequence[str]) -> None:
        """Keep whoever locks these keys, which are there, waiting until this transaction ends.

        On SQLite every write transaction keeps every other waiting anyhow.
        """
        if self._bulk.connection.dialect.name == "postgresql":
            columns = schema.state.c
            statement = select(columns.key).where(columns.key.in_(keys)).order_by(columns.key).with_for_update()
            self._bulk.connection.execute(statement).all()

    def put(self, key: str, body: bytes) -> None:
        frame = pl.DataFrame([(key, body)], schema=schema.frame_schema(schema.state), orient="row")
        self._bulk.upsert(schema.state, frame)
