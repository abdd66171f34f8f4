"""A run knows its identity by one name: a repeated request is answered from the result that is there."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    # NULL for runs from before, which are not found again. `verification` is the newest one.
    """
    ALTER TABLE backtests
        ADD COLUMN identity_digest text CHECK (identity_digest ~ '^[0-9a-f]{64}$'),
        ADD COLUMN reused boolean NOT NULL DEFAULT false,
        ADD COLUMN verification json
    """,
    """
    CREATE INDEX backtests_by_identity ON backtests (owner_id, identity_digest, id)
    WHERE final_value IS NOT NULL AND identity_digest IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
