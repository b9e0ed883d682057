"""Frames on SQLite."""

from typing import Any

import orjson
import polars as pl
from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table, and_, bindparam, func, select
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.types import BigInteger, Text

from engine.store.bulk import Found, Frame, conform


class SqliteBulk:
    """See `Bulk`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def insert(self, table: Table, frame: Frame) -> None:
        frame = conform(table, frame)
        self._write(insert(table).values(dict.fromkeys(frame.columns)), frame)

    def upsert(self, table: Table, frame: Frame) -> None:
        frame = conform(table, frame)
        keys = [column.name for column in table.primary_key]
        statement = insert(table).values(dict.fromkeys(frame.columns))
        changes = {name: statement.excluded[name] for name in frame.columns if name not in keys}
        self._write(statement.on_conflict_do_update(index_elements=keys, set_=changes), frame)

    def _write(self, statement: Insert, frame: Frame) -> None:
        if not frame.is_empty():
            self.connection.exec_driver_sql(str(statement.compile(self.connection)), frame.rows())

    def keys(self, frame: Frame) -> FromClause:
        if any(dtype.is_float() for dtype in frame.dtypes):
            raise TypeError(f"keys are integers and text, found {dict(frame.schema)}")
        rows = func.json_each(bindparam(None, orjson.dumps(frame.rows()).decode(), Text)).table_valued("value")
        columns = [
            func.json_extract(rows.c.value, f"$[{place}]", type_=Text if dtype == pl.String else BigInteger).label(name)
            for place, (name, dtype) in enumerate(frame.schema.items())
        ]
        return select(*columns).subquery()

    def stream(self, statement: Select[Any]) -> Any:
        result: Any = self.connection.execute(statement)
        return result.cursor

    def seek(self, keys: FromClause, table: Table, *on: ColumnElement[bool]) -> Found:
        return Found(keys.join(table, and_(*on)), table.c)
