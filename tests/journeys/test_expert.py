"""An expert who has never programmed: a rule with mistakes, mended, tested, replayed, put in service, asked why."""

import json
import re
import subprocess
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from engine.rulebook.calls import CALENDAR_CALLS, CALENDAR_WORDS
from engine.rulebook.definitions import (
    AlarmEffect,
    Blueprint,
    ForEach,
    RuleDefinition,
    ScheduleEntry,
    Table,
    Then,
    WantEffect,
)
from engine.rulebook.language import Scope, WindowFunction
from engine.rulebook.scenarios.definitions import ScenarioEntry
from jobs import progress
from tests.terminal import Terminal

from .conftest import ROOT, Run

SAMPLE = ROOT / "datasets" / "sample"
LAMP = "L-49028-00001"
RULE = """\
rules:
  - id: lamp-weak
    about:
      fr: Le point lumineux consomme anormalement peu.
      en: The lamp draws oddly little power.
    owner: street-lighting
    for_each: {type: Streetlight}
    when: powerState == on and powerConsumption < 10 W
    for: 30min
    then:
      alarm:
        priority: low
        consequence: {fr: La voie est mal éclairée., en: The road is badly lit.}
        action: {fr: Contrôler le luminaire., en: Check the lamp.}
        respond_within: 15 d
"""
SCENARIOS = """\
start: 2026-11-22T18:00
every: 10min
assets:
  L1: {type: Streetlight}
scenarios:
  - name: nine watts for half an hour are too few
    rules: [lamp-weak]
    series:
      L1.powerState: onx6
      L1.powerConsumption W: 9x4 40x1
    until: 50min
    expect:
      - {at: 30min, edge: lamp-weak L1 true, alarm: lamp-weak L1 raised}
      - {at: 50min, edge: lamp-weak L1 false, alarm: lamp-weak L1 cleared}
  - name: ten watts are enough
    rules: [lamp-weak]
    series:
      L1.powerState: onx6
      L1.powerConsumption W: 10x6
    until: 1h
    expect: []
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder of rules as an expert begins with: the owners, and nothing else."""
    folder = tmp_path / "rules" / "lighting"
    folder.mkdir(parents=True)
    (folder.parent / "owners.yaml").write_bytes((ROOT / "rules" / "owners.yaml").read_bytes())
    return folder


def test_a_broken_rule_is_told_where_and_mended(consigne: Run, rules: Path) -> None:
    broken = RULE.replace("powerState == on", "powerState == onn").replace("10 W", "10 A").replace("15 d", "soon")
    (rules / "weak.yaml").write_text(broken)
    told = consigne("rules", "check", rules.parent)
    assert told.returncode == 2
    places = [line.split(" ")[0].rpartition("weak.yaml:")[2] for line in told.stderr.splitlines()]
    assert places == ["8:25", "8:52", "15:25"]
    assert "did you mean on?" in told.stderr
    (rules / "weak.yaml").write_text(RULE)
    mended = consigne("rules", "check", rules / "weak.yaml")
    assert mended.returncode == 0
    assert "lamp-weak" in mended.stdout


def test_an_editor_gets_a_schema(consigne: Run) -> None:
    schema = json.loads(consigne("rules", "schema").stdout)
    assert schema["type"] == "object"
    assert "rules" in schema["properties"]
    assert "StreetlightControlCabinet" in json.dumps(schema)


def test_a_rule_wants_scenarios_and_these_are_played(consigne: Run, rules: Path) -> None:
    (rules / "weak.yaml").write_text(RULE)
    bare = consigne("rules", "test", rules.parent)
    assert bare.returncode == 1
    assert "wants a scenario" in bare.stdout
    (rules / "weak.test.yaml").write_text(SCENARIOS.replace("30min, edge", "25min, edge"))
    wrong = consigne("rules", "test", rules.parent)
    assert wrong.returncode == 1
    assert "weak.test.yaml:6:11  nine watts for half an hour are too few" in wrong.stdout
    assert "  expected  25min (18:25:00)  edge: lamp-weak L1 true" in wrong.stdout
    assert "  found     30min (18:30:00)  edge: lamp-weak L1 true" in wrong.stdout
    (rules / "weak.test.yaml").write_text(SCENARIOS)
    right = consigne("rules", "test", rules / "weak.test.yaml", "--json")
    assert right.returncode == 0, right.stderr
    told = json.loads(right.stdout)
    assert told["passed"]
    assert told["coverage"] == [{"rule": "lamp-weak", "rising": 1, "silent": 1}]


def test_numbers_that_no_scenario_holds_are_named(consigne: Run, rules: Path) -> None:
    (rules / "weak.yaml").write_text(RULE)
    (rules / "weak.test.yaml").write_text(SCENARIOS.replace("9x4", "5x4"))
    loose = consigne("rules", "test", rules.parent, "--sensitivity", "--lang", "fr")
    assert loose.returncode == 1
    assert "weak.yaml:8:51  10 → 9 : aucun scénario ne le remarque" in loose.stdout
    (rules / "weak.test.yaml").write_text(SCENARIOS)
    tight = consigne("rules", "test", rules.parent, "--sensitivity")
    assert tight.returncode == 0
    assert "2 numbers, each moved both ways: 0 moves unnoticed" in tight.stdout


@pytest.fixture
def town(consigne: Run, rules: Path, tmp_path: Path) -> Run:
    """The sample territory, the rule in service, and an evening: 40 W, from 19:00 on 11 W, from 20:00 on 8 W."""
    (rules / "weak.yaml").write_text(RULE)
    for words in (("db", "upgrade"), ("territory", "import", SAMPLE)):
        assert consigne(*words).returncode == 0
    lines = ["asset,property,value,observed_at"]
    for slot in range(24):
        at = f"2026-11-02T{17 + slot // 6:02}:{slot % 6 * 10:02}:00Z"
        watts = 40 if slot < 6 else 11 if slot < 12 else 8
        lines += [f"{LAMP},powerState,on,{at}", f"{LAMP},powerConsumption,{watts},{at}"]
    (tmp_path / "evening.csv").write_text("\n".join(lines))

    def run(*words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return consigne(*words, CONSIGNE_RULES_DIR=str(rules.parent), **variables)

    return run


def new_version(tmp_path: Path) -> Path:
    """The same rule with 12 W in place of 10 W, in a folder beside."""
    folder = tmp_path / "new"
    (folder / "lighting").mkdir(parents=True)
    (folder / "owners.yaml").write_bytes((tmp_path / "rules" / "owners.yaml").read_bytes())
    (folder / "lighting" / "weak.yaml").write_text(RULE.replace("10 W", "12 W"))
    return folder


def test_a_new_version_is_played_over_last_month(town: Run, tmp_path: Path) -> None:
    new = new_version(tmp_path)
    alone = town("rules", "replay", "--file", "evening.csv")
    assert alone.returncode == 0, alone.stderr
    assert f"2026-11-02 20:30:00 +0100  edge: lamp-weak {LAMP} true" in alone.stdout
    told = town("rules", "replay", "--file", "evening.csv", "--rules", new, "--json")
    assert told.returncode == 0, told.stderr
    edges, alarms = sorted(json.loads(told.stdout)["differences"], key=lambda one: one["says"], reverse=True)
    assert (edges["says"], edges["old_only"], edges["new_only"], edges["both"]) == ("edge", 1, 1, 0)
    assert alarms["says"] == "alarm"
    assert edges["new_examples"] == [{"at": "2026-11-02T18:30:00Z", "text": f"edge: lamp-weak {LAMP} true"}]
    assert town("ingest", "evening.csv").returncode == 0
    span = ("--from", "2026-11-02T17:30", "--to", "2026-11-02T22:00")
    from_store = town("rules", "replay", *span, "--rules", new, "--json")
    assert json.loads(from_store.stdout)["differences"] == json.loads(told.stdout)["differences"]
    same = town("rules", "replay", *span, "--rules", tmp_path / "rules")
    assert "No rule says anything else" in same.stdout


def test_what_cannot_be_replayed_is_told(town: Run, tmp_path: Path) -> None:
    for words in ((), ("--from", "2026-11-02"), ("--from", "2026-11-03", "--to", "2026-11-02"), ("--file", "no.csv")):
        assert town("rules", "replay", *words).returncode == 2
    nowhere = town("rules", "replay", "--file", "evening.csv", "--rules", tmp_path / "nowhere")
    assert nowhere.returncode == 2
    assert "owners.yaml" in nowhere.stderr


def test_a_rule_is_asked_why_and_why_not(town: Run) -> None:
    assert town("ingest", "evening.csv").returncode == 0
    why = town("rules", "why", "lamp-weak", LAMP, "2026-11-02T20:45")
    assert why.returncode == 0, why.stderr
    assert f"lamp-weak stands for {LAMP} at 2026-11-02 20:45:00 +0100." in why.stdout
    assert "powerConsumption < 10 W" in why.stdout
    assert "8 W, 5min old" in why.stdout
    waiting = town("rules", "why-not", "lamp-weak", LAMP, "2026-11-02T20:20")
    assert waiting.returncode == 0
    assert "It acts after 30min: 10min to go." in waiting.stdout
    not_so = town("rules", "why", "lamp-weak", LAMP, "2026-11-02T19:30", "--lang", "fr")
    assert not_so.returncode == 1
    assert "n'est pas établie" in not_so.stdout
    machine = json.loads(town("rules", "why-not", "lamp-weak", LAMP, "2026-11-02T19:30", "--json").stdout)
    assert machine["stands"] is False
    assert [line["part"] for line in machine["when"] if line["decided"]] == ["and", "powerConsumption < 10 W"]
    for words in (("lamp-weka", LAMP), ("lamp-weak", "L-0")):
        unknown = town("rules", "why", *words)
        assert unknown.returncode == 2


@pytest.mark.parametrize(("after_s", "shown"), [(0.0, True), (60.0, False)])
def test_what_takes_long_shows_how_far_it_has_come(
    after_s: float, shown: bool, town: Run, rules: Path, consigne: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(progress, "AFTER_S", after_s)
    with redirect_stderr(terminal.stream):
        words = ("rules", "replay", "--file", "evening.csv")
        assert consigne(*words, CONSIGNE_RULES_DIR=str(rules.parent), TERM="xterm").returncode == 0
    assert ("━" in terminal.close()) is shown


def test_every_example_of_the_page_is_right(consigne: Run, rules: Path) -> None:
    """What docs/rules.md shows compiles as it stands, and its scenarios pass."""
    page = (ROOT / "docs" / "rules.md").read_text()
    for number, example in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)):
        if not example.startswith(" "):  # a part of a file, shown by itself
            kind = "test.yaml" if example.startswith("scenarios:") else "yaml"
            (rules / f"example{number}.{kind}").write_text(example)
    told = consigne("rules", "check", rules.parent)
    assert told.returncode == 0, told.stderr
    assert "2 scenarios" in told.stdout
    played = json.loads(consigne("rules", "test", rules.parent, "--json").stdout)
    assert [one["passed"] for one in played["scenarios"]] == [True, True]


def test_every_construct_of_the_language_is_on_the_page() -> None:
    """The functions and words a condition may hold, and the keys of a rule."""
    page = (ROOT / "docs" / "rules.md").read_text()
    words = [*WindowFunction, "absent", "age", "changed", "was", "before", "then", "within", "attribute", "planned"]
    words += ["any", "none", "count", "together", "sun_elevation", *CALENDAR_CALLS, *CALENDAR_WORDS, *Scope]
    keys = [field.alias or name for name, field in RuleDefinition.model_fields.items()]
    for model in (ForEach, AlarmEffect, WantEffect, Then, ScheduleEntry, Table, Blueprint, ScenarioEntry):
        keys += [field.alias or name for name, field in model.model_fields.items()]
    missing = [word for word in (*words, *keys) if not re.search(rf"(?<![a-z_]){word}(?![a-z_])", page)]
    assert missing == []
