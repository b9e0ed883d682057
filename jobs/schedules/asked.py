"""What rules asked for: when it is due, and whether a run has answered it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.instants import isoformat
from engine.store import Unit
from engine.store.ledger import JobRun, RunState
from jobs.asking import Asking
from jobs.runs import PERSON
from jobs.schedules.occurrences import Due, Schedule

_OPEN = frozenset({RunState.STARTED, RunState.INTERRUPTED})
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of askings: `due`, if it is by now, sees to all of `settled`, as runs before have to those that it
    does not. The others wait.
    """

    settled: tuple[Asking, ...]
    due: Due | None


def answer(unit: Unit, schedule: Schedule, name: str, asked: Sequence[Asking], now: datetime) -> Answer:
    """What becomes of askings for an entry on an event.

    A run that was begun once an asking was known, and saw the world as it was then or later, has answered it. The
    others are answered by one run: at once where one of them is urgent, or there was no run of the entry's job for
    `at_most_every`; else when that is over.
    """
    every = schedule.entries[name].at_most_every or timedelta(0)
    runs = _runs(unit, schedule, name, min(one.at for one in asked) - every, now)
    own = [run for run in runs if run.job == name]
    left = [one for one in asked if not any(_answers(run, one) and run.state not in _OPEN for run in own)]
    if not left:
        return Answer(tuple(asked), None)
    due = _due(schedule, name, left, own, runs)
    if due.due_at > max(now, *(one.at for one in left)):
        return Answer(tuple(set(asked) - set(left)), None)
    return Answer(tuple(asked), due)


def _answers(run: JobRun, one: Asking) -> bool:
    return run.due_at >= one.at and run.started_at >= one.noted_at


def _runs(unit: Unit, schedule: Schedule, name: str, since: datetime, now: datetime) -> list[JobRun]:
    """Of the entries that run the same job."""
    job = schedule.job_of(name)
    others = [one for one in schedule.entries if schedule.job_of(one) == job]
    return unit.ledger.between(since, now + _MOMENT, others)


def _due(
    schedule: Schedule, name: str, left: Collection[Asking], own: Sequence[JobRun], runs: Sequence[JobRun]
) -> Due:  # fmt: skip
    entry, at = schedule.entries[name], max(one.at for one in left)
    by = "; ".join(dict.fromkeys(one.by for one in sorted(left, key=lambda one: not one.urgent)))
    open_ = [run for run in own if run.state in _OPEN and run.cause != PERSON]
    lost = [run for run in open_ if all(_answers(run, one) for one in left)]
    if lost:  # its process is gone
        return Due(name, lost[-1].occurrence, lost[-1].due_at, entry.blacked_out(lost[-1].due_at), by)
    if any(run.due_at >= at for run in own):  # told late: a plan that knows less than one that is there is none
        at = max(one.noted_at for one in left)
    last = max((run.due_at for run in runs if run.attempts), default=None)
    if entry.at_most_every is not None and last is not None and not any(one.urgent for one in left):
        at = max(at, last + entry.at_most_every)
    return Due(name, isoformat(at), at, entry.blacked_out(at), by)
