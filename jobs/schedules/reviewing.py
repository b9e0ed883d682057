"""Monday's question: what ran on Sunday night, on time or not, and why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.store import Unit
from engine.store.ledger import JobRun, RunState
from jobs.schedules.catching_up import expected_since
from jobs.schedules.occurrences import Schedule

MISSING, PENDING = "missing", "pending"
_PATIENCE = timedelta(minutes=1)
_MOMENT = timedelta(microseconds=1)
_WELL = frozenset({RunState.DONE, RunState.DEGRADED, RunState.SKIPPED, RunState.STARTED})


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An occurrence that was due, and its line in the ledger; without one it is missing, or about to begin."""

    entry: str
    key: str
    due_at: datetime
    state: str
    run: JobRun | None = None

    @property
    def late(self) -> timedelta | None:
        """How long after it was due its last attempt began; None for what was not begun."""
        return None if self.run is None or not self.run.attempts else self.run.started_at - self.due_at

    @property
    def took(self) -> timedelta | None:
        """How long its last attempt ran."""
        if self.run is None or not self.run.attempts or self.run.finished_at is None:
            return None
        return self.run.finished_at - self.run.started_at


def review(unit: Unit, schedule: Schedule, since: datetime, until: datetime, now: datetime) -> list[Reviewed]:
    """What was due in [since, until) and by now, in order: what the ledger knows, and what it ought to.

    An entry is expected from when a leader saw it first as it is now.
    """
    runs = unit.ledger.between(since, until)
    known = {(run.job, run.occurrence) for run in runs}
    found = [Reviewed(run.job, run.occurrence, run.due_at, run.state.value, run) for run in runs]
    for name, seen in expected_since(unit, schedule).items():
        for due in schedule.occurrences(name, max(since, seen + _MOMENT), min(until, now + _MOMENT)):
            if (name, due.key) not in known:
                state = PENDING if now - due.due_at < _PATIENCE else MISSING
                found.append(Reviewed(name, due.key, due.due_at, state))
    return sorted(found, key=lambda one: (one.due_at, one.entry, one.key))


def amiss(reviewed: Collection[Reviewed]) -> list[Reviewed]:
    """The entries whose newest occurrence is missing, or was neither done nor left out for a reason."""
    newest = {one.entry: one for one in reviewed if one.state != PENDING}
    return [one for one in newest.values() if one.run is None or one.run.state not in _WELL]
