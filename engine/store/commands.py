"""The outbox as rows, and the life of every command."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
import polars as pl
from sqlalchemy import ColumnElement, Select, Text, and_, exc, exists, func, select, true, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import Conflict
from engine.instants import from_us, to_us
from engine.model import Command, CommandState, Level, Program, Transition, spell_sequence
from engine.ports import Admit, Change, Head
from engine.store import schema
from engine.store.bulk import Bulk, Frame
from engine.wire import program_from_json, program_to_json

_TABLE = schema.command
_READ = (
    "id", "point", "gateway", "seq", "program", "issued_at", "expires_at", "state", "attempts", "changed_at", "level",
    "not_before", "supersedes", "urgent", "batch", "renew_at", "due_at", "asked_at", "repeats",
)  # fmt: skip
_WRITTEN = ("state", "attempts", "repeats", "changed_at", "not_before", "due_at", "asked_at", "renew_at")
_VALUES = schema.frame_schema(_TABLE)
del _VALUES["asked_at"]
_CHANGE: dict[str, Any] = {"id": pl.String, "was": pl.String, "had": pl.Int32, "state": pl.String} | {
    name: pl.Int32 if name in {"attempts", "repeats"} else pl.Int64 for name in _WRITTEN[1:]
}
_OPEN = _TABLE.c.state.in_([state for state in CommandState if not state.terminal])


class Commands:
    """See `CommandLog`. `told`: how many lines of each state this transaction has added, the last one of `told_at`."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection
        self.told: Counter[str] = Counter()
        self.told_at = 0

    def enqueue(self, commands: Sequence[Command]) -> int:
        """See `CommandLog.enqueue`. Raises Conflict when another command of the point has the sequence already.

        After a Conflict the transaction goes on.
        """
        unique = {command.id: command for command in commands}
        if not unique:
            return 0
        rows = self._bulk.keys(pl.DataFrame([_values(command) for command in unique.values()], schema=_VALUES))
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        # Without a condition SQLite takes ON CONFLICT for a part of the query.
        new_rows = make(_TABLE).from_select(list(_VALUES), select(rows).where(true()))
        fresh = new_rows.on_conflict_do_nothing(index_elements=["id"]).returning(_TABLE.c.id)
        try:
            with self._connection.begin_nested():
                new = set(self._connection.execute(fresh).scalars())
        except exc.IntegrityError as error:
            raise Conflict(f"{error.orig}; nothing was written") from None
        entered = [command for command in unique.values() if command.id in new]
        self._log([(c.id, CommandState.QUEUED, to_us(c.issued_at), "in the outbox") for c in entered])
        self._supersede({command.point for command in entered})
        return len(entered)

    def claim(
        self, limit: int, owner: str, now: datetime, lease: timedelta, admit: Admit | None = None, *,
        without: Collection[str] = (), hold_back: Collection[int] = (),
    ) -> list[Command]:  # fmt: skip
        """See `CommandLog.claim`. On PostgreSQL claimers pass by each other's rows; on SQLite they take turns."""
        found = self._free(limit, now, without, urgent=True)
        found += self._free(limit - len(found), now, without, hold_back=hold_back)
        read = {command.id: command for command in found}
        taken = [_taken(command, now, now + lease) for command in (admit(found) if admit else found)]
        changes = [Change(read[command.id], command) for command in taken]
        lines = [Transition(c.id, CommandState.SENDING, now, f"attempt {c.attempts}, {owner}") for c in taken]
        self.record(changes, lines)
        return taken

    def _free(
        self, limit: int, now: datetime, without: Collection[str], *, urgent: bool = False,
        hold_back: Collection[int] = (),
    ) -> list[Command]:  # fmt: skip
        """What may be claimed now, locked, the oldest first."""
        columns = _TABLE.c
        wanted = _light().where(schema.FREE, columns.urgent == int(urgent), columns.not_before <= to_us(now))
        if without:
            named = self._bulk.keys(pl.DataFrame({"gateway": sorted(without)}, schema={"gateway": pl.String}))
            wanted = wanted.where(columns.gateway.not_in(select(named.c.gateway)))
        if hold_back:
            wanted = wanted.where(columns.level.not_in(sorted(hold_back)))
        oldest = wanted.where(~_newer_exists()).order_by(columns.issued_at, columns.id).limit(max(limit, 0))
        return list(self._read(oldest.with_for_update(skip_locked=True)))

    def record(self, changes: Sequence[Change], lines: Sequence[Transition]) -> set[str]:
        """See `CommandLog.record`."""
        if not changes:
            return set()
        columns = _TABLE.c
        to = self._bulk.keys(pl.DataFrame([_change(change) for change in changes], schema=_CHANGE, orient="row")).c
        written = set(
            self._connection.execute(
                update(_TABLE)
                .where(columns.id == to.id, columns.state == to.was, columns.attempts == to.had)
                .values(
                    {name: to[name] for name in _WRITTEN[:-1]}
                    | {"renew_at": func.coalesce(to.renew_at, columns.renew_at)}
                )
                .returning(columns.id)
            ).scalars()
        )
        self._log((line.command, line.state, to_us(line.at), line.detail) for line in lines if line.command in written)
        return written

    def move(self, command: str, to: CommandState, at: datetime, detail: str, expect: Collection[CommandState]) -> bool:
        found = self.lock([command]).get(command)
        if found is None or found.state not in expect:
            return False
        after = replace(found, state=to, changed_at=at, due_at=None if to.terminal else at, asked_at=None)
        return bool(self.record([Change(found, after)], [Transition(command, to, at, detail)]))

    def lock(self, ids: Collection[str]) -> dict[str, Command]:
        """See `CommandLog.lock`. In the order of their ids, so that two transactions never wait for each other."""
        keys = self._bulk.keys(pl.DataFrame({"id": sorted(set(ids))}, schema={"id": pl.String}))
        named = _light().where(_TABLE.c.id.in_(select(keys.c.id))).order_by(_TABLE.c.id)
        return {command.id: command for command in self._read(named.with_for_update(of=_TABLE))}

    def due(self, now: datetime, limit: int) -> list[Command]:
        due_at = _TABLE.c.due_at
        longest = _light().where(due_at <= to_us(now), _OPEN).order_by(due_at).limit(limit)
        return list(self._read(longest.with_for_update(skip_locked=True)))

    def overdue(self, now: datetime, grace: timedelta) -> dict[str, str]:
        columns = _TABLE.c
        late = select(columns.id, columns.point).where(_OPEN, columns.expires_at < to_us(now - grace))
        return dict(self._connection.execute(late.order_by(columns.expires_at, columns.id)).all())

    def heads(self, points: Collection[str]) -> dict[str, Head]:
        keys = self._bulk.keys(_points(points))
        found, columns = self._bulk.seek(keys, _TABLE, _TABLE.c.point == keys.c.point, ~_newer_exists())
        rows = self._connection.execute(select(columns.point, columns.id, columns.seq).select_from(found))
        return {point: Head(name, seq) for point, name, seq in rows}

    def pending(self) -> bool:
        return self._connection.execute(select(_TABLE.c.id).where(_OPEN).limit(1)).first() is not None

    def get(self, command: str) -> Command | None:
        return next(self._read(_whole().where(_TABLE.c.id == command)), None)

    def in_states(self, states: Collection[CommandState]) -> list[Command]:
        columns = _TABLE.c
        statement = _whole().where(columns.state.in_(list(states)))
        return list(self._read(statement.order_by(columns.issued_at, columns.id)))

    def newest(self, points: Collection[str]) -> dict[str, Command]:
        keys = self._bulk.keys(_points(points))
        found, columns = self._bulk.seek(keys, _TABLE, _TABLE.c.point == keys.c.point, ~_newer_exists())
        return {command.point: command for command in self._read(select(*_columns(columns)).select_from(found))}

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
        return list(self._read(_whole().where(_TABLE.c.point == point).order_by(_TABLE.c.seq)))

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
        of_older = _light().add_columns(newest_of.seq, newest_of.at).where(columns.point == newest_of.point, older)
        rows = self._connection.execute(of_older.order_by(columns.id).with_for_update(of=_TABLE))
        changes, lines = [], []
        for *read, seq, us in rows:
            command, at = _command(read), from_us(us)
            changes.append(Change(command, replace(command, state=CommandState.SUPERSEDED, changed_at=at, due_at=None)))
            detail = f"by sequence {spell_sequence(seq)}"
            lines.append(Transition(command.id, CommandState.SUPERSEDED, at, detail))
        self.record(changes, lines)

    def _log(self, lines: Iterable[tuple[str, CommandState, int, str]]) -> None:
        types: dict[str, Any] = {"command": pl.String, "state": pl.String, "at": pl.Int64, "detail": pl.String}
        rows = [(command, str(state), at, detail) for command, state, at, detail in lines]
        self.told.update(state for _, state, _, _ in rows)
        self.told_at = max([self.told_at, *(at for _, _, at, _ in rows)])
        self._bulk.insert(schema.command_event, pl.DataFrame(rows, schema=types, orient="row"))

    def _read(self, statement: Select[Any]) -> Iterator[Command]:
        return map(_command, self._connection.execute(statement))


def _light() -> Select[Any]:
    return select(*_columns(_TABLE.c, whole=False))


def _whole() -> Select[Any]:
    return select(*_columns(_TABLE.c))


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
        "program": _program_text(command.program),
        "issued_at": to_us(command.issued_at),
        "expires_at": to_us(command.expires_at),
        "state": str(CommandState.QUEUED),
        "attempts": 0,
        "changed_at": to_us(command.issued_at),
        "explanation": schema.to_json(command.explanation),
        "not_before": to_us(command.not_before or command.issued_at),
        "urgent": int(command.urgent),
        "level": int(command.level),
        "repeats": 0,
        "supersedes": command.supersedes,
        "due_at": to_us(command.expires_at),
        "batch": command.batch,
        "renew_at": _us(command.renew_at),
    }


def _columns(of: Any, *, whole: bool = True) -> list[ColumnElement[Any]]:
    """What `_command` reads, of the table or of what stands for it; not `whole`: without the explanation."""
    read = [type_coerce(of.program, Text) if name == "program" else of[name] for name in _READ]
    return [*read, of.explanation] if whole else read


def _command(row: Any) -> Command:
    (
        name, point, gateway, seq, program, issued_at, expires_at, state, attempts, changed_at, level, not_before,
        supersedes, urgent, batch, renew_at, due_at, asked_at, repeats, *explanation,
    ) = row  # fmt: skip
    return Command(
        name, point, gateway, seq, _program(program), from_us(issued_at), from_us(expires_at), CommandState(state),
        attempts, _instant(changed_at), explanation[0] if explanation else {}, Level(level), _instant(not_before),
        supersedes, bool(urgent), batch, _instant(renew_at), _instant(due_at), _instant(asked_at), repeats,
    )  # fmt: skip


@lru_cache(maxsize=20_000)
def _program_text(program: Program) -> str:
    return schema.to_json(program_to_json(program))


@lru_cache(maxsize=20_000)
def _program(text: str) -> Program:
    """A command is read at each step of its life, and lamps of a street have the same program."""
    return program_from_json(orjson.loads(text))


def _instant(at: int | None) -> datetime | None:
    return from_us(at) if at else None


def _us(at: datetime | None) -> int | None:
    return None if at is None else to_us(at)


def _taken(command: Command, now: datetime, until: datetime) -> Command:
    attempts = command.attempts + 1
    return replace(command, state=CommandState.SENDING, attempts=attempts, changed_at=now, due_at=until, asked_at=None)


def _change(change: Change) -> tuple[Any, ...]:
    before, after = change
    # Whoever settles the point may have moved its renewal since: only another one is written.
    renew_at = None if after.renew_at == before.renew_at else after.renew_at
    instants = (after.changed_at, after.not_before or after.issued_at, after.due_at, after.asked_at, renew_at)
    return (
        after.id, str(before.state), before.attempts, str(after.state), after.attempts, after.repeats,
        *map(_us, instants),
    )  # fmt: skip
