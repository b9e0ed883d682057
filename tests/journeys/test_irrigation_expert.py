"""One who answers for parks: the optimiser by itself, and the checker that shares no code with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, ok


@pytest.fixture
def problem(consigne: Run, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "problem.json").write_text(ok(consigne, "example", "irrigation"))
    found: dict[str, Any] = json.loads((tmp_path / "problem.json").read_text())
    return found


def test_example_solve_check(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    told = ok(consigne, "solve", "irrigation", "problem.json", "-o", "plan.json")
    assert told.startswith("optimal")
    for what in ("objective, EUR", "water of the coming night, m3", "openings of valves"):
        assert what in told
    assert ok(consigne, "check", "irrigation", "problem.json", "plan.json").strip() == "nothing violated"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [zone["id"] for zone in plan["hydrozones"]] == [zone["id"] for zone in problem["hydrozones"]]
    assert plan["openings"], "the example wants water"
    french = consigne("solve", "irrigation", "problem.json", "-o", "plan.json", CONSIGNE_LANG="fr")
    assert "eau de la nuit" in french.stdout


def test_the_whole_example(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "full.json").write_text(ok(consigne, "example", "irrigation", "--full"))
    told = ok(consigne, "solve", "irrigation", "full.json", "-o", "plan.json")
    for what in ("water of week", "water of N-01 tonight"):
        assert what in told
    assert ok(consigne, "check", "irrigation", "full.json", "plan.json").strip() == "nothing violated"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["hydrozones"][0]["cycles"] == 0, "the first one may not be watered"
    problem = json.loads((tmp_path / "full.json").read_text())
    problem["budgets"]["N-01 tonight"]["limit_m3"] = 0.0
    (tmp_path / "full.json").write_text(json.dumps(problem))
    found = consigne("check", "irrigation", "full.json", "plan.json")
    assert found.returncode == 1
    assert "budget of N-01 tonight by" in found.stderr
    ok(consigne, "solve", "irrigation", "full.json", "-o", "plan.json")
    dry = json.loads((tmp_path / "plan.json").read_text())
    assert {zone["cycles"] for zone in dry["hydrozones"] if zone["id"].startswith("V-01")} == {0}


def test_what_is_broken_by_hand_is_named(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    ok(consigne, "solve", "irrigation", "problem.json", "-o", "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    first, second = plan["openings"][:2]
    first["end_s"] += 60
    second["start_s"] -= 86_400
    second["end_s"] -= 86_400
    (tmp_path / "broken.json").write_text(json.dumps(plan))
    told = consigne("check", "irrigation", "problem.json", "broken.json")
    assert told.returncode == 1
    assert f"duration of {first['hydrozone']} by 60 s" in told.stderr
    assert f"window of {second['hydrozone']} by" in told.stderr
    other = problem["hydrozones"][0] | {"id": "another"}
    (tmp_path / "other.json").write_text(json.dumps(problem | {"hydrozones": [other, *problem["hydrozones"][1:]]}))
    assert "0 is 'V-01-01', wants 'another'" in consigne("check", "irrigation", "other.json", "plan.json").stderr


def test_moisture_in_per_cent_is_refused_by_name(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    for zone in problem["hydrozones"]:
        zone["depletion_mm"] = zone["taw_mm"] + 20
    (tmp_path / "percent.json").write_text(json.dumps(problem))
    done = consigne("solve", "irrigation", "percent.json", "-o", "plan.json")
    assert (done.returncode, (tmp_path / "plan.json").exists()) == (2, False)
    for zone in problem["hydrozones"]:
        assert zone["id"] in done.stderr, "every problem is named, not the first"
    assert "is it in percent" in done.stderr


def test_schemas_are_published(consigne: Run) -> None:
    for words, title in ((("schema", "irrigation"), "ProblemDocument"), (("schema", "irrigation", "--plan"), "Plan")):
        schema = json.loads(ok(consigne, *words))
        assert schema["type"] == "object"
        assert schema["title"].startswith(title)
