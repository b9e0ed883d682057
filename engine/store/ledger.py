"""Which occurrence of which job was started, where, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import Conflict
from engine.instants import from_us, to_us
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.job_run
_STARTED = "started"


@dataclass(frozen=True, slots=True)
class JobRun:
    """One occurrence of one job. `state` is `started` until `finish` gives another."""

    job: str
    occurrence: str
    host: str
    started_at: datetime
    finished_at: datetime | None
    state: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class Ledger:
    """Job runs: one row for each occurrence, whoever tries to start it."""

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection

    def start(self, job: str, occurrence: str, at: datetime, host: str) -> bool:
        """Returns whether this call started it; False when it was started or done before."""
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        row = {"job": job, "occurrence": occurrence, "host": host, "started_at": to_us(at)}
        statement = make(_TABLE).values(**row, state=_STARTED, detail={}).on_conflict_do_nothing()
        return self._connection.execute(statement.returning(_TABLE.c.job)).first() is not None

    def finish(self, job: str, occurrence: str, state: str, at: datetime, detail: Mapping[str, Any]) -> None:
        """Enter how it ended; a later call replaces an earlier one. Raises Conflict for one that was never started."""
        named = (_TABLE.c.job == job, _TABLE.c.occurrence == occurrence)
        values = {"state": state, "finished_at": to_us(at), "detail": dict(detail)}
        if not self._connection.execute(update(_TABLE).where(*named).values(values)).rowcount:
            raise Conflict(f"job {job!r} has no run {occurrence!r}; nothing was written → start it first")

    def get(self, job: str, occurrence: str) -> JobRun | None:
        named = (_TABLE.c.job == job, _TABLE.c.occurrence == occurrence)
        row = self._connection.execute(select(_TABLE).where(*named)).first()
        if row is None:
            return None
        finished_at = None if row.finished_at is None else from_us(row.finished_at)
        return JobRun(row.job, row.occurrence, row.host, from_us(row.started_at), finished_at, row.state, row.detail)
