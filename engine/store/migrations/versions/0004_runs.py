"""What ran and who led: runs with their attempts, leases, forecasts as they were issued, where plans come from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _plans()
    _runs()
    _leases()
    _forecasts()


def _plans() -> None:
    for name, value in (("state", "in_force"), ("origin", "solved")):
        op.add_column("plan", sa.Column(name, sa.Text, nullable=False, server_default=value))
    op.add_column("plan", sa.Column("inputs", sa.LargeBinary))
    op.add_column("plan", sa.Column("decided_at", sa.BigInteger))
    op.add_column("plan", sa.Column("decided_by", sa.Text))


def _runs() -> None:
    op.add_column("job_run", sa.Column("due_at", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("job_run", sa.Column("attempts", sa.Integer, nullable=False, server_default="1"))
    op.add_column("job_run", sa.Column("cause", sa.Text, nullable=False, server_default=""))
    op.add_column("job_run", sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("job_run", sa.Column("solver_status", sa.Text))
    op.add_column("job_run", sa.Column("gap", sa.Double))
    op.add_column("job_run", sa.Column("peak_bytes", sa.BigInteger))
    op.add_column("job_run", sa.Column("error", sa.Text))
    op.execute("UPDATE job_run SET due_at = started_at")
    op.create_index("job_run_due_at", "job_run", ["due_at"])
    op.create_table(
        "job_attempt",
        sa.Column("job", sa.Text, primary_key=True),
        sa.Column("occurrence", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
    )


def _leases() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
        sa.Column("until_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name", "fence", name="lease_name_fence"),
    )


def _forecasts() -> None:
    op.create_table(
        "forecast_issue",
        sa.Column("id", ID, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("start_at", sa.BigInteger, nullable=False),
        sa.Column("until_at", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.UniqueConstraint("source", "received_at", name="forecast_issue_source_received_at"),
    )
    op.create_index("forecast_issue_newest", "forecast_issue", ["source", "issued_at", "received_at"])
    op.create_table(
        "forecast_value",
        sa.Column("issue", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("valid_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("variable", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("quantile", sa.Double, primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
