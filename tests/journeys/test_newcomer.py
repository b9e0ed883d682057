"""A newcomer's first mistakes: told in a line, and nothing is done."""

from pathlib import Path

import pytest

from .conftest import Run


def test_wrong_words_are_told_and_nothing_is_done(consigne: Run, tmp_path: Path) -> None:
    assert consigne("demo", "--folder", "night", "--night", "yesterday").returncode == 2
    missing = consigne("demo", "--folder", "night", "--counts", "nowhere.csv")
    assert missing.returncode == 2
    assert "nowhere.csv" in missing.stderr
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    columns = consigne("demo", "--folder", "night", "--counts", "wrong.csv")
    assert columns.returncode == 2
    assert "arc, time, flow_veh_h" in columns.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("two years")
    occupied = consigne("demo", "--folder", "mine")
    assert occupied.returncode == 1
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "two years"


def test_settings_that_are_wrong_are_all_named(consigne_apart: Run) -> None:
    done = consigne_apart("doctor", CONSIGNE_DATABASE_URL="mysql://x", CONSIGNE_MAX_ATTEMPTS="0")
    assert done.returncode == 2
    assert "CONSIGNE_DATABASE_URL" in done.stderr
    assert "CONSIGNE_MAX_ATTEMPTS" in done.stderr


def test_without_a_broker_one_line_and_exit_1(consigne_apart: Run) -> None:
    done = consigne_apart("demo", "--folder", "night", CONSIGNE_BROKER_URL="mqtt://127.0.0.1:9")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "127.0.0.1:9" in done.stderr


@pytest.mark.parametrize(
    "words", [("run", "plan-lighting"), ("why", "L-1"), ("ingest", "x.csv"), ("db", "backup", "x")]
)
def test_without_a_database_one_line_and_exit_1(consigne: Run, words: tuple[str, ...]) -> None:
    done = consigne(*words)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "consigne db upgrade" in done.stderr


def test_attaching_to_nothing_says_so(consigne: Run) -> None:
    done = consigne("demo", "--folder", "nothing", "--attach")
    assert done.returncode == 2
    assert "holds no demo" in done.stderr
