"""One who plans rounds: the optimiser and its checker by themselves, on files in the formats of the field."""

import json
from pathlib import Path

import pytest

from tests.routing.texts import KIM, SOLOMON, VROOM, VRP

from .conftest import Run, ok


def test_example_solve_check(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(ok(consigne, "example", "routing"))
    told = ok(consigne, "solve", "routing", "problem.json", "--work", "100", "-o", "plan.json")
    assert told.startswith(("feasible", "optimal"))
    for what in ("objective, EUR", "distance, km", "stops served, of 10", "fill of a trip, volume_m3, %"):
        assert what in told
    assert ok(consigne, "check", "routing", "problem.json", "plan.json").strip() == "nothing violated"
    french = consigne("solve", "routing", "problem.json", "--work", "100", "-o", "plan.json", CONSIGNE_LANG="fr")
    assert "véhicules utilisés" in french.stdout
    first = (tmp_path / "plan.json").read_text()
    ok(consigne, "solve", "routing", "problem.json", "--work", "100", "-o", "plan.json")
    same = json.loads((tmp_path / "plan.json").read_text()) | {"seconds": 0.0}
    assert same == json.loads(first) | {"seconds": 0.0}, "the same work and seed give the same plan"


def test_the_whole_example(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "full.json").write_text(ok(consigne, "example", "routing", "--full"))
    ok(consigne, "solve", "routing", "full.json", "--work", "100", "-o", "plan.json")
    assert ok(consigne, "check", "routing", "full.json", "plan.json").strip() == "nothing violated"
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["routes"][0]["visits"][1]["arrive_s"] -= 60
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    found = consigne("check", "routing", "full.json", "plan.json")
    assert found.returncode == 1
    assert found.stderr


@pytest.mark.parametrize(
    ("name", "text", "plan"),
    [
        ("made.vrp", VRP, "plan.sol"),
        ("made.txt", SOLOMON, "plan.sol"),
        ("kim.txt", KIM, "plan.json"),
        ("vroom.json", json.dumps(VROOM), "out.json"),
    ],
)
def test_formats_of_the_field(consigne: Run, tmp_path: Path, name: str, text: str, plan: str) -> None:
    (tmp_path / name).write_text(text)
    told = ok(consigne, "solve", "routing", name, "--work", "100", "-o", plan)
    assert told.startswith(("feasible", "optimal"))
    assert ok(consigne, "check", "routing", name, plan).strip() == "nothing violated"
    written = (tmp_path / plan).read_text()
    assert ("Route #1" in written) == plan.endswith(".sol")
    assert ('"code"' in written) == (name == "vroom.json")


def test_a_format_by_name_and_a_fleet_by_number(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "k").write_text(KIM)
    told = ok(consigne, "solve", "routing", "k", "--format", "kim", "--vehicles", "2", "--work", "50", "-o", "p.json")
    assert "vehicles used, of 2" in told
    found = consigne("solve", "routing", "k", "--format", "vrplib", "-o", "p.json")
    assert (found.returncode, "k tells no DIMENSION" in found.stderr) == (2, True)
    found = consigne("solve", "routing", "k", "--format", "csv", "-o", "p.json")
    assert (found.returncode, "'csv' is no format of ours" in found.stderr) == (2, True)
    found = consigne("solve", "irrigation", "k", "--vehicles", "2", "-o", "p.json")
    assert (found.returncode, "are for routing" in found.stderr) == (2, True)


def test_a_bad_file_is_told_line_by_line(consigne: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text(SOLOMON.replace("5    20    2", "5    x    2").replace("0    50   10", "0 50"))
    found = consigne("solve", "routing", "bad.txt", "-o", "plan.sol")
    assert found.returncode == 2
    assert "bad.txt:11:1 DUE DATE is 'x', wants a number of 0 or more" in found.stderr
    assert "bad.txt:12:1 has 6 values, wants 7" in found.stderr
    assert not (tmp_path / "plan.sol").exists()


def test_schemas(consigne: Run) -> None:
    assert "stops" in json.loads(ok(consigne, "schema", "routing"))["properties"]
    assert "routes" in json.loads(ok(consigne, "schema", "routing", "--plan"))["properties"]
