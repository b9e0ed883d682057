"""Cells that know their place."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Problem
from engine.inventory.tables import Table, write_table, write_whole

COLUMNS = ("id", "value", "note")


def table(folder: Path, text: str | bytes, optional: tuple[str, ...] = ()) -> Table:
    path = folder / "t.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Table(path, [column for column in COLUMNS if column not in optional], optional)


def only(problems: list[Problem]) -> Problem:
    (problem,) = problems
    return problem


def test_rows_are_read_by_name_in_any_order(tmp_path: Path) -> None:
    read = table(tmp_path, "note,id,value\nfirst,a,1\nsecond,b,2\n")
    assert read.problems == []
    assert [(row["id"], row["value"], row["note"], row.line) for row in read.rows] == [
        ("a", "1", "first", 2),
        ("b", "2", "second", 3),
    ]


def test_a_byte_order_mark_and_carriage_returns_do_no_harm(tmp_path: Path) -> None:
    read = table(tmp_path, b"\xef\xbb\xbfid,value,note\r\na,1,x\r\n")
    assert (read.problems, read.rows[0]["id"], read.rows[0]["note"]) == ([], "a", "x")


def test_empty_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    read = table(tmp_path, "id,value,note\n\na,1,x\n\n")
    assert [row.line for row in read.rows] == [3]


def test_an_optional_column_left_out_reads_as_empty(tmp_path: Path) -> None:
    read = table(tmp_path, "id,value\na,1\n", optional=("note",))
    assert (read.problems, read.rows[0]["note"]) == ([], "")
    assert read.rows[0].problem("note", "x").column == 1


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "lacks 'id', 'value', 'note'"),
        ("id,value\n", 1, "lacks 'note'"),
        ("id,value,note,more\n", 1, "has the unknown 'more'"),
        ("id,value,note,id\n", 1, "has twice 'id'"),
        ("id,value,note\na,1\n", 2, "2 cells, wanted 3"),
        ("id,value,note\na,1,x,y\n", 2, "4 cells, wanted 3"),
        ('id,value,note\na,"1\n2",x\n', 2, "a cell holds a line break"),
        ('id,value,note\na,1,x\nb,"2"3,x\n', 3, "is not CSV from here on"),
        ('id,value,note\na,"1,x\n', 2, "is not CSV from here on"),
    ],
)
def test_what_cannot_be_read_is_a_problem_at_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    problem = only(table(tmp_path, text).problems)
    assert (problem.line, problem.column) == (line, 1)
    assert what in problem.what
    assert problem.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    problem = only(Table(tmp_path / "none.csv", COLUMNS).problems)
    assert (problem.line, problem.what) == (0, "cannot be read: No such file or directory")


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    assert "is not UTF-8" in only(table(tmp_path, b"id,value,note\n\xe9,1,x\n").problems).what


def test_a_bad_row_does_not_hide_the_others(tmp_path: Path) -> None:
    read = table(tmp_path, "id,value,note\na\nb,2,x\nc\n")
    assert [problem.line for problem in read.problems] == [2, 4]
    assert [row["id"] for row in read.rows] == ["b"]


@pytest.mark.parametrize(("cell", "value"), [("1", 1.0), ("-0.55", -0.55), ("1e3", 1000.0)])
def test_numbers(tmp_path: Path, cell: str, value: float) -> None:
    problems: list[Problem] = []
    assert table(tmp_path, f"id,value,note\na,{cell},x\n").rows[0].number("value", problems) == value
    assert problems == []


@pytest.mark.parametrize("cell", ["", "north", '"1,5"', "1 2"])
def test_what_is_no_number(tmp_path: Path, cell: str) -> None:
    problems: list[Problem] = []
    assert table(tmp_path, f"id,value,note\nabc,{cell},x\n").rows[0].number("value", problems) is None
    assert (only(problems).line, only(problems).column) == (2, 5)
    assert "abc: value" in only(problems).what


@pytest.mark.parametrize("cell", ["[1]", "3", '"{""a"":"', "null", "true"])
def test_what_is_no_object(tmp_path: Path, cell: str) -> None:
    problems: list[Problem] = []
    assert table(tmp_path, f"id,value,note\nabc,1,{cell}\n").rows[0].mapping("note", problems) is None
    assert "abc: note is not a JSON object" in only(problems).what
    assert only(problems).column == 7


def test_objects(tmp_path: Path) -> None:
    read = table(tmp_path, 'id,value,note\na,1,"{""k"":[1,2.0,true]}"\nb,1,\n')
    problems: list[Problem] = []
    assert [row.mapping("note", problems) for row in read.rows] == [{"k": [1, 2.0, True]}, {}]


def test_a_key_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    read = table(tmp_path, "id,value,note\na,1,x\nb,1,x\na,2,x\n")
    problems: list[Problem] = []
    found = read.by_key("id", problems)
    assert {key: row["value"] for key, row in found.items()} == {"a": "1", "b": "1"}
    assert (only(problems).line, only(problems).what) == (4, "a stands twice, first on line 2")


CELLS = st.lists(
    st.text(st.characters(exclude_characters="\n\r\x00", exclude_categories=["Cs"])), min_size=3, max_size=3
)


@given(st.lists(CELLS.filter(any), max_size=5))
def test_what_is_written_is_read_and_found_at_its_place(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    write_table(path, COLUMNS, rows)
    read = Table(path, COLUMNS)
    assert read.problems == []
    assert [list(row.cells) for row in read.rows] == rows
    lines = path.read_text(encoding="utf-8").split("\n")
    for row in read.rows:
        for at, column in enumerate(COLUMNS):
            rest = lines[row.line - 1][row.problem(column, "x").column - 1 :]
            assert next(csv.reader(io.StringIO(rest)), [""]) == list(row.cells[at:])


def test_writing_replaces_the_whole_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    write_whole(path, "a much longer text\n")
    write_whole(path, "short\n")
    assert path.read_bytes() == b"short\n"
    assert list(tmp_path.iterdir()) == [path]
