"""One run of one job: entered into the ledger, done, and committed with its line there, once."""

import socket
from dataclasses import dataclass

import structlog

from engine.errors import Conflict, Outdated, Unavailable
from engine.store.ledger import JobRun, RunReport, RunState
from jobs.table import Job, JobContext, Occasion
from jobs.tracing import span

PERSON = "person"  # the cause of a run by hand
PLAN = "plan"  # the lease under which jobs are run
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. `done_before` when an earlier one had already done it."""

    run: JobRun
    done_before: bool


def run_occasion(context: JobContext, job: Job, occasion: Occasion) -> RunOutcome:
    """Do an occurrence, once: a second call says it was done before. A person may have done what was skipped.

    One whose process died is done again. What the job commits and its line in the ledger are one transaction, so it is
    committed once, however often it was begun. Raises what the job raises, after the ledger has it.
    """
    with context.store.begin() as unit:
        run = unit.ledger.start(
            occasion.entry, occasion.occurrence, due_at=occasion.due_at, at=context.clock.now(),
            host=socket.gethostname(), cause=occasion.cause, fence=context.store.fences.get(PLAN, 0),
            anew=[RunState.SKIPPED] if occasion.cause == PERSON else (),
        )  # fmt: skip
    if run.state is not RunState.STARTED:
        return RunOutcome(run, True)
    about: dict[str, str | int] = {"job": run.job, "occurrence": run.occurrence, "attempt": run.attempts}
    with structlog.contextvars.bound_contextvars(**about), span("run", **about):
        return _attempt(context, job, occasion, run)


def give_up(context: JobContext, occasion: Occasion) -> None:
    """Mark what a person has begun here, and stops, as INTERRUPTED: under way it would be theirs for ever."""
    with context.store.begin() as unit:
        run = unit.ledger.get(occasion.entry, occasion.occurrence)
        mine = run is not None and (run.cause, run.host) == (PERSON, socket.gethostname())
        if run is not None and mine and run.state is RunState.STARTED:
            unit.ledger.finish(run, RunReport(RunState.INTERRUPTED, error="stopped by hand"), context.clock.now())


def _attempt(context: JobContext, job: Job, occasion: Occasion, run: JobRun) -> RunOutcome:
    """Do it, and enter how it ended.

    Where the database keeps that from being entered it stays under way, to be begun again.
    """
    left_open: tuple[type[Exception], ...] = ()
    try:
        finish = job.run(context, occasion)
        left_open = (Unavailable, Conflict)
        with context.store.begin() as unit:
            now = context.clock.now()
            left_open = (Unavailable,)  # a conflict of its own would come again
            report = finish(unit, now)
            left_open = (Unavailable, Conflict)
            unit.ledger.finish(run, report, now)
            said = {"state": report.state.value, "attempt": run.attempts, **report.counts}
            unit.audit.append(f"job:{occasion.entry}", "run", occasion.occurrence, said, now)
    except Outdated:
        raise
    except Exception as error:
        if isinstance(error, left_open):
            raise
        failed = RunReport(RunState.FAILED, error=f"{type(error).__name__}: {error}")
        with context.store.begin() as unit:
            unit.ledger.finish(run, failed, context.clock.now())
        raise
    with context.store.read() as unit:
        ended = unit.ledger.get(occasion.entry, occasion.occurrence)
    assert ended is not None  # noqa: S101 - it was just written
    return RunOutcome(ended, False)
