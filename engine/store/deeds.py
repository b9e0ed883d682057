"""What equipment was made to do, of late: the programs that went to it."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Select, exists, select

from engine.instants import from_us, to_us
from engine.setpoints.courses import ABOUT, DAY, IN_ACTION, Deed
from engine.store import schema
from engine.store.bulk import Bulk, Frame
from engine.wire import program_from_json

_TABLE = schema.command
_STATES = sorted(state.value for state in IN_ACTION)
_REACH = 2 * DAY
"""How far before the end of the last program deeds are looked for: what began up to a day before the day wanted."""


class Deeds:
    """The deeds of points: commands that are at the equipment, or may be."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    def of_last_days(
        self, known: Mapping[str, Deed | None], now: datetime, days: int = 1
    ) -> dict[str, list[Deed]]:  # fmt: skip
        """For each point its deeds over the last day of which there are any, as of now, and the `days` - 1 before it.

        `known` names the points, each with its last deed where that is known. Nothing older is looked for where the
        last one covers all that by itself.
        """
        last = {point: deed for point, deed in known.items() if deed is not None}
        last |= self._last(known.keys() - last.keys())
        ends = {point: min(now, deed.program.until) for point, deed in last.items()}
        short = {
            point: to_us(end - _REACH - (days - 1) * DAY)
            for point, end in ends.items()
            if last[point].at > end - days * DAY + ABOUT
        }
        earlier = self._since(short)
        return {point: [*(d for d in earlier.get(point, ()) if d.at != deed.at), deed] for point, deed in last.items()}

    def _last(self, points: Collection[str]) -> dict[str, Deed]:
        other = _TABLE.alias("later")
        later = exists().where(other.c.point == _TABLE.c.point, other.c.seq > _TABLE.c.seq, other.c.state.in_(_STATES))
        keys = self._bulk.keys(pl.DataFrame({"point": sorted(points)}, schema={"point": pl.String}))
        on = (_TABLE.c.point == keys.c.point, _TABLE.c.state.in_(_STATES), ~later)
        found, columns = self._bulk.seek(keys, _TABLE, *on)
        return dict(self._read(_deed_of(columns).select_from(found))) if points else {}

    def _since(self, since: Mapping[str, int]) -> dict[str, list[Deed]]:
        types: Any = {"point": pl.String, "since": pl.Int64}
        keys = self._bulk.keys(Frame(sorted(since.items()), schema=types, orient="row"))
        on = (_TABLE.c.point == keys.c.point, _TABLE.c.state.in_(_STATES), _TABLE.c.issued_at >= keys.c.since)
        found, columns = self._bulk.seek(keys, _TABLE, *on)
        deeds: dict[str, list[Deed]] = {}
        for point, deed in self._read(_deed_of(columns).select_from(found).order_by(columns["seq"])) if since else ():
            deeds.setdefault(point, []).append(deed)
        return deeds

    def _read(self, statement: Select[Any]) -> Iterator[tuple[str, Deed]]:
        for point, issued_at, program in self._bulk.connection.execute(statement):
            yield point, Deed(from_us(issued_at), program_from_json(program))


def _deed_of(columns: Any) -> Select[Any]:
    return select(columns["point"], columns["issued_at"], columns["program"])
