"""CSV tables whose every cell knows its place."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.errors import Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. A column that the file leaves out reads as empty."""

    table: "Table"
    line: int
    cells: Sequence[str]

    def __getitem__(self, column: str) -> str:
        at = self.table.columns.get(column)
        return "" if at is None else self.cells[at]

    def problem(self, column: str, what: str, hint: str = "") -> Problem:
        """A problem at the first character of a cell, or of the line where the file has no such column."""
        return Problem(self.table.source, self.line, self.table.start(self.line, column), what, hint)

    def number(self, column: str, problems: list[Problem]) -> float | None:
        """A cell as a number; None, and a problem, where it is none."""
        try:
            return float(self[column])
        except ValueError:
            what = f"{self.cells[0]}: {column} {self[column]!r} is not a number"
            problems.append(self.problem(column, what, "write it with a decimal point"))
            return None

    def mapping(self, column: str, problems: list[Problem]) -> dict[str, Any] | None:
        """A cell as a JSON object, {} where it is empty; None, and a problem, where it is none."""
        try:
            data = orjson.loads(self[column] or "{}")
        except orjson.JSONDecodeError as error:
            data, why = None, f" ({error.msg})"
        else:
            why = ""
        if isinstance(data, dict):
            return data
        what = f"{self.cells[0]}: {column} is not a JSON object{why}"
        problems.append(self.problem(column, what, 'write {"key": value}, or nothing'))
        return None


class Table:
    """The rows of a CSV file that can be read, and the `problems` of the others. Columns stand in any order."""

    def __init__(self, path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        self.source = str(path)
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self.columns: Mapping[str, int] = {}
        self._lines: list[str] = []
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            self._refuse(0, f"cannot be read: {error.strerror}", "check the path")
            return
        except UnicodeDecodeError as error:
            self._refuse(0, f"is not UTF-8: {error.reason}", "save it as UTF-8")
            return
        self._lines = text.split("\n")
        self._read(text, required, optional)

    def by_key(self, column: str, problems: list[Problem]) -> dict[str, Row]:
        """Rows by the value of a column. A second one of a value is a problem, and left out."""
        found: dict[str, Row] = {}
        for row in self.rows:
            first = found.setdefault(row[column], row)
            if first is not row:
                what = f"{row[column]} stands twice, first on line {first.line}"
                problems.append(row.problem(column, what, "keep one of the two"))
        return found

    def start(self, line: int, column: str) -> int:
        """Number of the first character of a cell, from 1."""
        cell = self.columns.get(column, 0)
        quoted, seen = False, 0
        for at, character in enumerate(self._lines[line - 1] if cell else ""):
            if character == '"':
                quoted = not quoted
            elif character == "," and not quoted:
                seen += 1
                if seen == cell:
                    return at + 2
        return 1

    def _read(self, text: str, required: Sequence[str], optional: Sequence[str]) -> None:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = next(reader, [])
            if self._wrong_header(header, required, optional):
                return
            self.columns = {column: at for at, column in enumerate(header)}
            before = reader.line_num
            for cells in reader:
                self._row(cells, before + 1, reader.line_num)
                before = reader.line_num
        except csv.Error as error:
            self._refuse(reader.line_num, f"is not CSV from here on: {error}", 'double every " inside a quoted cell')

    def _wrong_header(self, header: Sequence[str], required: Sequence[str], optional: Sequence[str]) -> bool:
        missing = [column for column in required if column not in header]
        strange = [column for column in header if column not in (*required, *optional)]
        twice = sorted({column for column in header if list(header).count(column) > 1})
        for columns, what in ((missing, "lacks"), (strange, "has the unknown"), (twice, "has twice")):
            if columns:
                hint = f"the columns are {','.join((*required, *optional))}"
                self._refuse(1, f"the header {what} {', '.join(map(repr, columns))}", hint)
        return bool(missing or strange or twice)

    def _row(self, cells: Sequence[str], line: int, last: int) -> None:
        if last > line:
            self._refuse(line, "a cell holds a line break", "close its quotes on this line")
        elif cells and len(cells) != len(self.columns):
            what = f"{len(cells)} cells, wanted {len(self.columns)}"
            self._refuse(line, what, 'quote a cell that holds a comma or a "')
        elif cells:
            self.rows.append(Row(self, line, cells))

    def _refuse(self, line: int, what: str, hint: str) -> None:
        self.problems.append(Problem(self.source, line, 1 if line else 0, what, hint))


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table whole, or leave the old one as it was."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole, or leave the old one as it was."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
