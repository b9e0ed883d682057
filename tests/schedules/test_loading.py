"""The schedule file: every mistake at its line, at once, with a hint; the shipped file, and its shape for editors."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents import parse_document, read_document
from engine.errors import InputError
from engine.settings import Settings
from jobs.schedules import SCHEDULES, load_schedule, schedule_of
from jobs.schedules.cron import Cron
from jobs.schedules.definitions import Blackout, Entry, Sun
from jobs.schedules.loading import built_in, parse_schedule, schedule_schema, schema_text

from .conftest import ROOT, one, schedule

SHIPPED = ROOT / "rules" / SCHEDULES


def refused(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_schedule(parse_document(text, "s.yaml"))
    return [str(problem) for problem in caught.value.problems]


def fault(body: str) -> str:
    """The one problem of an entry."""
    (found,) = refused(f"schedules:\n  it: {{{body}}}\n")
    return found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("job: roll-up", "s.yaml:2:7 the document: says not when it runs: exactly one of cron, every"),
        ("job: roll-up, every: 1 h, cron: {hour: 3}", "s.yaml:2:7 the document: has cron and every: exactly one of"),
        ("job: roll-op, every: 1 h", "s.yaml:2:13 'roll-op' is not a job → job: did you mean roll-up?"),
        ("every: 1 h", "s.yaml:2:7 'it' is not a job → job: "),
        ("job: roll-up, every: 30 s", "s.yaml:2:29 every: wants to be from 1 min to 7 d"),
        ("job: roll-up, every: soon", "s.yaml:2:29 every: a duration is a number and s, min, h or d"),
        ("job: roll-up, every: 1 h, offset: 2 h", "offset belongs to every, and is less than it"),
        ("job: roll-up, cron: {}", "wants a field at least, as {hour: 12, minute: 0}"),
        ("job: roll-up, cron: {day_of_week: 0}", "s.yaml:2:42 cron.day_of_week: wants names of days, as mon-fri or"),
        ("job: roll-up, cron: {day_of_week: sun-mon}", "s.yaml:2:42 cron.day_of_week: The minimum value in a range"),
        ("job: roll-up, cron: {day_of_week: mon-fri/2}", "s.yaml:2:42 cron.day_of_week: wants names of days"),
        ("job: roll-up, cron: {hour: 24}", "s.yaml:2:35 cron.hour: Error validating expression '24'"),
        ("job: roll-up, cron: {hour: noon}", "s.yaml:2:35 cron.hour: wants a number from 0 to 23"),
        ("job: roll-up, cron: {minute: true}", "s.yaml:2:37 cron.minute: wants a number from 0 to 59"),
        ("job: roll-up, cron: {day: lastly}", "s.yaml:2:34 cron.day: wants a number from 1 to 31"),
        ("job: roll-up, cron: {day: 31, month: feb}", "never comes → no day has this month, number and name"),
        ("job: roll-up, cron: {secund: 1}", "s.yaml:2:37 unknown key 'cron.secund'"),
        ("job: roll-up, sun: {event: dusk, offset: 13 h}", "sun.offset: wants to be at most 12 h either way"),
        ("job: roll-up, sun: {event: teatime}", "s.yaml:2:35 sun.event: Input should be 'dawn', 'sunrise'"),
        ("job: roll-up, after: it", "s.yaml:2:29 comes after itself: it → it → take one of these out"),
        ("job: roll-up, after: them", "s.yaml:2:29 'them' is not an entry of this file"),
        ("job: roll-up, event: replan", "s.yaml:2:29 roll-up makes no plan → job: one of plan-collection, "),
        ("job: roll-up, event: rain", "s.yaml:2:29 event: Input should be 'replan'"),
        ("job: roll-up, every: 1 h, time_zone: Europe/Angers", "s.yaml:2:45 time_zone: is no time zone of the IANA"),
        ("job: roll-up, every: 1 h, catch_up: some", "s.yaml:2:44 catch_up: Input should be 'none', 'latest' or 'all'"),
        ("job: roll-up, every: 1 h, memory_limit: 2 cows", "s.yaml:2:48 memory_limit: a size is a number and MB, GB"),
        ("job: roll-up, every: 1 h, time_limit: 0 s", "s.yaml:2:46 time_limit: a duration wants to be above 0"),
        ("job: roll-up, every: 1 h, arguments: {depth: 3}", "s.yaml:2:53 unknown key 'depth'"),
        ("job: roll-up, every: 1 h, blackout: [{}]", "blackout.0: wants from and until, hours or days"),
        ("job: roll-up, every: 1 h, blackout: [{hours: 22-6}]", "blackout.0.hours: hours are two local times"),
        ("job: roll-up, every: 1 h, blackout: [{from: 2026-13-01}]", "blackout.0.from: a day or a local time"),
        ('job: roll-up, every: 1 h, blackout: [{until: "2026-12-24T18:00Z"}]', "a local time, without an offset"),
        ("job: roll-up, every: 1 h, blackout: [{from: 2026-12-24, until: 2026-12-23}]", "is before from 2026-12-24"),
        ("job: roll-up, every: 1 h, description: {fr: a}", "'description.en' is missing"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_at_its_place_with_what_is_wanted(body: str, expected: str) -> None:
    found = fault(body)
    assert expected in found and found.startswith("s.yaml:2:")


@pytest.mark.parametrize("hour", ["2", "1-3", "0,2", "*/2", "0-23", "2/6", "22,2", "1-2", "*/1"])
@pytest.mark.parametrize("days", ["", ", month: jul", ", day_of_week: mon"])
def test_the_hour_that_is_skipped_or_comes_twice_is_refused_with_the_reason(hour: str, days: str) -> None:
    said = fault(f'job: roll-up, cron: {{hour: "{hour}", minute: 30{days}}}')
    assert said == (
        "s.yaml:2:35 02:00 to 03:00 is skipped or comes twice when the clocks change in Europe/Paris"
        " → choose another hour, or use every or sun"
    )


@pytest.mark.parametrize(
    "said",
    [
        {"cron": {"hour": "*", "minute": 30}}, {"cron": {"minute": "*/15"}}, {"cron": {"hour": 1, "minute": 59}},
        {"cron": {"hour": 3}}, {"every": "1 h"}, {"sun": {"event": "dawn", "offset": "-3 h"}},
        {"cron": {"hour": "3-23/2"}}, {"cron": {"hour": 2}, "time_zone": "UTC"},
        {"cron": {"hour": 2, "minute": 30}, "time_zone": "Europe/London"},
    ],
)  # fmt: skip
def test_what_no_change_of_clocks_touches_is_taken(said: dict[str, Any]) -> None:
    assert one(said).entries["it"].trigger in said


@pytest.mark.parametrize(("zone", "hour"), [("Europe/London", 1), ("Atlantic/Azores", 0), ("America/New_York", 1)])
def test_the_refused_hours_are_those_of_the_zone(zone: str, hour: int) -> None:
    assert f"{hour:02}:00 to" in fault(f"job: roll-up, cron: {{hour: {hour}}}, time_zone: {zone}")


def test_every_problem_of_a_file_is_told_at_once() -> None:
    found = refused(
        "schedules:\n"
        "  a: {job: tea, every: 1 s}\n"
        "  b: {job: roll-up, cron: {hour: 2}}\n"
        "  c: {job: roll-up, after: d}\n"
        "  d: {job: roll-up, after: c}\n"
        "  E: {job: roll-up, every: 1 h}\n"
        "  f: 3\n"
        "also: 1\n"
    )
    assert [line.split(" ")[0] for line in found] == [
        "s.yaml:2:24", "s.yaml:3:34", "s.yaml:4:28", "s.yaml:6:6", "s.yaml:7:6", "s.yaml:8:7",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "schedules:", "schedules: []", "3", "schedules: {it: [1]}", "[]"])
def test_a_file_of_another_shape_is_refused(text: str) -> None:
    assert refused(text)


def test_without_a_file_the_built_in_entries_stand_and_the_shipped_file_holds_them() -> None:
    shipped = load_schedule(SHIPPED)
    assert load_schedule(ROOT / "nowhere.yaml") == built_in()
    assert {name: shipped.entries[name] for name in built_in().entries} == built_in().entries
    assert all(entry.description for entry in shipped.entries.values())


def test_the_sun_is_looked_up_where_lamps_are(tmp_path: Path) -> None:
    (tmp_path / SCHEDULES).write_text("schedules: {it: {job: roll-up, sun: {event: dusk}}}")
    chosen = Settings(rules_dir=tmp_path, datasets_dir=ROOT / "datasets")
    assert schedule_of(chosen).site == (47.4736, -0.5514) or 47 < schedule_of(chosen).site[0] < 48


def test_the_examples_of_the_page_for_schedulers_are_right() -> None:
    page = (ROOT / "docs" / "schedulers.md").read_text(encoding="utf-8")
    whole, more = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    found = parse_schedule(parse_document(whole + more, "schedulers.md"))
    assert {entry.trigger for entry in found.entries.values()} == {"cron", "every", "sun", "after", "event"}
    for key in Entry.model_fields:
        assert f"`{key}`" in page, "a key that the page does not tell of"


# the shape, for editors


def test_the_schema_in_the_folder_is_current() -> None:
    hint = "write it again: consigne schedule schema > rules/schedules.schema.json"
    assert (ROOT / "rules" / "schedules.schema.json").read_text(encoding="utf-8") == schema_text(), hint


def test_the_schema_takes_the_shipped_file_and_says_every_key() -> None:
    checker = jsonschema.Draft202012Validator(schedule_schema())
    checker.check_schema(schedule_schema())
    assert list(checker.iter_errors(read_document(SHIPPED).data)) == []
    for model in (Entry, Cron, Sun, Blackout):
        keys = {field.alias or name for name, field in model.model_fields.items()}
        assert set(schedule_schema()["$defs"][model.__name__]["properties"]) == keys
    wrong = {"schedules": {"it": {"every": "1 h", "evry": "2 h"}}}
    assert [error.validator for error in checker.iter_errors(wrong)] == ["additionalProperties"]


FULL: dict[str, Any] = {
    "description": {"fr": "a", "en": "b"},
    "job": "roll-up",
    "cron": {"minute": "*/5", "hour": [3, "4-6"], "day": "last", "month": "jan", "day_of_week": ["mon", "tue"]},
    "sun": {"event": "dusk", "offset": "-30 min"},
    "every": "1 h",
    "offset": "5 min",
    "after": "other",
    "event": "replan",
    "time_zone": "Europe/Paris",
    "blackout": [{"from": "2026-12-24", "until": "2026-12-26T10:00", "hours": "22:00-06:00", "days": "mon"}],
    "catch_up": "all",
    "misfire_grace": "1 h",
    "time_limit": "10 min",
    "memory_limit": "2 GB",
    "zones": ["A-1"],
    "arguments": {"x": 1},
}
TRIGGERS = ["cron", "sun", "every", "after", "event"]
VALUES = st.sampled_from(
    [None, True, 3, 0, -1, 2.5, "", "x", "5 min", "-5 min", "mon", "*", "1 GB", [], ["mon"], [3], {}]
)


@given(st.sampled_from(TRIGGERS), st.sampled_from(sorted(FULL)), st.sampled_from(["", "hour", "day_of_week"]), VALUES)
def test_the_schema_refuses_no_entry_the_models_take(trigger: str, key: str, inner: str, value: Any) -> None:
    entry = {name: said for name, said in FULL.items() if name not in TRIGGERS or name == trigger}
    entry = entry if trigger == "every" else {name: said for name, said in entry.items() if name != "offset"}
    if inner and trigger == "cron":
        entry["cron"] = {**FULL["cron"], inner: value}
    else:
        entry[key] = value
    try:
        Entry.model_validate(entry)
    except ValueError:
        return
    data = json.loads(json.dumps({"schedules": {"it": entry}}))
    refusals = list(jsonschema.Draft202012Validator(schedule_schema()).iter_errors(data))
    assert refusals == [], entry


def test_what_a_schedule_says_is_the_same_however_it_is_written() -> None:
    one_way = schedule("  it: {job: roll-up, cron: {hour: [4, 6], day_of_week: [mon, tue]}}")
    other = schedule('  it:\n    job: roll-up\n    cron:\n      hour: "4,6"\n      day_of_week: Mon,TUE')
    assert one_way == other
