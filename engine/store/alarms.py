"""Alarm occurrences as rows, with their history."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Select, exc, func, insert, select, update

from engine.alarms.figures import Activation
from engine.errors import Conflict
from engine.instants import from_us, to_us
from engine.model import Alarm, AlarmState, Priority
from engine.store import schema
from engine.store.bulk import Bulk

_TABLE = schema.alarm


class Alarms:
    """See `AlarmLog`."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def active(self, assets: Collection[str] | None = None) -> list[Alarm]:
        """See `AlarmLog.active`. Oldest first."""
        statement = select(_TABLE).where(_TABLE.c.state != AlarmState.NORMAL)
        if assets is not None:
            keys = self._bulk.keys(pl.DataFrame({"asset": sorted(set(assets))}, schema={"asset": pl.String}))
            statement = statement.join(keys, keys.c.asset == _TABLE.c.asset)
        return self._read(statement)

    def of_rule(self, rule: str) -> list[Alarm]:
        """The active alarms of one rule, oldest first."""
        return self._read(select(_TABLE).where(_TABLE.c.state != AlarmState.NORMAL, _TABLE.c.rule == rule))

    def save(self, alarm: Alarm, before: Alarm | None = None) -> Alarm:
        """See `AlarmLog.save`. After a Conflict the transaction goes on. Raises Conflict for an unknown id, too."""
        try:
            with self._connection.begin_nested():
                saved = self._insert(alarm) if alarm.id is None else self._update(alarm, before)
        except exc.IntegrityError:
            raise Conflict(
                f"rule {alarm.rule!r} has an active alarm for asset {alarm.asset!r} already; this one was not written"
                " → move the active one on, or clear it first"
            ) from None
        values = _values(saved)
        line = {name: values[name] for name in ("state", "priority", "cleared_at", "detail")}
        line |= {"alarm": saved.id, "at": values["changed_at"]}
        self._connection.execute(insert(schema.alarm_event).values(line))
        return saved

    def get(self, id: int) -> Alarm | None:  # noqa: A002
        return next(iter(self._read(select(_TABLE).where(_TABLE.c.id == id))), None)

    def between(self, start: datetime, until: datetime) -> list[Alarm]:
        """Alarms raised in [start, until), oldest first."""
        raised_at = _TABLE.c.raised_at
        return self._read(select(_TABLE).where(raised_at >= to_us(start), raised_at < to_us(until)))

    def activations(self, start: datetime, until: datetime) -> list[Activation]:
        """Each time in [start, until) that an alarm came before an operator unacknowledged, in order."""
        line, before, of = schema.alarm_event.c, schema.alarm_event.alias("before").c, _TABLE.c
        last = select(before.state).where(before.alarm == line.alarm, before.id < line.id)
        was = func.coalesce(last.order_by(before.id.desc()).limit(1).scalar_subquery(), AlarmState.NORMAL)
        statement = (
            select(of.rule, of.asset, of.zone, line.priority, line.at)
            .join_from(schema.alarm_event, _TABLE)
            .where(line.state == AlarmState.UNACKNOWLEDGED, was != AlarmState.UNACKNOWLEDGED)
            .where(line.at >= to_us(start), line.at < to_us(until))
            .order_by(line.at, line.id)
        )
        rows = self._connection.execute(statement)
        return [Activation(row.rule, row.asset, row.zone, Priority(row.priority), from_us(row.at)) for row in rows]

    def history(self, id: int) -> list[Alarm]:  # noqa: A002
        """The alarm as it was after each save, in order; empty for an unknown id."""
        event = schema.alarm_event.c
        of = _TABLE.c
        changed = (event.state, event.priority, event.at.label("changed_at"), event.cleared_at, event.detail)
        columns = (of.id, of.rule, of.asset, of.zone, of.raised_at, *changed)
        statement = select(*columns).join_from(_TABLE, schema.alarm_event).where(of.id == id).order_by(event.id)
        return [_alarm(row) for row in self._connection.execute(statement)]

    def _insert(self, alarm: Alarm) -> Alarm:
        number = self._connection.execute(insert(_TABLE).values(_values(alarm)).returning(_TABLE.c.id)).scalar_one()
        return replace(alarm, id=number)

    def _update(self, alarm: Alarm, before: Alarm | None) -> Alarm:
        as_it_was = {} if before is None else _values(before)
        same = [_TABLE.c[name].is_not_distinct_from(value) for name, value in as_it_was.items()]
        changed = self._connection.execute(update(_TABLE).where(_TABLE.c.id == alarm.id, *same).values(_values(alarm)))
        if not changed.rowcount:
            what = "there is no alarm" if before is None else "somebody else has changed alarm"
            raise Conflict(f"{what} {alarm.id}; nothing was written → read it again")
        return alarm

    def _read(self, statement: Select[Any]) -> list[Alarm]:
        rows = self._connection.execute(statement.order_by(_TABLE.c.raised_at, _TABLE.c.id))
        return [_alarm(row) for row in rows]


def _values(alarm: Alarm) -> dict[str, Any]:
    return {
        "rule": alarm.rule,
        "asset": alarm.asset,
        "zone": alarm.zone,
        "state": alarm.state,
        "priority": alarm.priority,
        "raised_at": to_us(alarm.raised_at),
        "changed_at": to_us(alarm.changed_at),
        "cleared_at": None if alarm.cleared_at is None else to_us(alarm.cleared_at),
        "detail": alarm.detail,
    }


def _alarm(row: Any) -> Alarm:
    return Alarm(
        rule=row.rule,
        asset=row.asset,
        zone=row.zone,
        state=AlarmState(row.state),
        priority=Priority(row.priority),
        raised_at=from_us(row.raised_at),
        changed_at=from_us(row.changed_at),
        detail=row.detail,
        cleared_at=None if row.cleared_at is None else from_us(row.cleared_at),
        id=row.id,
    )
