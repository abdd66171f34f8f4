"""A run knows the request that asked for it: its worker's lines and events belong to the same trace."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # W3C Trace Context; empty for what was queued before. With a constant default no row is written.
    op.execute("ALTER TABLE backtests ADD COLUMN traceparent text NOT NULL DEFAULT ''")
