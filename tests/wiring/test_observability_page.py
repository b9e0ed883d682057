"""The page and the alert rules name what is really measured."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from engine.model import AlarmState, CommandState, Priority
from jobs import metrics
from jobs.collecting import DatabaseCollector, VitalsCollector
from jobs.health import PARTS
from jobs.vitals import Vitals

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "consigne.rules.yaml").read_text())["groups"][0]["rules"]
Row = tuple[str, str, tuple[str, ...]]


def measured() -> set[Row]:
    """Name, type and labels of everything that is registered or looked up."""
    rows: set[Row] = set()
    for one in vars(metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            suffix = "_total" if isinstance(one, Counter) else ""
            rows.add((f"{one._name}{suffix}", one._type, tuple(one._labelnames)))
    collectors: tuple[Any, ...] = (DatabaseCollector(lambda: None, None), VitalsCollector(Vitals()))  # type: ignore[arg-type]
    for collector in collectors:
        rows |= {(family.name, family.type, tuple(family._labelnames)) for family in collector.describe()}
    return rows


def told() -> set[Row]:
    """The same, as the page has it."""
    lines = re.findall(r"^\| (consigne_\w+) \| (\w+) \| ([\w, ]*) ?\| ", PAGE, re.MULTILINE)
    return {(name, kind, tuple(filter(None, labels.strip().split(", ")))) for name, kind, labels in lines}


def test_the_table_is_what_is_measured() -> None:
    assert told() == measured()


def test_names_are_of_base_units_and_counters_end_as_counters_do() -> None:
    for name, kind, _ in measured():
        assert re.fullmatch(r"consigne(_[a-z]+)+", name)
        assert name.endswith("_total") is (kind == "counter")
        assert not re.search(r"_(ms|minutes|hours|kb|mb|percent)(_|$)", name)


def test_labels_are_few_and_never_of_single_things() -> None:
    labels = {label for _, _, names in measured() for label in names}
    assert not labels & {"zone", "point", "asset", "series", "occurrence", "command", "plan", "host"}


def test_every_part_is_on_the_page() -> None:
    for part in PARTS:
        assert f"| {part.name} | {part.role} |" in PAGE


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_names_metrics_that_exist_and_says_what_to_do(rule: dict[str, Any]) -> None:
    known = {name: labels for name, _, labels in measured()}
    used = re.findall(r"(consigne_\w+)(?:\{([^}]*)\})?", rule["expr"])
    assert used or "up{" in rule["expr"]
    for name, chosen in used:
        assert name in known
        assert set(re.findall(r"(\w+)=", chosen)) <= set(known[name])
    assert {"summary", "summary_fr", "action"} <= rule["annotations"].keys()
    assert rule["labels"]["severity"] in {"critical", "warning"}


def test_states_that_alerts_name_are_states() -> None:
    known = {*map(str, CommandState), *map(str, AlarmState), "quarantined"}
    for rule in RULES:
        for states in re.findall(r'state=~?"([^"]*)"', rule["expr"]):
            assert set(states.split("|")) <= known
        assert set(re.findall(r'priority="([^"]*)"', rule["expr"])) <= set(map(str, Priority))
        assert set(re.findall(r'part="([^"]*)"', rule["expr"])) <= {part.name for part in PARTS}


def test_ten_things_at_least_are_told() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 10
