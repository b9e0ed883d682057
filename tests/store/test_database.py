"""Transactions, snapshots and faults."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import create_engine, exc, make_url, text

from engine.errors import Conflict, InputError, Unavailable
from engine.store import Intake, Store, database
from engine.store.intake import ACCEPTED, REFUSED

Open = Callable[[], Store]


def test_a_transaction_commits_on_leaving(store: Store, another: Open) -> None:
    with store.begin() as unit:
        unit.state.put("key", b"one")
    with another().read() as unit:
        assert unit.state.get("key") == b"one"


def test_an_exception_rolls_back_all_of_it(
    store: Store, now: datetime, put: Callable[..., Intake], lamps: dict[str, Any]
) -> None:
    with pytest.raises(ZeroDivisionError), store.begin() as unit:
        unit.state.put("key", b"one")
        unit.cursors.set("reader", {1: 5})
        unit.readings.append(*_batch(lamps), source="x", received_at=now, received=1)
        raise ZeroDivisionError
    with store.read() as unit:
        assert unit.state.get("key") is None
        assert unit.cursors.get("reader") == {}
        assert unit.readings.totals().received == 0
        assert set(unit.readings.heads().values()) == {0}
    assert put(lamps["L-1"](0)).stored == 1


def _batch(lamps: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.DataFrame([lamps["L-1"](0)], schema=ACCEPTED, orient="row"), REFUSED.to_frame()


def test_a_reader_sees_one_moment(store: Store, another: Open) -> None:
    other = another()
    with store.begin() as unit:
        unit.state.put("key", b"before")
    with store.read() as snapshot:
        with other.begin() as unit:
            unit.state.put("key", b"after")
        assert snapshot.state.get("key") == b"before"
    with store.read() as unit:
        assert unit.state.get("key") == b"after"


def test_the_moment_is_that_of_entry_not_of_the_first_question(store: Store, another: Open) -> None:
    other = another()
    with store.read() as snapshot:
        with other.begin() as unit:
            unit.state.put("key", b"later")
        assert snapshot.state.get("key") is None


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises((Unavailable, exc.DBAPIError), match=r"read-?only"), store.read() as unit:
        unit.state.put("key", b"body")
    with store.begin() as unit:
        assert unit.state.get("key") is None
        unit.state.put("key", b"body")


def test_threads_share_a_store(store: Store, now: datetime) -> None:
    def add(number: int) -> None:
        for _ in range(5):
            with store.begin() as unit:
                unit.audit.append(f"thread-{number}", "add", "x", {}, now)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.seal() == 20
    with store.read() as unit:
        assert unit.audit.verify().broken is None


def test_a_killed_process_leaves_nothing_half_applied(store: Store, url: str) -> None:
    script = textwrap.dedent(
        """
        import os, signal, sys
        from engine.store import Store

        with Store.open(sys.argv[1]).begin() as unit:
            unit.state.put("half", b"x" * 1_000_000)
            unit.cursors.set("reader", {1: 5})
            print("written", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    ended = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("written\n", -signal.SIGKILL)
    with store.begin() as unit:
        assert unit.state.get("half") is None
        assert unit.cursors.get("reader") == {}
        unit.state.put("half", b"whole")
    assert store.check() == []


def test_a_broken_constraint_is_a_conflict(store: Store, url: str) -> None:
    engine = create_engine(url)
    with pytest.raises(Conflict, match="nothing was written"), store.begin() as unit:
        unit.state.put("key", b"body")
        unit.inventory._connection.execute(
            text("INSERT INTO series (no, asset, property, zone) VALUES (99, 'nobody', 'x', 1)")
        )
    with store.read() as unit:
        assert unit.state.get("key") is None
    engine.dispose()


def test_a_fault_of_our_own_sql_stays_what_it_is(store: Store) -> None:
    with pytest.raises(exc.DBAPIError), store.begin() as unit:
        unit.inventory._connection.execute(text("SELEC 1"))
    with pytest.raises(exc.DBAPIError), store.begin() as unit:
        unit.inventory._connection.execute(text("SELECT nonsense(1)"))


def test_no_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Store.open(f"sqlite:///{tmp_path / 'none.db'}")
    assert str(caught.value) == (
        f"SQLite database {tmp_path / 'none.db'}: there is no such file → make it with consigne db upgrade"
    )
    assert not (tmp_path / "none.db").exists()


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"unable to open database file → check the file, its folder"):
        Store.open(f"sqlite:///{tmp_path / 'no' / 'none.db'}", create=True)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "note.db").write_bytes(b"to whom it may concern" * 100)
    with pytest.raises(Unavailable, match="file is not a database"):
        Store.open(f"sqlite:///{tmp_path / 'note.db'}")


def test_no_server_is_unavailable_in_one_line_without_a_password(free_port: Callable[[], int]) -> None:
    port = free_port()
    with pytest.raises(Unavailable) as caught:
        Store.open(f"postgresql://consigne:s3cret@127.0.0.1:{port}/consigne")
    message = str(caught.value)
    assert message.startswith(f"PostgreSQL database 127.0.0.1:{port}/consigne: ")
    assert message.endswith("→ start it, or point CONSIGNE_DATABASE_URL at the right one")
    assert "\n" not in message
    assert "s3cret" not in message


@pytest.mark.postgres
def test_no_such_database_is_unavailable(postgres_url: str) -> None:
    with pytest.raises(Unavailable, match='database "nowhere" does not exist'):
        Store.open(str(make_url(postgres_url).set(database="nowhere")))


@pytest.mark.postgres
def test_a_lost_connection_is_unavailable_and_the_next_one_works(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    store.upgrade()
    killer = create_engine(postgres_url)
    with pytest.raises(Unavailable, match="PostgreSQL database"), store.begin() as unit:
        unit.state.put("key", b"body")
        with killer.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid()"
                )
            )
        unit.state.put("key", b"more")
    with store.begin() as unit:
        assert unit.state.get("key") is None
    store.close()
    killer.dispose()


PORT = "postgresql://me@127.0.0.1:PORT/x"


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://root@127.0.0.1/x", "consigne.db", "", PORT]
)
def test_other_urls_are_wrong_input(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Store.open(url, create=True)
    assert [problem.source for problem in caught.value.problems] == ["CONSIGNE_DATABASE_URL"]
    assert "wants sqlite:///FILE or postgresql://USER@HOST/NAME" in str(caught.value)


def test_a_writer_that_never_ends_is_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PRAGMAS", (*database._PRAGMAS, "busy_timeout = 1"))
    url = f"sqlite:///{tmp_path / 'busy.db'}"
    one, two = Store.open(url, create=True), Store.open(url)
    one.upgrade()
    with one.begin() as unit:
        unit.state.put("key", b"first")
        told = "nothing was written → try again, or end the other writer"
        with pytest.raises(Conflict, match=told), two.begin() as late:
            late.state.put("key", b"second")
    with two.begin() as unit:
        assert unit.state.get("key") == b"first"
    one.close()
    two.close()


def test_sqlite_is_durable_and_holds_foreign_keys(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'consigne.db'}", create=True)
    store.upgrade()
    with store.read() as unit:
        ask = lambda pragma: unit.inventory._connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
        assert [ask(name) for name in ("journal_mode", "synchronous", "foreign_keys")] == ["wal", 2, 1]
    store.close()
    assert sqlite3.connect(tmp_path / "consigne.db").close() is None


def test_closing_gives_connections_back(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'consigne.db'}", create=True)
    store.upgrade()
    assert (tmp_path / "consigne.db-wal").exists()
    store.close()
    # The last connection to close merges the log into the file.
    assert not (tmp_path / "consigne.db-wal").exists()
    store.close()
    assert list(tmp_path.iterdir()) == [tmp_path / "consigne.db"]
