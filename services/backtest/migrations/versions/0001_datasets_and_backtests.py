"""Datasets and backtests. Bars, equity curves and trades are files in the object store."""

from alembic import op

from shared.runtime.migrations import shared_tables

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE datasets (
        id               uuid PRIMARY KEY,
        owner_id         uuid NOT NULL,
        name             text NOT NULL,
        symbol           text NOT NULL,
        interval         text NOT NULL,
        timezone         text NOT NULL,
        rows             bigint NOT NULL CHECK (rows >= 2),
        first_at         timestamptz NOT NULL,
        last_at          timestamptz NOT NULL CHECK (last_at > first_at),
        sha256           text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        gaps             bigint NOT NULL,
        split_like_jumps bigint NOT NULL,
        zero_volume_bars bigint NOT NULL,
        created_at       timestamptz NOT NULL
    )
    """,
    "CREATE INDEX datasets_by_created_at ON datasets (owner_id, created_at DESC, id DESC)",
    # json, not jsonb: what was sent is answered as it was, and a float64 keeps its spelling and so its value.
    #
    # `lease` counts the workers that took the run and fences off a late one; `attempts` are those of them that were
    # not told to stop. The columns of a run's end are set together.
    """
    CREATE TABLE backtests (
        id               uuid PRIMARY KEY,
        owner_id         uuid NOT NULL,
        strategy_id      uuid,
        strategy_version integer,
        dataset_id       uuid NOT NULL REFERENCES datasets,
        spec             json NOT NULL,
        run_identity     json NOT NULL,
        status           text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
        progress         float8 NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
        warmup_bars      integer,
        warnings         text[] NOT NULL DEFAULT '{}',
        error            text,
        metrics          json,
        final_value      float8,
        total_return     float8,
        sharpe           float8,
        result_digest    text,
        result_key       text,
        revision         integer NOT NULL DEFAULT 1 CHECK (revision > 0),
        created_at       timestamptz NOT NULL,
        started_at       timestamptz,
        finished_at      timestamptz,
        lease            integer NOT NULL DEFAULT 0,
        lease_until      timestamptz,
        attempts         integer NOT NULL DEFAULT 0,
        CHECK (status <> 'running' OR lease_until IS NOT NULL),
        CHECK (status <> 'failed' OR error IS NOT NULL),
        CHECK (status <> 'succeeded' OR num_nulls(metrics, final_value, total_return, result_digest, result_key) = 0)
    )
    """,
    "CREATE INDEX backtests_by_created_at ON backtests (owner_id, created_at DESC, id DESC)",
    "CREATE INDEX backtests_by_status ON backtests (owner_id, status, created_at DESC, id DESC)",
    "CREATE INDEX backtests_by_strategy ON backtests (strategy_id, created_at DESC, id DESC)",
    "CREATE INDEX backtests_by_dataset ON backtests (dataset_id, created_at DESC, id DESC)",
    # The first two are never NULL here, so that one index serves both directions; a Sharpe ratio can be undefined, and
    # NULLs come last both ways.
    "CREATE INDEX backtests_by_final_value ON backtests (owner_id, final_value, id) WHERE status = 'succeeded'",
    "CREATE INDEX backtests_by_total_return ON backtests (owner_id, total_return, id) WHERE status = 'succeeded'",
    """
    CREATE INDEX backtests_by_sharpe ON backtests (owner_id, sharpe DESC NULLS LAST, id DESC)
    WHERE status = 'succeeded'
    """,
    """
    CREATE INDEX backtests_by_sharpe_rising ON backtests (owner_id, sharpe ASC NULLS LAST, id ASC)
    WHERE status = 'succeeded'
    """,
    "CREATE INDEX backtests_unfinished ON backtests (created_at, id) WHERE status IN ('queued', 'running')",
)


def upgrade() -> None:
    for statement in (*shared_tables.STATEMENTS, *STATEMENTS):
        op.execute(statement)
