"""A backup: one ZIP that either database can be restored from.

`manifest.json` says the schema's revision, the rows of every table and the SHA-256 of every part; `<table>/<n>.parquet`
are the parts, each of which fits in memory. Instants are µs, JSON is text, as in the tables.
"""

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, Table, func, select

from engine.errors import Conflict, InputError, Problem
from engine.store import partitions, revisions
from engine.store.bulk import Bulk, stream_frames
from engine.store.schema import metadata, reading

_FORMAT = "consigne-backup-1"
_MANIFEST = "manifest.json"
_PART_ROWS = 200_000
# What zipfile and the reading of a manifest raise for bytes that were altered.
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError)
_BROKEN = (*_ZIP_FAULTS, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


def write(bulk: Bulk, path: Path) -> dict[str, int]:
    """Write every table, as the transaction sees it. A half-written file keeps the name `<path>.part`."""
    if path.exists():
        raise Conflict(f"{path} exists already; nothing was written → name a new file")
    half = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(half, "w") as archive:
        tables = {str(table.name): _write_table(bulk, archive, table) for table in metadata.sorted_tables}
        manifest = {"format": _FORMAT, "revision": revisions.current(bulk.connection), "tables": tables}
        archive.writestr(_MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    half.replace(path)
    return {name: entry["rows"] for name, entry in tables.items()}


def _write_table(bulk: Bulk, archive: zipfile.ZipFile, table: Table) -> dict[str, Any]:
    parts, rows, months = [], 0, set[date]()
    for number, frame in enumerate(stream_frames(bulk, select(table), _PART_ROWS)):
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        name = f"{table.name}/{number:06}.parquet"
        archive.writestr(name, buffer.getvalue())
        parts.append({"name": name, "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()})
        rows += frame.height
        if table is reading:
            months |= {partitions.month_of(us) for us in _month_starts(frame)}
    entry: dict[str, Any] = {"rows": rows, "parts": parts}
    return entry | ({"months": sorted(months)} if table is reading else {})


def _month_starts(frame: pl.DataFrame) -> list[int]:
    month = pl.from_epoch("observed_at", time_unit="us").dt.truncate("1mo").dt.epoch("us")
    return frame.select(month.unique()).to_series().to_list()


@dataclass(frozen=True)
class Archive:
    """A backup whose every part has been found whole."""

    path: Path
    _zip: zipfile.ZipFile
    _tables: dict[str, Any]

    def read_into(self, bulk: Bulk, name: str) -> dict[str, int]:
        """Fill an empty database inside the caller's transaction. Raises Conflict for one that holds anything."""
        connection = bulk.connection
        full = [t.name for t in metadata.sorted_tables if connection.execute(select(t).limit(1)).first()]
        if full:
            raise Conflict(
                f"{name}: holds rows in {', '.join(full)}; nothing was restored → restore into an empty database"
            )
        if connection.dialect.name == "postgresql":
            partitions.ensure(connection, map(date.fromisoformat, self._tables[reading.name]["months"]))
        for table in metadata.sorted_tables:
            for part in self._tables[table.name]["parts"]:
                bulk.insert(table, pl.read_parquet(self._zip.read(part["name"])))
            _restart_numbering(connection, table)
        return {table: entry["rows"] for table, entry in self._tables.items()}


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """A backup, checked whole. Raises InputError with everything wrong with it."""
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "check the path")]) from None
    except _BROKEN:
        raise _not_ours(path, "is not a ZIP file") from None
    with archive:
        tables = _manifest(path, archive)
        problems = [problem for entry in tables.values() for problem in _damage(path, archive, entry)]
        if problems:
            raise InputError(problems)
        yield Archive(path, archive, tables)


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest = orjson.loads(archive.read(_MANIFEST))
        known = manifest["format"] == _FORMAT
    except _BROKEN:
        raise _not_ours(path, f"holds no {_MANIFEST} of a backup") from None
    if not known:
        raise _not_ours(path, f"is a backup of the form {manifest['format']!r}, wanted {_FORMAT!r}")
    if manifest["revision"] != revisions.head():
        what = f"was made with schema {manifest['revision']!r}, this version's is {revisions.head()!r}"
        raise InputError([Problem(str(path), 0, 0, what, "restore it with the version that made it, then upgrade")])
    tables: dict[str, Any] = manifest["tables"]
    missing = metadata.tables.keys() - tables.keys()
    if missing:
        raise _not_ours(path, f"lacks the tables {', '.join(sorted(missing))}")
    return tables


def _damage(path: Path, archive: zipfile.ZipFile, entry: dict[str, Any]) -> Iterator[Problem]:
    rows = 0
    for part in entry["parts"]:
        try:
            body = archive.read(part["name"])
        except _BROKEN:
            yield Problem(str(path), 0, 0, f"{part['name']} is missing or cut", "take another backup file")
            return
        if hashlib.sha256(body).hexdigest() != part["sha256"]:
            yield Problem(str(path), 0, 0, f"{part['name']} is not what was written", "take another backup file")
            return
        rows += pl.scan_parquet(io.BytesIO(body)).select(pl.len()).collect().item()
    if rows != entry["rows"]:
        yield Problem(str(path), 0, 0, f"holds {rows} rows where {entry['rows']} were written", "take another file")


def _not_ours(path: Path, what: str) -> InputError:
    return InputError([Problem(str(path), 0, 0, what, "name a file that consigne db backup wrote")])


def _restart_numbering(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers new rows from a counter that inserts with a number of their own do not move."""
    if connection.dialect.name != "postgresql" or "id" not in table.c or not table.c.id.autoincrement:
        return
    if connection.dialect.has_sequence(connection, f"{table.name}_id_seq"):
        last = select(func.coalesce(func.max(table.c.id), 0) + 1)
        counter = f"{table.name}_id_seq"
        connection.execute(select(func.setval(counter, last.scalar_subquery(), False)))
