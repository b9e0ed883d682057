"""Show 1: a folder of differently broken files. Each says in its first line what is wrong with it and where."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError, Problem
from engine.rulebook.loading import load_rules

BROKEN = Path(__file__).parent / "broken"
FILES = sorted(BROKEN.glob("*/*.yaml"))
EXPECTED = re.compile(r"(\d+):(\d+) (\w+)")
PRINTED = re.compile(r"\S+\.yaml:\d+:\d+ [a-z]+ .+")


@pytest.fixture(scope="module")
def told(catalogue: Catalogue) -> dict[str, list[Problem]]:
    """What is wrong with each file, all of them looked at as one folder."""
    with pytest.raises(InputError) as caught:
        load_rules(BROKEN, catalogue)
    found: dict[str, list[Problem]] = defaultdict(list)
    for problem in caught.value.problems:
        found[problem.source].append(problem)
    return found


def expected_of(path: Path) -> list[tuple[int, int, str]]:
    """`# expect: LINE:COL code, …` in the first line."""
    first = path.read_bytes().split(b"\n", 1)[0].decode("ascii")
    assert first.startswith("# expect: ")
    return [(int(line), int(column), code) for line, column, code in EXPECTED.findall(first)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_fault_of_a_broken_file_is_named_at_its_place(path: Path, told: dict[str, list[Problem]]) -> None:
    found = told[str(path)]
    assert [(problem.line, problem.column, problem.code) for problem in found] == expected_of(path)
    assert len(found) >= 1
    for problem in found:
        assert PRINTED.fullmatch(str(problem)), problem
        assert len(str(problem)) < 400
        assert problem.hint


def test_nothing_else_is_said_to_be_wrong(told: dict[str, list[Problem]]) -> None:
    assert set(told) == {str(path) for path in FILES}


def test_they_are_broken_in_many_ways(told: dict[str, list[Problem]]) -> None:
    assert len(FILES) >= 60
    codes = {problem.code for problems in told.values() for problem in problems}
    assert codes == {
        "argument", "cycle", "duplicate", "level", "name", "owner", "range", "reference", "shape", "syntax", "type",
        "unit", "yaml",
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_broken_file_is_told_alone_as_among_others(path: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "owners.yaml").write_bytes((BROKEN / "owners.yaml").read_bytes())
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError) as caught:
        load_rules(tmp_path, catalogue)
    found = [(problem.line, problem.column, problem.code) for problem in caught.value.problems]
    assert found == expected_of(path)


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        (
            "owners:\n  tests: {name: {fr: a, en: b}, levels: [1]}\n",
            "owners.yaml:2:10 shape owners.tests: levels [1] are",
        ),
        ("owners:\n  tests: {name: {fr: a}}\n", "owners.yaml:2:17 shape 'owners.tests.name.en' is missing"),
        (
            "owners:\n  Tests: {name: {fr: a, en: b}}\n",
            "owners.yaml:2:10 shape owners.Tests.[key]: wants small letters",
        ),
        ("owners:\n  tests: {name: {fr: a, en: b}, level: [5]}\n", "owners.yaml:2:40 shape unknown key"),
        ("owners:\n  yes: {name: {fr: a, en: b}}\n", "owners.yaml:2:3 yaml the key 'yes' is not a word to YAML"),
        ("tests: {}\n", "owners.yaml:1:1 shape 'owners' is missing"),
    ],
)
def test_a_broken_list_of_owners_is_told(owners: str, expected: str, catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "owners.yaml").write_text(owners)
    with pytest.raises(InputError) as caught:
        load_rules(tmp_path, catalogue)
    found = [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert any(problem.startswith(expected) for problem in found), found
