"""What is changed by hand is announced as well."""

from alembic import op

from shared.runtime.migrations import edited_rows

revision = "0006"
down_revision = "0005"

EDITED = {
    # Who lists accounts is an administrator, whoever they are of.
    "users": (
        "SELECT 'user:' || id, id::text FROM %1$s UNION SELECT 'users:all', min(id::text) FROM %1$s HAVING count(*) > 0"
    ),
    "sessions": "SELECT 'session:' || id, user_id::text FROM %1$s",
    "strategies": edited_rows.rows_of("strategy", "strategies"),
    # Those of a strategy that is deleted go with it, which is announced for the strategy itself.
    "strategy_versions": (
        "SELECT 'strategy:' || s.id, s.owner_id::text FROM %1$s AS v JOIN strategies AS s ON s.id = v.strategy_id"
    ),
}


def upgrade() -> None:
    for statement in edited_rows.statements("strategy", EDITED):
        op.execute(statement)
