"""The tables, the same on SQLite and PostgreSQL. Instants are Int64 microseconds since 1970, JSON is canonical text.

Readings and what is derived from them carry no foreign keys: checking one would cost more than storing the row, and
`Readings.append` has already compared every series with the inventory, under the zone's lock.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl
from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

FOREVER = 2**63 - 1
"""The `ended_at` of a slot that stands: a number, so that one index range finds what stood at any instant."""

metadata = MetaData()


def to_json(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces. One value has one text, so that texts can be hashed."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=_plain).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Json(TypeDecorator[Any]):
    """A value kept as the text `to_json` gives."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else orjson.loads(value)


def frame_schema(table: Table) -> dict[str, pl.DataType]:
    """Column → polars type of a frame that holds rows of the table as the driver gives them."""
    return {column.name: frame_type(column.type) for column in table.columns}


def frame_type(of: TypeEngine[Any]) -> pl.DataType:
    """The polars type that holds what the driver gives for a column of this type."""
    if isinstance(of, SmallInteger):
        return pl.Int16()
    if isinstance(of, BigInteger):
        return pl.Int64()
    if isinstance(of, Integer):
        return pl.Int32()
    if isinstance(of, Double):
        return pl.Float64()
    return pl.Binary() if isinstance(of, LargeBinary) else pl.String()


def _id() -> Column[Any]:
    # SQLite numbers rows only of a column declared exactly INTEGER.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _column(name: str, of: Any, *arguments: Any, null: bool = False, **options: Any) -> Column[Any]:
    return Column(name, of, *arguments, nullable=null, **options)


def _key(name: str, of: Any, *arguments: Any) -> Column[Any]:
    return Column(name, of, *arguments, primary_key=True, autoincrement=False)


commune = Table(
    "commune",
    metadata,
    _key("insee", Text),
    _column("name", Text),
    _column("population", Integer),
    _column("lon", Double),
    _column("lat", Double),
    _column("area_km2", Double),
)

# last_seq is the newest sequence of the zone's readings; epoch grows when a series joins or leaves the zone.
zone = Table(
    "zone",
    metadata,
    _key("id", Text),
    _column("no", Integer, unique=True),
    _column("commune", Text, ForeignKey("commune.insee")),
    _column("last_seq", BigInteger),
    _column("epoch", BigInteger),
)

asset = Table(
    "asset",
    metadata,
    _key("id", Text),
    _column("type", Text),
    _column("zone", Text, ForeignKey("zone.id")),
    _column("lon", Double),
    _column("lat", Double),
    _column("parent", Text, ForeignKey("asset.id", deferrable=True, initially="DEFERRED"), null=True),
    _column("gateway", Text, null=True),
    _column("attributes", Json),
    Index("asset_type", "type"),
    Index("asset_zone", "zone"),
    Index("asset_parent", "parent"),
)

series = Table(
    "series",
    metadata,
    _key("no", Integer),
    _column("asset", Text, ForeignKey("asset.id")),
    _column("property", Text),
    _column("zone", Integer, ForeignKey("zone.no")),
    UniqueConstraint("asset", "property", name="series_asset_property"),
    Index("series_zone", "zone"),
)

reading = Table(
    "reading",
    metadata,
    _key("zone", Integer),
    _key("seq", BigInteger),
    _column("series", Integer),
    _key("observed_at", BigInteger),
    _column("value", Double),
    _column("quality", SmallInteger),
    UniqueConstraint("series", "observed_at", "value", name="reading_series_observed_at_value"),
    postgresql_partition_by="RANGE (observed_at)",
    sqlite_with_rowid=False,
)

latest = Table(
    "latest",
    metadata,
    _key("series", Integer),
    _column("observed_at", BigInteger),
    _column("value", Double),
    _column("seq", BigInteger),
    # Room for one more version of every row on its page: an update then touches no index.
    postgresql_with={"fillfactor": "45"},
)


def _rollup(name: str) -> Table:
    return Table(
        name,
        metadata,
        _key("series", Integer),
        _key("bucket_start", BigInteger),
        _column("n", BigInteger),
        _column("sum", Double),
        _column("min", Double),
        _column("max", Double),
        _column("last", Double),
        sqlite_with_rowid=False,
    )


rollup_15min = _rollup("rollup_15min")
rollup_day = _rollup("rollup_day")

refusal = Table(
    "refusal",
    metadata,
    _id(),
    _column("received_at", BigInteger),
    _column("source", Text),
    _column("asset", Text, null=True),
    _column("property", Text, null=True),
    _column("reason", Text),
    _column("detail", Text),
    _column("raw", Text, null=True),
    Index("refusal_received_at", "received_at"),
)

intake = Table(
    "intake",
    metadata,
    _id(),
    _column("source", Text),
    _column("received_at", BigInteger),
    _column("received", BigInteger),
    _column("stored", BigInteger),
    _column("late", BigInteger),
    _column("refused", Json),
)

cursor = Table("cursor", metadata, _key("name", Text), _key("zone", Integer), _column("seq", BigInteger))

state = Table("state", metadata, _key("key", Text), _column("body", LargeBinary))

plan = Table(
    "plan",
    metadata,
    _key("id", Text),
    _column("domain", Text),
    _column("made_at", BigInteger),
    _column("start_at", BigInteger),
    _column("until_at", BigInteger),
    _column("status", Text),
    _column("objective", Double, null=True),
    _column("bound", Double, null=True),
    _column("solver", Text),
    _column("inputs_digest", Text),
    _column("detail", Json),
    _column("body", LargeBinary),
    _column("inputs", LargeBinary, null=True),
    _column("state", Text),
    _column("origin", Text),
    _column("decided_at", BigInteger, null=True),
    _column("decided_by", Text, null=True),
    Index("plan_domain_made_at", "domain", "made_at"),
)

slot = Table(
    "slot",
    metadata,
    _id(),
    _column("point", Text),
    _column("level", SmallInteger),
    _column("source", Text),
    _column("program", Json),
    _column("written_at", BigInteger),
    _column("version", Text),
    _column("reason", Text),
    _column("ended_at", BigInteger),
    Index("slot_point_ended_at", "point", "ended_at"),
)

_WAITING = text("batch IS NOT NULL AND state = 'queued'")
FREE = text("batch IS NULL AND state = 'queued'")
_DUE = text("due_at IS NOT NULL")
_RENEWED = text("renew_at IS NOT NULL")

command = Table(
    "command",
    metadata,
    _key("id", Text),
    _column("point", Text),
    _column("gateway", Text),
    _column("seq", BigInteger),
    _column("program", Json),
    _column("issued_at", BigInteger),
    _column("expires_at", BigInteger),
    _column("state", Text),
    _column("attempts", Integer),
    _column("changed_at", BigInteger, null=True),
    _column("explanation", Json),
    _column("due_at", BigInteger, null=True),
    _column("asked_at", BigInteger, null=True),
    _column("not_before", BigInteger),
    _column("urgent", SmallInteger),
    _column("level", SmallInteger),
    _column("repeats", Integer),
    _column("supersedes", Text, null=True),
    _column("batch", Text, null=True),
    _column("renew_at", BigInteger, null=True),
    UniqueConstraint("point", "seq", name="command_point_seq"),
    Index("command_state_issued_at", "state", "issued_at"),
    Index("command_free", "urgent", "issued_at", "id", sqlite_where=FREE, postgresql_where=FREE),
    Index("command_due_at", "due_at", sqlite_where=_DUE, postgresql_where=_DUE),
    Index("command_batch", "batch", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("command_renew_at", "renew_at", sqlite_where=_RENEWED, postgresql_where=_RENEWED),
)

command_event = Table(
    "command_event",
    metadata,
    _id(),
    _column("command", Text, ForeignKey("command.id")),
    _column("state", Text),
    _column("at", BigInteger),
    _column("detail", Text),
    Index("command_event_command", "command"),
)

_ACTIVE = text("state <> 'normal'")

alarm = Table(
    "alarm",
    metadata,
    _id(),
    _column("rule", Text),
    _column("asset", Text),
    _column("zone", Text),
    _column("state", Text),
    _column("priority", Text),
    _column("raised_at", BigInteger),
    _column("changed_at", BigInteger),
    _column("cleared_at", BigInteger, null=True),
    _column("detail", Json),
    Index("alarm_active", "rule", "asset", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
    Index("alarm_asset_state", "asset", "state"),
    Index("alarm_raised_at", "raised_at"),
)

alarm_event = Table(
    "alarm_event",
    metadata,
    _id(),
    _column("alarm", BigInteger, ForeignKey("alarm.id")),
    _column("state", Text),
    _column("priority", Text),
    _column("at", BigInteger),
    _column("cleared_at", BigInteger, null=True),
    _column("detail", Json),
    Index("alarm_event_alarm", "alarm"),
    Index("alarm_event_at", "at"),
)

OPEN = text("state = 'open'")

work_order = Table(
    "work_order",
    metadata,
    _id(),
    _column("rule", Text),
    _column("asset", Text),
    _column("zone", Text),
    _column("opened_at", BigInteger),
    _column("title", Json),
    _column("within_s", Double),
    _column("state", Text),
    _column("closed_at", BigInteger, null=True),
    _column("closed_by", Text, null=True),
    _column("note", Text, null=True),
    Index("work_order_open", "rule", "asset", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    Index("work_order_opened_at", "opened_at"),
)

hold = Table(
    "hold",
    metadata,
    _id(),
    _column("scope", Text),
    _column("subject", Text),
    _column("from_at", BigInteger),
    _column("until_at", BigInteger),
    _column("reason", Text),
    _column("by", Text),
    _column("ended_at", BigInteger, null=True),
    _column("ended_by", Text, null=True),
    _column("warned_at", BigInteger, null=True),
    Index("hold_until_at", "until_at"),
)

_GOES_ON = text("ended_at IS NULL")

batch = Table(
    "batch",
    metadata,
    _key("id", Text),
    _column("domain", Text),
    _column("made_at", BigInteger),
    _column("made_by", Text),
    _column("state", Text),
    _column("until_at", BigInteger),
    _column("stop_above", Double),
    _column("within_us", BigInteger),
    _column("life_until", BigInteger),
    _column("facts", Json),
    _column("decided_at", BigInteger, null=True),
    _column("decided_by", Text, null=True),
    _column("ended_at", BigInteger, null=True),
    Index("batch_open", "made_at", sqlite_where=_GOES_ON, postgresql_where=_GOES_ON),
)

# Which commands a batch was made of, also once they wait no more.
batch_command = Table(
    "batch_command",
    metadata,
    _key("batch", Text, ForeignKey("batch.id")),
    _key("command", Text),
    _column("canary", SmallInteger),
    sqlite_with_rowid=False,
)

# Addresses stay in the file of recipients: here is only who was told, and what.
notification = Table(
    "notification",
    metadata,
    _id(),
    _column("key", Text, unique=True),
    _column("alarm", BigInteger, null=True),
    _column("recipient", Text),
    _column("channel", Text),
    _column("kind", Text),
    _column("step", Integer),
    _column("priority", Text),
    _column("subject", Text),
    _column("body", Text),
    _column("created_at", BigInteger),
    _column("not_before", BigInteger),
    _column("expires_at", BigInteger),
    _column("state", Text),
    _column("attempts", Integer),
    _column("changed_at", BigInteger),
    _column("lease_until", BigInteger, null=True),
    _column("detail", Text),
    Index("notification_state", "state", "not_before"),
    Index("notification_not_before", "not_before"),
    Index("notification_alarm", "alarm"),
)

_UNSEALED = text("seq IS NULL")

# seq and hash are a line's place in the chain, given when it is sealed.
audit = Table(
    "audit",
    metadata,
    _id(),
    _column("seq", BigInteger, null=True, unique=True),
    _column("at", BigInteger),
    _column("actor", Text),
    _column("action", Text),
    _column("subject", Text),
    _column("body", Json),
    _column("hash", Text, null=True),
    Index("audit_unsealed", "id", sqlite_where=_UNSEALED, postgresql_where=_UNSEALED),
)

# What ran, on time or not, and why; detail holds the counts.
job_run = Table(
    "job_run",
    metadata,
    _key("job", Text),
    _key("occurrence", Text),
    _column("due_at", BigInteger),
    _column("state", Text),
    _column("attempts", Integer),
    _column("cause", Text),
    _column("host", Text),
    _column("fence", BigInteger),
    _column("started_at", BigInteger),
    _column("finished_at", BigInteger, null=True),
    _column("solver_status", Text, null=True),
    _column("gap", Double, null=True),
    _column("peak_bytes", BigInteger, null=True),
    _column("error", Text, null=True),
    _column("detail", Json),
    Index("job_run_due_at", "due_at"),
)

job_attempt = Table(
    "job_attempt",
    metadata,
    _key("job", Text),
    _key("occurrence", Text),
    _key("attempt", Integer),
    _column("host", Text),
    _column("fence", BigInteger),
    _column("started_at", BigInteger),
    _column("finished_at", BigInteger, null=True),
    _column("state", Text),
    _column("error", Text, null=True),
)

# A renewal leaves the fence as it is and so locks no key: it passes by transactions that hold one (see leases.py).
lease = Table(
    "lease",
    metadata,
    _key("name", Text),
    _column("owner", Text),
    _column("fence", BigInteger),
    _column("taken_at", BigInteger),
    _column("until_at", BigInteger),
    UniqueConstraint("name", "fence", name="lease_name_fence"),
)

# One issue of one source as it was received, which speaks of [start_at, until_at), then the values it foretold.
# A quantile of −1 stands for a value without one. Values are read by instant: that goes before the other keys.
# They refer to their issue without a foreign key, as readings to their series.
forecast_issue = Table(
    "forecast_issue",
    metadata,
    _id(),
    _column("source", Text),
    _column("issued_at", BigInteger),
    _column("received_at", BigInteger),
    _column("start_at", BigInteger),
    _column("until_at", BigInteger),
    _column("digest", Text),
    _column("detail", Json),
    UniqueConstraint("source", "received_at", name="forecast_issue_source_received_at"),
    Index("forecast_issue_newest", "source", "issued_at", "received_at"),
)

forecast_value = Table(
    "forecast_value",
    metadata,
    _key("issue", BigInteger),
    _key("valid_at", BigInteger),
    _key("variable", Text),
    _key("place", Text),
    _key("quantile", Double),
    _column("value", Double),
    sqlite_with_rowid=False,
)
