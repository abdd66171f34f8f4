"""Sessions are found by their end, whoever they are of: those of accounts that never log in again stayed for ever."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("CREATE INDEX sessions_by_expiry ON sessions (expires_at)")
