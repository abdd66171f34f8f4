"""Datasets say how their upload was understood, and can be deleted while results that name them stay."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    # With constant defaults no row is written.
    """
    ALTER TABLE datasets
        ADD COLUMN weekends bigint NOT NULL DEFAULT 0,
        ADD COLUMN session_gaps bigint NOT NULL DEFAULT 0,
        ADD COLUMN notes text[] NOT NULL DEFAULT '{}'
    """,
    "CREATE INDEX datasets_by_sha256 ON datasets (sha256)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
