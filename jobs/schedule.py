"""What runs when. APScheduler fires; the ledger in the database is the truth."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from engine.instants import PARIS, isoformat
from jobs.domains import DOMAINS
from jobs.runs import RunOutcome, run_occasion
from jobs.table import JOBS, JobContext, Occasion

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entry:
    """When a job runs. Local hours in [02:00, 03:00) are not used: DST skips or repeats them.

    `occurrence` names the one an instant belongs to. Names of days only: numbers count from Monday here, not in cron.
    """

    name: str
    hour: str
    minute: str
    occurrence: Callable[[datetime], str]


def _local_day(at: datetime) -> str:
    return at.astimezone(PARIS).date().isoformat()


def _lighting_day(at: datetime) -> str:
    return _local_day(DOMAINS["lighting"].span(at)[0])


def _quarter(at: datetime) -> str:
    return isoformat(at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0))


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("plan-lighting", "12", "0", _lighting_day),
        Entry("roll-up", "*", "5/15", _quarter),
        Entry("housekeeping", "4", "10", _local_day),
    )
}


def run_job(context: JobContext, name: str, at: datetime) -> RunOutcome:
    """Do the occurrence of an entry that `at` belongs to, once."""
    return run_occasion(context, JOBS[name], Occasion(name, ENTRIES[name].occurrence(at), at))


def start_scheduler(context: JobContext) -> BackgroundScheduler:
    """Fire every job on time in threads of its own. Raises nothing: a failed run is in the ledger and in the log."""

    def fire(name: str) -> None:
        try:
            outcome = run_job(context, name, context.clock.now())
        except Exception as error:  # noqa: BLE001 - one job run must not end the service
            _log.error("job failed", job=name, error=str(error))
        else:
            run = outcome.run
            _log.info("job done", job=name, occurrence=run.occurrence, before=outcome.done_before, state=run.state)

    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
    scheduler = BackgroundScheduler(timezone=PARIS, job_defaults=defaults)
    for entry in ENTRIES.values():
        trigger = CronTrigger(hour=entry.hour, minute=entry.minute, timezone=PARIS)
        scheduler.add_job(fire, trigger, args=[entry.name], id=entry.name)
    scheduler.add_job(context.vitals.success, "interval", ["schedule"], seconds=1, id="(alive)")
    scheduler.start()
    return scheduler
