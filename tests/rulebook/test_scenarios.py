"""Scenarios: how they are written, what is wrong with them, and what they find out about rules."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.calendar import load_school_calendar
from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.model import Asset
from engine.rulebook import PlainEngine, ReferenceInference, RuleEngine
from engine.rulebook.almanac import Almanac
from engine.rulebook.definitions import Rulebook
from engine.rulebook.loading import load_rules
from engine.rulebook.scenarios import Outcome, Results, run_scenarios
from engine.rulebook.scenarios.notation import parse_at, parse_offset, parse_series

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 22, 17, tzinfo=UTC)  # 18:00 in Paris
RULES = """\
rules:
  - id: dim
    about: {fr: mots, en: words}
    owner: tests
    for_each: {type: Lamp}
    when: power < 2 W
    for: 20min
    then: {alarm: {priority: low, consequence: {fr: m, en: w}, action: {fr: m, en: w}, respond_within: 1 d}}
    silenced_by: {rule: mute, via: parent}
  - id: mute
    about: {fr: mots, en: words}
    owner: tests
    for_each: {type: Cabinet}
    when: absent(power, 30min)
    then: {alarm: {priority: low, consequence: {fr: m, en: w}, action: {fr: m, en: w}, respond_within: 1 d}}
  - id: several-dim
    about: {fr: mots, en: words}
    owner: tests
    for_each: {each: zone}
    when: count(dim) >= 2
    then: {replan: {domain: lighting}, workorder: {title: {fr: m, en: w}, within: 1 d}}
  - id: boost
    about: {fr: mots, en: words}
    owner: tests
    for_each: {type: Lamp}
    when: door
    then: {want: {point: level, value: 75 %, ttl: 15min, every: 10min}}
  - id: mode-odd
    about: {fr: mots, en: words}
    owner: tests
    for_each: {type: Lamp}
    table:
      hits: first
      rows:
        - {when: mode == low and power > 50 W, then: {fact: odd_low}}
        - {when: mode == low, then: {fact: plain_low}}
"""
HEAD = """\
start: 2026-11-22T18:00
every: 5min
assets:
  C1: {type: Cabinet}
  L1: {type: Lamp, parent: C1}
  L2: {type: Lamp, parent: C1}
scenarios:
"""
OWNERS = "owners: {tests: {name: {fr: essais, en: tests}}}\n"


@pytest.fixture(scope="module")
def almanac() -> Almanac:
    return Almanac(load_school_calendar(ROOT / "datasets" / "reference" / "school_holidays.yaml"))


@pytest.fixture
def run(tmp_path: Path, small: Catalogue, almanac: Almanac) -> Callable[[str], Results]:
    """Play the scenarios of a text over RULES."""
    (tmp_path / "some").mkdir()
    (tmp_path / "owners.yaml").write_text(OWNERS)
    (tmp_path / "some" / "rules.yaml").write_text(RULES)
    rulebook = load_rules(tmp_path, small)

    def played(text: str) -> Results:
        (tmp_path / "some" / "rules.test.yaml").write_text(HEAD + text)
        return run_scenarios(tmp_path, rulebook, small, almanac)

    return played


def told(outcome: Outcome) -> list[str]:
    return [f"{'-' if expected else '+'} {text}" for expected, text in outcome.differences()]


# How they are written


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("40 35 20.5", ["40", "35", "20.5"]),
        ("20+5x3", ["20", "25", "30", "35"]),
        ("20-5x3", ["20", "15", "10", "5"]),
        ("-2+4x3", ["-2", "2", "6", "10"]),
        ("0.1+0.1x2", ["0.1", "0.2", "0.3"]),
        ("1x4", ["1", "1", "1", "1", "1"]),
        ("1 _x3 2", ["1", None, None, None, "2"]),
        ("_ 5", [None, "5"]),
        ("onx2 off", ["on", "on", "on", "off"]),
        ("", []),
    ],
)  # fmt: skip
def test_a_series_is_written_as_promtool_does(text: str, values: list[str | None]) -> None:
    found: list[str | None] = [None] * len(values)
    for sample in parse_series(text):
        found[sample.place] = str(sample.value)
    assert found == values


def test_decimals_of_a_series_are_exact() -> None:
    assert [sample.value for sample in parse_series("0.1+0.1x9")][-1] == Decimal("1.0")


def test_a_late_value_says_by_how_much() -> None:
    assert [(s.place, s.late) for s in parse_series("40 38@12min")] == [(0, timedelta(0)), (1, timedelta(minutes=12))]


@pytest.mark.parametrize("text", ["4..2", "20+5", "1x9999999", "40@", "40@soon", "0x100000 0", "1,5", "40W"])
def test_what_is_no_series_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="→"):
        parse_series(text)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("0min", timedelta(0)),
        ("90 s", timedelta(seconds=90)),
        ("1h 30min", timedelta(minutes=90)),
        ("1 d", timedelta(days=1)),
        ("18:25", timedelta(minutes=25)),
        ("17:59:59", timedelta(days=1, seconds=-1)),
        ("2026-11-23T06:10", timedelta(hours=12, minutes=10)),
    ],
)
def test_an_instant_is_counted_from_the_start_or_read_on_the_clock(text: str, after: timedelta) -> None:
    assert parse_at(text, START) == START + after


@pytest.mark.parametrize("text", ["", "soon", "25", "-5min", "25min ago", "1h-30min"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="→"):
        parse_at(text, START)


def test_a_duration_may_have_several_parts() -> None:
    assert parse_offset("1 d 2h 3min 4 s") == timedelta(days=1, hours=2, minutes=3, seconds=4)


# What is wrong with them


def test_every_problem_of_every_scenario_is_told_at_its_place(run: Callable[[str], Results]) -> None:
    with pytest.raises(InputError) as caught:
        run("""\
  - name: one
    rules: [dimm]
    until: 1h
    assets: {L1: {type: Lmap}, L2: {type: Lamp, parent: X}}
    series: {L3.power W: 1, L2.pwer W: 1, L2.power A: 1}
    expect: []
  - name: two
    rules: [dim]
    until: 1h
    series: {L1.power W: 1 x, L2.power W: 1 101, L1.mode: on offf, L1.door: on-, L2.mode W: low}
    expect:
      - {at: 2h, edge: dim L1 true}
      - {at: 5min, edge: dim L1 maybe}
      - {at: 5min, edge: dim L9 true}
      - {at: 5min, want: boost L1/level 5 W}
      - {at: 5min, edge: mute C1 true}
  - name: two
    rules: [dim]
    until: soon
    expect: [{at: 5min}]
    trase: []
""")
    found = {str(problem).rpartition("/some/")[2].split(" → ")[0] for problem in caught.value.problems}
    assert found == {
        "rules.test.yaml:9:13 reference 'dimm' is not a rule",
        "rules.test.yaml:11:25 name 'Lmap' is not an asset type",
        "rules.test.yaml:11:57 reference the parent 'X' is not an asset of zone Z1",
        "rules.test.yaml:12:26 reference 'L3' is not an asset of the scenario",
        "rules.test.yaml:12:40 name 'pwer' is not a property here",
        "rules.test.yaml:12:55 unit A is not a unit of W",
        "rules.test.yaml:17:26 name 'x' is not a value of power",
        "rules.test.yaml:17:43 range 101 W is out of range",
        "rules.test.yaml:17:59 name 'offf' is not a value of mode",
        "rules.test.yaml:17:77 argument 'on-' is no value",
        "rules.test.yaml:17:93 unit mode has no unit",
        "rules.test.yaml:19:14 argument 2h is outside the scenario",
        "rules.test.yaml:20:26 name 'maybe' is nothing that an edge becomes",
        "rules.test.yaml:21:26 reference 'L9' is no subject here",
        "rules.test.yaml:22:26 unit W is not a unit of a plain number",
        "rules.test.yaml:23:26 reference 'mute' is not a rule under test",
        "rules.test.yaml:27:14 shape expect.0: wants at least one of edge, alarm, want, replan, workorder",
        "rules.test.yaml:28:12 shape unknown key 'trase'",
    }


# What they find out


def test_a_scenario_that_comes_true_passes(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: dim for twenty minutes
    rules: [dim]
    series: {C1.power W: 9x18, L1.power W: 40 0x6 35x10}
    until: 90min
    expect:
      - {at: 25min, edge: dim L1 true, alarm: dim L1 raised}
      - {at: "18:40", edge: dim L1 false, alarm: dim L1 cleared}
    trace:
      - {at: 0min, rule: dim L1, is: false}
      - {at: 24min, rule: dim L1, is: true, because: power < 2 W}
      - {at: 24min, rule: dim L2, is: unknown}
""")
    (outcome,) = results.outcomes
    assert told(outcome) == []
    assert (outcome.rose, outcome.silent) == ({"dim"}, frozenset())
    assert not results.passed  # no scenario in which dim stays silent


def test_what_is_missing_and_what_is_too_much_is_told(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: dim for twenty minutes
    rules: [dim]
    series: {C1.power W: 9x9, L1.power W: 40 0x8}
    until: 45min
    expect:
      - {at: 20min, edge: dim L1 true}
      - {at: 25min, alarm: dim L1 raised}
    trace: [{at: 24min, rule: dim L1, is: false}]
""")
    assert told(results.outcomes[0]) == [
        "- 20min (18:20:00)  edge: dim L1 true",
        "- 24min (18:24:00)  trace: dim L1 is false",
        "+ 24min (18:24:00)  trace: dim L1 is true, because power < 2 W",
        "+ 25min (18:25:00)  edge: dim L1 true",
    ]


def test_a_rule_that_silences_is_at_work_without_being_named(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: the cabinet goes silent, and speaks again
    rules: [dim]
    series: {C1.power W: 9x1 _x7 9x1, L1.power W: "0x9"}
    until: 45min
    expect:
      - {at: 20min, edge: dim L1 true, alarm: dim L1 raised}
      - {at: 35min, alarm: dim L1 suppressed}
      - {at: 45min, alarm: dim L1 raised}
""")
    assert told(results.outcomes[0]) == []


def test_wants_are_compared_with_their_values_and_lengths(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: right
    rules: [boost]
    series: {L1.door: _ truex4 false}
    until: 30min
    expect:
      - {at: 5min, edge: boost L1 true}
      - {at: 5min, every: 10min, until: 25min, want: boost L1/level 0.75 for 15min}
      - {at: 30min, edge: boost L1 false}
  - name: wrong
    rules: [boost]
    series: {L1.door: _ true}
    until: 10min
    expect:
      - {at: 5min, edge: boost L1 true}
      - {at: 5min, want: boost L1/level 75 % for 10min}
""")
    assert told(results.outcomes[0]) == []
    assert told(results.outcomes[1]) == [
        "- 5min (18:05:00)  want: boost L1/level 75 % for 10min",
        "+ 5min (18:05:00)  want: boost L1/level 75 % for 15min",
    ]


def test_places_requests_and_tables(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: two lamps of a zone
    rules: [several-dim, mode-odd]
    series: {L1.power W: 0x3 60, L2.power W: "0x4", L1.mode: lowx5}
    until: 25min
    expect:
      - {at: 0min, edge: mode-odd.2 L1 true}
      - {at: 20min, edge: several-dim Z1 true, replan: several-dim Z1 lighting, workorder: several-dim Z1}
""")
    assert told(results.outcomes[0]) == [
        "+ 20min (18:20:00)  edge: mode-odd.1 L1 true",
        "+ 20min (18:20:00)  edge: mode-odd.2 L1 false",
        "+ 20min (18:20:00)  edge: several-dim Z1 false",
    ]


def test_a_late_reading_comes_when_it_comes(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: the reading that would have ended it comes eleven minutes late
    rules: [dim]
    series: {C1.power W: {every: 4min, values: 9x12}, L1.power W: {every: 4min, values: 0x4 40@11min 0x4}}
    until: 40min
    expect:
      - {at: 20min, edge: dim L1 true, alarm: dim L1 raised}
""")
    assert told(results.outcomes[0]) == []


def test_a_late_newest_reading_acts_when_it_arrives(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: door
    rules: [boost]
    series: {L1.door: true@7min}
    until: 8min
    expect:
      - {at: 7min, edge: boost L1 true, want: boost L1/level 75 %}
""")
    assert told(results.outcomes[0]) == []


def test_coverage_wants_each_rule_seen_from_both_sides(run: Callable[[str], Results]) -> None:
    results = run("""\
  - name: rises
    rules: [boost, mode-odd]
    series: {L1.door: true, L1.mode: low, L1.power W: 5}
    until: 0min
    expect: [{at: 0min, edge: boost L1 true, want: boost L1/level 75 %}, {at: 0min, edge: mode-odd.2 L1 true}]
  - name: rests
    rules: [boost]
    series: {L1.door: false}
    until: 0min
    expect: []
  - name: nobody there
    rules: [mute]
    assets: {}
    zones: {}
    until: 0min
    expect: []
""")
    assert {one.rule: (one.rising, one.silent) for one in results.coverage} == {
        "boost": (1, 1),
        "dim": (0, 0),
        "mode-odd.1": (0, 1),
        "mode-odd.2": (1, 0),
        "mute": (0, 1),
        "several-dim": (0, 0),
    }
    assert [one.rule for one in results.coverage if one.complete] == ["boost"]


# The shipped rules


def fast(
    rulebook: Rulebook, catalogue: Catalogue, assets: Sequence[Asset], almanac: Almanac, communes: Mapping[str, str]
) -> RuleEngine:  # fmt: skip
    return RuleEngine(rulebook, catalogue, assets, ReferenceInference(), almanac=almanac, communes=communes)


@pytest.fixture(scope="module", params=[PlainEngine, fast], ids=["plain", "fast"])
def shipped(catalogue: Catalogue, almanac: Almanac, request: pytest.FixtureRequest) -> Results:
    folder = ROOT / "rules"
    return run_scenarios(folder, load_rules(folder, catalogue), catalogue, almanac, request.param)


def test_every_shipped_scenario_passes(shipped: Results) -> None:
    failed = {outcome.scenario.place: told(outcome) for outcome in shipped.outcomes if not outcome.passed}
    assert failed == {}


def test_every_shipped_rule_has_a_scenario_in_which_it_rises_and_one_in_which_it_stays_silent(shipped: Results) -> None:
    assert [one for one in shipped.coverage if not one.complete] == []


def test_at_least_sixty_rules_are_shipped(shipped: Results) -> None:
    assert len({one.rule.partition(".")[0] for one in shipped.coverage}) >= 60
