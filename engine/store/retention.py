"""Removing what is old. Roll-ups, counts, commands, alarms and the audit stay."""

from datetime import datetime, time

from sqlalchemy import delete

from engine.instants import PARIS, to_us
from engine.store import horizon, partitions, schema
from engine.store.bulk import Bulk
from engine.store.forecasts import Forecasts
from engine.store.plans import Plans
from engine.store.readings import Readings


def prune(bulk: Bulk, readings: Readings, before: datetime) -> dict[str, int]:
    """Remove readings and refusals of the Paris days before that of `before`, once they are rolled up, and forecasts
    that speak of no later day. Plans of those days stay; the problems they were made from, which are large, do not.

    On PostgreSQL whole months are dropped. Returns how many of each table went.
    """
    readings.roll_up()
    connection, day = bulk.connection, before.astimezone(PARIS).date()
    # Whole days only: a daily roll-up is made of all its readings, or is final.
    cut = to_us(datetime.combine(day, time(), PARIS))
    removed = 0
    if connection.dialect.name == "postgresql":
        past = [month for month in partitions.existing(connection) if partitions.end_of(month) <= cut]
        removed += sum(partitions.drop(connection, month) for month in past)
    removed += connection.execute(delete(schema.reading).where(schema.reading.c.observed_at < cut)).rowcount
    refusals = connection.execute(delete(schema.refusal).where(schema.refusal.c.received_at < cut)).rowcount
    horizon.note(bulk, cut, removed, refusals)
    forecasts = Forecasts(bulk).prune(cut)
    Plans(bulk).forget_inputs(cut)
    return {"reading": removed, "refusal": refusals, "forecast_issue": forecasts}
