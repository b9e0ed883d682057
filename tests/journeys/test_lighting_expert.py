"""One who answers for street lights: the optimiser by itself, then a night of the sample, its report, and why."""

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from engine.instants import PARIS, isoformat

from .conftest import ROOT, Run, ok

SAMPLE = ROOT / "datasets" / "sample"
LAMP = "L-49329-00001"


@pytest.fixture
def problem(consigne: Run, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "problem.json").write_text(ok(consigne, "example", "lighting"))
    found: dict[str, Any] = json.loads((tmp_path / "problem.json").read_text())
    return found


def test_example_solve_check(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    assert ok(consigne, "solve", "lighting", "problem.json", "-o", "plan.json").startswith("optimal")
    assert ok(consigne, "check", "lighting", "problem.json", "plan.json").strip() == "nothing violated"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["objective"] == plan["bound"]
    slot = problem["burning"].index(True)
    plan["lamps"][0]["flux"][slot] = 0.0
    (tmp_path / "darker.json").write_text(json.dumps(plan))
    told = consigne("check", "lighting", "problem.json", "darker.json")
    assert told.returncode == 1
    assert re.search(rf"floor of {plan['lamps'][0]['id']}", told.stderr), told.stderr


def test_the_whole_example(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "full.json").write_text(ok(consigne, "example", "lighting", "--full"))
    told = ok(consigne, "solve", "lighting", "full.json", "-o", "plan.json")
    assert told.startswith("feasible")
    for what in ("different programs", "light given up", "lamps told another program", "energy of cabinets"):
        assert what in told
    assert ok(consigne, "check", "lighting", "full.json", "plan.json").strip() == "nothing violated"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [cabinet["id"] for cabinet in plan["cabinets"]] == ["K-001", "K-002"]
    problem = json.loads((tmp_path / "full.json").read_text())
    problem["budget"]["energy_wh"] = 1.0
    (tmp_path / "full.json").write_text(json.dumps(problem))
    short = consigne("solve", "lighting", "full.json", "-o", "plan.json")
    assert short.returncode == 3
    assert "energy budget of plan by" in short.stdout


def test_a_ceiling_under_a_floor_is_told_with_its_chain(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    lamp = problem["lamps"][0]
    lamp["ceiling"] = max(lamp["floor"]) - 0.1
    (tmp_path / "conflict.json").write_text(json.dumps(problem))
    assert consigne("solve", "lighting", "conflict.json", "-o", "plan.json").returncode == 3
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["status"] == "best_effort"
    assert {violation["object"] for violation in plan["violations"]} == {lamp["id"]}
    assert all(given >= wanted - 1e-9 for given, wanted in zip(plan["lamps"][0]["flux"], lamp["floor"], strict=True))


def test_levels_in_per_cent_are_refused_by_name(consigne: Run, problem: dict[str, Any], tmp_path: Path) -> None:
    for lamp in problem["lamps"]:
        lamp["floor"] = [100 * level for level in lamp["floor"]]
    (tmp_path / "percent.json").write_text(json.dumps(problem))
    done = consigne("solve", "lighting", "percent.json", "-o", "plan.json")
    assert (done.returncode, (tmp_path / "plan.json").exists()) == (2, False)
    assert "is it in percent" in done.stderr
    assert problem["lamps"][-1]["id"] in done.stderr, "every problem is named, not the first"


def test_limits_that_are_none_are_all_told(consigne: Run, problem: dict[str, Any]) -> None:
    done = consigne("solve", "lighting", "problem.json", "--gap", "2", "--seconds", "0")
    assert done.returncode == 2
    assert "gap is 2.0" in done.stderr
    assert "seconds is 0.0" in done.stderr
    assert "Traceback" not in done.stderr
    assert consigne("example", "lighting", "--seed", "-1").returncode == 2


def test_a_night_its_report_and_why(consigne: Run, tmp_path: Path) -> None:
    ok(consigne, "db", "upgrade")
    ok(consigne, "territory", "import", SAMPLE)
    now = datetime.now(UTC)
    ran = json.loads(ok(consigne, "run", "plan-lighting", "--at", isoformat(now), "--json"))
    night = (now.astimezone(PARIS) - timedelta(hours=12)).date().isoformat()
    cabinets = json.loads(
        ok(consigne, "lighting", "report", "--night", night, "--by", "cabinet", "--csv", "night.csv", "--json")
    )
    rows = list(csv.DictReader((tmp_path / "night.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == [line["id"] for line in cabinets["lines"]]
    communes = json.loads(ok(consigne, "lighting", "report", "--night", night, "--json"))
    for name in ("planned_kwh", "fixed_kwh", "full_kwh", "lamp_nights", "planned_eur", "area_m2"):
        for lines in (cabinets["lines"], communes["lines"]):
            assert sum(line[name] for line in lines) == pytest.approx(communes["total"][name], abs=1e-6), name
    assert communes["total"]["lamp_nights"] == ran["points"] == 240
    assert communes["total"]["measured_kwh"] is None, "no meter has told anything"
    shown = ok(consigne, "lighting", "report", "--night", night)
    assert "Savennières" in shown and "Territory" in shown
    told = json.loads(ok(consigne, "why", LAMP, "--json"))
    assert told["winner"]["version"] == ran["plan"]
    assert told["behind"]["class_normal"]
    early = consigne("lighting", "report", "--night", "2020-01-01")
    assert early.returncode == 1
    assert "no plan was in force" in early.stderr


def test_a_budget_is_written_checked_planned_and_told(consigne: Run, tmp_path: Path) -> None:
    copytree(ROOT / "datasets" / "reference", tmp_path / "datasets" / "reference")
    tables = tmp_path / "datasets" / "reference" / "lighting.yaml"
    shipped, here = tables.read_text(), {"CONSIGNE_DATASETS_DIR": str(tmp_path / "datasets")}
    ok(consigne, "db", "upgrade")
    ok(consigne, "territory", "import", SAMPLE)
    words = "authority: {fr: conseil, en: council}, number: '7', dated: 2026-01-01, text: {fr: hiver, en: winter}"
    entry = f"budgets:\n  - {{id: winter, {words}, from: 2026-01-01, until: 2999-12-31, energy_kwh: KWH, gives_way: N}}"
    tables.write_text(shipped.replace("budgets: []", entry.replace("KWH", "-1").replace("N}", "9}")))
    wrong = consigne("lighting", "budgets", **here)
    assert wrong.returncode == 2
    for what in ("budgets.0.energy_kwh", "budgets.0.gives_way", "lighting.yaml:"):
        assert what in wrong.stderr
    tables.write_text(shipped.replace("budgets: []", entry.replace("KWH", "1").replace("N}", "1}")))
    listed = consigne("lighting", "budgets", **here).stdout
    assert "winter: winter (council, decision 7 of 2026-01-01, until 2999-12-31)" in listed
    (found,) = json.loads(consigne("lighting", "budgets", "--json", **here).stdout)["budgets"]
    assert (found["holds"], found["lamps"]) == (True, 240)
    ran = consigne("run", "plan-lighting", "--json", **here)
    assert ran.returncode == 3, ran.stderr
    shown = consigne("plan", "show", json.loads(ran.stdout)["plan"], **here).stdout
    for what in ("budget winter: ", "It cannot be kept", "kWh (classes at most: 1)", "energy budget of plan by"):
        assert what in shown
    night = (datetime.now(UTC).astimezone(PARIS) - timedelta(hours=12)).date().isoformat()
    told = json.loads(consigne("lighting", "report", "--night", night, "--json", **here).stdout)["total"]
    assert 0 < told["under_budget_share"] <= told["under_share"]
    assert told["crossing_under_share"] == 0
