"""Upkeep: pruning, the monthly partitions of PostgreSQL, and the checks that find each kind of damage."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.errors import Conflict
from engine.instants import PARIS, to_us
from engine.model import Command, CommandState, Program
from engine.store import Intake, Store
from engine.store.intake import REFUSED

from .conftest import NOW

Lines = dict[str, Any]
Put = Callable[..., Intake]
Sql = Callable[[str], list[tuple[Any, ...]]]
DAY = 24 * 60
ROLLED = ("SELECT * FROM rollup_15min ORDER BY 1, 2", "SELECT * FROM rollup_day ORDER BY 1, 2")


@pytest.fixture
def postgres(url: str) -> None:
    """Only on PostgreSQL."""
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no partitions")


def _refused(count: int) -> pl.DataFrame:
    rows = [("L-1", "powerState", "unknown_choice", f"number {n}", None) for n in range(count)]
    return pl.DataFrame(rows, schema=REFUSED, orient="row")


@pytest.fixture
def week(store: Store, lamps: Lines, put: Put, now: datetime) -> Store:
    """Seven days from NOW: each day four readings of each of four lamps, and two refusals."""
    for day in range(7):
        rows = [lamps[name](day * DAY + quarter * 15, day + quarter / 8) for name in lamps for quarter in range(4)]
        put(*rows, refused=_refused(2), received_at=now + timedelta(days=day))
    return store


def _counts(sql: Sql) -> tuple[int, int]:
    return sql("SELECT count(*) FROM reading")[0][0], sql("SELECT count(*) FROM refusal")[0][0]


# Pruning -------------------------------------------------------------------------------------------------------------


def test_pruning_keeps_roll_ups_and_counts(week: Store, sql: Sql, now: datetime) -> None:
    with week.begin() as unit:
        unit.readings.roll_up()
    with week.read() as unit:
        totals, heads, latest = unit.readings.totals(), unit.readings.heads(), unit.readings.latest()
    rolled = [sql(query) for query in ROLLED]
    assert [len(rows) for rows in rolled] == [112, 28]
    assert week.prune(now + timedelta(days=3), NOW) == {"reading": 48, "refusal": 6, "forecast_issue": 0}
    assert _counts(sql) == (64, 8)
    assert [sql(query) for query in ROLLED] == rolled
    with week.read() as unit:
        assert (unit.readings.totals(), unit.readings.heads()) == (totals, heads)
        assert unit.readings.latest().equals(latest)
    assert week.check() == []


def test_pruning_rolls_up_what_it_removes(week: Store, sql: Sql, now: datetime) -> None:
    assert week.prune(now + timedelta(days=30), NOW) == {"reading": 112, "refusal": 14, "forecast_issue": 0}
    assert _counts(sql) == (0, 0)
    rows = sql("SELECT n, min, max, last FROM rollup_day ORDER BY bucket_start, series")
    assert rows == [(4, day, day + 3 / 8, day + 3 / 8) for day in range(7) for _ in range(4)]
    assert week.check() == []


def test_pruning_again_removes_nothing(week: Store, now: datetime) -> None:
    week.prune(now + timedelta(days=3), NOW)
    assert week.prune(now + timedelta(days=3), NOW) == {"reading": 0, "refusal": 0, "forecast_issue": 0}
    assert week.prune(now, NOW) == {"reading": 0, "refusal": 0, "forecast_issue": 0}
    assert week.prune(now + timedelta(days=4), NOW) == {"reading": 16, "refusal": 2, "forecast_issue": 0}
    assert week.check() == []


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_a_day_of_paris_goes_as_a_whole(store: Store, lamps: Lines, put: Put, sql: Sql, hour: int) -> None:
    line, midnight = lamps["L-1"], to_us(datetime(2026, 7, 2, tzinfo=PARIS))
    put(*((line.series, line.zone, midnight + shift, 1.0) for shift in (-1, 0, 1)))
    assert store.prune(datetime(2026, 7, 2, hour, 59, tzinfo=PARIS), NOW)["reading"] == 1
    assert sql("SELECT observed_at FROM reading ORDER BY 1") == [(midnight,), (midnight + 1,)]


def test_before_is_an_instant_whatever_its_zone(store: Store, lamps: Lines, put: Put) -> None:
    """22:30Z on 1 July is 00:30 on 2 July in Paris."""
    line, midnight = lamps["L-1"], to_us(datetime(2026, 7, 2, tzinfo=PARIS))
    put((line.series, line.zone, midnight - 1, 1.0))
    assert store.prune(datetime(2026, 7, 1, 21, 30, tzinfo=UTC), NOW)["reading"] == 0
    assert store.prune(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), NOW)["reading"] == 1


def test_a_reading_that_comes_after_its_day_was_pruned_leaves_the_roll_up_as_it_is(
    week: Store, lamps: Lines, put: Put, sql: Sql, now: datetime
) -> None:
    week.prune(now + timedelta(days=3), NOW)
    before = [sql(query) for query in ROLLED]
    assert put(lamps["L-1"](30, 99.0), lamps["L-1"](3 * DAY + 14, 0.25)).late == 2
    with week.begin() as unit:
        assert unit.readings.roll_up() == 2
    after = [sql(query) for query in ROLLED]
    changed = [set(new) - set(old) for new, old in zip(after, before, strict=True)]
    assert [len(rows) for rows in changed] == [1, 1]
    assert {row[1] for row in changed[0]} == {lamps["L-1"](3 * DAY)[2]}
    assert week.prune(now + timedelta(days=3), NOW) == {"reading": 1, "refusal": 0, "forecast_issue": 0}
    assert [sql(query) for query in ROLLED] == after
    assert week.check() == []


def test_following_goes_on_after_pruning(week: Store, lamps: Lines, put: Put, now: datetime) -> None:
    with week.read() as unit:
        heads = unit.readings.heads()
    week.prune(now + timedelta(days=30), NOW)
    put(lamps["L-1"](40 * DAY))
    with week.read() as unit:
        assert unit.readings.since({}, 10)["seq"].to_list() == [heads[lamps["L-1"].zone] + 1]


def test_a_prune_that_fails_removes_nothing(week: Store, sql: Sql, now: datetime, monkeypatch: Any) -> None:
    from engine.store import retention

    def fail(*_: object) -> None:
        raise Conflict("stopped on the way")

    before = _counts(sql)
    monkeypatch.setattr(retention.horizon, "note", fail)
    with pytest.raises(Conflict, match="stopped on the way"):
        week.prune(now + timedelta(days=30), NOW)
    assert _counts(sql) == before
    assert week.check() == []


# Partitions ----------------------------------------------------------------------------------------------------------


def _places(sql: Sql) -> Counter[str]:
    return Counter(name for (name,) in sql("SELECT tableoid::regclass::text FROM reading"))


def _at(line: Any, *instant: int) -> tuple[int, int, int, float]:
    return line.series, line.zone, to_us(datetime(*instant, tzinfo=UTC)), 1.0  # type: ignore[arg-type]


def test_on_sqlite_there_are_none(store: Store, url: str, now: datetime) -> None:
    if url.startswith("sqlite"):
        assert store.ensure_partitions(now) == []


@pytest.mark.usefixtures("postgres")
def test_partitions_are_made_ahead(store: Store, now: datetime) -> None:
    months = [f"reading_{month}" for month in ("2026_08", "2026_09", "2026_10", "2026_11")]
    assert store.ensure_partitions(now) == months
    assert store.ensure_partitions(now) == []
    assert store.ensure_partitions(now + timedelta(days=62)) == ["reading_2026_12", "reading_2027_01"]
    assert store.ensure_partitions(now) == []


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize("until", [datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 1, 0, 30, tzinfo=PARIS)])
def test_months_are_those_of_utc(store: Store, until: datetime) -> None:
    """00:30 in Paris on 1 December is still November in UTC."""
    made = store.ensure_partitions(until)
    assert made[-1] == f"reading_{until.astimezone(UTC):%Y_%m}"


@pytest.mark.usefixtures("postgres")
def test_each_reading_lies_in_its_month_and_the_others_in_the_default(
    store: Store, lamps: Lines, put: Put, sql: Sql, now: datetime, everything: Callable[[Store], pl.DataFrame]
) -> None:
    line = lamps["L-1"]
    store.ensure_partitions(now)
    last_us = to_us(datetime(2026, 12, 1, tzinfo=UTC)) - 1
    put(
        _at(line, 2019, 1, 1),
        _at(line, 2026, 8, 1),
        _at(line, 2026, 11, 1),
        (line.series, line.zone, last_us, 1.0),
        _at(line, 2026, 12, 1),
        _at(line, 2041, 5, 5),
    )
    assert _places(sql) == {"reading_default": 3, "reading_2026_08": 1, "reading_2026_11": 2}
    assert everything(store)["seq"].to_list() == [1, 2, 3, 4, 5, 6]
    assert put(_at(line, 2041, 5, 5), _at(line, 2026, 8, 1)).stored == 0


@pytest.mark.usefixtures("postgres")
def test_a_month_made_later_takes_over_its_rows(
    store: Store, lamps: Lines, put: Put, sql: Sql, now: datetime, everything: Callable[[Store], pl.DataFrame]
) -> None:
    line = lamps["L-1"]
    put(_at(line, 2026, 11, 22), _at(line, 2026, 12, 1), _at(line, 2026, 12, 31), _at(line, 2027, 1, 1))
    before = everything(store)
    assert _places(sql) == {"reading_default": 4}
    store.ensure_partitions(now)
    assert _places(sql) == {"reading_default": 3, "reading_2026_11": 1}
    store.ensure_partitions(now + timedelta(days=31))
    assert _places(sql) == {"reading_default": 1, "reading_2026_11": 1, "reading_2026_12": 2}
    assert everything(store).equals(before)
    assert put(_at(line, 2026, 12, 31), _at(line, 2027, 1, 1)).stored == 0
    assert store.check() == []


@pytest.mark.usefixtures("postgres")
def test_pruning_drops_whole_months_and_counts_their_rows(
    store: Store, lamps: Lines, put: Put, sql: Sql, now: datetime
) -> None:
    line = lamps["L-1"]
    store.ensure_partitions(now)
    rows = [_at(line, 2019, 1, 1), *(_at(line, 2026, month, day) for month in (8, 9, 10, 11) for day in (1, 9, 25))]
    put(*rows)
    assert store.prune(datetime(2026, 10, 10, tzinfo=UTC), NOW) == {
        "reading": 1 + 3 + 3 + 2,
        "refusal": 0,
        "forecast_issue": 0,
    }
    tables = sql("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading'::regclass ORDER BY 1")
    assert [name for (name,) in tables] == ["reading_2026_10", "reading_2026_11", "reading_default"]
    assert _places(sql) == {"reading_2026_10": 1, "reading_2026_11": 3}
    assert sql("SELECT sum(n) FROM rollup_day") == [(len(rows),)]
    assert store.check() == []


# Checks --------------------------------------------------------------------------------------------------------------


def _command(now: datetime, **changes: Any) -> Command:
    program = Program.constant(0.5, now, now + timedelta(hours=2))
    values: dict[str, Any] = {"id": "c-1", "point": "L-1/illuminanceLevel", "gateway": "gw-1", "seq": 1}
    return Command(**values | changes, program=program, issued_at=now, expires_at=now + timedelta(minutes=30))


@pytest.fixture
def sound(week: Store, now: datetime) -> Store:
    """A database in order, pruned once, with an audit and a command."""
    week.ensure_partitions(now + timedelta(days=40))
    week.prune(now + timedelta(days=1), NOW)
    with week.begin() as unit:
        for number in range(4):
            unit.audit.append("anna", "release", f"L-{number}", {"number": number}, now)
        unit.audit.seal()
        unit.commands.enqueue([_command(now)])
    return week


def _findings(store: Store, at: datetime | None = None) -> list[str]:
    return [problem.what for problem in store.check(at)]


def test_a_sound_database_has_no_problems(sound: Store, now: datetime) -> None:
    assert sound.check() == []
    assert sound.check(now) == []
    assert sound.check_schema() == []


DAMAGES = [
    (
        "UPDATE intake SET received = received + 1 WHERE id = (SELECT min(id) FROM intake)",
        ["127 readings received, but"],
    ),
    (
        "UPDATE intake SET stored = stored - 1 WHERE id = (SELECT max(id) FROM intake)",
        ["but 111 stored", "111 readings stored by"],
    ),
    (
        "DELETE FROM intake WHERE id = (SELECT max(id) FROM intake)",
        ["96 readings stored by the batches", "12 readings refused"],
    ),
    (
        "DELETE FROM reading WHERE seq = 20",
        ["112 readings stored by the batches, 112 by the zones' sequences, 109 rows"],
    ),
    ("UPDATE zone SET last_seq = last_seq + 2 WHERE no = 1", ["114 by the zones' sequences"]),
    ("DELETE FROM refusal WHERE id = (SELECT max(id) FROM refusal)", ["14 readings refused by the batches, 13 rows"]),
    ("DELETE FROM state WHERE key = 'store.pruned'", ["96 rows kept or pruned", "12 rows kept or pruned"]),
    ("UPDATE audit SET actor = 'eve' WHERE seq = 2", ["audit line 2 does not fit the chain"]),
    ("UPDATE audit SET body = '{\"number\":9}' WHERE seq = 3", ["audit line 3 does not fit the chain"]),
    ("UPDATE audit SET at = at + 1 WHERE seq = 1", ["audit line 1 does not fit the chain"]),
    ("DELETE FROM audit WHERE seq = 3", ["audit line 3 does not fit the chain"]),
    ("DELETE FROM audit WHERE seq = 1", ["audit line 1 does not fit the chain"]),
    ("UPDATE audit SET seq = 9 WHERE seq = 4", ["audit line 4 does not fit the chain"]),
    ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 1) WHERE seq = 4", ["audit line 4 does not fit"]),
]


@pytest.mark.parametrize(("damage", "wanted"), DAMAGES)
def test_each_damage_is_found(sound: Store, sql: Sql, damage: str, wanted: list[str]) -> None:
    sql(damage)
    problems = sound.check()
    assert len(problems) == len(wanted)
    assert all(any(words in problem.what for problem in problems) for words in wanted), problems
    assert all(problem.hint and problem.source == sound.name for problem in problems)


def test_every_damage_is_told_at_once(sound: Store, sql: Sql) -> None:
    for damage in ("DELETE FROM reading WHERE seq = 20", "DELETE FROM refusal", "UPDATE audit SET actor = 'eve'"):
        sql(damage)
    assert len(sound.check()) == 3


def test_sqlite_finds_references_to_nothing(sound: Store, url: str, sql: Sql) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL does not let them be made")
    sql("DELETE FROM asset WHERE id = 'L-4'")
    found = _findings(sound)
    assert len(found) == 4
    assert all("of series speaks of a asset that is not there" in what for what in found)


def test_sqlite_finds_damaged_pages(store: Store, lamps: Lines, put: Put, tmp_path: Path, url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL checks its pages as it reads them")
    put(*(lamps["L-1"](minute) for minute in range(2_000)))
    copy = tmp_path / "copy.db"
    with sqlite3.connect(tmp_path / "consigne.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
        roots = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'reading' AND rootpage > 0"
        (page,) = source.execute(roots).fetchone()
        (size,) = source.execute("PRAGMA page_size").fetchone()
    source.close()
    target.close()
    body = bytearray(copy.read_bytes())
    body[(page - 1) * size + 100 : page * size] = bytes(size - 100)
    copy.write_bytes(body)
    spoilt = Store.open(f"sqlite:///{copy}")
    assert any("is damaged" in what for what in _findings(spoilt))
    spoilt.close()


@pytest.mark.usefixtures("postgres")
def test_a_missing_month_is_told_before_it_begins(sound: Store) -> None:
    def missing(*day: int) -> list[str]:
        return [what for what in _findings(sound, datetime(*day, tzinfo=UTC)) if "partition" in what]  # type: ignore[arg-type]

    assert missing(2026, 12, 31) == []
    assert missing(2027, 1, 2) == ["has no partition for the readings of 2027-02"]
    assert missing(2027, 2, 1) == ["has no partition for the readings of 2027-02, 2027-03"]
    sound.ensure_partitions(datetime(2027, 3, 1, tzinfo=UTC))
    assert missing(2027, 2, 1) == []


@pytest.mark.parametrize(("minutes", "late"), [(89, False), (90, False), (91, True)])
def test_a_command_that_is_not_over_an_hour_after_its_expiry(
    sound: Store, now: datetime, minutes: int, late: bool
) -> None:
    """It expires 30 minutes after `now`."""
    found = _findings(sound, now + timedelta(minutes=minutes))
    assert found == (
        ["1 commands are not over an hour after their expiry, at 2026-11-22T13:31:00Z (L-1/illuminanceLevel …)"]
        if late
        else []
    )


@pytest.mark.parametrize("state", CommandState)
def test_only_commands_without_an_end_are_overdue(sound: Store, now: datetime, state: CommandState) -> None:
    with sound.begin() as unit:
        unit.commands.move("c-1", state, now, "", [CommandState.QUEUED])
    assert bool(_findings(sound, now + timedelta(hours=3))) is not state.terminal


def test_a_database_without_a_schema_has_one_problem(empty_url: str, now: datetime) -> None:
    store = Store.open(empty_url, create=True)
    (problem,) = store.check(now)
    assert (problem.what, problem.hint) == ("has no schema", "consigne db upgrade")
    assert store.check_schema() == [problem]
    store.upgrade()
    assert store.check() == []
    store.close()
