"""Jobs know when they ended, so that their rows can go once nobody asks for them any more."""

from alembic import op

revision = "0013"
down_revision = "0012"

STATEMENTS = (
    # Those that have ended count from now on: with a constant default no row is written.
    "ALTER TABLE jobs ADD COLUMN ended_at timestamptz DEFAULT now()",
    "ALTER TABLE jobs ALTER COLUMN ended_at DROP DEFAULT",
    "CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
