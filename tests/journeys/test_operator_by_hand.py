"""An operator sets, holds, resumes and releases from the command line; what is refused is refused whole."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Run, ok

LAMP = "L-49028-00012"
POINT = f"{LAMP}/illuminanceLevel"
SOON = "2099-01-01T00:00"


@pytest.fixture
def town(consigne: Run) -> Run:
    ok(consigne, "db", "upgrade")
    ok(consigne, "territory", "import", ROOT / "datasets" / "sample")
    return consigne


def point(town: Run) -> dict[str, Any]:
    (found,) = json.loads(ok(town, "setpoint", "list", LAMP, "--json"))
    assert isinstance(found, dict)
    return found


def until(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_a_value_by_hand_and_back(town: Run) -> None:
    ok(town, "run", "plan-lighting")
    planned = point(town)
    assert planned["level"] == 14
    told = ok(town, "setpoint", "set", LAMP, "40%", "--for", "30min", "--reason", "glare")
    assert told.startswith(f"{POINT}: 40%, level 8 (operator)")
    now = point(town)
    assert (now["value"], now["level"], now["reason"]) == (0.4, 8, "glare")
    assert re.fullmatch("person:.+", now["source"])
    assert now["command"]["seq"] > planned["command"]["seq"]
    (overridden,) = json.loads(ok(town, "setpoint", "list", "lighting", "--overridden", "--json"))
    assert overridden["point"] == POINT
    why = json.loads(ok(town, "why", LAMP, "--json"))
    assert (why["behind"]["reason"], why["losers"][0]["level"]) == ("glare", 14)
    assert "level 14" in ok(town, "setpoint", "release", LAMP)
    assert point(town)["level"] == 14
    assert town("setpoint", "release", LAMP).returncode == 2


def test_what_is_refused_is_refused_whole(town: Run) -> None:
    wrong = town("setpoint", "set", LAMP, "140%", "--for", "80h", "--reason", " ")
    assert wrong.returncode == 2
    assert len(wrong.stderr.strip().splitlines()) == 3
    assert f"{POINT} maximum 1.4 is above the maximum 1" in wrong.stderr
    for words in (
        (LAMP, "40 W", "--reason", "x"),
        (LAMP, "40%"),
        ("L-49028-0001", "40%", "--reason", "x"),
        (LAMP, "40%", "--reason", "x", "--for", "soon"),
        (LAMP, "40%", "--reason", "x", "--level", "rule"),
        (LAMP, "40%", "--reason", "x", "--level", "life-safety"),
    ):
        assert town("setpoint", "set", *words).returncode == 2, words
    assert (
        "--confirm-life-safety" in town("setpoint", "set", LAMP, "1", "--level", "life-safety", "--reason", "x").stderr
    )
    assert point(town)["command"] is None
    assert "level 1 (life safety manual)" in ok(
        town, "setpoint", "set", LAMP, "1", "--level", "life-safety", "--confirm-life-safety", "--reason", "fire"
    )


def test_holding_and_resuming(town: Run) -> None:
    assert "Nothing is held." in ok(town, "hold")
    told = ok(town, "hold", "lighting", "--until", until(120), "--reason", "works")
    assert "(240 points)" in told
    assert town("run", "plan-lighting").returncode == 0
    assert point(town)["command"] is None
    assert point(town)["hold"]["subject"] == "lighting"
    (held,) = json.loads(ok(town, "hold", "--json"))
    assert (held["scope"], held["reason"]) == ("domain", "works")
    assert "Held until" in ok(town, "why", LAMP)
    found = json.loads(town("doctor", "--quick", "--json").stdout)
    (finding,) = [one for one in found if one["name"] == "holds"]
    assert (finding["state"], "domain lighting" in finding["what"]) == ("degraded", True)
    ok(town, "resume", "lighting")
    assert point(town)["command"]["state"] == "queued"
    assert point(town)["hold"] is None
    assert "Rien n'est suspendu." in town("hold", CONSIGNE_LANG="fr").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lighting",), "--until"),
        (("lighting", "--until", SOON, "--reason", "x"), "7 days"),
        (("lighting", "--until", "2020-01-01T00:00", "--reason", "x"), "is over"),
        (("lightning", "--until", SOON, "--reason", "x"), "did you mean lighting?"),
    ],
)
def test_a_hold_that_is_refused(town: Run, words: tuple[str, ...], told: str) -> None:
    refused = town("hold", *words)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert "Nothing is held." in ok(town, "hold")


def test_every_act_is_in_the_audit_under_its_account(town: Run, tmp_path: Path) -> None:
    ok(town, "setpoint", "set", LAMP, "40%", "--reason", "Mr Petit, petit@example.org")
    ok(town, "hold", LAMP, "--until", until(60), "--reason", "works")
    ok(town, "resume", LAMP)
    ok(town, "setpoint", "release", LAMP)
    ok(town, "db", "prune", "--days", "30")
    ok(town, "audit", "export", "acts.jsonl", "--from", "2020-01-01T00:00")
    text = (tmp_path / "acts.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()[1:]]
    acts = [line for line in lines if line["actor"] != "outbox"]
    assert [act["action"] for act in acts] == ["import", "set", "hold", "resume", "release", "prune"]
    assert {act["actor"].partition(":")[0] for act in acts} == {"person"}
    assert next(line["body"] for line in lines if line["actor"] == "outbox") == {"queued": 1}
    assert "@" not in text and "Petit" not in text
