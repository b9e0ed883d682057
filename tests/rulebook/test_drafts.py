"""Blueprints, tables, derived quantities: what a file says in short, written out."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.documents import parse_document
from engine.errors import InputError
from engine.rulebook.blueprints import Filler, Plan
from engine.rulebook.definitions import Blueprint, Rulebook
from engine.rulebook.drafts import read_drafts
from engine.rulebook.language import (
    Absent,
    And,
    Arithmetic,
    Literal,
    Not,
    Relation,
    Scope,
    Tally,
    Threshold,
    Value,
    Window,
    WindowFunction,
)
from engine.rulebook.loading import load_rules

OWNERS = "owners:\n  tests: {name: {fr: essais, en: tests}}\n"
HEAD = "about: {fr: mots, en: words}, owner: tests, for_each: {type: Lamp}"
THEN = "then: {workorder: {title: {fr: mots, en: words}, within: 3 d}}"
BLUEPRINT = """\
blueprints:
  dead-sensor:
    about: {fr: mots, en: words}
    parameters: {property: "", after: 6h, mode: active}
    rule:
      when: absent($property, $after)
      mode: $mode
"""

Load = Callable[..., Rulebook]
Told = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path, small: Catalogue) -> Load:
    def make(**files: str) -> Rulebook:
        (tmp_path / "owners.yaml").write_text(OWNERS)
        (tmp_path / "some").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "some" / f"{name}.yaml").write_text(dedent(text))
        return load_rules(tmp_path, small)

    return make


@pytest.fixture
def told(load: Load, tmp_path: Path) -> Told:
    def problems(**files: str) -> list[str]:
        with pytest.raises(InputError) as caught:
            load(**files)
        return [str(problem).removeprefix(f"{tmp_path}/some/") for problem in caught.value.problems]

    return problems


# Blueprints


def test_a_rule_fills_the_holes_of_a_blueprint(load: Load) -> None:
    book = load(
        a=BLUEPRINT,
        b=f"""\
        rules:
          - {{id: one, use: dead-sensor, with: {{property: power}}, {HEAD}, {THEN}}}
          - {{id: two, use: dead-sensor, with: {{property: door, after: 90min, mode: shadow}}, {HEAD}, {THEN}}}
          - {{id: own, use: dead-sensor, with: {{property: door}}, when: door, {HEAD}, {THEN}}}
        """,
    )
    assert book.rule("one").when == Absent("power", 6 * 3_600_000_000)
    assert book.rule("two").when == Absent("door", 5_400_000_000)
    assert book.rule("two").shadow
    assert not book.rule("one").shadow
    assert book.rule("own").when == Threshold(Value("door"), "==", 1)  # its own word goes first


def test_a_blueprint_may_hold_all_of_a_rule_and_a_table(load: Load) -> None:
    book = load(
        a="""\
        blueprints:
          watch:
            about: {fr: mots, en: words}
            parameters: {type: Lamp, high: "", low: 2 W, samples: 3, tag: old}
            rule:
              about: {fr: au-dessus de $high, en: above $high}
              owner: tests
              for_each: {type: $type, where: {led: true}, tag: [$tag]}
              for: 5min
              table:
                hits: first
                rows:
                  - when: max(power, 1h, at least $samples) > $high
                    then: {workorder: {title: {fr: mots, en: words}, within: 3 d}}
                  - when: power < $low
                    then: {fact: low_power}
        rules:
          - {id: a, use: watch, with: {high: 90 W}}
          - {id: b, use: watch, with: {high: 0.08 kW, samples: 5, tag: new}}
        """
    )
    assert [rule.id for rule in book.rules] == ["a.1", "a.2", "b.1", "b.2"]
    high = Threshold(Window(WindowFunction.MAX, "power", 3_600_000_000, 5), ">", 80_000_000)
    low = Threshold(Value("power"), "<", 2_000_000)
    assert book.rule("b.1").when == high
    assert book.rule("b.2").when == And((low, Not(high)))
    assert book.rule("b.1").definition.about.en == "above 0.08 kW"
    assert book.rule("b.1").definition.for_each.tag == ("new",)
    assert book.rule("a.1").version != book.rule("b.1").version


@pytest.mark.parametrize(
    "value",
    ["power", "lamp-failure", "leak_seen", "table.2", "6h", "6 h", "90 W", "-5 Cel", "20 %", "0.5", "500 /h",
     "5 [degF]", "3 m3/h", "été", "2 µg/m³", 3, 2.5, True, 0, -4],
)  # fmt: skip
def test_words_and_numbers_fill_a_hole(value: object) -> None:
    assert fill(value) == f"say {str(value).lower() if isinstance(value, bool) else value} end"


@pytest.mark.parametrize(
    "value",
    ["power or door", "power > 2 W", "or", "not", "then", "2 W or door", "2 or", "(power)", "power)", "a b", "5 W 6",
     "1/2", "-power", "a--b", "a-", "$other", "${x}", "__import__('os')", "x.y", "'x'", "2 * 3", "a\nb", "a" * 65,
     "1" * 65, "1" * 100_000 + "!", "1 " + "a" * 100_000, "-" * 100_000, "a-" * 100_000, None, "", [1], {"a": 1}],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_more_than_a_word_or_number_fills_no_hole(value: object) -> None:
    with pytest.raises(InputError, match=r"cannot fill \$x|parameter 'x' is missing"):
        fill(value)


WORDISH = st.text(alphabet="ab9 .-_()<>=$%/'\"W\n", max_size=12)


@given(WORDISH)
def test_what_fills_a_hole_is_one_token_or_a_rules_name(value: str) -> None:
    """Never an operator, a bracket, a second word."""
    try:
        filled = fill(value)
    except InputError:
        return
    assert isinstance(filled, str)
    inside = filled.removeprefix("say ").removesuffix(" end")
    assert inside == value
    assert not set(inside) & set("()<>=$'\"\n*+,")
    assert len(inside.split()) <= 2


def fill(value: object) -> object:
    blueprint = Blueprint.model_validate(
        {"about": {"fr": "a", "en": "b"}, "parameters": {"x": ""}, "rule": {"when": "say $x end"}}
    )
    part = parse_document("use: plan\n", "f.yaml")
    part.data["with"] = {"x": value}
    return Filler({"plan": Plan(part, blueprint)}).filled(part, blueprint)["when"]


def test_what_stands_alone_keeps_its_kind(load: Load) -> None:
    blueprint = Blueprint.model_validate(
        {"about": {"fr": "a", "en": "b"}, "parameters": {"n": 3, "t": "x"}, "rule": {"where": {"a": "$n", "b": ["$t"]}}}
    )
    part = parse_document("use: plan\nwith: {t: true}\n", "f.yaml")
    assert Filler({}).filled(part, blueprint) == {"where": {"a": 3, "b": [True]}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # of the use
        (
            "use: dead-sensor",
            "use: dead-senser",
            "f.yaml:10:20 reference 'dead-senser' is not a blueprint → did",
        ),
        ("use: dead-sensor", "use: [a]", "f.yaml:10:20 reference ['a'] is not a blueprint → one of: dead-sensor"),
        (
            "property: power",
            "prop: power",
            "f.yaml:10:46 shape 'prop' is not a parameter of dead-sensor → one of",
        ),
        (
            "with: {property: power}",
            "with: {}",
            "f.yaml:10:39 shape the parameter 'property' is missing → add it: with",
        ),
        ("with: {property: power}, ", "", "f.yaml:10:5 shape the parameter 'property' is missing → add it: with"),
        ("with: {property: power}", "with: power", "f.yaml:10:39 shape with wants its parameters by name → as {"),
        ("property: power", "property: power or", "f.yaml:10:50 shape 'power or' cannot fill $property → a word"),
        (
            "property: power",
            "property: powr",
            "f.yaml:10:20 name 'powr' is not a property of this asset type, in",
        ),
        ("property: power", "property: power, mode: asleep", "f.yaml:10:20 shape mode: Input should be 'active'"),
        (
            "use: dead-sensor, with: {property: power}",
            "with: {property: power}",
            "f.yaml:10:21 shape unknown key 'with'",
        ),
        # of the blueprint itself
        (
            "($property",
            "($prop",
            "f.yaml:6:13 shape $prop is not a parameter of this blueprint → add it to parameters, or",
        ),
        ("after: 6h", "after: 6h, other: x", "f.yaml:4:50 shape $other stands nowhere in the rule → remove it"),
        ("after: 6h", "after: 6h or", "f.yaml:4:39 shape '6h or' cannot fill $after → a word, or a number"),
        ("after: 6h", "after: [6]", "f.yaml:4:39 shape parameters.after"),
        ("after: 6h", "After: 6h", "f.yaml:4:39 shape parameters.After.[key]: wants small letters"),
        ("mode: $mode", "mode: $mode\n      use: other", "f.yaml:8:12 shape a blueprint uses no other → write it out"),
        ("mode: $mode", "mode: $mode\n      $after: 1", "f.yaml:8:15 shape the key '$after' has a hole → holes"),
        ("    rule:", "    rul:", "f.yaml:3:5 shape 'rule' is missing → add the key 'rule'"),
        ("  dead-sensor:", "  Dead:", "f.yaml:3:5 shape blueprints.Dead.[key]: wants small letters"),
        ("    parameters:", "    colour: red\n    parameters:", "f.yaml:4:13 shape unknown key 'colour' → remove it"),
    ],
)
def test_a_flaw_of_a_blueprint_is_told_at_its_place(old: str, new: str, expected: str, told: Told) -> None:
    text = (
        BLUEPRINT + f"rules:\n  # one\n  - {{id: one, use: dead-sensor, with: {{property: power}}, {HEAD}, {THEN}}}\n"
    )
    assert old in text
    found = told(f=text.replace(old, new, 1))
    assert any(problem.startswith(expected) for problem in found), found


def test_a_blueprint_that_nobody_uses_is_looked_at(told: Told) -> None:
    found = told(f=BLUEPRINT.replace("$after", "$aftr"))
    assert [problem.split(" → ")[0] for problem in found] == [
        "f.yaml:4:39 shape $after stands nowhere in the rule",
        "f.yaml:6:13 shape $aftr is not a parameter of this blueprint",
    ]


def test_a_flawed_blueprint_is_told_once_and_not_at_each_use(told: Told) -> None:
    rules = "".join(
        f"  - {{id: r{n}, use: dead-sensor, with: {{property: power}}, {HEAD}, {THEN}}}\n" for n in range(9)
    )
    other = f"  - {{id: other, when: count(r1 in zone) > 2, {HEAD}, {THEN}}}\n"
    found = told(f=BLUEPRINT.replace("$after", "$aftr") + "rules:\n" + rules + other)
    assert len(found) == 2


def test_two_blueprints_of_one_name_are_told(told: Told) -> None:
    (found,) = told(f=BLUEPRINT, g=BLUEPRINT)
    assert found.startswith("g.yaml:3:5 duplicate the blueprint 'dead-sensor' stands twice, first at ")
    assert found.endswith("/some/f.yaml:3 → give one of the two another name")


# Tables

ROWS = f"""\
rules:
  - id: steps
    about: {{fr: mots, en: words}}
    owner: tests
    for_each: {{type: Lamp}}
    for: 5min
    table:
      hits: first
      rows:
        - when: power > 90 W
          {THEN}
        - when: power > 50 W
          {THEN}
        - when: door
          {THEN}
"""
HIGH, MIDDLE = Threshold(Value("power"), ">", 90_000_000), Threshold(Value("power"), ">", 50_000_000)
OPEN = Threshold(Value("door"), "==", 1)


def test_of_a_table_the_first_row_holds(load: Load) -> None:
    book = load(f=ROWS)
    assert [rule.id for rule in book.rules] == ["steps.1", "steps.2", "steps.3"]
    assert [rule.when for rule in book.rules] == [
        HIGH,
        And((MIDDLE, Not(HIGH))),
        And((OPEN, Not(HIGH), Not(MIDDLE))),
    ]
    assert {rule.definition.hold.total_seconds() for rule in book.rules} == {300.0}


def test_or_every_row_that_holds(load: Load) -> None:
    book = load(f=ROWS.replace("first", "all"))
    assert [rule.when for rule in book.rules] == [HIGH, MIDDLE, OPEN]


def test_a_tables_name_stands_for_all_its_rows(load: Load) -> None:
    other = f"  - {{id: other, when: any(steps in self) or count(steps.2 in zone) > 1, {HEAD}, {THEN}}}\n"
    when = load(f=ROWS + other).rule("other").when
    tallies = set(getattr(when, "parts", ()))
    assert tallies == {Tally(("steps.1", "steps.2", "steps.3"), Scope.SELF, 1), Tally(("steps.2",), Scope.ZONE, 2)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("power > 90 W", "power > 90", ["f.yaml:10:25 unit 90 has no unit → write 90 W"]),
        ("when: door", "when: dor", ["f.yaml:14:17 name 'dor' is not a property of this asset type → did"]),
        ("power > 50 W", "|\n            power >\n            50", ["f.yaml:14:13 unit 50 has no unit → write 50 W"]),
        ("    for: 5min", "    for: 5min\n    when: door", ["f.yaml:7:11 shape when stands beside a table"]),
        ("hits: first", "hits: some", ["f.yaml:8:13 shape hits: Input should be 'first' or 'all', found 'some'"]),
        ("      hits: first\n", "", ["f.yaml:8:7 shape 'hits' is missing → add the key 'hits'"]),
        ("        - when: door\n", "        - when: door\n          for: 3min\n", ["f.yaml:15:16 shape unknown key"]),
        ("    owner: tests\n", "    owner: nobody\n", ["f.yaml:4:12 owner 'nobody' is not an owner of owners.yaml → "]),
        ("id: steps", "id: Steps", ["f.yaml:2:9 shape id: wants small letters, digits"] * 3),
        ("  - id: steps\n    about", "  - about", ["f.yaml:2:5 shape 'id' is missing → add the key 'id'"]),
        ("when: door", "when: any(steps in self)", ["f.yaml:14:17 reference 'steps.1' is decided"]),
        ("power > 90 W", "together(x, x in zone, 5min)", ["f.yaml:12:17 type stands below a row with", "f.yaml:14"]),
    ],
)  # fmt: skip
def test_a_flaw_of_a_table_is_told_at_its_row(old: str, new: str, expected: list[str], told: Told) -> None:
    assert old in ROWS
    other = f"  - {{id: x, when: door, {HEAD}, {THEN}}}\n"
    found = told(f=ROWS.replace(old, new, 1) + other)
    if "any(steps" in new:
        assert found[0].startswith("f.yaml:14:17 cycle looks at itself: steps.3 → steps.3"), found
        return
    assert len(found) == len(expected), found
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith(start), found


def test_a_rule_and_a_table_of_one_name_are_told(told: Told) -> None:
    other = f"  - {{id: steps, when: door, {HEAD}, {THEN}}}\n"
    (found,) = told(f=ROWS + other)
    assert found.startswith("f.yaml:16:10 duplicate the rule 'steps' stands twice, first at ")
    assert len(told(f=ROWS + other.replace("steps,", "steps.2,"))) == 1


def test_a_table_has_rows_and_not_too_many(told: Told) -> None:
    row = f"        - when: door\n          {THEN}\n"
    head = ROWS[: ROWS.index("        - when")]
    assert told(f=head.replace("rows:\n", "rows: []\n"))[0].startswith(
        "f.yaml:9:13 shape rows: Tuple should have at least"
    )
    assert told(f=head + row * 101)[0].startswith("f.yaml:10:9 shape rows: Tuple should have at most 100 items")


# Derived quantities


def test_a_derived_quantity_is_written_out_where_it_is_named(load: Load) -> None:
    book = load(
        a="derive:\n  load: {type: Lamp, is: power / 50 W}\n  half: {type: Lamp, is: load / 2}\n",
        b=f"rules:\n  - {{id: one, when: half > 20 %, {HEAD}, {THEN}}}\n",
    )
    load_ = Arithmetic("/", Value("power"), Literal(50.0))
    assert book.rule("one").when == Relation(Arithmetic("/", load_, Literal(2.0)), ">", Literal(0.2))


@pytest.mark.parametrize(
    ("derived", "expected"),
    [
        ("load: {type: Lamp, is: powr / 2}", "f.yaml:2:26 name 'powr' is not a property of this asset type"),
        ("load: {type: Lamp, is: door + 1}", "f.yaml:2:26 type door is not a number"),
        ("load: {type: Lamp, is: power >}", "f.yaml:2:33 syntax 'the end' stands where a value or a name is wanted"),
        ("load: {type: Lmp, is: power}", "f.yaml:2:16 name 'Lmp' is not an asset type of the catalogue → did you mean"),
        ("load: {type: Lamp}", "f.yaml:2:9 shape 'is' is missing"),
        ("load: {type: Lamp, is: power, unit: W}", "f.yaml:2:39 shape unknown key 'unit'"),
        ("load: {type: Lamp, is: load + 1}", "f.yaml:2:26 cycle load is derived from itself → mend it under derive"),
        ("a: {type: Lamp, is: b}\n  b: {type: Lamp, is: a}", "f.yaml:2:23 cycle b is derived from itself"),
        (
            "power: {type: Lamp, is: power * 2}",
            "f.yaml:2:10 name 'power' is taken → give the quantity a name of its own",
        ),
        ("public_holiday: {type: Lamp, is: power}", "f.yaml:2:19 name 'public_holiday' is taken"),
        ("then: {type: Lamp, is: power}", "f.yaml:2:9 name 'then' is taken"),
        ("a-b: {type: Lamp, is: power}", "f.yaml:2:8 name 'a-b' is taken, or no name → give the quantity a name"),
    ],
)
def test_a_flaw_of_a_derived_quantity_is_told_at_its_place(derived: str, expected: str, told: Told) -> None:
    found = told(f=f"derive:\n  {derived}\nrules:\n  - {{id: one, when: door, {HEAD}, {THEN}}}\n")
    assert found[0].startswith(expected), found


def test_a_quantity_is_derived_once_a_type(told: Told, load: Load) -> None:
    one = "derive:\n  load: {type: Lamp, is: power / 50 W}\n"
    load(
        a=one,
        b="derive:\n  load: {type: Cabinet, is: power / 90 W}\n",
        c=f"rules:\n  - {{id: a, when: door, {HEAD}, {THEN}}}\n",
    )
    (found,) = told(b=one)
    assert found.startswith("b.yaml:2:9 duplicate the quantity 'load' of Lamp is derived twice")


def test_a_rule_over_a_quantity_with_a_flaw_tells_that_one(told: Told) -> None:
    found = told(
        f=f"derive:\n  load: {{type: Lamp, is: powr}}\nrules:\n  - {{id: a, when: load > 2, {HEAD}, {THEN}}}\n"
    )
    assert found[1].startswith("f.yaml:4:19 type load has a flaw of its own: 'powr' is not a property of this asset")


# Files


def test_scenario_files_are_no_rules(load: Load, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "a.test.yaml").write_text("scenarios: []\n")
    assert len(load(a=f"rules:\n  - {{id: a, when: door, {HEAD}, {THEN}}}\n").rules) == 1


def test_a_files_rules_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "a.yaml").write_text("rules:\n  - id: a\n    when: door\n  - {id: b, when: door}\n")
    drafts = read_drafts(tmp_path)
    assert [(draft.id, draft.document.places[("id",)]) for draft in drafts.rules] == [("a", (2, 9)), ("b", (4, 10))]
