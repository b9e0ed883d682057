"""Rule files: every problem of every file at once, each at its line and column; versions; the shipped rules."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.model import Asset, Level
from engine.rulebook.almanac import Dates, Hours, PublicHoliday, SchoolHoliday, SunBetween, SunInstant, Weekdays
from engine.rulebook.definitions import Rulebook, RuleDefinition
from engine.rulebook.language import (
    And,
    Arithmetic,
    Attribute,
    Calendar,
    Literal,
    Not,
    Or,
    Scope,
    Tally,
    Threshold,
    Value,
)
from engine.rulebook.loading import circles, load_rules

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
ZONE = """\
id: zone-dark
about: {fr: zone sombre, en: dark zone}
owner: tests
for_each: {each: zone}
when: count(dark) >= 2
then: {fact: zone_dark}
"""
OTHERS = {"dark": GOOD, "bright": WANT, "zone-dark": ZONE}


def write(folder: Path, *rules: str, owners: str = OWNERS, name: str = "a", head: str = "") -> Path:
    (folder / "owners.yaml").write_text(owners)
    (folder / "some").mkdir(exist_ok=True)
    items = "".join("  -" + indent(dedent(rule), "    ")[3:] for rule in rules)
    (folder / "some" / f"{name}.yaml").write_text(head + "rules:\n" + items)
    return folder


def problems(folder: Path, catalogue: Catalogue) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_rules(folder, catalogue)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_good_rules_load_in_the_order_of_their_ids(tmp_path: Path, small: Catalogue) -> None:
    rulebook = load_rules(write(tmp_path, GOOD, WANT, ZONE), small)
    assert [rule.id for rule in rulebook.rules] == ["bright", "dark", "zone-dark"]
    assert rulebook.rule("bright").value == 1.0
    dark = rulebook.rule("dark")
    assert (dark.value, dark.clear_when, dark.schedule, dark.over) == (None, None, None, ())
    assert not dark.shadow
    assert not dark.crosses
    assert dark.resets == Not(dark.when)
    zone = rulebook.rule("zone-dark")
    assert zone.when == Tally(("dark",), Scope.ZONE, 2)
    assert zone.crosses and zone.looks_at == ("dark",)
    with pytest.raises(KeyError):
        rulebook.rule("nobody")


OVER = "silenced_by: {rule: %s, via: %s}"


@pytest.mark.parametrize(
    ("base", "old", "new", "expected"),
    [
        # what it is of
        (GOOD, "type: Lamp", "type: Lmp", "some/a.yaml:5:22 name 'Lmp' is not an asset type of the catalogue → did"),
        (GOOD, "{type: Lamp}", "{}", "some/a.yaml:5:15 shape for_each: wants exactly one of type, each"),
        (GOOD, "type: Lamp", "type: Lamp, each: zone", "shape for_each: wants exactly one of type, each"),
        (GOOD, "type: Lamp", "each: street", "some/a.yaml:5:22 shape for_each.each: Input should be 'zone', 'commune'"),
        (GOOD, "type: Lamp", "each: [zone]", "some/a.yaml:5:22 shape for_each.each: Input should be 'zone', 'commune'"),
        (ZONE, "each: zone", "each: zone, tag: a", "shape for_each: where and tag narrow assets"),
        (ZONE, "when: count(dark) >= 2", "when: power > 2 W", "name a zone has no property 'power' → look at rules"),
        (GOOD, "id: dark", "id: Dark", "some/a.yaml:2:9 shape id: wants small letters, digits and -"),
        (GOOD, "id: dark", "id: dark.2", "some/a.yaml:2:9 shape a point in an id is for the rows of a table → use -"),
        (GOOD, "id: dark\n", "", "some/a.yaml:2:5 shape 'id' is missing → add the key 'id'"),
        (GOOD, "owner: tests", "owner: test", "some/a.yaml:4:12 owner 'test' is not an owner of owners.yaml → did you"),
        (GOOD, "owner: tests", "owner: tests\ncolour: red", "some/a.yaml:5:13 shape unknown key 'colour' → remove it"),
        # conditions, in every style of YAML
        (GOOD, "power < 2 W", "power < 2", "some/a.yaml:6:19 unit 2 has no unit → write 2 W"),
        (GOOD, "power < 2 W", "power < 2 A", "some/a.yaml:6:19 unit 2 A is not in a unit of W → write it in W, mW"),
        (GOOD, "power < 2 W", '"power < 2"', "some/a.yaml:6:20 unit 2 has no unit → write 2 W"),
        (GOOD, "power < 2 W", "'power < 2'", "some/a.yaml:6:20 unit 2 has no unit → write 2 W"),
        (GOOD, "power < 2 W", "mode == onn", "some/a.yaml:6:19 name 'onn' is not a value of mode → did you mean on?"),
        (GOOD, "power < 2 W", "powr < 2 W", "some/a.yaml:6:11 name 'powr' is not a property of this asset type"),
        (GOOD, "power < 2 W", "power <", "some/a.yaml:6:18 syntax 'the end' stands where a value or a name is wanted"),
        (GOOD, "power < 2 W", "'true'", "some/a.yaml:6:11 type never changes → name a property"),
        (GOOD, "power < 2 W", "attribute(x) > 3 or attribute(y)", "some/a.yaml:6:11 type never changes → name"),
        (GOOD, "power < 2 W", "door or\n    (power < 2\n    W) or powr", "some/a.yaml:8:15 name 'powr' is not a prop"),
        (GOOD, "power < 2 W", "|\n    door or\n\n      powr > 2 W", "some/a.yaml:9:11 name 'powr' is not a property"),
        (GOOD, "power < 2 W", ">-\n    door or\n    powr > 2 W", "some/a.yaml:8:9 name 'powr' is not a property"),
        (GOOD, "power < 2 W", "&anchor powr > 2 W", "some/a.yaml:6:19 name 'powr' is not a property"),
        (GOOD, "power < 2 W", "power < 2 W\nclear_when: power > 3", "some/a.yaml:7:25 unit 3 has no unit"),
        (GOOD, "power < 2 W", "[1]", "some/a.yaml:6:11 shape when: Input should be a valid string"),
        (GOOD, "power < 2 W", '""', "some/a.yaml:6:1"),
        # the alarm
        (GOOD, "    priority: low\n", "", "shape 'then.alarm.priority' is missing"),
        (GOOD, "    consequence: {fr: nuit, en: night}\n", "", "shape 'then.alarm.consequence' is missing"),
        (GOOD, "    action: {fr: changer, en: change}\n", "", "shape 'then.alarm.action' is missing"),
        (GOOD, "    respond_within: 1 d\n", "", "shape 'then.alarm.respond_within' is missing"),
        (GOOD, "respond_within: 1 d", "respond_within: 0 s", "a duration wants to be above 0"),
        (GOOD, "{fr: nuit, en: night}", "{fr: nuit, en: ' '}", "wants words in fr and in en"),
        (GOOD, "priority: low", "priority: urgent", "some/a.yaml:9:19 shape then.alarm.priority: Input should be"),
        # time
        (GOOD, "power < 2 W", "power < 2 W\nfor: 20 minutes", "a duration is a number and s, min, h or d"),
        (GOOD, "power < 2 W", "power < 2 W\nclear_after: -5min", "a duration is a number and s, min, h or d"),
        (GOOD, "power < 2 W", "power < 2 W\nfor: 99999999999999 d", "a duration wants to be at most 3650 d"),
        (GOOD, "power < 2 W", "power < 2 W\nfor: 4000 d", "a duration wants to be at most 3650 d"),
        (GOOD, "power < 2 W", "power < 2 W\nfor: 1:30", "some/a.yaml:7:10 yaml '1:30' is a number in base 60 to YAML"),
        (GOOD, "power < 2 W", "power < 2 W\non_unknown: maybe", "some/a.yaml:7:17 shape on_unknown: Input should be"),
        (GOOD, "power < 2 W", "power < 2 W\nmode: off", "'off' is true or false to some readers of YAML"),
        (GOOD, "power < 2 W", "power < 2 W\nwhen: door", "the key 'when' stands twice, first on line 6"),
        (GOOD, "power < 2 W", "power < 2 W\nschedule: {}", "shape schedule: wants at least one of hours"),
        (
            GOOD,
            "power < 2 W",
            "power < 2 W\nschedule: {hours: 25:00-26:00}",
            "some/a.yaml:7:23 argument 25:00-26:00: '25:00' is not a time of day",
        ),
        (
            GOOD,
            "power < 2 W",
            "power < 2 W\nschedule: {dates: 02-30/03-01}",
            "some/a.yaml:7:23 argument 02-30/03-01: '02-30' is no day of the calendar",
        ),
        (GOOD, "power < 2 W", "power < 2 W\nschedule: {weekdays: [monday]}", "shape schedule.weekdays.0: Input should"),
        (
            GOOD,
            "power < 2 W",
            "power < 2 W\nschedule: {sun: {from: noon, to: sunset}}",
            "some/a.yaml:7:21 argument noon to sunset: is sunrise or sunset",
        ),
        (ZONE, "when:", "lateness: 5min\nwhen:", "type lateness belongs to rules over readings → give it to the rules"),
        # silencing and blocking
        (GOOD, "then:", OVER % ("drk", "parent") + "\nthen:", "reference 'drk' is not a rule → did you mean dark?"),
        (GOOD, "then:", OVER % ("dark", "parent") + "\nthen:", "reference 'dark' cannot silence 'dark'"),
        (GOOD, "then:", OVER % ("bright", "zone") + "\nthen:", "'bright' never stands on a zone → it is of Lamp"),
        (GOOD, "then:", OVER % ("zone-dark", "parent") + "\nthen:", "'zone-dark' never stands on a parent → it is"),
        (GOOD, "then:", OVER % ("bright", "street") + "\nthen:", "Input should be 'self', 'parent' or 'zone'"),
        (WANT, "when: door", "when: door\n" + OVER % ("x", "self"), "silenced_by belongs to a rule that raises"),
        (ZONE, "when:", "blocked_by: {rule: dark, via: self}\nwhen:", "blocked_by belongs to a rule that wants"),
        # other rules
        (ZONE, "count(dark)", "count(drk)", "some/a.yaml:6:17 reference 'drk' is neither a rule nor a fact → did"),
        (ZONE, "count(dark) >= 2", "any(zone-dark)", "some/a.yaml:6:11 cycle looks at itself: zone-dark → zone-dark"),
        (WANT, "when: door", "when: any(zone-dark in children)", "'zone-dark' is of zone, and never stands in chil"),
        (WANT, "when: door", "when: any(zone-dark in self)", "'zone-dark' is of zone, and never stands in self"),
        (WANT, "when: door", "when: none(zone-dark in parent)", "'zone-dark' is of zone, and never stands in parent"),
        # what follows
        (WANT, "then:\n  want: {point: level, value: 1, ttl: 15min}", "then: {}", "wants at least one of alarm, want"),
        (WANT, "point: level", "point: lvl", "some/a.yaml:8:21 name 'lvl' is not a point of Lamp → did you mean level"),
        (WANT, "value: 1,", "value: 1, targets: near, level: 4,", "level level 4 is not granted to 'tests' → use 5"),
        (WANT, "value: 1,", "value: 1, level: 3,", "level level 3 is not granted"),
        (WANT, "value: 1,", "value: 1, level: 17,", "less than or equal to 16"),
        (WANT, "value: 1", "value: 2", "some/a.yaml:8:35 range 2 is outside the envelope of level → from 0 to 1"),
        (WANT, "value: 1", "value: 150 %", "range 150 % is outside the envelope of level"),
        (WANT, "value: 1", "value: 3 - 1", "range 3 - 1 is outside the envelope of level"),
        (WANT, "value: 1", "value: true", "some/a.yaml:8:35 shape then.want.value"),
        (WANT, "value: 1", "value: 1 W", "unit 1 W is not in a unit of a plain number → write it in 1, %"),
        (WANT, "value: 1", "value: a lot", "some/a.yaml:8:37 syntax 'lot' is one word too many"),
        (WANT, "value: 1", "value: 1/0", "range is a division by zero"),
        (WANT, "value: 1", "value: 1e400", "some/a.yaml:8:35 range 1e400 is no number to compute with"),
        (WANT, "value: 1", "value: 1.0e+400", "some/a.yaml:8:35 yaml '1.0e+400' is too large a number"),
        (WANT, "value: 1", "value: power / 100", "unit power is in W, which is not a unit of a plain number"),
        (WANT, "value: 1", "value: powr", "some/a.yaml:8:35 name 'powr' is not a property"),
        (WANT, "value: 1,", "value: 1, targets: {type: Lmp},", "some/a.yaml:8:54 name 'Lmp' is not an asset type"),
        (WANT, "value: 1,", "value: 1, targets: {type: Cabinet},", "name 'level' is not a point of Cabinet"),
        (WANT, "ttl: 15min", "ttl: 15min, every: 15min", "every wants to be at least 1min and shorter than ttl"),
        (WANT, "ttl: 15min", "ttl: 15min, every: 59 s", "every wants to be at least 1min and shorter than ttl"),
        (WANT, "point: level, value: 1", "value: 1", "'then.want.point' is missing"),
        (ZONE, "{fact: zone_dark}", "{want: {point: level, value: 1, ttl: 1h}}", "name a zone has no points → name"),
        (ZONE, "{fact: zone_dark}", "{fact: bright}", "duplicate the fact 'bright' has the name of another rule"),
        (ZONE, "{fact: zone_dark}", "{fact: zone-dark}", "shape then.fact: wants small letters, digits and _"),
        (
            ZONE,
            "{fact: zone_dark}",
            "{want: {point: level, value: attribute(x), ttl: 1h, targets: {type: Lamp}}}",
            "name a zone has no attributes",
        ),
        (ZONE, "{fact: zone_dark}", "{workorder: {title: {fr: a, en: b}}}", "shape 'then.workorder.within' is missing"),
        (ZONE, "{fact: zone_dark}", "{replan: {domain: Light}}", "shape then.replan.domain: wants small letters"),
        (
            WANT,
            "when: door\nthen:\n  want: {point: level, value: 1,",
            "when: any(dark in self)\nthen:\n  want: {point: level, value: power / 100 W,",
            "type is worked out from readings, in a rule that looks at other rules",
        ),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_at_its_place(
    base: str, old: str, new: str, expected: str, tmp_path: Path, small: Catalogue
) -> None:
    assert old in base
    others = [rule for rule in OTHERS.values() if rule is not base]
    found = problems(write(tmp_path, base.replace(old, new, 1), *others), small)
    told = [problem for problem in found if "'dark' is neither" not in problem]  # of one whose id is the flaw
    assert len(told) == (2 if "value: true" in new else 1), found
    assert expected in told[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 1", "value: 100 %"),
        ("value: 1", "value: 0"),
        ("value: 1", "value: 100 % - 50 %"),
        ("value: 1", "value: power / 100 W"),
        ("value: 1", "value: planned(level) * 50 %"),
        ("value: 1,", "value: 1, level: 5,"),
        ("value: 1,", "value: 1, targets: near,"),
        ("value: 1,", "value: 1, targets: {type: Lamp},"),
        ("value: 1,", "value: 1, targets: {type: Lamp, via: children},"),
        ("ttl: 15min", "ttl: 15min, every: 1min"),
        ("when: door", "when: door\nfor: 0 s"),
        ("when: door", "when: door\nfor: 3650 d"),
        ("when: door", "when: door\nclear_when: 'false'"),
        ("when: door", "when: door\nlateness: 5min"),
        ("when: door", "when: door and attribute(led)"),
        ("when: door", "when: door and any(dark in self)"),
        ("when: door", "when: door and any(zone_dark in zone)"),
        ("when: door", "when: door\nblocked_by: {rule: dark, via: self}"),
        ("when: door", "when: door\nblocked_by: {rule: zone-dark, via: zone}"),
        ("when: door", "when: public_holiday"),
        ("type: Lamp", "type: Lamp, where: {led: true, floors: 3, kind: a}, tag: [a, b], zone: Z1, commune: '49007'"),
        ("want: {", "fact: shining\n  replan: {domain: lighting}\n  want: {"),
        ("want: {", "workorder: {title: {fr: a, en: b}, within: 3 d}\n  want: {"),
    ],
)
def test_the_valid_neighbours_are_taken(old: str, new: str, tmp_path: Path, small: Catalogue) -> None:
    assert old in WANT
    assert load_rules(write(tmp_path, WANT.replace(old, new), GOOD, ZONE), small).rules


def test_a_schedule_is_a_condition(tmp_path: Path, small: Catalogue) -> None:
    schedule = """\
schedule:
  hours: [22:00-06:00, 12:00-13:00]
  weekdays: [mon, tue]
  dates: 05-15/09-15
  public_holidays: never
  school_holidays: only
  sun: {from: sunset - 30min, to: sunrise}
then:"""
    rule = load_rules(write(tmp_path, GOOD.replace("then:", schedule)), small).rule("dark")
    work = And(
        (
            Or((Calendar(Hours(79_200, 21_600)), Calendar(Hours(43_200, 46_800)))),
            Calendar(Dates((None, 5, 15), (None, 9, 15))),
            Calendar(Weekdays(frozenset({0, 1}))),
            Not(Calendar(PublicHoliday())),
            Calendar(SchoolHoliday()),
            Calendar(SunBetween(SunInstant("sunset", -1800), SunInstant("sunrise"))),
        )
    )
    assert rule.schedule == work
    assert rule.sets == And((rule.when, work))
    assert rule.resets == Or((Not(rule.when), Not(work)))
    assert rule.trees == (rule.when, work)


@pytest.mark.parametrize(
    "key", ["hours: 22:00-06:00", "weekdays: mon", "public_holidays: only", "dates: [01-01/01-02]"]
)
def test_one_key_is_a_schedule(key: str, tmp_path: Path, small: Catalogue) -> None:
    book = load_rules(write(tmp_path, GOOD.replace("then:", f"schedule: {{{key}}}\nthen:")), small)
    assert isinstance(book.rule("dark").schedule, And)


def test_a_want_may_be_worked_out(tmp_path: Path, small: Catalogue) -> None:
    worked = WANT.replace("value: 1", "value: 0.5 * attribute(full)").replace("door", "any(dark in self)")
    rule = load_rules(write(tmp_path, worked, GOOD), small).rule("bright")
    assert rule.value == Arithmetic("*", Literal(0.5), Attribute("full"))


def test_a_point_that_differs_from_type_to_type_wants_targets_of_one(tmp_path: Path, small: Catalogue) -> None:
    types = small.model_dump()["types"]
    types["Cabinet"]["points"] = {"level": types["Lamp"]["points"]["level"] | {"unit": "%", "maximum": 100.0}}
    types["Cabinet"]["points"]["level"]["verify"]["property"] = "power"
    mixed = Catalogue.model_validate({"types": types})
    near = WANT.replace("value: 1,", "value: 50 %, targets: near,")
    (found,) = problems(write(tmp_path, near), mixed)
    assert "some/a.yaml:8:35 unit is not the same in every unit level has → name targets of one type" in found
    typed = WANT.replace("value: 1,", "value: 50 %, targets: {type: Cabinet},")
    assert load_rules(write(tmp_path, typed), mixed).rule("bright").value == 50.0


def test_facts_name_every_rule_behind_them(tmp_path: Path, small: Catalogue) -> None:
    one = GOOD.replace("then:", "then:\n  fact: tro_uble")
    two = one.replace("id: dark", "id: open").replace("power < 2 W", "door")
    for name in ("tro_uble", "tro-uble"):
        zone = ZONE.replace("count(dark)", f"count({name})")
        rule = load_rules(write(tmp_path, one, two, zone), small).rule("zone-dark")
        assert rule.when == Tally(("dark", "open"), Scope.ZONE, 2)
    over = WANT.replace("then:", "blocked_by: {rule: tro_uble, via: self}\nthen:")
    assert load_rules(write(tmp_path, one, two, over), small).rule("bright").over == ("dark", "open")


def test_a_zone_does_not_look_at_what_is_decided_above_it(tmp_path: Path, small: Catalogue) -> None:
    commune = ZONE.replace("zone-dark", "commune-dark").replace("each: zone", "each: commune").replace("zone_", "c_")
    territory = (
        commune.replace("commune", "territory").replace("c_", "t_").replace("count(dark)", "count(commune-dark)")
    )
    assert len(load_rules(write(tmp_path, GOOD, ZONE, commune, territory), small).rules) == 4
    for base, scope in ((ZONE, "count(commune-dark)"), (commune, "count(territory-dark)")):
        wrong = base.replace("count(dark)", scope).replace("id: ", "id: new-")
        found = problems(write(tmp_path, GOOD, commune, territory, wrong.replace("fact: ", "fact: new_")), small)
        assert "which is decided above it → want or alarm from the rule above" in found[0]
        assert " reference looks at" in found[0]
    asset = GOOD.replace("power < 2 W", "any(commune-dark in zone)").replace("id: dark", "id: new")
    assert "is decided above it" in problems(write(tmp_path, GOOD, commune, asset), small)[0]


def test_rules_that_look_at_each_other_are_told_once_a_circle(tmp_path: Path, small: Catalogue) -> None:
    def rule(name: str, other: str) -> str:
        text = ZONE.replace("zone-dark", name).replace("{fact: zone_dark}", "{replan: {domain: x}}")
        return text.replace("dark) >= 2", f"{other}) >= 2")

    found = problems(write(tmp_path, rule("a", "b"), rule("b", "c"), rule("c", "a"), rule("d", "a"), GOOD), small)
    assert [problem.split(" ", 1)[1] for problem in found] == [
        "cycle looks at itself: a → b → c → a → take one of these out"
    ]


def test_rules_do_not_silence_each_other(tmp_path: Path, small: Catalogue) -> None:
    one = GOOD.replace("then:", OVER % ("open", "self") + "\nthen:")
    two = one.replace("id: dark", "id: open").replace("rule: open", "rule: dark")
    (found,) = problems(write(tmp_path, one, two), small)
    assert "cycle keeps itself quiet: dark → open → dark" in found


def test_a_long_chain_of_rules_is_layered(tmp_path: Path, small: Catalogue) -> None:
    chain = [
        ZONE.replace("zone-dark", f"link-{n}").replace("count(dark) >= 2", f"any({f'link-{n - 1}' if n else 'dark'})")
        .replace("{fact: zone_dark}", "{replan: {domain: x}}")
        for n in range(300)
    ]  # fmt: skip
    book = load_rules(write(tmp_path, GOOD, *reversed(chain)), small)
    assert [rule.id for layer in book.strata for rule in layer] == [f"link-{n}" for n in range(300)]


def test_circles_are_found_in_any_graph() -> None:
    assert list(circles({"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ()})) == []
    assert list(circles({"a": ("a",)})) == [["a", "a"]]
    assert list(circles({"a": ("b",), "b": ("c", "a"), "c": ("b",)})) == [["b", "c", "b"], ["a", "b", "a"]]
    assert list(circles({str(n): (str(n + 1),) for n in range(50_000)})) == []


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path, small: Catalogue) -> None:
    write(tmp_path, GOOD.replace("2 W", "2"), GOOD.replace("respond_within: 1 d", "respond_within: soon"), name="b")
    write(tmp_path, WANT.replace("door", "dor"), WANT.replace("tests", "nobody"), owners="owners: []\n")
    (tmp_path / "some" / "c.yaml").write_text("rules:\n  - id: yes\n")
    (tmp_path / "some" / "d.yaml").write_text("rules: []\n")
    (tmp_path / "some" / "e.yaml").write_text("rules: [3]\n")
    (tmp_path / "some" / "f.yml").write_text("rules: []\n")
    (tmp_path / "some" / "g.yaml").write_text("# nothing\n")
    (tmp_path / "h.yaml").write_text("rules: []\n")
    found = problems(tmp_path, small)
    for part in (
        "owners.yaml:1:9",
        "some/a.yaml:6:11 name 'dor' is not a property",
        "some/a.yaml:9:9 duplicate the rule 'bright' stands twice, first at",
        "some/b.yaml:6:19 unit 2 has no unit",
        "some/b.yaml:13:9 duplicate the rule 'dark' stands twice",
        "then.alarm.respond_within",
        "some/c.yaml:2:9 yaml 'yes' is true or false",
        "some/d.yaml:1:1 shape the document: wants rules",
        "some/e.yaml:1:9 shape the document: wants keys with values",
        "some/f.yml shape is not looked at → name it <domain>/f.yaml",
        "some/g.yaml:1:1 shape the document: wants keys with values",
        "h.yaml shape is not looked at → name it <domain>/h.yaml",
    ):
        assert any(part in problem for problem in found), (part, found)
    assert found == [str(p).removeprefix(f"{tmp_path}/") for p in sorted(_raw(tmp_path, small))]


def _raw(folder: Path, catalogue: Catalogue) -> list[Any]:
    with pytest.raises(InputError) as caught:
        load_rules(folder, catalogue)
    return list(caught.value.problems)


def test_a_file_that_is_no_yaml_does_not_make_others_wrong(tmp_path: Path, small: Catalogue) -> None:
    """What it seems to name is not called unknown."""
    write(tmp_path, GOOD.replace("then:", "mode: off\nthen: {fact: gloom}\nthen:"), name="broken")
    write(tmp_path, ZONE, ZONE.replace("id: zone-dark", "id: two").replace("(dark)", "(gloom)"), name="good")
    found = problems(tmp_path, small)
    assert all(problem.startswith("some/broken.yaml") and " yaml " in problem for problem in found), found


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
    values = [
        load_rules(write(tmp_path, WANT.replace("value: 1", f"value: {value}")), small).version
        for value in ("1", "100 %", "100%", "50 %", "power/100 W", "power / 100 W")
    ]
    assert values[0] == values[1] == values[2] != values[3] != values[4] == values[5]


def test_where_tells_true_from_one(rule: Callable[..., dict[str, Any]]) -> None:
    scope = RuleDefinition.model_validate(rule("x", "door", for_each={"type": "Lamp", "where": {"led": True}})).for_each
    assert scope.covers(Asset("a", "Lamp", "z", 0, 0, attributes={"led": True}))
    for attributes in ({}, {"led": False}, {"led": 1}, {"led": "true"}):
        assert not scope.covers(Asset("a", "Lamp", "z", 0, 0, attributes=attributes))
    assert not scope.covers(Asset("a", "Cabinet", "z", 0, 0, attributes={"led": True}))


def test_subjects_are_narrowed_by_tag_zone_and_commune(rule: Callable[..., dict[str, Any]]) -> None:
    def scope(**narrowed: Any) -> Any:
        return RuleDefinition.model_validate(rule("x", "door", for_each=narrowed)).for_each

    lamp = Asset("a", "Lamp", "Z1", 0, 0, attributes={"tags": ["north", "old"]})
    for narrowed, covered in (
        ({"type": "Lamp"}, True),
        ({"type": "Lamp", "tag": "old"}, True),
        ({"type": "Lamp", "tag": ["new", "old"]}, True),
        ({"type": "Lamp", "tag": "new"}, False),
        ({"type": "Lamp", "zone": ["Z1", "Z2"]}, True),
        ({"type": "Lamp", "zone": "Z2"}, False),
        ({"type": "Lamp", "commune": "49007"}, True),
        ({"type": "Lamp", "commune": "49015"}, False),
        ({"each": "zone"}, False),
    ):
        assert scope(**narrowed).covers(lamp, "49007") is covered
    assert scope(each="zone", zone="Z1").covers(Asset("Z1", "zone", "Z1", 0, 0), "49007")
    assert not scope(each="zone", commune="1").covers(Asset("Z1", "zone", "Z1", 0, 0), "49007")


def test_durations_are_read_as_everywhere(rule: Callable[..., dict[str, Any]]) -> None:
    read = RuleDefinition.model_validate(rule("x", "door", **{"for": "90 s", "clear_after": "1.5h", "lateness": "1 d"}))
    assert (read.hold, read.clear_after, read.lateness) == (
        timedelta(seconds=90), timedelta(hours=1.5), timedelta(days=1),
    )  # fmt: skip
    assert read.then.alarm is not None
    assert read.then.alarm.respond_within == timedelta(days=1)


def test_the_shipped_rules_compile(catalogue: Catalogue) -> None:
    rulebook = load_rules(ROOT / "rules", catalogue)
    assert {"lamp-failure", "presence-boost", "cabinet-silent"} <= {rule.id for rule in rulebook.rules}
    assert rulebook.rule("lamp-failure").over == ("cabinet-silent",)
    assert Threshold(Value("presence"), "==", 1) in rulebook.rule("presence-boost").when.parts  # type: ignore[union-attr]
