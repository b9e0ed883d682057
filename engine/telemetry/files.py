"""Telemetry files: CSV, JSON lines, JSON and Parquet, read in chunks so that memory stays flat."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Protocol

import polars as pl

from engine.catalogue import Catalogue
from engine.errors import InputError, Problem
from engine.telemetry.jsonlines import parse_lines, parse_payloads
from engine.telemetry.raw import complete

_BLOCK_BYTES = 4 << 20
_LONGEST_BYTES = 32 << 20  # of one line, or of one JSON document
_ROWS = 50_000
_WANTED = ("asset", "property", "value", "observed_at")
_OPTIONAL = ("unit",)


def read_file(path: Path, catalogue: Catalogue | None = None) -> Iterator[pl.DataFrame]:
    """RAW chunks of a .csv, .jsonl, .ndjson, .json, .jsonld or .parquet file, chosen by its ending.

    A bad row is refused alone, with its line. Raises InputError, with file:line:col, for a file that cannot be read or
    has the wrong columns, before the first chunk. NGSI entities need the catalogue.
    """
    match path.suffix.lower():
        case ".csv":
            yield from map(_readings, read_table(path, _WANTED, _OPTIONAL))
        case ".jsonl" | ".ndjson":
            yield from _lines(path, catalogue)
        case ".json" | ".jsonld":
            yield from _document(path, catalogue)
        case ".parquet":
            yield from _parquet(path)
        case ending:
            raise _wrong(path, 0, f"ends in {ending!r}", "one of: .csv, .jsonl, .ndjson, .json, .jsonld, .parquet")


def read_table(path: Path, wanted: Sequence[str], optional: Sequence[str] = ()) -> Iterator[pl.DataFrame]:
    """Chunks of a CSV file as text columns, with `line` and, where a row has not as many fields as the header, `fault`.

    Raises InputError when the file cannot be read or its header is not `wanted` and perhaps `optional`, in any order.
    """
    with _open(path) as file:
        rows = csv.reader(io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline=""))
        header = [name.strip() for name in _next(rows) or []]
        _check_columns(path, header, wanted, optional)
        while chunk := list(islice(_numbered(rows, len(header)), _ROWS)):
            fields = [fields for fields, _, _ in chunk]
            columns = dict(zip(header, zip(*fields, strict=True), strict=True))
            yield pl.DataFrame(
                {name: pl.Series(columns[name], dtype=pl.String) for name in header}
                | {
                    "line": [line for _, line, _ in chunk],
                    "fault": pl.Series([f for _, _, f in chunk], dtype=pl.String),
                }
            )


class _Rows(Protocol):
    """What csv.reader gives; its own type has no public name before Python 3.13."""

    line_num: int

    def __next__(self) -> list[str]: ...


def _numbered(rows: _Rows, width: int) -> Iterator[tuple[list[str], int, str | None]]:
    """Rows that hold anything, all of one width, each with its line and what is wrong with it."""
    while (fields := _next(rows)) is not None:
        if len(fields) == width:
            yield fields, rows.line_num, None
        elif fields:
            yield [""] * width, rows.line_num, f"found {len(fields)} fields, wanted {width}: {','.join(fields)}"


def _next(rows: _Rows) -> list[str] | None:
    try:
        return next(rows)
    except StopIteration:
        return None
    except csv.Error:  # a field beyond the reader's limit: its line is lost, the next is not
        return ["a field that is too long"]


def _check_columns(path: Path, header: list[str], wanted: Sequence[str], optional: Sequence[str]) -> None:
    """Every wrong column at once."""
    columns = ", ".join((*wanted, *optional))
    problems = [
        Problem(str(path), 1, 1, f"the column {name!r} is missing", f"write the header {columns}")
        for name in wanted
        if name not in header
    ] + [
        Problem(str(path), 1, place, f"unknown or repeated column {name!r}", f"one of: {columns}")
        for place, name in enumerate(header, 1)
        if name not in (*wanted, *optional) or name in header[: place - 1]
    ]
    if problems:
        raise InputError(problems)


def _readings(table: pl.DataFrame) -> pl.DataFrame:
    """A CSV cell is a number where it reads as one; an empty cell is absent."""
    names = [name for name in table.columns if name not in ("line", "fault")]
    table = table.with_columns(pl.col(name).str.strip_chars().replace("", None) for name in names)
    number = pl.col("value").cast(pl.Float64, strict=False)
    return complete(table.with_columns(number.alias("number"), pl.when(number.is_null()).then("value").alias("text")))


def _lines(path: Path, catalogue: Catalogue | None) -> Iterator[pl.DataFrame]:
    line, rest = 1, b""
    with _open(path) as file:
        while block := file.read(_BLOCK_BYTES):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if len(rest) > _LONGEST_BYTES:
                raise _wrong(path, line, f"a line is longer than {_LONGEST_BYTES} bytes", "one reading a line")
            if newline:
                yield parse_lines(_without_mark(whole, line), line, catalogue)
                line += whole.count(b"\n") + 1
    if rest.strip():
        yield parse_lines(_without_mark(rest, line), line, catalogue)


def _without_mark(text: bytes, line: int) -> bytes:
    """Without the byte order mark some editors put before the first line."""
    return text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text


def _document(path: Path, catalogue: Catalogue | None) -> Iterator[pl.DataFrame]:
    with _open(path) as file:
        text = _without_mark(file.read(_LONGEST_BYTES + 1), 1)
    if len(text) > _LONGEST_BYTES:
        raise _wrong(path, 1, f"is larger than {_LONGEST_BYTES} bytes", "split it, or write JSON lines")
    try:
        json.loads(text.decode())
    except json.JSONDecodeError as error:
        raise _wrong(path, error.lineno, f"is not JSON: {error.msg}", "", error.colno) from None
    except (ValueError, RecursionError) as error:
        raise _wrong(path, 1, f"is not JSON: {error}", "save it as UTF-8") from None
    yield parse_payloads([text], catalogue=catalogue)


def _parquet(path: Path) -> Iterator[pl.DataFrame]:
    try:
        table = pl.scan_parquet(path, glob=False)
        schema = table.collect_schema()
        rows = table.select(pl.len()).collect().item()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _wrong(path, 0, f"cannot be read as Parquet: {str(error).splitlines()[0]}", "check the file") from None
    _check_columns(path, schema.names(), _WANTED, _OPTIONAL)
    for start in range(0, rows, _ROWS):
        yield _typed(table.slice(start, _ROWS).collect())


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    """Numbers or text as they are stored; instants written out, with an offset only if the column has a zone."""
    if isinstance(zone := table.schema["observed_at"], pl.Datetime):
        written = "%Y-%m-%dT%H:%M:%S%.6f" + ("%:z" if zone.time_zone else "")
        table = table.with_columns(pl.col("observed_at").dt.to_string(written))
    side = "number" if table.schema["value"].is_numeric() else "text"
    return complete(table.with_columns(pl.col("value").cast(pl.String if side == "text" else pl.Float64).alias(side)))


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise _wrong(path, 0, f"cannot be read: {error.strerror}", "check the path") from None


def _wrong(path: Path, line: int, what: str, hint: str, column: int = 1) -> InputError:
    return InputError([Problem(str(path), line, column, what, hint)])
