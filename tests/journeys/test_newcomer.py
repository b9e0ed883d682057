"""A newcomer: one command, a table, a report, and an answer to "why?" for any lamp of it."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.settings import Settings
from jobs.bootstrap import catalogue_of, open_store, read_territory
from jobs.demo import demo_settings
from jobs.scopes import find_point
from jobs.why import explain, to_json

from .conftest import ROOT, Run, effects_of, runner

TERMINAL = {"verified", "rejected", "expired", "superseded", "cancelled", "failed"}


def play(consigne: Run, *words: object, **variables: str) -> dict[str, Any]:
    done = consigne("demo", "--folder", "night", "--json", *words, **variables)
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def check_night(outcome: dict[str, Any], folder: Path) -> None:
    """What must hold after any night."""
    assert outcome["received"] == outcome["stored"] + sum(outcome["refused"].values())
    assert set(outcome["commands"]) <= TERMINAL
    assert outcome["unexplained"] == 0
    assert outcome["lamps"] > 100
    assert outcome["commands"]["verified"] > outcome["lamps"] * 0.9
    assert outcome["alarms_raised"] >= 1
    assert outcome["runs"]["plan-lighting"] == 2  # the night's, and an hour before noon the next one's
    assert outcome["rules"]["road-wet-replan"] == outcome["rules"]["road-dried-replan"] == 1
    traffic = outcome["rules"].get("traffic-above-plan", 0)
    assert 2 <= outcome["runs"]["replan-lighting"] <= 2 + traffic
    assert outcome["runs"]["roll-up"] == 25
    check_report(outcome)
    assert set(outcome["run_states"]) <= {"done", "degraded"}
    effects = effects_of(folder)
    applied = [(effect["point"], effect["seq"]) for effect in effects]
    assert len(applied) == len(set(applied))
    assert len(applied) >= outcome["commands"]["verified"]


def check_report(outcome: dict[str, Any]) -> None:
    """The night by commune adds up, its meters are near its plan, and what was dimmed was lit for the shower."""
    lines, total = outcome["night"]["lines"], outcome["night"]["total"]
    assert [line["commune_name"] for line in lines] == ["Béhuard", "Savennières"]
    for name in ("planned_kwh", "measured_kwh", "lamp_nights", "planned_eur", "planned_co2_kg"):
        assert sum(line[name] for line in lines) == pytest.approx(total[name], abs=1e-6), name
    assert total["within_band"] is True
    assert outcome["planned"]["energy_wh"] == pytest.approx(1000 * total["planned_kwh"])
    assert outcome["planned"]["energy_wh"] < outcome["fixed"]["energy_wh"]
    assert total["crossing_under_share"] == 0
    programs, most, takes = outcome["programs"]
    assert most <= takes == 6 < programs
    assert outcome["lanes"] == 24
    assert outcome["planned"]["under_lit"] < 0.03 < outcome["fixed"]["under_lit"]


@dataclass(frozen=True)
class Played:
    """The made night, played once for all who look at it, and the folder the command was run in."""

    outcome: dict[str, Any]
    at: Path

    @property
    def folder(self) -> Path:
        return self.at / "night"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("made")
    return Played(play(runner(folder)), folder)


@pytest.mark.timeout(600)
def test_a_night_and_why_of_every_lamp_in_the_report(made: Played, consigne_in: Callable[[Path], Run]) -> None:
    outcome, consigne = made.outcome, consigne_in(made.at)
    check_night(outcome, made.folder)
    page = (made.folder / "report.html").read_text()
    asked = [html.unescape(line) for line in re.findall(r"<code>\S*consigne (why [^<]+)</code>", page)]
    assert len(asked) == outcome["lamps"]
    explain_each(made.folder, [line.split() for line in asked])
    for line in asked[:: len(asked) // 3]:
        answer = consigne(*line.split(), "--json")
        assert answer.returncode == 0, answer.stderr
        told = json.loads(answer.stdout)
        assert told["winner"]["source"].startswith(("plan:lighting", "rule:"))
        assert told["behind"]["plan"] == told["winner"]["version"]
        assert told["command"]["state"] in TERMINAL
        assert told["command"]["transitions"][0][1] == "queued"
    spoken = consigne(*asked[0].split(), CONSIGNE_LANG="fr")
    assert spoken.returncode == 0
    assert "Décidé par" in spoken.stdout
    assert outcome["rules"]["lamp-failure"] == 1
    assert outcome["rules"]["presence-boost"] > 10
    ruled = consigne(*outcome["ask_rule"].partition("consigne ")[2].split())
    assert ruled.returncode == 0, ruled.stderr
    assert ruled.stdout.startswith("lamp-failure stands for L-")
    strange = consigne("why", "--demo", "--folder", "night", "L-nobody")
    assert strange.returncode == 2
    assert "is not a point of this territory" in strange.stderr


def explain_each(folder: Path, questions: list[list[str]]) -> None:
    """Every lamp of the report, at the instant the report proposes."""
    settings = demo_settings(Settings(rules_dir=ROOT / "rules", datasets_dir=ROOT / "datasets"), folder)
    store = open_store(settings)
    territory = read_territory(store, catalogue_of(settings))
    for *_, lamp, at in questions:
        told = to_json(explain(store, territory, find_point(territory, lamp), datetime.fromisoformat(at)))
        if told["winner"]["source"] == "plan:lighting":
            assert told["winner"]["version"] == told["behind"]["plan"], lamp
            assert told["behind"]["class"] >= told["behind"]["class_normal"], lamp
        else:
            assert told["behind"]["rule"] == "presence-boost", lamp
            assert told["losers"][0]["source"] == "plan:lighting", lamp
        assert told["command"]["transitions"][-1][1] in TERMINAL, lamp
    store.close()


def check_same(one: dict[str, Any], another: dict[str, Any], folder: Path, other_folder: Path) -> None:
    """Two nights of a seed are the same, effect by effect."""
    # On a slow machine the field says a slot twice, and the second time is refused: that alone may differ.
    told_twice = {"received": 0, "refused": {}}
    assert planned(one) | told_twice == planned(another) | told_twice
    first, second = ([(e["point"], e["seq"], e["digest"]) for e in effects_of(at)] for at in (folder, other_folder))
    assert sorted(first) == sorted(second)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_same_seed_is_the_same_night(made: Played, consigne_apart: Run, tmp_path: Path) -> None:
    check_same(made.outcome, play(consigne_apart), made.folder, tmp_path / "night")


def planned(outcome: dict[str, Any]) -> dict[str, Any]:
    """Without what meters measured: lamps switch when a command reaches them, some milliseconds sooner or later."""
    lines = [*outcome["night"]["lines"], outcome["night"]["total"]]
    kept = [{name: value for name, value in line.items() if "measured" not in name} for line in lines]
    return outcome | {"night": kept}


@pytest.mark.timeout(600)
def test_a_night_of_real_counts(consigne_apart: Run, tmp_path: Path, reference: Path) -> None:
    counts = reference / "lighting" / "paris_counts" / "convention_hourly.csv"
    check_night(play(consigne_apart, "--counts", counts), tmp_path / "night")


@pytest.mark.postgres
@pytest.mark.mosquitto
@pytest.mark.timeout(600)
def test_a_night_on_postgresql_and_mosquitto_is_the_same_of_the_same_seed(
    made: Played, consigne_apart: Run, tmp_path: Path, postgres_url: str, shipped_mosquitto: str
) -> None:
    outcome = play(consigne_apart, CONSIGNE_DATABASE_URL=postgres_url, CONSIGNE_BROKER_URL=shipped_mosquitto)
    check_night(outcome, tmp_path / "night")
    check_same(made.outcome, outcome, made.folder, tmp_path / "night")


def test_wrong_words_are_told_and_nothing_is_done(consigne: Run, tmp_path: Path) -> None:
    assert consigne("demo", "--folder", "night", "--night", "yesterday").returncode == 2
    missing = consigne("demo", "--folder", "night", "--counts", "nowhere.csv")
    assert missing.returncode == 2
    assert "nowhere.csv" in missing.stderr
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    columns = consigne("demo", "--folder", "night", "--counts", "wrong.csv")
    assert columns.returncode == 2
    assert "arc, time, flow_veh_h" in columns.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("two years")
    occupied = consigne("demo", "--folder", "mine")
    assert occupied.returncode == 1
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "two years"


def test_settings_that_are_wrong_are_all_named(consigne_apart: Run) -> None:
    done = consigne_apart("doctor", CONSIGNE_DATABASE_URL="mysql://x", CONSIGNE_MAX_ATTEMPTS="0")
    assert done.returncode == 2
    assert "CONSIGNE_DATABASE_URL" in done.stderr
    assert "CONSIGNE_MAX_ATTEMPTS" in done.stderr


def test_without_a_broker_one_line_and_exit_1(consigne_apart: Run) -> None:
    done = consigne_apart("demo", "--folder", "night", CONSIGNE_BROKER_URL="mqtt://127.0.0.1:9")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "127.0.0.1:9" in done.stderr


@pytest.mark.parametrize(
    "words", [("run", "plan-lighting"), ("why", "L-1"), ("ingest", "x.csv"), ("db", "backup", "x")]
)
def test_without_a_database_one_line_and_exit_1(consigne: Run, words: tuple[str, ...]) -> None:
    done = consigne(*words)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "consigne db upgrade" in done.stderr
