"""Whole frames in and out of a connection, by the fastest way each database has.

PostgreSQL: binary COPY, and arrays that `unnest` turns into rows. SQLite: executemany, and `json_each`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import polars as pl
from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from engine.store.schema import frame_schema, frame_type

Frame = pl.DataFrame
CHUNK = 50_000
"""Rows held in memory at once where a whole table goes by."""


class Found(NamedTuple):
    """What `Bulk.seek` joins: the FROM clause, and the columns of the rows found."""

    source: FromClause
    columns: ReadOnlyColumnCollection[str, Any]


class Bulk(Protocol):
    """Frames in and out of one connection. A frame's columns are named as the table's; JSON is text."""

    connection: Connection

    def insert(self, table: Table, frame: Frame) -> None:
        """Append rows; any of them that breaks a constraint fails all."""
        ...

    def upsert(self, table: Table, frame: Frame) -> None:
        """Insert rows whose primary key is new, replace the given columns of the others. Each key once."""
        ...

    def keys(self, frame: Frame) -> FromClause:
        """The frame as a table expression, for joins. Integers and text: as text, a float is not exact."""
        ...

    def stream(self, statement: Select[Any]) -> Any:
        """A driver's cursor over the rows of a statement without parameters, which are not all fetched at once."""
        ...

    def seek(self, keys: FromClause, table: Table, *on: ColumnElement[bool]) -> Found:
        """Join keys to the rows of a table that fit, by one index look-up a key whatever the planner believes."""
        ...


def read_frame(connection: Connection, statement: Select[Any]) -> Frame:
    """The rows of a statement; polars types follow the types of its columns."""
    # The driver's own tuples: making a Row of each would cost as much again as reading them.
    result: Any = connection.execute(statement)
    return _to_frame(result.cursor.fetchall(), statement)


def stream_frames(bulk: Bulk, statement: Select[Any], size: int = CHUNK) -> Iterator[Frame]:
    """The rows of a statement without parameters in frames of up to `size`, of which one at a time is in memory."""
    rows = bulk.stream(statement)
    while chunk := rows.fetchmany(size):
        yield _to_frame(chunk, statement)
    rows.close()


def conform(table: Table, frame: Frame) -> Frame:
    """The frame's columns as the table's types, in the table's order. Raises on a value that does not fit."""
    wanted = {name: kind for name, kind in frame_schema(table).items() if name in frame.columns}
    if list(frame.schema.items()) == list(wanted.items()):
        return frame  # a cast costs more than all else where few rows go in at a time
    return frame.select(pl.col(name).cast(kind) for name, kind in wanted.items())


def _to_frame(rows: list[Any], statement: Select[Any]) -> Frame:
    schema = {column.name: frame_type(column.type) for column in statement.selected_columns}
    return pl.DataFrame(rows, schema=schema, orient="row")
