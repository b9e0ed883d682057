"""What a look at the database tells of the service: how far behind it is, and what waits. A few index ranges each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from sqlalchemy import func, select

from engine.instants import from_us, to_us
from engine.model import AlarmState, CommandState, PlanState
from engine.notify.messages import MessageState
from engine.store import schema
from engine.store.bulk import Bulk
from engine.store.ledger import RunState

_OPEN = [state.value for state in CommandState if not state.terminal]
_ENDED = [state.value for state in CommandState if state.terminal]
_SUCCEEDED = [RunState.DONE.value, RunState.DEGRADED.value]
# SQLite would go through all runs ever in the order of their key to group by it, not through those due since.
_BY_JOB = schema.job_run.c.job.concat("").label("job")
_TO_BE_SENT = (MessageState.HELD, MessageState.QUEUED, MessageState.SENDING)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a cursor is behind: readings it has not passed, of all zones and of the one with the most, and when the
    oldest of them was observed."""

    readings: int = 0
    zone: str | None = None
    zone_readings: int = 0
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobFigures:
    """A job's last success, and how late its last attempt began after it was due."""

    succeeded_at: datetime | None
    late: timedelta


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """When the newest plan in force of a domain was made, and its relative gap; None where it has no bound."""

    made_at: datetime
    gap: float | None


class Gauges:
    """Figures of the whole database, whichever process made them."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def lags(self) -> dict[str, Lag]:
        """By cursor. One that was never set follows nothing yet, and is left out."""
        columns = schema.cursor.c
        positions: dict[str, dict[int, int]] = {}
        for name, zone, seq in self._connection.execute(select(columns.name, columns.zone, columns.seq)):
            positions.setdefault(name, {})[zone] = seq
        zones = schema.zone.c
        heads = {
            no: (id_, seq) for no, id_, seq in self._connection.execute(select(zones.no, zones.id, zones.last_seq))
        }
        return {name: self._lag(position, heads) for name, position in sorted(positions.items())}

    def _lag(self, position: Mapping[int, int], heads: Mapping[int, tuple[str, int]]) -> Lag:
        behind = {zone: seq - position.get(zone, 0) for zone, (_, seq) in heads.items() if seq > position.get(zone, 0)}
        if not behind:
            return Lag()
        worst = max(behind, key=lambda zone: (behind[zone], zone))
        return Lag(sum(behind.values()), heads[worst][0], behind[worst], self._oldest(position, behind))

    def _oldest(self, position: Mapping[int, int], behind: Mapping[int, int]) -> datetime | None:
        """Within a zone what came first stands for what is oldest."""
        table = schema.reading
        rows = [(zone, position.get(zone, 0) + 1) for zone in sorted(behind)]
        keys = self._bulk.keys(pl.DataFrame(rows, schema={"zone": pl.Int32, "seq": pl.Int64}, orient="row"))
        found, columns = self._bulk.seek(keys, table, table.c.zone == keys.c.zone, table.c.seq == keys.c.seq)
        first = self._connection.execute(select(func.min(columns.observed_at)).select_from(found)).scalar()
        return None if first is None else from_us(first)

    def alarms(self) -> dict[tuple[AlarmState, str], int]:
        """How many stand, by state and priority."""
        columns = schema.alarm.c
        statement = select(columns.state, columns.priority, func.count()).where(columns.state != AlarmState.NORMAL)
        rows = self._connection.execute(statement.group_by(columns.state, columns.priority))
        return {(AlarmState(state), priority): count for state, priority, count in rows}

    def commands(self, since: datetime) -> dict[CommandState, int]:
        """By state: all that are open, and those issued since an instant that have ended."""
        columns = schema.command.c
        counted = select(columns.state, func.count()).group_by(columns.state)
        still_open = counted.where(columns.state.in_(_OPEN))
        ended = counted.where(columns.state.in_(_ENDED), columns.issued_at >= to_us(since))
        rows = [*self._connection.execute(still_open), *self._connection.execute(ended)]
        return {CommandState(state): count for state, count in rows}

    def queued_since(self, now: datetime) -> datetime | None:
        """Since when the queued command that has waited longest may go; None where none waits."""
        columns = schema.command.c
        free = select(func.min(columns.not_before)).where(schema.FREE, columns.not_before <= to_us(now))
        first = self._connection.execute(free).scalar()
        return None if first is None else from_us(first)

    def runs(self, since: datetime) -> dict[tuple[str, RunState], int]:
        """Runs due since an instant, by job and state."""
        columns = schema.job_run.c
        counted = select(_BY_JOB, columns.state, func.count()).where(columns.due_at >= to_us(since))
        rows = self._connection.execute(counted.group_by(_BY_JOB, columns.state))
        return {(job, RunState(state)): count for job, state, count in rows}

    def jobs(self, since: datetime) -> dict[str, JobFigures]:
        """Each job that had a run due since an instant, as its runs since then tell."""
        columns = schema.job_run.c
        succeeded = func.max(columns.finished_at).filter(columns.state.in_(_SUCCEEDED)).label("succeeded_at")
        each = select(_BY_JOB, succeeded, func.max(columns.due_at).label("due_at"))
        of = each.where(columns.due_at >= to_us(since)).group_by(_BY_JOB).subquery().c
        late = func.max(columns.started_at - columns.due_at)
        last = select(columns.job, of.succeeded_at, late).where(columns.job == of.job, columns.due_at == of.due_at)
        return {
            job: JobFigures(None if at is None else from_us(at), timedelta(microseconds=max(late_us, 0)))
            for job, at, late_us in self._connection.execute(last.group_by(columns.job, of.succeeded_at))
        }

    def plans(self) -> dict[str, PlanFigures]:
        """By domain."""
        columns = schema.plan.c
        in_force = columns.state == PlanState.IN_FORCE
        newest = select(columns.domain, func.max(columns.made_at).label("at")).where(in_force).group_by(columns.domain)
        last = newest.subquery().c
        statement = select(columns.domain, columns.made_at, columns.objective, columns.bound).where(in_force)
        rows = self._connection.execute(statement.where(columns.domain == last.domain, columns.made_at == last.at))
        return {
            domain: PlanFigures(from_us(made_at), _gap(objective, bound)) for domain, made_at, objective, bound in rows
        }

    def forecasts(self) -> dict[str, datetime]:
        """By source, when its newest forecast was issued."""
        columns = schema.forecast_issue.c
        rows = self._connection.execute(select(columns.source, func.max(columns.issued_at)).group_by(columns.source))
        return {source: from_us(at) for source, at in rows}

    def messages(self) -> dict[MessageState, int]:
        """Messages to people that are not sent yet, by state."""
        columns = schema.notification.c
        counted = select(columns.state, func.count()).where(columns.state.in_([state.value for state in _TO_BE_SENT]))
        rows = self._connection.execute(counted.group_by(columns.state))
        return {MessageState(state): count for state, count in rows}

    def unsealed(self) -> int:
        """Lines of the audit that no seal covers yet."""
        columns = schema.audit.c
        return self._connection.execute(select(func.count()).where(columns.seq.is_(None))).scalar_one()


def _gap(objective: float | None, bound: float | None) -> float | None:
    if objective is None or bound is None:
        return None
    return abs(objective - bound) / abs(objective) if objective else 0.0
