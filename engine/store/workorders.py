"""Work orders as rows: opened by rules, closed by people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.instants import from_us, to_us
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.work_order
_OPEN, _CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """Somebody has to go to an asset within `within_s` of `opened_at`. `title`: language → text.

    It is open while `closed_at` is None; `id` is given by the store.
    """

    rule: str
    asset: str
    zone: str
    opened_at: datetime
    title: Mapping[str, str]
    within_s: float
    closed_at: datetime | None = None
    closed_by: str | None = None
    note: str | None = None
    id: int | None = None


class WorkOrders:
    """At most one is open for a rule and an asset."""

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection

    def open(self, orders: Sequence[WorkOrder]) -> int:
        """Open these, but for those of a rule and an asset that have one open. Returns how many are new."""
        if not orders:
            return 0
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        fresh = make(_TABLE).on_conflict_do_nothing(index_elements=["rule", "asset"], index_where=schema.OPEN)
        rows = [_values(order) for order in orders]
        return len(self._connection.execute(fresh.returning(_TABLE.c.id), rows).all())

    def list(self, *, closed: bool = False, limit: int = 1_000) -> list[WorkOrder]:
        """Those that are open, or closed; newest first."""
        state = _CLOSED if closed else _OPEN
        statement = select(_TABLE).where(_TABLE.c.state == state)
        rows = self._connection.execute(statement.order_by(_TABLE.c.opened_at.desc(), _TABLE.c.id.desc()).limit(limit))
        return [_order(row) for row in rows]

    def get(self, id: int) -> WorkOrder | None:  # noqa: A002
        row = self._connection.execute(select(_TABLE).where(_TABLE.c.id == id)).first()
        return None if row is None else _order(row)

    def close(self, id: int, at: datetime, by: str, note: str = "") -> bool:  # noqa: A002
        """Returns whether it was open until then."""
        values = {"state": _CLOSED, "closed_at": to_us(at), "closed_by": by, "note": note}
        closed = self._connection.execute(
            update(_TABLE).where(_TABLE.c.id == id, _TABLE.c.state == _OPEN).values(values)
        )
        return closed.rowcount > 0


def _values(order: WorkOrder) -> dict[str, Any]:
    values = {name: getattr(order, name) for name in ("rule", "asset", "zone", "title", "within_s")}
    return values | {"opened_at": to_us(order.opened_at), "state": _OPEN}


def _order(row: Any) -> WorkOrder:
    return WorkOrder(
        rule=row.rule,
        asset=row.asset,
        zone=row.zone,
        opened_at=from_us(row.opened_at),
        title=row.title,
        within_s=row.within_s,
        closed_at=None if row.closed_at is None else from_us(row.closed_at),
        closed_by=row.closed_by,
        note=row.note,
        id=row.id,
    )
