"""Migrations give the schema the code speaks of, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from engine.errors import Conflict, Unavailable
from engine.store import Store, revisions
from engine.store.schema import Json, frame_schema, metadata, reading, to_json


@pytest.fixture
def fresh(empty_url: str) -> Iterator[Store]:
    """A store of our schema in a database of its own, which a test may spoil."""
    store = Store.open(empty_url, create=True)
    store.upgrade()
    yield store
    store.close()


def _include(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind == "table" and name is not None and name.startswith("reading_"))


def _render(_context: Any, _inspected: Any, declared: Any, _found: Any, wanted: Any) -> bool | None:
    # JSON is text in the database.
    return False if isinstance(wanted, Json) or isinstance(declared.type, Json) else None


def test_the_migrated_schema_is_the_one_of_the_code(fresh: Store, empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": _render, "include_name": _include, "target_metadata": metadata}
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_the_comparison_sees_a_difference(fresh: Store, empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX alarm_active"))
        connection.execute(text("ALTER TABLE plan ADD COLUMN stray TEXT"))
        context = MigrationContext.configure(connection, opts={"compare_type": _render, "include_name": _include})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert {difference[0] for difference in differences} == {"add_index", "remove_column"}


def test_keys_constraints_and_partitions_are_there(fresh: Store, empty_url: str) -> None:
    engine = create_engine(empty_url)
    look = inspect(engine)
    for table in metadata.sorted_tables:
        assert look.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
        assert {c["name"]: c["nullable"] for c in look.get_columns(table.name)} == {
            c.name: c.nullable for c in table.columns
        }
    assert [c["column_names"] for c in look.get_unique_constraints("reading")] == [["series", "observed_at", "value"]]
    active = next(i for i in look.get_indexes("alarm") if i["name"] == "alarm_active")
    assert active["unique"]
    assert "normal" in "".join(map(str, active["dialect_options"].values()))
    assert look.has_table("reading_default") is empty_url.startswith("postgresql")
    engine.dispose()


def test_upgrading_twice_changes_nothing(store: Store) -> None:
    store.upgrade()
    assert store.check_schema() == []
    with store.read() as unit:
        assert len(unit.inventory.assets()) == 5


def test_an_empty_database_wants_the_schema_and_says_so(empty_url: str) -> None:
    store = Store.open(empty_url, create=True)
    (problem,) = store.check_schema()
    assert problem.what == "has no schema"
    assert problem.hint == "consigne db upgrade"
    assert store.check() == [problem]
    with pytest.raises(Unavailable, match="consigne db upgrade"), store.read() as unit:
        unit.inventory.zones()
    with pytest.raises(Unavailable, match="consigne db upgrade"), store.begin() as unit:
        unit.state.put("key", b"body")
    store.upgrade()
    assert store.check_schema() == []
    store.close()


def test_an_older_schema_is_named_and_brought_up(fresh: Store, empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    (problem,) = fresh.check_schema()
    assert "'0000'" in problem.what
    assert repr(revisions.head()) in problem.what
    with pytest.raises(Conflict, match="newer version; nothing was changed"):
        fresh.upgrade()
    engine.dispose()


def test_tables_of_somebody_else_are_left_alone(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE reading (id INTEGER)"))
    store = Store.open(empty_url, create=True)
    with pytest.raises(Conflict, match="somebody else's tables; nothing was changed"):
        store.upgrade()
    assert sorted(inspect(engine).get_table_names()) == ["reading"]
    store.close()
    engine.dispose()


def test_a_failing_migration_leaves_nothing(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE job_run (id INTEGER)"))
    store = Store.open(empty_url, create=True)
    with pytest.raises(DBAPIError, match="job_run"):
        store.upgrade()
    assert sorted(inspect(engine).get_table_names()) == ["job_run"]
    store.close()
    engine.dispose()


def test_migrations_are_shipped_beside_the_code() -> None:
    folder = Path(revisions.__file__).parent / "migrations"
    assert (folder / "env.py").is_file()
    assert list((folder / "versions").glob("0001_*.py"))


def test_no_table_has_room_for_a_picture_or_a_plate() -> None:
    names = {column.name for table in metadata.sorted_tables for column in table.columns}
    assert not [name for name in names if any(word in name for word in ("image", "face", "plate", "photo"))]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [1.5, None, True]}, '{"a":[1.5,null,true],"b":1}'),
        ({"é": "\n"}, '{"é":"\\n"}'),
        ([], "[]"),
    ],
)
def test_json_has_one_text(value: object, expected: str) -> None:
    assert to_json(value) == expected


def test_json_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        to_json({"what": object()})


def test_frames_follow_the_tables() -> None:
    assert {name: str(dtype) for name, dtype in frame_schema(reading).items()} == {
        "zone": "Int32",
        "seq": "Int64",
        "series": "Int32",
        "observed_at": "Int64",
        "value": "Float64",
        "quality": "Int16",
    }
