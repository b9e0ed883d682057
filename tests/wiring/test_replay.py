"""Past telemetry through the rules again, and why a rule stands: over the sample territory's store, and over files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.instants import isoformat
from engine.rulebook import language as lang
from engine.rulebook.definitions import Rulebook
from engine.rulebook.expressions import Context, parse_expression
from engine.rulebook.loading import load_rules
from engine.rulebook.plain import PlainEngine
from engine.settings import Settings
from engine.store import Store
from jobs import replay as replaying
from jobs.bootstrap import Territory, almanac_of
from jobs.replay import Ground, Stretch, compare, differing, fast_engine, from_files, lookback, replay, stored, tell
from jobs.standing import calendar_text, stand, to_json, to_lines

from .conftest import readings
from .conftest import tell as store_readings

LAMP = "L-49028-00001"
START = datetime(2026, 11, 22, 17, tzinfo=UTC)  # 18:00 in Paris
END = START + timedelta(hours=2)
RULES = """\
rules:
  - id: dim
    about: {fr: mots, en: words}
    owner: street-lighting
    for_each: {type: Streetlight}
    when: powerState == on and powerConsumption < LIMIT W
    for: 20min
    then: {alarm: {priority: low, consequence: {fr: m, en: w}, action: {fr: m, en: w}, respond_within: 1 d}}
    silenced_by: {rule: mute, via: parent}
  - id: mute
    about: {fr: mots, en: words}
    owner: street-lighting
    for_each: {type: StreetlightControlCabinet}
    when: absent(powerConsumption, 3h)
    then: {alarm: {priority: low, consequence: {fr: m, en: w}, action: {fr: m, en: w}, respond_within: 1 d}}
    silenced_by: {rule: mutes, via: zone}  # which looks at it: no circle, since no alarm makes a rule stand
  - id: mutes
    about: {fr: mots, en: words}
    owner: street-lighting
    for_each: {each: zone}
    when: count(mute) >= 5
    then: {alarm: {priority: low, consequence: {fr: m, en: w}, action: {fr: m, en: w}, respond_within: 1 d}}
  - id: dims
    about: {fr: mots, en: words}
    owner: street-lighting
    for_each: {each: zone}
    when: count(dim) >= 1
    then: {replan: {domain: lighting}}
  - id: warm
    about: {fr: mots, en: words}
    owner: street-lighting
    for_each: {type: Streetlight}
    when: avg(powerConsumption, 1h) > 99 W
    then: {want: {point: illuminanceLevel, value: 50 %, ttl: 15min}}
"""
OWNERS = "owners: {street-lighting: {name: {fr: essais, en: tests}}}\n"


def rules(folder: Path, limit: str, catalogue: Catalogue) -> Rulebook:
    (folder / limit / "some").mkdir(parents=True, exist_ok=True)
    (folder / limit / "owners.yaml").write_text(OWNERS)
    (folder / limit / "some" / "rules.yaml").write_text(RULES.replace("LIMIT", limit))
    return load_rules(folder / limit, catalogue)


@pytest.fixture
def old(tmp_path: Path, catalogue: Catalogue) -> Rulebook:
    return rules(tmp_path, "2", catalogue)


@pytest.fixture
def new(tmp_path: Path, catalogue: Catalogue) -> Rulebook:
    return rules(tmp_path, "5", catalogue)


@pytest.fixture(params=[PlainEngine, fast_engine], ids=["plain", "fast"])
def ground(territory: Territory, settings: Settings, request: pytest.FixtureRequest) -> Ground:
    return Ground(territory, almanac_of(settings), request.param)


def evening(watts: dict[int, float]) -> list[tuple[str, str, object, datetime]]:
    """Every ten minutes: a lamp that is on and draws so much from a minute on, and its cabinet."""
    rows: list[tuple[str, str, object, datetime]] = []
    for minute in range(-30, 120, 10):
        at = START + timedelta(minutes=minute)
        drawn = next(value for since, value in sorted(watts.items(), reverse=True) if since <= minute)
        rows += [(LAMP, "powerState", "on", at), (LAMP, "powerConsumption", drawn, at)]
        rows.append(("A-49028-0001", "powerConsumption", 5000.0, at))
    return rows


@pytest.fixture
def told(store: Store, territory: Territory) -> Store:
    """40 W, from 18:10 on 3 W, from 19:00 on 1 W, from 19:40 on 40 W."""
    store_readings(store, territory, readings(*evening({-60: 40.0, 10: 3.0, 60: 1.0, 100: 40.0})), END)
    return store


def said(book: Rulebook, ground: Ground, stretch: Stretch) -> list[str]:
    found = replay(book, ground, stretch, lambda _: None)
    return [f"{(one.at - START).total_seconds() / 60:g} {one.text}" for one in found]


def test_a_stretch_of_the_store_is_played_again(told: Store, ground: Ground, old: Rulebook) -> None:
    stretch = stored(told, ground.territory, [old], START, END)
    zone = ground.territory.by_id[LAMP].zone
    assert said(old, ground, stretch) == [
        f"80 edge: dim {LAMP} true",
        f"80 edge: dims {zone} true",
        f"100 edge: dim {LAMP} false",
        f"100 edge: dims {zone} false",
        f"80 alarm: dim {LAMP} raised",
        f"100 alarm: dim {LAMP} cleared",
        f"80 replan: dims {zone} lighting",
    ]


def test_how_it_is_cut_makes_no_difference(
    told: Store, ground: Ground, new: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretch = stored(told, ground.territory, [new], START, END)
    whole = sorted(replay(new, ground, stretch, lambda _: None))
    monkeypatch.setattr(replaying, "SLICE", timedelta(minutes=7))
    assert sorted(replay(new, ground, stretch, lambda _: None)) == whole


def test_what_began_before_the_stretch_stands_and_is_not_told_again(told: Store, ground: Ground, new: Rulebook) -> None:
    stretch = stored(told, ground.territory, [new], START + timedelta(minutes=90), END)
    assert [line for line in said(new, ground, stretch) if " edge: dim " in line] == [f"100 edge: dim {LAMP} false"]


def test_two_versions_are_compared_with_examples(told: Store, ground: Ground, old: Rulebook, new: Rulebook) -> None:
    stretch = stored(told, ground.territory, [old, new], START, END)
    seen: list[datetime] = []
    found = compare(old, new, ground, stretch, 1, seen.append)
    assert (found.compared, found.rules) == (True, ("dim", "dims"))
    tally = found.tallies["dim", "edge"]
    assert (tally.old, tally.new, tally.both) == (1, 1, 1)
    assert [one.text for one in (*tally.only_old, *tally.only_new)] == [f"edge: dim {LAMP} true"] * 2
    assert [one.at for one in tally.only_new] == [START + timedelta(minutes=30)]
    assert seen[-1] > END


def test_rules_that_cannot_differ_are_not_played(ground: Ground, old: Rulebook, new: Rulebook) -> None:
    assert differing(old, old) == ()
    assert differing(old, new) == ("dim", "dims")

    def never(since: datetime, until: datetime) -> object:
        raise AssertionError

    assert compare(old, old, ground, Stretch(START, END, never), 3, lambda _: None).tallies == {}  # type: ignore[arg-type]


def test_a_file_says_what_the_store_says(
    told: Store, ground: Ground, old: Rulebook, tmp_path: Path
) -> None:  # fmt: skip
    rows = [
        f"{a},{p},{v},{isoformat(at)}" for a, p, v, at in reversed(evening({-60: 40.0, 10: 3.0, 60: 1.0, 100: 40.0}))
    ]
    (tmp_path / "evening.csv").write_text("\n".join(["asset,property,value,observed_at", *rows]))
    from_file = from_files([tmp_path / "evening.csv"], ground.territory, [old], START, END)
    from_store = stored(told, ground.territory, [old], START, END)
    assert said(old, ground, from_file) == said(old, ground, from_store)
    whole = from_files([tmp_path / "evening.csv"], ground.territory, [old])
    assert (whole.start, whole.until) == (START - timedelta(minutes=30), START + timedelta(minutes=110))


def test_a_file_without_a_reading_of_the_rules_is_refused(ground: Ground, old: Rulebook, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("asset,property,value,observed_at\nnobody,powerState,on,2026-11-22T18:00:00Z\n")
    with pytest.raises(InputError, match=r"x\.csv"):
        from_files([tmp_path / "x.csv"], ground.territory, [old])


def test_what_one_version_says_is_counted(told: Store, ground: Ground, old: Rulebook) -> None:
    found = tell(old, ground, stored(told, ground.territory, [old], START, END), 3, lambda _: None)
    assert {key: tally.new for key, tally in found.tallies.items()} == {
        ("dim", "alarm"): 2,
        ("dim", "edge"): 2,
        ("dims", "edge"): 2,
        ("dims", "replan"): 1,
    }


def test_rules_are_put_to_work_as_early_as_they_look_back(old: Rulebook, catalogue: Catalogue) -> None:
    def of(*names: str) -> timedelta:
        return lookback(Rulebook(tuple(map(old.rule, names)), {}), catalogue)

    assert of("warm") == timedelta(minutes=60 + 1)
    assert of("dim") == timedelta(minutes=45 + 20 + 1)  # until what it reads is stale, and `for`
    assert of("dim", "dims") == of("dim")
    assert lookback(old, catalogue) == timedelta(minutes=180 + 1)


# Why


def test_why_a_rule_stands(told: Store, ground: Ground, old: Rulebook) -> None:
    found = stand(told, ground, old, "dim", LAMP, START + timedelta(minutes=85))
    assert (found.raised, found.run, found.silenced) == (True, "set", "")
    assert found.since == START + timedelta(minutes=60)
    assert to_lines(found, "en")[:6] == [
        f"dim stands for {LAMP} at 2026-11-22 19:25:00 +0100.",
        "Its condition has held since 2026-11-22 19:00:00 +0100, for 25min.",
        "Condition:",
        "  ▶ and                                            true",
        "    ▶ powerState == on                             true     on, 5min old",
        "    ▶ powerConsumption < 2 W                       true     1 W, 5min old",
    ]


def test_why_a_rule_does_not_stand(told: Store, ground: Ground, old: Rulebook) -> None:
    found = stand(told, ground, old, "dim", LAMP, START + timedelta(minutes=15))
    assert to_lines(found, "fr") == [
        f"dim n'est pas établie pour {LAMP} à 2026-11-22 18:15:00 +0100.",
        "Sa condition de retour tient depuis 2026-11-22 17:30:00 +0100, soit 45min.",
        "Condition :",
        "  ▶ and                                            faux",
        "    · powerState == on                             vrai     on, âge 5min",
        "    ▶ powerConsumption < 2 W                       faux     3 W, âge 5min",
    ]


def test_why_not_yet(told: Store, ground: Ground, old: Rulebook) -> None:
    lines = to_lines(stand(told, ground, old, "dim", LAMP, START + timedelta(minutes=72)), "en")
    assert lines[2] == "It acts after 20min: 8min to go."


def test_why_an_alarm_is_silent_and_a_condition_unknown(
    store: Store, territory: Territory, ground: Ground, old: Rulebook
) -> None:
    rows = [row for row in evening({-60: 1.0}) if row[0] == LAMP]
    store_readings(store, territory, readings(*rows), END)
    found = stand(store, ground, old, "dim", LAMP, START + timedelta(hours=3))
    assert found.silenced == "mute A-49028-0001"
    assert "Its alarm is silenced by mute A-49028-0001." in to_lines(found, "en")
    assert [line.truth.name for line in found.sets] == ["UNKNOWN"] * 3
    assert found.run == "idle"
    assert to_json(found)["when"][2] == {
        "depth": 1,
        "decided": True,
        "part": "powerConsumption < 2 W",
        "truth": "unknown",
        "measured": "?",
        "age_s": 4200.0,
    }


def test_why_of_a_rule_over_a_place(told: Store, ground: Ground, old: Rulebook) -> None:
    zone = ground.territory.by_id[LAMP].zone
    found = stand(told, ground, old, "dims", zone, START + timedelta(minutes=85))
    assert found.raised
    assert [(line.label, line.measured) for line in found.sets] == [("count(dim in zone) >= 1", "1")]


@pytest.mark.parametrize(
    ("rule", "subject", "hint"),
    [
        ("dimm", LAMP, "did you mean dim"),
        ("dim", "A-49028-0001", "one such as L-49028-00001"),
        ("dim", "nobody", "is not a subject of dim"),
    ],
)
def test_who_is_not_known_is_told(
    ground: Ground, store: Store, old: Rulebook, rule: str, subject: str, hint: str
) -> None:
    with pytest.raises(InputError, match=hint):
        stand(store, ground, old, rule, subject, START)


@pytest.mark.parametrize(
    "text",
    [
        "hours(22:00-06:00)",
        "weekdays(mon, sun)",
        "dates(05-15/09-15)",
        "dates(2026-07-01/2026-07-31)",
        "between(sunset - 30min, sunrise)",
        "between(sunrise + 1h, sunset)",
        "sun_elevation < -6 deg",
        "public_holiday",
        "school_holiday",
    ],
)
def test_the_calendar_is_told_as_it_is_written(text: str) -> None:
    tree = parse_expression(text, Context({}))
    assert isinstance(tree, lang.Calendar)
    assert calendar_text(tree.atom) == text
