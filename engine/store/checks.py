"""Is the database what it should be? Each finding with what to do about it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from engine.errors import Problem
from engine.instants import isoformat
from engine.store import horizon, partitions, schema
from engine.store.audit import Audit
from engine.store.bulk import Bulk
from engine.store.commands import Commands
from engine.store.notifications import Notifications

_GRACE = timedelta(hours=1)
_RESTORE = "restore a backup into an empty database: consigne db restore"


def check_contents(bulk: Bulk, name: str, at: datetime | None) -> list[Problem]:
    """What is wrong inside a database whose schema is at head. Without `at`, what depends on the time is left out."""
    found = [*_integrity(bulk), *_counts(bulk), *_audit(bulk)]
    if at is not None:
        found += [*_partitions(bulk, at), *_overdue(bulk, at), *_unsent(bulk, at)]
    return [Problem(name, 0, 0, what, hint) for what, hint in found]


def _integrity(bulk: Bulk) -> Iterator[tuple[str, str]]:
    """SQLite only: PostgreSQL checks its pages as it reads them."""
    if bulk.connection.dialect.name == "postgresql":
        return
    for (finding,) in bulk.connection.exec_driver_sql("PRAGMA quick_check"):
        if finding != "ok":
            yield f"is damaged: {finding}", _RESTORE
    for table, row, parent, _ in bulk.connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} speaks of a {parent} that is not there", _RESTORE


def _counts(bulk: Bulk) -> Iterator[tuple[str, str]]:
    """stored + refused = received, three ways: by batch, by the zones' sequences, by the rows themselves."""
    batches, zones = schema.intake.c, schema.zone.c
    sums = (batches.received, batches.stored)
    received, stored = (_number(bulk, func.coalesce(func.sum(column), 0)) for column in sums)
    refused = sum(
        sum(reasons.values())
        for (reasons,) in bulk.connection.execute(select(batches.refused).where(batches.received > batches.stored))
    )
    given = _number(bulk, func.coalesce(func.sum(zones.last_seq), 0))
    gone_readings, gone_refusals = horizon.pruned(bulk)
    readings = gone_readings + _number(bulk, func.count(schema.reading.c.seq))
    refusals = gone_refusals + _number(bulk, func.count(schema.refusal.c.id))
    if stored + refused != received:
        yield f"{received} readings received, but {stored} stored + {refused} refused", _RESTORE
    if not stored == given == readings:
        what = (
            f"{stored} readings stored by the batches, {given} by the zones' sequences, {readings} rows kept or pruned"
        )
        yield what, _RESTORE
    if refused != refusals:
        yield f"{refused} readings refused by the batches, {refusals} rows kept or pruned", _RESTORE


def _audit(bulk: Bulk) -> Iterator[tuple[str, str]]:
    broken = Audit(bulk).verify().broken
    if broken is not None:
        yield f"audit line {broken.seq} does not fit the chain: {broken.what}", "compare with a backup or an export"


def _partitions(bulk: Bulk, at: datetime) -> Iterator[tuple[str, str]]:
    if bulk.connection.dialect.name != "postgresql":
        return
    missing = set(partitions.months(at, at + timedelta(days=31))) - set(partitions.existing(bulk.connection))
    if missing:
        names = ", ".join(f"{month:%Y-%m}" for month in sorted(missing))
        yield (
            f"has no partition for the readings of {names}",
            "consigne db upgrade makes them ahead, as housekeeping does",
        )


def _overdue(bulk: Bulk, at: datetime) -> Iterator[tuple[str, str]]:
    """Every command comes to one terminal state soon after its life is over."""
    late = Commands(bulk).overdue(at, _GRACE)
    if late:
        example = next(iter(late.values()))
        now = isoformat(at.astimezone(UTC))
        what = f"{len(late)} commands are not over an hour after their expiry, at {now} ({example} …)"
        yield what, "start the service: dispatch ends them"


def _unsent(bulk: Bulk, at: datetime) -> Iterator[tuple[str, str]]:
    """So does every message to people."""
    late = Notifications(bulk).overdue(at - _GRACE)
    if late:
        yield (
            f"{late} messages to people are not over an hour after their expiry, at {isoformat(at.astimezone(UTC))}",
            "start the service: it ends them",
        )


def _number(bulk: Bulk, of: object) -> int:
    return int(bulk.connection.execute(select(of)).scalar_one())  # type: ignore[call-overload]
