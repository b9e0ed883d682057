"""One who answers for waste collection: what is known of containers, a day's rounds and files, a closure, and why.

Whatever the clock says: on a Sunday, or once the shifts are over, nobody drives, and that is what is said.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from engine.instants import PARIS, isoformat

from .conftest import ROOT, Run, ok

CONTAINERS = [line.split(",") for line in (ROOT / "datasets" / "sample" / "assets.csv").read_text().splitlines()]
NAMES = [line[0] for line in CONTAINERS if line[1] == "WasteContainer"]
CLOSURE = """closures:
  - id: works
    text: {fr: travaux, en: works}
    place: {around: {lat: 47.4052, lon: -0.6671, radius_m: 80}}
    from: 2026-01-01
    until: 2999-12-31
"""


@pytest.fixture
def town(consigne: Run, tmp_path: Path) -> dict[str, str]:
    """A database with the sample territory and ten days of levels, and rules of its own to write in."""
    copytree(ROOT / "rules", tmp_path / "rules")
    ok(consigne, "db", "upgrade")
    ok(consigne, "territory", "import", ROOT / "datasets" / "sample")
    now = datetime.now(UTC)
    rows = [
        {
            "asset": name, "property": "fillingLevel", "observed_at": isoformat(now - timedelta(hours=6 * k + 0.1)),
            "value": max(0.97 - 0.02 * n - 0.02 * k, 0.02),
        }
        for n, name in enumerate(NAMES)
        for k in range(40)
    ]  # fmt: skip
    (tmp_path / "levels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ok(consigne, "ingest", "levels.jsonl")
    return {"CONSIGNE_RULES_DIR": str(tmp_path / "rules")}


def test_fills_rounds_and_reasons(consigne: Run, town: dict[str, str], tmp_path: Path) -> None:
    fills = json.loads(consigne("collection", "fills", "--json", **town).stdout)
    assert [one["container"] for one in fills] == sorted(NAMES)
    assert all(one["level"] >= 0 and one["reason"] is None for one in fills)
    none = consigne("collection", "rounds", **town)
    assert none.returncode == 2
    assert "plan-collection" in none.stdout + none.stderr

    ran = consigne("run", "replan-collection", "--json", **town)
    assert ran.returncode in {0, 3}, ran.stdout + ran.stderr
    plan = json.loads(ran.stdout)["plan"]
    told = consigne("collection", "list", "--lang", "fr", **town).stdout.splitlines()
    assert len(told) == len(NAMES)
    why = json.loads(consigne("why", NAMES[0], "--json", **town).stdout)
    assert why["plan"] == plan
    assert why["reason"]["fr"] in "\n".join(told)
    written = ok(consigne, "collection", "rounds", "--to", "rounds").split()
    endings = [Path(name).suffix for name in written]
    assert {".geojson", ".gpx", ".html", ".ics", ".json"} == set(endings)
    assert all((tmp_path / name).stat().st_size for name in written)
    rounds = json.loads(consigne("collection", "rounds", "--json", **town).stdout)
    assert {one["plan"] for one in rounds} == {plan}
    days = {one["day"] for one in rounds}
    assert days <= {str((datetime.now(PARIS) + timedelta(days=k)).date()) for k in (0, 1)}


def test_a_wrong_closure_is_named_and_a_right_one_is_read(
    consigne: Run, town: dict[str, str], tmp_path: Path
) -> None:  # fmt: skip
    closures = tmp_path / "rules" / "closures.yaml"
    closures.write_text(CLOSURE.replace("radius_m: 80", "radius: 80"))
    wrong = consigne("rules", "check", **town)
    assert wrong.returncode != 0
    assert "closures.yaml" in wrong.stdout + wrong.stderr
    closures.write_text(CLOSURE)
    assert consigne("rules", "check", **town).returncode == 0
