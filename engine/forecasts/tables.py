"""A file of forecasts → columns as they stand there, each value with its place."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.documents import shown
from engine.errors import InputError, Problem
from engine.forecasts.paths import Mislaid, alike, column, parse_path, place_of, shape_of, size_of
from engine.forecasts.sources import Reading, Source
from engine.rulebook.naming import nearest

LARGEST = 32 * 1024 * 1024
"""Bytes of a file; longer ones are refused."""
MOST_ROWS = 2_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length, by what they hold (`valid_at`, `value`, `values.rain`, …), and the members of variables.

    `locate` names the place of a row in a column: source, line, column, as Problem has them.
    """

    reading: Reading
    rows: int
    columns: Mapping[str, Sequence[Any]]
    members: Mapping[str, Sequence[Sequence[Any]]]
    locate: Callable[[str, int], tuple[str, int, int]]

    def problem(self, name: str, row: int, what: str, hint: str) -> Problem:
        return Problem(*self.locate(name, row), what, hint)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds: its tables, and the time of issue as it is written, None where receipt is."""

    tables: Sequence[Table]
    issued: Any


def parse(source: Source, body: bytes, name: str) -> Parsed:
    """Read a file; `name` is how messages call it. Raises InputError for what is not laid out as the source says."""
    if len(body) > LARGEST:
        raise InputError([Problem(name, 0, 0, f"is larger than {LARGEST} bytes", "ask the source for less at once")])
    parsed = _json(source, body, name) if source.format == "json" else _csv(source, body, name)
    if not any(table.rows for table in parsed.tables):
        raise InputError([Problem(name, 0, 0, "holds no row", "see whether the source has data for this span")])
    return parsed


def _json(source: Source, body: bytes, name: str) -> Parsed:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        hint = "see whether the source answers with JSON"
        raise InputError([Problem(name, error.lineno, error.colno, f"is not JSON: {shown(error.msg)}", hint)]) from None
    try:
        tables = [_json_table(document, reading, name) for reading in source.read]
        return Parsed(tables, _json_issued(source, document))
    except Mislaid as error:
        raise InputError([Problem(f"{name} {error.where}", 0, 0, error.what, error.hint)]) from None


def _json_table(document: Any, reading: Reading, name: str) -> Table:
    shape = shape_of(document, parse_path(reading.rows or ""))
    if size_of(shape) > MOST_ROWS:
        raise Mislaid(str(reading.rows), f"has more than {MOST_ROWS} rows", "ask the source for less at once")
    paths = {told: parse_path(where) for told, where in reading.named.items()}
    columns = {told: column(document, keys, shape) for told, keys in paths.items()}
    members = {}
    for variable, where in reading.members.items():
        paths[f"members.{variable}"] = parse_path(where)
        found = [column(document, keys, shape) for keys in alike(document, parse_path(where))]
        members[variable] = [list(row) for row in zip(*found, strict=True)]

    def locate(told: str, row: int) -> tuple[str, int, int]:
        return f"{name} {place_of(paths[told], shape, row)}", 0, 0

    return Table(reading, size_of(shape), columns, members, locate)


def _json_issued(source: Source, document: Any) -> Any:
    """The time of issue; that of the first item where it stands in a list."""
    if source.issued_at == "receipt":
        return None
    node = document
    for key in parse_path(source.issued_at):
        if key is None:
            if not isinstance(node, list) or not node:
                raise Mislaid(source.issued_at, "leads to no list, or to an empty one", "see the source's own pages")
            node = node[0]
        elif not isinstance(node, dict) or key not in node:
            raise Mislaid(source.issued_at, "is not there", "name where the time of issue stands, or receipt")
        else:
            node = node[key]
    return node


def _csv(source: Source, body: bytes, name: str) -> Parsed:
    lines = _lines(source, body, name)
    if not lines:
        raise InputError([Problem(name, 0, 0, "is empty", "see whether the source has data for this span")])
    (_, head), *rest = lines
    head = [text.strip() for text in head]
    problems = list(_misfits(source, head, rest, name))
    if problems:
        raise InputError(problems[:_MOST_TOLD])
    numbers = {text: number for number, text in enumerate(head)}
    tables = [_csv_table(reading, numbers, rest, name) for reading in source.read]
    if source.issued_at == "receipt":
        return Parsed(tables, None)
    issued = {fields[numbers[source.issued_at]].strip() for _, fields in rest}
    if len(issued) > 1:
        what = f"{source.issued_at} holds {len(issued)} times of issue"
        raise InputError([Problem(name, 1, 1, what, "keep the lines of one issue, or say issued_at: receipt")])
    return Parsed(tables, next(iter(issued), None))


_MOST_TOLD = 50


def _lines(source: Source, body: bytes, name: str) -> list[tuple[int, list[str]]]:
    """The lines that hold anything, each with its number."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InputError([Problem(name, line, 1, "is not UTF-8", "save the file as UTF-8")]) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter, strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        for fields in reader:
            if any(fields):
                lines.append((reader.line_num, fields))
            if len(lines) > MOST_ROWS:
                raise csv.Error(f"more than {MOST_ROWS} lines")
    except csv.Error as error:
        what = f"is no table separated by {source.delimiter!r}: {error}"
        raise InputError([Problem(name, reader.line_num, 1, what, "see delimiter in the file of sources")]) from None
    return lines


def _misfits(source: Source, head: list[str], rest: list[tuple[int, list[str]]], name: str) -> list[Problem]:
    wanted = [where for reading in source.read for where in reading.named.values()]
    wanted += [source.issued_at] if source.issued_at != "receipt" else []
    problems = [
        Problem(name, 1, 1, f"has no column {where!r}", nearest(where, head)) for where in wanted if where not in head
    ]
    problems += [
        Problem(name, 1, 1, f"has the column {text!r} twice", "keep one") for text in set(head) if head.count(text) > 1
    ]
    problems += [
        Problem(name, line, 1, f"has {len(fields)} fields where its head has {len(head)}", "mend the line")
        for line, fields in rest
        if len(fields) != len(head)
    ]
    return problems


def _csv_table(reading: Reading, numbers: dict[str, int], rest: list[tuple[int, list[str]]], name: str) -> Table:
    where = {told: numbers[text] for told, text in reading.named.items()}
    columns = {told: [fields[number].strip() for _, fields in rest] for told, number in where.items()}

    def locate(told: str, row: int) -> tuple[str, int, int]:
        line, fields = rest[row]
        return name, line, 1 + sum(len(field) + 1 for field in fields[: where[told]])

    return Table(reading, len(rest), columns, {}, locate)
