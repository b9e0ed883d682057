"""One who answers for energy: the optimiser and its checker by themselves, on files."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, ok


@pytest.fixture
def problem(consigne: Run, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "problem.json").write_text(ok(consigne, "example", "energy"))
    found: dict[str, Any] = json.loads((tmp_path / "problem.json").read_text())
    return found


def test_example_solve_check(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    told = ok(consigne, "solve", "energy", "problem.json", "-o", "plan.json")
    assert told.startswith("optimal")
    for what in ("objective, EUR", "bought, kWh", "CO2, kg", "sun used where it is made", "school: kW beside 36.0"):
        assert what in told
    assert ok(consigne, "check", "energy", "problem.json", "plan.json").strip() == "nothing violated"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [battery["id"] for battery in plan["batteries"]] == [battery["id"] for battery in problem["batteries"]]
    assert plan["gap"] <= 1e-6
    french = consigne("solve", "energy", "problem.json", "-o", "plan.json", CONSIGNE_LANG="fr")
    assert "acheté, kWh" in french.stdout


def test_what_is_broken_by_hand_is_named(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    ok(consigne, "solve", "energy", "problem.json", "-o", "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["batteries"][0]["stored_wh"][40] += 2_000
    plan["objective"] -= 1
    (tmp_path / "broken.json").write_text(json.dumps(plan))
    told = consigne("check", "energy", "problem.json", "broken.json")
    assert told.returncode == 1
    assert "stored of battery cellar by 2000 Wh: slot 40" in told.stderr
    assert "objective of plan by 1 EUR" in told.stderr
    other = problem["batteries"][0] | {"id": "attic"}
    (tmp_path / "other.json").write_text(json.dumps(problem | {"batteries": [other]}))
    assert "batteries 0 is 'cellar', wants 'attic'" in consigne("check", "energy", "other.json", "plan.json").stderr


def test_a_target_out_of_reach_is_a_best_effort_that_says_so(
    consigne: Run, problem: dict[str, Any], tmp_path: Path
) -> None:
    van = problem["vehicles"][0] | {"depart": 8, "target_wh": 45_000}
    (tmp_path / "late.json").write_text(json.dumps(problem | {"vehicles": [van, problem["vehicles"][1]]}))
    done = consigne("solve", "energy", "late.json", "-o", "plan.json")
    assert done.returncode == 3
    # Two hours at 7.4 kW store 13.616 kWh of the 30 that are wanted.
    assert "departure of vehicle van by 16.384 kWh" in done.stdout
    assert ok(consigne, "check", "energy", "late.json", "plan.json").strip() == "nothing violated"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["status"] == "best_effort"
    assert plan["vehicles"][0]["vehicle_charge_w"][:8] == [pytest.approx(7_400)] * 8
    assert plan["shortfall"]["comfort"] == pytest.approx(16.384)


def test_what_is_wrong_is_refused_at_once_and_nothing_is_written(
    consigne: Run, problem: dict[str, Any], tmp_path: Path
) -> None:
    battery = problem["batteries"][0] | {"charge_efficiency": 95, "initial_wh": 31_000}
    site = problem["sites"][0]
    site["base_w"][3] = -200
    (tmp_path / "wrong.json").write_text(json.dumps(problem | {"batteries": [battery]}))
    done = consigne("solve", "energy", "wrong.json", "-o", "plan.json")
    assert (done.returncode, (tmp_path / "plan.json").exists()) == (2, False)
    for what in ("is it in percent", "initial_wh is 31000", "base_w of slot 3 is -200"):
        assert what in done.stderr
    kilowatts = {name: value for name, value in problem["batteries"][0].items() if name != "charge_max_w"}
    (tmp_path / "kw.json").write_text(json.dumps(problem | {"batteries": [kilowatts | {"charge_max_kw": 12}]}))
    assert "wants charge_max_w, 1000 times as much" in consigne("solve", "energy", "kw.json").stderr


def test_no_time_is_a_plan_by_rules_that_says_so(consigne: Run, problem: dict[str, Any]) -> None:
    done = consigne("solve", "energy", "problem.json", "--seconds", "0.000001", "-o", "plan.json")
    assert done.returncode == 3
    assert "devices go by plain rules" in done.stdout
    assert ok(consigne, "check", "energy", "problem.json", "plan.json").strip() == "nothing violated"


def test_schemas_are_published(consigne: Run) -> None:
    assert "sites" in json.loads(ok(consigne, "schema", "energy"))["properties"]
    assert "shortfall" in json.loads(ok(consigne, "schema", "energy", "--plan"))["properties"]
