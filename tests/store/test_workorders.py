"""Work orders: one open for a rule and an asset, whoever opens it, until somebody closes it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from engine.store import Store, revisions
from engine.store.workorders import WorkOrder

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POSTGRES = pytest.mark.parametrize("url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
TITLE = {"fr": "Réparer la vanne", "en": "Mend the valve"}

Open = Callable[[], Store]


def order(rule: str = "valve-leaking", asset: str = "V-1", at: float = 0, **fields: Any) -> WorkOrder:
    opened = WorkOrder(rule, asset, "A-1", NOW + timedelta(hours=at), TITLE, 172_800.0)
    return replace(opened, **fields)


def put(store: Store, *orders: WorkOrder) -> int:
    with store.begin() as unit:
        return unit.workorders.open(orders)


def listed(store: Store, **how: Any) -> list[WorkOrder]:
    with store.read() as unit:
        return unit.workorders.list(**how)


def close(store: Store, id: int | None, by: str = "Anne", note: str = "done") -> bool:  # noqa: A002
    assert id is not None
    with store.begin() as unit:
        return unit.workorders.close(id, NOW + timedelta(days=1), by, note)


def test_an_order_comes_back_as_it_went_in(bare: Store) -> None:
    assert put(bare, order()) == 1
    (found,) = listed(bare)
    assert found == order(id=found.id)
    assert found.id is not None
    assert listed(bare, closed=True) == []


def test_nothing_is_open_at_first(bare: Store) -> None:
    assert put(bare) == 0
    assert listed(bare) == []
    assert not close(bare, 1)


def test_one_is_open_for_a_rule_and_an_asset(bare: Store) -> None:
    assert put(bare, order(), order(at=1), order(asset="V-2"), order(rule="valve-no-flow")) == 3
    assert put(bare, order(at=2), order(asset="V-3", at=2)) == 1
    assert (listed(bare)[0].asset, len(listed(bare))) == ("V-3", 4)
    assert {o.opened_at for o in listed(bare) if (o.rule, o.asset) == ("valve-leaking", "V-1")} == {NOW}


def test_a_closed_one_leaves_room_for_another(bare: Store) -> None:
    put(bare, order())
    (first,) = listed(bare)
    assert close(bare, first.id)
    assert not close(bare, first.id, by="Paul")
    assert put(bare, order(at=48)) == 1
    (closed,) = listed(bare, closed=True)
    assert (closed.closed_at, closed.closed_by, closed.note) == (NOW + timedelta(days=1), "Anne", "done")
    (second,) = listed(bare)
    assert second.id != first.id
    assert close(bare, second.id)
    assert [o.id for o in listed(bare, closed=True)] == [second.id, first.id]
    assert len(listed(bare, closed=True, limit=1)) == 1


@POSTGRES
def test_two_who_open_at_once_open_one(bare: Store, another: Open) -> None:
    other, both = another(), Barrier(2)

    def opened(store: Store) -> int:
        both.wait()
        return put(store, order())

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(opened, (bare, other))) == [0, 1]
    assert len(listed(bare)) == 1


def test_a_database_of_the_first_schema_is_brought_up(empty_url: str) -> None:
    engine = create_engine(empty_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(revisions.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO state VALUES ('rules', '1'), ('other', '2')"))
    engine.dispose()
    store = Store.open(empty_url)
    (problem,) = store.check_schema()
    assert "'0001'" in problem.what
    store.upgrade()
    assert store.check_schema() == []
    assert put(store, order()) == 1
    indexes = {index["name"]: index["unique"] for index in inspect(engine).get_indexes("work_order")}
    assert indexes == {"work_order_open": 1, "work_order_opened_at": 0}
    with store.read() as unit:
        assert [unit.state.get(key) is None for key in ("rules", "other")] == [True, False]
    store.close()
    engine.dispose()
