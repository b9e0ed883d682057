"""The law while a process runs: orders, drought orders and events that have changed are read again and bind at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from engine.errors import InputError
from engine.instants import isoformat
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import DROUGHT, EVENTS, ORDERS, Law, Territory, law_in, lighting_in

IN_FORCE = "law/service"  # the key of what `consigne doctor` tells of changed files that were refused
_FILES = (ORDERS, DROUGHT, EVENTS)
_SHOWN = 5

Stamp = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What changed files say: a territory under them, ready to be enacted, or what is wrong with them."""

    ready: Territory | None = None
    problems: tuple[str, ...] = ()


class LawFiles:
    """The files that bound points, looked at for changes. While one has a mistake, what was read last stays in force.

    `at_once`: the first look reads them, too, for they may have changed since the territory was read.
    """

    def __init__(self, settings: Settings, territory: Territory, *, at_once: bool = False) -> None:
        self._settings, self._territory = settings, territory
        self._read = territory.law
        self._stamp: Stamp | None = None if at_once else self._now()

    def look(self) -> Reading | None:
        """What the files say, where that is another thing than at the last look."""
        stamp = self._now()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            law = law_in(self._settings, self._territory.catalogue)
        except InputError as error:
            return Reading(problems=tuple(map(str, error.problems)))
        if law == self._read:
            return Reading()
        self._read = law
        tables = lighting_in(self._settings) if law.dims_lamps else self._territory.tables
        return Reading(self._territory.under(law, tables))

    def follow(self) -> None:
        """Look, and be under what was found: for a process beside the one of the rules, which tells of it."""
        reading = self.look()
        if reading is not None and reading.ready is not None:
            self._territory.enact(reading.ready)

    def _now(self) -> Stamp:
        return tuple(map(stamp_of, (self._settings.rules_dir / name for name in _FILES)))


def stamp_of(path: Path) -> tuple[int, int] | None:
    """When a file was written to, and its size; None where it is not: a look that reads nothing."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size


def note_reading(unit: Unit, reading: Reading, law: Law, now: datetime) -> None:
    """Write down why changed files were refused; or, with its audit line, what is in force from now on."""
    unit.state.put(IN_FORCE, orjson.dumps(refusal(reading.problems, now)))
    if reading.ready is not None:
        orders: dict[str, str] = {entry.id: f"{entry.number} of {entry.dated}" for entry in law.orders}
        orders |= {entry.id: f"{entry.number} of {entry.dated}, {entry.level}" for entry in law.drought.levels}
        unit.audit.append("rules", "enact", "orders", {"orders": orders}, now)


def refusal(problems: Sequence[str], now: datetime) -> dict[str, Any] | None:
    """What is kept of a changed file that is not gone by: at, problems, more. None where nothing is wrong with it."""
    shown = list(problems[:_SHOWN])
    return {"at": isoformat(now), "problems": shown, "more": len(problems) - len(shown)} if shown else None


def refused_law(unit: Unit) -> dict[str, Any] | None:
    """The changed files that a service refused last, and does not go by: at, problems, more."""
    found: dict[str, Any] | None = orjson.loads(unit.state.get(IN_FORCE) or b"null")
    return found
