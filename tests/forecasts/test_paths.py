"""Paths into JSON: every other path follows the rows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.forecasts.paths import Mislaid, alike, column, parse_path, place_of, shape_of, size_of

TREE = {"days": [{"day": "mon", "zones": [{"id": "a", "v": [1, 2]}, {"id": "b", "v": []}]},
                 {"day": "tue", "zones": [{"id": "c", "v": [3]}]}], "said": "x"}  # fmt: skip


def columns(document: Any, rows: str, *paths: str) -> list[list[Any]]:
    shape = shape_of(document, parse_path(rows))
    return [column(document, parse_path(path), shape) for path in paths]


def test_what_stands_above_a_row_belongs_to_it() -> None:
    found = columns(TREE, "days[].zones[].v[]", "days[].zones[].v[]", "days[].zones[].id", "days[].day", "said")
    assert found == [[1, 2, 3], ["a", "a", "c"], ["mon", "mon", "tue"], ["x", "x", "x"]]


def test_lists_side_by_side_are_zipped() -> None:
    assert columns({"h": {"t": [1, 2], "v": [5, 6]}}, "h.t[]", "h.v[]") == [[5, 6]]
    assert columns([{"t": [1], "v": [2]}, {"t": [3], "v": [4]}], "[].t[]", "[].v[]") == [[2, 4]]


def test_null_is_an_empty_list() -> None:
    assert columns({"a": [{"b": None}, {"b": [1]}]}, "a[].b[]", "a[].b[]") == [[1]]


@pytest.mark.parametrize(
    ("document", "rows", "path", "where", "what"),
    [
        ({"h": {"t": [1], "rain": [1]}}, "h.t[]", "h.rian[]", "h", "has no key 'rian'"),
        ({"h": {"t": [1, 2], "v": [1]}}, "h.t[]", "h.v[]", "h.v", "holds 1 values where there are 2 rows"),
        ({"h": {"t": [1], "v": 5}}, "h.t[]", "h.v[]", "h.v", "is 5, no list"),
        ({"h": [1]}, "h.t[]", "h.t[]", "h", "is a list, no object"),
        ([{"t": [1]}, {"t": {}}], "[].t[]", "[].t[]", "[1].t", "is an object, no list"),
        ([{"t": [1]}, {}], "[].t[]", "[].t[]", "[1]", "has no key 't'"),
        (7, "h.t[]", "h.t[]", "the document", "is 7, no object"),
    ],
)
def test_what_is_not_there_is_named(document: Any, rows: str, path: str, where: str, what: str) -> None:
    with pytest.raises(Mislaid) as error:
        columns(document, rows, path)
    assert (error.value.where, error.value.what) == (where, what)
    assert error.value.hint


@pytest.mark.parametrize("text", ["", "a..b", "a[", "a]", "a[]b", "a.[]", "a[0]", "[]a", "a][", "."])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        parse_path(text)


def test_a_star_stands_for_every_key_like_it() -> None:
    found = alike({"h": {"t2m": 0, "t_m02": 0, "t_m01": 0, "u": 0}}, parse_path("h.t_m*[]"))
    assert found == [("h", "t_m01", None), ("h", "t_m02", None)]
    assert alike([{"a1": []}], parse_path("[].a*[]")) == [(None, "a1", None)]
    with pytest.raises(Mislaid, match=r"h has no key like 'x\*'"):
        alike({"h": {"t": 1}}, parse_path("h.x*[]"))


NESTED = st.lists(st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=3), max_size=3)


@given(nested=NESTED)
def test_columns_agree_with_loops(nested: list[list[list[int]]]) -> None:
    document = {"a": [{"k": i, "b": [{"k": j, "c": c} for j, c in enumerate(b)]} for i, b in enumerate(nested)]}
    rows = parse_path("a[].b[].c[]")
    shape = shape_of(document, rows)
    wanted = [(v, j, i, n) for i, b in enumerate(nested) for j, c in enumerate(b) for n, v in enumerate(c)]
    found = [column(document, parse_path(path), shape) for path in ("a[].b[].c[]", "a[].b[].k", "a[].k")]
    assert list(zip(*found, strict=True)) == [one[:3] for one in wanted]
    assert size_of(shape) == len(wanted)
    places = [place_of(rows, shape, row) for row in range(len(wanted))]
    assert places == [f"a[{i}].b[{j}].c[{n}]" for _, j, i, n in wanted]
