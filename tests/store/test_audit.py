"""The chain of the audit trail, and hands that were not meant to touch it."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from engine.model import CommandState
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINES = 6

Open = Callable[[], Store]
Sql = Callable[..., Any]


@pytest.fixture
def sql(url: str) -> Iterator[Sql]:
    """Runs statements on the database behind the store's back; returns the rows of the last."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))

    def run(*statements: str, **values: Any) -> list[Any]:
        with engine.begin() as connection:
            for statement in statements:
                result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    yield run
    engine.dispose()


def append(store: Store, subject: str, body: Mapping[str, Any] | None = None) -> int:
    with store.begin() as unit:
        return unit.audit.append("anne", "override", subject, body or {}, NOW)


def verify(store: Store) -> int | None:
    with store.read() as unit:
        return unit.audit.verify()


@pytest.fixture
def chain(bare: Store) -> Store:
    """A store with six lines."""
    with bare.begin() as unit:
        for number in range(1, LINES + 1):
            body = {"value": number / 10, "reason": "vérité", "steps": [1, {"a": None}]}
            at = NOW + timedelta(minutes=number)
            assert unit.audit.append("anne", "override", f"L-{number}/powerState", body, at) == number
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
@pytest.mark.parametrize(("actor", "behind"), [("'bob'", 0), ("actor", 1)], ids=["another", "a copy of the next"])
def test_a_line_put_in_is_found(chain: Store, sql: Sql, seq: int, actor: str, behind: int) -> None:
    sql(
        "UPDATE audit SET seq = -(seq + 1) WHERE seq >= :seq",
        "UPDATE audit SET seq = -seq WHERE seq < 0",
        f"INSERT INTO audit SELECT :seq, at, {actor}, action, subject, body, hash FROM audit WHERE seq = :seq + 1",
        seq=seq,
    )
    assert verify(chain) == seq + behind


@pytest.mark.parametrize(("seq", "found"), [(-4, 1), (0, 1), (LINES + 1, LINES + 1), (LINES + 5, LINES + 1)])
def test_a_line_put_at_either_end_is_found(chain: Store, sql: Sql, seq: int, found: int) -> None:
    sql("INSERT INTO audit SELECT :seq, at, actor, action, subject, body, hash FROM audit WHERE seq = 6", seq=seq)
    assert verify(chain) == found


def test_a_line_forged_with_a_hash_that_fits_is_found_at_the_next(chain: Store, sql: Sql) -> None:
    """Whoever knows how the hash is made must make all that follow again."""
    kept = sql("SELECT * FROM audit WHERE seq > 3 ORDER BY seq")
    sql("DELETE FROM audit WHERE seq >= 3")
    assert append(chain, "L-3/forged") == 3
    for row in kept:
        sql("INSERT INTO audit VALUES (:seq, :at, :actor, :action, :subject, :body, :hash)", **row._mapping)
    assert verify(chain) == 4


def test_two_lines_exchanged_are_found(chain: Store, sql: Sql) -> None:
    sql(*(f"UPDATE audit SET seq = {to} WHERE seq = {of}" for of, to in [(3, 99), (4, 3), (99, 4)]))
    assert verify(chain) == 3


def test_a_lost_end_shows_against_a_copy_of_the_last_hash_only(chain: Store, sql: Sql) -> None:
    (before,) = sql("SELECT hash FROM audit WHERE seq = 6")
    sql("DELETE FROM audit WHERE seq = 6")
    assert verify(chain) is None
    assert append(chain, "L-6/other") == 6
    assert verify(chain) is None
    assert sql("SELECT hash FROM audit WHERE seq = 6") != [before]


def test_the_store_checks_its_chain(chain: Store, sql: Sql) -> None:
    assert chain.check() == []
    sql("UPDATE audit SET body = 'not JSON' WHERE seq = 4")
    assert [problem for problem in chain.check() if "4" in str(problem)] != []


def test_a_rolled_back_line_leaves_no_gap(chain: Store) -> None:
    with pytest.raises(ZeroDivisionError), chain.begin() as unit:
        assert unit.audit.append("bob", "x", "y", {}, NOW) == 7
        assert unit.audit.append("bob", "x", "y", {}, NOW) == 8
        raise ZeroDivisionError
    assert append(chain, "L-7") == 7
    assert verify(chain) is None


def test_verifying_leaves_the_transaction_as_it_was(chain: Store) -> None:
    with chain.begin() as unit:
        assert unit.audit.verify() is None
        assert unit.audit.append("bob", "x", "y", {}, NOW) == 7
        unit.state.put("key", b"body")
        assert unit.state.get("key") == b"body"
        assert "yield_per" not in unit.audit._connection.get_execution_options()
        assert unit.audit.verify() is None


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
    assert append(bare, "y") == 1
    assert verify(bare) is None


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
    stores = [bare, another(), another()]
    together = Barrier(len(stores))

    def work(store: Store) -> list[int]:
        together.wait(30)
        return [append(store, "x", {"number": number}) for number in range(12)]

    with ThreadPoolExecutor(len(stores)) as pool:
        shares = list(pool.map(work, stores))
    assert sorted(number for share in shares for number in share) == list(range(1, 37))
    assert all(share == sorted(share) for share in shares)
    assert [row.seq for row in sql("SELECT seq FROM audit ORDER BY seq")] == list(range(1, 37))
    assert verify(bare) is None
