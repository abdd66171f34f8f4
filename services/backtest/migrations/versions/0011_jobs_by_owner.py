"""Indexes by which the next job is chosen fairly among the owners who wait, however many jobs one of them has."""

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS = (
    # Of each owner the next job first; from owner to owner in one step each. House-keeping, urgency 3, is apart.
    """
    CREATE INDEX jobs_waiting ON jobs (owner_id, urgency, created_at, subject, part)
    WHERE NOT ended AND lease_until IS NULL AND urgency < 3
    """,
    "CREATE INDEX jobs_of_care ON jobs (created_at) WHERE NOT ended AND lease_until IS NULL AND urgency = 3",
    # As many as there are workers.
    "CREATE INDEX jobs_taken ON jobs (lease_until) WHERE NOT ended AND lease_until IS NOT NULL",
    "DROP INDEX jobs_free",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
