"""What the database tells to be overdue, whichever process ought to have done it."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from engine.settings import Settings
from engine.store import Unit
from engine.store.ledger import RunState
from jobs.collecting import REMEMBERED, age_s
from jobs.health import Finding
from jobs.schedules import Due, Schedule
from jobs.schedules.catching_up import expected_since

_TWICE = 2


def overdue(unit: Unit, schedule: Schedule | None, settings: Settings, now: datetime) -> Iterator[Finding]:
    """The jobs, where the schedule is known, and the queue of commands."""
    if schedule is not None:
        yield jobs_on_time(unit, schedule, now)
    yield queue_moves(unit, settings.ready_s, now)


def jobs_on_time(unit: Unit, schedule: Schedule, now: datetime) -> Finding:
    """Degraded by entries that came due twice since they last succeeded, or since a leader first saw them."""
    figures = unit.gauges.jobs(now - REMEMBERED)
    late: dict[str, datetime] = {}
    for name, seen in expected_since(unit, schedule).items():
        known = figures.get(name)
        since = max(seen, known.succeeded_at) if known is not None and known.succeeded_at else seen
        if len(list(islice(_missed(unit, schedule, name, since, now), _TWICE))) == _TWICE:
            late[name] = since
    if not late:
        return Finding("jobs", "ok", "each has succeeded since it was due before last")
    oldest = min(late, key=late.__getitem__)
    age = age_s(late[oldest], now)
    what = f"due twice and not done since: {', '.join(sorted(late))}; {oldest} for {age:.0f} s"
    return Finding("jobs", "degraded", what, age, None, "see consigne schedule runs")


def _missed(unit: Unit, schedule: Schedule, name: str, since: datetime, now: datetime) -> Iterator[Due]:
    """What came due after an instant, but for what was left out for a reason."""
    for due in schedule.occurrences(name, since, now):
        if due.due_at <= since or due.blackout is not None:  # a season of these has no need to be looked up
            continue
        run = unit.ledger.get(name, due.key)
        if run is None or run.state is not RunState.SKIPPED:
            yield due


def queue_moves(unit: Unit, bound_s: float, now: datetime) -> Finding:
    """Degraded by a command that has been free to go for longer than the bound."""
    age = age_s(unit.gauges.queued_since(now), now)
    if age <= bound_s:
        return Finding("queue", "ok", "no command waits that ought to have gone", age, bound_s)
    what = f"commands wait that could have gone {age:.0f} s ago"
    return Finding("queue", "degraded", what, age, bound_s, "see the process with the role dispatch, and its log")
