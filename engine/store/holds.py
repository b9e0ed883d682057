"""Where people have stopped the automation, and until when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from engine.instants import from_us, to_us
from engine.model import Hold, Scope
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.hold
_COLUMNS = _TABLE.c


class Holds:
    """Holds of domains, zones and points, every one kept. One stands on [from_at, until_at), or until it is ended."""

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection

    def put(self, hold: Hold) -> Hold:
        """Write a hold; returned with its id. One of the same scope and subject that stands ends as it begins."""
        self.end(hold.scope, hold.subject, hold.from_at, hold.by)
        row = {
            "scope": hold.scope.value,
            "subject": hold.subject,
            "from_at": to_us(hold.from_at),
            "until_at": to_us(hold.until_at),
            "reason": hold.reason,
            "by": hold.by,
        }
        number = self._connection.execute(insert(_TABLE).values(**row).returning(_COLUMNS.id)).scalar_one()
        return replace(hold, id=number)

    def end(self, scope: Scope, subject: str, at: datetime, by: str) -> Sequence[Hold]:
        """End what stands on exactly this subject; returns it, as it stood."""
        found = self._read(_stands(at), _COLUMNS.scope == scope.value, _COLUMNS.subject == subject)
        values = {"ended_at": to_us(at), "ended_by": by}
        self._connection.execute(update(_TABLE).where(_COLUMNS.id.in_([hold.id for hold in found])).values(values))
        return found

    def active(self, at: datetime) -> list[Hold]:
        """What stands at an instant, in the order it was put."""
        return self._read(_stands(at))

    def soon(self, at: datetime, within: timedelta) -> list[Hold]:
        """What stands and ends within so long, and nobody has been warned of.

        A hold shorter than three times that long ends soon in its last third only.
        """
        left, third = _COLUMNS.until_at - to_us(at), (_COLUMNS.until_at - _COLUMNS.from_at) / 3
        near = and_(left <= within // timedelta(microseconds=1), left <= third)
        return self._read(_stands(at), near, _COLUMNS.warned_at.is_(None))

    def warned(self, hold: Hold, at: datetime) -> None:
        """Note that people have been told that it ends soon."""
        self._connection.execute(update(_TABLE).where(_COLUMNS.id == hold.id).values(warned_at=to_us(at)))

    def run_out(self, at: datetime) -> list[Hold]:
        """What came to its own end and was not noted as ended by `close` yet."""
        return self._read(_COLUMNS.until_at <= to_us(at), _COLUMNS.ended_at.is_(None))

    def close(self, hold: Hold) -> None:
        """Note that the end of a hold that ran out has been seen to."""
        self._connection.execute(update(_TABLE).where(_COLUMNS.id == hold.id).values(ended_at=to_us(hold.until_at)))

    def _read(self, *conditions: ColumnElement[bool]) -> list[Hold]:
        return [_hold(row) for row in self._connection.execute(select(_TABLE).where(*conditions).order_by(_COLUMNS.id))]

    def list(self, limit: int = 100) -> list[Hold]:
        """The latest holds, whether they stand or not, the newest first."""
        return [
            _hold(row) for row in self._connection.execute(select(_TABLE).order_by(_COLUMNS.id.desc()).limit(limit))
        ]


def _stands(at: datetime) -> ColumnElement[bool]:
    # until_at first: it has the index, and few holds reach into the future.
    ended = or_(_COLUMNS.ended_at.is_(None), _COLUMNS.ended_at > to_us(at))
    return and_(_COLUMNS.until_at > to_us(at), _COLUMNS.from_at <= to_us(at), ended)


def _hold(row: Any) -> Hold:
    return Hold(
        scope=Scope(row.scope),
        subject=row.subject,
        from_at=from_us(row.from_at),
        until_at=from_us(row.until_at),
        reason=row.reason,
        by=row.by,
        ended_at=None if row.ended_at is None else from_us(row.ended_at),
        id=row.id,
    )
