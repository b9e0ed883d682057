"""The file of closures while a process runs: what has changed in it, and whether rounds under way are concerned."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from engine.errors import InputError
from engine.instants import isoformat
from engine.settings import Settings
from engine.store import Unit
from jobs.asking import URGENT, note_replans
from jobs.bootstrap import Territory
from jobs.collection.body import Body
from jobs.collection.closures import CLOSURES, Closure, closing, closures_of, parse_closures
from jobs.collection.day import collection_day, named
from jobs.collection.rounds.in_force import rounds_on
from jobs.site_files import FileRead, SiteFile, gone_by, note_file, refused_file

_READ = "closures/read"
"""Key of the file as it was last right, and of what was wrong with a later one."""


def closure_file(settings: Settings) -> SiteFile[tuple[Closure, ...]]:
    """The file, to be looked at for changes."""
    return SiteFile(settings.rules_dir / CLOSURES, parse_closures)


def take_closures(
    unit: Unit, territory: Territory, reading: FileRead[tuple[Closure, ...]], now: datetime
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Keep what the file says, and ask for the rounds under way to be planned again where a change concerns them, in
    the name of its closures. Returns the ids that changed, and those that asked.

    A file with a mistake changes nothing and is told by `refused_closures`. The first file of all is no change.
    """
    before = note_file(unit, _READ, reading, now)
    changed = [] if before is None or reading.found is None else _changed(_parsed(before), reading.found)
    if not changed:
        return [], []
    body = _under_way(unit, territory, now)
    asked = sorted({one.id for one in changed if body is not None and _concerns(one, body, territory, now)})
    ids = sorted({one.id for one in changed})
    unit.audit.append("rules", "close", "closures", {"changed": ids, "asked": asked}, now)
    if asked:
        by = {"requested_at": isoformat(now), "rule": CLOSURES, "asset": ", ".join(asked)}
        note_replans(unit, {"collection" + URGENT: by}, now)
    return ids, asked


def closures_known(unit: Unit, settings: Settings) -> tuple[Closure, ...]:
    """Those to plan by: of the file, or, where that has a mistake, as it was read last without one.

    Raises InputError where it never was.
    """
    try:
        return closures_of(settings)
    except InputError:
        kept = gone_by(unit, _READ)
        if kept is None:
            raise
        return _parsed(kept)


def refused_closures(unit: Unit) -> dict[str, Any] | None:
    """The changed file that a service refused last, and does not go by: at, problems, more."""
    return refused_file(unit, _READ)


def _parsed(text: str) -> tuple[Closure, ...]:
    """Of what was kept; nothing of what an earlier version of ours took for right."""
    try:
        return parse_closures(text)
    except InputError:
        return ()


def _changed(before: Sequence[Closure], now: Sequence[Closure]) -> list[Closure]:
    """Those that came and went; of one that is another now, as it was and as it is."""
    old, new = {one.id: one for one in before}, {one.id: one for one in now}
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return [one for name in names for one in (old.get(name), new.get(name)) if one is not None]


def _under_way(unit: Unit, territory: Territory, now: datetime) -> Body | None:
    """The rounds in force of the day of an instant, while a truck has anything of them left to do."""
    found = rounds_on(unit, territory, named(collection_day(now)[0]))
    return found.body if found is not None and _ends(found.body) > now else None


def _ends(body: Body) -> datetime:
    return max((body.instant(visits[-1].visit.end_s) for visits in body.days.values()), default=body.start)


def _concerns(closure: Closure, body: Body, territory: Territory, now: datetime) -> bool:
    """Whether it holds while trucks are still out: on a road that any may take, or where one may yet have to stop."""
    if not closure.spans(max(now, body.start), _ends(body)):
        return False
    left = (territory.by_id[name] for name in _left(body, now) if name in territory.by_id)
    return closure.through or any(
        any(closing((closure,), asset, territory.communes.get(asset.zone, ""))) for asset in left
    )


def _left(body: Body, now: datetime) -> Iterator[str]:
    """Containers that are wanted, and that no truck has emptied by an instant if it keeps to its plan."""
    at_s = (now - body.start).total_seconds()
    for stop in body.problem.stops:
        served = body.served.get(stop.id)
        if served is None or served[1].visit.end_s > at_s:
            yield stop.id
