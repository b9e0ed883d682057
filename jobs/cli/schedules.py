"""`consigne schedule`: check, list, next, runs, schema; and `consigne run`."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.instants import PARIS, isoformat
from engine.store.ledger import Attempt, RunState
from jobs.bootstrap import WallClock, open_store
from jobs.cli.common import (
    DEGRADED,
    DemoFolder,
    Json,
    Language,
    OfDemo,
    chosen_in,
    emit,
    instant,
    sealing,
    settings,
    show_lines,
    store_and_territory,
    underway,
)
from jobs.compute import compute_of
from jobs.outcome import DEMO_FOLDER
from jobs.runs import give_up
from jobs.schedules import SCHEDULES, Due, Entry, Schedule, load_schedule, schedule_of
from jobs.schedules.loading import schema_text
from jobs.schedules.reviewing import MISSING, PENDING, Reviewed, review
from jobs.schedules.running import occasion_at, run_entry
from jobs.table import JOBS, JobContext
from jobs.words import Lang, say

app = typer.Typer(help="What runs when.", no_args_is_help=True)
Job = Annotated[str | None, typer.Option("--job", help="only this entry of the schedule")]
From = Annotated[str | None, typer.Option("--from", help="the first day, as 2026-03-26, or an instant")]
_WELL = {RunState.DONE: 0, RunState.DEGRADED: DEGRADED}


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="a schedule file; that of the rules' folder by default")] = None,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Every problem of the schedule file, as file:line:col. Exit 2 if there is one.

    Example: consigne schedule check
    """
    chosen, words = chosen_in(lang)
    if path is not None and not path.exists():
        raise InputError([Problem(str(path), 0, 0, "there is no such file", "name a schedule file or its folder")])
    path = path or chosen.rules_dir / SCHEDULES
    if path.is_dir():
        path /= SCHEDULES
    found = load_schedule(path)
    if as_json:
        emit({"source": found.source, "entries": len(found.entries), "problems": []})
        return
    show_lines([f"{name:<24} {when(entry, words)}" for name, entry in found.entries.items()])
    if not path.exists():
        show_lines([say("schedule_built_in", words, file=path)])
    show_lines([say("schedule_fine", words, entries=len(found.entries), source=found.source)])


@app.command("list")
def list_entries(lang: Language = "", as_json: Json = False) -> None:
    """The entries of the schedule: what each runs, when, and within which bounds.

    Example: consigne schedule list
    """
    chosen, words = chosen_in(lang)
    found, now = schedule_of(chosen), WallClock().now()
    rows = [_entry_row(found, name, entry, now, words) for name, entry in found.entries.items()]
    if as_json:
        emit([row | _entry_facts(found, row["entry"], now) for row in rows])
    else:
        show_lines(_table(rows, words))


def _entry_row(found: Schedule, name: str, entry: Entry, now: datetime, lang: Lang) -> dict[str, Any]:
    following = found.next_after(name, now)
    return {
        "entry": name,
        "job": found.job_of(name),
        "when": when(entry, lang),
        "next": "—" if following is None else shown(following.due_at, lang, entry),
        "catch_up": entry.catch_up.value,
        "grace": plain(entry.misfire_grace),
        "limit": plain(entry.time_limit),
    }


def _entry_facts(found: Schedule, name: str, now: datetime) -> dict[str, Any]:
    """What machines get beside the table's columns."""
    entry, following = found.entries[name], found.next_after(name, now)
    return {
        "description": entry.description.model_dump() if entry.description else None,
        "trigger": entry.trigger,
        "next": None if following is None else isoformat(following.due_at),
        "time_zone": entry.time_zone.key,
        "misfire_grace_s": entry.misfire_grace.total_seconds(),
        "time_limit_s": entry.time_limit.total_seconds(),
        "memory_limit_bytes": entry.memory_limit,
        "zones": list(entry.zones),
        "arguments": entry.arguments,
    }


@app.command("next")
def next_due(
    days: Annotated[float, typer.Option(min=0, max=3_660, help="how many of them")] = 7,
    since: From = None,
    job: Job = None,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What will fire, in local time and in UTC, blackouts marked. Needs no database.

    Example: consigne schedule next --from 2026-03-26 --days 7 --job housekeeping
    """
    chosen, words = chosen_in(lang)
    found = schedule_of(chosen)
    start = _start(since) if since else WallClock().now()
    dues = coming(found, start, start + timedelta(days=days) if since is None else _end(start, days), job)
    rows = [_due_row(found.entries[due.entry], due, words) for due in dues]
    if as_json:
        emit([row | {"occurrence": due.key} for row, due in zip(rows, dues, strict=True)])
    else:
        show_lines(_table(rows, words))


def coming(found: Schedule, since: datetime, until: datetime, job: str | None = None) -> list[Due]:
    """Everything due in [since, until), in order; of one due together, first what the file names first."""
    _known(found, job)
    dues = [due for name in found.entries if job in {None, name} for due in found.occurrences(name, since, until)]
    return sorted(dues, key=lambda due: due.due_at)


def _due_row(entry: Entry, due: Due, lang: Lang) -> dict[str, Any]:
    return {
        "entry": due.entry,
        "local": shown(due.due_at, lang, entry),
        "utc": isoformat(due.due_at),
        "blackout": due.blackout or "",
    }


@app.command()
def runs(
    days: Annotated[float, typer.Option(min=0, max=3_660, help="how many of them")] = 2,
    since: From = None,
    job: Job = None,
    state: Annotated[str | None, typer.Option(help=f"{', '.join(RunState)}, {MISSING} or {PENDING}")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What ran, on time or not, and why: what was due against the ledger. The last days, or those from a day on.

    Example: consigne schedule runs --days 3 --state missing
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    if state is not None and state not in {*RunState, MISSING, PENDING}:
        known = ", ".join((*RunState, MISSING, PENDING))
        raise InputError([Problem("--state", 0, 0, f"{state!r} is no state of a run", f"one of: {known}")])
    now, found = WallClock().now(), schedule_of(chosen)
    start = _start(since) if since else now - timedelta(days=days)
    with open_store(chosen).read() as unit:
        reviewed = review(unit, found, start, _end(start, days) if since else now, now)
        attempts = {(one.entry, one.key): unit.ledger.attempts(one.entry, one.key) for one in reviewed if as_json}
    kept = [one for one in reviewed if job in {None, one.entry} and state in {None, one.state}]
    if as_json:
        emit([_run_facts(one) | {"attempts": list(map(_attempt_facts, attempts[one.entry, one.key]))} for one in kept])
        return
    rows = [_run_row(one, found, words) for one in kept]
    show_lines(_table(rows, words))
    counts = {name: sum(one.state == name for one in kept) for name in (*RunState, MISSING, PENDING)}
    said = ", ".join(f"{say(f'run_{name}', words)} {count}" for name, count in counts.items() if count)
    show_lines([say("runs_sum", words, count=len(kept), states=said or "—")])


def _run_row(one: Reviewed, found: Schedule, lang: Lang) -> dict[str, Any]:
    entry, run = found.entries.get(one.entry), one.run
    late = "" if one.late is None else plain(one.late)
    if entry is not None and one.late is not None and one.late > entry.misfire_grace:
        late = f"{late} (!)"
    return {
        "due": shown(one.due_at, lang, entry),
        "entry": one.entry,
        "state": say(f"run_{one.state}", lang),
        "late": late,
        "took": "" if one.took is None else plain(one.took),
        "attempts": run.attempts if run else "",
        "cause": run.cause if run else "",
        "host": run.host if run else "",
        "why": (run.report.error or "") if run else "",
    }


def _run_facts(one: Reviewed) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "entry": one.entry,
        "occurrence": one.key,
        "due_at": isoformat(one.due_at),
        "state": one.state,
        "late_s": None if one.late is None else one.late.total_seconds(),
        "took_s": None if one.took is None else one.took.total_seconds(),
    }
    if (run := one.run) is not None:
        report = run.report
        facts |= {"cause": run.cause, "host": run.host, "fence": run.fence, "error": report.error}
        facts |= {"solver_status": report.solver_status, "gap": report.gap, "peak_bytes": report.peak_bytes}
        facts["counts"] = dict(report.counts)
    return facts


def _attempt_facts(attempt: Attempt) -> dict[str, Any]:
    ended = attempt.finished_at
    return {
        "attempt": attempt.attempt,
        "host": attempt.host,
        "fence": attempt.fence,
        "started_at": isoformat(attempt.started_at),
        "finished_at": None if ended is None else isoformat(ended),
        "state": attempt.state.value,
        "error": attempt.error,
    }


@app.command()
def schema() -> None:
    """JSON Schema of the schedule file, for editors.

    Example: consigne schedule schema > rules/schedules.schema.json
    """
    typer.echo(schema_text(), nl=False)


def run(
    entry: Annotated[str, typer.Argument(help="an entry of the schedule, or a job")],
    at: Annotated[str | None, typer.Option(help="an instant; the occurrence due last by then is done")] = None,
    as_json: Json = False,
) -> None:
    """One occurrence of one entry; done before already says so. Exit 3 where it was done with less.

    Example: consigne run plan-lighting --at 2026-11-22T12:00
    """
    chosen = settings()
    found = schedule_of(chosen)
    _known(found, entry, JOBS)
    wanted = instant(at)
    _, occasion = occasion_at(found, entry, wanted)
    if occasion.due_at > WallClock().now():
        what = f"the occurrence due {isoformat(occasion.due_at)} has not come"
        raise InputError([Problem("--at", 0, 0, what, "wait for it: done now it would count as done then")])
    store, ground = store_and_territory(chosen)
    with closing(compute_of(chosen)) as compute, underway("job"):
        context = JobContext(chosen, sealing(store), ground, WallClock(), compute)
        try:
            outcome = run_entry(context, found, entry, wanted)
        except KeyboardInterrupt:
            give_up(context, occasion)
            raise
    done, report = outcome.run, outcome.run.report
    facts = {"job": done.job, "occurrence": done.occurrence, "done_before": outcome.done_before}
    facts |= {"state": report.state.value, **report.counts, **({"why": report.error} if report.error else {})}
    if as_json:
        emit(facts)
    else:
        show_lines([" ".join(f"{name}={value}" for name, value in facts.items())])
    if not outcome.done_before and _WELL.get(report.state, 1):
        raise typer.Exit(_WELL.get(report.state, 1))


# what is said


def when(entry: Entry, lang: Lang) -> str:
    """When an entry is due, in words."""
    if entry.cron is not None:
        text = _cron(dict(entry.cron.fields))
        return text if entry.time_zone == PARIS else f"{text} ({entry.time_zone.key})"
    if entry.every is not None:
        offset = f" + {plain(entry.offset)}" if entry.offset else ""
        return say("when_every", lang, every=plain(entry.every)) + offset
    if entry.sun is not None:
        offset = f" {'-' if entry.sun.offset < timedelta(0) else '+'} {plain(abs(entry.sun.offset))}"
        return say(f"sun_{entry.sun.event}", lang) + (offset if entry.sun.offset else "")
    if entry.after:
        return say("when_after", lang, entry=entry.after)
    often = f", {say('when_at_most', lang, every=plain(entry.at_most_every))}" if entry.at_most_every else ""
    return say("when_replan", lang) + often


def _cron(fields: dict[str, str]) -> str:
    """`04:10 day_of_week=sun`; as it is written where it has no one time of day."""
    hour, minute = fields.get("hour", ""), fields.get("minute", "0")
    if not (hour.isdigit() and minute.isdigit()):
        return " ".join(f"{name}={part}" for name, part in fields.items())
    rest = [f"{name}={part}" for name, part in fields.items() if name not in {"hour", "minute"}]
    return " ".join([f"{hour:0>2}:{minute:0>2}", *rest])


def shown(at: datetime, lang: Lang, entry: Entry | None = None) -> str:
    """An instant as the entry's clocks show it, with their offset: 02:30 comes twice in October."""
    wall = at.astimezone(PARIS if entry is None else entry.time_zone)
    return f"{say('weekdays', lang).split()[wall.weekday()]} {wall:%Y-%m-%d %H:%M:%S %z}"


def plain(duration: timedelta) -> str:
    """A duration in its two largest units: 1 d 2 h, 15 min, 3.2 s."""
    left = duration.total_seconds()
    if left < 60:
        return f"{left:.3g} s"
    parts = []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count:.0f} {unit}")
    return " ".join(parts[:2])


def _table(rows: Sequence[Mapping[str, Any]], lang: Lang) -> list[str]:
    """Rows under heads, in columns: a line each, however wide, so that it can be searched and sorted."""
    if not rows:
        return []
    heads = [say(f"schedule_{name}", lang) for name in rows[0]]
    cells = [heads, *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _known(found: Schedule, name: str | None, more: Mapping[str, Any] | None = None) -> None:
    known = [*found.entries, *(more or {})]
    if name is not None and name not in known:
        names = ", ".join(dict.fromkeys(known))
        raise InputError([Problem(name, 0, 0, f"is not an entry of {found.source}", f"one of: {names}")])


def _start(text: str) -> datetime:
    """The instant, or the first one of a local day."""
    try:
        return datetime.combine(date.fromisoformat(text), time(0), PARIS).astimezone(UTC)
    except ValueError:
        return instant(text)


def _end(start: datetime, days: float) -> datetime:
    """So many local days later: of 23 or 25 hours when the clocks change."""
    whole = int(days)
    wall = start.astimezone(PARIS) + timedelta(days=whole)  # of the wall clock
    return wall.astimezone(UTC) + timedelta(days=days - whole)
