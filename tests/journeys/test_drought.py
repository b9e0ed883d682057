"""Show 5: a drought level raised while valves are open, over the wire; and what people are told of levels in force."""

import json
import shutil
from pathlib import Path

from engine.model import CommandState
from tests.bench.show_drought import LEVEL, WITHIN_S, raised

from .conftest import ROOT, Run, ok


def test_open_valves_are_told_closed_and_verified_and_why_names_the_order(tmp_path: Path) -> None:
    found = raised(tmp_path, networks=2, valves=5)
    assert len(found.closed_s) == len(found.verified_s) == 10
    assert max(found.closed_s) <= WITHIN_S * 3  # on a busy machine; the bench holds it to WITHIN_S
    command = found.command
    assert (command.state, command.urgent, command.batch) == (CommandState.VERIFIED, True, None)
    assert command.explanation["verdict"]["clauses"] == ["order:drought-crisis"]
    assert "prefect of Maine-et-Loire, order 2026-214 of" in found.why["envelope"]["reasons"][0]
    assert found.why["command"]["state"] == "verified"
    assert found.replan["rule"] == "orders.yaml"


def test_people_see_which_levels_are_in_force_whom_they_bind_and_what_each_leaves(
    consigne: Run, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    ok(consigne, "db", "upgrade")
    ok(consigne, "territory", "import", ROOT / "datasets" / "sample")
    path, where = rules / "drought.yaml", {"CONSIGNE_RULES_DIR": str(rules)}
    none = consigne("irrigation", "drought", **where)
    assert "no drought level is in force" in none.stdout
    path.write_text(path.read_text().replace("levels: []\n", LEVEL.format(today="2026-07-06")))
    words = ("irrigation", "drought", "--at", "2026-07-06T22:00")
    found = json.loads(consigne(*words, "--json", **where).stdout)
    (level,) = found["levels"]
    assert (level["number"], level["level"], level["valves"]) == ("2026-214", "crise", 4)
    assert sum(one["valves"] for one in level["leaves"]) == 4
    assert found["measures"][0]["uses"] == ["flowerbed", "lawn", "shrubs", "trees"]
    french = consigne(*words, "--lang", "fr", **where).stdout
    assert "crise sécheresse : pelouses, par aspersion, eau potable : arrosage interdit" in french
    assert "préfet de Maine-et-Loire, arrêté 2026-214 du 2026-07-06" in french
    path.write_text(path.read_text().replace("level: crise", "level: red"))
    wrong = consigne("rules", "check", **where)
    assert wrong.returncode == 2
    assert "drought.yaml:" in wrong.stderr
    assert "'red'" in wrong.stderr
