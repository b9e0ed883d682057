"""`consigne forecast` from a fresh clone, without a network."""

import json
from pathlib import Path

import pytest

from tests.forecasts.conftest import ROOT
from tests.journeys.conftest import Run, consigne, consigne_in  # noqa: F401 - fixtures

LINES = ("weather: 240 values", "day-ahead-price: 100 values", "vigilance: 132 values")


@pytest.fixture
def run(consigne: Run) -> Run:  # noqa: F811
    assert consigne("db", "upgrade").returncode == 0
    return consigne


def test_a_journey_over_the_samples(run: Run, tmp_path: Path) -> None:
    assert run("forecast", "check").stdout.strip() == "3 sources: nothing wrong"
    before = run("forecast", "list", "--json")
    assert {row["state"] for row in json.loads(before.stdout)} == {"missing"}
    assert run("forecast", "import").stdout.split("\n")[:3] == list(LINES)
    again = run("forecast", "import", "weather", CONSIGNE_LANG="fr")
    assert (again.returncode, again.stdout.strip()) == (0, "weather: rien de neuf".replace(":", " :"))
    rows = json.loads(run("forecast", "list", "--json").stdout)
    assert [(row["source"], row["state"]) for row in rows] == [
        ("weather", "fresh"), ("day-ahead-price", "fresh"), ("vigilance", "fresh")
    ]  # fmt: skip
    assert "à jour" in run("forecast", "list", CONSIGNE_LANG="fr").stdout

    night = run("forecast", "show", "day-ahead-price", "--at", "2025-10-26T02:00+02:00", "--hours", "2")
    assert night.returncode == 0
    assert night.stdout.count("02:45:00") == 2  # the hour came twice
    found = json.loads(
        run("forecast", "show", "vigilance", "--at", "2025-10-26T05:00Z", "--hours", "1", "--json").stdout
    )
    assert {one["variable"]: one["value"] for one in found["values"]} == {
        "wind": 3, "rain_flood": 2, "storm": 1, "river_flood": 1
    }  # fmt: skip
    assert (found["state"], found["lacking"], found["issued_at"]) == ("fresh", 0, "2025-10-25T14:00:00Z")
    then = run("forecast", "show", "weather", "--at", "2025-10-26", "--as-of", "2025-10-26T12:00", "--json")
    assert json.loads(then.stdout) | {"units": 0, "as_of": 0} == {
        "source": "weather", "as_of": 0, "state": "missing", "issued_at": None, "lacking": 48, "units": 0, "values": []
    }  # fmt: skip

    doctor = {one["name"]: one for one in json.loads(run("doctor", "--quick", "--json").stdout)}
    assert doctor["forecasts"]["state"] == "ok"
    assert doctor["forecasts"]["what"] == "3 of 3 sources imported and fresh"
    audit = run("audit", "verify")
    assert audit.returncode == 0


def test_a_file_in_the_place_of_what_a_source_would_give(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("Publié le;Début;Prix (€/MWh)\n")
    wrong = run("forecast", "import", "day-ahead-price", "--file", "mine.csv")
    assert (wrong.returncode, "mine.csv holds no row" in wrong.stderr) == (2, True)
    assert run("forecast", "import", "--file", "mine.csv").returncode == 2
    sample = ROOT / "datasets" / "sample" / "forecasts" / "prices.csv"
    (tmp_path / "mine.csv").write_text(sample.read_text().replace("12:55", "13:10"))
    done = run("forecast", "import", "day-ahead-price", "--file", "mine.csv", "--json")
    assert json.loads(done.stdout) == {"imported": {"day-ahead-price": 100}, "unchanged": [], "failed": {}}


def test_a_site_with_a_source_that_is_away_and_one_that_is_stale(run: Run, tmp_path: Path) -> None:
    text = (ROOT / "rules" / "forecasts.yaml").read_text().replace("../datasets", str(ROOT / "datasets"))
    text = text.replace("vigilance.json", "none.json", 1).replace(
        "    max_age: 3650 d\n    issued_at: P", "    max_age: 26h\n    issued_at: P"
    )
    (tmp_path / "forecasts.yaml").write_text(text)
    site = {"CONSIGNE_RULES_DIR": str(tmp_path)}
    done = run("forecast", "import", **site)
    assert done.returncode == 3
    assert "none.json: cannot be read" in done.stderr
    assert "day-ahead-price: its newest issue is of 2025-10-25T10:55:00Z: older than 1 day, 2:00:00" in done.stderr
    assert done.stdout.split("\n")[:2] == list(LINES[:2])
    alarms = json.loads(run("alarm", "list", "--json", **site).stdout)
    assert sorted(alarm["asset"] for alarm in alarms) == ["day-ahead-price", "vigilance"]
    doctor = {one["name"]: one for one in json.loads(run("doctor", "--quick", "--json", **site).stdout)}
    assert doctor["forecasts"]["state"] == "degraded"
    assert "stale: day-ahead-price, issued 2025-10-25 12:55:00" in doctor["forecasts"]["what"]
    (tmp_path / "forecasts.yaml").write_text("sources: {rain: 5}")
    assert run("forecast", "list", **site).returncode == 2
    (tmp_path / "forecasts.yaml").unlink()
    assert "No source yet" in run("forecast", "list", **site).stdout
