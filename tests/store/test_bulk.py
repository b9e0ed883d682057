"""Frames in and out, by each database's fast path: what goes in comes out."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from engine.store import Store, schema
from engine.store.bulk import conform, read_frame, stream_frames

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
_INT64 = st.integers(-(2**63), 2**63 - 1)
_FLOAT = st.floats(allow_nan=False)


def _bulk(unit: Any) -> Any:
    return unit.readings._bulk


@settings(max_examples=40)
@given(st.lists(st.tuples(_INT64, _INT64, _FLOAT, _INT64), max_size=20))
def _numbers_survive(store: Store, rows: list[tuple[int, int, float, int]]) -> None:
    frame = pl.DataFrame(
        [(number, at, value, seq) for number, (_, at, value, seq) in enumerate(rows)],
        schema=schema.frame_schema(schema.latest),
        orient="row",
    )
    with pytest.raises(ZeroDivisionError), store.begin() as unit:
        bulk = _bulk(unit)
        bulk.insert(schema.latest, frame)
        assert read_frame(bulk.connection, select(schema.latest).order_by("series")).equals(frame)
        doubled = frame.with_columns(pl.col("value") / 2)
        bulk.upsert(schema.latest, doubled)
        assert read_frame(bulk.connection, select(schema.latest).order_by("series")).equals(doubled)
        raise ZeroDivisionError


def test_numbers_survive(bare: Store) -> None:
    _numbers_survive(bare)


@settings(max_examples=40)
@given(st.lists(st.tuples(_INT64, _TEXT, st.none() | _TEXT, st.none() | _TEXT, _TEXT, _TEXT, st.none() | _TEXT)))
def _texts_survive(store: Store, rows: list[tuple[Any, ...]]) -> None:
    names = ["received_at", "source", "asset", "property", "reason", "detail", "raw"]
    types = schema.frame_schema(schema.refusal)
    frame = pl.DataFrame(rows, schema={name: types[name] for name in names}, orient="row")
    with pytest.raises(ZeroDivisionError), store.begin() as unit:
        bulk = _bulk(unit)
        bulk.insert(schema.refusal, frame)
        columns = [schema.refusal.c[name] for name in names]
        found = read_frame(bulk.connection, select(*columns).order_by(schema.refusal.c.id))
        assert found.equals(frame)
        raise ZeroDivisionError


def test_texts_survive_with_nulls_quotes_tabs_and_backslashes(bare: Store) -> None:
    _texts_survive(bare)


@pytest.mark.parametrize("body", [b"", b"\x00\xff\\x", bytes(range(256)) * 100])
def test_bytes_survive(bare: Store, body: bytes) -> None:
    frame = pl.DataFrame([("key", body)], schema=schema.frame_schema(schema.state), orient="row")
    with bare.begin() as unit:
        _bulk(unit).insert(schema.state, frame)
    with bare.begin() as unit:
        assert unit.state.get("key") == body
        unit.state.put("key", body[::-1])
        assert unit.state.get("key") == body[::-1]


@settings(max_examples=40)
@given(st.lists(st.tuples(_INT64, _TEXT), max_size=20))
def _keys_survive(store: Store, rows: list[tuple[int, str]]) -> None:
    frame = pl.DataFrame(rows, schema={"number": pl.Int64, "text": pl.String}, orient="row")
    with store.read() as unit:
        bulk = _bulk(unit)
        assert read_frame(bulk.connection, select(bulk.keys(frame))).equals(frame)


def test_keys_are_rows(bare: Store) -> None:
    _keys_survive(bare)


def test_keys_of_no_rows(bare: Store) -> None:
    frame = pl.DataFrame(schema={"number": pl.Int32, "text": pl.String})
    with bare.read() as unit:
        assert read_frame(_bulk(unit).connection, select(_bulk(unit).keys(frame))).is_empty()


def test_sqlite_keys_refuse_floats(tmp_path: Any) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'consigne.db'}", create=True)
    with store.read() as unit, pytest.raises(TypeError, match="keys are integers and text"):
        _bulk(unit).keys(pl.DataFrame({"value": [0.5]}))
    store.close()


@pytest.mark.parametrize("size", [1, 3, 7, 10, 100])
def test_streams_are_whole_and_in_bites(bare: Store, size: int) -> None:
    frame = pl.DataFrame({"key": [f"key-{i}" for i in range(10)], "body": [b"x"] * 10})
    with bare.begin() as unit:
        _bulk(unit).insert(schema.state, frame)
    with bare.read() as unit:
        parts = list(stream_frames(_bulk(unit), select(schema.state).order_by("key"), size))
    assert [part.height for part in parts] == [min(size, 10 - done) for done in range(0, 10, size)]
    assert pl.concat(parts).equals(frame)


def test_a_frame_takes_the_types_of_its_table() -> None:
    frame = pl.DataFrame({"value": [1], "stray": ["x"], "series": [2], "seq": [3], "observed_at": [4]})
    fitted = conform(schema.latest, frame)
    assert fitted.columns == ["series", "observed_at", "value", "seq"]
    assert [str(dtype) for dtype in fitted.dtypes] == ["Int32", "Int64", "Float64", "Int64"]


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        conform(schema.latest, pl.DataFrame({"series": [2**40]}))
