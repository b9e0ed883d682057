"""What ran: every occurrence of every scheduled job, with each attempt at it. One row an occurrence is the truth."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import Conflict
from engine.instants import from_us, to_us
from engine.store import schema
from engine.store.bulk import Bulk

_RUN, _ATTEMPT = schema.job_run, schema.job_attempt


class RunState(StrEnum):
    """Where a run is. What is `over` is never done again; the others are, when somebody asks."""

    STARTED = "started"
    DONE = "done"
    DEGRADED = "degraded"  # done with less: a fall-back, or named violations
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"  # its process was told to stop
    SKIPPED = "skipped"  # not done, for the reason in `error`

    @property
    def over(self) -> bool:
        return self in {RunState.DONE, RunState.DEGRADED, RunState.SKIPPED}


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run has to say of itself. `gap` is relative; `counts` are the job's own, in its own words."""

    state: RunState = RunState.DONE
    counts: Mapping[str, Any] = field(default_factory=dict)
    solver_status: str | None = None
    gap: float | None = None
    peak_bytes: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobRun:
    """One occurrence of one job, as its last attempt left it. `cause`: what made it run (schedule, catch-up, a
    person, a rule). `fence`: of the lease it was started under, 0 for none."""

    job: str
    occurrence: str
    due_at: datetime
    attempts: int
    cause: str
    host: str
    fence: int
    started_at: datetime
    finished_at: datetime | None = None
    report: RunReport = field(default_factory=RunReport)

    @property
    def state(self) -> RunState:
        return self.report.state


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an occurrence."""

    attempt: int
    host: str
    fence: int
    started_at: datetime
    finished_at: datetime | None
    state: RunState
    error: str | None


class Ledger:
    """Job runs. What an attempt commits belongs into the transaction that ends it: then it is committed once."""

    def __init__(self, bulk: Bulk) -> None:
        self._connection = bulk.connection

    def start(
        self,
        job: str,
        occurrence: str,
        *,
        due_at: datetime,
        at: datetime,
        host: str,
        cause: str,
        fence: int = 0,
        anew: Collection[RunState] = (),
    ) -> JobRun:
        """Begin an attempt, or find it over: the run comes back as it stands, STARTED where this call began it.

        One in a state of `anew` is begun although it is over.

        An attempt that was under way is taken over: it can no longer end (see `finish`).
        """
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        mine = {
            "attempts": 1, "cause": cause, "host": host, "fence": fence, "started_at": to_us(at),
            "state": RunState.STARTED, "detail": {},
        }  # fmt: skip
        again = {name: value for name, value in mine.items() if name != "attempts"} | {
            "attempts": _RUN.c.attempts + 1, "finished_at": None, "solver_status": None, "gap": None,
            "peak_bytes": None, "error": None,
        }  # fmt: skip
        over = [state.value for state in RunState if state.over and state not in anew]
        statement = make(_RUN).values(job=job, occurrence=occurrence, due_at=to_us(due_at), **mine)
        statement = statement.on_conflict_do_update(
            index_elements=[_RUN.c.job, _RUN.c.occurrence], set_=again, where=_RUN.c.state.not_in(over)
        )
        begun = self._connection.execute(statement.returning(_RUN.c.attempts)).scalar()
        if begun is not None:
            self._close(job, occurrence, RunState.INTERRUPTED, at, f"taken over by {host}")
            row = {"job": job, "occurrence": occurrence, "attempt": begun, "host": host, "fence": fence}
            self._connection.execute(make(_ATTEMPT).values(**row, started_at=to_us(at), state=RunState.STARTED))
        found = self.get(job, occurrence)
        assert found is not None  # noqa: S101 - it was just written, or there before
        return found

    def finish(self, run: JobRun, report: RunReport, at: datetime) -> None:
        """End the attempt. Raises Conflict where another took over, or ended the run: so nothing is committed twice."""
        named = (_RUN.c.job == run.job, _RUN.c.occurrence == run.occurrence)
        mine = (*named, _RUN.c.attempts == run.attempts, _RUN.c.state == RunState.STARTED)
        if not self._connection.execute(update(_RUN).where(*mine).values(_report(report, at))).rowcount:
            raise Conflict(
                f"{run.job} {run.occurrence}: attempt {run.attempts} is not under way any more; nothing was written"
            )
        self._close(run.job, run.occurrence, report.state, at, report.error)

    def skip(self, job: str, occurrence: str, *, due_at: datetime, at: datetime, host: str, why: str) -> bool:
        """Enter that it is not done, and why. Returns False where it has a line already, which stays as it is."""
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        row = {
            "job": job, "occurrence": occurrence, "due_at": to_us(due_at), "attempts": 0, "cause": "schedule",
            "host": host, "fence": 0, "started_at": to_us(at), **_report(RunReport(RunState.SKIPPED, error=why), at),
        }  # fmt: skip
        statement = make(_RUN).values(row).on_conflict_do_nothing().returning(_RUN.c.job)
        return self._connection.execute(statement).first() is not None

    def get(self, job: str, occurrence: str) -> JobRun | None:
        row = self._connection.execute(
            select(_RUN).where(_RUN.c.job == job, _RUN.c.occurrence == occurrence)
        ).first()  # fmt: skip
        return None if row is None else _run(row)

    def attempts(self, job: str, occurrence: str) -> list[Attempt]:
        """Every attempt, the first one first."""
        named = (_ATTEMPT.c.job == job, _ATTEMPT.c.occurrence == occurrence)
        rows = self._connection.execute(select(_ATTEMPT).where(*named).order_by(_ATTEMPT.c.attempt))
        return [_attempt(row) for row in rows]

    def between(self, since: datetime, until: datetime, jobs: Sequence[str] | None = None) -> list[JobRun]:
        """The runs due in [since, until), in the order they were due."""
        due = [_RUN.c.due_at >= to_us(since), _RUN.c.due_at < to_us(until)]
        if jobs is not None:
            due.append(_RUN.c.job.in_(jobs))
        rows = self._connection.execute(select(_RUN).where(*due).order_by(_RUN.c.due_at, _RUN.c.job, _RUN.c.occurrence))
        return [_run(row) for row in rows]

    def in_states(self, states: Collection[RunState]) -> list[JobRun]:
        """Every run now in one of the states, the first due first."""
        named = [state.value for state in states]
        rows = self._connection.execute(
            select(_RUN).where(_RUN.c.state.in_(named)).order_by(_RUN.c.due_at, _RUN.c.job, _RUN.c.occurrence)
        )
        return [_run(row) for row in rows]

    def last(self, job: str) -> JobRun | None:
        """The run of a job that was due last."""
        statement = select(_RUN).where(_RUN.c.job == job).order_by(_RUN.c.due_at.desc(), _RUN.c.occurrence.desc())
        row = self._connection.execute(statement.limit(1)).first()
        return None if row is None else _run(row)

    def _close(self, job: str, occurrence: str, state: RunState, at: datetime, error: str | None) -> None:
        """End the attempt that is open, if one is."""
        open_ = (_ATTEMPT.c.job == job, _ATTEMPT.c.occurrence == occurrence, _ATTEMPT.c.state == RunState.STARTED)
        values = {"state": state, "finished_at": to_us(at), "error": error}
        self._connection.execute(update(_ATTEMPT).where(*open_).values(values))


def _report(report: RunReport, at: datetime) -> dict[str, Any]:
    return {
        "state": report.state,
        "finished_at": to_us(at),
        "solver_status": report.solver_status,
        "gap": report.gap,
        "peak_bytes": report.peak_bytes,
        "error": report.error,
        "detail": dict(report.counts),
    }


def _run(row: Row[Any]) -> JobRun:
    report = RunReport(RunState(row.state), row.detail, row.solver_status, row.gap, row.peak_bytes, row.error)
    ended = None if row.finished_at is None else from_us(row.finished_at)
    begun, due = from_us(row.started_at), from_us(row.due_at)
    return JobRun(row.job, row.occurrence, due, row.attempts, row.cause, row.host, row.fence, begun, ended, report)


def _attempt(row: Row[Any]) -> Attempt:
    ended = None if row.finished_at is None else from_us(row.finished_at)
    begun = from_us(row.started_at)
    return Attempt(row.attempt, row.host, row.fence, begun, ended, RunState(row.state), row.error)
