"""Strict YAML: every trap refused at its place, everything else read as plain data."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from engine.documents import parse_document, read_document
from engine.errors import InputError, Problem


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        parse_document(text, "f.yaml")
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a: no\n", 1, 4, "true or false"),
        ("a: 1\nb: ON\n", 2, 4, "true or false"),
        ("a: Yes\n", 1, 4, "true or false"),
        ("on: 1\n", 1, 1, "not a word"),
        ("true: 1\n", 1, 1, "not a word"),
        ("a: 1:30\n", 1, 4, "base 60"),
        ("a: 1:30.5\n", 1, 4, "base 60"),
        ("a: 0123\n", 1, 4, "octal"),
        ("a: 0x1F\n", 1, 4, "plain decimal"),
        ("a: .inf\n", 1, 4, "plain decimal"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "stands twice, first on line 1"),
        ("a: &x [1]\nb: *x\n", 2, 4, "alias *x"),
        ("a: !!python/object:os.system {}\n", 1, 4, "tag"),
        ("a: !secret x\n", 1, 4, "tag"),
        ("<<: {a: 1}\n", 1, 1, "plain word"),
        ("? [a]\n: 1\n", 1, 3, "plain word"),
        ("a: [1\n", 2, 1, ""),
        ("a: *nowhere\n", 1, 4, "alias"),
    ],
)
def test_traps_are_refused_at_their_place(text: str, line: int, column: int, said: str) -> None:
    (problem,) = problems_of(text)
    assert (problem.line, problem.column) == (line, column)
    assert said in problem.what


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a: "no"\n', "no"),
        ("a: 'on'\n", "on"),
        ("a: true\n", True),
        ("a: False\n", False),
        ("a: null\n", None),
        ("a:\n", None),
        ("a: 12\n", 12),
        ("a: -1.5\n", -1.5),
        ("a: 1.0e+3\n", 1000.0),
        ('a: "1:30"\n', "1:30"),
        ('a: "0123"\n', "0123"),
        ("a: 0\n", 0),
        ("a: 2026-11-22\n", "2026-11-22"),
        ("a: 2026-11-22T10:00:00Z\n", "2026-11-22T10:00:00Z"),
        ("a: 15min\n", "15min"),
        ("a: nothing\n", "nothing"),
    ],
)
def test_the_rest_is_plain_data(text: str, value: Any) -> None:
    data = parse_document(text, "f.yaml").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_every_problem_of_a_document_at_once() -> None:
    found = problems_of("a: no\nb: 1:30\na: 2\nc: !x y\n")
    assert [(p.line, p.column) for p in found] == [(1, 4), (2, 4), (3, 1), (4, 4)]


def test_a_hundred_nested_aliases_do_not_explode() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 100))
    assert "alias" in problems_of(bomb)[0].what


def test_a_very_deep_document_is_an_input_error() -> None:
    with pytest.raises(InputError, match="nested"):
        parse_document("[" * 100_000 + "]" * 100_000, "deep.yaml")
    assert parse_document("[" * 64 + "]" * 64, "deep.yaml").data


def test_an_empty_document_is_none() -> None:
    assert parse_document("", "f.yaml").data is None
    assert parse_document("# only a comment\n", "f.yaml").data is None


class Lamp(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    watts: float
    tags: list[int] = []


class Street(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lamps: list[Lamp]


def test_a_model_names_every_wrong_value_with_its_place() -> None:
    text = (
        "lamps:\n  - name: a\n    watts: many\n  - name: b\n    wats: 3\n  - name: c\n    watts: 2\n    tags: [1, x]\n"
    )
    with pytest.raises(InputError) as caught:
        parse_document(text, "street.yaml").validate(Street)
    lines = [str(p) for p in caught.value.problems]
    assert len(lines) == 4
    assert lines[0].startswith("street.yaml:3:12 lamps.0.watts") and "'many'" in lines[0]
    assert "missing" in lines[1] and lines[1].startswith("street.yaml:4:5")
    assert "unknown key 'lamps.1.wats'" in lines[2] and lines[2].startswith("street.yaml:5:11")
    assert lines[3].startswith("street.yaml:8:15")


def test_a_right_document_becomes_its_model() -> None:
    street = parse_document("lamps: [{name: a, watts: 3}]\n", "s").validate(Street)
    assert street.lamps[0].watts == 3.0


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml cannot be read: No such file"):
        read_document(tmp_path / "nowhere.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: été\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml:2:1 is not UTF-8"):
        read_document(latin)


WORDS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=6)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(WORDS, PLAIN, max_size=4))
def test_what_is_written_with_quotes_is_read_back(data: dict[str, Any]) -> None:
    """JSON is YAML whose words are all quoted, so nothing of it can be a trap."""
    import json

    assert parse_document(json.dumps(data), "j").data == data


@given(st.text(max_size=60))
def test_any_text_is_data_or_an_input_error(text: str) -> None:
    try:
        parse_document(text, "any")
    except InputError as error:
        assert error.problems
        assert all(problem.line >= 1 for problem in error.problems)


def test_the_c_reader_is_there() -> None:
    assert yaml.__with_libyaml__
