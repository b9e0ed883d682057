"""Plans as they were made."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from engine.errors import Conflict
from engine.instants import from_us, to_us
from engine.model import PlanOrigin, PlanRecord, PlanState
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.plan


class Plans:
    """Plan records, each with a body only its domain can read, and the problem it was made from (see jobs.solving)."""

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection

    def save(self, record: PlanRecord, body: bytes, inputs: bytes = b"") -> None:
        """Raises Conflict when a plan of that id is there: plans are never overwritten."""
        if self._connection.execute(select(_TABLE.c.id).where(_TABLE.c.id == record.id)).first():
            raise Conflict(f"plan {record.id!r} is stored already; nothing was written → give the new plan its own id")
        self._connection.execute(insert(_TABLE).values(**_values(record), body=body, inputs=inputs or None))

    def get(self, id: str) -> tuple[PlanRecord, bytes] | None:  # noqa: A002
        row = self._connection.execute(select(_TABLE).where(_TABLE.c.id == id)).first()
        return None if row is None else (_record(row), row.body)

    def detail(self, id: str) -> Mapping[str, Any]:  # noqa: A002
        """What the record of a plan has beside; nothing for no plan."""
        return self._connection.execute(select(_TABLE.c.detail).where(_TABLE.c.id == id)).scalar() or {}

    def inputs(self, id: str) -> bytes:  # noqa: A002
        """The compressed problem of a plan; empty for one without, and for no plan."""
        found = self._connection.execute(select(_TABLE.c.inputs).where(_TABLE.c.id == id)).scalar()
        return found or b""

    def forget_inputs(self, before: int) -> int:
        """Drop the problems of plans whose span ended before an instant in µs. Returns of how many."""
        old = (_TABLE.c.until_at < before, _TABLE.c.inputs.is_not(None))
        return self._connection.execute(update(_TABLE).where(*old).values(inputs=None)).rowcount

    def decide(self, id: str, state: PlanState, at: datetime, by: str) -> None:  # noqa: A002
        """A person approved or refused a proposed plan. Raises Conflict for one that is not proposed."""
        proposed = (_TABLE.c.id == id, _TABLE.c.state == PlanState.PROPOSED)
        values = {"state": state, "decided_at": to_us(at), "decided_by": by}
        if not self._connection.execute(update(_TABLE).where(*proposed).values(values)).rowcount:
            raise Conflict(f"plan {id!r} is not proposed; nothing was written → see consigne plan list")

    def between(self, domain: str, start: datetime, until: datetime) -> list[PlanRecord]:
        """The plans of a domain whose span begins in [start, until), in the order they were made."""
        columns = [column for column in _TABLE.c if column.name not in {"body", "inputs"}]
        starts = (_TABLE.c.start_at >= to_us(start), _TABLE.c.start_at < to_us(until))
        rows = self._connection.execute(select(*columns).where(_TABLE.c.domain == domain, *starts))
        return sorted(map(_record, rows), key=lambda record: (record.made_at, record.id))

    def list(self, domain: str, limit: int) -> list[PlanRecord]:
        """The newest plans of a domain, newest first."""
        columns = [column for column in _TABLE.c if column.name not in {"body", "inputs"}]
        statement = select(*columns).where(_TABLE.c.domain == domain)
        rows = self._connection.execute(statement.order_by(_TABLE.c.made_at.desc(), _TABLE.c.id.desc()).limit(limit))
        return [_record(row) for row in rows]


def _values(record: PlanRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "domain": record.domain,
        "made_at": to_us(record.made_at),
        "start_at": to_us(record.start),
        "until_at": to_us(record.until),
        "status": record.status,
        # SQLite has no NaN: a plan without an objective, or without a bound, has null there.
        "objective": None if math.isnan(record.objective) else record.objective,
        "bound": None if math.isnan(record.bound) else record.bound,
        "solver": record.solver,
        "inputs_digest": record.inputs_digest,
        "detail": record.detail,
        "state": record.state,
        "origin": record.origin,
        "decided_at": None if record.decided_at is None else to_us(record.decided_at),
        "decided_by": record.decided_by,
    }


def _record(row: Any) -> PlanRecord:
    return PlanRecord(
        id=row.id,
        domain=row.domain,
        made_at=from_us(row.made_at),
        start=from_us(row.start_at),
        until=from_us(row.until_at),
        status=row.status,
        objective=math.nan if row.objective is None else row.objective,
        bound=math.nan if row.bound is None else row.bound,
        solver=row.solver,
        inputs_digest=row.inputs_digest,
        detail=row.detail,
        state=PlanState(row.state),
        origin=PlanOrigin(row.origin),
        decided_at=None if row.decided_at is None else from_us(row.decided_at),
        decided_by=row.decided_by,
    )
