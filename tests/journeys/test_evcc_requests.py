"""One who has evcc at home: its requests solved and answered in its shape, from the command line."""

import json
from pathlib import Path

from tests.energy.evcc_cases import EVENING, battery, request

from .conftest import Run, ok


def test_a_request_is_answered_and_checked(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps(EVENING))
    answer = json.loads(ok(consigne, "solve", "energy", "request.json", "--format", "evcc"))
    assert answer["status"] == "Optimal"
    assert "violations" not in answer
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    assert ok(consigne, "check", "energy", "request.json", "answer.json").strip() == "nothing violated"
    answer["batteries"][0]["charging_power"][2] += 100
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    found = consigne("check", "energy", "request.json", "answer.json", "--format", "evcc")
    assert (found.returncode, "batteries.0" in found.stderr) == (1, True)


def test_a_goal_that_cannot_be_met_is_told(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps(request(battery(s_goal=[0, 9000, 0, 0]))))
    found = consigne("solve", "energy", "request.json", "-o", "answer.json")
    assert found.returncode == 3
    assert "goal of batteries.0 by 1800 Wh" in found.stdout
    (violation,) = json.loads((tmp_path / "answer.json").read_text())["violations"]
    assert violation["object"] == "batteries.0"
    french = consigne("solve", "energy", "request.json", "-o", "answer.json", CONSIGNE_LANG="fr")
    assert "en réserve à la fin" in french.stdout


def test_a_wrong_request_is_told_whole(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps(request(battery(s_initial=2e4), battery(c_min=5000))))
    found = consigne("solve", "energy", "request.json", "--format", "evcc")
    assert found.returncode == 2
    assert "batteries.0.s_initial" in found.stderr
    assert "batteries.1.c_min" in found.stderr
    found = consigne("solve", "energy", "request.json", "--format", "vroom")
    assert (found.returncode, "one of: evcc, json" in found.stderr) == (2, True)
