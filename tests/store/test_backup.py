"""Backup and restore from either database into either, whole or not at all."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from sqlalchemy import create_engine, insert, select

from engine.errors import Conflict, InputError
from engine.model import (
    Alarm,
    AlarmState,
    Command,
    CommandState,
    Hold,
    Level,
    PlanRecord,
    Priority,
    Program,
    Scope,
    Slot,
)
from engine.store import Intake, Store, backup, revisions
from engine.store.bulk import read_frame
from engine.store.intake import REFUSED
from engine.store.ledger import RunReport
from engine.store.schema import (
    batch,
    batch_command,
    forecast_issue,
    forecast_value,
    frame_schema,
    metadata,
    notification,
)
from engine.store.workorders import WorkOrder

Lines = dict[str, Any]
Put = Callable[..., Intake]
Contents = dict[str, list[tuple[Any, ...]]]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
NASTY = "é\u2028 \\N \\. \t\r\n'\";-- {x} %s :y \U0001f4a1"


def contents(url: str) -> Contents:
    """Every row of every table, by primary key, but what a restore adds: a later epoch, and its audit line."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        found = {
            table.name: read_frame(connection, select(table).order_by(*table.primary_key)).rows()
            for table in metadata.sorted_tables
        }
    engine.dispose()
    found["state"] = [row for row in found["state"] if row[0] != "epoch"]
    found["audit"] = [row for row in found["audit"] if "restore" not in row]
    return found


@pytest.fixture
def full(store: Store, lamps: Lines, put: Put, now: datetime) -> Store:
    """A store with rows in every table, some of them awkward."""
    rows = [(NASTY, None, "malformed", NASTY, ""), (None, "", "no_time", "", None)]
    refused = pl.DataFrame(rows, schema=REFUSED, orient="row")
    put(lamps["L-1"](0, 5e-324), lamps["L-1"](0, -1.7976931348623157e308), lamps["L-3"](9, 0.1 + 0.2), refused=refused)
    put(lamps["L-1"](-5), lamps["L-1"](0, 5e-324), lamps["L-4"](400 * 24 * 60), lamps["L-4"](-(10**6)), source=NASTY)
    program = Program(((now, 0.25), (now + timedelta(hours=1), 1 / 3)), now + timedelta(hours=2))
    with store.begin() as unit:
        unit.readings.roll_up()
        unit.cursors.set(NASTY, {1: 2, 3: 2**40})
        unit.state.put("bytes", bytes(range(256)))
        unit.state.put("", b"")
        unit.holds.put(Hold(Scope.ZONE, "A-1", now, now + timedelta(hours=1), NASTY, "anna"))
        common = {"domain": "light", "made_at": now, "start": now, "until": now, "status": "ok", "solver": "HiGHS"}
        for number, objective in enumerate((0.5, float("nan"))):
            record = PlanRecord(f"p-{number}", objective=objective, bound=objective, inputs_digest="", **common)  # type: ignore[arg-type]
            unit.plans.save(record, b"\0\xff", b"\1" * number)
        _write_slot(unit, program, now)
        _write_slot(unit, program, now + timedelta(minutes=5))
        unit.commands.enqueue([_command(number, program, now) for number in (1, 2)])
        unit.commands.claim(5, "host", now, timedelta(minutes=1))
        alarm = unit.alarms.save(_alarm(now, detail={"text": NASTY, "list": [1, None, 2.5]}))
        unit.alarms.save(_alarm(now, id=alarm.id, state=AlarmState.NORMAL, cleared_at=now + timedelta(hours=1)))
        unit.workorders.open([WorkOrder("dark", f"L-{number}", "A-1", now, {"en": NASTY}, 0.5) for number in (1, 2)])
        unit.workorders.close(1, now + timedelta(hours=2), "anna", NASTY)
        for number in range(3):
            unit.audit.append("anna", "release", NASTY, {"number": number, "text": NASTY}, now)
        unit.audit.seal(2)
        _write_raw(unit)
        for day in ("2026-11-22", "2026-11-23"):
            run = unit.ledger.start("plan", day, due_at=now, at=now, host="host", cause="schedule", fence=3)
        unit.ledger.finish(run, RunReport(counts={"seconds": 1.5}, gap=0.1), now)
        unit.leases.take(["plan", "rules"], "host:1", now, timedelta(seconds=15))
    return store


def _write_slot(unit: Any, program: Program, at: datetime) -> None:
    unit.slots.put([Slot("L-1/illuminanceLevel", Level.OPERATOR, "anna", program, at, "v1", NASTY)])


def _write_raw(unit: Any) -> None:
    """A row of the tables whose own gateways ask for more than a row."""
    for table in (batch, batch_command, notification, forecast_issue, forecast_value):
        texts = {c.name: NASTY for c in table.columns if frame_schema(table)[c.name] == pl.String}
        numbers = {c.name: 7 for c in table.columns if c.name not in texts}
        unit.audit._connection.execute(insert(table).values(**texts, **numbers))


def _command(number: int, program: Program, at: datetime) -> Command:
    point, end = "L-1/illuminanceLevel", at + timedelta(minutes=30)
    return Command(f"c-{number}", point, "gw-1", number, program, at, end, explanation={"why": NASTY})


def _alarm(at: datetime, **changes: Any) -> Alarm:
    values: dict[str, Any] = {"rule": "dark", "asset": "L-1", "zone": "A-1", "state": AlarmState.UNACKNOWLEDGED}
    return Alarm(priority=Priority.HIGH, raised_at=at, changed_at=at, **values | changes)


@pytest.fixture
def target(empty_url: str) -> Iterator[Store]:
    """An empty database of either kind, without a schema."""
    store = Store.open(empty_url, create=True)
    yield store
    store.close()


@pytest.fixture
def saved(full: Store, tmp_path: Path) -> Path:
    """A backup of the full store."""
    path = tmp_path / "consigne.backup"
    full.backup(path)
    return path


@pytest.fixture
def blank(tmp_path: Path) -> Iterator[Store]:
    """An empty SQLite database, without a schema, for the refusals: they come before a database is touched."""
    store = Store.open(f"sqlite:///{tmp_path / 'blank.db'}", create=True)
    yield store
    store.close()


def _refused(store: Store, path: Path) -> str:
    """The one message a restore is refused with; the database has not even a schema afterwards."""
    with pytest.raises(InputError) as caught:
        store.restore(path, NOW)
    assert [problem.what for problem in store.check_schema()] == ["has no schema"]
    return str(caught.value)


def _rewrite(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The backup with other entries in it, well packed."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return path


def _manifest(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    def rewrite(entries: dict[str, bytes]) -> None:
        manifest = orjson.loads(entries["manifest.json"])
        change(manifest)
        entries["manifest.json"] = orjson.dumps(manifest)

    return _rewrite(path, rewrite)


# Whole ---------------------------------------------------------------------------------------------------------------


def test_everything_comes_back_in_either_database(
    full: Store, url: str, target: Store, empty_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "consigne.backup"
    written = full.backup(path)
    before = contents(url)
    assert written == {name: len(rows) for name, rows in before.items()}
    assert [name for name, count in written.items() if not count] == []
    assert target.restore(path, NOW) == written
    assert contents(empty_url) == contents(url) == before
    assert target.check() == []
    again = tmp_path / "again.backup"
    assert target.backup(again) == written | {"state": written["state"] + 1, "audit": written["audit"] + 1}


def test_a_restored_database_goes_on_where_the_other_stopped(
    saved: Path, full: Store, target: Store, lamps: Lines, put: Put, now: datetime
) -> None:
    target.restore(saved, NOW)
    for store, lines in ((full, 4), (target, 5)):
        line = lamps["L-1"]
        assert put(line(0, 5e-324), line(-5), line(1), line(-6), into=store) == Intake(4, 2, 1, {"duplicate": 2})  # type: ignore[dict-item]
        with store.begin() as unit:
            assert unit.readings.roll_up() == 2
            (alarm,) = unit.alarms.between(now, now + timedelta(1))
            assert unit.alarms.save(_alarm(now)).id == (alarm.id or 0) + 1
            (before,) = unit.slots.standing("L-1/illuminanceLevel", now + timedelta(minutes=8))
            assert unit.audit.append("ben", "look", "", {}, now) == lines + 1
            assert (unit.audit.seal(), unit.audit.verify().broken) == (lines - 1, None)
            _write_slot(unit, Program.constant(1, now, now + timedelta(1)), now + timedelta(minutes=9))
            (slot,) = unit.slots.standing("L-1/illuminanceLevel", now + timedelta(minutes=9))
            assert slot.id == (before.id or 0) + 1
            assert unit.commands.move("c-2", CommandState.SENT, now, "", [CommandState.SENDING])
            assert len(unit.commands.history("c-2")) == 3
        assert store.check() == []


def test_an_empty_store_can_be_backed_up(bare: Store, target: Store, empty_url: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.backup"
    assert set(bare.backup(path).values()) == {0}
    assert set(target.restore(path, NOW).values()) == {0}
    assert not any(contents(empty_url).values())
    assert target.check() == []


def test_a_backup_is_of_one_moment(
    full: Store, another: Callable[[], Store], lamps: Lines, put: Put, blank: Store, tmp_path: Path, monkeypatch: Any
) -> None:
    """A batch commits after the first tables are written."""
    other, write, path = another(), backup._write_table, tmp_path / "x.backup"

    def meanwhile(connection: Any, archive: Any, table: Any) -> Any:
        if table.name in {"intake", "zone"}:
            put(lamps["L-1"](len(table.name)), lamps["L-3"](77), into=other)
        return write(connection, archive, table)

    monkeypatch.setattr(backup, "_write_table", meanwhile)
    with full.read() as unit:
        totals = unit.readings.totals()
    full.backup(path)
    blank.restore(path, NOW)
    assert blank.check() == []
    with blank.read() as unit:
        assert unit.readings.totals() == totals


def test_a_table_in_many_parts(
    store: Store, url: str, target: Store, empty_url: str, lamps: Lines, put: Put, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(backup, "_PART_ROWS", 7)
    put(*(lamps[name](minute, minute / 8) for minute in range(25) for name in lamps))
    path = tmp_path / "x.backup"
    store.backup(path)
    with zipfile.ZipFile(path) as archive:
        assert sum(name.startswith("reading/") for name in archive.namelist()) == 15
    assert target.restore(path, NOW)["reading"] == 100
    assert contents(empty_url) == contents(url)


def test_on_postgresql_the_months_of_the_readings_get_their_partitions(
    saved: Path, target: Store, empty_url: str
) -> None:
    target.restore(saved, NOW)
    if empty_url.startswith("postgresql"):
        engine = create_engine(empty_url)
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT DISTINCT tableoid::regclass::text FROM reading ORDER BY 1").all()
        engine.dispose()
        # A million minutes before and 400 days after 22 November 2026.
        assert [name for (name,) in rows] == ["reading_2024_12", "reading_2026_11", "reading_2027_12"]


# Or not at all -------------------------------------------------------------------------------------------------------


def test_a_backup_replaces_nothing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "consigne.backup"
    path.write_bytes(b"dear")
    with pytest.raises(Conflict, match="exists already; nothing was written → name a new file"):
        store.backup(path)
    assert path.read_bytes() == b"dear"
    assert not path.with_name("consigne.backup.part").exists()


def test_a_backup_that_breaks_off_leaves_no_backup(full: Store, tmp_path: Path, monkeypatch: Any) -> None:
    def fail(*_: object) -> str:
        raise Conflict("stopped on the way")

    monkeypatch.setattr(revisions, "current", fail)
    with pytest.raises(Conflict, match="stopped"):
        full.backup(tmp_path / "x.backup")
    assert not (tmp_path / "x.backup").exists()
    monkeypatch.undo()
    assert full.backup(tmp_path / "x.backup")["audit"] == 4


def test_a_database_that_holds_anything_is_refused(saved: Path, full: Store, url: str) -> None:
    before = contents(url)
    with pytest.raises(Conflict, match=r"holds rows in .*commune.*zone.*; nothing was restored"):
        full.restore(saved, NOW)
    assert contents(url) == before


def test_one_row_is_anything(saved: Path, target: Store, empty_url: str) -> None:
    target.upgrade()
    with target.begin() as unit:
        unit.state.put("one", b"")
    before = contents(empty_url)
    with pytest.raises(Conflict, match="holds rows in state; nothing was restored"):
        target.restore(saved, NOW)
    assert contents(empty_url) == before


def test_a_restore_that_fails_on_the_way_leaves_nothing(saved: Path, target: Store, empty_url: str) -> None:
    """A part that is whole and yet holds a row twice, found when other tables are filled."""

    def change(entries: dict[str, bytes]) -> None:
        name = "slot/000000.parquet"
        frame = pl.read_parquet(entries[name])
        buffer = io.BytesIO()
        pl.concat([frame, frame]).write_parquet(buffer)
        entries[name] = buffer.getvalue()
        manifest = orjson.loads(entries["manifest.json"])
        manifest["tables"]["slot"]["rows"] *= 2
        manifest["tables"]["slot"]["parts"][0]["sha256"] = hashlib.sha256(entries[name]).hexdigest()
        entries["manifest.json"] = orjson.dumps(manifest)

    with pytest.raises(Conflict, match="nothing was written"):
        target.restore(_rewrite(saved, change), NOW)
    assert not any(contents(empty_url).values())


def test_a_file_that_is_not_there(blank: Store, tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory → check the path" in _refused(blank, tmp_path / "none.backup")


@pytest.mark.parametrize("body", [b"", b"SQLite format 3\0", b"PK\3\4" + bytes(60)])
def test_a_file_of_another_kind(blank: Store, tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "x.backup"
    path.write_bytes(body)
    assert "is not a ZIP file → name a file that consigne db backup wrote" in _refused(blank, path)


def test_a_zip_of_something_else(blank: Store, tmp_path: Path) -> None:
    path = tmp_path / "x.backup"
    for body in ("{}", "[]", "not JSON", '{"format": null}'):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("manifest.json", body)
        assert _refused(blank, path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("holiday.txt", "sun")
    assert "holds no manifest.json of a backup" in _refused(blank, path)


def test_another_form_is_refused(saved: Path, blank: Store) -> None:
    path = _manifest(saved, lambda manifest: manifest.update(format="consigne-backup-9"))
    assert "is a backup of the form 'consigne-backup-9', wanted 'consigne-backup-1'" in _refused(blank, path)


@pytest.mark.parametrize("revision", ["9999", None])
def test_another_revision_is_refused(saved: Path, blank: Store, revision: str | None) -> None:
    path = _manifest(saved, lambda manifest: manifest.update(revision=revision))
    found = _refused(blank, path)
    assert f"was made with schema {revision!r}, this version's is '{revisions.head()}'" in found
    assert "restore it with the version that made it" in found


def test_a_missing_table_is_refused(saved: Path, blank: Store) -> None:
    path = _manifest(saved, lambda manifest: manifest["tables"].pop("alarm"))
    assert "lacks the tables alarm" in _refused(blank, path)


def test_an_altered_part_and_a_missing_one_are_both_told(saved: Path, blank: Store) -> None:
    def change(entries: dict[str, bytes]) -> None:
        entries["reading/000000.parquet"] = entries["intake/000000.parquet"]
        del entries["audit/000000.parquet"]

    found = _refused(blank, _rewrite(saved, change)).splitlines()
    assert len(found) == 2
    assert "audit/000000.parquet is missing or cut" in found[0]
    assert "reading/000000.parquet is not what was written" in found[1]


def test_too_few_rows_are_refused(saved: Path, blank: Store) -> None:
    path = _manifest(saved, lambda manifest: manifest["tables"]["reading"].update(rows=99))
    assert "rows where 99 were written" in _refused(blank, path)


def test_wherever_it_is_cut_it_is_refused(saved: Path, blank: Store) -> None:
    whole = saved.read_bytes()
    for length in {*range(0, len(whole), len(whole) // 40), len(whole) - 1}:
        saved.write_bytes(whole[:length])
        assert _refused(blank, saved)


def test_whichever_byte_is_altered_the_rows_are_whole_or_refused(saved: Path) -> None:
    """Some bytes of a ZIP say nothing (dates, permissions): then every part must still be what was written."""
    whole = saved.read_bytes()
    refused = 0
    for place in {*range(0, len(whole), len(whole) // 150), *range(len(whole) - 120, len(whole))}:
        spoilt = bytearray(whole)
        spoilt[place] ^= 0x2D
        saved.write_bytes(spoilt)
        try:
            with backup.opened(saved):
                pass
        except InputError:
            refused += 1
    assert refused > 100


def test_the_months_are_in_the_manifest(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        manifest = orjson.loads(archive.read("manifest.json"))
    assert manifest["tables"]["reading"]["months"] == ["2024-12-01", "2026-11-01", "2027-12-01"]
