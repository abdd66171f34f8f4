"""What each consumer group has acknowledged, for the day on which the bus has lost it."""

from alembic import op

from shared.runtime.migrations import shared_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(shared_tables.GROUP_FLOOR)
