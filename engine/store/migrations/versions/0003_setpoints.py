"""Setpoints that can be trusted: holds, batches, notifications, audit lines sealed apart from the acts they tell of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
UNSEALED = sa.text("seq IS NULL")
GOES_ON = sa.text("ended_at IS NULL")
WAITING = sa.text("batch IS NOT NULL AND state = 'queued'")
WRITTEN = ("id", "at", "actor", "action", "subject", "body")
REFUSAL = "a line of the audit is never changed or removed"
FREE = sa.text("batch IS NULL AND state = 'queued'")
DUE = sa.text("due_at IS NOT NULL")
OVER = "('verified', 'rejected', 'expired', 'superseded', 'cancelled', 'failed')"
RENEWED = sa.text("renew_at IS NOT NULL")


def upgrade() -> None:
    _commands()
    _holds_and_batches()
    _notifications()
    _audit()


def _commands() -> None:
    for name, of in (("not_before", sa.BigInteger), ("urgent", sa.SmallInteger), ("level", sa.SmallInteger)):
        op.add_column("command", sa.Column(name, of(), nullable=False, server_default="16" if name == "level" else "0"))
    op.add_column("command", sa.Column("repeats", sa.Integer, nullable=False, server_default="0"))
    op.add_column("command", sa.Column("supersedes", sa.Text))
    op.add_column("command", sa.Column("batch", sa.Text))
    op.add_column("command", sa.Column("renew_at", sa.BigInteger))
    op.add_column("command", sa.Column("due_at", sa.BigInteger))
    op.add_column("command", sa.Column("asked_at", sa.BigInteger))
    op.execute(f"UPDATE command SET due_at = issued_at WHERE state NOT IN {OVER}")  # noqa: S608 - our states
    for name in ("lease_owner", "lease_until"):
        op.drop_column("command", name)
    op.create_index("command_free", "command", ["urgent", "issued_at", "id"], sqlite_where=FREE, postgresql_where=FREE)
    op.create_index("command_due_at", "command", ["due_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_index("command_batch", "command", ["batch"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("command_renew_at", "command", ["renew_at"], sqlite_where=RENEWED, postgresql_where=RENEWED)


def _holds_and_batches() -> None:
    op.create_table(
        "hold",
        sa.Column("id", ID, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("from_at", sa.BigInteger, nullable=False),
        sa.Column("until_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_by", sa.Text),
        sa.Column("warned_at", sa.BigInteger),
    )
    op.create_index("hold_until_at", "hold", ["until_at"])
    op.create_table(
        "batch",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("until_at", sa.BigInteger, nullable=False),
        sa.Column("stop_above", sa.Double, nullable=False),
        sa.Column("within_us", sa.BigInteger, nullable=False),
        sa.Column("life_until", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("decided_by", sa.Text),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("batch_open", "batch", ["made_at"], sqlite_where=GOES_ON, postgresql_where=GOES_ON)
    op.create_table(
        "batch_command",
        sa.Column("batch", sa.Text, sa.ForeignKey("batch.id"), primary_key=True),
        sa.Column("command", sa.Text, primary_key=True),
        sa.Column("canary", sa.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _notifications() -> None:
    op.create_table(
        "notification",
        sa.Column("id", ID, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("alarm", sa.BigInteger),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("notification_not_before", "notification", ["not_before"])
    op.create_index("alarm_event_at", "alarm_event", ["at"])
    op.create_index("notification_state", "notification", ["state", "not_before"])
    op.create_index("notification_alarm", "notification", ["alarm"])


def _audit() -> None:
    """Lines get a number of their own at once, and their place in the chain when they are sealed."""
    old = ("seq", "at", "actor", "action", "subject", "body", "hash")
    listed = ", ".join(old)
    op.execute(f"CREATE TABLE audit_before AS SELECT {listed} FROM audit")  # noqa: S608 - our names
    op.drop_table("audit")
    op.create_table(
        "audit",
        sa.Column("id", ID, primary_key=True),
        sa.Column("seq", sa.BigInteger, unique=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text),
    )
    op.create_index("audit_unsealed", "audit", ["id"], sqlite_where=UNSEALED, postgresql_where=UNSEALED)
    # A line whose number is its place has the hash it always had.
    op.execute(f"INSERT INTO audit (id, {listed}) SELECT seq, {listed} FROM audit_before")  # noqa: S608 - our names
    op.drop_table("audit_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval('audit_id_seq', COALESCE(MAX(id), 0) + 1, false) FROM audit")
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def _guard_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    new, old = (", ".join(f"{row}.{name}" for name in WRITTEN) for row in ("NEW", "OLD"))
    change = f"OLD.seq IS NOT NULL OR ({new}) IS DISTINCT FROM ({old})"
    refuse = "EXECUTE FUNCTION audit_refuse()"
    op.execute(f"CREATE TRIGGER audit_kept BEFORE UPDATE ON audit FOR EACH ROW WHEN ({change}) {refuse}")
    op.execute(f"CREATE TRIGGER audit_not_removed BEFORE DELETE ON audit FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT {refuse}")


def _guard_on_sqlite() -> None:
    change = " OR ".join(["OLD.seq IS NOT NULL", *(f"NEW.{name} IS NOT OLD.{name}" for name in WRITTEN)])
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    op.execute(f"CREATE TRIGGER audit_kept BEFORE UPDATE ON audit WHEN {change} {refuse}")
    op.execute(f"CREATE TRIGGER audit_not_removed BEFORE DELETE ON audit {refuse}")
