"""What came of the prefix test of each spec of an owner's, for each version of the engine."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    # No row is ever deleted: it is evidence. `spec` is there until a worker is done with it, `evidence` once it has
    # been tried, `error` when it could not be.
    """
    CREATE TABLE prefix_tests (
        id             uuid PRIMARY KEY,
        owner_id       uuid NOT NULL,
        spec_hash      text NOT NULL,
        engine_version integer NOT NULL CHECK (engine_version > 0),
        spec           json,
        status         text NOT NULL CHECK (status IN ('queued', 'held', 'violated', 'failed')),
        evidence       json,
        error          text,
        created_at     timestamptz NOT NULL,
        finished_at    timestamptz,
        UNIQUE (owner_id, spec_hash, engine_version),
        CHECK ((status = 'queued') = (spec IS NOT NULL)),
        CHECK ((status = 'queued') = (finished_at IS NULL)),
        CHECK ((status IN ('held', 'violated')) = (evidence IS NOT NULL)),
        CHECK ((status = 'failed') = (error IS NOT NULL))
    )
    """,
    # Between the runs that somebody waits for, 0, and sweeps, which were 1, there is a place now.
    "UPDATE jobs SET urgency = urgency + 1 WHERE urgency > 0 AND NOT ended",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
