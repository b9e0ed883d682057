"""An auditor: a byte changed in the database file is found, and the line is named; a stretch verified elsewhere."""

import json
import sqlite3
from pathlib import Path

import pytest

from .conftest import ROOT, Run, ok

LAMP = "L-49028-00012"


@pytest.fixture
def acted(consigne: Run) -> Run:
    """A database with a plan, and acts of a person."""
    ok(consigne, "db", "upgrade")
    ok(consigne, "territory", "import", ROOT / "datasets" / "sample")
    ok(consigne, "run", "plan-lighting")
    for value in (40, 50, 60, 70):
        ok(consigne, "setpoint", "set", LAMP, f"{value}%", "--reason", f"Mrs Martin <m{value}@example.org> asked")
    ok(consigne, "setpoint", "release", LAMP)
    return consigne


def flip(database: Path, what: bytes) -> None:
    """Change one byte of the file, in the middle of the only place where this is written."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    body = bytearray(database.read_bytes())
    assert body.count(what) == 1, body.count(what)
    place = body.index(what) + len(what) // 2
    body[place] ^= 1
    database.write_bytes(body)


def test_one_byte_changed_is_found_and_named(acted: Run, tmp_path: Path) -> None:
    whole = json.loads(ok(acted, "audit", "verify", "--json"))
    assert (whole["unsealed"], whole["broken"]) == (0, None)
    assert whole["lines"] >= 7, "an import, a plan, five acts"
    with sqlite3.connect(tmp_path / "consigne.db") as connection:
        ((hash_of_5,),) = connection.execute("SELECT hash FROM audit WHERE seq = 5")
        texts = [row[0] for row in connection.execute("SELECT actor || subject || body FROM audit")]
    connection.close()
    assert not any("@" in text or "Martin" in text for text in texts), "nobody's name is in the chain"
    flip(tmp_path / "consigne.db", hash_of_5.encode())
    found = acted("audit", "verify", "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["broken"]["seq"] == 5
    told = acted("audit", "verify")
    assert told.returncode == 1
    assert "broken at line 5 (id 5)" in told.stdout
    checked = acted("db", "check")
    assert checked.returncode == 1
    assert "audit line 5 does not fit the chain" in checked.stderr


def test_a_stretch_is_verified_without_the_database(acted: Run, tmp_path: Path) -> None:
    head = json.loads(ok(acted, "audit", "verify", "--json"))["head"]
    assert "in acts.jsonl" in ok(acted, "audit", "export", "acts.jsonl", "--from", "2026-11-01T00:00")
    (tmp_path / "consigne.db").unlink()
    assert "whole" in ok(acted, "audit", "verify", "acts.jsonl", "--head", head)
    text = (tmp_path / "acts.jsonl").read_text()
    (tmp_path / "acts.jsonl").write_text(text.replace('"value":0.5', '"value":0.4'))
    told = acted("audit", "verify", "acts.jsonl")
    assert told.returncode == 1
    assert "broken at line" in told.stdout


def test_a_head_kept_elsewhere_shows_a_chain_made_anew(acted: Run, tmp_path: Path) -> None:
    head = json.loads(ok(acted, "audit", "verify", "--json"))["head"]
    assert ok(acted, "audit", "verify", "--head", head)
    with sqlite3.connect(tmp_path / "consigne.db") as connection:
        with pytest.raises(sqlite3.IntegrityError, match="never changed or removed"):
            connection.execute("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
        connection.execute("DROP TRIGGER audit_not_removed")
        connection.execute("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    connection.close()
    assert "whole" in ok(acted, "audit", "verify")
    assert "cut" in (told := acted("audit", "verify", "--head", head)).stdout
    assert told.returncode == 1
