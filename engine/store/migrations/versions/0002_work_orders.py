"""Work orders that rules open; a rule engine with a memory of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_table(
        "work_order",
        sa.Column("id", ID, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("within_s", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("closed_by", sa.Text),
        sa.Column("note", sa.Text),
    )
    # A rule that rises again on an asset finds its order open: nobody is sent twice.
    op.create_index(
        "work_order_open", "work_order", ["rule", "asset"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("work_order_opened_at", "work_order", ["opened_at"])
    # What the rule engine before this version remembered cannot be read by the new one: its rules begin anew.
    op.execute("DELETE FROM state WHERE key = 'rules'")
