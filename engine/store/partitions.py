"""Monthly partitions of the readings, on PostgreSQL. Rows of no month that has one lie in the default partition."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from engine.instants import from_us, to_us

_BEHIND = timedelta(days=92)
_PREFIX = "reading_"


def month_of(instant_us: int) -> date:
    """First day of the UTC month of an instant."""
    return from_us(instant_us).date().replace(day=1)


def months(start: datetime, until: datetime) -> list[date]:
    """First days of the UTC months from that of `start` to that of `until`."""
    first, last = (instant.astimezone(UTC).date().replace(day=1) for instant in (start, until))
    found = [first]
    while found[-1] < last:
        found.append(_next(found[-1]))
    return found


def ensure_until(connection: Connection, until: datetime) -> list[str]:
    """Partitions from the oldest there is, or three months before `until`, up to its month. Returns the new names."""
    there = existing(connection)
    start = min([until - _BEHIND, *(datetime(m.year, m.month, 1, tzinfo=UTC) for m in there)])
    return ensure(connection, months(start, until))


def ensure(connection: Connection, wanted: Iterable[date]) -> list[str]:
    """Make the partitions that are missing; late rows that waited in the default one move in."""
    missing = sorted(set(wanted) - set(existing(connection)))
    return [_make(connection, month) for month in missing]


def existing(connection: Connection) -> list[date]:
    """The months that have a partition, oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading'::regclass"
    )
    names = (name.removeprefix(_PREFIX) for (name,) in rows)
    return sorted(date.fromisoformat(f"{name.replace('_', '-')}-01") for name in names if name != "default")


def drop(connection: Connection, month: date) -> int:
    """Remove a month. Returns how many readings it held."""
    name = _name(month)
    count: int = connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()  # noqa: S608
    connection.exec_driver_sql(f"DROP TABLE {name}")
    return count


def end_of(month: date) -> int:
    """The instant, in µs, at which the month is over."""
    return _start(_next(month))


def _make(connection: Connection, month: date) -> str:
    name, start, end = _name(month), _start(month), end_of(month)
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE reading INCLUDING ALL)")
    connection.exec_driver_sql(
        f"WITH moved AS (DELETE FROM {_PREFIX}default WHERE observed_at >= {start} AND observed_at < {end} RETURNING *)"  # noqa: S608
        f" INSERT INTO {name} SELECT * FROM moved"
    )
    connection.exec_driver_sql(f"ALTER TABLE reading ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")
    return name


def _name(month: date) -> str:
    return f"{_PREFIX}{month:%Y_%m}"


def _start(month: date) -> int:
    return to_us(datetime(month.year, month.month, 1, tzinfo=UTC))


def _next(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
