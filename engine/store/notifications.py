"""Messages to people as rows: written with what they tell of, sent afterwards, each to exactly one end."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.instants import from_us, to_us
from engine.model import AlarmState, Priority
from engine.notify.messages import Channel, Kind, MessageState, Notification
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.notification
_HELD, _DIGESTED = MessageState.HELD, MessageState.DIGESTED
_QUEUED, _SENDING = MessageState.QUEUED, MessageState.SENDING
_URGENCY = {priority: number for number, priority in enumerate(Priority)}
_OPEN = (_HELD, _QUEUED, _SENDING)
_UNSENT = (MessageState.CANCELLED, MessageState.EXPIRED)
Messages = list[Notification]


class Notifications:
    """Who was told of what, by which channel, and what became of it. Addresses are not here."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def add(self, messages: Iterable[Notification]) -> set[str]:
        """Write those whose key is new, and anew those that were cancelled or ran out of time. Returns their keys.

        One that is written anew keeps its `created_at`, and so its message id: something of it may have arrived.
        """
        rows = [_values(message) for message in messages]
        if not rows:
            return set()
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        statement = make(_TABLE)
        again = {name: statement.excluded[name] for name in rows[0] if name not in {"key", "created_at"}}
        statement = statement.on_conflict_do_update(
            index_elements=["key"], set_=again, where=or_(*(_TABLE.c.state == state for state in _UNSENT))
        )
        return set(self._connection.execute(statement.returning(_TABLE.c.key), rows).scalars())

    def of(self, alarms: Collection[int]) -> dict[int, Messages]:
        """By alarm, what was written of each, in order."""
        keys = self._bulk.keys(pl.DataFrame({"alarm": sorted(set(alarms))}, schema={"alarm": pl.Int64}))
        found: dict[int, Messages] = {}
        for message in self._read(_TABLE.c.alarm == keys.c.alarm):
            found.setdefault(message.alarm or 0, []).append(message)
        return found

    def recent(self, since: datetime) -> Messages:
        """What counts from after an instant, and all that is held."""
        return self._read(or_(_TABLE.c.not_before > to_us(since), _TABLE.c.state == _HELD))

    def list(self, states: Collection[MessageState] = tuple(MessageState)) -> Messages:
        """Those in some states, in the order they were written."""
        return self._read(_TABLE.c.state.in_(states))

    def fold(self, keys: Collection[str], digest: str, at: datetime) -> int:
        """Held messages are told by a digest. Returns how many."""
        return len(self._change(and_(_in(self._bulk, keys), _TABLE.c.state == _HELD), _DIGESTED, at, digest))

    def open(self) -> bool:
        """Whether any message has not come to its end."""
        waiting = select(_TABLE.c.id).where(_TABLE.c.state.in_(_OPEN)).limit(1)
        return self._connection.execute(waiting).first() is not None

    def overdue(self, at: datetime) -> int:
        """How many have not come to their end, though their time was over at an instant."""
        late = (_TABLE.c.state.in_(_OPEN), _TABLE.c.expires_at <= to_us(at))
        return self._connection.execute(select(func.count()).where(*late)).scalar_one()

    def withdraw(self, at: datetime) -> int:
        """Cancel escalations that have not left, of alarms acknowledged or gone meanwhile. Returns how many."""
        alarm = schema.alarm.c
        waits = select(alarm.id).where(alarm.state == AlarmState.UNACKNOWLEDGED)
        unsent = and_(_TABLE.c.kind == Kind.ESCALATION, _TABLE.c.state.in_([_HELD, _QUEUED]))
        chosen = and_(unsent, _TABLE.c.alarm.not_in(waits))
        return len(self._change(chosen, MessageState.CANCELLED, at, "the alarm wants nobody any more"))

    def expire(self, at: datetime) -> int:
        """End what has run out of time; of what was being sent it is not known whether it arrived. Returns how many."""
        over = _TABLE.c.expires_at <= to_us(at)
        unsent = and_(over, _TABLE.c.state.in_([_HELD, _QUEUED]))
        ended = [*self._change(unsent, MessageState.EXPIRED, at, "unsent")]
        lapsed = and_(over, _TABLE.c.state == _SENDING, _TABLE.c.lease_until <= to_us(at))
        ended += self._change(lapsed, MessageState.EXPIRED, at, "may have been sent")
        self._lose(ended, MessageState.EXPIRED, at)
        return len(ended)

    def claim(self, limit: int, now: datetime, lease: timedelta) -> Sequence[Notification]:
        """Take the most urgent that are due into SENDING; attempts grow by one. Until the lease ends they are ours."""
        columns, instant = _TABLE.c, to_us(now)
        rested = or_(columns.lease_until.is_(None), columns.lease_until <= instant)
        waiting = and_(columns.state == _QUEUED, columns.not_before <= instant, rested)
        lapsed = and_(columns.state == _SENDING, columns.lease_until <= instant)
        due = (
            select(columns.id)
            .where(or_(waiting, lapsed), columns.expires_at > instant)
            .order_by(case(_URGENCY, value=columns.priority), columns.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        values = {"state": _SENDING, "attempts": columns.attempts + 1, "changed_at": instant}
        taken = self._connection.execute(
            update(_TABLE)
            .where(columns.id.in_(select(due.c.id)))
            .values(**values, lease_until=to_us(now + lease))
            .returning(*columns)
        )
        return sorted(map(_message, taken), key=lambda one: (_URGENCY[one.priority], one.id or 0))

    def settle(self, message: Notification, state: MessageState, at: datetime, detail: str) -> bool:
        """End a claimed message. Returns whether it was still this attempt's."""
        done = self._change(_attempt(message), state, at, detail)
        if state.lost:
            self._lose(done, state, at)
        return bool(done)

    def postpone(self, message: Notification, until: datetime, at: datetime, detail: str) -> bool:
        """Give a claimed message back, to be sent again not before an instant. Returns whether it was still ours."""
        values = {"state": _QUEUED, "lease_until": to_us(until), "changed_at": to_us(at), "detail": detail}
        return self._connection.execute(update(_TABLE).where(_attempt(message)).values(values)).rowcount > 0

    def _lose(self, ended: Collection[str], state: MessageState, at: datetime) -> None:
        """What was told by a digest that nobody got was not told."""
        if ended:
            told = [_TABLE.c.state == _DIGESTED, _TABLE.c.detail.in_(_keys(self._bulk, ended))]
            self._change(and_(*told), state, at, "its digest did not arrive")

    def _change(self, chosen: ColumnElement[bool], state: MessageState, at: datetime, detail: str) -> Sequence[str]:
        """Returns the keys of those that changed."""
        values = {"state": state, "changed_at": to_us(at), "detail": detail}
        changed = self._connection.execute(update(_TABLE).where(chosen).values(values).returning(_TABLE.c.key))
        return changed.scalars().all()

    def _read(self, chosen: ColumnElement[bool]) -> Messages:
        rows = self._connection.execute(select(_TABLE).where(chosen).order_by(_TABLE.c.id))
        return [_message(row) for row in rows]


def _keys(bulk: Bulk, keys: Collection[str]) -> Select[Any]:
    return select(bulk.keys(pl.DataFrame({"key": sorted(keys)}, schema={"key": pl.String})).c.key)


def _in(bulk: Bulk, keys: Collection[str]) -> ColumnElement[bool]:
    return _TABLE.c.key.in_(_keys(bulk, keys))


def _attempt(message: Notification) -> ColumnElement[bool]:
    """The message, while it is this attempt's to send: a later one has counted on."""
    columns = _TABLE.c
    return and_(columns.id == message.id, columns.state == _SENDING, columns.attempts == message.attempts)


_PLAIN = ("key", "alarm", "recipient", "channel", "kind", "step", "priority", "subject", "body", "state", "attempts")
_INSTANTS = ("created_at", "not_before", "expires_at", "changed_at")


def _values(message: Notification) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(message, name) for name in (*_PLAIN, "detail")}
    return values | {name: to_us(getattr(message, name)) for name in _INSTANTS} | {"lease_until": None}


def _message(row: Any) -> Notification:
    values = {name: getattr(row, name) for name in (*_PLAIN, "detail", "id")}
    values |= {name: from_us(getattr(row, name)) for name in _INSTANTS}
    kinds = {"channel": Channel, "kind": Kind, "priority": Priority, "state": MessageState}
    return Notification(**values | {name: kind(values[name]) for name, kind in kinds.items()})
