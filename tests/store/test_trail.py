"""A stretch of the audit in a file, verified where no database is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Conflict, InputError
from engine.store import Store
from engine.store.trail import export, verify_file

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Cut = Callable[[int, int], Path]


@pytest.fixture
def cut(bare: Store, tmp_path: Path) -> Cut:
    """Ten sealed lines a minute apart; writes those of the minutes [first, last)."""
    with bare.begin() as unit:
        for number in range(10):
            body = {"é": number / 3, "wide": 2**63, "inner": {"b": [None, True], "a": "\u2028\n"}}
            unit.audit.append("rules", "décider", f"L-{number}", body, NOW + number * MINUTE)
        unit.audit.append("rules", "x", "unsealed", {}, NOW)
        assert unit.audit.seal(10) == 10

    def write(first: int, last: int) -> Path:
        path = tmp_path / f"{first}-{last}.jsonl"
        with bare.read() as unit:
            assert export(unit.audit, NOW + first * MINUTE, NOW + last * MINUTE, path) == last - first
        return path

    return write


def test_a_file_fits_by_itself_and_with_the_database(cut: Cut, bare: Store) -> None:
    with bare.read() as unit:
        whole = unit.audit.verify()
    for first, last in ((0, 10), (3, 7), (9, 10)):
        found = verify_file(cut(first, last))
        assert (found.lines, found.broken) == (last - first, None)
        with bare.read() as unit:
            assert unit.audit.verify(found.head).broken is None
    assert verify_file(cut(0, 9), whole.head).broken is not None, "the file ends before that line"
    assert verify_file(cut(1, 10), whole.head).broken is None


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("trail")
    store = Store.open(f"sqlite:///{folder / 'x.db'}", create=True)
    store.upgrade()
    with store.begin() as unit:
        for number in range(4):
            unit.audit.append("rules", "decide", f"L-{number}", {"é": number / 3, "list": [number]}, NOW)
        unit.audit.seal()
    with store.read() as unit:
        export(unit.audit, NOW, NOW + MINUTE, folder / "x.jsonl")
    store.close()
    return (folder / "x.jsonl").read_bytes()


@given(data=st.data())
@settings(max_examples=400)
def test_any_byte_changed_is_found_at_its_line(
    text: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(text) - 2))  # the last newline tells nothing
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != text[place]))
    path = tmp_path_factory.getbasetemp() / "flipped.jsonl"
    path.write_bytes(text[:place] + bytes([byte]) + text[place + 1 :])
    line = text[:place].count(b"\n")
    if line == 0:
        with pytest.raises((InputError, AssertionError)):
            assert verify_file(path).broken is None
        return
    broken = verify_file(path).broken
    assert broken is not None
    assert broken.seq == line


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_a_file_that_was_cut_is_broken_where_it_ends(text: bytes, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(b"".join(text.splitlines(keepends=True)[:keep]))
    broken = verify_file(path).broken
    assert broken is not None
    assert (broken.seq, broken.what) == (keep, "the file was cut: its last line was 4")


def test_lines_exchanged_removed_and_doubled_are_found(text: bytes, tmp_path: Path) -> None:
    head, *lines = text.splitlines(keepends=True)
    for order, seq in (([0, 2, 1, 3], 2), ([0, 2, 3], 2), ([0, 1, 1, 2, 3], 3)):
        path = tmp_path / "mixed.jsonl"
        path.write_bytes(head + b"".join(lines[place] for place in order))
        broken = verify_file(path).broken
        assert broken is not None
        assert broken.seq == seq


def test_other_files_and_empty_times_are_refused(cut: Cut, bare: Store, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"form": "something"}\n')
    with pytest.raises(InputError, match=r"other.json:1:1 is no file of the form consigne-audit-1 → name a file that"):
        verify_file(tmp_path / "other.json")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        verify_file(tmp_path / "none.json")
    with bare.read() as unit:
        with pytest.raises(InputError, match="holds no sealed line from 2027"):
            export(unit.audit, NOW + timedelta(days=99), NOW + timedelta(days=100), tmp_path / "new")
        with pytest.raises(Conflict, match="exists already"):
            export(unit.audit, NOW, NOW + MINUTE, cut(0, 2))
