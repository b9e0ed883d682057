"""Who did what: lines written with the act, then sealed into a chain in which every line holds the one before it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, LargeBinary, Select, Text, cast, func, insert, select, type_coerce, update

from engine.instants import from_us, to_us
from engine.store import schema
from engine.store.bulk import Bulk
from engine.store.chain import GENESIS, Broken, Chain, Row, digest, follow

PERSON = "person:"
"""What the actor of a person's act begins with; the account's name follows."""

_TABLE = schema.audit
_COLUMNS = _TABLE.c
_SEALER = 0x6175646974  # the advisory lock of whoever seals
_WORDS = ("reason", "note")  # keys of bodies under which people write freely


@dataclass(frozen=True, slots=True)
class Line:
    """One act. `id` is its number, `seq` its place in the chain once it is sealed."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    body: Mapping[str, Any] = field(default_factory=dict)
    seq: int | None = None


class Audit:
    """Lines that are written with the act they tell of, and get a place in the chain, from 1 without a gap, by `seal`.

    A sealed line's SHA-256 covers its content, both its numbers and the hash before it. The chain shows a line changed,
    removed, put in or moved; that its end was cut off, only a copy of a later hash shows.
    """

    def __init__(self, bulk: Bulk) -> None:
        self._bulk, self._connection = bulk, bulk.connection
        self._postgres = bulk.connection.dialect.name == "postgresql"

    def append(self, actor: str, action: str, subject: str, body: Mapping[str, Any], at: datetime) -> int:
        """Add a line, which waits for nobody; returns its number.

        Of what a person wrote freely (`reason`, `note`) it keeps the SHA-256 alone: the words are in the record the act
        made, whence they can be removed, as a name must be when its owner asks, and the chain stays whole.
        """
        kept = {key: digest_of(value) if _is_words(actor, key, value) else value for key, value in body.items()}
        values = {"at": to_us(at), "actor": actor, "action": action, "subject": subject, "body": kept}
        return int(self._connection.execute(insert(_TABLE).values(values).returning(_COLUMNS.id)).scalar_one())

    def line(self, number: int) -> Line | None:
        """The line of that number."""
        row = self._connection.execute(select(_TABLE).where(_COLUMNS.id == number)).first()
        if row is None:
            return None
        return Line(row.id, from_us(row.at), row.actor, row.action, row.subject, row.body, row.seq)

    def bodies(self, actor: str, action: str, start: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """What one actor wrote of one kind of act in [start, until), in order."""
        acts = (_COLUMNS.actor == actor, _COLUMNS.action == action)
        when = (_COLUMNS.at >= to_us(start), _COLUMNS.at < to_us(until))
        yield from self._connection.execute(select(_COLUMNS.body).where(*acts, *when).order_by(_COLUMNS.id)).scalars()

    def waits(self) -> bool:
        """Is there a line to seal?"""
        return self._connection.execute(select(_COLUMNS.id).where(_COLUMNS.seq.is_(None)).limit(1)).first() is not None

    def seal(self, limit: int = 50_000) -> int:
        """Give up to `limit` lines their places, by their numbers; returns how many. 0 while another process seals.

        A line whose act commits later than one with a higher number gets a later place.
        """
        if self._postgres and not self._connection.execute(select(func.pg_try_advisory_xact_lock(_SEALER))).scalar():
            return 0
        last = self._connection.execute(
            select(_COLUMNS.seq, _COLUMNS.hash).where(_COLUMNS.seq.is_not(None)).order_by(_COLUMNS.seq.desc()).limit(1)
        ).first()
        seq, before = (last.seq, last.hash) if last else (0, GENESIS)
        places = []
        for row in self._rows(_COLUMNS.seq.is_(None), order=_COLUMNS.id, limit=limit):
            seq += 1
            before = digest(before, seq, row)
            places.append((row.id, seq, before))
        types = {"id": pl.Int64, "seq": pl.Int64, "hash": pl.String}
        sealed = self._bulk.keys(pl.DataFrame(places, schema=types, orient="row"))
        values = {"seq": sealed.c.seq, "hash": sealed.c.hash}
        if places:
            self._connection.execute(update(_TABLE).where(_COLUMNS.id == sealed.c.id).values(values))
        return len(places)

    def verify(self, head: str | None = None) -> Chain:
        """Compare every sealed line with the chain. `head`: a hash kept from before, which the chain must hold."""
        chain = follow(self._rows(_COLUMNS.seq.is_not(None), order=_COLUMNS.seq), head)
        waiting = select(func.count(), func.min(_COLUMNS.id).filter(_COLUMNS.hash.is_not(None)))
        unsealed, torn_out = self._connection.execute(waiting.where(_COLUMNS.seq.is_(None))).one()
        broken = chain.broken
        if broken is None and torn_out is not None:
            broken = Broken(chain.lines + 1, torn_out, "was sealed and has lost its place")
        return Chain(chain.lines, chain.head, broken, unsealed)

    def places(self, start: datetime, until: datetime) -> tuple[int, int] | None:
        """The first and the last place in the chain of the sealed lines of [start, until)."""
        when = (_COLUMNS.at >= to_us(start), _COLUMNS.at < to_us(until))
        first, last = self._connection.execute(
            select(func.min(_COLUMNS.seq), func.max(_COLUMNS.seq)).where(*when)
        ).one()
        return None if first is None else (first, last)

    def hash_at(self, seq: int) -> str:
        """The hash of the line at a place; before the first, sixty-four zeros."""
        found = self._connection.execute(select(_COLUMNS.hash).where(_COLUMNS.seq == seq)).scalar()
        return GENESIS if found is None else str(found)

    def rows(self, first: int, last: int) -> Iterator[Row]:
        """The sealed lines between two places, as they are kept."""
        return self._rows(_COLUMNS.seq.between(first, last), order=_COLUMNS.seq)

    def _rows(
        self, which: ColumnElement[bool], *, order: ColumnElement[Any], limit: int | None = None
    ) -> Iterator[Row]:
        # The body as it is written: read as JSON, a changed text could mean the same, or nothing at all. On SQLite as
        # bytes, for a text may be none any more, and from the table, for an index may say something else.
        texts = [self._text(_COLUMNS[name]) for name in ("actor", "action", "subject", "body", "hash")]
        statement: Select[Any] = select(_COLUMNS.seq, _COLUMNS.id, _COLUMNS.at, *texts)
        if limit is None:
            statement = statement.with_hint(_TABLE, "NOT INDEXED", "sqlite")
        statement = statement.where(which).order_by(order).limit(limit)
        with self._connection.execute(statement.execution_options(yield_per=10_000)) as rows:
            yield from map(Row._make, rows)

    def _text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        text = type_coerce(column, Text)
        return text if self._postgres else cast(text, LargeBinary)


def _is_words(actor: str, key: str, value: object) -> bool:
    return actor.startswith(PERSON) and key in _WORDS and isinstance(value, str)


def digest_of(words: str) -> str:
    """What the audit keeps of what a person wrote freely."""
    return hashlib.sha256(words.encode()).hexdigest()
