"""The outbox as rows, and the life of every command."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.instants import from_us, to_us
from engine.model import Command, CommandState, Level, Transition
from engine.store import schema
from engine.store.bulk import Bulk, Frame
from engine.wire import program_from_json, program_to_json

_TABLE = schema.command


class Commands:
    """See `CommandLog`."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def enqueue(self, commands: Sequence[Command]) -> int:
        """See `CommandLog.enqueue`. Raises Conflict when another command of the point has the sequence already."""
        unique = {command.id: command for command in commands}
        if not unique:
            return 0
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        fresh = make(_TABLE).on_conflict_do_nothing(index_elements=["id"]).returning(_TABLE.c.id)
        new = set(self._connection.execute(fresh, [_values(command) for command in unique.values()]).scalars())
        entered = [command for command in unique.values() if command.id in new]
        self._log([(c.id, CommandState.QUEUED, to_us(c.issued_at), "in the outbox") for c in entered])
        self._supersede({command.point for command in entered})
        return len(entered)

    def claim(self, limit: int, owner: str, now: datetime, lease: timedelta) -> list[Command]:
        """See `CommandLog.claim`. On PostgreSQL claimers pass by each other's rows; on SQLite they take turns."""
        columns, instant = _TABLE.c, to_us(now)
        lapsed = and_(columns.state == CommandState.SENDING, columns.lease_until <= instant)
        oldest = (
            select(columns.id)
            .where(or_(columns.state == CommandState.QUEUED, lapsed), columns.batch.is_(None), ~_newer_exists())
            .order_by(columns.issued_at, columns.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("oldest")
        )
        taken = self._connection.execute(
            update(_TABLE)
            .where(columns.id.in_(select(oldest.c.id)))
            .values(
                state=CommandState.SENDING,
                attempts=columns.attempts + 1,
                changed_at=instant,
                lease_owner=owner,
                lease_until=to_us(now + lease),
            )
            .returning(*columns)
        )
        commands = sorted(map(_command, taken), key=lambda command: (command.issued_at, command.id))
        self._log([(c.id, CommandState.SENDING, instant, f"attempt {c.attempts}, {owner}") for c in commands])
        return commands

    def move(self, command: str, to: CommandState, at: datetime, detail: str, expect: Collection[CommandState]) -> bool:
        columns, instant = _TABLE.c, to_us(at)
        moved = self._connection.execute(
            update(_TABLE)
            .where(columns.id == command, columns.state.in_(list(expect)))
            .values(state=to, changed_at=instant)
        )
        if moved.rowcount:
            line = {"command": command, "state": to, "at": instant, "detail": detail}
            self._connection.execute(insert(schema.command_event).values(line))
        return moved.rowcount > 0

    def get(self, command: str) -> Command | None:
        return next(self._read(select(_TABLE).where(_TABLE.c.id == command)), None)

    def in_states(self, states: Collection[CommandState]) -> list[Command]:
        columns = _TABLE.c
        statement = select(_TABLE).where(columns.state.in_(list(states)))
        return list(self._read(statement.order_by(columns.issued_at, columns.id)))

    def newest(self, points: Collection[str]) -> dict[str, Command]:
        keys = self._bulk.keys(_points(points))
        found, columns = self._bulk.seek(keys, _TABLE, _TABLE.c.point == keys.c.point, ~_newer_exists())
        return {command.point: command for command in self._read(select(*columns.values()).select_from(found))}

    def history(self, command: str) -> list[Transition]:
        """Every step of a command's life, in order."""
        columns = schema.command_event.c
        rows = self._connection.execute(
            select(columns.command, columns.state, columns.at, columns.detail)
            .where(columns.command == command)
            .order_by(columns.id)
        )
        return [Transition(name, CommandState(state), from_us(at), detail) for name, state, at, detail in rows]

    def of_point(self, point: str) -> list[Command]:
        """Every command of a point, by sequence."""
        return list(self._read(select(_TABLE).where(_TABLE.c.point == point).order_by(_TABLE.c.seq)))

    def counts(self) -> dict[CommandState, int]:
        """How many commands are in each state that has any."""
        rows = self._connection.execute(select(_TABLE.c.state, func.count()).group_by(_TABLE.c.state))
        return {CommandState(state): count for state, count in rows}

    def _supersede(self, points: set[str]) -> None:
        """Of each point, end what is QUEUED and not the newest."""
        columns = _TABLE.c
        keys = self._bulk.keys(_points(points))
        of_points = columns.point.in_(select(keys.c.point))
        newest = select(columns.point, func.max(columns.seq).label("seq"), func.max(columns.issued_at).label("at"))
        newest_of = newest.where(of_points).group_by(columns.point).subquery().c
        older = and_(columns.state == CommandState.QUEUED, columns.seq < newest_of.seq)
        rows = self._connection.execute(
            select(columns.id, newest_of.seq, newest_of.at).where(columns.point == newest_of.point, older)
        ).all()
        found = {name: (seq, at) for name, seq, at in rows}
        types: dict[str, Any] = {"id": pl.String, "at": pl.Int64}
        ends = self._bulk.keys(pl.DataFrame([(name, at) for name, _, at in rows], schema=types, orient="row"))
        ended = self._connection.execute(
            update(_TABLE)
            .where(columns.id == ends.c.id, columns.state == CommandState.QUEUED)
            .values(state=CommandState.SUPERSEDED, changed_at=ends.c.at)
            .returning(columns.id)
        ).scalars()
        self._log((n, CommandState.SUPERSEDED, found[n][1], f"by sequence {found[n][0]}") for n in ended)

    def _log(self, lines: Iterable[tuple[str, CommandState, int, str]]) -> None:
        types: dict[str, Any] = {"command": pl.String, "state": pl.String, "at": pl.Int64, "detail": pl.String}
        rows = [(command, str(state), at, detail) for command, state, at, detail in lines]
        self._bulk.insert(schema.command_event, pl.DataFrame(rows, schema=types, orient="row"))

    def _read(self, statement: Select[Any]) -> Iterator[Command]:
        return map(_command, self._connection.execute(statement))


def _newer_exists() -> ColumnElement[bool]:
    other = _TABLE.alias("newer")
    return exists().where(other.c.point == _TABLE.c.point, other.c.seq > _TABLE.c.seq)


def _points(points: Collection[str]) -> Frame:
    return pl.DataFrame({"point": sorted(set(points))}, schema={"point": pl.String})


def _values(command: Command) -> dict[str, Any]:
    return {
        "id": command.id,
        "point": command.point,
        "gateway": command.gateway,
        "seq": command.seq,
        "program": program_to_json(command.program),
        "issued_at": to_us(command.issued_at),
        "expires_at": to_us(command.expires_at),
        "state": CommandState.QUEUED,
        "attempts": 0,
        "changed_at": to_us(command.issued_at),
        "explanation": command.explanation,
        "not_before": to_us(command.not_before or command.issued_at),
        "urgent": int(command.urgent),
        "level": int(command.level),
        "repeats": 0,
        "supersedes": command.supersedes,
        "batch": command.batch,
        "renew_at": None if command.renew_at is None else to_us(command.renew_at),
    }


def _command(row: Any) -> Command:
    return Command(
        id=row.id,
        point=row.point,
        gateway=row.gateway,
        seq=row.seq,
        program=program_from_json(row.program),
        issued_at=from_us(row.issued_at),
        expires_at=from_us(row.expires_at),
        state=CommandState(row.state),
        attempts=row.attempts,
        changed_at=None if row.changed_at is None else from_us(row.changed_at),
        explanation=row.explanation,
        level=Level(row.level),
        not_before=from_us(row.not_before) if row.not_before else None,
        supersedes=row.supersedes,
        urgent=bool(row.urgent),
        batch=row.batch,
        renew_at=None if row.renew_at is None else from_us(row.renew_at),
    )
