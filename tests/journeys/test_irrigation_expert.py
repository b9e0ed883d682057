"""One who answers for parks: the optimiser and its checker by themselves, then a night, a drought order, and why."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from engine.instants import isoformat

from .conftest import ROOT, Run, ok

STATION, VALVE = "W-49329-0001", "V-49329-0003"


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


LEVEL = """levels:
  - id: drought-7
    authority: {fr: préfet de Maine-et-Loire, en: prefect of Maine-et-Loire}
    number: "2026-214"
    dated: 2026-07-03
    level: crise
    from: 2026-01-01
    until: 2999-12-31
"""


@pytest.fixture
def park(consigne: Run, tmp_path: Path) -> dict[str, str]:
    """A database with the sample territory, and rules of its own to write in: the variables that say so."""
    copytree(ROOT / "rules", tmp_path / "rules")
    ok(consigne, "db", "upgrade")
    ok(consigne, "territory", "import", ROOT / "datasets" / "sample")
    return {"CONSIGNE_RULES_DIR": str(tmp_path / "rules")}


def a_dry_month(file: Path, now: datetime) -> None:
    """Hourly weather of 31 hot days without rain, as a station tells it."""
    rows = []
    for hour in range(31 * 24):
        at = isoformat(now - timedelta(hours=hour + 0.5))
        told = {"temperature": 24, "relativeHumidity": 0.45, "windSpeed": 2, "solarRadiation": 250, "precipitation": 0}
        rows += [{"asset": STATION, "property": name, "value": of, "observed_at": at} for name, of in told.items()]
    file.write_text("\n".join(map(json.dumps, rows)))


def test_a_night_and_the_order_that_takes_it(consigne: Run, park: dict[str, str], tmp_path: Path) -> None:
    a_dry_month(tmp_path / "month.jsonl", datetime.now(UTC))
    ok(consigne, "ingest", "month.jsonl")
    ran = consigne("run", "replan-irrigation", "--json", **park)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    plan = json.loads(ran.stdout)["plan"]
    zones = json.loads(consigne("irrigation", "zones", "--json", **park).stdout)
    assert {zone["known_by"] for zone in zones} == {"balance"}
    assert all(zone["lacks"] and zone["cycles"] is not None for zone in zones)
    told = json.loads(consigne("why", f"{VALVE}/opening", "--json", **park).stdout)
    assert told["winner"]["version"] == plan
    assert "22:00–06:00" in told["behind"]["bounded_by"]["fr"]

    long = consigne("setpoint", "set", f"{VALVE}/opening", "100%", "--for", "6h", "--reason", "a test", **park)
    assert long.returncode == 3, "no valve is open for six hours"
    assert "off again at" in long.stdout
    assert consigne("setpoint", "release", f"{VALVE}/opening", **park).returncode == 0

    orders = tmp_path / "rules" / "drought.yaml"
    shipped = orders.read_text()
    orders.write_text(shipped.replace("levels: []", LEVEL.replace("crise", "orange")))
    wrong = consigne("rules", "check", **park)
    assert wrong.returncode != 0
    assert "drought.yaml" in wrong.stdout + wrong.stderr
    assert "'orange'" in wrong.stdout + wrong.stderr
    orders.write_text(shipped.replace("levels: []", LEVEL))
    french = consigne("irrigation", "drought", "--lang", "fr", **park).stdout
    assert "arrêté 2026-214" in french
    asked = consigne("setpoint", "set", f"{VALVE}/opening", "100%", "--for", "1h", "--reason", "a test", **park)
    assert asked.returncode == 3, "it is written, and the order keeps it closed"
    assert "order 2026-214" in asked.stdout + asked.stderr
    again = consigne("run", "replan-irrigation", "--json", **park)
    shown = consigne("plan", "show", json.loads(again.stdout)["plan"], CONSIGNE_LANG="fr", **park).stdout
    assert "0,0 m³ prévus pour 0 hydrozones sur 4" in shown
    assert {zone["cycles"] for zone in json.loads(consigne("irrigation", "zones", "--json", **park).stdout)} == {0}


def test_a_territory_that_nothing_was_ever_heard_of_is_watered_by_rules_alone(
    consigne: Run, park: dict[str, str]
) -> None:
    ran = consigne("run", "replan-irrigation", "--json", **park)
    assert ran.returncode == 3, ran.stdout + ran.stderr
    shown = consigne("plan", "show", json.loads(ran.stdout)["plan"], **park).stdout
    assert "no weather station told anything" in shown
    assert "rules alone" in shown
