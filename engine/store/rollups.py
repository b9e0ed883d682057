"""15-minute and daily roll-ups, recomputed for every bucket that new readings fall into."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, Table, case, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.instants import PARIS
from engine.store import schema
from engine.store.bulk import Bulk, Frame
from engine.store.cursors import Cursors
from engine.store.horizon import horizon

_CURSOR = "store.roll-up"
_CHUNK = 200_000
_QUARTER_US = 15 * 60 * 1_000_000
_KEYS: dict[str, Any] = {"series": pl.Int32, "start": pl.Int64, "until": pl.Int64}

Since = Callable[[Mapping[int, int], int], Frame]


class RollUp:
    """Recomputes buckets from what is stored, so that doing it twice, late or in any order gives the same.

    A bucket before the horizon of `Store.prune` is final: its readings are gone.
    """

    def __init__(self, bulk: Bulk, since: Since) -> None:
        self._bulk = bulk
        self._since = since
        self._cursors = Cursors(bulk)

    def run(self) -> int:
        position = self._cursors.get(_CURSOR)
        first, taken = horizon(self._bulk), 0
        while not (fresh := self._since(position, _CHUNK)).is_empty():
            quarters = _quarters(fresh.filter(pl.col("observed_at") >= first))
            self._renew(quarters, schema.rollup_15min, self._corrected(quarters))
            days = _days(quarters)
            self._renew(days, schema.rollup_day, self._of_quarters(days))
            heads = fresh.group_by("zone").agg(pl.col("seq").max())
            position |= dict(heads.iter_rows())
            taken += fresh.height
        self._cursors.set(_CURSOR, position)
        return taken

    def _corrected(self, keys: Frame) -> Select[Any]:
        """The readings of the buckets, of several at one instant the last to arrive."""
        table, spans = schema.reading, self._bulk.keys(keys)
        found, columns = self._bulk.seek(
            spans,
            table,
            table.c.series == spans.c.series,
            table.c.observed_at >= spans.c.start,
            table.c.observed_at < spans.c.until,
        )
        rank = func.row_number().over(
            partition_by=[columns["series"], columns["observed_at"]], order_by=columns["seq"].desc()
        )
        value = columns["value"]
        parts = (spans.c.series, spans.c.start, columns["observed_at"].label("at"), value, rank.label("rank"))
        ranked = select(*parts).select_from(found).subquery()
        of = ranked.c
        one = literal(1, BigInteger)
        return _parts(of.series, of.start, of.at, one, *[of.value] * 4).where(of.rank == 1)

    def _of_quarters(self, keys: Frame) -> Select[Any]:
        """The quarter hours of the days."""
        table, spans = schema.rollup_15min, self._bulk.keys(keys)
        found, of = self._bulk.seek(
            spans,
            table,
            table.c.series == spans.c.series,
            table.c.bucket_start >= spans.c.start,
            table.c.bucket_start < spans.c.until,
        )
        values = (of[name] for name in ("n", "sum", "min", "max", "last"))
        return _parts(spans.c.series, spans.c.start, of["bucket_start"], *values).select_from(found)

    def _renew(self, keys: Frame, table: Table, parts: Select[Any]) -> None:
        if keys.is_empty():
            return
        make = postgresql.insert if self._bulk.connection.dialect.name == "postgresql" else sqlite.insert
        names = table.c.keys()
        statement = make(table).from_select(names, _summed(parts.subquery()))
        changes = {name: statement.excluded[name] for name in names[2:]}
        self._bulk.connection.execute(statement.on_conflict_do_update(index_elements=names[:2], set_=changes))


def _parts(*columns: ColumnElement[Any]) -> Select[Any]:
    names = ("series", "bucket_start", "at", "n", "sum", "min", "max", "last")
    return select(*(column.label(name) for column, name in zip(columns, names, strict=True)))


def _summed(parts: Subquery) -> Select[Any]:
    of = parts.c
    newest = func.row_number().over(partition_by=[of.series, of.bucket_start], order_by=of.at.desc())
    ranked = select(parts, newest.label("newest")).subquery().c
    return select(
        ranked.series,
        ranked.bucket_start,
        func.sum(ranked.n),
        func.sum(ranked.sum),
        func.min(ranked.min),
        func.max(ranked.max),
        func.max(case((ranked.newest == 1, ranked.last))),
    ).group_by(ranked.series, ranked.bucket_start)


def _quarters(fresh: Frame) -> Frame:
    """The quarter hours [start, until) that the readings lie in."""
    start = pl.col("observed_at") // _QUARTER_US * _QUARTER_US
    return fresh.select("series", start=start).unique().with_columns(until=pl.col("start") + _QUARTER_US)


def _days(quarters: Frame) -> Frame:
    """The days of Europe/Paris, 23 to 25 hours long, that the quarter hours lie in."""
    local = pl.from_epoch("start", time_unit="us").dt.replace_time_zone("UTC").dt.convert_time_zone(PARIS.key)
    midnight = local.dt.truncate("1d")
    starts = quarters.select("start").unique()
    days = starts.select("start", day=midnight.dt.epoch("us"), until=midnight.dt.offset_by("1d").dt.epoch("us"))
    return (
        quarters.select("series", "start").join(days, on="start").select("series", start="day", until="until").unique()
    )
