"""What each consumer group has acknowledged, for the day on which the bus has lost it."""

from alembic import op

from shared.runtime.migrations import shared_tables

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(shared_tables.GROUP_FLOOR)
