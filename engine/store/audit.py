"""Who did what: a chain in which every line holds the one before it."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Text, insert, select, type_coerce

from engine.instants import to_us
from engine.store import schema
from engine.store.bulk import Bulk
from engine.store.schema import to_json

_TABLE = schema.audit
_GENESIS = "0" * 64


class Audit:
    """Lines numbered from 1 without a gap. Each one's SHA-256 covers its content, its number and the hash before it.

    The chain shows a line changed, removed or put in; that its end was cut off, only a copy of the last hash shows.
    """

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection

    def append(self, actor: str, action: str, subject: str, body: Mapping[str, Any], at: datetime) -> int:
        """Add a line; returns its number. Other writers wait until this transaction ends."""
        if self._connection.dialect.name == "postgresql":
            self._connection.exec_driver_sql("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE")
        last = self._connection.execute(
            select(_TABLE.c.seq, _TABLE.c.hash).order_by(_TABLE.c.seq.desc()).limit(1)
        ).first()
        seq, before = (last.seq + 1, last.hash) if last else (1, _GENESIS)
        line = {"seq": seq, "at": to_us(at), "actor": actor, "action": action, "subject": subject, "body": dict(body)}
        self._connection.execute(insert(_TABLE).values(**line, hash=_digest(before, line)))
        return seq

    def bodies(self, actor: str, action: str, start: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """What one actor wrote of one kind of act in [start, until), in order."""
        columns = _TABLE.c
        acts = (columns.actor == actor, columns.action == action)
        when = (columns.at >= to_us(start), columns.at < to_us(until))
        yield from self._connection.execute(select(columns.body).where(*acts, *when).order_by(columns.seq)).scalars()

    def verify(self) -> int | None:
        """The number of the first line that does not fit the chain; None when all do."""
        expected, before = 1, _GENESIS
        columns = _TABLE.c
        # The body as it is written: read as JSON, a changed text could mean the same, or nothing at all.
        body = type_coerce(columns.body, Text).label("body")
        statement = select(columns.seq, columns.at, columns.actor, columns.action, columns.subject, body, columns.hash)
        with self._connection.execute(statement.order_by(columns.seq).execution_options(yield_per=10_000)) as rows:
            for row in rows.mappings():
                line = {name: row[name] for name in ("seq", "at", "actor", "action", "subject")}
                line["body"] = orjson.Fragment(row["body"])
                if row["seq"] != expected or row["hash"] != _digest(before, line):
                    return expected
                expected, before = expected + 1, row["hash"]
        return None


def _digest(before: str, line: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{before}{to_json(line)}".encode()).hexdigest()
