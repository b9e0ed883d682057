"""Frames on PostgreSQL."""

from itertools import chain
from typing import Any

import numpy as np
import polars as pl
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import TypeEngine, UserDefinedType

from engine.store.bulk import CHUNK, Found, Frame, conform

_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TAIL = b"\xff\xff"
# Object ids of pg_type; polars type → SQL type, its object id in pg_type, and its form on the wire
_TEXT = 25
_NULL = (-1).to_bytes(4, "big", signed=True)
_NUMBERS: dict[pl.DataType, tuple[type[TypeEngine[Any]], int, str]] = {
    pl.Int16(): (SmallInteger, 21, ">i2"),
    pl.Int32(): (Integer, 23, ">i4"),
    pl.Int64(): (BigInteger, 20, ">i8"),
    pl.Float64(): (Double, 701, ">f8"),
}


class PostgresBulk:
    """See `Bulk`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def insert(self, table: Table, frame: Frame) -> None:
        if frame.is_empty():
            return
        frame = conform(table, frame)
        names = ", ".join(f'"{name}"' for name in frame.columns)
        driver: Any = self.connection.connection.driver_connection
        copying = f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)'
        with driver.cursor() as cursor, cursor.copy(copying) as copy:
            copy.write(_COPY_HEAD)
            if _is_plain(frame):
                copy.write(_plain_rows(frame))
            else:
                for part in frame.iter_slices(CHUNK):
                    copy.write(_mixed_rows(part))
            copy.write(_COPY_TAIL)

    def upsert(self, table: Table, frame: Frame) -> None:
        if frame.is_empty():
            return
        frame = conform(table, frame)
        keys = [key.name for key in table.primary_key]
        statement = insert(table).from_select(frame.columns, select(self.keys(frame)))
        changes = {name: statement.excluded[name] for name in frame.columns if name not in keys}
        self.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))

    def keys(self, frame: Frame) -> FromClause:
        arrays = [_array(values) for values in frame.iter_columns()]
        columns: list[Any] = [column(name, _sql_type(dtype)) for name, dtype in frame.schema.items()]
        return func.unnest(*arrays).table_valued(*columns).render_derived()

    def stream(self, statement: Select[Any]) -> Any:
        # SQLAlchemy's own streaming takes the first rows out of the cursor before we see it.
        driver: Any = self.connection.connection.driver_connection
        rows = driver.cursor("consigne_stream")
        rows.execute(str(statement.compile(self.connection)))
        return rows

    def seek(self, keys: FromClause, table: Table, *on: ColumnElement[bool]) -> Found:
        # OFFSET 0 keeps the planner from turning the look-ups into a scan of every partition.
        found = select(table).where(and_(*on)).offset(literal_column("0")).lateral()
        return Found(keys.join(found, true()), found.c)


class Packed(bytes):
    """An array in PostgreSQL's binary form."""


class PackedDumper(Dumper):
    """Hands a `Packed` to the server as it is; the cast around it says what it is."""

    format = Format.BINARY

    def dump(self, obj: Packed) -> Buffer:
        return bytes(obj)


class _AsIs(UserDefinedType[Packed]):
    cache_ok = True


def register(connection: psycopg.Connection[Any]) -> None:
    """Teach a new connection the arrays of this module."""
    connection.adapters.register_dumper(Packed, PackedDumper)


def _sql_type(dtype: pl.DataType) -> type[TypeEngine[Any]]:
    if dtype in _NUMBERS:
        return _NUMBERS[dtype][0]
    return LargeBinary if dtype == pl.Binary else Text


def _is_plain(frame: Frame) -> bool:
    return all(dtype in _NUMBERS for dtype in frame.dtypes) and not any(frame.null_count().row(0))


def _array(values: pl.Series) -> ColumnElement[Any]:
    of = ARRAY(_sql_type(values.dtype))
    if values.dtype == pl.String:
        return cast(bindparam(None, _packed(_TEXT, values, b"".join(_fields(values))), _AsIs()), of)
    if values.dtype not in _NUMBERS or values.null_count():
        return cast(bindparam(None, values.to_list(), of), of)
    _, oid, form = _NUMBERS[values.dtype]
    items = np.empty(len(values), np.dtype([("size", ">i4"), ("value", form)]))
    items["size"] = np.dtype(form).itemsize
    items["value"] = values.to_numpy()
    return cast(bindparam(None, _packed(oid, values, items.tobytes()), _AsIs()), of)


def _packed(oid: int, values: pl.Series, items: bytes) -> Packed:
    head = np.array([1, values.null_count() > 0, oid, len(values), 1], ">i4")
    return Packed(head.tobytes() + items)


def _fields(values: pl.Series) -> list[bytes]:
    """Each value its size and its bytes, as arrays and binary COPY want it."""
    if values.dtype not in _NUMBERS:
        coded = (value.encode() if isinstance(value, str) else value for value in values)
        return [_NULL if item is None else len(item).to_bytes(4, "big") + item for item in coded]
    form = _NUMBERS[values.dtype][2]
    items = np.empty(len(values), np.dtype([("size", ">i4"), ("value", form)]))
    items["size"] = np.dtype(form).itemsize
    items["value"] = values.fill_null(0).to_numpy()
    found: list[bytes] = items.view(f"V{items.itemsize}").tolist()
    for place in values.is_null().arg_true():
        found[place] = _NULL
    return found


def _mixed_rows(frame: Frame) -> bytes:
    """Rows of binary COPY: each row its number of fields, each field its size and its bytes."""
    heads = [frame.width.to_bytes(2, "big")] * frame.height
    return b"".join(chain.from_iterable(zip(heads, *map(_fields, frame.iter_columns()), strict=True)))


def _plain_rows(frame: Frame) -> bytes:
    """The same for numbers alone, none of them null."""
    forms = [(name, _NUMBERS[dtype][2]) for name, dtype in frame.schema.items()]
    fields = [part for name, form in forms for part in ((f"size of {name}", ">i4"), (name, form))]
    rows = np.empty(frame.height, np.dtype([("fields", ">i2"), *fields]))
    rows["fields"] = frame.width
    for name, form in forms:
        rows[f"size of {name}"] = np.dtype(form).itemsize
        rows[name] = frame[name].to_numpy()
    return rows.tobytes()
