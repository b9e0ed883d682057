"""Doing occurrences of the schedule: in turn, once, with a line in the ledger for each, done or not."""

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from engine.errors import Conflict, ConsigneError, InputError, Outdated, Problem, Unavailable
from engine.instants import isoformat
from engine.rulebook.naming import nearest
from engine.store.ledger import JobRun, RunReport, RunState
from jobs.asking import Asking, askings
from jobs.law import LawFiles
from jobs.runs import PERSON, PLAN, RunOutcome, run_occasion
from jobs.schedules.asked import answer
from jobs.schedules.catching_up import BAD, GOOD, Judged, Missing, after_why, judge, missing, note_seen
from jobs.schedules.definitions import CatchUp
from jobs.schedules.occurrences import Due, Schedule
from jobs.service.aside import with_back_off
from jobs.table import JOBS, JobContext, Occasion

SCHEDULE, CATCH_UP, RULE, AFTER = "schedule", "catch-up", "rule", "after"
"""What made a run run, beside a person."""
_TOLD = ("plan", "origin", "commands")  # of what a run reports, in the log
_TRIES = 3  # of a run that ends in a conflict, or for want of what was away
_MOMENT = timedelta(microseconds=1)
T = TypeVar("T")
_log = structlog.get_logger()


def occasion_of(schedule: Schedule, due: Due, cause: str) -> Occasion:
    """An occurrence as its job sees it."""
    entry = schedule.entries[due.entry]
    return Occasion(
        due.entry, due.key, due.due_at, cause, entry.arguments, entry.zones,
        entry.time_limit.total_seconds(), entry.memory_limit, due.asked,
    )  # fmt: skip


def occasion_at(schedule: Schedule, name: str, at: datetime, cause: str = PERSON) -> tuple[str, Occasion]:
    """The job, and the occurrence of an entry that is due last at or before an instant.

    Of an entry on an event, and of a job without an entry, the one of that instant itself. Raises InputError for a name
    that is neither, and for an entry that was never due before.
    """
    if name not in schedule.entries:
        if name not in JOBS:
            hint = nearest(name, [*schedule.entries, *JOBS])
            raise InputError([Problem(name, 0, 0, "is neither an entry of the schedule nor a job", hint)])
        return name, Occasion(name, isoformat(at), at, cause)
    due: Due | None = Due(name, isoformat(at), at)
    if schedule.entries[schedule.root(name)].event is None:
        due = schedule.occurrence_at(name, at)
    if due is None:
        raise InputError([Problem(name, 0, 0, f"was never due before {isoformat(at)}", "name a later instant")])
    return schedule.job_of(name), occasion_of(schedule, due, cause)


def run_entry(context: JobContext, schedule: Schedule, name: str, at: datetime, cause: str = PERSON) -> RunOutcome:
    """Do the occurrence of an entry, or of a job, that an instant belongs to, once (see `occasion_at`)."""
    job, occasion = occasion_at(schedule, name, at, cause)
    return run_occasion(context, JOBS[job], occasion)


class Runner:
    """Occurrences of one leader, each entry's one at a time. Raises nothing: what fails is in the ledger and the log.

    `submit` has something done aside; by default it is done at once. Nothing is begun once `stop` is set.
    """

    def __init__(
        self, context: JobContext, schedule: Schedule, submit: Callable[[Callable[[], object]], object] | None = None
    ) -> None:  # fmt: skip
        self.context, self.schedule = context, schedule
        self._law = LawFiles(context.settings, context.territory)
        self.stop = threading.Event()
        self.outdated: Outdated | None = None
        self._submit = submit or (lambda step: step())
        self._locks = {name: threading.RLock() for name in schedule.entries}
        self._queues: dict[str, deque[Judged]] = {name: deque() for name in schedule.entries}
        self._drained: set[str] = set()
        now = context.clock.now()
        self._handled = dict.fromkeys(schedule.entries, now)
        self._at_work: dict[tuple[str, str], int] = {}
        self._idle = threading.Condition()
        self._asked: dict[str, set[Asking]] = {}
        self._waiting: set[str] = set()
        self._looked_at: dict[str, datetime] = {}

    # what is due

    def fire(self, name: str) -> None:
        """Do what of an entry has come due since the last call."""
        with self._locks[name]:
            self._waiting.discard(name)
            self._looked_at[name] = now = self.context.clock.now()
            dues = list(self.schedule.occurrences(name, self._handled[name] + _MOMENT, now + _MOMENT))
            for one in judge(dues, self.schedule.entries[name], now):
                self._settle(one, SCHEDULE)
                if self.stop.is_set():
                    return
                self._handled[name] = one.due.due_at
            del self._looked_at[name]

    def overlap(self, name: str, due_at: datetime) -> None:
        """An occurrence came due while the one before it runs. Where all are caught up it is done after that.

        So it is where the call before it has yet to look at what is due, for its entry is being caught up.
        """
        looked_at = self._looked_at.get(name)
        if self.schedule.entries[name].catch_up is CatchUp.ALL or looked_at is None or due_at <= looked_at:
            if name not in self._waiting:  # one that waits does all that has come due by then
                self._waiting.add(name)
                self.fire(name)
            return
        for due in self.schedule.occurrences(name, due_at, due_at + _MOMENT):
            self._guarded(partial(self._skip, due, "overlap: the occurrence before it was still running"))

    def look_at_events(self) -> None:
        """Do what rules have asked for. That it comes to this shows that the clockwork turns."""
        self.context.vitals.success("schedule")
        for name, entry in self.schedule.entries.items():
            if entry.event is not None:
                domain = self.schedule.job_of(name).removeprefix("plan-")
                self._guarded(partial(with_back_off, partial(self._look_at, name, domain), self.stop))

    def _look_at(self, name: str, domain: str) -> None:
        seen = self._asked.setdefault(name, set())
        with self.context.store.read() as unit:
            asked = list(askings(unit, domain))
            news = [one for one in asked if one not in seen]
            found = answer(unit, self.schedule, name, news, self.context.clock.now()) if news else None
        if found is None:
            return
        seen &= set(asked)
        seen |= set(found.settled)
        if found.due is not None:
            self._enqueue(Judged(found.due, None))

    def catch_up(self, now: datetime) -> Missing | None:
        """Do what nobody did, by the policy of each entry and in order of due; None when told to stop before.

        What is not caught up in full goes first: tonight's plan does not wait for a week of accounts.
        """
        found = self._guarded(partial(with_back_off, partial(self._missing, now), self.stop))
        with ExitStack() as stack:
            for name, entry in self.schedule.entries.items():
                if entry.catch_up is CatchUp.ALL:  # what of these comes due meanwhile is done after what was due before
                    stack.enter_context(self._locks[name])
            for one in sorted(found.judged, key=self._can_wait) if found is not None else ():
                self._locked(one, CATCH_UP, aside=False)  # with what comes after it, or that would pile up aside
        return found

    def _can_wait(self, one: Judged) -> bool:
        return one.why is not None or self.schedule.entries[one.due.entry].catch_up is CatchUp.ALL

    def _missing(self, now: datetime) -> Missing:
        earliest = now - timedelta(days=self.context.settings.catch_up_days)
        fence = self.context.store.fences.get(PLAN, 0)
        with self.context.store.begin() as unit:
            seen = note_seen(unit, self.schedule, now)
            since = {name: max(at, earliest) for name, at in seen.items()}
            found = missing(unit, self.schedule, since, now, fence)
            for run, why in found.left:
                unit.ledger.finish(run, RunReport(RunState.INTERRUPTED, error=f"its process is gone; {why}"), now)
        return found

    def _enqueue(self, one: Judged) -> None:
        """Have it done aside, after those of its entry that wait already: they take one thread between them."""
        name = one.due.entry
        with self._idle:
            self._queues[name].append(one)
            if name in self._drained:
                return
            self._drained.add(name)
        self._submit(partial(self._drain, name))

    def _drain(self, name: str) -> None:
        entry, queue = self.schedule.entries[name], self._queues[name]
        while True:
            with self._idle:
                waiting = list(queue)
                queue.clear()
                if not waiting:
                    self._drained.discard(name)
                    return
            if entry.event is not None:  # what was asked for while one ran: the newest may stand for the others
                waiting = list(judge([one.due for one in waiting], entry, self.context.clock.now()))
            for one in waiting:
                self._locked(one, AFTER if entry.event is None else RULE)

    # one occurrence

    def _locked(self, one: Judged, cause: str, *, aside: bool = True) -> None:
        with self._locks[one.due.entry]:
            self._settle(one, cause, aside=aside)

    def _settle(self, one: Judged, cause: str, *, aside: bool = True) -> None:
        """`aside`: what comes after it."""
        now = self.schedule.entries[one.due.entry].blacked_out(self.context.clock.now())
        why = one.why or (now and f"blackout: {now}")
        if why is not None:
            self._guarded(partial(self._skip, one.due, why))
        elif not self.stop.is_set():
            self._do(one.due, cause)
            self._guarded(partial(self._follow, one.due, aside=aside))

    def _skip(self, due: Due, why: str) -> None:
        def enter() -> bool:
            now = self.context.clock.now()
            with self.context.store.begin() as unit:
                unit.ledger.skip(due.entry, due.key, due_at=due.due_at, at=now, host=socket.gethostname(), why=why)
            return True

        if with_back_off(enter, self.stop) is None:
            return  # told to stop: whoever leads next sees to it
        _log.warning("job skipped", job=due.entry, occurrence=due.key, why=why)
        self._follow(due)

    def _do(self, due: Due, cause: str) -> None:
        occasion = occasion_of(self.schedule, due, cause)
        once = partial(with_back_off, partial(self._once, occasion), self.stop)
        with self._working(due):
            outcome = self._guarded(once, job=due.entry, occurrence=due.key)
        if outcome is not None:
            run = outcome.run
            told = {name: value for name, value in run.report.counts.items() if name in _TOLD}
            _log.info(
                "job ended", job=run.job, occurrence=run.occurrence, attempt=run.attempts, before=outcome.done_before,
                state=run.state, **told,
            )  # fmt: skip

    def _guarded(self, step: Callable[[], T], **about: str) -> T | None:
        try:
            return step()
        except Outdated as error:
            _log.warning("nothing more is begun", why=str(error))
            self.outdated = error
            self.stop.set()
        except Exception as error:  # noqa: BLE001 - one job run must not end the service
            _log.error("job failed", error=f"{type(error).__name__}: {error}", **about)
        return None

    def _once(self, occasion: Occasion) -> RunOutcome:
        """One attempt. Raises Unavailable or Conflict where it is worth another one."""
        before = self._line(occasion.entry, occasion.occurrence)
        try:
            self._law.follow()
            return run_occasion(self.context, JOBS[self.schedule.job_of(occasion.entry)], occasion)
        except Outdated:
            raise
        except (Unavailable, Conflict) as error:
            after = self._line(occasion.entry, occasion.occurrence)
            mine = (before.attempts if before else 0) + 1
            worth = {RunState.STARTED, RunState.FAILED} if mine < _TRIES else {RunState.STARTED}
            if after == before or (after and after.attempts == mine and after.state in worth):
                raise
            raise ConsigneError(f"{occasion.entry} {occasion.occurrence}: {error}") from error

    def _line(self, name: str, key: str) -> JobRun | None:
        with self.context.store.read() as unit:
            return unit.ledger.get(name, key)

    def _follow(self, due: Due, *, aside: bool = True) -> None:
        """What comes after it: begun where it is done, not done where it is not."""
        followers = self.schedule.followers(due.entry)
        if not followers or self.stop.is_set():
            return
        line = with_back_off(partial(self._line, due.entry, due.key), self.stop)
        for name in followers if line is not None else ():
            assert line is not None  # noqa: S101
            after = Due(name, due.key, due.due_at, self.schedule.entries[name].blacked_out(due.due_at))
            if line.state in GOOD:
                why = None if after.blackout is None else f"blackout: {after.blackout}"
                if aside:
                    self._enqueue(Judged(after, why))
                else:
                    self._locked(Judged(after, why), AFTER, aside=False)
            elif line.state in BAD:
                self._skip(after, after_why(due.entry, line.state))

    # the end

    @contextmanager
    def _working(self, due: Due) -> Iterator[None]:
        key = (due.entry, due.key)
        with self._idle:
            self._at_work[key] = self._at_work.get(key, 0) + 1
        try:
            yield
        finally:
            with self._idle:
                self._at_work[key] -= 1
                if not self._at_work[key]:
                    del self._at_work[key]
                self._idle.notify_all()

    def interrupt(self, wait_s: float) -> list[JobRun]:
        """Begin nothing more, wait for what runs, and mark what still does INTERRUPTED; it can then commit nothing."""
        self.stop.set()
        with self._idle:
            self._idle.wait_for(lambda: not self._at_work, wait_s)
            rest = list(self._at_work)
        return [run for name, key in rest if (run := self._interrupted(name, key)) is not None]

    def _interrupted(self, name: str, key: str) -> JobRun | None:
        now = self.context.clock.now()
        try:
            with self.context.store.begin() as unit:
                run = unit.ledger.get(name, key)
                ours = run is not None and run.fence == self.context.store.fences.get(PLAN, 0)
                if run is None or run.state is not RunState.STARTED or not ours:
                    return None  # over, or a person has taken it over
                unit.ledger.finish(run, RunReport(RunState.INTERRUPTED, error="its process was told to stop"), now)
        except (Unavailable, Conflict) as error:
            _log.warning("not marked as interrupted", job=name, occurrence=key, why=str(error))
            return None
        return run
