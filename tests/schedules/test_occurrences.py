"""When entries are due: against an oracle that looks at every minute, on the nights the clocks change and others."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from astral import Observer
from astral.sun import dusk
from hypothesis import given
from hypothesis import strategies as st

from jobs.schedules import Schedule

from .conftest import one, schedule

PARIS = ZoneInfo("Europe/Paris")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ZONES = ["Europe/Paris", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2027, 4, 3, 15, 30, tzinfo=UTC),
]


def listed(found: Schedule, since: datetime, until: datetime) -> list[datetime]:
    return [due.due_at for due in found.occurrences("it", since, until)]


def matching(text: str, low: int, high: int) -> set[int]:
    """The numbers a list of `*`, `*/n`, `a`, `a-b`, `a-b/n`, `a/n` names: written anew, to compare with."""
    found: set[int] = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        first, dash, last = body.partition("-")
        start, end = (low, high) if body == "*" else (int(first), int(last) if dash else high if step else int(first))
        found.update(range(start, end + 1, int(step or 1)))
    return found


def oracle(cron: dict[str, str], zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
    """Every minute whose local time matches: so none is missed on a night the clocks change, and none is told twice."""
    order = ["month", "day", "day_of_week", "hour", "minute"]
    last_given = max(order.index(name) for name in cron)
    defaults = {"month": "1", "day": "1", "day_of_week": "*", "hour": "0", "minute": "0"}
    said = {name: cron.get(name, "*" if k < last_given else defaults[name]) for k, name in enumerate(order)}
    days = {k for k, name in enumerate(DAYS) if said["day_of_week"] == "*" or name in said["day_of_week"].split(",")}
    sets = {name: matching(said[name], *bounds) for name, bounds in
            {"month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59)}.items()}  # fmt: skip
    at = since - timedelta(seconds=since.second, microseconds=since.microsecond)
    at += MINUTE if at < since else timedelta(0)
    while at < until:
        wall = at.astimezone(zone)
        if wall.weekday() in days and all(getattr(wall, name) in numbers for name, numbers in sets.items()):
            yield at
        at += MINUTE


minutes = st.sampled_from(["0", "5", "0,30", "*/15", "5/15", "10-20/5", "59", "*/7", "1-3,58"])
hours = st.sampled_from(["*", "3", "0,12", "23", "4-7", "12/4", "5-20/5"])
fields = st.fixed_dictionaries(
    {},
    optional={
        "minute": minutes,
        "hour": hours,
        "day": st.sampled_from(["1", "25-31", "*/2", "29"]),
        "month": st.sampled_from(["3", "10-11", "*"]),
        "day_of_week": st.sampled_from(["sun", "sat,sun", "mon,wed,fri", "*"]),
    },
).filter(bool)
spans = st.tuples(
    st.sampled_from(CHANGES), st.integers(-3 * 1440, 1440), st.integers(0, 59), st.integers(0, 3 * 1440)
).map(lambda s: (s[0] + s[1] * MINUTE + timedelta(seconds=s[2]), s[0] + (s[1] + s[3]) * MINUTE))


@given(fields, spans, st.sampled_from(ZONES))
def test_cron_is_what_every_minute_of_the_clock_says(
    cron: dict[str, str], span: tuple[datetime, datetime], zone: str
) -> None:
    said = {"cron": cron, "time_zone": zone}
    assert listed(one(said), *span) == list(oracle(cron, ZoneInfo(zone), *span))


ENTRIES = [
    {"cron": {"minute": "*/15"}},
    {"cron": {"hour": 4, "minute": 10}},
    {"cron": {"hour": "0,3,12", "minute": "0,59", "day_of_week": ["sat", "sun"]}},
    {"every": "7 min"},
    {"every": "1 h", "offset": "5 min"},
    {"every": "25 h"},
    {"sun": {"event": "dusk", "offset": "-30 min"}},
    {"sun": {"event": "sunrise", "offset": "1 h"}},
]


@given(st.sampled_from(ENTRIES), spans, st.integers(0, 10**6))
def test_a_stretch_cut_anywhere_says_the_same(said: dict[str, Any], span: tuple[datetime, datetime], cut: int) -> None:
    found, (since, until) = one(said), span
    whole = list(found.occurrences("it", since, until))
    if until <= since:
        assert whole == []
        return
    middle = since + (until - since) * cut / 10**6
    assert [*found.occurrences("it", since, middle), *found.occurrences("it", middle, until)] == whole
    assert all(before.due_at < after.due_at and before.key != after.key for before, after in pairwise(whole))
    assert all(since <= due.due_at < until and due.due_at.tzinfo is UTC for due in whole)


@given(st.sampled_from(ENTRIES), spans)
def test_the_last_before_and_the_next_after_are_neighbours(
    said: dict[str, Any], span: tuple[datetime, datetime]
) -> None:
    found, at = one(said), span[0]
    last, following = found.occurrence_at("it", at), found.next_after("it", at)
    assert last is not None and following is not None and last.due_at <= at < following.due_at
    assert [*found.occurrences("it", last.due_at, following.due_at)] == [last]
    assert found.occurrence_at("it", last.due_at) == last


@given(st.integers(1, 10_080), st.integers(0, 10_079), spans)
def test_every_is_a_grid_of_utc(every: int, offset: int, span: tuple[datetime, datetime]) -> None:
    offset %= every
    found = listed(one({"every": f"{every} min", "offset": f"{offset} min"}), *span)
    since, until = (round(at.timestamp()) for at in span)
    assert [round(at.timestamp()) for at in found] == [
        second for second in range(since, until) if (second - offset * 60) % (every * 60) == 0
    ]


def test_the_sun_is_that_of_the_local_day_and_of_the_place() -> None:
    found = schedule("  it: {job: roll-up, sun: {event: dusk, offset: -30 min}}")
    days = [date(2026, 10, 20) + k * DAY for k in range(10)]
    since = datetime.combine(days[0], time(0), PARIS).astimezone(UTC)
    dues = list(found.occurrences("it", since, since + 10 * DAY))
    assert [due.key for due in dues] == [day.isoformat() for day in days]
    for day, due in zip(days, dues, strict=True):
        expected = dusk(Observer(*found.site), date=day, tzinfo=PARIS).astimezone(UTC) - timedelta(minutes=30)
        assert abs(due.due_at - expected) < timedelta(seconds=1)


def test_days_on_which_the_sun_does_not_are_left_out() -> None:
    polar = Schedule(one({"sun": {"event": "sunset"}, "time_zone": "Europe/Oslo"}).entries, (69.65, 18.96))
    since = datetime(2026, 5, 1, tzinfo=UTC)
    keys = [due.key for due in polar.occurrences("it", since, since + 120 * DAY)]
    assert "2026-05-10" in keys and not any("2026-05-25" <= key <= "2026-07-15" for key in keys)
    assert polar.occurrence_at("it", datetime(2026, 7, 1, tzinfo=UTC)) is not None


def test_what_comes_after_another_is_due_with_it_under_its_key() -> None:
    found = schedule(
        "  first: {job: roll-up, cron: {hour: 12}}\n"
        "  second: {job: roll-up, after: first, blackout: [{days: [sun], reason: rest}]}\n"
        "  third: {job: roll-up, after: second}"
    )
    since = datetime(2026, 11, 14, tzinfo=UTC)
    first, second, third = (
        list(found.occurrences(name, since, since + 2 * DAY)) for name in ("first", "second", "third")
    )
    assert [(due.key, due.due_at) for due in first] == [(due.key, due.due_at) for due in second]
    assert [due.key for due in third] == [due.key for due in first] == ["2026-11-14T11:00:00Z", "2026-11-15T11:00:00Z"]
    assert [due.blackout for due in second] == [None, "rest"]
    assert (found.root("third"), found.followers("first")) == ("first", ["second"])


def test_an_entry_on_an_event_is_not_in_the_calendar() -> None:
    found = schedule("  it: {job: plan-lighting, event: replan}")
    at = datetime(2026, 11, 14, tzinfo=UTC)
    assert list(found.occurrences("it", at, at + DAY)) == []
    assert found.occurrence_at("it", at) is None and found.next_after("it", at) is None


@pytest.mark.parametrize(
    ("window", "wall", "held"),
    [
        ({"from": "2026-12-24", "until": "2026-12-26"}, "2026-12-26T23:59", True),
        ({"from": "2026-12-24", "until": "2026-12-26"}, "2026-12-27T00:00", False),
        ({"from": "2026-12-24T18:00", "until": "2026-12-26T06:00"}, "2026-12-24T17:59", False),
        ({"from": "2026-12-24T18:00", "until": "2026-12-26T06:00"}, "2026-12-26T06:00", False),
        ({"from": "2026-12-24T18:00"}, "2030-01-01T00:00", True),
        ({"hours": "22:00-06:00"}, "2026-11-16T05:59", True),
        ({"hours": "22:00-06:00"}, "2026-11-16T06:00", False),
        ({"hours": "22:00-06:00", "days": ["sat"]}, "2026-11-15T05:00", True),  # the night of Saturday
        ({"hours": "22:00-06:00", "days": ["sat"]}, "2026-11-14T05:00", False),
        ({"hours": "12:00-14:00"}, "2026-11-16T12:00", True),
        ({"hours": "12:00-14:00"}, "2026-11-16T14:00", False),
        ({"days": ["sat", "sun"]}, "2026-11-15T12:00", True),
        ({"days": ["sat", "sun"]}, "2026-11-16T00:00", False),
        ({"hours": "02:00-03:00"}, "2026-10-25T02:30", True),
        ({"hours": "12:00-14:00", "until": "2026-11-15"}, "2026-11-16T13:00", False),
    ],
)  # fmt: skip
def test_blackouts_are_read_off_the_local_clock(window: dict[str, Any], wall: str, held: bool) -> None:
    entry = one({"every": "1 h", "blackout": [window]}).entries["it"]
    for fold in (0, 1):
        at = datetime.fromisoformat(wall).replace(tzinfo=PARIS, fold=fold).astimezone(UTC)
        assert (entry.blacked_out(at) is not None) is held
