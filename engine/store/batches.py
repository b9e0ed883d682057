"""Large batches as rows: what they were weighed by, which commands they are made of, and how these fare."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Select, and_, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.instants import from_us, in_us, to_us
from engine.model import BatchState, CommandState
from engine.setpoints.batches import Batch, Tally
from engine.store import schema
from engine.store.bulk import Bulk, Frame

_BATCHES, _MEMBERS, _COMMANDS = schema.batch, schema.batch_command, schema.command
_MEMBER: Any = {"batch": pl.String, "command": pl.String, "canary": pl.Int16}


class Batches:
    """Batches and their commands. A command waits while its own `batch` is set; members are remembered for ever."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def put(self, batch: Batch, commands: Collection[str], canary: Collection[str]) -> bool:
        """Write a new batch with the ids of its commands and of those that go first. Returns False for a known id."""
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        fresh = make(_BATCHES).values(_values(batch)).on_conflict_do_nothing().returning(_BATCHES.c.id)
        if self._connection.execute(fresh).first() is None:
            return False
        rows = [(batch.id, name, int(name in canary)) for name in sorted(commands)]
        self._bulk.insert(_MEMBERS, Frame(rows, schema=_MEMBER, orient="row"))
        return True

    def save(self, batch: Batch) -> None:
        """Write what has become of a batch."""
        self._connection.execute(update(_BATCHES).where(_BATCHES.c.id == batch.id).values(_values(batch)))

    def get(self, batch: str, *, ours: bool = False) -> Batch | None:
        """`ours`: nobody else changes it until this transaction ends."""
        return next(iter(self._read(_BATCHES.c.id == batch, ours=ours)), None)

    def going_on(self, *, ours: bool = False) -> Sequence[Batch]:
        """Those of which something may still become, oldest first. `ours`: as for `get`."""
        return self._read(_BATCHES.c.ended_at.is_(None), ours=ours)

    def list(self, states: Collection[BatchState] = tuple(BatchState), limit: int = 100) -> Sequence[Batch]:
        """Those in one of the states, newest first."""
        statement = select(_BATCHES).where(_BATCHES.c.state.in_([state.value for state in states]))
        newest_first = statement.order_by(_BATCHES.c.made_at.desc(), _BATCHES.c.id).limit(limit)
        return [_batch(row) for row in self._connection.execute(newest_first)]

    def tallies(self, batch: str) -> tuple[Tally, Tally]:
        """How the canary fares, and how all commands do."""
        rows = self._connection.execute(
            select(_MEMBERS.c.canary, _COMMANDS.c.state, func.count())
            .join(_COMMANDS, _COMMANDS.c.id == _MEMBERS.c.command)
            .where(_MEMBERS.c.batch == batch)
            .group_by(_MEMBERS.c.canary, _COMMANDS.c.state)
        )
        canary: Counter[CommandState] = Counter()
        everything: Counter[CommandState] = Counter()
        for first, state, count in rows:
            everything[CommandState(state)] += count
            canary[CommandState(state)] += count if first else 0
        return Tally(+canary), Tally(+everything)

    def canary(self, batch: str) -> frozenset[str]:
        """The ids of the commands that go first."""
        return frozenset(self._connection.execute(_canary(batch)).scalars())

    def join(self, batch: str, instead: Mapping[str, str]) -> None:
        """New commands take the places of members: old id → new id."""
        frame = Frame(sorted(instead.items()), schema={"old": pl.String, "new": pl.String}, orient="row")
        keys = self._bulk.keys(frame)
        old = and_(_MEMBERS.c.batch == batch, _MEMBERS.c.command == keys.c.old)
        self._connection.execute(update(_MEMBERS).where(old).values(command=keys.c.new))

    def overrides(self, batch: str, *, canary_only: bool = False) -> Sequence[str]:
        """The points whose waiting commands would have been renewed by now, had they not waited; in order."""
        wanted = select(_COMMANDS.c.point).where(_waits(batch, canary_only), _COMMANDS.c.renew_at.is_not(None))
        return sorted(self._connection.execute(wanted).scalars())

    def release(self, batch: str, at: datetime, detail: str, *, canary_only: bool = False) -> int:
        """Let the commands that wait be sent; returns how many. Overrides are to be settled again at once."""
        renewed = case((_COMMANDS.c.renew_at.is_not(None), to_us(at)))
        values = {"batch": None, "renew_at": renewed}
        return self._change(_waits(batch, canary_only), CommandState.QUEUED, at, detail, values)

    def end_queued(self, batch: str, to: CommandState, at: datetime, detail: str) -> int:
        """End the commands that have not been sent yet, waiting or released; returns how many."""
        members = select(_MEMBERS.c.command).where(_MEMBERS.c.batch == batch)
        where = and_(_COMMANDS.c.id.in_(members), _COMMANDS.c.state == CommandState.QUEUED)
        return self._change(where, to, at, detail, {"state": to, "changed_at": to_us(at), "due_at": None})

    def _change(
        self, where: ColumnElement[bool], state: CommandState, at: datetime, detail: str, values: dict[str, Any]
    ) -> int:
        """Change commands and write a line in the history of each."""
        changed = self._connection.execute(
            update(_COMMANDS).where(where).values(values).returning(_COMMANDS.c.id)
        ).scalars()
        lines = [(name, state.value, to_us(at), detail) for name in sorted(changed)]
        types: Any = {"command": pl.String, "state": pl.String, "at": pl.Int64, "detail": pl.String}
        self._bulk.insert(schema.command_event, Frame(lines, schema=types, orient="row"))
        return len(lines)

    def _read(self, where: ColumnElement[bool], *, ours: bool) -> Sequence[Batch]:
        wanted = select(_BATCHES).where(where).order_by(_BATCHES.c.made_at, _BATCHES.c.id)
        return [_batch(row) for row in self._connection.execute(wanted.with_for_update() if ours else wanted)]


def _canary(batch: str) -> Select[Any]:
    return select(_MEMBERS.c.command).where(_MEMBERS.c.batch == batch, _MEMBERS.c.canary == 1)


def _waits(batch: str, canary_only: bool) -> ColumnElement[bool]:
    waiting = and_(_COMMANDS.c.batch == batch, _COMMANDS.c.state == CommandState.QUEUED)
    return and_(waiting, _COMMANDS.c.id.in_(_canary(batch))) if canary_only else waiting


def _values(batch: Batch) -> dict[str, Any]:
    plain = {name: getattr(batch, name) for name in ("id", "domain", "made_by", "stop_above", "facts", "decided_by")}
    instants = ("made_at", "until_at", "life_until", "decided_at", "ended_at")
    when = {name: None if getattr(batch, name) is None else to_us(getattr(batch, name)) for name in instants}
    return plain | when | {"state": batch.state.value, "within_us": in_us(batch.within)}


def _batch(row: Any) -> Batch:
    return Batch(
        id=row.id,
        domain=row.domain,
        made_at=from_us(row.made_at),
        made_by=row.made_by,
        state=BatchState(row.state),
        until_at=from_us(row.until_at),
        stop_above=row.stop_above,
        within=timedelta(microseconds=row.within_us),
        life_until=from_us(row.life_until),
        facts=row.facts,
        decided_at=None if row.decided_at is None else from_us(row.decided_at),
        decided_by=row.decided_by,
        ended_at=None if row.ended_at is None else from_us(row.ended_at),
    )
