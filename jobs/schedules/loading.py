"""`rules/schedules.yaml` → a schedule, or every problem of the file at once."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from engine.documents import Document, parse_document, read_document
from engine.errors import InputError, Problem
from engine.rulebook.fields import WORDS
from engine.rulebook.loading import circles
from engine.rulebook.naming import nearest
from engine.settings import Settings
from jobs.domains import DOMAINS
from jobs.lighting.tables import tables_of
from jobs.schedules.builtin import BUILT_IN
from jobs.schedules.cron import clock_changes
from jobs.schedules.definitions import Entry, ScheduleFile
from jobs.schedules.occurrences import Schedule
from jobs.table import JOBS

SCHEDULES = "schedules.yaml"
_ID = "https://consigne.example/rules/schedules.schema.json"
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_PLANS = {f"plan-{domain}" for domain in DOMAINS}


def schedule_of(settings: Settings) -> Schedule:
    """The schedule in the rules' folder, or the built-in one without a file. Raises InputError with every problem."""
    found = load_schedule(settings.rules_dir / SCHEDULES)
    site = tables_of(settings).site if any(entry.sun for entry in found.entries.values()) else None
    return found if site is None else replace(found, site=(site.lat, site.lon))


def load_schedule(path: Path) -> Schedule:
    """The entries of a file, or the built-in ones where there is none. Raises InputError with every problem."""
    return parse_schedule(read_document(path)) if path.exists() else built_in()


def built_in() -> Schedule:
    """What runs where no file says so."""
    return parse_schedule(parse_document(BUILT_IN, "built-in schedule"))


def parse_schedule(document: Document) -> Schedule:
    """The entries of a document. Raises InputError with every problem."""
    problems: list[Problem] = []
    entries: dict[str, Entry] = {}
    parts = dict(_parts(document))
    try:
        shape = replace(document, data=_emptied(document.data))
        shape.validate(ScheduleFile)
    except InputError as error:
        problems.extend(error.problems)
    for name, part in parts.items():
        if not re.fullmatch(WORDS[0], name):
            problems.append(part.problem((), f"{name!r} is no name", f"small letters, digits and -, as {WORDS[1]}"))
        try:
            entries[name] = part.validate(Entry)
        except InputError as error:
            problems.extend(error.problems)
    for name, entry in entries.items():
        problems.extend(_wrong(name, entry, parts))
    looks = {name: (entry.after,) if entry.after else () for name, entry in entries.items()}
    for trail in circles(looks):
        what = f"comes after itself: {' → '.join(trail)}"
        problems.append(parts[trail[0]].problem(("after",), what, "take one of these out"))
    if problems:
        raise InputError(problems)
    return Schedule(entries, source=document.source)


def _emptied(data: Any) -> Any:
    """The file without what its entries say, which is looked at by itself."""
    if isinstance(data, dict) and isinstance(data.get("schedules"), dict):
        return data | {"schedules": {}}
    return data


def _parts(document: Document) -> Iterator[tuple[str, Document]]:
    """Each entry as a document of its own."""
    held = document.data.get("schedules") if isinstance(document.data, dict) else None
    for name, item in held.items() if isinstance(held, dict) else ():
        places = {loc[2:]: place for loc, place in document.places.items() if loc[:2] == ("schedules", name)}
        yield name, replace(document, data=item, places=places)


def _wrong(name: str, entry: Entry, parts: dict[str, Document]) -> Iterator[Problem]:
    part = parts[name]
    yield from _wrong_times(entry, part)
    yield from _wrong_job(entry.job or name, entry, part)
    if entry.after is not None and entry.after not in parts:
        what = f"{entry.after!r} is not an entry of this file"
        yield part.problem(("after",), what, nearest(entry.after, parts))


def _wrong_times(entry: Entry, part: Document) -> Iterator[Problem]:
    if entry.cron is None:
        return
    for hour in sorted(clock_changes(entry.time_zone)):
        if entry.cron.names_hour(hour):
            what = f"{hour:02}:00 to {hour + 1:02}:00 is skipped or comes twice when the clocks change"
            hint = "choose another hour, or use every or sun"
            yield part.problem(("cron", "hour"), f"{what} in {entry.time_zone.key}", hint)
    if Schedule({"it": entry}).next_after("it", _LONG_AGO) is None:
        yield part.problem(("cron",), "never comes", "no day has this month, number and name")


def _wrong_job(job: str, entry: Entry, part: Document) -> Iterator[Problem]:
    if job not in JOBS:
        loc = ("job",) if entry.job else ()
        yield part.problem(loc, f"{job!r} is not a job", f"job: {nearest(job, JOBS)}")
        return
    if entry.event == "replan" and job not in _PLANS:
        yield part.problem(("event",), f"{job} makes no plan", f"job: one of {', '.join(sorted(_PLANS))}")
    places = {loc[1:]: place for loc, place in part.places.items() if loc[:1] == ("arguments",)} or {
        (): part.places.get((), (1, 1))
    }
    try:
        replace(part, data=entry.arguments, places=places).validate(JOBS[job].arguments)
    except InputError as error:
        yield from error.problems


def schedule_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of `rules/schedules.yaml`: the shape alone, for editors."""
    _, schema = models_json_schema([(ScheduleFile, "validation")], by_alias=True)
    parts: dict[str, Any] = schema["$defs"]
    file = parts.pop("ScheduleFile")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": _ID}
    return {**head, **file, "$defs": parts}


def schema_text() -> str:
    """The schema as a file holds it: the same models give the same bytes."""
    return json.dumps(schedule_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
