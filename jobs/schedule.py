"""What runs when, and the ledger of what ran. APScheduler fires; `job_run` in the database is the truth."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from engine.instants import PARIS, isoformat
from engine.ports import Clock
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.domains import DOMAINS
from jobs.planning import Domain, run_plan

_log = structlog.get_logger()
_PARTITIONS_AHEAD = timedelta(days=62)


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job works with. No broker: what is to be sent goes into the outbox."""

    settings: Settings
    store: Store
    territory: Territory
    clock: Clock


@dataclass(frozen=True, slots=True)
class Job:
    """Something that runs once an occurrence. Local hours in [02:00, 03:00) are not used: DST skips or repeats them.

    `occurrence` names the one an instant belongs to. Names of days only: numbers count from Monday here, not in cron.
    """

    name: str
    hour: str
    minute: str
    run: Callable[[JobContext, datetime], dict[str, object]]
    occurrence: Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How one occurrence ended. `done_before` when an earlier run had already done it."""

    job: str
    occurrence: str
    done_before: bool
    detail: dict[str, object]


def _local_day(at: datetime) -> str:
    return at.astimezone(PARIS).date().isoformat()


def _lighting_day(at: datetime) -> str:
    return _local_day(DOMAINS["lighting"].span(at)[0])


def _quarter(at: datetime) -> str:
    return isoformat(at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0))


def _plan(domain: Domain) -> Callable[[JobContext, datetime], dict[str, object]]:
    def run(context: JobContext, at: datetime) -> dict[str, object]:
        result = run_plan(context.store, context.territory, domain, at, context.settings)
        return {
            "plan": result.record.id,
            "points": result.points,
            "commands": result.commands,
            "status": result.record.status,
            "violations": len(result.violations),
        }

    return run


def _roll_up(context: JobContext, _at: datetime) -> dict[str, object]:
    with context.store.begin() as unit:
        return {"buckets": unit.readings.roll_up()}


def _keep_house(context: JobContext, at: datetime) -> dict[str, object]:
    context.store.ensure_partitions(at + _PARTITIONS_AHEAD)
    return dict(context.store.prune(at - timedelta(days=context.settings.retention_days), at))


JOBS = {
    job.name: job
    for job in (
        Job("plan-lighting", "12", "0", _plan(DOMAINS["lighting"]), _lighting_day),
        Job("roll-up", "*", "5/15", _roll_up, _quarter),
        Job("housekeeping", "4", "10", _keep_house, _local_day),
    )
}


def run_job(context: JobContext, name: str, at: datetime) -> RunOutcome:
    """Do the occurrence of a job that `at` belongs to, once: a second call says it was done before.

    An occurrence whose process died is done again; every job is safe to repeat. Raises what the job raises, after
    the ledger has it.
    """
    job = JOBS[name]
    occurrence = job.occurrence(at)
    with context.store.begin() as unit:
        unit.ledger.start(name, occurrence, at, socket.gethostname())
        run = unit.ledger.get(name, occurrence)
    if run is not None and run.state == "done":
        return RunOutcome(name, occurrence, True, dict(run.detail))
    try:
        detail = job.run(context, at)
    except Exception as error:
        _finish(context, name, occurrence, "failed", {"error": f"{type(error).__name__}: {error}"})
        raise
    _finish(context, name, occurrence, "done", detail)
    return RunOutcome(name, occurrence, False, detail)


def _finish(context: JobContext, name: str, occurrence: str, state: str, detail: dict[str, object]) -> None:
    with context.store.begin() as unit:
        unit.ledger.finish(name, occurrence, state, context.clock.now(), detail)


def start_scheduler(context: JobContext) -> BackgroundScheduler:
    """Fire every job on time in threads of its own. Raises nothing: a failed run is in the ledger and in the log."""

    def fire(name: str) -> None:
        try:
            outcome = run_job(context, name, context.clock.now())
        except Exception as error:  # noqa: BLE001 - one job run must not end the service
            _log.error("job failed", job=name, error=str(error))
        else:
            _log.info("job done", job=name, occurrence=outcome.occurrence, before=outcome.done_before, **outcome.detail)

    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
    scheduler = BackgroundScheduler(timezone=PARIS, job_defaults=defaults)
    for job in JOBS.values():
        trigger = CronTrigger(hour=job.hour, minute=job.minute, timezone=PARIS)
        scheduler.add_job(fire, trigger, args=[job.name], id=job.name)
    scheduler.start()
    return scheduler
