"""One table for all that workers do, whatever it is for: leases leave the rows of what is worked on."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    # `subject` is the id of what the job is for, `part` numbers the jobs of one kind for it. `lease` counts the workers
    # that took the job and fences off a late one; `attempts` are those of them that were not told to stop. A job that
    # has ended stays with its subject: the lease it ended under names the files of its result.
    """
    CREATE TABLE jobs (
        subject     uuid NOT NULL,
        kind        text NOT NULL,
        part        integer NOT NULL DEFAULT 0 CHECK (part >= 0),
        owner_id    uuid NOT NULL,
        urgency     smallint NOT NULL,
        created_at  timestamptz NOT NULL,
        traceparent text NOT NULL,
        lease       integer NOT NULL DEFAULT 0,
        lease_until timestamptz,
        attempts    integer NOT NULL DEFAULT 0,
        ended       boolean NOT NULL DEFAULT false,
        PRIMARY KEY (subject, kind, part)
    )
    """,
    "CREATE INDEX jobs_free ON jobs (urgency, created_at, subject, part) WHERE NOT ended",
    """
    INSERT INTO jobs (subject, kind, owner_id, urgency, created_at, traceparent, lease, lease_until, attempts, ended)
    SELECT id, 'backtest', owner_id, 0, created_at, traceparent, lease, lease_until, attempts,
           status NOT IN ('queued', 'running')
    FROM backtests
    """,
    # The checks and the index that speak of a lease go with their columns.
    "ALTER TABLE backtests DROP COLUMN lease, DROP COLUMN lease_until, DROP COLUMN attempts, DROP COLUMN traceparent",
    "ALTER TABLE validations DROP COLUMN lease, DROP COLUMN lease_until, DROP COLUMN attempts",
    "DROP INDEX backtests_unfinished",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
