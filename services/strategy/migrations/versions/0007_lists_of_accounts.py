"""One index for each list of accounts: all of them, and those of a role."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    # The one that was there is that of the accounts which are active, or are not.
    "ALTER INDEX users_by_created_at RENAME TO users_by_is_active_created_at",
    "CREATE INDEX users_by_created_at ON users (created_at, id)",
    "CREATE INDEX users_by_role_created_at ON users (role, created_at, id)",
    "CREATE INDEX users_by_is_active_role_created_at ON users (is_active, role, created_at, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
