"""Rule files: every problem of every file at once, each at its line and column; versions; the shipped rules."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.model import Level
from engine.rulebook import Rulebook, load_rules
from engine.rulebook.definitions import RuleDefinition

ROOT = Path(__file__).resolve().parents[2]
OWNERS = """\
owners:
  tests: {name: {fr: essais, en: tests}, levels: [5]}
"""
GOOD = """\
id: dark
about: {fr: sombre, en: dark}
owner: tests
for_each: {type: Lamp}
when: power < 2 W
then:
  alarm:
    priority: low
    consequence: {fr: nuit, en: night}
    action: {fr: changer, en: change}
    respond_within: 1 d
"""
WANT = """\
id: bright
about: {fr: clair, en: bright}
owner: tests
for_each: {type: Lamp}
when: door
then:
  want: {point: level, value: 1, ttl: 15min}
"""


def write(folder: Path, *rules: str, owners: str = OWNERS, name: str = "a") -> Path:
    (folder / "owners.yaml").write_text(owners)
    (folder / "some").mkdir(exist_ok=True)
    items = "".join("  -" + indent(dedent(rule), "    ")[3:] for rule in rules)
    (folder / "some" / f"{name}.yaml").write_text("rules:\n" + items)
    return folder


def problems(folder: Path, catalogue: Catalogue) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_rules(folder, catalogue)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_good_rules_load_in_the_order_of_their_ids(tmp_path: Path, small: Catalogue) -> None:
    rulebook = load_rules(write(tmp_path, GOOD, WANT), small)
    assert [rule.id for rule in rulebook.rules] == ["bright", "dark"]
    assert rulebook.rule("bright").value == 1.0
    assert rulebook.rule("dark").value is None
    assert not rulebook.rule("dark").shadow
    with pytest.raises(KeyError):
        rulebook.rule("nobody")


@pytest.mark.parametrize(
    ("base", "old", "new", "expected"),
    [
        (
            GOOD,
            "type: Lamp",
            "type: Lmp",
            "some/a.yaml:5:22 'Lmp' is not an asset type of the catalogue → did you mean Lamp?",
        ),
        (GOOD, "power < 2 W", "power < 2", "some/a.yaml:6:19 2 has no unit → write 2 W"),
        (GOOD, "power < 2 W", "power < 2 A", "some/a.yaml:6:19 2 A is not in a unit of W"),
        (GOOD, "power < 2 W", '"power < 2"', "some/a.yaml:6:20 2 has no unit → write 2 W"),
        (GOOD, "power < 2 W", "mode == onn", "some/a.yaml:6:19 'onn' is not a value of mode → did you mean on?"),
        (GOOD, "power < 2 W", "powr < 2 W", "some/a.yaml:6:11 'powr' is not a property"),
        (GOOD, "power < 2 W", "power <", "some/a.yaml:6:18 'the end' stands where power wants a value"),
        (GOOD, "power < 2 W", "'true'", "some/a.yaml:6:11 never changes → name a property"),
        (GOOD, "power < 2 W", "door or\n    (power < 2\n    W) or powr", "some/a.yaml:8:15 'powr' is not a property"),
        (GOOD, "power < 2 W", "|\n    door or\n\n      powr > 2 W", "some/a.yaml:9:11 'powr' is not a property"),
        (GOOD, "power < 2 W", ">-\n    door or\n    powr > 2 W", "some/a.yaml:8:9 'powr' is not a property"),
        (GOOD, "power < 2 W", "power < 2 W\nclear_when: power > 3", "some/a.yaml:7:25 3 has no unit"),
        (GOOD, "power < 2 W", "[1]", "some/a.yaml:6:11 when: Input should be a valid string"),
        (GOOD, "id: dark", "id: Dark", "some/a.yaml:2:9 id: String should match pattern"),
        (
            GOOD,
            "owner: tests",
            "owner: test",
            "some/a.yaml:4:12 'test' is not an owner of owners.yaml → did you mean tests?",
        ),
        (GOOD, "owner: tests", "owner: tests\ncolour: red", "some/a.yaml:5:13 unknown key 'colour'"),
        (GOOD, "    priority: low\n", "", "'then.alarm.priority' is missing"),
        (GOOD, "    consequence: {fr: nuit, en: night}\n", "", "'then.alarm.consequence' is missing"),
        (GOOD, "    action: {fr: changer, en: change}\n", "", "'then.alarm.action' is missing"),
        (GOOD, "    respond_within: 1 d\n", "", "'then.alarm.respond_within' is missing"),
        (GOOD, "respond_within: 1 d", "respond_within: 0 s", "wants to be above 0"),
        (GOOD, "{fr: nuit, en: night}", "{fr: nuit, en: ' '}", "wants words in fr and in en"),
        (GOOD, "priority: low", "priority: urgent", "some/a.yaml:9:19 then.alarm.priority: Input should be"),
        (GOOD, "power < 2 W", "power < 2 W\nfor: 20 minutes", "a duration is a number and s, min, h or d"),
        (GOOD, "power < 2 W", "power < 2 W\nclear_after: -5min", "a duration is a number and s, min, h or d"),
        (GOOD, "power < 2 W", "power < 2 W\non_unknown: maybe", "some/a.yaml:7:17 on_unknown: Input should be 'hold'"),
        (GOOD, "power < 2 W", "power < 2 W\nmode: off", "'off' is true or false to some readers of YAML"),
        (GOOD, "power < 2 W", "power < 2 W\nwhen: door", "the key 'when' stands twice, first on line 6"),
        (
            GOOD,
            "power < 2 W",
            "power < 2 W\nsilenced_by: {rule: drk, via: parent}",
            "'drk' is not a rule → did you mean dark?",
        ),
        (GOOD, "power < 2 W", "power < 2 W\nsilenced_by: {rule: dark, via: parent}", "'dark' cannot silence 'dark'"),
        (
            GOOD,
            "power < 2 W",
            "power < 2 W\nsilenced_by: {rule: bright, via: parent}",
            "'bright' cannot silence 'dark'",
        ),
        (GOOD, "power < 2 W", "power < 2 W\nsilenced_by: {rule: bright, via: zone}", "Input should be 'parent'"),
        (
            WANT,
            "when: door",
            "when: door\nsilenced_by: {rule: x, via: parent}",
            "silenced_by belongs to a rule that raises",
        ),
        (WANT, "then:\n  want: {point: level, value: 1, ttl: 15min}", "then: {}", "wants exactly one of alarm, want"),
        (WANT, "point: level", "point: lvl", "some/a.yaml:8:21 'lvl' is not a point of Lamp → did you mean level?"),
        (WANT, "value: 1,", "value: 1, targets: near, level: 4,", "level 4 is not granted to 'tests' → use 5, 12"),
        (WANT, "value: 1,", "value: 1, level: 3,", "level 3 is not granted"),
        (WANT, "value: 1,", "value: 1, level: 17,", "less than or equal to 16"),
        (WANT, "value: 1", "value: 2", "some/a.yaml:8:35 2.0 is outside the envelope of level → from 0 to 1 1"),
        (WANT, "value: 1", "value: 150 %", "150 % is outside the envelope of level"),
        (WANT, "value: 1", "value: 1 W", "'1 W' is not a value of level → a number and a unit among 1, %"),
        (WANT, "value: 1", "value: a lot", "'a lot' is not a value of level"),
        (WANT, "ttl: 15min", "ttl: 15min, every: 15min", "every wants to be at least 1min and shorter than ttl"),
        (WANT, "ttl: 15min", "ttl: 15min, every: 59 s", "every wants to be at least 1min and shorter than ttl"),
        (WANT, "point: level, value: 1", "value: 1", "'then.want.point' is missing"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_place(
    base: str, old: str, new: str, expected: str, tmp_path: Path, small: Catalogue
) -> None:
    assert old in base
    rules = (base.replace(old, new), WANT) if base == GOOD else (base.replace(old, new),)
    found = problems(write(tmp_path, *rules), small)
    assert len(found) == 1, found
    assert expected in found[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 1", "value: 100 %"),
        ("value: 1", "value: 0"),
        ("value: 1,", "value: 1, level: 5,"),
        ("value: 1,", "value: 1, targets: near,"),
        ("ttl: 15min", "ttl: 15min, every: 1min"),
        ("when: door", "when: door\nfor: 0 s"),
        ("when: door", "when: door\nclear_when: 'false'"),
    ],
)
def test_the_valid_neighbours_are_taken(old: str, new: str, tmp_path: Path, small: Catalogue) -> None:
    assert load_rules(write(tmp_path, WANT.replace(old, new)), small).rules


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path, small: Catalogue) -> None:
    write(tmp_path, GOOD.replace("2 W", "2"), GOOD.replace("respond_within: 1 d", "respond_within: soon"), name="b")
    write(tmp_path, WANT.replace("door", "dor"), WANT.replace("tests", "nobody"), owners="owners: []\n")
    (tmp_path / "some" / "c.yaml").write_text("rules:\n  - id: yes\n")
    (tmp_path / "some" / "d.yaml").write_text("rules: []\n")
    (tmp_path / "some" / "e.yaml").write_text("rules: [3]\n")
    found = problems(tmp_path, small)
    for part in (
        "owners.yaml:1:9",
        "some/a.yaml:6:11 'dor' is not a property",
        "some/a.yaml:9:9 the rule 'bright' stands twice, first at",
        "some/b.yaml:6:19 2 has no unit",
        "some/b.yaml:13:9 the rule 'dark' stands twice",
        "then.alarm.respond_within",
        "some/c.yaml:2:9 'yes' is true or false",
        "some/d.yaml:1:8 rules: List should have at least 1 item",
        "some/e.yaml:1:9",
    ):
        assert any(part in problem for problem in found), (part, found)
    assert found == [str(p).removeprefix(f"{tmp_path}/") for p in sorted(_raw(tmp_path, small))]


def _raw(folder: Path, catalogue: Catalogue) -> list[Any]:
    with pytest.raises(InputError) as caught:
        load_rules(folder, catalogue)
    return list(caught.value.problems)


def test_a_rule_of_wrong_shape_still_has_its_expressions_checked(tmp_path: Path, small: Catalogue) -> None:
    found = problems(
        write(tmp_path, GOOD.replace("power < 2 W", "power < 2").replace("priority: low", "priority: x")), small
    )
    assert len(found) == 2


def test_an_empty_folder_and_a_missing_one_are_told(tmp_path: Path, small: Catalogue) -> None:
    assert "cannot be read" in problems(tmp_path / "nowhere", small)[0]
    (tmp_path / "owners.yaml").write_text(OWNERS)
    assert "holds no rule" in problems(tmp_path, small)[0]


@pytest.mark.parametrize("level", [1, 3, 6, 8, 9, 11, 13, 14, 15, 16])
def test_most_levels_are_granted_to_nobody(level: int, tmp_path: Path, small: Catalogue) -> None:
    found = problems(write(tmp_path, GOOD, owners=OWNERS.replace("[5]", f"[{level}]")), small)
    assert any(f"levels [{level}] are granted to nobody" in problem for problem in found)


@pytest.mark.parametrize("level", [2, 4, 5, 10, 12])
def test_restricted_levels_are_granted_by_name(level: int, tmp_path: Path, small: Catalogue) -> None:
    want = WANT.replace("value: 1", f"value: 1, level: {level}")
    rulebook = load_rules(write(tmp_path, want, owners=OWNERS.replace("[5]", f"[{level}]")), small)
    assert rulebook.owners["tests"].levels == (Level(level),)


def test_a_version_is_what_a_rule_says_and_nothing_else(
    tmp_path: Path, small: Catalogue, rule: Callable[..., dict[str, Any]], book: Callable[..., Rulebook]
) -> None:
    plain = book(rule("dark", "power < 2 W", **{"for": "20min"}))
    spaced = book(rule("dark", "power  <\n 2 W", **{"for": "20 min"}), rule("other", "door"))
    assert plain.rule("dark").version == spaced.rule("dark").version
    assert plain.version != spaced.version
    for change in ({"for": "21min"}, {"mode": "shadow"}, {"on_unknown": "clear"}, {"clear_when": "power > 3 W"}):
        fields = {"for": "20min", **change}
        assert book(rule("dark", "power < 2 W", **fields)).version != plain.version
    commented = load_rules(write(tmp_path, "# first\n" + GOOD), small).version
    assert load_rules(write(tmp_path, GOOD), small).version == commented


def test_where_tells_true_from_one(rule: Callable[..., dict[str, Any]]) -> None:
    from engine.model import Asset

    scope = RuleDefinition.model_validate(rule("x", "door", for_each={"type": "Lamp", "where": {"led": True}})).for_each
    assert scope.covers(Asset("a", "Lamp", "z", 0, 0, attributes={"led": True}))
    for attributes in ({}, {"led": False}, {"led": 1}, {"led": "true"}):
        assert not scope.covers(Asset("a", "Lamp", "z", 0, 0, attributes=attributes))
    assert not scope.covers(Asset("a", "Cabinet", "z", 0, 0, attributes={"led": True}))


def test_the_shipped_rules_compile(catalogue: Catalogue) -> None:
    rulebook = load_rules(ROOT / "rules", catalogue)
    assert {"lamp-failure", "presence-boost", "cabinet-silent"} <= {rule.id for rule in rulebook.rules}
