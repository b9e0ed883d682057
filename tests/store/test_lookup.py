"""Latest values, histories, totals; and the index look-ups behind them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select, update

from engine.instants import to_us
from engine.model import Reason
from engine.setpoints.points import Sample, Watch
from engine.store import Intake, Store, schema
from engine.store.bulk_postgres import PostgresBulk
from engine.store.bulk_sqlite import SqliteBulk
from engine.store.intake import REFUSED

Lines = dict[str, Any]
Put = Callable[..., Intake]
MINUTE = 60_000_000


def test_latest_of_all_and_of_some(store: Store, lamps: Lines, put: Put) -> None:
    put(lamps["L-1"](0, 0.1), lamps["L-2"](5, 0.2), lamps["L-1"](3, 0.3), lamps["L-1"](2, 0.4))
    with store.read() as unit:
        every = unit.readings.latest()
        one = unit.readings.latest([lamps["L-2"].series, lamps["L-2"].series, 999_999])
        none = unit.readings.latest([])
    assert every["value"].to_list() == [0.3, 0.2]
    assert one.rows() == [lamps["L-2"](5, 0.2)[0:1] + lamps["L-2"](5, 0.2)[2:]]
    assert none.is_empty()
    assert none.schema == {"series": pl.Int32, "observed_at": pl.Int64, "value": pl.Float64}


def test_history_is_half_open_and_in_order(store: Store, lamps: Lines, put: Put, now: Any) -> None:
    put(*(lamps["L-1"](minute, minute / 10) for minute in (4, 0, 2, 6)), lamps["L-2"](3, 0.9))
    start = to_us(now)
    numbers = [lamps["L-2"].series, lamps["L-1"].series]
    with store.read() as unit:
        frame = unit.readings.history(numbers, start, start + 6 * MINUTE)
        nothing = unit.readings.history(numbers, start + 7 * MINUTE, start + 9 * MINUTE)
    assert frame.columns == ["series", "observed_at", "value"]
    assert frame["value"].to_list() == [0.0, 0.2, 0.4, 0.9]
    assert frame["observed_at"].to_list() == [start, start + 2 * MINUTE, start + 4 * MINUTE, start + 3 * MINUTE]
    assert nothing.is_empty()


def test_history_gives_the_last_correction(store: Store, lamps: Lines, put: Put, now: Any) -> None:
    put(lamps["L-1"](0, 0.9), lamps["L-1"](1, 0.5))
    put(lamps["L-1"](0, 0.1))
    put(lamps["L-1"](0, 0.4), lamps["L-1"](0, 0.9))
    with store.read() as unit:
        frame = unit.readings.history([lamps["L-1"].series], to_us(now), to_us(now) + 2 * MINUTE)
    assert frame["value"].to_list() == [0.4, 0.5]


def test_totals_sum_every_batch(store: Store, lamps: Lines, put: Put) -> None:
    refused = pl.DataFrame([(None, None, "no_time", "", None)] * 2, schema=REFUSED, orient="row")
    put(lamps["L-1"](5), lamps["L-1"](4), lamps["L-1"](5), refused=refused)
    put(lamps["L-1"](5))
    with store.read() as unit:
        totals = unit.readings.totals()
    assert totals == Intake(6, 2, 1, {Reason.NO_TIME: 2, Reason.DUPLICATE: 2})


def test_refusals_come_newest_first(store: Store, put: Put) -> None:
    for number in range(3):
        put(refused=pl.DataFrame([(None, None, "no_time", f"{number}", None)], schema=REFUSED, orient="row"))
    with store.read() as unit:
        frame = unit.readings.refusals(2)
        assert unit.readings.refusals(0).is_empty()
    assert frame["detail"].to_list() == ["2", "1"]
    assert frame.columns == ["received_at", "source", "asset", "property", "reason", "detail", "raw"]


@pytest.mark.postgres
def test_postgres_looks_up_each_key_by_index(postgres_url: str) -> None:
    """A planner that reads a whole month for a few keys would stop a rule cycle: it must not be able to."""
    store = Store.open(postgres_url)
    store.upgrade()
    with store.begin() as unit:
        connection = unit.inventory._connection
        connection.exec_driver_sql("INSERT INTO reading SELECT i, i, i, i, i, 0 FROM generate_series(1, 20000) i")
        connection.exec_driver_sql("ANALYZE reading")
        bulk, table = PostgresBulk(connection), schema.reading
        spans = pl.DataFrame({"zone": range(500), "after": [100] * 500}, schema={"zone": pl.Int32, "after": pl.Int64})
        keys = bulk.keys(spans)
        found, columns = bulk.seek(keys, table, table.c.zone == keys.c.zone, table.c.seq > keys.c.after)
        compiled = select(columns["value"]).select_from(found).compile(connection)
        cursor = connection.connection.cursor()
        cursor.execute(f"EXPLAIN {compiled}", compiled.params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    store.close()
    assert "Index Cond: ((zone = " in plan, plan
    assert "Nested Loop" in plan, plan


def test_sqlite_starts_from_the_keys(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'consigne.db'}", create=True)
    store.upgrade()
    with store.begin() as unit:
        connection = unit.inventory._connection
        bulk, table = SqliteBulk(connection), schema.reading
        keys = bulk.keys(pl.DataFrame({"series": [1], "observed_at": [5]}))
        found, columns = bulk.seek(
            keys, table, table.c.series == keys.c.series, table.c.observed_at == keys.c.observed_at
        )
        lookups: list[Any] = [select(columns["value"]).select_from(found)]
        ends = bulk.keys(pl.DataFrame({"id": [1], "at": [5]}))
        lookups.append(update(schema.slot).where(schema.slot.c.id == ends.c.id).values(ended_at=ends.c.at))
        heads = bulk.keys(pl.DataFrame({"zone": [1], "seq": [5]}))
        lookups.append(update(schema.zone).where(schema.zone.c.no == heads.c.zone).values(last_seq=heads.c.seq))
        for statement in lookups:
            sql = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
            plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
            assert "VIRTUAL TABLE" in plan[0], plan
            assert plan[1].startswith("SEARCH"), plan
    store.close()


def test_samples_are_the_latest_of_the_watches_that_have_any(store: Store, lamps: Lines, put: Put, now: Any) -> None:
    put(lamps["L-1"](0, 0.1), lamps["L-1"](5, 0.3), lamps["L-2"](2, 0.7))
    hour = timedelta(hours=1)
    watches = [Watch(name, "illuminanceLevel", hour) for name in ("L-1", "L-2", "L-3")]
    with store.read() as unit:
        found = unit.readings.samples([*watches, Watch("L-1", "nothing", hour), Watch("X", "illuminanceLevel", hour)])
        assert unit.readings.samples([]) == {}
    assert found == {
        watches[0]: Sample(0.3, now + timedelta(minutes=5)),
        watches[1]: Sample(0.7, now + timedelta(minutes=2)),
    }
