"""An operator, a scheduler, an expert and an auditor: every command they have, from an empty folder."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.instants import isoformat
from engine.inventory.territory import load_territory
from engine.model import Asset

from .conftest import ROOT, Run, ok

SAMPLE = ROOT / "datasets" / "sample"


@pytest.fixture
def town(consigne: Run) -> Run:
    """A database with the sample territory."""
    ok(consigne, "db", "upgrade")
    assert "393 assets" in ok(consigne, "territory", "import", SAMPLE)
    return consigne


def test_telemetry_from_files_is_counted_once(town: Run, tmp_path: Path) -> None:
    rows = [
        {"asset": "T-49028-0001", "property": "intensity", "value": 120, "observed_at": "2026-11-01T08:00:00Z"},
        {"asset": "T-49028-0001", "property": "intensity", "value": 130, "observed_at": "2026-11-01T09:00:00"},
        {"asset": "nobody", "property": "intensity", "value": 130, "observed_at": "2026-11-01T09:00:00Z"},
        {"asset": "T-49028-0001", "property": "intensity", "value": -4, "observed_at": "2026-11-01T10:00:00Z"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n{not json\n")
    told = json.loads(ok(town, "ingest", "a.jsonl", "--json"))
    assert told == {
        "received": 5,
        "stored": 1,
        "refused": {"malformed": 1, "naive_time": 1, "out_of_range": 1, "unknown_asset": 1},
    }
    again = json.loads(ok(town, "ingest", "a.jsonl", "--json"))
    assert (again["stored"], again["refused"]["duplicate"]) == (0, 1)
    (tmp_path / "b.csv").write_text("asset;value\n")
    wrong = town("ingest", "b.csv")
    assert wrong.returncode == 2
    assert "b.csv:1" in wrong.stderr
    assert "nothing wrong" in ok(town, "db", "check")


def test_a_plan_by_hand_and_everything_it_leaves_behind(town: Run, tmp_path: Path) -> None:
    at = isoformat(datetime.now(UTC))
    ran = json.loads(ok(town, "run", "plan-lighting", "--at", at, "--json"))
    assert (ran["done_before"], ran["points"]) == (False, 240)
    assert json.loads(ok(town, "run", "plan-lighting", "--at", at, "--json"))["done_before"]
    past = town("run", "plan-lighting", "--at", "2024-11-16T12:00", "--json")
    assert json.loads(past.stdout)["state"] == "skipped", "nothing can be asked of a night that is over"
    (plan,) = json.loads(ok(town, "plan", "list", "--json"))
    assert plan["id"] == ran["plan"]
    assert json.loads(ok(town, "plan", "show", ran["plan"], "--json"))["status"] == "optimal"
    assert ok(town, "plan", "replay", ran["plan"]).startswith("equal to the byte")
    assert json.loads(ok(town, "command", "list", "--json")) == [{"state": "queued", "commands": 240}]
    steps = json.loads(ok(town, "command", "show", "L-49028-00001/illuminanceLevel", "--json"))
    assert [(step["state"], step["level"], step["repeats"]) for step in steps] == [("queued", 14, 0)]
    assert json.loads(ok(town, "alarm", "list", "--json")) == []
    told = json.loads(ok(town, "why", "L-49028-00001", isoformat(datetime.now(UTC)), "--json"))
    assert told["winner"]["version"] == ran["plan"]
    assert "whole" in ok(town, "audit", "verify")
    ok(town, "run", "roll-up")
    ok(town, "run", "housekeeping")
    ok(town, "db", "prune", "--days", "30")
    assert town("run", "make-tea").returncode == 2
    assert town("plan", "show", "nothing").returncode == 2
    assert town("command", "show", "nothing").returncode == 2


def test_a_backup_is_the_same_town(town: Run, consigne: Run, tmp_path: Path) -> None:
    ok(town, "run", "plan-lighting")
    before = ok(town, "command", "list", "--json")
    ok(town, "db", "backup", "town.zip")
    (tmp_path / "consigne.db").rename(tmp_path / "lost.db")
    ok(consigne, "db", "restore", "town.zip")
    assert ok(consigne, "command", "list", "--json") == before
    refused = consigne("db", "restore", "town.zip")
    assert refused.returncode == 1
    assert "nothing wrong" in ok(consigne, "db", "check")


def test_the_inventory_goes_out_and_comes_back(town: Run, consigne: Run, tmp_path: Path, catalogue: Catalogue) -> None:
    ok(town, "territory", "export", "out")
    assert assets_of(tmp_path / "out", catalogue) == assets_of(SAMPLE, catalogue)
    ok(town, "territory", "check", "out")
    ok(town, "territory", "export", "--eclext", "eclext")
    ok(town, "territory", "import", "--eclext", "eclext")
    broken = (tmp_path / "out" / "assets.csv").read_text().replace("Streetlight,", "Streetlamp,", 2)
    (tmp_path / "out" / "assets.csv").write_text(broken)
    refused = town("territory", "import", "out")
    assert refused.returncode == 2
    assert refused.stderr.count("Streetlamp") >= 2
    assert re.search(r"assets\.csv:\d+:15 L-49028-00002 is of the unknown type", refused.stderr)


def assets_of(folder: Path, catalogue: Catalogue) -> dict[str, Asset]:
    return {asset.id: asset for asset in load_territory(folder, catalogue).assets}


def test_a_small_territory_can_be_made(consigne: Run, tmp_path: Path) -> None:
    ok(consigne, "territory", "generate", "--scale", "0.01", "--seed", "3")
    ok(consigne, "territory", "check", "var/territory")
    assert consigne("territory", "generate", "--scale", "9").returncode == 2


def test_an_expert_is_told_what_is_wrong_with_a_rule(consigne: Run, tmp_path: Path) -> None:
    assert "lamp-failure" in ok(consigne, "rules", "check")
    (tmp_path / "rules" / "lighting").mkdir(parents=True)
    (tmp_path / "rules" / "owners.yaml").write_bytes((ROOT / "rules" / "owners.yaml").read_bytes())
    text = (ROOT / "rules" / "lighting" / "lamps.yaml").read_text()
    wrong = text.replace("< 2 W", "< 2 A", 1).replace("priority: high", "priority: loud")
    (tmp_path / "rules" / "lighting" / "lamps.yaml").write_text(wrong)
    told = consigne("rules", "check", CONSIGNE_RULES_DIR=str(tmp_path / "rules"))
    assert told.returncode == 2
    assert "lamps.yaml:8:79 unit 2 A" in told.stderr
    assert "lamps.yaml:37:19 shape" in told.stderr and "loud" in told.stderr


def test_the_optimiser_by_itself(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(ok(consigne, "example", "lighting"))
    assert "optimal" in ok(consigne, "solve", "lighting", "problem.json", "-o", "plan.json")
    assert "nothing violated" in ok(consigne, "check", "lighting", "problem.json", "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["lamps"][0]["flux"][40] = 0.0
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    found = consigne("check", "lighting", "problem.json", "plan.json")
    assert found.returncode == 1
    assert plan["lamps"][0]["id"] in found.stderr
    for words in (("schema", "lighting"), ("schema", "lighting", "--plan")):
        assert json.loads(ok(consigne, *words))["type"] == "object"
    (tmp_path / "problem.json").write_text('{"lamps": [}')
    assert consigne("solve", "lighting", "problem.json").returncode == 2
    assert consigne("solve", "tea", "problem.json").returncode == 2


def test_doctor_names_what_is_missing(consigne: Run) -> None:
    done = consigne("doctor", "--json", CONSIGNE_BROKER_URL="mqtt://127.0.0.1:9")
    assert done.returncode == 1
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert found["database"]["state"] == found["broker"]["state"] == "down"
    assert "consigne db upgrade" in found["database"]["what"]
    assert found["rules"]["state"] == "ok"
    assert found["inference"]["state"] in {"ok", "degraded"}
