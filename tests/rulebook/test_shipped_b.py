"""The shipped rules of waste, mobility, cameras and energy: what holds for all of them, beyond their scenarios."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.catalogue import Catalogue, Text
from engine.documents import read_document
from engine.model import Level, Priority
from engine.rulebook import load_rules
from engine.rulebook.definitions import Rule

RULES = Path(__file__).resolve().parents[2] / "rules"
WANTED = {"collection": 12, "mobility": 12, "cameras": 5, "energy": 39}
OWNERS = {
    "collection": "waste-collection",
    "mobility": "mobility",
    "cameras": "urban-supervision",
    "energy": "buildings-energy",
}
# An operator who reads the priority alone must not be late: ISA-18.2 sets it by consequence and time to respond.
LATEST = {
    Priority.CRITICAL: timedelta(hours=1),
    Priority.HIGH: timedelta(hours=12),
    Priority.MEDIUM: timedelta(days=1),
    Priority.LOW: timedelta(days=10),
}


def ids(domain: str) -> set[str]:
    files = [path for path in (RULES / domain).glob("*.yaml") if not path.name.endswith(".test.yaml")]
    return {rule["id"] for path in files for rule in read_document(path).data["rules"]}


@pytest.fixture(scope="module")
def rules(catalogue: Catalogue) -> list[Rule]:
    mine = set().union(*map(ids, WANTED))
    return [rule for rule in load_rules(RULES, catalogue).rules if rule.id.partition(".")[0] in mine]


@pytest.mark.parametrize("domain", WANTED)
def test_each_domain_has_its_rules_and_one_service_that_answers_for_them(domain: str, rules: list[Rule]) -> None:
    named = ids(domain)
    assert len(named) >= WANTED[domain]
    assert {r.definition.owner for r in rules if r.id.partition(".")[0] in named} == {OWNERS[domain]}


def test_the_priority_of_an_alarm_says_how_soon(rules: list[Rule]) -> None:
    alarms = [(rule.id, rule.definition.then.alarm) for rule in rules if rule.definition.then.alarm]
    assert {alarm.priority for _, alarm in alarms} == set(Priority)
    assert [name for name, alarm in alarms if alarm.respond_within > LATEST[alarm.priority]] == []


def texts(rule: Rule) -> Iterator[Text]:
    yield rule.definition.about
    if alarm := rule.definition.then.alarm:
        yield from (alarm.consequence, alarm.action)


def test_texts_are_short_sentences_in_two_languages(rules: list[Rule]) -> None:
    for rule in rules:
        for text in texts(rule):
            assert text.fr.endswith(".") and text.en.endswith("."), rule.id
            assert max(len(text.fr), len(text.en)) <= 120, rule.id
            assert text.fr != text.en, rule.id
    titles = [(rule.id, order.title) for rule in rules if (order := rule.definition.then.workorder)]
    assert [name for name, title in titles if title.fr.endswith(".") or title.fr == title.en] == []


PROTECT = {
    "frost-guard", "contract-sheds-chargers", "contract-stops-chargers", "contract-battery-covers.1",
    "contract-battery-covers.2", "battery-rests.1", "battery-rests.2", "battery-rests.3", "tank-heats",
}  # fmt: skip
"""What bursts, trips, burns or makes ill before anybody is there."""


def test_nothing_but_protection_moves_equipment_before_its_trial_is_over(rules: list[Rule]) -> None:
    wanting = {rule.id: rule for rule in rules if rule.definition.then.want}
    active = [name for name, rule in wanting.items() if not rule.shadow]
    assert set(active) == PROTECT
    assert {then.want.level for name in active if (then := wanting[name].definition.then).want} == {Level.PROTECTION}
    assert {rule.definition.then.want.level for rule in wanting.values() if rule.definition.then.want} == {
        Level.PROTECTION,
        Level.RULE,
    }


def test_what_goes_silent_by_itself_is_not_told_twice(rules: list[Rule]) -> None:
    """Where one cause silences many sensors, the rule that sees the cause silences theirs."""
    silenced = {
        rule.id: (rule.definition.silenced_by.rule, rule.definition.silenced_by.via)
        for rule in rules
        if rule.definition.silenced_by
    }
    assert silenced == {
        "bin-sensor-silent": ("bins-silent-in-zone", "zone"),
        "camera-silent": ("cameras-silent-in-zone", "zone"),
        "room-sensor-silent": ("building-silent", "parent"),
        "supply-lost": ("grid-outage", "zone"),
    }
