"""Who leads: leases with a fencing token, the same on both databases.

Every taking of a lease raises its fence by one. A transaction that writes under a lease proves at its end that the
fence still is its own, and keeps whoever would take the lease waiting until it has committed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import Outdated
from engine.instants import from_us, to_us
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.lease
Fences = Mapping[str, int]
"""Lease → the fence under which it was taken."""


class Deposed(Outdated):
    """Another process has taken a lease that this one wrote under; nothing was written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds what, until when. It is renewed long before that; past it, anybody may take it."""

    name: str
    owner: str
    fence: int
    taken_at: datetime
    until_at: datetime


class Leases:
    """All leases of the database. Names are the roles of the service."""

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection
        self._postgres = bulk.connection.dialect.name == "postgresql"

    def take(self, names: Sequence[str], owner: str, now: datetime, life: timedelta) -> dict[str, int] | None:
        """Take all of these, or none: None while another owner holds one that has not run out."""
        held = {lease.name: lease for lease in self._locked(sorted(names))}
        if any(lease.owner != owner and lease.until_at > now for lease in held.values()):
            return None
        fences = {name: held[name].fence + 1 if name in held else 1 for name in sorted(names)}
        all_or_none = self._connection.begin_nested()
        for name, fence in fences.items():
            row = {"owner": owner, "fence": fence, "taken_at": to_us(now), "until_at": to_us(now + life)}
            if name in held:
                self._connection.execute(update(_TABLE).where(_TABLE.c.name == name).values(row))
            elif not self._make(name, row):
                all_or_none.rollback()
                return None
        all_or_none.commit()
        return fences

    def _make(self, name: str, row: dict[str, Any]) -> bool:
        """A lease that was never taken. False where another takes it first, at this very moment."""
        make = postgresql.insert if self._postgres else sqlite.insert
        made = make(_TABLE).values(name=name, **row).on_conflict_do_nothing().returning(_TABLE.c.name)
        return self._connection.execute(made).first() is not None

    def renew(self, fences: Fences, now: datetime, life: timedelta) -> None:
        """Hold them for `life` from now. Raises Deposed where one was taken from us, however long ago ours ran out."""
        for name, fence in sorted(fences.items()):
            mine = (_TABLE.c.name == name, _TABLE.c.fence == fence)
            if not self._connection.execute(update(_TABLE).where(*mine).values(until_at=to_us(now + life))).rowcount:
                raise self._deposed(name, fence)

    def release(self, fences: Fences, now: datetime) -> None:
        """Give back what is still ours, for the next to take at once."""
        for name, fence in sorted(fences.items()):
            mine = (_TABLE.c.name == name, _TABLE.c.fence == fence)
            self._connection.execute(update(_TABLE).where(*mine).values(until_at=to_us(now)))

    def prove(self, fences: Fences) -> None:
        """Raises Deposed unless all are ours; until this transaction ends nobody can take them.

        On PostgreSQL by a lock on their keys, which a renewal does not want and a taking does.
        """
        if not fences:
            return
        columns = _TABLE.c
        statement = select(columns.name, columns.fence).where(columns.name.in_(sorted(fences)))
        if self._postgres:
            statement = statement.with_for_update(read=True, key_share=True)
        found: dict[str, int] = dict(self._connection.execute(statement).all())
        for name, fence in sorted(fences.items()):
            if found.get(name) != fence:
                raise self._deposed(name, fence)

    def all(self) -> list[Lease]:
        """Every lease ever taken, by name."""
        return [_lease(row) for row in self._connection.execute(select(_TABLE).order_by(_TABLE.c.name))]

    def _locked(self, names: Sequence[str]) -> list[Lease]:
        statement = select(_TABLE).where(_TABLE.c.name.in_(names)).order_by(_TABLE.c.name)
        rows = self._connection.execute(statement.with_for_update() if self._postgres else statement)
        return [_lease(row) for row in rows]

    def _deposed(self, name: str, fence: int) -> Deposed:
        row = self._connection.execute(select(_TABLE).where(_TABLE.c.name == name)).first()
        by = f"{row.owner} holds it under fence {row.fence}" if row else "nobody holds it"
        return Deposed(f"the lease {name!r} was taken under fence {fence}, and {by}; nothing was written")


def _lease(row: Any) -> Lease:
    return Lease(row.name, row.owner, row.fence, from_us(row.taken_at), from_us(row.until_at))
