"""What equipment takes of one night: asked of it, kept in the database, and given to those who plan."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from engine.equipment.connections import Connection, Room, Site
from engine.errors import Unavailable
from engine.instants import isoformat
from engine.store import Unit
from engine.store.ledger import RunReport, RunState

_KEY = "equipment-rooms"
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Announced:
    """What a connection's equipment last said of its room, and when."""

    room: Room
    at: datetime


Answer = Room | None | Exception
"""Of one connection: its room, None where its kind says nothing, or why there was no answer."""


def ask_rooms(connections: Sequence[Connection], site: Site) -> dict[str, Answer]:
    """Ask each connection, side by side."""

    def ask(connection: Connection) -> Answer:
        try:
            return connection.announced(site)
        except (Unavailable, ValueError) as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = pool.map(ask, connections)
        return {connection.id: answer for connection, answer in zip(connections, answers, strict=True)}


def keep_rooms(unit: Unit, answers: Mapping[str, Answer], now: datetime) -> RunReport:
    """Keep what was said. What does not answer keeps what it said before; what is no connection any more is forgotten.

    DEGRADED where one gave no answer.
    """
    before = _kept(unit)
    said = {name: {**asdict(room), "at": isoformat(now)} for name, room in answers.items() if isinstance(room, Room)}
    failed = {name: error for name, error in answers.items() if isinstance(error, Exception)}
    kept = {name: entry for name, entry in before.items() if name in failed} | said
    if kept != before:
        unit.state.put(_KEY, orjson.dumps(kept, option=orjson.OPT_SORT_KEYS))
    why = "; ".join(f"{name}: {error}" for name, error in failed.items())
    counts = {"announced": len(said), "silent": len(failed)}
    return RunReport(RunState.DEGRADED if failed else RunState.DONE, counts, error=why or None)


def announced_rooms(unit: Unit) -> dict[str, Announced]:
    """By connection."""
    return {
        name: Announced(Room(**{key: value for key, value in entry.items() if key != "at"}), _instant(entry))
        for name, entry in _kept(unit).items()
    }


def room_of(connection: Connection, announced: Mapping[str, Announced]) -> Room:
    """What a connection's equipment takes: as it said, and as the equipment file states."""
    said = announced.get(connection.id)
    return connection.room if said is None else said.room.within(connection.room)


def _kept(unit: Unit) -> dict[str, dict[str, Any]]:
    body = unit.state.get(_KEY)
    return orjson.loads(body) if body else {}


def _instant(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])
