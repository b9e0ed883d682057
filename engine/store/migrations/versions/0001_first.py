"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ACTIVE = sa.text("state <> 'normal'")


def upgrade() -> None:
    make_inventory()
    make_readings()
    make_positions()
    make_setpoints()
    make_alarms()
    make_records()


def make_inventory() -> None:
    op.create_table(
        "commune",
        sa.Column("insee", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("population", sa.Integer, nullable=False),
        sa.Column("lon", sa.Double, nullable=False),
        sa.Column("lat", sa.Double, nullable=False),
        sa.Column("area_km2", sa.Double, nullable=False),
    )
    op.create_table(
        "zone",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("no", sa.Integer, nullable=False, unique=True),
        sa.Column("commune", sa.Text, sa.ForeignKey("commune.insee"), nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "asset",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, sa.ForeignKey("zone.id"), nullable=False),
        sa.Column("lon", sa.Double, nullable=False),
        sa.Column("lat", sa.Double, nullable=False),
        sa.Column("parent", sa.Text, sa.ForeignKey("asset.id", deferrable=True, initially="DEFERRED")),
        sa.Column("gateway", sa.Text),
        sa.Column("attributes", sa.Text, nullable=False),
    )
    op.create_index("asset_type", "asset", ["type"])
    op.create_index("asset_zone", "asset", ["zone"])
    op.create_index("asset_parent", "asset", ["parent"])
    op.create_table(
        "series",
        sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("asset", sa.Text, sa.ForeignKey("asset.id"), nullable=False),
        sa.Column("property", sa.Text, nullable=False),
        sa.Column("zone", sa.Integer, sa.ForeignKey("zone.no"), nullable=False),
        sa.UniqueConstraint("asset", "property", name="series_asset_property"),
    )
    op.create_index("series_zone", "series", ["zone"])


def make_readings() -> None:
    op.create_table(
        "reading",
        sa.Column("zone", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("observed_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("quality", sa.SmallInteger, nullable=False),
        sa.UniqueConstraint("series", "observed_at", "value", name="reading_series_observed_at_value"),
        postgresql_partition_by="RANGE (observed_at)",
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE TABLE reading_default PARTITION OF reading DEFAULT")
    op.create_table(
        "latest",
        sa.Column("series", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("observed_at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        postgresql_with={"fillfactor": "45"},
    )
    for name in ("rollup_15min", "rollup_day"):
        op.create_table(
            name,
            sa.Column("series", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("bucket_start", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("n", sa.BigInteger, nullable=False),
            sa.Column("sum", sa.Double, nullable=False),
            sa.Column("min", sa.Double, nullable=False),
            sa.Column("max", sa.Double, nullable=False),
            sa.Column("last", sa.Double, nullable=False),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "refusal",
        sa.Column("id", ID, primary_key=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("asset", sa.Text),
        sa.Column("property", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("raw", sa.Text),
    )
    op.create_index("refusal_received_at", "refusal", ["received_at"])
    op.create_table(
        "intake",
        sa.Column("id", ID, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.BigInteger, nullable=False),
        sa.Column("late", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.Text, nullable=False),
    )


def make_positions() -> None:
    op.create_table(
        "cursor",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("zone", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "state",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def make_setpoints() -> None:
    op.create_table(
        "slot",
        sa.Column("id", ID, primary_key=True),
        sa.Column("point", sa.Text, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("program", sa.Text, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
    )
    op.create_index("slot_point_ended_at", "slot", ["point", "ended_at"])
    op.create_table(
        "command",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("point", sa.Text, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("program", sa.Text, nullable=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.BigInteger),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", sa.BigInteger),
        sa.UniqueConstraint("point", "seq", name="command_point_seq"),
    )
    op.create_index("command_state_issued_at", "command", ["state", "issued_at"])
    op.create_table(
        "command_event",
        sa.Column("id", ID, primary_key=True),
        sa.Column("command", sa.Text, sa.ForeignKey("command.id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("command_event_command", "command_event", ["command"])


def make_alarms() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", ID, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("raised_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("cleared_at", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
    )
    # Two evaluators that see the same thing at the same time raise one alarm.
    op.create_index(
        "alarm_active", "alarm", ["rule", "asset"], unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE
    )
    op.create_index("alarm_asset_state", "alarm", ["asset", "state"])
    op.create_index("alarm_raised_at", "alarm", ["raised_at"])
    op.create_table(
        "alarm_event",
        sa.Column("id", ID, primary_key=True),
        sa.Column("alarm", sa.BigInteger, sa.ForeignKey("alarm.id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("cleared_at", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("alarm_event_alarm", "alarm_event", ["alarm"])


def make_records() -> None:
    op.create_table(
        "plan",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("until_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("objective", sa.Double),
        sa.Column("bound", sa.Double),
        sa.Column("solver", sa.Text, nullable=False),
        sa.Column("inputs_digest", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("plan_domain_made_at", "plan", ["domain", "made_at"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "job_run",
        sa.Column("job", sa.Text, primary_key=True),
        sa.Column("occurrence", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
