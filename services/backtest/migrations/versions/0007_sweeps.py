"""Sweeps: one row each; their combinations are in files."""

from collections.abc import Iterator
from itertools import product

from alembic import op

revision = "0007"
down_revision = "0006"

# Columns that backtests have too mean the same here. `combinations` are to be computed and `done` are; `slices` is into
# how many jobs they are divided, NULL until a worker has looked at the bars, and `slices_done` how many of these have
# ended. `told_at` is when progress was last published.
TABLE = """
CREATE TABLE sweeps (
    id               uuid PRIMARY KEY,
    owner_id         uuid NOT NULL,
    strategy_id      uuid,
    strategy_version integer CHECK (strategy_version > 0),
    dataset_id       uuid NOT NULL REFERENCES datasets,
    spec             json NOT NULL,
    run_identity     json NOT NULL,
    grid             json NOT NULL,
    sample           json,
    objective        text NOT NULL,
    status           text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    combinations     bigint NOT NULL CHECK (combinations > 0),
    done             bigint NOT NULL DEFAULT 0 CHECK (done BETWEEN 0 AND combinations),
    slices           integer CHECK (slices > 0),
    slices_done      integer NOT NULL DEFAULT 0 CHECK (slices_done >= 0),
    told_at          timestamptz,
    progress         float8 NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    best             json,
    warnings         text[] NOT NULL DEFAULT '{}',
    error            text,
    result_digest    text,
    result_key       text,
    revision         integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    created_at       timestamptz NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    CHECK (status <> 'failed' OR error IS NOT NULL),
    CHECK (status <> 'succeeded' OR num_nulls(best, result_digest, result_key) = 0)
)
"""

# As those of backtests: the columns of the filters, the sort key, id. The owner comes last of the filters, so that what
# is found by a strategy or a dataset alone, as the rows of a foreign key are, is found by these as well.
FILTERS = {
    "": "owner_id",
    "strategy_": "strategy_id, owner_id",
    "dataset_": "dataset_id, owner_id",
    "strategy_and_dataset_": "strategy_id, dataset_id, owner_id",
}
KEYS = {"created_at": "created_at", "status": "status, created_at"}


def indexes() -> Iterator[str]:
    for (filters, columns), (key, order) in product(FILTERS.items(), KEYS.items()):
        yield f"CREATE INDEX sweeps_by_{filters}{key} ON sweeps ({columns}, {order}, id)"


def upgrade() -> None:
    for statement in (TABLE, *indexes()):
        op.execute(statement)
