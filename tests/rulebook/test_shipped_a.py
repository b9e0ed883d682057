"""The shipped rules of lighting, water, sewer, green spaces, health: what holds for all of them, beyond scenarios."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest

from engine.catalogue import Catalogue, Text
from engine.documents import read_document
from engine.model import Level, Priority
from engine.rulebook import load_rules
from engine.rulebook.definitions import Rule, TypedTargets
from engine.rulebook.drafts import SCENARIOS
from engine.rulebook.language import properties_of

RULES = Path(__file__).resolve().parents[2] / "rules"
WANTED = {"lighting": 14, "water": 17, "sewer": 15, "irrigation": 21, "health": 16}
OWNERS = {
    "lighting": "street-lighting",
    "water": "drinking-water",
    "sewer": "sanitation",
    "irrigation": "green-spaces",
    "health": "public-health",
}
# An operator who reads the priority alone must not be late: ISA-18.2 sets it by consequence and time to respond.
LATEST = {
    Priority.CRITICAL: timedelta(minutes=30),
    Priority.HIGH: timedelta(hours=12),
    Priority.MEDIUM: timedelta(days=1),
    Priority.LOW: timedelta(days=10),
}
SLOWER = {"lamp-failure"}  # one lamp of forty may wait for the week's round
# What may be wanted above the operator's level: nothing but what harms people or breaks a machine meanwhile.
PROTECTING = {
    "frost-stop": Level.PROTECTION,
    "irrigation-burst": Level.PROTECTION,
    "misting-stagnant": Level.CRISIS_PLAN,
    "night-cooling": Level.CRISIS_PLAN,
    "pump-dry": Level.PROTECTION,
    "valve-flow-excess": Level.PROTECTION,
}
ON_TRIAL = {"night-pressure", "safeguard-watering", "school-crossing-light", "storm-lower-start"}


def ids(domain: str) -> set[str]:
    files = [path for path in (RULES / domain).glob("*.yaml") if not path.match(SCENARIOS)]
    return {rule["id"] for path in files for rule in read_document(path).data.get("rules", ())}


@pytest.fixture(scope="module")
def rules(catalogue: Catalogue) -> dict[str, Rule]:
    mine = set().union(*map(ids, WANTED))
    return {rule.id: rule for rule in load_rules(RULES, catalogue).rules if rule.id.partition(".")[0] in mine}


@pytest.mark.parametrize("domain", WANTED)
def test_each_domain_has_its_rules_and_one_service_that_answers_for_them(domain: str, rules: dict[str, Rule]) -> None:
    named = ids(domain)
    assert len(named) >= WANTED[domain]
    owners = {rule.definition.owner for name, rule in rules.items() if name.partition(".")[0] in named}
    assert owners == {OWNERS[domain]}


def test_the_priority_of_an_alarm_says_how_soon(rules: dict[str, Rule]) -> None:
    alarms = {name: rule.definition.then.alarm for name, rule in rules.items() if rule.definition.then.alarm}
    assert {alarm.priority for alarm in alarms.values()} == set(Priority)
    assert {name for name, alarm in alarms.items() if alarm.respond_within > LATEST[alarm.priority]} == SLOWER


def test_alarms_are_mostly_of_the_lower_priorities(rules: dict[str, Rule]) -> None:
    """EEMUA 191: some 5 % of alarms of the highest priority, so that it still means something."""
    given = [rule.definition.then.alarm.priority for rule in rules.values() if rule.definition.then.alarm]
    assert given.count(Priority.CRITICAL) <= len(given) / 10
    assert given.count(Priority.MEDIUM) + given.count(Priority.LOW) >= len(given) / 2


def texts(rule: Rule) -> Iterator[Text]:
    yield rule.definition.about
    if alarm := rule.definition.then.alarm:
        yield from (alarm.consequence, alarm.action)


def test_texts_are_short_sentences_in_two_languages(rules: dict[str, Rule]) -> None:
    for name, rule in rules.items():
        for text in texts(rule):
            assert text.fr.endswith(".") and text.en.endswith("."), name
            assert max(len(text.fr), len(text.en)) <= 120, name
            assert text.fr != text.en, name
    titles = [(name, order.title) for name, rule in rules.items() if (order := rule.definition.then.workorder)]
    assert [name for name, title in titles if title.fr.endswith(".") or title.fr == title.en] == []


def test_rules_want_at_their_own_level_but_where_they_protect(rules: dict[str, Rule]) -> None:
    levels = {name: rule.definition.then.want.level for name, rule in rules.items() if rule.definition.then.want}
    assert {name: level for name, level in levels.items() if level != Level.RULE} == PROTECTING


def test_what_is_not_trusted_yet_moves_nothing(rules: dict[str, Rule]) -> None:
    assert {name for name, rule in rules.items() if rule.shadow} == ON_TRIAL


def test_a_want_that_stands_is_made_again_before_it_runs_out(rules: dict[str, Rule]) -> None:
    """Those without `every` are over when their time is: a flush, and what holds equipment off after a fault."""
    once = {name for name, rule in rules.items() if (want := rule.definition.then.want) and want.every is None}
    assert once == {"irrigation-burst", "misting-purge", "misting-stagnant", "pump-dry", "valve-flow-excess"}


def test_a_leak_blocks_the_irrigation_of_its_network(rules: dict[str, Rule]) -> None:
    leaks = ("irrigation-burst", "irrigation-leak")
    assert {rules[name].definition.then.fact for name in leaks} == {"leak_suspected"}
    assert tuple(sorted(rules["leak-blocks-valves"].looks_at)) == leaks
    assert tuple(sorted(rules["safeguard-watering"].over)) == leaks


def test_every_fact_is_looked_at(rules: dict[str, Rule]) -> None:
    facts = {name for name, rule in rules.items() if rule.definition.then.fact and not rule.definition.then.alarm}
    looked_at = set(chain.from_iterable((*rule.looks_at, *rule.over) for rule in rules.values()))
    # soil_dry asks for another plan by itself.
    assert facts - looked_at == {"soil-dry.2"}


def names_used(rules: dict[str, Rule], asset_type: str) -> set[str]:
    """The properties of a type that rules read, and its points that they want something of."""
    found: set[str] = set()
    for rule in rules.values():
        definition, want = rule.definition, rule.definition.then.want
        if definition.for_each.type == asset_type:
            found.update(name for tree in rule.trees for name in properties_of(tree))
        if want is not None:
            targets = want.targets.type if isinstance(want.targets, TypedTargets) else definition.for_each.type
            found |= {want.point} if targets == asset_type else set()
    return found


@pytest.mark.parametrize("asset_type", ["WaterNetwork", "WaterConsumptionObserved", "MistingFountain"])
def test_what_the_catalogue_has_for_these_rules_they_use(
    asset_type: str, rules: dict[str, Rule], catalogue: Catalogue
) -> None:
    found = catalogue.types[asset_type]
    assert names_used(rules, asset_type) == {*found.properties, *found.points}


def test_pumping_stations_are_looked_at_from_all_sides(rules: dict[str, Rule]) -> None:
    wanted = {"pumpEnabled", "startLevel", "pumpState", "pumpStarts", "overflowing", "overflowLevel", "level", "flow"}
    assert wanted <= names_used(rules, "PumpingStation")
