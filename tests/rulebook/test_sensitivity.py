"""Moving any number of a shipped rule breaks a scenario; and what counts as a number, and as a move."""

import re
from pathlib import Path

import pytest

from engine.calendar import load_school_calendar
from engine.catalogue import Catalogue
from engine.rulebook.almanac import Almanac
from engine.rulebook.drafts import SCENARIOS
from engine.rulebook.loading import load_rules
from engine.rulebook.scenarios import Stage, play, read_scenarios
from engine.rulebook.scenarios.numbers import Written, numbers_of
from engine.rulebook.sensitivity import Number, Sensitivity

ROOT = Path(__file__).resolve().parents[2]
ALARM = "{priority: low, consequence: {fr: m, en: w}, action: {fr: m, en: w}, respond_within: 1 d}"
RULES = f"""\
derive:
  double: {{type: Lamp, is: power * 2}}
blueprints:
  quiet:
    about: {{fr: mots, en: words}}
    parameters: {{after: 30min}}
    rule: {{when: "absent(power, $after) and count(power, 1h) < 5"}}
rules:
  - id: dim
    about: {{fr: mots, en: words}}
    owner: tests
    for_each: {{type: Lamp}}
    when: power < 2 W
    for: 20min
    then: {{alarm: {ALARM}}}
  - id: strong
    about: {{fr: mots, en: words}}
    owner: tests
    for_each: {{type: Lamp}}
    when: double > 90 W
    then: {{want: {{point: level, value: 75 %, ttl: 15min}}}}
  - id: mute
    use: quiet
    with: {{after: 40min}}
    about: {{fr: mots, en: words}}
    owner: tests
    for_each: {{type: Lamp}}
    then: {{alarm: {ALARM}}}
"""
OWNERS = "owners: {tests: {name: {fr: essais, en: tests}}}\n"
HEAD = "start: 2026-11-22T18:00\nevery: 5min\nassets: {L1: {type: Lamp}}\nscenarios:\n"
LOOSE = """\
  - name: dim
    rules: [dim]
    series: {L1.power W: 40 0x6}
    until: 30min
    expect: [{at: 25min, edge: dim L1 true, alarm: dim L1 raised}]
"""
TIGHT = """\
  - name: dim
    rules: [dim]
    series: {L1.power W: 40 1.9x6}
    until: 30min
    expect: [{at: 25min, edge: dim L1 true, alarm: dim L1 raised}]
  - name: not dim
    rules: [dim]
    series: {L1.power W: 40 2x6}
    until: 30min
    expect: []
  - name: strong
    rules: [strong]
    series: {L1.power W: 45.1}
    until: 0min
    expect: [{at: 0min, edge: strong L1 true, want: strong L1/level 75 %}]
  - name: not strong
    rules: [strong]
    series: {L1.power W: 45}
    until: 0min
    expect: []
  - name: mute
    rules: [mute]
    series: {L1.power W: 1}
    until: 40min
    expect: [{at: 40min, edge: mute L1 true, alarm: mute L1 raised}]
"""


@pytest.fixture(scope="module")
def almanac() -> Almanac:
    return Almanac(load_school_calendar(ROOT / "datasets" / "reference" / "school_holidays.yaml"))


def unnoticed(folder: Path, catalogue: Catalogue, almanac: Almanac, scenarios: str) -> list[str]:
    """The moves no scenario notices, as `line:column from → to`."""
    (folder / "some").mkdir(exist_ok=True)
    (folder / "owners.yaml").write_text(OWNERS)
    (folder / "some" / "rules.yaml").write_text(RULES)
    (folder / "some" / "rules.test.yaml").write_text(HEAD + scenarios)
    rulebook, stage = load_rules(folder, catalogue), Stage(catalogue, almanac)
    found = read_scenarios(folder, rulebook, catalogue)
    assert all(play(scenario, rulebook, stage).passed for scenario in found)
    sensitivity = Sensitivity(folder, rulebook, found, stage)
    return [
        f"{one.place.split('.yaml:')[1]} {one.number.written.text} → {one.moved}"
        for one in sensitivity.survivors(sensitivity.numbers)
    ]


def test_a_number_no_scenario_holds_is_named_with_its_place(tmp_path: Path, small: Catalogue, almanac: Almanac) -> None:
    found = unnoticed(tmp_path, small, almanac, LOOSE)
    assert "13:19 2 → 1" in found
    assert "13:19 2 → 3" in found
    assert not any(line.startswith("14:") for line in found)  # `for` is held by the edge's instant
    assert "2:36 2 → 1" in found  # of the derived quantity, which no scenario looks at


def test_numbers_held_from_both_sides_are_silent(tmp_path: Path, small: Catalogue, almanac: Almanac) -> None:
    found = unnoticed(tmp_path, small, almanac, TIGHT)
    # What the blueprint counts is not held, and its own 30min is used by nobody.
    assert found == ["6:25 30 → 28.5", "6:25 30 → 31.5", "7:58 1 → 2", "7:64 5 → 4", "7:64 5 → 6"]


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        ("2", ("1", "3")),
        ("18", ("17", "19")),
        ("100", ("95", "105")),
        ("0.05", ("0.04", "0.06")),
        ("0.50", ("0.475", "0.525")),
        ("0", ("-1", "1")),
        ("22:00", ("21:59", "22:01")),
        ("00:30", ("00:29", "00:31")),
    ],
)
def test_a_number_is_moved_by_5_percent_or_one_last_digit(text: str, moves: tuple[str, str]) -> None:
    assert Number(Path("x"), (), Written(text, 0), ()).moves == moves


def test_what_counts_something_is_moved_by_whole_numbers() -> None:
    item = {"when": "avg(power, 1h, at least 24) > 3 W and count(dim in zone) >= 30"}
    moves = {written.text: Number(Path("x"), loc, written, ()).moves for loc, written in numbers_of(item)}
    assert moves == {"1": ("0", "2"), "24": ("23", "25"), "3": ("2", "4"), "30": ("29", "31")}


@pytest.mark.parametrize(
    ("item", "numbers"),
    [
        ({"when": "power < 2 W and avg(power, 15min) > -3.5 W"}, ["2", "15", "3.5"]),
        ({"when": "count(rule-2 in zone) >= 3 and together(a-1, b-2 in zone, 5min)"}, ["3", "5"]),
        ({"when": "power was > 4 W 10min before then door within 1h"}, ["4", "10", "1"]),
        ({"when": "hours(22:00-24:00) and dates(05-15/09-15) and between(sunset - 30min, sunrise)"}, ["22:00", "30"]),
        ({"when": "count(power, 1h, at least 3) > 5 and sun_elevation < -6 deg"}, ["1", "3", "5", "6"]),
        ({"when": "attribute(width_m, m) > 3 m and absent(co2, 2h)"}, ["3", "2"]),
        ({"for": "20min", "clear_after": "1h", "then": {"want": {"value": "80 %", "ttl": "15min"}}}, ["20", "1", "80"]),
        ({"then": {"want": {"value": 0.8}}}, ["0.8"]),
        ({"then": {"want": {"value": -5}}}, ["-5"]),
        ({"schedule": {"hours": "07:45-08:45", "sun": {"from": "sunset - 30min"}}}, ["30", "07:45", "08:45"]),
        ({"schedule": {"hours": ["00:00-06:00", "22:00-24:00"]}}, ["06:00", "22:00"]),
        ({"with": {"after": "6h", "property": "co2", "samples": 3}}, ["6", "3"]),
        ({"table": {"rows": [{"when": "power > 5 W", "then": {"want": {"value": "50 %"}}}]}}, ["5", "50"]),
        ({"parameters": {"over": "1h"}, "rule": {"when": "count(power, $over) >= 4", "for": "2min"}}, ["1", "4", "2"]),
        ({"when": "power <"}, []),
    ],
)  # fmt: skip
def test_what_counts_as_a_number(item: dict[str, object], numbers: list[str]) -> None:
    assert [written.text for _, written in numbers_of(item)] == numbers


# The shipped rules


def shipped_ids() -> list[str]:
    """The ids as their authors wrote them, read without the checks, which have tests of their own."""
    files = [path for path in (ROOT / "rules").glob("*/*.yaml") if not path.match(SCENARIOS)]
    return sorted(found for path in files for found in re.findall(r"^ *- id: *(\S+)", path.read_text(), re.M))


@pytest.fixture(scope="module")
def shipped(catalogue: Catalogue, almanac: Almanac) -> Sensitivity:
    folder, stage = ROOT / "rules", Stage(catalogue, almanac)
    rulebook = load_rules(folder, catalogue)
    return Sensitivity(folder, rulebook, read_scenarios(folder, rulebook, catalogue), stage)


@pytest.mark.parametrize("rule", shipped_ids())
def test_moving_a_number_of_a_shipped_rule_breaks_a_scenario(rule: str, shipped: Sensitivity) -> None:
    numbers = [number for number in shipped.numbers if number.rules[0].partition(".")[0] == rule]
    found = [f"{one.place} {one.number.written.text} → {one.moved}" for one in shipped.survivors(numbers)]
    assert found == []


def test_every_number_belongs_to_a_rule_that_is_tried(shipped: Sensitivity) -> None:
    assert {number.rules[0].partition(".")[0] for number in shipped.numbers} <= set(shipped_ids())
