"""The shipped rules find in the made territory what they speak of. No rule is excused."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.inventory.model import Territory
from engine.model import Asset
from engine.rulebook import Rule, Rulebook, load_rules
from engine.rulebook.definitions import TypedTargets
from engine.rulebook.language import Attribute, Node, Scope, Tally, TextIs, walk

RELATIVES = {"self", "parent", "children"}
Subjects = Mapping[str, Sequence[Asset]]


@pytest.fixture(scope="module")
def rulebook(facts: Path, catalogue: Catalogue) -> Rulebook:
    return load_rules(facts.parents[1] / "rules", catalogue)


@pytest.fixture(scope="module")
def by_type(full: Territory) -> Subjects:
    found: dict[str, list[Asset]] = defaultdict(list)
    for asset in full.assets:
        found[asset.type].append(asset)
    return found


@pytest.fixture(scope="module")
def subjects(full: Territory, rulebook: Rulebook, by_type: Subjects) -> Subjects:
    """The assets each rule speaks of, by the rule's id; rules of places are left out."""
    commune = {zone.id: zone.commune for zone in full.zones}
    return {
        rule.id: [
            asset
            for asset in by_type.get(rule.definition.for_each.type, ())
            if rule.definition.for_each.covers(asset, commune[asset.zone])
        ]
        for rule in rulebook.rules
        if rule.definition.for_each.type is not None
    }


def nodes(rule: Rule) -> Iterator[Node]:
    for tree in (*rule.trees, *(() if rule.value is None or isinstance(rule.value, float) else (rule.value,))):
        yield from walk(tree)


def has(asset: Asset, node: Attribute | TextIs) -> bool:
    """Whether the attribute is there and of the kind the rule reads, so that it is not UNKNOWN."""
    if isinstance(node, TextIs):
        return isinstance(asset.attributes.get(node.attribute), str | bool)
    found = asset.attributes.get(node.name)
    return isinstance(found, int | float) and not isinstance(found, bool) and isfinite(found)


def test_every_rule_has_a_subject(subjects: Subjects) -> None:
    """The type, every key and value of `where`, one of the tags, the zone and the commune of one asset at least."""
    assert [rule for rule, assets in subjects.items() if not assets] == []


def test_every_tag_a_rule_names_is_worn(rulebook: Rulebook, subjects: Subjects) -> None:
    unworn = [
        (rule.id, tag)
        for rule in rulebook.rules
        for tag in rule.definition.for_each.tag
        if not any(tag in asset.attributes["tags"] for asset in subjects[rule.id])
    ]
    assert unworn == []


def test_every_subject_has_the_attributes_its_rule_reads(rulebook: Rulebook, subjects: Subjects) -> None:
    lacking = [
        (rule.id, node, asset.id)
        for rule in rulebook.rules
        for node in nodes(rule)
        if isinstance(node, Attribute | TextIs)
        for asset in subjects[rule.id]
        if not has(asset, node)
    ]
    assert lacking == []


def test_every_target_of_a_rule_is_there(rulebook: Rulebook, subjects: Subjects, by_type: Subjects) -> None:
    wants = [(rule.id, rule.definition.then.want.targets) for rule in rulebook.rules if rule.definition.then.want]
    types = [targets.type for _, targets in wants if isinstance(targets, TypedTargets)]
    assert [name for name in types if not by_type.get(name)] == []
    lists = [(rule, targets) for rule, targets in wants if isinstance(targets, str) and targets not in RELATIVES]
    alone = {lamp.attributes.get("detector") for lamp in by_type["Streetlight"]}  # such lamps want no rule
    bare = [(rule, one.id) for rule, name in lists for one in subjects[rule] if not one.attributes.get(name)]
    assert [(rule, name) for rule, name in bare if name not in alone] == []


def test_every_count_a_rule_asks_for_can_be_reached(full: Territory, rulebook: Rulebook, subjects: Subjects) -> None:
    """As many assets that the rules it looks at speak of, in one at least of the places it looks into."""
    commune = {zone.id: zone.commune for zone in full.zones}
    place = {
        Scope.CHILDREN: lambda asset: asset.parent,
        Scope.SIBLINGS: lambda asset: asset.parent,
        Scope.ZONE: lambda asset: asset.zone,
        Scope.COMMUNE: lambda asset: commune[asset.zone],
        Scope.TERRITORY: lambda _: "",
    }
    tallies = [(rule.id, node) for rule in rulebook.rules for node in nodes(rule) if isinstance(node, Tally)]
    asked = [(rule, tally) for rule, tally in tallies if tally.count > 1 and subjects.keys() >= set(tally.rules)]
    assert len(asked) > 10
    for rule, tally in asked:
        looked_at = {asset.id: asset for name in tally.rules for asset in subjects[name]}
        most = max(Counter(map(place[tally.scope], looked_at.values())).values(), default=0)
        assert most >= tally.count, f"{rule} asks for {tally.count}, and no {tally.scope} has more than {most}"
