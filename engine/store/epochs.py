"""The sequence epoch of a database: what makes every command of a later one newer than all of the earlier."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite

from engine.store import schema
from engine.store.bulk import Bulk
from engine.store.cursors import States

_KEY = "epoch"
_ZERO = datetime(2020, 1, 1, tzinfo=UTC)


class Epochs:
    """The epoch is minutes since 2020-01-01T00:00Z at the first need, and greater after each restore.

    See `engine.model.sequence`. Equipment that outlives a database takes the first command of the next as newer.
    """

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection
        self._states = States(bulk)

    def current(self, now: datetime) -> int:
        """The epoch of this database; the first call of all sets it, whoever else asks at the same time."""
        found = self._get()
        if found is None:
            make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
            row = {"key": _KEY, "body": _body(_minutes(now))}
            self._connection.execute(make(schema.state).values(row).on_conflict_do_nothing())
            found = self._get()
        assert found is not None  # noqa: S101 - it was just written
        return found

    def advance(self, now: datetime) -> int:
        """Begin a later epoch; returns it."""
        before = self._get()
        epoch = _minutes(now) if before is None else max(before + 1, _minutes(now))
        self._states.put(_KEY, _body(epoch))
        return epoch

    def _get(self) -> int | None:
        body = self._states.get(_KEY)
        return None if body is None else int(body)


def _minutes(now: datetime) -> int:
    return (now - _ZERO) // timedelta(minutes=1)


def _body(epoch: int) -> bytes:
    return str(epoch).encode()
