"""One index for each list of strategies, one for parts of names, one for the list of accounts."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    # A list is walked along the columns of its filters, then its sort key, then id: all in one direction, so that the
    # other one is the same index read backwards.
    "DROP INDEX strategies_by_created_at, strategies_by_updated_at, strategies_by_status",
    "CREATE INDEX strategies_by_created_at ON strategies (owner_id, created_at, id)",
    "CREATE INDEX strategies_by_updated_at ON strategies (owner_id, updated_at, id)",
    "CREATE INDEX strategies_by_status_created_at ON strategies (owner_id, status, created_at, id)",
    "CREATE INDEX strategies_by_status_updated_at ON strategies (owner_id, status, updated_at, id)",
    "CREATE INDEX strategies_by_status_name ON strategies (owner_id, status, name, id)",
    # In whatever schema of the database it is already, otherwise in this one.
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    # The owner is in it as an array, for which GIN needs no second extension, and which no other index can serve.
    # Without a list of pending rows: every search would read it, and strategies are not written in a rush.
    """
    CREATE INDEX strategies_by_part_of_name ON strategies USING gin ((ARRAY[owner_id]), lower(name) gin_trgm_ops)
    WITH (fastupdate = off)
    """,
    "CREATE INDEX users_by_created_at ON users (is_active, created_at, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
