"""A search within a status finds what matches of that status, where it read all of the owner's that match."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "DROP INDEX strategies_by_part_of_name",
    # Under its owner, and under its owner and status, each as one text: an array, as it was with the owner alone.
    """
    CREATE INDEX strategies_by_part_of_name ON strategies
    USING gin ((ARRAY[owner_id::text, owner_id::text || status]), lower(name) gin_trgm_ops) WITH (fastupdate = off)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
