"""The clockwork of whoever leads: APScheduler fires on time, `Runner` does, the ledger in the database is the truth."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from jobs.schedules.catching_up import Missing
from jobs.schedules.occurrences import Schedule
from jobs.schedules.running import Runner
from jobs.table import JobContext

__all__ = ["Scheduler", "catch_up"]

_EVENTS_EVERY_S = 1
_EVENTS = "(events)"


class _Calendar(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """When an entry is due next, as the schedule says."""

    def __init__(self, schedule: Schedule, name: str, since: datetime) -> None:
        self._schedule, self._name, self._since = schedule, name, since

    def get_next_fire_time(self, previous: datetime | None, _now: datetime) -> datetime | None:
        due = self._schedule.next_after(self._name, self._since if previous is None else previous.astimezone(UTC))
        return None if due is None else due.due_at


class Scheduler:
    """Fires every entry on time, from `start` to `stop`, in threads that only launch.

    Made by whoever leads, with a store under its leases. A change of the schedule file waits for the next one.
    """

    def __init__(self, context: JobContext, schedule: Schedule) -> None:
        self._runner = Runner(context, schedule, self._aside)
        self._schedule = schedule
        # Nothing is lost by APScheduler's rules: none is late for it, and what one call finds due is all handled.
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        threads = {"default": ThreadPoolExecutor(2 * len(schedule.entries) + 4)}
        self._clockwork = BackgroundScheduler(timezone=UTC, job_defaults=defaults, executors=threads)
        self._clockwork.add_listener(self._overlap, EVENT_JOB_MAX_INSTANCES)

    def start(self) -> None:
        """Fire from now on, and catch up aside on what is due by now. Raises nothing."""
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what it says is in the ledger and in our log
        now = self._runner.context.clock.now()
        for name, entry in self._schedule.entries.items():
            if entry.after is None and entry.event is None:
                self._clockwork.add_job(self._runner.fire, _Calendar(self._schedule, name, now), [name], id=name)
        looks = IntervalTrigger(seconds=_EVENTS_EVERY_S, timezone=UTC)
        self._clockwork.add_job(self._runner.look_at_events, looks, id=_EVENTS)
        self._clockwork.start()
        self._aside(partial(self._runner.catch_up, now))

    def stop(self, wait_s: float) -> None:
        """Begin nothing more, wait this long for what runs, and mark what still does INTERRUPTED. Raises nothing."""
        self._runner.stop.set()
        if self._clockwork.running:
            self._clockwork.shutdown(wait=False)
        self._runner.interrupt(wait_s)

    def poll(self) -> None:
        """Raise what ended it from within: what it knows of the territory, or of who leads, is not so any more."""
        if self._runner.outdated is not None:
            raise self._runner.outdated

    def _aside(self, step: Callable[[], object]) -> None:
        if self._clockwork.running:
            self._clockwork.add_job(step, next_run_time=datetime.now(UTC))

    def _overlap(self, event: Any) -> None:
        if event.job_id in self._schedule.entries:
            for due_at in event.scheduled_run_times:
                self._aside(partial(self._runner.overlap, event.job_id, due_at.astimezone(UTC)))


def catch_up(context: JobContext, schedule: Schedule, now: datetime) -> Missing | None:
    """Do now, in this thread, what nobody did by `now`: `Scheduler.start` does so aside."""
    return Runner(context, schedule).catch_up(now)
