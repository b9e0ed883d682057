"""The priority arrays as rows, every version kept."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
import polars as pl
from sqlalchemy import and_, select, update

from engine.instants import from_us, to_us
from engine.model import Level, Slot
from engine.store import schema
from engine.store.bulk import Bulk, Frame
from engine.store.schema import FOREVER, to_json
from engine.wire import program_from_json, program_to_json

_KEY = ("point", "level", "source")
_WRITTEN = [name for name in schema.frame_schema(schema.slot) if name != "id"]


class Slots:
    """See `SlotLog`. A slot stands on [written_at, ended_at)."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def put(self, slots: Sequence[Slot]) -> None:
        """See `SlotLog.put`. One that arrives after a newer version of its time stands until that one is written."""
        for wave in _waves(slots):
            frame = _frame(wave)
            self._bulk.insert(schema.slot, frame.with_columns(ended_at=self._ends(frame)))

    def release(self, point: str, level: int, source: str, at: datetime) -> bool:
        columns, instant = schema.slot.c, to_us(at)
        named = and_(columns.point == point, columns.level == level, columns.source == source)
        stands = and_(columns.written_at <= instant, columns.ended_at > instant)
        ended = self._connection.execute(update(schema.slot).where(named, stands).values(ended_at=instant))
        return ended.rowcount > 0

    def arrays(self, points: Collection[str], at: datetime | None) -> dict[str, list[Slot]]:
        """See `SlotLog.arrays`. Each array by level, then source."""
        table, instant = schema.slot, FOREVER - 1 if at is None else to_us(at)
        keys = self._bulk.keys(pl.DataFrame({"point": sorted(set(points))}, schema={"point": pl.String}))
        found, columns = self._bulk.seek(
            keys, table, table.c.point == keys.c.point, table.c.ended_at > instant, table.c.written_at <= instant
        )
        names = ("point", "level", "source", "program", "written_at", "version", "reason", "id")
        order = [columns[name] for name in _KEY]
        arrays: dict[str, list[Slot]] = {}
        for row in self._connection.execute(select(*(columns[n] for n in names)).select_from(found).order_by(*order)):
            arrays.setdefault(row.point, []).append(_slot(row))
        return arrays

    def standing(self, point: str, at: datetime) -> list[Slot]:
        """The array of one point; empty for a point nobody ever wanted anything of."""
        return self.arrays([point], at).get(point, [])

    def _ends(self, fresh: Frame) -> pl.Series:
        """End the versions that the fresh ones replace; returns where the fresh ones end."""
        table = schema.slot
        keys = self._bulk.keys(fresh.select(*_KEY, "written_at"))
        same = [table.c[name] == keys.c[name] for name in _KEY]
        found, columns = self._bulk.seek(keys, table, *same, table.c.ended_at > keys.c.written_at)
        others = (columns["id"], columns["written_at"].label("old"), columns["program"])
        statement = select(*(keys.c[n] for n in (*_KEY, "written_at")), *others)
        spans = {tuple(key): _span(orjson.loads(program)) for *key, program in fresh.select(*_KEY, "program").rows()}
        replaced: list[tuple[int, int]] = []
        later: dict[tuple[Any, ...], int] = {}
        for *key, written_at, number, old, program in self._connection.execute(statement.select_from(found)):
            if _apart(spans[tuple(key)], _span(program), written_at):
                continue
            if old <= written_at:
                replaced.append((number, written_at))
            else:
                later[tuple(key)] = min(old, later.get(tuple(key), FOREVER))
        ended = self._bulk.keys(pl.DataFrame(replaced, schema={"id": pl.Int64, "at": pl.Int64}, orient="row"))
        self._connection.execute(update(table).where(table.c.id == ended.c.id).values(ended_at=ended.c.at))
        return pl.Series([later.get(key, FOREVER) for key in fresh.select(_KEY).iter_rows()], dtype=pl.Int64)


def _span(program: Any) -> tuple[int, int]:
    """From when until when a program as JSON says something, µs since 1970."""
    starts, ends = (to_us(datetime.fromisoformat(at)) for at in (program["steps"][0][0], program["until"]))
    return starts, ends


def _apart(fresh: tuple[int, int], other: tuple[int, int], written_at: int) -> bool:
    """Whether neither takes the other's place: one is over before the other begins, and that is not the past."""
    (starts, ends), (other_starts, other_ends) = fresh, other
    return other_starts >= ends or written_at < other_ends <= starts


def _waves(slots: Iterable[Slot]) -> list[list[Slot]]:
    """The slots in order, cut so that in each part a (point, level, source) occurs once."""
    waves: list[list[Slot]] = []
    seen: dict[tuple[str, int, str], int] = {}
    for slot in slots:
        key = (slot.point, int(slot.level), slot.source)
        place = seen[key] = seen.get(key, -1) + 1
        if place == len(waves):
            waves.append([])
        waves[place].append(slot)
    return waves


def _frame(slots: Sequence[Slot]) -> Frame:
    rows = [
        (
            slot.point,
            int(slot.level),
            slot.source,
            to_json(program_to_json(slot.program)),
            to_us(slot.written_at),
            slot.version,
            slot.reason,
            FOREVER,
        )
        for slot in slots
    ]
    types = schema.frame_schema(schema.slot)
    return pl.DataFrame(rows, schema={name: types[name] for name in _WRITTEN}, orient="row")


def _slot(row: Any) -> Slot:
    return Slot(
        point=row.point,
        level=Level(row.level),
        source=row.source,
        program=program_from_json(row.program),
        written_at=from_us(row.written_at),
        version=row.version,
        reason=row.reason,
        id=row.id,
    )
