"""The answers to requests that wrote, so that a repeat is answered and not done again."""

from alembic import op

from shared.runtime.migrations import shared_tables

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for statement in shared_tables.RECORDED_ANSWERS:
        op.execute(statement)
