"""When points are to be settled again although nobody wants anything else (see `Command.renew_at`)."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl
from sqlalchemy import exists, select, update

from engine.instants import to_us
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.command


class Renewals:
    """A column of the newest commands; what has none waits for nothing."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    def set(self, instants: Mapping[str, datetime | None]) -> None:
        """Command → when, or None for not any more."""
        if not instants:
            return
        rows = [(command, None if at is None else to_us(at)) for command, at in instants.items()]
        frame = pl.DataFrame(rows, schema={"id": pl.String, "at": pl.Int64}, orient="row")
        keys = self._bulk.keys(frame)
        self._bulk.connection.execute(update(_TABLE).where(_TABLE.c.id == keys.c.id).values(renew_at=keys.c.at))

    def due(self, now: datetime) -> list[str]:
        """The points whose time has come, in order. Of a command that another has followed, the time says nothing."""
        column, newer = _TABLE.c.renew_at, _TABLE.alias("newer").c
        followed = exists().where(newer.point == _TABLE.c.point, newer.seq > _TABLE.c.seq)
        statement = select(_TABLE.c.point).where(column.is_not(None), column <= to_us(now), ~followed).distinct()
        return sorted(self._bulk.connection.execute(statement).scalars())
