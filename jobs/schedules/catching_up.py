"""What ought to have run and has not: the schedule against the ledger, and what becomes of it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from engine.instants import isoformat
from engine.store import Unit
from engine.store.ledger import JobRun, RunState
from jobs.runs import PERSON
from jobs.schedules.definitions import TRIGGERS, CatchUp, Entry
from jobs.schedules.occurrences import Due, Schedule

SEEN = "schedules/seen"  # the key of when a leader saw each entry for the first time
GOOD = frozenset({RunState.DONE, RunState.DEGRADED})
BAD = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.SKIPPED})
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """An occurrence that is due, and why it is not done; `why` is None for one that is."""

    due: Due
    why: str | None


def judge(dues: Sequence[Due], entry: Entry, now: datetime, newer: datetime | None = None) -> Iterator[Judged]:
    """What becomes of occurrences of one entry that are due and nobody did, in order.

    `newer`: when the newest that somebody has begun was due.
    """
    open_ = [due.due_at for due in dues if due.blackout is None]
    newest = max([*open_, newer] if newer else open_, default=None)
    for due in dues:
        yield Judged(due, _why_not(due, entry, now, newest))


def _why_not(due: Due, entry: Entry, now: datetime, newest: datetime | None) -> str | None:
    late = now - due.due_at
    if due.blackout is not None:
        return f"blackout: {due.blackout}"
    if entry.catch_up is CatchUp.LATEST and newest is not None and due.due_at < newest:
        return f"missed, and the one due {isoformat(newest)} stands for it (catch_up: latest)"
    if entry.catch_up is CatchUp.NONE and late > entry.misfire_grace:
        return f"missed: {_plain(late)} late, misfire_grace is {_plain(entry.misfire_grace)} (catch_up: none)"
    return None


def _plain(duration: timedelta) -> str:
    return str(timedelta(seconds=round(duration.total_seconds())))


# since when occurrences are expected


def seen_since(unit: Unit) -> dict[str, tuple[str, datetime]]:
    """Entry → a digest of its trigger, and since when a leader has known it so."""
    raw = orjson.loads(unit.state.get(SEEN) or b"{}")
    return {name: (digest, datetime.fromisoformat(since)) for name, (digest, since) in raw.items()}


def note_seen(unit: Unit, schedule: Schedule, now: datetime) -> dict[str, datetime]:
    """Since when each entry is expected to run as it says now: a new trigger counts from now on."""
    before = seen_since(unit)
    found: dict[str, tuple[str, datetime]] = {}
    for name in schedule.entries:
        digest = _digest(schedule, name)
        known = before.get(name)
        found[name] = known if known is not None and known[0] == digest else (digest, now)
    if found != before:
        unit.state.put(SEEN, orjson.dumps({name: [digest, isoformat(at)] for name, (digest, at) in found.items()}))
    return {name: at for name, (_, at) in found.items()}


def expected_since(unit: Unit, schedule: Schedule) -> dict[str, datetime]:
    """The same for whoever only looks; without entries that no leader has seen as they are now."""
    found = seen_since(unit)
    return {name: found[name][1] for name in schedule.entries if found.get(name, ("",))[0] == _digest(schedule, name)}


def _digest(schedule: Schedule, name: str) -> str:
    """Of what its author wrote of when it is due: a later version of ours that knows more keys digests it alike."""
    root = schedule.root(name)
    entry = schedule.entries[root]
    said = entry.model_dump_json(include={*TRIGGERS, "offset"}, exclude_defaults=True)
    return hashlib.sha256("|".join([root, entry.time_zone.key, said]).encode()).hexdigest()[:16]


# what is missing


@dataclass(frozen=True, slots=True)
class Missing:
    """What nobody did. `left`: runs whose process is gone and that no other run will end, with the reason why."""

    judged: tuple[Judged, ...]
    left: tuple[tuple[JobRun, str], ...]


def missing(unit: Unit, schedule: Schedule, since: Mapping[str, datetime], now: datetime, fence: int) -> Missing:
    """Everything due by now, since each entry is expected, that is not over nor failed; in order of due.

    `fence`: ours, as leader; a run under way below it has lost its process. An entry that comes after another is here
    once that one has ended.
    """
    lines = _lines(unit, schedule, since, now)
    judged: list[Judged] = []
    left: list[tuple[JobRun, str]] = []
    for name in _parents_first(schedule):
        if name not in since:
            continue
        own = lines[name]
        dues = [due for due in _expected(schedule, name, since[name], now, lines) if _lost(own.get(due.key), fence)]
        dues, broken = _after(schedule, name, dues, lines)
        begun = [run.due_at for run in own.values() if run.attempts and not _lost(run, fence)]
        newer = max(begun, default=None)
        for one in (*judge(dues, schedule.entries[name], now, newer), *broken):
            line = own.get(one.due.key)
            if one.why is None or line is None:
                judged.append(one)
            elif line.state is RunState.STARTED:
                left.append((line, one.why))
    judged.sort(key=lambda one: one.due.due_at)  # parents before those after them: the order is kept
    return Missing(tuple(judged), tuple(left))


def _lines(
    unit: Unit, schedule: Schedule, since: Mapping[str, datetime], now: datetime
) -> dict[str, dict[str, JobRun]]:  # fmt: skip
    found: dict[str, dict[str, JobRun]] = {name: {} for name in schedule.entries}
    start = min(since.values(), default=now)
    for run in unit.ledger.between(start, now + _MOMENT, list(schedule.entries)):
        found[run.job][run.occurrence] = run
    return found


def _expected(
    schedule: Schedule, name: str, since: datetime, now: datetime, lines: Mapping[str, Mapping[str, JobRun]]
) -> list[Due]:
    """What the calendar says; of an event, what the ledger says of it."""
    root = schedule.root(name)
    if schedule.entries[root].event is None:
        return list(schedule.occurrences(name, since + _MOMENT, now + _MOMENT))
    blacked_out = schedule.entries[name].blacked_out
    return [Due(name, run.occurrence, run.due_at, blacked_out(run.due_at)) for run in lines[root].values()]


def _lost(run: JobRun | None, fence: int) -> bool:
    """Whether nobody does it, or whoever did is gone. What a person began may still be under way."""
    if run is None or run.state is RunState.INTERRUPTED:
        return True
    by_person = run.fence == 0 and run.cause == PERSON
    return run.state is RunState.STARTED and not by_person and (run.fence < fence or fence == 0)


def _after(
    schedule: Schedule, name: str, dues: list[Due], lines: Mapping[str, Mapping[str, JobRun]]
) -> tuple[list[Due], list[Judged]]:
    """Of occurrences after another: those whose turn it is, and those whose turn will not come."""
    parent = schedule.entries[name].after
    if parent is None:
        return dues, []
    ready, broken = [], []
    for due in dues:
        run = lines[parent].get(due.key)
        if run is not None and run.state in GOOD:
            ready.append(due)
        elif run is not None and run.state in BAD:
            broken.append(Judged(due, after_why(parent, run.state)))
    return ready, broken


def after_why(parent: str, state: RunState) -> str:
    """Why an occurrence after one that was not done is not done."""
    return f"after {parent}, which was {state.value}"


def _parents_first(schedule: Schedule) -> list[str]:
    def depth(name: str) -> int:
        before = schedule.entries[name].after
        return 0 if before is None else 1 + depth(before)

    return sorted(schedule.entries, key=depth)
