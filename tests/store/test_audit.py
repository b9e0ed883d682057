"""The chain of the audit trail, and hands that were not meant to touch it."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from types import MappingProxyType
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, exc, text

from engine.model import Command, CommandState, Program
from engine.store import Store, revisions
from engine.store.chain import Broken, Chain

from .conftest import unguard

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINES = 6

Open = Callable[[], Store]
Sql = Callable[..., Any]


@pytest.fixture
def sql(url: str) -> Iterator[Sql]:
    """Runs statements behind the store's back, past what guards the lines; returns the rows of the last."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))

    def run(*statements: str, **values: Any) -> list[Any]:
        with engine.begin() as connection:
            unguard(connection)
            for statement in statements:
                result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    yield run
    engine.dispose()


def append(store: Store, subject: str, body: Mapping[str, Any] | None = None, *, seal: bool = True) -> int:
    with store.begin() as unit:
        number = unit.audit.append("anne", "override", subject, body or {}, NOW)
    if seal:
        store.seal()
    return number


def look(store: Store, head: str | None = None) -> Chain:
    with store.read() as unit:
        return unit.audit.verify(head)


def verify(store: Store) -> int | None:
    broken = look(store).broken
    return broken and broken.seq


@pytest.fixture
def chain(bare: Store) -> Store:
    """A store with six sealed lines."""
    with bare.begin() as unit:
        for number in range(1, LINES + 1):
            body = {"value": number / 10, "reason": "vérité", "steps": [1, {"a": None}]}
            at = NOW + timedelta(minutes=number)
            unit.audit.append("anne", "override", f"L-{number}/powerState", body, at)
    assert bare.seal() == LINES
    return bare


def test_an_empty_chain_fits(bare: Store) -> None:
    assert verify(bare) is None


def test_lines_are_numbered_from_one_and_fit(chain: Store, sql: Sql) -> None:
    assert verify(chain) is None
    assert [row.seq for row in sql("SELECT seq FROM audit ORDER BY seq")] == [1, 2, 3, 4, 5, 6]


def test_a_line_is_what_was_said(bare: Store, sql: Sql) -> None:
    append(bare, "L-1/x", {"b": 1, "a": [True, "é"]})
    (row,) = sql("SELECT * FROM audit")
    assert (row.seq, row.actor, row.action, row.subject) == (1, "anne", "override", "L-1/x")
    assert row.at == 1_795_348_800_000_000
    assert row.body == '{"a":[true,"é"],"b":1}'
    assert len(bytes.fromhex(row.hash)) == 32


def test_equal_lines_have_unequal_hashes(bare: Store, sql: Sql) -> None:
    for _ in range(3):
        append(bare, "same")
    assert len({row.hash for row in sql("SELECT hash FROM audit")}) == 3


@pytest.mark.parametrize("seq", [1, 4, LINES])
@pytest.mark.parametrize(
    "change",
    [
        "actor = 'bob'",
        "actor = ''",
        "action = 'overridE'",
        "subject = 'L-9/powerState'",
        "at = at + 1",
        "id = id + 1000000",
        "id = -id",
        "seq = NULL",
        "hash = NULL",
        "body = '{}'",
        "body = replace(body, 'null', '0')",
        "body = replace(body, ',', ', ')",
        "body = 'not JSON'",
        "body = ''",
        "actor = action, action = actor",
        "hash = replace(replace(replace(hash, '0', 'x'), '1', '0'), 'x', '1')",
        "hash = upper(hash)",
        "hash = ''",
    ],
)
def test_a_line_edited_is_found(chain: Store, sql: Sql, change: str, seq: int) -> None:
    sql(f"UPDATE audit SET {change} WHERE seq = :seq", seq=seq)
    assert verify(chain) == seq


@pytest.mark.parametrize("seq", range(1, LINES))
def test_a_line_removed_is_found(chain: Store, sql: Sql, seq: int) -> None:
    sql("DELETE FROM audit WHERE seq = :seq", seq=seq)
    assert verify(chain) == seq


@pytest.mark.parametrize("seq", range(1, LINES))
def test_a_line_removed_with_the_others_moved_up_is_found(chain: Store, sql: Sql, seq: int) -> None:
    sql(
        "DELETE FROM audit WHERE seq = :seq",
        "UPDATE audit SET seq = -(seq - 1) WHERE seq > :seq",
        "UPDATE audit SET seq = -seq WHERE seq < 0",
        seq=seq,
    )
    assert verify(chain) == seq


@pytest.mark.parametrize("seq", [1, 4, LINES])
@pytest.mark.parametrize("actor", ["'bob'", "actor"], ids=["another", "a copy of the next"])
def test_a_line_put_in_is_found(chain: Store, sql: Sql, seq: int, actor: str) -> None:
    copy = f"SELECT 1000, :seq, at, {actor}, action, subject, body, hash FROM audit WHERE seq = :seq + 1"
    sql(
        "UPDATE audit SET seq = -(seq + 1) WHERE seq >= :seq",
        "UPDATE audit SET seq = -seq WHERE seq < 0",
        f"INSERT INTO audit {copy}",
        seq=seq,
    )
    assert verify(chain) == seq


@pytest.mark.parametrize(("seq", "found"), [(-4, 1), (0, 1), (LINES + 1, LINES + 1), (LINES + 5, LINES + 1)])
def test_a_line_put_at_either_end_is_found(chain: Store, sql: Sql, seq: int, found: int) -> None:
    sql("INSERT INTO audit SELECT 1000, :seq, at, actor, action, subject, body, hash FROM audit WHERE seq = 6", seq=seq)
    assert verify(chain) == found


def test_a_line_forged_with_a_hash_that_fits_is_found_at_the_next(chain: Store, sql: Sql) -> None:
    """Whoever knows how the hash is made must make all that follow again."""
    kept = sql("SELECT * FROM audit WHERE seq > 3 ORDER BY seq")
    sql("DELETE FROM audit WHERE seq >= 3")
    append(chain, "L-3/forged")
    assert look(chain) == Chain(3, sql("SELECT hash FROM audit WHERE seq = 3")[0].hash)
    sql("DELETE FROM audit WHERE seq > 3")
    for row in kept:
        sql("INSERT INTO audit VALUES (:id, :seq, :at, :actor, :action, :subject, :body, :hash)", **row._mapping)
    assert verify(chain) == 4


def test_two_lines_exchanged_are_found(chain: Store, sql: Sql) -> None:
    sql(*(f"UPDATE audit SET seq = {to} WHERE seq = {of}" for of, to in [(3, 99), (4, 3), (99, 4)]))
    assert verify(chain) == 3


def test_a_lost_end_shows_against_a_kept_hash_only(chain: Store, sql: Sql) -> None:
    head = look(chain).head
    early = sql("SELECT hash FROM audit WHERE seq = 2")[0].hash
    for kept in (None, head, early, "0" * 64):
        assert look(chain, kept).broken is None
    sql("DELETE FROM audit WHERE seq = 6")
    assert verify(chain) is None
    append(chain, "L-6/other")
    assert (look(chain).lines, look(chain).broken, look(chain, early).broken) == (6, None, None)
    lost = look(chain, head).broken
    assert lost is not None
    assert (lost.seq, lost.id) == (7, None)
    assert head in lost.what


def test_what_is_found_is_told(chain: Store, sql: Sql) -> None:
    assert look(chain) == Chain(LINES, sql("SELECT hash FROM audit WHERE seq = 6")[0].hash)
    append(chain, "later", seal=False)
    assert look(chain).unsealed == 1
    sql("UPDATE audit SET body = '{}' WHERE seq = 5")
    found = look(chain)
    assert (found.lines, found.head) == (4, sql("SELECT hash FROM audit WHERE seq = 4")[0].hash)
    assert found.broken == Broken(5, 5, "not what was sealed: changed, put in, or moved")
    sql("DELETE FROM audit WHERE seq = 2")
    assert look(chain).broken == Broken(2, None, "there is line 3 where line 2 should be: removed, or moved")


def test_the_store_checks_its_chain(chain: Store, sql: Sql) -> None:
    assert chain.check() == []
    sql("UPDATE audit SET body = 'not JSON' WHERE seq = 4")
    assert [problem for problem in chain.check() if "4" in str(problem)] != []


def test_a_rolled_back_line_leaves_no_gap(chain: Store) -> None:
    with pytest.raises(ZeroDivisionError), chain.begin() as unit:
        unit.audit.append("bob", "x", "y", {}, NOW)
        raise ZeroDivisionError
    append(chain, "L-7")
    assert (look(chain).lines, verify(chain)) == (7, None)


def test_verifying_leaves_the_transaction_as_it_was(chain: Store) -> None:
    with chain.begin() as unit:
        assert unit.audit.verify().broken is None
        unit.audit.append("bob", "x", "y", {}, NOW)
        unit.state.put("key", b"body")
        assert unit.state.get("key") == b"body"
        assert "yield_per" not in unit.audit._connection.get_execution_options()
        assert unit.audit.verify().unsealed == 1


def test_a_line_is_found_by_its_number(chain: Store) -> None:
    number = append(chain, "L-7", {"a": 1}, seal=False)
    with chain.read() as unit:
        line = unit.audit.line(number)
        assert line is not None
        assert (line.seq, line.at, line.actor, line.subject, line.body) == (None, NOW, "anne", "L-7", {"a": 1})
        assert (unit.audit.line(3).seq, unit.audit.line(99)) == (3, None)  # type: ignore[union-attr]


def test_what_people_write_freely_stays_out_of_the_chain(bare: Store) -> None:
    with bare.begin() as unit:
        body = {"reason": "Mrs Martin asked", "note": "", "value": 1, "other": {"reason": "rule text"}}
        number = unit.audit.append("person:anne", "set", "L-1", body, NOW)
        line = unit.audit.line(number)
    assert line is not None
    digests = {"reason": sha256(b"Mrs Martin asked").hexdigest(), "note": sha256(b"").hexdigest()}
    assert line.body == {**digests, "value": 1, "other": {"reason": "rule text"}}


def test_what_becomes_of_commands_is_counted_in_the_transaction_that_does_it(store: Store) -> None:
    program = Program.constant(0.5, NOW, NOW + timedelta(hours=1))
    orders = [Command(f"c-{n}", f"L-{n}/x", "gw", 1, program, NOW, NOW + timedelta(minutes=9)) for n in range(3)]
    with store.begin() as unit:
        unit.commands.enqueue(orders)
    with store.begin() as unit:
        unit.commands.move("c-0", CommandState.SENT, NOW + timedelta(minutes=1), "", [CommandState.QUEUED])
        unit.commands.move("c-1", CommandState.EXPIRED, NOW, "", [CommandState.QUEUED])
        unit.commands.move("c-1", CommandState.SENT, NOW, "", [CommandState.QUEUED])
    with store.begin() as unit:
        unit.state.put("x", b"")
    with store.read() as unit:
        lines = [line for line in map(unit.audit.line, range(1, 5)) if line]
    assert [(line.actor, line.body, line.at) for line in lines] == [
        ("outbox", {"queued": 3}, NOW),
        ("outbox", {"expired": 1, "sent": 1}, NOW + timedelta(minutes=1)),
    ]


# Guarded, sealed, and from before ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'eve' WHERE id = 2",
        "UPDATE audit SET hash = hash WHERE id = 2",
        "UPDATE audit SET seq = NULL, hash = NULL WHERE id = 6",
        "UPDATE audit SET body = '[]' WHERE id = 7",
        "UPDATE audit SET id = 70 WHERE id = 7",
        "DELETE FROM audit WHERE id = 2",
        "DELETE FROM audit WHERE id = 7",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ],
)
def test_the_database_refuses_to_change_or_remove_a_line(chain: Store, url: str, statement: str) -> None:
    """Line 7 is not sealed yet."""
    if statement.startswith("TRUNCATE") and url.startswith("sqlite"):
        pytest.skip("SQLite knows no TRUNCATE")
    append(chain, "later", seal=False)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    refused = pytest.raises(exc.IntegrityError, match="a line of the audit is never changed or removed")
    with refused, engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    chain.seal()
    assert (look(chain).lines, verify(chain)) == (7, None)


def test_a_line_that_commits_late_is_sealed_late(bare: Store, another: Open, url: str) -> None:
    if url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    slow = another()
    with slow.begin() as unit:
        first = unit.audit.append("anne", "x", "slow", {}, NOW)
        assert append(bare, "quick") > first
        assert look(bare).lines == 1
    assert bare.seal() == 1
    assert (look(bare).lines, verify(bare)) == (2, None)
    with bare.read() as unit:
        assert unit.audit.line(first).seq == 2  # type: ignore[union-attr]


def test_while_one_seals_the_others_do_not(bare: Store, another: Open, url: str) -> None:
    if url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    append(bare, "one", seal=False)
    with another().begin() as unit:
        assert unit.audit.seal() == 1
        assert bare.seal() == 0
    assert bare.seal() == 0
    assert (look(bare).lines, verify(bare)) == (1, None)


def test_what_is_sealed_in_parts_is_one_chain(bare: Store) -> None:
    with bare.begin() as unit:
        for number in range(7):
            unit.audit.append("anne", "x", str(number), {}, NOW)
        assert [unit.audit.seal(3) for _ in range(4)] == [3, 3, 1, 0]
        assert not unit.audit.waits()
    assert look(bare).lines == 7


def test_bytes_that_are_no_text_any_more_are_found(chain: Store, sql: Sql, url: str) -> None:
    """A byte of a database file can become anything."""
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps texts texts")
    for number, value in enumerate(("CAST(x'ff41' AS TEXT)", "x'61'", "7.5", "NULL"), start=1):
        if value != "NULL":
            sql(f"UPDATE audit SET subject = {value} WHERE seq = {7 - number}")
            assert verify(chain) == 7 - number


def test_lines_sealed_before_lines_had_numbers_still_fit(empty_url: str) -> None:
    """The hashes are those of the earlier version, which wrote seq where there is now id and seq."""
    store = Store.open(empty_url, create=True)
    engine = create_engine(empty_url)
    before, lines = "0" * 64, []
    for seq in range(1, 4):
        line = f'{{"action":"look","actor":"anne","at":{seq},"body":{{"é":{seq}}},"seq":{seq},"subject":"x"}}'
        before = sha256((before + line).encode()).hexdigest()
        lines.append({"seq": seq, "hash": before, "body": f'{{"é":{seq}}}'})
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(revisions.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        insert = "INSERT INTO audit VALUES (:seq, :seq, 'anne', 'look', 'x', :body, :hash)"
        connection.execute(text(insert), lines)
    engine.dispose()
    store.upgrade()
    assert look(store) == Chain(3, before)
    assert append(store, "goes on") == 4
    assert (look(store).lines, verify(store)) == (4, None)
    store.close()


# Anything ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"when": NOW, "state": CommandState.SENT, "pair": (1, 2)},
        {"nan": float("nan"), "inf": float("inf"), "minus": -0.0, "whole": 1.0, "tiny": 5e-324, "big": 2**63},
        {"proxy": MappingProxyType({"z": 1, "a": MappingProxyType({})})},
        {"text": 'quote " back \\ zero \0 line \n emoji 💡'},
    ],
)
def test_what_has_a_json_form_fits_when_read_again(bare: Store, body: dict[str, Any]) -> None:
    append(bare, "x", body)
    append(bare, "y")
    assert verify(bare) is None


def test_a_body_without_a_json_form_adds_no_line(bare: Store) -> None:
    with pytest.raises(Exception, match="JSON"):
        append(bare, "x", {"what": object()})
    append(bare, "y")
    assert (look(bare).lines, verify(bare)) == (1, None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(body=st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_body_fits_the_chain(bare: Store, body: dict[str, Any]) -> None:
    append(bare, "any", body)
    assert verify(bare) is None


def test_concurrent_lines_have_no_gap_and_fit(bare: Store, another: Open, sql: Sql) -> None:
    """Each of three writes and seals as fast as it can."""
    stores = [bare, another(), another()]
    together = Barrier(len(stores))

    def work(store: Store) -> list[int]:
        together.wait(30)
        return [append(store, "x", {"number": number}) for number in range(12)]

    with ThreadPoolExecutor(len(stores)) as pool:
        shares = list(pool.map(work, stores))
    bare.seal()
    assert len({number for share in shares for number in share}) == 36
    assert [row.seq for row in sql("SELECT seq FROM audit ORDER BY seq")] == list(range(1, 37))
    assert look(bare) == Chain(36, look(bare).head)
